//! The sandbox's file: several processes, crashes, older and newer formats, and random calls performed again.

use std::fs::OpenOptions;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::sandbox::Sandbox;
use crate::sandbox::wire::DEFAULT_ACCOUNT;

const REGION: &str = "eu-west-1";

fn vault(sandbox: &Sandbox, name: &str) {
    let input = json!({ "BackupVaultName": name });
    sandbox.call("backup", "CreateBackupVault", REGION, &input).unwrap();
}

fn vaults(sandbox: &Sandbox) -> Vec<String> {
    let answer = sandbox.call("backup", "ListBackupVaults", REGION, &json!({})).unwrap();
    let list = answer["BackupVaultList"].as_array().unwrap();
    list.iter().map(|vault| vault["BackupVaultName"].as_str().unwrap().to_owned()).collect()
}

/// Leaves what a killed process leaves: it no longer runs, and the file stays as it is.
fn kill(sandbox: Sandbox) {
    std::mem::forget(sandbox);
}

/// Counts the steps in a file.
fn steps(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap().lines().filter(|line| line.starts_with(",{")).count()
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("account.json")
    }
}

#[test]
fn two_handles_see_each_others_steps_and_snapshots() {
    let place = Place::new();
    let (one, two) = (Sandbox::open(place.path()).unwrap(), Sandbox::open(place.path()).unwrap());
    vault(&one, "aa");
    vault(&two, "bb");
    vault(&one, "cc");
    assert_eq!(steps(&place.path()), 3, "each call is a line");
    assert_eq!(vaults(&one), ["aa", "bb", "cc"]);
    assert_eq!(vaults(&two), ["aa", "bb", "cc"]);
    // A snapshot replaces the file that the other handle has open.
    one.advance(Duration::from_mins(5)).unwrap();
    assert_eq!(steps(&place.path()), 0);
    vault(&two, "dd");
    assert_eq!(vaults(&one).len(), 4);
    assert_eq!(one.dump(None).unwrap(), two.dump(None).unwrap());
    // The end of a process writes a snapshot as well.
    drop(two);
    assert_eq!(steps(&place.path()), 0);
    vault(&one, "ee");
    let three = Sandbox::open(place.path()).unwrap();
    assert_eq!(vaults(&three).len(), 5);
    assert_eq!(one.dump(None).unwrap(), three.dump(None).unwrap());
}

