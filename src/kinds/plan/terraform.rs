//! A backup plan for Terraform: `aws_backup_plan`.

use serde_json::{Map, Value, json};

use crate::kind::terraform::{Side, TerraformReference, TerraformResource, in_days, in_minutes};

/// Returns the resource of a backup plan.
pub(super) fn resources(side: &Side<'_>) -> Vec<TerraformResource> {
    let vss = match side.field("windows_vss") {
        Value::Bool(wanted) => {
            let word = if wanted { "enabled" } else { "disabled" };
            json!([{ "backup_options": { "WindowsVSS": word }, "resource_type": "EC2" }])
        }
        _ => Value::Null,
    };
    let rules = side.field("rule");
    let rules: Vec<Value> =
        rules.as_object().into_iter().flatten().map(|(name, rule)| self::rule(name, rule)).collect();
    let mut plan = TerraformResource::new("aws_backup_plan", side.key())
        .with("name", side.name)
        .with("advanced_backup_setting", vss)
        .with("rule", rules)
        .with("tags", side.field("tags"));
    // The argument stands within a block: the reference has no argument of the resource itself.
    plan.references.push(TerraformReference { argument: "rule", resource_type: "aws_backup_vault", attribute: "name" });
    vec![plan]
}

fn rule(name: &str, rule: &Value) -> Value {
    let copies: Vec<Value> = rule["copy_actions"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(vault, copy)| json!({ "destination_vault_arn": vault, "lifecycle": lifecycle(copy) }))
        .collect();
    let text = |value: &str| Value::from(value);
    let members = [
        ("rule_name", text(name)),
        ("target_vault_name", rule["vault"].clone()),
        ("schedule", rule["schedule"].clone()),
        ("schedule_expression_timezone", rule["timezone"].clone()),
        ("start_window", in_minutes(&rule["start_window"])),
        ("completion_window", in_minutes(&rule["complete_window"])),
        ("enable_continuous_backup", rule["enable_continuous_backup"].clone()),
        ("lifecycle", lifecycle(rule)),
        ("recovery_point_tags", rule["recovery_point_tags"].clone()),
        ("copy_action", Value::from(copies)),
    ];
    said(members)
}

/// Returns a lifecycle as Terraform has it: a list of one block, or of none.
fn lifecycle(of: &Value) -> Value {
    let block = said([
        ("cold_storage_after", in_days(&of["move_to_cold_storage_after"])),
        ("delete_after", in_days(&of["delete_after"])),
        ("opt_in_to_archive_for_supported_resources", of["opt_in_to_archive_for_supported_resources"].clone()),
    ]);
    if block.as_object().is_some_and(Map::is_empty) { json!([]) } else { json!([block]) }
}

/// Makes an object of what says anything.
fn said<const N: usize>(members: [(&str, Value); N]) -> Value {
    members.into_iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.to_owned(), value)).collect()
}
