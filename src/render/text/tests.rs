//! Plans as people read them.

use serde_json::{Value, json};

use super::*;
use crate::model::{Display, FieldChange, Scope};

fn plan_of(changes: Vec<Change>) -> Plan {
    let scope = Scope {
        stack: "windows-backup".into(),
        account_id: "123456789012".into(),
        region: "ap-northeast-1".into(),
        iam_path: "/".into(),
    };
    let steps = changes
        .iter()
        .filter(|change| !matches!(change.action, Action::NoOp | Action::Unknown | Action::Refused))
        .map(|change| crate::plan::Step {
            id: 0,
            address: change.address.clone(),
            phase: crate::model::Phase::Ensure,
            after: Vec::new(),
            looks: Vec::new(),
            calls: Vec::new(),
            hazards: Vec::new(),
        })
        .collect();
    let (config_sha256, tool) = (String::new(), String::new());
    Plan {
        format: 1,
        tool,
        scope,
        config_sha256,
        changes,
        orphans: Vec::new(),
        steps,
        diagnostics: Vec::new(),
        security: crate::plan::Security::default(),
        is_targeted: false,
        seen: crate::plan::Seen::default(),
    }
}

fn changed(address: &str, action: Action, fields: Vec<FieldChange>) -> Change {
    let address: Address = address.parse().expect("an address");
    Change {
        name: address.last().to_owned(),
        address,
        action,
        reason: None,
        fields,
        location: None,
        cause: None,
        settles: Vec::new(),
        told: crate::plan::Told::default(),
    }
}

fn field(path: &str, display: Display, before: Value, after: Value) -> FieldChange {
    FieldChange { path: path.into(), display, before, after, replaces: false, cause: None }
}

fn read(plan: &Plan, detail: Detail) -> String {
    let consents = Consents::default();
    super::plan(plan, &Reading { consents: &consents, problems: "", command: "vssctl apply", width: 80, detail })
}

fn rendered(plan: &Plan) -> String {
    anstream::adapter::strip_str(&read(plan, Detail::Full)).to_string()
}

#[test]
fn a_plan_without_changes_is_one_line() {
    let plan = plan_of(vec![changed("vault.vss", Action::NoOp, Vec::new())]);
    assert_eq!(rendered(&plan), format!("{NO_CHANGES}\n"));
}

#[test]
fn what_could_not_be_read_is_never_no_change() {
    let plan = plan_of(vec![changed("vault.vss", Action::Unknown, Vec::new())]);
    let text = rendered(&plan);
    assert!(text.ends_with("\nNo changes to make: 1 resource could not be read.\n"), "{text}");
    assert!(text.contains("? vault.vss"), "{text}");
}

#[test]
fn every_sort_of_change_reads_without_colour() {
    let arn = |name: &str| format!("arn:aws:iam::aws:policy/{name}");
    let mut replaced = field("path", Display::Value, json!("/"), json!("/backup/"));
    replaced.replaces = true;
    let plan = plan_of(vec![
        changed(
            "role.app",
            Action::Create,
            vec![
                field("path", Display::Value, Value::Null, json!("/")),
                field("max_session_duration", Display::Value, Value::Null, json!("1h")),
                field("managed_policies", Display::Set, Value::Null, json!([arn("A"), arn("B")])),
                field("arn", Display::Value, Value::Null, json!({ "$output": "role.app", "name": "Arn" })),
            ],
        ),
        changed(
            "plan.daily",
            Action::Update,
            vec![
                field("windows_vss", Display::Value, json!(false), json!(true)),
                field(
                    "rule.nightly.schedule",
                    Display::Value,
                    json!("cron(0 18 ? * MON-FRI *)"),
                    json!("cron(0 19 ? * MON-FRI *)"),
                ),
                field("rule.weekly", Display::Value, Value::Null, json!({ "vault": "vss", "delete_after": "35d" })),
                field("tags.old", Display::Value, json!("x"), Value::Null),
            ],
        ),
        changed("policy.p", Action::Replace, vec![replaced]),
        changed("vault.old", Action::Delete, Vec::new()),
    ]);
    let expected = r#"Stack windows-backup (123456789012, ap-northeast-1): 2 to add, 1 to change, 2 to
destroy

+ role.app (IAM role, app)
    path                 = "/"
    max_session_duration = "1h"
    managed_policies
      + arn:aws:iam::aws:policy/A
      + arn:aws:iam::aws:policy/B
    arn                  = (known after apply)

~ plan.daily (backup plan, daily)
    ~ windows_vss              = false -> true
    ~ rule.nightly.schedule
        - "cron(0 18 ? * MON-FRI *)"
        + "cron(0 19 ? * MON-FRI *)"
    + rule.weekly.delete_after = "35d"
    + rule.weekly.vault        = "vss"
    - tags.old                 = "x"

-/+ policy.p (IAM policy, p) will be replaced
    ~ path (forces replacement) = "/" -> "/backup/"

- vault.old (backup vault, old)

Plan: 2 to add, 1 to change, 2 to destroy.
"#;
    assert_eq!(rendered(&plan), expected);
}

#[test]
fn foreign_text_brings_no_codes_of_its_own() {
    let hostile = "\u{1b}[31mred\u{202e}\n- vault.vss";
    let plan = plan_of(vec![changed(
        "role.app",
        Action::Update,
        vec![field("description", Display::Value, json!("a"), json!(hostile))],
    )]);
    let text = read(&plan, Detail::Brief);
    assert!(!text.contains("\u{1b}[31m") && !text.contains('\u{202e}') && !text.contains("\n- vault"), "{text}");
}
