//! The difference of what is allowed: by hand, and against the evaluator for random policies.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::policy::{Decision, Keys, Policies, Request};

fn document(statements: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn allow(actions: &Value, resources: &Value) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
}

fn under(condition: &Value) -> Value {
    json!({ "Effect": "Allow", "Action": "ec2:*", "Resource": "*", "Condition": condition })
}

fn between(before: &[Value], after: &[Value]) -> Shift {
    bounded((before, None), (after, None))
}

fn bounded(before: (&[Value], Option<&Value>), after: (&[Value], Option<&Value>)) -> Shift {
    let side = |(policies, boundary): (&'_ [Value], Option<&'_ Value>)| (policies.to_vec(), boundary.cloned());
    compared(&side(before), &side(after)).expect("documents that can be read")
}

/// Policies, and the boundary around them.
type Whole = (Vec<Value>, Option<Value>);

fn compared(before: &Whole, after: &Whole) -> Result<Shift, PolicyError> {
    fn documents(side: &Whole) -> Documents<'_> {
        Documents { policies: side.0.iter().collect(), boundary: side.1.as_ref() }
    }
    shift(&documents(before), &documents(after))
}

fn words(grants: &[Grant]) -> Vec<String> {
    let no = |grant: &Grant| if grant.denies { "no denial of " } else { "" };
    grants.iter().map(|grant| format!("{}{}", no(grant), grant.words())).collect()
}

fn one(statements: &Value) -> Vec<Value> {
    vec![document(statements)]
}

