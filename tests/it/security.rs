//! The security view of plans, through the built binary: who gains and loses what, from the live documents.

use serde_json::{Value, json};
use vssctl::model::safe::is_hidden;

use crate::harness::{Place, Run};
use crate::hazards::{STACK, all, call};

/// Makes a document with one statement.
fn document(statement: &str) -> String {
    format!("{{\"Version\":\"2012-10-17\",\"Statement\":{statement}}}")
}

fn allow(actions: &str) -> String {
    document(&format!("{{\"Effect\":\"Allow\",\"Action\":{actions},\"Resource\":\"*\"}}"))
}

fn role(name: &str, lines: &str) -> String {
    let meant = if lines.contains(":*\"") { "allow = [{ code = \"VSS1020\", reason = \"meant\" }]\n" } else { "" };
    format!("[role.{name}]\npreset = \"vss-instance\"\n{meant}{lines}\n")
}

/// Applies a file, lets others act, writes another one and plans it.
fn planned(before: &str, meanwhile: impl Fn(&Place), after: &str, more: &[&str]) -> (Place, Run) {
    let place = Place::with(&format!("{STACK}{before}"));
    place.sandbox(&["apply", "--yes", "--allow", &all()]).exits(0);
    meanwhile(&place);
    place.write("vss.toml", format!("{STACK}{after}"));
    let run = place.sandbox(&[&["plan"], more].concat()).exits(0);
    (place, run)
}

/// The view of a plan, by its JSON: for each difference its sign, its address and its words.
#[track_caller]
fn view(place: &Place) -> Vec<(String, String, String)> {
    let run = place.sandbox(&["plan", "--format", "json"]).exits(0);
    let plan: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let turns = plan["security"]["turns"].as_array().cloned().unwrap_or_default();
    let text = |turn: &Value, name: &str| turn[name].as_str().unwrap_or_default().to_owned();
    turns.iter().map(|turn| (text(turn, "sign"), text(turn, "address"), text(turn, "words"))).collect()
}

fn own(rows: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    rows.iter().map(|(sign, at, words)| ((*sign).to_owned(), (*at).to_owned(), (*words).to_owned())).collect()
}

fn nobody(_: &Place) {}

#[test]
fn a_role_gains_and_loses_what_its_policies_say() {
    let before = role("app", &format!("inline_policies.x = '{}'", allow("[\"s3:Get*\",\"sqs:*\"]")));
    let after = role("app", &format!("inline_policies.x = '{}'", allow("[\"s3:*\",\"sqs:Send*\"]")));
    let (place, run) = planned(&before, nobody, &after, &[]);
    let wanted = [
        ("gain", "role.app", "role.app gains `s3:*` on `*`, but for `s3:get*`"),
        ("loss", "role.app", "role.app loses `sqs:*` on `*`, but for `sqs:send*`"),
    ];
    let shown = view(&place);
    let lower: Vec<_> = shown
        .iter()
        .map(|(a, b, c)| (a.clone(), b.clone(), c.replace("Get*", "get*").replace("Send*", "send*")))
        .collect();
    assert_eq!(lower, own(&wanted));
    assert!(run.stdout.contains("\nSecurity:\n  + role.app gains `s3:*` on `*`"), "{}", run.stdout);
    assert!(run.stdout.contains("! privilege-widened: role.app gains `s3:*`"), "{}", run.stdout);
    let markdown = place.sandbox(&["plan", "--format", "markdown"]).exits(0).stdout;
    assert!(
        markdown.contains("<summary>Security</summary>") && markdown.contains("\n+ role.app gains `s3:*`"),
        "{markdown}"
    );
    // The saved plan shows the same, and what only narrows asks for nothing.
    place.sandbox(&["plan", "--out", "plan.json"]).exits(0);
    assert!(place.sandbox(&["show", "plan.json"]).exits(0).stdout.contains("\nSecurity:\n"));
    let less = role("app", &format!("inline_policies.x = '{}'", allow("\"s3:GetObject\"")));
    place.write("vss.toml", format!("{STACK}{less}"));
    let run = place.sandbox(&["plan"]).exits(0);
    assert!(run.stdout.contains("  - role.app loses") && !run.stdout.contains("privilege-widened"), "{}", run.stdout);
    place.sandbox(&["apply", "--yes"]).exits(0);
    assert!(!place.sandbox(&["plan"]).exits(0).stdout.contains("Security"));
}

