//! What one set of documents lets happen that another one does not: exactly, where there is not too much to look at.
//!
//! Whoever compares policies word by word takes a statement that is written otherwise for a change, and misses one that
//! another statement hides. Here all requests that the documents of both sides can tell apart are decided on both
//! sides: of each set of patterns that fit a text together there is one text ([`samples`]), and of each set of
//! conditions one request ([`givens`]). Where the answers differ, the statements that make the difference are told.
//!
//! A variable such as `${aws:username}` counts as a text of its own that nothing but a wildcard or the same variable
//! fits.

mod bits;
mod cells;
mod givens;
mod rules;
mod samples;
#[cfg(test)]
mod tests;
mod told;
mod words;

use serde_json::{Map, Value};

use super::canonical::{Document, Statement};
use super::error::PolicyError;
use super::widen::widened;
use cells::Cells;
use rules::{Rules, Side};

/// Documents that decide together.
#[derive(Clone, Debug, Default)]
pub struct Documents<'a> {
    /// The documents that allow and deny. Where they come from is the caller's to know, by their place in the list.
    pub policies: Vec<&'a Value>,
    /// The document that bounds them: what it does not allow is not allowed. An empty object bounds nothing.
    pub boundary: Option<&'a Value>,
}

/// What statements allow or deny, and that the other side does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// They deny it: to lose a denial is a gain.
    pub denies: bool,
    /// Who: names of the types `AWS`, `Service`, `Federated`; `*` is everyone. Empty in policies that name nobody.
    pub principals: Vec<String>,
    /// Everyone but these.
    pub not_principals: Vec<String>,
    /// Actions, with their wildcards.
    pub actions: Vec<String>,
    /// All actions but these.
    pub not_actions: Vec<String>,
    /// Resources, with their wildcards.
    pub resources: Vec<String>,
    /// All resources but these.
    pub not_resources: Vec<String>,
    /// The conditions, by operator and key, as a policy has them; several where a policy and a boundary both have some.
    pub conditions: Vec<String>,
    /// The actions among them of which nothing changes.
    pub except: Vec<String>,
    /// The places of the policies that say so in the list of their side.
    pub sources: Vec<usize>,
}

/// What is allowed newly, and what no more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shift {
    /// What the second side allows and the first one does not, and what the first one denies and the second does not.
    pub gains: Vec<Grant>,
    /// The same the other way round.
    pub losses: Vec<Grant>,
    /// There was too much to look at: the sides were compared statement by statement, and what they gain and lose is
    /// told in words. It errs on the side of more.
    pub vague: Option<Vague>,
}

/// What a comparison statement by statement found, as parts of sentences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vague {
    /// What is gained.
    pub gains: Vec<String>,
    /// What is lost.
    pub losses: Vec<String>,
}

/// Compares what two sets of documents allow.
///
/// # Errors
/// When a document can't be read.
pub fn shift(before: &Documents<'_>, after: &Documents<'_>) -> Result<Shift, PolicyError> {
    let rules = Rules::read(before, after)?;
    if rules.are_same() {
        return Ok(Shift::default());
    }
    let Some(cells) = Cells::of(&rules) else { return Ok(vaguely(before, after)) };
    let Some((gains, losses)) = cells.compare(&rules) else { return Ok(vaguely(before, after)) };
    let told = |found, to| told::grants(&rules, &cells, found, to);
    Ok(Shift { gains: told(&gains, Side::After), losses: told(&losses, Side::Before), vague: None })
}

/// Returns what a document allows by itself, statement by statement; nothing where it can't be read.
pub fn allowed(document: &Value) -> Vec<Grant> {
    let read = Document::read(document).map(|document| document.statements).unwrap_or_default();
    let names = |names: Option<&(&'static str, Vec<String>)>, positive: &str| match names {
        Some((element, names)) if *element == positive => (names.clone(), Vec::new()),
        Some((_, names)) => (Vec::new(), names.clone()),
        None => (Vec::new(), Vec::new()),
    };
    let grant = |statement: &Statement| {
        let (actions, not_actions) = names(Some(&statement.action), "Action");
        let (resources, not_resources) = names(statement.resource.as_ref(), "Resource");
        let conditions = statement.value().get("Condition").map(Value::to_string).into_iter().collect();
        Grant { actions, not_actions, resources, not_resources, conditions, ..Grant::default() }
    };
    read.iter().filter(|statement| statement.effect == "Allow").map(grant).collect()
}

/// Compares statement by statement. A boundary that changes counts as both.
fn vaguely(before: &Documents<'_>, after: &Documents<'_>) -> Shift {
    let documents = |side: &Documents<'_>| side.policies.iter().map(|it| (*it).clone()).collect::<Vec<_>>();
    let (old, new) = (documents(before), documents(after));
    let mut vague = Vague { gains: widened(&old, &new), losses: widened(&new, &old) };
    let same = match (before.boundary, after.boundary) {
        (Some(old), Some(new)) => super::equal(old, new),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if !same {
        let nothing = Value::Object(Map::new());
        let (old, new) = (before.boundary.unwrap_or(&nothing), after.boundary.unwrap_or(&nothing));
        let of = |text: String| format!("has a boundary that {text}");
        vague.gains.extend(widened([old], [new]).into_iter().map(of));
        vague.losses.extend(widened([new], [old]).into_iter().map(of));
        if before.boundary.is_some() && after.boundary.is_none() {
            vague.gains.push("loses its permissions boundary".to_owned());
        }
        if before.boundary.is_none() && after.boundary.is_some() {
            vague.losses.push("gets a permissions boundary".to_owned());
        }
    }
    Shift { vague: Some(vague), ..Shift::default() }
}
