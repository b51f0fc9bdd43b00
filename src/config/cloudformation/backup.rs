//! Backup vaults, plans and selections of a template.

use std::collections::BTreeSet;

use toml::{Table, Value as Toml};

use super::block::{Block, document_text};
use super::round::Round;
use super::spot::{Gap, Spot, TODO};
use super::template::Resource;
use super::types::{self, Sort, Weight};
use crate::config::entry::{is_key, key_of};
use crate::model::KindId;
use crate::model::safe::escaped;

/// What AWS writes before a tag key in the conditions of a selection.
pub(super) const RESOURCE_TAG: &str = "aws:ResourceTag/";

pub(super) fn blocks(round: &mut Round<'_, '_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    for resource in round.of(Sort::Vault) {
        blocks.push(vault(round, resource));
    }
    for resource in round.of(Sort::Plan) {
        blocks.push(plan(round, resource));
    }
    let mut taken = BTreeSet::new();
    for resource in round.of(Sort::Selection) {
        blocks.push(selection(round, resource, &mut taken));
    }
    blocks
}

fn vault(round: &mut Round<'_, '_>, resource: &Resource<'_>) -> Block {
    let id = resource.id;
    let key = round.key(id);
    let mut block = round.start(resource, &[KindId::Vault.name(), &key]);
    let spot = round.spot(id);
    let own = block.fill(id, &spot, "", types::VAULT);
    block.table.extend(own);
    if let Some(Some(policy)) = block.take(id, "access_policy", spot.get("AccessPolicy")) {
        let document = block.document(id, "access_policy", &policy);
        block.table.insert("access_policy".to_owned(), document_text(&document));
    }
    if let Some(Some(notifications)) = block.take(id, "notifications", spot.get("Notifications")) {
        block.origin(id, "notifications", &notifications);
        let before = block.holes.len();
        let table = block.fill(id, &notifications, "notifications", types::NOTIFICATIONS);
        // A vault without notifications is the vault all the same, and half of them are none.
        let is_open = block.holes.len() > before;
        block.holes[before..].iter_mut().for_each(|hole| hole.weight = Weight::Line);
        if !is_open {
            block.table.insert("notifications".to_owned(), table.into());
        }
    }
    if let Some(Some(lock)) = block.take(id, "lock", spot.get("LockConfiguration")) {
        block.origin(id, "lock", &lock);
        let mut table = Table::new();
        // A lock with a grace time is a compliance lock, which the file has to acknowledge in a line of its own.
        let is_firm = matches!(lock.get("ChangeableForDays"), Ok(Some(_)));
        table.insert("mode".to_owned(), if is_firm { "compliance" } else { "governance" }.into());
        table.extend(block.fill(id, &lock, "lock", types::LOCK));
        block.table.insert("lock".to_owned(), table.into());
    }
    block
}

fn plan(round: &mut Round<'_, '_>, resource: &Resource<'_>) -> Block {
    let id = resource.id;
    let key = round.key(id);
    let mut block = round.start(resource, &[KindId::Plan.name(), &key]);
    let spot = round.spot(id);
    let own = block.fill(id, &spot, "", types::PLAN);
    block.table.extend(own);
    let Some(inner) = block.take(id, "", spot.require("BackupPlan")) else { return block };
    if let Some(Some(settings)) = block.take(id, "windows_vss", inner.get("AdvancedBackupSettings")) {
        block.origin(id, "windows_vss", &settings);
        let vss = windows_vss(&settings);
        if let Some(Some(is_on)) = block.take(id, "windows_vss", vss) {
            block.table.insert("windows_vss".to_owned(), is_on.into());
        }
    }
    let rules = inner.require("BackupPlanRule").and_then(|list| list.items());
    let mut table = Table::new();
    let mut names = BTreeSet::new();
    for rule in block.take(id, "rule", rules).unwrap_or_default() {
        let name = rule.require("RuleName").and_then(|name| name.text());
        let Some(name) = block.take(id, "rule", name) else { continue };
        if !names.insert(name.clone()) {
            block.hole(id, "rule", Weight::Entry, rule.gap(format!("is the rule `{}` once more", escaped(&name))));
            continue;
        }
        let key = free_key(&name, |key| !table.contains_key(key));
        let written = self::rule(round, &mut block, id, &rule, (&key, &name));
        table.insert(key, written.into());
    }
    block.table.insert("rule".to_owned(), table.into());
    block
}

