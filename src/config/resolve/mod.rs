//! Turns the entries of a file into desired things in normal form, and holds each against AWS's limits on the way. One
//! file for each kind.

mod across;
mod attachment;
mod iam;
mod package;
mod plan;
mod role;
mod selection;
mod vault;

use crate::kind::Desired;
use crate::kinds;
use crate::kinds::region_settings::spec::RegionSettingsSpec;
use crate::model::KindId;
use crate::model::duration::DurationError;
use crate::model::{Address, Diagnostic};

use super::context::{Context, Declared, Entry};
use super::problems::safe;
use super::tree::Node;

pub(crate) use across::Facts;

/// Resolves a whole file.
pub(crate) fn all(file: &Node, context: &mut Context<'_>) -> Vec<Desired> {
    declare(file, context);
    let mut facts = Facts::default();
    let mut desired = iam::policies(file, context);
    desired.extend(role::roles(file, context, &mut facts));
    desired.extend(iam::profiles(file, context, &mut facts));
    desired.extend(attachment::attachments(file, context));
    desired.extend(package::packages(file, context, &mut facts));
    desired.extend(vault::vaults(file, context, &mut facts));
    desired.extend(plan::plans(file, context, &mut facts));
    desired.extend(region_settings(file, context, &mut facts));
    across::check(context, &facts);
    desired
}

/// The kinds whose entries stand in a table of their own.
const TABLES: [KindId; 7] = [
    KindId::Role,
    KindId::Policy,
    KindId::InstanceProfile,
    KindId::Attachment,
    KindId::Package,
    KindId::Vault,
    KindId::Plan,
];

/// Notes the names of everything, faulty entries included.
fn declare(file: &Node, context: &mut Context<'_>) {
    for kind in TABLES {
        let table = file.get(kind.name());
        let mut declared = Vec::new();
        for (key, member) in table.into_iter().flat_map(Node::members) {
            let given = member.node.get("name").and_then(Node::text);
            let old = old_key(table, &member.node, kind, key);
            declared.push(Declared {
                key: key.to_owned(),
                old_key: old.to_owned(),
                name: given.map_or_else(|| default_name(kind, old), ToOwned::to_owned),
                path: member.node.get("path").and_then(Node::text).map(ToOwned::to_owned),
                place: member.node.get("name").map_or_else(|| member.key.clone(), |name| name.place.clone()),
            });
        }
        context.declared.insert(kind, declared);
    }
    let mut selections = Vec::new();
    for (plan, member) in file.get("plan").into_iter().flat_map(Node::members) {
        let table = member.node.get("selection");
        for (key, selection) in table.into_iter().flat_map(Node::members) {
            let given = selection.node.get("name").and_then(Node::text);
            let old = old_key(table, &selection.node, KindId::Selection, key);
            selections.push(Declared {
                key: format!("{plan}.{key}"),
                old_key: old.to_owned(),
                name: given.unwrap_or(old).to_owned(),
                path: None,
                place: selection.key.clone(),
            });
        }
    }
    context.declared.insert(KindId::Selection, selections);
}

/// Returns the AWS name of an entry that gives none.
pub(super) fn default_name(kind: KindId, key: &str) -> String {
    kinds::of(kind).default_name(key)
}

/// Returns the key that an entry had before, as `renamed_from` says, else the one that it has: AWS names don't follow keys.
fn old_key<'a>(table: Option<&Node>, entry: &'a Node, kind: KindId, key: &'a str) -> &'a str {
    let Some(old) = entry.get("renamed_from").and_then(Node::text) else { return key };
    let old = old.strip_prefix(kind.name()).and_then(|rest| rest.strip_prefix('.')).unwrap_or(old);
    let last = if kind == KindId::Selection { old.rsplit('.').next().unwrap_or(old) } else { old };
    let is_key = Address::new(kind, last).to_string().parse::<Address>().is_ok() && !last.contains('.');
    // One that is still in the file is an error, reported where the entry is read.
    let is_taken = table.is_some_and(|table| table.member(old).is_some());
    if is_key && !is_taken { last } else { key }
}

fn region_settings(file: &Node, context: &mut Context<'_>, facts: &mut Facts) -> Option<Desired> {
    let member = file.member("region_settings")?;
    let address = Address::new(KindId::RegionSettings, "");
    let spec: RegionSettingsSpec = context.spec(&member.node, &member.key, &address)?;
    if spec.resource_type_opt_in.as_ref().and_then(|types| types.get("EC2")) == Some(&false) {
        facts.ec2_opted_out = member.node.at(&["resource_type_opt_in", "EC2"]).map(|node| node.place.clone());
    }
    Some(Desired {
        address,
        name: "region_settings".to_owned(),
        fields: spec.normal_form(),
        options: crate::kind::Fields::new(),
        references: Vec::new(),
        adopt: false,
        protect: false,
        renamed_from: None,
        location: Some(context.problems.sources.locate(&member.key)),
    })
}

/// Reads a duration and reports one that is none.
pub(super) fn duration<T>(
    context: &mut Context<'_>,
    entry: &Entry<'_, T>,
    keys: &[&str],
    text: Option<&str>,
    parse: fn(&str) -> Result<u32, DurationError>,
) -> Option<u32> {
    match parse(text?) {
        Ok(amount) => Some(amount),
        Err(failed) => {
            let message = format!("`{}` {}", safe(&failed.text), safe(&failed.problem));
            let diagnostic = entry.error("VSS0407", message).label("not a duration").help(failed.help());
            context.report(&entry.place(keys), diagnostic);
            None
        }
    }
}

/// Reports a list that is longer than AWS takes.
pub(super) fn at_most(
    what: &str,
    count: usize,
    most: usize,
    diagnostic: impl FnOnce(String) -> Diagnostic,
) -> Option<Diagnostic> {
    (count > most).then(|| diagnostic(format!("{count} {what}, and {most} is the most")).label("too many"))
}

/// Reports a text that is no schedule.
pub(super) fn schedule_error<T>(entry: &Entry<'_, T>, failed: &crate::model::schedule::ScheduleError) -> Diagnostic {
    let message = format!("`{}` {}", safe(&failed.text), safe(&failed.problem));
    let diagnostic = entry.error("VSS0401", message).label("not a schedule that the service takes");
    match &failed.help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}
