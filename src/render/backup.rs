//! The result of an on-demand backup, for people.

use std::fmt::Write as _;

use super::layout::{ADD, BOLD, CHANGE, REMOVE, UNKNOWN, paragraph};
use crate::model::safe::escaped;
use crate::vss::backup::{Line, Report};
use crate::vss::evidence::{Job, JobState};
use crate::vss::moment::length;
use crate::vss::verify::{ImageProof, Outcome};

/// Renders a report: the verdict, the evidence, and what to do.
pub fn text(report: &Report, width: usize) -> String {
    let mut text = String::new();
    let title = escaped(&report.title);
    let (style, verdict) = match &report.proof.outcome {
        Outcome::Consistent => (ADD, "the backup is application-consistent"),
        Outcome::CrashOnly => (CHANGE, "the backup is only crash-consistent: VSS did not work"),
        Outcome::NotAsked => (CHANGE, "the backup is only crash-consistent: nobody asked for VSS"),
        Outcome::NotTagged { .. } => {
            (CHANGE, "AWS says that VSS worked, and not every snapshot says that it is application-consistent")
        }
        Outcome::Claimed | Outcome::Unreadable { .. } => {
            (UNKNOWN, "AWS says that VSS worked, and its snapshots could not be looked at")
        }
        Outcome::Gone { .. } => (REMOVE, "AWS says that VSS worked, and the image is gone"),
        Outcome::Failed => (REMOVE, "there is no backup"),
        Outcome::Unended => (UNKNOWN, "the backup goes on"),
    };
    paragraph(&mut text, &format!("{style}{BOLD}{title}{BOLD:#}{style:#}: {verdict}"), 0, width);
    text.push('\n');
    job(&mut text, &report.proof.job, width);
    if let Some(proof) = &report.image {
        image(&mut text, proof, width);
    }
    if let Outcome::Unreadable { message } = &report.proof.outcome {
        named(&mut text, "because", &escaped(message), width);
    }
    if let Some(message) = &report.proof.job.status_message {
        text.push('\n');
        named(&mut text, "AWS says", &escaped(message), width);
    }
    for cause in &report.causes {
        text.push('\n');
        let checks = if cause.checks.len() == 1 { format!(" ({})", cause.checks[0]) } else { String::new() };
        named(&mut text, "cause", &format!("{}{checks}", escaped(&cause.cause)), width);
        named(&mut text, "fix", &escaped(&cause.fix), width);
    }
    for one in &report.lines {
        line(&mut text, one, width);
    }
    text
}

/// Writes words after a name, wrapped and indented below it.
fn named(text: &mut String, name: &str, words: &str, width: usize) {
    let mut wrapped = String::new();
    paragraph(&mut wrapped, words, 12, width);
    let _ = write!(text, "  {BOLD}{name}{BOLD:#}{:1$}{2}", "", 10 - name.len(), wrapped.trim_start());
}

fn job(text: &mut String, job: &Job, width: usize) {
    let state = String::from(job.state.clone());
    let took =
        job.completed.map(|completed| format!(" in {}", length(completed.since(job.created)))).unwrap_or_default();
    let kind = match (&job.state, job.backup_type.as_deref()) {
        (JobState::Completed, Some(kind)) => format!(", BackupType {}", escaped(kind)),
        (JobState::Completed, None) => ", BackupType empty".to_owned(),
        _ => String::new(),
    };
    named(text, "job", &format!("{} {}{took}{kind}", escaped(&job.id), escaped(&state)), width);
}

fn image(text: &mut String, image: &ImageProof, width: usize) {
    let config = |value: Option<&String>| {
        value.map_or_else(|| "no AwsVssConfig".to_owned(), |value| format!("AwsVssConfig={}", escaped(value)))
    };
    let consistent = |value: Option<&String>| {
        value.map_or_else(|| "no AppConsistent".to_owned(), |value| format!("AppConsistent={}", escaped(value)))
    };
    let tags = format!("{}, {}", consistent(image.app_consistent.as_ref()), config(image.vss_config.as_ref()));
    named(text, "image", &format!("{} {tags}", escaped(&image.id)), width);
    for snapshot in &image.snapshots {
        let tags = if snapshot.exists {
            format!("{}, {}", consistent(snapshot.app_consistent.as_ref()), config(snapshot.vss_config.as_ref()))
        } else {
            "gone".to_owned()
        };
        let (id, device) = (escaped(&snapshot.id), escaped(&snapshot.device));
        named(text, "snapshot", &format!("{id} ({device}) {tags}"), width);
    }
}

fn line(text: &mut String, line: &Line, width: usize) {
    text.push('\n');
    let place = match &line.location {
        Some(location) => format!("{}:{}", escaped(&location.file), location.line),
        None => "vss.toml".to_owned(),
    };
    let _ = writeln!(text, "  {BOLD}{place}{BOLD:#}");
    for one in &line.toml {
        let _ = writeln!(text, "    {}", escaped(one));
    }
    paragraph(text, &escaped(&line.advice), 2, width);
}
