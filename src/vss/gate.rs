//! The version gate: may `AWSEC2VssSnapshotPolicy` take the place of an older policy, and does an installation still
//! have something to do? Pure functions of what was read about instances.
//!
//! The managed policy allows snapshots only with the tag `AwsVssConfig`, which AwsVssComponents sets from 2.3.1 on.
//! Where an older package works under a policy of the customer's own, the package is updated first, then the managed
//! policy is attached, and then the old policy is taken away. AWS pages: "AWS VSS solution version history", "Use an
//! IAM managed policy to grant permissions for VSS based snapshots".
//!
//! What is known of a package is in [`super::package`]. A package of which nothing is known counts as unknown, never as
//! older.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::evidence::VSS_CONFIG;
use super::package::{Installed, PackageEvidence};
use super::targets;
use super::version::{System, compare};
use crate::aws::AwsError;
use crate::kind::Fields;
use crate::model::service_role::SNAPSHOTS;
use crate::model::{Address, Scope};
use crate::policy::{Caller, Judgement, Keys, Policies, Request};

/// The managed policy that requires the package's tag.
pub const POLICY: &str = "AWSEC2VssSnapshotPolicy";

/// An instance, as far as the package on it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// `i-...`.
    pub id: String,
    /// Its tag `Name`.
    pub name: String,
    /// It runs Windows.
    pub windows: bool,
    /// It is running.
    pub running: bool,
    /// Systems Manager knows its agent, and says that it does not answer: a command would not reach it.
    pub offline: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The name of the instance profile on it.
    pub profile: Option<String>,
    /// What is known of its package.
    pub package: Option<PackageEvidence>,
    /// The operating system, where it is known.
    pub system: Option<System>,
}

/// What was read about instances.
#[derive(Clone, Debug, Default)]
pub enum Machines {
    /// They were not read, because nothing in the file needs them.
    #[default]
    NotRead,
    /// They could not be read.
    Unread(Box<AwsError>),
    /// All of them, terminated ones not included.
    Read(Vec<Machine>),
}

/// A role, as far as its permissions matter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Role {
    /// Its inline policies by name.
    pub inline: Map<String, Value>,
    /// The ARNs of its managed policies.
    pub managed: Vec<String>,
    /// The ARN of its permissions boundary.
    pub boundary: Option<String>,
}

/// What the account's roles and instance profiles are before a plan. Names are in lower case, because IAM ignores case.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The roles by name.
    pub roles: BTreeMap<String, Role>,
    /// The role in each instance profile, by the profile's name.
    pub profiles: BTreeMap<String, String>,
    /// The documents of the account's own managed policies, by ARN.
    pub documents: BTreeMap<String, Value>,
}

/// What the gate decides on.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The account's roles.
    pub account: Account,
    /// Why they could not be read.
    pub account_unread: Option<Box<AwsError>>,
    /// The instances.
    pub machines: Machines,
    /// The instances as far as only their systems matter: a package changes, or what a role allows. `None` where they
    /// were not read, or could not be.
    pub fleet: Option<Vec<Machine>>,
    /// Why the instances of the fleet or their systems could not be read.
    pub fleet_unread: Option<Box<AwsError>>,
    /// The errors of reading the packages' versions, which may be why a version is unknown.
    pub unread: Vec<AwsError>,
    /// The number of the next command that goes to some instances ahead of the others, by package.
    pub attempts: BTreeMap<Address, u32>,
    /// Packages for which an earlier run may have sent that command, with the seconds until this shows.
    pub unsettled: BTreeMap<Address, u64>,
}

impl Evidence {
    /// Returns the instances; none where they were not read.
    pub fn machines(&self) -> &[Machine] {
        match &self.machines {
            Machines::Read(machines) => machines,
            Machines::NotRead | Machines::Unread(_) => &[],
        }
    }

    /// Returns the instances of the fleet; none where they were not read.
    pub fn fleet(&self) -> &[Machine] {
        self.fleet.as_deref().unwrap_or_default()
    }
}

/// How the package of an instance compares with what an entry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is as asked for.
    Right,
    /// It is known to be another version, such as `2.2.1`.
    Wrong(String),
    /// It is known not to be there.
    Gone,
    /// It is not known.
    Unknown,
}

