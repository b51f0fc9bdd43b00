//! Fleet files: what they make in an account, and how wrong ones are refused.

use std::fmt::Write as _;

use serde_json::json;

use super::*;

const REGION: &str = "eu-west-1";

fn wrong(text: &str) -> Vec<String> {
    let sandbox = Sandbox::in_memory();
    let before = sandbox.export().unwrap();
    let error = sandbox.load_fleet(text).unwrap().expect_err(text);
    assert_eq!(sandbox.export().unwrap(), before, "{text}");
    error.0.iter().map(ToString::to_string).collect()
}

/// Calls that make a whole account: roles, profile, vault, plan and selection.
fn account() -> String {
    let trust = |service: &str| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]})
        .to_string()
    };
    let mut text = String::new();
    let mut call = |service: &str, operation: &str, input: &str| {
        let _ = write!(text, "[[call]]\nservice = '{service}'\noperation = '{operation}'\ninput = {input}\n");
    };
    for (role, service) in [("AWSBackupVss", "backup.amazonaws.com"), ("app", "ec2.amazonaws.com")] {
        let document = trust(service);
        call("iam", "CreateRole", &format!("{{ RoleName = '{role}', AssumeRolePolicyDocument = '{document}' }}"));
    }
    for (role, policy) in [
        ("AWSBackupVss", "service-role/AWSBackupServiceRolePolicyForBackup"),
        ("app", "AmazonSSMManagedInstanceCore"),
        ("app", "AWSEC2VssSnapshotPolicy"),
    ] {
        let input = format!("{{ RoleName = '{role}', PolicyArn = 'arn:aws:iam::aws:policy/{policy}' }}");
        call("iam", "AttachRolePolicy", &input);
    }
    call("iam", "CreateInstanceProfile", "{ InstanceProfileName = 'app' }");
    call("iam", "AddRoleToInstanceProfile", "{ InstanceProfileName = 'app', RoleName = 'app' }");
    call("backup", "CreateBackupVault", "{ BackupVaultName = 'vss' }");
    text
}

/// Adds a daily plan with VSS for all resources that have the tag.
fn plan(sandbox: &Sandbox) {
    let call = |operation: &str, input: &Value| sandbox.call("backup", operation, REGION, input).unwrap();
    let document = json!({
        "BackupPlanName": "daily",
        "Rules": [{"RuleName": "nightly", "TargetBackupVaultName": "vss", "StartWindowMinutes": 60,
                   "Lifecycle": {"DeleteAfterDays": 35}}],
        "AdvancedBackupSettings": [{"ResourceType": "EC2", "BackupOptions": {"WindowsVSS": "enabled"}}],
    });
    let made = call("CreateBackupPlan", &json!({"BackupPlan": document}));
    let selection = json!({
        "SelectionName": "windows",
        "IamRoleArn": "arn:aws:iam::123456789012:role/AWSBackupVss",
        "Resources": ["arn:aws:ec2:*:*:instance/*"],
        "Conditions": {"StringEquals": [
            {"ConditionKey": "aws:ResourceTag/VssBackup", "ConditionValue": "enabled"}]},
    });
    let input = json!({"BackupPlanId": made["BackupPlanId"], "BackupSelection": selection});
    call("CreateBackupSelection", &input);
}

