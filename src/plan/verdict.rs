//! The verdict on one resource: what may be done, given what is live and who owns it.

use super::draft::{PROTECTED, cannot_go, cannot_go_at};
use crate::kinds;
use crate::kinds::identity::ADOPTED_ID;
use crate::model::KindId;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Input;
use super::draft::{Draft, differences, is_taggable, marks_of};
use super::hazard;
use crate::kind::diff;
use crate::kind::{Desired, Found, Kind, Live, Owner};
use crate::model::{Action, FieldChange};
use crate::model::{Address, Diagnostic};

/// Judges one entry of the file.
pub(super) fn judge<'a>(
    input: &Input<'a>,
    kind: &'static dyn Kind,
    desired: &'a Desired,
    found: &'a Found,
    diagnostics: &mut Vec<Diagnostic>,
) -> Draft<'a> {
    let draft = Draft {
        kind,
        address: desired.address.clone(),
        desired: Some(desired),
        live: None,
        marks: marks_of(input.scope, kind, desired),
        action: Action::NoOp,
        reason: None,
        fields: Vec::new(),
        second_of: None,
        dropped: Vec::new(),
    };
    // An adoption is about the entries that are named, whatever else is in conflict.
    if !input.options.adopt.is_empty() && !input.options.adopt.contains(&desired.address) {
        let live = if let Found::Live(live) = found { Some(&**live) } else { None };
        return Draft { live, ..draft };
    }
    let refused = |reason: String, draft| Draft { action: Action::Refused, reason: Some(reason), ..draft };
    match found {
        Found::Unknown { action, message } => {
            // It was not looked for, as its parent fits several resources: the problem of the parent says so.
            if let Some(parent) = ambiguous_parent(input, desired) {
                return refused(format!("needs `{parent}`, which fits several live resources"), draft);
            }
            diagnostics.push(unreadable(desired, action, message));
            Draft { action: Action::Unknown, reason: Some(format!("{action} failed")), ..draft }
        }
        // No mark tells them apart, so none of them is ours to delete.
        Found::Ambiguous { .. } | Found::Absent if input.options.destroy => draft,
        Found::Ambiguous { ids } => {
            diagnostics.push(ambiguous(desired, ids));
            refused(format!("{} live resources fit", ids.len()), draft)
        }
        Found::Absent if !input.options.adopt.is_empty() => {
            diagnostics.push(nothing_to_adopt(desired));
            draft
        }
        Found::Absent if let Some(missing) = kind.lacks(desired) => {
            diagnostics.push(nothing_to_adopt(desired).help(format!("which needs {missing} then")));
            refused("is not there to be taken over".to_owned(), draft)
        }
        Found::Absent => {
            let mut fields = diff::all_added(kind.fields(), &desired.fields);
            add_grace_time(desired, &mut fields);
            Draft { action: Action::Create, fields, ..draft }
        }
        Found::Live(live) if input.options.destroy => match live.owner {
            Owner::Ours(_) | Owner::Parent if is_deletable(kind) => {
                deletion(input, kind, desired.address.clone(), Some(desired), live, diagnostics)
            }
            // What this stack does not own is not deleted.
            Owner::Ours(_)
            | Owner::Parent
            | Owner::Nobody
            | Owner::Stack(_)
            | Owner::CloudFormation(_)
            | Owner::Aws => draft,
        },
        Found::Live(live) => judge_owner(input, Draft { live: Some(live), ..draft }, desired, live, diagnostics),
    }
}

/// Starts a diagnostic that is about an entry.
fn about(desired: &Desired, code: &'static str, message: String) -> Diagnostic {
    Diagnostic::error(code, message).at(&desired.address).located(desired.location.clone())
}

fn unreadable(desired: &Desired, action: &str, message: &str) -> Diagnostic {
    about(desired, "VSS0801", format!("`{}` could not be read: {message}", desired.address))
        .help(format!("allow `{action}` to the caller, or mend what the message says, and run again"))
}

