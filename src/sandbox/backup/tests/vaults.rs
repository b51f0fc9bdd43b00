//! Vaults: access policies, notifications and locks.

use serde_json::{Value, json};

use super::{bench, vault};
use crate::sandbox::bench::START;
use crate::sandbox::made;

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
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "backup:DeleteRecoveryPoint", "Resource": "*"},
    ]})
    .to_string();
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
    let put = |topic: &str, events: Value| -> Value {
        json!({"BackupVaultName": "vss", "SNSTopicArn": topic, "BackupVaultEvents": events})
    };
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
        let input = json!({
            "BackupVaultName": "vss", "MinRetentionDays": min, "MaxRetentionDays": max, "ChangeableForDays": changeable,
        });
        assert_eq!(bench.code("PutBackupVaultLockConfiguration", &input), "InvalidParameterValueException");
    }
}
