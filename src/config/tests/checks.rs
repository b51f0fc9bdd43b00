//! Every check: a file that breaks the rule, what is underlined, and the nearest file that keeps it.

use super::*;

/// Asserts that a body has exactly this problem, and that the better body does not have it.
fn check(code: &'static str, bad: &str, underlined: &str, good: &str) {
    let loaded = file(bad);
    assert_eq!(problems(&loaded), [(code, underlined.to_owned())], "{bad}\n{:#?}", loaded.diagnostics);
    let found = loaded.diagnostics.iter().next().unwrap();
    assert!(found.label.is_some(), "{code} has no label");
    assert!(!found.message.ends_with('.'), "{code} ends with a full stop");
    let better = file(good);
    assert!(better.diagnostics.iter().all(|found| found.code != code), "{good}\n{:#?}", better.diagnostics);
    assert!(!better.diagnostics.has_errors(), "{good}\n{:#?}", better.diagnostics);
}

const TRUST: &str = r#"trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}'"#;
const BACKUP: &str = "[role.AWSBackup]\npreset = \"backup-service\"\n";

fn role(keys: &str) -> String {
    format!("[role.r]\n{TRUST}\n{keys}\n")
}

fn policy(document: &str) -> String {
    format!("[policy.p]\ndocument = '{document}'\n")
}

fn package(keys: &str) -> String {
    format!("[package.AwsVssComponents]\ntargets = {{ tags = {{ a = \"b\" }} }}\n{keys}\n")
}

fn vault(keys: &str) -> String {
    format!("[vault.main]\n{keys}\n")
}

fn rule(keys: &str) -> String {
    format!("[vault.main]\n[plan.p.rule.r]\nvault = \"main\"\n{keys}\n")
}

fn vss_rule(keys: &str) -> String {
    format!("[vault.main]\n[plan.p]\nwindows_vss = true\n[plan.p.rule.r]\nvault = \"main\"\n{keys}\n")
}

fn selection(matching: &str) -> String {
    format!("{BACKUP}{}[plan.p.selection.s]\nrole = \"AWSBackup\"\nmatch = {matching}\n", rule(""))
}

#[test]
fn unknown_keys_are_told_with_the_key_that_was_meant() {
    check("VSS0102", &vault("tgas = {}"), "tgas", &vault("tags = {}"));
    check("VSS0102", "[vaults.main]\n", "vaults", "[vault.main]\n");
    let loaded = file(&rule("shedule = \"cron(0 5 ? * * *)\""));
    assert!(loaded.diagnostics.iter().next().unwrap().help.contains(&"did you mean `schedule`?".to_owned()));
}

#[test]
fn wrong_types_are_told_with_the_way_to_write_them() {
    check("VSS0103", &vss_rule("").replace("true", "\"true\""), "\"true\"", &vss_rule(""));
    check("VSS0103", &rule("delete_after = 35"), "35", &rule("delete_after = \"35d\""));
    check("VSS0103", &role("managed_policies = \"X\""), "\"X\"", &role("managed_policies = [\"X\"]"));
    check("VSS0103", "[vault]\nmain = 3\n", "3", "[vault]\nmain = {}\n");
}

#[test]
fn a_value_of_the_wrong_type_comes_with_help_that_works() {
    let help = |body: &str| file(body).diagnostics.iter().next().unwrap().help.clone();
    assert_eq!(help(&role("path = \"//\"")), ["write `\"/\"`"]);
    assert_eq!(help(&role("max_session_duration = true")), ["write it like `max_session_duration = \"1h\"`"]);
    assert_eq!(help(&role("instance_profile = \"yes\"")), ["write `true` without quotes"]);
}

#[test]
fn one_mistake_is_one_problem() {
    let codes = |body: &str| problems(&file(body)).into_iter().map(|(code, _)| code).collect::<Vec<_>>();
    assert_eq!(codes("[role.r]\npreset = \"vss-instance\"\nname = \"a b\"\n"), ["VSS0204"]);
    let two = |window: &str| {
        format!("{}[plan.p.rule.s]\nvault = \"main\"\nstart_window = \"{window}\"\n", rule("start_window = \"1h\""))
    };
    assert_eq!(codes(&two("1m")), ["VSS0404"]);
    assert_eq!(codes(&two("1x")), ["VSS0407"]);
    assert_eq!(codes(&two("1h")), ["VSS0406"]);
}

#[test]
fn a_word_that_is_no_choice_is_told_with_the_choices() {
    check("VSS0104", &role("policies_mode = \"exklusive\""), "\"exklusive\"", &role("policies_mode = \"exclusive\""));
    check("VSS0104", &package("action = \"install\""), "\"install\"", &package("action = \"Install\""));
}

