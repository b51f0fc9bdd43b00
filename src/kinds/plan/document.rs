//! A backup plan in AWS's JSON form and in normal form, and how the one is laid over the other.

use serde_json::{Map, Value, json};

use crate::kind::Fields;
use crate::kind::diff;
use crate::kind::value::pairs;
use crate::kinds::live_form::LiveForm;
use crate::model::duration::{days, minutes};
use crate::model::schedule::{self, Dialect};

/// The schedule, start window and completion window of a rule that names none (domain facts, 4.1).
pub(crate) const DEFAULT_SCHEDULE: &str = "cron(0 5 ? * * *)";
const DEFAULT_TIMEZONE: &str = "Etc/UTC";
const DEFAULT_START_MINUTES: i64 = 480;
const DEFAULT_COMPLETION_MINUTES: i64 = 10_080;

/// How a field of a rule is written for AWS.
enum Write {
    Text,
    Minutes,
    Days,
    Flag,
}

/// The fields of a rule that are one member of AWS's structure.
const RULE_MEMBERS: &[(&str, &str, Write)] = &[
    ("vault", "TargetBackupVaultName", Write::Text),
    ("schedule", "ScheduleExpression", Write::Text),
    ("timezone", "ScheduleExpressionTimezone", Write::Text),
    ("start_window", "StartWindowMinutes", Write::Minutes),
    ("complete_window", "CompletionWindowMinutes", Write::Minutes),
    ("enable_continuous_backup", "EnableContinuousBackup", Write::Flag),
    ("target_logically_air_gapped_backup_vault_arn", "TargetLogicallyAirGappedBackupVaultArn", Write::Text),
];

/// The fields of a lifecycle.
const LIFECYCLE_MEMBERS: &[(&str, &str, Write)] = &[
    ("delete_after", "DeleteAfterDays", Write::Days),
    ("move_to_cold_storage_after", "MoveToColdStorageAfterDays", Write::Days),
    ("opt_in_to_archive_for_supported_resources", "OptInToArchiveForSupportedResources", Write::Flag),
];

/// Lays the declared fields over a live plan; what the file does not say stays as it is. `live` is null for a new plan.
pub(super) fn overlay(live: &Value, name: &str, desired: &Fields) -> Value {
    let mut plan = live.as_object().cloned().unwrap_or_default();
    plan.insert("BackupPlanName".to_owned(), name.into());
    let rules: Vec<Value> = plan.get("Rules").and_then(Value::as_array).cloned().unwrap_or_default();
    let rules = match desired.get("rule") {
        None => rules,
        Some(declared) => merge_rules(&rules, declared),
    };
    plan.insert("Rules".to_owned(), rules.into_iter().map(without_id).collect());
    if let Some(on) = desired.get("windows_vss").and_then(Value::as_bool) {
        set_vss(&mut plan, on);
    }
    Value::Object(plan)
}

/// Rules keep their live order; new ones come last, in the order of their names.
fn merge_rules(live: &[Value], declared: &Value) -> Vec<Value> {
    let live_names: Vec<&str> = live.iter().filter_map(|rule| rule["RuleName"].as_str()).collect();
    let kept = live
        .iter()
        .filter_map(|rule| Some(lay_rule(rule, rule["RuleName"].as_str()?, declared.get(rule["RuleName"].as_str()?)?)));
    let new = pairs(declared).filter(|(name, _)| !live_names.contains(&name.as_str()));
    kept.chain(new.map(|(name, fields)| lay_rule(&Value::Null, name, fields))).collect()
}

fn lay_rule(live: &Value, name: &str, fields: &Value) -> Value {
    let mut rule = live.as_object().cloned().unwrap_or_default();
    rule.insert("RuleName".to_owned(), name.into());
    lay_members(&mut rule, RULE_MEMBERS, fields);
    lay_lifecycle(&mut rule, fields);
    if let Some(tags) = fields.get("recovery_point_tags") {
        put(&mut rule, "RecoveryPointTags", tags.clone());
    }
    if let Some(copies) = fields.get("copy_actions") {
        let current: Vec<Value> = rule.get("CopyActions").and_then(Value::as_array).cloned().unwrap_or_default();
        let copies: Vec<Value> = pairs(copies)
            .map(|(vault, fields)| {
                let stands = current.iter().find(|copy| copy["DestinationBackupVaultArn"] == vault.as_str());
                lay_copy(stands, &live["Lifecycle"], rule.get("Lifecycle"), vault, fields)
            })
            .collect();
        put(&mut rule, "CopyActions", copies.into());
    }
    Value::Object(rule)
}

