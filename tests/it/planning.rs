//! Ownership, strangers, orphans, replacements and guards: what a plan does beyond single fields.

use serde_json::json;
use vssctl::model::KindId;
use vssctl::model::{Action, Phase};
use vssctl::plan::Options;
use vssctl::plan::Plan;

use crate::bench::{Bench, STACK, changed, paths};
use crate::harness::MAIN_JOB;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const BOTH: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","backup.amazonaws.com"]},"Action":"sts:AssumeRole"}}"#;
const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:DescribeImages","Resource":"*"}}"#;

/// The main job with a tag on everything.
fn main_file() -> String {
    let tagged = MAIN_JOB.replacen("[role.", "[tags]\nteam = \"windows-platform\"\n\n[role.", 1);
    tagged.replace("\"windows-backup\"", "\"bench\"")
}

fn codes(plan: &Plan) -> Vec<&'static str> {
    plan.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

#[test]
fn the_announcement_is_added_once_and_then_the_plan_is_empty() {
    let bench = Bench::new();
    let plan = bench.apply(&main_file());
    assert_eq!(plan.summary().add, 7);
    let again = bench.plan(&main_file());
    assert!(again.is_empty() && again.diagnostics.is_empty() && again.orphans.is_empty(), "{again:#?}");
}

#[test]
fn planning_writes_nothing() {
    let bench = Bench::new();
    bench.plan(&main_file());
    bench.apply(&main_file());
    bench.forget_requests();
    bench.plan(&main_file());
    assert_eq!(bench.writes(), [""; 0]);
}

#[test]
fn strangers_are_refused_with_a_way_out_and_stay_untouched() {
    let bench = Bench::new();
    bench.call("iam", "CreateRole", &json!({"RoleName": "AWSBackupVss", "AssumeRolePolicyDocument": TRUST}));
    bench.call("backup", "CreateBackupVault", &json!({"BackupVaultName": "vss"}));
    let before = [
        bench.call("iam", "GetRole", &json!({"RoleName": "AWSBackupVss"})),
        bench.call("backup", "DescribeBackupVault", &json!({"BackupVaultName": "vss"})),
    ];
    let (plan, report) = bench.try_apply(&main_file(), &Options::default());
    let refused: Vec<String> = changed(&plan)
        .into_iter()
        .filter(|(_, action)| *action == Action::Refused)
        .map(|(address, _)| address)
        .collect();
    // What needs a refused thing is refused with it; the rest is done.
    assert_eq!(refused, ["role.AWSBackupVss", "vault.vss", "plan.daily", "selection.daily.windows"]);
    assert_eq!(codes(&plan), ["VSS0901", "VSS0901"]);
    assert!(plan.diagnostics[0].help[0].contains("vssctl adopt role.AWSBackupVss"), "{:?}", plan.diagnostics[0]);
    assert!(report.is_complete());
    let after = [
        bench.call("iam", "GetRole", &json!({"RoleName": "AWSBackupVss"})),
        bench.call("backup", "DescribeBackupVault", &json!({"BackupVaultName": "vss"})),
    ];
    assert_eq!(before, after);
}

#[test]
fn adoption_marks_and_the_plan_then_shows_only_real_differences() {
    let bench = Bench::new();
    let file = format!("{STACK}[role.r]\npreset = \"backup-service\"\ndescription = \"ours\"\n[vault.vault-a]\n");
    bench.apply(&file);
    // The same things, made by somebody else: only the marks are missing, and one description differs.
    bench.call("iam", "UntagRole", &json!({"RoleName": "r", "TagKeys": ["vssctl:stack", "vssctl:id", "vssctl:keys"]}));
    bench.call("iam", "UpdateRole", &json!({"RoleName": "r", "Description": "theirs"}));
    assert_eq!(changed(&bench.plan(&file)), [("role.r".to_owned(), Action::Refused)]);

    let adopt = Options { adopt: vec!["role.r".parse().expect("an address")], ..Options::default() };
    let (plan, report) = bench.try_apply(&file, &adopt);
    assert!(report.is_complete());
    assert_eq!(changed(&plan), [("role.r".to_owned(), Action::Adopt)]);
    let role = bench.call("iam", "GetRole", &json!({"RoleName": "r"}));
    assert_eq!(role["Role"]["Description"], "theirs");
    let plan = bench.plan(&file);
    assert_eq!(changed(&plan), [("role.r".to_owned(), Action::Update)]);
    assert_eq!(paths(&plan, "role.r"), ["description"]);
}

