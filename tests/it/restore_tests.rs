//! Restore testing plans: what is theirs alone. What every kind must do is in `kind_contract`.

use serde_json::{Value, json};
use vssctl::model::Action;
use vssctl::plan::{Options, Plan};
use vssctl::sandbox::Sandbox;

use crate::bench::{Bench, STACK, changed, paths, try_load};
use crate::harness::Place;

const AROUND: &str = "[role.Backup]\nname = \"AWSBackupVss\"\npreset = \"backup-service\"\n[vault.vss]\n";
const TEST: &str = "[restore_test.weekly]\nschedule = \"cron(0 5 ? * SUN *)\"\nrecovery_point_selection = { algorithm = \
                    \"LATEST_WITHIN_WINDOW\", include_vaults = [\"vss\"], recovery_point_types = [\"SNAPSHOT\"] }\n";
const SELECTION: &str =
    "[restore_test.weekly.selection.sql-servers]\nrole = \"Backup\"\nmatch = { all = { VssBackup = \"enabled\" } }\n";
const SECRET: &str = "subnet-0f0f0f0f0f0f0f0f0";

fn file(more: &str) -> String {
    format!("{STACK}{AROUND}{TEST}{SELECTION}{more}")
}

fn selection(bench: &Bench) -> Value {
    let named = json!({ "RestoreTestingPlanName": "weekly", "RestoreTestingSelectionName": "sql_servers" });
    bench.call("backup", "GetRestoreTestingSelection", &named)["RestoreTestingSelection"].take()
}

fn hazards(plan: &Plan) -> Vec<(&str, &str)> {
    let notes = plan.steps.iter().flat_map(|step| &step.hazards);
    notes.map(|note| (note.hazard.name(), note.why.as_str())).collect()
}

#[test]
fn a_selection_that_starts_servers_asks_for_consent_and_its_schedule_does_not() {
    let bench = Bench::new();
    let plan = bench.apply(&file(""));
    let [(name, why)] = hazards(&plan)[..] else { panic!("{:?}", hazards(&plan)) };
    assert_eq!(name, "starts-instances");
    assert!(why.contains("`sql_servers`") && why.contains("`overrides`"), "{why}");
    let later = file("").replace("cron(0 5", "cron(0 6");
    assert_eq!(hazards(&bench.apply(&later)), []);
    let others = later.replace("enabled", "yes");
    assert_eq!(hazards(&bench.plan(&others)).len(), 1);
    let own_network = format!("{later}overrides = {{ subnetId = \"{SECRET}\" }}\n");
    let plan = bench.plan(&own_network);
    let [(_, why)] = hazards(&plan)[..] else { panic!("{:?}", hazards(&plan)) };
    assert!(!why.contains("overrides"), "{why}");
    assert_eq!(hazards(&bench.apply(&format!("{STACK}{AROUND}{TEST}"))), [], "a selection that goes starts nothing");
}

#[test]
fn a_selection_of_another_type_is_made_again() {
    let bench = Bench::new();
    bench.apply(&file(""));
    let named = json!({ "RestoreTestingPlanName": "weekly", "RestoreTestingSelectionName": "sql_servers" });
    bench.call("backup", "DeleteRestoreTestingSelection", &named);
    let role = "arn:aws:iam::123456789012:role/AWSBackupVss";
    let of_databases = json!({ "RestoreTestingPlanName": "weekly", "RestoreTestingSelection": {
        "RestoreTestingSelectionName": "sql_servers", "ProtectedResourceType": "RDS", "IamRoleArn": role,
        "ProtectedResourceArns": ["*"],
    } });
    bench.call("backup", "CreateRestoreTestingSelection", &of_databases);
    let plan = bench.apply(&file(""));
    let shown = paths(&plan, "restore_test.weekly");
    assert!(shown.iter().any(|path| path == "selection.sql_servers.resource_type"), "{shown:?}");
    assert_eq!(selection(&bench)["ProtectedResourceType"], "EC2");
    assert!(bench.plan(&file("")).is_empty());
}

#[test]
fn overrides_that_the_file_does_not_declare_survive_a_change_of_their_selection() {
    let bench = Bench::new();
    bench.apply(&file(&format!("overrides = {{ subnetId = \"{SECRET}\" }}\n")));
    bench.apply(&file("validation_window = \"4h\"\n"));
    let live = selection(&bench);
    assert_eq!(
        (&live["RestoreMetadataOverrides"]["subnetId"], &live["ValidationWindowHours"]),
        (&json!(SECRET), &json!(4))
    );
    bench.apply(&file("overrides = {}\n"));
    assert_eq!(selection(&bench).get("RestoreMetadataOverrides").filter(|it| **it != json!({})), None);
}

#[test]
fn a_plan_that_is_no_more_in_the_file_is_an_orphan_and_goes_with_its_selections() {
    let bench = Bench::new();
    bench.apply(&file(""));
    let without = format!("{STACK}{AROUND}");
    let orphans: Vec<String> = bench.plan(&without).orphans.iter().map(|orphan| orphan.address.to_string()).collect();
    assert_eq!(orphans, ["restore_test.weekly"]);
    let prune = Options { prune: true, max_deletions: Some(9), ..Options::default() };
    let (plan, report) = bench.try_apply(&without, &prune);
    assert!(report.is_complete(), "{:?}", report.outcomes);
    assert_eq!(changed(&plan), [("restore_test.weekly".to_owned(), Action::Delete)]);
    let left = bench.call("backup", "ListRestoreTestingPlans", &json!({}));
    assert_eq!(left["RestoreTestingPlans"], json!([]));
}

