//! Inputs, causes and lines, with one small file.

use std::collections::BTreeMap;

use super::*;
use crate::config::load_text;
use crate::vss::doctor::{self, diagnose};
use crate::vss::evidence::{Evidence, Instance, Known, Unread};
use crate::vss::fixture;
use crate::vss::messages;
use crate::vss::version::System;

const FILE: &str = "
[stack]
name = \"one\"
account_id = \"123456789012\"
region = \"eu-west-1\"
[role.app]
preset = \"vss-instance\"
[role.AWSBackupVss]
preset = \"backup-service\"
[package.AwsVssComponents]
targets = { tags = { VssBackup = \"enabled\" } }
schedule = \"rate(1 day)\"
[vault.vss]
[plan.daily.rule.nightly]
vault = \"vss\"
delete_after = \"35d\"
[plan.daily.rule.weekly]
vault = \"vss\"
schedule = \"cron(0 3 ? * SUN *)\"
start_window = \"1h\"
delete_after = \"90d\"
[plan.daily.selection.windows]
role = \"AWSBackupVss\"
match = { all = { VssBackup = \"enabled\" } }
";

fn file() -> crate::config::Config {
    load_text("vss.toml", FILE, None).config.expect("a valid file")
}

fn server(id: &str, name: &str) -> Instance {
    Instance {
        id: id.to_owned(),
        name: name.to_owned(),
        state: "running".to_owned(),
        windows: true,
        ..Instance::default()
    }
}

fn cause(check: &str) -> Cause {
    Cause { cause: String::new(), fix: String::new(), checks: vec![check.to_owned()] }
}

#[test]
fn an_instance_is_found_by_id_or_by_a_name_that_only_one_has() {
    let mut gone = server("i-3", "sql-1");
    gone.state = "terminated".to_owned();
    let mut linux = server("i-4", "web-1");
    linux.windows = false;
    let all = [server("i-1", "sql-1"), server("i-2", "twin"), gone, linux, server("i-5", "twin")];
    let find = |wanted: &str| instance(&all, wanted, "eu-west-1").map(|one| one.id.as_str());
    assert_eq!((find("sql-1"), find("i-5")), (Ok("i-1"), Ok("i-5")));
    assert!(matches!(find("twin"), Err(OrderError::SeveralInstances { ids, .. }) if ids == ["i-2", "i-5"]));
    assert!(matches!(find("sql-2"), Err(OrderError::NoInstance { near: Some(near), .. }) if near == "sql-1"));
    assert!(matches!(find("i-3"), Err(OrderError::NoInstance { .. })));
    assert!(matches!(find("web-1"), Err(OrderError::NotWindows { .. })));
}

#[test]
fn vault_role_and_retention_are_the_files() {
    let config = file();
    assert_eq!(vault(&config.desired, None).as_deref(), Ok("vss"));
    let chosen = |named: Option<&str>| role(&config.scope, &config.desired, named);
    let arn = |arn: &str| Ok(BackupRole::Arn(arn.to_owned()));
    let own = "arn:aws:iam::123456789012:role/AWSBackupVss";
    assert_eq!((chosen(None), chosen(Some("AWSBackupVss"))), (arn(own), arn(own)));
    let theirs = "arn:aws:iam::999999999999:role/x/theirs";
    assert_eq!(chosen(Some(theirs)), arn(theirs));
    assert_eq!(chosen(Some("theirs")), Ok(BackupRole::Name("theirs".to_owned())));
    assert_eq!(retention(&config.desired, "vss"), Some(90));
    assert!(matches!(vault(&[], None), Err(OrderError::Unclear { what: "vault", .. })));
    assert!(matches!(role(&config.scope, &[], None), Err(OrderError::Unclear { what: "role", .. })));
}

#[test]
fn each_cause_leads_to_the_line_that_mends_it() {
    let config = file();
    let mut one = server("i-1", "sql-1");
    let first = |one: &Instance, check: &str| lines(&[cause(check)], &config.desired, one, None).into_iter().next();
    // The instance lacks the tag that the package targets.
    let line = first(&one, "D030").expect("a line");
    assert_eq!(line.toml, ["[package.AwsVssComponents]"]);
    assert!(line.location.is_some() && line.advice.contains("do not mean the instance"));
    one.tags.insert("VssBackup".to_owned(), "enabled".to_owned());
    assert!(first(&one, "D030").expect("a line").advice.contains("apply what `vssctl plan` shows"));
    let line = first(&one, "D020").expect("a line");
    assert_eq!(line.toml[..2], ["[attachment.sql-1]", "instance_profile = \"app\""]);
    one.profile_arn = Some("arn:aws:iam::123456789012:instance-profile/app".to_owned());
    assert_eq!(first(&one, "D021").expect("a line").toml, ["[role.app]"]);
    one.profile_arn = Some("arn:aws:iam::123456789012:instance-profile/theirs".to_owned());
    assert_eq!(first(&one, "D021").expect("a line").toml[0], "[attachment.sql-1]");
    assert_eq!(first(&one, "D023").expect("a line").toml[0], "[role.AWSBackupVss]");
    assert_eq!(first(&one, "D050"), None);
}

#[test]
fn the_lines_for_an_older_server_pin_its_own_version_and_give_its_role_a_policy_of_its_own() {
    let system = System::of("Microsoft Windows Server 2012 R2 Standard");
    let mut one = server("i-1", "sql-1");
    let line = |one: &Instance, check: &str, desired: &[Desired]| {
        lines(&[cause(check)], desired, one, system.as_ref()).into_iter().next().expect("a line")
    };
    let none = line(&one, "D030", &[]);
    assert_eq!(none.toml[..2], ["[package.AwsVssComponents]", "version = \"2.1.0\""]);
    // The file's package is for newer servers: the older one gets an entry of its own.
    let config = file();
    let beside = line(&one, "D030", &config.desired);
    assert_eq!(beside.toml[..3], ["[package.vss-2-1-0]", "package_name = \"AwsVssComponents\"", "version = \"2.1.0\""]);
    let text = format!("{FILE}{}\n", beside.toml.join("\n").replace("i-1", "i-0123456789abcdef0"));
    assert!(load_text("vss.toml", &text, None).config.is_some(), "{text}");
    one.tags.insert("VssBackup".to_owned(), "enabled".to_owned());
    for check in ["D030", "D002"] {
        assert!(line(&one, check, &config.desired).advice.contains("install 2.1.0 on it"), "{check}");
    }
    one.profile_arn = Some("arn:aws:iam::123456789012:instance-profile/app".to_owned());
    for check in ["D021", "D022"] {
        let line = line(&one, check, &config.desired);
        assert_eq!(line.toml, ["[role.app]"], "{check}");
        assert!(line.advice.contains("a policy of its own"), "{check}: {}", line.advice);
    }
}

#[test]
fn what_aws_says_counts_even_where_no_check_sees_it() {
    let message = "Windows VSS Backup attempt failed because ec2-vss-agent.exe is not installed in the Instance";
    let causes = causes(None, messages::meaning(message), "i-1", None);
    assert_eq!(causes.len(), 1);
    assert_eq!(causes[0].checks, ["D030"]);
}

#[test]
fn what_a_check_ruled_out_is_no_cause() {
    let meaning = messages::meaning(
        "Windows VSS Backup attempt failed because of insufficient privileges to perform this operation",
    );
    let checks = |edit: fn(&mut Evidence)| {
        let mut evidence = fixture::healthy();
        // The version of the package is not known.
        evidence.packages = Known::Known(BTreeMap::new());
        edit(&mut evidence);
        let options = doctor::Options { only: [fixture::ID.to_owned()].into(), ..doctor::Options::default() };
        let causes = causes(Some(&diagnose(&evidence, &options)), meaning, fixture::ID, None);
        causes.into_iter().next().map(|cause| cause.checks).unwrap_or_default()
    };
    assert_eq!(checks(|_| {}), ["D022"]);
    let all = ["D020", "D021", "D022"];
    assert_eq!(checks(|evidence| evidence.profiles = Known::Unknown(Unread::default())), all, "nobody could look");
    let lacking = checks(|evidence| fixture::role(evidence, fixture::INSTANCE_ROLE).managed.clear());
    assert_eq!(lacking, ["D021"], "and what a check found stays");
    assert_eq!(causes(None, meaning, fixture::ID, None)[0].checks, all, "nobody looked");
}
