//! The backup jobs of an instance, with what AWS says about each and the tags of its image and snapshots; and the
//! causes of the messages, each written once for all instances.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::escape::{code, foreign, prose, sentence, text};
use super::page::{Tone, badge, table, time};
use crate::observe::evidence::history;
use crate::vss::evidence::{APP_CONSISTENT, Evidence, Job, JobState, VSS_CONFIG};
use crate::vss::messages::{self, Meaning};
use crate::vss::verify::{Cause, ImageProof, Outcome, Proof, Report, SnapshotProof, Verified, cause, image_of, judge};

/// The columns of the jobs of an instance.
const COLUMNS: [&str; 5] =
    ["Created and ended", "State and BackupType", "Came to", "AWS’s words, cause and fix", "Job, image and snapshots"];
/// The column with AWS's message.
const WORDS: usize = 3;

/// The jobs of the evidence, and the messages among them that AWS documents.
#[derive(Debug)]
pub(super) struct Jobs<'a> {
    evidence: &'a Evidence,
    by_id: BTreeMap<&'a str, &'a Job>,
    /// How many jobs each instance shows.
    shown: usize,
    /// The documented messages, the most frequent first, with how often each was said.
    messages: Vec<(&'static Meaning, usize)>,
}

impl<'a> Jobs<'a> {
    /// Collects the jobs of a report.
    pub(super) fn new(evidence: &'a Evidence, report: &Report) -> Self {
        let by_id: BTreeMap<&str, &Job> =
            evidence.jobs.known().into_iter().flatten().map(|job| (job.id.as_str(), job)).collect();
        let mut said: BTreeMap<&str, (&'static Meaning, usize)> = BTreeMap::new();
        for past in report.instances.iter().flat_map(|verified| &verified.history) {
            if let Some(meaning) = by_id.get(past.job.as_str()).and_then(|job| meaning(job)) {
                said.entry(meaning.part).or_insert((meaning, 0)).1 += 1;
            }
        }
        let mut messages: Vec<(&Meaning, usize)> = said.into_values().collect();
        messages.sort_by(|one, other| (other.1, one.0.part).cmp(&(one.1, other.0.part)));
        Self { evidence, by_id, shown: history(report.instances.len()), messages }
    }

    /// Writes the section of the causes; empty where no job has a message that AWS documents.
    pub(super) fn causes(&self) -> String {
        if self.messages.is_empty() {
            return String::new();
        }
        let rows = self.messages.iter().enumerate().map(|(index, (meaning, count))| {
            vec![
                format!("<span class=\"whole\" id=\"cause-{0}\">Cause {0}</span>", index + 1),
                count.to_string(),
                format!("<p>{}</p>", sentence(meaning.cause)),
                format!("<p>{}</p>", sentence(meaning.fix)),
                text(&meaning.checks.join(", ")),
            ]
        });
        format!(
            "<p>AWS Backup says in words, not in codes, why VSS did not work. These are the messages of the jobs \
             below, as AWS’s documentation explains them.</p>\n{}",
            table(
                "Causes and fixes",
                &["Cause", "Jobs", "What went wrong", "What to do", "Checks of <code>vssctl doctor</code>"],
                rows
            )
        )
    }

    fn number(&self, job: &Job) -> Option<usize> {
        let meaning = meaning(job)?;
        self.messages.iter().position(|(one, _)| one.part == meaning.part).map(|index| index + 1)
    }

    /// Writes the evidence for one instance: the job that decided, and its jobs over time.
    pub(super) fn evidence(&self, verified: &Verified) -> String {
        let mut html = String::new();
        if let Some(proof) = &verified.proof {
            self.decisive(&mut html, proof);
        }
        if verified.history.is_empty() {
            html.push_str("<p>AWS Backup has no job of this instance in this time.</p>\n");
            return html;
        }
        let jobs = verified.history.iter().take(self.shown).filter_map(|past| self.by_id.get(past.job.as_str()));
        let mut rows: Vec<Vec<String>> = jobs.map(|job| self.row(&judge(self.evidence, job))).collect();
        let mut columns = COLUMNS.to_vec();
        // The column is left out where no job has a message.
        if rows.iter().all(|row| row[WORDS].is_empty()) {
            columns.remove(WORDS);
            for row in &mut rows {
                row.remove(WORDS);
            }
        }
        html.push_str(&table(&format!("Backup jobs of {}, the newest first", verified.id), &columns, rows));
        let left_out = verified.history.len().saturating_sub(self.shown);
        if left_out > 0 {
            let _ = writeln!(
                html,
                "<p>{left_out} older {} left out here, and counted in the chart; <code>--format json</code> has every \
                 one.</p>",
                if left_out == 1 { "job is" } else { "jobs are" }
            );
        }
        html
    }

    fn decisive(&self, html: &mut String, proof: &Proof) {
        let job = &proof.job;
        let or_none = |value: Option<&String>| value.map_or_else(|| "empty".to_owned(), |value| code(value));
        html.push_str(
            "<p><strong>The job that decides</strong> is the newest one that has ended and asked for VSS.</p>\n\
             <dl class=\"facts\">\n",
        );
        let mut facts = vec![
            ("Job", code(&job.id)),
            ("Created", time(job.created)),
            ("Ended", job.completed.map_or_else(|| "not told".to_owned(), time)),
            ("State", code(&String::from(job.state.clone()))),
            ("VSS asked for", if job.vss_requested { "yes" } else { "no" }.to_owned()),
            ("BackupType", or_none(job.backup_type.as_ref())),
            ("MessageCategory", or_none(job.message_category.as_ref())),
        ];
        if let Some(message) = &job.status_message {
            facts.push(("AWS’s words", format!("<q>{}</q>", foreign(message))));
        }
        let image = proof.image.clone().or_else(|| image_of(self.evidence, job));
        match (&image, job.image_id()) {
            (Some(image), _) => facts.push(("Image", self::image(image))),
            (None, Some(id)) => facts.push(("Image", format!("{}, {}", code(id), unseen(&proof.outcome)))),
            (None, None) => {}
        }
        if let Some(version) = image.as_ref().and_then(|image| image.version.as_ref()) {
            facts.push(("AwsVssComponents", format!("{}, as the tag says", code(&version.to_string()))));
        }
        facts.push(("Vault", code(&job.vault)));
        if let Some(role) = &job.role_arn {
            facts.push(("Role", code(role)));
        }
        for (name, value) in facts {
            let _ = writeln!(html, "<div><dt>{name}</dt><dd>{value}</dd></div>");
        }
        html.push_str("</dl>\n");
        if let Some(image) = image.filter(|image| !image.snapshots.is_empty()) {
            let rows = image.snapshots.iter().map(|snapshot| {
                let tag = |value: &Option<String>| value.as_deref().map_or_else(|| "no such tag".to_owned(), code);
                vec![
                    code(&snapshot.id),
                    code(&snapshot.device),
                    tag(&snapshot.app_consistent),
                    tag(&snapshot.vss_config),
                    verdict(snapshot),
                ]
            });
            let columns =
                ["Snapshot", "Device", "Tag <code>AppConsistent</code>", "Tag <code>AwsVssConfig</code>", "Came to"];
            html.push_str(&table(&format!("Snapshots of {}", image.id), &columns, rows));
        }
    }

    fn row(&self, proof: &Proof) -> Vec<String> {
        let job = &proof.job;
        let (word, tone) = outcome(&proof.outcome);
        let mut words =
            job.status_message.as_deref().map(|message| format!("<p>{}</p>", foreign(message))).unwrap_or_default();
        if let Some(number) = self.number(job) {
            let _ = write!(words, "<p><a href=\"#cause-{number}\">Cause {number} and its fix</a></p>");
        } else if let Some(Cause { cause, fix, checks: _ }) = of_job(self.evidence, proof) {
            let _ = write!(words, "<p>{} {}</p>", sentence(&cause), sentence(&fix));
        }
        let mut made = code(&job.id);
        match (proof.image.clone().or_else(|| image_of(self.evidence, job)), job.image_id()) {
            (Some(image), _) => {
                let _ = write!(made, "<br />{}", code(&image.id));
                made.push_str(&snapshots(&image));
            }
            (None, Some(id)) => {
                let _ = write!(made, "<br />{}, {}", code(id), unseen(&proof.outcome));
            }
            (None, None) => {}
        }
        let ended = job.completed.map_or_else(|| "not ended".to_owned(), time);
        let state = code(&String::from(job.state.clone()));
        let kind = job.backup_type.as_deref().map_or_else(|| "BackupType empty".to_owned(), code);
        vec![
            format!("{}<br />{ended}", time(job.created)),
            format!("{state}<br />{kind}"),
            badge(word, tone),
            words,
            format!("<p class=\"made\">{made}</p>"),
        ]
    }
}

/// Returns what a message means, where the backup is not what it should be.
fn meaning(job: &Job) -> Option<&'static Meaning> {
    if job.state == JobState::Completed && job.says_vss() {
        return None;
    }
    messages::meaning(job.status_message.as_deref()?)
}

