//! A run from its plan to its report.

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::audience::{Audience, Consent, News, paced, unless_stopped};
use super::ended::{End, Ended, of_report};
use super::error::EngineError;
use super::guard::{Beside, Exclusion, Guard, beside};
use super::session::Session;
use super::timings::Part;
use super::wait;
use crate::apply::leftovers::leftovers;
use crate::apply::{self, Leftover, Report};
use crate::model::Consents;
use crate::plan::Options;
use crate::plan::file::SavedPlan;
use crate::plan::{Plan, hazard};

/// How often the account is read again before a difference after an apply counts: about half a minute in all.
const SWEEPS: u32 = 6;

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The command's name, as others who wait for the lease see it.
    pub operation: &'a str,
    /// What is planned.
    pub options: &'a Options,
    /// The hazards that are consented to.
    pub consents: &'a Consents,
    /// The plan that somebody reviewed.
    pub reviewed: Reviewed<'a>,
    /// How other runs are kept out.
    pub exclusion: Exclusion,
    /// How many steps are made at a time.
    pub parallelism: usize,
}

/// The plan that somebody reviewed: another one is refused, not asked about.
#[derive(Clone, Copy, Debug)]
pub enum Reviewed<'a> {
    /// Nobody did.
    No,
    /// The one of this digest.
    Digest(&'a str),
    /// This one.
    Saved(&'a SavedPlan),
}

impl Reviewed<'_> {
    fn is_pinned(self) -> bool {
        !matches!(self, Self::No)
    }
}

/// Plans, tells, asks, applies, and reads what came of it.
///
/// # Errors
/// Whatever ends the run before its first change; afterwards only that what came of it could not be read.
pub async fn carry_out(session: &Session, order: &Order<'_>, audience: &dyn Audience) -> Result<Ended, EngineError> {
    let plan = plan(session, order, audience).await?;
    // A read in the middle of another run shows resources half made, and hazards that are none: while that run goes on
    // they are judged after it, in `current`; from a second look, where it may have ended since the first.
    let is_open = !order.reviewed.is_pinned() && !hazard::unconsented(&plan, order.consents).is_empty();
    let others = if is_open { beside(session, order.exclusion).await } else { Beside::Nobody };
    let is_busy = others == Beside::Somebody;
    let plan = if others == Beside::Perhaps { session.build(order.options, audience).await?.0 } else { plan };
    audience.tell(&News::Plan { plan: &plan, verdict: plan.verdict(), again: false });
    // What is refused or unreadable stays as it is, with what needs it; the rest is done.
    if plan.is_empty() {
        return Ok(Ended::before_calls(plan.verdict().into(), plan));
    }
    if !is_busy {
        refuse_hazards(&plan, order.consents)?;
    }
    // Nobody listens for Ctrl-C yet: it ends the run.
    if !agreed(audience.consent().await)? {
        return Ok(Ended::before_calls(End::Declined, plan));
    }
    audience.listen().map_err(EngineError::Deaf)?;
    let taken = Guard::take(session, order.operation, order.exclusion, audience);
    let guard = Box::pin(session.timings.of(Part::Leasing, taken)).await?;
    let again = session.in_time(current(session, order, &guard, plan, audience));
    let (plan, agreed) = match Box::pin(again).await {
        Ok(current) => current,
        Err(error) => {
            guard.end(Some(&Report::default()), audience).await;
            return Err(error);
        }
    };
    if !agreed || plan.is_empty() {
        guard.end(Some(&Report::default()), audience).await;
        let end = if agreed { plan.verdict().into() } else { End::Declined };
        return Ok(Ended::before_calls(end, plan));
    }
    let changes = perform(session, order, &plan, &guard, audience);
    let report = Box::pin(session.timings.of(Part::Changing, changes)).await;
    let is_cut_short = guard.is_lost() || session.is_out_of_time();
    guard.end(report.as_ref(), audience).await;
    match report {
        Some(report) => finish(session, order, plan, report, is_cut_short, audience).await,
        None => Ok(Ended { is_cut_off: true, ..Ended::before_calls(End::Interrupted, plan) }),
    }
}

/// Plans what is to be done, and makes sure that it is what was reviewed.
async fn plan(session: &Session, order: &Order<'_>, audience: &dyn Audience) -> Result<Plan, EngineError> {
    if let Reviewed::Saved(saved) = order.reviewed {
        saved.check_time(session.now()).map_err(EngineError::Refusal)?;
        let (plan, live) = session.build(order.options, audience).await?;
        saved.check_fresh(&plan, &live.kinds).map_err(EngineError::Refusal)?;
        saved.check_hidden(&session.config.hidden).map_err(EngineError::Refusal)?;
        return Ok(plan);
    }
    let (plan, live) = session.plan(order.options, audience).await?;
    if let Reviewed::Digest(expected) = order.reviewed {
        let digest = session.saved(&plan, &live.kinds, order.options, None).digest;
        if digest != expected {
            audience.tell(&News::Plan { plan: &plan, verdict: plan.verdict(), again: false });
            return Err(EngineError::NotReviewed { digest });
        }
    }
    Ok(plan)
}

/// Makes sure that the plan is still the one to carry out, now that nobody else writes: after somebody else's run there
/// is another one to show, and to ask about. Tells also whether the answer is yes.
async fn current(
    session: &Session,
    order: &Order<'_>,
    guard: &Guard,
    before: Plan,
    audience: &dyn Audience,
) -> Result<(Plan, bool), EngineError> {
    let Some(again) = guard.reread(session, order.options, &before, audience).await? else {
        refuse_hazards(&before, order.consents)?;
        return Ok((before, true));
    };
    if order.reviewed.is_pinned() {
        return Err(EngineError::Moved);
    }
    audience.tell(&News::Plan { plan: &again, verdict: again.verdict(), again: true });
    refuse_hazards(&again, order.consents)?;
    if again.is_empty() {
        return Ok((again, true));
    }
    let consent = unless_stopped(audience, audience.consent()).await.ok_or(EngineError::Stopped)?;
    Ok((again, agreed(consent)?))
}

