//! The managed nodes: what Systems Manager knows about the fleet.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Ssm;
use super::executions::sum;
use super::input::{items, paged, refusal, required, text, texts};
use crate::sandbox::account::{Answer, ApiError, Context};
use crate::sandbox::fleet::Instance;
use crate::sandbox::made;

/// The current version of the agent.
const LATEST_AGENT: &str = "3.3.1142.0";
/// The time between two reports of an agent: five minutes.
const HEARTBEAT: i64 = 300_000;

/// Summarises how the associations ended on one instance.
struct Associated {
    status: Option<&'static str>,
    last: Option<i64>,
    last_success: Option<i64>,
    counts: BTreeMap<String, usize>,
}

fn associated(ssm: &Ssm, id: &str, now: i64) -> Associated {
    let mut found = Associated { status: None, last: None, last_success: None, counts: BTreeMap::new() };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for association in ssm.associations.values() {
        let Some((_, invocation)) = association.newest().remove(id) else { continue };
        let (status, _) = invocation.state(now);
        *counts.entry(status).or_default() += 1;
        found.last = found.last.max(Some(invocation.requested));
        if status == "Success" {
            found.last_success = found.last_success.max(Some(invocation.ends));
        }
    }
    if !counts.is_empty() {
        found.status = Some(sum(&counts).0);
    }
    found.counts = counts.into_iter().map(|(status, count)| (status.to_owned(), count)).collect();
    found
}

fn ping(instance: &Instance) -> &'static str {
    if instance.is_online() { "Online" } else { "ConnectionLost" }
}

fn add_associated(members: &mut Map<String, Value>, found: &Associated) {
    let Some(status) = found.status else { return };
    members.insert("AssociationStatus".to_owned(), json!(status));
    let overview = json!({ "DetailedStatus": status, "InstanceAssociationStatusAggregatedCount": found.counts });
    members.insert("AssociationOverview".to_owned(), overview);
    let times =
        [("LastAssociationExecutionDate", found.last), ("LastSuccessfulAssociationExecutionDate", found.last_success)];
    members.extend(times.into_iter().filter_map(|(name, time)| Some((name.to_owned(), made::timestamp(time?)))));
}

/// Writes the members that both descriptions share.
fn shared(instance: &Instance, now: i64) -> Map<String, Value> {
    let heartbeat = instance.silent_since.unwrap_or(now - (now - instance.launched).rem_euclid(HEARTBEAT));
    Map::from_iter(
        [
            ("InstanceId", json!(instance.id)),
            ("PingStatus", json!(ping(instance))),
            ("LastPingDateTime", made::timestamp(heartbeat)),
            ("AgentVersion", json!(instance.agent_version)),
            ("PlatformType", json!(instance.platform.as_str())),
            ("PlatformName", json!(instance.os_name)),
            ("PlatformVersion", json!(instance.os_version)),
            ("ResourceType", json!("EC2Instance")),
            ("IPAddress", json!(instance.ip_address)),
            ("ComputerName", json!(instance.computer_name)),
            ("SourceId", json!(instance.id)),
            ("SourceType", json!("AWS::EC2::Instance")),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    )
}

fn fits(instance: &Instance, found: &Associated, key: &str, values: &[String]) -> Result<bool, ApiError> {
    let one_of = |value: &str| values.iter().any(|wanted| wanted == value);
    Ok(match key {
        "InstanceIds" | "SourceIds" => one_of(&instance.id),
        "AgentVersion" => {
            one_of(&instance.agent_version) || (one_of("LATEST") && instance.agent_version == LATEST_AGENT)
        }
        "PingStatus" => one_of(ping(instance)),
        "PlatformTypes" | "PlatformType" => one_of(instance.platform.as_str()),
        "PlatformName" => one_of(&instance.os_name),
        "PlatformVersion" => one_of(&instance.os_version),
        "ResourceType" => one_of("EC2Instance"),
        "SourceTypes" => one_of("AWS::EC2::Instance"),
        "AssociationStatus" => found.status.is_some_and(one_of),
        "tag-key" => values.iter().any(|name| instance.tags.contains_key(name)),
        // Only machines outside EC2 have roles and activations.
        "ActivationIds" | "IamRole" => false,
        _ => match key.strip_prefix("tag:") {
            Some(name) => instance.tags.get(name).is_some_and(|value| one_of(value)),
            None => return Err(refusal("InvalidFilterKey", format!("{key} is not a filter of managed nodes."))),
        },
    })
}

pub(super) fn information(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let mut filters: Vec<(String, Vec<String>)> = Vec::new();
    for filter in items(input, "InstanceInformationFilterList") {
        filters.push((required(filter, "key").to_owned(), texts(filter, "valueSet")));
    }
    for filter in items(input, "Filters") {
        filters.push((required(filter, "Key").to_owned(), texts(filter, "Values")));
    }
    let region = context.region_mut();
    let mut all = Vec::new();
    for instance in region.fleet.instances.values() {
        let found = associated(&region.ssm, &instance.id, now);
        let mut chosen = true;
        for (key, values) in &filters {
            chosen &= fits(instance, &found, key, values)?;
        }
        if chosen {
            let mut members = shared(instance, now);
            members.insert("IsLatestVersion".to_owned(), json!(instance.agent_version == LATEST_AGENT));
            add_associated(&mut members, &found);
            all.push((instance.id.clone(), Value::Object(members)));
        }
    }
    paged("DescribeInstanceInformation", input, "InstanceInformationList", 10, all)
}

pub(super) fn properties(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let mut filters: Vec<(String, bool, Vec<String>)> = Vec::new();
    for filter in items(input, "InstancePropertyFilterList") {
        filters.push((required(filter, "key").to_owned(), true, texts(filter, "valueSet")));
    }
    for filter in items(input, "FiltersWithOperator") {
        let equal = match text(filter, "Operator").unwrap_or("Equal") {
            "Equal" => true,
            "NotEqual" => false,
            other => {
                return Err(refusal(
                    "InvalidInstancePropertyFilterValue",
                    format!("Operator {other} is not supported here."),
                ));
            }
        };
        filters.push((required(filter, "Key").to_owned(), equal, texts(filter, "Values")));
    }
    let region = context.region_mut();
    let mut all = Vec::new();
    for instance in region.fleet.instances.values() {
        let found = associated(&region.ssm, &instance.id, now);
        let mut chosen = true;
        for (key, equal, values) in &filters {
            chosen &= fits(instance, &found, key, values)? == *equal;
        }
        if chosen {
            let mut members = shared(instance, now);
            members.insert("Name".to_owned(), json!(instance.name));
            members.insert("InstanceType".to_owned(), json!(instance.instance_type));
            members.insert("InstanceState".to_owned(), json!("running"));
            members.insert("Architecture".to_owned(), json!("x86_64"));
            members.insert("LaunchTime".to_owned(), made::timestamp(instance.launched));
            if let Some(profile) = &instance.instance_profile {
                members.insert("InstanceRole".to_owned(), json!(profile));
            }
            add_associated(&mut members, &found);
            all.push((instance.id.clone(), Value::Object(members)));
        }
    }
    paged("DescribeInstanceProperties", input, "InstanceProperties", 50, all)
}
