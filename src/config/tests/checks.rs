//! Every check: a file that breaks the rule, what is underlined, and the nearest file that keeps it.

use super::*;

mod backup;
mod documents;
mod names;
mod packages;
mod references;
mod selections;
mod sizes;
mod structure;

/// Asserts that a body has exactly this problem, and that the better body does not have it.
fn check(code: &'static str, bad: &str, underlined: &str, good: &str) {
    let loaded = file(bad);
    assert_eq!(problems(&loaded), [(code, underlined.to_owned())], "{bad}\n{:#?}", loaded.diagnostics);
    let found = loaded.diagnostics.iter().next().unwrap();
    assert!(found.label.is_some(), "{code} has no label");
    assert!(!found.message.ends_with('.'), "{code} ends with a full stop");
    let better = file(good);
    assert!(better.diagnostics.iter().all(|found| found.code != code), "{good}\n{:#?}", better.diagnostics);
    assert!(!better.diagnostics.has_errors(), "{good}\n{:#?}", better.diagnostics);
}

const TRUST: &str = concat!(
    r#"trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"#,
    r#""Action":"sts:AssumeRole"}]}'"#
);
const IDENTITY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
const BACKUP: &str = "[role.AWSBackup]\npreset = \"backup-service\"\n";

fn role(keys: &str) -> String {
    format!("[role.r]\n{TRUST}\n{keys}\n")
}

fn policy(document: &str) -> String {
    format!("[policy.p]\ndocument = '{document}'\n")
}

fn package(keys: &str) -> String {
    format!("[package.AwsVssComponents]\ntargets = {{ tags = {{ a = \"b\" }} }}\n{keys}\n")
}

fn vault(keys: &str) -> String {
    format!("[vault.main]\n{keys}\n")
}

fn rule(keys: &str) -> String {
    format!("[vault.main]\n[plan.p.rule.r]\nvault = \"main\"\n{keys}\n")
}

fn vss_rule(keys: &str) -> String {
    format!("[vault.main]\n[plan.p]\nwindows_vss = true\n[plan.p.rule.r]\nvault = \"main\"\n{keys}\n")
}

fn selection(matching: &str) -> String {
    format!("{BACKUP}{}[plan.p.selection.s]\nrole = \"AWSBackup\"\nmatch = {matching}\n", rule(""))
}
