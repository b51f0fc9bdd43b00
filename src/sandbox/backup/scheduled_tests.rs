//! The jobs that plans start, and what is left of them as time passes.

use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::Sandbox;

const DAY: Duration = Duration::from_hours(24);
const REGION: &str = "eu-west-1";

fn call(sandbox: &Sandbox, service: &str, operation: &str, input: &Value) -> Value {
    let answer = sandbox.call(service, operation, REGION, input);
    answer.unwrap_or_else(|error| panic!("{operation} {input}: {error:?}"))
}

fn account() -> Sandbox {
    let sandbox = Sandbox::in_memory();
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let role = json!({"RoleName": "AWSBackupVss", "AssumeRolePolicyDocument": trust.to_string()});
    call(&sandbox, "iam", "CreateRole", &role);
    let policy = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup";
    call(&sandbox, "iam", "AttachRolePolicy", &json!({"RoleName": "AWSBackupVss", "PolicyArn": policy}));
    call(&sandbox, "backup", "CreateBackupVault", &json!({"BackupVaultName": "vss"}));
    sandbox
}

fn rule(name: &str, schedule: &str, window: i64, days: i64) -> Value {
    json!({
        "RuleName": name, "TargetBackupVaultName": "vss", "ScheduleExpression": schedule,
        "StartWindowMinutes": window, "Lifecycle": {"DeleteAfterDays": days},
    })
}

/// Makes a plan with a selection.
fn plan(sandbox: &Sandbox, name: &str, rules: &[Value], selection: &Value) {
    let document = json!({"BackupPlanName": name, "Rules": rules, "AdvancedBackupSettings": [
        {"ResourceType": "EC2", "BackupOptions": {"WindowsVSS": "enabled"}}]});
    let made = call(sandbox, "backup", "CreateBackupPlan", &json!({"BackupPlan": document}));
    let mut selection = selection.clone();
    selection["SelectionName"] = json!("windows");
    selection["IamRoleArn"] = json!("arn:aws:iam::123456789012:role/AWSBackupVss");
    let input = json!({"BackupPlanId": made["BackupPlanId"], "BackupSelection": selection});
    call(sandbox, "backup", "CreateBackupSelection", &input);
}

fn tagged() -> Value {
    json!({
        "Resources": ["arn:aws:ec2:*:*:instance/*"],
        "Conditions": {"StringEquals": [
            {"ConditionKey": "aws:ResourceTag/VssBackup", "ConditionValue": "enabled"}]},
    })
}

fn jobs(sandbox: &Sandbox) -> Vec<Value> {
    call(sandbox, "backup", "ListBackupJobs", &json!({}))["BackupJobs"].as_array().unwrap().clone()
}

