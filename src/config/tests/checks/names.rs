//! Names, paths, descriptions and tags.

use super::*;

#[test]
fn names_fit_their_kind() {
    check("VSS0204", "[vault.x]\n", "x", "[vault.xy]\n");
    check("VSS0204", &role("name = \"a b\""), "\"a b\"", &role("name = \"a+b\""));
    check("VSS0204", &role(&format!("name = \"{}\"", "r".repeat(65))), &format!("\"{}\"", "r".repeat(65)), &role(""));
    check("VSS0204", &rule("name = \"a b\""), "\"a b\"", &rule("name = \"a.b\""));
    check("VSS0204", &package("name = \"x\"\nschedule = \"rate(1 day)\""), "\"x\"", &package(""));
}

#[test]
fn names_are_not_taken_twice_and_iam_ignores_their_case() {
    check(
        "VSS0205",
        &format!("{}[role.s]\nname = \"R\"\n{TRUST}\n", role("")),
        "\"R\"",
        &format!("{}[role.s]\n{TRUST}\n", role("")),
    );
    check("VSS0205", "[vault.aa]\n[vault.bb]\nname = \"aa\"\n", "\"aa\"", "[vault.aa]\n[vault.bb]\nname = \"AA\"\n");
    let two = "[plan.p.rule.s]\nvault = \"main\"\nname = \"r\"\nschedule = \"cron(0 15 ? * * *)\"\n";
    check("VSS0205", &rule(two), "\"r\"", &rule(&two.replace("\"r\"", "\"t\"")));
}

#[test]
fn paths_and_descriptions_fit_iam() {
    check("VSS0206", &role("path = \"x\""), "\"x\"", &role("path = \"/x/\""));
    check("VSS0207", &role("description = \"日本\""), "\"日本\"", &role("description = \"Büro\""));
    let long = "x".repeat(1001);
    check(
        "VSS0207",
        &role(&format!("description = \"{long}\"")),
        &format!("\"{long}\""),
        &role(&format!("description = \"{}\"", &long[1..])),
    );
}

#[test]
fn tags_fit_aws_and_leave_room_for_the_marks() {
    check("VSS0208", &vault("tags = { a = \"x;y\" }"), "\"x;y\"", &vault("tags = { \"größe: a+b\" = \"x/y @z\" }"));
    let long = "k".repeat(129);
    check(
        "VSS0208",
        &vault(&format!("tags = {{ {long} = \"x\" }}")),
        &long,
        &vault(&format!("tags = {{ {} = \"x\" }}", &long[1..])),
    );
    check("VSS0211", &vault("tags = { \"AWS:x\" = \"y\" }"), "\"AWS:x\"", &vault("tags = { aws = \"y\" }"));
    check("VSS0211", "[tags]\n\"vssctl:stack\" = \"y\"\n", "\"vssctl:stack\"", "[tags]\nvssctl = \"y\"\n");
    check(
        "VSS0213",
        &role("tags = { Team = \"a\", team = \"b\" }"),
        "team",
        &vault("tags = { Team = \"a\", team = \"b\" }"),
    );
    let many = |count: usize| (0..count).map(|index| format!("k{index} = \"v\"")).collect::<Vec<_>>().join(", ");
    let tags = |count: usize| format!("[tags]\nteam = \"x\"\n[vault.main]\ntags = {{ {} }}\n", many(count));
    check("VSS0209", &tags(47), &format!("{{ {} }}", many(47)), &tags(46));
    // IAM resources carry one more mark: the region.
    let tags = |count: usize| role(&format!("tags = {{ {} }}", many(count)));
    check("VSS0209", &tags(47), &format!("{{ {} }}", many(47)), &tags(46));
}
