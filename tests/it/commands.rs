//! One-time commands: servers that are off, and two packages of one file for the same servers.

use std::time::Duration;

use serde_json::{Value, json};
use vssctl::model::Action;
use vssctl::plan::{Options, Plan};
use vssctl::sandbox::Sandbox;
use vssctl::sandbox::account::Account;
use vssctl::sandbox::fleet::Instance;

use crate::bench::{Bench, STACK, changed};

const REGION: &str = "ap-northeast-1";
/// The server of a new account that is off. It has the tag `VssBackup`.
const OFF: &str = "archive-1";
/// As long as AWS tries to reach a server, and more.
const GIVEN_UP: Duration = Duration::from_hours(2);

/// A package without a schedule.
fn command(rest: &str) -> String {
    format!("{STACK}[package.AwsVssComponents]\n{rest}")
}

fn edit(sandbox: &Sandbox, name: &str, edit: impl Fn(&mut Instance)) {
    let found = |account: &mut Account| {
        let region = account.regions.get_mut(REGION).expect("the region");
        edit(region.fleet.instances.values_mut().find(|instance| instance.name == name).expect("the server"));
    };
    sandbox.edit(found).expect("an account");
}

fn id(bench: &Bench, name: &str) -> String {
    let named = json!({ "Filters": [{ "Name": "tag:Name", "Values": [name] }] });
    let answer = bench.call("ec2", "DescribeInstances", &named);
    answer["Reservations"][0]["Instances"][0]["InstanceId"].as_str().expect("an id").to_owned()
}

fn sent(bench: &Bench) -> usize {
    bench.requests().iter().filter(|name| *name == "ssm:SendCommand").count()
}

fn said<'a>(plan: &'a Plan, code: &str) -> Vec<&'a str> {
    plan.diagnostics.iter().filter(|one| one.code == code).map(|one| one.message.as_str()).collect()
}

#[test]
fn a_server_that_is_off_gets_no_second_command_until_it_answers() {
    let bench = Bench::new();
    let by_id = format!("targets = {{ instance_ids = [\"{}\", \"{}\"] }}\n", id(&bench, "sql-1"), id(&bench, OFF));
    let by_tag = "targets = { tags = { VssBackup = \"enabled\" } }\n".to_owned();
    for targets in [by_tag, by_id] {
        for version in ["", "version = \"2.5.0\"\n", "minimum_version = \"2.3.1\"\n"] {
            let bench = Bench::new();
            let file = command(&format!("{targets}{version}max_errors = \"100%\"\n"));
            bench.try_apply(&file, &Options::default());
            assert_eq!(sent(&bench), 1, "{file}");
            for _ in 0..3 {
                bench.sandbox.advance(GIVEN_UP).expect("the clock");
                let plan = bench.plan(&file);
                assert!(plan.is_empty(), "{file}{:?}", changed(&plan));
                let [message] = said(&plan, "VSS0919")[..] else { panic!("{file}{:?}", plan.diagnostics) };
                assert!(message.contains("ARCHIVE-1") || message.contains(&id(&bench, OFF)), "{message}");
                assert!(!message.contains("SQL-1"), "{message}");
                bench.try_apply(&file, &Options::default());
                assert_eq!(sent(&bench), 1, "{file}");
            }
            // It answers again, and gets it; then there is nothing left to do or to say.
            edit(&bench.sandbox, OFF, |instance| instance.silent_since = None);
            bench.apply(&file);
            assert_eq!(sent(&bench), 2, "{file}");
            bench.sandbox.advance(GIVEN_UP).expect("the clock");
            let plan = bench.plan(&file);
            assert!(plan.is_empty() && said(&plan, "VSS0919").is_empty(), "{file}{:?}", plan.diagnostics);
        }
    }
}

#[test]
fn a_command_that_failed_on_a_server_that_answers_is_sent_again() {
    let bench = Bench::new();
    let file = command("version = \"9.9.9\"\ntargets = { tags = { VssBackup = \"enabled\" } }\n");
    bench.try_apply(&file, &Options::default());
    bench.sandbox.advance(GIVEN_UP).expect("the clock");
    assert_eq!(changed(&bench.plan(&file)), [("package.AwsVssComponents".to_owned(), Action::Create)]);
}