/// What an entry asks of the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// This version or a later one.
    From(&'a str),
    /// Exactly this one.
    Pinned(&'a str),
}

impl<'a> Wanted<'a> {
    /// Returns the version that is installed; `None` is the newest one.
    pub fn pin(self) -> Option<&'a str> {
        match self {
            Self::Pinned(version) => Some(version),
            Self::From(_) => None,
        }
    }
}

impl Machine {
    /// Returns the name with the id, as texts show it.
    pub fn title(&self) -> String {
        if self.name.is_empty() { self.id.clone() } else { format!("{} ({})", self.name, self.id) }
    }

    /// Returns the version that alone works on its system, where there is such a one.
    pub fn only(&self) -> Option<&'static str> {
        self.system.as_ref().and_then(System::only)
    }

    /// Tells whether a pinned version works on its system, or the newest one where nothing is pinned. A system that is
    /// not known takes any.
    pub fn takes(&self, pin: Option<&str>) -> bool {
        self.only().is_none_or(|only| pin.is_some_and(|pin| compare(pin, only).is_eq()))
    }

    /// Tells whether one version alone works on its system and that one may be there: it has VSS to lose.
    pub fn may_have_its_only_version(&self) -> bool {
        let may_be = |only: &str| self.package.as_ref().is_none_or(|package| package.installed.may_be(only));
        self.windows && self.only().is_some_and(may_be)
    }

    /// Names machines by what [`System::rule`] says of them.
    pub fn by_rule(machines: &[&Self]) -> BTreeMap<String, String> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for machine in machines {
            let rule = machine.system.as_ref().and_then(System::rule);
            found.entry(rule.unwrap_or_default()).or_default().push(machine.title());
        }
        found.into_iter().map(|(rule, titles)| (rule, titles.join(", "))).collect()
    }

    /// Compares its package with what an entry asks for.
    pub fn standing(&self, wanted: Wanted<'_>) -> Standing {
        let Some(PackageEvidence { installed, .. }) = &self.package else { return Standing::Unknown };
        match (installed, wanted) {
            (Installed::Gone, _) => Standing::Gone,
            (Installed::Version(version), Wanted::From(floor)) if !version.is_before(floor) => Standing::Right,
            (Installed::Version(version), Wanted::Pinned(pinned)) if compare(version.as_str(), pinned).is_eq() => {
                Standing::Right
            }
            (Installed::Version(version), _) => Standing::Wrong(version.to_string()),
            (Installed::Newest, Wanted::From(_)) => Standing::Right,
            (Installed::AtLeast(least), Wanted::From(floor)) if !least.is_before(floor) => Standing::Right,
            (Installed::AtLeast(least), Wanted::Pinned(pinned)) if compare(pinned, least.as_str()).is_lt() => {
                Standing::Wrong(format!("{least} or later"))
            }
            (Installed::Before(end), Wanted::From(version) | Wanted::Pinned(version))
                if compare(version, end.as_str()).is_ge() =>
            {
                Standing::Wrong(format!("before {end}"))
            }
            (Installed::Newest | Installed::AtLeast(_) | Installed::Before(_) | Installed::Present, _) => {
                Standing::Unknown
            }
        }
    }

    /// Tells whether SSM targets select it: every key must fit, with one of its values. The members of a resource group
    /// are not known here, so a group selects none.
    pub fn is_meant(&self, targets: &Value) -> bool {
        targets::mean(targets, &self.id, &self.tags)
    }
}

/// What a package's entry asks of the version on an instance; nothing where any version will do.
pub fn wanted<'a>(fields: &'a Fields, options: &'a Fields) -> Option<Wanted<'a>> {
    let text = |map: &'a Fields, name: &str| map.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text(fields, "version").map(Wanted::Pinned).or_else(|| text(options, "minimum_version").map(Wanted::From))
}

/// The policies of a role, before or after a change.
#[derive(Clone, Debug, Default)]
pub struct Powers {
    documents: Vec<Value>,
    managed: Vec<String>,
    boundary: Option<Box<Powers>>,
    /// Whether what is not known counts as allowed.
    at_best: bool,
}

