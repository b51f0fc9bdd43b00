//! Associations of a template that install a package.

use toml::{Table, Value as Toml};

use super::block::Block;
use super::round::Round;
use super::spot::{Gap, Spot, TODO};
use super::template::Resource;
use super::types::{self, Sort, Weight};
use crate::config::entry::key_of;
use crate::kinds::package::DOCUMENT;
use crate::model::safe::escaped;
use crate::model::{Diagnostic, KindId};

pub(super) fn blocks(round: &mut Round<'_, '_>) -> Vec<Block> {
    let resources = round.of(Sort::Association);
    resources.into_iter().filter_map(|resource| association(round, resource)).collect()
}

fn association(round: &mut Round<'_, '_>, resource: &Resource<'_>) -> Option<Block> {
    let id = resource.id;
    let spot = round.spot(id);
    let document = spot.require("Name").and_then(|name| name.text());
    if let Ok(other) = document.as_ref().map(String::as_str)
        && other != DOCUMENT
    {
        let message = format!("`{}` is left out: it runs `{}` and not `{DOCUMENT}`", escaped(id), escaped(other));
        round.said.push((resource.at.clone(), Diagnostic::warning("VSS1103", message).label("left out")));
        leave(&spot);
        return None;
    }
    let key = round.key(id);
    let mut block = round.start(resource, &[KindId::Package.name(), &key]);
    block.take(id, "", document);
    parameters(&mut block, id, &key, &spot);
    let own = block.fill(id, &spot, "", types::ASSOCIATION);
    block.table.extend(own);
    if !block.table.contains_key("schedule") {
        let gap = Gap {
            why: "is missing: it runs once on each instance, for which the file has no word".to_owned(),
            ..spot.missing("ScheduleExpression")
        };
        block.table.insert("schedule".to_owned(), TODO.into());
        block.hole(id, "schedule", Weight::Entry, gap);
    }
    if let Some(Some(role)) =
        block.take(id, "association_dispatch_assume_role", spot.get("AssociationDispatchAssumeRole"))
    {
        block.origin(id, "association_dispatch_assume_role", &role);
        let name = block.take(id, "association_dispatch_assume_role", round.role(&role));
        let name = name.unwrap_or_else(|| TODO.to_owned());
        block.table.insert("association_dispatch_assume_role".to_owned(), name.into());
    }
    let output = spot.get("OutputLocation").and_then(|output| output.map_or(Ok(None), |it| it.get("S3Location")));
    if let Some(Some(output)) = block.take(id, "output_s3_bucket", output) {
        let own = block.fill(id, &output, "", types::OUTPUT);
        block.table.extend(own);
    }
    let found = targets(&mut block, id, &spot);
    let targets = block.take(id, "targets", found).unwrap_or_default();
    block.table.insert("targets".to_owned(), targets.into());
    Some(block)
}

/// Marks what belongs to a resource that is left out as a whole.
pub(super) fn leave(spot: &Spot<'_>) {
    spot.node.is_read.set(true);
    for inner in
        spot.entries().unwrap_or_default().into_iter().map(|(_, value)| value).chain(spot.items().unwrap_or_default())
    {
        leave(&inner);
    }
}

/// Reads the parameters of the document.
fn parameters(block: &mut Block, id: &str, key: &str, spot: &Spot<'_>) {
    let Some(parameters) = block.take(id, "package_name", spot.require("Parameters")) else { return };
    let Some(entries) = block.take(id, "package_name", parameters.entries()) else { return };
    let mut package = None;
    for (name, value) in entries {
        let word = match name {
            "action" => "action",
            "installationType" => "installation_type",
            "version" => "version",
            "name" => "package_name",
            "additionalArguments" => {
                block.origin(id, "additional_arguments", &value);
                let read = arguments(&value);
                match block.take(id, "additional_arguments", read) {
                    Some(arguments) if arguments.is_empty() => block.silent.push((id.to_owned(), value.path)),
                    Some(arguments) => {
                        block.table.insert("additional_arguments".to_owned(), arguments.into());
                    }
                    None => {}
                }
                continue;
            }
            _ => {
                block.hole(id, "", Weight::Entry, value.gap("is a parameter that the file has no word for"));
                continue;
            }
        };
        block.origin(id, word, &value);
        let text = block.take(id, word, value.lone_text());
        match (word, text) {
            ("package_name", text) => package = Some(text.unwrap_or_else(|| TODO.to_owned())),
            // No version is the newest one.
            ("version", Some(text)) if text.is_empty() => block.silent.push((id.to_owned(), value.path)),
            (_, text) => {
                block.table.insert(word.to_owned(), text.map_or_else(|| Toml::from(TODO), Toml::from));
            }
        }
    }
    match package {
        Some(package) if package == key => {}
        Some(package) => drop(block.table.insert("package_name".to_owned(), package.into())),
        None => block.hole(id, "package_name", Weight::Entry, parameters.missing("name")),
    }
}

/// Reads the arguments of the package: JSON in a text.
fn arguments(spot: &Spot<'_>) -> Result<Table, Gap> {
    let text = spot.lone_text()?;
    if text.trim().is_empty() {
        return Ok(Table::new());
    }
    let read: Result<std::collections::BTreeMap<String, String>, _> = serde_json::from_str(&text);
    let arguments = read.map_err(|_| spot.gap("is no JSON object of texts"))?;
    Ok(arguments.into_iter().map(|(name, value)| (name, Toml::from(value))).collect())
}

/// Reads the targets: tags, instances and resource groups.
fn targets(block: &mut Block, id: &str, spot: &Spot<'_>) -> Result<Table, Gap> {
    let mut targets = Table::new();
    if let Some(instance) = spot.get("InstanceId")? {
        block.origin(id, "targets.instance_ids", &instance);
        targets.insert("instance_ids".to_owned(), vec![Toml::from(instance.text()?)].into());
    }
    let Some(list) = spot.get("Targets")? else { return Ok(targets) };
    block.origin(id, "targets", &list);
    for target in list.items()? {
        let (key, values) = (target.require("Key")?, target.require("Values")?);
        let (name, texts) = (key.text()?, values.texts()?);
        let texts = Toml::from(texts.into_iter().map(Toml::from).collect::<Vec<_>>());
        let word = match name.as_str() {
            "InstanceIds" => "instance_ids",
            "resource-groups:Name" => "resource_groups",
            _ => "tags",
        };
        let before = if let Some(tag) = name.strip_prefix("tag:") {
            block.origin(id, &format!("targets.tags.{tag}"), &target);
            let tags = targets.entry("tags").or_insert_with(|| Table::new().into());
            tags.as_table_mut().and_then(|tags| tags.insert(tag.to_owned(), texts))
        } else if word == "tags" {
            let why = format!("is `{}`, a target that the file has no word for", escaped(&name));
            return Err(key.gap(why));
        } else {
            block.origin(id, &format!("targets.{word}"), &target);
            targets.insert(word.to_owned(), texts)
        };
        if before.is_some() {
            return Err(key.gap(format!("is the target `{}` once more", escaped(&name))));
        }
    }
    Ok(targets)
}

/// Returns the key that an association takes: the package that it installs, where no other one has it.
pub(super) fn key(spot: &Spot<'_>, id: &str) -> String {
    let parameters = spot.get("Parameters").ok().flatten();
    let name = parameters.and_then(|parameters| parameters.get("name").ok().flatten());
    name.and_then(|name| name.lone_text().ok()).unwrap_or_else(|| key_of(id))
}
