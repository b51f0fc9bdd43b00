//! What a package's newest run came to on each instance, with the instance's own words where it failed.
//!
//! Run Command tells it with the output, State Manager in the targets of its executions; the output of those is that of
//! a command with the id of the output source. AWS pages: `ListCommandInvocations`,
//! `DescribeAssociationExecutionTargets`, "Viewing association histories".

use std::collections::BTreeMap;

use aws_sdk_ssm::types::{CommandInvocation, CommandInvocationStatus};
use serde_json::{Value, json};

use crate::aws::{AwsError, Invocations, Reader};
use crate::kind::Live;
use crate::kinds::input::{Input, whole};
use crate::model::PlannedCall;
use crate::model::call::{PENDING, UNTIL};

/// Executions of an association that are looked at: an instance that joins has one of its own.
const EXECUTIONS: usize = 3;
/// Outputs of an association's run that are fetched, a call each.
const OUTPUTS: usize = 10;
/// What is kept of an output: its last lines, and so many characters.
const LINES: usize = 12;
const CHARACTERS: usize = 1_000;

/// How far one instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No answer yet.
    Pending,
    /// It has run it.
    Succeeded,
    /// It failed, or could not be reached.
    Failed,
    /// Another run is at the same package there.
    Busy,
}

/// What a run came to on one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceRun {
    /// `i-...`.
    pub instance: String,
    /// The computer's name, where AWS tells it.
    pub name: String,
    /// How far it is.
    pub stage: Stage,
    /// AWS's word for it, such as `DeliveryTimedOut`.
    pub status: String,
    /// The end of what it wrote. Foreign text: it is escaped before it is shown.
    pub output: String,
}

impl InstanceRun {
    /// Names the instance: by its id, and the computer's name where AWS tells it.
    pub(super) fn title(&self) -> String {
        if self.name.is_empty() { self.instance.clone() } else { format!("{} ({})", self.name, self.instance) }
    }
}

/// Reads what the newest run of a live package came to on each instance, in the order of their ids.
pub async fn runs(reader: &Reader, live: &Live) -> Result<Vec<InstanceRun>, AwsError> {
    match (live.ids.get("AssociationId"), live.ids.get("CommandId")) {
        (Some(id), _) => of_association(reader, id).await,
        (None, Some(id)) => of_command(reader, id).await,
        (None, None) => Ok(Vec::new()),
    }
}

/// Reads what one command came to on each instance.
pub(super) async fn of_command(reader: &Reader, id: &str) -> Result<Vec<InstanceRun>, AwsError> {
    let invocations = reader.command_invocations(Invocations::Command(id)).await?;
    let mut runs: Vec<InstanceRun> = invocations.iter().map(of_invocation).collect();
    runs.sort_by(|left, right| left.instance.cmp(&right.instance));
    Ok(runs)
}

async fn of_association(reader: &Reader, id: &str) -> Result<Vec<InstanceRun>, AwsError> {
    let association = reader.association(id).await?;
    let executions = reader.association_executions(id).await?;
    let current = executions.iter().filter(|one| one.association_version() == association.association_version());
    let mut found: BTreeMap<String, (InstanceRun, Option<String>)> = BTreeMap::new();
    for execution in current.take(EXECUTIONS) {
        for target in reader.association_targets(id, execution.execution_id().unwrap_or_default()).await? {
            let instance = target.resource_id().unwrap_or_default().to_owned();
            let stage = match target.status().unwrap_or_default() {
                "Success" | "Skipped" => Stage::Succeeded,
                "Failed" | "TimedOut" | "RateExceeded" => Stage::Failed,
                _ => Stage::Pending,
            };
            let run = InstanceRun {
                instance: instance.clone(),
                name: String::new(),
                stage,
                status: target.detailed_status().or(target.status()).unwrap_or_default().to_owned(),
                output: String::new(),
            };
            let source = target.output_source().filter(|source| source.output_source_type() == Some("RunCommand"));
            let command = source.and_then(|source| source.output_source_id()).map(str::to_owned);
            found.entry(instance).or_insert((run, command));
        }
    }
    let failed = found.values_mut().filter(|(run, _)| run.stage == Stage::Failed).take(OUTPUTS);
    for (run, command) in failed {
        let Some(command) = command else { continue };
        // What can't be read is left out: the failure itself is known.
        if let Ok(Some(answer)) = reader.command_invocation(command, &run.instance).await {
            let error = answer.standard_error_content().unwrap_or_default();
            run.output = words(answer.standard_output_content().unwrap_or_default(), error);
            run.stage = stage_of_failure(error);
        }
    }
    Ok(found.into_values().map(|(run, _)| run).collect())
}

