//! Backup jobs of one instance: every way in which they succeed, fail, expire or are stopped.

use serde_json::{Value, json};

use crate::sandbox::bench::Bench;
use crate::sandbox::fleet::{Ailment, Instance, PackageChange};

const BACKUP_ROLE: &str = "arn:aws:iam::123456789012:role/AWSBackupVss";
const PROFILE: &str = "arn:aws:iam::123456789012:instance-profile/app";

/// Makes an account in which a VSS backup of `sql-1` succeeds.
fn ready() -> Bench {
    let mut bench = Bench::of("backup");
    let trust = |service: &str| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]})
        .to_string()
    };
    for (name, service, policies) in [
        ("AWSBackupVss", "backup.amazonaws.com", ["service-role/AWSBackupServiceRolePolicyForBackup"].as_slice()),
        ("app", "ec2.amazonaws.com", ["AmazonSSMManagedInstanceCore", "AWSEC2VssSnapshotPolicy"].as_slice()),
    ] {
        let role = json!({"RoleName": name, "AssumeRolePolicyDocument": trust(service)});
        bench.ask("iam", "CreateRole", &role).unwrap();
        for policy in policies {
            attach(&mut bench, name, &format!("arn:aws:iam::aws:policy/{policy}"));
        }
    }
    bench.ask("iam", "CreateInstanceProfile", &json!({"InstanceProfileName": "app"})).unwrap();
    let held = json!({"InstanceProfileName": "app", "RoleName": "app"});
    bench.ask("iam", "AddRoleToInstanceProfile", &held).unwrap();
    bench.ok("CreateBackupVault", &json!({"BackupVaultName": "vss"}));
    change(&mut bench, |instance| instance.instance_profile = Some(PROFILE.to_owned()));
    install(&mut bench, "2.5.1");
    bench
}

fn attach(bench: &mut Bench, role: &str, policy: &str) {
    bench.ask("iam", "AttachRolePolicy", &json!({"RoleName": role, "PolicyArn": policy})).unwrap();
}

fn detach(bench: &mut Bench, role: &str, policy: &str) {
    let input = json!({"RoleName": role, "PolicyArn": format!("arn:aws:iam::aws:policy/{policy}")});
    bench.ask("iam", "DetachRolePolicy", &input).unwrap();
}

fn sql(bench: &mut Bench) -> &mut Instance {
    let fleet = &mut bench.account.regions.get_mut("eu-west-1").unwrap().fleet;
    fleet.instances.values_mut().find(|instance| instance.name == "sql-1").unwrap()
}

fn change(bench: &mut Bench, change: impl FnOnce(&mut Instance)) {
    change(sql(bench));
}

fn install(bench: &mut Bench, version: &str) {
    let installed = PackageChange {
        package: "AwsVssComponents".to_owned(),
        version: Some(version.to_owned()),
        at: 0,
        by: "test".to_owned(),
    };
    change(bench, |instance| instance.package_changes = vec![installed]);
}

fn resource(bench: &mut Bench) -> String {
    format!("arn:aws:ec2:eu-west-1:123456789012:instance/{}", sql(bench).id)
}

fn request(bench: &mut Bench) -> Value {
    json!({
        "BackupVaultName": "vss",
        "ResourceArn": resource(bench),
        "IamRoleArn": BACKUP_ROLE,
        "BackupOptions": {"WindowsVSS": "enabled"},
    })
}

/// Starts a job and waits for its end.
fn back_up(bench: &mut Bench, more: &Value) -> Value {
    let mut input = request(bench);
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let id = bench.ok("StartBackupJob", &input)["BackupJobId"].clone();
    bench.advance(3600);
    bench.ok("DescribeBackupJob", &json!({"BackupJobId": id}))
}

