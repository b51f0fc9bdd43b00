//! SARIF 2.1.0, for code scanning: results, their rules and their places.
//!
//! GitHub keeps 5,000 results of a run and drops the rest, so the least severe are left out here, and counted
//! (GitHub, "SARIF support for code scanning").

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::model::Scope;
use crate::model::hash::sha256_hex;

/// The most results of a run.
pub const RESULTS: usize = 5_000;

/// What a log is of.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The command, such as `verify`.
    pub command: &'static str,
    /// The URI of the configuration file, relative to the repository.
    pub file: &'a str,
    /// The stack, account and region; none where the file does not tell.
    pub scope: Option<&'a Scope>,
}

/// A place in a file of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The URI of the file, relative to the repository.
    pub uri: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// One result.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its rule, such as `D021` or `hazard/protection-gap`.
    pub rule: String,
    /// `error`, `warning` or `note`.
    pub level: &'static str,
    /// What is said.
    pub message: String,
    /// The resource.
    pub name: String,
    /// Whether it could not be decided, so that an earlier alert may still hold.
    pub is_unknown: bool,
    /// Where it stands; without it, at the beginning of the configuration file.
    pub place: Option<Place>,
}

/// Writes the log of one run.
pub fn log(
    found: &[Found],
    origin: &Origin<'_>,
    describe: impl Fn(&str) -> String,
    pages: &BTreeMap<String, &str>,
) -> Value {
    let mut kept: Vec<&Found> = found.iter().collect();
    let severity = |found: &Found| ["error", "warning", "note"].iter().position(|level| *level == found.level);
    if kept.len() > RESULTS {
        kept.sort_by_key(|found| severity(found));
        kept.truncate(RESULTS);
    }
    let left_out = found.len() - kept.len();
    let mut names: Vec<&str> = kept.iter().map(|found| found.rule.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let index = |found: &Found| names.binary_search(&found.rule.as_str()).ok();
    let rules: Vec<Value> = names
        .iter()
        .map(|name| {
            let mut rule = json!({ "id": name, "shortDescription": { "text": describe(name) } });
            if let Some(page) = pages.get(*name) {
                rule["helpUri"] = json!(page);
            }
            rule
        })
        .collect();
    let results: Vec<Value> = kept.iter().map(|found| result(found, origin, index(found))).collect();
    let mut notifications: Vec<Value> = kept
        .iter()
        .filter(|found| found.is_unknown)
        .map(|found| {
            json!({
                "level": "warning",
                "message": { "text": found.message },
                "associatedRule": { "id": found.rule, "index": index(found) },
            })
        })
        .collect();
    let is_whole = notifications.is_empty();
    if left_out > 0 {
        let text = format!("{left_out} of {} results are left out, the least severe ones", found.len());
        notifications.push(json!({ "level": "warning", "message": { "text": text } }));
    }
    let mut run = json!({
        "tool": { "driver": {
            "name": "vssctl",
            "version": env!("CARGO_PKG_VERSION"),
            "informationUri": env!("CARGO_PKG_REPOSITORY"),
            "rules": rules,
        } },
        "invocations": [{
            "executionSuccessful": is_whole,
            "toolExecutionNotifications": notifications,
        }],
        "results": results,
    });
    if let Some(scope) = origin.scope {
        // Alerts of other stacks, and of other commands, are not closed by this run.
        let id = format!("vssctl/{}/{}/{}/", scope.stack, scope.region, origin.command);
        run["automationDetails"] = json!({ "id": id });
    }
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    })
}

fn result(found: &Found, origin: &Origin<'_>, index: Option<usize>) -> Value {
    let physical = match &found.place {
        Some(place) => json!({
            "artifactLocation": artifact(&place.uri),
            "region": { "startLine": place.line, "startColumn": place.column },
        }),
        None => json!({ "artifactLocation": artifact(origin.file), "region": { "startLine": 1 } }),
    };
    json!({
        "ruleId": found.rule,
        "ruleIndex": index,
        "level": found.level,
        "message": { "text": found.message },
        "locations": [{
            "physicalLocation": physical,
            "logicalLocations": [{ "name": found.name, "kind": "resource" }],
        }],
        // The same fault of the same resource is the same alert, even when the message changes or the line moves.
        "partialFingerprints": {
            "vssctl/v1": sha256_hex(format!("{}\n{}", found.rule, found.name).as_bytes()),
        },
    })
}

/// Names the file. A relative name is relative to the repository, which readers know as `%SRCROOT%`.
fn artifact(file: &str) -> Value {
    if file.starts_with("file:") { json!({ "uri": file }) } else { json!({ "uri": file, "uriBaseId": "%SRCROOT%" }) }
}
