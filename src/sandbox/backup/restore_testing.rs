//! Restore testing plans and their selections. No test ever runs: the sandbox has no restored servers.
//!
//! Written from the API reference and the service model. Where those leave a case open, the harder one for clients is
//! taken: an update replaces all that it can, a token is no reason to answer a second request like the first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::input::{arn, creator_request_id, invalid, not_found, nothing, paged, required, text};
use super::{selections, tags};
use crate::sandbox::account::{Answer, ApiError, Context};
use crate::sandbox::made;

/// The operations of restore testing.
pub(super) const OPERATIONS: [&str; 10] = [
    "CreateRestoreTestingPlan",
    "CreateRestoreTestingSelection",
    "DeleteRestoreTestingPlan",
    "DeleteRestoreTestingSelection",
    "GetRestoreTestingPlan",
    "GetRestoreTestingSelection",
    "ListRestoreTestingPlans",
    "ListRestoreTestingSelections",
    "UpdateRestoreTestingPlan",
    "UpdateRestoreTestingSelection",
];

/// A restore testing plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RestoreTestingPlan {
    /// Its name, which is its identity.
    pub name: String,
    /// With the name and a UUID.
    pub arn: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// The caller's token.
    pub creator_request_id: Option<String>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
    /// The plan's own members, with the defaults.
    pub document: Map<String, Value>,
    /// Selections by name.
    pub selections: BTreeMap<String, RestoreTestingSelection>,
}

/// A selection of a restore testing plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RestoreTestingSelection {
    /// Milliseconds since 1970.
    pub created: i64,
    /// The caller's token.
    pub creator_request_id: Option<String>,
    /// The selection's own members.
    pub document: Map<String, Value>,
}

/// Performs one operation.
pub(super) fn handle(context: &mut Context<'_>, operation: &str, input: &Value) -> Answer {
    match operation {
        "CreateRestoreTestingPlan" => create(context, input),
        "UpdateRestoreTestingPlan" => update(context, input),
        "GetRestoreTestingPlan" => get(context, input),
        "ListRestoreTestingPlans" => list(context, input),
        "DeleteRestoreTestingPlan" => delete(context, input),
        "CreateRestoreTestingSelection" => create_selection(context, input),
        "UpdateRestoreTestingSelection" => update_selection(context, input),
        "GetRestoreTestingSelection" => get_selection(context, input),
        "ListRestoreTestingSelections" => list_selections(context, input),
        _ => delete_selection(context, input),
    }
}

fn find<'a>(context: &'a mut Context<'_>, input: &Value) -> Result<&'a mut RestoreTestingPlan, ApiError> {
    let name = required(input, "RestoreTestingPlanName").to_owned();
    let plans = &mut context.region_mut().backup.restore_testing;
    plans.get_mut(&name).ok_or_else(|| not_found(format!("Restore testing plan {name} does not exist")))
}

fn find_selection<'a>(
    context: &'a mut Context<'_>,
    input: &Value,
) -> Result<(String, &'a mut RestoreTestingSelection), ApiError> {
    let name = required(input, "RestoreTestingSelectionName").to_owned();
    let plan = find(context, input)?;
    let of = plan.name.clone();
    let selection = plan.selections.get_mut(&name);
    Ok((of, selection.ok_or_else(|| not_found(format!("Restore testing selection {name} does not exist")))?))
}

fn exists(what: &str, arn: Option<&str>, token: Option<&String>) -> ApiError {
    let error = ApiError::new(400, "AlreadyExistsException", format!("{what} already exists"));
    let error = token.into_iter().fold(error, |error, token| error.with("CreatorRequestId", token));
    arn.into_iter().fold(error, |error, arn| error.with("Arn", arn))
}

/// Checks a plan's own members and adds the defaults.
fn plan_document(plan: &Value) -> Result<Map<String, Value>, ApiError> {
    let mut document = plan.as_object().cloned().unwrap_or_default();
    document.remove("RestoreTestingPlanName");
    let window = document.entry("StartWindowHours").or_insert(json!(24));
    if !window.as_i64().is_some_and(|hours| (1..=168).contains(&hours)) {
        return Err(invalid("StartWindowHours must be between 1 and 168"));
    }
    document.entry("ScheduleExpressionTimezone").or_insert(json!("Etc/UTC"));
    let points = document.get_mut("RecoveryPointSelection").and_then(Value::as_object_mut);
    let Some(points) = points else { return Err(invalid("RecoveryPointSelection is required")) };
    for member in ["Algorithm", "IncludeVaults", "RecoveryPointTypes"] {
        if !points.contains_key(member) {
            return Err(invalid(format!("RecoveryPointSelection.{member} is required")));
        }
    }
    let days = points.entry("SelectionWindowDays").or_insert(json!(30));
    if !days.as_i64().is_some_and(|days| (1..=365).contains(&days)) {
        return Err(invalid("SelectionWindowDays must be between 1 and 365"));
    }
    points.entry("ExcludeVaults").or_insert(json!([]));
    Ok(document)
}