impl Powers {
    /// Gathers them: documents of its own, and ARNs of managed policies with the documents of the account's own ones.
    pub fn new<'a>(
        inline: &Value,
        managed: impl IntoIterator<Item = &'a str>,
        documents: &BTreeMap<String, Value>,
    ) -> Self {
        let managed: Vec<String> = managed.into_iter().map(str::to_owned).collect();
        let own = inline.as_object().into_iter().flatten().map(|(_, document)| document.clone());
        let attached = managed.iter().filter_map(|arn| documents.get(arn).cloned().or_else(|| of_aws(arn)));
        Self { documents: own.chain(attached).collect(), managed, boundary: None, at_best: false }
    }

    /// Limits them to what a permissions boundary allows as well. A policy of AWS's whose document is not known limits
    /// nothing.
    #[must_use]
    pub fn within(mut self, boundary: &str, documents: &BTreeMap<String, Value>) -> Self {
        let limits = Self::new(&Value::Null, [boundary], documents);
        if !limits.documents.is_empty() || limits.have_managed_policy() {
            self.boundary = Some(Box::new(limits));
        }
        self
    }

    /// Tells whether packages before 2.3.1 can take snapshots: without the tag that later ones set.
    pub fn serve_older(&self, scope: &Scope) -> bool {
        self.documents_serve(scope, &Keys::default())
            && self.boundary.as_ref().is_none_or(|boundary| boundary.serve_older(scope))
    }

    /// Tells whether packages before 2.3.1 may take snapshots: conditions that are not about the package's tag count as
    /// met.
    pub fn may_serve_older(&self, scope: &Scope) -> bool {
        self.at_best().serve_older(scope)
    }

    /// Tells whether packages from 2.3.1 on can take snapshots: with the tag, which is all that the managed policy and
    /// its smaller forms allow.
    pub fn serve_newer(&self, scope: &Scope) -> bool {
        let tag = format!("aws:RequestTag/{VSS_CONFIG}");
        self.have_managed_policy()
            || self.serve_older(scope)
            || self.documents_serve(scope, &Keys::default().with(&tag, "x"))
    }

    /// Returns what they allow. Conditions that are not about the package's tag, such as one on a tag of the instance,
    /// count as met, because it is not known here whether they are.
    fn at_best(&self) -> Self {
        Self {
            documents: self.documents.iter().cloned().map(unconditional).collect(),
            managed: self.managed.clone(),
            boundary: self.boundary.as_ref().map(|boundary| Box::new(boundary.at_best())),
            at_best: true,
        }
    }

    /// Tells whether the managed policy is among them.
    pub fn have_managed_policy(&self) -> bool {
        self.managed.iter().any(|arn| arn.ends_with(&format!(":policy/{POLICY}")))
    }

    fn documents_serve(&self, scope: &Scope, keys: &Keys) -> bool {
        // A document that can't be evaluated counts as one that is not there.
        let readable: Vec<Value> =
            self.documents.iter().filter(|one| Policies::new(std::slice::from_ref(*one)).is_ok()).cloned().collect();
        let Ok(policies) = Policies::new(&readable) else { return false };
        let (partition, region) = (scope.partition(), scope.region.as_str());
        let arn = |account: &str, resource: &str| format!("arn:{partition}:ec2:{region}:{account}:{resource}");
        let id = "i-00000000000000000";
        let instance = arn(&scope.account_id, &format!("instance/{id}"));
        let keys = keys.clone().with("ec2:SourceInstanceARN", instance.as_str()).with("ec2:InstanceId", id);
        let caller = Caller { partition, region, account_id: &scope.account_id, role_arn: None, now: None };
        let allows = |action: &str, resources: &[String]| {
            resources.iter().all(|resource| {
                let keys = keys.clone().or(&caller.keys(action, resource));
                let request = Request { action: action.to_owned(), resource: resource.clone(), keys };
                match policies.judge(&request) {
                    Judgement::Allowed => true,
                    Judgement::Unknown(_) => self.at_best,
                    Judgement::Denied(_) => false,
                }
            })
        };
        let (snapshot, volume) = (arn("", "snapshot/snap-0"), arn(&scope.account_id, "volume/vol-0"));
        let image = arn("", "image/ami-0");
        let [an_image, a_set, one_by_one] = SNAPSHOTS;
        allows(one_by_one, &[snapshot.clone(), volume.clone()])
            || allows(a_set, &[snapshot.clone(), volume, instance.clone()])
            || allows(an_image, &[image, snapshot, instance])
    }
}