fn image(image: &ImageProof) -> String {
    let tags = [(APP_CONSISTENT, &image.app_consistent), (VSS_CONFIG, &image.vss_config)];
    let tags: Vec<String> =
        tags.iter().filter_map(|(key, value)| Some(code(&format!("{key}={}", value.as_ref()?)))).collect();
    let tags = if tags.is_empty() { "without VSS tags".to_owned() } else { tags.join(" ") };
    format!("{} {}, {tags}", code(&image.id), text(&image.state))
}

/// Writes the snapshots of an image, those with the same tags together.
fn snapshots(image: &ImageProof) -> String {
    let mut by_tags: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for snapshot in &image.snapshots {
        by_tags.entry(tags(snapshot)).or_default().push(code(&snapshot.id));
    }
    let mut html = String::new();
    for (tags, ids) in by_tags {
        let _ = write!(html, "<br />{}: {tags}", ids.join(", "));
    }
    html
}

fn tags(snapshot: &SnapshotProof) -> String {
    if !snapshot.exists {
        return "gone".to_owned();
    }
    let tags = [(APP_CONSISTENT, &snapshot.app_consistent), (VSS_CONFIG, &snapshot.vss_config)];
    let tags: Vec<String> =
        tags.iter().filter_map(|(key, value)| Some(code(&format!("{key}={}", value.as_ref()?)))).collect();
    if tags.is_empty() { "without VSS tags".to_owned() } else { tags.join(" ") }
}

