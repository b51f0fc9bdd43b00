//! Migration from a hand-written VSS policy to `AWSEC2VssSnapshotPolicy`: which roles have such a policy, what changes
//! in what they allow, and the file that declares the new state. Pure.
//!
//! A policy is recognised by what it allows, not by its name: snapshots without the tag of package 2.3.1, and little
//! else. AWS page: "Use an IAM managed policy to grant permissions for VSS based snapshots".

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use toml::{Table, Value as Toml};

use super::gate::{POLICY, Powers};
use super::package::PACKAGE;
use super::version::MANAGED_POLICY;
use crate::model::Scope;
use crate::model::arn::managed_policy_arn;
use crate::policy::{self, actions, permits, trust};

/// What Systems Manager needs on an instance.
const SSM_CORE: &str = "AmazonSSMManagedInstanceCore";
/// The actions of hand-written VSS policies, beside those that only read (`ec2:Describe...`). A policy that allows more
/// is not only for VSS, and stays.
const ACTIONS: [&str; 5] =
    ["ec2:createimage", "ec2:createsnapshot", "ec2:createsnapshots", "ec2:createtags", "ec2:modifysnapshotattribute"];
/// What makes a backup.
const MAKES: [&str; 3] = ["ec2:createimage", "ec2:createsnapshot", "ec2:createsnapshots"];
/// What starts the actions that only read.
const READS: &str = "ec2:describe";

/// A role as it is.
#[derive(Clone, Debug, Default)]
pub struct Role {
    /// The name.
    pub name: String,
    /// The path.
    pub path: String,
    /// The trust policy.
    pub trust: Value,
    /// The ARNs of its managed policies.
    pub managed: Vec<String>,
    /// Its inline policies by name.
    pub inline: BTreeMap<String, Value>,
    /// The names and paths of the instance profiles that hold it.
    pub profiles: Vec<(String, String)>,
    /// The ids of the Windows instances that have it.
    pub instances: Vec<String>,
    /// The instances without Windows that have it, as texts show them.
    pub others: Vec<String>,
    /// What [`System::rule`](super::version::System::rule) says of those with a system on which no version works that
    /// the managed policy works with, by the name with the id.
    pub held: BTreeMap<String, String>,
}

impl Role {
    /// Says why it is not a role of Windows servers alone, so that what it may do is not for their VSS alone either.
    fn shared(&self) -> Option<String> {
        if !self.others.is_empty() {
            let shown: Vec<&str> = self.others.iter().take(SHOWN).map(String::as_str).collect();
            let more = self.others.len().saturating_sub(SHOWN);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            return Some(format!("instances without Windows use it: {}{more}", shown.join(", ")));
        }
        self.instances.is_empty().then(|| "no instance of the region has it".to_owned())
    }

    /// Says why the role has to keep its policy, where some instance needs it: AWS's managed policy asks for a tag that
    /// no version for that system sets.
    pub fn stays(&self) -> Option<String> {
        let named: Vec<String> = self.held.iter().map(|(title, rule)| format!("{title}: {rule}")).collect();
        (!named.is_empty()).then(|| format!("{POLICY} works from {MANAGED_POLICY} on, and {}", named.join("; ")))
    }
}

/// A role that has an older policy, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Migration {
    /// The role.
    pub role: Role,
    /// The inline policies that go.
    pub inline: Vec<String>,
    /// The ARNs of the account's own managed policies that are detached.
    pub managed: Vec<String>,
    /// What the role can do afterwards and could not before.
    pub gains: Vec<String>,
    /// What the role could do before and can't afterwards.
    pub loses: Vec<String>,
}

/// A role of instances that may take snapshots without the tag of newer packages, and keeps what allows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    /// The role's name.
    pub role: String,
    /// Why it is left alone: a part of a sentence for each policy.
    pub reasons: Vec<String>,
    /// It is not a role of Windows servers alone.
    pub is_shared: bool,
}

/// What a document lets somebody do, as far as a migration asks.
#[derive(Debug, Default)]
struct Content {
    /// It makes snapshots or images.
    makes: bool,
    /// It does more than read.
    writes: bool,
    /// The patterns of actions that are not only for VSS.
    more: Vec<String>,
    /// It allows all actions but those that it names.
    not_action: bool,
    /// It denies something, which would be allowed without it.
    denies: bool,
    /// The keys of its conditions.
    keys: BTreeSet<String>,
}

