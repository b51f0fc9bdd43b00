//! The outcome of one job, and the evidence for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::vss::evidence::{
    APP_CONSISTENT, Evidence, Image, Job, JobState, Known, Tags, VSS_CONFIG, is_app_consistent,
};
use crate::vss::version::Version;

/// The outcome of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The job says `WindowsVSS`, and every snapshot of its image carries `AppConsistent`.
    Consistent,
    /// The job says `WindowsVSS`, and nobody looked at its snapshots.
    Claimed,
    /// The job says `WindowsVSS`, and these snapshots do not carry `AppConsistent`.
    NotTagged {
        /// Their ids.
        snapshots: Vec<String>,
    },
    /// The job says `WindowsVSS`, and its image is gone.
    Gone {
        /// The image's id.
        image: String,
    },
    /// The job says `WindowsVSS`, and its snapshots could not be read.
    Unreadable {
        /// Why.
        message: String,
    },
    /// VSS was asked for, and the backup is a regular one.
    CrashOnly,
    /// Nobody asked for VSS.
    NotAsked,
    /// There is no backup: `FAILED`, `ABORTED`, `EXPIRED` or `PARTIAL`.
    Failed,
    /// The job has not ended.
    Unended,
}

/// A job with what AWS says about its backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// The job.
    pub job: Job,
    /// Its outcome.
    pub outcome: Outcome,
    /// Its image, as far as it was looked at.
    pub image: Option<ImageProof>,
}

/// An image with the tags that are evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageProof {
    /// `ami-...`.
    pub id: String,
    /// `available`, ...
    pub state: String,
    /// `AppConsistent`, as it stands.
    pub app_consistent: Option<String>,
    /// `AwsVssConfig`, as it stands.
    pub vss_config: Option<String>,
    /// The version in it.
    pub version: Option<Version>,
    /// Its snapshots.
    pub snapshots: Vec<SnapshotProof>,
}

/// A snapshot with the tags that are evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotProof {
    /// `snap-...`.
    pub id: String,
    /// The device name.
    pub device: String,
    /// It exists.
    pub exists: bool,
    /// `AppConsistent`, as it stands.
    pub app_consistent: Option<String>,
    /// `AwsVssConfig`, as it stands.
    pub vss_config: Option<String>,
    /// The tags say that it is application-consistent.
    pub consistent: bool,
}

/// Tells whether a job has ended. A state that is not known here counts as one that has not.
pub(super) fn has_ended(state: &JobState) -> bool {
    match state {
        JobState::Completed | JobState::Aborted | JobState::Failed | JobState::Expired | JobState::Partial => true,
        JobState::Waiting | JobState::Running | JobState::Aborting | JobState::Other(_) => false,
    }
}

/// Judges one job, with the evidence.
pub fn judge(evidence: &Evidence, job: &Job) -> Proof {
    let (outcome, image) = look(evidence, job);
    Proof { job: job.clone(), outcome, image }
}

/// Judges one job.
pub(super) fn outcome(evidence: &Evidence, job: &Job) -> Outcome {
    look(evidence, job).0
}

fn look(evidence: &Evidence, job: &Job) -> (Outcome, Option<ImageProof>) {
    match &job.state {
        JobState::Aborted | JobState::Failed | JobState::Expired | JobState::Partial => (Outcome::Failed, None),
        JobState::Waiting | JobState::Running | JobState::Aborting | JobState::Other(_) => (Outcome::Unended, None),
        JobState::Completed if job.says_vss() => confirm(evidence, job),
        JobState::Completed if job.vss_requested => (Outcome::CrashOnly, None),
        JobState::Completed => (Outcome::NotAsked, None),
    }
}

/// Returns the image of a job with its tags, as far as it was looked at, also where the job does not say that VSS
/// worked.
pub fn image_of(evidence: &Evidence, job: &Job) -> Option<ImageProof> {
    confirm(evidence, job).1
}

/// Looks for the second proof: the tags of every snapshot of the image.
fn confirm(evidence: &Evidence, job: &Job) -> (Outcome, Option<ImageProof>) {
    let unreadable = |message: &str| (Outcome::Unreadable { message: message.to_owned() }, None);
    let Some(id) = job.image_id() else {
        return unreadable(&format!(
            "the recovery point `{}` is no image",
            job.recovery_point_arn.as_deref().unwrap_or_default()
        ));
    };
    let images = match &evidence.images {
        Known::Known(images) => images,
        Known::Unknown(unread) => return unreadable(&unread.message),
        Known::NotRead => return (Outcome::Claimed, None),
    };
    let image = match images.get(id) {
        Some(Some(image)) => image,
        Some(None) => return (Outcome::Gone { image: id.to_owned() }, None),
        None => return (Outcome::Claimed, None),
    };
    match snapshots(evidence, image) {
        Err(message) => unreadable(&message),
        Ok(proofs) => {
            let lacking: Vec<String> =
                proofs.iter().filter(|proof| !proof.consistent).map(|proof| proof.id.clone()).collect();
            let outcome = if proofs.is_empty() {
                // An image without snapshots proves nothing.
                Outcome::NotTagged { snapshots: Vec::new() }
            } else if lacking.is_empty() {
                Outcome::Consistent
            } else {
                Outcome::NotTagged { snapshots: lacking }
            };
            (outcome, Some(proof_of(image, proofs)))
        }
    }
}

/// The state of a snapshot that was never completed (EC2's `SnapshotState`).
const BROKEN: &str = "error";

fn snapshots(evidence: &Evidence, image: &Image) -> Result<Vec<SnapshotProof>, String> {
    let known = match &evidence.snapshots {
        Known::Known(snapshots) => snapshots,
        Known::Unknown(unread) => return Err(unread.message.clone()),
        Known::NotRead => return Err("nobody asked for them".to_owned()),
    };
    // One package sets the tag on all snapshots of a set, or, before 2.3.1, on none.
    let with_config = image.snapshots.iter().any(|(_, id)| {
        known.get(id).and_then(Option::as_ref).is_some_and(|snapshot| snapshot.tags.contains_key(VSS_CONFIG))
    });
    image
        .snapshots
        .iter()
        .map(|(device, id)| {
            let snapshot = known.get(id).ok_or_else(|| format!("nobody looked for {id}"))?.as_ref();
            let consistent = snapshot.is_some_and(|snapshot| {
                snapshot.state != BROKEN
                    && is_app_consistent(&snapshot.tags)
                    && (!with_config || snapshot.tags.contains_key(VSS_CONFIG))
            });
            Ok(SnapshotProof {
                id: id.clone(),
                device: device.clone(),
                exists: snapshot.is_some(),
                app_consistent: snapshot.and_then(|snapshot| tag(&snapshot.tags, APP_CONSISTENT)),
                vss_config: snapshot.and_then(|snapshot| tag(&snapshot.tags, VSS_CONFIG)),
                consistent,
            })
        })
        .collect()
}

fn proof_of(image: &Image, snapshots: Vec<SnapshotProof>) -> ImageProof {
    let vss_config =
        tag(&image.tags, VSS_CONFIG).or_else(|| snapshots.iter().find_map(|proof| proof.vss_config.clone()));
    ImageProof {
        id: image.id.clone(),
        state: image.state.clone(),
        app_consistent: tag(&image.tags, APP_CONSISTENT),
        version: vss_config.as_deref().and_then(Version::in_tag),
        vss_config,
        snapshots,
    }
}

/// Returns the value of a tag, as it stands.
fn tag(tags: &Tags, key: &str) -> Option<String> {
    tags.get(key).cloned()
}
