//! What differs between two documents, value by value.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::canonical::{Document, Principal, Statement};
use super::error::PolicyError;

/// Two statements without a common `Sid` are one that changed if at least this share of what they say is common.
const ALIKE: f64 = 0.5;

/// Whether something came or went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// It is only in the first document.
    Removed,
    /// It is only in the second.
    Added,
}

/// One value that came or went. One added action is one difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The statement: its `Sid`, or its number in the second document from 1 (`#2`); empty for the document itself.
    pub statement: String,
    /// The element, such as `Action`, `Principal.Service` or `Condition.StringEquals.aws:SourceAccount`; `Statement`
    /// where a whole statement came or went.
    pub element: String,
    /// Came or went.
    pub sign: Sign,
    /// The value; of a whole statement its JSON.
    pub value: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.sign {
            Sign::Removed => '-',
            Sign::Added => '+',
        };
        if self.statement.is_empty() {
            write!(formatter, "{sign} {}: {}", self.element, self.value)
        } else {
            write!(formatter, "{sign} {} {}: {}", self.statement, self.element, self.value)
        }
    }
}

/// Lists what differs between two documents; nothing exactly where `policy::equal` holds.
///
/// Statements are matched by content, then by `Sid`, then by likeness, so that one that moved is no difference.
pub fn diff(before: &Value, after: &Value) -> Result<Vec<Difference>, PolicyError> {
    let (before, after) = (Document::read(before)?, Document::read(after)?);
    let mut differences = Vec::new();
    for (element, old, new) in [("Version", &before.version, &after.version), ("Id", &before.id, &after.id)] {
        if old != new {
            for (sign, value) in [(Sign::Removed, old), (Sign::Added, new)] {
                if !value.is_empty() {
                    differences.push(difference("", element, sign, value));
                }
            }
        }
    }
    let pairs = pair(&before.statements, &after.statements);
    for (index, statement) in after.statements.iter().enumerate() {
        let label = label(statement, index);
        match pairs.iter().find(|(_, new)| *new == index) {
            Some((old, _)) => compare(&label, &before.statements[*old], statement, &mut differences),
            None => differences.push(difference(&label, "Statement", Sign::Added, &statement.value().to_string())),
        }
    }
    for (index, statement) in before.statements.iter().enumerate() {
        if !pairs.iter().any(|(old, _)| *old == index) {
            let label = label(statement, index);
            differences.push(difference(&label, "Statement", Sign::Removed, &statement.value().to_string()));
        }
    }
    Ok(differences)
}

/// Returns the canonical form of `before` for showing it beside `after`: its statements in the order of those that they
/// match, and the spelling of `after` where only the case of an action or condition key differs.
pub fn align(before: &Value, after: &Value) -> Result<Value, PolicyError> {
    let (before, after) = (Document::read(before)?, Document::read(after)?);
    let pairs = pair(&before.statements, &after.statements);
    let mut order: Vec<(usize, usize)> = (0..before.statements.len())
        .map(|old| (pairs.iter().find(|(known, _)| *known == old).map_or(usize::MAX, |(_, new)| *new), old))
        .collect();
    order.sort_unstable();
    let statements = order.into_iter().map(|(new, old)| {
        let statement = &before.statements[old];
        after.statements.get(new).map_or_else(|| statement.clone(), |model| respell(statement, model))
    });
    Ok(Document { statements: statements.collect(), ..before.clone() }.value())
}

fn difference(statement: &str, element: &str, sign: Sign, value: &str) -> Difference {
    Difference { statement: statement.to_owned(), element: element.to_owned(), sign, value: value.to_owned() }
}

fn label(statement: &Statement, index: usize) -> String {
    if statement.sid.is_empty() { format!("#{}", index + 1) } else { statement.sid.clone() }
}

fn compare(label: &str, before: &Statement, after: &Statement, differences: &mut Vec<Difference>) {
    let (old, new) = (facets(before), facets(after));
    for (sign, ours, theirs) in [(Sign::Removed, &old, &new), (Sign::Added, &new, &old)] {
        for ((element, folded), value) in ours {
            if !theirs.contains_key(&(element.clone(), folded.clone())) {
                differences.push(difference(label, element, sign, value));
            }
        }
    }
}

