//! The operations of EC2 that the sandbox offers, and the function that performs each.

use serde_json::Value;

use super::{images, instances, network, profiles, query, tags, volumes};
use crate::sandbox::account::{Answer, ApiError, Context};
use crate::sandbox::wire::model::Model;

/// The operations offered.
pub(in crate::sandbox) const OPERATIONS: &[&str] = &[
    "AssociateIamInstanceProfile",
    "CreateTags",
    "DeleteTags",
    "DescribeIamInstanceProfileAssociations",
    "DescribeImages",
    "DescribeInstanceStatus",
    "DescribeInstances",
    "DescribeRouteTables",
    "DescribeSnapshots",
    "DescribeTags",
    "DescribeVolumes",
    "DescribeVpcEndpoints",
    "DisassociateIamInstanceProfile",
    "ReplaceIamInstanceProfileAssociation",
];

/// Performs one operation.
pub(in crate::sandbox) fn handle(context: &mut Context<'_>, operation: &str, input: &Value) -> Answer {
    let model = Model::of("ec2").expect("the sandbox has EC2's model");
    query::check(model, operation, input)?;
    if input["DryRun"].as_bool() == Some(true) {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(ApiError::new(412, "DryRunOperation", message));
    }
    match operation {
        "AssociateIamInstanceProfile" => profiles::associate(context, input),
        "CreateTags" => tags::create(context, input),
        "DeleteTags" => tags::delete(context, input),
        "DescribeIamInstanceProfileAssociations" => profiles::describe(context, input),
        "DescribeImages" => images::describe(context, input),
        "DescribeInstanceStatus" => instances::describe_status(context, input),
        "DescribeInstances" => instances::describe(context, input),
        "DescribeRouteTables" => network::describe_route_tables(context, input),
        "DescribeSnapshots" => images::describe_snapshots(context, input),
        "DescribeTags" => tags::describe(context, input),
        "DescribeVolumes" => volumes::describe(context, input),
        "DescribeVpcEndpoints" => network::describe_vpc_endpoints(context, input),
        "DisassociateIamInstanceProfile" => profiles::disassociate(context, input),
        "ReplaceIamInstanceProfileAssociation" => profiles::replace(context, input),
        _ => Err(model.unknown_operation(operation)),
    }
}

pub(super) fn refusal(code: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(400, code, message)
}
