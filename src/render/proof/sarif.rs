//! The proofs as SARIF. A result stands at the configuration file, since there is no other file, and names the
//! instance, plan or role as its logical location.
//!
//! An upload that lacks a result closes the alert of an earlier one. So what could not be read is a result too, with a
//! notification for each, and makes the run an unsuccessful one.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::coverage;
use crate::render::sarif::{Found, Origin, log};
use crate::vss::coverage::{Coverage, Covered, Protection};
use crate::vss::doctor::{CHECKS, Diagnosis, Severity};
use crate::vss::evidence::Unread;
use crate::vss::verify::{Report, Verdict};

/// Renders verdicts. `origin` says of which file and stack.
pub fn verify(report: &Report, origin: &Origin<'_>) -> Value {
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
                is_unknown: one.verdict == Verdict::Unknown,
                place: None,
            }
        })
        .chain(unread("verify", &report.unread))
        .collect();
    let describe = |rule: &str| match rule.rsplit('/').next() {
        Some("crash-only") => "The newest backup is not application-consistent".to_owned(),
        Some("failed") => "The newest backup job failed".to_owned(),
        Some("stale") => "The newest application-consistent backup is too old".to_owned(),
        Some("never") => "There is no backup".to_owned(),
        Some("unread") => UNREAD.to_owned(),
        _ => "What could be read does not tell".to_owned(),
    };
    log(&found, origin, describe, &BTreeMap::new())
}

/// Renders findings. A check that could not decide keeps its earlier alert open, if there was one.
pub fn doctor(diagnosis: &Diagnosis, origin: &Origin<'_>) -> Value {
    let mut found: Vec<Found> = diagnosis
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
            is_unknown: false,
            place: None,
        })
        .collect();
    let mut places: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (place, one) in found.iter().enumerate() {
        places.entry((one.rule.clone(), one.name.clone())).or_insert(place);
    }
    for undecided in &diagnosis.undecided {
        let (rule, name) = (undecided.check.to_owned(), undecided.subject.title());
        let place = *places.entry((rule.clone(), name.clone())).or_insert_with(|| {
            found.push(Found {
                rule,
                level: "warning",
                message: format!("{name}:"),
                name,
                is_unknown: true,
                place: None,
            });
            found.len() - 1
        });
        let _ = write!(found[place].message, " Undecided: {}.", sentence(&undecided.reason));
        found[place].is_unknown = true;
    }
    found.extend(unread("doctor", &diagnosis.unread));
    let pages = CHECKS.iter().map(|check| (check.id.to_owned(), check.page.url)).collect();
    let describe = |rule: &str| {
        let check = CHECKS.iter().find(|check| check.id == rule);
        check.map_or_else(|| UNREAD.to_owned(), |check| format!("Expected: {}", check.title))
    };
    log(&found, origin, describe, &pages)
}

/// Renders coverage.
pub fn coverage(report: &Coverage, origin: &Origin<'_>) -> Value {
    let is_unknown = |covered: &Covered| covered.protection == Protection::Unknown;
    let found: Vec<Found> = report
        .instances
        .iter()
        .filter(|covered| covered.is_finding() || is_unknown(covered))
        .map(|covered| {
            let word = coverage::word(covered);
            let fix = Some(coverage::fix(covered)).filter(|fix| !fix.is_empty());
            let fix = fix.map(|fix| format!(" Fix: {fix}.")).unwrap_or_default();
            Found {
                rule: format!("coverage/{}", word.replace(' ', "-")),
                level: "warning",
                message: format!("{}: {word}.{fix}", title(&covered.name, &covered.id)),
                name: covered.id.clone(),
                is_unknown: is_unknown(covered),
                place: None,
            }
        })
        .chain(unread("coverage", &report.unread))
        .collect();
    let describe = |rule: &str| match rule.rsplit('/').next() {
        Some("unprotected") => "No backup plan selects the instance".to_owned(),
        Some("without-VSS") => "Backup plans select the instance, none of them with VSS".to_owned(),
        Some("unknown") => "What could be read does not tell how the instance is protected".to_owned(),
        Some("unread") => UNREAD.to_owned(),
        _ => "Two backup plans back the instance up at overlapping times".to_owned(),
    };
    log(&found, origin, describe, &BTreeMap::new())
}

/// The description of the rules for what could not be read.
const UNREAD: &str = "Something could not be read, and is unknown, not missing";

/// Makes one result for each action that was refused or failed, whatever it was asked about.
fn unread(command: &str, unread: &[Unread]) -> Vec<Found> {
    let mut actions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in unread {
        actions.entry(&one.action).or_default().push(sentence(&one.message));
    }
    let found = actions.into_iter().map(|(action, messages)| Found {
        rule: format!("{command}/unread"),
        level: "warning",
        message: format!("{action} failed: {}. Allow `{action}` to the credentials in use.", messages.join("; ")),
        name: action.to_owned(),
        is_unknown: true,
        place: None,
    });
    found.collect()
}

/// Takes the full stop off foreign text, since another one follows.
fn sentence(words: &str) -> &str {
    words.trim_end().trim_end_matches('.')
}