/// Counts the backups of each instance, by name.
fn counts(sandbox: &Sandbox) -> std::collections::BTreeMap<String, usize> {
    let mut counts = std::collections::BTreeMap::new();
    for job in jobs(sandbox) {
        *counts.entry(job["ResourceName"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn a_plan_backs_up_what_its_selection_means_day_by_day() {
    let sandbox = account();
    plan(&sandbox, "daily", &[rule("nightly", "cron(0 5 ? * * *)", 60, 7)], &tagged());
    assert_eq!(sandbox.pass(DAY * 3).unwrap(), 9);
    let expected = ["archive-1", "files-1", "sql-1"].map(|name| (name.to_owned(), 3));
    assert_eq!(counts(&sandbox), expected.into());
    let job = &jobs(&sandbox)[0];
    assert_eq!(job["CreatedBy"]["BackupPlanName"], "daily");
    assert_eq!(job["CreatedBy"]["BackupRuleName"], "nightly");
    assert_eq!(job["State"], "COMPLETED");
    assert!(job["StatusMessage"].as_str().unwrap().starts_with("Windows VSS Backup attempt failed"));
    // A week later, only the recovery points of that week are left, and the jobs are still listed.
    sandbox.pass(DAY * 17).unwrap();
    let points = call(&sandbox, "backup", "DescribeBackupVault", &json!({"BackupVaultName": "vss"}));
    assert_eq!(points["NumberOfRecoveryPoints"], 21);
    assert_eq!(jobs(&sandbox).len(), 60);
}

#[test]
fn two_plans_at_the_same_time_are_in_each_others_way() {
    let sandbox = account();
    let rules = [rule("nightly", "cron(0 5 ? * * *)", 60, 7)];
    plan(&sandbox, "one", &rules, &tagged());
    plan(&sandbox, "two", &[rule("other", "cron(0 5 ? * * *)", 60, 7)], &tagged());
    sandbox.pass(DAY).unwrap();
    let failed: Vec<Value> = jobs(&sandbox).into_iter().filter(|job| job["State"] == "FAILED").collect();
    assert_eq!(failed.len(), 3);
    assert!(failed[0]["StatusMessage"].as_str().unwrap().contains("running job for the same resource"));
}

#[test]
fn the_worked_example_of_overlapping_rules_gives_two_and_eight_backups() {
    // "Overlapping backup rules": hourly, an hour's window, kept a day; every twelve hours, eight hours' window, kept a
    // week.
    let sandbox = account();
    let rules = [rule("hourly", "cron(0 * ? * * *)", 60, 1), rule("twelve", "cron(0 0/12 ? * * *)", 480, 7)];
    let selection = json!({"Resources": ["arn:aws:ec2:*:*:instance/*"], "Conditions": {"StringEquals": [
        {"ConditionKey": "aws:ResourceTag/Name", "ConditionValue": "sql-1"}]}});
    plan(&sandbox, "overlapping", &rules, &selection);
    sandbox.pass(DAY * 2).unwrap();
    sandbox.pass(Duration::from_hours(1)).unwrap();
    let second_day = |job: &&Value| {
        let hours = (job["CreationDate"].as_f64().unwrap() - 1_767_225_600.0) / 3600.0;
        (24.0..48.0).contains(&hours)
    };
    let all = jobs(&sandbox);
    let of_rule =
        |name: &str| all.iter().filter(second_day).filter(|job| job["CreatedBy"]["BackupRuleName"] == name).count();
    assert_eq!((of_rule("twelve"), of_rule("hourly")), (2, 8));
}

#[test]
fn selections_mean_what_the_guide_says() {
    let everything = ["archive-1", "files-1", "jump-1", "sql-1", "web-1"];
    let equals =
        |key: &str, value: &str| json!([{"ConditionKey": format!("aws:ResourceTag/{key}"), "ConditionValue": value}]);
    let by_tag = |key: &str, value: &str| -> Value {
        json!([{"ConditionType": "STRINGEQUALS", "ConditionKey": key, "ConditionValue": value}])
    };
    let instances = "arn:aws:ec2:*:*:instance/*";
    let cases: [(Value, &[&str], &[&str]); 10] = [
        (json!({"Resources": ["*"]}), &everything, &[]),
        (json!({"Resources": ["arn:aws:ec2:*"]}), &everything, &[]),
        (json!({"Resources": [instances]}), &everything, &everything),
        (json!({"ListOfTags": by_tag("VssBackup", "enabled")}), &["archive-1", "files-1", "sql-1"], &[]),
        (
            json!({"Resources": [instances], "Conditions": {
                "StringLike": equals("Name", "*-1"), "StringNotEquals": equals("Name", "web-1"),
            }}),
            &["archive-1", "files-1", "jump-1", "sql-1"],
            &["archive-1", "files-1", "jump-1", "sql-1"],
        ),
        (
            json!({
                "Resources": [instances], "Conditions": {"StringEquals": equals("Name", "jump-1")},
                "ListOfTags": by_tag("Name", "web-1"),
            }),
            &["jump-1"],
            &["jump-1"],
        ),
        // The selection is the guide's example of all resources with one tag, except those with another.
        (
            json!({
                "ListOfTags": by_tag("VssBackup", "enabled"),
                "Conditions": {"StringNotEquals": equals("Name", "sql-1")},
            }),
            &["archive-1", "files-1"],
            &[],
        ),
        // An absent tag equals no value, and so differs from every value.
        (
            json!({"Resources": [instances], "Conditions": {"StringNotEquals": equals("VssBackup", "enabled")}}),
            &["jump-1", "web-1"],
            &["jump-1", "web-1"],
        ),
        (
            json!({"Resources": [instances], "Conditions": {"StringNotLike": equals("Name", "*s-1")}}),
            &["archive-1", "jump-1", "sql-1", "web-1"],
            &["archive-1", "jump-1", "sql-1", "web-1"],
        ),
        (json!({"Resources": ["arn:aws:s3:::*"]}), &[], &[]),
    ];
    for (selection, on, off) in cases {
        for (switch, expected) in [(true, on), (false, off)] {
            let sandbox = account();
            let input = json!({"ResourceTypeOptInPreference": {"EC2": switch}});
            call(&sandbox, "backup", "UpdateRegionSettings", &input);
            plan(&sandbox, "daily", &[rule("nightly", "cron(0 5 ? * * *)", 60, 7)], &selection);
            sandbox.pass(DAY).unwrap();
            let names: Vec<String> = counts(&sandbox).into_keys().collect();
            assert_eq!(names, expected, "{selection} {switch}");
        }
    }
    let sandbox = account();
    let web = sandbox.edit(|account| account.regions[REGION].fleet.named("web-1").unwrap().id.clone()).unwrap();
    let selection = json!({
        "Resources": [instances], "NotResources": [format!("arn:aws:ec2:{REGION}:123456789012:instance/{web}")],
    });
    plan(&sandbox, "daily", &[rule("nightly", "cron(0 5 ? * * *)", 60, 7)], &selection);
    sandbox.pass(DAY).unwrap();
    assert_eq!(counts(&sandbox).len(), 4);
}

#[test]
fn the_past_can_be_filled_in() {
    let sandbox = account();
    plan(&sandbox, "daily", &[rule("nightly", "cron(0 5 ? * * *)", 60, 7)], &tagged());
    assert_eq!(sandbox.backfill(DAY * 50).unwrap(), 150);
    // Thirty days of jobs and seven days of recovery points are left; the older ones have expired.
    assert_eq!(jobs(&sandbox).len(), 90);
    let vault = call(&sandbox, "backup", "DescribeBackupVault", &json!({"BackupVaultName": "vss"}));
    assert_eq!(vault["NumberOfRecoveryPoints"], 21);
}
