//! Which instances two backup selections both select.
//!
//! What a selection selects is decided by [`select`], for one instance at a time. Two selections are put to the
//! instances that there are, and to specimens: for each selection instances that have what it asks for and nothing
//! else. A specimen of one selection that the other one selects too stands for instances that may be launched at any
//! time, so that a selection that is a part of another one is told without reading any instance. Selections by
//! different tags have instances in common only where an instance has both.

use super::evidence::{Selection, Tags};
use super::selection::{Resource, Selected, select};
use crate::model::Scope;

/// An instance as a selection sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Specimen {
    /// Its ARN.
    pub arn: String,
    /// Its tags.
    pub tags: Tags,
    /// What texts call it; none where it does not exist and a selection asks for its tags alone.
    pub title: Option<String>,
}

/// A selection with its specimens.
#[derive(Clone, Debug)]
pub struct Asked {
    selection: Selection,
    specimens: Vec<Specimen>,
}

/// What stands for a wildcard in tags and in ids. An exclusion fits some of them and not all.
const FILLS: [(&str, &str); 2] = [("", "00000000000000000"), ("x", "fffffffffffffffff")];

impl Asked {
    /// Makes the specimens of a selection.
    pub fn new(mut selection: Selection, scope: &Scope) -> Self {
        let conditions = &mut selection.conditions;
        for list in [&mut selection.resources, &mut selection.not_resources] {
            list.sort();
            list.dedup();
        }
        for pairs in [
            &mut selection.list_of_tags,
            &mut conditions.equals,
            &mut conditions.not_equals,
            &mut conditions.like,
            &mut conditions.not_like,
        ] {
            pairs.sort();
            pairs.dedup();
        }
        let specimens = specimens(&selection, scope);
        Self { selection, specimens }
    }

    /// Tells whether both ask for the same, whatever their names and roles are.
    pub fn is_like(&self, other: &Self) -> bool {
        let (one, other) = (&self.selection, &other.selection);
        one.resources == other.resources
            && one.not_resources == other.not_resources
            && one.list_of_tags == other.list_of_tags
            && one.conditions == other.conditions
    }

    /// Returns an instance that both select: one that there is before one that there may be.
    pub fn shares<'a>(&'a self, other: &'a Self, instances: &'a [Specimen]) -> Option<&'a Specimen> {
        instances.iter().chain(&self.specimens).chain(&other.specimens).find(|one| self.both_take(other, one))
    }

    /// Describes what both select: one instance, and how many more of those that there are.
    pub fn shared_words(&self, other: &Self, instances: &[Specimen]) -> Option<String> {
        let first = self.shares(other, instances)?.words();
        Some(match instances.iter().filter(|one| self.both_take(other, one)).count() {
            0 | 1 => first,
            2 => format!("{first} and one more instance"),
            count => format!("{first} and {} more instances", count - 1),
        })
    }

    /// Tells whether it selects an instance.
    pub fn takes(&self, specimen: &Specimen) -> bool {
        takes(&self.selection, specimen)
    }

    /// Describes what it asks for; `None` where that contradicts itself.
    pub fn words(&self) -> Option<String> {
        self.specimens.first().map(Specimen::words)
    }

    fn both_take(&self, other: &Self, specimen: &Specimen) -> bool {
        takes(&self.selection, specimen) && takes(&other.selection, specimen)
    }
}

impl Specimen {
    /// Describes it.
    pub fn words(&self) -> String {
        let tags: Vec<String> = self.tags.iter().map(|(key, value)| format!("`{key}={value}`")).collect();
        match (&self.title, tags.as_slice()) {
            (Some(title), _) => title.clone(),
            (None, []) => "any instance".to_owned(),
            (None, [tag]) => format!("any instance with the tag {tag}"),
            (None, several) => format!("any instance with the tags {}", several.join(", ")),
        }
    }
}

/// Tells whether a selection takes an instance. The opt-in of the region is not asked: it may change at any time.
fn takes(selection: &Selection, specimen: &Specimen) -> bool {
    let resource = Resource { arn: &specimen.arn, kind: "EC2", tags: &specimen.tags };
    select(selection, resource, None) != Selected::No
}

/// Returns instances that have what a selection asks for and nothing else.
fn specimens(selection: &Selection, scope: &Scope) -> Vec<Specimen> {
    let Selection { resources, list_of_tags, conditions, .. } = selection;
    let everything = resources.is_empty() && list_of_tags.is_empty();
    let patterns = resources.iter().map(|pattern| (pattern.as_str(), None));
    // The tags of the list are alternatives to the ARNs, and to each other.
    let alternatives = list_of_tags.iter().map(|tag| ("*", Some(tag)));
    let mut found: Vec<Specimen> = Vec::new();
    for (pattern, tag) in patterns.chain(alternatives).chain(everything.then_some(("*", None))) {
        for (text, id) in FILLS {
            let like = conditions.like.iter().map(|(key, value)| (key.clone(), value.replace('*', text)));
            let needed = tag.into_iter().chain(&conditions.equals).cloned();
            let tags = like.chain(needed).collect();
            let specimen = Specimen { arn: instance_arn(pattern, id, scope), tags, title: title(pattern) };
            // What contradicts itself, is excluded or is no instance selects none.
            if takes(selection, &specimen) && !found.contains(&specimen) {
                found.push(specimen);
            }
        }
    }
    found
}

/// Returns the ARN of an instance of the account and region that fits a pattern, if one of them does.
fn instance_arn(pattern: &str, fill: &str, scope: &Scope) -> String {
    let id = pattern.rsplit_once("instance/").map_or("*", |(_, id)| id);
    let id = if id.starts_with('*') { format!("i-{fill}") } else { id.replace('*', fill) };
    scope.arn("ec2", &format!("instance/{id}"))
}

/// Names the instance that an ARN is of.
fn title(pattern: &str) -> Option<String> {
    let (_, id) = pattern.rsplit_once("instance/")?;
    (!id.contains('*')).then(|| format!("`{id}`"))
}

#[cfg(test)]
mod tests;
