//! The rules of a plan: what AWS Backup accepts and what it fills in.

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::input::invalid;
use super::tags;
use crate::sandbox::account::ApiError;
use crate::sandbox::made;
use crate::sandbox::schedule::{self, Cron};

/// The default values of a rule.
const SCHEDULE: &str = "cron(0 5 ? * * *)";
const TIMEZONE: &str = "Etc/UTC";
pub(super) const START_WINDOW: i64 = 480;
pub(super) const COMPLETION_WINDOW: i64 = 10_080;
pub(super) const LONGEST_WINDOW: i64 = 52_560_000;

/// Checks a plan document and fills in what the caller left out, except rule ids. `AdvancedBackupSettings` stays in it.
pub(super) fn normalise(document: &Value) -> Result<Map<String, Value>, ApiError> {
    let mut plan = document.as_object().cloned().unwrap_or_default();
    plan.retain(|_, value| !value.is_null());
    let name = plan.get("BackupPlanName").and_then(Value::as_str).unwrap_or_default();
    let fits = (1..=200).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !fits {
        return Err(invalid("Backup plan name must contain 1 to 50 alphanumeric or '-_.' characters."));
    }
    let rules = plan.get("Rules").and_then(Value::as_array).cloned().unwrap_or_default();
    if rules.len() > 10 {
        return Err(ApiError::new(400, "LimitExceededException", "A backup plan can have at most 10 rules"));
    }
    let rules = rules.iter().map(rule).collect::<Result<Vec<Value>, ApiError>>()?;
    plan.insert("Rules".to_owned(), Value::Array(rules));
    for setting in plan.get("AdvancedBackupSettings").and_then(Value::as_array).into_iter().flatten() {
        advanced(setting)?;
    }
    if plan.get("AdvancedBackupSettings").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        plan.remove("AdvancedBackupSettings");
    }
    Ok(plan)
}

fn advanced(setting: &Value) -> Result<(), ApiError> {
    let kind = setting.get("ResourceType").and_then(Value::as_str).unwrap_or_default();
    let known: &[&str] = match kind {
        "EC2" => &["WindowsVSS"],
        "S3" => &["BackupACLs", "BackupObjectTags"],
        _ => return Err(invalid(format!("Advanced backup settings are not supported for resource type '{kind}'"))),
    };
    for (option, value) in setting.get("BackupOptions").and_then(Value::as_object).into_iter().flatten() {
        if !known.contains(&option.as_str()) {
            return Err(invalid(format!("Invalid backup option '{option}' for resource type {kind}")));
        }
        if !matches!(value.as_str(), Some("enabled" | "disabled")) {
            return Err(invalid(format!(
                "Invalid value for backup option '{option}': it must be 'enabled' or 'disabled'"
            )));
        }
    }
    Ok(())
}

