//! One guard in a policy means the same to the simulated account and to `doctor`, and what can't be known accuses nobody.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vssctl::sandbox::fleet::Instance;
use vssctl::vss::coverage::coverage;
use vssctl::vss::declared::declared;
use vssctl::vss::doctor::{self, Diagnosis, diagnose};
use vssctl::vss::verify::Verdict;

use crate::bench::{Bench, STACK, load};
use crate::proof::{BY_TYPE, edit, file, healthy, nights, read, see};

const INSTANCES: &str = "EC2RoleforSSMVSSSnapshotV2";
const BACKUPS: &str = "AWSBackupVss";

fn put(bench: &Bench, role: &str, statement: &Value) {
    let document = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
    let input = json!({ "RoleName": role, "PolicyName": "guard", "PolicyDocument": document });
    bench.call("iam", "PutRolePolicy", &input);
}

/// Denies everything under a condition.
fn guard(operator: &str, key: &str, value: &str) -> Value {
    json!({ "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": { operator: { key: value } } })
}

fn trust(bench: &Bench, condition: &Value) {
    let document = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "backup.amazonaws.com" }, "Action": "sts:AssumeRole",
        "Condition": condition,
    }]});
    let input = json!({ "RoleName": BACKUPS, "PolicyDocument": document.to_string() });
    bench.call("iam", "UpdateAssumeRolePolicy", &input);
}

