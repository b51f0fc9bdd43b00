//! Plans, their versions and their rules.

use serde_json::json;

use super::{bench, document, plan, selection};
use crate::sandbox::bench::START;
use crate::sandbox::made;

#[test]
fn a_plan_reads_back_with_awss_defaults_and_its_settings_beside_it() {
    let mut bench = bench();
    let mut document = document("windows");
    document["AdvancedBackupSettings"] = json!([{"ResourceType": "EC2", "BackupOptions": {"WindowsVSS": "enabled"}}]);
    let created = bench.ok("CreateBackupPlan", &json!({"BackupPlan": document, "CreatorRequestId": "t1"}));
    let id = created["BackupPlanId"].clone();
    let got = bench.ok("GetBackupPlan", &json!({"BackupPlanId": id, "MaxScheduledRunsPreview": 2}));
    let rule = &got["BackupPlan"]["Rules"][0];
    assert_eq!(rule["ScheduleExpression"], "cron(0 5 ? * * *)");
    assert_eq!(rule["ScheduleExpressionTimezone"], "Etc/UTC");
    assert_eq!((&rule["StartWindowMinutes"], &rule["CompletionWindowMinutes"]), (&json!(480), &json!(10080)));
    assert!(got["BackupPlan"].get("AdvancedBackupSettings").is_none());
    assert_eq!(got["AdvancedBackupSettings"][0]["BackupOptions"]["WindowsVSS"], "enabled");
    assert_eq!(got["CreatorRequestId"], "t1");
    assert_eq!(got["ScheduledRunsPreview"][0]["ExecutionTime"], made::timestamp(START + 5 * 3_600_000));
    assert_eq!(got["ScheduledRunsPreview"][0]["RuleId"], rule["RuleId"]);
}

#[test]
fn the_same_token_gives_the_same_plan_and_the_same_document_is_refused() {
    let mut bench = bench();
    let first = bench.ok("CreateBackupPlan", &json!({"BackupPlan": document("windows"), "CreatorRequestId": "t1"}));
    let again = bench.ok("CreateBackupPlan", &json!({"BackupPlan": document("other"), "CreatorRequestId": "t1"}));
    assert_eq!(first, again);
    let error = bench
        .call("CreateBackupPlan", &json!({"BackupPlan": document("windows"), "CreatorRequestId": "t2"}))
        .unwrap_err();
    assert_eq!((error.code.as_str(), error.members["CreatorRequestId"].as_str()), ("AlreadyExistsException", "t1"));
    assert_eq!(error.members["Arn"], first["BackupPlanArn"].as_str().unwrap());
}

#[test]
fn two_plans_may_have_one_name() {
    let mut bench = bench();
    plan(&mut bench, "windows");
    let mut other = document("windows");
    other["Rules"][0]["StartWindowMinutes"] = json!(60);
    bench.ok("CreateBackupPlan", &json!({"BackupPlan": other}));
    assert_eq!(bench.ok("ListBackupPlans", &json!({}))["BackupPlansList"].as_array().unwrap().len(), 2);
}

#[test]
fn an_update_replaces_the_document_and_keeps_old_versions() {
    let mut bench = bench();
    let mut before = document("windows");
    before["Rules"][0]["Lifecycle"] = json!({"DeleteAfterDays": 35});
    let created = bench.ok("CreateBackupPlan", &json!({"BackupPlan": before}));
    let id = created["BackupPlanId"].as_str().unwrap().to_owned();
    let rule_id = bench.ok("GetBackupPlan", &json!({"BackupPlanId": id}))["BackupPlan"]["Rules"][0]["RuleId"].clone();
    let updated = bench.ok("UpdateBackupPlan", &json!({"BackupPlanId": id, "BackupPlan": document("windows")}));
    assert_ne!(updated["VersionId"], created["VersionId"]);
    let now = bench.ok("GetBackupPlan", &json!({"BackupPlanId": id}));
    assert!(now["BackupPlan"]["Rules"][0].get("Lifecycle").is_none());
    assert_eq!(now["BackupPlan"]["Rules"][0]["RuleId"], rule_id);
    let old = bench.ok("GetBackupPlan", &json!({"BackupPlanId": id, "VersionId": created["VersionId"]}));
    assert_eq!(old["BackupPlan"]["Rules"][0]["Lifecycle"]["DeleteAfterDays"], 35);
    let versions = bench.ok("ListBackupPlanVersions", &json!({"BackupPlanId": id}));
    assert_eq!(versions["BackupPlanVersionsList"][0]["VersionId"], updated["VersionId"]);
    assert_eq!(versions["BackupPlanVersionsList"].as_array().unwrap().len(), 2);
    assert_eq!(
        bench.code("UpdateBackupPlan", &json!({"BackupPlanId": id, "BackupPlan": document("renamed")})),
        "InvalidParameterValueException"
    );
    assert_eq!(
        bench.code("UpdateBackupPlan", &json!({"BackupPlanId": "none", "BackupPlan": document("renamed")})),
        "ResourceNotFoundException"
    );
    assert_eq!(bench.code("ListBackupPlanVersions", &json!({"BackupPlanId": "none"})), "ResourceNotFoundException");
}

