//! The command line as the audience of a run: it words what the engine tells, and asks what it asks.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde_json::json;

use super::arguments::Consent;
use super::events;
use super::exit::{CliError, Exit};
use super::interrupt::Interrupts;
use super::lease::{kept, not_returned};
use super::pace;
use super::shown::{problems, render_plan};
use super::spectator::Spectator;
use super::ui::Ui;
use crate::apply::{Event, Report};
use crate::aws::Pace;
use crate::engine::{self, Audience, News, PATIENCE};
use crate::kinds::package::{Installation, InstanceRun, Stage};
use crate::model::safe::{Safe, escaped};
use crate::model::{Action, Address, Consents, Sources};
use crate::plan::{Change, Plan, Verdict, hazard};
use crate::render::{self, progress::Progress, report::RunReport, text::Detail};

/// How long the status line says that AWS sets the pace: it is heard each second as long as it does.
const PACED: Duration = Duration::from_secs(2);

/// How many instances that did not succeed are listed.
const SHOWN: usize = 10;

/// How a run speaks and asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner<'a> {
    /// Whether to ask.
    pub(super) consent: Consent,
    /// Events as JSON, one a line, in place of text.
    pub(super) json: bool,
    /// The command, as somebody types it.
    pub(super) line: &'a str,
    /// How much of the plan is shown.
    pub(super) detail: Detail,
    /// What is asked, and the answer that means yes.
    pub(super) question: (&'a str, &'a str),
    /// Said when there is nothing to do, in place of the plan's own words.
    pub(super) nothing: Option<&'a str>,
    /// The whole stack goes.
    pub(super) destroys: bool,
    /// Who runs it, where that is worth saying.
    pub(super) caller: Option<&'a str>,
    /// The options that another command needs to mean the same file and account.
    pub(super) options_of_same: &'a str,
    /// What is consented to.
    pub(super) consents: &'a Consents,
}

/// The terminal of one run.
#[derive(Debug)]
pub(super) struct Terminal<'a> {
    ui: &'a Ui,
    sources: &'a Sources,
    caller_arn: &'a str,
    manner: Manner<'a>,
    interrupts: tokio::sync::Mutex<Option<Interrupts>>,
    said: Mutex<Said>,
}

/// What was said and what went wrong.
#[derive(Debug, Default)]
struct Said {
    /// Who the run is, once.
    caller: bool,
    /// Whom it waits for, once.
    waiting: bool,
    progress: Option<Progress>,
    /// That AWS sets the pace, and when that was heard.
    pace: Option<(Instant, String)>,
    /// What was done, for programs.
    report: Option<RunReport>,
    /// What kept something from being said or asked.
    failed: Option<CliError>,
}

impl<'a> Terminal<'a> {
    pub(super) fn new(ui: &'a Ui, sources: &'a Sources, caller_arn: &'a str, manner: Manner<'a>) -> Self {
        Self { ui, sources, caller_arn, manner, interrupts: tokio::sync::Mutex::default(), said: Mutex::default() }
    }

    /// Returns what kept something from being said or asked.
    pub(super) fn failed(&self) -> Option<CliError> {
        self.said().failed.take()
    }

    /// Returns what was done, for programs.
    pub(super) fn done(&self) -> Option<RunReport> {
        self.said().report.take()
    }

    fn said(&self) -> std::sync::MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what kept something from being said.
    fn note<T>(&self, said: Result<T, CliError>) {
        if let Err(failed) = said {
            self.said().failed.get_or_insert(failed);
        }
    }

    /// Shows a plan before anything happens.
    fn plan(&self, plan: &Plan, verdict: Verdict) {
        let ui = self.ui;
        if self.manner.json {
            let summary = plan.summary();
            let problems: Vec<_> = plan.diagnostics.iter().collect();
            let hazards: Vec<_> = hazard::all(plan)
                .map(|(address, note)| json!({ "address": address, "hazard": note.hazard, "why": note.why }))
                .collect();
            self.note(events::event(
                ui,
                json!({
                    "type": "plan", "format": plan.format, "tool": plan.tool, "scope": plan.scope,
                    "caller": self.caller_arn, "changes": plan.changes,
                    "orphans": plan.orphans, "diagnostics": problems, "hazards": hazards,
                    "add": summary.add, "change": summary.change, "destroy": summary.destroy,
                }),
            ));
            return;
        }
        let silent = plan.is_empty() && !plan.has_refused() && !plan.has_unknown();
        match self.manner.nothing {
            // There is nothing to show but the problems.
            Some(_) if silent && verdict == Verdict::Unread => {
                ui.aside(&problems(&plan.diagnostics, self.sources, ui));
            }
            Some(nothing) if plan.is_empty() && verdict == Verdict::Clean => ui.answer(&format!("{nothing}\n")),
            Some(_) | None => {
                let Manner { consents, line, detail, .. } = self.manner;
                ui.answer(&render_plan(plan, consents, self.sources, (line, detail), ui));
            }
        }
    }

