//! Saved plans through the built binary: applied exactly, or refused with what moved.

use std::os::unix::fs::{PermissionsExt, symlink};
use vssctl::model::Operation;

use serde_json::{Value, json};
use vssctl::plan::file::SavedPlan;
use vssctl::sandbox::Sandbox;
use vssctl::sandbox::backup::RecoveryPoint;

use crate::harness::{MAIN_JOB, Place, Run};

const NO_CHANGES: &str = "No changes. Your infrastructure matches the configuration.";

/// A place where the plan of the main job is saved.
fn planned() -> Place {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["plan", "--out", "plan.json"]).exits(0);
    place
}

/// A place where the main job is applied, and a plan with one change is saved.
fn changing() -> Place {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", MAIN_JOB.replace("cron(0 18", "cron(0 19"));
    place.sandbox(&["plan", "--out", "plan.json"]).exits(0);
    place
}

fn apply(place: &Place, more: &[&str]) -> Run {
    place.sandbox(&[&["apply", "plan.json", "--yes"], more].concat())
}

fn call(place: &Place, service: &str, operation: &str, input: &Value) -> Value {
    let account = Sandbox::open(place.path().join("account.json")).expect("the account");
    account.call(service, operation, "ap-northeast-1", input).unwrap_or_else(|error| panic!("{operation}: {error:?}"))
}

/// Changes a saved plan as somebody would who knows how to seal it again.
fn forge(place: &Place, change: impl FnOnce(&mut SavedPlan)) {
    let mut plan = SavedPlan::parse(&place.read("plan.json")).expect("a saved plan");
    change(&mut plan);
    plan.seal();
    place.write("plan.json", plan.to_text().expect("JSON"));
}

/// Asserts that a refused apply says these words and changes nothing.
#[track_caller]
fn refuses(place: &Place, more: &[&str], code: i32, words: &[&str]) {
    let before = place.sandbox(&["plan"]).stdout;
    let run = apply(place, more).exits(code);
    for word in words {
        assert!(run.stderr.contains(word), "no {word} in {}", run.stderr);
    }
    assert_eq!(place.sandbox(&["plan"]).stdout, before);
}

#[test]
fn a_saved_plan_is_applied_once() {
    let place = planned();
    let run = apply(&place, &[]).exits(0);
    assert_eq!(run.last_line(), "Apply complete! Resources: 7 added, 0 changed, 0 destroyed.");
    assert_eq!(place.sandbox(&["plan"]).exits(0).last_line(), NO_CHANGES);
    refuses(&place, &[], 3, &["`vault.vss` moved since: it has been created", "plan again"]);
}

#[test]
fn the_file_is_private_canonical_and_without_secrets() {
    let place = planned();
    let mode = std::fs::metadata(place.path().join("plan.json")).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = place.read("plan.json");
    let plan: Value = serde_json::from_str(&text).expect("JSON");
    let again = SavedPlan::parse(&text).expect("a saved plan").to_text().expect("JSON");
    assert_eq!(again, text, "one plan has one text");
    for member in ["scope", "partition", "caller_arn", "created_at", "expires_at", "config_sha256", "steps", "objects"]
    {
        assert!(!plan[member].is_null(), "no {member}");
    }
    assert!(!text.to_lowercase().contains("secret") && !text.contains("session_token"));
    let leftovers = std::fs::read_dir(place.path()).expect("the folder");
    let temporary =
        leftovers.filter_map(Result::ok).any(|entry| entry.file_name().to_string_lossy().starts_with(".vssctl-plan"));
    assert!(!temporary);
}

#[test]
fn a_comment_in_the_file_leaves_the_digest_and_the_saved_plan_as_they_are() {
    let place = planned();
    let digest = |place: &Place| {
        let json = place.sandbox(&["plan", "--format", "json"]).exits(0).stdout;
        serde_json::from_str::<Value>(&json).expect("JSON")["digest"].clone()
    };
    let before = digest(&place);
    place.write("vss.toml", format!("# reviewed by two\n\n{}\n# the end\n", place.read("vss.toml")));
    assert_eq!(digest(&place), before);
    apply(&place, &[]).exits(0);
}

#[test]
fn another_meaning_of_the_file_has_another_digest_and_makes_a_saved_plan_stale() {
    let place = planned();
    place.write("vss.toml", place.read("vss.toml").replace("35d", "36d"));
    refuses(&place, &[], 3, &["the configuration changed since it was made", "plan again"]);
}

#[test]
fn a_plan_of_format_1_is_refused_with_the_way_out() {
    let place = planned();
    place.write("plan.json", place.read("plan.json").replacen("\"format\": 2", "\"format\": 1", 1));
    refuses(&place, &[], 6, &["format 1", "plan again with this version"]);
}

#[test]
fn a_plan_is_never_written_through_a_link_and_replaces_an_older_one() {
    let place = planned();
    place.sandbox(&["plan", "--out", "plan.json"]).exits(0);
    place.write("target.json", "mine");
    symlink(place.path().join("target.json"), place.path().join("link.json")).expect("a link");
    place.sandbox(&["plan", "--out", "link.json"]).exits(4);
    place.sandbox(&["plan", "--out", "."]).exits(4);
    place.sandbox(&["plan", "--out", "nowhere/plan.json"]).exits(1);
    assert_eq!(place.read("target.json"), "mine");
}

#[test]
fn a_plan_that_cannot_be_applied_is_not_saved() {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["plan"]).exits(0);
    call(&place, "backup", "CreateBackupVault", &json!({ "BackupVaultName": "vss" }));
    let run = place.sandbox(&["plan", "--out", "plan.json"]).exits(4);
    assert!(run.stderr.contains("not saved") && !place.path().join("plan.json").exists(), "{}", run.stderr);
}

#[test]
fn what_moved_is_named_with_its_address_and_field() {
    let place = changing();
    let plans = call(&place, "backup", "ListBackupPlans", &json!({}));
    let id = plans["BackupPlansList"][0]["BackupPlanId"].clone();
    let live = call(&place, "backup", "GetBackupPlan", &json!({ "BackupPlanId": id }));
    let mut document = live["BackupPlan"].clone();
    document["Rules"][0]["Lifecycle"]["DeleteAfterDays"] = json!(34);
    document["Rules"][0].as_object_mut().expect("a rule").remove("RuleId");
    document["AdvancedBackupSettings"] = live["AdvancedBackupSettings"].clone();
    call(&place, "backup", "UpdateBackupPlan", &json!({ "BackupPlanId": id, "BackupPlan": document }));
    refuses(&place, &[], 3, &["`plan.daily` moved since: `rule.nightly.delete_after`"]);
}

#[test]
fn what_the_plan_itself_changed_is_named_when_it_is_applied_again() {
    let place = changing();
    apply(&place, &[]).exits(0);
    refuses(&place, &[], 3, &["`plan.daily` moved since: `rule.nightly.schedule`"]);
}

#[test]
fn what_moved_elsewhere_refuses_only_where_it_changes_the_plan() {
    let place = changing();
    // Nobody's tag: no difference for the file.
    let tags = json!([{ "Key": "theirs", "Value": "x" }]);
    call(&place, "iam", "TagRole", &json!({ "RoleName": "AWSBackupVss", "Tags": tags }));
    apply(&place, &[]).exits(0);

    let place = changing();
    let input = json!({ "RoleName": "AWSBackupVss", "PolicyArn": "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores" });
    call(&place, "iam", "DetachRolePolicy", &input);
    refuses(&place, &[], 3, &["`role.AWSBackupVss` moved since"]);
}

#[test]
fn recovery_points_that_come_and_go_are_no_move() {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", format!("{MAIN_JOB}[tags]\nteam = \"x\"\n"));
    place.sandbox(&["plan", "--out", "plan.json"]).exits(0);
    let account = Sandbox::open(place.path().join("account.json")).expect("the account");
    let back_up = |account: &mut vssctl::sandbox::account::Account| {
        let region = account.regions.get_mut("ap-northeast-1").expect("the region");
        let vault = region.backup.vaults.get_mut("vss").expect("the vault");
        vault.recovery_points.insert("arn:aws:ec2:ap-northeast-1::image/ami-1".to_owned(), RecoveryPoint::default());
    };
    account.edit(back_up).expect("an edit");
    apply(&place, &[]).exits(0);
}