#[test]
fn a_running_server_whose_agent_does_not_answer_is_not_brought_up_to_date_again_and_again() {
    let bench = Bench::new();
    let file = command(&format!(
        "minimum_version = \"2.5.0\"\ntargets = {{ instance_ids = [\"{}\"] }}\n",
        id(&bench, "sql-1")
    ));
    bench.apply(&file);
    bench.sandbox.advance(GIVEN_UP).expect("the clock");
    // Somebody puts an older version there, and then the agent stops.
    let older = json!({
        "DocumentName": "AWS-ConfigureAWSPackage", "InstanceIds": [id(&bench, "sql-1")],
        "Parameters": { "action": ["Install"], "name": ["AwsVssComponents"], "version": ["2.4.0"] },
    });
    bench.call("ssm", "SendCommand", &older);
    bench.sandbox.advance(GIVEN_UP).expect("the clock");
    assert_eq!(changed(&bench.plan(&file)), [("package.AwsVssComponents".to_owned(), Action::Update)]);
    edit(&bench.sandbox, "sql-1", |instance| instance.silent_since = Some(0));
    assert!(bench.plan(&file).is_empty(), "{:?}", changed(&bench.plan(&file)));
}

/// Two packages for one server: one names its id, and the other one its tag.
fn two(bench: &Bench, schedule: &str, one: &str, other: &str) -> String {
    format!(
        "{STACK}[package.one]\npackage_name = \"AwsVssComponents\"\n{one}{schedule}targets = {{ instance_ids = \
         [\"{}\"] }}\n[package.other]\npackage_name = \"AwsVssComponents\"\n{other}{schedule}targets = {{ tags = {{ \
         VssBackup = \"enabled\" }} }}\n",
        id(bench, "sql-1")
    )
}

#[test]
fn two_packages_of_the_file_that_undo_each_other_on_a_server_are_refused_and_named() {
    let (old, new) = ("version = \"2.5.0\"\n", "version = \"2.5.1\"\n");
    let cases = [
        (old, new, true),
        (old, "", true),
        (new, "", false),
        (old, old, false),
        (new, "action = \"Uninstall\"\n", true),
        (old, "minimum_version = \"2.3.1\"\n", true),
    ];
    for schedule in ["", "schedule = \"rate(1 day)\"\n"] {
        for (one, other, undo) in cases {
            let bench = Bench::new();
            let plan = bench.plan(&two(&bench, schedule, one, other));
            let refused: Vec<String> = plan
                .changes
                .iter()
                .filter(|change| change.action == Action::Refused)
                .map(|change| change.address.to_string())
                .collect();
            let expected: &[&str] = if undo { &["package.one", "package.other"] } else { &[] };
            assert_eq!(refused, expected, "{one}{other}{schedule}");
            let messages = said(&plan, "VSS0620");
            assert_eq!(messages.len(), expected.len(), "{messages:?}");
            assert!(messages.iter().all(|message| message.contains("sql-1")), "{messages:?}");
        }
    }
}

#[test]
fn of_two_packages_the_one_that_is_added_later_is_refused_and_nothing_swings() {
    let bench = Bench::new();
    let one = "version = \"2.5.0\"\n";
    let both = two(&bench, "", one, "version = \"2.5.1\"\n");
    let (first, _) = both.split_once("[package.other]").expect("two packages");
    bench.apply(first);
    bench.sandbox.advance(GIVEN_UP).expect("the clock");
    let commands = sent(&bench);
    for _ in 0..3 {
        let (plan, _) = bench.try_apply(&both, &Options::default());
        let changed = changed(&plan);
        assert_eq!(changed, [("package.other".to_owned(), Action::Refused)]);
        bench.sandbox.advance(GIVEN_UP).expect("the clock");
    }
    assert_eq!(sent(&bench), commands);
    let value: &Value = &bench.call("ssm", "ListCommands", &json!({}))["Commands"];
    assert_eq!(value.as_array().map(Vec::len), Some(commands));
}