#[test]
fn what_is_written_otherwise_is_no_difference() {
    let all = allow(&json!("s3:*"), &json!("*"));
    let some = allow(&json!(["s3:GetObject", "s3:Put*"]), &json!(["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]));
    for (before, after) in [
        // A statement that another one covers already.
        (json!([all]), json!([all, some])),
        (json!([all, some]), json!(all)),
        // One statement or several.
        (
            json!([some]),
            json!([
                allow(&json!("S3:getobject"), &json!(["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"])),
                allow(&json!("s3:Put*"), &json!("arn:aws:s3:::b/*")),
                allow(&json!("s3:put*"), &json!("arn:aws:s3:::a/*")),
            ]),
        ),
        // Together they cover what one pattern says.
        (
            json!({ "Effect": "Allow", "NotAction": "s3:*", "Resource": "*" }),
            json!([
                { "Effect": "Allow", "NotAction": ["s3:*", "ec2:*"], "Resource": "*" },
                allow(&json!("ec2:*"), &json!("*")),
            ]),
        ),
        (
            allow(&json!("ec2:*"), &json!("*")),
            json!([
                under(&json!({ "Bool": { "aws:SecureTransport": "true" } })),
                under(&json!({ "BoolIfExists": { "aws:SecureTransport": "false" } })),
            ]),
        ),
        // What is denied anyway is not allowed.
        (
            json!([{ "Effect": "Deny", "Action": "iam:*", "Resource": "*" }, allow(&json!("ec2:*"), &json!("*"))]),
            json!([
                { "Effect": "Deny", "Action": "iam:*", "Resource": "*" },
                allow(&json!(["ec2:*", "iam:PassRole"]), &json!("*")),
            ]),
        ),
    ] {
        let found = between(&one(&before), &one(&after));
        assert_eq!(found, Shift::default(), "{before} {after}");
    }
    let (first, second) = (document(&all), document(&allow(&json!("ec2:Describe*"), &json!("*"))));
    let moved = document(&json!([all, allow(&json!("ec2:Describe*"), &json!("*"))]));
    assert_eq!(between(&[first, second], &[moved]), Shift::default(), "statements that move to another document");
}

#[test]
fn gains_and_losses_are_told_in_few_words() {
    let get = allow(&json!("s3:Get*"), &json!("*"));
    for (before, after, gains, losses) in [
        (json!([get]), json!([allow(&json!("s3:*"), &json!("*"))]), vec!["`s3:*` on `*`, but for `s3:Get*`"], vec![]),
        (
            json!(allow(&json!("backup:*"), &json!("*"))),
            json!(allow(&json!("backup:Start*"), &json!("*"))),
            vec![],
            vec!["`backup:*` on `*`, but for `backup:Start*`"],
        ),
        (
            json!([get, { "Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*" }]),
            json!(get),
            vec!["no denial of `s3:GetObject` on `arn:aws:s3:::a/*`"],
            vec![],
        ),
        (json!(get), json!(allow(&json!("s3:Get*"), &json!("arn:aws:s3:::a/*"))), vec![], vec!["`s3:Get*` on `*`"]),
        (
            under(&json!({ "StringEquals": { "aws:SourceAccount": ["1"] } })),
            under(&json!({ "StringEquals": { "aws:SourceAccount": ["1", "2"] } })),
            vec!["`ec2:*` on `*` where {\"StringEquals\":{\"aws:SourceAccount\":[\"1\",\"2\"]}}"],
            vec![],
        ),
        (
            json!({ "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" }),
            json!({ "Effect": "Allow", "NotAction": ["iam:*", "s3:*"], "Resource": "*" }),
            vec![],
            vec!["all but `iam:*` on `*`"],
        ),
    ] {
        let found = between(&one(&before), &one(&after));
        assert_eq!((words(&found.gains), words(&found.losses)), (own(&gains), own(&losses)), "{before} {after}");
        let back = between(&one(&after), &one(&before));
        assert_eq!((back.gains, back.losses), (found.losses, found.gains), "the way back: {before} {after}");
    }
}

fn own(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_boundary_that_comes_goes_or_changes_is_a_loss_or_a_gain() {
    let all = one(&allow(&json!("*"), &json!("*")));
    let ec2 = document(&allow(&json!("ec2:*"), &json!("*")));
    let both = document(&allow(&json!(["ec2:*", "s3:Get*"]), &json!("*")));
    let found = bounded((&all, None), (&all, Some(&ec2)));
    assert_eq!((words(&found.gains), words(&found.losses)), (vec![], own(&["`*` on `*`, but for `ec2:*`"])));
    let found = bounded((&all, Some(&ec2)), (&all, Some(&both)));
    assert_eq!((words(&found.gains), words(&found.losses)), (own(&["`s3:Get*` on `*`"]), vec![]));
    let narrow = one(&allow(&json!("ec2:Describe*"), &json!("*")));
    assert_eq!(bounded((&narrow, None), (&narrow, Some(&both))), Shift::default(), "what it bounds is within it");
    assert_eq!(bounded((&narrow, Some(&both)), (&narrow, Some(&ec2))), Shift::default());
}

#[test]
fn trusts_name_who_comes_in_and_who_stays_out() {
    let trust = |principal: Value, condition: Value| {
        one(&json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition }))
    };
    let ec2 = trust(json!({ "Service": "ec2.amazonaws.com" }), json!({}));
    let both = trust(json!({ "Service": "ec2.amazonaws.com", "AWS": "999999999999" }), json!({}));
    let found = between(&ec2, &both);
    assert_eq!((words(&found.gains), words(&found.losses)), (own(&["`sts:AssumeRole` for `999999999999`"]), vec![]));
    let all = trust(json!("*"), json!({}));
    assert_eq!(words(&between(&ec2, &all).gains), ["`sts:AssumeRole` for `*`"]);
    assert_eq!(words(&between(&all, &ec2).losses), ["`sts:AssumeRole` for `*`"]);
    let guarded = trust(json!({ "AWS": "999999999999" }), json!({ "StringEquals": { "sts:ExternalId": "x" } }));
    let open = trust(json!({ "AWS": "999999999999" }), json!({}));
    assert_eq!(words(&between(&guarded, &open).gains), ["`sts:AssumeRole` for `999999999999`"]);
    assert_eq!(between(&guarded, &open).losses, []);
}

#[test]
fn variables_are_texts_of_their_own() {
    let own_instance = |resource: &str| one(&allow(&json!("ec2:CreateTags"), &json!(resource)));
    let variable = own_instance("arn:aws:ec2:*:*:instance/${ec2:InstanceId}");
    assert_eq!(between(&variable, &own_instance("arn:aws:ec2:*:*:instance/${EC2:instanceid}")), Shift::default());
    let wide = own_instance("arn:aws:ec2:*:*:instance/*");
    assert_eq!(words(&between(&variable, &wide).gains), ["`ec2:CreateTags` on `arn:aws:ec2:*:*:instance/*`"]);
    let lost = between(&wide, &own_instance("arn:aws:ec2:*:*:instance/i-1"));
    assert_eq!(words(&lost.losses), ["`ec2:CreateTags` on `arn:aws:ec2:*:*:instance/*`"]);
    let shown = between(&own_instance("arn:aws:ec2:*:*:volume/v"), &variable);
    assert_eq!(words(&shown.gains), ["`ec2:CreateTags` on `arn:aws:ec2:*:*:instance/${ec2:instanceid}`"]);
}

#[test]
fn too_much_to_look_at_is_compared_statement_by_statement() {
    let many =
        |seed: usize| -> Vec<String> { (0..40).map(|index| format!("*{index}{seed}*{index}?*x{index}*")).collect() };
    let (before, after) = (one(&allow(&json!(many(1)), &json!("*"))), one(&allow(&json!(many(2)), &json!("*"))));
    let found = between(&before, &after);
    let vague = found.vague.expect("too much");
    assert!(!vague.gains.is_empty() && !vague.losses.is_empty(), "{vague:?}");
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let bad = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Maybe" }] });
    let good = document(&allow(&json!("s3:*"), &json!("*")));
    let side = |document| Documents { policies: vec![document], boundary: None };
    assert!(shift(&side(&bad), &side(&good)).is_err() && shift(&side(&good), &side(&bad)).is_err());
}

fn choice(texts: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<String>> {
    let own = prop::sample::select(texts).prop_map(str::to_owned);
    proptest::collection::vec(own, 1..=most)
}

prop_compose! {
    fn any_statement()(
        effect in prop::sample::select(vec!["Allow", "Allow", "Deny"]),
        negated in (0..6_u8, 0..8_u8),
        actions in choice(&["*", "a:*", "a:x", "a:x*", "b:*y", "a:?", "b:xy", "A:Y", "*:x", "b:?y"], 2),
        resources in choice(
            &["*", "arn:aws:s:::p*", "arn:aws:s:::p", "arn:aws:s:::?", "arn:*:s:::q", "arn:aws:s:::*q"], 2
        ),
        condition in prop::sample::select(vec![
            json!({}), json!({}), json!({}),
            json!({ "StringEquals": { "aws:K": ["u", "v"] } }),
            json!({ "StringEquals": { "aws:k": "u" } }),
            json!({ "StringNotEquals": { "aws:k": "u" } }),
            json!({ "StringLike": { "aws:k": "u*" } }),
            json!({ "StringEqualsIfExists": { "aws:k": "v" } }),
            json!({ "Null": { "aws:k": "true" } }),
            json!({ "Bool": { "aws:t": "true" } }),
            json!({ "Bool": { "aws:t": "false" }, "StringEquals": { "aws:k": "u" } }),
            json!({ "ForAnyValue:StringEquals": { "aws:m": ["u"] } }),
            json!({ "ForAllValues:StringEquals": { "aws:m": ["u", "v"] } }),
        ]),
    ) -> Value {
        let action = if negated.0 == 0 { "NotAction" } else { "Action" };
        let resource = if negated.1 == 0 { "NotResource" } else { "Resource" };
        json!({ "Effect": effect, action: actions, resource: resources, "Condition": condition })
    }
}

prop_compose! {
    fn any_side()(
        documents in proptest::collection::vec(proptest::collection::vec(any_statement(), 1..4), 0..3),
        boundary in proptest::option::weighted(0.3, proptest::collection::vec(any_statement(), 1..3)),
    ) -> Whole {
        (documents.iter().map(|it| document(&json!(it))).collect(), boundary.map(|it| document(&json!(it))))
    }
}

/// Requests of every sort that the random policies can tell apart.
fn requests() -> Vec<Request> {
    let names = ["x", "y", "z", "xy", "zy"];
    let actions = names.iter().flat_map(|name| ["a", "b", "c"].map(|service| format!("{service}:{name}")));
    let resources = [
        "*",
        "q",
        "arn:aws:s:::p",
        "arn:aws:s:::q",
        "arn:aws:s:::z",
        "arn:aws:s:::pz",
        "arn:aws:s:::pq",
        "arn:aws:s:::zq",
        "arn:aws:s:::zz",
        "arn:cn:s:::q",
        "arn:cn:s:::p",
        "arn:aws:t:::p",
    ];
    let several: [&[&str]; 5] = [&[], &["u"], &["v"], &["w"], &["u", "w"]];
    let mut keys = Vec::new();
    for one in [None, Some("u"), Some("v"), Some("w"), Some("uu")] {
        for many in several {
            for truth in [None, Some("true"), Some("false")] {
                let mut of = Keys::default();
                if !many.is_empty() {
                    of.set("aws:m", many.iter().map(|value| (*value).to_owned()));
                }
                let of = one.into_iter().fold(of, |of, value| of.with("aws:k", value));
                keys.push(truth.into_iter().fold(of, |of, value| of.with("aws:t", value)));
            }
        }
    }
    let mut all = Vec::new();
    for action in actions {
        for resource in resources {
            let of =
                |keys: &Keys| Request { action: action.clone(), resource: resource.to_owned(), keys: keys.clone() };
            all.extend(keys.iter().map(of));
        }
    }
    all
}

/// How the evaluator decides on one side: allowed or not, and denied or not.
fn stands(policies: &Policies, boundary: Option<&Policies>, request: &Request) -> (bool, bool) {
    let of_boundary = boundary.map_or(Decision::Allowed, |boundary| boundary.decide(request));
    let decision = policies.decide(request);
    let denied = decision == Decision::ExplicitDeny || of_boundary == Decision::ExplicitDeny;
    (decision == Decision::Allowed && of_boundary == Decision::Allowed, denied)
}

/// A told statement, as policies that each have to apply.
fn as_policies(grant: &Grant) -> Vec<Policies> {
    let mut statement = json!({ "Effect": "Allow" });
    let (action, actions) =
        if grant.not_actions.is_empty() { ("Action", &grant.actions) } else { ("NotAction", &grant.not_actions) };
    let (resource, resources) = if grant.not_resources.is_empty() {
        ("Resource", &grant.resources)
    } else {
        ("NotResource", &grant.not_resources)
    };
    statement[action] = json!(actions);
    statement[resource] = json!(resources);
    let conditions = if grant.conditions.is_empty() { vec!["{}".to_owned()] } else { grant.conditions.clone() };
    let with = |condition: &String| {
        let mut statement = statement.clone();
        statement["Condition"] = serde_json::from_str(condition).expect("JSON");
        Policies::new(&[document(&statement)]).expect("a policy")
    };
    let mut policies: Vec<Policies> = conditions.iter().map(with).collect();
    if !grant.except.is_empty() {
        let mut except = statement.clone();
        except[action] = json!(["*"]);
        let but = json!({ "Effect": "Deny", "Action": grant.except, "Resource": "*" });
        policies.push(Policies::new(&[document(&json!([except, but]))]).expect("a policy"));
    }
    policies
}

fn covers(grant: &[Policies], request: &Request) -> bool {
    grant.iter().all(|policies| policies.decide(request) == Decision::Allowed)
}

/// Tells which grants cover a request that is better off, and checks that one does.
fn check(grants: &[Grant], better: &[(&Request, bool, bool)], side: &str) -> Result<(), TestCaseError> {
    let read: Vec<(bool, Vec<Policies>)> = grants.iter().map(|grant| (grant.denies, as_policies(grant))).collect();
    let mut met: BTreeSet<usize> = BTreeSet::new();
    for (request, newly_allowed, no_more_denied) in better {
        let mut is_covered = false;
        for (index, (denies, grant)) in read.iter().enumerate() {
            let counts = if *denies { *no_more_denied } else { *newly_allowed };
            if counts && covers(grant, request) {
                met.insert(index);
                is_covered = true;
            }
        }
        prop_assert!(is_covered, "{side}: nothing covers {request:?} in {grants:?}");
    }
    prop_assert_eq!(met.len(), grants.len(), "{}: of {:?} only {:?} tell of a request", side, grants, met);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_difference_is_what_the_evaluator_says(before in any_side(), after in any_side(), keep in any::<bool>()) {
        let mut after = after;
        // Sides that have much in common are more like what a change is.
        if keep {
            after.0.extend(before.0.iter().cloned());
        }
        let found = compared(&before, &after).expect("policies that can be read");
        prop_assert_eq!(&found.vague, &None);
        let read = |side: &Whole| {
            let boundary = side.1.clone().map(|document| Policies::new(&[document]).expect("a policy"));
            (Policies::new(&side.0).expect("policies"), boundary)
        };
        let (old, new) = (read(&before), read(&after));
        let all = requests();
        let (mut gained, mut lost) = (Vec::new(), Vec::new());
        for request in &all {
            let (was, was_denied) = stands(&old.0, old.1.as_ref(), request);
            let (is, is_denied) = stands(&new.0, new.1.as_ref(), request);
            if (is && !was) || (was_denied && !is_denied) {
                gained.push((request, is && !was, was_denied && !is_denied));
            }
            if (was && !is) || (is_denied && !was_denied) {
                lost.push((request, was && !is, is_denied && !was_denied));
            }
        }
        check(&found.gains, &gained, "gains")?;
        check(&found.losses, &lost, "losses")?;
    }
}
