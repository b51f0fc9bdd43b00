//! Requests that stand for all requests, decided on both sides.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::bits::Bits;
use super::givens::{Clause, Given, fits, givens};
use super::rules::{Names, Rule, Rules, Side};
use super::samples::{Sample, of_actions, of_arns, samples, wildcards};

/// How many combinations of action, resource and principal are looked at before it is given up.
const MOST_CELLS: usize = 150_000;
/// How many requests with different condition keys are looked at for the same statements.
const MOST_GIVENS: usize = 20_000;

/// What of a statement makes a difference: the statement, its action, resource and principal by number (`None` where it
/// names everything but its own), and the statement of a boundary that lets it through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Atom {
    pub(super) rule: usize,
    pub(super) action: Option<usize>,
    pub(super) resource: Option<usize>,
    pub(super) principal: Option<usize>,
    /// The statement of the boundary, with its action and resource.
    pub(super) within: Option<(usize, Option<usize>, Option<usize>)>,
}

/// Atoms that make a difference, each with the numbers of the actions that they do so for.
pub(super) type Found = BTreeMap<Atom, BTreeSet<usize>>;

/// The texts of each sort that stand for all texts, and which statements are about them.
#[derive(Debug)]
pub(super) struct Cells {
    pub(super) actions: Vec<(Sample, Bits)>,
    resources: Vec<(Sample, Bits)>,
    principals: Vec<(Sample, Bits)>,
}

/// What statements tell, of requests for which only conditions decide: those that allow more on the one side, each with
/// the statement of the boundary that lets it through, and those that deny more on the other side.
#[derive(Clone, Debug, Default)]
struct Marks {
    allow: BTreeSet<(usize, Option<usize>)>,
    deny: BTreeSet<usize>,
}

impl Cells {
    /// Finds the texts; `None` where they are too many.
    pub(super) fn of(rules: &Rules) -> Option<Self> {
        let mut actions: Vec<_> = rules.actions.texts.iter().map(|text| wildcards(text)).collect();
        actions.push(of_actions());
        let is_action = actions.len() - 1;
        let differing = rules.differing();
        let wanted = |names: fn(&Rule) -> Option<&Names>| wanted(rules, differing.as_ref()?, names);
        let actions = samples(&actions, wanted(|rule| Some(&rule.actions)).as_ref())?;
        let actions = actions.into_iter().filter(|sample| sample.fits.has(is_action)).collect();
        let resources: Vec<_> = rules.resources.texts.iter().map(|text| of_arns(text)).collect();
        let resources = samples(&resources, wanted(|rule| rule.resources.as_ref()).as_ref())?;
        let principals = principals(&rules.principals.texts);
        let about = |samples: Vec<Sample>, names: fn(&Rule) -> Option<&Names>| -> Vec<(Sample, Bits)> {
            let with = |sample: Sample| (about(rules, &sample, names), sample);
            let matters = |bits: &Bits| differing.as_ref().is_none_or(|differing| !differing.and(bits).is_empty());
            let all = samples.into_iter().map(with).filter(|(bits, _)| matters(bits));
            all.map(|(bits, sample)| (sample, bits)).collect()
        };
        let cells = Self {
            actions: about(actions, |rule| Some(&rule.actions)),
            resources: about(resources, |rule| rule.resources.as_ref()),
            principals: about(principals, |rule| rule.principals.as_ref()),
        };
        let count = cells.actions.len().saturating_mul(cells.resources.len()).saturating_mul(cells.principals.len());
        (count <= MOST_CELLS).then_some(cells)
    }

