//! The account's backup plans as far as it matters what they back up and when: before a plan, and after it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::{Map, Value};

use super::times::Timing;
use crate::kind::{Found, KindLive, Live, Owner};
use crate::model::{Action, Address, KindId};
use crate::plan::draft::{Draft, Input};
use crate::vss::evidence::{Conditions, Plan, PlanOwner, Selection};
use crate::vss::together::Asked;

/// A selection of a plan.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) asked: Rc<Asked>,
    /// The step that makes it, or makes it select something else.
    pub(super) changed: Option<Address>,
}

/// A plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Side {
    /// What texts call it where it is ours.
    pub(super) name: String,
    /// What texts call it where it is the other one.
    pub(super) title: String,
    /// By name.
    pub(super) rules: BTreeMap<String, Timing>,
    /// By AWS's id, or the address of one that is to be made.
    pub(super) selections: BTreeMap<String, Chosen>,
    /// The step that makes it, or changes when it runs.
    pub(super) changed: Option<Address>,
}

/// All plans, by AWS's id or the address of one that is to be made. A plan that is made again keeps its place.
#[derive(Clone, Debug, Default)]
pub(super) struct Sides {
    pub(super) plans: BTreeMap<String, Side>,
}

/// Tells whether a change may bring about that a plan backs something up, or when.
pub(super) fn is_change(draft: &Draft<'_>) -> bool {
    matches!(draft.kind.id(), KindId::Plan | KindId::Selection)
        && matches!(draft.action, Action::Create | Action::Update | Action::Replace | Action::Adopt)
}

impl Sides {
    /// Returns what is live.
    pub(super) fn before(input: &Input<'_>) -> Self {
        let mut sides = Self::default();
        for plan in &input.others.plans {
            sides.plans.insert(plan.id.clone(), stranger(input, plan));
        }
        for (live, title) in live(input, KindId::Plan) {
            let Some(id) = live.ids.get("BackupPlanId") else { continue };
            let side = sides.plans.entry(id.clone()).or_default();
            side.rules = rules(live.fields.get("rule"), &Value::Null);
            // A plan that is not the stack's is named as what is known of its owner.
            if is_ours(live) || side.title.is_empty() {
                side.name.clone_from(&title);
                side.title = title;
            }
        }
        for (live, _) in live(input, KindId::Selection) {
            let (Some(plan), Some(id)) = (live.ids.get("BackupPlanId"), live.ids.get("SelectionId")) else { continue };
            let Some(side) = sides.plans.get_mut(plan) else { continue };
            let asked = || Chosen { asked: asked(input, &live.fields), changed: None };
            side.selections.entry(id.clone()).or_insert_with(asked);
        }
        sides
    }

    /// Returns what will be, from what is live.
    pub(super) fn after(input: &Input<'_>, drafts: &[Draft<'_>], mut sides: Self) -> Self {
        for draft in drafts.iter().filter(|draft| draft.kind.id() == KindId::Plan) {
            sides.change_plan(draft);
        }
        for draft in drafts.iter().filter(|draft| draft.kind.id() == KindId::Selection) {
            sides.change_selection(input, draft);
        }
        sides
    }

    fn change_plan(&mut self, draft: &Draft<'_>) {
        let slot = slot(draft, "BackupPlanId");
        match draft.action {
            Action::Delete => {
                self.plans.remove(&slot);
            }
            Action::Create | Action::Update | Action::Replace | Action::Adopt => {
                let was = draft.live.and_then(|live| live.fields.get("rule")).unwrap_or(&Value::Null);
                let Some(rule) = draft.desired.map(|desired| desired.fields.get("rule").unwrap_or(was)) else { return };
                let side = self.plans.entry(slot).or_default();
                let rules = rules(Some(rule), was);
                let old: BTreeSet<&Timing> = side.rules.values().collect();
                if rules.values().any(|timing| !old.contains(timing)) {
                    side.changed = Some(draft.address.clone());
                }
                side.rules = rules;
                side.name = format!("`{}`", draft.address);
                side.title.clone_from(&side.name);
            }
            Action::NoOp | Action::Unknown | Action::Refused => {}
        }
    }

    fn change_selection(&mut self, input: &Input<'_>, draft: &Draft<'_>) {
        let slot = slot(draft, "SelectionId");
        match draft.action {
            Action::Delete => {
                for side in self.plans.values_mut() {
                    side.selections.remove(&slot);
                }
            }
            Action::Create | Action::Replace => {
                let Some(desired) = draft.desired else { return };
                let was = self.plans.values_mut().find_map(|side| side.selections.remove(&slot));
                let plan = Address::new(KindId::Plan, draft.address.parent_key().unwrap_or_default());
                let Some(side) = self.plans.get_mut(&slot_of_plan(input, &plan)) else { return };
                let asked = asked(input, &desired.fields);
                let is_same = was.is_some_and(|was| was.asked.is_like(&asked));
                let changed = (!is_same).then(|| draft.address.clone());
                side.selections.insert(slot, Chosen { asked, changed });
            }
            // A selection can't be changed, and who owns it makes no difference.
            Action::Update | Action::Adopt | Action::NoOp | Action::Unknown | Action::Refused => {}
        }
    }
}

