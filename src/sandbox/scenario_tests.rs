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

/// A whole account in calls: roles, profile, vault, plan and selection.
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

/// Adds a daily plan with VSS for everything that is tagged.
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
            "region = 'eu-west-1'\n[[call]]\nservice = 'backup'\noperation = 'GetBackupPlan'\ninput = { BackupPlanId = 'x' }\n",
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