#[test]
fn a_fleet_is_what_its_file_says() {
    let sandbox = Sandbox::in_memory();
    let text = r#"
        region = "eu-west-1"

        [[instance]]
        name    = "sql-1"
        os      = "2019"
        type    = "m5.xlarge"
        agent   = "3.1.1"
        silent  = "2d"
        package = "2.2.1"
        profile = "app"
        ailments = ["slow-writers", "no-endpoint"]
        volumes = ["/dev/sda1", "xvdb", "xvdc"]
        tags    = { VssBackup = "enabled" }

        [[instance]]
        name  = "web"
        count = 12
        os    = "linux"
        state = "stopped"
    "#;
    let loaded = sandbox.load_fleet(text).unwrap().unwrap();
    assert_eq!(loaded, LoadedFleet { region: REGION.to_owned(), instances: 13, jobs: 0 });
    let fleet = sandbox.edit(|account| account.regions[REGION].fleet.clone()).unwrap();
    assert_eq!(fleet.instances.len(), 13);
    let sql = fleet.named("sql-1").unwrap();
    assert_eq!(sql.os_name, "Microsoft Windows Server 2019 Datacenter");
    assert_eq!((sql.tags["Name"].as_str(), sql.tags["VssBackup"].as_str()), ("sql-1", "enabled"));
    assert_eq!(sql.instance_profile.as_deref(), Some("arn:aws:iam::123456789012:instance-profile/app"));
    assert_eq!(sql.volumes.len(), 3);
    assert!(!sql.is_online());
    assert_eq!(sql.packages(i64::MAX)["AwsVssComponents"], "2.2.1");
    assert_eq!(fleet.named("web-07").unwrap().state, "stopped");
    let more = "region = 'eu-west-1'\nfleet = 'add'\n[[instance]]\nname = 'dc-1'\n";
    assert_eq!(sandbox.load_fleet(more).unwrap().unwrap().instances, 1);
    assert_eq!(sandbox.edit(|account| account.regions[REGION].fleet.instances.len()).unwrap(), 14);
}

#[test]
fn a_history_tells_when_the_package_came() {
    let sandbox = Sandbox::in_memory();
    let region = "region = 'eu-west-1'\n";
    sandbox.load_fleet(&format!("{region}{}", account())).unwrap().unwrap();
    plan(&sandbox);
    let fleet = format!(
        "{region}history = '20d'\n[[instance]]\nname = 'sql-1'\nprofile = 'app'\npackage = '2.5.1'\ninstalled = '5d'\n\
         tags = {{ VssBackup = 'enabled' }}\n[[instance]]\nname = 'new'\nlaunched = '3d'\n\
         tags = {{ VssBackup = 'enabled' }}\n"
    );
    assert_eq!(sandbox.load_fleet(&fleet).unwrap().unwrap().jobs, 23);
    let jobs = sandbox.call("backup", "ListBackupJobs", REGION, &json!({"ByState": "COMPLETED"})).unwrap();
    let jobs = jobs["BackupJobs"].as_array().unwrap();
    let count = |name: &str, vss: bool| {
        jobs.iter().filter(|job| job["ResourceName"] == name && (job["BackupType"] == "WindowsVSS") == vss).count()
    };
    assert_eq!((count("sql-1", true), count("sql-1", false)), (5, 15));
    assert_eq!((count("new", true), count("new", false)), (0, 3));
}

#[test]
fn a_thousand_instances_with_ninety_days_of_jobs_are_made() {
    let sandbox = Sandbox::in_memory();
    let region = "region = 'eu-west-1'\n";
    sandbox.load_fleet(&format!("{region}{}", account())).unwrap().unwrap();
    plan(&sandbox);
    let fleet = format!(
        "{region}history = '90d'\n[[instance]]\nname = 'srv'\ncount = 1000\nprofile = 'app'\npackage = '2.5.1'\n\
         tags = {{ VssBackup = 'enabled' }}\n"
    );
    assert_eq!(sandbox.load_fleet(&fleet).unwrap().unwrap().jobs, 90_000);
    let page = sandbox.call("backup", "ListBackupJobs", REGION, &json!({"MaxResults": 1000})).unwrap();
    assert_eq!(page["BackupJobs"].as_array().unwrap().len(), 1000);
    assert_eq!(page["BackupJobs"][0]["BackupType"], "WindowsVSS");
}

