//! Instances that two plans back up at overlapping times: the plan says so where it brings that about, and nowhere
//! else.

use serde_json::{Value, json};
use vssctl::plan::hazard::{self, Hazard};
use vssctl::plan::{Options, Plan};

use crate::bench::{Bench, STACK, changed};
use crate::harness::{MAIN_JOB, Place};
use crate::hazards::{asks, call};

const ROLE: &str = "arn:aws:iam::123456789012:role/AWSBackupVss";
const AROUND: &str = "[role.AWSBackupVss]\npreset = \"backup-service\"\n[vault.vss]\n";
const NIGHTLY: &str = "schedule = \"cron(0 20 ? * * *)\"\nstart_window = \"1h\"";
const ENABLED: &str = "all = { VssBackup = \"enabled\" }";

/// A plan with one rule and one selection.
fn plan(key: &str, rule: &str, matching: &str) -> String {
    format!(
        "[plan.{key}]\nwindows_vss = true\n[plan.{key}.rule.nightly]\nvault = \"vss\"\n{rule}\n\
         [plan.{key}.selection.s]\nrole = \"AWSBackupVss\"\nmatch = {{ {matching} }}\n"
    )
}

/// A file with plans.
fn file(plans: &[String]) -> String {
    format!("{STACK}{AROUND}{}", plans.concat())
}

fn daily(rule: &str, matching: &str) -> String {
    file(&[plan("daily", rule, matching)])
}

/// Where a plan has the hazard, and what it says.
fn found(plan: &Plan) -> Vec<(String, String)> {
    let notes = hazard::all(plan).filter(|(_, note)| note.hazard == Hazard::BackedUpTwice);
    notes.map(|(address, note)| (address.to_string(), note.why.clone())).collect()
}

fn places(plan: &Plan) -> Vec<String> {
    found(plan).into_iter().map(|(address, _)| address).collect()
}

/// Makes a plan that nobody owns; returns its id.
fn stranger(bench: &Bench, rule: &Value, selection: &Value) -> String {
    let document = json!({ "BackupPlanName": "theirs", "Rules": [with(rule, &json!({
        "RuleName": "evening", "TargetBackupVaultName": "vss",
    }))] });
    let made = bench.call("backup", "CreateBackupPlan", &json!({ "BackupPlan": document }));
    let id = made["BackupPlanId"].as_str().expect("an id").to_owned();
    let selection = with(selection, &json!({ "SelectionName": "all", "IamRoleArn": ROLE }));
    bench.call("backup", "CreateBackupSelection", &json!({ "BackupPlanId": id, "BackupSelection": selection }));
    id
}

fn with(value: &Value, more: &Value) -> Value {
    let mut value = value.clone();
    for (key, item) in more.as_object().into_iter().flatten() {
        value[key] = item.clone();
    }
    value
}

fn tagged(key: &str, value: &str) -> Value {
    json!({
        "Resources": ["arn:aws:ec2:*:*:instance/*"],
        "Conditions": { "StringEquals": [{ "ConditionKey": format!("aws:ResourceTag/{key}"), "ConditionValue": value }] },
    })
}

fn at(schedule: &str, window: u32) -> Value {
    json!({ "ScheduleExpression": schedule, "StartWindowMinutes": window })
}

fn instance(bench: &Bench, name: &str) -> String {
    let filter = json!({ "Filters": [{ "Name": "tag:Name", "Values": [name] }] });
    let answer = bench.call("ec2", "DescribeInstances", &filter);
    answer["Reservations"][0]["Instances"][0]["InstanceId"].as_str().expect("an id").to_owned()
}

/// The account with what plans need, and nobody's plan.
fn beside(rule: &Value, selection: &Value) -> (Bench, String) {
    let bench = Bench::new();
    bench.apply(&file(&[]));
    let id = stranger(&bench, rule, selection);
    (bench, id)
}

