//! The differences as few statements as say them: what another one says too is left out, and what differs in its
//! actions or its resources alone is put together.

use std::collections::{BTreeMap, BTreeSet};

use super::Grant;
use super::cells::{Atom, Cells, Found};
use super::rules::{Names, Place, Rule, Rules, Side};
use crate::policy::actions;
use crate::policy::widen::fits;

/// Of how many pieces each is compared with each.
const MOST_COMPARED: usize = 500;

/// What a piece names of one sort.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Term {
    /// Nothing is named.
    None,
    /// What fits this.
    One(String),
    /// All but these.
    Not(Vec<String>),
}

impl Term {
    fn of(texts: &[String], names: Option<&Names>, number: Option<usize>) -> Self {
        let text = |number: usize| texts.get(number).cloned().unwrap_or_default();
        match (names, number) {
            (None, _) => Self::None,
            (Some(_), Some(number)) => Self::One(text(number)),
            (Some(names), None) => Self::Not(names.numbers.iter().map(|number| text(*number)).collect()),
        }
    }

    /// Tells whether it surely covers all that another one does.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One(one), Self::One(other)) => fits(one, other),
            (Self::One(one), Self::Not(_)) => one == "*",
            (one, other) => one == other,
        }
    }

    /// Returns the narrower one of two that overlap.
    fn within(self, bound: Self) -> Self {
        match (&self, &bound) {
            (_, Self::One(_)) if !bound.covers(&self) && (self.covers(&bound) || matches!(self, Self::Not(_))) => bound,
            _ => self,
        }
    }

    fn is_wide(&self) -> bool {
        match self {
            Self::One(text) => text.contains(['*', '?']),
            Self::Not(_) => true,
            Self::None => false,
        }
    }
}

/// One action, resource and principal of a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Piece {
    denies: bool,
    conditions: Vec<String>,
    principal: Term,
    resource: Term,
    action: Term,
}

impl Piece {
    fn of(rules: &Rules, rule: &Rule, atom: &Atom) -> Self {
        let texts = (&rules.actions.texts, &rules.resources.texts, &rules.principals.texts);
        let mut piece = Self {
            denies: rule.denies,
            conditions: vec![rule.written.clone()],
            principal: Term::of(texts.2, rule.principals.as_ref(), atom.principal),
            resource: Term::of(texts.1, rule.resources.as_ref(), atom.resource),
            action: Term::of(texts.0, Some(&rule.actions), atom.action),
        };
        if let Some((bound, action, resource)) = atom.within
            && let Some(bound) = rules.all.get(bound)
        {
            piece.action = piece.action.within(Term::of(texts.0, Some(&bound.actions), action));
            piece.resource = piece.resource.within(Term::of(texts.1, bound.resources.as_ref(), resource));
            piece.conditions.push(bound.written.clone());
        }
        piece.conditions.retain(|condition| !condition.is_empty());
        piece.conditions.sort();
        piece.conditions.dedup();
        piece
    }

    /// Tells whether it says all that another one does.
    fn covers(&self, other: &Self) -> bool {
        self.denies == other.denies
            && (self.conditions.is_empty() || self.conditions == other.conditions)
            && self.action.covers(&other.action)
            && self.resource.covers(&other.resource)
            && (self.principal == other.principal || self.principal == Term::One("*".to_owned()))
    }

    fn is_wide(&self) -> bool {
        self.action.is_wide() || self.resource.is_wide() || self.principal.is_wide() || self.conditions.is_empty()
    }
}

/// What is known of a piece besides: for which actions it makes a difference, and which policies say it.
#[derive(Clone, Debug, Default)]
struct Known {
    numbers: BTreeSet<usize>,
    sources: BTreeSet<usize>,
}

/// Tells differences as few statements.
pub(super) fn grants(rules: &Rules, cells: &Cells, found: &Found, to: Side) -> Vec<Grant> {
    let mut pieces: BTreeMap<Piece, Known> = BTreeMap::new();
    for (atom, numbers) in found {
        let Some(rule) = rules.all.get(atom.rule) else { continue };
        let known = pieces.entry(Piece::of(rules, rule, atom)).or_default();
        known.numbers.extend(numbers);
        let side = if rule.denies { to.other() } else { to };
        let of_side = |place: &&Place| place.side == side && !place.bounds;
        known.sources.extend(rule.places.iter().filter(of_side).map(|place| place.source));
    }
    let wide: Vec<&Piece> =
        if pieces.len() > MOST_COMPARED { Vec::new() } else { pieces.keys().filter(|piece| piece.is_wide()).collect() };
    let is_said = |piece: &Piece| {
        wide.iter().any(|other| *other != piece && other.covers(piece) && !(piece.covers(other) && piece < *other))
    };
    let kept: Vec<(Piece, Known)> = pieces
        .iter()
        .filter(|(piece, _)| !is_said(piece))
        .map(|(piece, known)| (piece.clone(), known.clone()))
        .collect();
    let with_exceptions = kept.into_iter().map(|(piece, known)| {
        let except = exceptions(rules, cells, &piece, &known, to);
        (piece, except, known.sources)
    });
    together(rules, with_exceptions)
}

