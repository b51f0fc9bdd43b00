//! Lists what differs between two documents, value by value.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::canonical::{Document, Principal, Statement};
use super::error::PolicyError;
use super::values;

/// Two statements without a common `Sid` count as one that changed if they have at least this share of their values in
/// common.
const ALIKE: f64 = 0.5;

/// The most pairs of statements that are compared for likeness; no policy within IAM's limits has as many.
const MOST_COMPARED: usize = 250_000;

/// Whether a value was added or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sign {
    /// It is only in the first document.
    Removed,
    /// It is only in the second.
    Added,
}

/// One value that was added or removed. One added action is one difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The statement: its `Sid`, or its number in the second document from 1 (`#2`); empty for the document itself.
    pub statement: String,
    /// The element, such as `Action`, `Principal.Service` or `Condition.StringEquals.aws:SourceAccount`; `Statement`
    /// where a whole statement was added or removed.
    pub element: String,
    /// Whether it was added or removed.
    pub sign: Sign,
    /// The value; for a whole statement its JSON.
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

/// Lists what differs between two documents. The list is empty exactly where `policy::equal` holds.
///
/// Statements are matched by content, then by `Sid`, then by likeness, so that a statement that only moved is no
/// difference. Names (`Sid`, `Id`) alone are none either; beside another difference they are listed, because they are
/// written with it.
pub fn diff(before: &Value, after: &Value) -> Result<Vec<Difference>, PolicyError> {
    let (before, after) = (Document::read(before)?, Document::read(after)?);
    let mut differences = Vec::new();
    if before.folded() == after.folded() {
        return Ok(differences);
    }
    for (element, old, new) in [("Version", &before.version, &after.version), ("Id", &before.id, &after.id)] {
        if old != new {
            for (sign, value) in [(Sign::Removed, old), (Sign::Added, new)] {
                if !value.is_empty() {
                    differences.push(difference("", element, sign, value));
                }
            }
        }
    }
    let pairs = Pairs::find(&before.statements, &after.statements);
    for (index, statement) in after.statements.iter().enumerate() {
        let label = label(statement, index);
        match pairs.old_of[index] {
            Some(old) => compare(&label, &before.statements[old], statement, &mut differences),
            None => differences.push(difference(&label, "Statement", Sign::Added, &statement.value().to_string())),
        }
    }
    for (index, statement) in before.statements.iter().enumerate() {
        if pairs.new_of[index].is_none() {
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
    let pairs = Pairs::find(&before.statements, &after.statements);
    let mut order: Vec<(usize, usize)> =
        pairs.new_of.iter().enumerate().map(|(old, new)| (new.unwrap_or(usize::MAX), old)).collect();
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

/// The values of a statement: (element, value as it is compared) to the value as it is written.
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
        let element = format!("Condition.{}.{}", statement.folded_operator(operator), key.to_ascii_lowercase());
        for value in values {
            add(&element, &format!("={}", values::folded(operator, value)), value);
        }
        if values.is_empty() {
            add(&element, "", "(no value)");
        }
    }
    facets
}

/// Which statements belong together: for each statement of the first document its index in the second, and the other
/// way round.
struct Pairs {
    new_of: Vec<Option<usize>>,
    old_of: Vec<Option<usize>>,
}

impl Pairs {
    /// Pairs equal statements, then those that differ in their `Sid` alone, then those of one `Sid`, then the most
    /// alike.
    fn find(before: &[Statement], after: &[Statement]) -> Self {
        let mut pairs = Self { new_of: vec![None; before.len()], old_of: vec![None; after.len()] };
        let olds: Vec<_> = before.iter().map(facets).collect();
        let news: Vec<_> = after.iter().map(facets).collect();
        pairs.link(&olds, &news, |facets| Some(facets.keys().collect::<Vec<_>>()));
        let content = |(element, _): &&(String, String)| element != "Sid";
        pairs.link(&olds, &news, |facets| Some(facets.keys().filter(content).collect::<Vec<_>>()));
        pairs.link(before, after, |statement| Some(&statement.sid).filter(|sid| !sid.is_empty()));

        let left: Vec<usize> = (0..olds.len()).filter(|old| pairs.new_of[*old].is_none()).collect();
        let right: Vec<usize> = (0..news.len()).filter(|new| pairs.old_of[*new].is_none()).collect();
        if left.len().saturating_mul(right.len()) > MOST_COMPARED {
            return pairs;
        }
        let mut scores: Vec<(f64, usize, usize)> = left
            .iter()
            .flat_map(|old| right.iter().map(move |new| (*old, *new)))
            .map(|(old, new)| (likeness(&olds[old], &news[new]), old, new))
            .filter(|(score, ..)| *score >= ALIKE)
            .collect();
        scores.sort_by(|left, right| right.0.total_cmp(&left.0).then((left.1, left.2).cmp(&(right.1, right.2))));
        for (_, old, new) in scores {
            pairs.join(old, new);
        }
        pairs
    }

    /// Pairs statements that have the same key, in order.
    fn link<'a, T, K: Ord>(&mut self, before: &'a [T], after: &'a [T], key: impl Fn(&'a T) -> Option<K>) {
        let mut known: BTreeMap<K, Vec<usize>> = BTreeMap::new();
        for (new, item) in after.iter().enumerate().rev().filter(|(new, _)| self.old_of[*new].is_none()) {
            if let Some(key) = key(item) {
                known.entry(key).or_default().push(new);
            }
        }
        for (old, item) in before.iter().enumerate() {
            if self.new_of[old].is_none()
                && let Some(new) = key(item).and_then(|key| known.get_mut(&key)).and_then(Vec::pop)
            {
                self.join(old, new);
            }
        }
    }

    /// Pairs two statements unless one of them has a partner.
    fn join(&mut self, old: usize, new: usize) {
        if self.new_of[old].is_none() && self.old_of[new].is_none() {
            self.new_of[old] = Some(new);
            self.old_of[new] = Some(old);
        }
    }
}

/// Returns the share of their values that two statements have in common.
fn likeness(left: &BTreeMap<(String, String), String>, right: &BTreeMap<(String, String), String>) -> f64 {
    let common = left.keys().filter(|key| right.contains_key(*key)).count();
    let all = left.len() + right.len() - common;
    let count = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    count(common) / count(all.max(1))
}

/// Spells actions and condition keys as another document does where only their case differs.
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
