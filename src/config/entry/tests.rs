//! What the resolvers make of an entry, in the words of the file again.

use serde_json::json;

use super::*;
use crate::config::layout;
use crate::config::{Config, load_text};
use crate::kind::diff::diff;
use crate::kind::overlay::present;
use crate::kinds;
use crate::model::Severity;

fn scope() -> Scope {
    Scope {
        stack: "s".to_owned(),
        account_id: "123456789012".to_owned(),
        region: "ap-northeast-1".to_owned(),
        iam_path: "/".to_owned(),
    }
}

fn fields(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        other => panic!("{other} is no object"),
    }
}

fn text(kind: KindId, value: Value) -> String {
    text_by(kind, value, &References::default())
}

fn text_by(kind: KindId, value: Value, references: &References) -> String {
    let entry = of(&scope(), kind, &fields(value), references);
    layout::entry(&[kind.name().to_owned(), "x".to_owned()], &entry.table)
}

fn loaded(text: &str) -> Config {
    let loaded = load_text("vss.toml", text, Some(std::path::Path::new("examples")));
    let errors: Vec<&str> = loaded
        .diagnostics
        .iter()
        .filter(|one| one.severity == Severity::Error)
        .map(|one| one.message.as_str())
        .collect();
    loaded.config.unwrap_or_else(|| panic!("{errors:?}\n{text}"))
}

/// Writes all entries of a file anew.
fn rewritten(config: &Config) -> String {
    let references = References::of(&config.scope, &config.desired);
    let mut text = layout::stack(&config.scope) + &format!("iam_path = \"{}\"\n", config.scope.iam_path);
    let mut plans: Vec<String> = Vec::new();
    for desired in &config.desired {
        let kind = desired.address.kind();
        // A command is nothing that is live, and what an attachment declares is not what is live of it.
        if desired.options.contains_key("run_command") || kind == KindId::Attachment {
            continue;
        }
        let mut entry = of(&config.scope, kind, &present(&desired.fields), &references);
        assert!(entry.unsaid.is_empty(), "{}: {:?}", desired.address, entry.unsaid);
        let names: Vec<String> = match (kind, desired.address.parent_key()) {
            (KindId::Selection, Some(plan)) => {
                ["plan", plan, "selection", desired.address.last()].map(str::to_owned).to_vec()
            }
            (KindId::RegionSettings, _) => vec![kind.name().to_owned()],
            _ => vec![kind.name().to_owned(), desired.address.key().to_owned()],
        };
        if kind == KindId::Plan {
            plans.push(desired.address.key().to_owned());
        }
        if kind != KindId::RegionSettings {
            entry.table.insert("name".to_owned(), desired.name.as_str().into());
        }
        if matches!(kind, KindId::Role | KindId::Policy | KindId::Vault) {
            let lints = ["VSS1011", "VSS1012", "VSS1013", "VSS1020"].map(|code| {
                let row = [("code".to_owned(), code.into()), ("reason".to_owned(), "a test".into())];
                Toml::from(row.into_iter().collect::<Table>())
            });
            entry.table.insert("allow".to_owned(), lints.to_vec().into());
        }
        text.push_str(&layout::entry(&names, &entry.table));
    }
    text
}

/// Takes out the flags of a rule and its copies that are AWS's default: an entry does not have them.
fn without_defaults(rule: &mut Value) {
    let flags = ["enable_continuous_backup", "opt_in_to_archive_for_supported_resources"];
    let Some(members) = rule.as_object_mut() else { return };
    members.retain(|name, value| !flags.contains(&name.as_str()) || *value != false);
    for (_, copy) in members.get_mut("copy_actions").and_then(Value::as_object_mut).into_iter().flatten() {
        without_defaults(copy);
    }
}

#[test]
fn a_file_of_every_key_is_the_same_when_its_entries_are_written_from_their_fields() {
    let complete = std::fs::read_to_string("examples/complete.toml").expect("the file");
    let config = loaded(&complete);
    let again = loaded(&rewritten(&config));
    let mut count = 0;
    for desired in &config.desired {
        if desired.options.contains_key("run_command") || desired.address.kind() == KindId::Attachment {
            continue;
        }
        let kind = kinds::of(desired.address.kind());
        let other = again.desired.iter().find(|other| other.address == desired.address);
        let other = other.unwrap_or_else(|| panic!("`{}` is there", desired.address));
        // The values of overrides are hidden from the fields.
        let own = |fields: &Fields| {
            let mut fields = present(fields);
            for (_, rule) in fields.get_mut("rule").and_then(Value::as_object_mut).into_iter().flatten() {
                without_defaults(rule);
            }
            for (_, selection) in fields.get_mut("selection").and_then(Value::as_object_mut).into_iter().flatten() {
                selection.as_object_mut().map(|it| it.shift_remove("overrides"));
            }
            fields
        };
        let (one, two) = (own(&desired.fields), own(&other.fields));
        let nothing = std::collections::BTreeMap::new();
        let there = diff(kind.fields(), &one, &two, &nothing);
        let back = diff(kind.fields(), &two, &one, &nothing);
        assert!(there.is_empty() && back.is_empty(), "{}: {there:?} {back:?}", desired.address);
        assert_eq!(desired.references, other.references, "{}", desired.address);
        count += 1;
    }
    assert!(count > 12, "{count} entries");
}

