//! What a transition has to change: the plan's own diff, asked field by field, so that the calls follow what is shown.

use crate::kind::value::{id, pairs, texts};
use crate::model::marks::{KEYS, PREFIX};
use serde_json::Value;

use crate::kind::marks::{TagChanges, tag_changes};
use crate::kind::{Transition, marks};
use crate::model::Action;

/// The differences of one transition.
#[derive(Debug)]
pub(crate) struct Delta<'a> {
    transition: &'a Transition<'a>,
}

impl<'a> Delta<'a> {
    /// Asks the plan's own differences.
    pub(crate) fn of(transition: &'a Transition<'a>) -> Self {
        Self { transition }
    }

    /// Tells whether a field, or something in it, differs.
    pub(crate) fn changes(&self, field: &str) -> bool {
        let within = |path: &str| path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.transition.changes.iter().any(|change| within(&change.path))
    }

    /// Tells whether one of these fields differs.
    pub(crate) fn changes_any(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| self.changes(field))
    }

    /// Returns what the file says about a field; null where it says nothing.
    pub(crate) fn desired(&self, field: &str) -> &'a Value {
        self.transition.desired.and_then(|desired| desired.fields.get(field)).unwrap_or(&Value::Null)
    }

    /// Returns what is live; null where nothing is.
    pub(crate) fn live(&self, field: &str) -> &'a Value {
        self.transition.live.and_then(|live| live.fields.get(field)).unwrap_or(&Value::Null)
    }

    /// Returns what the field should be: what the file says, else what is live.
    pub(crate) fn wanted(&self, field: &str) -> &'a Value {
        match self.transition.desired.and_then(|desired| desired.fields.get(field)) {
            Some(value) => value,
            None => self.live(field),
        }
    }

    /// Returns the tags to write and those to take away. Taking over a resource writes the marks and nothing else.
    pub(crate) fn tags(&self) -> TagChanges {
        let live = self.live("tags").as_object();
        if self.transition.action == Action::Adopt {
            return TagChanges { unset: Vec::new(), ..tag_changes(live, None, &self.adopted_marks()) };
        }
        tag_changes(live, self.desired("tags").as_object(), self.transition.marks)
    }

    /// Returns the marks of a resource that is only taken over: the tag keys in it are those whose live value is the
    /// file's. Nobody but us wrote the others.
    fn adopted_marks(&self) -> std::collections::BTreeMap<String, String> {
        let mut found = self.transition.marks.clone();
        let live = self.live("tags");
        if let Some(keys) = found.get_mut(KEYS) {
            let same = pairs(self.desired("tags")).filter(|(key, value)| live.get(key.as_str()) == Some(*value));
            *keys = marks::list_keys(same.map(|(key, _)| key.as_str()));
        }
        found
    }

    /// Returns the elements of a set that the file has and live lacks, and those that live has and a declared set
    /// lacks.
    pub(crate) fn set(&self, field: &str) -> (Vec<&'a str>, Vec<&'a str>) {
        if !self.changes(field) {
            return (Vec::new(), Vec::new());
        }
        let (desired, live) = (texts(self.desired(field)), texts(self.live(field)));
        let without = |items: &[&'a str], others: &[&'a str]| {
            items.iter().copied().filter(|item| !others.contains(item)).collect()
        };
        (without(&desired, &live), without(&live, &desired))
    }

    /// Returns an id of the live resource; empty where there is none.
    pub(crate) fn id(&self, name: &str) -> &'a str {
        self.transition.live.map_or("", |live| id(live, name))
    }
}

/// Returns all tags of a creating call. What takes the place of a resource keeps the tags that others gave to that one.
pub(crate) fn all_tags(transition: &Transition<'_>) -> std::collections::BTreeMap<String, String> {
    let desired = transition.desired.and_then(|desired| desired.fields.get("tags")).and_then(Value::as_object);
    let live = transition.live.and_then(|live| live.fields.get("tags")).and_then(Value::as_object);
    let mut all = marks::all_tags(desired, transition.marks);
    let gone = tag_changes(live, desired, transition.marks).unset;
    for (key, value) in live.into_iter().flatten() {
        // IAM compares tag keys without regard to case.
        let is_there = all.keys().chain(&gone).any(|known| known.eq_ignore_ascii_case(key));
        if !is_there && !key.starts_with("aws:") && !key.starts_with(PREFIX) {
            all.insert(key.clone(), value.as_str().unwrap_or_default().to_owned());
        }
    }
    all
}

/// Returns the path of a new IAM resource: the file's, else the stack's; null where both leave it to AWS.
pub(crate) fn new_path(transition: &Transition<'_>) -> Value {
    let declared = transition.desired.and_then(|desired| desired.fields.get("path"));
    let stacks = || Some(transition.scope.iam_path.as_str()).filter(|path| *path != "/").map(Value::from);
    declared.cloned().or_else(stacks).unwrap_or_default()
}
