//! What entries name outside the file must exist: which of it is looked up, and what is refused without it.
//!
//! What was looked up is in `Input::references`; nothing is read here. What the file has itself is judged at its own
//! entry. Unknown is not missing: a read that failed is a warning.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Input;
use super::draft::Draft;
use crate::kind::Desired;
use crate::kind::reference::{Reference, Sort};
use crate::kinds;
use crate::model::arn::looks_like_arn;
use crate::model::{Action, Diagnostic, FieldChange, KindId, Scope};
use crate::policy::trust;

/// What looking for an object gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is there.
    Exists,
    /// It is there: a role with this trust policy.
    Role(Value),
    /// A complete answer says that it is not there.
    Missing {
        /// What is there and has almost its name, as the field would have it.
        nearest: Option<String>,
    },
    /// It could not be read.
    Unread {
        /// The IAM action to allow.
        action: String,
        /// What AWS or the wire said.
        message: String,
    },
}

/// What was found, by sort and ARN or name.
pub type Standings = BTreeMap<(Sort, String), Standing>;

/// The entries of a file by what names them: kind and name, in lower case where the kind knows no other.
#[derive(Debug)]
pub struct Entries<'a>(BTreeMap<(KindId, String), &'a Desired>);

impl<'a> Entries<'a> {
    /// Sorts the entries of a file.
    pub fn new(all: &'a [Desired]) -> Self {
        let mut entries = BTreeMap::new();
        for entry in all {
            entries.entry(Self::key(entry.address.kind(), &entry.name)).or_insert(entry);
        }
        Self(entries)
    }

    fn key(kind: KindId, name: &str) -> (KindId, String) {
        let ignores_case = kinds::of(kind).ignores_case_of_names();
        (kind, if ignores_case { name.to_ascii_lowercase() } else { name.to_owned() })
    }

    /// Finds the entry of the file that has that name. IAM has each name once, whatever its path.
    fn named(&self, reference: &Reference) -> Option<&'a Desired> {
        self.0.get(&Self::key(reference.sort.kind()?, reference.name())).copied()
    }
}

/// Returns what an entry names outside the file and in reach of the reads of this run, as far as its changes bring it:
/// all of it where the resource is made, else what stands in a field that changes.
pub fn named_outside(
    scope: &Scope,
    all: &Entries<'_>,
    entry: &Desired,
    action: Action,
    changes: &[FieldChange],
) -> Vec<Reference> {
    let is_brought = |reference: &Reference| match action {
        Action::Create | Action::Replace => true,
        Action::Update | Action::Adopt => changes.iter().any(|change| reference.is_at(&change.path)),
        Action::NoOp | Action::Delete | Action::Unknown | Action::Refused => false,
    };
    let references = kinds::of(entry.address.kind()).references(entry).into_iter();
    // Names without an ARN are of the account and region themselves.
    let is_in_reach = |reference: &Reference| {
        !looks_like_arn(&reference.id)
            || scope.has(&reference.id)
            || reference.sort == Sort::Vault && region_of(scope, &reference.id).is_some()
    };
    references.filter(|one| is_brought(one) && is_in_reach(one) && !is_in_file(scope, all, one)).collect()
}

/// Returns the region of a vault of the account, where a name says none the stack's; `None` for what another account or
/// partition has.
pub fn region_of<'a>(scope: &'a Scope, vault: &'a str) -> Option<&'a str> {
    if !looks_like_arn(vault) {
        return Some(&scope.region);
    }
    let parts: Vec<&str> = vault.splitn(6, ':').collect();
    let ["arn", partition, "backup", region, account, _] = parts.as_slice() else { return None };
    let is_own = *partition == scope.partition() && *account == scope.account_id;
    Some(*region).filter(|region| is_own && !region.is_empty() && !region.contains('*'))
}

/// Returns the ARN that the file gives to an entry of IAM.
fn declared_arn(scope: &Scope, entry: &Desired) -> Option<String> {
    let resource = kinds::of(entry.address.kind()).iam_resource()?;
    let path = entry.fields.get("path").and_then(serde_json::Value::as_str).unwrap_or(&scope.iam_path);
    Some(scope.iam_arn(resource, path, &entry.name))
}

