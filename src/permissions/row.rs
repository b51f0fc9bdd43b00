//! What a statement is made of: the actions with the files that need them, the resources and the conditions. The
//! helpers that several statements share stand here.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::facts::{Attachment, Facts, Package, Role, sorted};
use crate::kinds::package::DOCUMENT;
use crate::model::KindId;
use crate::model::marks::STACK;
use crate::model::partition::Partition;

/// What a row is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Reading what is live.
    Read,
    /// Changing it.
    Write,
    /// A deny, whatever else allows.
    Guard,
    /// Reading how backups went.
    Verify,
    /// Starting one.
    Backup,
}

/// An action and the files that need it.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// Such as `iam:CreateRole`.
    pub name: &'static str,
    /// Whether a file needs it.
    pub needed: fn(&Facts) -> bool,
}

/// What a statement is about.
#[derive(Clone, Debug)]
pub struct Target {
    /// ARNs, with wildcards where they must be.
    pub resources: Vec<String>,
    /// The `Condition`, or null.
    pub condition: Value,
}

/// One statement.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its `Sid`.
    pub sid: &'static str,
    /// What it is for.
    pub reach: Reach,
    /// Why it is there, in a sentence for the manual.
    pub why: &'static str,
    /// The actions.
    pub actions: &'static [Action],
    /// Resources and conditions; several make several statements.
    pub targets: fn(&Facts) -> Vec<Target>,
}

pub(super) const fn action(name: &'static str, needed: fn(&Facts) -> bool) -> Action {
    Action { name, needed }
}

pub(super) const fn always(name: &'static str) -> Action {
    Action { name, needed: |_| true }
}

pub(super) fn on(resources: impl IntoIterator<Item = String>, condition: Value) -> Vec<Target> {
    vec![Target { resources: sorted(resources), condition }]
}

pub(super) fn everything(_: &Facts) -> Vec<Target> {
    on(["*".to_owned()], Value::Null)
}

// which kinds a file has

pub(super) fn roles(facts: &Facts) -> bool {
    facts.may_have(KindId::Role)
}

pub(super) fn declared_roles(facts: &Facts) -> bool {
    facts.declares(KindId::Role)
}

pub(super) fn policies(facts: &Facts) -> bool {
    facts.may_have(KindId::Policy)
}

pub(super) fn declared_policies(facts: &Facts) -> bool {
    facts.declares(KindId::Policy)
}

pub(super) fn profiles(facts: &Facts) -> bool {
    facts.may_have(KindId::InstanceProfile)
}

pub(super) fn declared_profiles(facts: &Facts) -> bool {
    facts.declares(KindId::InstanceProfile)
}

pub(super) fn declared_in_iam(facts: &Facts) -> bool {
    declared_policies(facts) || declared_roles(facts) || declared_profiles(facts)
}

pub(super) fn attachments(facts: &Facts) -> bool {
    facts.declares(KindId::Attachment)
}

/// Whoever deletes a profile has to know which instances carry it.
pub(super) fn carriers(facts: &Facts) -> bool {
    profiles(facts) || attachments(facts)
}

pub(super) fn packages(facts: &Facts) -> bool {
    facts.may_have(KindId::Package)
}

pub(super) fn declared_packages(facts: &Facts) -> bool {
    facts.declares(KindId::Package)
}

pub(super) fn associations(facts: &Facts) -> bool {
    facts.has_associations()
}

pub(super) fn commands(facts: &Facts) -> bool {
    facts.packages.iter().any(|package| package.is_command)
}

/// What is installed on instances is read: for the version gate, for the versions that their systems take, for
/// canaries.
pub(super) fn installed(facts: &Facts) -> bool {
    facts.gated || facts.packages.iter().any(|package| package.is_compared)
}

/// Commands run on some instances ahead of the others.
pub(super) fn firsts(facts: &Facts) -> bool {
    facts.packages.iter().any(|package| package.goes_first)
}

pub(super) fn waits(facts: &Facts) -> bool {
    facts.packages.iter().any(|package| package.waits)
}

pub(super) fn vaults(facts: &Facts) -> bool {
    facts.may_have(KindId::Vault)
}

pub(super) fn plans(facts: &Facts) -> bool {
    facts.may_have(KindId::Plan)
}

