//! An instance profile for Terraform: `aws_iam_instance_profile`.

use crate::kind::terraform::{Side, TerraformResource};

/// Returns the resource of an instance profile.
pub(super) fn resources(side: &Side<'_>) -> Vec<TerraformResource> {
    let profile = TerraformResource::new("aws_iam_instance_profile", side.key())
        .with("arn", side.scope.iam_arn("instance-profile", &side.path(), side.name))
        .with("name", side.name)
        .with("path", side.path())
        .refers("role", side.field("role"), "aws_iam_role", "name")
        .with("tags", side.field("tags"));
    vec![profile]
}
