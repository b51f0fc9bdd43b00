//! Who owns what, who holds what, and what a plan may therefore take away.

use serde_json::{Value, json};
use vssctl::plan::build::Options;
use vssctl::plan::{Action, Plan};

use crate::bench::{Bench, STACK, changed, paths};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:DescribeImages","Resource":"*"}}"#;

fn file(rest: &str) -> String {
    format!("{STACK}{rest}")
}

fn destroy() -> Options {
    Options { destroy: true, ..Options::default() }
}

fn prune() -> Options {
    Options { prune: true, max_deletions: Some(99), ..Options::default() }
}

fn messages(plan: &Plan) -> String {
    plan.diagnostics.iter().map(|diagnostic| format!("{} {}\n", diagnostic.code, diagnostic.message)).collect()
}

fn tags(bench: &Bench, role: &str) -> Value {
    bench.call("iam", "ListRoleTags", &json!({"RoleName": role}))["Tags"].clone()
}

#[test]
fn a_policy_on_a_role_moves_to_another_path() {
    let bench = Bench::new();
    let at = |path: &str| {
        file(&format!(
            "[policy.p]\ndocument = '{DOCUMENT}'\npath = \"{path}\"\n[role.app]\ntrust = '{TRUST}'\nmanaged_policies = [\"p\"]\n"
        ))
    };
    bench.apply(&at("/a/"));
    bench.apply(&at("/b/"));
    let again = bench.plan(&at("/b/"));
    assert!(again.is_empty() && again.orphans.is_empty(), "{again:#?}");
}

#[test]
fn a_policy_that_bounds_a_role_is_replaced_and_bounds_it_again() {
    let bench = Bench::new();
    let with = |rest: &str| {
        file(&format!(
            "[policy.p]\ndocument = '{DOCUMENT}'\n{rest}\n[role.app]\ntrust = '{TRUST}'\npermissions_boundary = \"p\"\n"
        ))
    };
    bench.apply(&with(""));
    for rest in ["description = \"one\"", "description = \"one\"\npath = \"/b/\""] {
        bench.apply(&with(rest));
        let again = bench.plan(&with(rest));
        assert!(again.is_empty() && again.orphans.is_empty(), "{again:#?}");
        let role = bench.call("iam", "GetRole", &json!({"RoleName": "app"}));
        let boundary = role["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"].as_str().unwrap_or_default();
        assert!(boundary.ends_with("/p"), "{role}");
    }
}

#[test]
fn a_tag_key_may_change_its_case() {
    let bench = Bench::new();
    let with = |key: &str| file(&format!("[role.app]\ntrust = '{TRUST}'\ntags = {{ {key} = \"a\" }}\n"));
    bench.apply(&with("team"));
    bench.apply(&with("Team"));
    let tags = tags(&bench, "app");
    assert!(tags.as_array().into_iter().flatten().any(|tag| tag["Key"] == "Team"), "{tags}");
    assert!(bench.plan(&with("Team")).is_empty());
}

#[test]
fn adopting_does_not_claim_tags_that_somebody_else_wrote() {
    let bench = Bench::new();
    let theirs = json!([{"Key": "team", "Value": "theirs"}, {"Key": "same", "Value": "a"}]);
    bench.call("iam", "CreateRole", &json!({"RoleName": "app", "AssumeRolePolicyDocument": TRUST, "Tags": theirs}));
    let with = |tags: &str| file(&format!("[role.app]\ntrust = '{TRUST}'\ntags = {{ {tags} }}\n"));
    let adopt = Options { adopt: vec!["role.app".parse().expect("an address")], ..Options::default() };
    let (_, report) = bench.try_apply(&with("team = \"ours\", same = \"a\""), &adopt);
    assert!(report.is_complete());
    let tags = tags(&bench, "app");
    let keys = tags.as_array().into_iter().flatten().find(|tag| tag["Key"] == "vssctl:keys");
    assert_eq!(keys.map(|tag| &tag["Value"]), Some(&json!("same")));
    // The file changes its mind before it ever wrote `team`: the tag is left as it is.
    assert_eq!(paths(&bench.plan(&with("same = \"a\"")), "role.app"), [""; 0]);
}
