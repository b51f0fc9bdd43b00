//! The lease at the edge: who waits for whom, and what is said about it. `vssctl unlock`.

use std::time::Duration;

use super::arguments::{Global, LockKind, Locking, UnlockArguments};
use super::exit::{CliError, Exit};
use super::interrupt::Interrupts;
use super::session::Session;
use super::ui::Ui;
use crate::apply::lease::{self, Holder, Kept, Lease, LeaseError, Request, Store, Timing};
use crate::apply::{Report, Status};
use crate::model::safe::escaped;
use crate::plan::Plan;
use crate::plan::build::Options;

/// For tests against a simulated account only: lease, renew, grace, settle and poll in milliseconds, with commas between.
const TEST_TIMING: &str = "VSSCTL_TEST_LEASE";

/// Calls that have neither a token nor a name of their own: that there is nothing must be certain before they are made.
const UNMARKED: [&str; 2] = ["ssm:CreateAssociation", "ssm:SendCommand"];

/// The figures of the protocol. They are no setting: runs that disagree about them do not exclude each other.
fn timing(session: &Session<'_>) -> Timing {
    let real = if session.sandbox { Timing::SIMULATED } else { Timing::REAL };
    if !session.sandbox && !session.clients.is_local() {
        return real;
    }
    let text = std::env::var(TEST_TIMING).unwrap_or_default();
    let figures: Vec<u64> = text.split(',').filter_map(|figure| figure.parse().ok()).collect();
    match figures[..] {
        [lease, renew, grace, settle, poll] => Timing { lease, renew, grace, settle, poll },
        _ => real,
    }
}

/// What a run has of the lease.
pub(super) struct Guard {
    lease: Option<Lease>,
    /// The options that another command needs to mean the same account.
    options: String,
}

impl Guard {
    /// Takes the lease for a run, unless it is to go without.
    pub(super) async fn take(
        session: &Session<'_>,
        operation: &str,
        locking: &Locking,
        interrupts: &mut Interrupts,
    ) -> Result<Self, CliError> {
        let ui = session.ui;
        match locking.lock {
            LockKind::None => {
                ui.warn("nothing keeps other runs out: `--lock=none` is for accounts without Parameter Store");
                return Ok(Self { lease: None, options: String::new() });
            }
            LockKind::Ssm => {}
        }
        let request = Request {
            op: operation.to_owned(),
            caller_arn: session.caller.arn.clone(),
            patience: locking.lock_timeout,
            timing: timing(session),
        };
        ui.status("taking the lease");
        let mut told = false;
        let waiting = |holder: &Holder| {
            if !told {
                ui.note(&format!("Waiting: {}.", escaped(&holder.to_string())));
                told = true;
            }
            ui.status("waiting for the lease");
        };
        let store = Store::new(&session.clients);
        let taken = Box::pin(Lease::take(store, &request, &session.fence, waiting, interrupts.next())).await;
        ui.clear_status();
        match taken {
            Ok(lease) => Ok(Self { lease: Some(lease), options: session.options_of_same.clone() }),
            Err(error) => Err(refused(session, error)),
        }
    }

    /// Tells whether somebody has the lease now. Without leases, or where it can't be read, nobody is known to.
    pub(super) async fn is_taken(session: &Session<'_>, locking: &Locking) -> bool {
        match locking.lock {
            LockKind::None => false,
            LockKind::Ssm => {
                let held = lease::holder(&Store::new(&session.clients), &timing(session)).await;
                held.is_ok_and(|holder| holder.is_some())
            }
        }
    }

    /// Returns the lease, if there is one.
    pub(super) fn lease(&self) -> Option<&Lease> {
        self.lease.as_ref()
    }

    /// Waits until the lease is lost; for ever, if it is not.
    pub(super) async fn lost(&self) {
        match &self.lease {
            Some(lease) => lease.lost().await,
            None => std::future::pending().await,
        }
    }

    /// Tells whether the lease was lost.
    pub(super) fn is_lost(&self) -> bool {
        self.lease.as_ref().is_some_and(Lease::is_lost)
    }

