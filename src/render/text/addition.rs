//! Additions in few lines: what a preset brings by the preset's name, and the other fields after one another. What says
//! who may do what is never shortened: a document that no preset has stands in full.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::steered;
use crate::config::presets;
use crate::model::instance_ids::{ids, named};
use crate::model::safe::escaped;
use crate::model::{Action, Address, Display, FieldChange, KindId, Scope, natural};
use crate::plan::{Change, Plan};
use crate::policy;
use crate::render::fields::{field_lines, name_instances, scalar, with_own_causes, write_lines};
use crate::render::layout::{ADD, BOLD, DIM, columns, hanging, paragraph};

/// How many instances of a list are named.
const INSTANCES: usize = 5;

/// How many additions must carry a tag before it is said of all of them at once.
const COMMON: usize = 3;

/// What the additions of a plan have in common.
pub(super) struct Additions<'a> {
    scope: &'a Scope,
    names: &'a BTreeMap<String, String>,
    /// The tags that all additions with tags carry.
    tags: BTreeMap<&'a str, &'a Value>,
    /// The instance profiles that come with the role of a preset, by the role's key.
    profiles: BTreeMap<&'a str, &'a Change>,
}

impl<'a> Additions<'a> {
    /// Looks through a plan. `is_noted` tells which resources have hazards, which need lines of their own.
    pub(super) fn of(plan: &'a Plan, is_noted: impl Fn(&Address) -> bool) -> Self {
        let created = || plan.changes.iter().filter(|change| change.action == Action::Create);
        let mut found = Self {
            scope: &plan.scope,
            names: &plan.seen.names,
            tags: common_tags(created()),
            profiles: BTreeMap::new(),
        };
        let of_preset: BTreeMap<&str, &Change> = created()
            .filter(|change| change.address.kind() == KindId::Role)
            .filter(|change| presets::of_addition(&change.fields, &plan.scope).is_some())
            .map(|change| (change.address.last(), change))
            .collect();
        let profiles = created().filter(|change| change.address.kind() == KindId::InstanceProfile);
        let profiles = profiles.filter(|profile| !is_noted(&profile.address)).filter_map(|profile| {
            let role = of_preset.get(profile.address.last())?;
            found.says_nothing_new(profile, role).then_some((profile.address.last(), profile))
        });
        found.profiles = profiles.collect();
        found
    }

    /// Tells whether an instance profile is what a preset makes beside a role, and nothing else.
    fn says_nothing_new(&self, profile: &Change, role: &Change) -> bool {
        let of_role = |path: &str| role.fields.iter().find(|field| field.path == path).map(|field| &field.after);
        profile.name == role.name
            && (profile.cause, profile.reason.is_some()) == (role.cause, false)
            && profile.fields.iter().all(|field| {
                // It names its role.
                field.after == *role.name || self.is_common(field) || of_role(&field.path) == Some(&field.after)
            })
    }

    /// Tells whether a change stands on the line of another one.
    pub(super) fn is_told_elsewhere(&self, change: &Change) -> bool {
        change.address.kind() == KindId::InstanceProfile && self.profiles.contains_key(change.address.last())
    }

    fn is_common(&self, field: &FieldChange) -> bool {
        tag(field).is_some_and(|key| self.tags.get(key) == Some(&&field.after))
    }

    /// Writes one addition. Tells whether it is brief: no document stands below it.
    pub(super) fn write(&self, text: &mut String, change: &Change, width: usize) -> bool {
        let preset =
            (change.address.kind() == KindId::Role).then(|| presets::of_addition(&change.fields, self.scope)).flatten();
        let fields: Vec<FieldChange> = with_own_causes(change)
            .into_iter()
            .filter(|field| !self.is_common(field))
            .filter(|field| !preset.is_some_and(|preset| presets::brings(preset, &field.path, self.scope)))
            .collect();
        let (documents, fields): (Vec<FieldChange>, Vec<FieldChange>) =
            fields.into_iter().partition(|field| field.display == Display::Document && service(&field.after).is_none());
        let (rules, own): (Vec<FieldChange>, Vec<FieldChange>) =
            fields.into_iter().partition(|field| field.path.starts_with("rule."));
        let mut pieces = Vec::new();
        if change.name != change.address.last() && !change.name.is_empty() {
            pieces.push(format!("named {}", escaped(&change.name)));
        }
        pieces.extend(preset.map(|preset| format!("as preset {}", preset.name())));
        pieces.extend(self.pieces(&own, ""));
        let steered = steered(change);
        if !steered.is_empty() {
            pieces.push(format!("{DIM}steered by{DIM:#} {}", steered.join(", ")));
        }
        flow(text, &self.head(change), &pieces, width);
        if let Some(reason) = &change.reason {
            paragraph(text, &named(&escaped(reason), self.names), 4, width);
        }
        for rule in groups(&rules) {
            let (prefix, _) = rule[0].path.rsplit_once('.').unwrap_or_default();
            flow(text, &format!("    {}:", escaped(prefix)), &self.pieces(rule, prefix), width);
        }
        let mut lines = Vec::new();
        for field in &documents {
            field_lines(&mut lines, field, true);
        }
        name_instances(&mut lines, self.names);
        write_lines(text, lines, true, width);
        documents.is_empty()
    }

