//! A planned call is made as it is spelled out, or not at all: a value of the wrong type and a member that no request
//! has are refused before anything is sent.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use vssctl::kinds;
use vssctl::model::call::{EXPECT, UNTIL};
use vssctl::model::{KindId, Operation, PlannedCall};
use vssctl::plan::{Options, Plan};

use crate::bench::{Bench, STACK, changed, scope};
use crate::kind_contract::SHEETS;

/// Operations that no kind plans: those of proofs and of the lease.
const NEVER_PLANNED: [Operation; 2] = [Operation::StartBackupJob, Operation::DeleteParameters];

/// The way to a value in the input of a call: names of members, and places in lists.
type Way = Vec<String>;

/// Planned calls that differ in more than texts, with the kinds that make them.
#[derive(Default)]
struct Planned(BTreeMap<String, (KindId, PlannedCall)>);

impl Planned {
    fn take(&mut self, plan: &Plan) {
        for step in &plan.steps {
            for call in step.looks.iter().chain(&step.calls) {
                let call = PlannedCall { operation: call.operation, input: filled(&call.input) };
                let ways: Vec<Way> = ways(&call.input);
                let kind = step.address.kind();
                self.0.entry(format!("{kind} {} {ways:?}", call.action())).or_insert((kind, call));
            }
        }
    }
}

/// Puts texts in place of values that only earlier calls give, and a map of texts in place of a hidden one.
fn filled(input: &Value) -> Value {
    match input {
        Value::Object(members) if members.contains_key("$output") => json!("made"),
        Value::Object(members) if members.contains_key("$hidden") => json!({ "subnetId": "subnet-1" }),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), filled(value))).collect(),
        Value::Array(items) => items.iter().map(filled).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => input.clone(),
    }
}

