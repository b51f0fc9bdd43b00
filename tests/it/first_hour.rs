//! The first hour: what `init` writes and each example, but for the one that shows every key, gives
//! application-consistent backups of a fleet that is as the sandbox makes one, with no server left out.

use std::fmt::Write as _;

use serde_json::Value;

use crate::harness::Place;

/// Applies a file to a fleet; a day later every server has a consistent backup.
fn is_consistent(name: &str, file: &str, fleet: &str) {
    is_consistent_beside(name, file, fleet, None);
}

/// Does so in an account that has something in another region.
fn is_consistent_beside(name: &str, file: &str, fleet: &str, elsewhere: Option<&str>) {
    let place = Place::with(file);
    if let Some(elsewhere) = elsewhere {
        place.write("elsewhere.toml", elsewhere);
        place.sandbox(&["sandbox", "load", "elsewhere.toml"]).exits(0);
    }
    place.write("fleet.toml", fleet);
    place.sandbox(&["sandbox", "load", "fleet.toml"]).exits(0);
    let applied = place.sandbox(&["apply", "--yes"]);
    assert_eq!(applied.code, Some(0), "{name}: {}{}", applied.stdout, applied.stderr);
    let again = place.sandbox(&["plan", "--detailed-exitcode"]);
    assert_eq!(again.code, Some(0), "{name}: {}{}", again.stdout, again.stderr);
    place.sandbox(&["sandbox", "advance", "1d"]).exits(0);
    for command in ["verify", "coverage", "doctor"] {
        let run = place.sandbox(&[command]);
        assert_eq!(run.code, Some(0), "{name}: {command}: {}{}", run.stdout, run.stderr);
    }
    // `0 of 0` would be in order too.
    let verified: Value = serde_json::from_str(&place.sandbox(&["verify", "--format", "json"]).stdout).expect("JSON");
    let instances = verified["findings"].as_array().expect("instances");
    let is_consistent = |one: &Value| one["verdict"] == "consistent";
    assert!(!instances.is_empty() && instances.iter().all(is_consistent), "{name}: {instances:#?}");
    assert_eq!(instances.len(), fleet.matches("[[instance]]").count(), "{name}");
}

/// Two servers of which nothing is said but their names and the tag.
fn fleet(region: &str) -> String {
    let server = |name: &str| format!("[[instance]]\nname = \"{name}\"\ntags = {{ VssBackup = \"enabled\" }}\n");
    format!("region = \"{region}\"\n{}{}", server("sql-1"), server("files-1"))
}

fn example(name: &str) -> String {
    std::fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).expect("the example")
}

#[test]
fn what_init_writes_gives_consistent_backups() {
    let place = Place::empty();
    place.run(&["init"]).exits(0);
    is_consistent("init", &place.read("vss.toml"), &fleet("ap-northeast-1"));
}

#[test]
fn the_file_of_the_readme_gives_consistent_backups() {
    is_consistent("vss.toml", &example("vss.toml"), &fleet("ap-northeast-1"));
}

/// What the console of AWS Backup makes at its first use.
const CONSOLE: &str = r#"
[[call]]
service = "iam"
operation = "CreateRole"
input = { Path = "/service-role/", RoleName = "AWSBackupDefaultServiceRole", AssumeRolePolicyDocument = "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"Service\": \"backup.amazonaws.com\"}, \"Action\": \"sts:AssumeRole\"}]}" }

[[call]]
service = "iam"
operation = "AttachRolePolicy"
input = { RoleName = "AWSBackupDefaultServiceRole", PolicyArn = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup" }

[[call]]
service = "iam"
operation = "AttachRolePolicy"
input = { RoleName = "AWSBackupDefaultServiceRole", PolicyArn = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores" }

[[call]]
service = "backup"
operation = "CreateBackupVault"
input = { BackupVaultName = "Default" }
"#;

/// A role for VSS that another team has.
fn role(path: &str, name: &str) -> String {
    let mut calls = format!(
        r#"
[[call]]
service = "iam"
operation = "CreateRole"
input = {{ Path = "{path}", RoleName = "{name}", AssumeRolePolicyDocument = "{{\"Version\": \"2012-10-17\", \"Statement\": [{{\"Effect\": \"Allow\", \"Principal\": {{\"Service\": \"ec2.amazonaws.com\"}}, \"Action\": \"sts:AssumeRole\"}}]}}" }}
"#
    );
    for policy in ["AWSEC2VssSnapshotPolicy", "AmazonSSMManagedInstanceCore"] {
        let _ = writeln!(
            calls,
            "[[call]]\nservice = \"iam\"\noperation = \"AttachRolePolicy\"\ninput = {{ RoleName = \"{name}\", \
             PolicyArn = \"arn:aws:iam::aws:policy/{policy}\" }}"
        );
    }
    calls
}

#[test]
fn the_minimal_file_backs_up_what_is_ready() {
    let profile = r#"
[[call]]
service = "iam"
operation = "CreateInstanceProfile"
input = { InstanceProfileName = "Windows" }

[[call]]
service = "iam"
operation = "AddRoleToInstanceProfile"
input = { InstanceProfileName = "Windows", RoleName = "Windows" }
"#;
    let ready = "[[instance]]\nname = \"sql-1\"\nos = \"2022\"\npackage = \"2.5.1\"\nprofile = \"Windows\"\ntags = { VssBackup = \"enabled\" }\n";
    let fleet = format!("region = \"ap-northeast-1\"\n{}{profile}{CONSOLE}{ready}", role("/", "Windows"));
    is_consistent("minimal", &example("examples/minimal.toml"), &fleet);
}

#[test]
fn the_sql_servers_are_backed_up() {
    let fleet = "region = \"eu-west-1\"\n[[instance]]\nname = \"sql-1\"\ntags = { Role = \"sql-server\" }\n\
                 [[instance]]\nname = \"sql-2\"\ntags = { Role = \"sql-server\", Environment = \"prod\" }\n";
    // The example copies into a vault of another region, which another file makes.
    let elsewhere = "region = \"eu-central-1\"\n[[call]]\nservice = \"backup\"\noperation = \"CreateBackupVault\"\n\
                     input = { BackupVaultName = \"sql-copies\" }\n";
    is_consistent_beside("sql-servers", &example("examples/sql-servers.toml"), fleet, Some(elsewhere));
}

#[test]
fn existing_roles_do_the_same_work() {
    let roles = [role("/", "LegacyWindowsServers"), role("/shared/", "WindowsBaseline")].concat();
    let fleet = format!("{}{roles}{CONSOLE}", fleet("us-east-1"));
    is_consistent("existing-roles", &example("examples/existing-roles.toml"), &fleet);
}

#[test]
fn older_and_newer_windows_are_backed_up_side_by_side() {
    let fleet = "region = \"ap-northeast-1\"\n[[instance]]\nname = \"new-1\"\nos = \"2019\"\n\
                 tags = { VssBackup = \"enabled\" }\n[[instance]]\nname = \"r2-1\"\nos = \"2012R2\"\n\
                 tags = { VssBackup = \"2012R2\" }\n";
    is_consistent("older-windows", &example("examples/older-windows.toml"), fleet);
}