    /// Writes the addresses of an addition and of what comes with it.
    fn head(&self, change: &Change) -> String {
        let mut head = format!("{ADD}+{ADD:#} {BOLD}{}{BOLD:#}", change.address);
        let role = Some(change).filter(|change| change.address.kind() == KindId::Role);
        if let Some(profile) = role.and_then(|role| self.profiles.get(role.address.last())) {
            let _ = write!(head, ", {BOLD}{}{BOLD:#}", profile.address);
        }
        if let Some(cause) = change.cause {
            let _ = write!(head, " {DIM}[{}]{DIM:#}", cause.words());
        }
        head
    }

    /// Writes fields below a path, one piece each.
    fn pieces(&self, fields: &[FieldChange], prefix: &str) -> Vec<String> {
        let name = |field: &FieldChange| {
            let below =
                field.path.strip_prefix(prefix).map_or(field.path.as_str(), |rest| rest.trim_start_matches('.'));
            let cause = field.cause.map(|cause| format!(" ({})", cause.words())).unwrap_or_default();
            format!("{}{cause}", escaped(below))
        };
        let zone = fields.iter().find(|field| field.path.ends_with(".timezone") || field.path == "timezone");
        let zone = zone.filter(|zone| zone.cause.is_none());
        let has_schedule = fields.iter().any(|field| is_schedule(&field.path, prefix));
        let mut pieces = Vec::new();
        for run in fields.chunk_by(instances_alike) {
            let [field, ..] = run else { continue };
            let piece = match (run.len(), zone) {
                // The time zone stands with the schedule that it is for.
                (_, Some(zone)) if has_schedule && zone.path == field.path => continue,
                (_, Some(zone)) if is_schedule(&field.path, prefix) => {
                    format!("{} = {} {}", name(field), self.value(&field.after), self.value(&zone.after))
                }
                (1, _) => format!("{} = {}", name(field), self.value(&field.after)),
                (_, _) => {
                    let ids = run.iter().map(|field| Value::from(field.path.rsplit('.').next().unwrap_or_default()));
                    let list = self.value(&ids.collect());
                    format!("instances {list} = {}", self.value(&field.after))
                }
            };
            pieces.push(named(&piece, self.names));
        }
        pieces
    }

    /// Writes a value on one line. An ARN of the account itself stands without its beginning, and an ARN of another
    /// account in full.
    fn value(&self, value: &Value) -> String {
        if let Some(service) = service(value) {
            return escaped(service);
        }
        match value {
            Value::String(text) => escaped(&plain(self.without_account(text))),
            Value::Array(elements) => {
                let mut shown: Vec<String> = elements.iter().map(|element| self.value(element)).collect();
                shown.sort_by(|one, other| {
                    let by_name = natural::compare(self.name_of(one), self.name_of(other));
                    by_name.then_with(|| natural::compare(one, other))
                });
                let is_instance = |text: &String| ids(text).next().is_some();
                let more = shown.len().saturating_sub(INSTANCES);
                let mut rest = String::new();
                if more > 1 && shown.iter().all(is_instance) {
                    shown.truncate(INSTANCES);
                    rest = format!(" and {more} more");
                }
                if let [only] = shown.as_slice() { only.clone() } else { format!("[{}{rest}]", shown.join(", ")) }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => scalar(value),
        }
    }

    /// Returns the name of the instance whose id a text holds.
    fn name_of(&self, text: &str) -> &str {
        ids(text).next().and_then(|id| self.names.get(&text[id])).map_or("", String::as_str)
    }

    fn without_account<'t>(&self, text: &'t str) -> &'t str {
        let Scope { account_id, region, .. } = self.scope;
        let own = |arn: &'t str| {
            let (service, rest) = arn.strip_prefix(&format!("arn:{}:", self.scope.partition()))?.split_once(':')?;
            let (place, rest) = rest.split_once(':')?;
            let resource = rest.strip_prefix(account_id.as_str())?.strip_prefix(':')?;
            let is_told = resource.contains('/') && matches!(service, "iam" | "ec2");
            (is_told && (place.is_empty() || place == region)).then_some(resource)
        };
        own(text).unwrap_or(text)
    }

    /// Says what all additions have in common, and how to see the rest.
    pub(super) fn closing(&self, text: &mut String, width: usize) {
        if self.tags.is_empty() {
            return;
        }
        let tags = self.tags.iter().map(|(key, value)| format!("{} = {}", escaped(key), self.value(value)));
        let tags = tags.collect::<Vec<_>>().join(", ");
        hanging(text, &format!("{DIM}each with tags:{DIM:#} {tags}"), [2, 4], width);
    }
}

