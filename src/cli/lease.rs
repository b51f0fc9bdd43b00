//! What is said about the lease: who waits for whom, and how to end that.

use super::exit::{CliError, Exit};
use crate::apply::lease::{Kept, LeaseError, NotReturned, Timing};
use crate::aws::Clients;
use crate::model::safe::escaped;

/// For tests against a simulated account only: lease, renew, grace, settle and poll in milliseconds, with commas
/// between.
const TEST_TIMING: &str = "VSSCTL_TEST_LEASE";

/// Returns the figures of the protocol. They are no setting, because runs with different figures would not exclude each
/// other.
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
        escaped(&failed.error.sentence()),
        sentence(&waits(&failed.kept)),
        unlocking(failed.kept.epoch, true, options)
    )
}

/// Returns the command line that breaks a lease. With `is_over` the run is known to have ended, so that the command
/// need not ask.
fn unlocking(epoch: u32, is_over: bool, options: &str) -> String {
    format!("vssctl{options} unlock --epoch {epoch}{}", if is_over { " --yes" } else { "" })
}

/// Says why there is no lease.
pub(super) fn refused(stack: &str, options_of_same: &str, error: LeaseError) -> CliError {
    match error {
        LeaseError::Held(holder) => {
            let (free_at, rest) = (holder.free_at, holder.free_in.as_secs());
            let line = unlocking(holder.epoch, false, options_of_same);
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
            let line = unlocking(kept.epoch, true, options_of_same);
            refused(stack, options_of_same, *cause)
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

/// Starts a sentence with a capital letter.
pub(super) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}