#[test]
fn a_missing_key_is_told_at_the_entry() {
    check("VSS0105", "[policy.p]\n", "p", &policy(IDENTITY));
    check("VSS0105", "[instance_profile.p]\n", "p", &format!("{}[instance_profile.p]\nrole = \"r\"\n", role("")));
    let loaded = load_text("vss.toml", "", None);
    assert_eq!(problems(&loaded), [("VSS0105", String::new())]);
}

#[test]
fn deceptive_characters_and_long_texts_are_refused() {
    check("VSS0111", &vault("tags = { a = \"x\\u202Ey\" }"), "\"x\\u202Ey\"", &vault("tags = { a = \"xy\" }"));
    check("VSS0111", &vault("tags = { \"a\\u200B\" = \"x\" }"), "\"a\\u200B\"", &vault("tags = { a = \"x\" }"));
    let long = "x".repeat(4097);
    check("VSS0112", &role(&format!("description = \"{long}\"")), &format!("\"{long}\""), &role("description = \"x\""));
}

#[test]
fn table_keys_are_words_that_need_no_quotes_in_a_shell() {
    check("VSS0113", "[vault.\"a b\"]\n", "\"a b\"", "[vault.a_b]\n");
    check("VSS0113", "[vault.\"\"]\n", "\"\"", "[vault.a-b]\n");
}

#[test]
fn numbers_keep_to_their_ranges() {
    check("VSS0114", &package("schedule = \"cron(0 2 ? * SUN *)\"\nduration = -1"), "-1", &package(""));
    let loaded = load_text("vss.toml", &format!("{STACK}max_deletion_percent = 101\n"), None);
    assert_eq!(problems(&loaded), [("VSS0114", "101".to_owned())]);
}

#[test]
fn the_stack_says_who_and_where() {
    let stack = |name: &str, account: &str, region: &str, path: &str| {
        let text = format!("[stack]\nname = {name}\naccount_id = {account}\nregion = {region}\niam_path = {path}\n");
        problems(&load_text("vss.toml", &text, None))
    };
    let (name, account, region, path) = ("\"a\"", "\"123456789012\"", "\"eu-west-1\"", "\"/a/\"");
    assert!(stack(name, account, region, path).is_empty());
    assert_eq!(stack("\"a b\"", account, region, path), [("VSS0203", "\"a b\"".to_owned())]);
    assert_eq!(stack(name, "\"12345\"", region, path), [("VSS0201", "\"12345\"".to_owned())]);
    assert_eq!(stack(name, "123456789012", region, path), [("VSS0103", "123456789012".to_owned())]);
    assert_eq!(stack(name, account, "\"tokyo\"", path), [("VSS0202", "\"tokyo\"".to_owned())]);
    assert_eq!(stack(name, account, region, "\"a\""), [("VSS0206", "\"a\"".to_owned())]);
}

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
    // IAM's things carry one more mark: the region.
    let tags = |count: usize| role(&format!("tags = {{ {} }}", many(count)));
    check("VSS0209", &tags(47), &format!("{{ {} }}", many(47)), &tags(46));
}

#[test]
fn a_stack_has_two_thousand_things_at_most() {
    let vaults = |count: usize| (0..count).map(|index| format!("[vault.v{index}]\n")).collect::<Vec<_>>().concat();
    let loaded = file(&vaults(2001));
    assert_eq!(problems(&loaded), [("VSS0210", "stack".to_owned())]);
    assert!(file(&vaults(2000)).diagnostics.is_empty());
}

#[test]
fn a_stack_resolves_to_what_a_saved_plan_has_room_for() {
    // Five hundred ARNs, written once, go into every selection.
    let arns = (0..500)
        .map(|index| format!("\"arn:aws:ec2:ap-northeast-1:123456789012:instance/i-{index:017x}\""))
        .collect::<Vec<_>>();
    let selections = |count: usize| {
        let entries =
            (0..count).map(|index| format!("[plan.p{}.selection.s{index}]\n", index % 5)).collect::<Vec<_>>().concat();
        let rules =
            (0..5).map(|plan| format!("[plan.p{plan}.rule.r]\nvault = \"main\"\n")).collect::<Vec<_>>().concat();
        format!(
            "{BACKUP}[vault.main]\n[defaults.selection]\nrole = \"AWSBackup\"\nmatch = {{ arns = [{}] }}\n{rules}{entries}",
            arns.join(", ")
        )
    };
    let loaded = file(&selections(220));
    assert_eq!(problems(&loaded), [("VSS0216", "stack".to_owned())], "{:#?}", loaded.diagnostics);
    let found = loaded.diagnostics.iter().next().unwrap();
    assert!(found.message.contains(&limits::RESOLVED.to_string()), "{}", found.message);
    assert!(found.help[0].starts_with("the largest: `selection.p0.s100` has 39395, "), "{:?}", found.help);
    let loaded = file(&selections(200));
    assert!(!loaded.diagnostics.has_errors(), "{:#?}", loaded.diagnostics);
}

