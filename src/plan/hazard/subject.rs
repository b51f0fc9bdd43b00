//! A resource of the plan, as the search for hazards looks at it.

use serde_json::Value;

use crate::kind::{Found, Live, Owner};
use crate::model::{Action, KindId};
use crate::plan::draft::{Draft, Input};
use crate::plan::{About, security};

/// A resource whose hazards are looked for, and what its plan is built from.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) draft: &'a Draft<'a>,
    pub(super) input: &'a Input<'a>,
    /// Who may do more or less by the plan.
    pub(super) security: &'a [security::Found],
}

impl<'a> Subject<'a> {
    /// Tells whether something that exists is changed in place or made anew.
    pub(super) fn is_changed(&self) -> bool {
        match self.draft.action {
            // What a second object does, the entry does from then on: what differs is lost.
            Action::Delete if self.draft.second_of.is_some() => true,
            Action::Update | Action::Replace => true,
            // Adoption alone writes marks.
            Action::Adopt => !self.draft.fields.is_empty(),
            Action::NoOp | Action::Create | Action::Delete | Action::Unknown | Action::Refused => false,
        }
    }

    pub(super) fn is(&self, action: Action) -> bool {
        self.draft.action == action && !(action == Action::Delete && self.draft.second_of.is_some())
    }

    /// Returns what is live of a field; null where nothing is.
    pub(super) fn before(&self, field: &str) -> &'a Value {
        self.draft.live.and_then(|live| live.fields.get(field)).unwrap_or(&Value::Null)
    }

    /// Returns what a field will be: what the file says, else what is live.
    pub(super) fn after(&self, field: &str) -> &'a Value {
        match self.draft.desired.and_then(|desired| desired.fields.get(field)) {
            Some(value) => value,
            None => self.before(field),
        }
    }

    /// Tells whether a field, or something in it, differs.
    pub(super) fn changes(&self, field: &str) -> bool {
        let within = |path: &str| path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.draft.fields.iter().any(|change| within(&change.path))
    }

    /// Lists what the resource lets principals do more that are not new, but for what its preset is for.
    pub(super) fn widened(&self, about: About) -> impl Iterator<Item = &'a security::Found> {
        let address = &self.draft.address;
        let counts = move |found: &&security::Found| {
            found.widens && !found.is_new && !found.by_preset && found.turn.about == about
        };
        self.security.iter().filter(move |found| found.turn.address == *address).filter(counts)
    }

    /// Returns every live resource of a kind that was read, whoever it belongs to.
    pub(super) fn live(&self, kind: KindId) -> impl Iterator<Item = &'a Live> {
        let read = self.input.live.iter().filter(move |(name, _)| *name == kind);
        read.flat_map(|(_, live)| {
            let found = live.found.values().filter_map(|found| match found {
                Found::Live(live) => Some(&**live),
                Found::Absent | Found::Unknown { .. } | Found::Ambiguous { .. } => None,
            });
            found.chain(&live.orphans).chain(live.surplus.iter().map(|(_, live)| live))
        })
    }

    /// Returns the live resources of a kind that are this stack's, targets or not: those of the file and its orphans.
    pub(super) fn ours(&self, kind: KindId) -> Vec<&'a Live> {
        ours(self.input, kind)
    }
}

/// Returns the live resources of a kind that are this stack's: those of the file and its orphans.
pub(in crate::plan) fn ours<'a>(input: &Input<'a>, kind: KindId) -> Vec<&'a Live> {
    let read = input.live.iter().filter(|(name, _)| *name == kind);
    read.flat_map(|(_, live)| {
        let found = live.found.values().filter_map(|found| match found {
            Found::Live(live) if matches!(live.owner, Owner::Ours(_)) => Some(&**live),
            Found::Live(_) | Found::Absent | Found::Unknown { .. } | Found::Ambiguous { .. } => None,
        });
        found.chain(&live.orphans)
    })
    .collect()
}

/// Returns the texts of a set.
pub(super) fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
