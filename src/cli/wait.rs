//! `wait = true` of a package: after an apply, until its instances have run it.

use std::time::{Duration, Instant};

use super::exit::CliError;
use super::session::Session;
use crate::apply::{Report, Status};
use crate::kind::{self, Desired, Found};
use crate::kinds::package::{Installation, installation};
use crate::plan::Action;

/// How long instances may take. A silent agent answers after an hour or never.
const PATIENCE: Duration = Duration::from_mins(15);

/// Waits for every package of the file that an apply changed and that asks for it; tells whether all of them succeeded.
pub(super) async fn packages(session: &Session<'_>, report: &Report, pace: Duration) -> Result<bool, CliError> {
    let mut good = true;
    for entry in &session.loaded.config.desired {
        let applied = report.outcomes.iter().any(|outcome| {
            outcome.address == entry.address
                && matches!(outcome.status, Status::Done)
                && outcome.action != Action::Delete
        });
        let waits = entry.options.get("wait").and_then(serde_json::Value::as_bool).unwrap_or(false);
        if applied && waits {
            good &= package(session, entry, pace).await?;
        }
    }
    Ok(good)
}

async fn package(session: &Session<'_>, entry: &Desired, pace: Duration) -> Result<bool, CliError> {
    let started = Instant::now();
    let address = &entry.address;
    loop {
        let now = read(session, entry).await?;
        if now.ended || started.elapsed() >= PATIENCE {
            session.ui.clear_status();
            session.ui.note(&sentence(address, now));
            if now.failed > 0 || !now.ended {
                session.ui.hint("`aws ssm describe-association-executions` and `aws ssm list-command-invocations` have the output of each instance");
            }
            return Ok(now.ended && now.failed == 0);
        }
        session.ui.status(&format!(
            "{address}: waiting for the instances ({} done, {} left)",
            now.succeeded + now.failed,
            now.pending
        ));
        tokio::time::sleep(pace * 4).await;
    }
}

fn sentence(address: &crate::model::Address, now: Installation) -> String {
    let Installation { succeeded, failed, pending, ended } = now;
    let rest = if ended {
        String::new()
    } else {
        format!(", {pending} without an answer after {} minutes", PATIENCE.as_secs() / 60)
    };
    format!("{address}: ran on {} instances: {succeeded} succeeded, {failed} failed{rest}", succeeded + failed)
}

/// Reads how far the instances are, with a fresh reader: what it read once it does not read again.
async fn read(session: &Session<'_>, entry: &Desired) -> Result<Installation, CliError> {
    let reader = session.clients.reader();
    let desired = &session.loaded.config.desired;
    let package = kind::find(entry.address.kind()).expect("the file holds registered kinds only");
    match package.refresh(&reader, desired).await.found.get(&entry.address) {
        Some(Found::Live(live)) => Ok(installation(&reader, live).await?),
        Some(Found::Unknown { action, message }) => {
            Err(CliError::failed(format!("could not see how far `{}` is: {message}", entry.address))
                .hint(format!("allow `{action}` to the credentials in use")))
        }
        // A command that failed on every instance no longer counts as there.
        Some(Found::Absent | Found::Ambiguous { .. }) | None => {
            Ok(Installation { ended: true, failed: 1, ..Installation::default() })
        }
    }
}