/// Lays a copy. `source` is the lifecycle that the live rule has, and `next` the one that it gets: a copy without one
/// of its own has the former, and what the file does not say of it stays as it is.
fn lay_copy(stands: Option<&Value>, source: &Value, next: Option<&Value>, vault: &str, fields: &Value) -> Value {
    let follows = stands.is_some_and(|copy| !has_lifecycle(copy));
    let mut copy = stands.and_then(Value::as_object).cloned().unwrap_or_default();
    copy.insert("DestinationBackupVaultArn".to_owned(), vault.into());
    if follows {
        let own = LIFECYCLE_MEMBERS.iter().filter_map(|(_, member, _)| Some((*member, source.get(*member)?.clone())));
        let own: Map<String, Value> = own.map(|(member, value)| (member.to_owned(), value)).collect();
        put(&mut copy, "Lifecycle", own.into());
    }
    lay_lifecycle(&mut copy, fields);
    let form = |lifecycle: Option<&Value>| {
        let mut form = LiveForm::default();
        lifecycle_form(&mut form, lifecycle.unwrap_or(&Value::Null));
        form.fields()
    };
    if follows && form(copy.get("Lifecycle")) == form(next) {
        copy.shift_remove("Lifecycle");
    }
    Value::Object(copy)
}

/// Tells whether a copy has a lifecycle of its own. AWS gives a copy without one the lifecycle of its source (AWS
/// Backup API Reference, `CopyAction`).
fn has_lifecycle(copy: &Value) -> bool {
    copy["Lifecycle"].as_object().is_some_and(|members| members.values().any(|value| !value.is_null()))
}

/// Spells out what the file means by a copy without a lifecycle: the one of its rule, what is declared over what is
/// live.
pub(super) fn complete(desired: &mut Fields, live: &Fields) {
    let nothing = Value::Null;
    let rules = live.get("rule").unwrap_or(&nothing);
    for (name, rule) in desired.get_mut("rule").and_then(Value::as_object_mut).into_iter().flatten() {
        let stands = &rules[name.as_str()];
        let source: Vec<(&str, Value)> = LIFECYCLE_MEMBERS
            .iter()
            .map(|(field, _, _)| (*field, rule.get(*field).unwrap_or(&stands[*field]).clone()))
            .collect();
        for (vault, copy) in rule.get_mut("copy_actions").and_then(Value::as_object_mut).into_iter().flatten() {
            let Some(copy) = copy.as_object_mut().filter(|copy| copy.values().all(diff::is_empty)) else { continue };
            let live = &stands["copy_actions"][vault.as_str()];
            copy.clear();
            for (field, value) in &source {
                let is_none = |value: &Value| diff::is_empty(value) || value == false;
                if !is_none(value) {
                    copy.insert((*field).to_owned(), value.clone());
                } else if !is_none(&live[*field]) {
                    // What the copy has of its own and its rule has not goes.
                    copy.insert((*field).to_owned(), if live[*field].is_boolean() { false.into() } else { "".into() });
                }
            }
        }
    }
}

fn lay_lifecycle(holder: &mut Map<String, Value>, fields: &Value) {
    let mut lifecycle = holder.get("Lifecycle").and_then(Value::as_object).cloned().unwrap_or_default();
    lay_members(&mut lifecycle, LIFECYCLE_MEMBERS, fields);
    put(holder, "Lifecycle", Value::Object(lifecycle));
}

fn lay_members(holder: &mut Map<String, Value>, members: &[(&str, &str, Write)], fields: &Value) {
    for (field, member, write) in members {
        let Some(value) = fields.get(*field) else { continue };
        let text = value.as_str().unwrap_or_default();
        let written = match write {
            Write::Text => Value::from(text),
            Write::Minutes => json!(minutes::parse(text).ok()),
            Write::Days => json!(days::parse(text).ok()),
            Write::Flag => value.clone(),
        };
        put(holder, member, written);
    }
}