fn create(context: &mut Context<'_>, input: &Value) -> Answer {
    let token = creator_request_id(input)?;
    let plan = &input["RestoreTestingPlan"];
    let name = required(plan, "RestoreTestingPlanName").to_owned();
    let document = plan_document(plan)?;
    let tags = tags::read(input.get("Tags"))?;
    let plans = &context.region_mut().backup.restore_testing;
    if let Some(known) = plans.get(&name) {
        let what = format!("Restore testing plan {name}");
        return Err(exists(&what, Some(&known.arn), known.creator_request_id.as_ref()));
    }
    if plans.len() >= 100 {
        return Err(ApiError::new(
            400,
            "LimitExceededException",
            "An account can have at most 100 restore testing plans",
        ));
    }
    let id = context.uuid();
    let arn = arn(context, &format!("restore-testing-plan:{name}-{id}"));
    let created = context.now;
    let answer = json!({
        "CreationTime": made::timestamp(created),
        "RestoreTestingPlanArn": arn,
        "RestoreTestingPlanName": name,
    });
    let plan = RestoreTestingPlan {
        name: name.clone(),
        arn,
        created,
        creator_request_id: token,
        tags,
        document,
        selections: BTreeMap::new(),
    };
    context.region_mut().backup.restore_testing.insert(name, plan);
    Ok(answer)
}

fn update(context: &mut Context<'_>, input: &Value) -> Answer {
    let document = plan_document(&input["RestoreTestingPlan"])?;
    let now = context.now;
    let plan = find(context, input)?;
    if document.get("ScheduleExpression").is_none() {
        return Err(invalid("ScheduleExpression is required"));
    }
    plan.document = document;
    Ok(json!({
        "CreationTime": made::timestamp(plan.created),
        "UpdateTime": made::timestamp(now),
        "RestoreTestingPlanArn": plan.arn,
        "RestoreTestingPlanName": plan.name,
    }))
}

impl RestoreTestingPlan {
    fn described(&self) -> Map<String, Value> {
        let mut members = self.document.clone();
        members.insert("CreationTime".to_owned(), made::timestamp(self.created));
        members.insert("RestoreTestingPlanArn".to_owned(), json!(self.arn));
        members.insert("RestoreTestingPlanName".to_owned(), json!(self.name));
        members
    }
}

fn get(context: &mut Context<'_>, input: &Value) -> Answer {
    let plan = find(context, input)?;
    let mut members = plan.described();
    if let Some(token) = &plan.creator_request_id {
        members.insert("CreatorRequestId".to_owned(), json!(token));
    }
    Ok(json!({ "RestoreTestingPlan": members }))
}

/// Lists plans, without their recovery points and tokens.
fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let plans = context.region_mut().backup.restore_testing.values();
    let items = plans.map(|plan| {
        let mut members = plan.described();
        members.remove("RecoveryPointSelection");
        (plan.name.clone(), Value::Object(members))
    });
    paged(input, "ListRestoreTestingPlans", "RestoreTestingPlans", items.collect())
}

fn delete(context: &mut Context<'_>, input: &Value) -> Answer {
    // The model has no error for a plan that is not there: what is gone is gone.
    let Ok(plan) = find(context, input) else { return Ok(nothing()) };
    if !plan.selections.is_empty() {
        let message = "Restore testing selections must be deleted before the restore testing plan";
        return Err(ApiError::new(400, "InvalidRequestException", message));
    }
    let name = plan.name.clone();
    context.region_mut().backup.restore_testing.remove(&name);
    Ok(nothing())
}

