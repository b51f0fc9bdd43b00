//! What roles may do more and less, and who may assume them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::shown::{About, Sign, Turn};
use super::world::{Document, Powers, Role, Source, World, acts, preset_sources, wanted};
use super::{Found, of_documents};
use crate::kind::HolderKind;
use crate::kinds::role::RoleCarried;
use crate::model::{Action, Address, KindId};
use crate::policy::PolicyError;
use crate::policy::shift::{Documents, Grant, Shift, allowed, shift};

/// How many statements of a new role are told.
const OF_NEW: usize = 2;

/// Compares all roles.
pub(super) fn roles(world: &World<'_>) -> Vec<Found> {
    let mut found = Vec::new();
    for role in world.roles() {
        let mut own = Vec::new();
        match (&role.before, &role.after) {
            (Some(before), Some(after)) => permissions(world, &role, before, after, &mut own),
            (None, Some(after)) => own.extend(made(world, &role, after)),
            (Some(_), None) if !world.input.options.destroy => own.extend(gone(&role)),
            (Some(_) | None, None) => {}
        }
        if let Some(draft) = role.draft.filter(|draft| acts(draft) && draft.live.is_some()) {
            let null = Value::Null;
            let before = draft.live.and_then(|live| live.fields.get("trust")).unwrap_or(&null);
            let after = wanted(draft, "trust").unwrap_or(&null);
            let name = format!("the trust policy of {}", draft.address);
            let preset = preset_sources(world.input, draft).is_some();
            let of_trust = of_documents(before, after, &draft.address, About::Trust, &name);
            own.extend(of_trust.into_iter().map(|mut found| {
                found.by_preset = preset;
                found.turn.preset = preset && found.turn.sign == Sign::Gain;
                found
            }));
        }
        if let Some(first) = own.first_mut() {
            first.turn.instances = used_by(world, &role);
        }
        found.extend(own);
    }
    policies(world, &mut found);
    found
}

/// Compares the documents of policies that no role has, or that users or groups have too: what those may do besides is
/// not read.
fn policies(world: &World<'_>, found: &mut Vec<Found>) {
    if world.policies().next().is_none() {
        return;
    }
    let roles = world.roles();
    for (address, before, after) in world.policies() {
        let is_held = roles.iter().any(|role| role.changed.values().any(|changed| changed == address));
        let draft = world.drafts.iter().find(|draft| draft.address == *address);
        let holders = draft.and_then(|draft| Some(draft.kind.holders(draft.live?, world.input.live)));
        let mut principals = holders.into_iter().flatten().filter(|holder| holder.kind == HolderKind::Principal);
        let name = match principals.next() {
            Some(holder) => format!("for users or groups ({}) the policy {address}", holder.name),
            None if is_held => continue,
            None => format!("the policy {address}, which no role has,"),
        };
        found.extend(of_documents(before, after, address, About::Permissions, &name));
    }
}

/// What becomes of what a principal may do, with the policies of the second side that say so.
pub(super) struct Told {
    pub(super) sign: Sign,
    pub(super) widens: bool,
    pub(super) words: String,
    pub(super) grant: Option<Grant>,
    pub(super) sources: BTreeSet<Source>,
}

/// Compares what two sets of documents allow. `who` begins each sentence.
pub(super) fn compared(before: &Powers<'_>, after: &Powers<'_>, who: &str) -> Vec<Told> {
    if before == after {
        return Vec::new();
    }
    let mut told = Vec::new();
    unknown(before, after, who, &mut told);
    let (olds, news): (Vec<&Source>, Vec<&Source>) = (sources(before), sources(after));
    let found = between(before, after);
    let shift = match found {
        Ok(shift) => shift,
        Err(error) => {
            let words = format!("{who}: what it may do can't be compared with what it may do now: {error}");
            told.push(Told { sign: Sign::Unknown, widens: true, words, grant: None, sources: BTreeSet::new() });
            return told;
        }
    };
    let Shift { gains, losses, vague } = shift;
    for (sign, grants) in [(Sign::Gain, gains), (Sign::Loss, losses)] {
        let is_gain = sign == Sign::Gain;
        for grant in grants {
            let verb = match (is_gain, grant.denies) {
                (true, false) => "gains",
                (true, true) => "is no longer denied",
                (false, false) => "loses",
                (false, true) => "is newly denied",
            };
            // A denial that goes stands on the side before.
            let list = if is_gain == grant.denies { &olds } else { &news };
            let sources = grant.sources.iter().filter_map(|index| list.get(*index)).map(|it| (*it).clone()).collect();
            let words = format!("{who} {verb} {}", grant.words());
            told.push(Told { sign, widens: is_gain, words, grant: Some(grant), sources });
        }
    }
    if let Some(vague) = vague {
        let told_of = |sign: Sign, words: String| Told {
            sign,
            widens: sign == Sign::Gain,
            words,
            grant: None,
            sources: BTreeSet::new(),
        };
        told.extend(vague.gains.iter().map(|words| told_of(Sign::Gain, format!("{who} {words}"))));
        let less = |words: &String| told_of(Sign::Loss, format!("{who} had what {words}, and no longer all of it"));
        told.extend(vague.losses.iter().map(less));
    }
    told
}