/// Sets a member; an empty value takes it away.
fn put(holder: &mut Map<String, Value>, member: &str, value: Value) {
    if diff::is_empty(&value) {
        holder.shift_remove(member);
    } else {
        holder.insert(member.to_owned(), value);
    }
}

/// AWS gives each rule an id and takes none.
fn without_id(mut rule: Value) -> Value {
    if let Some(rule) = rule.as_object_mut() {
        rule.shift_remove("RuleId");
    }
    rule
}

/// Switches VSS for EC2 and leaves the settings of other resource types alone.
fn set_vss(plan: &mut Map<String, Value>, on: bool) {
    let mut settings: Vec<Value> =
        plan.get("AdvancedBackupSettings").and_then(Value::as_array).cloned().unwrap_or_default();
    let state = if on { "enabled" } else { "disabled" };
    match settings.iter_mut().find(|setting| setting["ResourceType"] == "EC2") {
        Some(setting) => setting["BackupOptions"]["WindowsVSS"] = state.into(),
        // Absent and disabled are the same.
        None if on => settings.push(json!({ "ResourceType": "EC2", "BackupOptions": { "WindowsVSS": state } })),
        None => {}
    }
    put(plan, "AdvancedBackupSettings", settings.into());
}

/// Makes the normal form of a live plan, tags aside.
pub(super) fn normal_form(plan: &Value) -> LiveForm {
    let settings = plan["AdvancedBackupSettings"].as_array();
    let vss = settings
        .into_iter()
        .flatten()
        .any(|setting| setting["ResourceType"] == "EC2" && setting["BackupOptions"]["WindowsVSS"] == "enabled");
    let rules: Map<String, Value> = plan["Rules"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|rule| Some((rule["RuleName"].as_str()?.to_owned(), rule_form(rule))))
        .collect();
    let mut form = LiveForm::default();
    form.value("windows_vss", vss).value("rule", rules);
    form
}

fn rule_form(rule: &Value) -> Value {
    let schedule = rule["ScheduleExpression"].as_str().filter(|text| !text.is_empty()).unwrap_or(DEFAULT_SCHEDULE);
    let timezone =
        rule["ScheduleExpressionTimezone"].as_str().filter(|text| !text.is_empty()).unwrap_or(DEFAULT_TIMEZONE);
    let window =
        |member: &str, default: i64| u32::try_from(rule[member].as_i64().unwrap_or(default)).ok().map(minutes::format);
    let copies: Map<String, Value> = rule["CopyActions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|copy| {
            let mut form = LiveForm::default();
            lifecycle_form(&mut form, if has_lifecycle(copy) { &copy["Lifecycle"] } else { &rule["Lifecycle"] });
            Some((copy["DestinationBackupVaultArn"].as_str()?.to_owned(), form.record()))
        })
        .collect();
    let mut form = LiveForm::default();
    form.text("vault", rule["TargetBackupVaultName"].as_str())
        .text("schedule", Some(schedule::canonical(schedule, Dialect::Backup)))
        .text("timezone", Some(if timezone == "UTC" { DEFAULT_TIMEZONE } else { timezone }))
        .text("start_window", window("StartWindowMinutes", DEFAULT_START_MINUTES))
        .text("complete_window", window("CompletionWindowMinutes", DEFAULT_COMPLETION_MINUTES));
    lifecycle_form(&mut form, &rule["Lifecycle"]);
    form.value("enable_continuous_backup", rule["EnableContinuousBackup"].as_bool().unwrap_or_default())
        .text("target_logically_air_gapped_backup_vault_arn", rule["TargetLogicallyAirGappedBackupVaultArn"].as_str())
        .value("recovery_point_tags", rule["RecoveryPointTags"].clone())
        .value("copy_actions", copies);
    form.record()
}