#[test]
fn the_limits_follow_from_each_other() {
    let size = |tags: &[&str]| {
        let tags = tags.iter().map(|tag| format!("{tag} = \"\"\n")).collect::<Vec<_>>().concat();
        let entry = desired(&vault(&format!("[vault.main.tags]\n{tags}"))).remove(0);
        crate::model::json::pretty(&entry).unwrap().len() as u64
    };
    // The shortest line that defaults can bring in numbers.
    assert_eq!(size(&["ab", "ac", "ad"]) - size(&["ab", "ac"]), limits::LINE);
    assert_eq!(limits::DEFAULT_VALUES, limits::RESOLVED / limits::LINE);
    // Every file that says all of it itself fits, its base and every policy file included, each in its own entry.
    let documents = limits::DOCUMENT_FILES as u64 * limits::DOCUMENT_FILE;
    assert!(4 * limits::FILES * limits::FILE <= limits::RESOLVED && documents <= limits::RESOLVED / 4);
    assert_eq!(limits::ENTRIES, limits::THINGS);
    // A thing that has all that its quotas allow is far from filling a stack.
    assert!((limits::TRUST_MOST + limits::INLINE + limits::STRING) as u64 * 100 < limits::RESOLVED);
    // What is wanted is written five times at most, and what is live three times; the rest is a little for each thing.
    let plan = crate::plan::file::LARGEST;
    assert!(plan >= 8 * limits::RESOLVED && plan - 8 * limits::RESOLVED <= 8192 * limits::THINGS as u64);
    // The documents say the same.
    let text = |code: &str| explain(code).unwrap().text.replace('\n', " ");
    for (text, said) in [
        (text("VSS0107"), format!("at most {} MiB", limits::FILE >> 20)),
        (text("VSS0210"), format!("at most {},000 things", limits::THINGS / 1000)),
        (text("VSS0216"), format!("at most {} MiB", limits::RESOLVED >> 20)),
        (include_str!("../../../docs/saved-plans.md").to_owned(), format!("at most {} MiB", plan.div_ceil(1 << 20))),
    ] {
        assert!(text.contains(&said), "`{said}` is not in: {text}");
    }
}

#[test]
fn sessions_last_from_one_to_twelve_hours() {
    check("VSS0212", &role("max_session_duration = \"13h\""), "\"13h\"", &role("max_session_duration = \"12h\""));
    check("VSS0212", &role("max_session_duration = 3599"), "3599", &role("max_session_duration = 3600"));
    check("VSS0407", &role("max_session_duration = \"2\""), "\"2\"", &role("max_session_duration = \"2h\""));
}

#[test]
fn managed_policies_are_few_and_different() {
    let list = |count: usize| {
        (0..count).map(|index| format!("\"arn:aws:iam::aws:policy/P{index}\"")).collect::<Vec<_>>().join(", ")
    };
    let roles = |count: usize| role(&format!("managed_policies = [{}]", list(count)));
    check("VSS0214", &roles(11), &format!("[{}]", list(11)), &roles(10));
    let twice = "managed_policies = [\"AWSBackupFullAccess\", \"arn:aws:iam::aws:policy/AWSBackupFullAccess\"]";
    check(
        "VSS0215",
        &role(twice),
        "\"arn:aws:iam::aws:policy/AWSBackupFullAccess\"",
        &role("managed_policies = [\"AWSBackupFullAccess\", \"AmazonSSMReadOnlyAccess\"]"),
    );
    for known in ["service-role/AWSBackupServiceRolePolicyForBackup", "arn:aws:iam::123456789012:policy/Own"] {
        let good = role(&format!("managed_policies = [\"{known}\"]"));
        check("VSS0306", &role("managed_policies = [\"OurOwn\"]"), "\"OurOwn\"", &good);
    }
    check(
        "VSS0301",
        &role("managed_policies = [\"AWSEC2VssSnapshotPolcy\"]"),
        "\"AWSEC2VssSnapshotPolcy\"",
        &role("managed_policies = [\"AWSEC2VssSnapshotPolicy\"]"),
    );
}

