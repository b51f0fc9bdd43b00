//! Roles, instance profiles and policies of a template.

use crate::model::KindId;
use crate::model::arn::managed_policy_arn;
use std::collections::BTreeSet;

use serde_json::Value;
use toml::{Table, Value as Toml};

use super::resolve::{Place as Goes, Resolver, as_text, logical};
use super::tables::{Tables, document_text, tags, toml_of};
use super::template::{Import, Resource};
use crate::config::presets;
use crate::model::Diagnostic;
use crate::policy;

/// A role that is being turned into an entry of the file.
struct Draft<'a> {
    resource: &'a Resource<'a>,
    trust: Option<Value>,
    managed: Vec<String>,
    inline: Table,
    entry: Table,
    profile: bool,
}

pub(super) fn write(import: &mut Import, resolver: &Resolver<'_>, resources: &[Resource<'_>], tables: &mut Tables) {
    let of = |sort: &'static str| resources.iter().filter(move |resource| resource.named.sort == sort);
    let mut roles: Vec<Draft<'_>> = of("AWS::IAM::Role").map(|resource| role(import, resolver, resource)).collect();
    for resource in of("AWS::IAM::ManagedPolicy") {
        managed_policy(import, resolver, resource, &mut roles, tables);
    }
    for resource in of("AWS::IAM::Policy") {
        inline_policy(import, resolver, resource, &mut roles);
    }
    for resource in of("AWS::IAM::InstanceProfile") {
        instance_profile(import, resolver, resource, &mut roles, tables);
    }
    for draft in roles {
        finish(draft, tables);
    }
}

/// Copies properties as they are to the keys that the file has for them.
fn copy(
    import: &mut Import,
    resolver: &Resolver<'_>,
    resource: &Resource<'_>,
    entry: &mut Table,
    names: &[(&str, &str)],
) {
    for (property, key) in names {
        let Some(node) = resource.properties.and_then(|properties| properties.get(property)) else { continue };
        let Some(value) = import.value(resolver, node, Goes::Field) else { continue };
        if *property == "Path" && value == "/" {
            continue;
        }
        let value = if *property == "Tags" { Some(tags(&value).into()) } else { toml_of(&value) };
        if let Some(value) = value {
            entry.insert((*key).to_owned(), value);
        }
    }
}

fn role<'a>(import: &mut Import, resolver: &Resolver<'_>, resource: &'a Resource<'a>) -> Draft<'a> {
    let known = [
        "RoleName",
        "Path",
        "Description",
        "AssumeRolePolicyDocument",
        "MaxSessionDuration",
        "ManagedPolicyArns",
        "Policies",
        "PermissionsBoundary",
        "Tags",
    ];
    import.left_out(resource.id, resource.properties, &known);
    let mut entry = Table::new();
    let copied = [
        ("Path", "path"),
        ("Description", "description"),
        ("MaxSessionDuration", "max_session_duration"),
        ("PermissionsBoundary", "permissions_boundary"),
        ("Tags", "tags"),
    ];
    copy(import, resolver, resource, &mut entry, &copied);
    let get = |property: &str| resource.properties.and_then(|properties| properties.get(property));
    let trust = get("AssumeRolePolicyDocument").and_then(|node| import.value(resolver, node, Goes::Document));
    let managed = get("ManagedPolicyArns").and_then(|node| import.value(resolver, node, Goes::Field));
    let managed = managed.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(as_text);
    let managed = managed.map(|arn| short(resolver, arn)).collect();
    let mut inline = Table::new();
    for node in get("Policies").map(super::document::Node::items).unwrap_or_default() {
        let name = node.get("PolicyName").and_then(|name| import.value(resolver, name, Goes::Field));
        let document = node.get("PolicyDocument").and_then(|text| import.value(resolver, text, Goes::Document));
        if let (Some(name), Some(document)) = (name.as_ref().and_then(as_text), document) {
            inline.insert(name, document_text(&document));
        }
    }
    Draft { resource, trust, managed, inline, entry, profile: false }
}

/// Names AWS's own policies as the file does: by name and not by ARN.
fn short(resolver: &Resolver<'_>, arn: String) -> String {
    let name = arn.rsplit('/').next().unwrap_or(&arn);
    if managed_policy_arn(resolver.scope, name) == arn { name.to_owned() } else { arn }
}

/// The roles that a policy or a profile names.
fn named<'a, 'b>(roles: &'a mut [Draft<'b>], resource: &Resource<'_>) -> Vec<&'a mut Draft<'b>> {
    let list = resource.properties.and_then(|properties| properties.get("Roles"));
    let wanted: BTreeSet<&str> = list
        .into_iter()
        .flat_map(super::document::Node::items)
        .filter_map(|node| logical(node).or_else(|| node.text()))
        .collect();
    roles
        .iter_mut()
        .filter(|draft| wanted.contains(draft.resource.id) || wanted.contains(draft.resource.named.name.as_str()))
        .collect()
}