fn ambiguous(desired: &Desired, ids: &[String]) -> Diagnostic {
    let address = &desired.address;
    let found = about(desired, "VSS0902", format!("`{address}` fits several live resources: {}", ids.join(", ")));
    let found = found.help("AWS lets several of them have one name: delete or rename all but one, then run again");
    match (has_id(desired), ids.first()) {
        (true, Some(id)) => found.help(format!("or take one of them over by its id: `vssctl adopt {address}={id}`")),
        (_, _) => found,
    }
}

fn nothing_to_adopt(desired: &Desired) -> Diagnostic {
    let address = &desired.address;
    let found = about(desired, "VSS0909", format!("there is no live `{address}` to adopt"));
    let by_id = desired.options.get(ADOPTED_ID).and_then(Value::as_str);
    let found = found.help(by_id.map_or_else(
        || format!("nothing has the name `{}`: give the entry the `name` of what is there", desired.name),
        |id| {
            let what = if is_association(desired) { "association of `AWS-ConfigureAWSPackage`" } else { "backup plan" };
            format!("no {what} has the id `{id}`")
        },
    ));
    let found = if is_association(desired) && by_id.is_none() {
        found.help(format!("or take an association over by its id: `vssctl adopt {address}=ID`"))
    } else {
        found
    };
    found.help("or run `vssctl apply`, which makes it")
}

/// Tells whether an entry is an association, which can be named by its id.
fn is_association(desired: &Desired) -> bool {
    desired.address.kind() == KindId::Package && !desired.options.contains_key("run_command")
}

/// Tells whether what an entry takes over can be named by its id: AWS lets several of the kind have one name.
fn has_id(desired: &Desired) -> bool {
    is_association(desired) || desired.address.kind() == KindId::Plan
}

/// Returns the parent that a resource lives in, where several live resources fit the parent.
fn ambiguous_parent<'a>(input: &Input<'a>, desired: &'a Desired) -> Option<&'a Address> {
    desired.references.iter().filter(|address| desired.address.parent_key() == Some(address.key())).find(|address| {
        let live = input.live.iter().find(|(kind, _)| *kind == address.kind());
        live.is_some_and(|(_, live)| matches!(live.found.get(address), Some(Found::Ambiguous { .. })))
    })
}

/// Shows the grace time of a compliance lock that comes with its vault: AWS does not tell it, so it is no difference by
/// itself.
fn add_grace_time(desired: &Desired, fields: &mut Vec<FieldChange>) {
    let Some(after) = desired.options.get("changeable_for") else { return };
    if let Some(last) = fields.iter().rposition(|field| field.path.starts_with("lock.")) {
        let (path, before, after) = ("lock.changeable_for".to_owned(), serde_json::Value::Null, after.clone());
        fields.insert(
            last + 1,
            FieldChange { path, display: crate::model::Display::Value, before, after, replaces: false, cause: None },
        );
    }
}

/// Returns the table of the file that declares a resource: a role's own instance profile stands under the role, a
/// selection under its plan.
pub(super) fn entry_of(input: &Input<'_>, desired: &Desired) -> String {
    let address = &desired.address;
    let holder = input.desired.iter().find(|other| {
        address.kind() == KindId::InstanceProfile
            && other.address.kind() == KindId::Role
            && other.location.is_some()
            && other.location == desired.location
    });
    match (holder, address.parent_key()) {
        (Some(role), _) => role.address.to_string(),
        (None, Some(plan)) => format!("plan.{plan}.{}.{}", address.kind(), address.last()),
        (None, None) => address.to_string(),
    }
}

/// Tells whether a kind has deletions. Region settings exist once and have no owner: they are set, never deleted.
fn is_deletable(kind: &dyn Kind) -> bool {
    kind.id() != KindId::RegionSettings
}

