//! Which policies a migration takes, which stay, and the file.

use serde_json::json;

use super::*;
use crate::model::KindId;
use crate::vss::version::System;

fn scope() -> Scope {
    Scope {
        stack: "s".into(),
        account_id: "123456789012".into(),
        region: "ap-northeast-1".into(),
        iam_path: "/".into(),
    }
}

fn allows(actions: &[&str]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": ["*"] }] })
}

fn with(inline: &[Value]) -> Role {
    let named = inline.iter().enumerate().map(|(index, document)| (format!("p{index}"), document.clone()));
    let trust = policy::trust_policy(&["ec2.amazonaws.com"]);
    let instances = vec!["i-0123456789abcdef0".into()];
    Role { name: "servers".into(), trust, inline: named.collect(), instances, ..Role::default() }
}

/// How many policies a migration takes away, and why the rest stays.
fn judged(role: &Role) -> (usize, Vec<String>) {
    let none = BTreeMap::new();
    let gone = migration(role, &none, None, &scope()).map_or(0, |found| found.inline.len());
    (gone, left_alone(role, &none, &scope()).map(|left| left.reasons).unwrap_or_default())
}

fn under(actions: &[&str], key: &str, value: &str) -> Value {
    let mut document = allows(actions);
    document["Statement"][0]["Condition"] = json!({ "StringEquals": { key: value } });
    document
}

#[test]
fn an_older_policy_is_known_by_what_it_allows_and_nothing_else() {
    for actions in [
        &["ec2:CreateSnapshot", "EC2:createTags", "ec2:DescribeInstances"][..],
        &["ec2:CreateImage", "ec2:CreateTags"],
        &["ec2:CreateSnapshot", "ec2:CreateTags", "ec2:Describe*"],
        &["ec2:CreateSnapshot*", "ec2:CreateTags", "ec2:DescribeInstance?"],
        &["ec2:CreateImage", "ec2:Describe*", "ec2:CreateTag?"],
    ] {
        assert_eq!(judged(&with(&[allows(actions)])), (1, Vec::new()), "{actions:?}");
    }
    let region = under(&["ec2:CreateSnapshot", "ec2:CreateTags"], "aws:RequestedRegion", "ap-northeast-1");
    assert_eq!(judged(&with(&[region])), (1, Vec::new()));
}

#[test]
fn a_policy_in_parts_goes_as_a_whole() {
    let image = |resource: &str| {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "ec2:CreateImage", "Resource": format!("arn:aws:ec2:*:*:{resource}/*") }
        ]})
    };
    let parts = [image("image"), image("snapshot"), image("instance"), allows(&["ec2:CreateTags"])];
    assert_eq!(judged(&with(&parts)), (4, Vec::new()));
    // A policy that only reads may be for anything else.
    let reading = [allows(&["ec2:CreateSnapshot", "ec2:CreateTags"]), allows(&["ec2:Describe*"])];
    assert_eq!(judged(&with(&reading)), (1, Vec::new()));
    let region = ["ap-northeast-1", "us-east-1"]
        .map(|region| under(&["ec2:CreateSnapshot", "ec2:CreateTags"], "aws:RequestedRegion", region));
    assert_eq!(judged(&with(&region)).0, 2);
}

#[test]
fn what_stays_is_named_with_its_reason() {
    let not_action = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" }
    ]});
    let tags = ["ec2:CreateSnapshot", "ec2:CreateTags"];
    for (document, word) in [
        (allows(&["ec2:*"]), "`ec2:*`"),
        (allows(&["*"]), "`*`"),
        (allows(&["ec2:Create*"]), "`ec2:Create*`"),
        (allows(&["ec2:CreateImage*"]), "`ec2:CreateImage*`"),
        (allows(&["ec2:*Snapshot*"]), "`ec2:*Snapshot*`"),
        (allows(&["ec2:CreateSnapshot", "ec2:CreateTags", "s3:PutObject"]), "`s3:PutObject`"),
        (allows(&["ec2:CreateSnapshot", "ec2:CreateTags", "ec2:DeleteSnapshot"]), "`ec2:DeleteSnapshot`"),
        (not_action, "`NotAction`"),
        (under(&tags, "ec2:ResourceTag/VssBackup", "enabled"), "`ec2:ResourceTag/VssBackup`"),
        (under(&tags, "aws:PrincipalOrgID", "o-1"), "`aws:PrincipalOrgID`"),
    ] {
        let (gone, reasons) = judged(&with(std::slice::from_ref(&document)));
        assert!(gone == 0 && reasons.len() == 1 && reasons[0].contains(word), "{word}: {gone} {reasons:?}");
    }
    // One goes and one stays: both are told.
    let two = with(&[allows(&["ec2:CreateSnapshot", "ec2:CreateTags"]), allows(&["ec2:*"])]);
    let (gone, reasons) = judged(&two);
    assert!(gone == 1 && reasons.len() == 1 && reasons[0].contains("`p1`"), "{gone} {reasons:?}");
    let mut administrator = with(&[]);
    administrator.managed = vec!["arn:aws:iam::aws:policy/AdministratorAccess".to_owned()];
    let (_, reasons) = judged(&administrator);
    assert!(reasons.len() == 1 && reasons[0].contains("AdministratorAccess"), "{reasons:?}");
}