#[test]
fn an_orphan_that_stays_backs_up_twice_and_one_that_is_deleted_does_not() {
    let bench = Bench::new();
    bench.apply(&file(&[plan("old", NIGHTLY, ENABLED)]));
    let renamed = file(&[plan("new", NIGHTLY, ENABLED)]);
    let planned = bench.plan(&renamed);
    let [(address, why)] = found(&planned).try_into().expect("one hazard");
    assert_eq!(address, "selection.new.s");
    for part in
        ["`old`", "an orphan of this stack that `--prune` deletes", "`nightly` of `plan.new`", "Mon 20:00 Etc/UTC"]
    {
        assert!(why.contains(part), "{part}: {why}");
    }
    let prune = Options { prune: true, max_deletions: Some(5), ..Options::default() };
    assert_eq!(places(&bench.plan_with(&renamed, &prune)), [""; 0]);
    // A deletion that is refused leaves the orphan where it is.
    let few = Options { max_deletions: Some(0), ..prune.clone() };
    assert_eq!(places(&bench.plan_with(&renamed, &few)), ["selection.new.s"]);
    let said = renamed.replace("[plan.new]\n", "[plan.new]\nrenamed_from = \"old\"\n");
    assert_eq!(places(&bench.plan(&said)), [""; 0]);
    // Once it is so, a plan without changes says nothing of it.
    bench.apply(&renamed);
    assert_eq!((changed(&bench.plan(&renamed)), places(&bench.plan(&renamed))), (vec![], vec![]));
    bench.try_apply(&renamed, &prune).1.is_complete().then_some(()).expect("a complete run");
    assert!(bench.plan(&renamed).orphans.is_empty());
}

/// Plans a file beside nobody's plan, and tells whether the hazard is there.
#[track_caller]
fn is_twice(name: &str, theirs: (&Value, &Value), ours: &str) -> bool {
    let (bench, id) = beside(theirs.0, theirs.1);
    let planned = bench.plan(ours);
    assert!(planned.diagnostics.iter().all(|one| one.code != "VSS0916"), "{name}");
    let said = found(&planned);
    for (address, why) in &said {
        assert_eq!(address, "selection.daily.s", "{name}");
        assert!(why.contains(&id) && why.contains("nobody's") && why.contains("`evening`"), "{name}: {why}");
    }
    !said.is_empty()
}

#[test]
fn a_plan_of_somebody_else_counts_by_what_it_selects() {
    let enabled = || tagged("VssBackup", "enabled");
    let list = |value: &str| {
        let tag = json!({ "ConditionType": "STRINGEQUALS", "ConditionKey": "VssBackup", "ConditionValue": value });
        json!({ "ListOfTags": [tag] })
    };
    let all = "arn:aws:ec2:*:*:instance/*";
    let other = json!([{ "ConditionKey": "aws:ResourceTag/VssBackup", "ConditionValue": "enabled" }]);
    let unlike = json!({ "Resources": [all], "Conditions": { "StringNotEquals": other } });
    let cases = [
        ("the same", enabled(), ENABLED, true),
        ("another value", tagged("VssBackup", "weekly"), ENABLED, false),
        ("another tag", tagged("Other", "enabled"), ENABLED, false),
        ("the case of a key", tagged("vssbackup", "enabled"), ENABLED, false),
        ("a part", enabled(), "all = { VssBackup = \"enabled\", Tier = \"1\" }", true),
        ("what is left", unlike, ENABLED, false),
        ("a tag of a list", list("enabled"), ENABLED, true),
        ("another tag of a list", list("weekly"), ENABLED, false),
        ("one of two tags", enabled(), "any = { VssBackup = [\"weekly\", \"enabled\"] }", true),
        ("everything", json!({ "Resources": ["*"] }), ENABLED, true),
        ("volumes", json!({ "Resources": ["arn:aws:ec2:*:*:volume/*"] }), ENABLED, false),
        ("a pattern", enabled(), "like = { VssBackup = \"en*\" }", true),
        ("another pattern", enabled(), "like = { VssBackup = \"dis*\" }", false),
        ("excluded", with(&enabled(), &json!({ "NotResources": [all] })), ENABLED, false),
        (
            "the others",
            enabled(),
            "arns = [\"arn:aws:ec2:*:*:instance/*\"]\nnot_equals = { VssBackup = \"enabled\" }",
            false,
        ),
        ("all of them", enabled(), "arns = [\"arn:aws:ec2:*:*:instance/*\"]", true),
    ];
    for (name, selection, matching, is_hazard) in cases {
        let rule = at("cron(0 20 ? * * *)", 60);
        let ours = daily(NIGHTLY, &matching.replace('\n', ", "));
        assert_eq!(is_twice(name, (&rule, &selection), &ours), is_hazard, "{name}");
    }
}

