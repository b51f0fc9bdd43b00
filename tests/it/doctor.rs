//! What `doctor` knows by reading alone, on fleets with one fault each: the cause is named, and nobody who is healthy is blamed.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use vssctl::permissions::{Facts, Purpose, documents};
use vssctl::sandbox::fleet::Ailment;
use vssctl::sandbox::kms::Key;
use vssctl::vss::doctor::{Severity, Subject};

use crate::bench::{self, Bench};
use crate::proof::{BY_TYPE, REGION, ail, edit, file, healthy, nights, package, see};

const DOCUMENT: &str = "AWS-ConfigureAWSPackage";

fn id_of(bench: &Bench, name: &str) -> String {
    let mut id = String::new();
    edit(bench, name, |one| id.clone_from(&one.id));
    id
}

fn parameters(action: &str, version: &str) -> Value {
    let mut parameters = json!({ "action": [action], "name": ["AwsVssComponents"] });
    if !version.is_empty() {
        parameters["version"] = json!([version]);
    }
    parameters
}

/// Installs or removes the package by Run Command, and waits for it.
fn command(bench: &Bench, name: &str, action: &str, version: &str) {
    let input = json!({
        "DocumentName": DOCUMENT,
        "InstanceIds": [id_of(bench, name)],
        "Parameters": parameters(action, version),
    });
    bench.call("ssm", "SendCommand", &input);
    bench.sandbox.advance(Duration::from_mins(10)).expect("a sandbox in memory");
}

/// Lets State Manager keep a version on an instance, and waits for its first run.
pub(crate) fn association(bench: &Bench, name: &str, version: &str) {
    let input = json!({
        "Name": DOCUMENT,
        "Targets": [{ "Key": "InstanceIds", "Values": [id_of(bench, name)] }],
        "Parameters": parameters("Install", version),
    });
    bench.call("ssm", "CreateAssociation", &input);
    bench.sandbox.advance(Duration::from_mins(10)).expect("a sandbox in memory");
}

#[test]
fn an_old_or_missing_package_is_named_before_the_first_backup_by_what_installing_it_came_to() {
    type Fault = (&'static str, fn(&Bench), &'static str);
    let faults: [Fault; 3] = [
        ("a command that installed an old one", |bench| command(bench, "sql-1", "Install", "2.2.1"), "D022"),
        ("an association that keeps an old one", |bench| association(bench, "sql-1", "2.2.1"), "D022"),
        ("a command that removed it", |bench| command(bench, "sql-1", "Uninstall", ""), "D030"),
    ];
    for (name, fault, check) in faults {
        let bench = healthy(BY_TYPE);
        fault(&bench);
        let seen = see(&bench, false);
        assert_eq!(seen.about("sql-1"), BTreeSet::from([check]), "{name}: {:#?}", seen.doctor.findings);
        assert_eq!(seen.about("files-1"), BTreeSet::new(), "{name}");
        let finding = seen.doctor.findings.iter().find(|finding| finding.check == check).expect("the finding");
        assert_eq!(finding.severity, Severity::Error, "{name}");
        assert!(finding.evidence.iter().any(|line| line.contains("installation")), "{name}: {:?}", finding.evidence);
        // Of the other one there is no word at all.
        assert_eq!(unknown_packages(&seen.doctor.unknown_packages), ["files-1"], "{name}");
    }
}

fn unknown_packages(subjects: &[Subject]) -> Vec<&str> {
    let name = |subject: &Subject| match subject {
        Subject::Instance { name, .. } => Some(name.clone()),
        _ => None,
    };
    let names: Vec<Option<String>> = subjects.iter().map(name).collect();
    ["sql-1", "files-1"].into_iter().filter(|name| names.contains(&Some((*name).to_owned()))).collect()
}

#[test]
fn a_package_that_came_after_the_last_backup_is_believed_before_that_backups_tag() {
    let bench = healthy(BY_TYPE);
    nights(&bench);
    assert_eq!(see(&bench, false).doctor.findings, []);
    command(&bench, "sql-1", "Install", "2.2.1");
    assert_eq!(see(&bench, false).about("sql-1"), BTreeSet::from(["D022"]));
    command(&bench, "sql-1", "Install", "2.5.1");
    let healed = see(&bench, false);
    assert_eq!(healed.doctor.findings, []);
    assert_eq!(healed.doctor.unknown_packages, []);
}

