//! What was read is what is written to: between a plan and its writes somebody deletes an object and another team
//! makes one of the same name, or takes it over. Nothing may be written to that one.

use serde_json::{Value, json};
use vssctl::apply::{Report, Status};
use vssctl::model::KindId;
use vssctl::model::PlannedCall;
use vssctl::plan::Options;

use crate::bench::{Bench, STACK};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
const WIDER: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","ssm.amazonaws.com"]},"Action":"sts:AssumeRole"}}"#;
const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:DescribeImages","Resource":"*"}}"#;
const OTHER: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:DescribeTags","Resource":"*"}}"#;
const VAULT_POLICY: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"backup:DeleteRecoveryPoint","Resource":"*"}}"#;
const TOPIC: &str = "arn:aws:sns:ap-northeast-1:123456789012:topic";

/// Where the account has something, as a JSON pointer.
const ROLE: &str = "/iam/roles/app";
const PROFILE: &str = "/iam/profiles/app";
const POLICY: &str = "/iam/policies/more";
const VAULT: &str = "/regions/ap-northeast-1/backup/vaults/vv";
const PLANS: &str = "/regions/ap-northeast-1/backup/plans";
const ASSOCIATIONS: &str = "/regions/ap-northeast-1/ssm/associations";

fn file(rest: &str) -> String {
    format!("{STACK}{rest}")
}

/// Changes something of the account behind everybody's back.
fn edit(bench: &Bench, pointer: &str, change: impl FnOnce(&mut Value)) {
    bench
        .sandbox
        .edit(|account| {
            let mut value = serde_json::to_value(&*account).expect("an account");
            change(value.pointer_mut(pointer).unwrap_or_else(|| panic!("there is no {pointer}")));
            *account = serde_json::from_value(value).expect("an account");
        })
        .expect("an account in memory");
}

fn at(bench: &Bench, pointer: &str) -> Value {
    bench.sandbox.snapshot().expect("an account").pointer(pointer).cloned().unwrap_or_default()
}