#[test]
fn a_job_goes_from_created_over_running_to_completed_with_vss() {
    let mut bench = ready();
    let input = request(&mut bench);
    let started = bench.ok("StartBackupJob", &input);
    let id = json!({"BackupJobId": started["BackupJobId"]});
    let state = |bench: &mut Bench| bench.ok("DescribeBackupJob", &id);
    let job = state(&mut bench);
    assert_eq!((&job["State"], &job["BackupType"]), (&json!("CREATED"), &Value::Null));
    bench.advance(60);
    assert_eq!(state(&mut bench)["State"], "RUNNING");
    bench.advance(60);
    let job = state(&mut bench);
    assert_eq!(
        (&job["State"], &job["BackupType"], &job["CompletionDate"]),
        (&json!("RUNNING"), &Value::Null, &Value::Null)
    );
    bench.advance(1800);
    let job = state(&mut bench);
    assert_eq!(job["State"], "COMPLETED");
    assert_eq!(job["BackupType"], "WindowsVSS");
    assert_eq!(job["MessageCategory"], "SUCCESS");
    assert_eq!(job["PercentDone"], "100.0");
    assert_eq!(job["ResourceName"], "sql-1");
    let arn = job["RecoveryPointArn"].as_str().unwrap();
    let ec2 = &bench.account.regions["eu-west-1"].ec2;
    let image = &ec2.images[arn.rsplit('/').next().unwrap()];
    assert!(image.tags["AwsVssConfig"].contains("2.5.1"));
    assert_eq!(image.tags["AppConsistent"], "True");
    assert_eq!(image.tags["VssBackup"], "enabled");
    assert_eq!(image.devices.len(), 2);
    for (device, snapshot) in &image.devices {
        let tags = &ec2.snapshots[snapshot].tags;
        assert_eq!((&tags["Device"], tags["AppConsistent"].as_str()), (device, "True"));
        assert!(tags["AwsVssConfig"].contains("2.5.1"));
    }
}

#[test]
fn a_regular_backup_is_what_is_asked_for_without_the_option() {
    let mut bench = ready();
    let job = back_up(&mut bench, &json!({"BackupOptions": {"WindowsVSS": "disabled"}}));
    assert_eq!((&job["State"], &job["MessageCategory"]), (&json!("COMPLETED"), &json!("SUCCESS")));
    assert_eq!((&job["BackupType"], &job["StatusMessage"]), (&Value::Null, &Value::Null));
    let image = bench.account.regions["eu-west-1"].ec2.images.values().next().unwrap();
    assert!(!image.tags.contains_key("AppConsistent") && !image.tags.contains_key("AwsVssConfig"));
}

