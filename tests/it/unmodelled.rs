//! Members of AWS's answers that nobody here has a name for: no call that replaces an object drops them, or the plan
//! says so.
//!
//! The wire adds a member to every object of every JSON answer, looks for it in what is sent, and takes it out again
//! before the simulated account, which knows AWS's members only, sees the request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use vssctl::engine;
use vssctl::model::Action;
use vssctl::plan::{Hazard, Options, Plan, hazard};

use crate::bench::{self, Bench, HASTE, Quiet, STACK};

/// The member that is added.
const NEW: &str = "AddedIn2031";

/// Members whose value is a map with names of its own: AWS adds nothing there.
const MAPS: [&str; 11] = [
    "AssociationStatusAggregatedCount",
    "BackupOptions",
    "BackupVaultTags",
    "GlobalSettings",
    "Parameters",
    "RecoveryPointTags",
    "ResourceTypeManagementPreference",
    "ResourceTypeOptInPreference",
    "RestoreMetadataOverrides",
    "Tags",
    "tags",
];

/// Adds the member to an object and to every object in it.
fn add(value: &mut Value, member: &str) {
    match value {
        Value::Object(members) => {
            for (_, value) in members.iter_mut().filter(|(name, _)| !MAPS.contains(&name.as_str())) {
                add(value, member);
            }
            members.insert(member.to_owned(), json!({ "Mode": "STRICT" }));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| add(item, member)),
        _ => {}
    }
}

/// Takes the member out of an object and of every object in it. Returns where objects lack it.
fn take(value: &mut Value, member: &str, at: &str, without: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if members.shift_remove(member).is_none() {
                without.push(at.to_owned());
            }
            for (name, value) in members.iter_mut().filter(|(name, _)| !MAPS.contains(&name.as_str())) {
                take(value, member, &format!("{at}/{name}"), without);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| take(item, member, at, without)),
        _ => {}
    }
}

/// Where the objects of each writing call lack the member, by the path or target of the call.
type Sent = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

#[derive(Clone, Debug)]
struct Wire {
    inner: SharedHttpClient,
    member: &'static str,
    sent: Sent,
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    member: &'static str,
    sent: Sent,
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, member: self.member, sent: Arc::clone(&self.sent) })
    }
}

impl HttpConnector for Connector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default().to_owned();
        let path = request.uri().split("amazonaws.com").last().unwrap_or_default().to_owned();
        let body = request.body().bytes().and_then(|body| serde_json::from_slice::<Value>(body).ok());
        if let Some(mut body) = body {
            let mut without = Vec::new();
            take(&mut body, self.member, "", &mut without);
            let length = body.to_string().len().to_string();
            *request.body_mut() = SdkBody::from(body.to_string());
            request.headers_mut().insert("content-length", length);
            let name = format!("{} {path}{target}", request.method());
            self.sent.lock().expect("no poison").insert(name, without);
        }
        let (answer, member) = (self.inner.call(request), self.member);
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let body = answer.body().bytes().and_then(|body| serde_json::from_slice::<Value>(body).ok());
            if let Some(mut body) = body.filter(|_| answer.status().is_success()) {
                add(&mut body, member);
                answer.headers_mut().remove("content-length");
                *answer.body_mut() = SdkBody::from(body.to_string());
            }
            Ok(answer)
        })
    }
}

/// Plans, and applies with consent to everything, over the wire.
fn apply(bench: &Bench, toml: &str) -> (Plan, BTreeMap<String, Vec<String>>) {
    apply_with(bench, toml, NEW)
}

fn apply_with(bench: &Bench, toml: &str, member: &'static str) -> (Plan, BTreeMap<String, Vec<String>>) {
    let wire = Wire { inner: bench.sandbox.http_client(), member, sent: Sent::default() };
    let sent = Arc::clone(&wire.sent);
    let plan = bench.wait(async {
        let session = bench::open(bench::load(toml), wire, None, HASTE).await.expect("the right account");
        let ended = engine::carry_out(&session, &bench::order(&Options::default()), &Quiet).await.expect("a run");
        let report = ended.report.unwrap_or_default();
        assert!(report.is_complete(), "{:#?}", report.outcomes);
        ended.plan
    });
    let sent = sent.lock().expect("no poison").clone();
    (plan, sent)
}