/// Returns what AWS's own policies that allow everything in EC2 say about EC2.
fn of_aws(arn: &str) -> Option<Value> {
    let all = ["AdministratorAccess", "PowerUserAccess", "AmazonEC2FullAccess"];
    let is_one = all.iter().any(|name| arn.ends_with(&format!(":policy/{name}")));
    let statement = || json!({ "Effect": "Allow", "Action": "ec2:*", "Resource": "*" });
    is_one.then(|| json!({ "Version": "2012-10-17", "Statement": [statement()] }))
}

/// Tells whether a change takes away what older packages need: as far as it is known that they have it, or as far as
/// they may.
pub fn takes_older(before: &Powers, after: &Powers, scope: &Scope) -> bool {
    let goes = |before: &Powers, after: &Powers| before.serve_older(scope) && !after.serve_older(scope);
    goes(before, after) || goes(&before.at_best(), &after.at_best())
}

/// Tells whether a change takes away what older packages need and gives what newer ones need.
pub fn swaps(before: &Powers, after: &Powers, scope: &Scope) -> bool {
    takes_older(before, after, scope) && after.serve_newer(scope)
}

/// A document whose allowing statements ask for nothing but the package's tag.
fn unconditional(mut document: Value) -> Value {
    let tag = format!("aws:requesttag/{VSS_CONFIG}").to_lowercase();
    let statements = match document.get_mut("Statement") {
        Some(Value::Array(statements)) => statements.as_mut_slice(),
        Some(one) => std::slice::from_mut(one),
        None => &mut [],
    };
    for statement in statements.iter_mut().filter(|statement| statement["Effect"] == "Allow") {
        let Some(conditions) = statement.get_mut("Condition").and_then(Value::as_object_mut) else { continue };
        for keys in conditions.values_mut().filter_map(Value::as_object_mut) {
            keys.retain(|key, _| key.to_lowercase() == tag);
        }
        conditions.retain(|_, keys| keys.as_object().is_some_and(|keys| !keys.is_empty()));
        if conditions.is_empty()
            && let Some(statement) = statement.as_object_mut()
        {
            statement.remove("Condition");
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vss::Moment;
    use crate::vss::package::PackageSource;
    use crate::vss::version::Version;

    fn scope() -> Scope {
        Scope {
            stack: "s".into(),
            account_id: "123456789012".into(),
            region: "ap-northeast-1".into(),
            iam_path: "/".into(),
        }
    }

    fn powers(inline: &Value, managed: &[&str]) -> Powers {
        let arns: Vec<String> = managed.iter().map(|name| format!("arn:aws:iam::aws:policy/{name}")).collect();
        Powers::new(&json!({ "x": inline }), arns.iter().map(String::as_str), &BTreeMap::new())
    }

    /// The policy of AWS's guide of 2023.
    fn legacy() -> Value {
        json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Action": "ec2:CreateTags",
              "Resource": ["arn:aws:ec2:*::snapshot/*", "arn:aws:ec2:*::image/*"] },
            { "Effect": "Allow", "Resource": "*", "Action": ["ec2:DescribeInstances", "ec2:CreateSnapshot",
              "ec2:CreateImage", "ec2:DescribeImages", "ec2:DescribeSnapshots"] },
        ]})
    }

    fn tagged_only() -> Value {
        json!({ "Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Action": ["ec2:CreateImage", "ec2:CreateSnapshots"], "Resource": "*",
            "Condition": { "StringLike": { "aws:RequestTag/AwsVssConfig": "*" } },
        }})
    }

    fn machine(installed: Installed) -> Machine {
        let package = Some(PackageEvidence { installed, source: PackageSource::Installation, at: Moment::default() });
        Machine { id: "i-1".into(), package, ..Machine::default() }
    }

    #[test]
    fn an_older_policy_is_known_by_what_it_allows() {
        let none = json!({ "Version": "2012-10-17", "Statement": [] });
        assert!(powers(&legacy(), &[]).serve_older(&scope()));
        assert!(powers(&none, &["AmazonEC2FullAccess"]).serve_older(&scope()));
        assert!(!powers(&tagged_only(), &[POLICY]).serve_older(&scope()));
        assert!(!powers(&json!("no policy"), &[]).serve_older(&scope()));
    }

    #[test]
    fn a_denial_and_a_boundary_take_away_what_a_policy_allows() {
        let denial = json!({ "Version": "2012-10-17", "Statement": {
            "Effect": "Deny",
            "Action": ["ec2:CreateImage", "ec2:CreateSnapshot", "ec2:CreateSnapshots"],
            "Resource": "*",
            "Condition": { "Null": { "aws:RequestTag/AwsVssConfig": "true" } },
        }});
        for policy in ["AmazonEC2FullAccess", "AdministratorAccess"] {
            let denied = powers(&denial, &[policy]);
            assert!(!denied.serve_older(&scope()) && denied.serve_newer(&scope()), "{policy}");
        }
        let own = "arn:aws:iam::123456789012:policy/Limit".to_owned();
        let documents = BTreeMap::from([(own.clone(), tagged_only())]);
        let within = |arn: &str| powers(&legacy(), &[]).within(arn, &documents).serve_older(&scope());
        assert!(!within(&own) && !within("arn:aws:iam::aws:policy/AWSEC2VssSnapshotPolicy"));
        assert!(within("arn:aws:iam::aws:policy/PowerUserAccess") && within("arn:aws:iam::aws:policy/Whatever"));
    }

    #[test]
    fn an_older_policy_with_conditions_of_its_own_may_work_and_counts() {
        let condition = json!({ "StringEquals": { "aws:ResourceTag/VssBackup": "enabled" } });
        let mut tagged = legacy();
        tagged["Statement"][1]["Condition"] = condition;
        let (older, both) = (powers(&tagged, &[]), powers(&tagged, &[POLICY]));
        let newer = powers(&tagged_only(), &[POLICY]);
        assert!(swaps(&older, &newer, &scope()) && swaps(&both, &newer, &scope()));
        assert!(!swaps(&older, &both, &scope()) && !swaps(&newer, &newer, &scope()));
        // Less than it may have been, and more than it surely was.
        assert!(swaps(&powers(&legacy(), &[]), &both, &scope()));
    }

    #[test]
    fn the_managed_policy_in_place_of_an_older_one_is_a_swap_and_beside_it_is_none() {
        let (older, both) = (powers(&legacy(), &[]), powers(&legacy(), &[POLICY]));
        let newer = powers(&tagged_only(), &[POLICY]);
        assert!(swaps(&older, &newer, &scope()) && swaps(&both, &newer, &scope()));
        assert!(!swaps(&older, &both, &scope()) && !swaps(&newer, &newer, &scope()));
    }

    #[test]
    fn nothing_known_is_unknown_and_never_older() {
        assert_eq!(Machine::default().standing(Wanted::From("2.3.1")), Standing::Unknown);
        let older = machine(Installed::Before(Version::new("2.3.1")));
        assert_eq!(older.standing(Wanted::From("2.3.1")), Standing::Wrong("before 2.3.1".into()));
        assert_eq!(older.standing(Wanted::From("2.1.0")), Standing::Unknown);
        assert_eq!(machine(Installed::Newest).standing(Wanted::Pinned("2.5.1")), Standing::Unknown);
        assert_eq!(machine(Installed::AtLeast(Version::new("2.3.1"))).standing(Wanted::From("2.3.1")), Standing::Right);
        assert_eq!(
            machine(Installed::AtLeast(Version::new("2.3.1"))).standing(Wanted::From("2.5.0")),
            Standing::Unknown
        );
        let version = machine(Installed::Version(Version::new("2.5.1")));
        assert_eq!(version.standing(Wanted::Pinned("2.4.0")), Standing::Wrong("2.5.1".into()));
    }

    #[test]
    fn targets_mean_an_instance_if_all_keys_fit() {
        let tags = BTreeMap::from([("VssBackup".to_owned(), "enabled".to_owned())]);
        let machine = Machine { id: "i-1".into(), tags, ..Machine::default() };
        assert!(machine.is_meant(&json!({ "tag:VssBackup": ["enabled", "on"] })));
        assert!(machine.is_meant(&json!({ "InstanceIds": ["*"] })));
        assert!(!machine.is_meant(&json!({ "tag:VssBackup": ["enabled"], "tag:tier": ["1"] })));
        assert!(!machine.is_meant(&json!({ "resource-groups:Name": ["x"] })) && !machine.is_meant(&json!({})));
    }
}
