//! A vault for Terraform: `aws_backup_vault`, with resources of their own for its policy, lock and notifications.

use serde_json::Value;

use crate::kind::terraform::{Side, TerraformResource, in_days};

/// Returns the resources of a vault.
pub(super) fn resources(side: &Side<'_>) -> Vec<TerraformResource> {
    let vault = TerraformResource::new("aws_backup_vault", side.key())
        .with("arn", side.scope.arn("backup", &format!("backup-vault:{}", side.name)))
        .with("name", side.name)
        .with("kms_key_arn", side.field("kms_key"))
        .with("tags", side.field("tags"));
    let part = |resource_type| {
        let part = TerraformResource::new(resource_type, side.key());
        part.refers("backup_vault_name", side.name, "aws_backup_vault", "name")
    };
    let mut resources = vec![vault];
    let has =
        |name: &str| side.fields.get(name).is_some_and(|value| value.as_object().is_some_and(|it| !it.is_empty()));
    if has("access_policy") {
        resources.push(part("aws_backup_vault_policy").with("policy", side.document("access_policy")));
    }
    if has("lock") {
        let lock = side.field("lock");
        let is_compliance = lock["mode"] == "compliance";
        let grace = side.options.get("changeable_for").filter(|_| is_compliance);
        let resource = part("aws_backup_vault_lock_configuration")
            .with("changeable_for_days", in_days(grace.unwrap_or(&Value::Null)))
            .with("max_retention_days", in_days(&lock["max_retention"]))
            .with("min_retention_days", in_days(&lock["min_retention"]));
        resources.push(resource);
    }
    if has("notifications") {
        let notifications = side.field("notifications");
        let resource = part("aws_backup_vault_notifications")
            .with("backup_vault_events", notifications["events"].clone())
            .with("sns_topic_arn", notifications["topic"].clone());
        resources.push(resource);
    }
    resources
}
