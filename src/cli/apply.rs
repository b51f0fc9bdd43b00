//! `vssctl apply`, and the part of it that `destroy` and `adopt` share.

use crate::model::json;
use crate::model::safe::escaped;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::arguments::{ApplyArguments, Consent, Global, Locking};
use super::exit::{CliError, Exit};
use super::interrupt::Interrupts;
use super::lock::{self, Guard};
use super::saved;
use super::session::{self, Session};
use super::ui::Ui;
use super::wait;
use crate::apply::{self, Event, Leftover, Report, settle};
use crate::model::Action;
use crate::plan::build::Options;
use crate::plan::{Hazard, Plan, hazard};
use crate::render::{self, progress::Progress};

/// How often the account is read again before a difference after an apply counts: about half a minute in all.
const SWEEPS: u32 = 6;

/// How a plan is carried out and told of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner<'a> {
    /// The command's name.
    pub(super) operation: &'a str,
    /// Whether to ask.
    pub(super) consent: Consent,
    /// How other runs are kept out.
    pub(super) locking: Locking,
    /// Events as JSON, one a line, in place of text.
    pub(super) json: bool,
    /// How many steps at a time.
    pub(super) parallelism: usize,
    /// What is asked, and the answer that means yes.
    pub(super) question: (&'a str, &'a str),
    /// Said when there is nothing to do, in place of the plan's own words.
    pub(super) nothing: Option<&'a str>,
    /// The whole stack goes.
    pub(super) destroys: bool,
    /// The hazards that are consented to.
    pub(super) allow: &'a [Hazard],
    /// The plan was reviewed as it is: another one is refused, not asked about.
    pub(super) is_pinned: bool,
    /// The digest of the plan that was reviewed, where it is still to be compared.
    pub(super) expect_digest: Option<&'a str>,
}

/// Makes AWS match the file.
pub(super) async fn run(arguments: &ApplyArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    if let Some(path) = &arguments.saved {
        return Box::pin(saved::apply(path, arguments, global, ui)).await;
    }
    let session = Session::open(global, ui).await?;
    let options = session.options(&arguments.scoping, Some(&arguments.pruning))?;
    let question = format!("Apply these changes to {}?\nOnly `yes` is taken: ", session.place());
    let manner = Manner {
        operation: "apply",
        consent: arguments.consent,
        locking: arguments.locking,
        json: arguments.json,
        parallelism: arguments.scoping.parallelism,
        question: (&question, "yes"),
        nothing: None,
        destroys: false,
        allow: &arguments.allowing.allow,
        is_pinned: arguments.expect_digest.is_some(),
        expect_digest: arguments.expect_digest.as_deref(),
    };
    carry_out(&session, &options, &manner).await
}

/// Plans, shows, asks, applies, reports.
pub(super) async fn carry_out(session: &Session<'_>, options: &Options, manner: &Manner<'_>) -> Result<Exit, CliError> {
    let (plan, live) = session.plan(options).await?;
    if let Some(expected) = manner.expect_digest {
        let actual = session.saved(&plan, &live.kinds, options, None).digest;
        if actual != expected {
            session.ui.answer(&session.render(&plan, manner.operation));
            return Err(CliError::new(Exit::Stale, "nothing was changed: this is not the plan that was reviewed")
                .hint(format!("its digest is {actual}"))
                .hint("review what it says now"));
        }
    }
    carry_out_plan(session, &plan, options, manner).await
}