impl Content {
    fn of(document: &Value) -> Option<Self> {
        let document = policy::canonical(document).ok()?;
        let mut content = Self::default();
        for statement in document["Statement"].as_array().into_iter().flatten() {
            let keys = statement["Condition"].as_object().into_iter().flatten();
            let keys = keys.flat_map(|(_, keys)| keys.as_object().into_iter().flatten()).map(|(key, _)| key.clone());
            content.keys.extend(keys);
            if statement["Effect"] != "Allow" {
                content.denies = true;
                continue;
            }
            if statement.get("NotAction").is_some() {
                (content.not_action, content.makes, content.writes) = (true, true, true);
            }
            for pattern in statement["Action"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                let covered = actions::covered(pattern);
                let makes = |action: &str| permits::fits(pattern, action);
                content.makes |= MAKES.into_iter().any(makes);
                let of_vss = |action: &String| action.starts_with(READS) || ACTIONS.contains(&action.as_str());
                if covered.as_ref().is_some_and(|actions| actions.iter().all(of_vss)) {
                    content.writes |= covered.iter().flatten().any(|action| !action.starts_with(READS));
                } else {
                    content.writes = true;
                    content.more.push(pattern.to_owned());
                }
            }
        }
        Some(content)
    }

    /// Tells whether it is for VSS and nothing else. A document that only reads may be for anything.
    fn is_only_for_vss(&self) -> bool {
        self.more.is_empty() && !self.not_action && !self.denies && self.writes
    }

    /// Says why it stays.
    fn reason(&self, what: &str) -> String {
        if self.not_action {
            return format!("{what} allows everything but what its `NotAction` names");
        }
        if !self.more.is_empty() {
            let shown: Vec<String> = self.more.iter().take(SHOWN).map(|action| format!("`{action}`")).collect();
            let more = self.more.len().saturating_sub(SHOWN);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            return format!("{what} is not for VSS alone: it allows {}{more}", shown.join(", "));
        }
        if self.denies {
            return format!("{what} is not for VSS alone: it denies as well, and what it denies stays denied");
        }
        if self.keys.is_empty() {
            return format!("{what} allows it on some resources only");
        }
        let keys: Vec<String> = self.keys.iter().map(|key| format!("`{key}`")).collect();
        format!("{what} asks for {}, which {POLICY} does not", keys.join(", "))
    }
}

/// How many actions a reason names.
const SHOWN: usize = 5;

/// Finds the documents that are for VSS alone, where together they let packages before 2.3.1 take snapshots: a
/// hand-written policy may be split. An example is one document for snapshots and one for their tags.
fn older<'a>(documents: impl Iterator<Item = (&'a str, &'a Value)>, scope: &Scope) -> BTreeSet<&'a str> {
    let of_vss = |document: &Value| Content::of(document).is_some_and(|content| content.is_only_for_vss());
    let found: BTreeMap<&str, &Value> = documents.filter(|(_, document)| of_vss(document)).collect();
    let all = found.iter().map(|(name, document)| ((*name).to_owned(), (*document).clone())).collect();
    let serve = Powers::new(&Value::Object(all), [], &BTreeMap::new()).serve_older(scope);
    if serve { found.into_keys().collect() } else { BTreeSet::new() }
}

/// The documents of a role that can be read, each by a name that no other has: an inline policy's after `inline/`, or
/// an ARN.
fn own_documents<'a>(role: &'a Role, documents: &'a BTreeMap<String, Value>) -> Vec<(String, &'a Value)> {
    let inline = role.inline.iter().map(|(name, document)| (format!("inline/{name}"), document));
    let managed = role.managed.iter().filter_map(|arn| Some((arn.clone(), documents.get(arn)?)));
    inline.chain(managed).collect()
}

fn is_of_instances(role: &Role) -> bool {
    trust::trusts(&role.trust, "ec2.amazonaws.com")
}