#[test]
fn references_lead_to_entries_or_arns_of_the_stack() {
    let rule_to = |vault: &str| format!("[vault.main]\n[plan.p.rule.r]\nvault = \"{vault}\"\n");
    let arn = "arn:aws:backup:ap-northeast-1:123456789012:backup-vault:x";
    check("VSS0301", &rule_to("mian"), "\"mian\"", &rule_to("main"));
    check("VSS0302", &rule_to("arn:aws:backup"), "\"arn:aws:backup\"", &rule_to(arn));
    check(
        "VSS0302",
        &rule_to("arn:aws:iam::123456789012:role/x"),
        "\"arn:aws:iam::123456789012:role/x\"",
        &rule_to(arn),
    );
    for (code, wrong) in [
        ("VSS0303", arn.replace("arn:aws:", "arn:aws-cn:")),
        ("VSS0304", arn.replace("123456789012", "210987654321")),
        ("VSS0305", arn.replace("ap-northeast-1", "eu-west-1")),
    ] {
        check(code, &rule_to(&wrong), &format!("\"{wrong}\""), &rule_to(arn));
    }
    let loaded = file(&rule_to("mian"));
    assert!(loaded.diagnostics.iter().next().unwrap().help.contains(&"did you mean `main`?".to_owned()));
}

#[test]
fn a_reference_to_an_entry_with_errors_is_no_second_error() {
    let body = "[vault.main]\ntgas = {}\n[plan.p.rule.r]\nvault = \"main\"\n";
    assert_eq!(problems(&file(body)), [("VSS0102", "tgas".to_owned())]);
}

#[test]
fn renamed_from_names_a_key_that_is_gone() {
    check("VSS0307", &vault("renamed_from = \"main\""), "\"main\"", &vault("renamed_from = \"old\""));
    check(
        "VSS0307",
        &vault("renamed_from = \"other\"\n[vault.other]"),
        "\"other\"",
        &vault("renamed_from = \"vault.old\""),
    );
    check("VSS0307", &vault("renamed_from = \"a b\""), "\"a b\"", &vault(""));
}

#[test]
fn a_profile_is_defined_once() {
    let own = "[instance_profile.r]\nrole = \"r\"\n";
    check("VSS0308", &format!("{}{own}", role("instance_profile = true")), "true", &format!("{}{own}", role("")));
    // The preset's own profile gives way.
    assert!(file(&format!("[role.r]\npreset = \"vss-instance\"\n{own}")).diagnostics.is_empty());
}

#[test]
fn schedules_are_in_the_dialect_of_their_service() {
    check("VSS0401", &rule("schedule = \"cron(0 18 * * * *)\""), "* * *", &rule("schedule = \"cron(0 18 ? * * *)\""));
    check("VSS0401", &rule("schedule = \"rate(1 day)\""), "rate(1 day)", &rule("schedule = \"cron(0 18 ? * * *)\""));
    check("VSS0401", &package("schedule = \"rate(1 days)\""), "1 days", &package("schedule = \"rate(1 day)\""));
    check("VSS0403", &rule("timezone = \"Asia/Tokio\""), "\"Asia/Tokio\"", &rule("timezone = \"Asia/Tokyo\""));
}

#[test]
fn windows_are_long_enough_and_in_order() {
    check("VSS0404", &rule("start_window = \"59m\""), "\"59m\"", &rule("start_window = \"60m\""));
    let windows = |complete: &str| rule(&format!("start_window = \"2h\"\ncomplete_window = \"{complete}\""));
    check("VSS0405", &windows("2h"), "\"2h\"", &windows("3h"));
    check("VSS0407", &rule("start_window = \"eight\""), "\"eight\"", &rule("start_window = \"8h\""));
}

#[test]
fn overlapping_rules_are_told_with_the_runs_that_are_lost() {
    let two = |window: &str| {
        rule(&format!(
            "schedule = \"cron(0 * ? * * *)\"\nstart_window = \"1h\"\ndelete_after = \"1d\"\n\
             [plan.p.rule.s]\nvault = \"main\"\nschedule = \"cron(0 0 ? * * *)\"\ndelete_after = \"7d\"\n{window}"
        ))
    };
    let loaded = file(&two(""));
    let found = loaded.diagnostics.iter().next().unwrap();
    assert_eq!((found.code, found.severity), ("VSS0406", Severity::Warning));
    // Eight hourly runs fall into the eight hours of the daily one's default window.
    assert!(found.message.contains("drops 224 of 672 runs of `r`"), "{}", found.message);
    let apart = "schedule = \"cron(0 1 ? * * *)\"\nstart_window = \"1h\"\n[plan.p.rule.s]\nvault = \"main\"\nschedule = \"cron(0 2 ? * * *)\"\nstart_window = \"1h\"";
    assert!(file(&rule(apart)).diagnostics.is_empty());
}

