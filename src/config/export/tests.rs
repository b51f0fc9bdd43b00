//! Accounts that no random file makes: names that are no keys, values that the file can't have, long documents.

use serde_json::{Value, json};

use super::*;
use crate::config::load_text;
use crate::kind::Carried;
use crate::model::Severity;

fn scope() -> Scope {
    Scope {
        stack: "s".to_owned(),
        account_id: "123456789012".to_owned(),
        region: "ap-northeast-1".to_owned(),
        iam_path: "/".to_owned(),
    }
}

fn resource(kind: KindId, name: &str, id: &str, fields: Value) -> Resource {
    let ids = match kind {
        KindId::Selection => [("BackupPlanId".to_owned(), "p1".to_owned())].into_iter().collect(),
        _ => BTreeMap::new(),
    };
    let Value::Object(fields) = fields else { panic!("{fields} is no object") };
    let live = Live {
        name: name.to_owned(),
        owner: Owner::Nobody,
        ids,
        fields,
        carried: Carried::default(),
        refers: Vec::new(),
    };
    Resource { kind, live, id: id.to_owned(), overrides: BTreeMap::new() }
}

fn written(resources: Vec<Resource>, documents: Documents) -> Written {
    let shared = ["p2", "p4"].map(str::to_owned).into_iter().collect();
    file(&Account { resources, shared, ..Account::new(scope()) }, documents)
}

fn errors(text: &str) -> Vec<String> {
    let loaded = load_text("vss.toml", text, None);
    let errors = loaded.diagnostics.iter().filter(|one| one.severity == Severity::Error);
    errors.map(|one| one.message.clone()).collect()
}

#[test]
fn names_that_are_no_keys_or_one_key_are_told_apart() {
    let plan = |name: &str, id: &str| {
        resource(KindId::Plan, name, id, json!({ "windows_vss": true, "rule": { "r": { "vault": "gone" } } }))
    };
    let plans = vec![plan("a.b", "p1"), plan("a-b", "p2"), plan("A-b", "p3"), plan("a-b", "p4")];
    let Written { text, adopt, gaps, .. } = written(plans, Documents::Inline);
    // The file can have one plan of a name, which is taken over by its id; the other one stands there as a comment.
    assert_eq!(adopt, ["plan.a-b-3", "plan.a-b=p2", "plan.A-b"], "{text}");
    assert!(text.contains("[plan.a-b-3]\nname = \"a.b\"") && text.contains("# [plan.a-b-2]"), "{text}");
    assert!(text.contains("vault = \"arn:aws:backup:ap-northeast-1:123456789012:backup-vault:gone\""), "{text}");
    assert_eq!(errors(&text), [""; 0], "{gaps:?}\n{text}");
}

#[test]
fn what_the_file_refuses_stands_there_as_a_comment_and_is_named_by_arn() {
    let vaults = vec![
        resource(KindId::Vault, "vv", "vv", json!({ "tags": { "bad\u{7}key": "x\n[vault.evil]" } })),
        resource(KindId::Plan, "p", "p1", json!({ "windows_vss": true, "rule": { "r": { "vault": "vv" } } })),
        resource(KindId::Selection, "s", "s1", json!({ "role": "arn:aws:iam::123456789012:role/r", "arns": ["*"] })),
    ];
    let Written { text, gaps, adopt, entries, .. } = written(vaults, Documents::Inline);
    assert_eq!(errors(&text), [""; 0], "{text}");
    assert!(text.contains("# [vault.vv") && !text.contains("\n[vault.evil]"), "{text}");
    assert!(text.contains("vault = \"arn:aws:backup:ap-northeast-1:123456789012:backup-vault:vv\""), "{text}");
    let out: Vec<String> = gaps.iter().filter(|gap| gap.is_out).map(|gap| gap.address.to_string()).collect();
    assert_eq!(out, ["vault.vv"], "{gaps:?}");
    assert_eq!((adopt, entries), (vec!["plan.p".to_owned()], 2));
}

#[test]
fn selections_fall_out_with_their_plan() {
    let resources = vec![
        resource(KindId::Plan, "p", "p1", json!({ "rule": { "r": { "vault": "vv", "schedule": "never" } } })),
        resource(KindId::Selection, "s", "s1", json!({ "role": "arn:aws:iam::123456789012:role/r", "arns": ["*"] })),
        resource(KindId::Vault, "vv", "vv", json!({})),
    ];
    let Written { text, entries, gaps, .. } = written(resources, Documents::Inline);
    assert_eq!(errors(&text), [""; 0], "{text}");
    assert_eq!(entries, 1, "{text}");
    assert!(gaps.iter().any(|gap| gap.address.to_string() == "selection.p.s" && gap.what.contains("its plan")));
}

#[test]
fn a_document_that_would_be_expanded_is_left_out_and_a_lint_is_allowed_with_its_reason() {
    let document = |resource: &str, action: &str| {
        let statement = json!([{ "Effect": "Allow", "Action": [action], "Resource": [resource] }]);
        crate::policy::canonical(&json!({ "Version": "2012-10-17", "Statement": statement })).expect("a document")
    };
    let trust = crate::policy::trust_policy(&["ec2.amazonaws.com"]);
    let resources = vec![
        resource(
            KindId::Role,
            "r",
            "r",
            json!({ "trust": trust, "inline_policies": { "a": document("arn:aws:s3:::${region}/*", "s3:GetObject") } }),
        ),
        resource(
            KindId::Role,
            "wide",
            "wide",
            json!({
                "trust": trust, "managed_policies": ["arn:aws:iam::aws:policy/AdministratorAccess"],
            }),
        ),
        resource(
            KindId::Policy,
            "q",
            "q",
            json!({ "document": document("arn:aws:s3:::b/${aws:username}", "s3:GetObject") }),
        ),
    ];
    let Written { text, gaps, entries, .. } = written(resources, Documents::Inline);
    assert_eq!(errors(&text), [""; 0], "{text}");
    assert_eq!(entries, 3, "{text}");
    assert!(
        gaps.iter().any(|gap| gap.address.to_string() == "role.r" && gap.what.contains("`inline_policies`")),
        "{gaps:?}"
    );
    assert!(!text.contains("${region}") && text.contains("${aws:username}"), "{text}");
    assert!(text.contains("VSS1024") && text.contains("live when it was exported"), "{text}");
}

#[test]
fn long_documents_stand_in_files_of_their_own_whose_names_no_file_system_confuses() {
    let many: Vec<Value> = (0..9)
        .map(|number| {
            let bucket = format!("arn:aws:s3:::b{number}/*");
            json!({ "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [bucket] })
        })
        .collect();
    let long = crate::policy::canonical(&json!({ "Version": "2012-10-17", "Statement": many })).expect("a document");
    let trust = crate::policy::trust_policy(&["ec2.amazonaws.com"]);
    let role = json!({ "trust": trust, "inline_policies": { "Read": long, "READ": long } });
    let Written { text, files, .. } = written(vec![resource(KindId::Role, "r", "r", role)], Documents::Beside);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["policies/role-r-Read.json", "policies/role-r-READ-2.json"], "{text}");
    assert!(text.contains("file = \"policies/role-r-Read.json\""), "{text}");
    let document: Value = serde_json::from_str(&files[0].1).expect("JSON");
    assert_eq!(document["Statement"].as_array().map(Vec::len), Some(9));
}
