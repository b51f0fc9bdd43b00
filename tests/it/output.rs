//! `vssctl output`: one value of what is live, as a script reads it.

use serde_json::Value;

use crate::harness::{MAIN_JOB, Place};

fn applied(text: &str) -> Place {
    let place = Place::with(text);
    place.sandbox(&["apply", "--yes", "--no-input"]).exits(0);
    place
}

fn one(place: &Place, name: &str) -> String {
    place.sandbox(&["output", name]).exits(0).stdout
}

#[test]
fn a_value_is_printed_as_a_script_reads_it() {
    let place = applied(MAIN_JOB);
    assert_eq!(one(&place, "role.AWSBackupVss.arn"), "arn:aws:iam::123456789012:role/AWSBackupVss\n");
    assert_eq!(one(&place, "role.AWSBackupVss.name"), "AWSBackupVss\n");
    assert_eq!(one(&place, "vault.vss.arn"), "arn:aws:backup:ap-northeast-1:123456789012:backup-vault:vss\n");
    assert_eq!(one(&place, "vault.vss.id"), "vss\n");
    let plan = one(&place, "plan.daily.id");
    assert_eq!(plan, one(&place, "plan.daily.backup_plan_id"));
    assert_eq!(plan, one(&place, "selection.daily.windows.backup_plan_id"));
    assert_ne!(plan, one(&place, "selection.daily.windows.id"));
    assert_eq!(one(&place, "plan.daily.rule.nightly.schedule"), "cron(0 18 ? * * *)\n");
    assert_eq!(one(&place, "plan.daily.windows_vss"), "true\n");
    assert_eq!(one(&place, "plan.daily.tags.vssctl:stack"), "windows-backup\n");
    let policies: Value = serde_json::from_str(&one(&place, "role.AWSBackupVss.managed_policies")).expect("JSON");
    assert_eq!(policies.as_array().map(Vec::len), Some(2));
    assert_eq!(one(&place, "role.AWSBackupVss.trust.Statement.0.Principal.Service.0"), "backup.amazonaws.com\n");
    let json = place.sandbox(&["output", "--json", "vault.vss.name"]).exits(0).stdout;
    assert_eq!(json, "\"vss\"\n");
    // Nothing else is on the way to the script.
    assert_eq!(
        place.shell("test \"$(vssctl --sandbox=account.json output vault.vss.name)\" = vss").exits(0).stdout,
        ""
    );
}

#[test]
fn all_values_are_listed_without_a_name() {
    let place = applied(MAIN_JOB);
    let text = place.sandbox(&["output"]).exits(0).stdout;
    assert!(text.contains("plan.daily.rule.nightly.delete_after = \"35d\"\n"), "{text}");
    assert!(text.contains("\nvault.vss.name = \"vss\"\n"), "{text}");
    let json: Value = serde_json::from_str(&place.sandbox(&["output", "--json"]).exits(0).stdout).expect("JSON");
    assert_eq!(json["plan.daily"]["rule"]["nightly"]["delete_after"], "35d");
    // Each line is an answer of its own.
    for line in text.lines() {
        let (name, value) = line.split_once(" = ").expect("a value");
        assert_eq!(
            place.sandbox(&["output", "--json", name]).exits(0).stdout.trim_end().parse::<Value>().ok(),
            value.parse().ok(),
            "{line}"
        );
    }
    let own = place.sandbox(&["output", "vault.vss"]).exits(0).stdout;
    assert!(own.lines().count() > 3 && own.lines().all(|line| line.starts_with("vault.vss.")), "{own}");
}

#[test]
fn what_has_no_value_says_why() {
    let place = Place::with(MAIN_JOB);
    let run = place.sandbox(&["output", "vault.vss.arn"]).exits(1);
    assert!(run.stdout.is_empty() && run.stderr.contains("`vault.vss` is not there yet"), "{}", run.stderr);
    assert!(run.stderr.contains("vssctl --sandbox=account.json apply"), "{}", run.stderr);
    let run = place.sandbox(&["output", "--json"]).exits(0);
    assert_eq!(run.stdout, "{}\n");
    assert!(run.stderr.matches("is not there yet").count() >= 7, "{}", run.stderr);
    place.sandbox(&["apply", "--yes", "--no-input"]).exits(0);
    let run = place.sandbox(&["output", "vault.vss.arm"]).exits(6);
    assert!(
        run.stderr.contains("did you mean `vault.vss.arn`?") && run.stderr.contains("it has `name`"),
        "{}",
        run.stderr
    );
    let run = place.sandbox(&["output", "plan.daily.rule.nightly.schedul"]).exits(6);
    assert!(run.stderr.contains("`plan.daily.rule.nightly.schedule`"), "{}", run.stderr);
    let run = place.sandbox(&["output", "vault.vs.arn"]).exits(6);
    assert!(run.stdout.is_empty() && run.stderr.contains("vault.vss"), "{}", run.stderr);
    for name in ["", ".", "vault", "vault.vss.", "vault.vss..name", "\u{1b}[31m"] {
        let run = place.sandbox(&["output", name]).exits(6);
        assert!(!run.stderr.contains('\u{1b}') && run.stdout.is_empty(), "{name:?}: {}", run.stderr);
    }
}

#[test]
fn what_could_not_be_read_is_no_value() {
    let place = applied(MAIN_JOB);
    place.sandbox(&["sandbox", "dump"]).exits(0);
    let run = place.run(&["--endpoint-url", "http://127.0.0.1:9", "output", "vault.vss.arn"]);
    assert!(run.code == Some(1) && run.stdout.is_empty(), "{run:?}");
}

#[test]
fn a_hidden_value_is_not_printed() {
    let text = format!(
        "{MAIN_JOB}\n[restore_test.weekly]\nschedule = \"cron(0 3 ? * SUN *)\"\n\
         [restore_test.weekly.recovery_point_selection]\ninclude_vaults = [\"*\"]\nrecovery_point_types = [\"SNAPSHOT\"]\n\
         algorithm = \"LATEST_WITHIN_WINDOW\"\n\
         [restore_test.weekly.selection.servers]\nrole = \"AWSBackupVss\"\nmatch = {{ all = {{ VssBackup = \"enabled\" }} }}\n\
         overrides = {{ iamInstanceProfileName = \"SECRET\" }}\n"
    );
    let place = Place::with(&text);
    place.sandbox(&["apply", "--yes", "--no-input", "--allow", "starts-instances"]).exits(0);
    let run = place.sandbox(&["output", "restore_test.weekly.selection.servers.overrides"]).exits(4);
    assert!(run.stdout.is_empty() && run.stderr.contains("nobody is shown"), "{}", run.stderr);
    for arguments in [&["output"][..], &["output", "--json"], &["output", "restore_test.weekly.selection"]] {
        let run = place.sandbox(arguments).exits(0);
        assert!(!run.stdout.contains("SECRET") && run.stdout.contains("$hidden"), "{}", run.stdout);
    }
}