/// Says why a role of instances keeps what lets packages before 2.3.1 take snapshots; nothing where it has no such
/// rights, or a migration takes all of them. A role that is not of Windows servers alone keeps all of it.
pub fn left_alone(role: &Role, documents: &BTreeMap<String, Value>, scope: &Scope) -> Option<LeftAlone> {
    if !is_of_instances(role) {
        return None;
    }
    let own = own_documents(role, documents);
    let of_vss = older(own.iter().map(|(name, document)| (name.as_str(), *document)), scope);
    let shared = role.shared().filter(|_| !of_vss.is_empty());
    let is_shared = shared.is_some();
    let gone = |name: &str| !is_shared && of_vss.contains(name);
    let stays: Vec<&(String, &Value)> = own.iter().filter(|(name, _)| !gone(name)).collect();
    let inline = stays.iter().map(|(name, document)| (name.clone(), (*document).clone())).collect();
    let aws = role.managed.iter().filter(|arn| !documents.contains_key(*arn));
    let powers = Powers::new(&Value::Object(inline), aws.clone().map(String::as_str), documents);
    if !powers.may_serve_older(scope) {
        return None;
    }
    let others = stays.iter().filter(|(name, _)| !of_vss.contains(name.as_str()));
    let mut reasons: Vec<String> = shared
        .into_iter()
        .chain(others.filter_map(|(name, document)| {
            let content = Content::of(document).filter(|content| content.makes)?;
            let what = match name.strip_prefix("inline/") {
                Some(name) => format!("its inline policy `{name}`"),
                None => format!("its policy `{name}`"),
            };
            Some(content.reason(&what))
        }))
        .collect();
    let serves = |arn: &&String| Powers::new(&Value::Null, [arn.as_str()], documents).may_serve_older(scope);
    reasons.extend(aws.filter(serves).map(|arn| format!("AWS's own `{arn}` allows it")));
    Some(LeftAlone { role: role.name.clone(), reasons, is_shared })
}

/// Finds what a migration of a role changes; nothing where it has no older policy, or is not of Windows servers alone.
pub fn migration(
    role: &Role,
    documents: &BTreeMap<String, Value>,
    new: Option<&Value>,
    scope: &Scope,
) -> Option<Migration> {
    if !is_of_instances(role) || role.shared().is_some() {
        return None;
    }
    let own = own_documents(role, documents);
    let gone = older(own.iter().map(|(name, document)| (name.as_str(), *document)), scope);
    let inline: Vec<String> =
        role.inline.keys().filter(|name| gone.contains(format!("inline/{name}").as_str())).cloned().collect();
    let managed: Vec<String> = role.managed.iter().filter(|arn| gone.contains(arn.as_str())).cloned().collect();
    if inline.is_empty() && managed.is_empty() {
        return None;
    }
    let before: Vec<&Value> = own.iter().map(|(_, document)| *document).collect();
    let stays = own.iter().filter(|(name, _)| !gone.contains(name.as_str())).map(|(_, document)| *document);
    let after: Vec<&Value> = stays.chain(new).collect();
    let (gains, loses) = match new {
        Some(_) => (policy::widened(before.iter().copied(), after.iter().copied()), policy::widened(after, before)),
        None => (Vec::new(), Vec::new()),
    };
    Some(Migration { role: role.clone(), inline, managed, gains, loses })
}

/// Writes the file that declares the roles with both managed policies, and the package.
pub fn file(migrations: &[Migration], scope: &Scope) -> String {
    let mut file = Table::new();
    let stack = [("name", &scope.stack), ("account_id", &scope.account_id), ("region", &scope.region)];
    let stack: Table = stack.into_iter().map(|(key, value)| (key.to_owned(), value.as_str().into())).collect();
    file.insert("stack".to_owned(), stack.into());
    let mut roles = Table::new();
    let mut profiles = Table::new();
    for migration in migrations {
        let key = key(&migration.role.name, &roles);
        roles.insert(key.clone(), role(migration, &key, &mut profiles, scope).into());
    }
    file.insert("role".to_owned(), roles.into());
    if !profiles.is_empty() {
        file.insert("instance_profile".to_owned(), profiles.into());
    }
    let instances: BTreeSet<&String> = migrations.iter().flat_map(|migration| &migration.role.instances).collect();
    let mut package = Table::new();
    package.insert("minimum_version".to_owned(), MANAGED_POLICY.into());
    package.insert("schedule".to_owned(), "rate(1 day)".into());
    let mut targets = Table::new();
    // AWS takes at most 50 values of a target. Without instances the tag selects those that are launched later.
    if instances.is_empty() || instances.len() > 50 {
        let tags: Table = [("VssBackup".to_owned(), Toml::from("enabled"))].into_iter().collect();
        targets.insert("tags".to_owned(), tags.into());
    } else {
        let ids: Vec<Toml> = instances.into_iter().map(|id| id.as_str().into()).collect();
        targets.insert("instance_ids".to_owned(), ids.into());
    }
    package.insert("targets".to_owned(), targets.into());
    let packages: Table = [(PACKAGE.to_owned(), Toml::from(package))].into_iter().collect();
    file.insert("package".to_owned(), packages.into());
    let body = toml::to_string_pretty(&file).expect("tables of texts and lists are TOML");
    format!(
        "# Made by `vssctl migrate`: the roles get {POLICY} in place of a hand-written policy, \
         once their instances have\n\
         # {PACKAGE} {MANAGED_POLICY} or later. `vssctl plan` shows it, `vssctl apply` does it in this order.\n\
         # A tag as target, such as `targets = {{ tags = {{ VssBackup = \"enabled\" }} }}`, means new instances too.\n\
         \n{body}"
    )
}