#[test]
fn adopt_in_the_file_takes_over_and_changes_in_one_go() {
    let bench = Bench::new();
    bench.call(
        "backup",
        "CreateBackupVault",
        &json!({"BackupVaultName": "vault-a", "BackupVaultTags": {"theirs": "x"}}),
    );
    let file = format!("{STACK}[vault.vault-a]\nadopt = true\ntags = {{ team = \"a\" }}\n");
    let plan = bench.apply(&file);
    assert_eq!(changed(&plan), [("vault.vault-a".to_owned(), Action::Adopt)]);
    assert!(bench.plan(&file).is_empty());
    let arn = "arn:aws:backup:ap-northeast-1:123456789012:backup-vault:vault-a";
    let tags = bench.call("backup", "ListTags", &json!({"ResourceArn": arn}));
    assert_eq!((&tags["Tags"]["theirs"], &tags["Tags"]["team"]), (&json!("x"), &json!("a")));
}

#[test]
fn another_stacks_things_are_refused_even_with_adopt() {
    let bench = Bench::new();
    bench.apply(&format!("{}[vault.vault-a]\n", STACK.replace("bench", "other")));
    let plan = bench.plan(&format!("{STACK}[vault.vault-a]\nadopt = true\n"));
    assert_eq!(changed(&plan), [("vault.vault-a".to_owned(), Action::Refused)]);
    assert_eq!(codes(&plan), ["VSS0903"]);
}

#[test]
fn what_the_file_no_longer_has_is_an_orphan_until_prune() {
    let bench = Bench::new();
    bench.apply(&main_file());
    let rest = main_file().replace("[vault.vss]", "[vault.vss]\n[vault.second]");
    bench.apply(&rest);
    let plan = bench.plan(&main_file());
    assert!(plan.is_empty(), "{:#?}", plan.changes);
    assert_eq!(plan.orphans.iter().map(|orphan| orphan.address.to_string()).collect::<Vec<_>>(), ["vault.second"]);

    let (plan, report) = bench.try_apply(&main_file(), &Options { prune: true, ..Options::default() });
    assert_eq!(changed(&plan), [("vault.second".to_owned(), Action::Delete)]);
    assert!(report.is_complete() && bench.plan(&main_file()).orphans.is_empty());
}

#[test]
fn every_kind_that_the_file_drops_is_found_again_and_pruned_in_order() {
    let bench = Bench::new();
    let policy = format!("[policy.p]\ndocument = '{DOCUMENT}'\n");
    bench.apply(&format!("{}{policy}", main_file()));
    let empty = format!("{STACK}[vault.kept]\n");
    bench.apply(&empty);
    let plan = bench.plan(&empty);
    let orphans: Vec<String> = plan.orphans.iter().map(|orphan| orphan.address.to_string()).collect();
    assert_eq!(
        orphans,
        [
            "instance_profile.EC2RoleforSSMVSSSnapshotV2",
            "package.AwsVssComponents",
            "plan.daily",
            "policy.p",
            "role.AWSBackupVss",
            "role.EC2RoleforSSMVSSSnapshotV2",
            "selection.daily.windows",
            "vault.vss",
        ]
    );
    let refused = bench.plan_with(&empty, &Options { prune: true, ..Options::default() });
    assert!(refused.is_empty() && codes(&refused) == ["VSS0904"], "{:?}", refused.diagnostics);
    let (_, report) = bench.try_apply(&empty, &Options { prune: true, max_deletions: Some(8), ..Options::default() });
    assert!(report.is_complete(), "{:#?}", report.outcomes);
    assert!(bench.plan(&empty).orphans.is_empty());
}

#[test]
fn a_denied_read_is_unknown_and_leads_to_nothing() {
    let bench = Bench::new();
    bench.apply(&main_file());
    bench.deny("backup", "ListBackupVaults");
    let plan = bench.plan(&main_file());
    let unknown: Vec<_> = changed(&plan);
    assert!(unknown.contains(&("vault.vss".to_owned(), Action::Unknown)), "{unknown:?}");
    assert!(plan.is_empty(), "{:#?}", plan.steps);
    assert!(
        plan.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.help.iter().any(|help| help.contains("backup:ListBackupVaults")))
    );
}

#[test]
fn a_denied_sweep_of_iam_never_creates_a_role() {
    let bench = Bench::new();
    bench.deny("iam", "GetAccountAuthorizationDetails");
    let plan = bench.plan(&main_file());
    assert!(
        !plan
            .steps
            .iter()
            .any(|step| [KindId::Role, KindId::InstanceProfile, KindId::Selection].contains(&step.address.kind())),
        "{:#?}",
        plan.steps
    );
    assert!(plan.has_unknown());
}

