//! `vssctl backup`: what it asks for, what it says, and that it asks once.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use vssctl::model::Operation;

use serde_json::{Value, json};
use vssctl::aws::{BackupOrder, persist};
use vssctl::observe::backup as observed;
use vssctl::permissions::{Facts, Purpose, documents};
use vssctl::policy::Decision;
use vssctl::sandbox::faults::{Fault, FaultKind};

use crate::bench::{self, Bench};
use crate::faults::Served;
use crate::harness::{MAIN_JOB, Place};

const ATTACHMENT: &str = "
[attachment.windows]
instance_profile = \"EC2RoleforSSMVSSSnapshotV2\"
targets = { tags = { VssBackup = \"enabled\" } }
";

/// The main job with the profile on the instances, applied, and the package installed.
fn ready(more: &str) -> Place {
    let place = Place::with(&format!("{MAIN_JOB}{ATTACHMENT}{more}"));
    place.sandbox(&["apply", "--yes", "--allow", "protection-gap"]).exits(0);
    place.sandbox(&["sandbox", "advance", "5m"]).exits(0);
    place
}

fn jobs(served: &Served) -> Vec<Value> {
    let answer = served.sandbox.call("backup", "ListBackupJobs", "ap-northeast-1", &json!({})).expect("jobs");
    answer["BackupJobs"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_consistent_backup_is_told_of_as_json_too() {
    let place = ready("");
    let run = place.sandbox(&["backup", "sql-1", "--format", "json"]).exits(0);
    let answer: Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(answer["report"]["proof"]["outcome"], "consistent");
    assert_eq!(answer["report"]["proof"]["job"]["backup_type"], "WindowsVSS");
    let snapshots = answer["report"]["image"]["snapshots"].as_array().expect("snapshots");
    assert!(snapshots.len() == 2 && snapshots.iter().all(|snapshot| snapshot["app_consistent"] == "True"));
}

#[test]
fn no_line_of_a_backup_goes_past_eighty_columns() {
    let place = ready("");
    let run = place.sandbox(&["backup", "sql-1"]).exits(0);
    let is_told = run.stdout.contains("\n  snapshot  snap-") && run.stderr.contains("\nJob ");
    assert!(is_told, "{}{}", run.stdout, run.stderr);
    let long = run.stdout.lines().chain(run.stderr.lines()).find(|line| line.chars().count() > 80);
    assert_eq!(long, None);
}

#[test]
fn an_instance_is_meant_by_its_id_as_well_as_by_its_name() {
    let place = ready("");
    let run = place.sandbox(&["backup", "sql-1", "--format", "json"]).exits(0);
    let answer: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let id = answer["report"]["id"].as_str().expect("an id");
    place.sandbox(&["backup", id]).exits(0);
}

#[test]
fn a_backup_that_failed_is_no_backup() {
    let place = ready("");
    let text = place
        .read("vss.toml")
        .replace("[vault.vss]", "[vault.vss]\nlock = { mode = \"governance\", min_retention = \"7d\" }");
    place.write("vss.toml", text);
    place.sandbox(&["apply", "--yes"]).exits(0);
    let run = place.sandbox(&["backup", "sql-1", "--delete-after", "3d"]).exits(1);
    assert!(run.stdout.contains("there is no backup"), "{}", run.stdout);
    assert!(run.stdout.contains("The retention specified in the job is not within the range"), "{}", run.stdout);
    assert!(run.stdout.contains("bring `delete_after`"), "{}", run.stdout);
}

#[test]
fn what_the_file_leaves_open_is_asked_for() {
    let place = ready(
        "[vault.other]\n[plan.daily.rule.weekly]\nvault = \"other\"\nschedule = \"cron(0 3 ? * SUN *)\"\nstart_window = \"1h\"\n",
    );
    let run = place.sandbox(&["backup", "sql-1"]).exits(6);
    assert!(run.stderr.contains("does not say which vault"), "{}", run.stderr);
    assert!(run.stderr.contains("other, vss") && run.stderr.contains("`--vault`"), "{}", run.stderr);
    place.sandbox(&["backup", "sql-1", "--vault", "other"]).exits(0);
    let run = place.sandbox(&["backup", "sql-1", "--vault", "othr"]).exits(6);
    assert!(run.stderr.contains("did you mean `other`?"), "{}", run.stderr);
    let run = place.sandbox(&["backup", "web-1", "--vault", "vss"]).exits(6);
    assert!(run.stderr.contains("does not run Windows"), "{}", run.stderr);
}

/// The role that AWS's console makes for AWS Backup, at the path where it makes it.
fn default_role() -> Value {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    json!({
        "RoleName": "AWSBackupDefaultServiceRole",
        "Path": "/service-role/",
        "AssumeRolePolicyDocument": trust.to_string(),
    })
}

#[test]
fn a_role_that_the_file_does_not_have_is_found_at_its_path() {
    let served = Served::new();
    served.run(&["apply", "--yes"]).exits(0);
    let call = |operation: &str, input: &Value| served.sandbox.call("iam", operation, "ap-northeast-1", input);
    call("CreateRole", &default_role()).expect("a role");
    let policy = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup";
    call("AttachRolePolicy", &json!({"RoleName": "AWSBackupDefaultServiceRole", "PolicyArn": policy}))
        .expect("a policy");
    let backup = |role: &str| served.run(&["backup", "sql-1", "--no-wait", "--role", role]);
    backup("AWSBackupDefaultServiceRole").exits(0);
    let arn = "arn:aws:iam::123456789012:role/service-role/AWSBackupDefaultServiceRole";
    assert_eq!(jobs(&served)[0]["IamRoleArn"], arn);
    backup(arn).exits(0);
    for (role, hint) in [
        ("AWSBackupVs", "did you mean `AWSBackupVss`?"),
        ("Nobody", "`--role` takes the name of a role that trusts backup.amazonaws.com, or its ARN"),
        ("service-role/AWSBackupDefaultServiceRole", "such as `AWSBackupDefaultServiceRole`, or an ARN"),
    ] {
        let run = backup(role).exits(6);
        assert!(run.stderr.contains(&format!("there is no role `{role}` in account 123456789012")), "{}", run.stderr);
        assert!(run.stderr.split_whitespace().collect::<Vec<_>>().join(" ").contains(hint), "{}", run.stderr);
    }
    served.sandbox.inject(Fault::new(FaultKind::AccessDenied).service("iam").operation("GetRole").times(u32::MAX));
    let run = backup("AWSBackupDefaultServiceRole").exits(1);
    assert!(run.stderr.contains("iam:GetRole") && run.stderr.contains("the role's ARN"), "{}", run.stderr);
    // With the ARN nobody asks.
    backup(arn).exits(0);
}

/// A server whose package is too old for the policy, with the profile and the role that the file has.
const OLD: &str = r#"
region = "ap-northeast-1"

[[instance]]
name    = "old-1"
package = "2.2.1"
profile = "EC2RoleforSSMVSSSnapshotV2"
tags    = { Team = "sql" }
"#;

#[test]
fn what_is_as_it_must_be_is_not_among_the_lines_to_change() {
    let place = Place::with(MAIN_JOB);
    place.write("fleet.toml", OLD);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.sandbox(&["sandbox", "load", "fleet.toml"]).exits(0);
    let run = place.sandbox(&["backup", "old-1", "--format", "json"]).exits(8);
    let answer: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let lines = answer["report"]["lines"].as_array().expect("lines");
    let first: Vec<&Value> = lines.iter().map(|line| &line["toml"][0]).collect();
    assert_eq!(first, ["[package.AwsVssComponents]"], "{answer:#}");
}

#[test]
fn a_lost_answer_makes_no_second_backup() {
    let served = Served::new();
    served.run(&["apply", "--yes"]).exits(0);
    served.sandbox.inject(Fault::new(FaultKind::ResetAfter).service("backup").operation("StartBackupJob"));
    let run = served.run(&["backup", "sql-1", "--no-wait"]).exits(0);
    let jobs = jobs(&served);
    assert_eq!(jobs.len(), 1);
    assert!(run.stderr.contains(jobs[0]["BackupJobId"].as_str().expect("an id")), "{}", run.stderr);
}

#[test]
fn ctrl_c_ends_the_waiting_and_not_the_backup() {
    let served = Served::new();
    served.run(&["apply", "--yes"]).exits(0);
    let mut command = served.prepare(&["backup", "sql-1"], "123456789012");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("vssctl runs");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "The job waits for its start."));
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().expect("an end").code(), Some(130), "{rest:?}");
    let rest = rest.join("\n");
    assert!(rest.contains("The backup goes on") && rest.contains("describe-backup-job --backup-job-id"), "{rest}");
    assert_eq!(jobs(&served)[0]["State"], "CREATED");
}

#[test]
fn the_printed_permissions_are_enough_for_a_backup_and_for_its_evidence() {
    let text = format!("{MAIN_JOB}{ATTACHMENT}");
    let mut bench = Bench::new();
    bench.apply(&text);
    bench.call("iam", "CreateRole", &default_role());
    let config = bench::load(&text);
    let key = "AKIABACKUP0000000000";
    let documents = documents(Purpose::Backup, &Facts::of(&config.scope, &config.desired, false));
    bench.sandbox.restrict(key, &documents).expect("policies");
    bench.act_as(Some(key));
    let clients = bench.clients(&config.scope);
    let writer = clients.writer();
    let sql = bench.wait(observed::instances(&clients.reader())).expect("instances");
    let sql = sql.iter().find(|instance| instance.name == "sql-1").expect("sql-1");
    let order = BackupOrder {
        resource: config.scope.arn("ec2", &format!("instance/{}", sql.id)),
        vault: "vss".to_owned(),
        role: config.scope.iam_arn("role", "/", "AWSBackupVss"),
        delete_after_days: Some(35),
        token: "one".to_owned(),
    };
    let pace = std::time::Duration::from_millis(1);
    let started = bench.wait(persist(pace, Operation::StartBackupJob, || writer.start_backup_job(&order)));
    let id = started.expect("a job");
    bench.sandbox.pass(std::time::Duration::from_hours(1)).expect("time passes");
    let (job, _) = bench.wait(observed::job(&clients.reader(), &id)).expect("the job");
    let (_, image) = bench.wait(observed::proof(&clients.reader(), &job));
    assert_eq!(image.expect("an image").snapshots.len(), 2);
    let elsewhere = bench.wait(clients.reader().role("AWSBackupDefaultServiceRole")).expect("a role at a path");
    assert_eq!(elsewhere.path(), "/service-role/");
    let refused: Vec<_> =
        bench.sandbox.authorizations().into_iter().filter(|one| one.decision != Decision::Allowed).collect();
    assert_eq!(refused, []);
}
