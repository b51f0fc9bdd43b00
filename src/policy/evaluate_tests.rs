//! What identity policies allow: IAM's rules case by case, and properties over random policies.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Decision, Keys, Policies, Request};

fn request(action: &str, resource: &str) -> Request {
    Request { action: action.to_owned(), resource: resource.to_owned(), keys: Keys::default() }
}

fn document(statements: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn decide(statements: &Value, request: &Request) -> Decision {
    Policies::new(&[document(statements)]).expect("a policy").decide(request)
}

fn allows(statements: &Value, request: &Request) -> bool {
    decide(statements, request) == Decision::Allowed
}

/// Tells whether an allow with one condition applies to a request with one key.
fn fits(operator: &str, wanted: &Value, given: Option<&[&str]>) -> bool {
    let mut request = request("a:B", "*");
    if let Some(values) = given {
        request.keys.set("aws:Key", values.iter().map(|value| (*value).to_owned()));
    }
    let condition = json!({ operator: { "aws:key": wanted } });
    allows(&json!([{ "Effect": "Allow", "Action": "a:B", "Resource": "*", "Condition": condition }]), &request)
}

const ROLE: &str = "arn:aws:iam::123456789012:role/vssctl/one/App";

#[test]
fn nothing_is_allowed_unless_a_statement_says_so() {
    assert_eq!(Policies::default().decide(&request("iam:GetRole", ROLE)), Decision::ImplicitDeny);
    let read = json!([{ "Effect": "Allow", "Action": "iam:Get*", "Resource": "*" }]);
    assert_eq!(decide(&read, &request("iam:GetRole", ROLE)), Decision::Allowed);
    assert_eq!(decide(&read, &request("iam:DeleteRole", ROLE)), Decision::ImplicitDeny);
}

#[test]
fn a_deny_wins_over_any_allow_in_any_document() {
    let allow = document(&json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]));
    let deny = document(&json!([{ "Effect": "Deny", "Action": "iam:DeleteRole", "Resource": "*" }]));
    for documents in [[allow.clone(), deny.clone()], [deny, allow]] {
        let policies = Policies::new(&documents).expect("policies");
        assert_eq!(policies.decide(&request("iam:DeleteRole", ROLE)), Decision::ExplicitDeny);
        assert_eq!(policies.decide(&request("iam:GetRole", ROLE)), Decision::Allowed);
    }
}

#[test]
fn actions_ignore_case_and_resources_do_not() {
    let statement = json!([{ "Effect": "Allow", "Action": "IAM:getr?le", "Resource": ROLE }]);
    assert!(allows(&statement, &request("iam:GetRole", ROLE)));
    assert!(!allows(&statement, &request("iam:GetRole", &ROLE.to_lowercase())));
    assert!(!allows(&statement, &request("iam:GetRoles", ROLE)));
}

#[test]
fn a_wildcard_crosses_slashes_and_stays_between_colons() {
    let on = |resource: &str| json!([{ "Effect": "Allow", "Action": "a:B", "Resource": resource }]);
    for pattern in ["*", "arn:aws:iam::*:role/*", "arn:aws:iam::123456789012:role/vssctl/*", "arn:*", "arn:aws:iam:*"] {
        assert!(allows(&on(pattern), &request("a:B", ROLE)), "{pattern}");
    }
    for pattern in ["arn:aws:*:role/*", "arn:aws:iam::*role/vssctl/one/App", "arn:aws:iam::123456789012:role", ""] {
        assert!(!allows(&on(pattern), &request("a:B", ROLE)), "{pattern}");
    }
    assert!(!allows(&on("arn:aws:iam::*:role/*"), &request("a:B", "*")), "no resource is every resource");
    let parameter = "arn:aws:ssm:x:1:document/a:b";
    assert!(allows(&on("arn:aws:ssm:*:1:document/*"), &request("a:B", parameter)), "the last part may have colons");
}

