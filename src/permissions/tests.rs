//! The printed documents by themselves: their size, their cut, and that they name no more than the file does.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Facts, LIMIT, Purpose, Reach, documents, table};
use crate::config::load_text;
use crate::policy::minified_len;

fn facts(text: &str, prunes: bool) -> Facts {
    let file = format!("[stack]\nname = \"one\"\naccount_id = \"123456789012\"\nregion = \"ap-northeast-1\"\n{text}");
    let config = load_text("vss.toml", &file, None).config.unwrap_or_else(|| panic!("{file}"));
    Facts::of(&config.scope, &config.desired, prunes)
}

fn all(documents: &[Value]) -> Vec<&Value> {
    documents.iter().flat_map(|document| document["Statement"].as_array().into_iter().flatten()).collect()
}

/// The actions that are allowed.
fn allowed(purpose: Purpose, facts: &Facts) -> BTreeSet<String> {
    let documents = documents(purpose, facts);
    let statements = all(&documents).into_iter().filter(|statement| statement["Effect"] == "Allow");
    let actions = statements.flat_map(|statement| statement["Action"].as_array().cloned().unwrap_or_default());
    actions.filter_map(|action| action.as_str().map(str::to_owned)).collect()
}

#[test]
fn a_file_of_vaults_gets_nothing_for_other_kinds() {
    let facts = facts("[vault.main]\n", false);
    let writes: BTreeSet<String> =
        allowed(Purpose::Apply, &facts).difference(&allowed(Purpose::Plan, &facts)).cloned().collect();
    let expected = [
        "backup-storage:MountCapsule",
        "backup:CreateBackupVault",
        "backup:DeleteBackupVault",
        "backup:TagResource",
        "backup:UntagResource",
        "ssm:DeleteParameters",
        "ssm:GetParameter",
        "ssm:GetParametersByPath",
        "ssm:PutParameter",
    ];
    assert_eq!(writes, expected.map(str::to_owned).into());
}

#[test]
fn a_plan_and_a_verify_can_only_read() {
    let everything = facts("[role.a]\npreset = \"vss-instance\"\n[vault.main]\n", true);
    for purpose in [Purpose::Plan, Purpose::Verify] {
        for action in allowed(purpose, &everything) {
            let operation = action.split(':').nth(1).expect("an operation");
            assert!(["Get", "List", "Describe"].iter().any(|verb| operation.starts_with(verb)), "{action}");
        }
    }
}

#[test]
fn nothing_is_allowed_on_everything_but_what_knows_no_resources() {
    let facts = facts(
        "[role.a]\npreset = \"vss-instance\"\n[role.b]\npreset = \"backup-service\"\n\
         [vault.main]\n[plan.p.rule.r]\nvault = \"main\"\n",
        false,
    );
    let documents = documents(Purpose::Apply, &facts);
    for statement in all(&documents) {
        let (sid, effect) = (&statement["Sid"], &statement["Effect"]);
        let everything = statement["Resource"].as_array().is_some_and(|list| list.contains(&json!("*")));
        // Actions without a resource type in the Service Authorization Reference.
        let unbounded = [
            "ec2:DescribeImages",
            "ec2:DescribeInstances",
            "ec2:DescribeSnapshots",
            "ssm:DescribeInstanceInformation",
            "ssm:GetCommandInvocation",
            "ssm:ListCommandInvocations",
        ];
        let actions = statement["Action"].as_array().expect("actions");
        let knows_none = actions.iter().all(|action| unbounded.iter().any(|known| action == known));
        let is_exempt = knows_none || sid == "Lists" || sid == "VaultStorage";
        assert!(effect == "Deny" || !everything || is_exempt, "{statement}");
        assert!(!statement["Action"].to_string().contains('*'), "{statement}");
    }
}

#[test]
fn documents_fit_into_iams_limit_however_many_resources_the_file_has() {
    let mut file = String::new();
    for number in 0..150 {
        writeln!(file, "[role.windows-server-role-of-a-long-name-{number}]\npreset = \"vss-instance\"").expect("text");
    }
    let facts = facts(&file, false);
    let documents = documents(Purpose::Apply, &facts);
    assert!(documents.len() > 2);
    for document in &documents {
        assert!(minified_len(document) <= LIMIT, "{}", minified_len(document));
        let sids: Vec<String> =
            all(std::slice::from_ref(document)).iter().map(|statement| statement["Sid"].to_string()).collect();
        assert_eq!(sids.iter().collect::<BTreeSet<_>>().len(), sids.len(), "a Sid is unique in its document");
        crate::policy::Policies::new(std::slice::from_ref(document)).expect("a policy that can be read");
    }
    let named: BTreeSet<String> = all(&documents)
        .iter()
        .filter(|statement| statement["Action"] == json!(["iam:CreateRole"]))
        .flat_map(|statement| statement["Resource"].as_array().cloned().unwrap_or_default())
        .map(|arn| arn.to_string())
        .collect();
    assert_eq!(named.len(), 150, "no resource is lost in the cut");
}

#[test]
fn what_the_file_declares_is_not_guarded_against() {
    let guards = |text: &str| {
        let documents = documents(Purpose::Apply, &facts(text, false));
        let denies = all(&documents).into_iter().filter(|statement| statement["Effect"] == "Deny");
        denies.map(|statement| statement["Action"].to_string()).collect::<String>()
    };
    assert!(guards("[vault.main]\n").contains("backup:PutBackupVaultLockConfiguration"));
    let locked = guards("[vault.main.lock]\nmode = \"governance\"\nmin_retention = \"7d\"\n");
    assert!(!locked.contains("LockConfiguration") && locked.contains("backup:DeleteRecoveryPoint"), "{locked}");
    assert!(guards("[role.a]\npreset = \"vss-instance\"\n").contains("iam:DeleteRolePermissionsBoundary"));
    assert!(!guards("[role.a]\npreset = \"vss-instance\"\npermissions_boundary = \"\"\n").contains("Boundary"));
}

#[test]
fn china_and_an_own_path_are_named_as_they_are() {
    let file = "iam_path = \"/own/\"\n[role.a]\npreset = \"vss-instance\"\n[vault.main]\n";
    let text = format!("[stack]\nname = \"one\"\naccount_id = \"123456789012\"\nregion = \"cn-north-1\"\n{file}");
    let config = load_text("vss.toml", &text, None).config.expect("a valid file");
    let printed = json!(documents(Purpose::Apply, &Facts::of(&config.scope, &config.desired, false))).to_string();
    assert!(printed.contains("arn:aws-cn:iam::123456789012:role/own/*") && !printed.contains("arn:aws:"), "{printed}");
    assert!(printed.contains("ec2.amazonaws.com.cn"), "{printed}");
}

#[test]
fn the_manual_says_what_each_statement_is_for() {
    let manual = include_str!("../../docs/permissions.md");
    let mut statements = Vec::new();
    for row in table::rows() {
        let actions: Vec<String> = row.actions.iter().map(|action| format!("`{}`", action.name)).collect();
        let effect = if row.reach == Reach::Guard { "denies" } else { "allows" };
        statements.push(format!("* `{}` {effect} {}. {}", row.sid, actions.join(", "), row.why));
    }
    let told = manual.split_once("## Each statement\n").map(|(_, rest)| rest).unwrap_or_default();
    let told = told.lines().skip_while(|line| !line.starts_with("* ")).take_while(|line| !line.is_empty());
    // Lines end by 120 columns; where they do is no matter.
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let told = told.collect::<Vec<_>>().join("\n");
    let expected = statements.join("\n");
    assert!(words(&told) == words(&expected), "docs/permissions.md should have:\n{expected}");
}
