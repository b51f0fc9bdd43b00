//! Finds what a document should not say although IAM takes it: principals without bounds, actions without bounds, ways
//! to more privileges, and slips that leave a statement without an effect.
//!
//! The codes are those of the project's catalogue with 1000 added: lint 010 is `VSS1010`. IAM itself refuses lint 040,
//! a JSON key that occurs twice, and misspelt condition operators, so that they are the errors `VSS0511` and `VSS0506`.

mod statement;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::widen::fits;
use statement::Statement;

/// The codes that an entry can allow, with a reason.
pub const LINTS: [&str; 16] = [
    "VSS1010", "VSS1011", "VSS1012", "VSS1013", "VSS1014", "VSS1020", "VSS1021", "VSS1022", "VSS1023", "VSS1024",
    "VSS1025", "VSS1030", "VSS1031", "VSS1041", "VSS1042", "VSS1043",
];

/// What a document is attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// To a principal: it names resources.
    Identity,
    /// To a role, as its trust: it names principals.
    Trust,
    /// To a resource: it names principals and resources.
    Resource,
}

/// One statement that a document should not make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// Such as `VSS1010`.
    pub code: &'static str,
    /// Whether it stops the run unless the entry allows it; otherwise it is a warning.
    pub is_error: bool,
    /// What the statement does, in words that follow its name: ``lets anybody assume the role``.
    pub message: String,
    /// Where in the document, such as `Statement[1]`; empty for the document itself.
    pub path: String,
    /// What to do about it.
    pub help: String,
}

/// Whoever takes over an instance whose role allows these destroys its backups too.
const RANSOMS: [&str; 3] = ["backup:DeleteRecoveryPoint", "ec2:DeleteSnapshot", "kms:ScheduleKeyDeletion"];

/// Checks a document as it was written. `account` is the stack's own account.
pub fn lint(document: &Value, used: Use, account: &str) -> Vec<Lint> {
    let mut found = Vec::new();
    match document.get("Version").and_then(Value::as_str) {
        Some("2012-10-17") => {}
        version => {
            let what = if version.is_some() { "is of the version 2008-10-17" } else { "has no `Version`" };
            let message = format!("{what}: policy variables such as `${{aws:username}}` are plain text in it");
            add(&mut found, "VSS1041", false, message, "", "write `Version = \"2012-10-17\"`");
        }
    }
    for (index, statement) in statements(document).into_iter().enumerate() {
        let path = format!("Statement[{index}]");
        let mut one = Statement { words: statement, path: &path, found: &mut found };
        one.spelling();
        match used {
            Use::Trust => one.trust(account),
            Use::Identity => one.identity(),
            Use::Resource => one.not_principal(),
        }
    }
    if used == Use::Identity && is_copy(document) {
        let message = "is a copy of AWS's `AWSEC2VssSnapshotPolicy`, which AWS has changed since".to_owned();
        add(&mut found, "VSS1031", false, message, "", "attach the managed policy in its place");
    }
    found
}

/// Finds what a role that instances carry should not be allowed to do.
pub fn lint_instance(document: &Value) -> Vec<Lint> {
    let mut found = Vec::new();
    for (index, statement) in statements(document).into_iter().enumerate().filter(|(_, statement)| allows(statement)) {
        let actions = lower(statement, "Action");
        let may: Vec<&str> =
            RANSOMS.into_iter().filter(|ransom| actions.iter().any(|action| means(action, ransom))).collect();
        if !may.is_empty() {
            let message = format!("lets instances do {}: who takes one over destroys its backups too", quoted(&may));
            let path = format!("Statement[{index}]");
            add(&mut found, "VSS1030", true, message, &path, "give that to another role, which no instance carries");
        }
    }
    found
}

/// Tells whether a document allows changes of IAM.
pub fn writes_iam(document: &Value) -> bool {
    statements(document).into_iter().filter(|statement| allows(statement)).any(|statement| {
        lower(statement, "Action").iter().any(|action| {
            let reads = ["iam:get", "iam:list", "iam:passrole", "iam:simulate", "iam:generate"];
            (action.starts_with("iam:") || action == "*") && !reads.iter().any(|verb| action.starts_with(verb))
        })
    })
}

fn add(found: &mut Vec<Lint>, code: &'static str, is_error: bool, message: String, path: &str, help: &str) {
    found.push(Lint { code, is_error, message, path: path.to_owned(), help: help.to_owned() });
}

fn statements(document: &Value) -> Vec<&Map<String, Value>> {
    match document.get("Statement") {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_object).collect(),
        Some(Value::Object(one)) => vec![one],
        _ => Vec::new(),
    }
}

fn allows(statement: &Map<String, Value>) -> bool {
    statement.get("Effect").is_some_and(|effect| effect == "Allow")
}

/// One string or a list of them.
fn list(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn lower(statement: &Map<String, Value>, element: &str) -> Vec<String> {
    list(statement.get(element)).into_iter().map(str::to_ascii_lowercase).collect()
}

/// Tells whether a pattern in lower case means an action.
fn means(pattern: &str, action: &str) -> bool {
    fits(pattern, &action.to_ascii_lowercase())
}

fn quoted(names: &[impl AsRef<str>]) -> String {
    const MOST: usize = 5;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{}`", name.as_ref())).collect();
    match names.len().checked_sub(MOST) {
        Some(more @ 1..) => format!("{} and {more} more", shown.join(", ")),
        Some(0) | None => shown.join(", "),
    }
}

/// Only AWS's document asks for the tag `AwsVssConfig` on what `CreateSnapshots` makes.
fn is_copy(document: &Value) -> bool {
    statements(document).into_iter().any(|statement| {
        lower(statement, "Action").contains(&"ec2:createsnapshots".to_owned())
            && statement.get("Condition").is_some_and(|condition| condition.to_string().contains("/AwsVssConfig"))
    })
}