#[test]
fn a_changed_configuration_makes_a_plan_stale_and_a_foreign_one_is_refused() {
    let place = planned();
    place.write("vss.toml", MAIN_JOB.replace("35d", "36d"));
    refuses(&place, &[], 3, &["the configuration changed"]);
    for (old, new, word) in [
        ("\"windows-backup\"", "\"another\"", "stack `windows-backup`"),
        ("ap-northeast-1", "eu-west-1", "region `ap-northeast-1`"),
        ("123456789012", "210987654321", "account `123456789012`"),
    ] {
        place.write("vss.toml", MAIN_JOB.replace(old, new));
        let run = apply(&place, &[]).exits(4);
        assert!(run.stderr.contains(word), "{}", run.stderr);
    }
}

#[test]
fn a_plan_needs_no_configuration_beside_it() {
    let place = planned();
    std::fs::remove_file(place.path().join("vss.toml")).expect("the file");
    apply(&place, &[]).exits(0);
    place.write("vss.toml", MAIN_JOB);
    assert_eq!(place.sandbox(&["plan"]).exits(0).last_line(), NO_CHANGES);
}

#[test]
fn an_edited_plan_is_refused_however_well_it_is_sealed() {
    let place = planned();
    place.write(
        "plan.json",
        place.read("plan.json").replace("arn:aws:iam::aws:policy/AmazonSSM", "arn:aws:iam::aws:policy/Administrator"),
    );
    refuses(&place, &[], 4, &["edited"]);

    let smuggle = |plan: &mut SavedPlan| {
        let call = vssctl::model::PlannedCall::new(Operation::DeleteRole, json!({ "RoleName": "theirs" }));
        plan.steps[0].calls.push(call.into());
    };
    let place = planned();
    forge(&place, smuggle);
    refuses(&place, &[], 4, &["its steps are not those"]);
    // Without a configuration to compare with, the plan made again tells.
    std::fs::remove_file(place.path().join("vss.toml")).expect("the file");
    let run = apply(&place, &[]).exits(4);
    assert!(run.stderr.contains("its steps are not those"), "{}", run.stderr);

    let place = planned();
    forge(&place, |plan| plan.steps.iter_mut().for_each(|step| step.hazards.clear()));
    forge(&place, |plan| plan.desired[0].protect = true);
    refuses(&place, &[], 4, &["asks for what the file does not say"]);
}

