//! `vssctl show [ADDR...]`.

use crate::model::json;
use std::path::Path;

use super::arguments::{Format, Global, ShowArguments};
use super::exit::{CliError, Exit};
use super::saved;
use super::session::Session;
use super::shown::render_plan;
use super::ui::Ui;
use crate::kind::Found;
use crate::model::safe::escaped;
use crate::model::{Address, Sources};
use crate::plan;
use crate::render;

/// Shows what is live for the resources of the file.
pub(super) async fn run(arguments: &ShowArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    if let [only] = arguments.addresses.as_slice()
        && Path::new(only).is_file()
    {
        return show_saved(only.as_ref(), arguments.format, ui);
    }
    let session = Session::open(global, ui).await?;
    let desired = &session.engine.config.desired;
    let is_in_file = |text: &String| desired.iter().any(|desired| desired.address.to_string() == *text);
    let (wanted, others): (Vec<String>, Vec<String>) = arguments.addresses.iter().cloned().partition(is_in_file);
    let wanted = session.addresses(&wanted)?;
    let live = session.refresh().await;
    // A plan names orphans and second objects too.
    let beside: Vec<(Address, Found)> = plan::beside(desired, &live.kinds)
        .into_iter()
        .filter(|(address, _)| others.contains(&address.to_string()))
        .map(|(address, live)| (address, Found::Live(Box::new(live.clone()))))
        .collect();
    if let Some(text) = others.iter().find(|text| !beside.iter().any(|(address, _)| address.to_string() == **text)) {
        return Err(session.unknown(text));
    }
    let absent = Found::Absent;
    let resources: Vec<(&Address, &str, &Found)> = desired
        .iter()
        .filter(|desired| arguments.addresses.is_empty() || wanted.contains(&desired.address))
        .map(|desired| {
            let found = live.kinds.iter().find_map(|(_, live)| live.found.get(&desired.address)).unwrap_or(&absent);
            (&desired.address, desired.name.as_str(), found)
        })
        .chain(beside.iter().map(|(address, found)| (address, name_of(found), found)))
        .collect();
    let is_unknown = |found: &Found| matches!(found, Found::Unknown { .. } | Found::Ambiguous { .. });
    let unknown = resources.iter().any(|(_, _, found)| is_unknown(found));
    match arguments.format {
        Format::Text => ui.answer(&render::live::text(&resources, ui.width())),
        Format::Json => {
            let answer = render::live::json(&resources, &session.engine.config.scope).with(&session.problems);
            let text = json::pretty(&answer)
                .map_err(|error| CliError::failed("could not write the answer as JSON").because(error))?;
            ui.answer(&text);
        }
    }
    Ok(if unknown { Exit::Failed } else { Exit::Done })
}

fn name_of(found: &Found) -> &str {
    match found {
        Found::Live(live) => &live.name,
        Found::Absent | Found::Unknown { .. } | Found::Ambiguous { .. } => "",
    }
}

/// Renders a saved plan for people, or writes it as it is for programs.
fn show_saved(path: &Path, format: Format, ui: &Ui) -> Result<Exit, CliError> {
    let saved = saved::read(path)?;
    if matches!(format, Format::Json) {
        let text =
            saved.to_text().map_err(|error| CliError::failed("could not write the answer as JSON").because(error))?;
        ui.answer(&text);
        return Ok(Exit::Done);
    }
    ui.answer(&render_plan(&saved.plan(), &Sources::default(), "apply", ui));
    let [created, by, expires] = [&saved.created_at, &saved.caller_arn, &saved.expires_at].map(|text| escaped(text));
    ui.note(&format!("Made {created} by {by}, to be applied until {expires}."));
    ui.note(&format!("Digest: {}", saved.digest));
    Ok(Exit::Done)
}