#[test]
fn a_statement_that_moves_or_is_written_otherwise_is_nothing() {
    let inline = role("app", &format!("inline_policies.x = '{}'", allow("[\"s3:Get*\",\"s3:GetObject\"]")));
    let moved = role(
        "app",
        "managed_policies = [\"AmazonSSMManagedInstanceCore\", \"AWSEC2VssSnapshotPolicy\", \"P\"]\ninline_policies = {}",
    ) + &format!("[policy.P]\ndocument = '{}'\n", allow("\"S3:get*\""));
    let (place, run) = planned(&inline, nobody, &moved, &[]);
    assert_eq!(view(&place), [], "{}", run.stdout);
    assert!(!run.stdout.contains("privilege-widened") && !run.stdout.contains("Security"), "{}", run.stdout);
    place.sandbox(&["apply", "--yes"]).exits(0);
}

#[test]
fn each_role_with_a_shared_policy_is_named_and_so_is_one_of_somebody_else() {
    let policy = |actions: &str| format!("[policy.P]\ndocument = '{}'\n", allow(actions));
    let both = |actions: &str| {
        let with = "managed_policies = [\"AmazonSSMManagedInstanceCore\", \"AWSEC2VssSnapshotPolicy\", \"P\"]";
        policy(actions) + &role("a", with) + &role("b", with)
    };
    let theirs = |place: &Place| {
        let trust = document(
            "{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ec2.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}",
        );
        call(place, "iam", "CreateRole", &json!({ "RoleName": "Theirs", "AssumeRolePolicyDocument": trust }));
        let input = json!({ "RoleName": "Theirs", "PolicyArn": "arn:aws:iam::123456789012:policy/P" });
        call(place, "iam", "AttachRolePolicy", &input);
    };
    let (place, run) = planned(&both("\"s3:GetObject\""), theirs, &both("\"sqs:SendMessage\""), &[]);
    let lines: Vec<(String, String, String)> = view(&place);
    for who in ["role.a", "role.b", "the role `Theirs`"] {
        for (sign, verb, action) in [("gain", "gains", "sqs:SendMessage"), ("loss", "loses", "s3:GetObject")] {
            let words = format!("{who} {verb} `{action}` on `*`");
            assert!(lines.contains(&(sign.to_owned(), "policy.P".to_owned(), words.clone())), "{words}: {lines:?}");
        }
    }
    assert!(run.stdout.contains("! privilege-widened: role.a gains"), "{}", run.stdout);
}

#[test]
fn a_boundary_that_comes_or_goes_is_a_loss_or_a_gain() {
    let base = format!(
        "[policy.Bound]\nallow = [{{ code = \"VSS1020\", reason = \"meant\" }}]\ndocument = '{}'\n",
        allow("\"sqs:*\"")
    );
    let free = base.clone()
        + &role(
            "app",
            &format!("inline_policies.x = '{}'\npermissions_boundary = \"\"", allow("[\"sqs:*\",\"s3:*\"]")),
        );
    let bound = free.replace("permissions_boundary = \"\"", "permissions_boundary = \"Bound\"");
    let (place, run) = planned(&free, nobody, &bound, &[]);
    let shown = view(&place);
    assert!(shown.iter().all(|(sign, ..)| sign == "loss") && !shown.is_empty(), "{shown:?}");
    assert!(
        shown.iter().any(|(.., words)| words.starts_with("role.app loses ") && words.contains("`s3:*`")),
        "{shown:?}"
    );
    assert!(!run.stdout.contains("! privilege-widened"), "{}", run.stdout);
    place.sandbox(&["apply", "--yes", "--allow", &all()]).exits(0);
    place.write("vss.toml", format!("{STACK}{free}"));
    let shown = view(&place);
    assert!(
        shown.iter().any(|(sign, at, words)| sign == "gain" && at == "role.app" && words.contains("`s3:*`")),
        "{shown:?}"
    );
    place.sandbox(&["apply", "--yes"]).exits(4);
}

