//! `vssctl drift`.

use super::arguments::{DriftArguments, DriftFormat, Global};
use super::exit::{CliError, Exit};
use super::invocation::Medium;
use super::session::{self, Session};
use super::ui::Ui;
use super::{file, proof, shown};
use crate::plan::drift::drifted;
use crate::render::drift::{self, Drift};
use crate::render::sarif::Origin;

/// Tells how AWS differs from the file, the worst first.
pub(super) async fn run(arguments: &DriftArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    // What is live decides, and nothing that was kept.
    let global = &Global { no_cache: true, ..global.clone() };
    let session = Session::open(global, ui).await?;
    let options = session.options(&arguments.scoping, None)?;
    let (plan, live) = session.plan(&options).await?;
    let losses = session.engine.losses(&live, &options);
    let found = drifted(&plan, &losses);
    let scope = &plan.scope;
    let drift = Drift { plan: &plan, found: &found, scope };
    let uri = |name: &str| file::uri(name.as_ref());
    let text = match arguments.format {
        DriftFormat::Text => {
            let problems = shown::problems(&plan.diagnostics, &session.sources, ui);
            drift::text(&drift, &problems, ui.width())
        }
        DriftFormat::Json => proof::written(&drift::envelope(&drift).with(&session.problems))?,
        DriftFormat::Markdown => drift::markdown(&drift),
        DriftFormat::Issue => drift::issue(&drift),
        DriftFormat::Sarif => {
            let file = file::uri(&session.path);
            let origin = Origin { command: "drift", file: &file, scope: Some(scope) };
            proof::written(&drift::sarif(&drift, &origin, &uri))?
        }
        DriftFormat::Prometheus => drift::prometheus(&drift),
    };
    ui.answer(&ui.worded(&text, medium(arguments.format, ui)));
    Ok(match session::verdict(&plan) {
        Exit::Done if found.iter().any(|one| one.severity >= arguments.fail_on) => Exit::Changes,
        exit => exit,
    })
}

fn medium(format: DriftFormat, ui: &Ui) -> Medium {
    match format {
        DriftFormat::Text => Medium::Text(ui.width()),
        DriftFormat::Prometheus => Medium::Text(usize::MAX),
        DriftFormat::Json | DriftFormat::Sarif => Medium::Json,
        DriftFormat::Markdown | DriftFormat::Issue => Medium::Markdown,
    }
}