/// Returns the ways to all values of an input but for the input itself and what controls how a call is executed.
fn ways(input: &Value) -> Vec<Way> {
    fn walk(value: &Value, way: &Way, found: &mut Vec<Way>) {
        let mut below = |name: String, value: &Value| {
            let way = [way.clone(), vec![name]].concat();
            walk(value, &way, found);
            found.push(way);
        };
        match value {
            Value::Object(members) => members
                .iter()
                .filter(|(name, value)| ![EXPECT, UNTIL].contains(&name.as_str()) && !value.is_null())
                .for_each(|(name, value)| below(name.clone(), value)),
            Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| below(at.to_string(), value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    walk(input, &Vec::new(), &mut found);
    found
}

fn at<'a>(input: &'a mut Value, way: &Way) -> &'a mut Value {
    let parts: Vec<String> = way.iter().map(|part| part.replace('~', "~0").replace('/', "~1")).collect();
    let pointer = if parts.is_empty() { String::new() } else { format!("/{}", parts.join("/")) };
    input.pointer_mut(&pointer).expect("a way leads to a value")
}

/// Returns values of every other type.
fn others(value: &Value) -> Vec<Value> {
    let all = [json!("7"), json!(7), json!(true), json!(["7"]), json!({ "seven": "7" })];
    all.into_iter().filter(|other| std::mem::discriminant(other) != std::mem::discriminant(value)).collect()
}

/// Makes calls whose values take other types, one at a time. Returns how many there are, and what happens to those that
/// are not refused for just that value.
fn not_refused(bench: &Bench, planned: &Planned) -> (usize, BTreeSet<String>) {
    let writer = bench.clients(&scope("bench")).writer();
    let (mut tried, mut wrong) = (0, BTreeSet::new());
    for (kind, call) in planned.0.values() {
        for way in ways(&call.input) {
            let mut spoilt = call.clone();
            let value = at(&mut spoilt.input, &way);
            for other in others(&value.clone()) {
                *at(&mut spoilt.input, &way) = other.clone();
                bench.forget_requests();
                let outcome = bench.wait(kinds::of(*kind).perform(&writer, &spoilt));
                let requests = bench.requests();
                let is_named = |message: &str| way.iter().any(|part| message.contains(&format!("`{part}`")));
                let is_refused = outcome.as_ref().is_err_and(|error| {
                    error.message.contains("the planned call can't be made") && is_named(&error.message)
                });
                tried += 1;
                if !is_refused || !requests.is_empty() {
                    let way = way.join(".");
                    wrong.insert(format!("{kind} {} {way} = {other}: {outcome:?} {requests:?}", call.action()));
                }
            }
        }
    }
    (tried, wrong)
}

/// The objects of a call that have no members of their own: maps by keys that people choose, and what a call waits for.
const MAPS: [&str; 11] = [
    "BackupOptions",
    "BackupPlanTags",
    "BackupVaultTags",
    "Parameters",
    "RecoveryPointTags",
    "ResourceTypeManagementPreference",
    "ResourceTypeOptInPreference",
    "RestoreMetadataOverrides",
    "Tags",
    UNTIL,
    "$hidden",
];

/// The calls that replace a whole object, and the structure of each that is sent with what the SDK's types have no name
/// for: AWS has it, and would lose it. `unmodelled.rs` sees that it is sent.
const CARRIED: [(Operation, &str); 11] = [
    (Operation::CreateBackupPlan, "BackupPlan"),
    (Operation::UpdateBackupPlan, "BackupPlan"),
    (Operation::CreateBackupSelection, "BackupSelection"),
    (Operation::CreateRestoreTestingPlan, "RestoreTestingPlan"),
    (Operation::UpdateRestoreTestingPlan, "RestoreTestingPlan"),
    (Operation::CreateRestoreTestingSelection, "RestoreTestingSelection"),
    (Operation::UpdateRestoreTestingSelection, "RestoreTestingSelection"),
    (Operation::CreateAssociation, ""),
    (Operation::UpdateAssociation, ""),
    (Operation::PutBackupVaultNotifications, ""),
    (Operation::UpdateRegionSettings, ""),
];

fn is_carried(operation: Operation, way: &Way) -> bool {
    CARRIED.iter().any(|(carrying, structure)| {
        *carrying == operation && (structure.is_empty() || way.first().is_some_and(|name| name == structure))
    })
}

/// Returns the ways to the input itself and to all structures in it. `Tags` is a list of structures or a map.
fn structures(input: &Value) -> Vec<Way> {
    fn walk(value: &Value, way: &Way, found: &mut Vec<Way>) {
        let below = |name: String| [way.clone(), vec![name]].concat();
        match value {
            Value::Object(_) if way.last().is_some_and(|name| MAPS.contains(&name.as_str())) => {}
            Value::Object(members) => {
                found.push(way.clone());
                members.iter().for_each(|(name, value)| walk(value, &below(name.clone()), found));
            }
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(at, value)| walk(value, &below(at.to_string()), found));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = Vec::new();
    walk(input, &Vec::new(), &mut found);
    found
}

/// Makes calls that have one member more, one at a time. Returns how many there are, and what happens to those that are
/// not refused for just that member.
fn not_refused_for_more(bench: &Bench, planned: &Planned) -> (usize, BTreeSet<String>) {
    let writer = bench.clients(&scope("bench")).writer();
    let (mut tried, mut wrong) = (0, BTreeSet::new());
    for (kind, call) in planned.0.values() {
        for way in structures(&call.input).into_iter().filter(|way| !is_carried(call.operation, way)) {
            for added in [json!("a"), json!({ "a": "b" }), Value::Null] {
                let mut more = call.clone();
                at(&mut more.input, &way)["Added"] = added;
                bench.forget_requests();
                let outcome = bench.wait(kinds::of(*kind).perform(&writer, &more));
                let requests = bench.requests();
                let is_refused = outcome
                    .as_ref()
                    .is_err_and(|error| error.message == "the planned call can't be made: `Added` is unknown");
                tried += 1;
                if !is_refused || !requests.is_empty() {
                    wrong.insert(format!("{kind} {} {}: {outcome:?} {requests:?}", call.action(), way.join(".")));
                }
            }
        }
    }
    (tried, wrong)
}

/// Collects the calls that create, change and take away every field of every kind.
fn all_planned() -> Planned {
    let mut planned = Planned::default();
    for sheet in SHEETS {
        for row in sheet.rows {
            let bench = Bench::new();
            planned.take(&bench.apply(&sheet.file(row.first)));
            if let Some(none) = row.none {
                planned.take(&bench.plan(&sheet.file(none)));
            }
            planned.take(&bench.plan(&sheet.file(row.second)));
        }
        let bench = Bench::new();
        let file = sheet.file(sheet.rows[0].first);
        bench.apply(&file);
        planned.take(&bench.plan_with(&file, &Options { destroy: true, ..Options::default() }));
    }
    planned
}

/// Collects calls of every operation that is ever planned.
fn every_operation(bench: &Bench) -> Planned {
    let mut planned = all_planned();
    planned.take(&foreign_association(bench, "vss", "20%"));
    planned.take(&foreign_association(&Bench::new(), "other", "10%"));
    planned.take(&foreign_backup_plan(bench));
    planned.take(&command(bench));
    // Plans have these for a policy with five versions, and for instances that are ahead of the others.
    let waiting = json!({ "CommandId": "c-1", "InstanceId": "i-1", UNTIL: { "Status": "Success" } });
    for (kind, operation, input) in [
        (KindId::Policy, Operation::DeletePolicyVersion, json!({ "PolicyArn": "arn", "VersionId": "v1" })),
        (KindId::Package, Operation::GetCommandInvocation, waiting),
    ] {
        planned.0.insert(operation.action().to_owned(), (kind, PlannedCall::new(operation, input)));
    }
    let kinds: BTreeSet<KindId> = planned.0.values().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, BTreeSet::from(KindId::ALL));
    let operations: BTreeSet<Operation> = planned.0.values().map(|(_, call)| call.operation).collect();
    let missing: Vec<Operation> = Operation::ALL.iter().copied().filter(|one| !operations.contains(one)).collect();
    assert_eq!(missing, NEVER_PLANNED);
    planned
}

#[test]
fn a_planned_call_that_is_not_as_a_request_has_it_is_refused_before_anything_is_sent() {
    let bench = Bench::new();
    let planned = every_operation(&bench);
    let (tried, wrong) = not_refused(&bench, &planned);
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), Vec::from_iter(wrong).join("\n"));
    assert!(tried > 1_000, "only {tried} values were tried");
    println!("{} calls, {tried} values of another type", planned.0.len());
    let (tried, wrong) = not_refused_for_more(&bench, &planned);
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), Vec::from_iter(wrong).join("\n"));
    assert!(tried > 700, "only {tried} members were tried");
    println!("{tried} members that no request has");
}

