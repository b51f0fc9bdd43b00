use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::OPERATIONS;
use crate::sandbox::bench::{Bench, START};
use crate::sandbox::iam::Role;
use crate::sandbox::made;
use crate::sandbox::wire::model::Model;

fn bench() -> Bench {
    let mut bench = Bench::of("backup");
    for (name, service) in [("backup", "backup.amazonaws.com"), ("web", "ec2.amazonaws.com")] {
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]});
        let role: Role = serde_json::from_value(json!({
            "name": name, "path": "/", "id": "AROA1", "arn": format!("arn:aws:iam::123456789012:role/{name}"),
            "created": START, "trust": trust.to_string(), "max_session_duration": 3600,
        }))
        .unwrap();
        bench.account.iam.roles.insert(name.to_owned(), role);
    }
    bench
}

fn vault(bench: &mut Bench, name: &str) -> String {
    bench.ok("CreateBackupVault", &json!({"BackupVaultName": name}))["BackupVaultArn"].as_str().unwrap().to_owned()
}

fn plan(bench: &mut Bench, name: &str) -> String {
    bench.ok("CreateBackupPlan", &json!({"BackupPlan": document(name)}))["BackupPlanId"].as_str().unwrap().to_owned()
}

fn document(name: &str) -> Value {
    json!({"BackupPlanName": name, "Rules": [{"RuleName": "daily", "TargetBackupVaultName": "vss"}]})
}

fn selection(name: &str) -> Value {
    json!({
        "SelectionName": name,
        "IamRoleArn": "arn:aws:iam::123456789012:role/backup",
        "Resources": ["arn:aws:ec2:*:*:instance/*"],
    })
}

#[test]
fn every_operation_offered_is_in_the_model() {
    let model = Model::of("backup").unwrap();
    assert!(OPERATIONS.iter().all(|name| model.operations.contains_key(*name)));
}

#[test]
fn a_new_vault_has_awss_key_and_reads_back() {
    let mut bench = bench();
    let arn = vault(&mut bench, "vss");
    assert_eq!(arn, "arn:aws:backup:eu-west-1:123456789012:backup-vault:vss");
    let described = bench.ok("DescribeBackupVault", &json!({"BackupVaultName": "vss"}));
    assert!(described["EncryptionKeyArn"].as_str().unwrap().starts_with("arn:aws:kms:eu-west-1:123456789012:key/"));
    assert_eq!(described["NumberOfRecoveryPoints"], 0);
    assert_eq!(described["Locked"], false);
    assert_eq!(bench.ok("ListBackupVaults", &json!({}))["BackupVaultList"], json!([described]));
}

#[test]
fn the_second_vault_of_a_name_is_refused_with_the_first_ones_token() {
    let mut bench = bench();
    let input = json!({"BackupVaultName": "vss", "CreatorRequestId": "mine"});
    bench.ok("CreateBackupVault", &input);
    let error = bench.call("CreateBackupVault", &input).unwrap_err();
    assert_eq!(error.code, "AlreadyExistsException");
    assert_eq!(error.members["CreatorRequestId"], "mine");
    assert!(error.members["Arn"].ends_with(":vss"));
}

#[test]
fn a_missing_vault_is_access_denied_to_describe_and_not_found_to_the_others() {
    let mut bench = bench();
    let input = json!({"BackupVaultName": "nowhere"});
    let (status, code, _) = bench.refused("DescribeBackupVault", &input);
    assert_eq!((status, code.as_str()), (403, "AccessDeniedException"));
    for operation in [
        "DeleteBackupVault",
        "GetBackupVaultAccessPolicy",
        "GetBackupVaultNotifications",
        "DeleteBackupVaultLockConfiguration",
    ] {
        assert_eq!(bench.code(operation, &input), "ResourceNotFoundException", "{operation}");
    }
}

#[test]
fn bad_vault_inputs_are_refused() {
    let mut bench = bench();
    assert_eq!(bench.code("CreateBackupVault", &json!({"BackupVaultName": "a b"})), "ValidationException");
    assert_eq!(
        bench.code("CreateBackupVault", &json!({"BackupVaultName": "vss", "EncryptionKeyArn": "key"})),
        "InvalidParameterValueException"
    );
    assert_eq!(
        bench.code("CreateBackupVault", &json!({"BackupVaultName": "vss", "BackupVaultTags": {"aws:x": "y"}})),
        "InvalidParameterValueException"
    );
    assert_eq!(
        bench.code("CreateBackupVault", &json!({"BackupVaultName": "vss", "CreatorRequestId": "a b"})),
        "InvalidParameterValueException"
    );
}

