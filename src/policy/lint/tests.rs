//! The lints, statement by statement.

use serde_json::json;

use super::statement::{ESCALATIONS, RUNNERS};
use super::*;
use crate::policy::actions;

fn codes(statement: &Value, used: Use) -> Vec<&'static str> {
    let document = json!({ "Version": "2012-10-17", "Statement": statement });
    lint(&document, used, "123456789012").into_iter().map(|lint| lint.code).collect()
}

fn trust(principal: &Value, condition: &Value) -> Vec<&'static str> {
    let statement =
        json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition });
    codes(&statement, Use::Trust)
}

fn identity(action: &Value, resource: &str, condition: &Value) -> Vec<&'static str> {
    let statement = json!({ "Effect": "Allow", "Action": action, "Resource": resource, "Condition": condition });
    codes(&statement, Use::Identity)
}

#[test]
fn actions_are_named_in_the_case_of_aws() {
    let named = ESCALATIONS.into_iter().chain(RUNNERS).chain(RANSOMS);
    for action in named.filter(|action| !action.starts_with("lambda:")) {
        assert_eq!(actions::spelled(action).as_deref(), Some(action));
    }
    let statement = json!({ "Effect": "Allow", "Action": "iam:putrole*", "Resource": "arn:aws:iam::1:role/a" });
    let document = json!({ "Version": "2012-10-17", "Statement": statement });
    let message = &lint(&document, Use::Identity, "1")[0].message;
    let ways = "`iam:PutRolePermissionsBoundary`, `iam:PutRolePolicy`";
    assert!(message.ends_with(ways), "{message}");
}

#[test]
fn a_condition_that_lets_through_who_does_not_send_the_key_bounds_nothing() {
    let provider =
        json!({ "Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" });
    let (sub, other) = ("token.actions.githubusercontent.com:sub", json!({ "AWS": "arn:aws:iam::111111111111:root" }));
    for operator in ["StringNotEquals", "StringEqualsIfExists", "ForAllValues:StringLike", "StringNotLikeIfExists"] {
        assert_eq!(trust(&provider, &json!({ operator: { sub: "repo:o/r:ref:x" } })), ["VSS1013"], "{operator}");
        assert_eq!(trust(&other, &json!({ operator: { "sts:ExternalId": "x" } })), ["VSS1011"], "{operator}");
        let passed = json!({ operator: { "iam:PassedToService": "x" } });
        let pass = identity(&json!("iam:PassRole"), "arn:aws:iam::123456789012:role/a", &passed);
        assert_eq!(pass.is_empty(), operator == "StringEqualsIfExists", "{operator}");
    }
    assert_eq!(trust(&other, &json!({ "StringLike": { "sts:ExternalId": "*" } })), ["VSS1011"]);
    assert_eq!(trust(&other, &json!({ "Null": { "sts:ExternalId": "false" } })), ["VSS1011"]);
    assert_eq!(trust(&provider, &json!({ "ForAnyValue:StringLike": { sub: "repo:o/r:*" } })), [""; 0]);
}

#[test]
fn trust_policies_are_bounded() {
    let none = json!({});
    assert_eq!(trust(&json!("*"), &none), ["VSS1010"]);
    assert_eq!(trust(&json!({ "AWS": ["*"] }), &none), ["VSS1010"]);
    assert_eq!(trust(&json!({ "AWS": "arn:aws:iam::111111111111:root" }), &none), ["VSS1011"]);
    assert_eq!(
        trust(&json!({ "AWS": "111111111111" }), &json!({ "StringEquals": { "sts:ExternalId": "x" } })),
        [""; 0]
    );
    assert_eq!(trust(&json!({ "AWS": "123456789012" }), &none), [""; 0]);
    assert_eq!(trust(&json!({ "AWS": "arn:aws:iam::111111111111:role/a" }), &none), [""; 0]);
    assert_eq!(trust(&json!({ "Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"] }), &none), ["VSS1014"]);
    let not = json!({ "Effect": "Allow", "NotPrincipal": { "AWS": "123456789012" }, "Action": "sts:AssumeRole" });
    assert_eq!(codes(&not, Use::Trust), ["VSS1012"]);
}