/// What a statement says, one entry a value: (element, value as compared) to the value as written.
fn facets(statement: &Statement) -> BTreeMap<(String, String), String> {
    let Statement { sid, effect, principal, action, resource, condition } = statement;
    let mut facets = BTreeMap::new();
    let mut add = |element: &str, folded: &str, value: &str| {
        facets.insert((element.to_owned(), folded.to_owned()), value.to_owned());
    };
    if !sid.is_empty() {
        add("Sid", sid, sid);
    }
    add("Effect", effect, effect);
    match principal {
        Some((element, Principal::Everyone)) => add(element, "*", "*"),
        Some((element, Principal::Types(types))) => {
            for (name, value) in types.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value))) {
                add(&format!("{element}.{name}"), value, value);
            }
        }
        None => {}
    }
    for value in &action.1 {
        add(action.0, &value.to_ascii_lowercase(), value);
    }
    if let Some((element, values)) = resource {
        for value in values {
            add(element, value, value);
        }
    }
    for (operator, key, values) in
        condition.iter().flat_map(|(operator, keys)| keys.iter().map(move |(key, values)| (operator, key, values)))
    {
        let element = format!("Condition.{operator}.{}", key.to_ascii_lowercase());
        for value in values {
            add(&element, &format!("={value}"), value);
        }
        if values.is_empty() {
            add(&element, "", "(no value)");
        }
    }
    facets
}

/// Pairs the statements of two documents by index: equal ones, then those of one `Sid`, then the most alike.
fn pair(before: &[Statement], after: &[Statement]) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    let olds: Vec<_> = before.iter().map(facets).collect();
    let news: Vec<_> = after.iter().map(facets).collect();
    let same = |old: usize, new: usize| olds[old].keys().eq(news[new].keys());
    let one_sid = |old: usize, new: usize| !before[old].sid.is_empty() && before[old].sid == after[new].sid;
    let rules: [&dyn Fn(usize, usize) -> bool; 2] = [&same, &one_sid];
    for rule in rules {
        for old in 0..before.len() {
            let free = |new: &usize| pairs.iter().all(|(left, right)| *left != old && right != new);
            if let Some(new) = (0..after.len()).filter(free).find(|new| rule(old, *new)) {
                pairs.push((old, new));
            }
        }
    }
    let free = |old: usize, new: usize| pairs.iter().all(|(left, right)| *left != old && *right != new);
    let mut scores: Vec<(f64, usize, usize)> = (0..before.len())
        .flat_map(|old| (0..after.len()).map(move |new| (old, new)))
        .filter(|(old, new)| free(*old, *new))
        .map(|(old, new)| (likeness(&olds[old], &news[new]), old, new))
        .filter(|(score, ..)| *score >= ALIKE)
        .collect();
    scores.sort_by(|left, right| right.0.total_cmp(&left.0).then((left.1, left.2).cmp(&(right.1, right.2))));
    for (_, old, new) in scores {
        if pairs.iter().all(|(left, right)| *left != old && *right != new) {
            pairs.push((old, new));
        }
    }
    pairs
}

/// Returns the share of what two statements say that they both say.
fn likeness(left: &BTreeMap<(String, String), String>, right: &BTreeMap<(String, String), String>) -> f64 {
    let common = left.keys().filter(|key| right.contains_key(*key)).count();
    let all = left.len() + right.len() - common;
    let count = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    count(common) / count(all.max(1))
}

/// Spells actions and condition keys as a model does where only their case differs.
fn respell(statement: &Statement, model: &Statement) -> Statement {
    let actions = statement.action.1.iter().map(|action| spell(action, model.action.1.iter())).collect();
    let condition = statement.condition.iter().map(|(operator, keys)| {
        let known = model.condition.get(operator);
        let keys = keys.iter().map(|(key, values)| {
            let spelled = known.map_or_else(|| key.clone(), |known| spell(key, known.keys()));
            (spelled, values.clone())
        });
        (operator.clone(), keys.collect())
    });
    Statement { action: (statement.action.0, actions), condition: condition.collect(), ..statement.clone() }
}

fn spell<'a>(text: &'a String, mut known: impl Iterator<Item = &'a String>) -> String {
    known.find(|known| known.eq_ignore_ascii_case(text)).unwrap_or(text).clone()
}
