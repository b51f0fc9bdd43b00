//! What a role may do of what VSS needs, before and after: what its policies allow, what they deny, and what its
//! boundary lets through. Resources and conditions of allowing statements are taken to fit, those of denying ones are
//! evaluated.

use crate::kinds::role::RoleCarried;
use crate::model::KindId;
use serde_json::{Map, Value, json};

use super::subject::{Subject, texts};
use crate::kind::Live;
use crate::policy::{Caller, Decision, Judgement, Keys, Policies, Request};
use crate::vss::evidence::VSS_CONFIG;

/// AWS's own policies that allow all of a service; of its other ones nothing is known here.
const FULL: [(&str, &str); 4] = [
    ("AdministratorAccess", ""),
    ("PowerUserAccess", ""),
    ("AmazonEC2FullAccess", "ec2:"),
    ("AmazonSSMFullAccess", "ssm:"),
];

/// Tells whether a document has a statement that allows an action.
pub(super) fn allows(document: &Value, action: &str) -> bool {
    let allowing = |statement: &&Value| statement["Effect"] == "Allow";
    let statements = match &document["Statement"] {
        Value::Array(statements) => statements.iter().filter(allowing).collect(),
        one => Vec::from_iter(Some(one).filter(allowing)),
    };
    statements.into_iter().any(|statement| {
        let mut statement = statement.clone();
        if let Some(members) = statement.as_object_mut() {
            members.remove("NotResource");
            members.remove("Condition");
            members.insert("Resource".to_owned(), json!("*"));
        }
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
        let request = Request { action: action.to_owned(), resource: "*".to_owned(), keys: Keys::default() };
        Policies::new(&[document]).is_ok_and(|policies| policies.decide(&request) == Decision::Allowed)
    })
}

/// A role before and after a change: of the role itself, or of a policy that it has.
pub(super) struct Sides<'a> {
    before: Side<'a>,
    after: Side<'a>,
}

impl<'a> Sides<'a> {
    /// Compares a role that changes.
    pub(super) fn of(subject: &Subject<'a>) -> Self {
        let live = subject.draft.live;
        let desired = subject.draft.desired.map(|desired| &desired.fields);
        let side = |is_after| Side { subject: *subject, live, desired: desired.filter(|_| is_after), is_after };
        Self { before: side(false), after: side(true) }
    }

    /// Compares a live role whose policy changes.
    pub(super) fn with(subject: &Subject<'a>, role: &'a Live) -> Self {
        let side = |is_after| Side { subject: *subject, live: Some(role), desired: None, is_after };
        Self { before: side(false), after: side(true) }
    }

    /// Says what of a need the role had and loses: the actions that are newly denied, or that the boundary newly keeps
    /// from it, unless all that allowed it goes.
    pub(super) fn lost(&self, need: &Need) -> Lost {
        let managed = |side: &Side<'_>| side.has(need.policy) || side.has("AdministratorAccess");
        let (managed_before, managed_after) = (managed(&self.before), managed(&self.after));
        if !managed_before && !self.before.allows(&need.actions) {
            return Lost::Nothing;
        }
        if !managed_after && !self.after.allows(&need.actions) {
            return Lost::All(if managed_before { need.policy } else { need.actions[0] });
        }
        let keeps = |side: &Side<'_>, action: &str| side.denies(action) || side.is_beyond_the_boundary(need, action);
        let actions = need.actions.iter().chain(&need.also).copied();
        Lost::Some(actions.filter(|action| keeps(&self.after, action) && !keeps(&self.before, action)).collect())
    }
}

/// Tells whether a role is allowed to make backups; `None` where that is not known.
pub(super) fn can_back_up(subject: &Subject<'_>, arn: &str, is_after: bool) -> Option<bool> {
    let name = arn.rsplit('/').next()?;
    let is_it = |live: &&Live| live.ids.get("Arn").is_some_and(|own| own == arn);
    let live = subject.live(KindId::Role).find(is_it);
    let entries = subject.input.desired.iter().filter(|_| is_after);
    let entry = entries.filter(|it| it.address.kind() == KindId::Role).find(|it| it.name.eq_ignore_ascii_case(name));
    if live.is_none() && entry.is_none() {
        return None;
    }
    let side = Side { subject: *subject, live, desired: entry.map(|entry| &entry.fields), is_after };
    if BACKUP.iter().any(|policy| side.has(policy)) || side.allows(&["ssm:SendCommand", "ec2:CreateImage"]) {
        return Some(true);
    }
    side.arns().all(|arn| side.document(arn).is_some() || arn.ends_with(RESTORES)).then_some(false)
}

/// AWS's own policies with which a role makes backups.
const BACKUP: [&str; 4] =
    ["AWSBackupServiceRolePolicyForBackup", "AdministratorAccess", "PowerUserAccess", "AmazonEC2FullAccess"];
/// The one with which it only restores.
const RESTORES: &str = "/AWSBackupServiceRolePolicyForRestores";

/// What VSS needs of the roles that a service assumes.
pub(super) struct Need {
    /// `ec2.amazonaws.com`, ...
    pub(super) service: &'static str,
    /// AWS's own policy for it.
    pub(super) policy: &'static str,
    /// Without all of these nothing of the policy is left.
    pub(super) actions: Vec<&'static str>,
    /// A denial of one of these breaks it too.
    pub(super) also: Vec<&'static str>,
}

