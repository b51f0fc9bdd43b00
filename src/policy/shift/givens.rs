//! Values of a condition key that stand for all values: what the conditions on it can tell apart, each with one
//! request.

use std::collections::{BTreeMap, BTreeSet};

use super::samples::{Token, exactly, of_arns, samples, wildcards};
use crate::policy::condition;
use crate::policy::pattern::Pattern;
use crate::policy::values::{Range, moment};

/// Of how many values all sets are tried, where a condition looks at several values of a request; of more, the pairs.
const SETS: usize = 6;
/// The most values of which pairs are tried.
const PAIRS: usize = 40;

/// What a request has for a key: `None` where it does not have it.
pub(super) type Given = Option<Vec<String>>;

/// A condition on one key: its operator and its values.
pub(super) type Clause<'a> = (&'a str, &'a [String]);

/// Tells whether what a request has fits a condition.
pub(super) fn fits((operator, wanted): Clause<'_>, given: &Given) -> bool {
    let wanted: Vec<Pattern> = wanted.iter().map(|value| Pattern::wildcards(value)).collect();
    condition::fits(operator, given.as_deref(), &wanted)
}

/// Returns what requests may have for a key, as far as the conditions on it can tell; `None` where that is too much to
/// look at.
pub(super) fn givens(clauses: &BTreeSet<Clause<'_>>) -> Option<Vec<Given>> {
    let singles = singles(clauses)?;
    let quantified = clauses.iter().any(|(operator, _)| operator.contains(':'));
    let mut all: Vec<Given> = vec![None];
    all.extend(singles.iter().map(|value| Some(vec![value.clone()])));
    if quantified {
        all.extend(sets(&singles)?.into_iter().map(Some));
    }
    let mut told: BTreeMap<Vec<bool>, Given> = BTreeMap::new();
    for given in all {
        let fits = clauses.iter().map(|clause| fits(*clause, &given)).collect();
        told.entry(fits).or_insert(given);
    }
    Some(told.into_values().collect())
}

/// Returns sets of several values.
fn sets(singles: &[String]) -> Option<Vec<Vec<String>>> {
    if singles.len() <= SETS {
        let chosen = |mask: usize| -> Vec<String> {
            let of_mask = singles.iter().enumerate().filter(|(index, _)| mask >> index & 1 == 1);
            of_mask.map(|(_, value)| value.clone()).collect()
        };
        return Some((0..1_usize << singles.len()).map(chosen).filter(|set| set.len() > 1).collect());
    }
    if singles.len() > PAIRS {
        return None;
    }
    let pairs = singles
        .iter()
        .enumerate()
        .flat_map(|(index, one)| singles[index + 1..].iter().map(move |other| vec![one.clone(), other.clone()]));
    Some(pairs.collect())
}

/// Returns single values, of which those of one sort stand for all.
fn singles(clauses: &BTreeSet<Clause<'_>>) -> Option<Vec<String>> {
    let mut patterns: Vec<Vec<Token>> = Vec::new();
    let mut values: BTreeSet<String> = BTreeSet::new();
    for (operator, wanted) in clauses {
        let name = operator.split_once(':').map_or(*operator, |(_, name)| name);
        let name = name.strip_suffix("IfExists").unwrap_or(name);
        for value in *wanted {
            match name {
                "StringLike" | "StringNotLike" => patterns.push(wildcards(value)),
                "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" => patterns.push(exactly(&value.to_lowercase())),
                "Bool" | "BoolNotEquals" => values.extend(["true".to_owned(), "false".to_owned()]),
                "IpAddress" | "NotIpAddress" => values.extend(around_range(value)),
                "Null" => {}
                _ if name.starts_with("Arn") => patterns.push(of_arns(value)),
                _ if name.starts_with("Numeric") => values.extend(around_number(value)),
                _ if name.starts_with("Date") => values.extend(around_moment(value)),
                _ => patterns.push(exactly(value)),
            }
        }
    }
    // One that nothing asks for, where any text may stand.
    if !patterns.is_empty() || values.is_empty() {
        patterns.push(vec![Token::Any { colons: true }]);
        values.extend(samples(&patterns, None)?.into_iter().map(|sample| sample.text));
    }
    Some(values.into_iter().collect())
}

fn around_number(text: &str) -> Vec<String> {
    let Ok(number) = text.parse::<f64>() else { return Vec::new() };
    vec![text.to_owned(), (number - 0.5).to_string(), (number + 0.5).to_string()]
}

fn around_moment(text: &str) -> Vec<String> {
    let Some(moment) = moment(text) else { return Vec::new() };
    let moved = |seconds: i64| moment.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap_or(moment);
    vec![moment.to_string(), moved(-1).to_string(), moved(1).to_string()]
}

/// Returns the first address of a range, and those right before and behind it.
fn around_range(text: &str) -> Vec<String> {
    Range::read(text).map(Range::around).unwrap_or_default()
}
