//! Every lint: a document that breaks it, the allowance that lets it pass, and what an allowance may not be.

use super::*;

const TRUST: &str = concat!(
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"#,
    r#""Action":"sts:AssumeRole"}]}"#
);

fn trust(principal: &str) -> String {
    let text = TRUST.replace(r#"{"Service":"ec2.amazonaws.com"}"#, principal);
    format!("[role.r]\ntrust = '{text}'\n")
}

fn policy(statement: &str) -> String {
    format!("[policy.p]\ndocument = '{{\"Version\":\"2012-10-17\",\"Statement\":{statement}}}'\n")
}

fn inline(statement: &str) -> String {
    format!(
        "[role.r]\ntrust = '{TRUST}'\ninline_policies.x = '{{\"Version\":\"2012-10-17\",\"Statement\":{statement}}}'\n"
    )
}

fn codes(body: &str) -> Vec<&'static str> {
    file(body).diagnostics.iter().map(|found| found.code).collect()
}

/// Asserts that a body breaks a lint, and that an allowance with a reason lets it pass.
#[track_caller]
fn breaks(code: &str, severity: Severity, body: &str) {
    let loaded = file(body);
    let found: Vec<_> = loaded.diagnostics.iter().collect();
    let [only] = found.as_slice() else { panic!("{body}\n{found:#?}") };
    assert_eq!((only.code, only.severity), (code, severity), "{only:#?}");
    assert_eq!(loaded.config.is_none(), severity == Severity::Error);
    assert!(only.location.is_some() && only.address.is_some());
    assert!(
        severity == Severity::Warning || only.help.iter().any(|help| help.contains("allow = [{ code")),
        "{only:#?}"
    );
    let (header, rest) = body.split_once('\n').unwrap();
    let allowed = format!("{header}\nallow = [{{ code = \"{code}\", reason = \"reviewed\" }}]\n{rest}");
    assert_eq!(codes(&allowed), [""; 0], "{allowed}");
    assert!(file(&allowed).config.is_some());
}

#[test]
fn every_lint_is_found_and_can_be_allowed_with_a_reason() {
    use Severity::{Error, Warning};
    let allow = |action: &str| format!("{{\"Effect\":\"Allow\",\"Action\":{action},\"Resource\":\"*\"}}");
    breaks("VSS1010", Error, &trust("\"*\""));
    breaks("VSS1011", Error, &trust(r#"{"AWS":"arn:aws:iam::111111111111:root"}"#));
    breaks("VSS1012", Error, &trust(r#"{"AWS":"123456789012"}"#).replace("\"Principal\"", "\"NotPrincipal\""));
    breaks(
        "VSS1013",
        Error,
        &trust(r#"{"Federated":"arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"}"#),
    );
    breaks("VSS1014", Warning, &trust(r#"{"Service":"lambda.amazonaws.com"}"#));
    breaks("VSS1020", Error, &policy(&allow("\"*\"")));
    breaks("VSS1021", Error, &policy(&allow("\"s3:Get*\"").replace("Action", "NotAction")));
    breaks("VSS1022", Error, &policy(&allow("\"iam:PassRole\"")));
    breaks("VSS1023", Error, &policy(&allow("\"iam:PutRolePolicy\"")));
    breaks("VSS1024", Error, &format!("[role.r]\ntrust = '{TRUST}'\nmanaged_policies = [\"AdministratorAccess\"]\n"));
    breaks("VSS1025", Warning, &inline(&allow("\"iam:CreateRole\"")));
    breaks("VSS1030", Error, &inline(&allow("\"ec2:DeleteSnapshot\"")));
    let copied = concat!(
        r#"{"Effect":"Allow","Action":"ec2:CreateSnapshots","Resource":"arn:aws:ec2:*:*:snapshot/*","#,
        r#""Condition":{"StringLike":{"aws:RequestTag/AwsVssConfig":"*"}}}"#
    );
    breaks("VSS1031", Warning, &inline(copied));
    breaks("VSS1041", Warning, &policy(&allow("\"s3:GetObject\"")).replace("2012-10-17", "2008-10-17"));
    breaks("VSS1042", Warning, &policy(&allow("\"ec2:DescribeImage\"")));
    let condition = allow("\"s3:GetObject\"")
        .replace("\"*\"}", "\"*\",\"Condition\":{\"StringEquals\":{\"SourceAccount\":\"1\"}}}");
    breaks("VSS1043", Error, &policy(&condition));
}

#[test]
fn every_lint_that_can_be_allowed_is_tested_here() {
    let text = include_str!("lints.rs");
    for code in crate::policy::lint::LINTS {
        let given = ["Error", "Warning"].iter().any(|severity| {
            let flat: String = text.split_whitespace().collect();
            flat.contains(&format!("breaks(\"{code}\",{severity}"))
        });
        assert!(given, "{code}");
    }
}

#[test]
fn an_allowance_names_a_lint_has_a_reason_and_is_needed() {
    let body = |allow: &str| format!("[role.r]\ntrust = '{TRUST}'\nallow = [{allow}]\n");
    assert_eq!(codes(&body("{ code = \"VSS1010\", reason = \"x\" }")), ["VSS1002"]);
    assert_eq!(codes(&body("{ code = \"vss1010\", reason = \"x\" }")), ["VSS1001"]);
    assert_eq!(codes(&body("{ code = \"VSS0507\", reason = \"x\" }")), ["VSS1001"]);
    let anybody = trust("\"*\"");
    let blank = format!("{anybody}allow = [{{ code = \"VSS1010\", reason = \" \" }}]\n");
    assert_eq!(codes(&blank), ["VSS1001"]);
    // Without a reason there is no allowance at all.
    let missing = format!("{anybody}allow = [{{ code = \"VSS1010\" }}]\n");
    assert!(file(&missing).diagnostics.has_errors());
}

#[test]
fn presets_break_no_lint() {
    for preset in ["vss-instance", "vss-instance-backup-only", "backup-service"] {
        assert_eq!(codes(&format!("[role.r]\npreset = \"{preset}\"\n")), [""; 0], "{preset}");
    }
}