/// Checks a selection's members: ARNs or conditions, and not both.
fn check_selection(context: &Context<'_>, selection: &Value) -> Result<(), ApiError> {
    selections::check_role(context, required(selection, "IamRoleArn"))?;
    let arns = selection["ProtectedResourceArns"].as_array().map(Vec::as_slice).unwrap_or_default();
    let conditions = selection["ProtectedResourceConditions"].as_object().into_iter().flatten();
    let conditions: Vec<&Value> = conditions.flat_map(|(_, list)| list.as_array().into_iter().flatten()).collect();
    if !arns.is_empty() && !conditions.is_empty() {
        return Err(invalid("Either protected resource ARNs or conditions can be given, but not both"));
    }
    if arns.len() > 1 && arns.iter().any(|arn| arn == "*") {
        return Err(invalid("A wildcard cannot be combined with ARNs"));
    }
    let is_tag = |condition: &&Value| text(condition, "Key").is_some_and(|key| key.starts_with("aws:ResourceTag/"));
    if !conditions.iter().all(is_tag) {
        return Err(invalid("A condition key must have the form aws:ResourceTag/key"));
    }
    let window = selection.get("ValidationWindowHours").and_then(Value::as_i64).unwrap_or_default();
    if !(0..=168).contains(&window) {
        return Err(invalid("ValidationWindowHours must be between 0 and 168"));
    }
    Ok(())
}

fn create_selection(context: &mut Context<'_>, input: &Value) -> Answer {
    let token = creator_request_id(input)?;
    let selection = &input["RestoreTestingSelection"];
    check_selection(context, selection)?;
    let now = context.now;
    let plan = find(context, input)?;
    let name = required(selection, "RestoreTestingSelectionName").to_owned();
    if let Some(known) = plan.selections.get(&name) {
        return Err(exists(&format!("Restore testing selection {name}"), None, known.creator_request_id.as_ref()));
    }
    if plan.selections.len() >= 30 {
        return Err(ApiError::new(400, "LimitExceededException", "A plan can have at most 30 selections"));
    }
    let mut document = selection.as_object().cloned().unwrap_or_default();
    document.entry("ValidationWindowHours").or_insert(json!(0));
    let answer = json!({
        "CreationTime": made::timestamp(now),
        "RestoreTestingPlanArn": plan.arn,
        "RestoreTestingPlanName": plan.name,
        "RestoreTestingSelectionName": name,
    });
    plan.selections.insert(name, RestoreTestingSelection { created: now, creator_request_id: token, document });
    Ok(answer)
}

fn update_selection(context: &mut Context<'_>, input: &Value) -> Answer {
    let new = &input["RestoreTestingSelection"];
    check_selection(context, new)?;
    let now = context.now;
    let arn = find(context, input)?.arn.clone();
    let (plan, selection) = find_selection(context, input)?;
    let mut document = new.as_object().cloned().unwrap_or_default();
    document.entry("ValidationWindowHours").or_insert(json!(0));
    for fixed in ["RestoreTestingSelectionName", "ProtectedResourceType"] {
        document.insert(fixed.to_owned(), selection.document[fixed].clone());
    }
    selection.document = document;
    Ok(json!({
        "CreationTime": made::timestamp(selection.created),
        "UpdateTime": made::timestamp(now),
        "RestoreTestingPlanArn": arn,
        "RestoreTestingPlanName": plan,
        "RestoreTestingSelectionName": required(input, "RestoreTestingSelectionName"),
    }))
}

impl RestoreTestingSelection {
    fn described(&self, plan: &str) -> Map<String, Value> {
        let mut members = self.document.clone();
        members.insert("CreationTime".to_owned(), made::timestamp(self.created));
        members.insert("RestoreTestingPlanName".to_owned(), json!(plan));
        members
    }
}

fn get_selection(context: &mut Context<'_>, input: &Value) -> Answer {
    let (plan, selection) = find_selection(context, input)?;
    let mut members = selection.described(&plan);
    if let Some(token) = &selection.creator_request_id {
        members.insert("CreatorRequestId".to_owned(), json!(token));
    }
    Ok(json!({ "RestoreTestingSelection": members }))
}

/// Lists selections, without what they take.
fn list_selections(context: &mut Context<'_>, input: &Value) -> Answer {
    let plan = find(context, input)?;
    let items = plan.selections.iter().map(|(name, selection)| {
        let mut members = selection.described(&plan.name);
        for left_out in ["ProtectedResourceArns", "ProtectedResourceConditions", "RestoreMetadataOverrides"] {
            members.remove(left_out);
        }
        (name.clone(), Value::Object(members))
    });
    let list = format!("ListRestoreTestingSelections/{}", plan.name);
    paged(input, &list, "RestoreTestingSelections", items.collect())
}

fn delete_selection(context: &mut Context<'_>, input: &Value) -> Answer {
    find_selection(context, input)?;
    let name = required(input, "RestoreTestingSelectionName");
    find(context, input)?.selections.remove(name);
    Ok(nothing())
}

