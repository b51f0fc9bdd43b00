//! Restore testing plans of a template, with their selections.

use toml::{Table, Value as Toml};

use super::backup::{add, tag};
use super::block::Block;
use super::round::Round;
use super::spot::{Gap, Spot, TODO};
use super::template::Resource;
use super::types::{self, Sort, Weight};
use crate::model::KindId;
use crate::model::safe::escaped;

/// What stands for all vaults, or all instances.
const ALL: &str = "*";

pub(super) fn blocks(round: &mut Round<'_, '_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    for resource in round.of(Sort::RestoreTest) {
        blocks.push(plan(round, resource));
    }
    for resource in round.of(Sort::RestoreSelection) {
        let spot = round.spot(resource.id);
        let found = spot.require("RestoreTestingPlanName").and_then(|name| {
            let plan = round.meant(&name, &[Sort::RestoreTest])?;
            let plan = plan.ok_or_else(|| name.gap("names a plan that is not in the template"))?;
            let position = blocks.iter().position(|block: &Block| block.id() == plan.id);
            position.ok_or_else(|| name.gap("names a plan that is left out"))
        });
        match found {
            Ok(position) => selection(round, resource, &mut blocks[position]),
            Err(gap) => round.by_hand.push((resource.id.to_owned(), gap)),
        }
    }
    blocks
}

fn plan(round: &mut Round<'_, '_>, resource: &Resource<'_>) -> Block {
    let id = resource.id;
    let key = round.key(id);
    let mut block = round.start(resource, &[KindId::RestoreTest.name(), &key]);
    let spot = round.spot(id);
    let own = block.fill(id, &spot, "", types::RESTORE_TEST);
    block.table.extend(own);
    let Some(points) = block.take(id, "recovery_point_selection", spot.require("RecoveryPointSelection")) else {
        return block;
    };
    block.origin(id, "recovery_point_selection", &points);
    let mut table = block.fill(id, &points, "recovery_point_selection", types::POINTS);
    for (property, key) in [("IncludeVaults", "include_vaults"), ("ExcludeVaults", "exclude_vaults")] {
        let vaults = points.get(property).and_then(|list| list.map_or_else(|| Ok(Vec::new()), |list| list.items()));
        let vaults = vaults.and_then(|vaults| vaults.iter().map(|vault| any_vault(round, vault)).collect());
        let vaults: Vec<String> = block.take(id, "recovery_point_selection", vaults).unwrap_or_default();
        if !vaults.is_empty() {
            table.insert(key.to_owned(), vaults.into_iter().map(Toml::from).collect::<Vec<_>>().into());
        }
    }
    block.table.insert("recovery_point_selection".to_owned(), table.into());
    block
}

fn any_vault(round: &Round<'_, '_>, spot: &Spot<'_>) -> Result<String, Gap> {
    let is_all = spot.text().is_ok_and(|text| text == ALL);
    if is_all { Ok(ALL.to_owned()) } else { round.vault(spot) }
}

fn selection(round: &mut Round<'_, '_>, resource: &Resource<'_>, block: &mut Block) {
    let id = resource.id;
    let spot = round.spot(id);
    block.from.push((id.to_owned(), resource.at.clone()));
    round.refuse(block, id);
    let name = spot.require("RestoreTestingSelectionName").and_then(|name| name.text());
    let Some(name) = block.take(id, "selection", name) else { return };
    let under = format!("selection.{name}");
    block.origin(id, &under, &spot);
    let sort = spot.require("ProtectedResourceType").and_then(|sort| match sort.text()?.as_str() {
        "EC2" => Ok(()),
        other => Err(sort.gap(format!("is `{}`, and the file has a word for EC2 instances only", escaped(other)))),
    });
    block.take(id, &under, sort);
    let mut table = Table::new();
    let role = spot.require("IamRoleArn").and_then(|spot| {
        block.origin(id, &format!("{under}.role"), &spot);
        round.role(&spot)
    });
    let role = block.take(id, &format!("{under}.role"), role).unwrap_or_else(|| TODO.to_owned());
    table.insert("role".to_owned(), role.into());
    table.extend(block.fill(id, &spot, &under, types::RESTORE_SELECTION));
    let matching = matching(block, id, &under, &spot);
    table.insert("match".to_owned(), block.take(id, &under, matching).unwrap_or_default().into());
    let selections = block.table.entry("selection").or_insert_with(|| Table::new().into());
    let Some(selections) = selections.as_table_mut() else { return };
    if selections.insert(name.clone(), table.into()).is_some() {
        let why = format!("is the selection `{}` once more", escaped(&name));
        block.hole(id, &under, Weight::Entry, spot.gap(why));
    }
}

fn matching(block: &mut Block, id: &str, under: &str, spot: &Spot<'_>) -> Result<Table, Gap> {
    let mut matching = Table::new();
    if let Some(arns) = spot.get("ProtectedResourceArns")? {
        block.origin(id, &format!("{under}.match.arns"), &arns);
        let texts = arns.texts()?;
        matching.insert("arns".to_owned(), texts.into_iter().map(Toml::from).collect::<Vec<_>>().into());
    }
    let Some(conditions) = spot.get("ProtectedResourceConditions")? else { return Ok(matching) };
    for (property, word) in [("StringEquals", "all"), ("StringNotEquals", "not_equals")] {
        let Some(list) = conditions.get(property)? else { continue };
        block.origin(id, &format!("{under}.match.{word}"), &list);
        let mut table = Table::new();
        for one in list.items()? {
            let (key, value) = tag(&one, ["Key", "Value"])?;
            add(&mut table, key, value);
        }
        if !table.is_empty() {
            matching.insert(word.to_owned(), table.into());
        }
    }
    Ok(matching)
}
