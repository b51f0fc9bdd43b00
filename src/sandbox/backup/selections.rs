//! The selections of a plan: which resources it backs up, and with which role. A selection cannot be changed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::input::{creator_request_id, invalid, not_found, nothing, paged, required};
use super::plans;
use crate::sandbox::account::{Answer, ApiError, Context};
use crate::sandbox::made;

/// One selection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Selection {
    /// A UUID.
    pub id: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// The caller's token.
    pub creator_request_id: Option<String>,
    /// The `BackupSelection`, with every list in it.
    pub document: Map<String, Value>,
}

/// The operators of `Conditions`.
const OPERATORS: [&str; 4] = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike"];

fn list_of<'a>(document: &'a Value, member: &str) -> impl Iterator<Item = &'a Value> {
    document.get(member).and_then(Value::as_array).into_iter().flatten()
}

fn arns(document: &Value, member: &str) -> Result<Vec<String>, ApiError> {
    let arns: Vec<String> = list_of(document, member).filter_map(Value::as_str).map(str::to_owned).collect();
    for arn in &arns {
        let whole = arn == "*" || (arn.starts_with("arn:") && arn.split(':').count() >= 3);
        // A wildcard stands for a whole region or account, or ends the pattern.
        let last = arn.splitn(6, ':').nth(5).unwrap_or_default();
        let middle = last.trim_end_matches('*').contains('*');
        if !whole || middle {
            return Err(invalid(format!("Invalid ARN '{arn}' in {member}")));
        }
    }
    let wild = arns.iter().any(|arn| arn.contains('*'));
    if arns.len() > if wild { 30 } else { 500 } {
        let most = if wild { "30 ARNs with wildcards" } else { "500 ARNs" };
        return Err(ApiError::new(400, "LimitExceededException", format!("{member} can have at most {most}")));
    }
    Ok(arns)
}

/// Checks a selection and adds the lists that it lacks, as AWS returns it.
fn normalise(selection: &Value) -> Result<Map<String, Value>, ApiError> {
    let resources = arns(selection, "Resources")?;
    let not_resources = arns(selection, "NotResources")?;
    let tags: Vec<Value> = list_of(selection, "ListOfTags").cloned().collect();
    for tag in &tags {
        let key = tag.get("ConditionKey").and_then(Value::as_str).unwrap_or_default();
        if key.is_empty() || key.chars().count() > 128 {
            return Err(invalid("ConditionKey in ListOfTags must have 1 to 128 characters"));
        }
    }
    if resources.is_empty() && tags.is_empty() {
        return Err(invalid("Invalid backup selection. Either 'ListOfTags' or 'Resources' section must be non-empty."));
    }
    if tags.len() > 30 {
        return Err(ApiError::new(400, "LimitExceededException", "A selection can have at most 30 tags"));
    }
    let mut conditions = Map::new();
    let mut count = 0;
    for operator in OPERATORS {
        let list: Vec<Value> = selection
            .get("Conditions")
            .into_iter()
            .flat_map(|conditions| list_of(conditions, operator))
            .cloned()
            .collect();
        for condition in &list {
            let key = condition.get("ConditionKey").and_then(Value::as_str).unwrap_or_default();
            if key.strip_prefix("aws:ResourceTag/").is_none_or(str::is_empty) {
                return Err(invalid(format!(
                    "Invalid condition key '{key}': it must have the form aws:ResourceTag/key"
                )));
            }
            if condition.get("ConditionValue").and_then(Value::as_str).is_none() {
                return Err(invalid(format!("Condition '{key}' has no value")));
            }
        }
        count += list.len();
        conditions.insert(operator.to_owned(), Value::Array(list));
    }
    if count > 30 {
        return Err(ApiError::new(400, "LimitExceededException", "A selection can have at most 30 conditions"));
    }
    Ok(Map::from_iter([
        ("SelectionName".to_owned(), selection["SelectionName"].clone()),
        ("IamRoleArn".to_owned(), selection["IamRoleArn"].clone()),
        ("Resources".to_owned(), json!(resources)),
        ("ListOfTags".to_owned(), json!(tags)),
        ("NotResources".to_owned(), json!(not_resources)),
        ("Conditions".to_owned(), Value::Object(conditions)),
    ]))
}