#[test]
fn a_changed_selection_is_created_before_its_predecessor_goes() {
    let bench = Bench::new();
    bench.apply(&main_file());
    let file = main_file()
        .replace("match = { all = { VssBackup = \"enabled\" } }", "match = { all = { VssBackup = \"on\" } }");
    let plan = bench.plan(&file);
    assert_eq!(changed(&plan), [("selection.daily.windows".to_owned(), Action::Replace)]);
    let phases: Vec<(Phase, &str)> = plan.steps.iter().map(|step| (step.phase, step.calls[0].action())).collect();
    assert_eq!(
        phases,
        [(Phase::Ensure, "backup:CreateBackupSelection"), (Phase::Remove, "backup:DeleteBackupSelection")]
    );
    bench.apply(&file);
    assert!(bench.plan(&file).is_empty());
}

#[test]
fn a_renamed_plan_takes_its_selections_along() {
    let bench = Bench::new();
    bench.apply(&main_file());
    let file = main_file().replace("[plan.daily]", "[plan.daily]\nname = \"daily-2\"");
    let plan = bench.plan(&file);
    assert_eq!(
        changed(&plan),
        [("plan.daily".to_owned(), Action::Replace), ("selection.daily.windows".to_owned(), Action::Replace)]
    );
    bench.apply(&file);
    let again = bench.plan(&file);
    assert!(again.is_empty() && again.orphans.is_empty(), "{again:#?}");
    let plans = bench.call("backup", "ListBackupPlans", &json!({}));
    let names: Vec<_> =
        plans["BackupPlansList"].as_array().into_iter().flatten().map(|plan| plan["BackupPlanName"].clone()).collect();
    assert_eq!(names, [json!("daily-2")]);
}

#[test]
fn a_replaced_role_is_let_go_by_its_profile_and_taken_up_again() {
    let bench = Bench::new();
    let file = format!("{STACK}[role.r]\npreset = \"vss-instance\"\npath = \"/a/\"\n");
    bench.apply(&file);
    let moved = file.replace("/a/", "/b/");
    let plan = bench.plan(&moved);
    assert_eq!(changed(&plan).first(), Some(&("role.r".to_owned(), Action::Replace)));
    bench.apply(&moved);
    let again = bench.plan(&moved);
    assert!(again.is_empty() && again.orphans.is_empty(), "{again:#?}");
    let profile = bench.call("iam", "GetInstanceProfile", &json!({"InstanceProfileName": "r"}));
    assert_eq!(profile["InstanceProfile"]["Roles"][0]["Path"], "/b/");
}

#[test]
fn a_replaced_thing_keeps_what_the_file_does_not_speak_of() {
    let bench = Bench::new();
    let file = format!(
        "{STACK}[role.r]\npreset = \"backup-service\"\npath = \"/a/\"\npolicies_mode = \"additive\"\n\n\
         [package.p]\nname = \"first\"\ntargets = {{ instance_ids = [\"*\"] }}\nschedule = \"rate(1 day)\"\n"
    );
    bench.apply(&file);
    let boundary = "arn:aws:iam::aws:policy/AWSEC2VssSnapshotPolicy";
    let other = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";
    let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
    for (operation, input) in [
        ("PutRolePermissionsBoundary", json!({"RoleName": "r", "PermissionsBoundary": boundary})),
        ("AttachRolePolicy", json!({"RoleName": "r", "PolicyArn": other})),
        ("PutRolePolicy", json!({"RoleName": "r", "PolicyName": "theirs", "PolicyDocument": document})),
        ("TagRole", json!({"RoleName": "r", "Tags": [{"Key": "Cost", "Value": "7"}]})),
    ] {
        bench.call("iam", operation, &input);
    }
    let moved = file.replace("/a/", "/b/");
    let plan = bench.apply(&moved);
    assert_eq!(changed(&plan), [("role.r".to_owned(), Action::Replace)]);
    let role = bench.call("iam", "GetRole", &json!({"RoleName": "r"}))["Role"].clone();
    assert_eq!(
        (&role["Path"], &role["PermissionsBoundary"]["PermissionsBoundaryArn"]),
        (&json!("/b/"), &json!(boundary))
    );
    assert!(role["Tags"].to_string().contains("Cost"), "{role}");
    assert!(bench.call("iam", "ListAttachedRolePolicies", &json!({"RoleName": "r"})).to_string().contains(other));
    assert!(bench.call("iam", "ListRolePolicies", &json!({"RoleName": "r"})).to_string().contains("theirs"));
    assert!(bench.plan(&moved).is_empty());
}

/// Lets the account be as hard on clients as AWS's documentation allows.
fn strict(bench: &Bench) {
    let edit = |account: &mut vssctl::sandbox::account::Account| {
        let backup = &mut account.regions.get_mut("ap-northeast-1").expect("the region").backup;
        backup.strictness.unique_selection_names = true;
        backup.strictness.remembers_tokens = true;
    };
    bench.sandbox.edit(edit).expect("an edit");
}