/// Finds the actions of the other side that a piece covers, and for which it makes no difference.
fn exceptions(rules: &Rules, cells: &Cells, piece: &Piece, known: &Known, to: Side) -> Vec<String> {
    let Term::One(pattern) = &piece.action else { return Vec::new() };
    if !piece.action.is_wide() {
        return Vec::new();
    }
    let side = if piece.denies { to } else { to.other() };
    let of_side = rules
        .all
        .iter()
        .filter(|rule| rule.denies == piece.denies && (rule.is_on(side, false) || rule.is_on(side, true)));
    let named = of_side.filter(|rule| !rule.actions.negated).flat_map(|rule| &rule.actions.numbers).copied();
    let is_kept = |number: &usize| {
        let fitting = |(_, (sample, _)): &(usize, &(super::samples::Sample, _))| sample.fits.has(*number);
        let mut of_pattern = cells.actions.iter().enumerate().filter(fitting).peekable();
        of_pattern.peek().is_some() && of_pattern.all(|(index, _)| !known.numbers.contains(&index))
    };
    let texts: BTreeSet<usize> = named.collect();
    let inner =
        |number: &usize| rules.actions.texts.get(*number).is_some_and(|text| text != pattern && fits(pattern, text));
    let kept: Vec<&String> =
        texts.into_iter().filter(inner).filter(is_kept).filter_map(|number| rules.actions.texts.get(number)).collect();
    let is_said = |text: &&String| kept.iter().any(|other| other != text && fits(other, text));
    kept.iter().copied().filter(|text| !is_said(text)).map(|text| spelled(rules, text)).collect()
}

/// An action in AWS's own case, or as the documents spell it.
fn spelled(rules: &Rules, action: &str) -> String {
    let written = || rules.spelled.get(action).cloned();
    actions::spelled(action).or_else(written).unwrap_or_else(|| action.to_owned())
}

type Sources = BTreeSet<usize>;

/// Puts pieces of the same policies together that differ in their actions alone, then in their resources, then in their
/// principals.
fn together(rules: &Rules, pieces: impl Iterator<Item = (Piece, Vec<String>, Sources)>) -> Vec<Grant> {
    let mut by_action: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for (mut piece, except, sources) in pieces {
        let action = taken(&mut piece.action).map(|action| spelled(rules, &action));
        by_action.entry((piece, except, sources)).or_default().extend(action);
    }
    let mut by_resource: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for ((mut piece, except, sources), actions) in by_action {
        let resource = taken(&mut piece.resource);
        by_resource.entry((piece, except, sources, actions)).or_default().extend(resource);
    }
    let mut by_principal: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for ((mut piece, except, sources, actions), resources) in by_resource {
        let principal = taken(&mut piece.principal);
        by_principal.entry((piece, except, sources, actions, resources)).or_default().extend(principal);
    }
    let not = |term: &Term| match term {
        Term::Not(names) => names.clone(),
        Term::None | Term::One(_) => Vec::new(),
    };
    let shown = |texts: BTreeSet<String>| texts.iter().map(|text| rules.shown(text)).collect();
    let name = |text: &String| text.split_once(' ').map_or(text.clone(), |(_, name)| name.to_owned());
    let mut grants: Vec<Grant> = by_principal
        .into_iter()
        .map(|((piece, except, sources, actions, resources), principals)| Grant {
            denies: piece.denies,
            principals: principals.iter().map(name).collect(),
            not_principals: not(&piece.principal).iter().map(name).collect(),
            actions: actions.into_iter().collect(),
            not_actions: not(&piece.action).iter().map(|action| spelled(rules, action)).collect(),
            resources: shown(resources),
            not_resources: shown(not(&piece.resource).into_iter().collect()),
            conditions: piece.conditions,
            except,
            sources: sources.into_iter().collect(),
        })
        .collect();
    grants.sort();
    grants
}

/// Takes the one name out of a term.
fn taken(term: &mut Term) -> Option<String> {
    match std::mem::replace(term, Term::None) {
        Term::One(name) => Some(name),
        Term::None => None,
        not @ Term::Not(_) => {
            *term = not;
            None
        }
    }
}
