//! `vssctl plan`.

use super::arguments::{Format, Global, PlanArguments};
use super::exit::{CliError, Exit};
use super::session::{self, Session};
use super::ui::Ui;
use crate::render;

/// Shows what differs between the file and AWS.
pub(super) async fn run(arguments: &PlanArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let session = Session::open(global, ui).await?;
    let options = session.options(&arguments.scoping, Some(&arguments.pruning))?;
    let plan = session.plan(&options).await?;
    match arguments.format {
        Format::Text => ui.answer(&session.render(&plan)),
        Format::Json => {
            let text = render::json::pretty(&plan)
                .map_err(|error| CliError::failed("could not write the plan as JSON").because(error))?;
            ui.answer(&text);
        }
    }
    Ok(match session::verdict(&plan) {
        Exit::Done if arguments.detailed_exitcode && !plan.is_empty() => Exit::Changes,
        exit => exit,
    })
}
