//! The report of an apply: what failed and what to do next, what is unknown, what was not tried, and the last line.

mod form;

use crate::model::Operation;
use std::fmt::Write as _;

use serde_json::{Value, json};

pub use form::{Ending, Failure, Reported, RunReport, Unlocked};

use form::{Came, FailedCall, Remainder, Resource};

use super::layout::{BOLD, CHANGE, REMOVE, UNKNOWN, paragraph};
use crate::apply::{Left, Leftover, Outcome, Report, Status};
use crate::aws::{AwsError, ErrorKind, denial};
use crate::model::Action;
use crate::model::safe::escaped;
use crate::plan::Summary;

/// Renders a report for people. `destroys` says that the whole stack was to be destroyed; `left_out` counts what the
/// plan showed and refused, or could not read: no run is complete that leaves it as it was.
pub fn text(report: &Report, destroys: bool, left_out: usize, width: usize) -> String {
    let mut text = String::new();
    for outcome in &report.outcomes {
        match &outcome.status {
            Status::Done | Status::Skipped { .. } => {}
            Status::Partial { reason } => {
                let (address, reason) = (&outcome.address, escaped(reason));
                let _ = writeln!(
                    text,
                    "{CHANGE}>{CHANGE:#} {BOLD}{address}{BOLD:#} partial: stopped in the middle: {reason}"
                );
                existing(&mut text, outcome, width);
            }
            Status::Failed { call, error } => {
                let _ = writeln!(text, "{REMOVE}!{REMOVE:#} {BOLD}{}{BOLD:#} failed", outcome.address);
                failure(&mut text, call.action(), error, width);
                existing(&mut text, outcome, width);
            }
            Status::Unknown { call, error } => {
                let _ = writeln!(
                    text,
                    "{UNKNOWN}?{UNKNOWN:#} {BOLD}{}{BOLD:#} unknown: the call was sent and no usable answer came",
                    outcome.address
                );
                failure(&mut text, call.action(), error, width);
                existing(&mut text, outcome, width);
            }
        }
    }
    for outcome in &report.outcomes {
        if let Status::Skipped { reason } = &outcome.status {
            let _ =
                writeln!(text, "{CHANGE}>{CHANGE:#} {BOLD}{}{BOLD:#} skipped: {}", outcome.address, escaped(reason));
        }
    }
    for Leftover { address, why } in &report.leftovers {
        let (mark, what) = match why {
            Left::Differs => {
                let what = "did not take: AWS acknowledged every call and shows something else";
                (format!("{UNKNOWN}?{UNKNOWN:#}"), what.to_owned())
            }
            Left::Taken(reason) => {
                let what = format!("changed hands while this run went on: {}", escaped(reason));
                (format!("{REMOVE}!{REMOVE:#}"), what)
            }
        };
        let _ = writeln!(text, "{mark} {BOLD}{address}{BOLD:#} {what}");
        paragraph(&mut text, "hint: `vssctl plan` shows what differs now", 4, width);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    last_line(&mut text, report, destroys, left_out);
    if !report.is_complete() {
        paragraph(&mut text, "Run it again to go on: it reads what is there and does what is left.", 0, width);
    }
    text
}

/// Says in one line how the run ended.
fn last_line(text: &mut String, report: &Report, destroys: bool, left_out: usize) {
    let Summary { add, change, destroy } = done(report);
    let what = if destroys { "Destroy" } else { "Apply" };
    let done = format!("Resources: {add} added, {change} changed, {destroy} destroyed");
    if report.is_complete() && left_out > 0 {
        let _ = writeln!(text, "{BOLD}{what} incomplete.{BOLD:#} {done}; {left_out} left as they were.");
        return;
    }
    if report.is_complete() {
        let done = if destroys { format!("Resources: {destroy} destroyed") } else { done };
        let _ = writeln!(text, "{BOLD}{what} complete! {done}.{BOLD:#}");
        return;
    }
    let (_, failed, unknown, skipped) = report.counts();
    let how = if report.interrupted { "interrupted" } else { "incomplete" };
    let partial = match report.partial() {
        0 => String::new(),
        partial => format!("{partial} partial, "),
    };
    let _ = writeln!(
        text,
        "{BOLD}{what} {how}.{BOLD:#} {done}; {failed} failed, {partial}{unknown} unknown, {skipped} skipped."
    );
}

/// Says which parts of a half-done resource exist, and which it lacks.
fn existing(text: &mut String, outcome: &Outcome, width: usize) {
    if outcome.made.is_empty() {
        return;
    }
    let made =
        format!("{} of {} calls were made: {}", outcome.made.len(), outcome.planned.len(), counted(&outcome.made));
    paragraph(text, &escaped(&made), 4, width);
    let left = outcome.left();
    if !left.is_empty() {
        paragraph(text, &escaped(&format!("still to be made: {}", counted(&left))), 4, width);
    }
}

/// Lists calls, those in a row that are the same once with their number.
fn counted(calls: &[Operation]) -> String {
    let of_one = |row: &[Operation]| match row {
        [one] => one.to_string(),
        row => format!("{} ({} times)", row[0], row.len()),
    };
    calls.chunk_by(|left, right| left == right).map(of_one).collect::<Vec<_>>().join(", ")
}

/// Writes a failed call: operation, AWS's code and message, request id, and what to do next.
fn failure(text: &mut String, call: &str, error: &AwsError, width: usize) {
    paragraph(text, &sentence(call, error), 4, width);
    if let Some(request_id) = &error.request_id {
        let _ = writeln!(text, "    request id {}", escaped(request_id));
    }
    if let Some(advice) = advice(error) {
        paragraph(text, &format!("hint: {}", escaped(&advice)), 4, width);
    }
}

/// Returns a failed call as a sentence.
pub(crate) fn sentence(call: &str, error: &AwsError) -> String {
    let code = error.code.as_ref().map(|code| format!(" with {code}")).unwrap_or_default();
    escaped(&format!("{call} failed{code}: {}", error.reason()))
}

/// Says what to do about a failed call, where there is something to say.
pub fn advice(error: &AwsError) -> Option<String> {
    match error.kind {
        ErrorKind::AccessDenied => denial::advice(error),
        // The credentials may be as good as any: AWS compares the time of a signature with its own.
        ErrorKind::Credentials if is_of_time(error) => Some(
            "set the machine's clock, such as by `timedatectl set-ntp true` or `w32tm /resync`, and run it again"
                .into(),
        ),
        ErrorKind::Credentials => Some(
            "log in again, or choose credentials with `--profile NAME` or `AWS_PROFILE`; `--sandbox` needs none".into(),
        ),
        ErrorKind::Endpoint => Some("`--allow-endpoint` lets signed calls go there".into()),
        ErrorKind::Unreachable => Some("check the network, the proxy settings and the region's name".into()),
        ErrorKind::Quota => Some("delete what is no longer used, or ask AWS for a higher quota".into()),
        ErrorKind::Throttled => Some("wait a little and run it again, with a lower `--parallelism`".into()),
        ErrorKind::Propagating if error.operation == "AttachRolePolicy" && error.message.contains("not attachable") => {
            Some("the account has no such policy: correct its ARN, or make it before the role".into())
        }
        ErrorKind::Propagating if error.message.contains("cannot be assumed by AWS Backup") => Some(
            "run it again in a minute: AWS may not have seen the role everywhere yet; if it stays so, `vssctl doctor` \
             says what keeps AWS Backup from assuming the role"
                .into(),
        ),
        ErrorKind::Propagating => holder(error)
            .or_else(|| Some("run it again in a minute: AWS had not seen an earlier change everywhere yet".into())),
        ErrorKind::Unsettled => Some("run it again: it reads what is there before it changes anything".into()),
        ErrorKind::NotFound | ErrorKind::AlreadyExists => {
            Some("somebody may have changed it meanwhile: `vssctl plan` shows what is there now".into())
        }
        ErrorKind::LeaseLost => Some("run it again: it goes on from what is there".into()),
        ErrorKind::Rejected if error.message.contains(":iam::aws:policy/") => {
            Some("AWS has no managed policy of this ARN: correct it in the file".into())
        }
        ErrorKind::Rejected => None,
    }
}

/// Tells whether AWS refuses a call for the time of its signature.
fn is_of_time(error: &AwsError) -> bool {
    matches!(error.code.as_deref(), Some("RequestTimeTooSkewed" | "RequestExpired"))
        || ["Signature expired", "not yet current"].iter().any(|text| error.message.contains(text))
}

/// Says who may hold an object that AWS does not delete: its message says that it is in use, and not by what.
fn holder(error: &AwsError) -> Option<String> {
    let who = match error.operation.as_str() {
        "DeleteRole" => "an instance profile, or a policy that was added meanwhile,",
        "DeletePolicy" => "a user, group or role that has it, or whose permissions boundary it is,",
        "DeleteInstanceProfile" => "a role that was added meanwhile",
        "DeleteBackupPlan" if error.message.contains("selections must be deleted") => {
            "a selection that was added meanwhile"
        }
        _ => return None,
    };
    Some(format!("{who} still holds it: `vssctl plan` names it, or take it away by hand and run it again"))
}

/// Counts what was done; a replacement is both added and destroyed.
fn done(report: &Report) -> Summary {
    let mut summary = Summary::default();
    for outcome in report.outcomes.iter().filter(|outcome| matches!(outcome.status, Status::Done)) {
        match outcome.action {
            Action::Create => summary.add += 1,
            Action::Adopt | Action::Update => summary.change += 1,
            Action::Delete => summary.destroy += 1,
            Action::Replace => {
                summary.add += 1;
                summary.destroy += 1;
            }
            Action::NoOp | Action::Unknown | Action::Refused => {}
        }
    }
    summary
}

/// Returns what a run came to for programs; `left_out` as in [`text`].
pub fn json(report: &Report, left_out: usize) -> RunReport {
    let Summary { add, change, destroy } = done(report);
    RunReport {
        complete: report.is_complete() && left_out == 0,
        left_out,
        interrupted: report.interrupted,
        calls: report.calls,
        looks: report.looks,
        added: add,
        changed: change,
        destroyed: destroy,
        outcomes: report.outcomes.iter().map(outcome_json).collect(),
        leftovers: report.leftovers.iter().map(leftover_json).collect(),
    }
}

fn outcome_json(outcome: &Outcome) -> Resource {
    let Outcome { address, action, status, made, planned } = outcome;
    let mut json = Resource {
        address: address.clone(),
        action: *action,
        status: Came::Done,
        reason: None,
        call: None,
        error: None,
        made: Vec::new(),
        left: Vec::new(),
        planned: None,
    };
    match status {
        Status::Done => return json,
        Status::Partial { reason } => (json.status, json.reason) = (Came::Partial, Some(reason.clone())),
        Status::Failed { call, error } => {
            (json.status, json.call, json.error) = (Came::Failed, Some(*call), Some(failed(error)));
        }
        Status::Unknown { call, error } => {
            (json.status, json.call, json.error) = (Came::Unknown, Some(*call), Some(failed(error)));
        }
        Status::Skipped { reason } => (json.status, json.reason) = (Came::Skipped, Some(reason.clone())),
    }
    if !made.is_empty() {
        (json.made, json.left, json.planned) = (made.clone(), outcome.left(), Some(planned.len()));
    }
    json
}

fn leftover_json(Leftover { address, why }: &Leftover) -> Remainder {
    let (why, reason) = match why {
        Left::Differs => ("differs", None),
        Left::Taken(reason) => ("taken", Some(reason.clone())),
    };
    Remainder { address: address.clone(), why, reason }
}

fn failed(error: &AwsError) -> FailedCall {
    FailedCall {
        service: error.service.clone(),
        operation: error.operation.clone(),
        code: error.code.clone(),
        message: error.reason(),
        request_id: error.request_id.clone(),
    }
}

/// Returns a failed call for programs.
pub(crate) fn error_json(error: &AwsError) -> Value {
    json!(failed(error))
}