#[test]
fn a_guard_on_what_every_request_has_is_met_or_not_for_the_account_and_for_doctor_alike() {
    for (operator, key, value, denies) in [
        ("StringNotEquals", "aws:RequestedRegion", "ap-northeast-1", false),
        ("StringNotEquals", "aws:RequestedRegion", "us-east-1", true),
        ("StringNotLike", "aws:requestedregion", "ap-*", false),
        ("Bool", "aws:SecureTransport", "False", false),
        ("StringNotEquals", "aws:PrincipalAccount", "123456789012", false),
        ("StringNotEquals", "aws:PrincipalAccount", "210987654321", true),
        ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::123456789012:role/*", false),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/EC2*", true),
        ("Bool", "aws:ViaAWSService", "true", false),
        ("Bool", "aws:PrincipalIsAWSService", "false", true),
        ("DateLessThan", "aws:CurrentTime", "2001-01-01T00:00:00Z", false),
        ("DateGreaterThan", "aws:CurrentTime", "2001-01-01T00:00:00Z", true),
        ("Null", "aws:RequestedRegion", "true", false),
        ("Null", "aws:TokenIssueTime", "false", false),
    ] {
        let bench = healthy(BY_TYPE);
        put(&bench, INSTANCES, &guard(operator, key, value));
        nights(&bench);
        let seen = see(&bench, false);
        let told = seen.about("sql-1").contains("D021");
        if key == "aws:TokenIssueTime" {
            assert!(!told && seen.doctor.undecided.iter().any(|one| one.reason.contains(key)), "{operator} {key}");
            continue;
        }
        let verdict = if denies { Verdict::CrashOnly } else { Verdict::Consistent };
        assert_eq!(seen.verdict("sql-1"), Some(verdict), "{operator} {key} {value}");
        assert_eq!(told, denies, "{operator} {key} {value}: {:#?}", seen.doctor.findings);
        assert!(!seen.doctor.has_unknown(), "{operator} {key} {value}: {:#?}", seen.doctor.undecided);
    }
}

#[test]
fn a_guard_on_what_nobody_can_know_from_outside_is_undecided_and_accuses_nobody() {
    for (operator, key, value) in [
        ("NotIpAddress", "aws:SourceIp", "192.0.2.0/24"),
        ("StringNotEquals", "aws:PrincipalOrgID", "o-1234567890"),
        ("StringNotEquals", "aws:SourceVpc", "vpc-1"),
        ("StringNotEquals", "aws:PrincipalTag/team", "windows"),
    ] {
        for role in [INSTANCES, BACKUPS] {
            let bench = healthy(BY_TYPE);
            put(&bench, role, &guard(operator, key, value));
            let doctor = see(&bench, false).doctor;
            let found: Vec<&str> = doctor.findings.iter().map(|finding| finding.check).collect();
            assert!(!found.contains(&"D021") && !found.contains(&"D023"), "{role} {key}: {:#?}", doctor.findings);
            assert!(
                doctor.undecided.iter().any(|one| one.reason.contains(key)),
                "{role} {key}: {:#?}",
                doctor.undecided
            );
        }
    }
}

#[test]
fn a_trust_that_no_service_meets_ends_the_backups_and_doctor_names_its_key() {
    for (condition, key) in [
        (json!({ "StringEquals": { "sts:ExternalId": "secret" } }), "sts:ExternalId"),
        (json!({ "StringEquals": { "aws:SourceAccount": "210987654321" } }), "aws:SourceAccount"),
        (json!({ "ArnLike": { "aws:SourceArn": "arn:aws:backup:*:210987654321:*" } }), "aws:SourceArn"),
        (json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }), "aws:MultiFactorAuthPresent"),
        (json!({ "StringEquals": { "aws:PrincipalOrgID": "o-1" } }), "aws:PrincipalOrgID"),
    ] {
        let bench = healthy(BY_TYPE);
        trust(&bench, &condition);
        nights(&bench);
        let seen = see(&bench, false);
        assert_eq!(seen.verdict("sql-1"), Some(Verdict::Failed), "{key}");
        let finding = seen.doctor.findings.iter().find(|finding| finding.check == "D023").expect("a finding");
        assert!(finding.evidence.iter().any(|line| line.contains(key) && line.contains(BACKUPS)), "{finding:#?}");
    }
    for condition in [
        json!({ "StringEquals": { "aws:SourceAccount": "123456789012" } }),
        json!({ "ArnLike": { "aws:SourceArn": "arn:aws:backup:*:123456789012:*" } }),
        json!({ "StringNotEquals": { "sts:ExternalId": "secret" } }),
    ] {
        let bench = healthy(BY_TYPE);
        trust(&bench, &condition);
        nights(&bench);
        let seen = see(&bench, false);
        assert_eq!(seen.verdict("sql-1"), Some(Verdict::Consistent), "{condition}");
        assert_eq!(seen.about_plans(), BTreeSet::new(), "{condition}");
    }
}

#[test]
fn each_call_that_a_backup_needs_is_missed_by_the_account_and_by_doctor() {
    for (action, tagged) in [
        ("ec2:DescribeInstances", false),
        ("ec2:CreateImage", false),
        ("ec2:CreateTags", false),
        ("ssm:SendCommand", false),
        ("ssm:GetCommandInvocation", false),
        ("backup:TagResource", true),
    ] {
        let bench = healthy(BY_TYPE);
        if tagged {
            let tagging = file(BY_TYPE)
                .replace("delete_after    =", "recovery_point_tags = { made-by = \"us\" }\ndelete_after    =");
            bench.apply(&tagging);
        }
        put(&bench, BACKUPS, &json!({ "Effect": "Deny", "Action": action, "Resource": "*" }));
        nights(&bench);
        let seen = see(&bench, false);
        let vss = action.starts_with("ssm:");
        let verdict = if vss { Verdict::CrashOnly } else { Verdict::Failed };
        assert_eq!(seen.verdict("sql-1"), Some(verdict), "{action}");
        let said = seen.doctor.findings.iter().filter(|finding| finding.check == "D023");
        assert!(said.flat_map(|finding| &finding.evidence).any(|line| line.contains(action)), "{action}");
    }
    // Without tags in the rules nobody asks for the permission to tag.
    let bench = healthy(BY_TYPE);
    put(&bench, BACKUPS, &json!({ "Effect": "Deny", "Action": "backup:TagResource", "Resource": "*" }));
    nights(&bench);
    let seen = see(&bench, false);
    assert_eq!((seen.verdict("sql-1"), seen.about_plans()), (Some(Verdict::Consistent), BTreeSet::new()));
}

const PACKAGE: &str = "[package.AwsVssComponents]\nminimum_version = \"2.3.1\"\nschedule = \"rate(1 day)\"\n";

fn packaged(rest: &str) -> String {
    format!("{}\n{PACKAGE}{rest}", file(BY_TYPE))
}

/// What `doctor` finds with a file beside the account.
fn beside(bench: &Bench, toml: &str) -> Diagnosis {
    let config = load(toml);
    let options = doctor::Options { file: doctor::File::of(&config.desired), ..doctor::Options::default() };
    diagnose(&read(bench, false), &options)
}

fn found(diagnosis: &Diagnosis) -> BTreeSet<(&'static str, String)> {
    let worth = diagnosis.findings.iter().filter(|finding| finding.severity != doctor::Severity::Advice);
    worth.map(|finding| (finding.check, finding.subject.title())).collect()
}

#[test]
fn what_the_file_declares_and_aws_lacks_is_named() {
    let toml = file(BY_TYPE);
    let bench = healthy(BY_TYPE);
    assert_eq!(found(&beside(&bench, &toml)), BTreeSet::new());
    let covered = |bench: &Bench| {
        let evidence = read(bench, false);
        let report = coverage(&evidence).beside(&evidence, &declared(&load(&toml).desired));
        report.instances.iter().find(|one| one.name == "sql-1").expect("the instance").missing.clone()
    };
    assert_eq!(covered(&bench), [""; 0]);
    let plans = bench.call("backup", "ListBackupPlans", &json!({}));
    let plan = plans["BackupPlansList"][0]["BackupPlanId"].clone();
    let selections = bench.call("backup", "ListBackupSelections", &json!({ "BackupPlanId": plan }));
    let selection = selections["BackupSelectionsList"][0]["SelectionId"].clone();
    bench.call("backup", "DeleteBackupSelection", &json!({ "BackupPlanId": plan, "SelectionId": selection }));
    assert_eq!(covered(&bench), ["selection.daily.windows"]);
    let told = beside(&bench, &toml);
    assert_eq!(found(&told), BTreeSet::from([("D074", "selection daily/windows".to_owned())]));
    assert!(told.findings.iter().any(|finding| finding.remedy.contains("vssctl apply")));
    // Without a file the plan alone is told.
    assert_eq!(found(&beside(&bench, STACK)), BTreeSet::from([("D074", "plan daily".to_owned())]));
    // A role that does not exist is why AWS does not take the selection.
    let other = toml.replace(
        "role  = \"AWSBackupVss\"",
        "role  = \"arn:aws:iam::123456789012:role/service-role/AWSBackupDefaultServiceRole\"",
    );
    let told = beside(&bench, &other);
    assert_eq!(found(&told), BTreeSet::from([("D023", "selection daily/windows".to_owned())]));
    assert!(told.findings.iter().any(|finding| finding.problem.contains("AWSBackupDefaultServiceRole")));
}

#[test]
fn targets_that_take_another_system_and_a_minimum_that_is_not_met_are_named() {
    let bench = healthy(BY_TYPE);
    let tag = |one: &mut Instance| drop(one.tags.insert("Package".to_owned(), "yes".to_owned()));
    edit(&bench, "sql-1", tag);
    let toml = packaged("targets = { tags = { Package = \"yes\" } }\n");
    bench.apply(&toml);
    nights(&bench);
    assert_eq!(found(&beside(&bench, &toml)), BTreeSet::new());
    edit(&bench, "web-1", tag);
    let told = found(&beside(&bench, &toml));
    assert!(told.iter().any(|(check, subject)| *check == "D033" && subject.starts_with("web-1")), "{told:?}");
    // A backup of the night tells the version.
    let bench = healthy(BY_TYPE);
    edit(&bench, "sql-1", tag);
    nights(&bench);
    assert_eq!(found(&beside(&bench, &toml)), BTreeSet::new());
    let toml = toml.replace("2.3.1", "2.9.9");
    let told = beside(&bench, &toml);
    let of: Vec<_> = told.findings.iter().filter(|one| one.check == "D031").collect();
    assert!(of.len() == 1 && of[0].subject.title().starts_with("sql-1"), "{:#?}", told.findings);
    assert!(of[0].problem.contains("2.9.9") && of[0].remedy.contains("minimum_version"), "{:#?}", of[0]);
}
