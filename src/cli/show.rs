//! `vssctl show [ADDR...]`.

use crate::model::json;
use std::path::Path;

use serde_json::{Value, json};

use super::arguments::{Format, Global, ShowArguments};
use super::exit::{CliError, Exit};
use super::saved;
use super::session::Session;
use super::shown::render_plan;
use super::ui::Ui;
use crate::kind::Found;
use crate::model::safe::escaped;
use crate::model::{Address, Sources};
use crate::render;

/// Shows what is live for the resources of the file.
pub(super) async fn run(arguments: &ShowArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    if let [only] = arguments.addresses.as_slice()
        && Path::new(only).is_file()
    {
        return show_saved(only.as_ref(), ui);
    }
    let session = Session::open(global, ui).await?;
    let wanted = session.addresses(&arguments.addresses)?;
    let live = session.refresh().await;
    let absent = Found::Absent;
    let resources: Vec<(&Address, &str, &Found)> = session
        .engine
        .config
        .desired
        .iter()
        .filter(|desired| wanted.is_empty() || wanted.contains(&desired.address))
        .map(|desired| {
            let found = live.kinds.iter().find_map(|(_, live)| live.found.get(&desired.address)).unwrap_or(&absent);
            (&desired.address, desired.name.as_str(), found)
        })
        .collect();
    let is_unknown = |found: &Found| matches!(found, Found::Unknown { .. } | Found::Ambiguous { .. });
    let unknown = resources.iter().any(|(_, _, found)| is_unknown(found));
    match arguments.format {
        Format::Text => ui.answer(&render::live::text(&resources, ui.width())),
        Format::Json => {
            let resources: Vec<Value> =
                resources.iter().map(|(address, name, found)| resource(address, name, found)).collect();
            let value = json!({ "format": 1, "scope": session.engine.config.scope, "resources": resources });
            let text = json::pretty(&value)
                .map_err(|error| CliError::failed("could not write the answer as JSON").because(error))?;
            ui.answer(&text);
        }
    }
    Ok(if unknown { Exit::Failed } else { Exit::Done })
}

/// Returns one resource for programs.
fn resource(address: &Address, name: &str, found: &Found) -> Value {
    match found {
        Found::Absent => json!({ "address": address, "name": name, "found": "absent" }),
        Found::Live(live) => json!({
            "address": address, "name": live.name, "found": "live", "owner": live.owner, "ids": live.ids,
            "fields": live.fields,
        }),
        Found::Unknown { action, message } => {
            json!({ "address": address, "name": name, "found": "unknown", "action": action, "message": message })
        }
        Found::Ambiguous { ids } => {
            json!({ "address": address, "name": name, "found": "ambiguous", "candidates": ids })
        }
    }
}

/// Renders a saved plan for people.
fn show_saved(path: &Path, ui: &Ui) -> Result<Exit, CliError> {
    let saved = saved::read(path)?;
    ui.answer(&render_plan(&saved.plan(), &Sources::default(), "apply", ui));
    let [created, by, expires] = [&saved.created_at, &saved.caller_arn, &saved.expires_at].map(|text| escaped(text));
    ui.note(&format!("Made {created} by {by}, to be applied until {expires}."));
    ui.note(&format!("Digest: {}", saved.digest));
    Ok(Exit::Done)
}