fn agreed(consent: Consent) -> Result<bool, EngineError> {
    match consent {
        Consent::Given => Ok(true),
        Consent::Declined => Ok(false),
        Consent::Unavailable => Err(EngineError::NobodyToAsk),
    }
}

/// Refuses a plan with a hazard that nobody consented to. A `yes` is no consent to what people may not have seen.
fn refuse_hazards(plan: &Plan, consents: &Consents) -> Result<(), EngineError> {
    let open = hazard::unconsented(plan, consents);
    if open.is_empty() {
        return Ok(());
    }
    Err(EngineError::Hazards(open.into_iter().map(|(address, note)| (address.clone(), note.clone())).collect()))
}

/// Makes the calls and tells of them; `None` when a second request to stop ended it at once.
async fn perform(
    session: &Session,
    order: &Order<'_>,
    plan: &Plan,
    guard: &Guard,
    audience: &dyn Audience,
) -> Option<Report> {
    let (stop, stopped) = watch::channel(false);
    let (sender, mut events) = mpsc::unbounded_channel();
    let writer = guard.writer(session);
    let writer = apply::Revealing { inner: &writer, hidden: &session.config.hidden };
    let age = std::time::Duration::from_millis(session.age());
    let read = Instant::now().checked_sub(age).unwrap_or_else(Instant::now);
    let options = apply::Options { parallelism: order.parallelism, pace: session.tempo.pace, stop: stopped, read };
    let work = async {
        let report = paced(&session.clients, audience, apply::run(&writer, plan, &options, &sender)).await;
        drop(sender);
        report
    };
    let tell = async {
        while let Some(event) = events.recv().await {
            audience.tell(&News::Event(&event));
        }
    };
    let lost = async {
        guard.lost().await;
        audience.tell(&News::LeaseLost);
        let _ = stop.send(true);
        std::future::pending::<()>().await;
    };
    let late = async {
        session.out_of_time().await;
        audience.tell(&News::OutOfTime);
        let _ = stop.send(true);
        std::future::pending::<()>().await;
    };
    let interrupted = async {
        audience.stop().await;
        audience.tell(&News::Stopping);
        // The receiver lives as long as the run.
        let _ = stop.send(true);
        audience.stop().await;
    };
    audience.tell(&News::Begun(plan));
    let ended = tokio::select! {
        biased;
        (report, ()) = async { tokio::join!(work, tell) } => Some(report),
        () = interrupted => None,
        () = lost => None,
        () = late => None,
    };
    audience.tell(&News::Over);
    ended
}

/// Reads what came of it, tells it, and waits for instances where the file says so. Nothing is written from here on:
/// whoever is in a hurry has the report, and `plan` for the rest.
async fn finish(
    session: &Session,
    order: &Order<'_>,
    plan: Plan,
    mut report: Report,
    is_cut_short: bool,
    audience: &dyn Audience,
) -> Result<Ended, EngineError> {
    session.timings.set_critical(std::mem::take(&mut report.critical));
    let sweep = session.timings.of(Part::Settling, sweep(session, order.options, &report, &plan, audience));
    let sweep = session.in_time(sweep);
    let swept = match unless_stopped(audience, Box::pin(sweep)).await {
        // What is there is for the next run to see.
        Some(Err(EngineError::OutOfTime)) => None,
        swept => swept,
    };
    let mut is_unsettled = swept.is_none();
    let unread = match swept {
        Some(Ok(leftovers)) => {
            report.leftovers = leftovers;
            None
        }
        Some(Err(error)) => Some(error),
        None => None,
    };
    audience.tell(&News::Report { report: &report, plan: &plan });
    if let Some(error) = unread {
        return Err(error);
    }
    let mut installed = true;
    if !is_unsettled && !report.interrupted {
        let waited = session.in_time(wait::packages(session, &report, audience));
        match unless_stopped(audience, Box::pin(waited)).await {
            Some(Err(EngineError::OutOfTime)) | None => is_unsettled = true,
            Some(waited) => installed = waited?,
        }
    }
    let end = if is_cut_short && !report.is_complete() {
        // What stopped it was no request.
        if report.has_made() { End::Partly } else { End::Failed }
    } else if is_unsettled {
        if session.is_out_of_time() { End::Partly } else { End::Interrupted }
    } else {
        of_report(&report, plan.verdict(), installed)
    };
    Ok(Ended { end, plan, report: Some(report), is_cut_off: false, is_unsettled })
}

/// Reads everything once more, and names what AWS acknowledged and does not show. New resources may take seconds to be
/// visible everywhere, so a difference is looked at again before it counts.
async fn sweep(
    session: &Session,
    options: &Options,
    report: &Report,
    plan: &Plan,
    audience: &dyn Audience,
) -> Result<Vec<Leftover>, EngineError> {
    if report.calls == 0 || report.interrupted {
        return Ok(Vec::new());
    }
    let mut delay = session.tempo.pace;
    for _ in 0..SWEEPS {
        if leftovers(report, plan, &session.build_again(options, plan, audience).await?.0).is_empty() {
            return Ok(Vec::new());
        }
        audience.tell(&News::Settling);
        tokio::time::sleep(delay).await;
        delay *= 2;
    }
    Ok(leftovers(report, plan, &session.build_again(options, plan, audience).await?.0))
}
