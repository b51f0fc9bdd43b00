//! Table keys that were changed: the plan names the line that says so, and the line does what the plan says of it.

use vssctl::model::Action;
use vssctl::plan::{Options, Plan};

use crate::bench::{Bench, STACK, changed};

const BACKUP: &str = "[role.AWSBackupVss]\npreset = \"backup-service\"\n[vault.main]\n";
const RULE: &str = "rule.nightly]\nvault = \"main\"\nschedule = \"cron(0 18 ? * * *)\"\n";
const DOCUMENT: &str =
    r#"'{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:DescribeImages","Resource":"*"}}'"#;

/// What stands around, an entry with `KEY` in place of its key and `LINE` in place of the line, and the table that gets
/// the line.
fn entries() -> Vec<(&'static str, String, &'static str)> {
    let selection = "match = { all = { VssBackup = \"enabled\" } }\nrole = \"AWSBackupVss\"\n";
    vec![
        ("", "[vault.KEY]\nLINE".to_owned(), "vault.KEY"),
        ("", "[role.KEY]\nLINE\npreset = \"backup-service\"".to_owned(), "role.KEY"),
        ("", "[role.KEY]\nLINE\npreset = \"vss-instance\"".to_owned(), "role.KEY"),
        ("", format!("[policy.KEY]\nLINE\ndocument = {DOCUMENT}"), "policy.KEY"),
        (
            "[role.one]\npreset = \"vss-instance\"\ninstance_profile = false\n",
            "[instance_profile.KEY]\nLINE\nrole = \"one\"".to_owned(),
            "instance_profile.KEY",
        ),
        (
            "",
            "[package.KEY]\nLINE\npackage_name = \"AwsVssComponents\"\nschedule = \"rate(1 day)\"\n\
             targets = { tags = { VssBackup = \"enabled\" } }"
                .to_owned(),
            "package.KEY",
        ),
        (BACKUP, format!("[plan.KEY]\nLINE\nwindows_vss = true\n[plan.KEY.{RULE}"), "plan.KEY"),
        (
            BACKUP,
            format!("[plan.p]\nwindows_vss = true\n[plan.p.{RULE}[plan.p.selection.KEY]\nLINE\n{selection}"),
            "plan.p.selection.KEY",
        ),
        (
            BACKUP,
            "[restore_test.KEY]\nLINE\nschedule = \"cron(0 5 ? * SUN *)\"\nrecovery_point_selection = { algorithm = \
             \"LATEST_WITHIN_WINDOW\", include_vaults = [\"main\"], recovery_point_types = [\"SNAPSHOT\"] }"
                .to_owned(),
            "restore_test.KEY",
        ),
    ]
}

fn hints(plan: &Plan) -> Vec<String> {
    let found = plan.diagnostics.iter().filter(|diagnostic| diagnostic.code == "VSS0914");
    found.flat_map(|diagnostic| diagnostic.help.clone()).collect()
}

fn made(plan: &Plan) -> Vec<String> {
    let made = changed(plan).into_iter().filter(|(_, action)| *action == Action::Create);
    made.map(|(address, _)| address).collect()
}

#[test]
fn the_line_of_a_renamed_entry_is_named_and_nothing_is_made_once_it_is_written() {
    for (around, entry, table) in entries() {
        let file =
            |key: &str, line: &str| format!("{STACK}{around}{}\n", entry.replace("KEY", key).replace("LINE", line));
        let bench = Bench::new();
        bench.apply(&file("old", ""));
        assert_eq!(hints(&bench.plan(&file("old", ""))), [""; 0], "{entry}");
        let plan = bench.plan(&file("new", ""));
        let line = "renamed_from = \"old\"";
        let expected = format!("add `{line}` under `[{}]`", table.replace("KEY", "new"));
        assert!(hints(&plan).iter().any(|hint| hint.contains(&expected)), "{expected}\n{:#?}", plan.diagnostics);
        let followed = bench.plan(&file("new", line));
        assert_eq!((made(&followed), hints(&followed)), (vec![], vec![]), "{entry}");
        bench.apply(&file("new", line));
        assert!(bench.plan(&file("new", line)).is_empty(), "{entry}");
        assert!(bench.plan(&file("new", line)).orphans.is_empty(), "{entry}");
    }
}

#[test]
fn another_content_is_no_rename_and_pruning_says_that_the_old_one_goes() {
    let bench = Bench::new();
    let plan = |key: &str, hour: &str| {
        format!("{STACK}{BACKUP}[plan.{key}]\nwindows_vss = true\n[plan.{key}.{RULE}").replace("cron(0 18", hour)
    };
    bench.apply(&plan("old", "cron(0 18"));
    assert_eq!(hints(&bench.plan(&plan("new", "cron(0 3"))), [""; 0]);
    let prune = Options { prune: true, ..Options::default() };
    let pruned = bench.plan_with(&plan("new", "cron(0 18"), &prune);
    let message = pruned.diagnostics.iter().find(|diagnostic| diagnostic.code == "VSS0914").expect("a warning");
    assert!(message.message.contains("deleted"), "{}", message.message);
}
