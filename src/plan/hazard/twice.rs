//! Instances that two backup plans back up at overlapping times. AWS Backup runs one job of a resource at a time: the
//! later one fails.
//!
//! Every other plan counts that is still there after the run: those of the file, orphans and second objects that stay,
//! and other people's. Only what the run brings about is a hazard; what was so before is none.

mod sides;
mod times;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Hazard, HazardNote};
use crate::model::Address;
use crate::plan::draft::{Draft, Input};
pub(super) use sides::asked;
use sides::{Chosen, Side, Sides};
use times::{Meetings, Timing};

/// Until when it is so.
const TWICE: &str = "until one of them runs at another time or selects others: of two jobs at once the later one fails";
/// How many other plans are named at one step.
const MOST: usize = 3;

/// Finds the plans that newly back instances up together with another one, each at the step that brings it about.
pub(super) fn find(input: &Input<'_>, drafts: &[Draft<'_>]) -> Vec<(Address, HazardNote)> {
    if !drafts.iter().any(sides::is_change) {
        return Vec::new();
    }
    let before = Sides::before(input);
    let after = Sides::after(input, drafts, before.clone());
    let mut search = Search { input, before: &before, meetings: Meetings::default(), found: BTreeMap::new() };
    let plans: Vec<(&String, &Side)> = after.plans.iter().collect();
    for (index, one) in plans.iter().enumerate() {
        for other in &plans[index + 1..] {
            search.compare(*one, *other);
        }
    }
    let notes = search.found.iter().flat_map(|(step, found)| {
        let more = found.len().saturating_sub(MOST);
        let rest = (more > 0).then(|| format!("{more} more plans select the same and run at overlapping times"));
        let whats = found.values().take(MOST).map(Found::why).chain(rest);
        whats.map(|what| ((*step).clone(), HazardNote::new(Hazard::BackedUpTwice, what, TWICE)))
    });
    notes.collect()
}

/// One plan in one pair of plans: the slot that it has in the sides, and one of its selections.
#[derive(Clone, Copy)]
struct Part<'a> {
    slot: &'a str,
    plan: &'a Side,
    key: &'a str,
    selection: &'a Chosen,
}

/// What a step brings about together with one other plan.
struct Found<'a> {
    ours: &'a Side,
    theirs: &'a Side,
    instance: String,
    /// Pairs of rules by name, ours first, each with a moment at which both may start.
    rules: BTreeMap<(&'a str, &'a str), Timestamp>,
}

impl Found<'_> {
    fn why(&self) -> String {
        let Self { ours, theirs, instance, rules } = self;
        let mut rules = rules.iter();
        let first = rules.next().map(|((own, other), moment)| {
            let time = ours.rules.get(*own).map(|timing| timing.local(*moment)).unwrap_or_default();
            let ours = &ours.name;
            format!("its rule `{other}` and the rule `{own}` of {ours} run at overlapping times, such as {time}")
        });
        let more = match rules.len() {
            0 => String::new(),
            1 => ", and so does another pair of rules".to_owned(),
            count => format!(", and so do {count} other pairs of rules"),
        };
        format!("{} selects {instance} too: {}{more}", theirs.title, first.unwrap_or_default())
    }
}

/// A rule of one plan, a rule of another one, and a moment at which both may start.
type Pair<'a> = (&'a str, &'a str, Timestamp);

/// A search through pairs of plans.
struct Search<'a> {
    input: &'a Input<'a>,
    before: &'a Sides,
    meetings: Meetings,
    /// By the address of the step and the slot of the other plan.
    found: BTreeMap<&'a Address, BTreeMap<&'a str, Found<'a>>>,
}

impl<'a> Search<'a> {
    fn compare(&mut self, one: (&'a String, &'a Side), other: (&'a String, &'a Side)) {
        fn parts<'a>((slot, plan): (&'a String, &'a Side)) -> impl Iterator<Item = Part<'a>> {
            plan.selections.iter().map(move |(key, selection)| Part { slot, plan, key, selection })
        }
        let mut pairs: Option<Vec<Pair<'a>>> = None;
        for left in parts(one) {
            for right in parts(other) {
                // What selects comes before what runs. Where both plans are new, the later one brings it about, so that
                // one consent is enough.
                let step = |change: fn(Part<'a>) -> Option<&'a Address>| {
                    let sides = [(change(left), true), (change(right), false)];
                    sides.into_iter().filter_map(|(step, is_left)| Some((step?, is_left))).max()
                };
                let step =
                    step(|part| part.selection.changed.as_ref()).or_else(|| step(|part| part.plan.changed.as_ref()));
                let Some((step, is_left)) = step else { continue };
                let fleet = self.input.others.fleet();
                let Some(instance) = left.selection.asked.shared_words(&right.selection.asked, fleet) else { continue };
                let pairs = pairs.get_or_insert_with(|| self.meetings.of_rules(&left.plan.rules, &right.plan.rules));
                for (rule, other, moment) in pairs.iter() {
                    if self.was_so((left, rule), (right, other)) {
                        continue;
                    }
                    let (ours, theirs, key) =
                        if is_left { (left, right, (*rule, *other)) } else { (right, left, (*other, *rule)) };
                    let found = self.found.entry(step).or_default().entry(theirs.slot).or_insert_with(|| Found {
                        ours: ours.plan,
                        theirs: theirs.plan,
                        instance: instance.clone(),
                        rules: BTreeMap::new(),
                    });
                    found.rules.insert(key, *moment);
                }
            }
        }
    }

    /// Tells whether it was so before the plan: for selections of the same place or that ask for the same, and rules of
    /// the same name or at the same time.
    fn was_so(&mut self, one: (Part<'_>, &str), other: (Part<'_>, &str)) -> bool {
        let Some((one, other)) = Before::of(self.before, one).zip(Before::of(self.before, other)) else { return false };
        let fleet = self.input.others.fleet();
        let shares = |left: &&Chosen| other.selections.iter().any(|it| left.asked.shares(&it.asked, fleet).is_some());
        let mut meets = |left: &&Timing| other.timings.iter().any(|it| self.meetings.of(left, it).is_some());
        one.selections.iter().any(shares) && one.timings.iter().any(&mut meets)
    }
}

/// What a rule and a selection of one plan were before.
struct Before<'a> {
    selections: Vec<&'a Chosen>,
    timings: Vec<&'a Timing>,
}

impl<'a> Before<'a> {
    fn of(sides: &'a Sides, (part, rule): (Part<'_>, &str)) -> Option<Self> {
        let plan = sides.plans.get(part.slot)?;
        let is_it =
            |(key, chosen): &(&String, &Chosen)| *key == part.key || chosen.asked.is_like(&part.selection.asked);
        let timing = part.plan.rules.get(rule);
        let rules = plan.rules.iter().filter(|(name, old)| *name == rule || Some(*old) == timing);
        Some(Self {
            selections: plan.selections.iter().filter(is_it).map(|(_, chosen)| chosen).collect(),
            timings: rules.map(|(_, timing)| timing).collect(),
        })
    }
}
