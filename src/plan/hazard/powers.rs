//! What a role may do of what VSS needs, before and after: what its policies allow, what they deny, and what its boundary
//! lets through. Resources and conditions of allowing statements are taken to fit, those of denying ones are evaluated.

use serde_json::{Value, json};

use super::{Thing, texts};
use crate::policy::{Decision, Keys, Policies, Request};
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

/// Lists those of the actions that a change newly denies to a role, or that its boundary newly keeps from it.
pub(super) fn taken<'a>(thing: &Thing<'_>, policy: &str, actions: &[&'a str]) -> Vec<&'a str> {
    let before = Side { thing, is_after: false };
    let after = Side { thing, is_after: true };
    let keeps = |side: &Side<'_>, action: &str| side.denies(action) || side.is_beyond_the_boundary(policy, action);
    actions.iter().copied().filter(|action| keeps(&after, action) && !keeps(&before, action)).collect()
}

/// A role on one side of a change.
struct Side<'a> {
    thing: &'a Thing<'a>,
    is_after: bool,
}

impl Side<'_> {
    fn field(&self, name: &str) -> &Value {
        if self.is_after { self.thing.after(name) } else { self.thing.before(name) }
    }

    fn denies(&self, action: &str) -> bool {
        let carried = |name: &str| self.thing.draft.live.map_or(&Value::Null, |live| &live.carried[name]);
        let inline = [self.field("inline_policies"), carried("OtherInlinePolicies")];
        let mut inline = inline.into_iter().filter_map(Value::as_object).flat_map(|documents| documents.values());
        let managed = [self.field("managed_policies"), carried("OtherManagedPolicies")];
        inline.any(|document| self.is_denied(document, action))
            || managed
                .into_iter()
                .flat_map(texts)
                .filter_map(|arn| self.document(arn))
                .any(|document| self.is_denied(document, action))
    }

    fn is_beyond_the_boundary(&self, policy: &str, action: &str) -> bool {
        let Some(arn) = self.field("permissions_boundary").as_str().filter(|arn| !arn.is_empty()) else { return false };
        if let Some(document) = self.document(arn) {
            return !allows(document, action) || self.is_denied(document, action);
        }
        let (owner, name) = (arn.split(':').nth(4), arn.rsplit('/').next().unwrap_or_default());
        let full = |(known, service): &(&str, &str)| name == *known && action.starts_with(service);
        owner != Some("aws") || name != policy && !FULL.iter().any(full)
    }

    /// The document of one of the account's own policies on this side.
    fn document(&self, arn: &str) -> Option<&Value> {
        let input = self.thing.input;
        let owner = arn.split(':').nth(4)?;
        let name = arn.rsplit('/').next()?;
        if self.is_after && owner == input.scope.account_id {
            let is_it = |name_of: &str| name_of.eq_ignore_ascii_case(name);
            let entry = input.desired.iter().find(|it| it.address.kind() == "policy" && is_it(&it.name));
            if let Some(document) = entry.and_then(|entry| entry.fields.get("document")) {
                return Some(document);
            }
        }
        let package = input.live.iter().find(|(kind, _)| *kind == "package");
        let read = package.and_then(|(_, live)| live.installed.account.documents.get(arn));
        read.or_else(|| {
            let policy =
                self.thing.live("policy").find(|policy| policy.ids.get("Arn").is_some_and(|own| own == arn))?;
            policy.fields.get("document")
        })
    }

    /// Tells whether a document denies an action on one of the things that VSS does it to.
    fn is_denied(&self, document: &Value, action: &str) -> bool {
        let Ok(policies) = Policies::new(std::slice::from_ref(document)) else { return false };
        let scope = self.thing.input.scope;
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
            .with("aws:RequestedRegion", region)
            .with("aws:SecureTransport", "true")
            .with(&format!("aws:RequestTag/{VSS_CONFIG}"), "x");
        resources.into_iter().any(|resource| {
            let request = Request { action: action.to_owned(), resource, keys: keys.clone() };
            policies.decide(&request) == Decision::ExplicitDeny
        })
    }
}
