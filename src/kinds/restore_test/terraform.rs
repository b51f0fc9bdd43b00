//! A restore testing plan for Terraform: `aws_backup_restore_testing_plan`, with one resource for each selection.

use serde_json::{Map, Value, json};

use crate::kind::terraform::{Side, TerraformResource, in_days, in_minutes};

/// Returns the resources of a restore testing plan. The overrides of a selection are not among its fields.
pub(super) fn resources(side: &Side<'_>) -> Vec<TerraformResource> {
    let points = side.field("recovery_point_selection");
    let mut block = Map::new();
    for name in ["algorithm", "include_vaults", "exclude_vaults", "recovery_point_types"] {
        if let Some(value) = points.get(name).filter(|value| !value.is_null()) {
            block.insert(name.to_owned(), value.clone());
        }
    }
    let window = in_days(&points["selection_window"]);
    if !window.is_null() {
        block.insert("selection_window_days".to_owned(), window);
    }
    let plan = TerraformResource::new("aws_backup_restore_testing_plan", side.key())
        .with("name", side.name)
        .with("schedule_expression", side.field("schedule"))
        .with("schedule_expression_timezone", side.field("timezone"))
        .with("start_window_hours", in_hours(&side.field("start_window")))
        .with("recovery_point_selection", if block.is_empty() { Value::Null } else { json!([block]) })
        .with("tags", side.field("tags"));
    let selections = side.field("selection");
    let selections = selections.as_object().into_iter().flatten().map(|(name, fields)| selection(side, name, fields));
    std::iter::once(plan).chain(selections).collect()
}

fn selection(side: &Side<'_>, name: &str, fields: &Value) -> TerraformResource {
    let mut conditions = Map::new();
    for (block, field) in [("string_equals", "all"), ("string_not_equals", "not_equals")] {
        let tags = fields[field].as_array().into_iter().flatten().filter_map(Value::as_str);
        let tags = tags.filter_map(|tag| tag.split_once('='));
        let tags: Vec<Value> =
            tags.map(|(key, value)| json!({ "key": format!("aws:ResourceTag/{key}"), "value": value })).collect();
        if !tags.is_empty() {
            conditions.insert(block.to_owned(), tags.into());
        }
    }
    TerraformResource::new("aws_backup_restore_testing_selection", side.part(name))
        .with("name", name)
        .refers("restore_testing_plan_name", side.name, "aws_backup_restore_testing_plan", "name")
        .with("protected_resource_type", fields["resource_type"].clone())
        .refers("iam_role_arn", fields["role"].clone(), "aws_iam_role", "arn")
        .with("protected_resource_arns", fields["arns"].clone())
        .with("protected_resource_conditions", if conditions.is_empty() { Value::Null } else { json!([conditions]) })
        .with("validation_window_hours", in_hours(&fields["validation_window"]))
}

/// Returns a length of time such as `8h` as a number of hours; null where it is none.
fn in_hours(value: &Value) -> Value {
    in_minutes(value).as_u64().map_or(Value::Null, |minutes| Value::from(minutes / 60))
}