#[test]
fn a_selection_that_comes_back_to_earlier_content_is_made_again() {
    let bench = Bench::new();
    bench.apply(&main_file());
    strict(&bench);
    let other = main_file().replace("VssBackup = \"enabled\" } }", "VssBackup = \"enabled\", tier = \"1\" } }");
    assert_ne!(other, main_file());
    for file in [&other, &main_file(), &other, &main_file()] {
        bench.sandbox.advance(std::time::Duration::from_mins(5)).expect("the clock");
        bench.apply(file);
        let again = bench.plan(file);
        assert!(again.is_empty() && again.orphans.is_empty(), "{again:#?}");
    }
}

#[test]
fn a_plan_that_was_destroyed_is_made_again() {
    let bench = Bench::new();
    bench.apply(&main_file());
    strict(&bench);
    bench.sandbox.advance(std::time::Duration::from_mins(5)).expect("the clock");
    let (_, report) = bench.try_apply(&main_file(), &Options { destroy: true, ..Options::default() });
    assert!(report.is_complete(), "{:#?}", report.outcomes);
    bench.apply(&main_file());
    let again = bench.plan(&main_file());
    assert!(again.is_empty() && again.orphans.is_empty(), "{again:#?}");
}

#[test]
fn a_new_table_key_keeps_the_live_thing() {
    let bench = Bench::new();
    bench.apply(&format!("{STACK}[vault.old]\nname = \"vault-v\"\n"));
    let file = format!("{STACK}[vault.new]\nname = \"vault-v\"\nrenamed_from = \"old\"\n");
    let plan = bench.apply(&file);
    assert_eq!(changed(&plan), [("vault.new".to_owned(), Action::Update)]);
    let again = bench.plan(&file);
    assert!(again.is_empty() && again.orphans.is_empty(), "{again:#?}");
}

#[test]
fn a_target_brings_what_it_needs_and_nothing_else() {
    let bench = Bench::new();
    let options =
        Options { targets: vec!["selection.daily.windows".parse().expect("an address")], ..Options::default() };
    let plan = bench.plan_with(&main_file(), &options);
    let addresses: Vec<String> = changed(&plan).into_iter().map(|(address, _)| address).collect();
    assert_eq!(addresses, ["role.AWSBackupVss", "vault.vss", "plan.daily", "selection.daily.windows"]);
}

#[test]
fn a_problem_of_what_is_no_target_is_none_of_a_targeted_plan() {
    let bench = Bench::new();
    bench.call("backup", "CreateBackupVault", &json!({ "BackupVaultName": "vss" }));
    let codes = |plan: &Plan| plan.diagnostics.iter().map(|problem| problem.code).collect::<Vec<_>>();
    assert_eq!(codes(&bench.plan(&main_file())), ["VSS0901"]);
    for (target, expected) in [("role.AWSBackupVss", &[][..]), ("plan.daily", &["VSS0901"])] {
        let options = Options { targets: vec![target.parse().expect("an address")], ..Options::default() };
        assert_eq!(codes(&bench.plan_with(&main_file(), &options)), expected, "{target}");
    }
}

#[test]
fn a_targeted_replacement_brings_what_holds_the_old_thing() {
    let bench = Bench::new();
    bench.apply(&main_file());
    let file = main_file().replace("[plan.daily]", "[plan.daily]\nname = \"daily-2\"");
    let options = Options { targets: vec!["plan.daily".parse().expect("an address")], ..Options::default() };
    let (plan, report) = bench.try_apply(&file, &options);
    assert!(report.is_complete(), "{:#?}", report.outcomes);
    assert!(changed(&plan).contains(&("selection.daily.windows".to_owned(), Action::Replace)), "{:?}", changed(&plan));
    assert!(bench.plan(&file).is_empty());
}

#[test]
fn an_adoption_never_deletes_what_it_adopts() {
    let bench = Bench::new();
    bench.call("iam", "CreateRole", &json!({"RoleName": "app", "Path": "/theirs/", "AssumeRolePolicyDocument": TRUST}));
    let file = format!("{STACK}[role.app]\npreset = \"backup-service\"\npath = \"/ours/\"\nadopt = true\n");
    let plan = bench.plan(&file);
    assert_eq!(changed(&plan), [("role.app".to_owned(), Action::Refused)]);
    assert_eq!(codes(&plan), ["VSS0907"]);
    assert!(plan.is_empty());
}

#[test]
fn the_case_of_an_iam_name_replaces_nothing_and_is_asked_for() {
    let bench = Bench::new();
    bench.apply(&format!("{STACK}[role.app]\npreset = \"backup-service\"\n"));
    let plan = bench.plan(&format!("{STACK}[role.app]\nname = \"App\"\npreset = \"backup-service\"\n"));
    assert!(plan.is_empty(), "{:#?}", plan.changes);
    assert_eq!(codes(&plan), ["VSS0912"]);
}