/// Returns AWS's id of what a step is about, or the address of what it makes.
fn slot(draft: &Draft<'_>, id: &str) -> String {
    draft.live.and_then(|live| live.ids.get(id)).cloned().unwrap_or_else(|| draft.address.to_string())
}

/// Returns the place of an entry's plan.
fn slot_of_plan(input: &Input<'_>, plan: &Address) -> String {
    let found = input.live.iter().find(|(kind, _)| *kind == KindId::Plan).and_then(|(_, live)| live.found.get(plan));
    match found {
        Some(Found::Live(live)) => live.ids.get("BackupPlanId").cloned(),
        Some(Found::Absent | Found::Unknown { .. } | Found::Ambiguous { .. }) | None => None,
    }
    .unwrap_or_else(|| plan.to_string())
}

fn is_ours(live: &Live) -> bool {
    matches!(live.owner, Owner::Ours(_))
}

/// Returns what was read of a kind, each with what texts call it.
fn live<'a>(input: &Input<'a>, kind: KindId) -> Vec<(&'a Live, String)> {
    fn named(live: &Live) -> String {
        let id = live.ids.get("BackupPlanId").map(String::as_str).unwrap_or_default();
        format!("the plan `{}` (`{id}`)", live.name)
    }
    let of = |read: &'a KindLive| {
        let found = read.found.iter().filter_map(|(address, found)| match found {
            Found::Live(live) if is_ours(live) => Some((&**live, format!("`{address}`"))),
            Found::Live(live) => Some((&**live, named(live))),
            Found::Absent | Found::Unknown { .. } | Found::Ambiguous { .. } => None,
        });
        let orphans = read.orphans.iter();
        let orphans =
            orphans.map(|live| (live, format!("{}, an orphan of this stack that `--prune` deletes,", named(live))));
        let seconds = read.surplus.iter();
        let seconds =
            seconds.map(|(address, live)| (live, format!("{}, a second object of `{address}`,", named(live))));
        found.chain(orphans).chain(seconds).collect::<Vec<_>>()
    };
    input.live.iter().filter(|(read, _)| *read == kind).flat_map(|(_, read)| of(read)).collect()
}

/// Returns a plan that is not known to be this stack's.
fn stranger(input: &Input<'_>, plan: &Plan) -> Side {
    let owner = match &plan.owner {
        PlanOwner::Ours(_) => "this stack's",
        PlanOwner::Stack(stack) => &format!("of the stack `{stack}`"),
        PlanOwner::Organizations => "of AWS Organizations",
        PlanOwner::Other => "nobody's",
    };
    let selections = plan.selections.known().into_iter().flatten().map(|selection| {
        let asked = Rc::new(Asked::new(selection.clone(), input.scope));
        (selection.id.clone(), Chosen { asked, changed: None })
    });
    let title = format!("the plan `{}` (`{}`), {owner},", plan.name, plan.id);
    Side {
        name: title.clone(),
        title,
        rules: plan.rules.iter().map(|rule| (rule.name.clone(), Timing::of_rule(rule))).collect(),
        selections: selections.collect(),
        changed: None,
    }
}

/// Reads the rules of a plan in normal form; a field that a rule does not have is that of the live rule of its name.
fn rules(rules: Option<&Value>, live: &Value) -> BTreeMap<String, Timing> {
    let rules = rules.and_then(Value::as_object).into_iter().flatten();
    rules.map(|(name, rule)| (name.clone(), Timing::of_fields(rule, &live[name.as_str()]))).collect()
}

/// Reads a selection in normal form.
pub(in crate::plan::hazard) fn asked(input: &Input<'_>, fields: &Map<String, Value>) -> Rc<Asked> {
    let texts = |name: &str| -> Vec<String> {
        let items = fields.get(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let pairs = |name: &str| -> Vec<(String, String)> {
        let pair = |text: &String| text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        texts(name).iter().filter_map(pair).collect()
    };
    let selection = Selection {
        resources: texts("arns"),
        not_resources: texts("not_arns"),
        list_of_tags: pairs("any"),
        conditions: Conditions {
            equals: pairs("all"),
            not_equals: pairs("not_equals"),
            like: pairs("like"),
            not_like: pairs("not_like"),
        },
        ..Selection::default()
    };
    Rc::new(Asked::new(selection, input.scope))
}