const FILE: &str = r#"
[role.AWSBackupVss]
preset = "backup-service"

[vault.vv]
notifications = { topic = "arn:aws:sns:ap-northeast-1:123456789012:t", events = ["BACKUP_JOB_COMPLETED"] }

[vault.second]

[package.AwsVssComponents]
version = "2.5.1"
targets = { tags = { VssBackup = "enabled" } }
schedule = "rate(1 day)"
max_errors = "10%"
output_s3_bucket = "bucket"
output_s3_key_prefix = "a/"
wait = false

[plan.daily]
windows_vss = true

[plan.daily.rule.nightly]
vault = "vv"
schedule = "cron(0 18 ? * * *)"
delete_after = "35d"
copy_actions = [{ vault = "second", delete_after = "90d" }]

[plan.daily.selection.windows]
role = "AWSBackupVss"
match = { all = { VssBackup = "enabled" }, any = { Backup = "daily" }, arns = ["arn:aws:ec2:*:*:instance/*"] }

[restore_test.monthly]
schedule = "cron(0 3 1 * ? *)"
recovery_point_selection = { algorithm = "LATEST_WITHIN_WINDOW", include_vaults = ["*"], recovery_point_types = ["SNAPSHOT"], selection_window = "30d" }

[restore_test.monthly.selection.windows]
role = "AWSBackupVss"
validation_window = "4h"
match = { all = { VssBackup = "enabled" } }

[region_settings]
resource_type_opt_in = { EC2 = true }
"#;