#[test]
fn wrong_files_are_refused_with_the_place_of_everything_that_is_wrong() {
    assert_eq!(
        wrong("[[instance"),
        ["1:1: unclosed array table, expected `]]`"].map(|_| wrong("[[instance")[0].clone())
    );
    for (text, expected) in [
        ("", "missing field `region`"),
        ("region = 'eu-west-1'\ncolour = 'red'\n", "2:1: unknown field `colour`"),
        ("region = 'Europe'\n", "1:10: `Europe` is no region"),
        ("region = 'eu-west-1'\naccount = '12'\n", "2:11: `12` is no account id"),
        ("region = 'eu-west-1'\nhistory = 'ever'\n", "2:11: `ever`"),
        ("region = 'eu-west-1'\nhistory = '9999d'\n", "2:11: `9999d` is more than"),
        ("region = 'eu-west-1'\n[[instance]]\nos = '2019'\n", "2:1: missing field `name`"),
        (
            "region = 'eu-west-1'\n[[instance]]\nname = 'a'\nos = '2021'\n",
            "4:6: `2021` is no known system: one of 2008R2",
        ),
        ("region = 'eu-west-1'\n[[instance]]\nname = 'a\\u001b'\n", "3:8: `a"),
        ("region = 'eu-west-1'\n[[instance]]\nname = \"a\\u001b[31m\"\n", "is no name"),
        ("region = 'eu-west-1'\n[[instance]]\nname = 'a'\ntype = 'big'\n", "4:8: `big` is no instance type"),
        ("region = 'eu-west-1'\n[[instance]]\nname = 'a'\nagent = 'x'\n", "4:9: `x` is no version"),
        ("region = 'eu-west-1'\n[[instance]]\nname = 'a'\npackage = '2..5'\n", "4:11: `2..5` is no version"),
        ("region = 'eu-west-1'\n[[instance]]\nname = 'a'\ninstalled = '2d'\n", "4:13: `installed`"),
        ("region = 'eu-west-1'\n[[instance]]\nname = 'a'\nstate = 'on'\n", "4:9: `on` is no state"),
        ("region = 'eu-west-1'\n[[instance]]\nname = 'a'\nailments = ['flu']\n", "4:13: unknown variant `flu`"),
        ("region = 'eu-west-1'\n[[instance]]\nname = 'a'\ncount = 0\n", "4:9: `0` is not from 1"),
        ("region = 'eu-west-1'\n[[instance]]\nname = 'a'\ncount = 99999999999\n", "4:9: `99999999999` is not"),
        ("region = 'eu-west-1'\n[[instance]]\nname = 'a'\nvolumes = []\n", "4:11: `volumes` lists"),
        ("region = 'eu-west-1'\n[[instance]]\nname = 'a'\n[[instance]]\nname = 'a'\n", "5:8: there are two"),
        (
            "region = 'eu-west-1'\n[[call]]\nservice = 'backup'\noperation = 'GetBackupPlan'\n\
             input = { BackupPlanId = 'x' }\n",
            "2:1: backup:GetBackupPlan failed: ResourceNotFoundException",
        ),
        ("region = 'eu-west-1'\n[[call]]\nservice = 'cobol'\noperation = 'Go'\n", "2:1: cobol:Go failed"),
    ] {
        let problems = wrong(text);
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{text}\n{problems:?}");
    }
    let many =
        wrong("region = 'x'\n[[instance]]\nname = 'ä b'\ntype = 'big'\n[[instance]]\nname = 'c d'\nos = 'dos'\n");
    assert_eq!(many.len(), 5, "{many:?}");
    assert!(wrong(&"#".repeat(LARGEST + 1))[0].contains("larger than 1 MiB"));
}