/// Shows a plan, asks, applies, reports.
pub(super) async fn carry_out_plan(
    session: &Session<'_>,
    plan: &Plan,
    options: &Options,
    manner: &Manner<'_>,
) -> Result<Exit, CliError> {
    let ui = session.ui;
    // A read in the middle of another run shows things half made, and hazards that are none: while that run goes on they are
    // judged after it, in `current`; else from a second look, as it may have ended since the first.
    let is_open = !manner.is_pinned && !hazard::unconsented(plan, manner.allow).is_empty();
    let is_busy = is_open && Guard::is_taken(session, &manner.locking).await;
    let again = if is_open && !is_busy { Some(session.build(options).await?.0) } else { None };
    let plan = again.as_ref().unwrap_or(plan);
    let verdict = session::verdict(plan);
    show(session, plan, manner, verdict)?;
    // What is refused or unreadable stays as it is, with what needs it; the rest is done.
    if plan.is_empty() {
        if verdict != Exit::Done {
            ui.note("Nothing was changed.");
        }
        return Ok(verdict);
    }
    if !is_busy {
        refuse_hazards(plan, manner.allow)?;
    }
    if !manner.json && !session.sandbox {
        ui.note(&format!("This runs as {}.", escaped(&session.caller.arn)));
    }
    // Nobody listens for Ctrl-C yet: it ends the run.
    if !consented(ui, manner, None).await? {
        return Ok(Exit::Refused);
    }
    let mut interrupts =
        Interrupts::listen().map_err(|error| CliError::failed("could not listen for Ctrl-C").because(error))?;
    let guard = Guard::take(session, manner.operation, &manner.locking, &mut interrupts).await?;
    let (plan, verdict) = match current(session, options, manner, &guard, &mut interrupts, (plan, verdict)).await {
        Ok(Some(current)) => current,
        ended => {
            guard.end(ui, Some(&Report::default())).await;
            return ended.map(|_| Exit::Refused);
        }
    };
    if plan.is_empty() {
        guard.end(ui, Some(&Report::default())).await;
        return Ok(verdict);
    }
    let report = perform(session, &plan, manner, &guard, &mut interrupts).await?;
    let is_lost = guard.is_lost();
    guard.end(ui, report.as_ref()).await;
    let Some(mut report) = report else {
        ui.warn("stopped at once: calls in flight may or may not have been done; `vssctl plan` shows what is there");
        return Ok(Exit::Interrupted);
    };
    // Nothing is written from here on: whoever is in a hurry has the report, and `plan` for the rest.
    let swept = interrupts.unless(sweep(session, options, &report, &plan)).await;
    let (mut stopped, failed) = (
        swept.is_none(),
        match swept {
            Some(Ok(leftovers)) => {
                report.leftovers = leftovers;
                None
            }
            Some(Err(error)) => Some(error),
            None => None,
        },
    );
    ui.clear_status();
    if manner.json {
        ui.answer(&line(&render::report::json(&report))?);
    } else {
        ui.answer(&format!("\n{}", render::report::text(&report, manner.destroys, ui.width())));
        let refused = plan.changes.iter().filter(|change| change.action == Action::Refused);
        let refused: Vec<String> = refused.map(|change| format!("`{}`", change.address)).collect();
        if !refused.is_empty() {
            ui.warn(&format!("refused and left as it was: {}; the plan above says why", refused.join(", ")));
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let mut installed = true;
    if !stopped && !report.interrupted {
        match interrupts.unless(wait::packages(session, &report, pace(session))).await {
            Some(waited) => installed = waited?,
            None => stopped = true,
        }
        ui.clear_status();
    }
    if stopped {
        ui.note("Stopped waiting until AWS shows all of it: `vssctl plan` shows what is there.");
        return Ok(Exit::Interrupted);
    }
    if is_lost && !report.is_complete() {
        return Ok(if report.has_made() { Exit::Partly } else { Exit::Failed });
    }
    Ok(match ended(&report) {
        Exit::Done if !installed => Exit::Partly,
        // Everything that could be done was done: what the plan refused decides.
        Exit::Done if verdict == Exit::Failed => Exit::Partly,
        Exit::Done => verdict,
        ended => ended,
    })
}

/// Makes sure that the plan is still the one to carry out, now that nobody else writes: after somebody else's run there is
/// another one to show, and to ask about. `None` when the answer is no.
async fn current(
    session: &Session<'_>,
    options: &Options,
    manner: &Manner<'_>,
    guard: &Guard,
    interrupts: &mut Interrupts,
    before: (&Plan, Exit),
) -> Result<Option<(Plan, Exit)>, CliError> {
    let Some(again) = guard.reread(session, options, before.0, interrupts).await? else {
        refuse_hazards(before.0, manner.allow)?;
        return Ok(Some((before.0.clone(), before.1)));
    };
    let verdict = session::verdict(&again);
    if manner.is_pinned {
        return Err(CliError::new(Exit::Stale, "nothing was changed: something has changed meanwhile")
            .hint("plan again, and review what it says now"));
    }
    session.ui.note("Something has changed meanwhile; this is what is to be done now:");
    show(session, &again, manner, verdict)?;
    refuse_hazards(&again, manner.allow)?;
    let consented = again.is_empty() || consented(session.ui, manner, Some(interrupts)).await?;
    Ok(consented.then_some((again, verdict)))
}

/// Reads everything once more, and names what AWS acknowledged and does not show. New things may take seconds to be
/// visible everywhere, so a difference is looked at again before it counts.
async fn sweep(
    session: &Session<'_>,
    options: &Options,
    report: &Report,
    plan: &Plan,
) -> Result<Vec<Leftover>, CliError> {
    if report.calls == 0 || report.interrupted {
        return Ok(Vec::new());
    }
    let mut delay = pace(session);
    for _ in 0..SWEEPS {
        if settle::leftovers(report, plan, &session.build(options).await?.0).is_empty() {
            return Ok(Vec::new());
        }
        session.ui.status("waiting until AWS shows what it acknowledged");
        tokio::time::sleep(delay).await;
        delay *= 2;
    }
    let leftovers = settle::leftovers(report, plan, &session.build(options).await?.0);
    session.ui.clear_status();
    Ok(leftovers)
}

/// How long the first wait is. Nobody's other calls are in the sandbox's way: it is not worth half a second to be polite
/// to it.
fn pace(session: &Session<'_>) -> Duration {
    Duration::from_millis(if session.sandbox { 20 } else { 500 })
}

/// Refuses a plan with a hazard that nobody consented to. `--yes` is no consent to what people may not have seen.
fn refuse_hazards(plan: &Plan, allowed: &[Hazard]) -> Result<(), CliError> {
    let open = hazard::unconsented(plan, allowed);
    if open.is_empty() {
        return Ok(());
    }
    let mut names: Vec<&str> = open.iter().map(|(_, note)| note.hazard.name()).collect();
    names.sort_unstable();
    names.dedup();
    let error = CliError::refused(format!("nothing was changed: the plan needs consent to {}", names.join(", ")));
    let error = open.iter().fold(error, |error, (address, note)| {
        error.hint(format!("{} at `{address}`: {}", note.hazard, escaped(&note.why)))
    });
    Err(error.hint(format!("if all of that is meant, run it again with `--allow {}`", names.join(","))))
}

/// Shows the plan before anything happens.
fn show(session: &Session<'_>, plan: &Plan, manner: &Manner<'_>, verdict: Exit) -> Result<(), CliError> {
    let ui = session.ui;
    if manner.json {
        let summary = plan.summary();
        let problems: Vec<_> = plan.diagnostics.iter().collect();
        let hazards: Vec<_> = hazard::all(plan)
            .map(|(address, note)| serde_json::json!({ "address": address, "hazard": note.hazard, "why": note.why }))
            .collect();
        let head = serde_json::json!({
            "type": "plan", "format": plan.format, "tool": plan.tool, "scope": plan.scope,
            "caller": session.caller.arn, "changes": plan.changes,
            "orphans": plan.orphans, "diagnostics": problems, "hazards": hazards,
            "add": summary.add, "change": summary.change, "destroy": summary.destroy,
        });
        ui.answer(&line(&head)?);
        return Ok(());
    }
    let silent = plan.is_empty() && !plan.has_refused() && !plan.has_unknown();
    match manner.nothing {
        // Nothing is there to show but what is wrong.
        Some(_) if silent && verdict == Exit::Failed => ui.aside(&session.problems(plan)),
        Some(nothing) if plan.is_empty() && verdict == Exit::Done => ui.answer(&format!("{nothing}\n")),
        Some(_) | None => ui.answer(&session.render(plan, manner.operation)),
    }
    Ok(())
}

/// Asks, where there is somebody to ask.
async fn consented(ui: &Ui, manner: &Manner<'_>, interrupts: Option<&mut Interrupts>) -> Result<bool, CliError> {
    if manner.consent.yes {
        return Ok(true);
    }
    if manner.consent.no_input || !ui.interactive() {
        let why = if manner.consent.no_input { "`--no-input` is given" } else { "there is no terminal to ask on" };
        return Err(CliError::refused(format!("nothing was changed: {why}"))
            .hint("read the plan, then run it again with `--yes`"));
    }
    let (question, yes) = manner.question;
    let question = format!("\n{question}");
    let answer = match interrupts {
        Some(interrupts) => interrupts.unless(ui.ask_aside(&question)).await.ok_or_else(lock::stopped)??,
        None => ui.ask(&question)?,
    };
    if answer == yes {
        return Ok(true);
    }
    ui.note("Nothing was changed.");
    Ok(false)
}

/// Makes the calls and tells of them; `None` when a second Ctrl-C ended it at once.
async fn perform(
    session: &Session<'_>,
    plan: &Plan,
    manner: &Manner<'_>,
    guard: &Guard,
    interrupts: &mut Interrupts,
) -> Result<Option<Report>, CliError> {
    let ui = session.ui;
    let (stop, stopped) = watch::channel(false);
    let (sender, mut events) = mpsc::unbounded_channel();
    let writer = match guard.lease() {
        Some(lease) => session.clients.fenced_writer(lease.fence()),
        None => session.clients.writer(),
    };
    let read = Instant::now().checked_sub(Duration::from_millis(session.age())).unwrap_or_else(Instant::now);
    let options = apply::Options { parallelism: manner.parallelism, pace: pace(session), stop: stopped, read };
    let mut progress = Progress::new(plan);
    let work = async {
        let report = apply::run(&writer, plan, &options, &sender).await;
        drop(sender);
        report
    };
    let tell = async {
        while let Some(event) = events.recv().await {
            tell(ui, &mut progress, &event, manner.json)?;
        }
        Ok::<(), CliError>(())
    };
    let lost = async {
        guard.lost().await;
        ui.warn("the lease is lost: nothing more is sent; run it again, it goes on from what is there");
        let _ = stop.send(true);
        std::future::pending::<()>().await;
    };
    let interrupted = async {
        interrupts.next().await;
        ui.note("Finishing the calls in flight; once more stops at once.");
        // The receiver lives as long as the run.
        let _ = stop.send(true);
        interrupts.next().await;
    };
    if !manner.json {
        ui.aside("\n");
    }
    let ended = tokio::select! {
        biased;
        (report, told) = async { tokio::join!(work, tell) } => told.map(|()| Some(report)),
        () = interrupted => Ok(None),
        () = lost => Ok(None),
    };
    ui.clear_status();
    ended
}

/// Tells of one event.
fn tell(ui: &Ui, progress: &mut Progress, event: &Event, json: bool) -> Result<(), CliError> {
    if json {
        ui.answer(&line(&render::progress::event(event))?);
    } else {
        if let Some(text) = progress.line(event) {
            ui.note(&text);
        }
        ui.status(&progress.status());
    }
    Ok(())
}

/// Says how a report ends a run.
fn ended(report: &Report) -> Exit {
    if report.is_complete() {
        Exit::Done
    } else if report.interrupted {
        Exit::Interrupted
    } else if report.has_made() {
        Exit::Partly
    } else {
        Exit::Failed
    }
}

/// Writes a value as a line of JSON.
fn line(value: &serde_json::Value) -> Result<String, CliError> {
    json::line(value).map_err(|error| CliError::failed("could not write an event as JSON").because(error))
}
