//! The statements of both sides, each once, with what they are about as numbers of patterns.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Documents;
use super::bits::Bits;
use super::givens::Clause;
use crate::policy::canonical::{Document, Principal, Statement};
use crate::policy::condition;
use crate::policy::error::PolicyError;

/// The first of the characters that stand for variables, which no policy can contain.
const VARIABLES: u32 = 0xE000;

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Before,
    After,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Before => Self::After,
            Self::After => Self::Before,
        }
    }
}

/// Where a statement stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) side: Side,
    /// It bounds.
    pub(super) bounds: bool,
    /// The number of its document.
    pub(super) source: usize,
}

/// What a statement names of one sort: patterns by their numbers, or everything but them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) numbers: Vec<usize>,
    pub(super) negated: bool,
}

/// One statement.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) denies: bool,
    pub(super) actions: Names,
    /// `None` where it names no resources, as in trust policies.
    pub(super) resources: Option<Names>,
    pub(super) principals: Option<Names>,
    /// By operator and key in lower case.
    condition: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    /// Its condition as it is written.
    pub(super) written: String,
    pub(super) places: BTreeSet<Place>,
}

impl Rule {
    /// Lists its conditions with the keys that they are about.
    pub(super) fn clauses(&self) -> impl Iterator<Item = (&str, Clause<'_>)> {
        self.condition.iter().flat_map(|(operator, keys)| {
            keys.iter().map(move |(key, values)| (key.as_str(), (operator.as_str(), values.as_slice())))
        })
    }

    pub(super) fn is_on(&self, side: Side, bounds: bool) -> bool {
        self.places.iter().any(|place| place.side == side && place.bounds == bounds)
    }
}

/// Texts by number.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) texts: Vec<String>,
    numbers: BTreeMap<String, usize>,
}

impl Table {
    fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), self.texts.len() - 1);
        self.texts.len() - 1
    }

    fn names(&mut self, texts: &[String], negated: bool) -> Names {
        Names { numbers: texts.iter().map(|text| self.number(text)).collect(), negated }
    }
}

/// The statements of both sides.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) all: Vec<Rule>,
    /// Actions in lower case.
    pub(super) actions: Table,
    pub(super) resources: Table,
    /// `AWS` and a blank before each, or another type; `*` for everyone.
    pub(super) principals: Table,
    /// Which sides are bounded.
    pub(super) bounded: Vec<Side>,
    /// How actions are written, by their lower case.
    pub(super) spelled: BTreeMap<String, String>,
    /// The texts of variables, by the characters that stand for them.
    variables: BTreeMap<String, char>,
}

impl Rules {
    /// Reads both sides.
    pub(super) fn read(before: &Documents<'_>, after: &Documents<'_>) -> Result<Self, PolicyError> {
        let mut rules = Self::default();
        let mut known: BTreeMap<Statement, usize> = BTreeMap::new();
        for (side, documents) in [(Side::Before, before), (Side::After, after)] {
            let boundary = documents.boundary.map(|document| (document, true));
            if boundary.is_some() {
                rules.bounded.push(side);
            }
            let all = documents.policies.iter().map(|document| (*document, false)).chain(boundary);
            for (source, (document, bounds)) in all.enumerate() {
                if document.as_object().is_some_and(serde_json::Map::is_empty) || document.is_null() {
                    continue;
                }
                rules.take(document, Place { side, bounds, source }, &mut known)?;
            }
        }
        Ok(rules)
    }

    fn take(
        &mut self,
        document: &Value,
        place: Place,
        known: &mut BTreeMap<Statement, usize>,
    ) -> Result<(), PolicyError> {
        let Document { version, id: _, statements } = Document::read(document)?;
        for written in statements {
            if let Some(operator) = written.condition.keys().find(|operator| !condition::is_known(operator)) {
                let message = format!("has the unknown operator `{operator}`");
                return Err(PolicyError::structure("Condition", message));
            }
            let lower = written.action.1.iter().map(|action| (action.to_ascii_lowercase(), action.clone()));
            self.spelled.extend(lower);
            let mut folded = Statement { sid: String::new(), ..written.folded() };
            if version == "2012-10-17" {
                self.fill_in(&mut folded);
            }
            let index = if let Some(index) = known.get(&folded) {
                *index
            } else {
                let rule = self.rule(&folded, &written);
                self.all.push(rule);
                known.insert(folded, self.all.len() - 1);
                self.all.len() - 1
            };
            self.all[index].places.insert(place);
        }
        Ok(())
    }

    fn rule(&mut self, folded: &Statement, written: &Statement) -> Rule {
        let condition = written.value().get("Condition").map(Value::to_string).unwrap_or_default();
        let principals = folded.principal.as_ref().map(|(element, principal)| {
            let names: Vec<String> = match principal {
                Principal::Everyone => vec!["*".to_owned()],
                Principal::Types(types) => types
                    .iter()
                    .flat_map(|(name, values)| values.iter().map(move |value| format!("{name} {value}")))
                    .collect(),
            };
            self.principals.names(&names, *element == "NotPrincipal")
        });
        Rule {
            denies: folded.effect == "Deny",
            actions: self.actions.names(&folded.action.1, folded.action.0 == "NotAction"),
            resources: folded
                .resource
                .as_ref()
                .map(|(element, names)| self.resources.names(names, *element == "NotResource")),
            principals,
            condition: folded.condition.clone(),
            written: condition,
            places: BTreeSet::new(),
        }
    }

    /// Puts a character of its own in the place of each variable.
    fn fill_in(&mut self, statement: &mut Statement) {
        let resources = statement.resource.iter_mut().flat_map(|(_, texts)| texts.iter_mut());
        let values = statement.condition.values_mut().flat_map(BTreeMap::values_mut).flatten();
        for text in resources.chain(values) {
            while let Some(start) = text.find("${") {
                let Some(length) = text[start..].find('}') else { break };
                let variable = text[start..=start + length].to_ascii_lowercase();
                let next = VARIABLES + u32::try_from(self.variables.len()).unwrap_or(0);
                let next = char::from_u32(next).unwrap_or('\u{E000}');
                let stands = *self.variables.entry(variable).or_insert(next);
                text.replace_range(start..=start + length, &stands.to_string());
            }
        }
    }

    /// Shows a text with its variables.
    pub(super) fn shown(&self, text: &str) -> String {
        let variable = |character: char| self.variables.iter().find(|(_, stands)| **stands == character);
        text.chars()
            .map(|character| variable(character).map_or_else(|| character.to_string(), |(name, _)| name.clone()))
            .collect()
    }

    /// Tells whether both sides have the same statements.
    pub(super) fn are_same(&self) -> bool {
        self.differing().is_some_and(|differing| differing.is_empty())
    }

    /// Returns the statements that only one side has: requests that none of them is about stand alike on both sides.
    /// `None` where only one side is bounded, because then all statements matter.
    pub(super) fn differing(&self) -> Option<Bits> {
        let bounded = |side: Side| self.bounded.contains(&side);
        if bounded(Side::Before) != bounded(Side::After) {
            return None;
        }
        let mut differing = Bits::new(self.all.len());
        for (index, rule) in self.all.iter().enumerate() {
            let differs = |bounds: bool| rule.is_on(Side::Before, bounds) != rule.is_on(Side::After, bounds);
            if differs(true) || differs(false) {
                differing.set(index);
            }
        }
        Some(differing)
    }
}
