//! `vssctl plan`.

use std::path::Path;

use super::arguments::{Global, PlanArguments, PlanFormat};
use super::base::{self, Base};
use super::exit::{CliError, Exit};
use super::formats::{self, Asked};
use super::invocation::shell_word;
use super::session::{self, Session};
use super::spectator::Spectator;
use super::ui::Ui;
use super::{file, github, saved};
use crate::config::Config;
use crate::model::safe::escaped;
use crate::plan::causes;
use crate::plan::drift::drifted;
use crate::plan::file::SavedPlan;
use crate::plan::since::{Moved, since};
use crate::plan::{Options, Plan, hazard};

/// What the plan is held against.
struct Reviewed {
    digest: String,
    plan: Option<SavedPlan>,
}

/// Shows what differs between the file and AWS.
pub(super) async fn run(arguments: &PlanArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    formats::detailed(arguments.detailing, arguments.format)?;
    let reviewed = reviewed(arguments)?;
    let session = Session::open(global, ui).await?;
    let options = session.options(&arguments.scoping, Some(&arguments.pruning))?;
    let base = match &arguments.base {
        Some(reference) => Some(base::read(reference, &session.path, &session.engine.config, ui)?),
        None => None,
    };
    let (mut plan, live) = session.plan(&options).await?;
    if let Some(base) = base {
        label(&mut plan, base, &session, &options).await?;
    }
    let (consents, apply) = (session.consents(&[]), session.line("apply", &options));
    if options.targets.is_empty() {
        plan.diagnostics.extend(hazard::unused(&plan, &consents));
    }
    // It writes all down that the plan saw: only who asks for it pays for it.
    let is_asked = arguments.format != PlanFormat::Text || arguments.out.is_some() || reviewed.is_some();
    let saved = is_asked
        .then(|| session.engine.saved(&plan, &live.kinds, &options, arguments.expires).with_consents(&consents));
    let of_digest = |digest: &String| saved.as_ref().is_some_and(|saved| saved.digest == *digest);
    let stale = reviewed.as_ref().is_some_and(|reviewed| !of_digest(&reviewed.digest));
    let is_bad = || {
        let losses = session.engine.losses(&live, &options);
        arguments.fail_on.is_some_and(|least| drifted(&plan, &losses).iter().any(|one| one.severity >= least))
    };
    let exit = match session::verdict(&plan) {
        Exit::Done if stale => Exit::Stale,
        Exit::Done if arguments.detailed_exitcode && arguments.fail_on.is_none() && !plan.is_empty() => Exit::Changes,
        Exit::Done if is_bad() => Exit::Changes,
        exit => exit,
    };
    match &saved {
        None => ui.answer(&session.render(&plan, &apply, arguments.detailing.detail())),
        Some(saved) => told(saved, &plan, &apply, reviewed.as_ref(), (exit, arguments), &session)?,
    }
    Ok(exit)
}

/// Writes a plan in the format that is asked for, saves it where that is asked for, and says whether it is the reviewed
/// one.
fn told(
    saved: &SavedPlan,
    plan: &Plan,
    line: &str,
    reviewed: Option<&Reviewed>,
    (exit, arguments): (Exit, &PlanArguments),
    session: &Session<'_>,
) -> Result<(), CliError> {
    let ui = session.ui;
    let out = arguments.out.as_deref().filter(|_| session::verdict(plan) == Exit::Done);
    if let Some(path) = out {
        saved::write(path, saved)?;
    }
    let asked = Asked {
        format: arguments.format,
        limit: arguments.limit,
        options_of_same: &session.options_of_same,
        uri: &file::uri(&session.path),
        run: github::Step { exit, stale: exit == Exit::Stale, out },
    };
    let moved = reviewed.and_then(|reviewed| reviewed.plan.as_ref()).map(|old| since(old, saved));
    if let Some(moved) = moved.filter(|moved| !moved.is_empty() && arguments.format == PlanFormat::Text) {
        ui.answer(&said(&moved));
    } else {
        let detail = arguments.detailing.detail();
        let written = formats::written(saved, &asked, || session.render(plan, line, detail))?;
        formats::answer(ui, arguments.format, &written);
    }
    if let Some(reviewed) = reviewed {
        compared(reviewed, saved, plan, ui);
    }
    told_of_file(arguments.out.as_deref(), out.is_some(), saved, ui);
    Ok(())
}

/// Labels the differences of a plan by what they come from.
async fn label(plan: &mut Plan, base: Base, session: &Session<'_>, options: &Options) -> Result<(), CliError> {
    let now = &session.engine.config;
    let config = match base {
        Base::Config(config) => *config,
        Base::Nothing => Config { desired: Vec::new(), ..now.clone() },
    };
    let planned = session.engine.plan_of(&config.desired, options, &Spectator(session.ui)).await;
    let planned = planned.map_err(|error| session.worded(error))?;
    causes::label(plan, &planned, &config.desired);
    Ok(())
}

/// Finds what the plan is held against: a digest, or a plan that was saved.
fn reviewed(arguments: &PlanArguments) -> Result<Option<Reviewed>, CliError> {
    let plan = arguments.reviewed.as_deref().map(saved::read).transpose()?;
    let digest = match (&arguments.expect_digest, &plan) {
        (Some(digest), Some(plan)) if *digest != plan.digest => {
            let error = CliError::invalid("`--expect-digest` is not the digest of the plan of `--reviewed`");
            return Err(error.hint(format!("that plan has the digest {}", plan.digest)));
        }
        (Some(digest), _) => digest.clone(),
        (None, Some(plan)) => plan.digest.clone(),
        (None, None) => return Ok(None),
    };
    Ok(Some(Reviewed { digest, plan }))
}

/// Writes what moved, one line each.
fn said(moved: &[Moved]) -> String {
    let mut text = String::from("This is not the plan that was reviewed. What moved since:\n\n");
    for Moved { address, what } in moved {
        match address {
            Some(address) => text.push_str(&["  ", &address.to_string(), " ", &escaped(what), "\n"].concat()),
            None => text.push_str(&["  ", &escaped(what), "\n"].concat()),
        }
    }
    text
}

/// Says whether the plan is the reviewed one.
fn compared(reviewed: &Reviewed, saved: &SavedPlan, plan: &Plan, ui: &Ui) {
    if reviewed.digest == saved.digest {
        ui.note("This is the plan that was reviewed.");
        return;
    }
    if reviewed.plan.is_none() {
        ui.note("This is not the plan that was reviewed.");
    }
    ui.note(&format!("Reviewed: {}", reviewed.digest));
    ui.note(&format!("Now:      {}", saved.digest));
    if !plan.is_empty() {
        ui.note("Review what it says now, and apply that one.");
    }
}

/// Says where the plan was saved, or why it was not.
fn told_of_file(path: Option<&Path>, is_kept: bool, saved: &SavedPlan, ui: &Ui) {
    match path {
        Some(path) if is_kept => {
            let shown = escaped(&path.display().to_string());
            let word = escaped(&shell_word(&path.to_string_lossy()));
            ui.note(&format!("Saved to `{shown}`: apply it with `vssctl apply {word}`."));
            ui.note(&format!("Digest: {}", saved.digest));
        }
        Some(_) => ui.note("The plan was not saved: it can't be applied as it is."),
        None => {}
    }
}