    /// Reads everything again if a run before this one wrote after it was read, or so shortly before that reads may not
    /// show it, or if it was read long ago. Returns the new plan, if there is one.
    pub(super) async fn reread(
        &self,
        session: &Session<'_>,
        options: &Options,
        plan: &Plan,
        interrupts: &mut Interrupts,
    ) -> Result<Option<Plan>, CliError> {
        let rest = |date| self.lease.as_ref().map(|lease| lease.unquiet_at(date)).unwrap_or_default();
        // While somebody thinks about a question, people without a lease may do something.
        if rest(session.read_at()).is_zero() && session.age() < timing(session).lease {
            return Ok(None);
        }
        let (mut again, _) = interrupts.unless(session.build(options)).await.ok_or_else(stopped)??;
        if is_unmarked(&again) && !rest(session.read_at()).is_zero() {
            let rest = rest(session.clients.date());
            if !rest.is_zero() {
                let seconds = rest.as_secs().max(1);
                session
                    .ui
                    .note(&format!("Waiting {seconds} s until AWS shows everything that the run before has done."));
            }
            interrupts.unless(tokio::time::sleep(rest)).await.ok_or_else(stopped)?;
            (again, _) = interrupts.unless(session.build(options)).await.ok_or_else(stopped)??;
        }
        Ok((again.steps != plan.steps).then_some(again))
    }

    /// Gives the lease back, unless something that was sent may still be done.
    pub(super) async fn end(self, ui: &Ui, report: Option<&Report>) {
        let Some(lease) = self.lease else { return };
        let pending = report.is_none_or(|report| report.outcomes.iter().any(|outcome| is_unanswered(&outcome.status)));
        if pending {
            let kept = lease.abandon();
            ui.note(&format!(
                "The lease is kept until it runs out, as a call without an answer may still be done: {}. \
                 If you know better: `{}`.",
                waits(&kept),
                unlocking(kept.epoch, false, &self.options)
            ));
        } else if let Err(failed) = lease.release().await {
            ui.warn(&format!(
                "the lease could not be given back: {}. {}; this run is over, so `{}` ends that at once",
                escaped(&failed.error.to_string()),
                sentence(&waits(&failed.kept)),
                unlocking(failed.kept.epoch, true, &self.options)
            ));
        }
    }
}

/// Says how long others are kept out.
fn waits(kept: &Kept) -> String {
    format!("the next run waits until {}, {} s from now", kept.free_at, kept.free_in.as_secs())
}

/// Returns the line that breaks a lease. With `is_over` nothing has to be made sure of first: it asks nobody.
fn unlocking(epoch: u32, is_over: bool, options: &str) -> String {
    format!("vssctl unlock --epoch {epoch}{}{options}", if is_over { " --yes" } else { "" })
}

/// A call that was sent and that AWS said nothing about: it may still be under way.
fn is_unanswered(status: &Status) -> bool {
    match status {
        Status::Unknown { error, .. } => error.code.is_none(),
        Status::Done | Status::Partial { .. } | Status::Failed { .. } | Status::Skipped { .. } => false,
    }
}

fn is_unmarked(plan: &Plan) -> bool {
    plan.steps.iter().flat_map(|step| &step.calls).any(|call| UNMARKED.contains(&call.action.as_str()))
}

