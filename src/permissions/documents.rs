//! The policy documents: the statements of the rows that a file needs, packed into documents of IAM's size.

use std::fmt;

use serde_json::{Map, Value, json};

use super::facts::Facts;
use super::row::Reach;
use super::table;
use crate::policy::minified_len;

/// IAM takes so many characters in a managed policy, white space not counted ("IAM and AWS STS quotas").
pub const LIMIT: usize = 6_144;

/// What the permissions are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `plan`, `show` and `drift`: reads only.
    Plan,
    /// `apply`, `destroy` and `adopt`: what a plan reads, and the writes.
    Apply,
    /// `verify`: what a plan reads, and what tells how backups went.
    Verify,
    /// `backup`: what `verify` reads, and starting on-demand backups.
    Backup,
}

impl fmt::Display for Purpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::Verify => "verify",
            Self::Backup => "backup",
        })
    }
}

/// One statement of a policy document.
#[derive(Clone, Debug, PartialEq)]
struct Statement {
    sid: String,
    effect: &'static str,
    actions: Vec<String>,
    resources: Vec<String>,
    condition: Value,
}

/// Returns the policy documents for a purpose, each within IAM's limit. All of them are to be attached: a deny in one
/// guards the others.
pub fn documents(purpose: Purpose, facts: &Facts) -> Vec<Value> {
    let mut documents: Vec<Vec<Value>> = Vec::new();
    for statement in statements(purpose, facts).into_iter().flat_map(fitting) {
        let value = statement.value();
        match documents.last_mut() {
            Some(last) if fits(last, &value) => last.push(value),
            _ => documents.push(vec![value]),
        }
    }
    documents.into_iter().map(|statements| document(&statements)).collect()
}

fn document(statements: &[Value]) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn fits(statements: &[Value], another: &Value) -> bool {
    minified_len(&document(&[statements, std::slice::from_ref(another)].concat())) <= LIMIT
}

/// Makes the statements of the rows that the file needs.
fn statements(purpose: Purpose, facts: &Facts) -> Vec<Statement> {
    let is_for = |reach: Reach| match reach {
        Reach::Read => true,
        Reach::Write | Reach::Guard => purpose == Purpose::Apply,
        Reach::Verify => matches!(purpose, Purpose::Verify | Purpose::Backup),
        Reach::Backup => purpose == Purpose::Backup,
    };
    let mut all = Vec::new();
    for row in table::rows().filter(|row| is_for(row.reach)) {
        let actions: Vec<String> =
            row.actions.iter().filter(|action| (action.needed)(facts)).map(|action| action.name.to_owned()).collect();
        if actions.is_empty() {
            continue;
        }
        let targets: Vec<_> = (row.targets)(facts).into_iter().filter(|target| !target.resources.is_empty()).collect();
        let several = targets.len() > 1;
        all.extend(targets.into_iter().enumerate().map(|(index, target)| Statement {
            sid: if several { format!("{}{}", row.sid, index + 1) } else { row.sid.to_owned() },
            effect: if row.reach == Reach::Guard { "Deny" } else { "Allow" },
            actions: actions.clone(),
            resources: target.resources,
            condition: target.condition,
        }));
    }
    all
}

/// Cuts a statement whose resources do not fit one document.
fn fitting(statement: Statement) -> Vec<Statement> {
    if statement.resources.len() < 2 || fits(&[], &statement.value()) {
        return vec![statement];
    }
    let mut first = statement.clone();
    let mut second = statement;
    second.resources = first.resources.split_off(first.resources.len() / 2);
    // Two documents may have a Sid in common; if the halves end in one, they must not.
    first.sid.push('A');
    second.sid.push('B');
    [first, second].into_iter().flat_map(fitting).collect()
}

impl Statement {
    fn value(&self) -> Value {
        let Self { sid, effect, actions, resources, condition } = self;
        let mut object = Map::from_iter([
            ("Sid".to_owned(), json!(sid)),
            ("Effect".to_owned(), json!(effect)),
            ("Action".to_owned(), json!(actions)),
            ("Resource".to_owned(), json!(resources)),
        ]);
        if !condition.is_null() {
            object.insert("Condition".to_owned(), condition.clone());
        }
        Value::Object(object)
    }
}
