//! Transcripts: each file of `tests/scenarios` is run command by command in a directory of its own, and what happens is
//! compared with what it says. `SNAPSHOTS=overwrite` writes what happened into the files, to be read before it is kept.
//!
//! A block marked `console` holds one command after `$ `, its stdout and stderr, and `[exit N]` where N is not 0. A
//! block marked `toml NAME` is written to the file NAME. Everything else is prose.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;
use snapbox::{Assert, Data};

use crate::harness::{MAIN_JOB, Place};

fn transcript(name: &str) {
    transcript_in(&Place::empty(), name);
}

/// Runs a transcript in a directory where something happened before.
fn transcript_in(place: &Place, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(name);
    let text = std::fs::read_to_string(&path).expect("a transcript");
    let assert = Assert::new().action_env("SNAPSHOTS");
    assert.eq(Data::text(replay(place, &text)), Data::read_from(&path, Some(snapbox::data::DataFormat::Text)).raw());
}

/// Runs the commands of a transcript and returns it as it really goes.
fn replay(place: &Place, text: &str) -> String {
    let mut actual = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let _ = writeln!(actual, "{line}");
        let Some(mark) = line.strip_prefix("```").filter(|mark| !mark.is_empty()) else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if let Some(file) = mark.strip_prefix("toml ") {
            let content: String = block.iter().flat_map(|line| [line, "\n"]).collect();
            place.write(file, &content);
            actual.push_str(&content);
        } else if mark == "console" {
            let command = block.first().and_then(|line| line.strip_prefix("$ ")).expect("a command after `$ `");
            let run = place.shell(&format!("{{ {command} ; }} 2>&1"));
            let _ = writeln!(actual, "$ {command}");
            actual.push_str(&settled(&run.stdout));
            if run.code != Some(0) {
                let _ = writeln!(actual, "[exit {}]", run.code.expect("an exit code"));
            }
        } else {
            actual.extend(block.iter().flat_map(|line| [line, "\n"]));
        }
        actual.push_str("```\n");
    }
    actual
}

/// Takes out what differs from run to run: durations, points in time, and the ids of jobs and what they make.
fn settled(output: &str) -> String {
    let mut output = output.to_owned();
    for (pattern, settled) in [
        (r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-01-01T00:00:00Z"),
        (r"\b[MTWFS][a-z]{2} 20\d\d-\d\d-\d\d\b", "Thu 2026-01-01"),
        (r"(\s)20\d\d-\d\d-\d\d (\d\d:\d\d,)", "${1}2026-01-01 $2"),
        (r"\b\d+ s\b", "0 s"),
        (r"\(\d+(\.\d+)?m?s\)", "(0.0s)"),
        (r"in \d+ minutes", "in 9 minutes"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}\b", "00000000-0000-4000-a000-000000000000"),
        (r"\b[0-9a-f]{8}-5a4d-4b0c-8000-[0-9a-f]{12}\b", "00000001-5a4d-4b0c-8000-000000000001"),
        (r"\b(ami|snap)-0[0-9a-f]{16}\b", "$1-0123456789abcdef0"),
    ] {
        output = regex::Regex::new(pattern).expect("a pattern").replace_all(&output, settled).into_owned();
    }
    output
}

#[test]
fn the_main_job_goes_as_its_transcript_says() {
    let text = include_str!("../scenarios/main-job.md");
    assert!(text.contains(MAIN_JOB), "the transcript shows another file than the tests take");
    transcript("main-job.md");
}

#[test]
fn the_announcement_goes_as_its_transcript_says() {
    transcript("announcement.md");
}

#[test]
fn mistakes_are_answered_as_the_transcript_says() {
    transcript("mistakes.md");
}

#[test]
fn strangers_are_refused_as_the_transcript_says() {
    transcript("strangers.md");
}

#[test]
fn a_lease_of_somebody_else_is_answered_as_the_transcript_says() {
    let place = Place::empty();
    let sandbox = vssctl::sandbox::Sandbox::open(place.path().join("account.json")).expect("a sandbox");
    let record = serde_json::json!({
        "v": 1, "owner_uuid": "00000000-0000-4000-8000-000000000001", "state": "held", "op": "apply",
        "caller_arn": "arn:aws:iam::123456789012:user/somebody", "started": "2026-01-01T00:00:00Z", "lease_s": 120,
    });
    let parameter = serde_json::json!({
        "Name": "/vssctl/v1/windows-backup/lock/00000007", "Value": record.to_string(), "Type": "String",
    });
    sandbox.call("ssm", "PutParameter", "ap-northeast-1", &parameter).expect("a lease");
    transcript_in(&place, "lease.md");
}

#[test]
fn a_hand_written_policy_is_migrated_as_the_transcript_says() {
    let place = Place::empty();
    std::fs::copy(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/announcement.yaml"),
        place.path().join("announcement.yaml"),
    )
    .expect("the template");
    let sandbox = vssctl::sandbox::Sandbox::open(place.path().join("account.json")).expect("a sandbox");
    let call = |service: &str, operation: &str, input: serde_json::Value| {
        sandbox
            .call(service, operation, "ap-northeast-1", &input)
            .unwrap_or_else(|error| panic!("{service}:{operation}: {error:?}"))
    };
    let trust = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}});
    call("iam", "CreateRole", json!({"RoleName": "VssSnapshotRole", "AssumeRolePolicyDocument": trust.to_string()}));
    let core = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore";
    call("iam", "AttachRolePolicy", json!({"RoleName": "VssSnapshotRole", "PolicyArn": core}));
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ec2:CreateTags", "Resource": ["arn:aws:ec2:*::snapshot/*", "arn:aws:ec2:*::image/*"]},
        {"Effect": "Allow", "Action": ["ec2:DescribeInstances", "ec2:CreateSnapshot", "ec2:CreateImage", "ec2:DescribeImages", "ec2:DescribeSnapshots"], "Resource": "*"},
    ]});
    let put = json!({"RoleName": "VssSnapshotRole", "PolicyName": "snapshots", "PolicyDocument": policy.to_string()});
    call("iam", "PutRolePolicy", put);
    call("iam", "CreateInstanceProfile", json!({"InstanceProfileName": "VssSnapshotRole"}));
    let hold = json!({"InstanceProfileName": "VssSnapshotRole", "RoleName": "VssSnapshotRole"});
    call("iam", "AddRoleToInstanceProfile", hold);
    let by_name = json!({"Filters": [{"Name": "tag:Name", "Values": ["sql-1"]}]});
    let found = call("ec2", "DescribeInstances", by_name);
    let id = found["Reservations"][0]["Instances"][0]["InstanceId"].clone();
    let carry = json!({"InstanceId": id, "IamInstanceProfile": {"Name": "VssSnapshotRole"}});
    call("ec2", "AssociateIamInstanceProfile", carry);
    let parameters = json!({"action": ["Install"], "name": ["AwsVssComponents"], "version": ["2.2.1"]});
    let install = json!({"DocumentName": "AWS-ConfigureAWSPackage", "InstanceIds": [id], "Parameters": parameters});
    call("ssm", "SendCommand", install);
    sandbox.advance(std::time::Duration::from_mins(5)).expect("time goes on");
    transcript_in(&place, "migrate.md");
}
