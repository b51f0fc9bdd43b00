//! Roles, policies, instance profiles and attachments.

use serde_json::Value;
use toml::{Table, Value as Toml};

use super::{Rows, Writer, document_text, members};
use crate::config::presets;
use crate::kind::Fields;
use crate::kind::value::text;
use crate::model::KindId;
use crate::model::arn::managed_policy_arn;

/// AWS's own session length.
const SESSION: &str = "1h";

pub(super) fn role(writer: &Writer<'_>, fields: &Fields) -> Table {
    let mut rows = Rows::default();
    path(writer, fields, &mut rows);
    rows.text(fields, "description").document(fields, "trust");
    if text(fields, "max_session_duration") != SESSION {
        rows.text(fields, "max_session_duration");
    }
    let boundary = Some(text(fields, "permissions_boundary")).filter(|arn| !arn.is_empty());
    rows.value("permissions_boundary", boundary.map(|arn| policy_named(writer, arn)));
    let managed = fields.get("managed_policies").and_then(Value::as_array).into_iter().flatten();
    let managed: Vec<Toml> = managed.filter_map(Value::as_str).map(|arn| policy_named(writer, arn)).collect();
    rows.value("managed_policies", (!managed.is_empty()).then_some(managed));
    let inline = members(fields.get("inline_policies"));
    let inline: Table = inline.map(|(name, document)| (name.clone(), document_text(document))).collect();
    rows.table("inline_policies", inline).tags(fields).done()
}

pub(super) fn policy(writer: &Writer<'_>, fields: &Fields) -> Table {
    let mut rows = Rows::default();
    path(writer, fields, &mut rows);
    rows.text(fields, "description").document(fields, "document").tags(fields).done()
}

pub(super) fn instance_profile(writer: &Writer<'_>, fields: &Fields) -> Table {
    let mut rows = Rows::default();
    path(writer, fields, &mut rows);
    let role = Some(text(fields, "role")).filter(|role| !role.is_empty());
    rows.value("role", role.map(|role| writer.named(KindId::Role, role))).tags(fields).done()
}

/// What is live of an attachment are instances with their profiles; an entry names one profile.
pub(super) fn attachment(writer: &mut Writer<'_>, fields: &Fields) -> Table {
    let instances: Vec<(&String, &Value)> = members(fields.get("instances")).collect();
    let Some(profile) = instances.first().and_then(|(_, profile)| profile.as_str()) else { return Table::new() };
    let (own, others): (Vec<_>, Vec<_>) = instances.iter().partition(|(_, other)| *other == profile);
    if let Some((other, _)) = others.first() {
        writer.unsaid.push(format!("`{other}` carries another profile than `{}`", own[0].0));
    }
    let ids: Vec<Toml> = own.iter().map(|(id, _)| id.as_str().into()).collect();
    let targets: Table = [("instance_ids".to_owned(), ids.into())].into_iter().collect();
    let mut rows = Rows::default();
    rows.value("instance_profile", Some(writer.named(KindId::InstanceProfile, profile)))
        .table("targets", targets)
        .done()
}

/// Adds the path, unless it is the one of IAM resources for which the file names none.
fn path(writer: &Writer<'_>, fields: &Fields, rows: &mut Rows) {
    let path = Some(text(fields, "path")).filter(|path| !path.is_empty() && *path != writer.scope.iam_path);
    rows.value("path", path);
}

/// Names a managed policy: one of the file by its key, one of AWS's well-known ones by its name, others by ARN.
fn policy_named(writer: &Writer<'_>, arn: &str) -> Toml {
    if let Some(key) = writer.references.key(KindId::Policy, arn) {
        return key.into();
    }
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let is_known = presets::is_known(name) && managed_policy_arn(writer.scope, name) == arn;
    if is_known && !writer.references.means(KindId::Policy, name) { name.into() } else { arn.into() }
}