#[test]
fn a_plan_of_somebody_else_counts_by_when_it_runs() {
    let zoned = |zone: &str, hour: u8| {
        with(&at(&format!("cron(0 {hour} ? * * *)"), 60), &json!({ "ScheduleExpressionTimezone": zone }))
    };
    let cases = [
        ("another day", at("cron(0 20 ? * SAT *)", 60), "0 20 ? * SUN *", "1h", false),
        ("on one of its days", at("cron(0 20 ? * SAT *)", 60), "0 20 ? * * *", "1h", true),
        ("a day of the month", at("cron(0 20 3 * ? *)", 60), "0 20 ? * * *", "1h", true),
        ("two days of the month", at("cron(0 20 3 * ? *)", 60), "0 20 4 * ? *", "1h", false),
        ("an hour later", at("cron(0 21 ? * * *)", 60), "0 20 ? * * *", "1h", false),
        ("within the window", at("cron(0 21 ? * * *)", 60), "0 20 ? * * *", "2h", true),
        ("within their window", at("cron(0 14 ? * * *)", 480), "0 20 ? * * *", "1h", true),
        ("after their window", at("cron(0 12 ? * * *)", 480), "0 20 ? * * *", "1h", false),
        ("past midnight", at("cron(30 23 ? * * *)", 120), "0 1 ? * * *", "1h", true),
        ("AWS's defaults", json!({}), "0 12 ? * * *", "1h", true),
        ("after AWS's defaults", json!({}), "0 13 ? * * *", "1h", false),
        ("another clock", zoned("Asia/Tokyo", 5), "0 20 ? * * *", "1h", true),
        ("the same hour elsewhere", zoned("Asia/Tokyo", 20), "0 20 ? * * *", "1h", false),
        ("in summer", zoned("Europe/Berlin", 22), "0 20 ? * * *", "1h", true),
        ("in winter", zoned("Europe/Berlin", 21), "0 20 ? * * *", "1h", true),
        ("in neither season", zoned("Europe/Berlin", 23), "0 20 ? * * *", "1h", false),
        ("hourly", at("cron(0 * ? * * *)", 60), "0 20 ? * * *", "1h", true),
        ("once a year", at("cron(0 20 29 2 ? *)", 60), "0 20 ? * * *", "1h", true),
        ("in a year that is over", at("cron(0 20 ? * * 2020)", 60), "0 20 ? * * *", "1h", false),
    ];
    for (name, rule, schedule, window, is_hazard) in cases {
        let ours = daily(&format!("schedule = \"cron({schedule})\"\nstart_window = \"{window}\""), ENABLED);
        let enabled = tagged("VssBackup", "enabled");
        assert_eq!(is_twice(name, (&rule, &enabled), &ours), is_hazard, "{name}");
    }
}

#[test]
fn instances_by_id_and_by_different_tags_count_where_an_instance_is_both() {
    let bench = Bench::new();
    bench.apply(&file(&[]));
    let (sql, files) = (instance(&bench, "sql-1"), instance(&bench, "files-1"));
    let arn = |id: &str| format!("arn:aws:ec2:ap-northeast-1:123456789012:instance/{id}");
    stranger(&bench, &at("cron(0 20 ? * * *)", 60), &json!({ "Resources": [arn(&sql)] }));
    stranger(&bench, &at("cron(0 20 ? * * *)", 90), &tagged("Tier", "gold"));
    let by_id = |id: &str| daily(NIGHTLY, &format!("arns = [\"{}\"]", arn(id)));
    assert_eq!(places(&bench.plan(&by_id(&sql))), ["selection.daily.s"]);
    assert_eq!(places(&bench.plan(&by_id(&files))), [""; 0]);
    // sql-1 has the tag, and is backed up by its id already.
    let [(_, why)] = found(&bench.plan(&daily(NIGHTLY, ENABLED))).try_into().expect("one hazard");
    assert!(why.contains(&format!("sql-1 (`{sql}`)")), "{why}");
    let without = format!("{ENABLED}, not_arns = [\"{}\"]", arn(&sql));
    assert_eq!(places(&bench.plan(&daily(NIGHTLY, &without))), [""; 0]);
    // An instance that gets both tags is one of both plans.
    bench.call("ec2", "CreateTags", &json!({ "Resources": [files], "Tags": [{ "Key": "Tier", "Value": "gold" }] }));
    let [(_, why)] = found(&bench.plan(&daily(NIGHTLY, &without))).try_into().expect("one hazard");
    assert!(why.contains(&files), "{why}");
}