#[test]
fn federated_subjects_name_a_repository() {
    let provider =
        json!({ "Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com" });
    let subject = |subject: &str| json!({ "StringLike": { "token.actions.githubusercontent.com:sub": subject } });
    assert_eq!(trust(&provider, &json!({})), ["VSS1013"]);
    for open in ["*", "repo:*", "repo:org/*", "repo:*/x:ref:refs/heads/main"] {
        assert_eq!(trust(&provider, &subject(open)), ["VSS1013"], "{open}");
    }
    assert_eq!(trust(&provider, &subject("repo:org/name:*")), [""; 0]);
}

#[test]
fn privileges_are_bounded() {
    let none = json!({});
    assert_eq!(identity(&json!("*"), "*", &none), ["VSS1020"]);
    assert_eq!(identity(&json!("EC2:*"), "*", &none), ["VSS1020"]);
    assert_eq!(identity(&json!("ec2:*"), "arn:aws:ec2:*:*:image/*", &none), [""; 0]);
    assert_eq!(identity(&json!("iam:PassRole"), "*", &none), ["VSS1022"]);
    let role = "arn:aws:iam::123456789012:role/x";
    assert_eq!(identity(&json!("iam:PassRole"), role, &none), ["VSS1022"]);
    let backup = json!({ "StringEquals": { "iam:PassedToService": "backup.amazonaws.com" } });
    assert_eq!(identity(&json!("iam:PassRole"), role, &backup), [""; 0]);
    assert_eq!(identity(&json!(["iam:PassRole", "ec2:RunInstances"]), role, &backup), ["VSS1023"]);
    assert_eq!(identity(&json!("iam:Put*"), role, &none), ["VSS1023"]);
    assert_eq!(identity(&json!("ssm:SendCommand"), "*", &none), ["VSS1023"]);
    assert_eq!(identity(&json!("ssm:SendCommand"), "arn:aws:ssm:*:*:document/x", &none), [""; 0]);
    let not = json!({ "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" });
    assert_eq!(codes(&not, Use::Identity), ["VSS1021"]);
    let deny = json!({ "Effect": "Deny", "NotAction": "iam:*", "Resource": "*" });
    assert_eq!(codes(&deny, Use::Identity), [""; 0]);
}

#[test]
fn slips_are_found() {
    let none = json!({});
    assert_eq!(identity(&json!("ec2:DescribeImage"), "*", &none), ["VSS1042"]);
    assert_eq!(identity(&json!(["ec2:Describe*", "elsewhere:Anything"]), "*", &none), [""; 0]);
    let action = json!("ec2:DescribeImages");
    assert_eq!(identity(&action, "*", &json!({ "StringEquals": { "SourceAccount": "1" } })), ["VSS1043"]);
    assert_eq!(identity(&action, "*", &json!({ "StringEquals": { "aws:SourceAccount": "" } })), ["VSS1043"]);
    let set = json!({ "ForAllValues:StringLikeIfExists": { "aws:TagKeys": "a" } });
    assert_eq!(identity(&action, "*", &set), [""; 0]);
    let old = json!({ "Statement": [{ "Effect": "Allow", "Action": "ec2:DescribeImages", "Resource": "*" }] });
    assert_eq!(lint(&old, Use::Identity, "1").len(), 1);
}

#[test]
fn instances_cannot_destroy_their_backups() {
    let allow = |action: &str| json!({ "Statement": { "Effect": "Allow", "Action": action, "Resource": "*" } });
    assert_eq!(lint_instance(&allow("ec2:DeleteSnap*")).len(), 1);
    assert!(lint_instance(&allow("ec2:CreateSnapshot")).is_empty());
    assert!(writes_iam(&allow("iam:CreateRole")) && !writes_iam(&allow("iam:GetRole")));
}