#[test]
fn a_role_without_such_rights_is_not_named() {
    for document in [
        allows(&["s3:*"]),
        allows(&["ec2:Describe*"]),
        allows(&["ec2:CreateTags"]),
        under(&["ec2:CreateImage", "ec2:CreateSnapshots"], "aws:RequestTag/AwsVssConfig", "x"),
    ] {
        assert_eq!(judged(&with(std::slice::from_ref(&document))), (0, Vec::new()), "{document}");
    }
    let mut lambda = with(&[allows(&["ec2:*"])]);
    lambda.trust = policy::trust_policy(&["lambda.amazonaws.com"]);
    assert_eq!(judged(&lambda), (0, Vec::new()));
}

#[test]
fn the_file_keeps_what_is_not_for_vss_and_is_valid() {
    let role = Role {
        name: "web@servers".into(),
        path: "/app/".into(),
        trust: policy::trust_policy(&["ec2.amazonaws.com"]),
        managed: vec![
            "arn:aws:iam::123456789012:policy/OldVss".into(),
            "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy".into(),
        ],
        inline: BTreeMap::from([
            ("snapshots".into(), allows(&["ec2:CreateSnapshot", "ec2:CreateTags"])),
            ("files".into(), allows(&["s3:GetObject"])),
        ]),
        profiles: vec![("web-profile".into(), "/".into())],
        instances: vec!["i-0123456789abcdef0".into()],
        others: Vec::new(),
        held: BTreeMap::new(),
    };
    let documents = BTreeMap::from([(role.managed[0].clone(), allows(&["ec2:CreateImage", "ec2:CreateTags"]))]);
    let found = migration(&role, &documents, Some(&allows(&["ec2:CreateImage"])), &scope()).expect("a migration");
    assert_eq!((found.inline.as_slice(), found.managed.len()), (["snapshots".to_owned()].as_slice(), 1));
    assert!(found.loses.iter().any(|what| what.contains("ec2:CreateSnapshot")), "{:?}", found.loses);
    let text = file(&[found], &scope());
    let loaded = crate::config::load_text("vss.toml", &text, None);
    let errors: Vec<_> =
        loaded.diagnostics.iter().filter(|one| one.severity == crate::model::Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{text}");
    let config = loaded.config.expect("a configuration");
    let role = config.desired.iter().find(|entry| entry.address.kind() == KindId::Role).expect("the role");
    assert!(role.adopt && role.name == "web@servers");
    assert_eq!(role.fields["managed_policies"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        role.fields["inline_policies"].as_object().map(|map| map.keys().cloned().collect()),
        Some(vec!["files".to_owned()])
    );
}

#[test]
fn a_role_stays_as_it_is_while_one_server_needs_its_policy() {
    let mut role = Role::default();
    assert_eq!(role.stays(), None);
    let system = System::of("Microsoft Windows Server 2012 R2 Standard").expect("a system");
    role.held.insert("sql-1 (i-1)".to_owned(), system.rule().expect("one version"));
    let why = role.stays().expect("a reason");
    assert!(why.contains("sql-1 (i-1): Windows Server 2012 R2 works with package 2.1.0 only"), "{why}");
}

#[test]
fn a_role_of_something_else_is_left_alone() {
    let trust = policy::trust_policy(&["lambda.amazonaws.com"]);
    let inline = BTreeMap::from([("x".into(), allows(&["ec2:CreateSnapshot", "ec2:CreateTags"]))]);
    let role = Role { trust, inline, ..Role::default() };
    assert!(migration(&role, &BTreeMap::new(), None, &scope()).is_none());
}

#[test]
fn a_role_that_is_not_of_windows_servers_alone_keeps_its_rights() {
    let guide = allows(&["ec2:CreateSnapshot", "ec2:CreateTags"]);
    let mut role = with(&[guide, allows(&["ec2:*"])]);
    role.others = vec!["web-1 (i-2)".into()];
    let (gone, reasons) = judged(&role);
    assert_eq!((gone, reasons.len()), (0, 2), "{reasons:?}");
    assert_eq!(reasons[0], "instances without Windows use it: web-1 (i-2)");
    role.inline.remove("p1");
    (role.others, role.instances) = (Vec::new(), Vec::new());
    assert_eq!(judged(&role), (0, vec!["no instance of the region has it".to_owned()]));
}

#[test]
fn a_policy_that_denies_as_well_stays() {
    let mut document = allows(&["ec2:CreateSnapshot", "ec2:CreateTags"]);
    let deny = json!({ "Effect": "Deny", "Action": "iam:*", "Resource": "*" });
    document["Statement"].as_array_mut().expect("statements").push(deny);
    let (gone, reasons) = judged(&with(&[document]));
    assert!(
        gone == 0 && reasons.len() == 1 && reasons[0].contains("`p0` is not for VSS alone: it denies"),
        "{reasons:?}"
    );
}
