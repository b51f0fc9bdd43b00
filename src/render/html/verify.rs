//! The page of `verify`.

use std::fmt::Write as _;

use super::chart::{Chart, Series};
use super::escape::{code, foreign, prose, sentence, text};
use super::jobs::{Jobs, why};
use super::page::{Page, Tone, badge, time};
use super::{INSTANCES, Origin};
use crate::render::proof::{counted, verify as words};
use crate::vss::evidence::Evidence;
use crate::vss::moment::length;
use crate::vss::verify::{Report, Verdict, Verified};

/// Renders the verdicts with their evidence.
pub fn verify(report: &Report, evidence: &Evidence, origin: Origin<'_>) -> String {
    let jobs = Jobs::new(evidence, report);
    let past = report.instances.iter().flat_map(|verified| &verified.history);
    let backups = past.filter_map(|past| Some((past.at, Series::of(&past.outcome)?)));
    let chart = Chart::new(report.since, report.read_at, backups);
    let verdict = words::verdict(report);
    let mut sections = vec![("time", "Backups over time", chart.render())];
    let causes = jobs.causes();
    if !causes.is_empty() {
        sections.push(("causes", "Causes and fixes", causes));
    }
    sections.push(("instances", "Instances", instances(report, &jobs)));
    sections.push(("method", "What the words mean", METHOD.to_owned()));
    let all = chart.totals().iter().sum();
    Page {
        origin,
        title: "Backup verification",
        command: "verify",
        read_at: report.read_at,
        verdict: &verdict,
        tone: overall(report),
        counts: Verdict::ALL.into_iter().rev().map(|kind| (report.count(kind), kind.name(), tone(kind))).collect(),
        facts: vec![
            ("Jobs since", time(report.since)),
            ("Jobs that ended", counted(all, "job")),
            ("Instances judged", counted(report.instances.len(), "instance")),
        ],
        unread: &report.unread,
        sections,
    }
    .render()
}

/// The terms of the page, for readers who do not know them.
const METHOD: &str = "<dl class=\"facts\">\n\
    <div><dt>consistent</dt><dd>The newest backup is application-consistent by two proofs of AWS’s own: the job is \
    COMPLETED with BackupType <code>WindowsVSS</code> (AWS Backup Developer Guide, “Create Windows VSS backups”), and \
    every snapshot of its image carries the tag <code>AppConsistent</code>, which AwsVssComponents sets only when the \
    snapshot was.</dd></div>\n\
    <div><dt>crash-only</dt><dd>There is a backup, and it is a regular one. AWS Backup says COMPLETED then as \
    well.</dd></div>\n\
    <div><dt>failed</dt><dd>The newest job failed, was aborted, expired or is partial, or its image is gone.</dd>\
    </div>\n\
    <div><dt>stale</dt><dd>The newest backup is consistent, and older than the plan’s schedule or \
    <code>--max-age</code> allows.</dd></div>\n\
    <div><dt>never</dt><dd>There is no backup, though one was due.</dd></div>\n\
    <div><dt>pending</dt><dd>None was due yet, or the first one is on its way.</dd></div>\n\
    <div><dt>unknown</dt><dd>What could be read does not tell. It is never taken for good.</dd></div>\n\
    </dl>\n\
    <p>Instances without Windows are not judged: VSS is a part of Windows. Instances that no plan with VSS selects, \
    and that were never backed up with VSS, are told by <code>vssctl coverage</code>.</p>\n";

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Failed | Verdict::CrashOnly | Verdict::Never => Tone::Bad,
        Verdict::Stale | Verdict::Unknown => Tone::Doubtful,
        Verdict::Pending => Tone::Plain,
        Verdict::Consistent => Tone::Good,
    }
}

fn overall(report: &Report) -> Tone {
    match (report.has_findings(), report.has_unknown() || report.instances.is_empty()) {
        (true, _) => Tone::Bad,
        (false, true) => Tone::Doubtful,
        (false, false) => Tone::Good,
    }
}

fn instances(report: &Report, jobs: &Jobs<'_>) -> String {
    let mut html = String::new();
    if report.instances.is_empty() {
        return "<p>There is none to show.</p>\n".to_owned();
    }
    let mut room = INSTANCES;
    for kind in Verdict::ALL {
        let all: Vec<&Verified> = report.instances.iter().filter(|verified| verified.verdict == kind).collect();
        if all.is_empty() {
            continue;
        }
        let _ = writeln!(html, "<h3>{}: {}</h3>", upper(kind.name()), counted(all.len(), "instance"));
        let shown = all.len().min(room);
        room -= shown;
        for verified in all.iter().take(shown) {
            if kind == Verdict::Consistent || kind == Verdict::Pending {
                row(&mut html, verified, jobs);
            } else {
                article(&mut html, verified, jobs);
            }
        }
        if all.len() > shown {
            let _ = writeln!(
                html,
                "<p>{} of these left out here, and counted above; <code>--format json</code> has every one.</p>",
                counted(all.len() - shown, "instance")
            );
        }
    }
    html
}

/// Writes an instance's name and id.
pub(super) fn title(name: &str, id: &str) -> String {
    if name.is_empty() { code(id) } else { format!("{} <span class=\"id\">{}</span>", foreign(name), code(id)) }
}

fn upper(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

/// Writes an instance about which nothing is to be done: a line that opens.
fn row(html: &mut String, verified: &Verified, jobs: &Jobs<'_>) {
    let _ = write!(
        html,
        "<details class=\"row\">\n<summary>{} {}: {}</summary>\n<div class=\"inside\">\n{}{}</div>\n</details>\n",
        badge(verified.verdict.name(), tone(verified.verdict)),
        title(&verified.name, &verified.id),
        prose(&verified.reason),
        about(verified),
        jobs.evidence(verified)
    );
}

/// Writes an instance about which something is to be done: why and what, and the evidence behind it.
fn article(html: &mut String, verified: &Verified, jobs: &Jobs<'_>) {
    let _ = write!(
        html,
        "<article class=\"instance\">\n<header><h4>{}</h4> {}</header>\n<p>{}</p>\n{}\
         <details>\n<summary>Evidence for {}: {}</summary>\n<div class=\"inside\">\n{}</div>\n</details>\n</article>\n",
        title(&verified.name, &verified.id),
        badge(verified.verdict.name(), tone(verified.verdict)),
        sentence(&verified.reason),
        about(verified),
        text(if verified.name.is_empty() { &verified.id } else { &verified.name }),
        counted(verified.history.len(), "job"),
        jobs.evidence(verified)
    );
}

fn about(verified: &Verified) -> String {
    let mut html = String::from("<dl>\n");
    if let Some(cause) = &verified.cause {
        html.push_str(&why(cause, &verified.id));
    }
    for note in &verified.notes {
        let _ = writeln!(html, "<div><dt>Note</dt><dd>{}</dd></div>", sentence(note));
    }
    if let Some(running) = &verified.running {
        let _ = writeln!(html, "<div><dt>Under way</dt><dd>job {}</dd></div>", code(running));
    }
    if !verified.plans.is_empty() {
        let plans: Vec<String> = verified.plans.iter().map(|plan| code(plan)).collect();
        let _ = writeln!(html, "<div><dt>Plans with VSS</dt><dd>{}</dd></div>", plans.join(", "));
    }
    if let Some(seconds) = verified.max_age {
        let _ = writeln!(html, "<div><dt>Oldest allowed</dt><dd>{}</dd></div>", length(seconds));
    }
    if html.ends_with("<dl>\n") {
        return String::new();
    }
    html.push_str("</dl>\n");
    html
}