fn refused(session: &Session<'_>, error: LeaseError) -> CliError {
    let stack = &session.loaded.config.scope.stack;
    match error {
        LeaseError::Held(holder) => {
            let (free_at, rest) = (holder.free_at, holder.free_in.as_secs());
            let line = unlocking(holder.epoch, false, &session.options_of_same);
            CliError::new(Exit::Locked, format!("nothing was changed: somebody else is changing stack `{stack}`"))
                .because(*holder)
                .hint("`--lock-timeout 10m` waits for it")
                .hint(format!("if it is not renewed any more, it ends at {free_at}, in {rest} s"))
                .hint(format!("if you know that it is dead: `{line}`"))
        }
        LeaseError::Store(error) => {
            let cli = CliError::from(*error);
            cli.hint("nothing was changed; `--lock=none` goes without the lease, if nobody else can run vssctl now")
        }
        LeaseError::NotReturned { cause, kept } => {
            let line = unlocking(kept.epoch, true, &session.options_of_same);
            refused(session, *cause)
                .hint(format!("a slot that was made on the way is perhaps still held: {}", waits(&kept)))
                .hint(format!("nothing is done under it: `{line}` ends that at once"))
        }
        LeaseError::Slow => CliError::failed("nothing was changed: the lease could not be taken")
            .because(LeaseError::Slow)
            .hint("run it again"),
        LeaseError::Interrupted => stopped(),
    }
}

/// The end of a run that was asked to stop before its first change.
pub(super) fn stopped() -> CliError {
    CliError::new(Exit::Interrupted, "nothing was changed: stopped while waiting")
}

/// Breaks a lease whose holder is known to be dead.
pub(super) async fn unlock(arguments: &UnlockArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let session = Session::open(global, ui).await?;
    let (store, timing) = (Store::new(&session.clients), timing(&session));
    let stack = escaped(&session.loaded.config.scope.stack);
    let Some(holder) = lease::holder(&store, &timing).await? else {
        ui.answer(&format!("Nobody has the lease of stack {stack}.\n"));
        return Ok(Exit::Done);
    };
    if holder.epoch != arguments.epoch {
        return Err(CliError::invalid(format!("epoch {} is not the one that is held", arguments.epoch))
            .because(holder)
            .hint("make sure that it is dead before you name it"));
    }
    ui.answer(&format!("{}\n", sentence(&escaped(&holder.to_string()))));
    if !arguments.consent.yes {
        if arguments.consent.no_input || !ui.interactive() {
            return Err(CliError::refused("nothing was changed: breaking a lease needs consent")
                .hint("a holder that lives would write beside the next one: make sure, then give `--yes`"));
        }
        let question = "\nIf it lives, it would write beside the next one. Break it?\nOnly `yes` is taken: ";
        if ui.ask(question)? != "yes" {
            ui.note("Nothing was changed.");
            return Ok(Exit::Refused);
        }
    }
    if lease::unlock(&store, &holder, &session.caller.arn, &timing).await? {
        ui.answer(&format!("Broke the lease of epoch {}.\n", holder.epoch));
        Ok(Exit::Done)
    } else {
        Err(CliError::new(Exit::Locked, "somebody else took the lease in this moment"))
    }
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// Parses how long to wait for the lease, such as `90s`, `10m` or `1h`.
pub(super) fn patience(text: &str) -> Result<Duration, String> {
    let help = || "write it like `90s`, `10m` or `1h`".to_owned();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let unit = text.chars().last().ok_or_else(help)?;
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| help())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(help()),
    };
    match number.checked_mul(seconds) {
        Some(seconds) if seconds <= 86_400 => Ok(Duration::from_secs(seconds)),
        Some(_) | None => Err("a day is the most".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::AwsError;

    #[test]
    fn a_call_that_aws_said_nothing_about_may_still_be_done() {
        let error = |code: Option<&str>| AwsError {
            code: code.map(str::to_owned),
            ..AwsError::unsettled("backup", "CreateBackupVault", "the connection broke")
        };
        let unknown = |code| Status::Unknown { call: "backup:CreateBackupVault".to_owned(), error: error(code) };
        assert!(is_unanswered(&unknown(None)) && !is_unanswered(&unknown(Some("ServiceUnavailableException"))));
        assert!(!is_unanswered(&Status::Done));
    }

    #[test]
    fn patience_has_a_unit_and_an_end() {
        assert_eq!(patience("0"), Ok(Duration::ZERO));
        assert_eq!(patience("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(patience("10m"), Ok(Duration::from_mins(10)));
        for text in ["", "10", "m", "-1m", "1d", "25h", "18446744073709551615h", "1µ"] {
            assert!(patience(text).is_err(), "{text}");
        }
    }
}