#[test]
fn a_killed_process_loses_nothing_and_the_next_one_goes_on() {
    let place = Place::new();
    let killed = Sandbox::open(place.path()).unwrap();
    vault(&killed, "aa");
    vault(&killed, "bb");
    let left = killed.dump(None).unwrap();
    kill(killed);
    assert_eq!(steps(&place.path()), 2);
    let next = Sandbox::open(place.path()).unwrap();
    assert_eq!(next.dump(None).unwrap(), left);
    vault(&next, "cc");
    drop(next);
    assert_eq!(steps(&place.path()), 0);
    assert_eq!(vaults(&Sandbox::open(place.path()).unwrap()).len(), 3);
    assert_eq!(std::fs::metadata(place.path()).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn reading_adds_nothing_to_the_file() {
    let place = Place::new();
    let sandbox = Sandbox::open(place.path()).unwrap();
    vault(&sandbox, "aa");
    drop(sandbox);
    let before = std::fs::read(place.path()).unwrap();
    let sandbox = Sandbox::open(place.path()).unwrap();
    vaults(&sandbox);
    sandbox.call("iam", "ListRoles", "us-east-1", &json!({})).unwrap();
    sandbox.call("ssm", "DescribeInstanceInformation", REGION, &json!({})).unwrap();
    sandbox.dump(None).unwrap();
    drop(sandbox);
    assert_eq!(std::fs::read(place.path()).unwrap(), before);
}

#[test]
fn a_line_that_was_not_written_to_its_end_is_dropped() {
    let place = Place::new();
    let sandbox = Sandbox::open(place.path()).unwrap();
    vault(&sandbox, "aa");
    let whole = std::fs::read(place.path()).unwrap();
    vault(&sandbox, "bb");
    let both = std::fs::read(place.path()).unwrap();
    kill(sandbox);
    let end = whole.len() - CLOSE.len();
    let torn = end..both.len() - CLOSE.len();
    for length in torn.clone().filter(|length| length - end < 6 || torn.end - length < 6 || length % 16 == 0) {
        // The kernel writes a part of the line over the closing line, whose end may remain after it.
        let mut torn = both[..length].to_vec();
        torn.extend_from_slice(whole.get(length..).unwrap_or_default());
        std::fs::write(place.path(), &torn).unwrap();
        let (reader, writer) = (Sandbox::open(place.path()).unwrap(), Sandbox::open(place.path()).unwrap());
        assert_eq!(vaults(&reader), ["aa"], "{length}");
        vault(&writer, "cc");
        assert_eq!(vaults(&reader), ["aa", "cc"], "{length}");
        serde_json::from_slice::<Value>(&std::fs::read(place.path()).unwrap()).expect("the file is one value again");
    }
    // The line is whole, and only the closing one is missing.
    std::fs::write(place.path(), &both[..both.len() - CLOSE.len()]).unwrap();
    assert_eq!(vaults(&Sandbox::open(place.path()).unwrap()), ["aa", "bb"]);
}

#[test]
fn a_damaged_step_in_the_middle_is_told_with_its_number() {
    let place = Place::new();
    let sandbox = Sandbox::open(place.path()).unwrap();
    for name in ["aa", "bb", "cc"] {
        vault(&sandbox, name);
    }
    kill(sandbox);
    let text = std::fs::read_to_string(place.path()).unwrap();
    let damaged = text.replacen(":\"bb\"", ":\"bb", 1);
    std::fs::write(place.path(), &damaged).unwrap();
    let error = Sandbox::open(place.path()).unwrap_err();
    let SandboxError::Corrupt { source, .. } = &error else { panic!("{error}") };
    assert!(source.to_string().starts_with("step 2 of the journal: "), "{source}");
    assert_eq!(std::fs::read_to_string(place.path()).unwrap(), damaged);
}

#[test]
fn a_file_of_format_1_is_read_and_becomes_format_2_when_something_changes() {
    let place = Place::new();
    let sandbox = Sandbox::open(place.path()).unwrap();
    vault(&sandbox, "old");
    let mut value: Value = serde_json::from_str(&sandbox.dump(None).unwrap()).unwrap();
    kill(sandbox);
    value["format"] = json!(1);
    let old = value.to_string();
    std::fs::write(place.path(), &old).unwrap();
    let sandbox = Sandbox::open(place.path()).unwrap();
    assert_eq!(vaults(&sandbox), ["old"]);
    assert_eq!(std::fs::read_to_string(place.path()).unwrap(), old, "reading leaves it as it is");
    vault(&sandbox, "new");
    vault(&sandbox, "newer");
    assert_eq!(steps(&place.path()), 1, "the first change writes a snapshot");
    assert!(std::fs::read_to_string(place.path()).unwrap().starts_with("{\"format\":2,\"generation\":"));
    assert_eq!(vaults(&Sandbox::open(place.path()).unwrap()), ["new", "newer", "old"]);
}

#[test]
fn an_older_program_can_read_the_format_of_a_file_with_steps() {
    #[derive(Deserialize)]
    struct Old {
        format: u32,
    }
    let place = Place::new();
    let sandbox = Sandbox::open(place.path()).unwrap();
    vault(&sandbox, "aa");
    vault(&sandbox, "bb");
    let bytes = std::fs::read(place.path()).unwrap();
    // An older program reads the whole file as one value, and refuses formats that are higher than its own.
    assert_eq!(serde_json::from_slice::<Old>(&bytes).unwrap().format, 2);
    assert!(has_head(&bytes[..64]));
}

#[test]
fn what_somebody_wrote_in_another_form_is_read_with_its_steps() {
    let place = Place::new();
    let sandbox = Sandbox::open(place.path()).unwrap();
    vault(&sandbox, "aa");
    vault(&sandbox, "bb");
    kill(sandbox);
    let value: Value = serde_json::from_slice(&std::fs::read(place.path()).unwrap()).unwrap();
    for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap() + "\n"] {
        std::fs::write(place.path(), text).unwrap();
        let sandbox = Sandbox::open(place.path()).unwrap();
        assert_eq!(vaults(&sandbox), ["aa", "bb"]);
        kill(sandbox);
    }
}

#[test]
fn a_file_that_somebody_wrote_anew_in_its_place_is_read_anew() {
    let place = Place::new();
    let sandbox = Sandbox::open(place.path()).unwrap();
    let other = sandbox.dump(None).unwrap();
    vault(&sandbox, "aa");
    let text = other.replace('\n', "") + &" ".repeat(100_000);
    OpenOptions::new().write(true).truncate(true).open(place.path()).unwrap().write_all(text.as_bytes()).unwrap();
    assert!(vaults(&sandbox).is_empty());
}

#[test]
fn an_account_that_was_thrown_away_under_a_process_is_a_new_one() {
    let place = Place::new();
    let sandbox = Sandbox::open(place.path()).unwrap();
    vault(&sandbox, "aa");
    std::fs::remove_file(place.path()).unwrap();
    assert!(vaults(&sandbox).is_empty());
    vault(&sandbox, "bb");
    std::fs::remove_file(place.path()).unwrap();
    drop(sandbox);
    assert!(!place.path().exists(), "the end of a process makes no file");
}

#[test]
fn a_journal_that_has_outgrown_its_snapshot_becomes_one() {
    let place = Place::new();
    let sandbox = Sandbox::open(place.path()).unwrap();
    let value = "x".repeat(4000);
    let mut longest = 0;
    for number in 0..600 {
        let input = json!({
            "Name": "/p", "Value": value, "Type": "String", "Overwrite": true, "Description": number.to_string(),
        });
        sandbox.call("ssm", "PutParameter", REGION, &input).unwrap();
        longest = longest.max(std::fs::metadata(place.path()).unwrap().len());
    }
    // The account keeps a hundred versions; without snapshots the file would have 2.5 MB.
    assert!(longest < 2 * LONG, "{longest}");
    assert_eq!(sandbox.dump(None).unwrap(), Sandbox::open(place.path()).unwrap().dump(None).unwrap());
}

#[test]
fn a_dump_has_what_an_export_has() {
    let place = Place::new();
    let sandbox = Sandbox::open(place.path()).unwrap();
    vault(&sandbox, "aa");
    let export = sandbox.export().unwrap();
    let dump: Value = serde_json::from_str(&sandbox.dump(None).unwrap()).unwrap();
    let members: Vec<&String> = dump.as_object().unwrap().keys().collect();
    assert_eq!(members, ["format", "generation", "clock", "accounts"]);
    let held = &dump["accounts"][DEFAULT_ACCOUNT];
    assert_eq!(serde_json::to_string_pretty(&held["account"]).unwrap(), export);
    assert!(held["serial"].is_u64());
    let only: Value = serde_json::from_str(&sandbox.dump(Some(DEFAULT_ACCOUNT)).unwrap()).unwrap();
    assert_eq!(only, dump);
    let stranger = sandbox.dump(Some("210987654321")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&stranger).unwrap()["accounts"], json!({}));
    // The file can also be read as a whole.
    kill(sandbox);
    std::fs::write(place.path(), dump.to_string()).unwrap();
    assert_eq!(vaults(&Sandbox::open(place.path()).unwrap()), ["aa"]);
}