#[test]
fn nothing_known_of_a_package_is_said_to_be_unknown_and_a_backup_or_a_look_ends_that() {
    let bench = healthy(BY_TYPE);
    edit(&bench, "sql-1", |one| package(one, None));
    let seen = see(&bench, false);
    assert_eq!(seen.about("sql-1"), BTreeSet::new());
    assert_eq!(unknown_packages(&seen.doctor.unknown_packages), ["sql-1", "files-1"]);
    assert!(!seen.doctor.has_unknown(), "{:#?}", seen.doctor.undecided);
    assert_eq!(see(&bench, true).doctor.unknown_packages, []);
    nights(&bench);
    assert_eq!(unknown_packages(&see(&bench, false).doctor.unknown_packages), ["sql-1"]);
}

#[test]
fn a_denied_read_of_installations_leaves_the_package_undecided_and_names_the_action() {
    for (operation, action) in
        [("ListCommandInvocations", "ssm:ListCommandInvocations"), ("ListAssociations", "ssm:ListAssociations")]
    {
        let bench = healthy(BY_TYPE);
        bench.deny("ssm", operation);
        let seen = see(&bench, false);
        assert_eq!(seen.doctor.findings, [], "{operation}");
        let undecided = &seen.doctor.undecided;
        assert_eq!(undecided.iter().map(|one| one.check).collect::<Vec<_>>(), ["D031", "D031"], "{undecided:#?}");
        assert!(undecided.iter().all(|one| one.reason.starts_with(action)), "{undecided:#?}");
    }
}

#[test]
fn installations_are_read_by_lists_however_many_instances_there_are() {
    let bench = healthy(BY_TYPE);
    let many = "region = 'ap-northeast-1'\n[[instance]]\nname = 'srv'\ncount = 300\n\
                profile = 'EC2RoleforSSMVSSSnapshotV2'\ntags = { VssBackup = 'enabled' }\n";
    bench.sandbox.load_fleet(many).expect("a sandbox in memory").expect("a valid fleet");
    let targets = json!([{ "Key": "tag:VssBackup", "Values": ["enabled"] }]);
    let parameters = parameters("Install", "2.2.1");
    let input = json!({ "Name": DOCUMENT, "Targets": targets, "Parameters": parameters });
    bench.call("ssm", "CreateAssociation", &input);
    let input = json!({ "DocumentName": DOCUMENT, "Targets": targets, "Parameters": parameters });
    bench.call("ssm", "SendCommand", &input);
    bench.sandbox.advance(Duration::from_hours(2)).expect("a sandbox in memory");
    bench.forget_requests();
    let seen = see(&bench, false);
    let old = seen.doctor.findings.iter().filter(|finding| finding.check == "D022").count();
    assert_eq!((old, seen.doctor.unknown_packages.len()), (300, 0));
    let requests = bench.requests();
    let count = |name: &str| requests.iter().filter(|request| *request == name).count();
    // Fifty a page.
    assert_eq!(count("ssm:ListCommandInvocations"), 6, "{requests:?}");
    assert_eq!((count("ssm:ListAssociations"), count("ssm:DescribeAssociation")), (1, 1));
    assert_eq!(count("ssm:DescribeAssociationExecutionTargets"), 6, "{requests:?}");
}

const FOR_RESTORES: &str = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores";
const INSTANCE_ROLE: &str = "arn:aws:iam::123456789012:role/EC2RoleforSSMVSSSnapshotV2";

/// Takes AWS's policy for restores away from the backup role, and puts what is allowed in its place.
pub(crate) fn restores_with(bench: &Bench, statements: &Value) {
    bench.call("iam", "DetachRolePolicy", &json!({ "RoleName": "AWSBackupVss", "PolicyArn": FOR_RESTORES }));
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    let input = json!({ "RoleName": "AWSBackupVss", "PolicyName": "restores", "PolicyDocument": document.to_string() });
    bench.call("iam", "PutRolePolicy", &input);
}

