//! `vssctl coverage`.

use super::arguments::{CoverageArguments, CoverageFormat, Global};
use super::exit::{CliError, Exit};
use super::file;
use super::invocation::Medium;
use super::proof;
use super::session::Session;
use super::ui::Ui;
use crate::observe::evidence::{Wants, gather};
use crate::render::proof::{coverage as text, markdown, sarif};
use crate::render::{envelope, html};
use crate::vss::coverage::coverage;
use crate::vss::declared::declared;

/// Evaluates every plan against every Windows instance.
pub(super) async fn run(arguments: &CoverageArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let session = Session::open(global, ui).await?;
    ui.status("reading instances and plans");
    let evidence = gather(&session.engine.clients.reader(), proof::now(&session), Wants::default()).await;
    ui.clear_status();
    let declared = declared(&session.engine.config.desired);
    let report = coverage(&evidence).beside(&evidence, &declared);
    let (findings, unknown) = (report.has_findings(), report.has_unknown());
    let scope = &evidence.scope;
    let file = file::uri(&session.path);
    let text = match arguments.format {
        CoverageFormat::Text => text::text(&report, scope, ui.width()),
        CoverageFormat::Json => proof::written(&envelope::coverage(&report, scope).with(&session.problems))?,
        CoverageFormat::Markdown => markdown::coverage(&report, scope),
        CoverageFormat::Sarif => {
            proof::written(&sarif::coverage(&report, &proof::sarif_origin("coverage", &file, scope)))?
        }
        CoverageFormat::Html => html::coverage(&report, &evidence, proof::origin(&session, &evidence)),
    };
    ui.answer(&ui.worded(&text, medium(arguments.format, ui)));
    Ok(proof::exit(findings, unknown))
}

fn medium(format: CoverageFormat, ui: &Ui) -> Medium {
    match format {
        CoverageFormat::Text => Medium::Text(ui.width()),
        CoverageFormat::Json | CoverageFormat::Sarif => Medium::Json,
        CoverageFormat::Markdown => Medium::Markdown,
        CoverageFormat::Html => Medium::Markup,
    }
}
