//! Roles, instance profiles and policies of a template.

use std::collections::BTreeSet;

use serde_json::Value;
use toml::{Table, Value as Toml};

use super::block::{Block, document_text};
use super::round::Round;
use super::spot::{Gap, Spot, TODO};
use super::template::Resource;
use super::types::{self, Sort, Weight};
use crate::config::entry::key_of;
use crate::config::presets;
use crate::kinds::role::spec::Preset;
use crate::model::KindId;
use crate::model::arn::{Arn, managed_policy_arn};
use crate::model::safe::escaped;

/// A role that is being turned into an entry of the file.
struct Draft {
    block: Block,
    trust: Option<Value>,
    managed: Vec<String>,
    inline: Table,
    profile: bool,
}

pub(super) fn blocks(round: &mut Round<'_, '_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let roles = round.of(Sort::Role);
    let mut roles: Vec<Draft> = roles.into_iter().map(|resource| role(round, resource)).collect();
    for resource in round.of(Sort::ManagedPolicy) {
        blocks.push(managed_policy(round, resource, &mut roles));
    }
    for sort in [Sort::InlinePolicy, Sort::RolePolicy] {
        for resource in round.of(sort) {
            blocks.extend(inline_policy(round, resource, &mut roles));
        }
    }
    for resource in round.of(Sort::Profile) {
        blocks.extend(instance_profile(round, resource, &mut roles));
    }
    blocks.extend(roles.into_iter().map(finish));
    blocks
}

/// Writes the path. `/` is what IAM does without one.
fn path(block: &mut Block, id: &str, spot: &Spot<'_>) {
    let Some(Some(value)) = block.take(id, "path", spot.get("Path")) else { return };
    block.origin(id, "path", &value);
    match value.text() {
        Ok(path) if path == "/" => block.silent.push((id.to_owned(), "Path".to_owned())),
        Ok(path) => drop(block.table.insert("path".to_owned(), path.into())),
        Err(gap) => {
            block.table.insert("path".to_owned(), TODO.into());
            block.hole(id, "path", Weight::Entry, gap);
        }
    }
}

fn role(round: &mut Round<'_, '_>, resource: &Resource<'_>) -> Draft {
    let id = resource.id;
    let key = round.key(id);
    let mut block = round.start(resource, &[KindId::Role.name(), &key]);
    let spot = round.spot(id);
    path(&mut block, id, &spot);
    let own = block.fill(id, &spot, "", types::ROLE);
    block.table.extend(own);
    if let Some(Some(boundary)) = block.take(id, "permissions_boundary", spot.get("PermissionsBoundary")) {
        block.origin(id, "permissions_boundary", &boundary);
        let name = policy(round, &boundary);
        let name = block.take(id, "permissions_boundary", name).unwrap_or_else(|| TODO.to_owned());
        block.table.insert("permissions_boundary".to_owned(), name.into());
    }
    let trust = block.take(id, "trust", spot.require("AssumeRolePolicyDocument"));
    let trust = trust.map(|node| block.document(id, "trust", &node));
    let mut draft = Draft { block, trust, managed: Vec::new(), inline: Table::new(), profile: false };
    for (index, item) in listed(&mut draft.block, id, &spot, "ManagedPolicyArns", "managed_policies") {
        draft.block.origin(id, &format!("managed_policies.{index}"), &item);
        let name = policy(round, &item);
        draft.managed.push(draft.block.take(id, "managed_policies", name).unwrap_or_else(|| TODO.to_owned()));
    }
    for (_, item) in listed(&mut draft.block, id, &spot, "Policies", "inline_policies") {
        let name = item.require("PolicyName").and_then(|name| name.text());
        let document = item.require("PolicyDocument");
        let Some(name) = draft.block.take(id, "inline_policies", name) else { continue };
        let Some(document) = draft.block.take(id, "inline_policies", document) else { continue };
        put_inline(&mut draft, id, &name, &document);
    }
    draft
}

/// Returns the items of a list with their indexes; an empty list says nothing.
fn listed<'s>(block: &mut Block, id: &str, spot: &Spot<'s>, property: &str, key: &str) -> Vec<(usize, Spot<'s>)> {
    let Some(Some(list)) = block.take(id, key, spot.get(property)) else { return Vec::new() };
    block.origin(id, key, &list);
    let items = block.take(id, key, list.items()).unwrap_or_default();
    if items.is_empty() && !block.is_out() {
        block.silent.push((id.to_owned(), list.path));
    }
    items.into_iter().enumerate().collect()
}

/// Gives a role an inline policy.
fn put_inline(draft: &mut Draft, id: &str, name: &str, document: &Spot<'_>) {
    let key = format!("inline_policies.{name}");
    if draft.inline.contains_key(name) {
        let why = format!("is the policy `{}` of the role once more", escaped(name));
        draft.block.hole(id, &key, Weight::Entry, document.gap(why));
        return;
    }
    let written = draft.block.document(id, &key, document);
    draft.inline.insert(name.to_owned(), document_text(&written));
}

