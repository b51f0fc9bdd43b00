//! `vssctl doctor [INSTANCE...]`.

use super::arguments::{DoctorArguments, Global, ProofFormat};
use super::exit::{CliError, Exit};
use super::file;
use super::invocation::Medium;
use super::proof;
use super::session::Session;
use super::ui::Ui;
use crate::observe::evidence::{Wants, gather};
use crate::observe::look;
use crate::render::envelope;
use crate::render::proof::{doctor as text, markdown, sarif};
use crate::vss::doctor::{File, Options, diagnose};

/// Examines instances and the plans that select them.
pub(super) async fn run(arguments: &DoctorArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let session = Session::open(global, ui).await?;
    let now = proof::now(&session);
    ui.status("reading instances, agents, roles, plans and backup jobs");
    let wants = Wants { jobs_since: Some(now.plus(-proof::JOBS)), causes: true, ..Wants::default() };
    let mut evidence = gather(&session.engine.clients.reader(), now, wants).await;
    let file = File::of(&session.engine.config.desired);
    let options = Options { only: proof::named(&evidence, &arguments.instances)?, file };
    if arguments.run_commands {
        let ids = look::able(&evidence, &options);
        ui.status(&format!("looking into {} instances", ids.len()));
        evidence.inspections =
            look::look(&session.engine.clients.writer(), &session.engine.clients.reader(), &ids, now).await;
    }
    ui.clear_status();
    let diagnosis = diagnose(&evidence, &options);
    let (findings, unknown) = (diagnosis.has_findings(), diagnosis.has_unknown());
    let scope = &evidence.scope;
    let file = file::uri(&session.path);
    let text = match arguments.format {
        ProofFormat::Text => text::text(&diagnosis, scope, ui.width()),
        ProofFormat::Json => proof::written(&envelope::doctor(&diagnosis, scope).with(&session.problems))?,
        ProofFormat::Markdown => markdown::doctor(&diagnosis, scope),
        ProofFormat::Sarif => proof::written(&sarif::doctor(&diagnosis, &proof::sarif_origin("doctor", &file, scope)))?,
    };
    ui.answer(&ui.worded(&text, medium(arguments.format, ui)));
    Ok(proof::exit(findings, unknown))
}

fn medium(format: ProofFormat, ui: &Ui) -> Medium {
    match format {
        ProofFormat::Text => Medium::Text(ui.width()),
        ProofFormat::Json | ProofFormat::Sarif => Medium::Json,
        ProofFormat::Markdown => Medium::Markdown,
    }
}
