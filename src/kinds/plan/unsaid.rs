//! What AWS has of a plan and the file has no words for: members of the whole plan that are no field.

use serde_json::Value;

use crate::kind::diff::is_empty;

/// The members of a rule that are fields.
const RULE: [&str; 11] = [
    "RuleName",
    "RuleId",
    "TargetBackupVaultName",
    "TargetLogicallyAirGappedBackupVaultArn",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartWindowMinutes",
    "CompletionWindowMinutes",
    "RecoveryPointTags",
    "EnableContinuousBackup",
    "Lifecycle",
];
const LIFECYCLE: [&str; 3] = ["DeleteAfterDays", "MoveToColdStorageAfterDays", "OptInToArchiveForSupportedResources"];

/// Names what is in a whole plan beside the fields.
pub(super) fn unsaid(plan: &Value) -> Vec<String> {
    let mut found = others(plan, &["BackupPlanName", "Rules", "AdvancedBackupSettings"], "");
    for setting in list(&plan["AdvancedBackupSettings"]) {
        let resource_type = setting["ResourceType"].as_str().unwrap_or_default();
        let of = format!(" of `{resource_type}`");
        if resource_type == "EC2" {
            found.extend(others(&setting["BackupOptions"], &["WindowsVSS"], &of));
        } else {
            found.push(format!("`AdvancedBackupSettings`{of}"));
        }
        found.extend(others(setting, &["ResourceType", "BackupOptions"], &of));
    }
    for rule in list(&plan["Rules"]) {
        let of = format!(" of the rule `{}`", rule["RuleName"].as_str().unwrap_or_default());
        let known: Vec<&str> = RULE.into_iter().chain(["CopyActions"]).collect();
        found.extend(others(rule, &known, &of));
        found.extend(others(&rule["Lifecycle"], &LIFECYCLE, &of));
        for copy in list(&rule["CopyActions"]) {
            found.extend(others(copy, &["DestinationBackupVaultArn", "Lifecycle"], &format!(" of a copy{of}")));
            found.extend(others(&copy["Lifecycle"], &LIFECYCLE, &format!(" of a copy{of}")));
        }
    }
    found
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Names the members that say anything and are none of the known ones.
fn others(object: &Value, known: &[&str], of: &str) -> Vec<String> {
    let members = object.as_object().into_iter().flatten();
    let others = members.filter(|(name, value)| !known.contains(&name.as_str()) && !is_empty(value));
    others.map(|(name, _)| format!("`{name}`{of}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_member_without_a_word_in_the_file_is_named_with_its_place() {
        let plan = json!({
            "BackupPlanName": "daily",
            "ScanSettings": [{ "MalwareScanner": "GUARDDUTY" }],
            "AdvancedBackupSettings": [
                { "ResourceType": "EC2", "BackupOptions": { "WindowsVSS": "enabled", "Other": "x" } },
                { "ResourceType": "S3", "BackupOptions": { "BackupACLs": "enabled" } },
            ],
            "Rules": [{
                "RuleName": "nightly", "RuleId": "id", "TargetBackupVaultName": "v",
                "IndexActions": [{ "ResourceTypes": ["EBS"] }], "ScanActions": [],
                "Lifecycle": { "DeleteAfterDays": 35, "DeleteAfterEvent": "DELETE_AFTER_COPY" },
                "CopyActions": [
                    { "DestinationBackupVaultArn": "arn", "Lifecycle": { "DeleteAfterDays": 1 }, "New": 1 },
                ],
            }],
        });
        let wanted = [
            "`ScanSettings`",
            "`Other` of `EC2`",
            "`AdvancedBackupSettings` of `S3`",
            "`IndexActions` of the rule `nightly`",
            "`DeleteAfterEvent` of the rule `nightly`",
            "`New` of a copy of the rule `nightly`",
        ];
        assert_eq!(unsaid(&plan), wanted);
    }
}