    /// Tells of one event.
    fn event(&self, event: &Event) {
        if self.manner.json {
            self.note(events::event(self.ui, render::progress::event(event)));
            return;
        }
        let mut said = self.said();
        let Said { progress: Some(progress), pace, .. } = &mut *said else { return };
        if let Some(text) = progress.line(event) {
            self.ui.note(&text);
        }
        // What is under way waits, as long as AWS sets the pace: that is what people want to know.
        let status = match pace {
            Some((told, pace)) if told.elapsed() < PACED => pace.clone(),
            Some(_) | None => progress.status(),
        };
        self.ui.status(&status);
    }

    /// Says that AWS sets the pace, and how long the calls take at that that are still to be made.
    fn paced(&self, pace: Pace) {
        if self.manner.json {
            self.note(events::event(self.ui, render::progress::paced(&pace)));
            return;
        }
        let mut said = self.said();
        let waiting = said.progress.as_ref().map_or(0, |progress| progress.calls_left(pace.service));
        let pace = Pace { waiting: waiting.max(pace.waiting), ..pace };
        let count = said.progress.as_ref().map_or_else(String::new, |progress| format!("{} ", progress.count()));
        said.pace = Some((Instant::now(), format!("{count}{}", pace::short(&pace))));
        self.ui.paced(&pace::sentence(&pace), pace.left());
    }

    fn report(&self, report: &Report, plan: &Plan) {
        let ui = self.ui;
        ui.clear_status();
        let is_left_out = |change: &&Change| matches!(change.action, Action::Refused | Action::Unknown);
        let left_out = plan.changes.iter().filter(is_left_out).count();
        if self.manner.json {
            // How the run ended is known a little later, and said there.
            self.said().report = Some(render::report::json(report, left_out));
            return;
        }
        ui.tell(&format!("\n{}", render::report::text(report, self.manner.destroys, left_out, ui.width())));
        let refused = plan.changes.iter().filter(|change| change.action == Action::Refused);
        let refused: Vec<String> = refused.map(|change| format!("`{}`", change.address)).collect();
        if !refused.is_empty() {
            ui.warn(&format!("refused and left as it was: {}; the plan above says why", refused.join(", ")));
        }
    }

    /// Asks, where there is somebody to ask.
    async fn ask(&self) -> engine::Consent {
        let (ui, manner) = (self.ui, &self.manner);
        if let Some(caller) = manner.caller
            && !std::mem::replace(&mut self.said().caller, true)
        {
            ui.note(&format!("This runs as {}.", escaped(caller)));
        }
        if manner.consent.yes {
            return engine::Consent::Given;
        }
        if !ui.interactive() {
            return engine::Consent::Unavailable;
        }
        let (question, yes) = manner.question;
        match ui.ask_aside(&format!("\n{question}")).await {
            Ok(answer) if answer == yes => engine::Consent::Given,
            Ok(_) => {
                ui.note("Nothing was changed.");
                engine::Consent::Declined
            }
            Err(error) => {
                self.said().failed.get_or_insert(error);
                engine::Consent::Declined
            }
        }
    }
}

