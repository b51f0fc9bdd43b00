//! The operations of Systems Manager that the sandbox offers, and the function that performs each.

use serde_json::Value;

use super::executions::catch_up;
use super::input::refusal;
use super::{associations, commands, documents, executions, instances, inventory, parameters, tags};
use crate::sandbox::account::{Answer, Context};
use crate::sandbox::wire::model::Model;
use crate::sandbox::wire::validate::validate;

/// The operations offered.
pub(in crate::sandbox) const OPERATIONS: &[&str] = &[
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
pub(in crate::sandbox) fn handle(context: &mut Context<'_>, operation: &str, input: &Value) -> Answer {
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