fn judge_owner<'a>(
    input: &Input<'a>,
    draft: Draft<'a>,
    desired: &'a Desired,
    live: &'a Live,
    diagnostics: &mut Vec<Diagnostic>,
) -> Draft<'a> {
    let address = &desired.address;
    let adopting = input.options.adopt.contains(address);
    let holder = holder_of_mark(draft.kind, address);
    let owner = match &live.owner {
        Owner::Ours(_) | Owner::Parent if !input.options.adopt.is_empty() => {
            return Draft { reason: adopting.then(|| "already managed by this stack".to_owned()), ..draft };
        }
        Owner::Ours(_) | Owner::Parent => return compare(input, draft, desired, live, Action::Update, diagnostics),
        Owner::Nobody if adopting && holder.as_ref().is_some_and(|holder| input.options.adopt.contains(holder)) => {
            return Draft { reason: holder.map(|holder| format!("comes with `{holder}`")), ..draft };
        }
        // What a CloudFormation stack made keeps the stack's tags for ever, as nobody can take `aws:` tags off: it is
        // taken over with consent (`shared-resource`).
        Owner::Nobody | Owner::CloudFormation(_) if adopting && holder.is_none() => {
            return adopt(draft, desired, live, diagnostics);
        }
        Owner::Nobody | Owner::CloudFormation(_)
            if input.options.adopt.is_empty() && desired.adopt && holder.is_none() =>
        {
            return compare(input, draft, desired, live, Action::Adopt, diagnostics);
        }
        Owner::Nobody | Owner::CloudFormation(_) if !adopting && !input.options.adopt.is_empty() => return draft,
        Owner::Nobody => None,
        Owner::Stack(stack) => Some(format!("stack `{stack}` of vssctl")),
        Owner::CloudFormation(stack) => Some(format!("CloudFormation stack `{stack}`")),
        Owner::Aws => Some("AWS".to_owned()),
    };
    let can_be_taken = holder.is_none() && matches!(live.owner, Owner::CloudFormation(_));
    let (code, message, hint) = owner.as_ref().map_or_else(
        || unmanaged(input, desired, holder),
        |owner| {
            let message = format!("`{address}` already exists and belongs to {owner}");
            let hint = if can_be_taken {
                format!("once the stack lets it go, `vssctl adopt {address} --allow shared-resource` takes it over")
            } else {
                format!("give `{address}` another `name`, or let its owner release it first")
            };
            ("VSS0903", message, hint)
        },
    );
    diagnostics.push(Diagnostic::error(code, message).at(address).located(desired.location.clone()).help(hint));
    Draft {
        action: Action::Refused,
        reason: Some(owner.map_or("not ours".to_owned(), |owner| format!("belongs to {owner}"))),
        ..draft
    }
}

/// Says that a resource is nobody's, and how it is taken over: by itself, or with the one that carries its mark.
fn unmanaged(input: &Input<'_>, desired: &Desired, holder: Option<Address>) -> (&'static str, String, String) {
    let (address, stack) = (&desired.address, &input.scope.stack);
    let message = format!("`{address}` already exists and is not managed by stack `{stack}`");
    match holder {
        None => {
            let entry = entry_of(input, desired);
            ("VSS0901", message, format!("add `adopt = true` under `[{entry}]`, or run `vssctl adopt {address}`"))
        }
        Some(holder) => (
            "VSS0901",
            format!("{message}: it has no mark of its own and comes with `{holder}`"),
            format!("add `adopt = true` under `[{holder}]`, or run `vssctl adopt {holder}`"),
        ),
    }
}

/// Returns the resource that carries the mark of one that can't carry any: the plan of a selection.
fn holder_of_mark(kind: &dyn Kind, address: &Address) -> Option<Address> {
    let parent = address.parent_key().filter(|_| !is_taggable(kind))?;
    Some(Address::new(KindId::Plan, parent))
}