#[test]
fn the_plans_of_another_stack_and_of_the_same_file_count_too() {
    let bench = Bench::new();
    let other =
        daily(NIGHTLY, ENABLED).replace("\"bench\"", "\"other\"").replace("vault = \"vss\"", "vault = \"other\"");
    let other = other.replace("[vault.vss]", "[vault.other]").replace("AWSBackupVss", "Other");
    bench.apply(&other.replace("plan.daily", "plan.theirs"));
    let [(address, why)] = found(&bench.plan(&daily(NIGHTLY, ENABLED))).try_into().expect("one hazard");
    assert_eq!(address, "selection.daily.s");
    assert!(why.contains("of the stack `other`"), "{why}");
    // Of two plans of one file the later one brings it about.
    let both = file(&[plan("a", NIGHTLY, ENABLED), plan("b", NIGHTLY, ENABLED)]).replace("enabled", "nightly");
    let [(address, why)] = found(&bench.plan(&both)).try_into().expect("one hazard");
    assert_eq!(address, "selection.b.s");
    assert!(why.starts_with("`plan.a` selects"), "{why}");
    bench.apply(&both);
    assert_eq!(places(&bench.plan(&both)), [""; 0]);
}

#[test]
fn a_change_brings_it_about_and_what_changes_neither_hour_nor_instances_does_not() {
    let (bench, _) = beside(&at("cron(0 3 ? * * *)", 60), &tagged("VssBackup", "enabled"));
    let calm = daily(NIGHTLY, ENABLED);
    bench.apply(&calm);
    let places_of = |text: &str| places(&bench.plan(text));
    let hour = calm.replace("cron(0 20", "cron(0 3");
    assert_eq!(places_of(&hour), ["plan.daily"]);
    assert_eq!(places_of(&calm.replace("\"1h\"", "\"8h\"")), ["plan.daily"]);
    assert_eq!(places_of(&calm.replace("start_window", "timezone = \"Asia/Dubai\"\nstart_window")), [""; 0]);
    let more = format!("{calm}[plan.daily.rule.late]\nvault = \"vss\"\nschedule = \"cron(30 3 ? * SUN *)\"\n");
    assert_eq!(places_of(&more), ["plan.daily"]);
    for unchanged in [
        calm.replace("start_window", "delete_after = \"7d\"\nstart_window"),
        calm.replace("windows_vss = true", "windows_vss = false"),
        format!("{calm}[tags]\nteam = \"x\"\n"),
        calm.replace("[plan.daily]\n", "[plan.daily]\nname = \"another\"\n"),
        calm.replace("rule.nightly", "rule.other"),
    ] {
        assert_eq!(places_of(&unchanged), [""; 0], "{unchanged}");
    }
    // Once it is so, only what makes more of it is a hazard.
    bench.apply(&hour);
    for unchanged in [
        hour.clone(),
        hour.replace("cron(0 3", "cron(15 3"),
        hour.replace("rule.nightly", "rule.other"),
        hour.replace("selection.s]", "selection.t]"),
        hour.replace("[plan.daily]\n", "[plan.daily]\nname = \"another\"\n"),
        hour.replace("start_window", "delete_after = \"7d\"\nstart_window"),
        hour.replace("all = { VssBackup = \"enabled\" }", "all = { VssBackup = \"enabled\", Tier = \"1\" }"),
    ] {
        assert_eq!(places_of(&unchanged), [""; 0], "{unchanged}");
    }
    let more = hour.replace(
        "[plan.daily.selection",
        "[plan.daily.rule.late]\nvault = \"vss\"\nschedule = \"cron(30 3 ? * SUN *)\"\n[plan.daily.selection",
    );
    assert_eq!(places_of(&more), ["plan.daily"]);
}

#[test]
fn a_selection_that_moves_to_another_plan_counts_in_its_old_one_until_it_is_deleted() {
    let bench = Bench::new();
    let empty = |key: &str| format!("[plan.{key}]\n[plan.{key}.rule.nightly]\nvault = \"vss\"\n{NIGHTLY}\n");
    bench.apply(&file(&[plan("a", NIGHTLY, ENABLED), empty("b")]));
    let moved = file(&[empty("a"), plan("b", NIGHTLY, ENABLED)]);
    let [(address, why)] = found(&bench.plan(&moved)).try_into().expect("one hazard");
    assert_eq!(address, "selection.b.s");
    assert!(why.starts_with("`plan.a` selects"), "{why}");
    let prune = Options { prune: true, max_deletions: Some(5), ..Options::default() };
    assert_eq!(places(&bench.plan_with(&moved, &prune)), [""; 0]);
}