/// The policies whose documents are known, in the order in which they are compared.
fn sources<'b>(powers: &'b Powers<'_>) -> Vec<&'b Source> {
    let known = powers.policies.iter().filter(|(_, document)| matches!(document, Document::Known(_)));
    known.map(|(source, _)| source).collect()
}

fn between(before: &Powers<'_>, after: &Powers<'_>) -> Result<Shift, PolicyError> {
    fn known(document: Document<'_>) -> Option<&Value> {
        match document {
            Document::Known(document) => Some(document),
            Document::Unknown => None,
        }
    }
    fn side<'a>(powers: &Powers<'a>, bounded: bool) -> Documents<'a> {
        let boundary = powers.boundary.as_ref().filter(|_| bounded);
        Documents {
            policies: powers.policies.values().copied().filter_map(known).collect(),
            boundary: boundary.and_then(|(_, document)| known(*document)),
        }
    }
    // A boundary that is not known bounds neither side: then only the policies are compared.
    let is_unknown =
        |powers: &Powers<'_>| powers.boundary.as_ref().is_some_and(|(_, document)| *document == Document::Unknown);
    let bounded = !is_unknown(before) && !is_unknown(after);
    shift(&side(before, bounded), &side(after, bounded))
}

/// Tells what comes or goes, or changes, and is not known.
fn unknown(before: &Powers<'_>, after: &Powers<'_>, who: &str, told: &mut Vec<Told>) {
    let mut note = |widens: bool, words: String, source: Option<&Source>| {
        let sources = source.into_iter().cloned().collect();
        told.push(Told { sign: Sign::Unknown, widens, words, grant: None, sources });
    };
    let named = |source: &Source| match source {
        Source::Inline(name) => format!("the inline policy `{name}`"),
        Source::Managed(arn) => format!("`{arn}`"),
    };
    let is_unknown = |document: Option<&Document<'_>>| document == Some(&Document::Unknown);
    for (source, document) in &after.policies {
        let old = before.policies.get(source);
        if *document == Document::Unknown && old != Some(document) {
            let words = format!("{who} gets {}, whose document is not known: it may gain anything", named(source));
            note(true, words, Some(source));
        } else if is_unknown(old) && *document != Document::Unknown {
            note(true, format!("{who}: what {} said before is not known", named(source)), Some(source));
        }
    }
    for (source, document) in &before.policies {
        if *document == Document::Unknown && !after.policies.contains_key(source) {
            let words = format!("{who} loses {}, whose document is not known", named(source));
            note(false, words, None);
        }
    }
    let (old, new) = (&before.boundary, &after.boundary);
    let unread = [old, new].into_iter().flatten().any(|(_, document)| *document == Document::Unknown);
    if !unread || old == new {
        return;
    }
    match (old, new) {
        (Some(_), Some((arn, _))) => note(
            true,
            format!("{who} gets another permissions boundary, `{arn}`: what one of the two says is not known"),
            None,
        ),
        (Some((arn, _)), None) => {
            note(true, format!("{who} loses its permissions boundary `{arn}`, whose document is not known"), None);
        }
        (None, Some((arn, _))) => {
            let words =
                format!("{who} gets the permissions boundary `{arn}`, whose document is not known: it may lose");
            note(false, format!("{words} anything"), None);
        }
        (None, None) => {}
    }
}

fn permissions(world: &World<'_>, role: &Role<'_>, before: &Powers<'_>, after: &Powers<'_>, found: &mut Vec<Found>) {
    let preset = role.draft.and_then(|draft| preset_sources(world.input, draft));
    for told in compared(before, after, &role.title()) {
        let Told { sign, widens, words, grant, sources } = told;
        let Some(address) = brings(role, &sources) else { continue };
        let by_preset = preset
            .as_ref()
            .is_some_and(|preset| sign == Sign::Gain && !sources.is_empty() && sources.is_subset(preset));
        let mut turn = Turn::new(address, role.title(), About::Permissions, sign, words, grant.as_ref());
        turn.preset = by_preset;
        found.push(Found { turn, widens, is_new: false, by_preset, grant });
    }
}

