//! What instances may do, before a plan and after it: from the profile on an instance to the role in it, and from the
//! role to its policies. Pure.
//!
//! Whatever changes a link of this chain (an attachment another profile, a profile another role, a role or a policy
//! what it allows) changes what the package on the instance can do: `plan::precedence` asks here, and not the kinds one
//! by one.

use crate::kinds::attachment::AttachmentCarried;
use crate::kinds::role::RoleCarried;
use crate::model::{KindId, kind_id};
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::draft::Draft;
use crate::kind::{Desired, Found, KindLive, Live};
use crate::model::Action;
use crate::model::{Address, Scope};
use crate::vss::gate::{Account, Machine, Powers, Role};

/// One resource of the file, before and after its change.
#[derive(Clone, Copy, Debug)]
struct Turn<'a> {
    desired: &'a Desired,
    live: Option<&'a Live>,
    is_replaced: bool,
}

/// What is there, and what a plan makes of it.
#[derive(Debug)]
pub(crate) struct Access<'a> {
    scope: &'a Scope,
    account: &'a Account,
    turns: Vec<Turn<'a>>,
}

/// The name of the profile on an instance, before and after.
pub(crate) type Move = (String, String);

impl<'a> Access<'a> {
    /// Takes every resource of the file as if it became what the file says.
    pub(crate) fn of_file(
        scope: &'a Scope,
        account: &'a Account,
        desired: &'a [Desired],
        live: &'a [(KindId, KindLive)],
    ) -> Self {
        let found: BTreeMap<&Address, &Found> = live.iter().flat_map(|(_, live)| &live.found).collect();
        let turn = |desired: &'a Desired| match found.get(&desired.address)? {
            Found::Live(live) => Some(Turn { desired, live: Some(live), is_replaced: false }),
            Found::Absent => Some(Turn { desired, live: None, is_replaced: false }),
            Found::Unknown { .. } | Found::Ambiguous { .. } => None,
        };
        Self { scope, account, turns: desired.iter().filter_map(turn).collect() }
    }

    /// Takes the resources that a plan changes. Marks and tags change no permissions.
    pub(super) fn of_drafts(scope: &'a Scope, account: &'a Account, drafts: &[Draft<'a>]) -> Self {
        let matters = |draft: &&Draft<'a>| match draft.action {
            Action::Create | Action::Replace => true,
            // A resource that follows the replacement of another one has no differences of its own.
            Action::Update => draft.fields.is_empty() || draft.fields.iter().any(|field| !is_tag(&field.path)),
            Action::Adopt => draft.fields.iter().any(|field| !is_tag(&field.path)),
            Action::NoOp | Action::Delete | Action::Unknown | Action::Refused => false,
        };
        let turn = |draft: &Draft<'a>| {
            let is_replaced = draft.action == Action::Replace;
            Some(Turn { desired: draft.desired?, live: draft.live, is_replaced })
        };
        Self { scope, account, turns: drafts.iter().filter(matters).filter_map(turn).collect() }
    }

    /// Lists the ways in which instances may come from one profile to another, or stay with theirs, whoever they are.
    pub(crate) fn moves(&self) -> BTreeSet<Move> {
        let stay = self.account.profiles.keys().map(|profile| (profile.clone(), profile.clone()));
        let swaps = self.turns_of(KindId::Attachment).flat_map(|turn| {
            let on = turn.live.and_then(|live| live.fields.get("instances")).and_then(Value::as_object);
            let after = last(text(turn.desired, "instance_profile"));
            on.into_iter().flatten().map(move |(_, before)| (last(before.as_str().unwrap_or_default()), after.clone()))
        });
        stay.chain(swaps).collect()
    }

    /// Returns the way of one instance; `None` where it has no profile to lose.
    pub(crate) fn way(&self, machine: &Machine) -> Option<Move> {
        let before = last(machine.profile.as_deref()?);
        let after = self.attachments(machine).map(|turn| last(text(turn.desired, "instance_profile"))).next();
        Some((before.clone(), after.unwrap_or(before)))
    }

    /// Returns what an instance on this way may do: before the plan where `counts` takes none of the resources, after
    /// it where it takes all.
    pub(crate) fn powers(&self, way: &Move, counts: &dyn Fn(&Address) -> bool) -> Powers {
        let (before, after) = way;
        let brings =
            |turn: &Turn<'_>| last(text(turn.desired, "instance_profile")) == *after && counts(&turn.desired.address);
        let moved = before != after && self.turns_of(KindId::Attachment).any(brings);
        let role = self.role(if moved { after } else { before }, counts);
        role.map(|role| self.policies(&role, counts)).unwrap_or_default()
    }

    /// Returns the resources that take from an instance on this way what it has, and that therefore wait with it.
    pub(crate) fn holding(&self, machine: Option<&Machine>, (before, after): &Move) -> BTreeSet<Address> {
        let nothing = |_: &Address| false;
        let role = self.role(before, &nothing);
        let known = role.as_ref().and_then(|role| self.account.roles.get(role));
        let policies: BTreeSet<String> = known
            .into_iter()
            .flat_map(|role| role.managed.iter().chain(&role.boundary))
            .filter_map(|arn| self.own_policy(arn))
            .collect();
        let profile_is_replaced = self.turn(KindId::InstanceProfile, before).is_some_and(|turn| turn.is_replaced);
        let holds = |turn: &&Turn<'_>| {
            let was = turn.live.map(|live| live.name.to_lowercase());
            match turn.desired.address.kind().access() {
                Some(kind_id::Access::Attachment) => {
                    let moves = before != after && last(text(turn.desired, "instance_profile")) == *after;
                    let is_meant = machine.is_none_or(|machine| means(turn, machine));
                    (moves || profile_is_replaced) && is_meant
                }
                Some(kind_id::Access::InstanceProfile) => was.as_ref() == Some(before),
                Some(kind_id::Access::Role) => was.is_some() && was == role,
                Some(kind_id::Access::Policy) => was.is_some_and(|was| policies.contains(&was)),
                None => false,
            }
        };
        self.turns.iter().filter(holds).map(|turn| turn.desired.address.clone()).collect()
    }

    fn turns_of(&self, kind: KindId) -> impl Iterator<Item = &Turn<'a>> {
        self.turns.iter().filter(move |turn| turn.desired.address.kind() == kind)
    }

    /// Returns the resource of the file with this name. AWS compares names without regard to case.
    fn turn(&self, kind: KindId, name: &str) -> Option<&Turn<'a>> {
        self.turns_of(kind).find(|turn| turn.desired.name.to_lowercase() == name)
    }

    fn attachments<'b>(&'b self, machine: &'b Machine) -> impl Iterator<Item = &'b Turn<'a>> {
        self.turns_of(KindId::Attachment).filter(|turn| means(turn, machine))
    }

    /// Returns the role in a profile.
    fn role(&self, profile: &str, counts: &dyn Fn(&Address) -> bool) -> Option<String> {
        let turn = self.turn(KindId::InstanceProfile, profile).filter(|turn| counts(&turn.desired.address));
        let declared = turn.and_then(|turn| turn.desired.fields.get("role")).and_then(Value::as_str);
        let role = declared.map(str::to_lowercase).or_else(|| self.account.profiles.get(profile).cloned());
        role.filter(|role| !role.is_empty())
    }

    fn policies(&self, role: &str, counts: &dyn Fn(&Address) -> bool) -> Powers {
        let turn = self.turn(KindId::Role, role).filter(|turn| counts(&turn.desired.address));
        let known = self.account.roles.get(role).cloned().unwrap_or_default();
        let Role { inline, managed, boundary } = turn.map_or(known, after);
        let document = |arn: &String| Some((arn.clone(), self.document(arn, counts)?));
        let documents = managed.iter().chain(&boundary).filter_map(document).collect();
        let powers = Powers::new(&Value::Object(inline), managed.iter().map(String::as_str), &documents);
        match boundary {
            Some(boundary) => powers.within(&boundary, &documents),
            None => powers,
        }
    }

    /// Returns the document of one of the account's own policies. The name of a policy is unique, whatever its path.
    fn document(&self, arn: &str, counts: &dyn Fn(&Address) -> bool) -> Option<Value> {
        let name = self.own_policy(arn)?;
        let turn = self.turn(KindId::Policy, &name).filter(|turn| counts(&turn.desired.address));
        let declared = turn.and_then(|turn| turn.desired.fields.get("document")).cloned();
        declared.or_else(|| {
            let mut own = self.account.documents.iter();
            own.find(|(own, _)| self.own_policy(own).as_ref() == Some(&name)).map(|(_, document)| document.clone())
        })
    }

    /// Returns the name of one of the account's own policies. The ARNs of AWS's policies have no account id.
    fn own_policy(&self, arn: &str) -> Option<String> {
        arn.contains(&format!(":iam::{}:policy/", self.scope.account_id)).then(|| last(arn))
    }
}

