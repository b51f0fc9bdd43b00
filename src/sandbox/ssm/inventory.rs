//! The inventory of a managed node, as far as it lists packages; it never lists the VSS components.
//!
//! Written from "Metadata collected by inventory" of the Systems Manager user guide and the agent's gatherers: the list
//! of AWS components is fixed and lacks `AwsVssComponents`, and files are gathered only where somebody configured a
//! path.

use serde_json::{Map, Value, json};

use super::input::{items, paged, refusal, required, text, texts};
use crate::sandbox::account::{Answer, ApiError, Context};
use crate::sandbox::fleet::{Ailment, Instance, Platform};

/// AWS's own types, with their schema versions.
const TYPES: [(&str, &str); 12] = [
    ("AWS:AWSComponent", "1.0"),
    ("AWS:Application", "1.1"),
    ("AWS:BillingInfo", "1.0"),
    ("AWS:File", "1.0"),
    ("AWS:InstanceDetailedInformation", "1.0"),
    ("AWS:InstanceInformation", "1.0"),
    ("AWS:Network", "1.0"),
    ("AWS:Service", "1.0"),
    ("AWS:Tag", "1.0"),
    ("AWS:WindowsRegistry", "1.0"),
    ("AWS:WindowsRole", "1.0"),
    ("AWS:WindowsUpdate", "1.0"),
];

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let (now, account) = (context.now, context.account_id);
    let kind = required(input, "TypeName");
    let known = TYPES.iter().find(|(name, _)| *name == kind);
    let (_, schema) = known
        .ok_or_else(|| refusal("InvalidTypeNameException", format!("The parameter type name {kind} is not valid.")))?;
    let id = required(input, "InstanceId");
    let unknown = || refusal("InvalidInstanceId", format!("Instance {id} is not a managed node of account {account}."));
    let instance = context.region_mut().fleet.instances.get(id).ok_or_else(unknown)?;
    let mut chosen = Vec::new();
    for (number, entry) in entries(instance, kind, now).into_iter().enumerate() {
        let mut fits = true;
        for filter in items(input, "Filters") {
            fits &= filtered(&entry, kind, filter)?;
        }
        if fits {
            chosen.push((format!("{number:04}"), entry));
        }
    }
    let mut answer = paged("ListInventoryEntries", input, "Entries", 50, chosen)?;
    // The agent collects the inventory every half hour, while it answers.
    let at = instance.silent_since.unwrap_or(now - (now - instance.launched).rem_euclid(1_800_000));
    let captured = jiff::Timestamp::from_millisecond(at - at.rem_euclid(1000)).map(|time| time.to_string());
    answer["TypeName"] = json!(kind);
    answer["InstanceId"] = json!(id);
    answer["SchemaVersion"] = json!(schema);
    answer["CaptureTime"] = json!(captured.unwrap_or_default());
    Ok(answer)
}

/// Returns the entries of a type. An entry is a map of texts.
fn entries(instance: &Instance, kind: &str, now: i64) -> Vec<Value> {
    let component = |name: &str, version: &str| {
        json!({
            "Name": name, "Version": version, "Publisher": "Amazon Web Services", "ApplicationType": "",
            "Architecture": "x86_64", "InstalledTime": "", "URL": "",
        })
    };
    let agent = component("Amazon SSM Agent", &instance.agent_version);
    match (kind, instance.platform) {
        ("AWS:AWSComponent", Platform::Windows) => vec![component("EC2Launch", "2.0.1881"), agent],
        ("AWS:AWSComponent", Platform::Linux) => vec![agent],
        ("AWS:Application", _) => {
            let watch = instance.packages(now).remove("AmazonCloudWatchAgent");
            watch.map(|version| component("Amazon CloudWatch Agent", &version)).into_iter().chain([agent]).collect()
        }
        ("AWS:Service", Platform::Windows) => {
            let service = |name: &str, shown: &str| {
                json!({
                    "Name": name, "DisplayName": shown, "ServiceType": "Win32OwnProcess", "DependentServices": "",
                    "ServicesDependedOn": "", "Status": "Running", "StartType": "Automatic",
                })
            };
            let cluster = instance.ailments.contains(&Ailment::SecondaryNode);
            let cluster = cluster.then(|| service("ClusSvc", "Cluster Service"));
            cluster.into_iter().chain([service("AmazonSSMAgent", "Amazon SSM Agent")]).collect()
        }
        _ => Vec::new(),
    }
}

/// Lists the inventory of all managed nodes that match, as one entity for each node. The data of an entity has the
/// types that the request names.
pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let mut chosen = Vec::new();
    for instance in context.region_mut().fleet.instances.values() {
        let mut fits = true;
        for filter in items(input, "Filters") {
            let (kind, _) = required(filter, "Key").rsplit_once('.').unwrap_or((required(filter, "Key"), ""));
            let mut any = false;
            for entry in entries(instance, kind, now) {
                any |= filtered(&entry, kind, filter)?;
            }
            fits &= any;
        }
        if !fits {
            continue;
        }
        let mut data = Map::new();
        for kind in items(input, "ResultAttributes").iter().map(|one| required(one, "TypeName")) {
            let schema = TYPES.iter().find(|(name, _)| *name == kind).map_or("1.0", |(_, schema)| schema);
            let shown = json!({ "TypeName": kind, "SchemaVersion": schema, "Content": entries(instance, kind, now) });
            data.insert(kind.to_owned(), shown);
        }
        chosen.push((instance.id.clone(), json!({ "Id": instance.id, "Data": data })));
    }
    paged("GetInventory", input, "Entities", 50, chosen)
}

fn filtered(entry: &Value, kind: &str, filter: &Value) -> Result<bool, ApiError> {
    let key = required(filter, "Key");
    let (of, attribute) = key.rsplit_once('.').unwrap_or((kind, key));
    let none = Map::new();
    let members = entry.as_object().unwrap_or(&none);
    let Some(own) = members.get(attribute).and_then(Value::as_str).filter(|_| of == kind) else {
        return Err(refusal("InvalidFilter", format!("The filter name {key} is not valid for {kind}.")));
    };
    let values = texts(filter, "Values");
    let any = |compare: fn(&str, &str) -> bool| values.iter().any(|value| compare(own, value));
    Ok(match text(filter, "Type").unwrap_or("Equal") {
        "NotEqual" => !any(|own, value| own == value),
        "BeginWith" => any(|own, value| own.starts_with(value)),
        "LessThan" => any(|own, value| own < value),
        "GreaterThan" => any(|own, value| own > value),
        "Exists" => true,
        _ => any(|own, value| own == value),
    })
}