#[test]
fn a_plan_goes_after_its_selections_and_stays_readable() {
    let mut bench = bench();
    let id = plan(&mut bench, "windows");
    let made = bench.ok("CreateBackupSelection", &json!({"BackupPlanId": id, "BackupSelection": selection("all")}));
    let (_, code, message) = bench.refused("DeleteBackupPlan", &json!({"BackupPlanId": id}));
    assert_eq!(code, "InvalidRequestException");
    assert_eq!(message, "Related backup plan selections must be deleted prior to backup plan deletion");
    bench.ok("DeleteBackupSelection", &json!({"BackupPlanId": id, "SelectionId": made["SelectionId"]}));
    bench.ok("DeleteBackupPlan", &json!({"BackupPlanId": id}));
    assert!(bench.ok("GetBackupPlan", &json!({"BackupPlanId": id})).get("DeletionDate").is_some());
    assert_eq!(bench.ok("ListBackupPlans", &json!({}))["BackupPlansList"], json!([]));
    assert_eq!(
        bench.ok("ListBackupPlans", &json!({"IncludeDeleted": true}))["BackupPlansList"].as_array().unwrap().len(),
        1
    );
    assert_eq!(bench.code("DeleteBackupPlan", &json!({"BackupPlanId": id})), "ResourceNotFoundException");
    // The name and the document are free again.
    plan(&mut bench, "windows");
}

#[test]
fn bad_rules_are_refused() {
    let mut bench = bench();
    let bad = [
        json!({"StartWindowMinutes": 59}),
        json!({"CompletionWindowMinutes": 52_560_001}),
        json!({"ScheduleExpression": "cron(0 5 * * * *)"}),
        json!({"ScheduleExpression": "cron(0/30 * ? * * *)"}),
        json!({"ScheduleExpressionTimezone": "Mars/Base"}),
        json!({"Lifecycle": {"DeleteAfterDays": 0}}),
        json!({"Lifecycle": {"MoveToColdStorageAfterDays": 10, "DeleteAfterDays": 99}}),
        json!({"EnableContinuousBackup": true, "Lifecycle": {"DeleteAfterDays": 36}}),
        json!({"CopyActions": [{"DestinationBackupVaultArn": "vault"}]}),
    ];
    for change in bad {
        let mut document = document("windows");
        document["Rules"][0].as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(
            bench.code("CreateBackupPlan", &json!({"BackupPlan": document})),
            "InvalidParameterValueException",
            "{change}"
        );
    }
    let mut vss = document("windows");
    vss["AdvancedBackupSettings"] = json!([{"ResourceType": "EC2", "BackupOptions": {"WindowsVSS": "on"}}]);
    assert_eq!(bench.code("CreateBackupPlan", &json!({"BackupPlan": vss})), "InvalidParameterValueException");
    let mut many = document("windows");
    many["Rules"] = json!(vec![many["Rules"][0].clone(); 11]);
    assert_eq!(bench.code("CreateBackupPlan", &json!({"BackupPlan": many})), "LimitExceededException");
}

#[test]
fn minus_one_clears_a_lifecycle() {
    let mut bench = bench();
    let mut document = document("windows");
    document["Rules"][0]["Lifecycle"] = json!({"DeleteAfterDays": -1, "MoveToColdStorageAfterDays": -1});
    let id = bench.ok("CreateBackupPlan", &json!({"BackupPlan": document}))["BackupPlanId"].clone();
    assert!(
        bench.ok("GetBackupPlan", &json!({"BackupPlanId": id}))["BackupPlan"]["Rules"][0].get("Lifecycle").is_none()
    );
}
