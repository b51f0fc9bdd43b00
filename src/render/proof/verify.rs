//! Verdicts for people.

use std::fmt::Write as _;

use anstyle::Style;

use super::{MOST, counted, head, headline, line, tally, title, unread};
use crate::model::Scope;
use crate::model::safe::escaped;
use crate::render::layout::{ADD, BOLD, CHANGE, DIM, REMOVE, UNKNOWN, paragraph};
use crate::vss::evidence::JobState;
use crate::vss::verify::{Proof, Report, Verdict, Verified};

/// Renders the verdicts, the worst first.
pub fn text(report: &Report, scope: &Scope, width: usize) -> String {
    let mut text = String::new();
    headline(&mut text, &verdict(report), &about(report, scope), width);
    for kind in Verdict::ALL {
        let all: Vec<&Verified> = report.instances.iter().filter(|verified| verified.verdict == kind).collect();
        if kind == Verdict::Consistent {
            consistent(&mut text, &all, width);
            continue;
        }
        for verified in all {
            text.push('\n');
            block(&mut text, verified, width);
        }
    }
    unread(&mut text, &report.unread, width);
    let _ = writeln!(text, "\n{BOLD}{}{BOLD:#}", last_line(report));
    text
}

/// Returns the verdict on all of them in a sentence.
pub(crate) fn verdict(report: &Report) -> String {
    let (all, good) = (report.instances.len(), report.count(Verdict::Consistent));
    let pending = report.count(Verdict::Pending);
    match (all, good) {
        (0, _) if report.unread.is_empty() => "No instance is protected by a plan with VSS.".to_owned(),
        (0, _) => "Which instances are protected could not be read.".to_owned(),
        _ if good == all => format!("The newest backup of {} is application-consistent.", every(all)),
        _ if good + pending == all => {
            format!("{good} of {} application-consistent; {pending} had none due yet.", of_instances(all))
        }
        _ => format!("{good} of {} application-consistent.", of_instances(all)),
    }
}

fn every(all: usize) -> String {
    if all == 1 { "the protected instance".to_owned() } else { format!("every one of {all} protected instances") }
}

fn of_instances(all: usize) -> String {
    format!("{} {} a newest backup that is", counted(all, "protected instance"), if all == 1 { "has" } else { "have" })
}

/// Returns what was looked at.
pub(super) fn about(report: &Report, scope: &Scope) -> String {
    format!(
        "Account {}, {}, read at {}; jobs since {}.",
        scope.account_id,
        scope.region,
        report.read_at.for_people(),
        report.since.day()
    )
}

/// Returns the last line, which pipelines may match.
pub fn last_line(report: &Report) -> String {
    let counts = Verdict::ALL.into_iter().rev().map(|verdict| (report.count(verdict), verdict.name()));
    format!("Verify: {}.", tally(counts))
}

pub(super) fn sign(verdict: Verdict) -> (&'static str, Style) {
    match verdict {
        Verdict::Failed | Verdict::CrashOnly | Verdict::Never => ("!", REMOVE),
        Verdict::Stale => ("~", CHANGE),
        Verdict::Unknown => ("?", UNKNOWN),
        Verdict::Pending => (">", DIM),
        Verdict::Consistent => ("=", ADD),
    }
}

fn block(text: &mut String, verified: &Verified, width: usize) {
    let (sign, style) = sign(verified.verdict);
    head(text, sign, style, &title(&verified.name, &verified.id), verified.verdict.name(), width);
    paragraph(text, &format!("{}.", escaped(&verified.reason)), 4, width);
    if let Some(cause) = &verified.cause {
        line(text, "cause", &cause.cause, width);
        line(text, "fix", &cause.fix, width);
    }
    if let Some(proof) = &verified.proof {
        line(text, "evidence", &evidence(proof), width);
        if let Some(message) = &proof.job.status_message {
            line(text, "AWS says", message, width);
        }
    }
    for note in &verified.notes {
        line(text, "note", note, width);
    }
    if let Some(cause) = verified.cause.as_ref().filter(|cause| !cause.checks.is_empty()) {
        line(text, "checks", &format!("{}: `vssctl doctor {}`", cause.checks.join(", "), verified.id), width);
    }
}

/// Returns what AWS says about a job and what it made.
pub(crate) fn evidence(proof: &Proof) -> String {
    let job = &proof.job;
    let mut said = format!(
        "job {} {}, WindowsVSS {}, BackupType {}",
        job.id,
        String::from(job.state.clone()),
        if job.vss_requested { "enabled" } else { "not asked for" },
        job.backup_type.as_deref().unwrap_or("empty")
    );
    if let Some(category) = &job.message_category {
        let _ = write!(said, ", MessageCategory {category}");
    }
    match &proof.image {
        Some(image) => {
            let good = image.snapshots.iter().filter(|snapshot| snapshot.consistent).count();
            let _ = write!(
                said,
                "; image {}, AppConsistent on {good} of {}",
                image.id,
                counted(image.snapshots.len(), "snapshot")
            );
            if let Some(version) = &image.version {
                let _ = write!(said, ", AwsVssComponents {version}");
            }
        }
        None => {
            if let (Some(arn), JobState::Completed) = (&job.recovery_point_arn, &job.state) {
                let _ = write!(said, "; recovery point {}", arn.rsplit('/').next().unwrap_or(arn));
            }
        }
    }
    said
}

/// Writes one line for each consistent instance, as far as a person reads them.
fn consistent(text: &mut String, all: &[&Verified], width: usize) {
    if all.is_empty() {
        return;
    }
    text.push('\n');
    for verified in all.iter().take(MOST) {
        let (sign, style) = sign(Verdict::Consistent);
        let age = verified.proof.as_ref().map(|proof| proof.job.at().day()).unwrap_or_default();
        head(text, sign, style, &title(&verified.name, &verified.id), &format!("consistent, {age}"), width);
        if let Some(proof) = verified.proof.as_ref().filter(|_| all.len() <= 5) {
            line(text, "evidence", &evidence(proof), width);
        }
        for note in &verified.notes {
            line(text, "note", note, width);
        }
    }
    if all.len() > MOST {
        let _ = writeln!(text, "{DIM}and {} more; `--format json` has them all{DIM:#}", all.len() - MOST);
    }
}