#[test]
fn a_preset_that_is_put_back_is_a_gain_and_no_hazard() {
    let file = role("app", "");
    let arn = "arn:aws:iam::aws:policy/AWSEC2VssSnapshotPolicy";
    let detach = |place: &Place| {
        call(place, "iam", "DetachRolePolicy", &json!({ "RoleName": "app", "PolicyArn": arn }));
    };
    let (place, run) = planned(&file, detach, &file, &[]);
    assert!(run.stdout.contains("(by its preset)") && !run.stdout.contains("privilege-widened"), "{}", run.stdout);
    place.sandbox(&["apply", "--yes"]).exits(0);
    // Something else beside it does ask.
    detach(&place);
    place.write("vss.toml", format!("{STACK}{}", role("app", &format!("inline_policies.x = '{}'", allow("\"s3:*\"")))));
    let run = place.sandbox(&["plan"]).exits(0);
    assert!(run.stdout.contains("! privilege-widened: role.app gains `s3:*` on `*`"), "{}", run.stdout);
    // On a role of somebody else's, a preset is more than before.
    let trust = document(
        "{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ec2.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}",
    );
    call(&place, "iam", "CreateRole", &json!({ "RoleName": "their", "AssumeRolePolicyDocument": trust }));
    call(&place, "iam", "CreateInstanceProfile", &json!({ "InstanceProfileName": "x" }));
    call(&place, "iam", "AddRoleToInstanceProfile", &json!({ "InstanceProfileName": "x", "RoleName": "their" }));
    place.write(
        "vss.toml",
        format!("{STACK}{}{}", role("app", ""), role("their", "adopt = true\ninstance_profile = false")),
    );
    let run = place.sandbox(&["plan"]).exits(0);
    assert!(run.stdout.contains("! privilege-widened: role.their gains"), "{}", run.stdout);
}