#[test]
fn keys_have_the_policy_and_the_volumes_that_the_file_gives_them() {
    let sandbox = Sandbox::in_memory();
    let text = r#"
        region = "eu-west-1"

        [[instance]]
        name       = "sql-1"
        volume_key = "arn:aws:kms:eu-west-1:123456789012:key/1111"

        [[key]]
        arn     = "arn:aws:kms:eu-west-1:123456789012:key/1111"
        state   = "Disabled"
        policy  = { Version = "2012-10-17", Statement = [
          { Sid = "Ours", Effect = "Allow", Principal = "*", Action = "kms:*", Resource = "*" },
        ] }
        grants  = [{ principal = "arn:aws:iam::123456789012:role/app", operations = ["Decrypt", "CreateGrant"] }]

        [[key]]
        arn     = "arn:aws:kms:eu-west-1:123456789012:key/2222"
        manager = "AWS"

        [[key]]
        arn     = "arn:aws:kms:eu-west-1:123456789012:key/3333"
        policy  = '{"Version": "2012-10-17", "Statement": []}'

        [[key]]
        arn     = "arn:aws:kms:eu-west-1:210987654321:key/4444"
    "#;
    sandbox.load_fleet(text).unwrap().unwrap();
    let ask = |operation: &str, input: Value| sandbox.call("kms", operation, REGION, &input);
    let key = |id: &str| format!("arn:aws:kms:eu-west-1:123456789012:key/{id}");
    let described = |id: &str| ask("DescribeKey", json!({ "KeyId": key(id) })).unwrap()["KeyMetadata"].clone();
    assert_eq!(described("1111")["KeyState"], "Disabled");
    assert_eq!(described("2222")["KeyManager"], "AWS");
    let policy = |id: &str| ask("GetKeyPolicy", json!({ "KeyId": key(id) })).unwrap()["Policy"].clone();
    assert!(policy("1111").as_str().unwrap().contains("\"Sid\":\"Ours\""));
    assert!(policy("2222").as_str().unwrap().contains("\"kms:ViaService\":\"ec2.eu-west-1.amazonaws.com\""));
    assert_eq!(policy("3333"), "{\"Version\":\"2012-10-17\",\"Statement\":[]}");
    let grants = ask("ListGrants", json!({ "KeyId": key("1111") })).unwrap();
    assert_eq!(grants["Grants"][0]["Operations"], json!(["Decrypt", "CreateGrant"]));
    let volumes = sandbox.call("ec2", "DescribeVolumes", REGION, &json!({})).unwrap();
    let volumes = volumes["Volumes"].as_array().unwrap();
    assert!(volumes.len() == 2 && volumes.iter().all(|volume| volume["KmsKeyId"] == json!(key("1111"))), "{volumes:?}");
    // Without `volume_key` the same servers have unencrypted volumes again.
    sandbox.load_fleet("region = 'eu-west-1'\n[[instance]]\nname = 'sql-1'\n").unwrap().unwrap();
    let volumes = sandbox.call("ec2", "DescribeVolumes", REGION, &json!({})).unwrap();
    assert!(volumes["Volumes"][0]["KmsKeyId"].is_null(), "{volumes}");
}

#[test]
fn an_association_of_the_past_has_run_since() {
    let sandbox = Sandbox::in_memory();
    let text = r#"
        region = "eu-west-1"

        [[instance]]
        name = "sql-1"
        tags = { VssBackup = "enabled" }

        [[instance]]
        name = "files-1"

        [[association]]
        name       = "theirs"
        tag        = "VssBackup=enabled"
        parameters = { action = "Install", name = "AwsVssComponents", version = "2.4.0" }
        schedule   = "rate(1 day)"
        ago        = "10d"

        [[association]]
        name       = "once"
        instances  = ["files-1"]
        parameters = { action = "Install", name = "AwsVssComponents" }
    "#;
    sandbox.load_fleet(text).unwrap().unwrap();
    let region = sandbox.edit(|account| account.regions[REGION].clone()).unwrap();
    let named = |name: &str| {
        let mut all = region.ssm.associations.values();
        all.find(|one| one.versions[0].definition["AssociationName"] == name).unwrap()
    };
    assert_eq!(named("theirs").executions.len(), 11, "at once and each day since");
    assert_eq!(named("once").executions.len(), 1);
    let installed = |name: &str| region.fleet.named(name).unwrap().packages(i64::MAX)["AwsVssComponents"].clone();
    assert_eq!((installed("sql-1").as_str(), installed("files-1").as_str()), ("2.4.0", "2.5.1"));
    assert_eq!(region.fleet.named("sql-1").unwrap().package_changes.len(), 1);
}