#[test]
fn a_role_for_restores_that_may_not_pass_the_instances_role_is_named() {
    let makes = json!({ "Effect": "Allow", "Action": ["ec2:RunInstances", "ec2:CreateTags"], "Resource": "*" });
    let passes = |role: &str| {
        json!({ "Effect": "Allow", "Action": "iam:PassRole", "Resource": role,
                "Condition": { "StringEquals": { "iam:PassedToService": "ec2.amazonaws.com" } } })
    };
    let other = passes("arn:aws:iam::123456789012:role/Other");
    for lacking in [json!([makes]), json!([makes, other])] {
        let bench = healthy(BY_TYPE);
        restores_with(&bench, &lacking);
        let seen = see(&bench, false);
        assert_eq!(seen.about_plans(), BTreeSet::from(["D025"]), "{:#?}", seen.doctor.findings);
        let finding = &seen.doctor.findings[0];
        assert_eq!(finding.subject, Subject::Role { arn: INSTANCE_ROLE.to_owned() });
        assert!(finding.evidence[0].starts_with("AWSBackupVss does not allow iam:PassRole"), "{:?}", finding.evidence);
        assert_eq!((seen.about("sql-1"), seen.about("files-1")), (BTreeSet::new(), BTreeSet::new()));
        // Another role with which it can be done is enough.
        bench.call(
            "iam",
            "CreateRole",
            &json!({ "RoleName": "Restores", "AssumeRolePolicyDocument": json!({
            "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": { "Service": "backup.amazonaws.com" } }] }).to_string() }),
        );
        bench.call("iam", "AttachRolePolicy", &json!({ "RoleName": "Restores", "PolicyArn": FOR_RESTORES }));
        assert_eq!(see(&bench, false).doctor.findings, []);
    }
    let bench = healthy(BY_TYPE);
    restores_with(&bench, &json!([makes, passes(INSTANCE_ROLE)]));
    assert_eq!(see(&bench, false).doctor.findings, []);
}

#[test]
fn an_account_without_a_role_for_restores_is_advised_and_policies_that_cannot_be_read_are_undecided() {
    let bench = healthy(BY_TYPE);
    restores_with(&bench, &json!([{ "Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*" }]));
    let seen = see(&bench, false);
    let found: Vec<_> = seen.doctor.findings.iter().map(|finding| (finding.check, finding.severity)).collect();
    assert_eq!(found, [("D025", Severity::Advice)]);
    let bench = healthy(BY_TYPE);
    bench.deny("iam", "GetPolicyVersion");
    let seen = see(&bench, false);
    assert_eq!(seen.doctor.findings, []);
    assert!(seen.doctor.undecided.iter().any(|one| one.check == "D025"), "{:#?}", seen.doctor.undecided);
}

pub(crate) const KEY: &str = "arn:aws:kms:ap-northeast-1:123456789012:key/11111111-2222-3333-4444-555555555555";
const BACKUP_ROLE: &str = "arn:aws:iam::123456789012:role/AWSBackupVss";

