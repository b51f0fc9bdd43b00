//! `wait = true` of a package: after an apply, until its instances have run it.

use std::time::Duration;

use tokio::time::Instant;

use super::audience::{Audience, News};
use super::error::EngineError;
use super::session::Session;
use crate::apply::{Report, Status};
use crate::kind::{Desired, Found};
use crate::kinds;
use crate::kinds::package::{Installation, InstanceRun, Stage, installation, last_command, runs};
use crate::model::Action;

/// How long instances may take. A silent agent answers after an hour or never.
pub const PATIENCE: Duration = Duration::from_mins(15);

/// Waits for every package of the file that an apply changed and that asks for it; tells whether all of them succeeded.
pub(super) async fn packages(session: &Session, report: &Report, audience: &dyn Audience) -> Result<bool, EngineError> {
    let mut good = true;
    for entry in &session.config.desired {
        let applied = report.outcomes.iter().any(|outcome| {
            outcome.address == entry.address
                && matches!(outcome.status, Status::Done)
                && outcome.action != Action::Delete
        });
        let waits = entry.options.get("wait").and_then(serde_json::Value::as_bool).unwrap_or(false);
        if applied && waits {
            good &= package(session, entry, audience).await?;
        }
    }
    Ok(good)
}

async fn package(session: &Session, entry: &Desired, audience: &dyn Audience) -> Result<bool, EngineError> {
    let started = Instant::now();
    loop {
        let now = read(session, entry).await?;
        if now.ended || started.elapsed() >= PATIENCE {
            let good = now.ended && now.failed == 0;
            let runs = if good { Vec::new() } else { instances(session, entry, audience).await };
            // Where another run is at the same package, nothing has failed.
            let busy = runs.iter().filter(|run| run.stage == Stage::Busy).count();
            let came_to = Installation { failed: now.failed.saturating_sub(busy), ..now };
            audience.tell(&News::Installed { address: &entry.address, came_to, busy, runs: &runs });
            return Ok(came_to.ended && came_to.failed == 0);
        }
        audience.tell(&News::Installing { address: &entry.address, so_far: now });
        tokio::time::sleep(session.tempo.pace * 4).await;
    }
}

/// Reads what the run came to on each instance. The verdict stands without it.
async fn instances(session: &Session, entry: &Desired, audience: &dyn Audience) -> Vec<InstanceRun> {
    let reader = session.clients.reader();
    let package = kinds::of(entry.address.kind());
    let mut found = package.refresh(&reader, &session.config.desired).await.found;
    let runs = match found.remove(&entry.address) {
        Some(Found::Live(live)) => runs(&reader, &live).await,
        Some(Found::Absent) => last_command(&reader, entry).await,
        Some(Found::Unknown { .. } | Found::Ambiguous { .. }) | None => return Vec::new(),
    };
    runs.unwrap_or_else(|error| {
        audience.tell(&News::RunsUnread(&error));
        Vec::new()
    })
}

/// Reads how far the instances are, with a fresh reader: what it read once it does not read again.
async fn read(session: &Session, entry: &Desired) -> Result<Installation, EngineError> {
    let reader = session.clients.reader();
    let desired = &session.config.desired;
    let package = kinds::of(entry.address.kind());
    match package.refresh(&reader, desired).await.found.get(&entry.address) {
        Some(Found::Live(live)) => Ok(installation(&reader, live).await?),
        Some(Found::Unknown { action, message }) => Err(EngineError::Unread {
            address: entry.address.clone(),
            action: action.clone(),
            message: message.clone(),
        }),
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