#[test]
fn every_fault_falls_back_to_a_completed_job_with_the_words_of_aws() {
    type Break = fn(&mut Bench);
    let state = "either Instance or SSM Agent has invalid state or insufficient privileges.";
    let privileges = "because of insufficient privileges to perform this operation";
    let faults: [(&str, Break, &str); 17] = [
        ("no profile", |bench| change(bench, |one| one.instance_profile = None), state),
        ("stopped", |bench| change(bench, |one| one.state = "stopped".to_owned()), state),
        ("silent", |bench| change(bench, |one| one.silent_since = Some(0)), state),
        ("old agent", |bench| change(bench, |one| one.agent_version = "3.0.431.0".to_owned()), state),
        ("no policy", |bench| detach(bench, "app", "AWSEC2VssSnapshotPolicy"), privileges),
        ("old package", |bench| install(bench, "2.2.1"), privileges),
        ("no package", |bench| change(bench, |one| one.package_changes.clear()), "is not installed in the Instance"),
        ("no files", |bench| ail(bench, Ailment::MissingFiles), "is not installed in the Instance"),
        ("no endpoint", |bench| ail(bench, Ailment::NoEndpoint), "because of timeout"),
        ("slow", |bench| ail(bench, Ailment::SlowWriters), "because of timeout"),
        ("writer", |bench| ail(bench, Ailment::FailedWriter), "trying for regular backup"),
        ("language", |bench| ail(bench, Ailment::ConstrainedLanguage), "trying for regular backup"),
        ("small", |bench| change(bench, |one| one.instance_type = "t3.micro".to_owned()), "trying for regular backup"),
        ("2008", |bench| windows(bench, "Microsoft Windows Server 2008 R2 Standard"), "unsupported Windows Server"),
        ("client", |bench| windows(bench, "Microsoft Windows 11 Pro"), "unsupported Windows Server"),
        (
            "empty profile",
            |bench| {
                let held = json!({"InstanceProfileName": "app", "RoleName": "app"});
                bench.ask("iam", "RemoveRoleFromInstanceProfile", &held).unwrap();
            },
            state,
        ),
        (
            "backup role without Run Command",
            |bench| {
                detach(bench, "AWSBackupVss", "service-role/AWSBackupServiceRolePolicyForBackup");
                put_inline(bench, "AWSBackupVss", &json!({"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}));
            },
            privileges,
        ),
    ];
    for (name, spoil, words) in faults {
        let mut bench = ready();
        spoil(&mut bench);
        let job = back_up(&mut bench, &json!({}));
        assert_eq!(job["State"], "COMPLETED", "{name}");
        assert_eq!(job["BackupType"], Value::Null, "{name}");
        assert_ne!(job["MessageCategory"], "SUCCESS", "{name}");
        assert!(job["StatusMessage"].as_str().unwrap().contains(words), "{name}: {job}");
        assert_eq!(job["BackupOptions"], json!({"WindowsVSS": "enabled"}), "{name}");
        let ec2 = &bench.account.regions["eu-west-1"].ec2;
        let image = ec2.images.values().next().unwrap();
        assert!(!image.tags.contains_key("AppConsistent"), "{name}");
        assert!(ec2.snapshots.values().all(|snapshot| !snapshot.tags.contains_key("AppConsistent")), "{name}");
    }
}

fn ail(bench: &mut Bench, ailment: Ailment) {
    change(bench, |one| one.ailments = [ailment].into());
}

fn windows(bench: &mut Bench, name: &str) {
    change(bench, |one| name.clone_into(&mut one.os_name));
}

fn put_inline(bench: &mut Bench, role: &str, statement: &Value) {
    let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let input = json!({"RoleName": role, "PolicyName": "more", "PolicyDocument": document});
    bench.ask("iam", "PutRolePolicy", &input).unwrap();
}

#[test]
fn the_old_hand_written_policy_serves_old_and_new_packages() {
    let legacy = json!({"Effect": "Allow", "Resource": "*", "Action": [
        "ec2:DescribeInstances", "ec2:CreateSnapshot", "ec2:CreateImage", "ec2:DescribeImages", "ec2:DescribeSnapshots",
        "ec2:CreateTags"]});
    for (version, works, tagged) in [("2.0.0", true, false), ("2.1.0", true, false), ("2.2.1", false, false)] {
        let mut bench = ready();
        detach(&mut bench, "app", "AWSEC2VssSnapshotPolicy");
        put_inline(&mut bench, "app", &legacy);
        install(&mut bench, version);
        let job = back_up(&mut bench, &json!({}));
        // 2.2.1 also looks at the instance's attributes.
        assert_eq!(job["BackupType"] == "WindowsVSS", works, "{version}: {job}");
        let image = bench.account.regions["eu-west-1"].ec2.images.values().next().unwrap();
        assert_eq!(image.tags.contains_key("AwsVssConfig"), tagged, "{version}");
        assert_eq!(image.tags.contains_key("AppConsistent"), works, "{version}");
    }
}

#[test]
fn a_permissions_boundary_holds_the_instances_role_back() {
    let mut bench = ready();
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}]});
    let made = json!({"PolicyName": "edge", "PolicyDocument": document.to_string()});
    let arn = bench.ask("iam", "CreatePolicy", &made).unwrap()["Policy"]["Arn"].clone();
    bench.ask("iam", "PutRolePermissionsBoundary", &json!({"RoleName": "app", "PermissionsBoundary": arn})).unwrap();
    let job = back_up(&mut bench, &json!({}));
    assert!(job["StatusMessage"].as_str().unwrap().contains("insufficient privileges"), "{job}");
}

#[test]
fn linux_passes_the_option_over_in_silence() {
    let mut bench = ready();
    let fleet = &bench.account.regions["eu-west-1"].fleet;
    let id = fleet.named("web-1").unwrap().id.clone();
    let web = format!("arn:aws:ec2:eu-west-1:123456789012:instance/{id}");
    let job = back_up(&mut bench, &json!({"ResourceArn": web}));
    assert_eq!((&job["State"], &job["MessageCategory"]), (&json!("COMPLETED"), &json!("SUCCESS")));
    assert_eq!(job["BackupType"], Value::Null);
}