#[test]
fn trusts_and_the_policies_of_vaults_are_told() {
    let trust = |principals: &str| {
        document(&format!("{{\"Effect\":\"Allow\",\"Principal\":{principals},\"Action\":\"sts:AssumeRole\"}}"))
    };
    let keep = document(
        "{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":[\"backup:DeleteRecoveryPoint\",\"backup:StartCopyJob\"],\"Resource\":\"*\"}",
    );
    let open =
        document("{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"backup:StartCopyJob\",\"Resource\":\"*\"}");
    let file = |principals: &str, policy: &str| {
        format!(
            "[role.app]\npreset = \"vss-instance\"\ntrust = '{}'\n[vault.vv]\naccess_policy = '{policy}'\n",
            trust(principals)
        )
    };
    let before = file("{\"Service\":\"ec2.amazonaws.com\"}", &keep);
    let after = file("{\"Service\":\"ec2.amazonaws.com\",\"AWS\":\"arn:aws:iam::999999999999:role/x\"}", &open);
    let (place, run) = planned(&before, nobody, &after, &[]);
    assert_eq!(
        view(&place),
        own(&[
            (
                "gain",
                "role.app",
                "the trust policy of role.app now allows `sts:AssumeRole` for `arn:aws:iam::999999999999:role/x`"
            ),
            ("gain", "vault.vv", "the policy of vault.vv no longer denies `backup:DeleteRecoveryPoint` on `*` for `*`"),
        ])
    );
    assert!(run.stdout.contains("! trust-widened: the trust policy of role.app"), "{}", run.stdout);
    assert!(
        run.stdout.contains("! recovery-points-deleted: the policy of vault.vv no longer denies"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_document_that_is_not_known_is_said_to_be_so() {
    let with = |more: &str| {
        role(
            "app",
            &format!("managed_policies = [\"AmazonSSMManagedInstanceCore\", \"AWSEC2VssSnapshotPolicy\"{more}]"),
        )
    };
    let (place, run) = planned(&with(""), nobody, &with(", \"arn:aws:iam::aws:policy/NobodyKnowsThis\""), &[]);
    let shown = view(&place);
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert!(shown[0].0 == "unknown" && shown[0].2.contains("NobodyKnowsThis"), "{shown:?}");
    assert!(run.stdout.contains("! privilege-widened: role.app gets"), "{}", run.stdout);
    place.sandbox(&["apply", "--yes", "--allow", "privilege-widened"]).exits(0);
    place.write("vss.toml", format!("{STACK}{}", with("")));
    let shown = view(&place);
    assert!(shown.len() == 1 && shown[0].0 == "unknown" && shown[0].2.contains("loses"), "{shown:?}");
    place.sandbox(&["apply", "--yes"]).exits(0);
}

#[test]
fn drift_is_security_widened_where_the_live_side_allows_more_and_not_where_it_allows_less() {
    let file = role("app", &format!("inline_policies.x = '{}'", allow("[\"s3:Get*\",\"sqs:*\"]")));
    let put = |place: &Place, text: &str| {
        let input = json!({ "RoleName": "app", "PolicyName": "x", "PolicyDocument": text });
        call(place, "iam", "PutRolePolicy", &input);
    };
    for (text, severity) in [
        (allow("[\"s3:Get*\",\"sqs:*\",\"iam:PassRole\"]"), Some("security-widened")),
        (allow("[\"s3:Get*\"]"), Some("functional")),
        (allow("\"*\""), Some("security-widened")),
        // Another way to say the same is a difference of the file, and of nobody's powers.
        (allow("[\"s3:Get*\",\"s3:GetObject\",\"sqs:*\"]"), Some("functional")),
    ] {
        let place = Place::with(&format!("{STACK}{file}"));
        place.sandbox(&["apply", "--yes"]).exits(0);
        put(&place, &text);
        let run = place.sandbox(&["drift", "--format", "json"]);
        let drift: Value = serde_json::from_str(&run.stdout).expect("JSON");
        assert_eq!(drift["findings"][0]["severity"].as_str(), severity, "{text}: {}", run.stdout);
        let code = i32::from(severity == Some("security-widened")) * 2;
        place.sandbox(&["drift", "--fail-on", "security-widened"]).exits(code);
    }
}

#[test]
fn names_that_mean_harm_stay_on_their_line() {
    let hostile = "a`*|<!-- @x\u{e9}";
    let statement = |resource: &str| {
        document(&format!("{{\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":{}}}", json!(resource)))
    };
    let file = |resource: &str| {
        role("app", &format!("inline_policies.x = '''{}'''", statement(&format!("arn:aws:s3:::{resource}"))))
    };
    let (place, _) = planned(&file("b"), nobody, &file(hostile), &[]);
    for format in ["text", "markdown", "github", "json"] {
        let shown = place.sandbox(&["plan", "--format", format]).exits(0).stdout;
        assert!(!shown.contains(|it: char| is_hidden(it) && it != '\n'), "{format}: {shown:?}");
        assert!(shown.contains("arn:aws:s3:::a`*|<!--"), "{format}: {shown}");
    }
    let twice = ["text", "markdown", "json"].map(|format| place.sandbox(&["plan", "--format", format]).exits(0).stdout);
    assert_eq!(twice[0], place.sandbox(&["plan"]).exits(0).stdout);
    assert_eq!(twice[1], place.sandbox(&["plan", "--format", "markdown"]).exits(0).stdout);
}