#[test]
fn what_is_adopted_is_called_by_the_name_that_it_has() {
    let bench = Bench::new();
    bench.call("iam", "CreateRole", &json!({"RoleName": "app", "AssumeRolePolicyDocument": TRUST}));
    let file = |name: &str| format!("{STACK}[role.app]\nname = \"{name}\"\npreset = \"vss-instance\"\nadopt = true\n");
    let plan = bench.plan(&file("App"));
    assert_eq!(codes(&plan), ["VSS0912"]);
    let help = plan.diagnostics[0].help.join("; ");
    assert!(help.contains("`name = \"app\"` under `[role.app]`"), "{help}");
    bench.apply(&file("app"));
    assert!(bench.plan(&file("app")).is_empty());
}

#[test]
fn a_new_name_leaves_the_old_thing_as_an_orphan_that_prune_and_destroy_can_name() {
    let bench = Bench::new();
    bench.apply(&format!("{STACK}[vault.first]\n"));
    let file = format!("{STACK}[vault.first]\nname = \"second\"\n");
    bench.apply(&file);
    let plan = bench.plan(&file);
    assert!(plan.is_empty());
    assert_eq!(plan.orphans.iter().map(|orphan| orphan.address.to_string()).collect::<Vec<_>>(), ["vault.first-2"]);
    let (plan, report) = bench.try_apply(&file, &Options { destroy: true, ..Options::default() });
    assert!(report.is_complete(), "{:#?}", report.outcomes);
    assert_eq!(plan.summary().destroy, 2);
}