/// Returns a key for a name that is taken by nothing else.
fn free_key(name: &str, is_free: impl Fn(&str) -> bool) -> String {
    let plain = if is_key(name) { name.to_owned() } else { key_of(name) };
    let numbered = (2..).map(|number| format!("{plain}-{number}"));
    std::iter::once(plain.clone()).chain(numbered).find(|key| is_free(key)).unwrap_or(plain)
}

/// Reads whether backups of Windows instances are made through VSS. Other options stay unread, and are reported.
fn windows_vss(settings: &Spot<'_>) -> Result<Option<bool>, Gap> {
    let mut found = None;
    for setting in settings.items()? {
        let (sort, options) = (setting.require("ResourceType")?, setting.require("BackupOptions")?);
        let is_ec2 = sort.text()? == "EC2";
        for (name, value) in options.entries()? {
            if is_ec2 && name == "WindowsVSS" {
                found = match value.text()?.as_str() {
                    "enabled" => Some(true),
                    "disabled" => Some(false),
                    _ => return Err(value.gap("is neither `enabled` nor `disabled`")),
                };
            }
        }
    }
    Ok(found)
}

fn rule(round: &Round<'_, '_>, block: &mut Block, id: &str, rule: &Spot<'_>, (key, name): (&str, &str)) -> Table {
    let under = format!("rule.{key}");
    block.origin(id, &under, rule);
    let mut table = Table::new();
    if key != name {
        table.insert("name".to_owned(), name.into());
    }
    let vault = rule.require("TargetBackupVault").and_then(|spot| {
        block.origin(id, &format!("{under}.vault"), &spot);
        round.vault(&spot)
    });
    let vault = block.take(id, &format!("{under}.vault"), vault).unwrap_or_else(|| TODO.to_owned());
    table.insert("vault".to_owned(), vault.into());
    table.extend(block.fill(id, rule, &under, types::RULE));
    lifecycle(block, id, rule, &under, &mut table);
    let copies = rule.get("CopyActions").and_then(|list| list.map_or_else(|| Ok(Vec::new()), |list| list.items()));
    let mut written = Vec::new();
    for (index, copy) in block.take(id, &under, copies).unwrap_or_default().iter().enumerate() {
        let under = format!("{under}.copy_actions.{index}");
        block.origin(id, &under, copy);
        let mut table = Table::new();
        let vault = copy.require("DestinationBackupVaultArn").and_then(|spot| {
            block.origin(id, &format!("{under}.vault"), &spot);
            round.vault(&spot)
        });
        let vault = block.take(id, &format!("{under}.vault"), vault).unwrap_or_else(|| TODO.to_owned());
        table.insert("vault".to_owned(), vault.into());
        lifecycle(block, id, copy, &under, &mut table);
        written.push(Toml::from(table));
    }
    if !written.is_empty() {
        table.insert("copy_actions".to_owned(), written.into());
    }
    table
}

fn lifecycle(block: &mut Block, id: &str, spot: &Spot<'_>, under: &str, table: &mut Table) {
    if let Some(Some(lifecycle)) = block.take(id, under, spot.get("Lifecycle")) {
        let own = block.fill(id, &lifecycle, under, types::LIFECYCLE);
        if own.is_empty() {
            block.silent.push((id.to_owned(), lifecycle.path));
        }
        table.extend(own);
    }
}

