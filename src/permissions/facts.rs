//! What of a file decides about permissions: which kinds, names, paths, policies and targets it has.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kind::value::{pairs, text, texts};
use crate::kind::{Desired, Fields};
use crate::kinds;
use crate::model::{KindId, Scope};
use crate::vss::evidence::VSS_CONFIG;
use crate::vss::{gate, package};

/// A file as far as permissions care.
#[derive(Clone, Debug)]
pub struct Facts {
    pub(super) scope: Scope,
    /// Kinds that the file no longer has are meant too: what the stack may still own of them is to be deleted.
    pub(super) prunes: bool,
    /// Instances may be left with the policy that needs a new enough package.
    pub(super) gated: bool,
    pub(super) roles: Vec<Role>,
    pub(super) policies: Vec<Named>,
    pub(super) profiles: Vec<Named>,
    /// The ARNs of the roles that go into instance profiles.
    pub(super) instance_roles: Vec<String>,
    /// The ARNs of the roles that AWS Backup gets from selections, those of restore tests included.
    pub(super) backup_roles: Vec<String>,
    /// The ARNs of the roles that State Manager gets from associations.
    pub(super) dispatch_roles: Vec<String>,
    pub(super) attachments: Vec<Attachment>,
    pub(super) packages: Vec<Package>,
    pub(super) vaults: Vec<Vault>,
    /// The kinds that the file has entries of.
    kinds: BTreeSet<KindId>,
}

/// A resource of IAM.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) arn: String,
    pub(super) name: String,
}

/// A role of the file.
#[derive(Clone, Debug)]
pub(super) struct Role {
    pub(super) arn: String,
    /// The boundary: `None` where the file does not say, empty where it says that there is none.
    pub(super) boundary: Option<String>,
    /// The ARNs of the managed policies that it may get.
    pub(super) managed: Vec<String>,
    pub(super) has_inline: bool,
    /// Description or session duration, which `UpdateRole` changes and only `ListRoles` says.
    pub(super) is_described: bool,
}

/// An attachment of the file.
#[derive(Clone, Debug)]
pub(super) struct Attachment {
    /// The ARN of the instance profile.
    pub(super) profile: String,
    /// It may take the place of a profile that is not the stack's.
    pub(super) replaces: bool,
    /// The ids of its instances.
    pub(super) instances: Vec<String>,
    /// The tags of its instances, all of which they must have.
    pub(super) tags: Vec<(String, Vec<String>)>,
}

/// A package of the file.
#[derive(Clone, Debug)]
pub(super) struct Package {
    /// It is a Run Command, not an association.
    pub(super) is_command: bool,
    /// Commands may run on some of its instances ahead of the others: a canary, or the version gate.
    pub(super) goes_first: bool,
    /// It is the package whose versions belong to systems, or a canary has to be chosen: what is installed is read.
    pub(super) is_compared: bool,
    /// `apply` waits for its instances.
    pub(super) waits: bool,
    /// The ids of its instances.
    pub(super) instances: Vec<String>,
    /// The tags of its instances, all of which they must have.
    pub(super) tags: Vec<(String, Vec<String>)>,
}

/// A vault of the file.
#[derive(Clone, Debug)]
pub(super) struct Vault {
    pub(super) arn: String,
    pub(super) key: Option<String>,
    pub(super) has_policy: bool,
    pub(super) has_notifications: bool,
    pub(super) has_lock: bool,
    pub(super) has_compliance_lock: bool,
}

impl Facts {
    /// Reads the file's resources. With `prunes` the kinds that it does not have count as well.
    pub fn of(scope: &Scope, desired: &[Desired], prunes: bool) -> Self {
        let entries = |kind: KindId| desired.iter().filter(move |entry| entry.address.kind() == kind);
        let arn = |entry: &Desired, resource: &str| {
            let path = Some(text(&entry.fields, "path")).filter(|path| !path.is_empty());
            scope.iam_arn(resource, path.unwrap_or(&scope.iam_path), &entry.name)
        };
        let named = |kind: KindId, resource: &str| -> Vec<Named> {
            entries(kind).map(|entry| Named { arn: arn(entry, resource), name: entry.name.clone() }).collect()
        };
        let roles: Vec<Role> = entries(KindId::Role).map(|entry| role(arn(entry, "role"), &entry.fields)).collect();
        let role_arn = |name: &str| -> Vec<String> {
            let known = entries(KindId::Role).find(|entry| entry.name.eq_ignore_ascii_case(name));
            known.map_or_else(
                // A role that others manage, of which the file's profile keeps the name only: at any path.
                || vec![scope.iam_arn("role", "/", name), scope.iam_arn("role", "/*/", name)],
                |entry| vec![arn(entry, "role")],
            )
        };
        let in_profiles = sorted(entries(KindId::InstanceProfile).map(|entry| text(&entry.fields, "role").to_owned()));
        let attachments: Vec<Attachment> = entries(KindId::Attachment).map(attachment).collect();
        let profiles = named(KindId::InstanceProfile, "instance-profile");
        // The role in a profile that others manage is not known; most have the profile's name.
        let foreign = attachments.iter().filter(|one| !profiles.iter().any(|profile| profile.arn == one.profile));
        let foreign_roles: Vec<String> = foreign
            .filter_map(|one| one.profile.rsplit('/').next())
            .flat_map(|name| ["/", "/*/"].map(|path| scope.iam_arn("role", path, name)))
            .collect();
        // What a role that others manage allows is not known: it may have the policy.
        let known = |name: &str| entries(KindId::Role).any(|role| role.name.eq_ignore_ascii_case(name));
        let gated = entries(KindId::Role).any(is_gated)
            || entries(KindId::InstanceProfile).any(|profile| !known(text(&profile.fields, "role")))
            || !foreign_roles.is_empty();
        let passed_to = |service: &str| {
            let passed = desired.iter().flat_map(|entry| kinds::of(entry.address.kind()).passed_roles(entry));
            sorted(passed.filter(|role| role.service == service && !role.arn.is_empty()).map(|role| role.arn))
        };
        Self {
            scope: scope.clone(),
            prunes,
            gated,
            policies: named(KindId::Policy, "policy"),
            profiles,
            instance_roles: sorted(
                in_profiles.iter().filter(|name| !name.is_empty()).flat_map(|name| role_arn(name)).chain(foreign_roles),
            ),
            backup_roles: passed_to("backup"),
            dispatch_roles: passed_to("ssm"),
            attachments,
            packages: entries(KindId::Package).map(|entry| package(entry, gated)).collect(),
            vaults: entries(KindId::Vault).map(|entry| vault(scope, entry)).collect(),
            kinds: desired.iter().map(|entry| entry.address.kind()).collect(),
            roles,
        }
    }

