//! Schedules, windows, lifecycles, locks, quotas and notifications of backup plans and vaults.

use super::*;

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
    let apart = "schedule = \"cron(0 1 ? * * *)\"\nstart_window = \"1h\"\n[plan.p.rule.s]\nvault = \"main\"\n\
         schedule = \"cron(0 2 ? * * *)\"\nstart_window = \"1h\"";
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
            "[vault.main]\nlock = {{ mode = \"governance\", min_retention = \"7d\", max_retention = \"90d\" }}\n\
             [plan.p.rule.r]\nvault = \"main\"\n{keys}\n"
        )
    };
    check("VSS0410", &locked("delete_after = \"6d\""), "\"6d\"", &locked("delete_after = \"7d\""));
    check("VSS0410", &locked("delete_after = \"91d\""), "\"91d\"", &locked("delete_after = \"90d\""));
    check("VSS0410", &locked(""), "r", &locked("delete_after = \"35d\""));
    let copied = |keys: &str| {
        rule(&format!("copy_actions = [{{ vault = \"two\"{keys} }}]")).replace(
            "[vault.main]\n",
            "[vault.main]\n[vault.two]\n\
             lock = { mode = \"governance\", min_retention = \"7d\", max_retention = \"90d\" }\n",
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
    let compliance = "mode = \"compliance\", min_retention = \"7d\", changeable_for = \"3d\", \
         compliance_lock_is_irreversible = true";
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
                "[plan.p.rule.r{index}]\nvault = \"main\"\nschedule = \"cron(0 {index} ? * * *)\"\n\
                 start_window = \"1h\"\n"
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

#[test]
fn a_schedule_that_is_over_is_told_with_its_last_time() {
    let forever = rule("schedule = \"cron(0 18 ? * * 2020-2199)\"");
    for (over, last) in [
        ("cron(0 18 ? * * 2020)", "2020-12-31 18:00 UTC"),
        ("cron(0 6,18 ? * * 2020-2022)", "2022-12-31 18:00 UTC"),
        ("cron(0 18 L 2 ? 2025)", "2025-02-28 18:00 UTC"),
    ] {
        let text = rule(&format!("schedule = \"{over}\""));
        check("VSS0420", &text, &format!("\"{over}\""), &forever);
        let loaded = file(&text);
        let found = loaded.diagnostics.iter().next().unwrap();
        assert!(found.label.as_ref().is_some_and(|label| label.contains(last)), "{found:#?}");
    }
    let once = package("schedule = \"at(2020-01-01T00:00:00)\"");
    check("VSS0420", &once, "\"at(2020-01-01T00:00:00)\"", &package("schedule = \"at(2199-01-01T00:00:00)\""));
}
