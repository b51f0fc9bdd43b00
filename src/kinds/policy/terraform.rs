//! A customer managed policy for Terraform: `aws_iam_policy`.

use crate::kind::terraform::{Side, TerraformResource};

/// Returns the resource of a policy.
pub(super) fn resources(side: &Side<'_>) -> Vec<TerraformResource> {
    let policy = TerraformResource::new("aws_iam_policy", side.key())
        .with("arn", side.scope.iam_arn("policy", &side.path(), side.name))
        .with("name", side.name)
        .with("path", side.path())
        .with("description", side.field("description"))
        .with("policy", side.document("document"))
        .with("tags", side.field("tags"));
    vec![policy]
}
