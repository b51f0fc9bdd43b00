//! The names in policy documents (`Sid`, `Id`) decide nothing for AWS: alone they are no difference, wherever a policy
//! stands. What is written for another reason has them as the file does.

use serde_json::{Value, json};
use vssctl::model::{Action, Operation};
use vssctl::plan::Options;

use crate::bench::{Bench, STACK, changed};

/// A statement with a name and an action.
fn statement(sid: &str, action: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": "*"}]})
    .to_string()
}

fn trust(sid: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": sid, "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    .to_string()
}

fn guard(sid: &str) -> String {
    json!({"Version": "2012-10-17", "Id": sid, "Statement": [{"Sid": sid, "Effect": "Deny", "Principal": "*",
        "Action": "backup:DeleteRecoveryPoint", "Resource": "*"}]})
    .to_string()
}

/// A file with a policy at each place where one can stand.
fn file(sid: &str, action: &str) -> String {
    format!(
        "{STACK}[policy.own]\ndocument = '{}'\n[role.app]\ntrust = '{}'\ninline_policies.x = '{}'\n[vault.vss]\n\
         access_policy = '{}'\n",
        statement(sid, action),
        trust(sid),
        statement(sid, action),
        guard(sid)
    )
}

const OWN: &str = "arn:aws:iam::123456789012:policy/own";

fn versions(bench: &Bench) -> usize {
    bench.call("iam", "ListPolicyVersions", &json!({"PolicyArn": OWN}))["Versions"].as_array().map_or(0, Vec::len)
}

fn inline(bench: &Bench) -> String {
    let answer = bench.call("iam", "GetRolePolicy", &json!({"RoleName": "app", "PolicyName": "x"}));
    match &answer["PolicyDocument"] {
        Value::String(text) => percent_decoded(text),
        other => other.to_string(),
    }
}

fn percent_decoded(text: &str) -> String {
    vssctl::policy::url_decode(text).expect("a document")
}

#[test]
fn names_alone_are_no_difference_at_any_place_on_any_side() {
    let bench = Bench::new();
    bench.apply(&file("Mine", "ec2:DescribeImages"));
    assert!(inline(&bench).contains("Mine"), "what is written has the names of the file");
    // The file's change.
    for sid in ["Other", ""] {
        let other = file(sid, "ec2:DescribeImages");
        assert_eq!(changed(&bench.plan(&other)), [], "{sid}");
    }
    // Somebody else's.
    let theirs =
        json!({"RoleName": "app", "PolicyName": "x", "PolicyDocument": statement("Theirs", "EC2:describeimages")});
    bench.call("iam", "PutRolePolicy", &theirs);
    bench.call("iam", "UpdateAssumeRolePolicy", &json!({"RoleName": "app", "PolicyDocument": trust("Theirs")}));
    bench.call("backup", "PutBackupVaultAccessPolicy", &json!({"BackupVaultName": "vss", "Policy": guard("Theirs")}));
    let version = statement("Theirs", "ec2:DescribeImages");
    bench.call(
        "iam",
        "CreatePolicyVersion",
        &json!({"PolicyArn": OWN, "PolicyDocument": version, "SetAsDefault": true}),
    );
    let plan = bench.plan(&file("Mine", "ec2:DescribeImages"));
    assert!(plan.is_empty() && changed(&plan).is_empty(), "{:?}", changed(&plan));
    assert_eq!(versions(&bench), 2);
}

#[test]
fn what_is_written_beside_another_change_has_the_names_of_the_file_and_is_no_difference_afterwards() {
    let bench = Bench::new();
    bench.apply(&file("Old", "ec2:DescribeImages"));
    let new = file("New", "ec2:DescribeTags");
    bench.try_apply(&new, &Options::default());
    assert!(inline(&bench).contains("New") && !inline(&bench).contains("Old"), "{}", inline(&bench));
    assert_eq!(versions(&bench), 2);
    assert!(bench.plan(&new).is_empty());
}

#[test]
fn a_role_is_taken_over_whatever_its_statements_are_called() {
    let bench = Bench::new();
    let role = json!({"RoleName": "app", "AssumeRolePolicyDocument": trust("Theirs")});
    bench.call("iam", "CreateRole", &role);
    let policy =
        json!({"RoleName": "app", "PolicyName": "x", "PolicyDocument": statement("Theirs", "ec2:DescribeTags")});
    bench.call("iam", "PutRolePolicy", &policy);
    let role = format!(
        "{STACK}[role.app]\nadopt = true\ntrust = '{}'\ninline_policies.x = '{}'\n",
        trust("Mine"),
        statement("Mine", "ec2:DescribeTags")
    );
    let plan = bench.plan(&role);
    assert_eq!(changed(&plan), [("role.app".to_owned(), Action::Adopt)]);
    let written: Vec<Operation> = plan.steps.iter().flat_map(|step| &step.calls).map(|call| call.operation).collect();
    assert_eq!(written, [Operation::TagRole]);
    bench.apply(&role);
    assert!(inline(&bench).contains("Theirs") && bench.plan(&role).is_empty());
}