#[test]
fn jobs_of_the_past_are_decided_by_what_is_there_or_end_as_the_file_says() {
    let sandbox = Sandbox::in_memory();
    let region = "region = 'eu-west-1'\n";
    sandbox.load_fleet(&format!("{region}{}", account())).unwrap().unwrap();
    plan(&sandbox);
    let fleet = r#"
        [[instance]]
        name    = "sql-1"
        package = "2.5.1"
        profile = "app"

        [[job]]
        instance     = "sql-1"
        vault        = "vss"
        role         = "AWSBackupVss"
        ago          = "26h"
        delete_after = "35d"
        plan         = "daily"
        rule         = "nightly"

        [[job]]
        instance = "sql-1"
        vault    = "vss"
        role     = "AWSBackupVss"
        ago      = "3d"
        vss      = false

        [[job]]
        instance = "sql-1"
        vault    = "vss"
        role     = "arn:aws:iam::123456789012:role/AWSBackupVss"
        ago      = "2d"
        state    = "failed"
        category = "AccessDenied"
        message  = "Somebody said no."
    "#;
    assert_eq!(sandbox.load_fleet(&format!("{region}{fleet}")).unwrap().unwrap().jobs, 3);
    let listed = sandbox.call("backup", "ListBackupJobs", REGION, &json!({})).unwrap();
    let jobs = listed["BackupJobs"].as_array().unwrap();
    let shown: Vec<_> = jobs.iter().map(|job| (&job["State"], &job["BackupType"], &job["StatusMessage"])).collect();
    let (none, vss) = (Value::Null, json!("WindowsVSS"));
    let (completed, failed, message) = (json!("COMPLETED"), json!("FAILED"), json!("Somebody said no."));
    assert_eq!(shown, [(&completed, &vss, &none), (&failed, &none, &message), (&completed, &none, &none)]);
    assert_eq!(jobs[0]["CreatedBy"]["BackupRuleName"], "nightly");
    assert_eq!(jobs[1]["MessageCategory"], "AccessDenied");
    // Failed jobs left no recovery point, image or snapshot.
    let input = json!({ "BackupVaultName": "vss" });
    let points = sandbox.call("backup", "ListRecoveryPointsByBackupVault", REGION, &input).unwrap();
    assert_eq!(points["RecoveryPoints"].as_array().unwrap().len(), 2);
    let made = sandbox.edit(|account| account.regions[REGION].ec2.images.len()).unwrap();
    assert_eq!(made, 2);
}

#[test]
fn what_is_wrong_with_a_past_is_told_with_its_place() {
    let region = "region = 'eu-west-1'\n[[instance]]\nname = 'a'\n";
    let job = "[[job]]\ninstance = 'a'\nvault = 'vss'\nrole = 'app'\n";
    let association = "[[association]]\nname = 'theirs'\n";
    for (text, expected) in [
        ("[[key]]\narn = 'alias/ours'\n".to_owned(), "5:7: `alias/ours` is no ARN of a key in `eu-west-1`"),
        (
            "[[key]]\narn = 'arn:aws:kms:us-east-1:123456789012:key/1'\n".to_owned(),
            "5:7: `arn:aws:kms:us-east-1:123456789012:key/1` is no ARN of a key in `eu-west-1`",
        ),
        (
            "[[key]]\narn = 'arn:aws:kms:eu-west-1:123456789012:key/1'\npolicy = 'open'\n".to_owned(),
            "6:10: `policy` is a policy document",
        ),
        ("[[key]]\nstate = 'Lost'\n".to_owned(), "5:9: unknown variant `Lost`"),
        (association.to_owned(), "5:8: an association has either `instances` or a `tag`"),
        (format!("{association}tag = 'x'\n"), "6:7: `x` is no tag such as `VssBackup=enabled`"),
        (format!("{association}instances = ['b']\n"), "6:14: there is no instance `b` in the region"),
        (
            format!("{association}instances = ['a']\nparameters = {{ action = 'Dance' }}\n"),
            "5:8: it cannot be made: InvalidParameters",
        ),
        (job.to_owned(), "6:9: there is no vault `vss`"),
        (job.replace("'a'", "'b'"), "5:12: there is no instance `b`"),
        (format!("{job}message = 'x'\n"), "8:11: `message` is for a job with a `state`"),
        (format!("{job}rule = 'x'\n"), "8:8: `rule` is one of a `plan`"),
        (format!("{job}delete_after = 'soon'\n"), "8:16: "),
        (format!("{job}state = 'completed'\n"), "8:9: unknown variant `completed`"),
    ] {
        let problems = wrong(&format!("{region}{text}"));
        assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{text}\n{problems:?}");
    }
    let there = "[[call]]\nservice = 'backup'\noperation = 'CreateBackupVault'\ninput = { BackupVaultName = 'vss' }\n";
    for (more, expected) in [
        (format!("{job}plan = 'daily'\n"), "there is no plan `daily`"),
        (format!("{job}state = 'failed'\nago = '1m'\n"), "the job is not over yet"),
        (format!("{job}{job}"), "there are two jobs of this instance at that time"),
    ] {
        let problems = wrong(&format!("{region}{there}{more}"));
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{more}\n{problems:?}");
    }
}