fn managed_policy(
    import: &mut Import,
    resolver: &Resolver<'_>,
    resource: &Resource<'_>,
    roles: &mut [Draft<'_>],
    tables: &mut Tables,
) {
    let known = ["ManagedPolicyName", "Path", "Description", "PolicyDocument", "Roles"];
    import.left_out(resource.id, resource.properties, &known);
    let mut entry = Table::new();
    copy(import, resolver, resource, &mut entry, &[("Path", "path"), ("Description", "description")]);
    let node = resource.properties.and_then(|properties| properties.get("PolicyDocument"));
    if let Some(document) = node.and_then(|node| import.value(resolver, node, Goes::Document)) {
        entry.insert("document".to_owned(), document_text(&document));
    }
    let key = tables.put(KindId::Policy, &resource.named.name, resource.id, entry);
    for draft in named(roles, resource) {
        if !draft.managed.contains(&key) {
            draft.managed.push(key.clone());
        }
    }
}

fn inline_policy(import: &mut Import, resolver: &Resolver<'_>, resource: &Resource<'_>, roles: &mut [Draft<'_>]) {
    import.left_out(resource.id, resource.properties, &["PolicyName", "PolicyDocument", "Roles"]);
    let node = resource.properties.and_then(|properties| properties.get("PolicyDocument"));
    let Some(document) = node.and_then(|node| import.value(resolver, node, Goes::Document)) else { return };
    for draft in named(roles, resource) {
        draft.inline.insert(resource.named.name.clone(), document_text(&document));
    }
}

fn instance_profile(
    import: &mut Import,
    resolver: &Resolver<'_>,
    resource: &Resource<'_>,
    roles: &mut [Draft<'_>],
    tables: &mut Tables,
) {
    import.left_out(resource.id, resource.properties, &["InstanceProfileName", "Path", "Roles"]);
    let mut entry = Table::new();
    copy(import, resolver, resource, &mut entry, &[("Path", "path")]);
    let own = named(roles, resource).into_iter().next();
    // A profile with the role's own name and path is declared by the role itself.
    if let Some(draft) = own {
        if draft.resource.named.name == resource.named.name && draft.entry.get("path") == entry.get("path") {
            draft.profile = true;
            return;
        }
        entry.insert("role".to_owned(), draft.resource.named.name.as_str().into());
        tables.put(KindId::InstanceProfile, &resource.named.name, resource.id, entry);
        return;
    }
    let roles = resource.properties.and_then(|properties| properties.get("Roles"));
    let role = roles.and_then(|node| import.value(resolver, node, Goes::Field));
    if let Some(role) = role.as_ref().and_then(|roles| roles[0].as_str()) {
        entry.insert("role".to_owned(), resolver.scope.iam_arn("role", "/", role).into());
        tables.put(KindId::InstanceProfile, &resource.named.name, resource.id, entry);
    } else {
        let message = "an instance profile without a role is left out".to_owned();
        import.report(&resource.at, Diagnostic::warning("VSS1103", message).label("left out"));
    }
}

/// Puts a role into the file: as a preset where it is one.
fn finish(draft: Draft<'_>, tables: &mut Tables) {
    let Draft { resource, trust, managed, inline, entry, profile } = draft;
    let is =
        |service: &str| trust.as_ref().is_some_and(|trust| policy::equal(trust, &policy::trust_policy(&[service])));
    let has =
        |names: &[&str]| managed.iter().map(String::as_str).collect::<BTreeSet<_>>() == names.iter().copied().collect();
    let mut table = Table::new();
    let vss = is("ec2.amazonaws.com") && has(&[presets::SSM_CORE, presets::VSS_POLICY]);
    let backup = is("backup.amazonaws.com")
        && has(&["AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores"]);
    if vss {
        table.insert("preset".to_owned(), "vss-instance".into());
    } else if backup {
        table.insert("preset".to_owned(), "backup-service".into());
    } else {
        if let Some(trust) = &trust {
            table.insert("trust".to_owned(), document_text(trust));
        }
        if !managed.is_empty() {
            table.insert("managed_policies".to_owned(), managed.into_iter().map(Toml::from).collect::<Vec<_>>().into());
        }
    }
    if profile != vss {
        table.insert("instance_profile".to_owned(), profile.into());
    }
    let (tags, plain): (Vec<_>, Vec<_>) = entry.into_iter().partition(|(key, _)| key == "tags");
    table.extend(plain);
    // Sub-tables come last, as TOML wants them.
    if !inline.is_empty() {
        table.insert("inline_policies".to_owned(), inline.into());
    }
    table.extend(tags);
    tables.put(KindId::Role, &resource.named.name, resource.id, table);
}