#[test]
fn an_expired_plan_is_stale_and_one_from_the_future_is_refused() {
    let place = planned();
    forge(&place, |plan| {
        plan.created_at = "2020-01-01T00:00:00Z".to_owned();
        plan.expires_at = "2020-01-01T04:00:00Z".to_owned();
    });
    refuses(&place, &[], 3, &["it expired at 2020-01-01T04:00:00Z"]);
    let place = planned();
    forge(&place, |plan| {
        plan.created_at = "2120-01-01T00:00:00Z".to_owned();
        plan.expires_at = "2120-01-01T04:00:00Z".to_owned();
    });
    refuses(&place, &[], 4, &["still to come"]);
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["plan", "--out", "plan.json", "--expires", "25h"]).exits(6);
    place.sandbox(&["plan", "--out", "plan.json", "--expires", "1h"]).exits(0);
    let plan = SavedPlan::parse(&place.read("plan.json")).expect("a saved plan");
    let time = |text: &str| text.parse::<jiff::Timestamp>().expect("a time");
    assert_eq!(time(&plan.expires_at).duration_since(time(&plan.created_at)), jiff::SignedDuration::from_hours(1));
}

#[test]
fn a_plan_expires_by_the_clock_of_aws_whatever_this_machine_says() {
    let served = crate::faults::Served::new();
    served.run(&["plan", "--out", "plan.json"]).exits(0);
    served.sandbox.advance(std::time::Duration::from_hours(5)).expect("the clock");
    let run = served.run(&["apply", "--yes", "plan.json"]).exits(3);
    assert!(run.stderr.contains("it expired at 2026-01-01T04:"), "{}", run.stderr);
}

#[test]
fn a_digest_binds_what_is_applied_to_what_was_reviewed() {
    let place = planned();
    let saved = SavedPlan::parse(&place.read("plan.json")).expect("a saved plan").digest;
    let json = place.sandbox(&["plan", "--format", "json"]).exits(0).stdout;
    let printed: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(printed["digest"], saved.as_str(), "times are no part of it");
    let other = format!("sha256:{}", "0".repeat(64));
    refuses(&place, &["--expect-digest", &other], 4, &["was reviewed"]);
    place.sandbox(&["apply", "--yes", "--expect-digest", "sha256:12"]).exits(6);
    // With no file to carry: what is planned now must be what was reviewed.
    let run = place.sandbox(&["apply", "--yes", "--expect-digest", &other]).exits(3);
    assert!(run.stderr.contains(&saved), "{}", run.stderr);
    place.write("vss.toml", MAIN_JOB.replace("35d", "36d"));
    place.sandbox(&["apply", "--yes", "--expect-digest", &saved]).exits(3);
    place.write("vss.toml", MAIN_JOB);
    place.sandbox(&["apply", "--yes", "--expect-digest", &saved]).exits(0);
}

#[test]
fn a_saved_plan_carries_its_hazards_and_asks_for_the_same_consent() {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", MAIN_JOB.replace("windows_vss = true", "windows_vss = false"));
    place.sandbox(&["plan", "--out", "plan.json"]).exits(0);
    refuses(&place, &[], 4, &["--allow vss-disabled"]);
    let place_shown = place.run(&["show", "plan.json"]).exits(0);
    assert!(place_shown.stdout.contains("! vss-disabled: "), "{}", place_shown.stdout);
    assert!(place_shown.stderr.contains("Digest: sha256:"), "{}", place_shown.stderr);
    apply(&place, &["--allow", "vss-disabled"]).exits(0);
}

