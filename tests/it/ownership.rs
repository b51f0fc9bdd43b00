//! Who owns what, who holds what, and what a plan may therefore take away.

use std::time::Duration;

use serde_json::{Value, json};
use vssctl::apply::Status;
use vssctl::model::Action;
use vssctl::model::KindId;
use vssctl::plan;
use vssctl::plan::Options;
use vssctl::plan::Plan;

use crate::bench::{Bench, STACK, changed, paths};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:DescribeImages","Resource":"*"}}"#;

fn file(rest: &str) -> String {
    format!("{STACK}{rest}")
}

fn destroy() -> Options {
    Options { destroy: true, ..Options::default() }
}

fn prune() -> Options {
    Options { prune: true, max_deletions: Some(99), ..Options::default() }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn messages(plan: &Plan) -> String {
    let lines: Vec<String> =
        plan.diagnostics.iter().map(|diagnostic| format!("{} {}", diagnostic.code, diagnostic.message)).collect();
    lines.join("\n")
}

fn tags(bench: &Bench, role: &str) -> Value {
    bench.call("iam", "ListRoleTags", &json!({"RoleName": role}))["Tags"].clone()
}

#[test]
fn a_policy_on_a_role_moves_to_another_path() {
    let bench = Bench::new();
    let at = |path: &str| {
        file(&format!(
            "[policy.p]\ndocument = '{DOCUMENT}'\npath = \"{path}\"\n[role.app]\ntrust = '{TRUST}'\nmanaged_policies = [\"p\"]\n"
        ))
    };
    bench.apply(&at("/a/"));
    bench.apply(&at("/b/"));
    let again = bench.plan(&at("/b/"));
    assert!(again.is_empty() && again.orphans.is_empty(), "{again:#?}");
}

#[test]
fn a_policy_that_bounds_a_role_is_replaced_and_bounds_it_again() {
    let bench = Bench::new();
    let with = |rest: &str| {
        file(&format!(
            "[policy.p]\ndocument = '{DOCUMENT}'\n{rest}\n[role.app]\ntrust = '{TRUST}'\npermissions_boundary = \"p\"\n"
        ))
    };
    bench.apply(&with(""));
    for rest in ["description = \"one\"", "description = \"one\"\npath = \"/b/\""] {
        bench.apply(&with(rest));
        let again = bench.plan(&with(rest));
        assert!(again.is_empty() && again.orphans.is_empty(), "{again:#?}");
        let role = bench.call("iam", "GetRole", &json!({"RoleName": "app"}));
        let boundary = role["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"].as_str().unwrap_or_default();
        assert!(boundary.ends_with("/p"), "{role}");
    }
}

#[test]
fn a_policy_stays_while_the_role_that_takes_the_place_of_its_holder_keeps_it() {
    let bound =
        format!("[policy.p]\ndocument = '{DOCUMENT}'\n[role.app]\ntrust = '{TRUST}'\npermissions_boundary = \"p\"\n");
    let attached =
        format!("[policy.p]\ndocument = '{DOCUMENT}'\n[role.app]\ntrust = '{TRUST}'\nmanaged_policies = [\"p\"]\n");
    for before in [bound, attached] {
        let bench = Bench::new();
        bench.apply(&file(&before));
        // The file no longer speaks of the policy, and a new path makes the role anew: it keeps what it has.
        let after = file(&format!("[role.app]\ntrust = '{TRUST}'\npath = \"/x/\"\n"));
        let plan = bench.plan_with(&after, &prune());
        let (_, report) = bench.try_apply(&after, &prune());
        let action = |text: &str| plan.changes.iter().find(|it| it.address.to_string() == text).map(|it| it.action);
        assert_eq!(action("role.app"), Some(Action::Replace), "{plan:#?}");
        assert_ne!(action("policy.p"), Some(Action::Delete), "{plan:#?}");
        assert!(report.outcomes.iter().all(|outcome| matches!(outcome.status, Status::Done)), "{report:#?}");
        let (_, report) = bench.try_apply(&file(""), &prune());
        assert!(report.outcomes.iter().all(|outcome| matches!(outcome.status, Status::Done)), "{report:#?}");
    }
}

#[test]
fn a_tag_key_may_change_its_case() {
    let bench = Bench::new();
    let with = |key: &str| file(&format!("[role.app]\ntrust = '{TRUST}'\ntags = {{ {key} = \"a\" }}\n"));
    bench.apply(&with("team"));
    bench.apply(&with("Team"));
    let tags = tags(&bench, "app");
    assert!(tags.as_array().into_iter().flatten().any(|tag| tag["Key"] == "Team"), "{tags}");
    assert!(bench.plan(&with("Team")).is_empty());
}

#[test]
fn adopting_does_not_claim_tags_that_somebody_else_wrote() {
    let bench = Bench::new();
    let theirs = json!([{"Key": "team", "Value": "theirs"}, {"Key": "same", "Value": "a"}]);
    bench.call("iam", "CreateRole", &json!({"RoleName": "app", "AssumeRolePolicyDocument": TRUST, "Tags": theirs}));
    let with = |tags: &str| file(&format!("[role.app]\ntrust = '{TRUST}'\ntags = {{ {tags} }}\n"));
    let adopt = Options { adopt: vec!["role.app".parse().expect("an address")], ..Options::default() };
    let (_, report) = bench.try_apply(&with("team = \"ours\", same = \"a\""), &adopt);
    assert!(report.is_complete());
    let tags = tags(&bench, "app");
    let keys = tags.as_array().into_iter().flatten().find(|tag| tag["Key"] == "vssctl:keys");
    assert_eq!(keys.map(|tag| &tag["Value"]), Some(&json!("same")));
    // The file changes its mind before it ever wrote `team`: the tag is left as it is.
    assert_eq!(paths(&bench.plan(&with("same = \"a\"")), "role.app"), [""; 0]);
}

const BACKUP: &str = "[role.AWSBackupVss]\npreset = \"backup-service\"\n[vault.vault-a]\n[plan.daily]\n[plan.daily.rule.nightly]\nvault = \"vault-a\"\nschedule = \"cron(0 18 ? * * *)\"\n";
const SELECTION: &str =
    "[plan.daily.selection.windows]\nrole = \"AWSBackupVss\"\nmatch = { all = { VssBackup = \"enabled\" } }\n";

fn plan_id(bench: &Bench) -> Value {
    bench.call("backup", "ListBackupPlans", &json!({}))["BackupPlansList"][0]["BackupPlanId"].clone()
}

/// Adds a selection to the only plan, as somebody at the console would.
fn select_by_hand(bench: &Bench, name: &str) {
    let selection = json!({
        "SelectionName": name,
        "IamRoleArn": "arn:aws:iam::123456789012:role/AWSBackupVss",
        "Resources": ["arn:aws:ec2:*:*:instance/*"],
    });
    bench.call(
        "backup",
        "CreateBackupSelection",
        &json!({"BackupPlanId": plan_id(bench), "BackupSelection": selection}),
    );
}

fn selections(bench: &Bench) -> Vec<Value> {
    let answer = bench.call("backup", "ListBackupSelections", &json!({"BackupPlanId": plan_id(bench)}));
    answer["BackupSelectionsList"].as_array().into_iter().flatten().map(|one| one["SelectionName"].clone()).collect()
}

#[test]
fn a_selection_in_a_strangers_plan_is_not_ours_to_change_or_delete() {
    for adopt in ["", "adopt = true\n"] {
        let bench = Bench::new();
        bench.apply(&file("[role.AWSBackupVss]\npreset = \"backup-service\"\n[vault.vault-a]\n"));
        let rule = json!({"RuleName": "nightly", "TargetBackupVaultName": "vault-a"});
        let plan = json!({"BackupPlanName": "daily", "Rules": [rule]});
        bench.call("backup", "CreateBackupPlan", &json!({"BackupPlan": plan}));
        select_by_hand(&bench, "windows");
        let colliding =
            file(&format!("{BACKUP}{SELECTION}")).replace("[plan.daily]\n", &format!("[plan.daily]\n{adopt}"));
        let (plan, report) = bench.try_apply(&colliding, &destroy());
        assert!(report.is_complete(), "{:#?}", report.outcomes);
        assert!(
            !plan
                .changes
                .iter()
                .any(|change| change.address.kind() == KindId::Selection && change.action == Action::Delete)
        );
        assert_eq!(selections(&bench), ["windows"]);
        if adopt.is_empty() {
            let plan = bench.plan(&colliding);
            let refused = ("selection.daily.windows".to_owned(), Action::Refused);
            assert!(changed(&plan).contains(&refused), "{:?}", changed(&plan));
        }
    }
}

#[test]
fn an_adopted_plan_brings_its_selections_along() {
    let bench = Bench::new();
    bench.apply(&file("[role.AWSBackupVss]\npreset = \"backup-service\"\n[vault.vault-a]\n"));
    let rule = json!({"RuleName": "nightly", "TargetBackupVaultName": "vault-a"});
    bench.call("backup", "CreateBackupPlan", &json!({"BackupPlan": {"BackupPlanName": "daily", "Rules": [rule]}}));
    select_by_hand(&bench, "windows");
    let adopting = file(&format!("{BACKUP}{SELECTION}")).replace("[plan.daily]\n", "[plan.daily]\nadopt = true\n");
    bench.apply(&adopting);
    assert_eq!(selections(&bench), ["windows"]);
    assert!(bench.plan(&adopting).is_empty());
}

#[test]
fn a_selection_that_somebody_added_to_our_plan_is_an_orphan_and_no_obstacle() {
    let bench = Bench::new();
    let main = file(&format!("{BACKUP}{SELECTION}"));
    bench.apply(&main);
    select_by_hand(&bench, "by-hand");
    let plan = bench.plan(&main);
    let orphans: Vec<String> = plan.orphans.iter().map(|orphan| orphan.address.to_string()).collect();
    assert_eq!((plan.is_empty(), orphans), (true, vec!["selection.daily.by-hand".to_owned()]));

    // Renaming the plan would leave it behind: the plan says so, and `--prune` takes it away first.
    let renamed = main.replace("[plan.daily]\n", "[plan.daily]\nname = \"daily-2\"\n");
    let refused = bench.plan(&renamed);
    assert!(refused.is_empty() && messages(&refused).contains("backup selection `by-hand`"), "{}", messages(&refused));
    bench.forget_requests();
    let (_, report) = bench.try_apply(&renamed, &prune());
    assert!(report.is_complete(), "{:#?}", report.outcomes);
    let deleted = bench.writes().iter().filter(|write| *write == "backup:DeleteBackupPlan").count();
    assert_eq!((deleted, selections(&bench)), (1, vec![json!("windows")]));

    select_by_hand(&bench, "by-hand");
    let (_, report) = bench.try_apply(&renamed, &destroy());
    assert!(report.is_complete(), "{:#?}", report.outcomes);
    assert_eq!(plan_id(&bench), Value::Null);
}

#[test]
fn a_role_that_a_stranger_holds_is_not_taken_apart() {
    let bench = Bench::new();
    let with = |path: &str| {
        file(&format!(
            "[role.app]\ntrust = '{TRUST}'\npath = \"{path}\"\nmanaged_policies = [\"AmazonSSMManagedInstanceCore\"]\n"
        ))
    };
    bench.apply(&with("/a/"));
    bench.call("iam", "CreateInstanceProfile", &json!({"InstanceProfileName": "theirs"}));
    bench.call("iam", "AddRoleToInstanceProfile", &json!({"InstanceProfileName": "theirs", "RoleName": "app"}));
    bench.forget_requests();
    let without = file("[vault.kept]\n");
    for (toml, options) in [(with("/a/"), destroy()), (with("/b/"), Options::default()), (without, prune())] {
        let plan = bench.plan_with(&toml, &options);
        assert!(!plan.steps.iter().any(|step| step.address.kind() == KindId::Role), "{:#?}", plan.steps);
        let named = "VSS0906 `role.app` can't be";
        assert!(messages(&plan).contains(named) && messages(&plan).contains("`theirs`"), "{}", messages(&plan));
    }
    assert_eq!(bench.writes(), [""; 0]);
}

#[test]
fn a_policy_that_a_stranger_holds_is_not_taken_apart() {
    let bench = Bench::new();
    let with = |path: &str| file(&format!("[policy.p]\ndocument = '{DOCUMENT}'\npath = \"{path}\"\n"));
    bench.apply(&with("/a/"));
    let arn = "arn:aws:iam::123456789012:policy/a/p";
    bench.call("iam", "CreateRole", &json!({"RoleName": "theirs", "AssumeRolePolicyDocument": TRUST}));
    let hold: [(&str, Value); 2] = [
        ("AttachRolePolicy", json!({"RoleName": "theirs", "PolicyArn": arn})),
        ("PutRolePermissionsBoundary", json!({"RoleName": "theirs", "PermissionsBoundary": arn})),
    ];
    for (operation, input) in hold {
        bench.call("iam", operation, &input);
        for (toml, options) in [(with("/a/"), destroy()), (with("/b/"), Options::default())] {
            let plan = bench.plan_with(&toml, &options);
            assert!(plan.is_empty() && messages(&plan).contains("IAM role `theirs` holds it"), "{}", messages(&plan));
        }
        if operation == "AttachRolePolicy" {
            bench.call("iam", "DetachRolePolicy", &input);
        }
    }
}

#[test]
fn a_role_may_go_when_everybody_who_holds_it_lets_go() {
    let bench = Bench::new();
    let role = |name: &str| format!("[role.{name}]\npreset = \"vss-instance\"\ninstance_profile = false\n");
    bench.apply(&file(&format!("{}{}[instance_profile.i]\nrole = \"one\"\n", role("one"), role("two"))));
    let (plan, report) =
        bench.try_apply(&file(&format!("{}[instance_profile.i]\nrole = \"two\"\n", role("two"))), &prune());
    assert!(report.is_complete(), "{:#?}", report.outcomes);
    assert!(changed(&plan).contains(&("role.one".to_owned(), Action::Delete)), "{:?}", changed(&plan));
}

#[test]
fn a_missing_policy_of_aws_fails_at_once() {
    let bench = Bench::new();
    let toml = file(&format!(
        "[role.app]\ntrust = '{TRUST}'\nmanaged_policies = [\"arn:aws:iam::aws:policy/service-role/ReadOnlyAccess\"]\n"
    ));
    bench.forget_requests();
    let (_, report) = bench.try_apply(&toml, &Options::default());
    let tries = bench.writes().iter().filter(|write| *write == "iam:AttachRolePolicy").count();
    assert_eq!((report.is_complete(), tries), (false, 1));
}

#[test]
fn a_list_that_cannot_be_read_is_said_where_the_file_has_nothing_of_the_kind() {
    let lists = [
        ("iam", "GetAccountAuthorizationDetails"),
        ("iam", "ListInstanceProfiles"),
        ("backup", "ListBackupPlans"),
        ("tagging", "GetResources"),
    ];
    for (service, operation) in lists {
        let bench = Bench::new();
        bench.apply(&file("[vault.kept]\n"));
        bench.deny(service, operation);
        let toml = file(&format!("[role.app]\ntrust = '{TRUST}'\n"));
        let toml = if service == "iam" { file("[vault.kept]\n") } else { toml };
        let plan = bench.plan(&toml);
        let denied = messages(&plan);
        assert!(denied.contains("VSS0802") && denied.contains("AccessDenied"), "{operation}: {denied}");
        assert_ne!(vssctl::render::text::last_line(&plan), vssctl::render::text::NO_CHANGES);
        for options in [destroy(), prune()] {
            let plan = bench.plan_with(&toml, &options);
            let error = plan.diagnostics.iter().find(|diagnostic| diagnostic.code == "VSS0802");
            assert_eq!(error.map(|error| error.severity), Some(vssctl::model::Severity::Error), "{operation}");
        }
    }
}

#[test]
fn a_package_may_leave_its_cron_schedule() {
    let bench = Bench::new();
    let with = |rest: &str| {
        file(&format!("[package.AwsVssComponents]\ntargets = {{ tags = {{ VssBackup = \"enabled\" }} }}\n{rest}\n"))
    };
    bench.apply(&with(
        "schedule = \"cron(0 2 ? * SUN#2 *)\"\napply_only_at_cron_interval = true\nschedule_offset = 2\nduration = 3",
    ));
    let daily = with("schedule = \"rate(1 day)\"");
    let plan = bench.apply(&daily);
    assert_eq!(
        paths(&plan, "package.AwsVssComponents"),
        ["schedule", "apply_only_at_cron_interval", "schedule_offset", "duration"]
    );
    assert!(bench.plan(&daily).is_empty());
}

#[test]
fn members_of_an_association_that_the_file_does_not_model_survive_an_update() {
    let bench = Bench::new();
    let with = |errors: &str| {
        file(&format!(
            "[package.AwsVssComponents]\ntargets = {{ tags = {{ VssBackup = \"enabled\" }} }}\nschedule = \"rate(1 day)\"\nmax_errors = \"{errors}\"\n"
        ))
    };
    bench.apply(&with("10%"));
    let listed = bench.call("ssm", "ListAssociations", &json!({}));
    let id = json!({"AssociationId": listed["Associations"][0]["AssociationId"]});
    let read = || bench.call("ssm", "DescribeAssociation", &id)["AssociationDescription"].clone();
    let mut update = read();
    let members = update.as_object_mut().expect("an object");
    let written = [
        "AssociationId",
        "AssociationName",
        "Name",
        "Parameters",
        "Targets",
        "ScheduleExpression",
        "MaxErrors",
        "MaxConcurrency",
        "ComplianceSeverity",
        "SyncCompliance",
    ];
    members.retain(|name, _| written.contains(&name.as_str()));
    let alarms = json!({"IgnorePollAlarmFailure": true, "Alarms": [{"Name": "quiet"}]});
    members.insert("AlarmConfiguration".to_owned(), alarms.clone());
    members.insert(
        "TargetLocations".to_owned(),
        json!([{
            "Accounts": ["ou-abcd-12345678"],
            "Regions": ["ap-northeast-1"],
            "TargetLocationMaxConcurrency": "1",
            "TargetLocationMaxErrors": "2",
            "ExecutionRoleName": "AWS-SystemsManager-AutomationExecutionRole",
            "TargetLocationAlarmConfiguration": alarms,
            "IncludeChildOrganizationUnits": true,
            "ExcludeAccounts": ["210987654321"],
            "Targets": [{"Key": "tag:a", "Values": ["b"]}],
            "TargetsMaxConcurrency": "3",
            "TargetsMaxErrors": "4",
        }]),
    );
    bench.call("ssm", "UpdateAssociation", &update);
    let before = read();
    assert_eq!(before["AlarmConfiguration"]["Alarms"][0]["Name"], "quiet");
    bench.apply(&with("20%"));
    let after = read();
    assert_eq!(after["MaxErrors"], "20%");
    for member in ["AlarmConfiguration", "TargetLocations"] {
        assert_eq!(after[member], before[member], "{member}");
    }
}

/// Deletes what the stack owns after somebody else has put a thing of their own in its place, and gives what they see.
fn prune_over(made: &str, taken: impl FnOnce(&Bench) + Send) -> (Bench, String) {
    let bench = Bench::new();
    bench.apply(&file(made));
    let options = Options { prune: true, max_deletions: Some(10), ..Options::default() };
    let (plan, report) = bench.apply_after(&file("[vault.other]\n"), &options, || taken(&bench));
    assert_eq!(plan.summary().destroy, 1, "{plan:#?}");
    let failed: Vec<String> = report
        .outcomes
        .iter()
        .filter_map(|outcome| match &outcome.status {
            Status::Failed { error, .. } => Some(error.message.clone()),
            _ => None,
        })
        .collect();
    (bench, failed.join("; "))
}

#[test]
fn a_role_that_somebody_made_anew_meanwhile_is_not_deleted() {
    let attached = json!({"RoleName": "app", "PolicyArn": "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"});
    let (bench, failed) = prune_over(&format!("[vault.other]\n[role.app]\ntrust = '{TRUST}'\n"), |bench| {
        bench.call("iam", "DeleteRole", &json!({"RoleName": "app"}));
        bench.call("iam", "CreateRole", &json!({"RoleName": "app", "AssumeRolePolicyDocument": TRUST}));
        bench.call("iam", "AttachRolePolicy", &attached);
    });
    assert!(failed.contains("it is not the one that the plan saw: its `RoleId` was"), "{failed}");
    let policies = bench.call("iam", "ListAttachedRolePolicies", &json!({"RoleName": "app"}));
    assert_eq!(policies["AttachedPolicies"].as_array().map(Vec::len), Some(1), "{policies}");
}

#[test]
fn a_role_that_somebody_made_before_we_could_is_not_ours() {
    let bench = Bench::new();
    let declared = file(&format!(
        "[role.app]\ntrust = '{TRUST}'\nmanaged_policies = [\"AmazonSSMManagedInstanceCore\"]\ninstance_profile = false\n"
    ));
    let (_, report) = bench.apply_after(&declared, &Options::default(), || {
        let tags = json!([{"Key": "owner", "Value": "somebody"}]);
        let role = json!({"RoleName": "app", "AssumeRolePolicyDocument": TRUST, "Tags": tags});
        bench.call("iam", "CreateRole", &role);
    });
    let Status::Failed { call, error } = &report.outcomes[0].status else { panic!("{report:#?}") };
    assert_eq!((call.action(), error.code.as_deref()), ("iam:CreateRole", Some("EntityAlreadyExists")));
    let policies = bench.call("iam", "ListAttachedRolePolicies", &json!({"RoleName": "app"}));
    assert_eq!(policies["AttachedPolicies"].as_array().map(Vec::len), Some(0), "{policies}");
    assert_eq!(bench.writes().iter().filter(|call| call.contains("AttachRolePolicy")).count(), 0);
}

#[test]
fn a_vault_that_somebody_took_over_meanwhile_is_not_deleted() {
    let (bench, failed) = prune_over("[vault.other]\n[vault.mine]\n", |bench| {
        let arn =
            bench.call("backup", "DescribeBackupVault", &json!({"BackupVaultName": "mine"}))["BackupVaultArn"].clone();
        let tags = json!({"ResourceArn": arn, "Tags": {"vssctl:stack": "another"}});
        bench.call("backup", "TagResource", &tags);
    });
    assert!(failed.contains("its `vssctl:stack` was `bench` and is `another`"), "{failed}");
    bench.call("backup", "DescribeBackupVault", &json!({"BackupVaultName": "mine"}));
}

#[test]
fn what_is_gone_before_its_deletion_counts_as_deleted() {
    let (_, failed) = prune_over(&format!("[vault.other]\n[role.app]\ntrust = '{TRUST}'\n"), |bench| {
        bench.call("iam", "DeleteRole", &json!({"RoleName": "app"}));
    });
    assert_eq!(failed, "");
}

#[test]
fn a_second_plan_in_which_somebody_selects_stays_until_that_may_go_too() {
    let bench = Bench::new();
    let content = file(BACKUP);
    bench.apply(&content);
    let first = plan_id(&bench);
    let mut second = bench.call("backup", "GetBackupPlan", &json!({"BackupPlanId": first}));
    second["BackupPlan"]["Rules"][0]["ScheduleExpression"] = json!("cron(0 19 ? * * *)");
    second["BackupPlan"]["Rules"][0].as_object_mut().expect("a rule").remove("RuleId");
    let marks = json!({"vssctl:stack": "bench", "vssctl:id": "plan.daily"});
    let made = json!({"BackupPlan": second["BackupPlan"], "BackupPlanTags": marks});
    let second = bench.call("backup", "CreateBackupPlan", &made)["BackupPlanId"].clone();
    let selection = json!({"SelectionName": "theirs", "IamRoleArn": "arn:aws:iam::123456789012:role/AWSBackupVss",
        "Resources": ["arn:aws:ec2:*:*:instance/*"]});
    bench.call("backup", "CreateBackupSelection", &json!({"BackupPlanId": second, "BackupSelection": selection}));
    let plan = bench.plan(&content);
    assert!(plan.is_empty(), "{:#?}", plan.steps);
    let named =
        format!("`plan.daily-2`, a second object of `plan.daily` with the id `{}`, can't be deleted", text(&second));
    assert!(messages(&plan).contains(&named), "{}", messages(&plan));
    let (_, report) = bench.try_apply(&content, &prune());
    assert!(report.is_complete(), "{:#?}", report.outcomes);
    assert_eq!(plan_id(&bench), first);
    assert!(bench.plan(&content).is_empty());
}

/// Makes a second object of the plan of the file, as a lost answer leaves one; `change` makes it another plan.
fn second_plan(bench: &Bench, change: impl FnOnce(&mut Value)) -> String {
    let first = plan_id(bench);
    let mut plan = bench.call("backup", "GetBackupPlan", &json!({"BackupPlanId": first}))["BackupPlan"].clone();
    plan["Rules"][0].as_object_mut().expect("a rule").remove("RuleId");
    change(&mut plan);
    let marks = json!({"vssctl:stack": "bench", "vssctl:id": "plan.daily"});
    let made = bench.call("backup", "CreateBackupPlan", &json!({"BackupPlan": plan, "BackupPlanTags": marks}));
    text(&made["BackupPlanId"]).to_owned()
}

fn plans(bench: &Bench) -> Vec<String> {
    let answer = bench.call("backup", "ListBackupPlans", &json!({}));
    let mut ids: Vec<String> = answer["BackupPlansList"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| text(&one["BackupPlanId"]).to_owned())
        .collect();
    ids.sort();
    ids
}

fn at_eight(plan: &mut Value) {
    plan["Rules"][0]["ScheduleExpression"] = json!("cron(0 20 ? * * *)");
}

#[test]
fn a_real_second_object_is_destroyed_in_words_and_the_first_one_stays() {
    let bench = Bench::new();
    bench.apply(&file(BACKUP));
    let first = plans(&bench);
    let second = second_plan(&bench, at_eight);
    let plan = bench.plan(&file(BACKUP));
    assert_eq!(changed(&plan), [("plan.daily-2".to_owned(), Action::Delete)]);
    let reason = plan.changes.iter().find_map(|change| change.reason.clone()).unwrap_or_default();
    assert_eq!(reason, format!("it is a second object of `plan.daily`, with the id `{second}`"));
    assert_eq!((plan.summary().destroy, hazards(&plan)), (1, vec![]));
    bench.apply(&file(BACKUP));
    assert_eq!(plans(&bench), first);
    assert!(bench.plan(&file(BACKUP)).is_empty());
}

#[test]
fn the_second_object_of_a_refused_entry_stays_and_goes_once_the_entry_is_not_refused() {
    let bench = Bench::new();
    bench.apply(&file(BACKUP));
    second_plan(&bench, at_eight);
    let both = plans(&bench);
    // The fourth stage refuses it, when its second object is already to go.
    let vault = "arn:aws:backup:ap-northeast-1:123456789012:backup-vault:missing";
    let refused = file(&BACKUP.replace("vault = \"vault-a\"", &format!("vault = \"{vault}\"")));
    let plan = bench.plan(&refused);
    assert_eq!(action(&plan, "plan.daily"), Some(Action::Refused), "{}", messages(&plan));
    assert_eq!(action(&plan, "plan.daily-2"), Some(Action::Refused), "{}", messages(&plan));
    bench.try_apply(&refused, &prune());
    assert_eq!(plans(&bench), both);
    bench.apply(&file(BACKUP));
    assert_eq!(plans(&bench).len(), 1);
    assert!(bench.plan(&file(BACKUP)).is_empty());
}

/// Lets nobody own the role of the selection, so that another selection can't be made and the live one stays.
fn with_a_refused_selection(bench: &Bench) -> String {
    let keys = json!({"RoleName": "AWSBackupVss", "TagKeys": ["vssctl:stack", "vssctl:id", "vssctl:keys"]});
    bench.call("iam", "UntagRole", &keys);
    let content = file(&format!("{BACKUP}{SELECTION}"));
    let other = content.replace("VssBackup", "Backup");
    assert_ne!(other, content);
    other
}

fn action(plan: &Plan, address: &str) -> Option<Action> {
    changed(plan).into_iter().find_map(|(at, action)| (at == address).then_some(action))
}

#[test]
fn a_selection_that_stays_keeps_the_plan_that_it_is_in_and_no_other_one_of_that_name() {
    // A second object.
    let bench = Bench::new();
    bench.apply(&file(&format!("{BACKUP}{SELECTION}")));
    let first = plans(&bench);
    let content = with_a_refused_selection(&bench);
    second_plan(&bench, at_eight);
    let (plan, _) = bench.try_apply(&content, &prune());
    assert_eq!(action(&plan, "selection.daily.windows"), Some(Action::Refused), "{:#?}", plan.changes);
    assert_eq!(action(&plan, "plan.daily-2"), Some(Action::Delete), "{:#?}", plan.changes);
    assert_eq!(plans(&bench), first);

    // An orphan of that name.
    let marks = json!({"vssctl:stack": "bench", "vssctl:id": "plan.old"});
    let second = second_plan(&bench, at_eight);
    let arn = format!("arn:aws:backup:ap-northeast-1:123456789012:backup-plan:{second}");
    bench.call("backup", "TagResource", &json!({"ResourceArn": arn, "Tags": marks}));
    let (plan, _) = bench.try_apply(&content, &prune());
    assert_eq!(action(&plan, "plan.old"), Some(Action::Delete), "{:#?}", plan.changes);
    assert_eq!(plans(&bench), first);
}

fn hazards(plan: &Plan) -> Vec<(String, &'static str)> {
    plan::hazard::all(plan).map(|(address, note)| (address.to_string(), note.hazard.name())).collect()
}

#[test]
fn a_second_object_that_does_more_than_the_first_is_a_protection_gap() {
    let bench = Bench::new();
    bench.apply(&file(BACKUP));
    second_plan(&bench, |plan| {
        let mut rule = plan["Rules"][0].clone();
        rule["RuleName"] = json!("hourly");
        rule["ScheduleExpression"] = json!("cron(0 * ? * * *)");
        plan["Rules"].as_array_mut().expect("rules").push(rule);
    });
    let plan = bench.plan(&file(BACKUP));
    assert_eq!(hazards(&plan), [("plan.daily-2".to_owned(), "protection-gap")]);

    // A selection of the entry's name that selects something else as well.
    let bench = Bench::new();
    bench.apply(&file(&format!("{BACKUP}{SELECTION}")));
    bench.call(
        "backup",
        "CreateBackupSelection",
        &json!({
            "BackupPlanId": plan_id(&bench),
            "CreatorRequestId": creator(&bench),
            "BackupSelection": {
                "SelectionName": "windows",
                "IamRoleArn": "arn:aws:iam::123456789012:role/AWSBackupVss",
                "Resources": ["arn:aws:ec2:*:*:instance/i-0123456789abcdef0"],
            },
        }),
    );
    let plan = bench.plan(&file(&format!("{BACKUP}{SELECTION}")));
    assert_eq!(changed(&plan), [("selection.daily.windows-2".to_owned(), Action::Delete)]);
    assert!(
        hazards(&plan).contains(&("selection.daily.windows-2".to_owned(), "protection-gap")),
        "{:?}",
        hazards(&plan)
    );
}

/// A token that says that the stack made it, and is none that it would make now.
fn creator(bench: &Bench) -> String {
    let members = bench.call("backup", "ListBackupSelections", &json!({"BackupPlanId": plan_id(bench)}));
    let token = text(&members["BackupSelectionsList"][0]["CreatorRequestId"]).to_owned();
    format!("{}00000000", &token[..token.len() - 8])
}

#[test]
fn a_second_object_of_a_protected_entry_stays_and_is_named() {
    let bench = Bench::new();
    let protected = file(&BACKUP.replace("[plan.daily]\n", "[plan.daily]\nprotect = true\n"));
    bench.apply(&protected);
    let second = second_plan(&bench, at_eight);
    let both = plans(&bench);
    let (plan, _) = bench.try_apply(&protected, &prune());
    assert_eq!(changed(&plan), [("plan.daily-2".to_owned(), Action::Refused)]);
    assert!(messages(&plan).contains(&second) && messages(&plan).contains("protect = true"), "{}", messages(&plan));
    assert_eq!(plans(&bench), both);
}

#[test]
fn of_two_plans_without_our_token_the_same_one_is_kept_in_each_run() {
    let bench = Bench::new();
    let hour = |hour: u32| {
        let backup = BACKUP.replace("[plan.daily]\n", "[plan.daily]\nprotect = true\n");
        file(&backup.replace("cron(0 18", &format!("cron(0 {hour}")))
    };
    bench.apply(&hour(18));
    let original = plan_id(&bench);
    for minute in [1, 2] {
        second_plan(&bench, |plan| {
            plan["Rules"][0]["ScheduleExpression"] = json!(format!("cron({minute} 18 ? * * *)"));
        });
        bench.sandbox.advance(Duration::from_hours(1)).expect("an account in memory");
    }
    bench.call("backup", "DeleteBackupPlan", &json!({ "BackupPlanId": original }));
    for wanted in [19, 20, 21] {
        let (plan, _) = bench.try_apply(&hour(wanted), &prune());
        let second = ("plan.daily-2".to_owned(), Action::Refused);
        assert_eq!(changed(&plan), [("plan.daily".to_owned(), Action::Update), second.clone()]);
        // The update moves the date that the list shows.
        bench.sandbox.advance(Duration::from_hours(1)).expect("an account in memory");
        assert_eq!(changed(&bench.plan(&hour(wanted))), [second], "{wanted}");
    }
}

#[test]
fn second_objects_are_under_a_limit_of_deletions() {
    let bench = Bench::new();
    bench.apply(&file(BACKUP));
    let first = plans(&bench);
    for hour in [20, 21] {
        second_plan(&bench, |plan| plan["Rules"][0]["ScheduleExpression"] = json!(format!("cron(0 {hour} ? * * *)")));
    }
    let plan = bench.plan(&file(BACKUP));
    assert!(plan.is_empty(), "{:#?}", plan.steps);
    assert!(
        messages(&plan).contains("VSS0904 2 second objects of stack `bench` would be deleted"),
        "{}",
        messages(&plan)
    );
    let none = Options { max_deletions: Some(0), ..Options::default() };
    assert!(bench.plan_with(&file(BACKUP), &none).is_empty());
    let (_, report) = bench.try_apply(&file(BACKUP), &Options { max_deletions: Some(2), ..Options::default() });
    assert!(report.is_complete());
    assert_eq!(plans(&bench), first);
}

#[test]
fn a_second_plan_goes_with_its_selections_once_those_of_the_first_stand() {
    let bench = Bench::new();
    bench.apply(&file(&format!("{BACKUP}{SELECTION}")));
    let (first, token) = (plans(&bench), creator(&bench));
    let second = second_plan(&bench, at_eight);
    let selection = json!({
        "SelectionName": "windows",
        "IamRoleArn": "arn:aws:iam::123456789012:role/AWSBackupVss",
        "Resources": ["arn:aws:ec2:*:*:instance/*"],
        "Conditions": { "StringEquals": [{ "ConditionKey": "aws:ResourceTag/VssBackup", "ConditionValue": "enabled" }] },
    });
    bench.call(
        "backup",
        "CreateBackupSelection",
        &json!({"BackupPlanId": second, "CreatorRequestId": token, "BackupSelection": selection}),
    );
    // The entry's own selection changes in the same run.
    let other = file(&format!("{BACKUP}{}", SELECTION.replace("enabled", "on")));
    bench.forget_requests();
    let (plan, report) = bench.try_apply(&other, &Options::default());
    assert!(report.is_complete(), "{:#?}", report.outcomes);
    let position = |call: &str| bench.writes().iter().position(|write| write == call).expect("a call");
    assert!(
        position("backup:CreateBackupSelection") < position("backup:DeleteBackupSelection"),
        "{:?}",
        bench.writes()
    );
    assert!(position("backup:DeleteBackupSelection") < position("backup:DeleteBackupPlan"), "{:?}", bench.writes());
    assert_eq!((plan.summary().destroy, plans(&bench)), (3, first));
    assert!(bench.plan(&other).is_empty());
}

#[test]
fn a_role_of_somebody_else_is_only_added_to() {
    let bench = Bench::new();
    let other = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    for (name, trust) in [("legacy", TRUST), ("function", other)] {
        bench.call("iam", "CreateRole", &json!({"RoleName": name, "AssumeRolePolicyDocument": trust}));
    }
    let entry = |name: &str| {
        format!(
            "[role.{name}]\nadopt = true\npolicies_mode = \"additive\"\n\
             managed_policies = [\"AWSEC2VssSnapshotPolicy\", \"CloudWatchAgentServerPolicy\"]\n"
        )
    };
    // It may also be named by what else the file has: an instance profile with it says nothing of its trust.
    let toml =
        file(&format!("{}{}[instance_profile.servers]\nrole = \"legacy\"\n", entry("legacy"), entry("function")));
    let before = bench.call("iam", "GetRole", &json!({"RoleName": "legacy"}))["Role"].clone();
    assert!(!paths(&bench.plan(&toml), "role.legacy").iter().any(|path| path.starts_with("trust")));
    bench.apply(&toml);
    let after = bench.call("iam", "GetRole", &json!({"RoleName": "legacy"}))["Role"].clone();
    for member in ["RoleId", "AssumeRolePolicyDocument", "Path"] {
        assert_eq!(before[member], after[member]);
    }
    assert!(bench.plan(&toml).is_empty());
    // What is not there can't be added to, and the plan says what would make it.
    let plan = bench.plan(&file(&entry("nowhere")));
    let refused = plan.diagnostics.iter().find(|found| found.code == "VSS0909").expect("a refusal");
    assert!(refused.help.iter().any(|help| help.contains("`preset`")), "{refused:#?}");
    assert_eq!(changed(&plan), [("role.nowhere".to_owned(), Action::Refused)]);
}

#[test]
fn policies_of_aws_that_the_sandbox_does_not_have_are_attached_and_judged_by_nobody() {
    let bench = Bench::new();
    let arn = "arn:aws:iam::aws:policy/aws-service-role/SomethingNew";
    let toml = file(&format!(
        "[role.app]\npreset = \"vss-instance\"\nmanaged_policies = [\"AmazonSSMManagedInstanceCore\", \
         \"AWSEC2VssSnapshotPolicy\", \"service-role/AWSConfigRole\", \"{arn}\"]\n"
    ));
    bench.apply(&toml);
    assert!(bench.plan(&toml).is_empty());
    let attached = bench.call("iam", "ListAttachedRolePolicies", &json!({"RoleName": "app"}));
    assert!(attached.to_string().contains(arn), "{attached}");
}