#[test]
fn an_access_policy_reads_back_until_it_is_deleted() {
    let mut bench = bench();
    vault(&mut bench, "vss");
    let name = json!({"BackupVaultName": "vss"});
    let (_, code, message) = bench.refused("GetBackupVaultAccessPolicy", &name);
    assert_eq!(code, "ResourceNotFoundException");
    assert!(message.ends_with("has no associated POLICY"));
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "backup:DeleteRecoveryPoint", "Resource": "*"}]}).to_string();
    bench.ok("PutBackupVaultAccessPolicy", &json!({"BackupVaultName": "vss", "Policy": policy}));
    assert_eq!(bench.ok("GetBackupVaultAccessPolicy", &name)["Policy"], policy);
    bench.ok("DeleteBackupVaultAccessPolicy", &name);
    assert_eq!(bench.code("GetBackupVaultAccessPolicy", &name), "ResourceNotFoundException");
    assert_eq!(
        bench.code("PutBackupVaultAccessPolicy", &json!({"BackupVaultName": "vss", "Policy": "{"})),
        "InvalidParameterValueException"
    );
}

#[test]
fn notifications_read_back_and_take_only_documented_events() {
    let mut bench = bench();
    vault(&mut bench, "vss");
    let name = json!({"BackupVaultName": "vss"});
    assert_eq!(bench.code("GetBackupVaultNotifications", &name), "ResourceNotFoundException");
    let put = |topic: &str, events: Value| json!({"BackupVaultName": "vss", "SNSTopicArn": topic, "BackupVaultEvents": events});
    let topic = "arn:aws:sns:eu-west-1:123456789012:backups";
    bench.ok("PutBackupVaultNotifications", &put(topic, json!(["BACKUP_JOB_COMPLETED"])));
    assert_eq!(bench.ok("GetBackupVaultNotifications", &name)["BackupVaultEvents"], json!(["BACKUP_JOB_COMPLETED"]));
    for (topic, events) in [
        (topic, json!(["BACKUP_JOB_FAILED"])),
        (topic, json!([])),
        ("arn:aws:sns:eu-west-1:999999999999:backups", json!(["BACKUP_JOB_COMPLETED"])),
        ("arn:aws:sns:eu-west-1:123456789012:backups.fifo", json!(["BACKUP_JOB_COMPLETED"])),
        ("backups", json!(["BACKUP_JOB_COMPLETED"])),
    ] {
        assert_eq!(bench.code("PutBackupVaultNotifications", &put(topic, events)), "InvalidParameterValueException");
    }
    bench.ok("DeleteBackupVaultNotifications", &name);
    assert_eq!(bench.code("GetBackupVaultNotifications", &name), "ResourceNotFoundException");
}

#[test]
fn a_governance_lock_can_be_changed_and_taken_off() {
    let mut bench = bench();
    vault(&mut bench, "vss");
    bench.ok(
        "PutBackupVaultLockConfiguration",
        &json!({"BackupVaultName": "vss", "MinRetentionDays": 7, "MaxRetentionDays": 30}),
    );
    let described = bench.ok("DescribeBackupVault", &json!({"BackupVaultName": "vss"}));
    assert_eq!(
        (&described["Locked"], &described["MinRetentionDays"], described.get("LockDate")),
        (&json!(true), &json!(7), None)
    );
    bench.ok("DeleteBackupVaultLockConfiguration", &json!({"BackupVaultName": "vss"}));
    assert_eq!(bench.ok("DescribeBackupVault", &json!({"BackupVaultName": "vss"}))["Locked"], false);
}

#[test]
fn a_compliance_lock_is_final_after_its_grace_time() {
    let mut bench = bench();
    vault(&mut bench, "vss");
    let lock = json!({"BackupVaultName": "vss", "MinRetentionDays": 7, "ChangeableForDays": 3});
    bench.ok("PutBackupVaultLockConfiguration", &lock);
    let described = bench.ok("DescribeBackupVault", &json!({"BackupVaultName": "vss"}));
    assert_eq!(described["LockDate"], made::timestamp(START + 3 * 86_400_000));
    bench.advance(2 * 86400);
    bench.ok("PutBackupVaultLockConfiguration", &lock);
    bench.advance(3 * 86400);
    assert_eq!(bench.code("PutBackupVaultLockConfiguration", &lock), "InvalidRequestException");
    assert_eq!(
        bench.code("DeleteBackupVaultLockConfiguration", &json!({"BackupVaultName": "vss"})),
        "InvalidRequestException"
    );
}

#[test]
fn lock_days_have_limits() {
    let mut bench = bench();
    vault(&mut bench, "vss");
    for (min, max, changeable) in [(0, 10, 3), (20, 10, 3), (1, 40000, 3), (1, 10, 2)] {
        let input = json!({"BackupVaultName": "vss", "MinRetentionDays": min, "MaxRetentionDays": max, "ChangeableForDays": changeable});
        assert_eq!(bench.code("PutBackupVaultLockConfiguration", &input), "InvalidParameterValueException");
    }
}

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