/// Takes a resource over as it is. One of another name would be made again by the next plan.
fn adopt<'a>(draft: Draft<'a>, desired: &Desired, live: &Live, diagnostics: &mut Vec<Diagnostic>) -> Draft<'a> {
    if live.name.eq_ignore_ascii_case(&desired.name) {
        return Draft { action: Action::Adopt, ..draft };
    }
    let (fixed, diagnostic) = destructive_adoption(desired, &[other_name(&live.name, &desired.name)]);
    diagnostics.push(diagnostic);
    Draft { action: Action::Refused, reason: Some(format!("its `{fixed}` can't be changed")), ..draft }
}

/// Compares an owned resource with its entry; `change` is what happens when something differs.
fn compare<'a>(
    input: &Input<'a>,
    draft: Draft<'a>,
    desired: &Desired,
    live: &Live,
    change: Action,
    diagnostics: &mut Vec<Diagnostic>,
) -> Draft<'a> {
    let kind = draft.kind;
    let mut fields = differences(kind, desired, live, &draft.marks);
    if let Some(conflict) = kind.conflict(desired, live, &fields) {
        let message = format!("`{}` can't be done: {}", desired.address, conflict.message);
        diagnostics.push(about(desired, "VSS0911", message).help(conflict.help));
        return Draft { action: Action::Refused, reason: Some(conflict.message), ..draft };
    }
    let change = if change == Action::Update && !kind.is_made(live) { Action::Create } else { change };
    let renamed = live.name != desired.name;
    // IAM compares names without regard to case and answers with the name that it has, so no second one can be made.
    if renamed && kind.ignores_case_of_names() && live.name.eq_ignore_ascii_case(&desired.name) {
        let entry = entry_of(input, desired);
        let message =
            format!("`{}` is `{}` in AWS, which takes no other case for the same", desired.address, live.name);
        let help = format!("write `name = \"{}\"` under `[{entry}]`", live.name);
        diagnostics.push(about(desired, "VSS0912", message).help(help));
        return Draft { action: Action::Refused, reason: Some(format!("its name is `{}`", live.name)), ..draft };
    }
    if renamed {
        fields.insert(0, other_name(&live.name, &desired.name));
    }
    let action = if fields.iter().any(|field| field.replaces) {
        Action::Replace
    } else if !fields.is_empty() {
        change
    } else if change == Action::Adopt {
        Action::Adopt
    } else {
        Action::NoOp
    };
    // The marks of an adopted resource always differ: adoption writes them, and the plan does not list them.
    if action == Action::Adopt {
        fields.retain(|field| !field.path.contains(crate::model::marks::PREFIX));
    }
    if action == Action::Replace && change == Action::Adopt {
        let (fixed, diagnostic) = destructive_adoption(desired, &fields);
        diagnostics.push(diagnostic);
        let reason = Some(format!("its `{fixed}` can't be changed"));
        return Draft { action: Action::Refused, reason, fields, ..draft };
    }
    if action == Action::Replace {
        let obstacle = if desired.protect { Some(PROTECTED.to_owned()) } else { kind.obstacle(live) };
        let obstacle = obstacle.filter(|_| desired.protect || !renamed || !kind.replaces_create_first());
        if let Some(obstacle) = obstacle {
            diagnostics.push(cannot_go(&draft, "replaced", &obstacle).located(desired.location.clone()));
            return Draft { action: Action::Refused, reason: Some(obstacle), fields, ..draft };
        }
    }
    Draft { action, fields, ..draft }
}

/// The difference of a resource that gets another name, which only another resource can have.
fn other_name(live: &str, desired: &str) -> FieldChange {
    FieldChange {
        path: "name".to_owned(),
        display: crate::model::Display::Value,
        before: live.into(),
        after: desired.into(),
        replaces: true,
        cause: None,
    }
}

