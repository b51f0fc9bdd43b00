//! Looks inside instances: sends the script of [`inspection`] by Run Command and collects what it prints. It reads and changes
//! nothing there, but a command is a command: only who asked for it gets here.

use crate::model::Operation;
use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use crate::aws::{AwsError, ErrorKind, Reader, Writer};
use crate::vss::Moment;
use crate::vss::doctor::inspection;
use crate::vss::doctor::inspection::Inspection;
use crate::vss::doctor::{Options, examined};
use crate::vss::evidence::{Evidence, Known, Unread};

/// The most instances of one command.
const BATCH: usize = 50;
/// How long an agent may take to get the command, in seconds.
const DELIVERY: i32 = 60;
/// How long the script may run, in seconds.
const EXECUTION: u32 = 120;
/// Between two looks at a command.
const PACE: Duration = Duration::from_secs(2);
/// How often is looked: delivery and execution together, and a little more.
const LOOKS: u32 = 100;

/// Returns the instances that can be looked into: Windows, running, and their agents answer.
pub fn able(evidence: &Evidence, options: &Options) -> Vec<String> {
    let agents = evidence.agents.known();
    let answers =
        |id: &str| agents.and_then(|agents| agents.get(id)).is_some_and(crate::vss::evidence::Agent::is_online);
    examined(evidence, options)
        .into_iter()
        .filter(|instance| instance.windows && instance.state == "running" && answers(&instance.id))
        .map(|instance| instance.id.clone())
        .collect()
}

/// Looks into instances.
pub async fn look(
    writer: &Writer,
    reader: &Reader,
    ids: &[String],
    now: Moment,
) -> BTreeMap<String, Known<Inspection>> {
    let mut found = BTreeMap::new();
    for batch in ids.chunks(BATCH) {
        match send(writer, batch).await {
            Ok(command) => {
                let looks = join_all(batch.iter().map(|id| collect(reader, &command, id, now))).await;
                found.extend(batch.iter().cloned().zip(looks));
            }
            Err(error) => {
                let unread = Unread { action: error.action(), message: error.message.clone() };
                found.extend(batch.iter().map(|id| (id.clone(), Known::Unknown(unread.clone()))));
            }
        }
    }
    found
}

async fn send(writer: &Writer, ids: &[String]) -> Result<String, AwsError> {
    let request = writer
        .ssm()
        .send_command()
        .document_name(inspection::DOCUMENT)
        .set_instance_ids(Some(ids.to_vec()))
        .timeout_seconds(DELIVERY)
        .comment("vssctl doctor: reads, and changes nothing")
        .parameters("commands", inspection::script(writer.scope()))
        .parameters("executionTimeout", vec![EXECUTION.to_string()]);
    let answer = writer.send(Operation::SendCommand, request.send()).await?;
    let id = answer.command.and_then(|command| command.command_id);
    id.ok_or_else(|| AwsError::unsettled("ssm", "SendCommand", "the answer names no command"))
}

/// Waits for one instance's output.
async fn collect(reader: &Reader, command: &str, id: &str, now: Moment) -> Known<Inspection> {
    let unknown = |message: String| {
        Known::Unknown(Unread { action: "ssm:GetCommandInvocation".to_owned(), message: format!("{id}: {message}") })
    };
    for _ in 0..LOOKS {
        tokio::time::sleep(PACE).await;
        let invocation = match reader.command_invocation(command, id).await {
            Ok(Some(invocation)) => invocation,
            // Right after the command was sent AWS may not know it yet.
            Ok(None) => continue,
            Err(error) if error.kind == ErrorKind::Throttled => continue,
            Err(error) => return unknown(error.message),
        };
        let status = invocation.status().map(|status| status.as_str().to_owned()).unwrap_or_default();
        match status.as_str() {
            "Pending" | "InProgress" | "Delayed" | "Cancelling" | "" => {}
            "Success" => {
                return match inspection::parse(invocation.standard_output_content().unwrap_or_default()) {
                    Ok(inspection) => Known::Known(Inspection { at: Some(now), ..inspection }),
                    Err(error) => unknown(error.to_string()),
                };
            }
            other => {
                let said = invocation.standard_error_content().unwrap_or_default().trim();
                return unknown(format!("the script ended with {other}: {said}"));
            }
        }
    }
    unknown("the script did not end in time".to_owned())
}