/// Tells whether an entry means an instance, by the instances that were read for it.
fn means(turn: &Turn<'_>, machine: &Machine) -> bool {
    let carried = turn.live.and_then(|live| live.carried.get::<AttachmentCarried>());
    carried.is_some_and(|carried| carried.instances.contains(&machine.id))
}

/// A role once it is as the file says: what the file does not speak of stays, and with `additive` what it
/// does not name.
fn after(turn: &Turn<'_>) -> Role {
    let additive = turn.desired.options.get("policies_mode").is_some_and(|mode| mode == "additive");
    let carried = turn.live.and_then(|live| live.carried.get::<RoleCarried>()).cloned().unwrap_or_default();
    let attached = carried.attached_managed_policies.into_iter();
    let named = turn.desired.fields.get("managed_policies").map(|named| texts(named).map(str::to_owned));
    let managed: BTreeSet<String> = match named {
        Some(named) if additive => attached.chain(named).collect(),
        Some(named) => named.collect(),
        None => attached.collect(),
    };
    let shown = turn.live.and_then(|live| live.fields.get("inline_policies"));
    let mut inline = shown.and_then(Value::as_object).cloned().unwrap_or_default();
    inline.extend(carried.other_inline_policies);
    if let Some(named) = turn.desired.fields.get("inline_policies").and_then(Value::as_object) {
        if !additive {
            inline.clear();
        }
        inline.extend(named.iter().map(|(name, document)| (name.clone(), document.clone())));
    }
    let declared = turn.desired.fields.get("permissions_boundary");
    let boundary = declared.or_else(|| turn.live?.fields.get("permissions_boundary")).and_then(Value::as_str);
    let boundary = boundary.filter(|arn| !arn.is_empty()).map(str::to_owned);
    Role { inline, managed: managed.into_iter().collect(), boundary }
}

fn is_tag(path: &str) -> bool {
    path == "tags" || path.starts_with("tags.")
}

fn text<'a>(desired: &'a Desired, field: &str) -> &'a str {
    desired.fields.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Returns the name in an ARN in the case in which AWS compares it.
fn last(arn: &str) -> String {
    arn.rsplit('/').next().unwrap_or(arn).to_lowercase()
}
