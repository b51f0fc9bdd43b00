//! What the file names and can't work with: roles that a service can't assume or that are not there, and instances
//! whose agents are lost. It is said, and what it says to do works.

use serde_json::{Value, json};
use vssctl::model::{Action, Severity};
use vssctl::plan::{Options, Plan};

use crate::bench::{Bench, STACK, changed};
use crate::harness::Place;

/// The problems of a plan with a code: how bad they are, and what they say with their help.
fn said(plan: &Plan, code: &str) -> Vec<(Severity, String)> {
    let told = plan.diagnostics.iter().filter(|one| one.code == code);
    told.map(|one| (one.severity, format!("{}; {}", one.message, one.help.join("; ")))).collect()
}

const ROLE: &str = "arn:aws:iam::123456789012:role/Theirs";

fn trusting(statement: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

fn backup(condition: &Value) -> Value {
    json!({ "Effect": "Allow", "Principal": { "Service": "backup.amazonaws.com" }, "Action": "sts:AssumeRole",
            "Condition": condition })
}

fn trust(bench: &Bench, document: &Value) {
    let input = json!({ "RoleName": "Theirs", "PolicyDocument": document.to_string() });
    bench.call("iam", "UpdateAssumeRolePolicy", &input);
}

#[test]
fn a_role_that_aws_backup_cannot_assume_is_refused_in_the_plan_and_the_remedy_works() {
    let none = json!({});
    let ec2 = json!({ "Effect": "Allow", "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "sts:AssumeRole" });
    let cases = [
        (trusting(&backup(&json!({ "StringEquals": { "sts:ExternalId": "x" } }))), "sts:ExternalId", "the condition"),
        (
            trusting(&backup(&json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } }))),
            "MultiFactor",
            "the condition",
        ),
        (trusting(&ec2), "does not let", "let `backup.amazonaws.com` assume it"),
    ];
    let file = format!(
        "{STACK}[vault.vss]\n[plan.daily]\nwindows_vss = true\n[plan.daily.rule.r]\nvault = \"vss\"\n\
         [plan.daily.selection.s]\nrole = \"{ROLE}\"\nmatch = {{ all = {{ VssBackup = \"enabled\" }} }}\n"
    );
    for (document, problem, help) in cases {
        let bench = Bench::new();
        bench.call(
            "iam",
            "CreateRole",
            &json!({ "RoleName": "Theirs", "AssumeRolePolicyDocument": document.to_string() }),
        );
        let plan = bench.plan(&file);
        assert!(changed(&plan).contains(&("selection.daily.s".to_owned(), Action::Refused)), "{:?}", changed(&plan));
        let told = said(&plan, "VSS0920");
        assert!(
            matches!(&told[..], [(Severity::Error, text)] if text.contains(problem) && text.contains(help)),
            "{told:?}"
        );
        // What can be done without it is done.
        bench.try_apply(&file, &Options::default());
        trust(&bench, &trusting(&backup(&none)));
        assert_eq!(said(&bench.plan(&file), "VSS0920"), []);
        bench.apply(&file);
        assert_eq!(changed(&bench.plan(&file)), []);
    }
}

#[test]
fn a_trust_policy_that_names_a_role_which_is_not_there_is_refused_in_the_plan() {
    let file = |name: &str| {
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{name}") }, "Action": "sts:AssumeRole" }] });
        format!("{STACK}[role.App]\ntrust = '''{trust}'''\n")
    };
    let bench = Bench::new();
    let missing = file("123456789012:role/Nobody");
    let plan = bench.plan(&missing);
    assert_eq!(changed(&plan), [("role.App".to_owned(), Action::Refused)]);
    let told = said(&plan, "VSS0915");
    assert!(matches!(&told[..], [(Severity::Error, text)] if text.contains("role/Nobody")), "{told:?}");
    let input = json!({ "RoleName": "Nobody", "AssumeRolePolicyDocument": trusting(&backup(&json!({}))).to_string() });
    bench.call("iam", "CreateRole", &input);
    bench.apply(&missing);
    // Another account's roles, and whole accounts, are left to AWS.
    for other in ["210987654321:role/Nobody", "123456789012:root"] {
        assert_eq!(said(&bench.plan(&file(other)), "VSS0915"), [], "{other}");
    }
    // Both of one file.
    let both = format!("{}[role.Friend]\npreset = \"backup-service\"\n", file("123456789012:role/Friend"));
    assert_eq!(said(&Bench::new().plan(&both), "VSS0915"), []);
}

#[test]
fn a_wait_for_instances_ends_when_their_agents_are_lost_and_says_so() {
    let place = Place::with(&format!(
        "{STACK}[package.AwsVssComponents]\nschedule = \"rate(1 day)\"\nwait = true\n\
         targets = {{ tags = {{ VssBackup = \"enabled\" }} }}\n"
    ));
    let fleet = "region = 'ap-northeast-1'\n[[instance]]\nname = 'sql-1'\ntags = { VssBackup = 'enabled' }\n\
                 [[instance]]\nname = 'files-1'\nsilent = '2d'\ntags = { VssBackup = 'enabled' }\n";
    place.write("fleet.toml", fleet);
    place.sandbox(&["sandbox", "load", "fleet.toml"]).exits(0);
    let run = place.sandbox(&["apply", "--yes"]);
    assert!(run.stderr.contains("1 succeeded, 1 failed"), "{}", run.stderr);
    assert!(run.stderr.contains("its SSM Agent does not answer, PingStatus ConnectionLost"), "{}", run.stderr);
}
