//! What came of an apply: what failed and what to do next, what nobody knows, what was not tried, and the last line.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::escaped;
use super::text::{BOLD, CHANGE, REMOVE, UNKNOWN, paragraph};
use crate::apply::{Outcome, Report, Status};
use crate::aws::{AwsError, ErrorKind};
use crate::plan::{Action, Summary};

/// Renders a report for people. `destroys` says that the whole stack was to go.
pub fn text(report: &Report, destroys: bool, width: usize) -> String {
    let mut text = String::new();
    for outcome in &report.outcomes {
        match &outcome.status {
            Status::Done | Status::Skipped { .. } => {}
            Status::Failed { call, error } => {
                let _ = writeln!(text, "{REMOVE}!{REMOVE:#} {BOLD}{}{BOLD:#} failed", outcome.address);
                failure(&mut text, call, error, width);
            }
            Status::Unknown { call, error } => {
                let _ = writeln!(
                    text,
                    "{UNKNOWN}?{UNKNOWN:#} {BOLD}{}{BOLD:#} unknown: the call was sent and no usable answer came",
                    outcome.address
                );
                failure(&mut text, call, error, width);
            }
        }
    }
    for outcome in &report.outcomes {
        if let Status::Skipped { reason } = &outcome.status {
            let _ =
                writeln!(text, "{CHANGE}>{CHANGE:#} {BOLD}{}{BOLD:#} skipped: {}", outcome.address, escaped(reason));
        }
    }
    for address in &report.leftovers {
        let _ = writeln!(
            text,
            "{UNKNOWN}?{UNKNOWN:#} {BOLD}{address}{BOLD:#} did not take: AWS acknowledged every call and shows something else"
        );
        paragraph(&mut text, "hint: `vssctl plan` shows what differs now", 4, width);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    let Summary { add, change, destroy } = done(report);
    if report.is_complete() {
        let line = if destroys {
            format!("Destroy complete! Resources: {destroy} destroyed.")
        } else {
            format!("Apply complete! Resources: {add} added, {change} changed, {destroy} destroyed.")
        };
        let _ = writeln!(text, "{BOLD}{line}{BOLD:#}");
        return text;
    }
    let (_, failed, unknown, skipped) = report.counts();
    let what = if destroys { "Destroy" } else { "Apply" };
    let how = if report.interrupted { "interrupted" } else { "incomplete" };
    let _ = writeln!(
        text,
        "{BOLD}{what} {how}.{BOLD:#} Resources: {add} added, {change} changed, {destroy} destroyed; \
         {failed} failed, {unknown} unknown, {skipped} skipped."
    );
    paragraph(&mut text, "Run it again to go on: it reads what is there and does what is left.", 0, width);
    text
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
    escaped(&format!("{call} failed{code}: {}", error.message))
}

/// Says what to do about a failed call, where there is something to say.
pub fn advice(error: &AwsError) -> Option<String> {
    match error.kind {
        ErrorKind::AccessDenied => Some(format!(
            "allow `{}` to the credentials in use; `vssctl permissions` prints all that it takes",
            error.action()
        )),
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

/// Says who may hold what AWS does not delete: its message tells that something does, and not what.
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

/// Returns a report for programs.
pub fn json(report: &Report) -> Value {
    let Summary { add, change, destroy } = done(report);
    json!({
        "type": "report",
        "complete": report.is_complete(),
        "interrupted": report.interrupted,
        "calls": report.calls,
        "added": add,
        "changed": change,
        "destroyed": destroy,
        "outcomes": report.outcomes.iter().map(outcome_json).collect::<Vec<_>>(),
        "leftovers": report.leftovers,
    })
}

fn outcome_json(Outcome { address, action, status }: &Outcome) -> Value {
    match status {
        Status::Done => json!({ "address": address, "action": action, "status": "done" }),
        Status::Failed { call, error } => {
            json!({ "address": address, "action": action, "status": "failed", "call": call, "error": error_json(error) })
        }
        Status::Unknown { call, error } => {
            json!({ "address": address, "action": action, "status": "unknown", "call": call, "error": error_json(error) })
        }
        Status::Skipped { reason } => {
            json!({ "address": address, "action": action, "status": "skipped", "reason": reason })
        }
    }
}

/// Returns a failed call for programs.
pub(crate) fn error_json(error: &AwsError) -> Value {
    json!({
        "service": error.service,
        "operation": error.operation,
        "code": error.code,
        "message": error.message,
        "request_id": error.request_id,
    })
}