#[test]
fn lifecycles_fit_cold_storage_locks_and_continuous_backups() {
    check("VSS0408", &rule("delete_after = \"0d\""), "\"0d\"", &rule("delete_after = \"1d\""));
    check("VSS0408", &rule("delete_after = \"36501d\""), "\"36501d\"", &rule("delete_after = \"36500d\""));
    let cold = |keeps: &str| rule(&format!("move_to_cold_storage_after = \"10d\"\ndelete_after = \"{keeps}\""));
    check("VSS0409", &cold("99d"), "\"99d\"", &cold("100d"));
    let locked = |keys: &str| {
        format!(
            "[vault.main]\nlock = {{ mode = \"governance\", min_retention = \"7d\", max_retention = \"90d\" }}\n[plan.p.rule.r]\nvault = \"main\"\n{keys}\n"
        )
    };
    check("VSS0410", &locked("delete_after = \"6d\""), "\"6d\"", &locked("delete_after = \"7d\""));
    check("VSS0410", &locked("delete_after = \"91d\""), "\"91d\"", &locked("delete_after = \"90d\""));
    check("VSS0410", &locked(""), "r", &locked("delete_after = \"35d\""));
    let copied = |keys: &str| {
        rule(&format!("copy_actions = [{{ vault = \"two\"{keys} }}]")).replace(
            "[vault.main]\n",
            "[vault.main]\n[vault.two]\nlock = { mode = \"governance\", min_retention = \"7d\", max_retention = \"90d\" }\n",
        )
    };
    let good = copied(", delete_after = \"35d\"");
    check("VSS0410", &copied(", delete_after = \"6d\""), "\"6d\"", &good);
    check("VSS0410", &copied(", delete_after = \"91d\""), "\"91d\"", &good);
    check("VSS0410", &copied(""), "{ vault = \"two\" }", &good);
    // A copy without a lifecycle has its rule's; one with a part of a lifecycle has that part alone.
    let follows = |days: &str, keys: &str| {
        copied(keys).replace("copy_actions", &format!("delete_after = \"{days}\"\ncopy_actions"))
    };
    let fine = follows("35d", "");
    for (days, keys) in
        [("6d", ""), ("91d", ""), ("91d", ", delete_after = \"\""), ("6d", ", move_to_cold_storage_after = \"\"")]
    {
        let place = format!("{{ vault = \"two\"{keys} }}");
        let underlined = if keys.contains("delete_after") { "\"\"" } else { place.as_str() };
        check("VSS0410", &follows(days, keys), underlined, &fine);
    }
    for keys in [", move_to_cold_storage_after = \"1d\"", ", opt_in_to_archive_for_supported_resources = true"] {
        check("VSS0410", &follows("35d", keys), &format!("{{ vault = \"two\"{keys} }}"), &fine);
    }
    let by_arn = copied("")
        .replace("vault = \"two\"", "vault = \"arn:aws:backup:ap-northeast-1:123456789012:backup-vault:two\"");
    assert_eq!(problems(&file(&by_arn))[0].0, "VSS0410");
    check(
        "VSS0415",
        &vss_rule("move_to_cold_storage_after = \"10d\""),
        "\"10d\"",
        &rule("move_to_cold_storage_after = \"10d\""),
    );
    check(
        "VSS0415",
        &vss_rule("enable_continuous_backup = true"),
        "true",
        &vss_rule("enable_continuous_backup = false"),
    );
    let continuous = |keeps: &str| rule(&format!("enable_continuous_backup = true\ndelete_after = \"{keeps}\""));
    check("VSS0417", &continuous("36d"), "\"36d\"", &continuous("35d"));
}