#[test]
fn not_action_and_not_resource_take_everything_else() {
    let statement = json!([{ "Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "NotResource": "arn:aws:s3:::a*" }]);
    assert!(allows(&statement, &request("s3:GetObject", "arn:aws:s3:::b")));
    assert!(!allows(&statement, &request("s3:GetObject", "arn:aws:s3:::ab")));
    assert!(!allows(&statement, &request("IAM:GetRole", "arn:aws:s3:::b")));
}

#[test]
fn values_are_alternatives_and_keys_and_operators_are_not() {
    let mut both = request("a:B", "*");
    both.keys = Keys::default().with("aws:RequestTag/Stack", "s").with("iam:PassedToService", "ec2");
    let statement = |tag: &str, service: &Value| {
        json!([{ "Effect": "Allow", "Action": "a:B", "Resource": "*", "Condition": {
            "StringEquals": { "aws:requesttag/stack": tag, "iam:PassedToService": service },
        } }])
    };
    assert!(allows(&statement("s", &json!(["backup", "ec2"])), &both));
    assert!(!allows(&statement("s", &json!("backup")), &both));
    assert!(!allows(&statement("S", &json!("ec2")), &both), "values keep their case");
}

#[test]
fn each_operator_compares_as_the_guide_says() {
    for (operator, wanted, given, expected) in [
        ("StringEquals", "a*", "ab", false),
        ("StringEqualsIgnoreCase", "AB", "ab", true),
        ("StringNotEquals", "a", "b", true),
        ("StringLike", "a*", "ab", true),
        ("StringNotLike", "a*", "ab", false),
        ("ArnEquals", "arn:aws:iam::*:role/*", ROLE, true),
        ("ArnLike", "arn:aws:*:*:role/*", ROLE, false),
        ("ArnNotLike", "arn:aws:iam::*:role/*", ROLE, false),
        ("Bool", "true", "True", true),
        ("NumericEquals", "30", "30.0", true),
        ("NumericLessThan", "10", "9", true),
        ("NumericLessThanEquals", "10", "11", false),
        ("NumericGreaterThanEquals", "10", "ten", false),
        ("NumericNotEquals", "10", "11", true),
        ("DateLessThan", "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z", true),
        ("DateGreaterThan", "2026-01-01T00:00:00Z", "1767225601", true),
        ("IpAddress", "203.0.113.0/24", "203.0.113.7", true),
        ("IpAddress", "203.0.113.0/24", "203.0.114.7", false),
        ("IpAddress", "2001:db8::/32", "2001:db8::1", true),
        ("NotIpAddress", "0.0.0.0/0", "::1", true),
    ] {
        assert_eq!(fits(operator, &json!(wanted), Some(&[given])), expected, "{operator} {wanted} {given}");
    }
}

#[test]
fn a_missing_key_fits_negations_and_if_exists_only() {
    for (operator, expected) in [
        ("StringEquals", false),
        ("ArnLike", false),
        ("Bool", false),
        ("NumericEquals", false),
        ("StringNotEquals", true),
        ("StringEqualsIfExists", true),
        ("ForAllValues:StringEquals", true),
        ("ForAnyValue:StringEquals", false),
        ("ForAnyValue:StringEqualsIfExists", true),
    ] {
        assert_eq!(fits(operator, &json!("a"), None), expected, "{operator}");
    }
    assert!(fits("Null", &json!(true), None) && !fits("Null", &json!("false"), None));
    assert!(fits("Null", &json!("false"), Some(&["x"])) && !fits("Null", &json!(true), Some(&["x"])));
}

#[test]
fn a_quantity_says_how_many_values_must_fit() {
    let wanted = json!(["vssctl:*"]);
    assert!(fits("ForAnyValue:StringLike", &wanted, Some(&["team", "vssctl:stack"])));
    assert!(!fits("ForAnyValue:StringLike", &wanted, Some(&["team"])));
    assert!(!fits("ForAllValues:StringLike", &wanted, Some(&["team", "vssctl:stack"])));
    assert!(fits("ForAllValues:StringLike", &wanted, Some(&["vssctl:id", "vssctl:stack"])));
    assert!(fits("ForAnyValue:StringNotLike", &wanted, Some(&["team", "vssctl:stack"])));
    assert!(!fits("ForAllValues:StringNotLike", &wanted, Some(&["team", "vssctl:stack"])));
}

#[test]
fn variables_are_replaced_and_what_they_hold_has_no_wildcards() {
    let statement = json!([{ "Effect": "Allow", "Action": "a:B", "Resource": "arn:aws:s3:::home/${aws:username}/*" }]);
    let mut own = request("a:B", "arn:aws:s3:::home/ann/x");
    assert!(!allows(&statement, &own), "a variable without a value");
    own.keys = Keys::default().with("aws:username", "ann");
    assert!(allows(&statement, &own));
    own.keys = Keys::default().with("aws:username", "*");
    assert!(!allows(&statement, &own));
    let old = Policies::new(&[json!({ "Statement": statement })]).expect("a policy");
    own.resource = "arn:aws:s3:::home/${aws:username}/x".to_owned();
    assert_eq!(old.decide(&own), Decision::Allowed, "documents of 2008 have no variables");
    assert!(fits("StringLike", &json!("a${*}"), Some(&["a*"])) && !fits("StringLike", &json!("a${*}"), Some(&["ab"])));
    assert!(fits("StringEquals", &json!("${aws:none, 'x'}"), Some(&["x"])));
}

#[test]
fn what_is_no_identity_policy_is_refused() {
    for statement in [
        json!({ "Effect": "Allow", "Action": "a:B" }),
        json!({ "Effect": "Allow", "Action": "a:B", "Resource": "*", "Principal": "*" }),
        json!({
            "Effect": "Allow", "Action": "a:B", "Resource": "*",
            "Condition": { "StringEqual": { "aws:k": "v" } },
        }),
    ] {
        assert!(Policies::new(&[document(&json!([statement]))]).is_err(), "{statement}");
    }
}

fn any_statement(effect: &'static str) -> impl Strategy<Value = Value> {
    let action = prop_oneof!["[ab]:[AB][ab]?", "[ab]:\\*", "[ab]:[AB]\\*", Just("*".to_owned())];
    let resource = prop_oneof!["arn:aws:a::1:[xy]/[xy]", "arn:aws:a::\\*:[xy]/\\*", Just("*".to_owned())];
    let condition = proptest::option::of((
        prop::sample::select(vec![
            "StringEquals",
            "StringNotLike",
            "ForAnyValue:StringLike",
            "Null",
            "ForAllValues:StringEqualsIfExists",
        ]),
        "aws:[kl]",
        "[ab]\\*?|true",
    ));
    (any::<bool>(), action, resource, condition).prop_map(move |(negated, action, resource, condition)| {
        let mut statement = json!({ "Effect": effect, "Resource": resource });
        statement[if negated { "NotAction" } else { "Action" }] = json!(action);
        if let Some((operator, key, value)) = condition {
            statement["Condition"] = json!({ operator: { key: value } });
        }
        statement
    })
}

fn any_request() -> impl Strategy<Value = Request> {
    let keys = proptest::collection::btree_map("aws:[kl]", proptest::collection::vec("[ab]{1,2}", 0..3), 0..3);
    ("[ab]:[AB][ab]?", "arn:aws:a::1:[xy]/[xy]", keys).prop_map(|(action, resource, given)| {
        let mut keys = Keys::default();
        for (key, values) in given {
            keys.set(&key, values);
        }
        Request { action, resource, keys }
    })
}

fn any_documents() -> impl Strategy<Value = Vec<Value>> {
    let statements = proptest::collection::vec(prop_oneof![any_statement("Allow"), any_statement("Deny")], 1..4);
    proptest::collection::vec(statements.prop_map(|list| document(&json!(list))), 0..4)
}

fn of(documents: &[Value]) -> Policies {
    Policies::new(documents).expect("policies")
}

proptest! {
    #[test]
    fn a_deny_that_applies_always_wins(
        documents in any_documents(), deny in any_statement("Deny"), request in any_request(),
    ) {
        let alone = of(&[document(&json!([deny]))]);
        let mut all = documents.clone();
        all.push(document(&json!([deny])));
        if alone.decide(&request) == Decision::ExplicitDeny {
            prop_assert_eq!(of(&all).decide(&request), Decision::ExplicitDeny);
        } else {
            let (with, without) = (of(&all).decide(&request), of(&documents).decide(&request));
            prop_assert_eq!(with, without, "and one that does not changes nothing");
        }
    }

    #[test]
    fn another_allow_never_takes_away(
        documents in any_documents(), allow in any_statement("Allow"), request in any_request(),
    ) {
        let before = of(&documents).decide(&request);
        let mut all = documents;
        all.push(document(&json!([allow])));
        let after = of(&all).decide(&request);
        prop_assert!(after == before || (before == Decision::ImplicitDeny && after == Decision::Allowed));
    }

    #[test]
    fn the_order_and_the_cut_into_documents_mean_nothing(documents in any_documents(), request in any_request()) {
        let mut statements: Vec<Value> =
            documents
                .iter()
                .flat_map(|document| document["Statement"].as_array().cloned().unwrap_or_default())
                .collect();
        statements.reverse();
        let one: Vec<Value> = if statements.is_empty() { Vec::new() } else { vec![document(&json!(statements))] };
        prop_assert_eq!(of(&one).decide(&request), of(&documents).decide(&request));
    }

    #[test]
    fn the_canonical_form_allows_the_same(documents in any_documents(), request in any_request()) {
        let canonical: Vec<Value> =
            documents.iter().map(|document| super::canonical(document).expect("canonical")).collect();
        prop_assert_eq!(of(&canonical).decide(&request), of(&documents).decide(&request));
    }

    #[test]
    fn any_document_decides_without_a_panic(
        text in "[a*?$:{},' /]{0,24}", resource in "[a:/]{0,16}", value in "\\PC{0,8}",
    ) {
        let statement = json!([{
            "Effect": "Allow", "Action": "*", "Resource": text,
            "Condition": { "StringLike": { "aws:k": text } },
        }]);
        if let Ok(policies) = Policies::new(&[document(&statement)]) {
            let request = Request { action: "a:B".to_owned(), resource, keys: Keys::default().with("aws:k", value) };
            policies.decide(&request);
        }
    }
}