/// Each object that a call replaces whole: what the file changes, the call, and where objects have no such member
/// because no answer has an object there.
const REPLACED: [(&str, &str, &str, &[&str]); 8] = [
    (r#""35d""#, r#""40d""#, "POST /backup/plans/", &[""]),
    (r#""90d""#, r#""91d""#, "POST /backup/plans/", &[""]),
    ("\"arn:aws:ec2:*:*:instance/*\"", "\"arn:aws:ec2:*:*:volume/*\"", "PUT /backup/plans/", &[""]),
    ("\"10%\"", "\"20%\"", "POST /AmazonSSM.UpdateAssociation", &[]),
    ("\"a/\"", "\"b/\"", "POST /AmazonSSM.UpdateAssociation", &[]),
    ("\"BACKUP_JOB_COMPLETED\"", "\"COPY_JOB_FAILED\"", "PUT /backup-vaults/vv/notification-configuration", &[]),
    ("cron(0 3 1 * ? *)", "cron(0 4 1 * ? *)", "PUT /restore-testing/plans/monthly", &[""]),
    ("\"4h\"", "\"5h\"", "PUT /restore-testing/plans/monthly/selections/windows", &[""]),
];

#[test]
fn a_call_that_replaces_an_object_sends_again_what_nobody_has_a_name_for() {
    for (old, new, call, none) in REPLACED {
        let bench = Bench::new();
        let file = format!("{STACK}{FILE}");
        bench.apply(&file);
        let (plan, sent) = apply(&bench, &file.replace(old, new));
        let all: Vec<_> = sent.iter().filter(|(name, _)| name.starts_with(call)).collect();
        assert_eq!(all.len(), 1, "{old}: {:?}", sent.keys());
        assert_eq!(all[0].1, none, "{old} {call}");
        let dropped: Vec<_> =
            hazard::all(&plan).filter(|(_, note)| note.hazard == Hazard::UnknownFieldDropped).collect();
        assert!(dropped.is_empty(), "{old}: {dropped:?}");
    }
    // AWS is asked nothing about the settings of a region that are as the file says.
    let bench = Bench::new();
    let file = format!("{STACK}{FILE}");
    bench.apply(&file);
    let (_, sent) = apply(&bench, &file.replace("EC2 = true", "EC2 = false"));
    assert_eq!(sent.get("PUT /account-settings"), Some(&Vec::new()), "{:?}", sent.keys());
}

#[test]
fn what_nobody_has_a_name_for_is_no_difference() {
    let bench = Bench::new();
    let file = format!("{STACK}{FILE}");
    bench.apply(&file);
    let (plan, sent) = apply(&bench, &file);
    assert!(plan.changes.iter().all(|change| change.action == Action::NoOp), "{:#?}", plan.changes);
    let writes =
        sent.keys().filter(|name| name.starts_with("PUT") || name.contains("Update") || name.contains("Create"));
    assert_eq!(writes.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn what_has_no_place_any_more_is_named() {
    let bench = Bench::new();
    let file = format!("{STACK}{FILE}");
    bench.apply(&file);
    for (old, new, address) in [
        (r#"Backup = "daily""#, r#"Backup = "hourly""#, "selection.daily.windows"),
        ("VssBackup = \"enabled\" }, any", "Vss = \"enabled\" }, any", "selection.daily.windows"),
        ("tags = { VssBackup = \"enabled\" }", "tags = { Vss = \"enabled\" }", "package.AwsVssComponents"),
    ] {
        let (plan, _) = apply(&bench, &file.replace(old, new));
        let found = hazard::all(&plan).find(|(_, note)| note.hazard == Hazard::UnknownFieldDropped);
        let (at, note) = found.unwrap_or_else(|| panic!("{old}: {:#?}", plan.steps));
        assert_eq!(at.to_string(), address);
        assert!(note.why.contains(NEW), "{}", note.why);
        bench.apply(&file);
    }
}

#[test]
fn a_lock_with_members_that_nobody_has_a_name_for_asks_before_it_is_replaced() {
    let locked =
        |days: &str| format!("{STACK}[vault.vv]\nlock = {{ mode = \"governance\", min_retention = \"{days}\" }}\n");
    let bench = Bench::new();
    bench.apply(&locked("7d"));
    let is_named = |plan: &Plan| hazard::all(plan).any(|(_, note)| note.hazard == Hazard::UnknownFieldDropped);
    // The member that is added everywhere says nothing of a lock.
    assert!(!is_named(&apply(&bench, &locked("8d")).0));
    assert!(is_named(&apply_with(&bench, &locked("9d"), "LockScope").0));
    assert!(!is_named(&apply_with(&bench, &locked("9d"), "LockScope").0), "nothing is replaced");
}

#[test]
fn an_update_that_ends_the_maps_of_an_association_names_them() {
    let bench = Bench::new();
    let file = format!("{STACK}{FILE}");
    bench.apply(&file);
    let associations = bench.call("ssm", "ListAssociations", &json!({}));
    let id = &associations["Associations"][0]["AssociationId"];
    let resource = json!({ "ResourceType": "Association", "ResourceId": id });
    let tags = bench.call("ssm", "ListTagsForResource", &resource)["TagList"].clone();
    let mut other =
        bench.call("ssm", "DescribeAssociation", &json!({ "AssociationId": id }))["AssociationDescription"].clone();
    bench.call("ssm", "DeleteAssociation", &json!({ "AssociationId": id }));
    let members = other.as_object_mut().expect("an association");
    members.retain(|name, _| ["Name", "AssociationName", "Parameters", "ScheduleExpression"].contains(&name.as_str()));
    other["Tags"] = tags;
    other["TargetMaps"] = json!([{ "a": ["b"] }]);
    bench.call("ssm", "CreateAssociation", &other);
    let plan = bench.plan(&file);
    let (at, note) = hazard::all(&plan).find(|(_, note)| note.hazard == Hazard::UnknownFieldDropped).expect("a hazard");
    assert_eq!(at.to_string(), "package.AwsVssComponents");
    assert!(note.why.contains("`TargetMaps`"), "{}", note.why);
}
