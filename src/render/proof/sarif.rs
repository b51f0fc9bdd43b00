//! SARIF 2.1.0, for code scanning. A result stands at the configuration file, since there is no other file, and names the
//! instance, plan or role as its logical location.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::coverage;
use crate::model::hash::sha256_hex;
use crate::vss::coverage::Coverage;
use crate::vss::doctor::{CHECKS, Diagnosis, Severity};
use crate::vss::verify::{Report, Verdict};

/// One result.
struct Found {
    rule: String,
    level: &'static str,
    message: String,
    name: String,
}

/// Renders verdicts. `file` is the configuration file, relative to the repository.
pub fn verify(report: &Report, file: &str) -> Value {
    let wanted = report.instances.iter().filter(|one| one.verdict.is_finding() || one.verdict == Verdict::Unknown);
    let found: Vec<Found> = wanted
        .map(|one| {
            let cause = one.cause.as_ref().map(|cause| format!(" Cause: {}. Fix: {}.", cause.cause, cause.fix));
            Found {
                rule: format!("verify/{}", one.verdict.name()),
                level: match one.verdict {
                    Verdict::Unknown | Verdict::Stale => "warning",
                    _ => "error",
                },
                message: format!("{}: {}.{}", title(&one.name, &one.id), one.reason, cause.unwrap_or_default()),
                name: one.id.clone(),
            }
        })
        .collect();
    let describe = |rule: &str| match rule.rsplit('/').next() {
        Some("crash-only") => "The newest backup is not application-consistent".to_owned(),
        Some("failed") => "The newest backup job failed".to_owned(),
        Some("stale") => "The newest application-consistent backup is too old".to_owned(),
        Some("never") => "There is no backup".to_owned(),
        _ => "What could be read does not tell".to_owned(),
    };
    log(&found, file, describe, &BTreeMap::new())
}

/// Renders findings.
pub fn doctor(diagnosis: &Diagnosis, file: &str) -> Value {
    let found: Vec<Found> = diagnosis
        .findings
        .iter()
        .map(|finding| Found {
            rule: finding.check.to_owned(),
            level: match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Advice => "note",
            },
            message: format!("{}: {}. Remedy: {}.", finding.subject.title(), finding.problem, finding.remedy),
            name: finding.subject.title(),
        })
        .collect();
    let pages = CHECKS.iter().map(|check| (check.id.to_owned(), check.page.url)).collect();
    let describe = |rule: &str| {
        let check = CHECKS.iter().find(|check| check.id == rule);
        check.map(|check| format!("Expected: {}", check.title)).unwrap_or_default()
    };
    log(&found, file, describe, &pages)
}

/// Renders coverage.
pub fn coverage(report: &Coverage, file: &str) -> Value {
    let found: Vec<Found> = report
        .instances
        .iter()
        .filter(|covered| covered.is_finding())
        .map(|covered| {
            let word = coverage::word(covered);
            Found {
                rule: format!("coverage/{}", word.replace(' ', "-")),
                level: "warning",
                message: format!("{}: {word}. Fix: {}.", title(&covered.name, &covered.id), coverage::fix(covered)),
                name: covered.id.clone(),
            }
        })
        .collect();
    let describe = |rule: &str| match rule.rsplit('/').next() {
        Some("unprotected") => "No backup plan selects the instance".to_owned(),
        Some("without-VSS") => "Backup plans select the instance, none of them with VSS".to_owned(),
        _ => "Two backup plans back the instance up at overlapping times".to_owned(),
    };
    log(&found, file, describe, &BTreeMap::new())
}

fn title(name: &str, id: &str) -> String {
    if name.is_empty() { id.to_owned() } else { format!("{name} ({id})") }
}

fn log(found: &[Found], file: &str, describe: impl Fn(&str) -> String, pages: &BTreeMap<String, &str>) -> Value {
    let mut names: Vec<&str> = found.iter().map(|found| found.rule.as_str()).collect();
    names.sort_unstable();
    names.dedup();
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
    let results: Vec<Value> = found
        .iter()
        .map(|found| {
            json!({
                "ruleId": found.rule,
                "ruleIndex": names.iter().position(|name| *name == found.rule),
                "level": found.level,
                "message": { "text": found.message },
                "locations": [{
                    "physicalLocation": { "artifactLocation": { "uri": file }, "region": { "startLine": 1 } },
                    "logicalLocations": [{ "name": found.name, "kind": "resource" }],
                }],
                // The same fault on the same thing is the same alert, however its words change.
                "partialFingerprints": { "vssctl/v1": sha256_hex(format!("{}\n{}", found.rule, found.name).as_bytes()) },
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "vssctl",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": rules,
            } },
            "results": results,
        }],
    })
}
