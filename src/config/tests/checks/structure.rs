//! The structure of a file: keys, types, numbers and texts, and `[stack]`.

use super::*;

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
    for unlisted in ["ap-northeast-9", "sa-east-2", "us-gov-wset-1", "eusc-fr-west-1", "nz-north-1"] {
        let region = format!("\"{unlisted}\"");
        assert_eq!(stack(name, account, &region, path), [("VSS0217", region.clone())]);
    }
    assert_eq!(stack(name, account, region, "\"a\""), [("VSS0206", "\"a\"".to_owned())]);
}

#[test]
fn one_fault_of_an_entry_hides_no_other() {
    let misspelt = "[attachment.w]\ninstance_profile = \"nope\"\ntarget = { tags = { a = \"b\" } }\n";
    let codes: Vec<_> = problems(&file(misspelt)).into_iter().map(|(_, text)| text).collect();
    assert!(codes.contains(&"target".to_owned()) && codes.contains(&"\"nope\"".to_owned()), "{codes:?}");
    assert_eq!(codes.len(), 2, "{codes:?}");
    let topic = "topic = \"arn:aws:sns:ap-northeast-1:123456789012:backups\"";
    for (notifications, lacks) in [
        ("events = [\"BACKUP_JOB_COMPLETE\"]".to_owned(), Some("`topic` is missing")),
        ("tpoic = \"x\", events = [\"BACKUP_JOB_COMPLETE\"]".to_owned(), None),
        (format!("{topic}, events = [\"BACKUP_JOB_COMPLETE\"]"), None),
        (format!("{topic}, event = [\"BACKUP_JOB_COMPLETED\"]"), None),
        (topic.to_owned(), Some("`events` is missing")),
    ] {
        let loaded = file(&vault(&format!("notifications = {{ {notifications} }}")));
        let found = loaded.diagnostics.iter().find(|one| one.code == "VSS0418");
        assert_eq!(found.and_then(|one| one.label.as_deref()), lacks, "{notifications}\n{:#?}", loaded.diagnostics);
        assert!(loaded.diagnostics.has_errors(), "{notifications}");
    }
}
