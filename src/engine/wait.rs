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

/// How often it is looked for agents that are lost, in paces: half a minute.
const BETWEEN_LOOKS: u32 = 60;

/// What Systems Manager says of an agent that it has not heard of for a while.
const LOST: [&str; 2] = ["ConnectionLost", "Inactive"];

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
    let mut looked = Instant::now();
    loop {
        let now = read(session, entry).await?;
        if !now.ended && looked.elapsed() >= session.tempo.pace * BETWEEN_LOOKS {
            looked = Instant::now();
            if let Some(runs) = lost(session, entry, &now).await {
                let came_to = Installation { failed: now.failed + now.pending, pending: 0, ended: true, ..now };
                audience.tell(&News::Installed { address: &entry.address, came_to, busy: 0, runs: &runs });
                return Ok(false);
            }
        }
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

/// Reads whether all who have not answered have lost their agents: nothing more is to come from them. Returns what the
/// run came to on each instance, with that as their reason. What can't be read is not lost.
async fn lost(session: &Session, entry: &Desired, now: &Installation) -> Option<Vec<InstanceRun>> {
    let reader = session.clients.reader();
    let package = kinds::of(entry.address.kind());
    let Some(Found::Live(live)) = package.refresh(&reader, &session.config.desired).await.found.remove(&entry.address)
    else {
        return None;
    };
    let mut runs = runs(&reader, &live).await.ok()?;
    let agents = reader.instance_information().await.ok()?;
    let mut left = 0;
    for run in runs.iter_mut().filter(|run| run.stage == Stage::Pending) {
        let agent = agents.iter().find(|agent| agent.instance_id() == Some(&run.instance))?;
        // One that Systems Manager does not know yet may still come.
        let ping =
            agent.ping_status().map(aws_sdk_ssm::types::PingStatus::as_str).filter(|ping| LOST.contains(ping))?;
        run.stage = Stage::Failed;
        run.status = format!("its SSM Agent does not answer, PingStatus {ping}");
        left += 1;
    }
    (left > 0 && left >= now.pending).then_some(runs)
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
