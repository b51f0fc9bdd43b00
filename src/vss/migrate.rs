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
use crate::policy;

/// What Systems Manager needs on an instance.
const SSM_CORE: &str = "AmazonSSMManagedInstanceCore";
/// The actions of hand-written VSS policies. A policy that allows more is not only for VSS, and stays.
const ACTIONS: [&str; 12] = [
    "ec2:createimage",
    "ec2:createsnapshot",
    "ec2:createsnapshots",
    "ec2:createtags",
    "ec2:describeimages",
    "ec2:describeinstanceattribute",
    "ec2:describeinstances",
    "ec2:describeinstancestatus",
    "ec2:describesnapshots",
    "ec2:describetags",
    "ec2:describevolumes",
    "ec2:modifysnapshotattribute",
];

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
    /// What [`System::rule`](super::version::System::rule) says of those with a system on which no version works that
    /// the managed policy works with, by the name with the id.
    pub held: BTreeMap<String, String>,
}

impl Role {
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

/// Tells whether a document is a hand-written VSS policy.
pub fn is_older(document: &Value, scope: &Scope) -> bool {
    let named = serde_json::json!({ "x": document });
    if !Powers::new(&named, [], &BTreeMap::new()).serve_older(scope) {
        return false;
    }
    let Ok(document) = policy::canonical(document) else { return false };
    let statements = document["Statement"].as_array().into_iter().flatten();
    let mut actions = statements.flat_map(|statement| {
        let listed = statement["Action"].as_array().into_iter().flatten();
        // `NotAction` allows more than can be named.
        let more = statement.get("NotAction").map(|_| "*".to_owned());
        listed.filter_map(Value::as_str).map(str::to_ascii_lowercase).chain(more).collect::<Vec<_>>()
    });
    actions.all(|action| ACTIONS.contains(&action.as_str()))
}

/// Finds what a migration of a role changes; nothing where it has no older policy or is no role of instances.
pub fn migration(
    role: &Role,
    documents: &BTreeMap<String, Value>,
    new: Option<&Value>,
    scope: &Scope,
) -> Option<Migration> {
    if !role.trust.to_string().contains("\"ec2.amazonaws.com") {
        return None;
    }
    let inline: Vec<String> =
        role.inline.iter().filter(|(_, document)| is_older(document, scope)).map(|(name, _)| name.clone()).collect();
    let is_older_arn = |arn: &&String| documents.get(*arn).is_some_and(|document| is_older(document, scope));
    let managed: Vec<String> = role.managed.iter().filter(is_older_arn).cloned().collect();
    if inline.is_empty() && managed.is_empty() {
        return None;
    }
    let own = |name: &String| role.inline.get(name);
    let stays: Vec<&Value> = role.inline.iter().filter(|(name, _)| !inline.contains(name)).map(|(_, it)| it).collect();
    let stays: Vec<&Value> = stays
        .into_iter()
        .chain(role.managed.iter().filter(|arn| !managed.contains(arn)).filter_map(|arn| documents.get(arn)))
        .collect();
    let before: Vec<&Value> = stays
        .iter()
        .copied()
        .chain(inline.iter().filter_map(own))
        .chain(managed.iter().filter_map(|arn| documents.get(arn)))
        .collect();
    let after: Vec<&Value> = stays.into_iter().chain(new).collect();
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
    let Role { name, path, trust, managed, inline, profiles: held, instances: _, held: _ } = &migration.role;
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
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::KindId;
    use crate::vss::version::System;

    fn scope() -> Scope {
        Scope {
            stack: "s".into(),
            account_id: "123456789012".into(),
            region: "ap-northeast-1".into(),
            iam_path: "/".into(),
        }
    }

    fn allows(actions: &[&str]) -> Value {
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": ["*"] }] })
    }

    #[test]
    fn an_older_policy_is_known_by_what_it_allows_and_nothing_else() {
        assert!(is_older(&allows(&["ec2:CreateSnapshot", "EC2:createTags", "ec2:DescribeInstances"]), &scope()));
        assert!(is_older(&allows(&["ec2:CreateImage", "ec2:CreateTags"]), &scope()));
        assert!(!is_older(&allows(&["ec2:*"]), &scope()), "it is for more than VSS");
        assert!(!is_older(&allows(&["ec2:CreateSnapshot", "s3:GetObject"]), &scope()), "it is for more than VSS");
        assert!(!is_older(&allows(&["ec2:DescribeInstances"]), &scope()));
    }

    #[test]
    fn the_file_keeps_what_is_not_for_vss_and_is_valid() {
        let role = Role {
            name: "web@servers".into(),
            path: "/app/".into(),
            trust: policy::trust_policy(&["ec2.amazonaws.com"]),
            managed: vec![
                "arn:aws:iam::123456789012:policy/OldVss".into(),
                "arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy".into(),
            ],
            inline: BTreeMap::from([
                ("snapshots".into(), allows(&["ec2:CreateSnapshot", "ec2:CreateTags"])),
                ("files".into(), allows(&["s3:GetObject"])),
            ]),
            profiles: vec![("web-profile".into(), "/".into())],
            instances: vec!["i-0123456789abcdef0".into()],
            held: BTreeMap::new(),
        };
        let documents = BTreeMap::from([(role.managed[0].clone(), allows(&["ec2:CreateImage", "ec2:CreateTags"]))]);
        let found = migration(&role, &documents, Some(&allows(&["ec2:CreateImage"])), &scope()).expect("a migration");
        assert_eq!((found.inline.as_slice(), found.managed.len()), (["snapshots".to_owned()].as_slice(), 1));
        assert!(found.loses.iter().any(|what| what.contains("ec2:CreateSnapshot")), "{:?}", found.loses);
        let text = file(&[found], &scope());
        let loaded = crate::config::load_text("vss.toml", &text, None);
        let errors: Vec<_> =
            loaded.diagnostics.iter().filter(|one| one.severity == crate::model::Severity::Error).collect();
        assert!(errors.is_empty(), "{errors:#?}\n{text}");
        let config = loaded.config.expect("a configuration");
        let role = config.desired.iter().find(|entry| entry.address.kind() == KindId::Role).expect("the role");
        assert!(role.adopt && role.name == "web@servers");
        assert_eq!(role.fields["managed_policies"].as_array().map(Vec::len), Some(3));
        assert_eq!(
            role.fields["inline_policies"].as_object().map(|map| map.keys().cloned().collect()),
            Some(vec!["files".to_owned()])
        );
    }

    #[test]
    fn a_role_stays_as_it_is_while_one_server_needs_its_policy() {
        let mut role = Role::default();
        assert_eq!(role.stays(), None);
        let system = System::of("Microsoft Windows Server 2012 R2 Standard").expect("a system");
        role.held.insert("sql-1 (i-1)".to_owned(), system.rule().expect("one version"));
        let why = role.stays().expect("a reason");
        assert!(why.contains("sql-1 (i-1): Windows Server 2012 R2 works with package 2.1.0 only"), "{why}");
    }

    #[test]
    fn a_role_of_something_else_is_left_alone() {
        let trust = policy::trust_policy(&["lambda.amazonaws.com"]);
        let inline = BTreeMap::from([("x".into(), allows(&["ec2:CreateSnapshot", "ec2:CreateTags"]))]);
        let role = Role { trust, inline, ..Role::default() };
        assert!(migration(&role, &BTreeMap::new(), None, &scope()).is_none());
    }
}