/// Tells whether the file makes what is named. An ARN of IAM has the path in it, and says another one in vain.
fn is_in_file(scope: &Scope, all: &Entries<'_>, reference: &Reference) -> bool {
    // A vault of another region has the same name as one of the file, and is another one.
    let is_elsewhere = reference.sort == Sort::Vault && region_of(scope, &reference.id) != Some(&scope.region);
    !is_elsewhere
        && all.named(reference).is_some_and(|entry| {
            !looks_like_arn(&reference.id) || declared_arn(scope, entry).is_none_or(|arn| arn == reference.id)
        })
}

/// Refuses the entries that name what is not there, and says what could not be read.
pub(super) fn refuse(input: &Input<'_>, drafts: &mut [Draft<'_>], diagnostics: &mut Vec<Diagnostic>) {
    let all = Entries::new(input.desired);
    for draft in drafts {
        let Some(desired) = draft.desired.filter(|_| draft.second_of.is_none()) else { continue };
        let named = named_outside(input.scope, &all, desired, draft.action, &draft.fields);
        let mut unread: BTreeMap<&str, (BTreeSet<&str>, &str)> = BTreeMap::new();
        let (mut missing, mut strangers) = (Vec::new(), Vec::new());
        for reference in &named {
            match input.references.get(&(reference.sort, reference.id.clone())) {
                Some(Standing::Missing { nearest }) => missing.push((reference, nearest.as_deref())),
                Some(Standing::Unread { action, message }) => {
                    let (fields, _) = unread.entry(action).or_insert_with(|| (BTreeSet::new(), message));
                    fields.insert(&reference.field);
                }
                Some(Standing::Role(trust)) => strangers.extend(unmet(input.scope, desired, reference, trust)),
                Some(Standing::Exists) | None => {}
            }
        }
        diagnostics.extend(
            unread.into_iter().map(|(action, (fields, message))| unreadable(desired, action, &fields, message)),
        );
        diagnostics.extend(missing.iter().map(|(reference, nearest)| {
            let own = all.named(reference).and_then(|entry| declared_arn(input.scope, entry));
            absent(desired, reference, own.as_deref().or(*nearest))
        }));
        if let Some((first, _)) = missing.first() {
            draft.refuse(Action::Refused, format!("names `{}`, which does not exist", first.id));
        } else if !strangers.is_empty() {
            draft.refuse(Action::Refused, "names a role that its service can't assume".to_owned());
        }
        diagnostics.extend(strangers);
    }
}

/// Says why the service that gets a role can't assume it. A condition that it may meet is left to AWS.
fn unmet(scope: &Scope, desired: &Desired, reference: &Reference, trust: &Value) -> Option<Diagnostic> {
    let passed = kinds::of(desired.address.kind()).passed_roles(desired);
    let service = passed.iter().find(|role| role.arn == reference.id)?.service;
    let principal = format!("{service}.amazonaws.com");
    let judged = trust::judge(trust, &principal, Some(&scope.account_id));
    let problem = judged.problem(&principal)?;
    let (address, id) = (&desired.address, &reference.id);
    let message =
        format!("`{address}` names a role that `{principal}` can't assume: the trust policy of `{id}` {problem}");
    let help = judged.remedy().map_or_else(
        || format!("let `{principal}` assume it in its trust policy"),
        |remedy| format!("in its trust policy, {remedy}"),
    );
    Some(
        Diagnostic::error("VSS0920", message)
            .at(address)
            .located(desired.location.clone())
            .help(help)
            .help("or name a role of this file: `preset = \"backup-service\"` makes one for AWS Backup"),
    )
}

fn absent(desired: &Desired, reference: &Reference, nearest: Option<&str>) -> Diagnostic {
    let (address, field, id) = (&desired.address, &reference.field, &reference.id);
    let diagnostic =
        Diagnostic::error("VSS0915", format!("`{address}` names what does not exist: its `{field}` is `{id}`"))
            .at(address)
            .located(desired.location.clone());
    match nearest {
        Some(nearest) => diagnostic.help(format!("did you mean `{nearest}`?")),
        None if reference.sort == Sort::Key => diagnostic.help("correct the ARN, or make the key first"),
        None => diagnostic.help("correct it, make it first, or describe it in this file"),
    }
}

fn unreadable(desired: &Desired, action: &str, fields: &BTreeSet<&str>, message: &str) -> Diagnostic {
    let address = &desired.address;
    let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
    let message =
        format!("whether what `{address}` names in {} exists could not be read: {message}", fields.join(", "));
    Diagnostic::warning("VSS0803", message)
        .at(address)
        .located(desired.location.clone())
        .help(format!("allow `{action}` to the caller; without it, AWS refuses the change if it does not exist"))
}