#[test]
fn a_stranger_of_the_name_is_left_alone_until_it_is_adopted() {
    let bench = Bench::new();
    let theirs = json!({ "RestoreTestingPlan": {
        "RestoreTestingPlanName": "weekly", "ScheduleExpression": "cron(0 1 ? * SUN *)",
        "RecoveryPointSelection": {
            "Algorithm": "RANDOM_WITHIN_WINDOW", "IncludeVaults": ["*"], "RecoveryPointTypes": ["SNAPSHOT"],
        },
    } });
    bench.call("backup", "CreateRestoreTestingPlan", &theirs);
    let plan = bench.plan(&file(""));
    assert!(changed(&plan).contains(&("restore_test.weekly".to_owned(), Action::Refused)), "{:?}", plan.changes);
    let adopt = file("").replace("[restore_test.weekly]\n", "[restore_test.weekly]\nadopt = true\n");
    bench.apply(&adopt);
    assert!(bench.plan(&file("")).is_empty());
}

#[test]
fn what_was_half_made_is_completed() {
    let bench = Bench::new();
    bench.apply(&file(""));
    let named = json!({ "RestoreTestingPlanName": "weekly", "RestoreTestingSelectionName": "sql_servers" });
    bench.call("backup", "DeleteRestoreTestingSelection", &named);
    let plan = bench.apply(&file(""));
    assert_eq!(changed(&plan), [("restore_test.weekly".to_owned(), Action::Update)]);
    assert!(bench.plan(&file("")).is_empty());
}

#[test]
fn the_mistakes_that_can_be_known_are_told() {
    let wrong = [
        ("match = { all = { VssBackup = \"enabled\" } }", "match = {}", "VSS0709"),
        ("match = { all", "match = { arns = [\"*\"], all", "VSS0709"),
        ("include_vaults = [\"vss\"]", "include_vaults = [\"vs\"]", "VSS0301"),
        ("cron(0 5 ? * SUN *)", "cron(0 5)", "VSS0401"),
        ("schedule =", "start_window = \"90m\"\nschedule =", "VSS0404"),
        ("schedule =", "start_window = \"8d\"\nschedule =", "VSS0404"),
        ("[\"SNAPSHOT\"]", "[]", "VSS0709"),
        ("[restore_test.weekly]\n", "[restore_test.weekly]\nname = \"week-ly\"\n", "VSS0204"),
        ("schedule = \"cron(0 5 ? * SUN *)\"\n", "", "VSS0105"),
        ("[\"SNAPSHOT\"]", "[\"SNAPSHOT\"], selection_window = \"366d\"", "VSS0404"),
    ];
    for (from, to, code) in wrong {
        let text = file("").replace(from, to);
        assert_ne!(text, file(""), "{from}");
        let problems = try_load(&text).expect_err(code);
        assert!(problems.contains(code), "{code}: {problems}");
    }
}

#[test]
fn nobody_is_shown_what_overrides_hold() {
    let text = file(&format!("overrides = {{ subnetId = \"{SECRET}\" }}\n"));
    let place = Place::with(&text);
    let texts = [
        place.sandbox(&["plan", "--out", "plan.json"]).exits(0),
        place.sandbox(&["plan", "--format", "json"]).exits(0),
        place.sandbox(&["show", "plan.json"]).exits(0),
        place.sandbox(&["apply", "--json", "--yes", "--allow", "starts-instances"]).exits(0),
        place.sandbox(&["show", "restore_test.weekly"]).exits(0),
        place.sandbox(&["show", "restore_test.weekly", "--format", "json"]).exits(0),
    ];
    for run in &texts {
        assert!(!run.stdout.contains(SECRET) && !run.stderr.contains(SECRET), "{}{}", run.stdout, run.stderr);
    }
    assert!(!place.read("plan.json").contains(SECRET));
    assert!(texts[0].stdout.contains("(hidden)"), "{}", texts[0].stdout);
    let account = Sandbox::open(place.path().join("account.json")).expect("the account");
    let named = json!({ "RestoreTestingPlanName": "weekly", "RestoreTestingSelectionName": "sql_servers" });
    let live = account.call("backup", "GetRestoreTestingSelection", "ap-northeast-1", &named).expect("a selection");
    assert_eq!(live["RestoreTestingSelection"]["RestoreMetadataOverrides"], json!({ "subnetId": SECRET }));
}

#[test]
fn a_saved_plan_without_its_file_is_refused_where_it_needs_a_hidden_value() {
    let place = Place::with(&file(&format!("overrides = {{ subnetId = \"{SECRET}\" }}\n")));
    place.sandbox(&["plan", "--out", "plan.json"]).exits(0);
    let text = place.read("vss.toml");
    std::fs::rename(place.path().join("vss.toml"), place.path().join("aside")).expect("a rename");
    let apply = ["apply", "plan.json", "--yes", "--allow", "starts-instances"];
    let run = place.sandbox(&apply).exits(4);
    assert!(run.stderr.contains("`restore_test.weekly` needs one that is in the file"), "{}", run.stderr);
    place.write("vss.toml", text);
    place.sandbox(&apply).exits(0);
    assert!(place.sandbox(&["plan"]).exits(0).stdout.contains("No changes."));
}
