//! Tells whether one set of documents allows more than another. In doubt it says "more": a statement counts as covered
//! only where one statement of the other set plainly says as much.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::actions;
use super::canonical::{Document, Principal, Statement};
use crate::model::glob;

/// The most combinations of principal, action and resource of one statement that are compared one by one. Beyond that,
/// the statement counts as allowing more.
const MOST_COMPARED: usize = 20_000;

/// How many combinations a message names.
const SHOWN: usize = 3;

/// Says what `after` allows that `before` did not, as one part of a sentence each; empty where `after` plainly allows
/// no more. A denying statement that was removed counts as well. An example is ``allows `s3:GetObject` on `*` ``.
pub fn widened<'a>(
    before: impl IntoIterator<Item = &'a Value>,
    after: impl IntoIterator<Item = &'a Value>,
) -> Vec<String> {
    let mut written = Written::new();
    let (Some(before), Some(after)) = (statements(before, &mut written), statements(after, &mut written)) else {
        return vec!["can't be compared with what is there".to_owned()];
    };
    let allowed: Vec<&Statement> = before.iter().filter(|statement| statement.effect == "Allow").collect();
    let denied: Vec<&Statement> = after.iter().filter(|statement| statement.effect == "Deny").collect();
    let mut found = Vec::new();
    for statement in after.iter().filter(|statement| statement.effect == "Allow") {
        found.extend(
            uncovered(statement, &allowed).map(|atoms| sentence("allows", "allows more than before", &atoms, &written)),
        );
    }
    for statement in before.iter().filter(|statement| statement.effect == "Deny") {
        found.extend(
            uncovered(statement, &denied)
                .map(|atoms| sentence("no longer denies", "denies less than before", &atoms, &written)),
        );
    }
    found.sort();
    found.dedup();
    found
}

/// The spelling of actions in the documents, by their lower case.
type Written = BTreeMap<String, String>;

fn statements<'a>(documents: impl IntoIterator<Item = &'a Value>, written: &mut Written) -> Option<Vec<Statement>> {
    let mut statements = Vec::new();
    for document in documents.into_iter().filter(|document| document.as_object().is_none_or(|it| !it.is_empty())) {
        let document = Document::read(document).ok()?;
        let actions = document.statements.iter().flat_map(|statement| &statement.action.1);
        written.extend(actions.map(|action| (action.to_ascii_lowercase(), action.clone())));
        // Actions and condition keys are compared in lower case, because IAM ignores their case.
        statements.extend(document.folded().statements);
    }
    Some(statements)
}

/// One principal, action and resource of a statement.
type Atom = (String, String, String);

/// Returns the combinations of a statement that no other statement covers: `None` where there are none, and an empty
/// list where there are too many to compare.
fn uncovered(statement: &Statement, others: &[&Statement]) -> Option<Vec<Atom>> {
    if others.iter().any(|other| covers_whole(other, statement)) {
        return None;
    }
    let principals = principals(statement);
    let (actions, resources) = (&statement.action.1, statement.resource.as_ref().map(|(_, values)| values.as_slice()));
    let resources = resources.unwrap_or_default();
    let negated = statement.action.0 == "NotAction"
        || matches!(statement.resource, Some(("NotResource", _)))
        || matches!(statement.principal, Some(("NotPrincipal", _)));
    let product = principals.len().max(1).saturating_mul(actions.len()).saturating_mul(resources.len().max(1));
    if negated || product > MOST_COMPARED {
        return Some(Vec::new());
    }
    let mut atoms = BTreeSet::new();
    let one = |value: Option<&String>| value.cloned().unwrap_or_default();
    for principal in some(&principals) {
        for action in actions {
            for resource in some(resources) {
                let atom = Statement {
                    principal: principal.map(|(name, value)| {
                        let everyone = name.is_empty();
                        let types = || Principal::Types([(*name, vec![value.clone()])].into());
                        ("Principal", if everyone { Principal::Everyone } else { types() })
                    }),
                    action: ("Action", vec![action.clone()]),
                    resource: resource.map(|resource| ("Resource", vec![resource.clone()])),
                    ..statement.clone()
                };
                if !others.iter().any(|other| covers_whole(other, &atom)) {
                    atoms.insert((one(principal.map(|(_, value)| value)), action.clone(), one(resource)));
                }
            }
        }
    }
    (!atoms.is_empty()).then(|| atoms.into_iter().collect())
}

/// Returns each element, or a single `None` for an empty list.
fn some<T>(items: &[T]) -> Vec<Option<&T>> {
    if items.is_empty() { vec![None] } else { items.iter().map(Some).collect() }
}

fn principals(statement: &Statement) -> Vec<(&'static str, String)> {
    match &statement.principal {
        None => Vec::new(),
        Some((_, Principal::Everyone)) => vec![("", "*".to_owned())],
        Some((_, Principal::Types(types))) => {
            types.iter().flat_map(|(name, values)| values.iter().map(|value| (*name, value.clone()))).collect()
        }
    }
}

