//! REST-JSON for AWS Backup: the operation that a method and a path mean, and the places of its members.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::model::{Location, Model, Operation, Sort};
use super::{json as body_json, query, time};
use crate::sandbox::account::ApiError;

/// What a method and a path mean.
pub(super) struct Route {
    /// The operation's name.
    pub(super) operation: String,
    /// The path's labels by wire name, decoded.
    pub(super) labels: BTreeMap<String, String>,
}

/// Finds the operation of a method and a path, among those that the sandbox does not offer too. A slash at the end
/// makes no difference: botocore sends the one that the model has, other clients do not.
pub(super) fn route(model: &Model, method: &str, path: &str) -> Option<Route> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let mut found: Option<(usize, Route)> = None;
    let offered = model.operations.iter().map(|(name, operation)| (name, &operation.http));
    for (name, http) in offered.chain(&model.others) {
        let Some(labels) = (http.method == method).then(|| labels(&http.request_uri, &parts)).flatten() else {
            continue;
        };
        // A fixed path such as `/backup/plans/toJson` takes precedence over `/backup/plans/{backupPlanId}`.
        if found.as_ref().is_none_or(|(count, _)| labels.len() < *count) {
            found = Some((labels.len(), Route { operation: name.clone(), labels }));
        }
    }
    found.map(|(_, route)| route)
}

fn labels(template: &str, parts: &[&str]) -> Option<BTreeMap<String, String>> {
    let template = template.split('?').next().unwrap_or_default();
    let wanted: Vec<&str> = template.trim_matches('/').split('/').collect();
    if wanted.len() != parts.len() {
        return None;
    }
    let mut labels = BTreeMap::new();
    for (wanted, part) in wanted.iter().zip(parts) {
        match wanted.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(label) if !part.is_empty() => {
                labels.insert(label.to_owned(), percent_decode_str(part).decode_utf8_lossy().into_owned());
            }
            None if wanted == part => {}
            Some(_) | None => return None,
        }
    }
    Some(labels)
}

/// Builds the input of an operation from the path's labels, the query and the body.
pub(super) fn decode(
    model: &Model,
    operation: &Operation,
    route: &Route,
    query_text: &str,
    body: &[u8],
) -> Result<Value, ApiError> {
    let Some(shape) = &operation.input else { return Ok(json!({})) };
    let shape = model.shape(shape);
    let mut members = match body_json::decode(model, shape, &body_json::parse(body)?)? {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    let query = query::parameters(query_text);
    for (name, reference) in &shape.members {
        let wire_name = reference.wire_name(name);
        let text = match reference.location {
            Some(Location::Uri) => route.labels.get(wire_name),
            Some(Location::QueryString) => query.get(wire_name),
            Some(Location::Header) | None => None,
        };
        if let Some(text) = text {
            members.insert(name.clone(), scalar(model.shape(&reference.shape).sort, text)?);
        }
    }
    Ok(Value::Object(members))
}

fn scalar(sort: Sort, text: &str) -> Result<Value, ApiError> {
    let wrong = || body_json::serialization(&format!("could not read `{text}`"));
    match sort {
        Sort::String | Sort::Structure | Sort::List | Sort::Map => Ok(json!(text)),
        Sort::Integer | Sort::Long => text.parse::<i64>().map(|number| json!(number)).map_err(|_| wrong()),
        Sort::Boolean => text.parse::<bool>().map(|flag| json!(flag)).map_err(|_| wrong()),
        Sort::Timestamp => time::read(&json!(text)).ok_or_else(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_and_without_the_last_slash_mean_the_same_operation() {
        let model = Model::of("backup").unwrap();
        for (method, path, operation) in [
            ("PUT", "/backup/plans", "CreateBackupPlan"),
            ("PUT", "/backup/plans/", "CreateBackupPlan"),
            ("GET", "/backup/plans/abc", "GetBackupPlan"),
            ("GET", "/backup/plans/abc/selections/", "ListBackupSelections"),
            ("GET", "/backup-vaults/vss", "DescribeBackupVault"),
            ("GET", "/account-settings", "DescribeRegionSettings"),
        ] {
            assert_eq!(route(model, method, path).unwrap().operation, operation, "{method} {path}");
        }
        assert!(route(model, "GET", "/nothing/here").is_none());
        // What is not offered has its name.
        for (method, path, operation) in [
            ("GET", "/audit/backup-job-summaries", "ListBackupJobSummaries"),
            ("PUT", "/restore-jobs", "StartRestoreJob"),
            ("POST", "/audit/frameworks", "CreateFramework"),
            ("DELETE", "/legal-holds/one", "CancelLegalHold"),
        ] {
            assert_eq!(route(model, method, path).unwrap().operation, operation, "{method} {path}");
            assert!(!model.operations.contains_key(operation), "{operation} is offered now");
        }
    }

    #[test]
    fn labels_are_decoded() {
        let model = Model::of("backup").unwrap();
        let route = route(model, "GET", "/tags/arn%3Aaws%3Abackup%3Aus-east-1%3A123456789012%3Abackup-vault%3Avss/");
        let route = route.unwrap();
        assert_eq!(route.operation, "ListTags");
        assert_eq!(route.labels["resourceArn"], "arn:aws:backup:us-east-1:123456789012:backup-vault:vss");
    }
}