pub(super) fn declared_plans(facts: &Facts) -> bool {
    facts.declares(KindId::Plan)
}

pub(super) fn backup(facts: &Facts) -> bool {
    vaults(facts) || plans(facts)
}

pub(super) fn described_roles(facts: &Facts) -> bool {
    facts.roles.iter().any(|role| role.is_described)
}

pub(super) fn restore_tests(facts: &Facts) -> bool {
    facts.may_have(KindId::RestoreTest)
}

pub(super) fn declared_restore_tests(facts: &Facts) -> bool {
    facts.declares(KindId::RestoreTest)
}

pub(super) fn region_settings(facts: &Facts) -> bool {
    facts.declares(KindId::RegionSettings)
}

// conditions

/// The creating call writes our mark.
pub(super) fn marks(facts: &Facts) -> Value {
    json!({ "StringEquals": { format!("aws:RequestTag/{STACK}"): facts.scope.stack } })
}

/// The request writes our mark on a resource that is new or nobody's, or ours already.
pub(super) fn claims(facts: &Facts) -> Value {
    let mut condition = marks(facts);
    condition["StringEqualsIfExists"] = json!({ format!("aws:ResourceTag/{STACK}"): facts.scope.stack });
    condition
}

/// The resource carries our mark.
pub(super) fn own(facts: &Facts) -> Value {
    json!({ "StringEquals": { format!("aws:ResourceTag/{STACK}"): facts.scope.stack } })
}

/// The resource carries our mark, and the request does not give it to another stack.
pub(super) fn own_and_stays(facts: &Facts) -> Value {
    json!({
        "StringEquals": { format!("aws:ResourceTag/{STACK}"): facts.scope.stack },
        "StringEqualsIfExists": { format!("aws:RequestTag/{STACK}"): facts.scope.stack },
    })
}

pub(super) fn with(mut condition: Value, operator: &str, key: &str, value: Value) -> Value {
    condition[operator][key] = value;
    condition
}

pub(super) fn passed_to(facts: &Facts, service: &str) -> Value {
    let names = Partition::of(&facts.scope.region).principals(service);
    json!({ "StringEquals": { "iam:PassedToService": names } })
}

// resources

pub(super) fn role_arns(facts: &Facts, wanted: fn(&Role) -> bool) -> impl Iterator<Item = String> {
    facts.roles.iter().filter(move |role| wanted(role)).map(|role| role.arn.clone())
}

pub(super) fn own_roles(facts: &Facts) -> [String; 1] {
    [facts.own_iam("role", facts.roles.iter().map(|role| role.arn.as_str()))]
}

pub(super) fn own_policies(facts: &Facts) -> [String; 1] {
    [facts.own_iam("policy", facts.policies.iter().map(|policy| policy.arn.as_str()))]
}

pub(super) fn own_profiles(facts: &Facts) -> [String; 1] {
    [facts.own_iam("instance-profile", facts.profiles.iter().map(|profile| profile.arn.as_str()))]
}

/// IAM resources by name, at whatever path they are.
pub(super) fn by_name<'a>(facts: &'a Facts, resource: &'a str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.flat_map(|name| ["/", "/*/"].map(|path| facts.scope.iam_arn(resource, path, name))).collect()
}

pub(super) fn vault_arns(facts: &Facts) -> Vec<String> {
    facts.vaults.iter().map(|vault| vault.arn.clone()).collect()
}

pub(super) fn any_vault(facts: &Facts) -> Vec<String> {
    if vaults(facts) { vec![facts.arn("backup", "backup-vault:*")] } else { Vec::new() }
}

pub(super) fn any_plan(facts: &Facts) -> Vec<String> {
    if plans(facts) { vec![facts.arn("backup", "backup-plan:*")] } else { Vec::new() }
}

pub(super) fn any_restore_test(facts: &Facts) -> Vec<String> {
    if restore_tests(facts) { vec![facts.arn("backup", "restore-testing-plan:*")] } else { Vec::new() }
}

pub(super) fn any_association(facts: &Facts) -> [String; 1] {
    [facts.arn("ssm", "association/*")]
}

