//! What AWS takes of a rule's lifecycle. The file is checked before anything is read; what it does not speak of stays
//! as it is in AWS, and the two together may be more than AWS takes.

use serde_json::Value;

use crate::kind::Conflict;

/// A backup stays in cold storage for so many days at least. AWS Backup API Reference, `Lifecycle`.
pub(crate) const COLD_DAYS: u32 = 90;
/// A continuous backup is kept for so many days at most. AWS Backup Developer Guide, "Point-in-time recovery".
pub(crate) const CONTINUOUS_DAYS: u32 = 35;

/// Finds a rule of a whole plan, in the shape of AWS's requests, that AWS refuses for what the file does not speak of.
pub(super) fn conflict(plan: &Value) -> Option<Conflict> {
    plan["Rules"].as_array()?.iter().find_map(|rule| {
        let copies = rule["CopyActions"].as_array().into_iter().flatten().map(|copy| (" (a copy)", copy, false));
        let is_continuous = rule["EnableContinuousBackup"] == true;
        [("", rule, is_continuous)].into_iter().chain(copies).find_map(|(what, holder, is_continuous)| {
            let days = |member: &str| holder["Lifecycle"][member].as_u64().filter(|days| *days > 0);
            let (keeps, cold) = (days("DeleteAfterDays"), days("MoveToColdStorageAfterDays"));
            let is_short = keeps.zip(cold).is_some_and(|(keeps, cold)| keeps < cold + u64::from(COLD_DAYS));
            let is_long = is_continuous && keeps.is_some_and(|keeps| keeps > u64::from(CONTINUOUS_DAYS));
            let (why, help) = match (keeps, cold) {
                (Some(keeps), Some(cold)) if is_short => (
                    format!(
                        "would be kept for {keeps} days and go to cold storage after {cold}, where it stays for 90"
                    ),
                    "say both in the file; `move_to_cold_storage_after = \"\"` takes that one off",
                ),
                (Some(keeps), _) if is_long => (
                    format!("is continuous in AWS and would be kept for {keeps} days; AWS keeps it for 35 at most"),
                    "say `enable_continuous_backup = false`, or at most 35 days",
                ),
                _ => return None,
            };
            let name = rule["RuleName"].as_str().unwrap_or_default();
            Some(Conflict { message: format!("what its rule `{name}`{what} makes {why}"), help: help.to_owned() })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_file_and_aws_say_together_is_what_aws_takes() {
        let plan = |rule: Value| conflict(&json!({ "Rules": [rule] })).map(|conflict| conflict.message);
        let lifecycle = |keeps: u32, cold: u32| json!({ "DeleteAfterDays": keeps, "MoveToColdStorageAfterDays": cold });
        let rule = |lifecycle: Value| json!({ "RuleName": "r", "Lifecycle": lifecycle });
        assert_eq!(plan(rule(lifecycle(120, 30))), None);
        assert_eq!(plan(rule(json!({ "DeleteAfterDays": 35 }))), None);
        let short = "what its rule `r` makes would be kept for 119 days and go to cold storage after 30, where it \
                     stays for 90";
        assert_eq!(plan(rule(lifecycle(119, 30))).as_deref(), Some(short));
        let mut continuous = rule(json!({ "DeleteAfterDays": 36 }));
        continuous["EnableContinuousBackup"] = json!(true);
        assert!(plan(continuous.clone()).is_some_and(|why| why.contains("is continuous in AWS")));
        continuous["Lifecycle"]["DeleteAfterDays"] = json!(35);
        assert_eq!(plan(continuous), None);
        let copied = json!({ "RuleName": "r", "CopyActions": [{ "Lifecycle": lifecycle(35, 30) }] });
        assert!(plan(copied).is_some_and(|why| why.starts_with("what its rule `r` (a copy) makes")));
    }
}
