//! The roles and policies of the account before a plan and after it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::config::preset_of;
use crate::kind::{Desired, Found, Live, Owner};
use crate::kinds::role::RoleCarried;
use crate::model::{Action, Address, KindId};
use crate::plan::draft::{Draft, Input};
use crate::policy;

/// Before the plan, or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
}

/// A document, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Document<'a> {
    Known(&'a Value),
    Unknown,
}

impl<'a> Document<'a> {
    fn of(document: Option<&'a Value>) -> Self {
        // What is no policy is kept as a text.
        document.filter(|document| document.is_object()).map_or(Self::Unknown, Self::Known)
    }
}

/// Where a document of a role comes from: the name of an inline policy, or the ARN of a managed one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Inline(String),
    Managed(String),
}

/// What a role has on one side.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Powers<'a> {
    pub(super) policies: BTreeMap<Source, Document<'a>>,
    pub(super) boundary: Option<(String, Document<'a>)>,
}

/// A policy of the stack's, before and after.
struct Policy<'a> {
    address: Address,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
}

/// A role before and after: of the file, an orphan, or somebody else's that has a policy of the stack's.
pub(super) struct Role<'a> {
    pub(super) draft: Option<&'a Draft<'a>>,
    pub(super) name: String,
    pub(super) before: Option<Powers<'a>>,
    pub(super) after: Option<Powers<'a>>,
    /// The policies of the stack whose documents change and that it has, or that bound it.
    pub(super) changed: BTreeMap<String, Address>,
}

impl Role<'_> {
    /// Names it for people.
    pub(super) fn title(&self) -> String {
        self.draft.map_or_else(|| format!("the role `{}`", self.name), |draft| draft.address.to_string())
    }
}

/// The account, before and after.
pub(super) struct World<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) drafts: &'a [Draft<'a>],
    policies: BTreeMap<String, Policy<'a>>,
}