#[test]
fn a_plan_without_changes_costs_no_further_call_and_a_refused_read_is_a_warning() {
    let (bench, _) = beside(&at("cron(0 20 ? * * *)", 60), &tagged("VssBackup", "enabled"));
    let calm = daily(NIGHTLY, "all = { Other = \"x\" }");
    bench.apply(&calm);
    bench.forget_requests();
    bench.plan(&calm);
    let count = |operation: &str| bench.requests().iter().filter(|name| *name == operation).count();
    assert_eq!((count("backup:GetBackupPlan"), count("ec2:DescribeInstances")), (1, 0));
    let tags = format!("{calm}[tags]\nteam = \"x\"\n");
    bench.forget_requests();
    bench.plan(&tags);
    assert_eq!((count("backup:GetBackupPlan"), count("ec2:DescribeInstances")), (1, 0));
    bench.forget_requests();
    let changed = daily(NIGHTLY, ENABLED);
    assert_eq!(places(&bench.plan(&changed)), ["selection.daily.s"]);
    assert_eq!((count("backup:GetBackupPlan"), count("ec2:DescribeInstances")), (2, 1));
    for (service, operation) in [("ec2", "DescribeInstances"), ("backup", "GetBackupSelection")] {
        let (bench, _) = beside(&at("cron(0 20 ? * * *)", 60), &tagged("VssBackup", "enabled"));
        bench.deny(service, operation);
        let planned = bench.plan(&changed);
        let warning = planned.diagnostics.iter().find(|one| one.code == "VSS0916").expect("a warning");
        assert!(warning.help[0].contains(&format!("`{service}:{operation}`")), "{warning:?}");
        assert!(!planned.is_empty());
    }
    // A plan that goes is none.
    let bench = Bench::new();
    bench.apply(&file(&[]));
    let selection = tagged("VssBackup", "enabled");
    let gone = stranger(&bench, &at("cron(0 20 ? * * *)", 60), &selection);
    let listed = bench.call("backup", "ListBackupSelections", &json!({ "BackupPlanId": gone }));
    let of_it = &listed["BackupSelectionsList"][0]["SelectionId"];
    bench.call("backup", "DeleteBackupSelection", &json!({ "BackupPlanId": gone, "SelectionId": of_it }));
    assert_eq!(places(&bench.plan(&changed)), [""; 0]);
    bench.call("backup", "DeleteBackupPlan", &json!({ "BackupPlanId": gone }));
    assert_eq!(places(&bench.plan(&changed)), [""; 0]);
}

#[test]
fn an_adoption_takes_over_what_is_so_and_asks_for_nothing() {
    let (bench, _) = beside(&at("cron(0 20 ? * * *)", 60), &tagged("VssBackup", "enabled"));
    let second = json!({ "BackupPlan": { "BackupPlanName": "daily", "Rules": [with(&at("cron(0 20 ? * * *)", 60), &json!({
        "RuleName": "nightly", "TargetBackupVaultName": "vss",
    }))] } });
    let made = bench.call("backup", "CreateBackupPlan", &second);
    let selection = with(&tagged("VssBackup", "enabled"), &json!({ "SelectionName": "s", "IamRoleArn": ROLE }));
    let input = json!({ "BackupPlanId": made["BackupPlanId"], "BackupSelection": selection });
    bench.call("backup", "CreateBackupSelection", &input);
    let adopting = daily(NIGHTLY, ENABLED).replace("[plan.daily]\n", "[plan.daily]\nadopt = true\n");
    assert_eq!(places(&bench.plan(&adopting)), [""; 0]);
}

#[test]
fn it_needs_its_own_consent() {
    let stranger = |place: &Place| {
        let rule = with(&at("cron(0 3 ? * * *)", 60), &json!({ "RuleName": "r", "TargetBackupVaultName": "vss" }));
        let document = json!({ "BackupPlan": { "BackupPlanName": "theirs", "Rules": [rule] } });
        let made = call(place, "backup", "CreateBackupPlan", &document);
        let selection = with(&tagged("VssBackup", "enabled"), &json!({ "SelectionName": "s", "IamRoleArn": ROLE }));
        let input = json!({ "BackupPlanId": made["BackupPlanId"], "BackupSelection": selection });
        call(place, "backup", "CreateBackupSelection", &input);
    };
    let after = MAIN_JOB.replace("cron(0 18 ? * * *)", "cron(0 12 ? * * *)");
    let shown = asks("backed-up-twice", "plan.daily", MAIN_JOB, stranger, &after, &[]);
    assert!(shown.contains("the plan `theirs`"), "{shown}");
}

#[test]
fn the_examples_back_nothing_up_twice() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![folder.join("vss.toml")];
    let examples = std::fs::read_dir(folder.join("examples")).expect("the examples");
    files.extend(
        examples
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|it| it == "toml")),
    );
    assert!(files.len() > 4);
    for path in files {
        let text = std::fs::read_to_string(&path).expect("an example");
        assert_eq!(places(&Bench::new().plan(&text)), [""; 0], "{}", path.display());
    }
}