fn title(name: &str, id: &str) -> String {
    if name.is_empty() { id.to_owned() } else { format!("{name} ({id})") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::vss::coverage::coverage as cover;
    use crate::vss::doctor::{self, diagnose};
    use crate::vss::evidence::{Evidence, Known};
    use crate::vss::fixture;
    use crate::vss::verify::{self, verify as judge};

    fn denied<T>(action: &str) -> Known<T> {
        Known::Unknown(Unread { action: action.to_owned(), message: "AccessDenied: not allowed.".to_owned() })
    }

    const ORIGIN: Origin<'static> = Origin { command: "verify", file: "vss.toml", scope: None };

    /// The three logs of what was read.
    fn logs(evidence: &Evidence) -> [Value; 3] {
        [
            verify(&judge(evidence, &verify::Options::default()), &ORIGIN),
            doctor(&diagnose(evidence, &doctor::Options::default()), &ORIGIN),
            coverage(&cover(evidence), &ORIGIN),
        ]
    }

    fn results(log: &Value) -> &Vec<Value> {
        log["runs"][0]["results"].as_array().unwrap()
    }

    /// What must hold of every log besides what its schema says.
    fn assert_is_sound(log: &Value) {
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
        let rule = |index: &Value| &rules[usize::try_from(index.as_u64().unwrap()).unwrap()]["id"];
        for result in results(log) {
            assert_eq!(rule(&result["ruleIndex"]), &result["ruleId"]);
            assert!(["error", "warning", "note"].iter().any(|level| result["level"] == *level));
        }
        let notifications = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
        assert_eq!(run["invocations"][0]["executionSuccessful"], notifications.is_empty());
        for one in notifications {
            assert_eq!(rule(&one["associatedRule"]["index"]), &one["associatedRule"]["id"]);
            assert!(one["message"]["text"].as_str().is_some_and(|text| !text.contains("..")), "{one}");
        }
        let prints: BTreeSet<String> =
            results(log).iter().map(|result| result["partialFingerprints"]["vssctl/v1"].to_string()).collect();
        assert_eq!(prints.len(), results(log).len(), "two results would be one alert");
    }

    #[test]
    fn a_healthy_account_is_a_successful_run_without_results() {
        for log in logs(&fixture::healthy()) {
            assert_is_sound(&log);
            assert_eq!(results(&log).len(), 0, "{log:#}");
            assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], true);
        }
    }

    #[test]
    fn what_may_not_be_read_is_a_result_and_never_a_clean_run() {
        type Deny = fn(&mut Evidence);
        let denials: [(&str, Deny); 3] = [
            ("ec2:DescribeInstances", |evidence| evidence.instances = denied("ec2:DescribeInstances")),
            ("backup:ListBackupPlans", |evidence| evidence.plans = denied("backup:ListBackupPlans")),
            ("backup:ListBackupSelections", |evidence| {
                fixture::plan(evidence).selections = denied("backup:ListBackupSelections");
            }),
        ];
        for (action, deny) in denials {
            let mut evidence = fixture::healthy();
            deny(&mut evidence);
            for (command, log) in ["verify", "doctor", "coverage"].into_iter().zip(logs(&evidence)) {
                assert_is_sound(&log);
                assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], false, "{command} {action}");
                let rule = format!("{command}/unread");
                let found = results(&log).iter().find(|result| result["ruleId"] == rule.as_str());
                let found = found.unwrap_or_else(|| panic!("{command} {action}: {log:#}"));
                assert_eq!(found["level"], "warning");
                assert_eq!(found["locations"][0]["logicalLocations"][0]["name"], action);
                let text = found["message"]["text"].as_str().unwrap();
                assert!(text.contains("not allowed. Allow `"), "{text}");
            }
        }
    }

    #[test]
    fn an_instance_of_unknown_coverage_is_a_result() {
        let mut evidence = fixture::healthy();
        evidence.plans = denied("backup:ListBackupPlans");
        let log = coverage(&cover(&evidence), &ORIGIN);
        let found: Vec<&Value> = results(&log).iter().filter(|one| one["ruleId"] == "coverage/unknown").collect();
        assert_eq!(found.len(), 1, "{log:#}");
        assert_eq!(found[0]["locations"][0]["logicalLocations"][0]["name"], fixture::ID);
        assert_eq!(found[0]["message"]["text"], format!("sql-1 ({}): unknown.", fixture::ID));
    }

    #[test]
    fn a_check_that_can_no_longer_decide_keeps_its_alert() {
        let print = |evidence: &Evidence| {
            let log = doctor(&diagnose(evidence, &doctor::Options::default()), &ORIGIN);
            assert_is_sound(&log);
            let found = results(&log).iter().find(|one| one["ruleId"] == "D021").cloned();
            found.unwrap_or_else(|| panic!("{log:#}"))
        };
        let mut lacking = fixture::healthy();
        fixture::role(&mut lacking, fixture::INSTANCE_ROLE).managed.remove(fixture::VSS_POLICY);
        let mut blind = fixture::healthy();
        blind.roles = denied("iam:GetAccountAuthorizationDetails");
        let (found, undecided) = (print(&lacking), print(&blind));
        assert_eq!((&found["level"], &undecided["level"]), (&json!("error"), &json!("warning")));
        assert_eq!(found["partialFingerprints"], undecided["partialFingerprints"]);
        assert!(undecided["message"]["text"].as_str().unwrap().contains("Undecided: iam:"), "{undecided}");
    }

    #[test]
    fn a_place_in_the_repository_is_relative_to_its_root_and_any_other_is_absolute() {
        let file = |file: &str| {
            let mut evidence = fixture::healthy();
            evidence.plans = denied("backup:ListBackupPlans");
            let log = coverage(&cover(&evidence), &Origin { file, ..ORIGIN });
            results(&log)[0]["locations"][0]["physicalLocation"]["artifactLocation"].clone()
        };
        assert_eq!(file("infra/vss.toml"), json!({ "uri": "infra/vss.toml", "uriBaseId": "%SRCROOT%" }));
        assert_eq!(file("file:///etc/vss.toml"), json!({ "uri": "file:///etc/vss.toml" }));
    }
}