/// Plans the change of an association that has more than the file models.
fn foreign_association(bench: &Bench, name: &str, errors: &str) -> Plan {
    let with = |name: &str, errors: &str| {
        format!(
            "{STACK}\n[package.AwsVssComponents]\nname = \"{name}\"\n\
             targets = {{ tags = {{ VssBackup = \"enabled\" }} }}\n\
             schedule = \"rate(1 day)\"\nmax_errors = \"{errors}\"\n"
        )
    };
    bench.apply(&with("vss", "10%"));
    let listed = bench.call("ssm", "ListAssociations", &json!({}));
    let id = json!({ "AssociationId": listed["Associations"][0]["AssociationId"] });
    let read = bench.call("ssm", "DescribeAssociation", &id)["AssociationDescription"].clone();
    let alarms = json!({ "IgnorePollAlarmFailure": true, "Alarms": [{ "Name": "quiet" }] });
    let mut update = json!({
        "TargetLocations": [{
            "Accounts": ["ou-abcd-12345678"],
            "Regions": ["ap-northeast-1"],
            "TargetLocationMaxConcurrency": "1",
            "TargetLocationMaxErrors": "2",
            "ExecutionRoleName": "AWS-SystemsManager-AutomationExecutionRole",
            "TargetLocationAlarmConfiguration": alarms,
            "IncludeChildOrganizationUnits": true,
            "ExcludeAccounts": ["210987654321"],
            "Targets": [{ "Key": "tag:a", "Values": ["b"] }],
            "TargetsMaxConcurrency": "3",
            "TargetsMaxErrors": "4",
        }],
        "AlarmConfiguration": alarms,
    });
    for kept in ["AssociationId", "AssociationName", "Name", "Parameters", "Targets", "ScheduleExpression", "MaxErrors"]
    {
        update[kept] = read[kept].clone();
    }
    bench.call("ssm", "UpdateAssociation", &update);
    let plan = bench.plan(&with(name, errors));
    assert!(!plan.is_empty(), "{:#?}", plan.diagnostics);
    plan
}