/// Tells whether `outer` applies to all that `inner` applies to, under conditions that are no stricter.
fn covers_whole(outer: &Statement, inner: &Statement) -> bool {
    let action = covers_values((outer.action.0, &outer.action.1), (inner.action.0, &inner.action.1), "Action");
    let resource = match (&outer.resource, &inner.resource) {
        (None, None) => true,
        (Some(outer), Some(inner)) => covers_values((outer.0, &outer.1), (inner.0, &inner.1), "Resource"),
        (None, Some(_)) | (Some(_), None) => false,
    };
    let principal = match (&outer.principal, &inner.principal) {
        (None, None) => true,
        (Some(outer), Some(inner)) => outer == inner || covers_principal(outer, inner),
        (None, Some(_)) | (Some(_), None) => false,
    };
    action && resource && principal && implies(inner, outer)
}

fn covers_values(outer: (&str, &[String]), inner: (&str, &[String]), positive: &str) -> bool {
    let each = |inner: &[String], outer: &[String]| inner.iter().all(|value| outer.iter().any(|it| fits(it, value)));
    match (outer.0 == positive, inner.0 == positive) {
        (true, true) => each(inner.1, outer.1),
        // `NotAction` and the like: what `outer` excludes, `inner` must exclude as well.
        (false, false) => each(outer.1, inner.1),
        (true, false) => outer.1.iter().any(|value| value == "*"),
        (false, true) => {
            inner.1.iter().all(|value| !value.contains(['*', '?']) && !outer.1.iter().any(|it| fits(it, value)))
        }
    }
}

fn covers_principal(outer: &(&'static str, Principal), inner: &(&'static str, Principal)) -> bool {
    if outer.0 != "Principal" || inner.0 != "Principal" {
        return false;
    }
    match (&outer.1, &inner.1) {
        (Principal::Everyone, _) => true,
        (Principal::Types(_), Principal::Everyone) => false,
        (Principal::Types(outer), Principal::Types(inner)) => inner.iter().all(|(name, values)| {
            let known = outer.get(name).map(Vec::as_slice).unwrap_or_default();
            values.iter().all(|value| known.contains(value) || *name == "AWS" && known.iter().any(|it| it == "*"))
        }),
    }
}

/// Tells whether the conditions of `inner` are at least as strict as those of `outer`.
fn implies(inner: &Statement, outer: &Statement) -> bool {
    outer.condition.iter().all(|(operator, keys)| {
        keys.iter().all(|(key, wanted)| {
            let Some(given) = inner.condition.get(operator).and_then(|keys| keys.get(key)) else { return false };
            let within = |these: &[String], those: &[String]| these.iter().all(|value| those.contains(value));
            if operator.contains("Not") {
                within(wanted, given)
            } else if ["String", "Arn", "IpAddress"].iter().any(|family| operator.contains(family)) {
                within(given, wanted)
            } else {
                given == wanted
            }
        })
    })
}

/// Tells whether a pattern fits a text in which `*` and `?` stand for themselves. Where it does, it fits whatever the
/// text itself would fit as a pattern.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let takes = |piece: &char, character: &char| (*piece == '?' && *character != '*') || piece == character;
    glob::matches_by(&pattern, &text, |piece| *piece == '*', takes)
}