#[test]
fn a_package_without_its_schedule_loses_the_association_in_the_same_apply() {
    let bench = Bench::new();
    let file = format!("{STACK}[package.AwsVssComponents]\ntargets = {{ tags = {{ VssBackup = \"enabled\" }} }}\n");
    bench.apply(&format!("{file}schedule = \"rate(1 day)\"\n"));
    bench.apply(&file);
    let again = bench.plan(&file);
    assert!(again.is_empty(), "{:#?}", again.changes);
    let associations = bench.call("ssm", "ListAssociations", &json!({}));
    assert_eq!(associations["Associations"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_plan_that_lost_all_its_tags_is_healed_in_one_apply() {
    let bench = Bench::new();
    bench.apply(&main_file());
    let plans = bench.call("backup", "ListBackupPlans", &json!({}));
    let arn = &plans["BackupPlansList"][0]["BackupPlanArn"];
    let keys = ["team", "vssctl:id", "vssctl:keys", "vssctl:stack"];
    bench.call("backup", "UntagResource", &json!({"ResourceArn": arn, "TagKeyList": keys}));
    let plan = bench.apply(&main_file());
    assert_eq!(paths(&plan, "plan.daily"), ["tags.team"]);
    assert!(bench.plan(&main_file()).is_empty());
}

#[test]
fn destroy_does_the_rest_when_something_has_to_stay() {
    let bench = Bench::new();
    let file = main_file().replace("[role.AWSBackupVss]", "[role.AWSBackupVss]\nprotect = true");
    bench.apply(&file);
    let (plan, report) = bench.try_apply(&file, &Options { destroy: true, ..Options::default() });
    assert!(report.is_complete(), "{:#?}", report.outcomes);
    assert_eq!(plan.summary().destroy, 6);
    assert_eq!(changed(&plan)[0], ("role.AWSBackupVss".to_owned(), Action::Refused));
    bench.call("iam", "GetRole", &json!({"RoleName": "AWSBackupVss"}));
}

#[test]
fn what_a_protected_thing_refers_to_stays_with_it() {
    let bench = Bench::new();
    let file = main_file().replace("[plan.daily]", "[plan.daily]\nprotect = true");
    bench.apply(&file);
    let plan = bench.plan_with(&file, &Options { destroy: true, ..Options::default() });
    let refused: Vec<String> = changed(&plan)
        .into_iter()
        .filter(|(_, action)| *action == Action::Refused)
        .map(|(address, _)| address)
        .collect();
    // A plan without its selection would back up nothing, and the selection needs its role.
    assert_eq!(refused, ["role.AWSBackupVss", "vault.vss", "plan.daily", "selection.daily.windows"]);
}

#[test]
fn a_role_that_lives_at_another_path_is_referred_to_where_it_lives() {
    let bench = Bench::new();
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"backup.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    bench.call(
        "iam",
        "CreateRole",
        &json!({"RoleName": "AWSBackupVss", "Path": "/service-role/", "AssumeRolePolicyDocument": trust}),
    );
    let file = main_file().replace("[role.AWSBackupVss]", "[role.AWSBackupVss]\nadopt = true");
    bench.apply(&file);
    assert!(bench.plan(&file).is_empty());
    let plans = bench.call("backup", "ListBackupPlans", &json!({}));
    let id = &plans["BackupPlansList"][0]["BackupPlanId"];
    let selections = bench.call("backup", "ListBackupSelections", &json!({"BackupPlanId": id}));
    let arn = selections["BackupSelectionsList"][0]["IamRoleArn"].as_str();
    assert_eq!(arn, Some("arn:aws:iam::123456789012:role/service-role/AWSBackupVss"));
}

#[test]
fn a_protected_thing_is_neither_deleted_nor_replaced() {
    let bench = Bench::new();
    let file = format!("{STACK}[role.r]\npreset = \"backup-service\"\npath = \"/a/\"\nprotect = true\n");
    bench.apply(&file);
    let plan = bench.plan(&file.replace("/a/", "/b/"));
    assert_eq!(changed(&plan), [("role.r".to_owned(), Action::Refused)]);
    assert!(plan.diagnostics[0].help[0].contains("`protect = false`"), "{:?}", plan.diagnostics[0].help);
    let destroy = bench.plan_with(&file, &Options { destroy: true, ..Options::default() });
    assert!(destroy.is_empty() && destroy.has_refused());
}

#[test]
fn fields_of_a_plan_that_the_file_does_not_model_survive_an_update() {
    let bench = Bench::new();
    bench.apply(&main_file());
    let plans = bench.call("backup", "ListBackupPlans", &json!({}));
    let id = &plans["BackupPlansList"][0]["BackupPlanId"];
    let live = bench.call("backup", "GetBackupPlan", &json!({"BackupPlanId": id}));
    let mut document = live["BackupPlan"].clone();
    document["Rules"][0]["IndexActions"] = json!([{"ResourceTypes": ["EBS"]}]);
    document["AdvancedBackupSettings"] = live["AdvancedBackupSettings"].clone();
    document["Rules"][0].as_object_mut().expect("a rule").remove("RuleId");
    bench.call("backup", "UpdateBackupPlan", &json!({"BackupPlanId": id, "BackupPlan": document}));
    assert!(bench.plan(&main_file()).is_empty());
    let file = main_file().replace("35d", "36d");
    bench.apply(&file);
    let live = bench.call("backup", "GetBackupPlan", &json!({"BackupPlanId": id}));
    assert_eq!(live["BackupPlan"]["Rules"][0]["IndexActions"], json!([{"ResourceTypes": ["EBS"]}]));
    assert_eq!(live["BackupPlan"]["Rules"][0]["Lifecycle"]["DeleteAfterDays"], 36);
}

#[test]
fn a_policy_that_means_the_same_is_no_difference() {
    let bench = Bench::new();
    let document =
        |text: &str| format!("{STACK}[role.r]\npreset = \"backup-service\"\n[role.r.inline_policies]\nx = '{text}'\n");
    let ours = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:DescribeImages","ec2:DescribeTags"],"Resource":"*"}]}"#;
    let same = r#"{"Statement":{"Resource":["*"],"Action":["EC2:describeTags","ec2:DescribeImages","ec2:DescribeImages"],"Effect":"Allow"},"Version":"2012-10-17"}"#;
    bench.apply(&document(ours));
    assert!(bench.plan(&document(same)).is_empty());
    bench.call("iam", "PutRolePolicy", &json!({"RoleName": "r", "PolicyName": "x", "PolicyDocument": same}));
    assert!(bench.plan(&document(ours)).is_empty());
}

#[test]
fn a_wrong_account_stops_before_anything_else_is_read() {
    let bench = Bench::new();
    let other = STACK.replace("123456789012", "999999999999");
    let result =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| bench.plan(&format!("{other}[vault.vault-a]\n"))));
    assert!(result.is_err());
    assert_eq!(bench.requests(), ["sts:GetCallerIdentity"]);
}

#[test]
fn how_far_a_package_is_on_its_instances_is_read_from_aws() {
    for schedule in ["", "schedule = \"rate(1 day)\"\n"] {
        let bench = Bench::new();
        let file = format!(
            "{STACK}[package.AwsVssComponents]\n{schedule}targets = {{ tags = {{ VssBackup = \"enabled\" }} }}\n"
        );
        bench.apply(&file);
        let now = bench.installation(&file, "package.AwsVssComponents");
        assert!(now.pending > 0 && !now.ended, "{schedule}: {now:?}");
        bench.sandbox.advance(std::time::Duration::from_hours(2)).expect("time goes on");
        // Two of the three tagged instances have an agent that answers. A command that one of them never answered has failed,
        // and no longer counts as there; an association stays.
        if !schedule.is_empty() {
            let then = bench.installation(&file, "package.AwsVssComponents");
            assert_eq!((then.succeeded, then.failed, then.pending, then.ended), (2, 1, 0, true), "{schedule}");
        }
    }
}