/// Refuses an adoption that would replace the resource, and names the field that can't be changed.
fn destructive_adoption(desired: &Desired, fields: &[FieldChange]) -> (String, Diagnostic) {
    let fixed = fields.iter().find(|field| field.replaces);
    let live = fixed.and_then(|field| field.before.as_str()).map(|live| format!(" (`{live}`)")).unwrap_or_default();
    let fixed = fixed.map(|field| field.path.clone()).unwrap_or_default();
    let message = format!("adopting `{}` would delete it: its `{fixed}` can't be changed", desired.address);
    let help = format!(
        "write the live `{fixed}`{live} into the file; after the adoption a change of it is a replacement that the \
         plan shows"
    );
    (fixed, about(desired, "VSS0907", message).help(help))
}

/// Judges a deletion.
pub(super) fn deletion<'a>(
    input: &Input<'a>,
    kind: &'static dyn Kind,
    address: Address,
    desired: Option<&'a Desired>,
    live: &'a Live,
    diagnostics: &mut Vec<Diagnostic>,
) -> Draft<'a> {
    let protected = desired.filter(|desired| desired.protect).map(|_| PROTECTED.to_owned());
    let obstacle = protected.or_else(|| kind.obstacle(live));
    let location = || desired.and_then(|desired| desired.location.clone());
    if let Some(obstacle) = &obstacle {
        diagnostics.push(cannot_go_at(&address, "", "deleted", obstacle).located(location()));
    }
    // Whoever names a resource has looked at it. The hazards of its deletion still ask for consent.
    let named = input.options.targets.contains(&address);
    let needed = if named || obstacle.is_some() { None } else { needed(input, kind, live) };
    if let Some(needed) = &needed {
        diagnostics.push(
            Diagnostic::error("VSS0908", format!("`{address}` is still needed: {needed}"))
                .at(&address)
                .located(location())
                .help(format!("if it should go all the same, name it: `--target {address}`")),
        );
    }
    let obstacle = obstacle.or(needed);
    Draft {
        kind,
        address,
        desired,
        live: Some(live),
        marks: BTreeMap::new(),
        action: if obstacle.is_some() { Action::Refused } else { Action::Delete },
        reason: obstacle,
        fields: Vec::new(),
        second_of: None,
        dropped: Vec::new(),
    }
}

/// Says who still needs a resource that would be deleted: recovery points need their role, and entries need what they
/// name.
fn needed(input: &Input<'_>, kind: &dyn Kind, live: &Live) -> Option<String> {
    if kind.id() == KindId::Role
        && let Some(why) = hazard::still_needs(live, &hazard::ours(input, KindId::Vault))
    {
        return Some(why);
    }
    if input.options.destroy {
        return None;
    }
    let names_it = |desired: &&Desired| kinds::of(desired.address.kind()).names(desired, kind.id(), live);
    input.desired.iter().find(names_it).map(|desired| format!("`{}` names it", desired.address))
}

/// Returns the address of an orphan: the one of its mark, else one made of its name. An address that is taken, as by
/// the resource that took the place of the orphan under a new `name`, gets a number.
pub(super) fn orphan_address(kind: &dyn Kind, live: &Live, taken: &BTreeSet<Address>) -> Address {
    if let Owner::Ours(Some(address)) = &live.owner
        && address.kind() == kind.id()
        && !taken.contains(address)
    {
        return address.clone();
    }
    let named = named_address(kind, live);
    let numbered = |number: usize| Address::new(kind.id(), format!("{}-{number}", named.key()));
    std::iter::once(named.clone())
        .chain((2..taken.len() + 3).map(numbered))
        .find(|address| !taken.contains(address))
        .expect("there are more numbers than taken addresses")
}

fn named_address(kind: &dyn Kind, live: &Live) -> Address {
    let plan = live.refers.iter().find(|(referred, _)| kind.id() == KindId::Selection && *referred == KindId::Plan);
    let safe =
        |name: &str| name.replace(|char: char| !(char.is_ascii_alphanumeric() || char == '_' || char == '-'), "_");
    match plan {
        Some((_, plan)) => Address::new(kind.id(), format!("{}.{}", safe(plan), safe(&live.name))),
        None => Address::new(kind.id(), safe(&live.name)),
    }
}