/// Returns how the file refers to a managed policy: AWS's own by name, those of the template by key.
fn policy(round: &Round<'_, '_>, spot: &Spot<'_>) -> Result<String, Gap> {
    if let Some(own) = round.meant(spot, &[Sort::ManagedPolicy])? {
        return round.refer(own.id, spot);
    }
    let text = spot.text()?;
    let Ok(arn) = text.parse::<Arn>() else { return Err(spot.gap("is no ARN of a policy")) };
    let scope = round.evaluator.scope;
    let name = arn.name().to_owned();
    let here = Arn { partition: scope.partition().to_owned(), ..arn.clone() };
    // A policy of the file would be taken for AWS's where both have one name.
    let is_taken = round.evaluator.resources.values().any(|own| {
        own.sort == Sort::ManagedPolicy
            && (round.key(own.id) == name || round.evaluator.name(own.id).as_ref() == Ok(&name))
    });
    if arn.account != "aws" || managed_policy_arn(scope, &name) != here.to_string() || is_taken {
        return Ok(text);
    }
    // One of another partition is named where the account is made up, and is AWS's own policy here all the same.
    Ok(name)
}

/// The roles that a policy or a profile names: those of the template by their position, others by what is written.
fn named(round: &mut Round<'_, '_>, roles: &[Draft], list: &[Spot<'_>]) -> Vec<(Result<usize, String>, String)> {
    let mut found = Vec::new();
    for spot in list {
        let own = round.meant(spot, &[Sort::Role]);
        let position = |id: &str| roles.iter().position(|draft| draft.block.id() == id);
        found.push(match own {
            Ok(Some(role)) => (position(role.id).ok_or_else(|| role.id.to_owned()), spot.path.clone()),
            Ok(None) => (Err(spot.text().unwrap_or_default()), spot.path.clone()),
            Err(gap) => (Err(gap.why), spot.path.clone()),
        });
    }
    found
}

fn managed_policy(round: &mut Round<'_, '_>, resource: &Resource<'_>, roles: &mut [Draft]) -> Block {
    let id = resource.id;
    let key = round.key(id);
    let mut block = round.start(resource, &[KindId::Policy.name(), &key]);
    let spot = round.spot(id);
    path(&mut block, id, &spot);
    let own = block.fill(id, &spot, "", types::MANAGED_POLICY);
    block.table.extend(own);
    let document = block.take(id, "document", spot.require("PolicyDocument"));
    let document = document.map(|node| block.document(id, "document", &node));
    let document = document.as_ref().map_or_else(|| Toml::from(TODO), document_text);
    block.table.insert("document".to_owned(), document);
    let list = listed(&mut block, id, &spot, "Roles", "document");
    let list: Vec<Spot<'_>> = list.into_iter().map(|(_, item)| item).collect();
    for ((role, path), at) in named(round, roles, &list).into_iter().zip(&list) {
        match role {
            Ok(position) => {
                let draft = &mut roles[position];
                round.refuse(&mut draft.block, id);
                let name = round.refer(id, at);
                let name = draft.block.take(id, "managed_policies", name).unwrap_or_else(|| TODO.to_owned());
                if !draft.managed.contains(&name) {
                    draft.managed.push(name);
                }
                draft.block.from.push((id.to_owned(), resource.at.clone()));
            }
            Err(other) => round.by_hand.push((id.to_owned(), elsewhere(&path, at, &other))),
        }
    }
    block
}

/// Says that a policy goes to a role that the file does not have.
fn elsewhere(path: &str, at: &Spot<'_>, role: &str) -> Gap {
    let why = format!("names a role that is not in the file ({}): give it the policy there", escaped(role));
    Gap { path: path.to_owned(), why, at: at.node.at.clone(), is_wrong: false }
}

/// Gives an inline policy to its roles. For each that the file does not have, returns the entry that it would have.
fn inline_policy(round: &mut Round<'_, '_>, resource: &Resource<'_>, roles: &mut [Draft]) -> Vec<Block> {
    let id = resource.id;
    let spot = round.spot(id);
    let lone = resource.sort == Sort::RolePolicy;
    let list = if lone { spot.require("RoleName").map(|role| vec![role]) } else { spot.get("Roles").and_then(items) };
    let name = spot.require("PolicyName").and_then(|name| name.text());
    let (list, name, document) = match (list, name, spot.require("PolicyDocument")) {
        (Ok(list), Ok(name), Ok(document)) => (list, name, document),
        (Err(gap), ..) | (_, Err(gap), _) | (.., Err(gap)) => {
            round.by_hand.push((id.to_owned(), gap));
            return Vec::new();
        }
    };
    let mut blocks = Vec::new();
    if list.is_empty() {
        round.by_hand.push((id.to_owned(), spot.missing("Roles")));
    }
    for ((role, path), at) in named(round, roles, &list).into_iter().zip(&list) {
        match role {
            Ok(position) => {
                let draft = &mut roles[position];
                round.refuse(&mut draft.block, id);
                draft.block.from.push((id.to_owned(), resource.at.clone()));
                put_inline(draft, id, &name, &document);
            }
            Err(other) => {
                let mut block = Block::new(KindId::Role, &[KindId::Role.name(), &key_of(&other)], id, &resource.at);
                block.hole(id, "", Weight::Entry, elsewhere(&path, at, &other));
                let written = block.document(id, "inline_policies", &document);
                let policies = Table::from_iter([(name.clone(), document_text(&written))]);
                block.table.insert("inline_policies".to_owned(), policies.into());
                blocks.push(block);
            }
        }
    }
    blocks
}

fn items(list: Option<Spot<'_>>) -> Result<Vec<Spot<'_>>, Gap> {
    list.map_or_else(|| Ok(Vec::new()), |list| list.items())
}

fn instance_profile(round: &mut Round<'_, '_>, resource: &Resource<'_>, roles: &mut [Draft]) -> Option<Block> {
    let id = resource.id;
    let key = round.key(id);
    let said = round.said.len();
    let mut block = round.start(resource, &[KindId::InstanceProfile.name(), &key]);
    let spot = round.spot(id);
    path(&mut block, id, &spot);
    let own = block.fill(id, &spot, "", types::PROFILE);
    block.table.extend(own);
    let roles_of = spot.require("Roles").and_then(|list| {
        block.origin(id, "role", &list);
        match list.items()?.as_slice() {
            [one] => Ok(one.clone()),
            _ => Err(list.gap("is no list of one role: a profile holds one")),
        }
    });
    let role = roles_of.and_then(|spot| Ok((round.meant(&spot, &[Sort::Role])?, spot)));
    let Some((own, role)) = block.take(id, "role", role) else {
        block.table.insert("role".to_owned(), TODO.into());
        return Some(block);
    };
    let position = own.and_then(|own| roles.iter().position(|draft| draft.block.id() == own.id));
    if let Some(draft) = position.map(|position| &mut roles[position]) {
        let evaluator = round.evaluator;
        let names = [evaluator.given_name(id), evaluator.given_name(draft.block.id())];
        let is_own = matches!(&names, [Some(Ok(profile)), Some(Ok(role))] if profile == role);
        let has_more = block.table.keys().any(|key| !["name", "path"].contains(&key.as_str()));
        // A profile with the role's own name and path is declared by the role itself.
        if is_own && draft.block.table.get("path") == block.table.get("path") && !has_more && !draft.profile {
            draft.profile = true;
            draft.block.from.push((id.to_owned(), resource.at.clone()));
            draft.block.silent.append(&mut block.silent);
            for hole in block.holes {
                draft.block.hole(id, &hole.key, hole.weight, hole.gap);
            }
            round.said.truncate(said);
            return None;
        }
    }
    let role = match own {
        Some(own) => round.refer(own.id, &role),
        None => role.text().map(|name| round.evaluator.scope.iam_arn("role", "/", &name)),
    };
    let role = block.take(id, "role", role).unwrap_or_else(|| TODO.to_owned());
    block.table.insert("role".to_owned(), role.into());
    Some(block)
}

/// Puts a role into its entry: as a preset where it is one.
fn finish(draft: Draft) -> Block {
    let Draft { mut block, trust, managed, inline, profile } = draft;
    let has =
        |names: &[&str]| managed.iter().map(String::as_str).collect::<BTreeSet<_>>() == names.iter().copied().collect();
    let is = |service: &str| trust.as_ref().is_some_and(|trust| trusts_just(trust, service));
    let vss = is("ec2.amazonaws.com") && has(&[presets::SSM_CORE, presets::VSS_POLICY]);
    let backup = is("backup.amazonaws.com")
        && has(&["AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores"]);
    let mut table = Table::new();
    if vss || backup {
        let preset = if vss { Preset::VssInstance } else { Preset::BackupService };
        table.insert("preset".to_owned(), preset.name().into());
    } else {
        let trust = trust.as_ref().map_or_else(|| Toml::from(TODO), document_text);
        table.insert("trust".to_owned(), trust);
        if !managed.is_empty() {
            table.insert("managed_policies".to_owned(), managed.into_iter().map(Toml::from).collect::<Vec<_>>().into());
        }
    }
    if profile != vss {
        table.insert("instance_profile".to_owned(), profile.into());
    }
    table.extend(std::mem::take(&mut block.table));
    if !inline.is_empty() {
        table.insert("inline_policies".to_owned(), inline.into());
    }
    block.table = table;
    block
}

/// Tells whether a trust policy lets one service in and says nothing else, so that a preset stands for each word of it.
fn trusts_just(trust: &Value, service: &str) -> bool {
    let lone = |value: &Value| match value {
        Value::Array(items) if items.len() == 1 => items[0].clone(),
        other => other.clone(),
    };
    let statement = lone(&trust["Statement"]);
    let has = |value: &Value, keys: usize| value.as_object().is_some_and(|map| map.len() == keys);
    has(trust, 2)
        && trust["Version"] == "2012-10-17"
        && has(&statement, 3)
        && statement["Effect"] == "Allow"
        && has(&statement["Principal"], 1)
        && lone(&statement["Principal"]["Service"]) == service
        && lone(&statement["Action"]) == "sts:AssumeRole"
}