/// The stacks of the call budget: a role with two managed policies, profile, vault, plan with one rule and one selection.
fn generated(stacks: usize) -> String {
    use std::fmt::Write;
    let mut file = STACK.to_owned();
    for number in 0..stacks {
        write!(
            file,
            "[role.r{number}]\nname = \"AWSBackup-r{number}\"\ninstance_profile = true\n\
             trust = '{BOTH}'\nmanaged_policies = [\"AmazonSSMManagedInstanceCore\", \"AWSEC2VssSnapshotPolicy\"]\n[vault.va{number}]\n\
             [plan.p{number}.rule.nightly]\nvault = \"va{number}\"\nschedule = \"cron(0 {} ? * * *)\"\n\
             [plan.p{number}.selection.s]\nrole = \"r{number}\"\nmatch = {{ all = {{ n = \"{number}\" }} }}\n",
            number % 24
        )
        .expect("a String takes everything");
    }
    file
}

#[test]
fn a_plan_makes_few_calls() {
    for (stacks, limit) in [(1, 11), (25, 83), (200, 611)] {
        let bench = Bench::new();
        let file = generated(stacks);
        bench.forget_requests();
        bench.plan(&file);
        assert!(bench.requests().len() <= limit, "{stacks} new stacks: {}", bench.requests().len());
        bench.apply(&file);
        bench.forget_requests();
        assert!(bench.plan(&file).is_empty());
        let calls = bench.requests().len();
        assert!(calls <= limit, "{stacks} stacks: {calls} calls, and {limit} are allowed");
    }
}

#[test]
fn a_stack_of_the_same_name_in_another_region_keeps_its_things_of_iam() {
    let things = format!("[role.r]\npreset = \"vss-instance\"\n[policy.p]\ndocument = '{DOCUMENT}'\n");
    let elsewhere = STACK.replace("ap-northeast-1", "us-west-2");
    let bench = Bench::new();
    bench.apply(&format!("{elsewhere}{things}"));

    let empty = bench.plan(STACK);
    assert!(empty.orphans.is_empty(), "{:#?}", empty.orphans);
    let destroy = Options { destroy: true, ..Options::default() };
    assert!(bench.plan_with(&format!("{STACK}{things}"), &destroy).is_empty());

    let taken = bench.plan(&format!("{STACK}{things}"));
    assert!(taken.is_empty() && codes(&taken) == ["VSS0903"; 3], "{taken:#?}");
    assert!(taken.diagnostics[0].message.contains("`bench in us-west-2`"), "{}", taken.diagnostics[0].message);
    assert!(bench.plan(&format!("{elsewhere}{things}")).is_empty());
    assert_eq!(bench.plan(&elsewhere).orphans.len(), 3);
}

#[test]
fn a_thing_of_ours_without_the_mark_of_a_region_stays_ours_and_gets_it() {
    let file = format!("{STACK}[role.r]\npreset = \"backup-service\"\n");
    let bench = Bench::new();
    bench.apply(&file);
    bench.call("iam", "UntagRole", &json!({"RoleName": "r", "TagKeys": ["vssctl:region"]}));
    let plan = bench.apply(&file);
    assert_eq!(changed(&plan), [("role.r".to_owned(), Action::Update)]);
    assert_eq!(paths(&plan, "role.r"), ["tags.vssctl:region"]);
    assert!(bench.plan(&file).is_empty());
}

#[test]
fn a_new_table_key_of_any_kind_moves_the_address_and_touches_nothing_else() {
    let old = format!(
        "{STACK}[policy.p]\ndocument = '{DOCUMENT}'\n[role.AWSBackupR]\ntrust = '{BOTH}'\ninstance_profile = true\n[role.q]\ntrust = '{BOTH}'\n\
         [instance_profile.i]\nrole = \"q\"\n[package.AwsVssComponents]\ntargets = {{ tags = {{ a = \"b\" }} }}\nschedule = \"rate(1 day)\"\n\
         [vault.vss]\n[plan.daily.rule.r]\nvault = \"vss\"\n[plan.daily.selection.s]\nrole = \"AWSBackupR\"\nmatch = {{ all = {{ a = \"b\" }} }}\n"
    );
    let new = [
        ("[policy.p]", "[policy.p2]\nrenamed_from = \"p\""),
        ("[role.AWSBackupR]", "[role.AWSBackupR2]\nrenamed_from = \"role.AWSBackupR\""),
        ("[role.q]", "[role.q2]\nrenamed_from = \"q\""),
        ("[instance_profile.i]", "[instance_profile.i2]\nrenamed_from = \"i\""),
        ("[package.AwsVssComponents]", "[package.vss]\nrenamed_from = \"AwsVssComponents\""),
        ("[vault.vss]", "[vault.vss2]\nrenamed_from = \"vss\""),
        ("[plan.daily.rule.r]", "[plan.nightly]\nrenamed_from = \"daily\"\n[plan.nightly.rule.r]"),
        ("[plan.daily.selection.s]", "[plan.nightly.selection.s2]\nrenamed_from = \"daily.s\""),
    ]
    .iter()
    .fold(old.clone(), |text, (from, to)| text.replace(from, to));
    let bench = Bench::new();
    bench.apply(&old);
    let plan = bench.apply(&new);
    for change in &plan.changes {
        assert!(matches!(change.action, Action::NoOp | Action::Update), "{change:#?}");
        assert!(change.fields.iter().all(|field| field.path == "tags.vssctl:id"), "{change:#?}");
    }
    assert_eq!(plan.orphans, []);
    let again = bench.plan(&new);
    assert!(again.is_empty() && again.orphans.is_empty(), "{again:#?}");
}

