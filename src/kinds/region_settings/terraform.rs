//! The region's settings for Terraform: `aws_backup_region_settings`.

use crate::kind::terraform::{Side, TerraformResource};

/// Returns the resource of the settings.
pub(super) fn resources(side: &Side<'_>) -> Vec<TerraformResource> {
    let settings = TerraformResource::new("aws_backup_region_settings", side.key())
        .with("resource_type_opt_in_preference", side.field("resource_type_opt_in"))
        .with("resource_type_management_preference", side.field("resource_type_management"));
    vec![settings]
}