    /// Tells whether the file has an entry of a kind.
    pub(super) fn declares(&self, kind: KindId) -> bool {
        self.kinds.contains(&kind)
    }

    /// Tells whether a resource of a kind may be the stack's: the file has an entry of it, or asks for what it no
    /// longer has.
    pub(super) fn may_have(&self, kind: KindId) -> bool {
        self.prunes || self.declares(kind)
    }

    /// The ARN pattern of the resources of a service in this account and region.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        self.scope.arn(service, resource)
    }

    /// The ARN pattern of all IAM resources of a sort that can be the stack's: below its path where everything is, else
    /// all, which the stack's tag then narrows.
    pub(super) fn own_iam<'a>(&self, resource: &str, arns: impl Iterator<Item = &'a str>) -> String {
        let below = self.scope.iam_arn(resource, &self.scope.iam_path, "");
        let path = if arns.into_iter().all(|arn| arn.starts_with(&below)) { &self.scope.iam_path } else { "/" };
        self.scope.iam_arn(resource, path, "*")
    }

    /// Associations, as far as the file has some.
    pub(super) fn has_associations(&self) -> bool {
        self.packages.iter().any(|package| !package.is_command)
    }
}

/// Whether a role has the policy that needs a new enough package, or asks for that package's tag in a document of its
/// own.
fn is_gated(role: &Desired) -> bool {
    let field = |name: &str| role.fields.get(name).unwrap_or(&Value::Null);
    texts(field("managed_policies")).iter().any(|arn| arn.ends_with(&format!(":policy/{}", gate::POLICY)))
        || field("inline_policies").to_string().contains(VSS_CONFIG)
}

fn role(arn: String, fields: &Fields) -> Role {
    let declared = |field: &str| fields.get(field).is_some();
    Role {
        arn,
        boundary: fields.get("permissions_boundary").and_then(Value::as_str).map(str::to_owned),
        managed: fields.get("managed_policies").map(texts).into_iter().flatten().map(str::to_owned).collect(),
        has_inline: fields.get("inline_policies").is_some_and(|policies| pairs(policies).next().is_some()),
        is_described: declared("description") || declared("max_session_duration"),
    }
}

fn attachment(entry: &Desired) -> Attachment {
    let (instances, tags) = targets(entry);
    let profile = text(&entry.fields, "instance_profile").to_owned();
    Attachment { profile, replaces: entry.options.contains_key("replace"), instances, tags }
}

fn package(entry: &Desired, gated: bool) -> Package {
    let is_vss = package::is_package(text(&entry.fields, "package_name"));
    let is_command = entry.options.contains_key("run_command");
    let canary = entry.options.get("canary");
    let versioned = is_vss && is_command && gate::wanted(&entry.fields, &entry.options).is_some();
    let mut package = Package {
        is_command,
        goes_first: canary.is_some() || is_vss && gated || versioned,
        is_compared: canary.is_some() || is_vss,
        waits: entry.options.get("wait").is_some_and(|wait| *wait == true),
        instances: Vec::new(),
        tags: Vec::new(),
    };
    (package.instances, package.tags) = targets(entry);
    package
}

/// The ids and the tags of the instances that an entry targets.
fn targets(entry: &Desired) -> (Vec<String>, Vec<(String, Vec<String>)>) {
    let (mut instances, mut tags) = (Vec::new(), Vec::new());
    for (key, values) in entry.fields.get("targets").into_iter().flat_map(pairs) {
        let values: Vec<String> = texts(values).into_iter().map(str::to_owned).collect();
        if key.eq_ignore_ascii_case("InstanceIds") {
            instances.extend(values.into_iter().filter(|id| id != "*"));
        } else if let Some(name) = key.strip_prefix("tag:") {
            tags.push((name.to_owned(), values));
        }
    }
    (instances, tags)
}

fn vault(scope: &Scope, entry: &Desired) -> Vault {
    let lock = entry.fields.get("lock");
    Vault {
        arn: scope.arn("backup", &format!("backup-vault:{}", entry.name)),
        key: Some(text(&entry.fields, "kms_key")).filter(|key| !key.is_empty()).map(str::to_owned),
        has_policy: entry.fields.contains_key("access_policy"),
        has_notifications: entry.fields.contains_key("notifications"),
        has_lock: lock.is_some(),
        has_compliance_lock: lock.is_some_and(|lock| lock["mode"] == "compliance"),
    }
}

pub(super) fn sorted(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    texts.into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}