/// Returns the key of a tag.
fn tag(field: &FieldChange) -> Option<&str> {
    field.path.strip_prefix("tags.")
}

/// Returns the tags that all additions with tags carry, where they are enough to say it once.
fn common_tags<'a>(created: impl Iterator<Item = &'a Change>) -> BTreeMap<&'a str, &'a Value> {
    let tags_of = |change: &'a Change| -> BTreeMap<&'a str, &'a Value> {
        let fields = change.fields.iter().filter(|field| field.cause.is_none() || field.cause == change.cause);
        fields.filter_map(|field| Some((tag(field)?, &field.after))).collect()
    };
    let all: Vec<BTreeMap<&str, &Value>> = created.map(tags_of).filter(|tags| !tags.is_empty()).collect();
    let Some((first, others)) = all.split_first().filter(|_| all.len() >= COMMON) else { return BTreeMap::new() };
    let is_everywhere =
        |key: &str, value: &Value| others.iter().all(|tags| tags.get(key).is_some_and(|it| *it == value));
    first.iter().filter(|(key, value)| is_everywhere(key, value)).map(|(key, value)| (*key, *value)).collect()
}

/// Returns the service that a trust lets in, where it says nothing else.
fn service(trust: &Value) -> Option<&str> {
    let [service] = trust.get("Statement")?.get(0)?.get("Principal")?.get("Service")?.as_array()?.as_slice() else {
        return None;
    };
    let service = service.as_str()?;
    policy::equal(trust, &policy::trust_policy(&[service])).then_some(service)
}

/// Tells whether two fields say the same of two instances.
fn instances_alike(one: &FieldChange, other: &FieldChange) -> bool {
    let is_instance = |field: &FieldChange| field.path.starts_with("instances.");
    is_instance(one) && is_instance(other) && (&one.after, one.cause) == (&other.after, other.cause)
}

fn is_schedule(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).map(|rest| rest.trim_start_matches('.')) == Some("schedule")
}

/// Groups the fields of rules: the first field of each rule tells the path of the others.
fn groups(fields: &[FieldChange]) -> Vec<&[FieldChange]> {
    let mut groups = Vec::new();
    let mut rest = fields;
    while let [first, ..] = rest {
        let prefix = first.path.rsplit_once('.').map_or("", |(prefix, _)| prefix);
        let is_of = |field: &&FieldChange| field.path.strip_prefix(prefix).is_some_and(|below| below.starts_with('.'));
        let length = rest.iter().take_while(is_of).count().max(1);
        let (group, others) = rest.split_at(length);
        groups.push(group);
        rest = others;
    }
    groups
}

/// Writes text without quotes where it can't be taken for anything else.
fn plain(text: &str) -> String {
    let is_clear = |character: char| character.is_alphanumeric() || "-_./:*?@+=#$()% ".contains(character);
    let is_text = !text.is_empty()
        && text.trim() == text
        && text.chars().all(is_clear)
        && serde_json::from_str::<Value>(text).is_err();
    if is_text { text.to_owned() } else { Value::from(text).to_string() }
}

/// Writes a head and pieces after it, with commas, in as few lines as there is room for.
fn flow(text: &mut String, head: &str, pieces: &[String], width: usize) {
    const INDENT: usize = 4;
    let own = head.chars().take_while(|character| *character == ' ').count() + INDENT;
    let mut line = head.to_owned();
    let mut is_head = true;
    for (index, piece) in pieces.iter().enumerate() {
        let comma = if index + 1 < pieces.len() { "," } else { "" };
        let gap = if is_head && !head.ends_with(':') { 2 } else { 1 };
        if columns(&line) + gap + columns(piece) + comma.len() <= width || columns(&line) <= own {
            let _ = write!(line, "{:gap$}{piece}{comma}", "");
        } else {
            let _ = writeln!(text, "{line}");
            line = format!("{:own$}{piece}{comma}", "");
            if columns(&line) > width {
                let mut wrapped = String::new();
                hanging(&mut wrapped, &format!("{piece}{comma}"), [own, own + 2], width);
                let (above, last) = wrapped.trim_end().rsplit_once('\n').unwrap_or(("", wrapped.trim_end()));
                if !above.is_empty() {
                    let _ = writeln!(text, "{above}");
                }
                last.clone_into(&mut line);
            }
        }
        is_head = false;
    }
    let _ = writeln!(text, "{line}");
}