fn lifecycle_form(form: &mut LiveForm, lifecycle: &Value) {
    // AWS writes "never" as -1.
    let after = |member: &str| lifecycle[member].as_i64().and_then(|days| u32::try_from(days).ok()).map(days::format);
    form.text("delete_after", after("DeleteAfterDays"))
        .text("move_to_cold_storage_after", after("MoveToColdStorageAfterDays"))
        .value(
            "opt_in_to_archive_for_supported_resources",
            lifecycle["OptInToArchiveForSupportedResources"].as_bool().unwrap_or_default(),
        );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live() -> Value {
        json!({
            "BackupPlanName": "daily",
            "Rules": [
                {
                    "RuleName": "nightly", "RuleId": "id", "TargetBackupVaultName": "vss",
                    "ScheduleExpression": "cron(0 5 ? * * *)",
                    "StartWindowMinutes": 480, "CompletionWindowMinutes": 10080,
                    "IndexActions": [{ "ResourceTypes": ["EBS"] }],
                    "Lifecycle": { "DeleteAfterDays": 35, "DeleteAfterEvent": "DELETE_AFTER_COPY" },
                    "CopyActions": [{ "DestinationBackupVaultArn": "arn:a", "Lifecycle": { "DeleteAfterDays": 7 } }],
                },
                { "RuleName": "weekly", "RuleId": "id2", "TargetBackupVaultName": "vss" },
            ],
            "AdvancedBackupSettings": [{ "ResourceType": "S3", "BackupOptions": { "BackupACLs": "enabled" } }],
            "ScanSettings": [{ "MalwareScanner": "GUARDDUTY" }],
        })
    }

    fn declared(value: Value) -> Fields {
        match value {
            Value::Object(entries) => entries,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn an_update_keeps_what_the_file_does_not_say() {
        let fields = declared(json!({
            "windows_vss": true,
            "rule": { "nightly": { "vault": "vss", "start_window": "1h" }, "weekly": {} },
        }));
        let plan = overlay(&live(), "daily", &fields);
        let rule = &plan["Rules"][0];
        assert_eq!(rule["StartWindowMinutes"], 60);
        assert_eq!(rule["CompletionWindowMinutes"], 10080);
        assert_eq!(rule["Lifecycle"], json!({ "DeleteAfterDays": 35, "DeleteAfterEvent": "DELETE_AFTER_COPY" }));
        assert_eq!(rule["IndexActions"], live()["Rules"][0]["IndexActions"]);
        assert_eq!(rule.get("RuleId"), None);
        assert_eq!(plan["ScanSettings"], live()["ScanSettings"]);
        assert_eq!(plan["AdvancedBackupSettings"][0], live()["AdvancedBackupSettings"][0]);
        assert_eq!(plan["AdvancedBackupSettings"][1]["BackupOptions"]["WindowsVSS"], "enabled");
    }

    #[test]
    fn a_rule_that_the_file_lacks_goes_and_a_new_one_comes() {
        let fields = declared(json!({ "rule": { "nightly": { "vault": "vss" }, "monthly": { "vault": "other" } } }));
        let plan = overlay(&live(), "daily", &fields);
        let names: Vec<&str> =
            plan["Rules"].as_array().into_iter().flatten().filter_map(|rule| rule["RuleName"].as_str()).collect();
        assert_eq!(names, ["nightly", "monthly"]);
    }

    #[test]
    fn a_declared_empty_value_takes_the_member_away() {
        let fields = declared(
            json!({ "rule": { "nightly": { "delete_after": "", "copy_actions": {}, "recovery_point_tags": {} } } }),
        );
        let rule = overlay(&live(), "daily", &fields)["Rules"][0].clone();
        assert_eq!(rule["Lifecycle"], json!({ "DeleteAfterEvent": "DELETE_AFTER_COPY" }));
        assert_eq!(rule.get("CopyActions"), None);
    }

    #[test]
    fn the_defaults_of_aws_are_spelled_out_in_the_live_form() {
        let form = normal_form(&live()).fields();
        assert_eq!(form["windows_vss"], false);
        let weekly = &form["rule"]["weekly"];
        assert_eq!(weekly["schedule"], "cron(0 5 ? * * *)");
        assert_eq!(
            (&weekly["timezone"], &weekly["start_window"], &weekly["complete_window"]),
            (&json!("Etc/UTC"), &json!("8h"), &json!("7d"))
        );
        assert_eq!(weekly.get("delete_after"), None);
    }

    #[test]
    fn vss_that_is_off_is_not_written_where_nothing_stands() {
        let plan = overlay(&json!({}), "daily", &declared(json!({ "windows_vss": false, "rule": {} })));
        assert_eq!(plan.get("AdvancedBackupSettings"), None);
    }
}