    /// Compares the sides: what the second one allows more, and what it allows less.
    pub(super) fn compare(&self, rules: &Rules) -> Option<(Found, Found)> {
        let mut known: HashMap<Bits, (Marks, Marks)> = HashMap::new();
        let (mut gains, mut losses) = (Found::new(), Found::new());
        for (number, (action, of_action)) in self.actions.iter().enumerate() {
            for (resource, of_resource) in &self.resources {
                let of_both = of_action.and(of_resource);
                for (principal, of_principal) in &self.principals {
                    let live = of_both.and(of_principal);
                    if !known.contains_key(&live) {
                        known.insert(live.clone(), marks(rules, &live)?);
                    }
                    let Some((gained, lost)) = known.get(&live) else { continue };
                    let cell = Cell { rules, action, resource, principal, number };
                    cell.note(gained, &mut gains);
                    cell.note(lost, &mut losses);
                }
            }
        }
        Some((gains, losses))
    }
}

/// Returns the patterns that differing statements have, with room for one more that all of them need; `None` where one
/// of them is about everything, or about everything but what it names.
fn wanted(rules: &Rules, differing: &Bits, names: fn(&Rule) -> Option<&Names>) -> Option<Bits> {
    let mut wanted = Bits::new(rules.actions.texts.len().max(rules.resources.texts.len()) + 1);
    for rule in differing.iter().filter_map(|index| rules.all.get(index)) {
        let names = names(rule).filter(|names| !names.negated)?;
        for number in &names.numbers {
            wanted.set(*number);
        }
    }
    Some(wanted)
}

/// Tells which statements are about a text.
fn about(rules: &Rules, sample: &Sample, names: fn(&Rule) -> Option<&Names>) -> Bits {
    let mut bits = Bits::new(rules.all.len());
    for (index, rule) in rules.all.iter().enumerate() {
        let is_about = names(rule)
            .is_none_or(|names| names.numbers.iter().any(|number| sample.fits.has(*number)) != names.negated);
        if is_about {
            bits.set(index);
        }
    }
    bits
}

/// Returns each named principal, and one of each type that nobody names. Names fit as wholes; `*` fits everyone, and
/// the `*` of a type everyone of that type.
fn principals(texts: &[String]) -> Vec<Sample> {
    let sample = |name: String| {
        let mut fits = Bits::new(texts.len());
        let everyone = name.split_once(' ').map(|(kind, _)| format!("{kind} *"));
        for (number, text) in texts.iter().enumerate() {
            if *text == name || text == "*" || Some(text) == everyone.as_ref() {
                fits.set(number);
            }
        }
        Sample { text: name, fits }
    };
    let others = ["AWS", "CanonicalUser", "Federated", "Service"].map(|kind| format!("{kind} ?"));
    let named = texts.iter().filter(|text| !text.ends_with(" *") && *text != "*").cloned();
    if texts.is_empty() { vec![sample(String::new())] } else { named.chain(others).map(sample).collect() }
}

/// One combination of texts.
struct Cell<'a> {
    rules: &'a Rules,
    action: &'a Sample,
    resource: &'a Sample,
    principal: &'a Sample,
    number: usize,
}

impl Cell<'_> {
    fn note(&self, marks: &Marks, found: &mut Found) {
        for (rule, within) in &marks.allow {
            self.atoms(*rule, *within, found);
        }
        for rule in &marks.deny {
            self.atoms(*rule, None, found);
        }
    }

    /// Notes what of a statement fits the texts.
    fn atoms(&self, index: usize, within: Option<usize>, found: &mut Found) {
        let Some(rule) = self.rules.all.get(index) else { return };
        let bounding = within.and_then(|within| Some((within, self.rules.all.get(within)?)));
        let mut bounds = vec![None];
        if let Some((within, bound)) = bounding {
            let actions = hits(Some(&bound.actions), self.action);
            let resources = hits(bound.resources.as_ref(), self.resource);
            let pairs = actions.iter().flat_map(|action| resources.iter().map(move |it| Some((within, *action, *it))));
            bounds = pairs.collect();
        }
        for action in hits(Some(&rule.actions), self.action) {
            for resource in hits(rule.resources.as_ref(), self.resource) {
                for principal in hits(rule.principals.as_ref(), self.principal) {
                    for within in &bounds {
                        let atom = Atom { rule: index, action, resource, principal, within: *within };
                        found.entry(atom).or_default().insert(self.number);
                    }
                }
            }
        }
    }
}

