//! `wait = true` of a package: after an apply, until its instances have run it.

use crate::kinds;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::exit::CliError;
use super::session::Session;
use crate::apply::{Report, Status};
use crate::kind::{Desired, Found};
use crate::kinds::package::{Installation, InstanceRun, Stage, installation, last_command, runs};
use crate::model::Action;
use crate::model::Address;
use crate::model::safe::Safe;
use crate::model::safe::escaped;

/// How long instances may take. A silent agent answers after an hour or never.
const PATIENCE: Duration = Duration::from_mins(15);

/// How many instances that did not succeed are listed.
const SHOWN: usize = 10;

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
            let good = now.ended && now.failed == 0;
            let runs = if good { Vec::new() } else { instances(session, entry).await };
            // Where another run is at the same package, nothing has failed.
            let busy = runs.iter().filter(|run| run.stage == Stage::Busy).count();
            let now = Installation { failed: now.failed.saturating_sub(busy), ..now };
            session.ui.note(&sentence(address, now, busy));
            session.ui.aside(&listed(&runs));
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

fn sentence(address: &Address, now: Installation, busy: usize) -> String {
    let Installation { succeeded, failed, pending, ended } = now;
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

/// Reads what the run came to on each instance. The verdict stands without it.
async fn instances(session: &Session<'_>, entry: &Desired) -> Vec<InstanceRun> {
    let reader = session.clients.reader();
    let package = kinds::find(entry.address.kind()).expect("the file holds registered kinds only");
    let mut found = package.refresh(&reader, &session.loaded.config.desired).await.found;
    let runs = match found.remove(&entry.address) {
        Some(Found::Live(live)) => runs(&reader, &live).await,
        Some(Found::Absent) => last_command(&reader, entry).await,
        Some(Found::Unknown { .. } | Found::Ambiguous { .. }) | None => return Vec::new(),
    };
    match runs {
        Ok(runs) => runs,
        Err(error) => {
            session.ui.hint(&format!("what the instances wrote could not be read: {}", escaped(&error.to_string())));
            Vec::new()
        }
    }
}

/// Reads how far the instances are, with a fresh reader: what it read once it does not read again.
async fn read(session: &Session<'_>, entry: &Desired) -> Result<Installation, CliError> {
    let reader = session.clients.reader();
    let desired = &session.loaded.config.desired;
    let package = kinds::find(entry.address.kind()).expect("the file holds registered kinds only");
    match package.refresh(&reader, desired).await.found.get(&entry.address) {
        Some(Found::Live(live)) => Ok(installation(&reader, live).await?),
        Some(Found::Unknown { action, message }) => {
            Err(CliError::failed(format!("could not see how far `{}` is: {message}", entry.address))
                .hint(format!("allow `{action}` to the credentials in use")))
        }
        // A command that failed no longer counts as there.
        Some(Found::Absent) => {
            let runs = last_command(&reader, entry).await?;
            let count = |stage: Stage| runs.iter().filter(|run| run.stage == stage).count();
            let failed = count(Stage::Failed) + count(Stage::Busy);
            Ok(Installation {
                succeeded: count(Stage::Succeeded),
                failed: failed.max(1),
                pending: count(Stage::Pending),
                ended: true,
            })
        }
        Some(Found::Ambiguous { .. }) | None => Ok(Installation { ended: true, failed: 1, ..Installation::default() }),
    }
}