/// Plans the change of a backup plan that has more than the file models.
fn foreign_backup_plan(bench: &Bench) -> Plan {
    let with = |window: &str| {
        format!(
            "{STACK}\n[vault.far]\n[plan.wide.rule.nightly]\nvault = \"far\"\nschedule = \"cron(0 3 * * ? *)\"\n\
             start_window = \"{window}\"\n"
        )
    };
    bench.apply(&with("1h"));
    let listed = bench.call("backup", "ListBackupPlans", &json!({}));
    let plans = listed["BackupPlansList"].as_array().expect("a list");
    let id = &plans.iter().find(|plan| plan["BackupPlanName"] == "wide").expect("the plan")["BackupPlanId"];
    let mut document = bench.call("backup", "GetBackupPlan", &json!({ "BackupPlanId": id }))["BackupPlan"].clone();
    document["ScanSettings"] = json!([{
        "MalwareScanner": "GUARDDUTY",
        "ResourceTypes": ["EBS"],
        "ScannerRoleArn": "arn:aws:iam::123456789012:role/scan",
    }]);
    document["Rules"][0].as_object_mut().expect("a rule").shift_remove("RuleId");
    document["Rules"][0]["IndexActions"] = json!([{ "ResourceTypes": ["EBS"] }]);
    document["Rules"][0]["ScanActions"] = json!([{ "MalwareScanner": "GUARDDUTY", "ScanMode": "FULL_SCAN" }]);
    document["Rules"][0]["Lifecycle"] = json!({ "DeleteAfterDays": 35, "DeleteAfterEvent": "DELETE_AFTER_COPY" });
    bench.call("backup", "UpdateBackupPlan", &json!({ "BackupPlanId": id, "BackupPlan": document }));
    let plan = bench.plan(&with("2h"));
    assert_eq!(changed(&plan).len(), 1, "{:#?}", plan.diagnostics);
    plan
}

/// Plans a Run Command with its records.
fn command(bench: &Bench) -> Plan {
    let plan = bench.plan(&format!(
        "{STACK}\n[package.Once]\npackage_name = \"AwsVssComponents\"\n\
         targets = {{ tags = {{ VssBackup = \"enabled\" }} }}\n"
    ));
    let makes =
        |operation: Operation| plan.steps.iter().flat_map(|step| &step.calls).any(|call| call.operation == operation);
    assert!(makes(Operation::SendCommand) && makes(Operation::PutParameter), "{:#?}", plan.steps);
    plan
}

/// A rename in the file makes the association again.
#[test]
fn members_of_an_association_that_the_file_does_not_model_survive_a_rename() {
    let bench = Bench::new();
    let plan = foreign_association(&bench, "other", "10%");
    let created =
        plan.steps.iter().flat_map(|step| &step.calls).find(|call| call.operation == Operation::CreateAssociation);
    let created = created.expect("a replacement");
    let writer = bench.clients(&scope("bench")).writer();
    bench.wait(kinds::of(KindId::Package).perform(&writer, created)).expect("an association");
    let listed = bench.call("ssm", "ListAssociations", &json!({}));
    let made = listed["Associations"].as_array().expect("a list").iter().find(|one| one["AssociationName"] == "other");
    let id = json!({ "AssociationId": made.expect("the new one")["AssociationId"] });
    let read = bench.call("ssm", "DescribeAssociation", &id)["AssociationDescription"].clone();
    for member in ["AlarmConfiguration", "TargetLocations"] {
        assert_eq!(read[member], created.input[member], "{member}");
    }
}