/// Checks that the role exists in this account and lets AWS Backup assume it.
pub(super) fn check_role(context: &Context<'_>, role: &str) -> Result<(), ApiError> {
    let parts: Vec<&str> = role.splitn(6, ':').collect();
    if !matches!(
        parts[..],
        ["arn", partition, "iam", "", account, name]
            if partition == context.partition && account.len() == 12 && name.starts_with("role/")
    ) {
        return Err(invalid(format!("Invalid IAM role ARN: {role}")));
    }
    if context.account.iam.role_by_arn(role).is_some_and(|role| role.trusts("backup.amazonaws.com", context.now)) {
        return Ok(());
    }
    Err(invalid(format!("IAM Role {role} cannot be assumed by AWS Backup")))
}

fn missing_plan(id: &str) -> ApiError {
    invalid(format!("Cannot find Backup plan with ID {id}"))
}

pub(super) fn create(context: &mut Context<'_>, input: &Value) -> Answer {
    let plan_id = required(input, "BackupPlanId");
    let token = creator_request_id(input)?;
    let document = normalise(&input["BackupSelection"])?;
    let strictness = context.region_mut().backup.strictness;
    let plan = plans::living(context, plan_id).ok_or_else(|| missing_plan(plan_id))?;
    // The token makes the call idempotent: the selection of the first call is the answer.
    let deleted = plan.deleted_selections.iter().filter(|_| strictness.remembers_tokens);
    let mut known = plan.selections.values().chain(deleted);
    let first = token.as_ref().and_then(|_| known.find(|selection| selection.creator_request_id == token));
    if let Some(selection) = first {
        return Ok(json!({
            "SelectionId": selection.id,
            "BackupPlanId": plan_id,
            "CreationDate": made::timestamp(selection.created),
        }));
    }
    let same_name = |selection: &&Selection| selection.document["SelectionName"] == document["SelectionName"];
    if let Some(other) = plan.selections.values().find(same_name).filter(|_| strictness.unique_selection_names) {
        let error = ApiError::new(400, "AlreadyExistsException", "Backup selection with the same name already exists");
        return Err(match &other.creator_request_id {
            Some(id) => error.with("CreatorRequestId", id),
            None => error,
        });
    }
    if plan.selections.len() >= 100 {
        return Err(ApiError::new(400, "LimitExceededException", "A backup plan can have at most 100 selections"));
    }
    check_role(context, document["IamRoleArn"].as_str().unwrap_or_default())?;
    let id = context.uuid_for_ever();
    let created = context.now;
    let plan = plans::living(context, plan_id).ok_or_else(|| missing_plan(plan_id))?;
    plan.selections.insert(id.clone(), Selection { id: id.clone(), created, creator_request_id: token, document });
    Ok(json!({ "SelectionId": id, "BackupPlanId": plan_id, "CreationDate": made::timestamp(created) }))
}

fn find<'a>(context: &'a mut Context<'_>, input: &Value) -> Result<&'a Selection, ApiError> {
    let plan_id = required(input, "BackupPlanId");
    let id = required(input, "SelectionId");
    let plan = plans::living(context, plan_id).ok_or_else(|| missing_plan(plan_id))?;
    plan.selections.get(id).ok_or_else(|| not_found(format!("Cannot find Backup selection with ID {id}")))
}

pub(super) fn get(context: &mut Context<'_>, input: &Value) -> Answer {
    let selection = find(context, input)?;
    let mut answer = json!({
        "BackupSelection": selection.document,
        "SelectionId": selection.id,
        "BackupPlanId": required(input, "BackupPlanId"),
        "CreationDate": made::timestamp(selection.created),
    });
    if let Some(id) = &selection.creator_request_id {
        answer["CreatorRequestId"] = json!(id);
    }
    Ok(answer)
}

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let plan_id = required(input, "BackupPlanId");
    let plan = plans::living(context, plan_id)
        .ok_or_else(|| not_found(format!("Cannot find Backup plan with ID {plan_id}")))?;
    let listed = |selection: &Selection| {
        let mut item = json!({
            "SelectionId": selection.id,
            "SelectionName": selection.document["SelectionName"],
            "BackupPlanId": plan_id,
            "CreationDate": made::timestamp(selection.created),
            "IamRoleArn": selection.document["IamRoleArn"],
        });
        if let Some(id) = &selection.creator_request_id {
            item["CreatorRequestId"] = json!(id);
        }
        item
    };
    let items = plan.selections.values().map(|selection| (selection.id.clone(), listed(selection))).collect();
    paged(input, &format!("ListBackupSelections/{plan_id}"), "BackupSelectionsList", items)
}

pub(super) fn delete(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = find(context, input)?.id.clone();
    let plan_id = required(input, "BackupPlanId");
    if let Some(plan) = plans::living(context, plan_id) {
        plan.deleted_selections.extend(plan.selections.remove(&id));
    }
    Ok(nothing())
}