fn key(name: &str, taken: &Table) -> String {
    let safe: String = name
        .chars()
        .map(|it| if it.is_ascii_alphanumeric() || "-_".contains(it) { it } else { '-' })
        .take(60)
        .collect();
    let numbered = (2..).map(|number| format!("{safe}-{number}"));
    std::iter::once(safe.clone())
        .chain(numbered)
        .find(|key| !taken.contains_key(key))
        .expect("there are more numbers than roles")
}

fn role(migration: &Migration, key: &str, profiles: &mut Table, scope: &Scope) -> Table {
    let Role { name, path, trust, managed, inline, profiles: held, instances: _, others: _, held: _ } = &migration.role;
    let mut table = Table::new();
    if key != name {
        table.insert("name".to_owned(), name.as_str().into());
    }
    let is_plain = policy::equal(trust, &policy::trust_policy(&["ec2.amazonaws.com"]));
    if is_plain {
        table.insert("preset".to_owned(), "vss-instance".into());
    } else {
        table.insert("trust".to_owned(), serde_json::to_string_pretty(trust).unwrap_or_default().into());
    }
    table.insert("adopt".to_owned(), true.into());
    if path != "/" {
        table.insert("path".to_owned(), path.as_str().into());
    }
    let both = [SSM_CORE, POLICY].map(|name| managed_policy_arn(scope, name));
    let mut wanted: BTreeSet<String> = managed.iter().filter(|arn| !migration.managed.contains(arn)).cloned().collect();
    wanted.extend(both.clone());
    if !is_plain || wanted != BTreeSet::from(both) {
        let short = |arn: String| {
            let name = arn.rsplit('/').next().unwrap_or(&arn);
            if managed_policy_arn(scope, name) == arn { name.to_owned() } else { arn }
        };
        let list: Vec<Toml> = wanted.into_iter().map(|arn| short(arn).into()).collect();
        table.insert("managed_policies".to_owned(), list.into());
    }
    let own = held.iter().find(|(profile, at)| profile == name && at == path);
    match (own, held.as_slice()) {
        (Some(_), _) if is_plain => {}
        (Some(_), _) => drop(table.insert("instance_profile".to_owned(), true.into())),
        (None, _) => drop(table.insert("instance_profile".to_owned(), false.into())),
    }
    for (profile, at) in held.iter().filter(|(profile, at)| (profile, at) != (name, path)) {
        let mut entry = Table::new();
        let key = self::key(profile, profiles);
        if key != *profile {
            entry.insert("name".to_owned(), profile.as_str().into());
        }
        entry.insert("role".to_owned(), name.as_str().into());
        entry.insert("adopt".to_owned(), true.into());
        if at != "/" {
            entry.insert("path".to_owned(), at.as_str().into());
        }
        profiles.insert(key, entry.into());
    }
    let kept = inline.iter().filter(|(name, _)| !migration.inline.contains(name));
    let kept = kept.map(|(name, it)| (name.clone(), serde_json::to_string_pretty(it).unwrap_or_default().into()));
    table.insert("inline_policies".to_owned(), kept.collect::<Table>().into());
    table
}

#[cfg(test)]
mod tests;
