//! AWS Backup's rules. This file has what the tests share, and the tests that belong to no single part of the service.

mod plans;
mod selections;
mod vaults;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::OPERATIONS;
use crate::sandbox::bench::{Bench, START};
use crate::sandbox::iam::Role;
use crate::sandbox::wire::model::Model;

pub(super) fn bench() -> Bench {
    let mut bench = Bench::of("backup");
    for (name, service) in [("backup", "backup.amazonaws.com"), ("web", "ec2.amazonaws.com")] {
        let trust = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"},
        ]});
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
    let tagged = bench.ask("tagging", "GetResources", &json!({"ResourceTypeFilters": ["backup"]})).unwrap();
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
        // Removing a vault between two pages neither repeats nor hides another one.
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