impl Audience for Terminal<'_> {
    fn tell(&self, news: &News<'_>) {
        let ui = self.ui;
        match *news {
            News::Connecting | News::StillConnecting | News::ClockGap(_) | News::Reading | News::Read => {
                Spectator(ui).tell(news);
            }
            News::Plan { plan, verdict, again } => {
                if again {
                    ui.note("Something has changed meanwhile; this is what is to be done now:");
                }
                self.plan(plan, verdict);
            }
            News::Paced(pace) => self.paced(pace),
            News::Unguarded => {
                ui.warn("nothing keeps other runs out: `--lock=none` is for accounts without Parameter Store");
            }
            News::Leasing => ui.status("taking the lease"),
            News::Waiting(holder) => {
                if !std::mem::replace(&mut self.said().waiting, true) {
                    ui.note(&format!("Waiting: {}.", escaped(&holder.to_string())));
                }
                ui.status("waiting for the lease");
            }
            News::Leased | News::Over => ui.clear_status(),
            News::Quiet(rest) => {
                let seconds = rest.as_secs().max(1);
                ui.note(&format!("Waiting {seconds} s until AWS shows everything that the run before has done."));
            }
            News::Begun(plan) => {
                self.said().progress = Some(Progress::new(plan));
                if !self.manner.json {
                    ui.aside("\n");
                }
            }
            News::Event(event) => self.event(event),
            News::LeaseLost => {
                ui.warn("the lease is lost: nothing more is sent; run it again, it goes on from what is there");
            }
            News::OutOfTime => {
                ui.note("The time of `--timeout` is over: the calls in flight are finished, and no other is begun.");
            }
            News::Stopping => ui.note("Finishing the calls in flight; once more stops at once."),
            News::LeaseKept(lease) => ui.note(&kept(lease, self.manner.options_of_same)),
            News::LeaseNotReturned(failed) => ui.warn(&not_returned(failed, self.manner.options_of_same)),
            News::Settling => ui.status("waiting until AWS shows what it acknowledged"),
            News::Report { report, plan } => self.report(report, plan),
            News::Installing { address, so_far } => ui.status(&format!(
                "{address}: waiting for the instances ({} done, {} left)",
                so_far.succeeded + so_far.failed,
                so_far.pending
            )),
            News::Installed { address, came_to, busy, runs } => {
                ui.clear_status();
                ui.note(&sentence(address, came_to, busy));
                ui.aside(&listed(runs));
            }
            News::RunsUnread(error) => {
                ui.hint(&format!("what the instances wrote could not be read: {}", escaped(&error.sentence())));
            }
        }
    }

    fn consent(&self) -> BoxFuture<'_, engine::Consent> {
        Box::pin(self.ask())
    }

    fn listen(&self) -> std::io::Result<()> {
        // Nobody holds the lock before this.
        if let Ok(mut interrupts) = self.interrupts.try_lock() {
            *interrupts = Some(Interrupts::listen()?);
        }
        Ok(())
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            match self.interrupts.lock().await.as_mut() {
                Some(interrupts) => interrupts.next().await,
                None => std::future::pending().await,
            }
        })
    }
}

/// Picks the exit code of a run.
pub(super) fn exit(end: engine::End) -> Exit {
    match end {
        engine::End::Done => Exit::Done,
        engine::End::Declined | engine::End::Refused => Exit::Refused,
        engine::End::Failed => Exit::Failed,
        engine::End::Partly => Exit::Partly,
        engine::End::Interrupted => Exit::Interrupted,
    }
}

fn sentence(address: &Address, came_to: Installation, busy: usize) -> String {
    let Installation { succeeded, failed, pending, ended } = came_to;
    let rest = if ended {
        String::new()
    } else {
        format!(", {pending} without an answer after {} minutes", PATIENCE.as_secs() / 60)
    };
    let busy = if busy > 0 { format!(", {busy} busy with another run of it") } else { String::new() };
    format!("{address}: ran on {} instances: {succeeded} succeeded, {failed} failed{busy}{rest}", succeeded + failed)
}

/// Lists the instances that did not succeed, with what they wrote.
fn listed(runs: &[InstanceRun]) -> String {
    let mut text = String::new();
    let bad: Vec<&InstanceRun> = runs.iter().filter(|run| run.stage != Stage::Succeeded).collect();
    for run in bad.iter().take(SHOWN) {
        let name = if run.name.is_empty() { String::new() } else { format!(" ({})", Safe(&run.name)) };
        let what = match run.stage {
            Stage::Failed => "failed",
            Stage::Busy => "busy",
            Stage::Pending | Stage::Succeeded => "no answer",
        };
        let _ = writeln!(text, "  {}{name}: {what} ({})", Safe(&run.instance), Safe(&run.status));
        for line in run.output.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            let _ = writeln!(text, "    {}", Safe(line));
        }
    }
    if let Some(more @ 1..) = bad.len().checked_sub(SHOWN) {
        let _ = writeln!(text, "  and {more} more");
    }
    text
}
