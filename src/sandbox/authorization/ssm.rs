//! The permissions that Systems Manager's operations need.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::needs::{Call, Need, request_tags, resource_tags, tag_list};
use crate::policy::Keys;
use crate::sandbox::account::Region;
use crate::sandbox::fleet::Fleet;
use crate::sandbox::ssm::Association;

pub(super) fn needs(call: &Call<'_>) -> Vec<Need> {
    match call.operation {
        "CreateAssociation" => create_association(call),
        "UpdateAssociation" => {
            let mut needs = of_association(call);
            needs.extend(instances(call));
            needs.extend(dispatch_role(call));
            needs
        }
        "DescribeAssociation"
        | "DeleteAssociation"
        | "ListAssociationVersions"
        | "DescribeAssociationExecutions"
        | "DescribeAssociationExecutionTargets" => of_association(call),
        "SendCommand" => {
            let mut needs = vec![call.own(document(call, call.text("DocumentName")), Keys::default())];
            needs.extend(instances(call));
            needs
        }
        "DescribeDocument" | "GetDocument" => vec![call.own(document(call, call.text("Name")), Keys::default())],
        "AddTagsToResource" | "RemoveTagsFromResource" | "ListTagsForResource" => vec![tagging(call)],
        "PutParameter" | "GetParameter" | "DeleteParameter" => vec![parameter(call, call.text("Name"))],
        "GetParametersByPath" => vec![parameter(call, call.text("Path"))],
        "GetParameters" | "DeleteParameters" => call.list("Names").map(|name| parameter(call, name)).collect(),
        _ => vec![call.own("*", Keys::default())],
    }
}

fn region<'a>(call: &Call<'a>) -> Option<&'a Region> {
    call.account.regions.get(call.region)
}

/// Returns the ARN of a document; AWS's own documents have no account in theirs.
fn document(call: &Call<'_>, name: &str) -> String {
    let account = if name.starts_with("AWS-") { "" } else { call.account_id };
    format!("arn:{}:ssm:{}:{account}:document/{name}", call.partition, call.region)
}

fn association<'a>(call: &Call<'a>, id: &str) -> Option<&'a Association> {
    region(call).and_then(|region| region.ssm.associations.get(id))
}

fn create_association(call: &Call<'_>) -> Vec<Need> {
    let tags = tag_list(call.input, "Tags");
    let keys = request_tags(Keys::default(), tags.iter().copied());
    let new = call.arn("ssm", "association/*");
    let mut needs =
        vec![call.own(document(call, call.text("Name")), Keys::default()), call.own(new.clone(), keys.clone())];
    needs.extend(instances(call));
    if !tags.is_empty() {
        needs.push(Need::of("ssm:AddTagsToResource", new, keys));
    }
    needs.extend(dispatch_role(call));
    needs
}

/// Needs the association itself and its document: AWS's own policies for Quick Setup allow both for describing,
/// updating and deleting.
fn of_association(call: &Call<'_>) -> Vec<Need> {
    let id = call.text("AssociationId");
    let live = association(call, id);
    let keys = resource_tags(Keys::default(), "ssm:resourceTag", live.map(|one| &one.tags));
    let name = live.and_then(|one| one.versions.last()?.definition.get("Name")).and_then(Value::as_str);
    let own = call.own(call.arn("ssm", &format!("association/{id}")), keys);
    let document = name.map(|name| call.own(document(call, name), Keys::default()));
    std::iter::once(own).chain(document).collect()
}

/// Needs to pass the role of a request to State Manager, which uses it from then on.
fn dispatch_role(call: &Call<'_>) -> Option<Need> {
    let arn = call.text("AssociationDispatchAssumeRole");
    (!arn.is_empty()).then(|| Need::pass_role(arn, "ssm.amazonaws.com"))
}

/// Needs the instances that a call targets, each with its tags. Where no instance has the targeted tags yet, it needs
/// any instance that has them.
fn instances(call: &Call<'_>) -> Vec<Need> {
    let fleet = region(call)
        .map_or_else(|| Cow::Owned(Fleet::seed(call.region, call.account_id)), |region| Cow::Borrowed(&region.fleet));
    let mut targets: Vec<(String, Vec<String>)> = Vec::new();
    for target in call.input.get("Targets").and_then(Value::as_array).into_iter().flatten() {
        let values = target["Values"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        targets.push((target["Key"].as_str().unwrap_or_default().to_owned(), values.collect()));
    }
    let mut ids: Vec<String> = call.list("InstanceIds").map(str::to_owned).collect();
    for (_, values) in targets.iter().filter(|(key, _)| key.eq_ignore_ascii_case("InstanceIds")) {
        ids.extend(values.iter().cloned());
    }
    ids.extend(fleet.resolve(&targets));
    ids.sort();
    ids.dedup();
    if ids.is_empty() {
        let mut keys = Keys::default();
        for (name, values) in targets.iter().filter_map(|(key, values)| Some((key.strip_prefix("tag:")?, values))) {
            keys.set(&format!("aws:ResourceTag/{name}"), values.iter().cloned());
            keys.set(&format!("ssm:resourceTag/{name}"), values.iter().cloned());
        }
        return vec![call.own(call.arn("ec2", "instance/*"), keys)];
    }
    let need = |id: &String| {
        let tags = fleet.instances.get(id).map(|instance| &instance.tags);
        let keys = resource_tags(Keys::default(), "ssm:resourceTag", tags);
        let managed = id.starts_with("mi-");
        let (service, kind) = if managed { ("ssm", "managed-instance") } else { ("ec2", "instance") };
        call.own(call.arn(service, &format!("{kind}/{id}")), keys)
    };
    ids.iter().map(need).collect()
}

fn tagging(call: &Call<'_>) -> Need {
    let id = call.text("ResourceId");
    let kind = call.text("ResourceType").to_ascii_lowercase();
    let live: Option<&BTreeMap<String, String>> = match kind.as_str() {
        "association" => association(call, id).map(|one| &one.tags),
        "parameter" => region(call).and_then(|region| region.ssm.parameters.get(id)).map(|one| &one.tags),
        _ => None,
    };
    let keys = resource_tags(Keys::default(), "ssm:resourceTag", live);
    let mut keys = request_tags(keys, tag_list(call.input, "Tags"));
    let untagged: Vec<String> = call.list("TagKeys").map(str::to_owned).collect();
    if !untagged.is_empty() {
        keys.set("aws:TagKeys", untagged);
    }
    call.own(call.arn("ssm", &format!("{kind}/{}", id.trim_start_matches('/'))), keys)
}

/// Needs a parameter, whose ARN has its name without the first slash.
fn parameter(call: &Call<'_>, name: &str) -> Need {
    let live = region(call).and_then(|region| region.ssm.parameters.get(name));
    let mut keys = resource_tags(Keys::default(), "ssm:resourceTag", live.map(|one| &one.tags));
    if call.operation == "PutParameter" {
        let overwrite = call.input["Overwrite"].as_bool().unwrap_or_default();
        keys = request_tags(keys, tag_list(call.input, "Tags")).with("ssm:Overwrite", overwrite.to_string());
    }
    call.own(call.arn("ssm", &format!("parameter/{}", name.trim_start_matches('/').trim_end_matches('/'))), keys)
}
