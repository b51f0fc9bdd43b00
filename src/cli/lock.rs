//! The lease at the edge: who waits for whom, and what is said about it. `vssctl unlock`.

use std::time::Duration;

use super::arguments::{Global, UnlockArguments};
use super::exit::{CliError, Exit};
use super::session::Session;
use super::ui::Ui;
use crate::apply::lease::{self, Kept, LeaseError, NotReturned, Store, Timing};
use crate::aws::Clients;
use crate::model::safe::escaped;

/// For tests against a simulated account only: lease, renew, grace, settle and poll in milliseconds, with commas between.
const TEST_TIMING: &str = "VSSCTL_TEST_LEASE";

/// The figures of the protocol. They are no setting: runs that disagree about them do not exclude each other.
pub(super) fn timing(real: Timing, is_simulated: bool, clients: &Clients) -> Timing {
    if !is_simulated && !clients.is_local() {
        return real;
    }
    let text = std::env::var(TEST_TIMING).unwrap_or_default();
    let figures: Vec<u64> = text.split(',').filter_map(|figure| figure.parse().ok()).collect();
    match figures[..] {
        [lease, renew, grace, settle, poll] => Timing { lease, renew, grace, settle, poll },
        _ => real,
    }
}

/// Says how long others are kept out.
fn waits(kept: &Kept) -> String {
    format!("the next run waits until {}, {} s from now", kept.free_at, kept.free_in.as_secs())
}

/// Says that a lease is kept, and how to end that.
pub(super) fn kept(lease: &Kept, options: &str) -> String {
    format!(
        "The lease is kept until it runs out, as a call without an answer may still be done: {}. \
         If you know better: `{}`.",
        waits(lease),
        unlocking(lease.epoch, false, options)
    )
}

/// Says that a lease could not be given back, and how to end that.
pub(super) fn not_returned(failed: &NotReturned, options: &str) -> String {
    format!(
        "the lease could not be given back: {}. {}; this run is over, so `{}` ends that at once",
        escaped(&failed.error.to_string()),
        sentence(&waits(&failed.kept)),
        unlocking(failed.kept.epoch, true, options)
    )
}

/// Returns the line that breaks a lease. With `is_over` nothing has to be made sure of first: it asks nobody.
fn unlocking(epoch: u32, is_over: bool, options: &str) -> String {
    format!("vssctl unlock --epoch {epoch}{}{options}", if is_over { " --yes" } else { "" })
}

/// Words why there is no lease.
pub(super) fn refused(session: &Session<'_>, error: LeaseError) -> CliError {
    let stack = &session.engine.config.scope.stack;
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
    let (store, timing) = (Store::new(&session.engine.clients), session.engine.tempo.timing);
    let stack = escaped(&session.engine.config.scope.stack);
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
    if lease::unlock(&store, &holder, &session.engine.caller.arn, &timing).await? {
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
