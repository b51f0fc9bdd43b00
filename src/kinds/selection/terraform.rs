//! A selection for Terraform: `aws_backup_selection`.

use serde_json::{Value, json};

use crate::kind::terraform::{Side, TerraformResource};

/// The condition blocks of the provider, with the fields of the file that they are.
const CONDITIONS: [(&str, &str); 4] = [
    ("string_equals", "all"),
    ("string_like", "like"),
    ("string_not_equals", "not_equals"),
    ("string_not_like", "not_like"),
];

/// Returns the resource of a selection.
pub(super) fn resources(side: &Side<'_>) -> Vec<TerraformResource> {
    let pairs = |field: &str| -> Vec<(String, String)> {
        let list = side.field(field);
        let texts = list.as_array().into_iter().flatten().filter_map(Value::as_str);
        texts.filter_map(|text| text.split_once('=')).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    let mut condition = serde_json::Map::new();
    for (block, field) in CONDITIONS {
        let blocks: Vec<Value> = pairs(field)
            .into_iter()
            .map(|(key, value)| json!({ "key": format!("aws:ResourceTag/{key}"), "value": value }))
            .collect();
        condition.insert(block.to_owned(), Value::from(blocks));
    }
    let has_condition = condition.values().any(|blocks| blocks.as_array().is_some_and(|blocks| !blocks.is_empty()));
    let tags: Vec<Value> = pairs("any")
        .into_iter()
        .map(|(key, value)| json!({ "type": "STRINGEQUALS", "key": key, "value": value }))
        .collect();
    let selection = TerraformResource::new("aws_backup_selection", side.key())
        .with("name", side.name)
        .refers("iam_role_arn", side.field("role"), "aws_iam_role", "arn")
        .refers("plan_id", Value::Null, "aws_backup_plan", "id")
        .with("resources", side.field("arns"))
        .with("not_resources", side.field("not_arns"))
        .with("selection_tag", tags)
        .with("condition", if has_condition { json!([condition]) } else { Value::Null });
    vec![selection]
}