/// Returns the resource that brings a difference: the policy whose document changes, where only that says it, else the
/// role where it changes itself.
fn brings<'b>(role: &'b Role<'_>, sources: &BTreeSet<Source>) -> Option<&'b Address> {
    let of_policy = |source: &Source| match source {
        Source::Managed(arn) => role.changed.get(arn),
        Source::Inline(_) => None,
    };
    let is_of_policies = !sources.is_empty() && sources.iter().all(|source| of_policy(source).is_some());
    let policy = sources.iter().find_map(of_policy).filter(|_| is_of_policies);
    let itself = role.draft.filter(|draft| acts(draft) && !is_same(role)).map(|draft| &draft.address);
    policy.or(itself).or_else(|| role.changed.values().next())
}

/// Tells whether a role has the same policies and the same boundary, whatever they say.
fn is_same(role: &Role<'_>) -> bool {
    let names = |powers: &Powers<'_>| {
        let inline = |source: &Source| matches!(source, Source::Inline(_));
        let documents: Vec<String> = powers
            .policies
            .iter()
            .filter(|(source, _)| inline(source))
            .map(|(_, document)| format!("{document:?}"))
            .collect();
        let boundary = powers.boundary.as_ref().map(|(arn, _)| arn.clone());
        (powers.policies.keys().cloned().collect::<Vec<_>>(), documents, boundary)
    };
    role.before.as_ref().map(names) == role.after.as_ref().map(names)
}

/// Tells what a new role may do, in one line, unless that is what its preset is for.
fn made(world: &World<'_>, role: &Role<'_>, after: &Powers<'_>) -> Option<Found> {
    let draft = role.draft.filter(|draft| draft.action == Action::Create)?;
    let own = crate::config::preset_of(&draft.desired?.fields, world.input.scope);
    let is_preset = own.is_some_and(|preset| {
        after.policies.keys().all(|source| match source {
            Source::Inline(name) => preset.inline.contains(name),
            Source::Managed(arn) => preset.managed.contains(arn),
        })
    });
    if is_preset || after.policies.is_empty() {
        return None;
    }
    let mut parts = Vec::new();
    for (source, document) in &after.policies {
        match (source, document) {
            (Source::Managed(arn), _) => parts.push(format!("it has `{}`", arn.rsplit('/').next().unwrap_or(arn))),
            (Source::Inline(_), Document::Known(document)) => {
                parts.extend(allowed(document).iter().map(|grant| format!("it may use {}", grant.words())));
            }
            (Source::Inline(name), Document::Unknown) => {
                parts.push(format!("it has the inline policy `{name}`, which is not known"));
            }
        }
    }
    let more = parts.len().saturating_sub(OF_NEW);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    parts.truncate(OF_NEW);
    let words = format!("{} is new: {}{more}", role.title(), parts.join("; "));
    let turn = Turn::new(&draft.address, role.title(), About::Permissions, Sign::Gain, words, None);
    Some(Found { turn, widens: true, is_new: true, by_preset: false, grant: None })
}

fn gone(role: &Role<'_>) -> Option<Found> {
    let draft = role.draft?;
    let words = format!("{} is deleted: nobody can act as it any more", role.title());
    let turn = Turn::new(&draft.address, role.title(), About::Permissions, Sign::Loss, words, None);
    Some(Found { turn, widens: false, is_new: false, by_preset: false, grant: None })
}

/// Names the instances that act as a role; the profiles, where the instances were not read.
fn used_by(world: &World<'_>, role: &Role<'_>) -> Option<String> {
    let carried = role.draft.and_then(|draft| draft.live).and_then(|live| live.carried.get::<RoleCarried>());
    let holders = carried.into_iter().flat_map(|carried| &carried.holders);
    let held = holders.filter(|holder| holder.kind == HolderKind::Kind(KindId::InstanceProfile));
    let mut profiles: BTreeSet<String> = held.map(|holder| holder.name.to_lowercase()).collect();
    let account = &world.input.installed.account;
    let own = role.name.to_lowercase();
    let of_account = account.profiles.iter().filter(|(_, held)| **held == own);
    profiles.extend(of_account.map(|(profile, _)| profile.clone()));
    (!profiles.is_empty()).then(|| super::instances::carriers(world, &profiles))
}