#[test]
fn locks_have_a_range_and_a_compliance_lock_is_acknowledged() {
    let lock = |keys: &str| vault(&format!("lock = {{ {keys} }}"));
    let governance = "mode = \"governance\", min_retention = \"7d\", max_retention = \"90d\"";
    check("VSS0411", &lock(&governance.replace("7d", "91d")), "\"91d\"", &lock(governance));
    check("VSS0411", &lock(&governance.replace("7d", "0d")), "\"0d\"", &lock(governance));
    check("VSS0411", &lock("mode = \"governance\""), "{ mode = \"governance\" }", &lock(governance));
    let compliance = "mode = \"compliance\", min_retention = \"7d\", changeable_for = \"3d\", compliance_lock_is_irreversible = true";
    check("VSS0412", &lock(&compliance.replace("true", "false")), "\"compliance\"", &lock(compliance));
    check("VSS0411", &lock(&compliance.replace("3d", "2d")), "\"2d\"", &lock(compliance));
    check("VSS0416", &lock(&format!("{governance}, changeable_for = \"3d\"")), "\"3d\"", &lock(governance));
    check("VSS0416", &lock("mode = \"none\", min_retention = \"3d\""), "\"3d\"", &lock("mode = \"none\""));
}

#[test]
fn plans_have_rules_within_the_quotas() {
    check("VSS0413", "[plan.p]\n", "p", &rule(""));
    let rules = |count: usize| {
        let rule = |index: usize| {
            format!(
                "[plan.p.rule.r{index}]\nvault = \"main\"\nschedule = \"cron(0 {index} ? * * *)\"\nstart_window = \"1h\"\n"
            )
        };
        format!("[vault.main]\n{}", (0..count).map(rule).collect::<Vec<_>>().concat())
    };
    check("VSS0414", &rules(11), "p", &rules(10));
    let copies = |count: usize| {
        let arn =
            |index: usize| format!("{{ vault = \"arn:aws:backup:eu-west-1:123456789012:backup-vault:v{index}\" }}");
        format!("[{}]", (0..count).map(arn).collect::<Vec<_>>().join(", "))
    };
    check(
        "VSS0414",
        &rule(&format!("copy_actions = {}", copies(6))),
        &copies(6),
        &rule(&format!("copy_actions = {}", copies(5))),
    );
    let tags = |count: usize| {
        format!("{{ {} }}", (0..count).map(|index| format!("k{index} = \"v\"")).collect::<Vec<_>>().join(", "))
    };
    check(
        "VSS0414",
        &rule(&format!("recovery_point_tags = {}", tags(11))),
        &tags(11),
        &rule(&format!("recovery_point_tags = {}", tags(10))),
    );
    check(
        "VSS0419",
        &rule("copy_actions = [{ vault = \"main\" }]"),
        "\"main\"",
        &rule("copy_actions = [{ vault = \"two\" }]\n[vault.two]"),
    );
}

#[test]
fn notifications_have_a_topic_and_events() {
    let topic = "topic = \"arn:aws:sns:ap-northeast-1:123456789012:t\"";
    let notifications = |keys: &str| vault(&format!("notifications = {{ {keys} }}"));
    let good = notifications(&format!("{topic}, events = [\"BACKUP_JOB_COMPLETED\"]"));
    check("VSS0418", &notifications(topic), &format!("{{ {topic} }}"), &good);
    check("VSS0104", &notifications(&format!("{topic}, events = [\"BACKUP_JOB_DONE\"]")), "\"BACKUP_JOB_DONE\"", &good);
    check("VSS0418", &good.replace(":t\"", ":t.fifo\""), &topic[8..].replace(":t\"", ":t.fifo\""), &good);
    assert!(file(&notifications("")).diagnostics.is_empty());
}

const IDENTITY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;

#[test]
fn documents_are_policies_for_their_use() {
    check("VSS0501", &policy("{"), "{", &policy(IDENTITY));
    check(
        "VSS0505",
        &policy(&IDENTITY.replace("\"*\"", "\"${acount_id}\"")),
        "${acount_id}",
        &policy(&IDENTITY.replace("\"*\"", "\"${account_id}${aws:username}\"")),
    );
    check(
        "VSS0511",
        &policy(&IDENTITY.replace("\"Effect\"", "\"Effect\":\"Deny\",\"Effect\"")),
        "\"Effect\"",
        &policy(IDENTITY),
    );
    check("VSS0512", &policy(&IDENTITY.replace("GetObject", "日")), "日", &policy(IDENTITY));
    let misspelt = IDENTITY.replace("Allow", "Alow");
    check("VSS0506", &policy(&misspelt), "\"Alow\"", &policy(IDENTITY));
    let with_principal = IDENTITY.replace("\"Action\"", "\"Principal\":\"*\",\"Action\"");
    let statement = |document: &str| document[document.find('[').unwrap() + 1..document.len() - 2].to_owned();
    check("VSS0513", &policy(&with_principal), &statement(&with_principal), &policy(IDENTITY));
    check(
        "VSS0513",
        &vault(&format!("access_policy = '{IDENTITY}'")),
        &statement(IDENTITY),
        &vault(&format!("access_policy = '{with_principal}'")),
    );
}