impl<'a> World<'a> {
    pub(super) fn of(input: &'a Input<'a>, drafts: &'a [Draft<'a>]) -> Self {
        let of_kind = drafts.iter().filter(|draft| draft.address.kind() == KindId::Policy);
        let policy = |draft: &'a Draft<'a>| {
            let before = draft.live.and_then(|live| live.fields.get("document"));
            let after = if acts(draft) { wanted(draft, "document") } else { before };
            let after = after.filter(|_| draft.action != Action::Delete);
            (draft.name().to_lowercase(), Policy { address: draft.address.clone(), before, after })
        };
        Self { input, drafts, policies: of_kind.map(policy).collect() }
    }

    /// Finds the document of a managed policy on one side.
    pub(super) fn document(&self, arn: &str, side: Side) -> Document<'a> {
        if let Some(document) = policy::managed::document(arn) {
            return Document::Known(document);
        }
        if !arn.contains(&format!(":iam::{}:policy/", self.input.scope.account_id)) {
            return Document::Unknown;
        }
        if let Some(policy) = self.policies.get(&last(arn)) {
            return Document::of(match side {
                Side::Before => policy.before,
                Side::After => policy.after,
            });
        }
        Document::of(self.input.installed.account.documents.get(arn).or_else(|| {
            let read = self.input.live.iter().filter(|(kind, _)| *kind == KindId::Policy);
            let found = read.flat_map(|(_, live)| {
                let found = live.found.values().filter_map(|found| match found {
                    Found::Live(live) => Some(&**live),
                    Found::Absent | Found::Unknown { .. } | Found::Ambiguous { .. } => None,
                });
                found.chain(&live.orphans)
            });
            found.into_iter().find(|live| live.ids.get("Arn").is_some_and(|own| own == arn))?.fields.get("document")
        }))
    }

    /// Lists the stack's policies whose documents change.
    pub(super) fn policies(&self) -> impl Iterator<Item = (&Address, &'a Value, &'a Value)> {
        let changed = self.policies.values().filter(|policy| policy.before != policy.after);
        changed.filter_map(|policy| Some((&policy.address, policy.before?, policy.after?)))
    }

    /// Returns the address of the stack's policy whose document changes, by its ARN.
    fn changed(&self, arn: &str) -> Option<&Address> {
        let policy = self.policies.get(&last(arn)).filter(|policy| policy.before != policy.after)?;
        arn.contains(&format!(":iam::{}:policy/", self.input.scope.account_id)).then_some(&policy.address)
    }

    /// Lists the roles of the file in the order of the plan, and then the others that have policies of the stack's.
    pub(super) fn roles(&self) -> Vec<Role<'a>> {
        let of_kind = |draft: &&Draft<'_>| draft.address.kind() == KindId::Role && draft.second_of.is_none();
        let drafted = self.drafts.iter().filter(of_kind);
        let mut all: Vec<Role<'a>> = drafted.map(|draft| self.of_draft(draft)).collect();
        let known: BTreeSet<String> = all.iter().map(|role| role.name.to_lowercase()).collect();
        for (name, role) in &self.input.installed.account.roles {
            if known.contains(name) || !role.managed.iter().chain(&role.boundary).any(|arn| self.changed(arn).is_some())
            {
                continue;
            }
            let powers = |side| {
                let inline = role.inline.iter().map(|(name, document)| (name.as_str(), document));
                self.powers(inline, role.managed.iter().map(String::as_str), role.boundary.as_deref(), side)
            };
            let (before, after) = (powers(Side::Before), powers(Side::After));
            all.push(self.role(None, self.spelled(name), Some(before), Some(after)));
        }
        all
    }

    /// Finds a role by its name in lower case: what it is on one side, and how it is called.
    pub(super) fn role_named(&self, name: &str, side: Side) -> Option<(String, Powers<'a>)> {
        let is_it = |draft: &&Draft<'_>| {
            draft.address.kind() == KindId::Role && draft.second_of.is_none() && draft.name().to_lowercase() == name
        };
        if let Some(draft) = self.drafts.iter().find(is_it) {
            let role = self.of_draft(draft);
            let title = role.title();
            return match side {
                Side::Before => role.before,
                Side::After => role.after,
            }
            .map(|powers| (title, powers));
        }
        let role = self.input.installed.account.roles.get(name)?;
        let inline = role.inline.iter().map(|(name, document)| (name.as_str(), document));
        let managed = role.managed.iter().map(String::as_str);
        let powers = self.powers(inline, managed, role.boundary.as_deref(), side);
        Some((format!("the role `{}`", self.spelled(name)), powers))
    }

    /// A role's name as AWS has it, where a policy of the stack names its holders.
    fn spelled(&self, name: &str) -> String {
        let holders = self.drafts.iter().filter_map(|draft| Some(draft.kind.holders(draft.live?, self.input.live)));
        let named = holders.flatten().map(|holder| holder.name).find(|held| held.to_lowercase() == name);
        named.unwrap_or_else(|| name.to_owned())
    }

    fn role(
        &self,
        draft: Option<&'a Draft<'a>>,
        name: String,
        before: Option<Powers<'a>>,
        after: Option<Powers<'a>>,
    ) -> Role<'a> {
        let mut changed = BTreeMap::new();
        for powers in before.iter().chain(&after) {
            let arns = powers.policies.keys().filter_map(|source| match source {
                Source::Managed(arn) => Some(arn),
                Source::Inline(_) => None,
            });
            for arn in arns.chain(powers.boundary.iter().map(|(arn, _)| arn)) {
                changed.extend(self.changed(arn).map(|address| (arn.clone(), address.clone())));
            }
        }
        Role { draft, name, before, after, changed }
    }

    fn of_draft(&self, draft: &'a Draft<'a>) -> Role<'a> {
        let powers = |side: Side| {
            let counts = side == Side::After && acts(draft);
            let field = |name: &str| {
                let live = draft.live.and_then(|live| live.fields.get(name));
                if counts { wanted(draft, name) } else { live }
            };
            let carried = draft.live.and_then(|live| live.carried.get::<RoleCarried>());
            let inline = field("inline_policies").and_then(Value::as_object).into_iter().flat_map(Map::iter);
            let inline = inline.map(|(name, document)| (name.as_str(), document));
            let hidden = carried.into_iter().flat_map(|carried| &carried.other_inline_policies);
            let hidden = hidden.map(|(name, document)| (name.as_str(), document));
            let managed = field("managed_policies").and_then(Value::as_array).into_iter().flatten();
            let managed = managed.filter_map(Value::as_str);
            let others = carried.into_iter().flat_map(|carried| &carried.other_managed_policies);
            let boundary = field("permissions_boundary").and_then(Value::as_str).filter(|arn| !arn.is_empty());
            self.powers(hidden.chain(inline), managed.chain(others.map(String::as_str)), boundary, side)
        };
        let before = draft.live.map(|_| powers(Side::Before));
        let is_there = match draft.action {
            Action::Delete => false,
            Action::Create | Action::Replace | Action::Update | Action::Adopt => true,
            Action::NoOp | Action::Unknown | Action::Refused => draft.live.is_some(),
        };
        let after = is_there.then(|| powers(Side::After));
        self.role(Some(draft), draft.name().to_owned(), before, after)
    }

    fn powers<'b>(
        &self,
        inline: impl Iterator<Item = (&'b str, &'a Value)>,
        managed: impl Iterator<Item = &'b str>,
        boundary: Option<&str>,
        side: Side,
    ) -> Powers<'a> {
        let inline = inline.map(|(name, document)| (Source::Inline(name.to_owned()), Document::of(Some(document))));
        let managed = managed.map(|arn| (Source::Managed(arn.to_owned()), self.document(arn, side)));
        Powers {
            policies: inline.chain(managed).collect(),
            boundary: boundary.map(|arn| (arn.to_owned(), self.document(arn, side))),
        }
    }
}

/// Tells whether a draft makes the resource what the file says.
pub(super) fn acts(draft: &Draft<'_>) -> bool {
    match draft.action {
        Action::Create | Action::Replace | Action::Update => true,
        // Adoption alone writes marks.
        Action::Adopt => !draft.fields.is_empty(),
        Action::Delete | Action::NoOp | Action::Unknown | Action::Refused => false,
    }
}

/// Returns what a field will be: what the file says, else what is live.
pub(super) fn wanted<'a>(draft: &Draft<'a>, field: &str) -> Option<&'a Value> {
    let live = || draft.live.and_then(|live: &'a Live| live.fields.get(field));
    draft.desired.and_then(|desired: &'a Desired| desired.fields.get(field)).or_else(live)
}

/// Returns the sources that a preset attaches to a role that carries this stack's mark; none for another role.
pub(super) fn preset_sources(input: &Input<'_>, draft: &Draft<'_>) -> Option<BTreeSet<Source>> {
    let is_marked = draft.live.is_some_and(|live| matches!(live.owner, Owner::Ours(_)));
    if !is_marked || draft.action == Action::Adopt {
        return None;
    }
    let preset = preset_of(&draft.desired?.fields, input.scope)?;
    let inline = preset.inline.into_iter().map(Source::Inline);
    Some(preset.managed.into_iter().map(Source::Managed).chain(inline).collect())
}

/// Returns the name in an ARN in the case in which AWS compares it.
pub(super) fn last(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or(arn).to_lowercase()
}