#[test]
fn a_selection_reads_back_with_every_list() {
    let mut bench = bench();
    let id = plan(&mut bench, "windows");
    let mut wanted = selection("tagged");
    wanted["Resources"] = json!(["arn:aws:ec2:*:*:instance/*"]);
    wanted["Conditions"] =
        json!({"StringEquals": [{"ConditionKey": "aws:ResourceTag/VssBackup", "ConditionValue": "enabled"}]});
    let input = json!({"BackupPlanId": id, "BackupSelection": wanted, "CreatorRequestId": "s1"});
    let made = bench.ok("CreateBackupSelection", &input);
    assert_eq!(bench.ok("CreateBackupSelection", &input), made);
    let got = bench.ok("GetBackupSelection", &json!({"BackupPlanId": id, "SelectionId": made["SelectionId"]}));
    assert_eq!(got["BackupSelection"]["Conditions"]["StringEquals"][0]["ConditionValue"], "enabled");
    assert_eq!(got["BackupSelection"]["NotResources"], json!([]));
    assert_eq!(got["CreatorRequestId"], "s1");
    // Selection names may repeat.
    bench.ok("CreateBackupSelection", &json!({"BackupPlanId": id, "BackupSelection": wanted}));
    assert_eq!(
        bench.ok("ListBackupSelections", &json!({"BackupPlanId": id}))["BackupSelectionsList"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn a_role_that_backup_cannot_assume_is_refused() {
    let mut bench = bench();
    let id = plan(&mut bench, "windows");
    for role in ["web", "nobody"] {
        let mut wanted = selection("all");
        wanted["IamRoleArn"] = json!(format!("arn:aws:iam::123456789012:role/{role}"));
        let (_, code, message) =
            bench.refused("CreateBackupSelection", &json!({"BackupPlanId": id, "BackupSelection": wanted}));
        assert_eq!(code, "InvalidParameterValueException");
        assert!(message.ends_with("cannot be assumed by AWS Backup"), "{message}");
    }
}

#[test]
fn a_selection_of_nothing_is_refused_in_the_words_of_aws() {
    let mut bench = bench();
    let id = plan(&mut bench, "windows");
    let condition = json!({"ConditionKey": "aws:ResourceTag/a", "ConditionValue": "b"});
    for rest in [
        json!({}),
        json!({"Resources": [], "ListOfTags": []}),
        json!({"NotResources": ["arn:aws:s3:::logs"]}),
        json!({"Conditions": {"StringEquals": [condition]}}),
    ] {
        let mut wanted = json!({"SelectionName": "s", "IamRoleArn": selection("s")["IamRoleArn"]});
        wanted.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        let (status, code, message) =
            bench.refused("CreateBackupSelection", &json!({"BackupPlanId": id, "BackupSelection": wanted}));
        assert_eq!((status, code.as_str()), (400, "InvalidParameterValueException"));
        assert_eq!(message, "Invalid backup selection. Either 'ListOfTags' or 'Resources' section must be non-empty.");
    }
}

#[test]
fn bad_selections_are_refused() {
    let mut bench = bench();
    let id = plan(&mut bench, "windows");
    let tag = json!({"ConditionType": "STRINGEQUALS", "ConditionKey": "k", "ConditionValue": "v"});
    for (change, code) in [
        (json!({"Resources": ["instance"]}), "InvalidParameterValueException"),
        (json!({"Resources": ["arn:aws:s3:::*-logs"]}), "InvalidParameterValueException"),
        (
            json!({"Conditions": {"StringEquals": [{"ConditionKey": "k", "ConditionValue": "v"}]}}),
            "InvalidParameterValueException",
        ),
        (json!({"ListOfTags": vec![tag; 31]}), "LimitExceededException"),
        (json!({"Resources": vec!["arn:aws:ec2:*:*:instance/*"; 31]}), "LimitExceededException"),
        (json!({"SelectionName": "a b"}), "ValidationException"),
    ] {
        let mut wanted = selection("all");
        wanted.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(
            bench.code("CreateBackupSelection", &json!({"BackupPlanId": id, "BackupSelection": wanted})),
            code,
            "{change}"
        );
    }
    assert_eq!(
        bench.code("CreateBackupSelection", &json!({"BackupPlanId": "none", "BackupSelection": selection("all")})),
        "InvalidParameterValueException"
    );
    assert_eq!(
        bench.code("GetBackupSelection", &json!({"BackupPlanId": "none", "SelectionId": "x"})),
        "InvalidParameterValueException"
    );
    assert_eq!(
        bench.code("GetBackupSelection", &json!({"BackupPlanId": id, "SelectionId": "x"})),
        "ResourceNotFoundException"
    );
    assert_eq!(
        bench.code("DeleteBackupSelection", &json!({"BackupPlanId": id, "SelectionId": "x"})),
        "ResourceNotFoundException"
    );
    assert_eq!(bench.code("ListBackupSelections", &json!({"BackupPlanId": "none"})), "ResourceNotFoundException");
}

#[test]
fn a_plan_takes_a_hundred_selections() {
    let mut bench = bench();
    let id = plan(&mut bench, "windows");
    for _ in 0..100 {
        bench.ok("CreateBackupSelection", &json!({"BackupPlanId": id, "BackupSelection": selection("s")}));
    }
    assert_eq!(
        bench.code("CreateBackupSelection", &json!({"BackupPlanId": id, "BackupSelection": selection("s")})),
        "LimitExceededException"
    );
}

#[test]
fn tags_of_vaults_and_plans_can_be_changed_and_are_listed() {
    let mut bench = bench();
    let vault = vault(&mut bench, "vss");
    let id = plan(&mut bench, "windows");
    let plan = format!("arn:aws:backup:eu-west-1:123456789012:backup-plan:{id}");
    for arn in [&vault, &plan] {
        bench.ok("TagResource", &json!({"ResourceArn": arn, "Tags": {"a": "1", "b": "2"}}));
        bench.ok("UntagResource", &json!({"ResourceArn": arn, "TagKeyList": ["a"]}));
        assert_eq!(bench.ok("ListTags", &json!({"ResourceArn": arn}))["Tags"], json!({"b": "2"}));
    }
    let tagged = bench.ask("tagging", "GetResources", &json!({})).unwrap();
    let arns: BTreeSet<&str> = tagged["ResourceTagMappingList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["ResourceARN"].as_str().unwrap())
        .collect();
    assert_eq!(arns, BTreeSet::from([vault.as_str(), plan.as_str()]));
    assert_eq!(bench.code("ListTags", &json!({"ResourceArn": format!("{vault}2")})), "ResourceNotFoundException");
    assert_eq!(bench.code("TagResource", &json!({"ResourceArn": "vss", "Tags": {}})), "InvalidParameterValueException");
    let many: serde_json::Map<String, Value> = (0..50).map(|index| (format!("k{index}"), json!("v"))).collect();
    assert_eq!(bench.code("TagResource", &json!({"ResourceArn": vault, "Tags": many})), "LimitExceededException");
}

#[test]
fn every_list_has_pages_and_refuses_a_foreign_token() {
    let mut bench = bench();
    for index in 0..5 {
        vault(&mut bench, &format!("vault-{index}"));
    }
    let mut names = Vec::new();
    let mut input = json!({"MaxResults": 2});
    loop {
        let page = bench.ok("ListBackupVaults", &input);
        names.extend(
            page["BackupVaultList"]
                .as_array()
                .unwrap()
                .iter()
                .map(|vault| vault["BackupVaultName"].as_str().unwrap().to_owned()),
        );
        let Some(token) = page.get("NextToken") else { break };
        input["NextToken"] = token.clone();
        // What goes in between neither repeats nor hides a vault.
        bench.ok("DeleteBackupVault", &json!({"BackupVaultName": names.last()}));
    }
    assert_eq!(names, ["vault-0", "vault-1", "vault-2", "vault-3", "vault-4"]);
    assert_eq!(
        bench.code("ListBackupPlans", &json!({"NextToken": input["NextToken"]})),
        "InvalidParameterValueException"
    );
    assert_eq!(bench.code("ListBackupVaults", &json!({"NextToken": "x"})), "InvalidParameterValueException");
    assert_eq!(bench.code("ListBackupVaults", &json!({"MaxResults": 0})), "ValidationException");
}

#[test]
fn region_settings_change_only_what_is_named() {
    let mut bench = bench();
    let before = bench.ok("DescribeRegionSettings", &json!({}));
    assert_eq!(before["ResourceTypeOptInPreference"]["EC2"], true);
    let mut full = before["ResourceTypeOptInPreference"].clone();
    full["EC2"] = json!(false);
    bench.ok("UpdateRegionSettings", &json!({"ResourceTypeOptInPreference": full}));
    let after = bench.ok("DescribeRegionSettings", &json!({}));
    assert_eq!(after["ResourceTypeOptInPreference"], full);
    assert_eq!(after["ResourceTypeManagementPreference"], before["ResourceTypeManagementPreference"]);
    assert_eq!(
        bench.code("UpdateRegionSettings", &json!({"ResourceTypeOptInPreference": {"Toaster": true}})),
        "InvalidParameterValueException"
    );
    assert_eq!(
        bench.code("UpdateRegionSettings", &json!({"ResourceTypeManagementPreference": {"EC2": true}})),
        "InvalidParameterValueException"
    );
    bench.ok("DescribeGlobalSettings", &json!({}));
    bench.ok("GetSupportedResourceTypes", &json!({}));
}