#[cfg(test)]
mod tests {
    use super::super::tests::bench;
    use serde_json::{Value, json};

    fn plan() -> Value {
        json!({
            "RestoreTestingPlanName": "weekly",
            "ScheduleExpression": "cron(0 5 ? * SUN *)",
            "RecoveryPointSelection": {
                "Algorithm": "LATEST_WITHIN_WINDOW",
                "IncludeVaults": ["*"],
                "RecoveryPointTypes": ["SNAPSHOT"],
            },
        })
    }

    fn selection(more: &Value) -> Value {
        let mut selection = json!({
            "RestoreTestingSelectionName": "sql",
            "ProtectedResourceType": "EC2",
            "IamRoleArn": "arn:aws:iam::123456789012:role/backup",
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            selection[key] = value.clone();
        }
        json!({ "RestoreTestingPlanName": "weekly", "RestoreTestingSelection": selection })
    }

    #[test]
    fn a_plan_is_made_with_defaults_read_listed_and_deleted_after_its_selections() {
        let mut bench = bench();
        bench.ok("CreateRestoreTestingPlan", &json!({ "RestoreTestingPlan": plan(), "Tags": { "a": "b" } }));
        let named = json!({ "RestoreTestingPlanName": "weekly" });
        let read = bench.ok("GetRestoreTestingPlan", &named)["RestoreTestingPlan"].clone();
        assert_eq!(
            (&read["StartWindowHours"], &read["RecoveryPointSelection"]["SelectionWindowDays"]),
            (&json!(24), &json!(30))
        );
        let again = bench.code("CreateRestoreTestingPlan", &json!({ "RestoreTestingPlan": plan() }));
        assert_eq!(again, "AlreadyExistsException");
        bench.ok("CreateRestoreTestingSelection", &selection(&json!({ "ProtectedResourceArns": ["*"] })));
        assert_eq!(bench.code("DeleteRestoreTestingPlan", &named), "InvalidRequestException");
        let listed = bench.ok("ListRestoreTestingSelections", &named);
        assert_eq!(listed["RestoreTestingSelections"][0]["RestoreTestingSelectionName"], "sql");
        assert!(listed["RestoreTestingSelections"][0].get("ProtectedResourceArns").is_none());
        let one = json!({ "RestoreTestingPlanName": "weekly", "RestoreTestingSelectionName": "sql" });
        bench.ok("DeleteRestoreTestingSelection", &one);
        bench.ok("DeleteRestoreTestingPlan", &named);
        assert_eq!(bench.code("GetRestoreTestingPlan", &named), "ResourceNotFoundException");
    }

    #[test]
    fn a_selection_takes_arns_or_conditions_of_tags_and_a_role_that_backup_can_assume() {
        let mut bench = bench();
        bench.ok("CreateRestoreTestingPlan", &json!({ "RestoreTestingPlan": plan() }));
        let tag = json!({ "StringEquals": [{ "Key": "aws:ResourceTag/a", "Value": "b" }] });
        for wrong in [
            json!({ "ProtectedResourceArns": ["*"], "ProtectedResourceConditions": tag }),
            json!({ "ProtectedResourceConditions": { "StringEquals": [{ "Key": "a", "Value": "b" }] } }),
            json!({ "IamRoleArn": "arn:aws:iam::123456789012:role/web" }),
            json!({ "ValidationWindowHours": 169 }),
        ] {
            assert_eq!(
                bench.code("CreateRestoreTestingSelection", &selection(&wrong)),
                "InvalidParameterValueException",
                "{wrong}"
            );
        }
        bench.ok("CreateRestoreTestingSelection", &selection(&json!({ "ProtectedResourceConditions": tag })));
        let mut update = selection(&json!({ "RestoreMetadataOverrides": { "subnetId": "subnet-1" } }));
        update["RestoreTestingSelectionName"] = json!("sql");
        for fixed in ["RestoreTestingSelectionName", "ProtectedResourceType"] {
            update["RestoreTestingSelection"].as_object_mut().expect("a selection").remove(fixed);
        }
        bench.ok("UpdateRestoreTestingSelection", &update);
        let one = json!({ "RestoreTestingPlanName": "weekly", "RestoreTestingSelectionName": "sql" });
        let read = bench.ok("GetRestoreTestingSelection", &one)["RestoreTestingSelection"].clone();
        assert_eq!(read["RestoreMetadataOverrides"], json!({ "subnetId": "subnet-1" }));
        assert_eq!((read.get("ProtectedResourceConditions"), &read["ProtectedResourceType"]), (None, &json!("EC2")));
    }
}
