//! `vssctl show [ADDR...]`.

use crate::model::json;
use std::path::Path;

use super::arguments::{Global, PlanFormat, ShowArguments};
use super::exit::{CliError, Exit};
use super::formats::{self, Asked};
use super::invocation::shell_word;
use super::session::Session;
use super::shown::render_plan;
use super::ui::Ui;
use super::{file, github, saved};
use crate::kind::Found;
use crate::model::safe::escaped;
use crate::model::{Address, Sources};
use crate::plan;
use crate::render;

/// Shows what is live for the resources of the file.
pub(super) async fn run(arguments: &ShowArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    formats::detailed(arguments.detailing, arguments.format)?;
    if let [only] = arguments.addresses.as_slice()
        && Path::new(only).is_file()
    {
        return show_saved(only.as_ref(), arguments, ui);
    }
    if !matches!(arguments.format, PlanFormat::Text | PlanFormat::Json) {
        return Err(CliError::invalid("what is live is shown as `text` or `json`")
            .hint("the other formats are those of a plan: `vssctl show FILE`, or `vssctl plan`"));
    }
    if arguments.detailing.full || arguments.detailing.summary {
        return Err(CliError::invalid("`--full` and `--summary` are for a saved plan")
            .hint("name the file: `vssctl show FILE`; what is live is always shown field by field"));
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
        .filter(|one| others.contains(&one.address.to_string()))
        .map(|one| (one.address, Found::Live(Box::new(one.live.clone()))))
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
        PlanFormat::Text => ui.answer(&render::live::text(&resources, ui.width())),
        PlanFormat::Json
        | PlanFormat::Markdown
        | PlanFormat::Github
        | PlanFormat::GitlabTerraform
        | PlanFormat::Tfplan
        | PlanFormat::Sarif => {
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

/// Writes a saved plan in the format that is asked for.
fn show_saved(path: &Path, arguments: &ShowArguments, ui: &Ui) -> Result<Exit, CliError> {
    let saved = saved::read(path)?;
    let plan = saved.plan();
    let files = saved.changes.iter().filter_map(|change| change.location.as_ref());
    let file = files.map(|location| location.file.clone()).next().unwrap_or_else(|| file::NAME.to_owned());
    let word = escaped(&shell_word(&path.to_string_lossy()));
    let line = format!("vssctl{} apply {word}", ui.invocation().options());
    let asked = Asked {
        format: arguments.format,
        limit: arguments.limit,
        options_of_same: ui.invocation().options(),
        uri: &file::uri(file.as_ref()),
        run: github::Step { exit: Exit::Done, stale: false, out: Some(path) },
    };
    formats::answer(
        ui,
        arguments.format,
        &formats::written(&saved, &asked, || {
            render_plan(&plan, &saved.declared(), &Sources::default(), (&line, arguments.detailing.detail()), ui)
        })?,
    );
    if arguments.format == PlanFormat::Text {
        let [created, by, expires] =
            [&saved.created_at, &saved.caller_arn, &saved.expires_at].map(|text| escaped(text));
        ui.note(&format!("Made {created} by {by}, to be applied until {expires}."));
        ui.note(&format!("Digest: {}", saved.digest));
    }
    Ok(Exit::Done)
}