fn verdict(snapshot: &SnapshotProof) -> String {
    match (snapshot.exists, snapshot.consistent) {
        (false, _) => badge("gone", Tone::Bad),
        (true, true) => badge("consistent", Tone::Good),
        (true, false) => badge("crash-only", Tone::Bad),
    }
}

/// Says why nothing is said about an image's tags.
fn unseen(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Gone { .. } => "no longer there".to_owned(),
        Outcome::Unreadable { message } => format!("could not be read: {}", foreign(message)),
        Outcome::Consistent
        | Outcome::Claimed
        | Outcome::NotTagged { .. }
        | Outcome::CrashOnly
        | Outcome::NotAsked
        | Outcome::Failed
        | Outcome::Unended => "not looked at".to_owned(),
    }
}

fn outcome(outcome: &Outcome) -> (&'static str, Tone) {
    match outcome {
        Outcome::Consistent => ("consistent", Tone::Good),
        Outcome::Claimed => ("VSS by the job alone", Tone::Doubtful),
        Outcome::NotTagged { .. } => ("crash-only: snapshots not tagged", Tone::Bad),
        Outcome::Gone { .. } => ("VSS by the job alone: image gone", Tone::Doubtful),
        Outcome::Unreadable { .. } => ("VSS by the job alone: unreadable", Tone::Doubtful),
        Outcome::CrashOnly => ("crash-only", Tone::Bad),
        Outcome::NotAsked => ("crash-only: VSS not asked for", Tone::Bad),
        Outcome::Failed => ("failed", Tone::Bad),
        Outcome::Unended => ("not ended", Tone::Plain),
    }
}

/// Says why a job's backup is not consistent, with the lines to run for its instance.
fn of_job(evidence: &Evidence, proof: &Proof) -> Option<Cause> {
    cause(evidence, proof).map(|cause| cause.on(proof.job.instance_id()))
}

/// Writes why a verdict is not better, and what to do.
pub(super) fn why(cause: &Cause, id: &str) -> String {
    let mut html = format!(
        "<div><dt>Cause</dt><dd>{}</dd></div>\n<div><dt>Fix</dt><dd>{}</dd></div>\n",
        sentence(&cause.cause),
        sentence(&cause.fix)
    );
    if !cause.checks.is_empty() {
        let said = format!("`vssctl doctor {id}` looks for it with {}", cause.checks.join(", "));
        let _ = writeln!(html, "<div><dt>Checks</dt><dd>{}.</dd></div>", prose(&said));
    }
    html
}
