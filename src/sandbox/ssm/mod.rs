//! Systems Manager of one region: State Manager associations, Run Command, the managed nodes, AWS's documents and Parameter
//! Store.
//!
//! Written from the Systems Manager user guide and API reference and the service model. Nothing runs in the background: an
//! invocation knows from its start when and how it ends, and a reader says what time it is; schedules catch up at the next
//! request.

mod associations;
mod commands;
mod documents;
mod executions;
mod instances;
mod inventory;
mod parameters;
mod powershell;
mod runs;
mod tags;
mod targets;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::account::{Answer, ApiError, Context, Region, Tagged};
use super::made;
use super::wire::model::Model;
use super::wire::validate::validate;

pub use associations::{Association, AssociationVersion, Execution};
pub use commands::Command;
pub(super) use executions::catch_up;
pub use parameters::{Parameter, ParameterVersion};
pub use runs::Invocation;

/// What Systems Manager remembers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ssm {
    /// State Manager associations by id.
    #[serde(default)]
    pub associations: BTreeMap<String, Association>,
    /// Commands by id.
    #[serde(default)]
    pub commands: BTreeMap<String, Command>,
    /// Parameters by name.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
}

/// The operations offered.
pub(super) const OPERATIONS: &[&str] = &[
    "AddTagsToResource",
    "CancelCommand",
    "CreateAssociation",
    "DeleteAssociation",
    "DeleteParameter",
    "DeleteParameters",
    "DescribeAssociation",
    "DescribeAssociationExecutionTargets",
    "DescribeAssociationExecutions",
    "DescribeDocument",
    "DescribeEffectiveInstanceAssociations",
    "DescribeInstanceAssociationsStatus",
    "DescribeInstanceInformation",
    "DescribeInstanceProperties",
    "DescribeParameters",
    "GetCommandInvocation",
    "GetDocument",
    "GetInventory",
    "GetParameter",
    "GetParameters",
    "GetParametersByPath",
    "ListAssociationVersions",
    "ListAssociations",
    "ListCommandInvocations",
    "ListCommands",
    "ListDocuments",
    "ListInventoryEntries",
    "ListTagsForResource",
    "PutParameter",
    "RemoveTagsFromResource",
    "SendCommand",
    "UpdateAssociation",
];

/// Performs one operation.
pub(super) fn handle(context: &mut Context<'_>, operation: &str, input: &Value) -> Answer {
    if let Some(model) = Model::of("ssm")
        && let Some(shape) = model.operations.get(operation).and_then(|described| described.input.as_deref())
    {
        validate(model, shape, input)?;
    }
    catch_up(context);
    match operation {
        "CreateAssociation" => associations::create(context, input),
        "DescribeAssociation" => associations::describe(context, input),
        "UpdateAssociation" => associations::update(context, input),
        "DeleteAssociation" => associations::delete(context, input),
        "ListAssociations" => associations::list(context, input),
        "ListAssociationVersions" => associations::list_versions(context, input),
        "DescribeAssociationExecutions" => executions::list(context, input),
        "DescribeAssociationExecutionTargets" => executions::list_targets(context, input),
        "DescribeInstanceAssociationsStatus" => executions::of_instance(context, input),
        "DescribeEffectiveInstanceAssociations" => executions::effective(context, input),
        "SendCommand" => commands::send(context, input),
        "ListCommands" => commands::list(context, input),
        "ListCommandInvocations" => commands::list_invocations(context, input),
        "GetCommandInvocation" => commands::get_invocation(context, input),
        "CancelCommand" => commands::cancel(context, input),
        "DescribeInstanceInformation" => instances::information(context, input),
        "DescribeInstanceProperties" => instances::properties(context, input),
        "DescribeDocument" => documents::describe(input),
        "GetDocument" => documents::get(input),
        "ListDocuments" => documents::list(input),
        "GetInventory" => inventory::get(context, input),
        "ListInventoryEntries" => inventory::list(context, input),
        "PutParameter" => parameters::put(context, input),
        "GetParameter" => parameters::get(context, input),
        "GetParameters" => Ok(parameters::get_many(context, input)),
        "GetParametersByPath" => parameters::by_path(context, input),
        "DescribeParameters" => parameters::describe(context, input),
        "DeleteParameter" => parameters::delete(context, input),
        "DeleteParameters" => Ok(parameters::delete_many(context, input)),
        "AddTagsToResource" => tags::add(context, input),
        "RemoveTagsFromResource" => tags::remove(context, input),
        "ListTagsForResource" => tags::list(context, input),
        _ => Err(refusal("UnknownOperationException", format!("Systems Manager has no operation {operation} here"))),
    }
}

/// Lists what carries tags: associations and parameters.
pub(super) fn tagged(region: &Region) -> impl Iterator<Item = Tagged<'_>> {
    let associations = region.ssm.associations.values().map(|one| (&one.arn, "ssm:association", &one.tags));
    let parameters = region.ssm.parameters.values().map(|one| (&one.arn, "ssm:parameter", &one.tags));
    associations.chain(parameters).map(|(arn, resource_type, tags)| Tagged { arn, resource_type, tags })
}

fn refusal(code: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(400, code, message)
}

fn text<'a>(input: &'a Value, member: &str) -> Option<&'a str> {
    input.get(member).and_then(Value::as_str)
}

/// A member that the model requires, after the check against the model.
fn required<'a>(input: &'a Value, member: &str) -> &'a str {
    text(input, member).unwrap_or_default()
}

fn flag(input: &Value, member: &str) -> bool {
    input.get(member).and_then(Value::as_bool).unwrap_or_default()
}

fn items<'a>(input: &'a Value, member: &str) -> &'a [Value] {
    input.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn texts(input: &Value, member: &str) -> Vec<String> {
    items(input, member).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Cuts a list into pages. The token belongs to the operation and its filters.
fn paged(operation: &str, input: &Value, member: &str, size: usize, items: Vec<(String, Value)>) -> Answer {
    let mut filters = input.clone();
    if let Some(members) = filters.as_object_mut() {
        members.retain(|name, _| name != "NextToken" && name != "MaxResults");
    }
    let size =
        input.get("MaxResults").and_then(Value::as_u64).and_then(|size| usize::try_from(size).ok()).unwrap_or(size);
    let page = made::page(&format!("{operation}{filters}"), items, size, text(input, "NextToken"));
    let page = page.ok_or_else(|| refusal("InvalidNextToken", "The specified token is not valid."))?;
    let mut answer = Map::from_iter([(member.to_owned(), Value::Array(page.items))]);
    if let Some(next) = page.next {
        answer.insert("NextToken".to_owned(), Value::from(next));
    }
    Ok(Value::Object(answer))
}

/// Milliseconds of a time that a filter gives as text.
fn moment(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests;