fn selection(round: &mut Round<'_, '_>, resource: &Resource<'_>, taken: &mut BTreeSet<(String, String)>) -> Block {
    let id = resource.id;
    let spot = round.spot(id);
    let of = spot.require("BackupPlanId").and_then(|spot| {
        let found = round.evaluator.resources.values();
        let mut plans = found.filter(|plan| plan.sort == Sort::Plan && Some(plan.id) == spot.node.of.as_deref());
        spot.node.is_read.set(true);
        let Some(plan) = plans.next() else {
            spot.text()?;
            return Err(spot.gap("names a plan that is not in the template"));
        };
        let is_out = round.out.contains(plan.id);
        let why = format!("names `{}`, which stands in the file as a comment only", escaped(plan.id));
        Ok((round.key(plan.id), is_out.then(|| spot.gap(why))))
    });
    let name = round.evaluator.given_name(id).and_then(Result::ok).unwrap_or_else(|| id.to_owned());
    // Names of selections are unique within their plan.
    let plan = of.as_ref().map_or_else(|_| TODO.to_owned(), |(plan, _)| plan.clone());
    let is_first = taken.insert((plan.clone(), name.clone()));
    let key = free_key(&name, |key| is_first || !taken.contains(&(plan.clone(), key.to_owned())));
    let names = [KindId::Plan.name(), &plan, KindId::Selection.name(), &key];
    let mut block = round.start(resource, &names);
    if let Some((_, Some(gap))) = block.take(id, "", of) {
        block.hole(id, "", Weight::Entry, gap);
    }
    if !is_first {
        block.hole(id, "", Weight::Entry, spot.gap(format!("is the selection `{}` once more", escaped(&name))));
    }
    let Some(inner) = block.take(id, "", spot.require("BackupSelection")) else { return block };
    let role = inner.require("IamRoleArn").and_then(|spot| {
        block.origin(id, "role", &spot);
        round.role(&spot)
    });
    let role = block.take(id, "role", role).unwrap_or_else(|| TODO.to_owned());
    block.table.insert("role".to_owned(), role.into());
    let mut matching = block.fill(id, &inner, "match", types::SELECTION);
    let conditions = conditions(&mut block, id, &inner);
    matching.extend(block.take(id, "match", conditions).unwrap_or_default());
    block.table.insert("match".to_owned(), matching.into());
    block
}

/// Reads the tags that a selection looks at.
fn conditions(block: &mut Block, id: &str, inner: &Spot<'_>) -> Result<Table, Gap> {
    let mut matching = Table::new();
    if let Some(list) = inner.get("ListOfTags")? {
        block.origin(id, "match.any", &list);
        let mut table = Table::new();
        for one in list.items()? {
            let sort = one.require("ConditionType")?;
            if sort.text()? != "STRINGEQUALS" {
                return Err(sort.gap("is not `STRINGEQUALS`, and AWS Backup takes no other"));
            }
            let (key, value) = (one.require("ConditionKey")?.text()?, one.require("ConditionValue")?.text()?);
            add(&mut table, key, value);
        }
        if !table.is_empty() {
            matching.insert("any".to_owned(), table.into());
        }
    }
    let Some(conditions) = inner.get("Conditions")? else { return Ok(matching) };
    for (property, word) in [
        ("StringEquals", "all"),
        ("StringLike", "like"),
        ("StringNotEquals", "not_equals"),
        ("StringNotLike", "not_like"),
    ] {
        let Some(list) = conditions.get(property)? else { continue };
        block.origin(id, &format!("match.{word}"), &list);
        let mut table = Table::new();
        for one in list.items()? {
            let (key, value) = tag(&one, ["ConditionKey", "ConditionValue"])?;
            add(&mut table, key, value);
        }
        if !table.is_empty() {
            matching.insert(word.to_owned(), table.into());
        }
    }
    Ok(matching)
}

/// Reads the tag of a condition, which AWS writes as `aws:ResourceTag/KEY`.
pub(super) fn tag(one: &Spot<'_>, [key, value]: [&str; 2]) -> Result<(String, String), Gap> {
    let (key, value) = (one.require(key)?, one.require(value)?);
    let name = key.text()?;
    match name.strip_prefix(RESOURCE_TAG) {
        Some(name) => Ok((name.to_owned(), value.text()?)),
        None => Err(key.gap(format!("is `{}`, and AWS takes `{RESOURCE_TAG}` with a tag key", escaped(&name)))),
    }
}

/// Adds a value to those of a tag key.
pub(super) fn add(table: &mut Table, key: String, value: String) {
    let value = Toml::from(value);
    match table.get_mut(&key) {
        Some(Toml::Array(values)) => values.push(value),
        Some(first) => *first = vec![first.clone(), value].into(),
        None => drop(table.insert(key, value)),
    }
}
