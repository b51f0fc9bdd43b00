//! A role for Terraform: `aws_iam_role`, with one resource for each policy that is attached or inline.

use serde_json::Value;

use crate::kind::terraform::{Side, TerraformResource};
use crate::model::duration::seconds;

/// Returns the resources of a role.
pub(super) fn resources(side: &Side<'_>) -> Vec<TerraformResource> {
    let session = side.field("max_session_duration");
    let session = session.as_str().and_then(|text| seconds::parse(text).ok());
    let role = TerraformResource::new("aws_iam_role", side.key())
        .with("arn", side.scope.iam_arn("role", &side.path(), side.name))
        .with("name", side.name)
        .with("path", side.path())
        .with("description", side.field("description"))
        .with("assume_role_policy", side.document("trust"))
        .with("max_session_duration", session.map_or(Value::Null, Value::from))
        .with("permissions_boundary", side.field("permissions_boundary"))
        .with("tags", side.field("tags"));
    let mut resources = vec![role];
    for arn in side.field("managed_policies").as_array().into_iter().flatten().filter_map(Value::as_str) {
        let attachment = TerraformResource::new("aws_iam_role_policy_attachment", side.part(arn));
        resources.push(attachment.refers("role", side.name, "aws_iam_role", "name").with("policy_arn", arn));
    }
    for (name, document) in side.field("inline_policies").as_object().into_iter().flatten() {
        let policy = TerraformResource::new("aws_iam_role_policy", side.part(name)).with("name", name.as_str());
        let policy = policy.refers("role", side.name, "aws_iam_role", "id");
        resources.push(policy.with("policy", document.to_string()));
    }
    resources
}