#[test]
fn jobs_fail_as_documented() {
    let mut bench = ready();
    let lock = json!({"BackupVaultName": "vss", "MinRetentionDays": 7, "MaxRetentionDays": 30});
    bench.ok("PutBackupVaultLockConfiguration", &lock);
    for lifecycle in [json!({}), json!({"DeleteAfterDays": 3}), json!({"DeleteAfterDays": 31})] {
        let job = back_up(&mut bench, &json!({"Lifecycle": lifecycle}));
        assert_eq!(job["State"], "FAILED");
        assert!(job["StatusMessage"].as_str().unwrap().starts_with("The retention specified in the job is not within"));
    }
    assert_eq!(back_up(&mut bench, &json!({"Lifecycle": {"DeleteAfterDays": 30}}))["State"], "COMPLETED");

    let mut bench = ready();
    change(&mut bench, |one| one.tags = (0..49).map(|number| (format!("k{number}"), String::new())).collect());
    let job = back_up(&mut bench, &json!({}));
    assert_eq!(job["StatusMessage"], "The resultant tag set must not have more than 50 user tags.");
    assert_eq!(back_up(&mut bench, &json!({"BackupOptions": {}}))["State"], "COMPLETED");
    assert_eq!(
        back_up(&mut bench, &json!({"BackupOptions": {}, "RecoveryPointTags": {"a": "", "b": ""}}))["State"],
        "FAILED"
    );

    let mut bench = ready();
    detach(&mut bench, "AWSBackupVss", "service-role/AWSBackupServiceRolePolicyForBackup");
    assert_eq!(back_up(&mut bench, &json!({}))["StatusMessage"], "You are not authorized to perform this operation.");

    let mut bench = ready();
    let job = back_up(&mut bench, &json!({"CompleteWindowMinutes": 5}));
    assert_eq!(
        (&job["State"], &job["StatusMessage"]),
        (&json!("EXPIRED"), &json!("Backup job expired before completion."))
    );
    assert!(bench.account.regions["eu-west-1"].ec2.images.is_empty());
}

#[test]
fn a_second_job_of_a_resource_fails_while_the_first_runs() {
    let mut bench = ready();
    let input = request(&mut bench);
    let first = bench.ok("StartBackupJob", &input)["BackupJobId"].clone();
    bench.advance(60);
    let second = bench.ok("StartBackupJob", &input)["BackupJobId"].clone();
    bench.advance(3600);
    let mut state = |id: &Value| bench.ok("DescribeBackupJob", &json!({"BackupJobId": id}));
    assert_eq!(state(&first)["State"], "COMPLETED");
    assert_eq!(state(&second)["State"], "FAILED");
    assert!(state(&second)["StatusMessage"].as_str().unwrap().contains("there was a running job"));
}

#[test]
fn the_same_token_is_the_same_job() {
    let mut bench = ready();
    let mut input = request(&mut bench);
    input["IdempotencyToken"] = json!("once");
    let first = bench.ok("StartBackupJob", &input);
    assert_eq!(bench.ok("StartBackupJob", &input), first);
    assert_eq!(bench.ok("ListBackupJobs", &json!({}))["BackupJobs"].as_array().unwrap().len(), 1);
    input["BackupVaultName"] = json!("other");
    assert_eq!(bench.code("StartBackupJob", &input), "InvalidParameterValueException");
}

#[test]
fn wrong_requests_are_refused() {
    let mut bench = ready();
    for (member, value, code) in [
        ("BackupVaultName", json!("none"), "ResourceNotFoundException"),
        ("ResourceArn", json!("instance"), "InvalidParameterValueException"),
        ("ResourceArn", json!("arn:aws:ec2:eu-west-1:123456789012:instance/i-0"), "ResourceNotFoundException"),
        ("ResourceArn", json!("arn:aws:ec2:eu-west-1:123456789012:volume/vol-1"), "InvalidParameterValueException"),
        ("IamRoleArn", json!("arn:aws:iam::123456789012:role/app"), "InvalidParameterValueException"),
        ("BackupOptions", json!({"WindowsVSS": "on"}), "InvalidParameterValueException"),
        ("BackupOptions", json!({"Other": "enabled"}), "InvalidParameterValueException"),
        ("StartWindowMinutes", json!(59), "InvalidParameterValueException"),
        ("Lifecycle", json!({"DeleteAfterDays": 0}), "InvalidParameterValueException"),
        ("RecoveryPointTags", json!({"aws:x": "y"}), "InvalidParameterValueException"),
    ] {
        let mut input = request(&mut bench);
        input[member] = value;
        assert_eq!(bench.code("StartBackupJob", &input), code, "{member}");
    }
}

#[test]
fn a_stopped_job_leaves_nothing() {
    let mut bench = ready();
    let input = request(&mut bench);
    let id = json!({"BackupJobId": bench.ok("StartBackupJob", &input)["BackupJobId"]});
    bench.advance(120);
    assert_eq!(bench.ok("DescribeBackupJob", &id)["State"], "RUNNING");
    bench.ok("StopBackupJob", &id);
    assert_eq!(bench.ok("DescribeBackupJob", &id)["State"], "ABORTED");
    assert_eq!(bench.code("StopBackupJob", &id), "InvalidRequestException");
    assert_eq!(bench.ok("ListProtectedResources", &json!({}))["Results"], json!([]));
    assert!(bench.account.regions["eu-west-1"].ec2.images.is_empty());
}