#[test]
fn an_object_of_the_file_is_named_by_its_key_and_another_by_its_arn() {
    let arn = "arn:aws:iam::123456789012:role/app";
    let selection = || json!({ "role": arn, "arns": ["*"], "all": ["a=1", "a=2", "b=x=y"] });
    let own = text(KindId::Selection, selection());
    assert!(own.contains("role = \"arn:aws:iam::123456789012:role/app\""), "{own}");
    assert!(own.contains("b = \"x=y\"") && own.contains("a = [\n    \"1\",\n    \"2\",\n]"), "{own}");
    let mut references = References::default();
    references.add(&scope(), KindId::Role, "/", "app", "the-app");
    let by_key = text_by(KindId::Selection, selection(), &references);
    assert!(by_key.contains("role = \"the-app\""), "{by_key}");
    // IAM ignores the case of names; a role of the name at another path is another role.
    let profile = text_by(KindId::InstanceProfile, json!({ "role": "APP" }), &references);
    assert!(profile.contains("role = \"the-app\""), "{profile}");
    let elsewhere = json!({ "role": "arn:aws:iam::123456789012:role/service/app" });
    let elsewhere = text_by(KindId::Selection, elsewhere, &references);
    assert!(elsewhere.contains("role/service/app"), "{elsewhere}");
}

#[test]
fn a_managed_policy_of_aws_has_its_name_unless_the_file_has_one_of_that_name() {
    let role = || json!({ "managed_policies": ["arn:aws:iam::aws:policy/AWSEC2VssSnapshotPolicy"] });
    assert!(text(KindId::Role, role()).contains("managed_policies = [\"AWSEC2VssSnapshotPolicy\"]"));
    let mut references = References::default();
    references.add(&scope(), KindId::Policy, "/", "AWSEC2VssSnapshotPolicy", "mine");
    let by_arn = text_by(KindId::Role, role(), &references);
    assert!(by_arn.contains("arn:aws:iam::aws:policy/AWSEC2VssSnapshotPolicy"), "{by_arn}");
    let unknown = json!({ "managed_policies": ["arn:aws:iam::aws:policy/job-function/Billing"] });
    assert!(text(KindId::Role, unknown).contains("arn:aws:iam::aws:policy/job-function/Billing"));
}

#[test]
fn what_is_aws_own_default_or_vssctls_mark_is_not_written() {
    let role = json!({
        "path": "/", "max_session_duration": "1h",
        "tags": { "vssctl:stack": "s", "vssctl:id": "role.x", "team": "x" },
    });
    assert_eq!(text(KindId::Role, role), "[role.x.tags]\nteam = \"x\"\n");
}

#[test]
fn names_that_are_no_keys_get_keys_of_their_own() {
    let mut keys = Keys::default();
    assert_eq!(keys.give("a.b"), "a-b");
    assert_eq!(keys.give("a-b"), "a-b-2");
    assert_eq!(keys.give("a b"), "a-b-3");
    assert_eq!(keys.give(""), "entry");
    assert_eq!(keys.give(&"é".repeat(80)), "-".repeat(64));
    assert_eq!(keys.give(&"ü".repeat(80)), format!("{}-2", "-".repeat(62)));
    let plan = json!({ "rule": { "a.b": { "vault": "v" }, "a-b": { "vault": "v" } } });
    let written = text(KindId::Plan, plan);
    assert!(written.contains("[plan.x.rule.a-b]\nname = \"a.b\""), "{written}");
    assert!(written.contains("[plan.x.rule.a-b-2]\nname = \"a-b\""), "{written}");
}

#[test]
fn what_the_file_has_no_words_for_is_told() {
    let unsaid = |kind, value| of(&scope(), kind, &fields(value), &References::default()).unsaid;
    let package = json!({ "targets": { "aws:NoOpAutomationTag": ["x"] }, "additional_arguments": "[1]" });
    assert_eq!(unsaid(KindId::Package, package).len(), 2);
    let test = json!({ "selection": { "a": { "role": "arn:aws:iam::123456789012:role/r", "resource_type": "RDS" } } });
    assert_eq!(unsaid(KindId::RestoreTest, test).len(), 1);
    let profiles = json!({ "instances": { "i-1": "arn:a", "i-2": "arn:b" } });
    assert_eq!(unsaid(KindId::Attachment, profiles).len(), 1);
}
