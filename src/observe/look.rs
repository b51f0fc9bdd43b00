//! Looks inside instances: sends the script of [`inspection`] by Run Command and collects what it prints. The script
//! only reads, but it is a command all the same: it runs only for those who ask for it.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_ssm::types::{CommandInvocation, CommandInvocationStatus};
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;

use crate::aws::{AwsError, ErrorKind, Invocations, Reader, Writer};
use crate::model::Operation;
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
/// How many commands run at a time.
const COMMANDS: usize = 8;
/// Between two looks at a command.
const PACE: Duration = Duration::from_secs(2);
/// How often a command is looked at: delivery and execution together, and a little more.
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

/// Looks into instances: one command for each fifty of them.
pub async fn look(
    writer: &Writer,
    reader: &Reader,
    ids: &[String],
    now: Moment,
) -> BTreeMap<String, Known<Inspection>> {
    let batches = stream::iter(ids.chunks(BATCH).map(|batch| look_into(writer, reader, batch, now)));
    batches.buffered(COMMANDS).map(stream::iter).flatten().collect().await
}

async fn look_into(
    writer: &Writer,
    reader: &Reader,
    ids: &[String],
    now: Moment,
) -> BTreeMap<String, Known<Inspection>> {
    match send(writer, ids).await {
        Ok(command) => collect(reader, &command, ids, now).await,
        Err(error) => {
            let unread = Unread { action: error.action(), message: error.reason() };
            ids.iter().map(|id| (id.clone(), Known::Unknown(unread.clone()))).collect()
        }
    }
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

/// Waits for the output of every instance that a command was sent to.
///
/// One page of `ListCommandInvocations` says how far fifty instances are. It holds no more than the first 2,500
/// characters of an output, so that a longer one is read on its own, once.
async fn collect(reader: &Reader, command: &str, ids: &[String], now: Moment) -> BTreeMap<String, Known<Inspection>> {
    let mut found = BTreeMap::new();
    // For one instance its own answer is as cheap as the page.
    let mut lists = ids.len() > 1;
    for _ in 0..LOOKS {
        tokio::time::sleep(PACE).await;
        let mut wanted: Vec<&String> = ids.iter().filter(|id| !found.contains_key(*id)).collect();
        if lists && wanted.len() > 1 {
            match reader.command_invocations(Invocations::Command(command)).await {
                Ok(page) => {
                    wanted.retain(|id| page.iter().any(|one| one.instance_id() == Some(id) && has_ended(one)));
                    let whole = page.iter().filter_map(|one| Some((one.instance_id()?, listed(one, now)?)));
                    found.extend(whole.map(|(id, inspection)| (id.to_owned(), Known::Known(inspection))));
                    wanted.retain(|id| !found.contains_key(*id));
                }
                Err(error) if error.kind == ErrorKind::Throttled => continue,
                // Where the page is refused, each instance is asked.
                Err(_) => lists = false,
            }
        }
        let read = join_all(wanted.iter().map(|id| invocation(reader, command, id, now))).await;
        found.extend(wanted.into_iter().cloned().zip(read).filter_map(|(id, read)| Some((id, read?))));
        if found.len() == ids.len() {
            return found;
        }
    }
    for id in ids {
        found.entry(id.clone()).or_insert_with(|| unknown(id, "the script did not end in time"));
    }
    found
}

fn unknown(id: &str, message: &str) -> Known<Inspection> {
    Known::Unknown(Unread { action: "ssm:GetCommandInvocation".to_owned(), message: format!("{id}: {message}") })
}

fn is_pending(status: &str) -> bool {
    matches!(status, "Pending" | "InProgress" | "Delayed" | "Cancelling" | "")
}

fn has_ended(invocation: &CommandInvocation) -> bool {
    invocation.status().is_some_and(|status| !is_pending(status.as_str()))
}

/// Returns what an invocation of a page printed, where the page has all of it.
fn listed(invocation: &CommandInvocation, now: Moment) -> Option<Inspection> {
    if invocation.status()?.as_str() != "Success" {
        return None;
    }
    let [plugin] = invocation.command_plugins() else { return None };
    inspection::parse(plugin.output()?).ok().map(|inspection| Inspection { at: Some(now), ..inspection })
}

/// Reads what one instance printed; none while the script has not ended there.
async fn invocation(reader: &Reader, command: &str, id: &str, now: Moment) -> Option<Known<Inspection>> {
    let invocation = match reader.command_invocation(command, id).await {
        Ok(Some(invocation)) => invocation,
        // Right after the command was sent AWS may not know it yet.
        Ok(None) => return None,
        Err(error) if error.kind == ErrorKind::Throttled => return None,
        Err(error) => return Some(unknown(id, &error.reason())),
    };
    match invocation.status().map(CommandInvocationStatus::as_str).unwrap_or_default() {
        status if is_pending(status) => None,
        "Success" => Some(match inspection::parse(invocation.standard_output_content().unwrap_or_default()) {
            Ok(inspection) => Known::Known(Inspection { at: Some(now), ..inspection }),
            Err(error) => unknown(id, &error.to_string()),
        }),
        other => {
            let said = invocation.standard_error_content().unwrap_or_default().trim();
            Some(unknown(id, &format!("the script ended with {other}: {said}")))
        }
    }
}