/// What a role loses.
pub(super) enum Lost {
    /// Nothing that it had.
    Nothing,
    /// All of it: the policy, or the action, that gave it.
    All(&'static str),
    /// These actions; the list may be empty.
    Some(Vec<&'static str>),
}

/// A role on one side of a change.
struct Side<'a> {
    subject: Subject<'a>,
    live: Option<&'a Live>,
    /// What the file says of the role, where that is to count.
    desired: Option<&'a Map<String, Value>>,
    is_after: bool,
}

impl Side<'_> {
    fn field(&self, name: &str) -> &Value {
        let wanted = self.desired.and_then(|fields| fields.get(name));
        wanted.or_else(|| self.live.and_then(|live| live.fields.get(name))).unwrap_or(&Value::Null)
    }

    /// Its inline policies, and those of the account's own that it has and that are known.
    fn documents(&self) -> impl Iterator<Item = &Value> {
        let inline = self.field("inline_policies").as_object().into_iter().flat_map(Map::values);
        let hidden = self.carried().into_iter().flat_map(|carried| carried.other_inline_policies.values());
        inline.chain(hidden).chain(self.arns().filter_map(|arn| self.document(arn)))
    }

    fn arns(&self) -> impl Iterator<Item = &str> {
        let hidden = self.carried().into_iter().flat_map(|carried| &carried.other_managed_policies);
        texts(self.field("managed_policies")).into_iter().chain(hidden.map(String::as_str))
    }

    fn carried(&self) -> Option<&RoleCarried> {
        self.live?.carried.get()
    }

    fn has(&self, policy: &str) -> bool {
        self.arns().any(|arn| arn.ends_with(&format!("/{policy}")))
    }

    fn allows(&self, actions: &[&str]) -> bool {
        self.documents().any(|document| actions.iter().any(|action| allows(document, action)))
    }

    fn denies(&self, action: &str) -> bool {
        self.documents().any(|document| self.is_denied(document, action))
    }

    fn is_beyond_the_boundary(&self, need: &Need, action: &str) -> bool {
        let Some(arn) = self.field("permissions_boundary").as_str().filter(|arn| !arn.is_empty()) else { return false };
        if let Some(document) = self.document(arn) {
            // What only a denial is known to break may be left out.
            return need.actions.contains(&action) && !allows(document, action) || self.is_denied(document, action);
        }
        let (owner, name) = (arn.split(':').nth(4), arn.rsplit('/').next().unwrap_or_default());
        let full = |(known, service): &(&str, &str)| name == *known && action.starts_with(service);
        need.actions.contains(&action) && (owner != Some("aws") || name != need.policy && !FULL.iter().any(full))
    }

    /// The document of one of the account's own policies on this side.
    fn document(&self, arn: &str) -> Option<&Value> {
        let input = self.subject.input;
        let owner = arn.split(':').nth(4)?;
        let name = arn.rsplit('/').next()?;
        if self.is_after && owner == input.scope.account_id {
            let is_it = |name_of: &str| name_of.eq_ignore_ascii_case(name);
            let entry = input.desired.iter().find(|it| it.address.kind() == KindId::Policy && is_it(&it.name));
            if let Some(document) = entry.and_then(|entry| entry.fields.get("document")) {
                return Some(document);
            }
        }
        input.installed.account.documents.get(arn).or_else(|| {
            let policy =
                self.subject.live(KindId::Policy).find(|policy| policy.ids.get("Arn").is_some_and(|own| own == arn))?;
            policy.fields.get("document")
        })
    }

    /// Tells whether a document denies an action on one of the resources that VSS uses it on.
    fn is_denied(&self, document: &Value, action: &str) -> bool {
        let Ok(policies) = Policies::new(std::slice::from_ref(document)) else { return false };
        let scope = self.subject.input.scope;
        let (partition, region) = (scope.partition(), scope.region.as_str());
        let arn = |account: &str, resource: &str| format!("arn:{partition}:ec2:{region}:{account}:{resource}");
        let id = "i-00000000000000000";
        let instance = arn(&scope.account_id, &format!("instance/{id}"));
        let (snapshot, volume) = (arn("", "snapshot/snap-0"), arn(&scope.account_id, "volume/vol-0"));
        let resources = match action {
            "ec2:CreateSnapshot" => vec![snapshot, volume],
            "ec2:CreateSnapshots" => vec![snapshot, volume, instance.clone()],
            "ec2:CreateImage" => vec![arn("", "image/ami-0"), snapshot, instance.clone()],
            "ec2:CreateTags" => vec![snapshot, arn("", "image/ami-0")],
            _ => vec![instance.clone()],
        };
        let keys = Keys::default()
            .with("ec2:SourceInstanceARN", instance)
            .with("ec2:InstanceId", id)
            .with("ec2:CreateAction", "CreateSnapshots")
            .with(&format!("aws:RequestTag/{VSS_CONFIG}"), "x");
        resources.into_iter().any(|resource| {
            let caller = Caller { partition, region, account_id: &scope.account_id, role_arn: None, now: None };
            let keys = keys.clone().or(&caller.keys(action, &resource));
            let request = Request { action: action.to_owned(), resource, keys };
            policies.judge(&request) == Judgement::Denied(Decision::ExplicitDeny)
        })
    }
}