#[test]
fn a_forged_plan_moves_no_cursor_when_it_is_shown() {
    let place = planned();
    forge(&place, |plan| {
        plan.created_at = "\u{1b}]0;pwned\u{7}".to_owned();
        plan.expires_at = "\u{202e}Z".to_owned();
        plan.changes[0].name = "\u{1b}[2K".to_owned();
    });
    let run = place.run(&["show", "plan.json"]).exits(0);
    let text = run.stdout + &run.stderr;
    assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
}

#[test]
fn what_is_no_saved_plan_is_a_usage_error() {
    let place = Place::with(MAIN_JOB);
    for (text, word) in [("", "not a saved plan"), ("{}", "no `format`"), ("{\"format\": 99}", "format 99")] {
        place.write("plan.json", text);
        let run = apply(&place, &[]).exits(6);
        assert!(run.stderr.contains(word), "{}", run.stderr);
    }
    place.write("plan.json", vec![b' '; 2 * 1024 * 1024 + 1]);
    apply(&place, &[]).exits(6);
    place.sandbox(&["apply", "missing.json"]).exits(6);
    place.sandbox(&["apply", "plan.json", "--prune"]).exits(6);
    let schema: Value = serde_json::from_str(&place.run(&["schema", "--plan"]).exits(0).stdout).expect("JSON");
    assert!(schema["properties"]["steps"].is_object());
}

#[test]
fn an_attachment_is_applied_as_it_was_saved_and_an_instance_that_joined_since_is_named() {
    let attachment = "\n[attachment.servers]\ninstance_profile = \"EC2RoleforSSMVSSSnapshotV2\"\ntargets = { tags = { VssBackup = \"enabled\" } }\n";
    let place = Place::with(&format!("{MAIN_JOB}{attachment}"));
    place.sandbox(&["plan", "--out", "plan.json"]).exits(0);
    let all = call(&place, "ec2", "DescribeInstances", &json!({}));
    let ids = all["Reservations"].as_array().expect("a list").iter().map(|one| &one["Instances"][0]["InstanceId"]);
    let tags = json!([{"Key": "VssBackup", "Value": "enabled"}]);
    call(&place, "ec2", "CreateTags", &json!({"Resources": ids.collect::<Vec<_>>(), "Tags": tags}));
    refuses(&place, &[], 3, &["attachment.servers"]);
    place.sandbox(&["plan", "--out", "plan.json"]).exits(0);
    apply(&place, &[]).exits(0);
    assert_eq!(place.sandbox(&["plan"]).exits(0).last_line(), NO_CHANGES);
    let associations = call(&place, "ec2", "DescribeIamInstanceProfileAssociations", &json!({}));
    assert_eq!(associations["IamInstanceProfileAssociations"].as_array().map(Vec::len), Some(5));
}

#[test]
fn show_writes_a_saved_plan_as_it_is_and_takes_every_address_that_a_plan_names() {
    let place = crate::harness::Place::with(crate::harness::MAIN_JOB);
    place.sandbox(&["plan", "--out", "plan.json"]).exits(0);
    let shown = place.sandbox(&["show", "plan.json", "--format", "json"]).exits(0).stdout;
    assert_eq!(shown.trim_end(), place.read("plan.json").trim_end());
    place.sandbox(&["apply", "--yes"]).exits(0);
    let start = crate::harness::MAIN_JOB.find("[package.").expect("a package");
    let end = crate::harness::MAIN_JOB.find("[vault.").expect("a vault");
    let without = format!("{}{}", &crate::harness::MAIN_JOB[..start], &crate::harness::MAIN_JOB[end..]);
    place.write("vss.toml", without);
    let plan = place.sandbox(&["plan"]).exits(0).stdout;
    assert!(plan.contains("package.AwsVssComponents"), "the orphan is named: {plan}");
    let both = place.sandbox(&["show", "vault.vss", "package.AwsVssComponents", "--format", "json"]).exits(0).stdout;
    let both: serde_json::Value = serde_json::from_str(&both).expect("JSON");
    let found = |index: usize| (both["resources"][index]["address"].clone(), both["resources"][index]["found"].clone());
    assert_eq!(
        [found(0), found(1)],
        [("vault.vss".into(), "live".into()), ("package.AwsVssComponents".into(), "live".into())]
    );
    assert!(both["resources"][1]["ids"]["AssociationId"].is_string(), "{both:#}");
    assert!(place.sandbox(&["show", "package.Other"]).exits(6).stderr.contains("package.Other"));
}
