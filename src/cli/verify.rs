//! `vssctl verify [INSTANCE...]`.

use std::collections::BTreeSet;

use super::arguments::{Global, VerifyArguments, VerifyFormat};
use super::exit::{CliError, Exit};
use super::invocation::Medium;
use super::proof;
use super::session::Session;
use super::ui::Ui;
use crate::observe::evidence::{Wants, gather};
use crate::render::proof::{junit, markdown, prometheus, sarif, summary, verify as text};
use crate::render::{envelope, html};
use crate::vss::backup::OrderError;
use crate::vss::declared::declared;
use crate::vss::evidence::Evidence;
use crate::vss::verify::{Options, verify};

/// Judges the backups of every protected instance.
pub(super) async fn run(arguments: &VerifyArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    if arguments.summary && arguments.format != VerifyFormat::Text {
        return Err(CliError::invalid("`--summary` is for people: this format has all of the report")
            .hint("leave it out, or leave `--format` out"));
    }
    let max_age = arguments.max_age.as_deref().map(|text| proof::seconds(text, "--max-age")).transpose()?;
    let session = Session::open(global, ui).await?;
    let now = proof::now(&session);
    let since = match &arguments.since {
        Some(text) => proof::moment(text, now, "--since")?,
        None => now.plus(-proof::JOBS),
    };
    ui.status("reading instances, plans and backup jobs");
    let history = arguments.format == VerifyFormat::Html;
    let wants = Wants { jobs_since: Some(since), history, ..Wants::default() };
    let evidence = gather(&session.engine.clients.reader(), now, wants).await;
    ui.clear_status();
    let only = proof::named(&evidence, &arguments.instances)?;
    refuse_others(&evidence, &only)?;
    let declared = declared(&session.engine.config.desired);
    let report = verify(&evidence, &Options { since: Some(since), max_age, only, declared });
    let (findings, unknown) = (report.has_findings(), report.has_unknown());
    let scope = &evidence.scope;
    let file = super::file::uri(&session.path);
    let text = match arguments.format {
        VerifyFormat::Text if arguments.summary => summary::text(&report, scope, ui.width()),
        VerifyFormat::Text => text::text(&report, scope, ui.width()),
        VerifyFormat::Json => proof::written(&envelope::verify(&report, scope).with(&session.problems))?,
        VerifyFormat::Markdown => markdown::verify(&report, scope),
        VerifyFormat::Sarif => proof::written(&sarif::verify(&report, &proof::sarif_origin("verify", &file, scope)))?,
        VerifyFormat::Junit => junit::verify(&report),
        VerifyFormat::Prometheus => prometheus::verify(&report, scope),
        VerifyFormat::Html => html::verify(&report, &evidence, proof::origin(&session, &evidence)),
    };
    ui.answer(&ui.worded(&text, medium(arguments.format, ui)));
    Ok(proof::exit(findings, unknown))
}

/// Refuses instances that were named and have no VSS: to leave them out in silence would look as if all were well.
fn refuse_others(evidence: &Evidence, only: &BTreeSet<String>) -> Result<(), CliError> {
    let mut named = only.iter().filter_map(|id| evidence.instance(id));
    match named.find(|instance| !instance.windows) {
        Some(instance) => {
            let error = OrderError::NotWindows { title: instance.title() };
            let hint = error.hint();
            Err(CliError::invalid(error.to_string()).hint(hint))
        }
        None => Ok(()),
    }
}

fn medium(format: VerifyFormat, ui: &Ui) -> Medium {
    match format {
        VerifyFormat::Text => Medium::Text(ui.width()),
        VerifyFormat::Prometheus => Medium::Text(usize::MAX),
        VerifyFormat::Json | VerifyFormat::Sarif => Medium::Json,
        VerifyFormat::Markdown => Medium::Markdown,
        VerifyFormat::Junit | VerifyFormat::Html => Medium::Markup,
    }
}