/// Returns the numbers of the patterns of a statement that fit a text; `None` for all of them where they are negated.
fn hits(names: Option<&Names>, sample: &Sample) -> Vec<Option<usize>> {
    match names {
        Some(names) if !names.negated => {
            names.numbers.iter().filter(|number| sample.fits.has(**number)).map(|number| Some(*number)).collect()
        }
        Some(_) | None => vec![None],
    }
}

/// Decides on both sides for all that conditions can tell apart.
fn marks(rules: &Rules, live: &Bits) -> Option<(Marks, Marks)> {
    let live: Vec<(usize, &Rule)> = live.iter().filter_map(|index| Some((index, rules.all.get(index)?))).collect();
    let mut keys: BTreeMap<&str, BTreeSet<Clause<'_>>> = BTreeMap::new();
    for (key, clause) in live.iter().flat_map(|(_, rule)| rule.clauses()) {
        keys.entry(key).or_default().insert(clause);
    }
    let mut requests: Vec<BTreeMap<&str, Given>> = vec![BTreeMap::new()];
    for (key, clauses) in &keys {
        let given = givens(clauses)?;
        if requests.len().saturating_mul(given.len()) > MOST_GIVENS {
            return None;
        }
        requests = requests
            .iter()
            .flat_map(|request| {
                given.iter().map(move |given| {
                    let mut request = request.clone();
                    request.insert(*key, given.clone());
                    request
                })
            })
            .collect();
    }
    let (mut gained, mut lost) = (Marks::default(), Marks::default());
    for request in &requests {
        let holds =
            |rule: &Rule| rule.clauses().all(|(key, clause)| request.get(key).is_some_and(|given| fits(clause, given)));
        let applying: Vec<(usize, &Rule)> = live.iter().filter(|(_, rule)| holds(rule)).copied().collect();
        let (before, after) = (Stand::of(rules, &applying, Side::Before), Stand::of(rules, &applying, Side::After));
        gained.add(&applying, before, after, Side::After);
        lost.add(&applying, after, before, Side::Before);
    }
    Some((gained, lost))
}

/// How a request stands on one side.
#[derive(Clone, Copy, Debug)]
struct Stand {
    denied: bool,
    /// A policy allows it, whatever denies or bounds it.
    named: bool,
    allowed: bool,
    bounded: bool,
}

impl Stand {
    fn of(rules: &Rules, applying: &[(usize, &Rule)], side: Side) -> Self {
        let any = |denies: bool, bounds: bool| {
            applying.iter().any(|(_, rule)| rule.denies == denies && rule.is_on(side, bounds))
        };
        let bounded = rules.bounded.contains(&side);
        let (denied, named) = (any(true, false) || any(true, true), any(false, false));
        Self { denied, named, allowed: named && !denied && (!bounded || any(false, true)), bounded }
    }
}

impl Marks {
    /// Marks what makes a request stand better on the side `to` than on the other one.
    fn add(&mut self, applying: &[(usize, &Rule)], worse: Stand, better: Stand, to: Side) {
        let of = |denies: bool, side: Side, bounds: bool| {
            let is_it = move |rule: &Rule| rule.denies == denies && rule.is_on(side, bounds);
            applying.iter().filter(move |(_, rule)| is_it(rule)).map(|(index, _)| *index)
        };
        if worse.denied && !better.denied {
            self.deny.extend(of(true, to.other(), false).chain(of(true, to.other(), true)));
        }
        // What only a denial kept from being allowed is told by the denial.
        let told = worse.denied && worse.named;
        if better.allowed && !worse.allowed && !told {
            for rule in of(false, to, false) {
                if better.bounded {
                    self.allow.extend(of(false, to, true).map(|within| (rule, Some(within))));
                } else {
                    self.allow.insert((rule, None));
                }
            }
        }
    }
}