/// The ids that calls use; a generated id is known only once the account has made it.
fn ids(state: &State) -> (String, String) {
    let region = state.accounts.get(DEFAULT_ACCOUNT).and_then(|held| held.account.regions.get(REGION));
    let plan = region.and_then(|region| region.backup.plans.keys().next().cloned());
    let association = region.and_then(|region| region.ssm.associations.keys().next().cloned());
    (plan.unwrap_or_default(), association.unwrap_or_default())
}

/// Makes one random call.
fn call(kind: u8, number: u8, state: &State) -> (&'static str, &'static str, Value) {
    let trust = |service: &str| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]})
        .to_string()
    };
    let name = format!("n{}", number % 3);
    let role = "arn:aws:iam::123456789012:role/n0";
    let fleet = crate::sandbox::fleet::Fleet::seed(REGION, DEFAULT_ACCOUNT);
    let id = fleet.instances.keys().nth(usize::from(number) % fleet.instances.len()).cloned().unwrap_or_default();
    let instance = format!("arn:aws:ec2:{REGION}:{DEFAULT_ACCOUNT}:instance/{id}");
    let (plan, association) = ids(state);
    match kind {
        0 => {
            let input = json!({"RoleName": name, "AssumeRolePolicyDocument": trust("backup.amazonaws.com")});
            ("iam", "CreateRole", input)
        }
        1 => {
            let policy = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup";
            ("iam", "AttachRolePolicy", json!({"RoleName": name, "PolicyArn": policy}))
        }
        2 => ("iam", "DeleteRole", json!({ "RoleName": name })),
        3 => ("backup", "CreateBackupVault", json!({ "BackupVaultName": name })),
        4 => {
            let nightly = json!({
                "RuleName": "r", "TargetBackupVaultName": "n0",
                "ScheduleExpression": "cron(0 5 * * ? *)", "Lifecycle": {"DeleteAfterDays": 1},
            });
            let input = json!({"BackupPlan": {"BackupPlanName": name, "Rules": [nightly]}});
            ("backup", "CreateBackupPlan", input)
        }
        5 => {
            let selection = json!({"SelectionName": name, "IamRoleArn": role, "Resources": ["*"]});
            ("backup", "CreateBackupSelection", json!({"BackupPlanId": plan, "BackupSelection": selection}))
        }
        6 | 7 => {
            let input = json!({"BackupVaultName": "n0", "ResourceArn": instance, "IamRoleArn": role,
                               "Lifecycle": {"DeleteAfterDays": 1}, "BackupOptions": {"WindowsVSS": "enabled"}});
            ("backup", "StartBackupJob", input)
        }
        8 => ("backup", "ListBackupJobs", json!({})),
        9 => {
            let parameters = json!({"action": ["Install"], "name": ["AwsVssComponents"]});
            let input = json!({"Name": "AWS-ConfigureAWSPackage", "AssociationName": name, "Parameters": parameters,
                               "ScheduleExpression": "rate(30 minutes)",
                               "Targets": [{"Key": "tag:VssBackup", "Values": ["enabled"]}]});
            ("ssm", "CreateAssociation", input)
        }
        10 => ("ssm", "DescribeAssociationExecutions", json!({ "AssociationId": association })),
        11 => {
            let parameters = json!({"action": ["Uninstall"], "name": ["AwsVssComponents"]});
            let input =
                json!({"DocumentName": "AWS-ConfigureAWSPackage", "InstanceIds": [id], "Parameters": parameters});
            ("ssm", "SendCommand", input)
        }
        12 => ("ssm", "PutParameter", json!({"Name": name, "Value": "v", "Type": "String", "Overwrite": true})),
        13 => {
            let tag = json!({"Key": "VssBackup", "Value": if number.is_multiple_of(2) { "enabled" } else { "no" }});
            ("ec2", "CreateTags", json!({"Resources": [id], "Tags": [tag]}))
        }
        14 => ("tagging", "GetResources", json!({})),
        15 => ("iam", "CreateInstanceProfile", json!({ "InstanceProfileName": name })),
        16 => {
            let profile = json!({ "Name": name });
            ("ec2", "AssociateIamInstanceProfile", json!({"IamInstanceProfile": profile, "InstanceId": id}))
        }
        17 => ("ssm", "DescribeInstanceInformation", json!({})),
        18 => ("backup", "DeleteBackupVault", json!({ "BackupVaultName": name })),
        _ => ("ec2", "DescribeInstances", json!({})),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn steps_that_are_taken_again_make_the_same_accounts(
        calls in proptest::collection::vec((0_u8..20, any::<u8>(), 0_i64..4), 1..60),
    ) {
        let mut performed = State::new(Clock::fixed());
        let mut lines = Vec::new();
        for (kind, number, pause) in calls {
            // The next call is a second, a minute, three hours or two days later.
            performed.clock.advance(Duration::from_secs([0, 60, 10_800, 172_800][usize::try_from(pause).unwrap()]));
            let now = performed.clock.tick();
            let (service, operation, input) = call(kind, number, &performed);
            let step = Step {
                now,
                clock: Some(performed.clock),
                service: service.into(),
                operation: operation.into(),
                region: REGION.into(),
                account: DEFAULT_ACCOUNT.into(),
                input: std::borrow::Cow::Owned(input),
            };
            let (_, keep) = step.take(&mut performed.accounts);
            if keep {
                lines.push(serde_json::to_string(&step).unwrap());
            }
            let mut replayed = State::new(Clock::fixed());
            for line in &lines {
                replayed.take(&serde_json::from_str(line).unwrap());
            }
            let shown = |state: &State| serde_json::to_string_pretty(&state.accounts).unwrap();
            prop_assert_eq!(shown(&replayed), shown(&performed), "after {} {}", service, operation);
        }
    }
}

#[tokio::test]
async fn waiting_for_the_file_keeps_no_other_task_waiting() {
    let place = Place::new();
    let sandbox = Sandbox::open(place.path()).unwrap();
    let other = File::open(place.path()).unwrap();
    other.lock().unwrap();
    // If the request were waiting on this thread, this would end the wait.
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        let in_time = is_done.recv_timeout(Duration::from_secs(20)).is_ok();
        other.unlock().unwrap();
        in_time
    });
    let signed = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/backup/aws4_request, Signature=0";
    let request = http::Request::get("/backup-vaults").header("authorization", signed);
    let request = request.body(bytes::Bytes::new()).unwrap();
    let asked = tokio::spawn(async move { sandbox.respond(request).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!asked.is_finished());
    done.send(()).unwrap();
    let crate::sandbox::Outcome::Reply(response) = asked.await.unwrap() else { panic!("no answer") };
    assert_eq!(response.status(), 200);
    assert!(watchdog.join().unwrap(), "the task waited on the runtime's thread");
}