fn of_invocation(invocation: &CommandInvocation) -> InstanceRun {
    let outputs: Vec<&str> = invocation.command_plugins().iter().filter_map(|plugin| plugin.output()).collect();
    let output = outputs.join("\n");
    InstanceRun {
        instance: invocation.instance_id().unwrap_or_default().to_owned(),
        name: invocation.instance_name().unwrap_or_default().to_owned(),
        stage: stage(invocation.status(), &output),
        status: invocation.status_details().unwrap_or_default().to_owned(),
        output: end(&output),
    }
}

fn stage(status: Option<&CommandInvocationStatus>, output: &str) -> Stage {
    match status {
        Some(CommandInvocationStatus::Success) => Stage::Succeeded,
        Some(
            CommandInvocationStatus::Failed | CommandInvocationStatus::TimedOut | CommandInvocationStatus::Cancelled,
        ) => stage_of_failure(output),
        _ => Stage::Pending,
    }
}

/// What the agent says where another run of the document is at the same package: it is being done.
const UNDER_WAY: &str = "already in the process of action";

fn stage_of_failure(output: &str) -> Stage {
    if output.contains(UNDER_WAY) { Stage::Busy } else { Stage::Failed }
}

/// Looks how far a command is on one instance; an instance on which it failed fails the call, in its own words.
pub(super) async fn awaited(reader: &Reader, call: &PlannedCall) -> Result<Value, AwsError> {
    let (command, instance) = whole(call, |input| {
        // What the answer must have is for the executor.
        input.pass_over(UNTIL);
        Ok((input.required("CommandId", Input::text)?, input.required("InstanceId", Input::text)?))
    })?;
    let answer = reader.command_invocation(&command, &instance).await?;
    let error = answer.as_ref().and_then(|answer| answer.standard_error_content()).unwrap_or_default();
    let status = answer.as_ref().and_then(|answer| answer.status());
    let failed = |why: &str| {
        let output = answer.as_ref().and_then(|answer| answer.standard_output_content()).unwrap_or_default();
        let said = words(output, error);
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let said = if lines.is_empty() { "it wrote nothing".to_owned() } else { lines.join(" / ") };
        AwsError::rejected("ssm", "GetCommandInvocation", format!("{instance} {why}: {said}"))
    };
    match stage(status, error) {
        Stage::Succeeded => Ok(json!({})),
        Stage::Pending => Ok(json!({ PENDING: format!("{instance} has not answered yet") })),
        Stage::Busy => Err(failed("is at the same package already; run it again in a minute")),
        Stage::Failed => {
            let details = answer.as_ref().and_then(|answer| answer.status_details()).unwrap_or("Failed");
            Err(failed(&format!("failed ({details})")))
        }
    }
}

/// What an instance complains about, else what it wrote.
fn words(output: &str, error: &str) -> String {
    end(if error.trim().is_empty() { output } else { error })
}

/// Keeps the end of an output.
fn end(output: &str) -> String {
    let lines: Vec<&str> = output.trim().lines().collect();
    let text = lines[lines.len().saturating_sub(LINES)..].join("\n");
    let skipped = text.chars().count().saturating_sub(CHARACTERS);
    text.chars().skip(skipped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_output_the_end_is_kept() {
        let long: String = (0..100).map(|number| format!("line {number}")).collect::<Vec<_>>().join("\n");
        assert_eq!(end(&long).lines().count(), LINES);
        assert!(end(&long).ends_with("line 99"));
        assert_eq!(end(&"x".repeat(5000)).len(), CHARACTERS);
        assert_eq!(end(""), "");
    }

    #[test]
    fn another_run_at_the_same_package_is_no_failure() {
        let busy = "Package \"AwsVssComponents\" is already in the process of action \"Install\"";
        assert_eq!(stage(Some(&CommandInvocationStatus::Failed), busy), Stage::Busy);
        assert_eq!(stage(Some(&CommandInvocationStatus::TimedOut), ""), Stage::Failed);
        assert_eq!(stage(Some(&CommandInvocationStatus::Delayed), ""), Stage::Pending);
        assert_eq!(stage(None, ""), Stage::Pending);
    }
}