/// Writes combinations as text. Actions are in AWS's own case, or as the documents spell them where that is not known.
fn sentence(verb: &str, vague: &str, atoms: &[Atom], written: &Written) -> String {
    let unique = |values: Vec<&str>| -> Vec<String> {
        let set: BTreeSet<&str> = values.into_iter().filter(|value| !value.is_empty()).collect();
        set.into_iter().map(str::to_owned).collect()
    };
    let actions = unique(atoms.iter().map(|atom| atom.1.as_str()).collect());
    let resources = unique(atoms.iter().map(|atom| atom.2.as_str()).collect());
    let principals = unique(atoms.iter().map(|atom| atom.0.as_str()).collect());
    if actions.is_empty() {
        return vague.to_owned();
    }
    let spell = |action: &String| actions::spelled(action).or_else(|| written.get(action).cloned());
    let actions: Vec<String> = actions.iter().map(|action| spell(action).unwrap_or_else(|| action.clone())).collect();
    let mut text = format!("{verb} {}", listed(&actions));
    if !resources.is_empty() {
        text = format!("{text} on {}", listed(&resources));
    }
    if !principals.is_empty() {
        text = format!("{text} to {}", listed(&principals));
    }
    text
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().checked_sub(SHOWN) {
        Some(more @ 1..) => format!("{} and {more} more", shown.join(", ")),
        Some(0) | None => shown.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document(statement: &Value) -> Value {
        json!({ "Version": "2012-10-17", "Statement": statement })
    }

    fn wider(before: &Value, after: &Value) -> bool {
        !widened([&document(before)], [&document(after)]).is_empty()
    }

    fn allow(action: &Value, resource: &str) -> Value {
        json!({ "Effect": "Allow", "Action": action, "Resource": resource })
    }

    #[test]
    fn the_same_and_less_is_no_more() {
        let both = allow(&json!(["s3:GetObject", "s3:PutObject"]), "*");
        assert!(!wider(&both, &both));
        assert!(!wider(&both, &allow(&json!("S3:getobject"), "arn:aws:s3:::a/*")));
        assert!(!wider(&allow(&json!("s3:*"), "arn:aws:s3:::a*"), &allow(&json!("s3:Get*"), "arn:aws:s3:::ab/*")));
        assert!(!wider(&json!([both, allow(&json!("ec2:*"), "*")]), &both));
    }

    #[test]
    fn another_action_or_resource_is_more_and_is_named() {
        let before = allow(&json!("s3:GetObject"), "arn:aws:s3:::a/*");
        let found = widened(
            [&document(&before)],
            [&document(&allow(&json!(["s3:GetObject", "s3:DeleteObject"]), "arn:aws:s3:::a/*"))],
        );
        assert_eq!(found, ["allows `s3:DeleteObject` on `arn:aws:s3:::a/*`"]);
        assert!(wider(&before, &allow(&json!("s3:Get*"), "arn:aws:s3:::a/*")));
        assert!(wider(&before, &allow(&json!("s3:GetObject"), "*")));
        assert!(wider(&before, &json!({ "Effect": "Allow", "NotAction": "iam:*", "Resource": "*" })));
    }

    #[test]
    fn actions_are_named_in_the_case_of_aws_else_of_the_documents() {
        let nothing = allow(&json!("sts:GetCallerIdentity"), "*");
        let some = allow(&json!(["IAM:putrolepolicy", "ec2:Describe*", "s3:getObject"]), "*");
        let (nothing, some) = (document(&nothing), document(&some));
        assert_eq!(
            widened([&nothing], [&some]),
            ["allows `ec2:Describe*`, `iam:PutRolePolicy`, `s3:getObject` on `*`"]
        );
        let denied = document(&json!([
            { "Effect": "Allow", "Action": "*", "Resource": "*" },
            { "Effect": "Deny", "Action": "lambda:InvokeFunction", "Resource": "*" }
        ]));
        let open = document(&allow(&json!("*"), "*"));
        assert_eq!(widened([&denied], [&open]), ["no longer denies `lambda:InvokeFunction` on `*`"]);
    }

    #[test]
    fn a_weaker_condition_is_more_and_a_stricter_one_is_not() {
        let with =
            |condition: Value| json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition });
        let one = with(json!({ "StringEquals": { "aws:SourceAccount": "1" } }));
        let two = with(json!({ "StringEquals": { "aws:SourceAccount": ["1", "2"] } }));
        assert!(wider(&one, &two) && !wider(&two, &one));
        assert!(wider(&one, &allow(&json!("s3:*"), "*")) && !wider(&allow(&json!("s3:*"), "*"), &one));
        let not_one = with(json!({ "StringNotEquals": { "aws:SourceAccount": "1" } }));
        let not_two = with(json!({ "StringNotEquals": { "aws:SourceAccount": ["1", "2"] } }));
        assert!(wider(&not_two, &not_one) && !wider(&not_one, &not_two));
    }

    #[test]
    fn a_denial_that_goes_is_more() {
        let deny = json!({ "Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*" });
        let all = allow(&json!("s3:*"), "*");
        assert!(wider(&json!([deny, all]), &all));
        assert!(!wider(&all, &json!([deny, all])));
    }

    #[test]
    fn a_statement_that_moves_to_another_document_is_no_more() {
        let (one, two) =
            (document(&allow(&json!("s3:GetObject"), "*")), document(&allow(&json!("ec2:RunInstances"), "*")));
        let both = document(&json!([allow(&json!("s3:GetObject"), "*"), allow(&json!("ec2:RunInstances"), "*")]));
        assert_eq!(widened([&one, &two], [&both]), [""; 0]);
        assert_eq!(widened([&both], [&two, &one]), [""; 0]);
    }

    #[test]
    fn another_principal_is_more() {
        let trust = |principal: Value| json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
        let ec2 = trust(json!({ "Service": "ec2.amazonaws.com" }));
        let both = trust(json!({ "Service": ["ec2.amazonaws.com", "ssm.amazonaws.com"] }));
        assert!(wider(&ec2, &both) && !wider(&both, &ec2));
        assert!(wider(&ec2, &trust(json!("*"))));
        assert!(wider(&trust(json!({ "AWS": "*" })), &ec2));
    }
}