#[test]
fn recovery_points_are_listed_until_their_lifecycle_ends() {
    let mut bench = ready();
    let job = back_up(&mut bench, &json!({"Lifecycle": {"DeleteAfterDays": 2}}));
    let point = json!({"BackupVaultName": "vss", "RecoveryPointArn": job["RecoveryPointArn"]});
    assert_eq!(bench.ok("DescribeRecoveryPoint", &point)["Status"], "COMPLETED");
    let by_vault = json!({"BackupVaultName": "vss"});
    let by_resource = json!({"ResourceArn": job["ResourceArn"]});
    let count = |bench: &mut Bench, operation: &str, input: &Value| {
        bench.ok(operation, input)["RecoveryPoints"].as_array().unwrap().len()
    };
    assert_eq!(count(&mut bench, "ListRecoveryPointsByBackupVault", &by_vault), 1);
    assert_eq!(count(&mut bench, "ListRecoveryPointsByResource", &by_resource), 1);
    assert_eq!(bench.ok("ListProtectedResources", &json!({}))["Results"][0]["ResourceName"], "sql-1");
    assert_eq!(bench.ok("DescribeProtectedResource", &by_resource)["LastRecoveryPointArn"], job["RecoveryPointArn"]);
    assert_eq!(bench.code("DeleteBackupVault", &by_vault), "InvalidRequestException");
    bench.advance(2 * 86_400);
    assert_eq!(count(&mut bench, "ListRecoveryPointsByBackupVault", &by_vault), 0);
    assert!(bench.account.regions["eu-west-1"].ec2.snapshots.is_empty());
    assert_eq!(bench.code("DescribeRecoveryPoint", &point), "ResourceNotFoundException");
    bench.ok("DeleteBackupVault", &by_vault);
}

#[test]
fn the_filters_of_jobs_choose_and_pages_follow() {
    let mut bench = ready();
    let job = back_up(&mut bench, &json!({}));
    let failing = json!({"BackupOptions": {}, "CompleteWindowMinutes": 5});
    back_up(&mut bench, &failing);
    change(&mut bench, |one| one.instance_profile = None);
    back_up(&mut bench, &json!({}));
    let mut count = |input: Value| bench.ok("ListBackupJobs", &input)["BackupJobs"].as_array().unwrap().len();
    assert_eq!(count(json!({})), 3);
    assert_eq!(count(json!({"ByState": "COMPLETED"})), 2);
    assert_eq!(count(json!({"ByState": "COMPLETED", "ByMessageCategory": "SUCCESS"})), 1);
    assert_eq!(count(json!({"ByState": "EXPIRED"})), 1);
    assert_eq!(count(json!({"ByResourceArn": job["ResourceArn"]})), 3);
    assert_eq!(count(json!({"ByResourceArn": "arn:aws:ec2:eu-west-1:123456789012:instance/i-0"})), 0);
    assert_eq!(count(json!({"ByBackupVaultName": "other"})), 0);
    assert_eq!(count(json!({"ByResourceType": "EBS"})), 0);
    assert_eq!(count(json!({"ByAccountId": "*"})), 3);
    assert_eq!(count(json!({"ByCreatedAfter": job["CreationDate"].as_f64().unwrap() + 1.0})), 2);
    assert_eq!(count(json!({"ByCompleteBefore": job["CompletionDate"]})), 1);
    let first = bench.ok("ListBackupJobs", &json!({"MaxResults": 2}));
    let rest = bench.ok("ListBackupJobs", &json!({"MaxResults": 2, "NextToken": first["NextToken"]}));
    assert_eq!(first["BackupJobs"].as_array().unwrap().len(), 2);
    assert_eq!(rest["BackupJobs"][0]["BackupJobId"], job["BackupJobId"]);
    let other = json!({"ByState": "FAILED", "NextToken": first["NextToken"]});
    assert_eq!(bench.code("ListBackupJobs", &other), "InvalidParameterValueException");
    // The lists go back thirty days.
    bench.advance(31 * 86_400);
    assert_eq!(bench.ok("ListBackupJobs", &json!({}))["BackupJobs"], json!([]));
}
