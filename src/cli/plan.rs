//! `vssctl plan`.

use super::arguments::{Format, Global, PlanArguments};
use super::exit::{CliError, Exit};
use super::saved;
use super::session::{self, Session};
use super::ui::Ui;
use crate::model::json;
use crate::model::safe::escaped;

/// Shows what differs between the file and AWS.
pub(super) async fn run(arguments: &PlanArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let session = Session::open(global, ui).await?;
    let options = session.options(&arguments.scoping, Some(&arguments.pruning))?;
    let (plan, live) = session.plan(&options).await?;
    let saved = session.engine.saved(&plan, &live.kinds, &options, arguments.expires);
    match arguments.format {
        Format::Text => ui.answer(&session.render(&plan, "apply")),
        Format::Json => {
            let text = json::pretty(&saved)
                .map_err(|error| CliError::failed("could not write the plan as JSON").because(error))?;
            ui.answer(&text);
        }
    }
    let verdict = session::verdict(&plan);
    if let Some(path) = &arguments.out {
        if verdict == Exit::Done {
            saved::write(path, &saved)?;
            let shown = escaped(&path.display().to_string());
            ui.note(&format!("Saved to `{shown}`: apply it with `vssctl apply {shown}`."));
            ui.note(&format!("Digest: {}", saved.digest));
        } else {
            ui.note("The plan was not saved: it can't be applied as it is.");
        }
    }
    Ok(match verdict {
        Exit::Done if arguments.detailed_exitcode && !plan.is_empty() => Exit::Changes,
        exit => exit,
    })
}