pub(super) fn package_document(facts: &Facts) -> [String; 1] {
    [format!("arn:{}:ssm:{}::document/{DOCUMENT}", facts.scope.partition(), facts.scope.region)]
}

/// The instances of the packages: by id, by tags, or all where a resource group or `*` names them.
pub(super) fn package_instances(facts: &Facts, wanted: fn(&Package) -> bool) -> Vec<Target> {
    let (mut named, mut targets): (Vec<String>, Vec<Target>) = (Vec::new(), Vec::new());
    for package in facts.packages.iter().filter(|package| wanted(package)) {
        if !package.instances.is_empty() {
            named.extend(package.instances.iter().map(|id| {
                let managed = id.starts_with("mi-");
                let (service, kind) = if managed { ("ssm", "managed-instance") } else { ("ec2", "instance") };
                facts.arn(service, &format!("{kind}/{id}"))
            }));
            continue;
        }
        let mut condition = Value::Null;
        for (name, values) in &package.tags {
            condition = with(condition, "StringEquals", &format!("aws:ResourceTag/{name}"), json!(values));
        }
        let target = Target { resources: vec![facts.arn("ec2", "instance/*")], condition };
        if !targets.iter().any(|known| known.condition == target.condition) {
            targets.push(target);
        }
    }
    if !named.is_empty() {
        targets.extend(on(named, Value::Null));
    }
    targets
}

/// The instances of the attachments, which get the file's profiles and no others.
pub(super) fn attached_instances(facts: &Facts, add: impl Fn(&Attachment, Value) -> Value) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for one in &facts.attachments {
        let mut condition = json!({ "ArnEquals": { "ec2:NewInstanceProfile": one.profile } });
        for (name, values) in &one.tags {
            condition = with(condition, "StringEquals", &format!("aws:ResourceTag/{name}"), json!(values));
        }
        let instances = one.instances.iter().map(|id| facts.arn("ec2", &format!("instance/{id}")));
        let all = one.instances.is_empty().then(|| facts.arn("ec2", "instance/*"));
        targets.extend(on(instances.chain(all), add(one, condition)));
    }
    targets
}

/// The instances whose profile is replaced, whosever it is.
pub(super) fn replaced_instances(facts: &Facts) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for one in facts.attachments.iter().filter(|one| one.replaces) {
        let mut condition = json!({});
        for (name, values) in &one.tags {
            condition = with(condition, "StringEquals", &format!("aws:ResourceTag/{name}"), json!(values));
        }
        let instances = one.instances.iter().map(|id| facts.arn("ec2", &format!("instance/{id}")));
        let all = one.instances.is_empty().then(|| facts.arn("ec2", "instance/*"));
        targets.extend(on(instances.chain(all), condition));
    }
    targets
}

/// Groups the roles that have something by their boundary: what gives a role power asks for the boundary as well.
pub(super) fn by_boundary(facts: &Facts, wanted: impl Fn(&Role) -> bool, condition: &Value) -> Vec<Target> {
    let boundary = |role: &Role| role.boundary.clone().filter(|arn| !arn.is_empty());
    let boundaries: BTreeSet<Option<String>> = facts.roles.iter().filter(|role| wanted(role)).map(boundary).collect();
    let target = |arn: Option<String>| {
        let resources = facts.roles.iter().filter(|role| wanted(role) && boundary(role) == arn);
        let resources = sorted(resources.map(|role| role.arn.clone()));
        let condition = match &arn {
            Some(arn) => with(condition.clone(), "StringEquals", "iam:PermissionsBoundary", json!(arn)),
            None => condition.clone(),
        };
        Target { resources, condition }
    };
    boundaries.into_iter().map(target).collect()
}

/// Groups the roles that get managed policies by which, and by their boundary.
pub(super) fn by_policies(facts: &Facts) -> Vec<Target> {
    let lists: BTreeSet<&Vec<String>> =
        facts.roles.iter().map(|role| &role.managed).filter(|list| !list.is_empty()).collect();
    let of_list = |list: &Vec<String>| {
        let condition = with(own(facts), "ArnEquals", "iam:PolicyARN", json!(list));
        by_boundary(facts, |role| role.managed == *list, &condition)
    };
    lists.into_iter().flat_map(of_list).collect()
}