fn rule(rule: &Value) -> Result<Value, ApiError> {
    let mut rule = rule.as_object().cloned().unwrap_or_default();
    rule.retain(|_, value| !value.is_null());
    let expression =
        rule.entry("ScheduleExpression").or_insert_with(|| json!(SCHEDULE)).as_str().unwrap_or_default().to_owned();
    let cron = Cron::parse(&expression)
        .map_err(|problem| invalid(format!("Invalid schedule expression {expression}: {problem}")))?;
    if cron.shortest_gap_minutes().is_some_and(|gap| gap < 60) {
        return Err(invalid(format!("Invalid schedule expression {expression}: backups can run at most once an hour")));
    }
    let zone = rule
        .entry("ScheduleExpressionTimezone")
        .or_insert_with(|| json!(TIMEZONE))
        .as_str()
        .unwrap_or_default()
        .to_owned();
    if schedule::zone(&zone).is_none() {
        return Err(invalid(format!("Invalid timezone: {zone}")));
    }
    // UTC has several names; AWS Backup returns this one.
    if zone == "UTC" {
        rule.insert("ScheduleExpressionTimezone".to_owned(), json!(TIMEZONE));
    }
    let start = rule.entry("StartWindowMinutes").or_insert(json!(START_WINDOW)).as_i64().unwrap_or_default();
    if !(60..=LONGEST_WINDOW).contains(&start) {
        return Err(invalid("Start window must be between 60 and 52560000 minutes"));
    }
    let completion =
        rule.entry("CompletionWindowMinutes").or_insert(json!(COMPLETION_WINDOW)).as_i64().unwrap_or_default();
    if !(1..=LONGEST_WINDOW).contains(&completion) {
        return Err(invalid("Completion window must be between 1 and 52560000 minutes"));
    }
    let continuous = rule.entry("EnableContinuousBackup").or_insert(json!(false)).as_bool().unwrap_or_default();
    lifecycle(&mut rule)?;
    let kept = rule.get("Lifecycle").and_then(|lifecycle| lifecycle.get("DeleteAfterDays")).and_then(Value::as_i64);
    if continuous && kept.is_none_or(|days| days > 35) {
        return Err(invalid("Invalid lifecycle. Continuous backups must be kept between 1 and 35 days"));
    }
    let tags = tags::read(rule.get("RecoveryPointTags"))?;
    if tags.len() > 10 {
        return Err(ApiError::new(400, "LimitExceededException", "A rule can add at most 10 tags to a recovery point"));
    }
    let copies = rule.get("CopyActions").and_then(Value::as_array).cloned().unwrap_or_default();
    if copies.len() > 5 {
        return Err(ApiError::new(400, "LimitExceededException", "A rule can have at most 5 copy actions"));
    }
    let mut checked = Vec::new();
    for copy in copies {
        let mut copy = copy.as_object().cloned().unwrap_or_default();
        let destination = copy.get("DestinationBackupVaultArn").and_then(Value::as_str).unwrap_or_default();
        if !is_vault(destination) {
            return Err(invalid(format!("Invalid ARN of a destination backup vault: {destination}")));
        }
        lifecycle(&mut copy)?;
        checked.push(Value::Object(copy));
    }
    if !checked.is_empty() {
        rule.insert("CopyActions".to_owned(), Value::Array(checked));
    }
    rule.retain(|_, value| {
        !matches!(value, Value::Array(items) if items.is_empty())
            && !matches!(value, Value::Object(members) if members.is_empty())
    });
    Ok(Value::Object(rule))
}

fn is_vault(arn: &str) -> bool {
    let parts: Vec<&str> = arn.split(':').collect();
    matches!(parts[..], ["arn", _, "backup", _, _, "backup-vault", name] if !name.is_empty())
}

/// Checks a lifecycle: days count from 1, -1 clears a value, and a cold recovery point is kept for at least 90 days.
pub(super) fn lifecycle(owner: &mut Map<String, Value>) -> Result<(), ApiError> {
    let Some(lifecycle) = owner.get_mut("Lifecycle").and_then(Value::as_object_mut) else { return Ok(()) };
    lifecycle.retain(|_, value| !value.is_null() && value.as_i64() != Some(-1));
    let days = |member: &str| lifecycle.get(member).and_then(Value::as_i64);
    let (cold, delete) = (days("MoveToColdStorageAfterDays"), days("DeleteAfterDays"));
    if delete.is_some_and(|days| !(1..=36_500).contains(&days)) {
        return Err(invalid("Invalid lifecycle. DeleteAfterDays must be between 1 and 36500"));
    }
    if cold.is_some_and(|days| days < 1) {
        return Err(invalid("Invalid lifecycle. MoveToColdStorageAfterDays must be at least 1"));
    }
    if let (Some(cold), Some(delete)) = (cold, delete)
        && delete < cold + 90
    {
        return Err(invalid(
            "Invalid lifecycle. DeleteAfterDays cannot be less than 90 days apart from MoveToColdStorageAfterDays",
        ));
    }
    Ok(())
}

/// Lists the next runs of a plan's rules, soonest first.
pub(super) fn preview(rules: &[Value], now: i64, count: usize) -> Vec<Value> {
    let mut runs: Vec<(i64, Value)> = Vec::new();
    for rule in rules {
        let text = |member: &str| rule.get(member).and_then(Value::as_str).unwrap_or_default();
        let Ok(cron) = Cron::parse(text("ScheduleExpression")) else { continue };
        let zone = schedule::zone(text("ScheduleExpressionTimezone")).unwrap_or(TimeZone::UTC);
        let continuous = rule.get("EnableContinuousBackup").and_then(Value::as_bool).unwrap_or_default();
        let kind = if continuous { "CONTINUOUS_AND_SNAPSHOTS" } else { "SNAPSHOTS" };
        for time in cron.next(now, &zone, count) {
            let run =
                json!({ "ExecutionTime": made::timestamp(time), "RuleId": text("RuleId"), "RuleExecutionType": kind });
            runs.push((time, run));
        }
    }
    runs.sort_by_key(|(time, _)| *time);
    runs.into_iter().take(count).map(|(_, run)| run).collect()
}