#[test]
fn a_problem_in_a_table_is_underlined_at_its_value() {
    let body = "[policy.p.document]\nVersion = \"2012-10-17\"\n[[policy.p.document.Statement]]\nEffect = \"Alow\"\nAction = \"s3:GetObject\"\nResource = \"*\"\n";
    check("VSS0506", body, "\"Alow\"", &body.replace("Alow", "Allow"));
}

#[test]
fn every_statement_of_a_document_is_told_its_fault() {
    let body = "[policy.p.document]\nVersion = \"2012-10-17\"\nStatement = [{ Effect = \"A\" }, { Effect = \"Allow\" }, { Effect = \"C\" }]\n";
    let underlined: Vec<String> =
        problems(&file(body)).into_iter().filter(|(code, _)| *code == "VSS0506").map(|(_, text)| text).collect();
    let second = "{ Effect = \"Allow\" }";
    assert_eq!(underlined, ["{ Effect = \"A\" }", "\"A\"", second, "{ Effect = \"C\" }", "\"C\""]);
}

#[test]
fn actions_resources_operators_and_sids_follow_iams_grammar() {
    let with = |from: &str, to: &str| policy(&IDENTITY.replace(from, to));
    for (from, to, underlined) in [
        ("s3:GetObject", "s3", "\"s3\""),
        ("s3:GetObject", "s3:Get:Object", "\"s3:Get:Object\""),
        ("s3:GetObject", "s3:Get Object", "\"s3:Get Object\""),
        ("s3:GetObject", ":GetObject", "\":GetObject\""),
        ("\"*\"", "[\"*\",\"x\"]", "\"x\""),
        ("\"*\"", "\"arn:aws:s3\"", "\"arn:aws:s3\""),
        ("\"*\"}", "\"*\",\"Condition\":{\"StringEqual\":{\"a:b\":\"c\"}}}", "{\"a:b\":\"c\"}"),
        ("\"Effect\"", "\"Sid\":\"a b\",\"Effect\"", "\"a b\""),
    ] {
        check("VSS0506", &with(from, to), underlined, &policy(IDENTITY));
    }
    let cn = "\"arn:aws-cn:s3:::b\"";
    check("VSS0303", &with("\"*\"", cn), cn, &with("\"*\"", "\"arn:${partition}:s3:::b\""));
    let twice = r#"{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:Get*","Resource":"*"},{"Sid":"a","Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::b*"}]}"#;
    check("VSS0506", &policy(twice), "\"a\"", &policy(&twice.replacen("\"a\"", "\"b\"", 1)));
    let trust = TRUST.replace("sts:AssumeRole", "s3:GetObject");
    check("VSS0506", &format!("[role.r]\n{trust}\n"), "\"s3:GetObject\"", &role(""));
    let fine = [
        "s3:*",
        "s3:Get*Object?",
        "EC2:createimage",
        "execute-api:Invoke",
        "sms-voice:*",
        "s3-object-lambda:GetObject",
    ];
    for action in fine {
        let body = with("s3:GetObject", action).replace("\"*\"", "\"arn:aws:s3:::b\"");
        assert!(file(&body).diagnostics.is_empty(), "{action}: {:#?}", file(&body).diagnostics);
    }
    for resource in ["arn:aws:s3:::b/${aws:username}/*", "arn:*:s3:::b", "arn:aws:iam::aws:policy/x", "arn:aws:s3:*"] {
        let body = with("\"*\"", &format!("\"{resource}\""));
        assert!(file(&body).diagnostics.is_empty(), "{resource}: {:#?}", file(&body).diagnostics);
    }
}

#[test]
fn a_document_is_a_document_or_names_its_file() {
    let document = |text: &str| format!("[policy.p]\ndocument = {text}\n");
    check("VSS0102", &document("{ file = \"ok.json\", x = 1 }"), "x", &policy(IDENTITY));
    check("VSS0102", &document("{ files = \"ok.json\" }"), "files", &policy(IDENTITY));
    check("VSS0103", &document("{ file = 3 }"), "3", &policy(IDENTITY));
    check("VSS0501", &document("\"sub/ok.json\""), "\"sub/ok.json\"", &policy(IDENTITY));
    let loaded = file(&document("\"sub/ok.json\""));
    assert_eq!(loaded.diagnostics.iter().next().unwrap().help, ["write `{ file = \"sub/ok.json\" }`"]);
}