#[test]
fn an_adoption_acts_on_the_named_things_whatever_else_is_in_conflict() {
    let bench = Bench::new();
    for name in ["vault-a", "vault-b"] {
        bench.call("backup", "CreateBackupVault", &json!({"BackupVaultName": name}));
    }
    let file = format!("{STACK}[vault.vault-a]\n[vault.vault-b]\n[vault.vault-c]\n");
    let adopt = |name: &str| {
        let address: vssctl::model::Address = name.parse().expect("an address");
        Options { targets: vec![address.clone()], adopt: vec![address], ..Options::default() }
    };
    let everywhere = Options { targets: Vec::new(), ..adopt("vault.vault-a") };
    for options in [adopt("vault.vault-a"), everywhere] {
        let plan = bench.plan_with(&file, &options);
        assert_eq!(changed(&plan), [("vault.vault-a".to_owned(), Action::Adopt)]);
        assert!(plan.diagnostics.is_empty(), "{:?}", plan.diagnostics);
    }
    let plan = bench.plan_with(&file, &adopt("vault.vault-c"));
    assert!(plan.is_empty() && codes(&plan) == ["VSS0909"], "{:?}", plan.diagnostics);
}

#[test]
fn a_role_s_own_instance_profile_is_adopted_under_the_role() {
    let bench = Bench::new();
    bench.call("iam", "CreateInstanceProfile", &json!({"InstanceProfileName": "r"}));
    let file = format!("{STACK}[role.r]\npreset = \"vss-instance\"\n");
    let plan = bench.plan(&file);
    assert_eq!(codes(&plan), ["VSS0901"]);
    assert!(plan.diagnostics[0].help[0].contains("under `[role.r]`"), "{:?}", plan.diagnostics[0].help);
    let plan = bench.plan(&file.replace("[role.r]", "[role.r]\nadopt = true"));
    assert!(plan.diagnostics.is_empty(), "{:?}", plan.diagnostics);
}

#[test]
fn the_limit_of_deletions_counts_the_whole_stack_whatever_the_targets_are() {
    let bench = Bench::new();
    bench.apply(&main_file());
    let main = main_file();
    let (without, _) = main.split_once("[plan.daily.selection.windows]").expect("a selection");
    let targets = vec!["selection.daily.windows".parse().expect("an address")];
    let plan = bench.plan_with(without, &Options { targets, prune: true, ..Options::default() });
    assert_eq!(changed(&plan), [("selection.daily.windows".to_owned(), Action::Delete)]);
    assert!(plan.diagnostics.is_empty(), "{:?}", plan.diagnostics);
}

#[test]
fn what_is_in_an_ambiguous_plan_is_refused_with_it_and_no_problem_of_its_own() {
    let bench = Bench::new();
    for name in ["first", "second"] {
        let rule = json!({"RuleName": name, "TargetBackupVaultName": "Default"});
        bench.call("backup", "CreateBackupPlan", &json!({"BackupPlan": {"BackupPlanName": "daily", "Rules": [rule]}}));
    }
    let plan = bench.plan(&main_file());
    assert_eq!(codes(&plan), ["VSS0902"], "{:?}", plan.diagnostics);
    assert!(!plan.has_unknown() && plan.has_refused());
}

#[test]
fn a_compliance_lock_shows_its_grace_time_when_its_vault_is_made() {
    let bench = Bench::new();
    let file = format!(
        "{STACK}[vault.vss]\nlock = {{ mode = \"compliance\", min_retention = \"7d\", changeable_for = \"3d\", \
         compliance_lock_is_irreversible = true }}\n"
    );
    assert!(paths(&bench.plan(&file), "vault.vss").contains(&"lock.changeable_for".to_owned()));
    bench.apply(&file);
    assert!(bench.plan(&file).is_empty());
}