/// A statement of a key's policy that lets somebody do everything.
fn trusts(principal: &Value) -> Value {
    json!({ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": "kms:*", "Resource": "*" })
}

/// Encrypts the volumes of an instance with a customer's key.
pub(crate) fn encrypt(bench: &Bench, name: &str, arn: &str, change: impl FnOnce(&mut Key)) {
    let policy = json!({ "Version": "2012-10-17", "Statement": [trusts(&json!("arn:aws:iam::123456789012:root"))] });
    let mut key = Key { state: "Enabled".to_owned(), manager: "CUSTOMER".to_owned(), policy, grants: Vec::new() };
    change(&mut key);
    let edited = bench.sandbox.edit(|account| {
        let region = account.regions.get_mut(REGION).expect("the region");
        let instance = region.fleet.instances.values().find(|one| one.name == name).expect("the instance");
        let keys = instance.volumes.iter().map(|(_, volume)| (volume.clone(), arn.to_owned()));
        region.ec2.volume_keys.extend(keys);
        region.kms.keys.insert(arn.to_owned(), key);
    });
    edited.expect("a sandbox in memory");
}

#[test]
fn a_key_of_volumes_that_works_and_lets_the_backup_in_is_nobodys_fault() {
    type Change = fn(&mut Key);
    let healthy_ones: [(&str, Change); 5] = [
        ("trusts the account", |_| {}),
        ("trusts the role", |key| key.policy["Statement"] = json!([trusts(&json!([BACKUP_ROLE]))])),
        ("trusts the account by its number", |key| key.policy["Statement"] = trusts(&json!("123456789012"))),
        ("has a grant", |key| {
            key.policy["Statement"] = json!([trusts(&json!("arn:aws:iam::123456789012:role/Admin"))]);
            key.grants.push((BACKUP_ROLE.to_owned(), vec!["CreateGrant".to_owned()]));
        }),
        ("is AWS's", |key| {
            "AWS".clone_into(&mut key.manager);
            key.policy["Statement"] = json!([]);
        }),
    ];
    for (name, change) in healthy_ones {
        let bench = healthy(BY_TYPE);
        encrypt(&bench, "sql-1", KEY, change);
        let seen = see(&bench, false);
        assert_eq!(seen.doctor.findings, [], "{name}");
        assert!(!seen.doctor.has_unknown(), "{name}: {:#?}", seen.doctor.undecided);
    }
}

#[test]
fn a_key_of_volumes_that_does_not_work_or_keeps_the_backup_out_is_named() {
    type Change = fn(&mut Key);
    let faults: [(&str, Change, &str); 5] = [
        ("is to be deleted", |key| "PendingDeletion".clone_into(&mut key.state), "KeyState PendingDeletion"),
        ("is disabled", |key| "Disabled".clone_into(&mut key.state), "KeyState Disabled"),
        (
            "trusts somebody else",
            |key| key.policy["Statement"] = json!([trusts(&json!("arn:aws:iam::123456789012:role/Admin"))]),
            "nor a grant allow",
        ),
        (
            "denies the role",
            |key| {
                let deny = json!({ "Effect": "Deny", "Principal": { "AWS": BACKUP_ROLE }, "Action": "kms:*", "Resource": "*" });
                key.policy["Statement"].as_array_mut().expect("statements").push(deny);
            },
            "nor a grant allow",
        ),
        (
            "has a grant for somebody else",
            |key| {
                key.policy["Statement"] = json!([trusts(&json!("arn:aws:iam::123456789012:role/Admin"))]);
                key.grants.push(("arn:aws:iam::123456789012:role/Admin".to_owned(), vec!["Decrypt".to_owned()]));
            },
            "nor a grant allow",
        ),
    ];
    for (name, change, words) in faults {
        let bench = healthy(BY_TYPE);
        encrypt(&bench, "sql-1", KEY, change);
        encrypt(&bench, "files-1", &KEY.replace("1111-", "9999-"), |_| {});
        let seen = see(&bench, false);
        let found: Vec<_> = seen.doctor.findings.iter().map(|one| (one.check, one.subject.clone())).collect();
        assert_eq!(found, [("D026", Subject::Key { arn: KEY.to_owned() })], "{name}");
        let evidence = seen.doctor.findings[0].evidence.join("; ");
        assert!(evidence.contains(words) && evidence.contains("sql-1") && !evidence.contains("files-1"), "{evidence}");
    }
}

#[test]
fn a_backup_role_whose_own_policies_know_no_keys_is_named_where_the_key_trusts_the_account() {
    let bench = healthy(BY_TYPE);
    encrypt(&bench, "sql-1", KEY, |_| {});
    let deny =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Deny", "Action": "kms:*", "Resource": "*" }] });
    let input = json!({ "RoleName": "AWSBackupVss", "PolicyName": "no", "PolicyDocument": deny.to_string() });
    bench.call("iam", "PutRolePolicy", &input);
    assert_eq!(see(&bench, false).about_plans(), BTreeSet::from(["D026"]));
}

#[test]
fn keys_networks_and_clusters_that_may_not_be_read_are_undecided_and_name_the_action() {
    for (service, operation, check) in [
        ("ec2", "DescribeVolumes", "D026"),
        ("kms", "DescribeKey", "D026"),
        ("kms", "GetKeyPolicy", "D026"),
        ("ec2", "DescribeRouteTables", "D040"),
        ("ec2", "DescribeVpcEndpoints", "D040"),
        ("ssm", "GetInventory", "D056"),
    ] {
        let bench = healthy(BY_TYPE);
        encrypt(&bench, "sql-1", KEY, |_| {});
        // Endpoints are read where a network has no other way out.
        if operation == "DescribeVpcEndpoints" {
            edit(&bench, "sql-1", |one| ail(one, Ailment::NoEndpoint));
        }
        bench.deny(service, operation);
        let seen = see(&bench, false);
        assert_eq!(seen.doctor.findings, [], "{operation}");
        let undecided: BTreeSet<&str> = seen.doctor.undecided.iter().map(|one| one.check).collect();
        assert_eq!(undecided, BTreeSet::from([check]), "{operation}: {:#?}", seen.doctor.undecided);
        let action = format!("{service}:{operation}");
        assert!(seen.doctor.undecided.iter().all(|one| one.reason.starts_with(&action)), "{operation}");
        assert!(seen.doctor.unread.iter().any(|unread| unread.action == action), "{operation}");
    }
}

#[test]
fn a_network_without_a_way_to_ec2_is_named_before_the_first_backup_without_a_look_inside() {
    let bench = healthy(BY_TYPE);
    edit(&bench, "sql-1", |one| ail(one, Ailment::NoEndpoint));
    let seen = see(&bench, false);
    assert_eq!(seen.about("sql-1"), BTreeSet::from(["D040"]), "{:#?}", seen.doctor.findings);
    assert_eq!(seen.about("files-1"), BTreeSet::new());
    let finding = &seen.doctor.findings[0];
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.evidence[1].contains("has no endpoint com.amazonaws.ap-northeast-1.ec2"), "{finding:#?}");
    assert!(finding.remedy.contains(&format!("doctor --run-commands {}", id_of(&bench, "sql-1"))), "{finding:#?}");
}

#[test]
fn the_secondary_node_of_a_cluster_is_advised_by_the_inventory_and_named_by_a_look_inside() {
    let bench = healthy(BY_TYPE);
    edit(&bench, "sql-1", |one| ail(one, Ailment::SecondaryNode));
    let told = see(&bench, false);
    let found: Vec<_> = told.doctor.findings.iter().map(|one| (one.check, one.severity)).collect();
    assert_eq!(found, [("D056", Severity::Advice)]);
    assert!(told.doctor.findings[0].remedy.contains("--run-commands"));
    let looked = see(&bench, true);
    assert_eq!(looked.about("sql-1"), BTreeSet::from(["D056"]), "{:#?}", looked.doctor.findings);
    assert_eq!(looked.about("files-1"), BTreeSet::new());
    assert!(looked.doctor.findings[0].evidence[0].contains("is owned by NODE-2, not by SQL-1"));
}

#[test]
fn the_printed_permissions_are_enough_for_everything_that_doctor_reads() {
    let mut bench = healthy(BY_TYPE);
    encrypt(&bench, "sql-1", KEY, |_| {});
    edit(&bench, "files-1", |one| ail(one, Ailment::NoEndpoint));
    association(&bench, "sql-1", "2.5.1");
    let config = bench::load(&file(BY_TYPE));
    let printed = documents(Purpose::Verify, &Facts::of(&config.scope, &config.desired, false));
    let key = "AKIADOCTOR0000000000";
    bench.sandbox.restrict(key, &printed).expect("policies");
    bench.act_as(Some(key));
    bench.forget_requests();
    let seen = see(&bench, false);
    assert_eq!((&seen.doctor.unread, &seen.doctor.undecided), (&Vec::new(), &Vec::new()));
    let requests = bench.requests();
    for read in
        ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants", "ec2:DescribeVpcEndpoints", "ssm:GetInventory"]
    {
        assert!(requests.iter().any(|request| request == read), "{read}: {requests:?}");
    }
}

/// What `doctor` says before the night of the role of `sql-1`, and how that night ends.
fn says_and_ends(bench: &Bench) -> (bool, Option<vssctl::vss::verify::Verdict>) {
    let before = see(bench, false);
    assert!(!before.doctor.has_unknown(), "{:#?}", before.doctor.undecided);
    nights(bench);
    (before.about("sql-1").is_empty() && before.about_plans().is_empty(), see(bench, false).verdict("sql-1"))
}

#[test]
fn doctor_and_the_night_agree_on_denials_by_tags_and_on_trust_that_is_over() {
    use vssctl::vss::verify::Verdict::{Consistent, CrashOnly, Failed};
    let denying = |key: &str, value: &str| {
        let deny = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Deny", "Action": "ec2:CreateImage", "Resource": "*",
            "Condition": { "StringEquals": { key: value } } }] });
        let input = json!({ "RoleName": "EC2RoleforSSMVSSSnapshotV2", "PolicyName": "guard",
                            "PolicyDocument": deny.to_string() });
        let bench = healthy(BY_TYPE);
        bench.call("iam", "PutRolePolicy", &input);
        bench
    };
    for (key, value, is_well) in [
        ("aws:ResourceTag/VssBackup", "enabled", false),
        ("ec2:ResourceTag/VssBackup", "enabled", false),
        ("aws:ResourceTag/VssBackup", "disabled", true),
        ("aws:ResourceTag/Stage", "production", true),
    ] {
        let (said, ended) = says_and_ends(&denying(key, value));
        assert_eq!((said, ended), (is_well, Some(if is_well { Consistent } else { CrashOnly })), "{key} = {value}");
    }
    for (role, service, end) in [
        ("EC2RoleforSSMVSSSnapshotV2", "ec2.amazonaws.com", CrashOnly),
        ("AWSBackupVss", "backup.amazonaws.com", Failed),
    ] {
        for (until, is_well) in [("2001-01-01T00:00:00Z", false), ("2200-01-01T00:00:00Z", true)] {
            let bench = healthy(BY_TYPE);
            let trust = json!({ "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole",
                "Condition": { "DateLessThan": { "aws:CurrentTime": until } } }] });
            let input = json!({ "RoleName": role, "PolicyDocument": trust.to_string() });
            bench.call("iam", "UpdateAssumeRolePolicy", &input);
            let (said, ended) = says_and_ends(&bench);
            assert_eq!((said, ended), (is_well, Some(if is_well { Consistent } else { end })), "{role} {until}");
        }
    }
}