#[test]
fn documents_keep_to_iams_sizes() {
    let sized = |count: usize| {
        let actions = (0..count).map(|index| format!("\"s3:Action{index:04}\"")).collect::<Vec<_>>().join(",");
        IDENTITY.replace("\"s3:GetObject\"", &format!("[{actions}]"))
    };
    let quoted = |text: &str| format!("'{text}'");
    check("VSS0509", &policy(&sized(400)), &quoted(&sized(400)), &policy(&sized(300)));
    let inline =
        |count: usize| role(&format!("inline_policies = {{ a = '{}', b = '{}' }}", sized(count), sized(count)));
    check("VSS0508", &inline(400), &format!("{{ a = '{}', b = '{}' }}", sized(400), sized(400)), &inline(300));
    let trust = |count: usize| {
        let roles = (0..count)
            .map(|index| format!("\"arn:aws:iam::123456789012:role/r{index:04}\""))
            .collect::<Vec<_>>()
            .join(",");
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":[{roles}]}},"Action":"sts:AssumeRole"}}]}}"#
        )
    };
    let with_trust = |count: usize| format!("[role.r]\ntrust = '{}'\n", trust(count));
    check("VSS0507", &with_trust(100), &quoted(&trust(100)), &with_trust(40));
    check("VSS0510", "[role.r]\n", "r", &role(""));
}

#[test]
fn packages_have_names_versions_and_targets() {
    check("VSS0601", &package("package_name = \"1x\""), "\"1x\"", &package("package_name = \"x1\""));
    check("VSS0602", &package("version = \"2.5.1-rc\""), "\"2.5.1-rc\"", &package("version = \"2.5.1\""));
    let in_place =
        |version: &str| package(&format!("installation_type = \"In-place update\"\nversion = \"{version}\""));
    check("VSS0603", &in_place("2.4.0"), "\"In-place update\"", &in_place("2.5.0"));
    check(
        "VSS0612",
        &package("version = \"2.5.1\"\nminimum_version = \"2.3.1\""),
        "\"2.3.1\"",
        &package("minimum_version = \"2.3.1\""),
    );
    check(
        "VSS0613",
        &package("additional_arguments = { x = \"y\" }"),
        "x",
        &package("additional_arguments = { SSM_x = \"y\" }"),
    );
    check("VSS0605", "[package.p]\ntargets = {}\n", "{}", "[package.p]\ntargets = { resource_groups = [\"a\"] }\n");
    check(
        "VSS0611",
        "[package.p]\ntargets = { instance_ids = [\"web\"] }\n",
        "\"web\"",
        "[package.p]\ntargets = { instance_ids = [\"i-0123456789abcdef0\"] }\n",
    );
    check("VSS0610", "[package.p]\ntargets = { instance_ids = [\"*\"] }\n", "[\"*\"]", &package(""));
    for (key, bad, good) in [
        ("max_concurrency", "\"0\"", "\"1\""),
        ("max_concurrency", "\"101%\"", "\"100%\""),
        ("max_errors", "\"x\"", "\"0%\""),
    ] {
        check("VSS0606", &package(&format!("{key} = {bad}")), bad, &package(&format!("{key} = {good}")));
    }
}

#[test]
fn what_belongs_to_an_association_needs_its_schedule() {
    check(
        "VSS0609",
        &package("compliance_severity = \"HIGH\""),
        "\"HIGH\"",
        &package("compliance_severity = \"HIGH\"\nschedule = \"rate(1 day)\""),
    );
    let every = |keys: &str| package(&format!("schedule = \"cron(0 2 ? * SUN *)\"\n{keys}"));
    check(
        "VSS0607",
        &package("schedule = \"rate(1 day)\"\napply_only_at_cron_interval = true"),
        "true",
        &every("apply_only_at_cron_interval = true"),
    );
    check(
        "VSS0608",
        &every("schedule_offset = 2"),
        "2",
        &every("schedule_offset = 2\napply_only_at_cron_interval = true"),
    );
    check(
        "VSS0608",
        &every("apply_only_at_cron_interval = true\nduration = 25"),
        "25",
        &every("apply_only_at_cron_interval = true\nduration = 24"),
    );
}

#[test]
fn a_package_is_new_enough_for_the_policy_of_its_instances() {
    let pinned = |version: &str| {
        format!("[role.r]\npreset = \"vss-instance\"\n{}", package(&format!("version = \"{version}\"")))
    };
    check("VSS0604", &pinned("2.2.1"), "\"2.2.1\"", &pinned("2.3.1"));
}

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
