//! Selections, and the roles that they and instances use.

use super::*;

#[test]
fn selections_are_narrow_and_well_formed() {
    let good = selection("{ all = { a = \"b\" } }");
    for empty in [
        "{}",
        "{ any = {} }",
        "{ arns = [] }",
        "{ not_arns = [\"arn:aws:s3:::logs\"] }",
        "{ all = { a = \"b\" }, arns = [] }",
    ] {
        check("VSS0709", &selection(empty), empty, &good);
    }
    check("VSS0701", &selection("{ arns = [\"*\"] }"), "{ arns = [\"*\"] }", &good);
    check(
        "VSS0703",
        &selection("{ arns = [\"arn:aws:s3:::*-logs\"] }"),
        "\"arn:aws:s3:::*-logs\"",
        &selection("{ arns = [\"arn:aws:s3:::logs\"] }"),
    );
    check("VSS0704", &selection("{ all = { \"aws:ResourceTag/a\" = \"b\" } }"), "\"aws:ResourceTag/a\"", &good);
    check("VSS0704", &selection("{ all = { a = [] } }").replace("[] }", "[], c = \"d\" }"), "a", &good);
    check("VSS0705", &selection("{ any = { a = \"b\" } }"), "{ any = { a = \"b\" } }", &good);
    check("VSS0708", &selection("{ all = { a = [\"b\", \"c\"] } }"), "a", &good);
    let instances = "\"arn:aws:ec2:*:*:instance/*\"";
    let without = |arns: &str| selection(&format!("{{ arns = [{instances}], not_arns = [{arns}] }}"));
    check("VSS0710", &without("\"*\""), "[\"*\"]", &without("\"arn:aws:ec2:*:*:instance/i-1*\""));
    check("VSS0710", &without("\"arn:aws:ec2:*\""), "[\"arn:aws:ec2:*\"]", &without("\"arn:aws:rds:*\""));
    let arns = |count: usize, end: &str| {
        let arn = |index: usize| format!("\"arn:aws:ec2:ap-northeast-1:123456789012:instance/i-{index}{end}\"");
        format!("[{}]", (0..count).map(arn).collect::<Vec<_>>().join(", "))
    };
    let with = |arns: &str| selection(&format!("{{ arns = {arns} }}"));
    check("VSS0702", &with(&arns(31, "*")), &arns(31, "*"), &with(&arns(30, "*")));
    check("VSS0702", &with(&arns(501, "")), &arns(501, ""), &with(&arns(500, "")));
    let values = |count: usize| {
        format!(
            "{{ not_equals = {{ a = [{}] }} }}",
            (0..count).map(|index| format!("\"{index}\"")).collect::<Vec<_>>().join(", ")
        )
    };
    check("VSS0702", &selection(&values(31)), &values(31), &selection(&values(30)));
}

#[test]
fn a_plan_has_a_hundred_selections_and_ten_of_them_by_tag() {
    let selections = |count: usize, matching: &str| {
        let one = |index: usize| format!("[plan.p.selection.s{index}]\nrole = \"AWSBackup\"\nmatch = {matching}\n");
        format!("{BACKUP}{}{}", rule(""), (0..count).map(one).collect::<Vec<_>>().concat())
    };
    let codes = |body: &str| file(body).diagnostics.iter().filter(|found| found.code == "VSS0706").count();
    assert_eq!(codes(&selections(101, "{ all = { a = \"b\" } }")), 1);
    assert_eq!(codes(&selections(100, "{ all = { a = \"b\" } }")), 0);
    assert_eq!(codes(&selections(11, "{ any = { a = \"b\" } }")), 1);
    assert_eq!(codes(&selections(10, "{ any = { a = \"b\" } }")), 0);
}

#[test]
fn roles_fit_those_who_use_them() {
    let profile = |keys: &str| format!("[role.r]\npreset = \"backup-service\"\n{keys}\n");
    check("VSS0711", &profile("instance_profile = true"), "r", &profile("instance_profile = false"));
    let instance = |policies: &str| {
        format!("[role.r]\npreset = \"vss-instance\"\nmanaged_policies = [{policies}]\n{}", package(""))
    };
    let both = "\"AmazonSSMManagedInstanceCore\", \"AWSEC2VssSnapshotPolicy\"";
    check("VSS0712", &instance("\"AmazonSSMManagedInstanceCore\""), "r", &instance(both));
    let select = |role: &str| {
        format!("{}{}[plan.p.selection.s]\nrole = \"{role}\"\nmatch = {{ all = {{ a = \"b\" }} }}\n", BACKUP, rule(""))
    };
    let wrong = format!("[role.AWSBackupX]\npreset = \"vss-instance\"\n{}", select("AWSBackupX"));
    check("VSS0713", &wrong, "\"AWSBackupX\"", &select("AWSBackup"));
    let allowed = |keys: &str| format!("{keys}\nallow = [{{ code = \"VSS1014\", reason = \"it looks alike\" }}]");
    let deceptive = wrong
        .replace("AWSBackupX\"\n", "arn:aws:iam::123456789012:role/AWSBackupX\"\n")
        .replace("preset = \"vss-instance\"", &allowed(&TRUST.replace("ec2.", "notbackup.")));
    check("VSS0713", &deceptive, "\"arn:aws:iam::123456789012:role/AWSBackupX\"", &select("AWSBackup"));
    let denied = format!(
        "[role.AWSBackupX]\n{}\n{}",
        TRUST.replace("ec2.", "backup.").replace("Allow", "Deny"),
        select("AWSBackupX")
    );
    check("VSS0713", &denied, "\"AWSBackupX\"", &denied.replace("Deny", "Allow"));
    let arn = "arn:aws:iam::123456789012:role/Nightly";
    check("VSS0714", &select(arn), &format!("\"{arn}\""), &select("AWSBackup"));
    let off = "[region_settings]\nresource_type_opt_in = { EC2 = false }\n";
    let tagged = selection("{ any = { a = \"b\" } }")
        .replace("[plan.p.rule.r]", "[plan.p]\nwindows_vss = true\n[plan.p.rule.r]");
    let codes: Vec<&str> = problems(&file(&format!("{tagged}{off}"))).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["VSS0705", "VSS0707"]);
}

#[test]
fn an_arn_elsewhere_takes_nothing() {
    let good = selection("{ arns = [\"arn:aws:ec2:*:*:instance/*\", \"arn:aws:s3:::bucket\"] }");
    for arn in ["arn:aws:ec2:us-east-1:*:instance/*", "arn:aws:ec2:*:999999999999:instance/i-0123456789abcdef0"] {
        check("VSS0716", &selection(&format!("{{ arns = [\"{arn}\"] }}")), &format!("\"{arn}\""), &good);
    }
}