/// The only entry of a map, as its pointer.
fn only(bench: &Bench, pointer: &str) -> String {
    let found = at(bench, pointer);
    let key = found.as_object().and_then(|found| found.keys().next()).expect("an entry");
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Somebody else's object of the same name: another id, a later date, none of our tags.
fn made_again(object: &mut Value) {
    for (member, value) in [("id", json!("AROASOMEBODYELSE0000A")), ("tags", json!({ "owner": "payroll" }))] {
        if object.get(member).is_some() {
            object[member] = value;
        }
    }
    object["created"] = json!(object["created"].as_i64().expect("a date") + 7000);
    if object.get("creator_request_id").is_some() {
        object["creator_request_id"] = json!("theirs");
    }
}

/// The same object, which another stack has taken over.
fn taken_over(object: &mut Value) {
    object["tags"]["vssctl:stack"] = json!("payroll");
}

fn failed(report: &Report, address: &str) -> String {
    let outcome = report.outcomes.iter().find(|one| one.address.to_string() == address);
    match outcome.map(|one| &one.status) {
        Some(Status::Failed { error, .. }) => error.message.clone(),
        other => panic!("{address}: {other:?}"),
    }
}

/// One write that somebody comes before: the file before and after, the entry, and where its object is.
struct Write {
    before: String,
    after: String,
    address: &'static str,
    object: &'static str,
}

fn role(before: &str, after: &str) -> Write {
    let with = |rest: &str| {
        let trust = if rest.contains("trust") { String::new() } else { format!("trust = '{TRUST}'\n") };
        file(&format!("[policy.more]\ndocument = '{DOCUMENT}'\n[role.app]\n{trust}{rest}\n"))
    };
    Write { before: with(before), after: with(after), address: "role.app", object: ROLE }
}

fn vault(before: &str, after: &str) -> Write {
    let with = |rest: &str| file(&format!("[vault.vv]\n{rest}\n"));
    Write { before: with(before), after: with(after), address: "vault.vv", object: VAULT }
}

/// Every sort of write to something that has a name.
fn writes() -> Vec<Write> {
    let attached = r#"managed_policies = ["AmazonSSMManagedInstanceCore"]"#;
    let inline = format!("inline_policies.x = '{DOCUMENT}'");
    let bounded = r#"permissions_boundary = "more""#;
    let policy = format!("access_policy = '{VAULT_POLICY}'");
    let notified = format!("notifications = {{ topic = \"{TOPIC}\", events = [\"BACKUP_JOB_COMPLETED\"] }}");
    let lock = r#"lock = { mode = "governance", min_retention = "7d", max_retention = "100d" }"#;
    let forever = r#"lock = { mode = "compliance", min_retention = "7d", max_retention = "100d", changeable_for = "3d", compliance_lock_is_irreversible = true }"#;
    let mut writes = vec![
        role("", attached),
        role(attached, "managed_policies = []"),
        role("", &inline),
        role(&inline, "inline_policies = {}"),
        role("", bounded),
        role(bounded, r#"permissions_boundary = """#),
        role(&format!("trust = '{TRUST}'"), &format!("trust = '{WIDER}'")),
        role("", r#"tags = { team = "x" }"#),
        role(r#"tags = { team = "x" }"#, ""),
        vault("", &policy),
        vault(&policy, r#"access_policy = """#),
        vault("", &notified),
        vault(&notified, "notifications = {}"),
        vault("", lock),
        vault("", forever),
        vault(lock, r#"lock = { mode = "none" }"#),
        vault("", r#"tags = { team = "x" }"#),
    ];
    let policies = |document: &str, rest: &str| file(&format!("[policy.more]\ndocument = '{document}'\n{rest}"));
    writes.push(Write {
        before: policies(DOCUMENT, ""),
        after: policies(OTHER, ""),
        address: "policy.more",
        object: POLICY,
    });
    writes.push(Write {
        before: policies(DOCUMENT, ""),
        after: policies(DOCUMENT, "tags = { team = \"x\" }\n"),
        address: "policy.more",
        object: POLICY,
    });
    let profile = |role: &str| {
        file(&format!(
            "[role.app]\ntrust = '{TRUST}'\n[role.other]\ntrust = '{TRUST}'\n[instance_profile.app]\nrole = \"{role}\"\n"
        ))
    };
    writes.push(Write {
        before: profile("app"),
        after: profile("other"),
        address: "instance_profile.app",
        object: PROFILE,
    });
    writes
}

#[test]
fn nothing_is_written_to_what_has_the_name_of_a_resource_now() {
    for (index, Write { before, after, address, object }) in writes().into_iter().enumerate() {
        for swap in [made_again, taken_over] {
            let bench = Bench::new();
            bench.apply(&before);
            // Nobody comes between: the write is made, or the case shows nothing.
            let was = at(&bench, object);
            bench.apply(&after);
            assert_ne!(at(&bench, object), was, "case {index}\n{after}");

            let bench = Bench::new();
            bench.apply(&before);
            let theirs = std::sync::Mutex::new(Value::Null);
            let (_, report) = bench.apply_after(&after, &Options::default(), || {
                edit(&bench, object, swap);
                *theirs.lock().expect("no poison") = at(&bench, object);
            });
            let message = failed(&report, address);
            assert!(message.contains("not the one that the plan saw"), "case {index}: {message}");
            assert_eq!(at(&bench, object), *theirs.lock().expect("no poison"), "case {index}\n{after}");
        }
    }
}

#[test]
fn nothing_is_deleted_that_has_the_name_of_a_resource_now() {
    let everything = format!(
        "[role.app]\ntrust = '{TRUST}'\n[policy.more]\ndocument = '{DOCUMENT}'\n[vault.vv]\n[instance_profile.app]\nrole = \"app\"\n"
    );
    let options = Options { prune: true, max_deletions: Some(9), ..Options::default() };
    for (object, address) in
        [(ROLE, "role.app"), (POLICY, "policy.more"), (VAULT, "vault.vv"), (PROFILE, "instance_profile.app")]
    {
        for swap in [made_again, taken_over] {
            let bench = Bench::new();
            bench.apply(&file(&format!("{everything}[vault.kept]\n")));
            let theirs = std::sync::Mutex::new(Value::Null);
            let (_, report) = bench.apply_after(&file("[vault.kept]\n"), &options, || {
                edit(&bench, object, swap);
                *theirs.lock().expect("no poison") = at(&bench, object);
            });
            assert!(failed(&report, address).contains("not the one that the plan saw"), "{address}");
            assert_eq!(at(&bench, object), *theirs.lock().expect("no poison"), "{address}");
        }
    }
}

const BACKUP: &str = "[vault.vv]\n[plan.daily]\n[plan.daily.rule.nightly]\nvault = \"vv\"\nschedule = \"cron(0 18 ? * * *)\"\ndelete_after = \"35d\"\n";
const PACKAGE: &str = "[package.AwsVssComponents]\nminimum_version = \"2.3.1\"\ntargets = { tags = { VssBackup = \"enabled\" } }\nschedule = \"rate(1 day)\"\n";

// A plan and an association have ids that nothing else ever has: only their owner can change.
#[test]
fn what_another_stack_took_over_is_neither_tagged_nor_deleted() {
    let tagged = |text: &str| text.replace("[plan.daily]\n", "[plan.daily]\ntags = { team = \"x\" }\n");
    let bench = Bench::new();
    bench.apply(&file(BACKUP));
    let (_, report) = bench.apply_after(&file(&tagged(BACKUP)), &Options::default(), || {
        edit(&bench, &only(&bench, PLANS), taken_over);
    });
    assert!(failed(&report, "plan.daily").contains("`vssctl:stack` was `bench` and is `payroll`"));
    assert_eq!(at(&bench, &only(&bench, PLANS))["tags"].get("team"), None);

    for (text, list, address) in [(BACKUP, PLANS, "plan.daily"), (PACKAGE, ASSOCIATIONS, "package.AwsVssComponents")] {
        let bench = Bench::new();
        bench.apply(&file(&format!("{text}[vault.kept]\n")));
        let options = Options { prune: true, max_deletions: Some(9), ..Options::default() };
        let (_, report) = bench.apply_after(&file("[vault.kept]\n"), &options, || {
            edit(&bench, &only(&bench, list), taken_over);
        });
        assert!(failed(&report, address).contains("not the one that the plan saw"), "{address}");
        assert_eq!(at(&bench, &only(&bench, list))["deleted"], Value::Null, "{address}");
    }
}

#[test]
fn instances_do_not_get_a_profile_that_somebody_else_made_meanwhile() {
    let profile = format!("[role.app]\ntrust = '{TRUST}'\ninstance_profile = true\n");
    let attachment =
        "[attachment.windows]\ninstance_profile = \"app\"\ntargets = { tags = { VssBackup = \"enabled\" } }\n";
    for swap in [made_again, taken_over] {
        let bench = Bench::new();
        bench.apply(&file(&profile));
        let (plan, report) = bench
            .apply_after(&file(&format!("{profile}{attachment}")), &Options::default(), || edit(&bench, PROFILE, swap));
        assert!(plan.steps.iter().any(|step| step.address.kind() == KindId::Attachment), "{:#?}", plan.changes);
        assert!(failed(&report, "attachment.windows").contains("not the one that the plan saw"));
        let associations = at(&bench, "/regions/ap-northeast-1/ec2/profile_associations");
        let app = associations
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, one)| one["profile"].as_str().is_some_and(|arn| arn.ends_with("/app")));
        assert_eq!(app.count(), 0, "{associations}");
    }
}

#[test]
fn a_profile_does_not_get_a_role_that_somebody_else_made_meanwhile() {
    let roles = format!("[role.app]\ntrust = '{TRUST}'\n");
    let bench = Bench::new();
    bench.apply(&file(&roles));
    let with = file(&format!("{roles}[instance_profile.app]\nrole = \"app\"\n"));
    let (_, report) = bench.apply_after(&with, &Options::default(), || edit(&bench, ROLE, made_again));
    assert!(failed(&report, "instance_profile.app").contains("not the one that the plan saw"));
    assert_eq!(at(&bench, PROFILE)["role"], Value::Null);
}

#[test]
fn an_adoption_marks_the_object_that_was_read_and_no_other() {
    let role = json!({ "RoleName": "app", "AssumeRolePolicyDocument": TRUST });
    let adopt = Options { adopt: vec!["role.app".parse().expect("an address")], ..Options::default() };
    let text = file(&format!("[role.app]\ntrust = '{TRUST}'\n"));
    let bench = Bench::new();
    bench.call("iam", "CreateRole", &role);
    let (_, report) = bench.try_apply(&text, &adopt);
    assert!(report.is_complete(), "{:#?}", report.outcomes);
    for swap in [made_again, taken_over] {
        let bench = Bench::new();
        bench.call("iam", "CreateRole", &role);
        let (_, report) = bench.apply_after(&text, &adopt, || edit(&bench, ROLE, swap));
        assert!(failed(&report, "role.app").contains("not the one that the plan saw"));
        assert_eq!(at(&bench, ROLE)["tags"].get("vssctl:id"), None);
    }
}

#[test]
fn what_is_gone_before_its_change_fails_with_a_way_out() {
    let bench = Bench::new();
    bench.apply(&file("[vault.vv]\n"));
    let locked =
        file("[vault.vv]\nlock = { mode = \"governance\", min_retention = \"7d\", max_retention = \"100d\" }\n");
    let (_, report) = bench.apply_after(&locked, &Options::default(), || {
        bench.call("backup", "DeleteBackupVault", &json!({ "BackupVaultName": "vv" }));
    });
    assert!(failed(&report, "vault.vv").contains("it is gone since the plan saw it"));
    bench.apply(&locked);
    assert!(bench.plan(&locked).is_empty());
}

#[test]
fn an_update_of_a_plan_that_waited_does_not_undo_what_somebody_changed_meanwhile() {
    let bench = Bench::new();
    bench.apply(&file(BACKUP));
    let plan = bench.plan(&file(&BACKUP.replace("35d", "40d")));
    let step = plan.steps.iter().find(|step| step.address.to_string() == "plan.daily").expect("a step");
    let looks: Vec<&str> = step.looks.iter().map(PlannedCall::action).collect();
    assert_eq!(looks, ["backup:ListTags", "backup:GetBackupPlan"]);
}

#[test]
fn what_this_run_makes_is_not_looked_at() {
    let bench = Bench::new();
    let text = file(&format!(
        "[role.app]\ntrust = '{TRUST}'\nmanaged_policies = [\"AmazonSSMManagedInstanceCore\"]\ninstance_profile = true\n{BACKUP}{PACKAGE}"
    ));
    let (plan, report) = bench.try_apply(&text, &Options::default());
    assert!(report.is_complete() && plan.steps.iter().all(|step| step.looks.is_empty()), "{:#?}", plan.steps);
    assert_eq!(report.looks, 0);
}
