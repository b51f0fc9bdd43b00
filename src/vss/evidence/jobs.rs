//! Backup jobs, their images and snapshots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Tags;
use crate::vss::Moment;

/// The tag that the package sets where the snapshot was application-consistent, and leaves out on an error.
pub const APP_CONSISTENT: &str = "AppConsistent";
/// The tag with the package's version and the snapshot set; set from version 2.3.1 on.
pub const VSS_CONFIG: &str = "AwsVssConfig";

/// The state of a backup job, as AWS names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
pub enum JobState {
    /// Not started: `CREATED` or `PENDING`.
    Waiting,
    /// `RUNNING`.
    Running,
    /// `ABORTING`.
    Aborting,
    /// `COMPLETED`, which says nothing about VSS.
    Completed,
    /// `ABORTED`.
    Aborted,
    /// `FAILED`.
    Failed,
    /// `EXPIRED`: it did not start or end within its window.
    Expired,
    /// `PARTIAL`.
    Partial,
    /// A state that AWS did not have when this was written.
    Other(String),
}

impl From<String> for JobState {
    fn from(text: String) -> Self {
        match text.as_str() {
            "CREATED" | "PENDING" => Self::Waiting,
            "RUNNING" => Self::Running,
            "ABORTING" => Self::Aborting,
            "COMPLETED" => Self::Completed,
            "ABORTED" => Self::Aborted,
            "FAILED" => Self::Failed,
            "EXPIRED" => Self::Expired,
            "PARTIAL" => Self::Partial,
            _ => Self::Other(text),
        }
    }
}

impl From<JobState> for String {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Waiting => "PENDING".to_owned(),
            JobState::Running => "RUNNING".to_owned(),
            JobState::Aborting => "ABORTING".to_owned(),
            JobState::Completed => "COMPLETED".to_owned(),
            JobState::Aborted => "ABORTED".to_owned(),
            JobState::Failed => "FAILED".to_owned(),
            JobState::Expired => "EXPIRED".to_owned(),
            JobState::Partial => "PARTIAL".to_owned(),
            JobState::Other(text) => text,
        }
    }
}

/// A backup job of an EC2 instance. Its `COMPLETED` says that there is an image, and nothing about VSS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    /// The job's id.
    pub id: String,
    /// The instance's ARN.
    pub resource_arn: String,
    /// The state.
    pub state: JobState,
    /// `WindowsVSS` where VSS worked, empty for a regular backup: AWS's own proof.
    pub backup_type: Option<String>,
    /// `BackupOptions.WindowsVSS` is `enabled`: what was asked for, not what was done.
    pub vss_requested: bool,
    /// `SUCCESS`, or why not.
    pub message_category: Option<String>,
    /// AWS's words about it.
    pub status_message: Option<String>,
    /// The recovery point: `arn:aws:ec2:REGION::image/ami-...`.
    pub recovery_point_arn: Option<String>,
    /// When it was created.
    pub created: Moment,
    /// When it ended.
    pub completed: Option<Moment>,
    /// The plan that started it; none for one on demand.
    pub plan_id: Option<String>,
    /// The version of the plan that started it.
    #[serde(default)]
    pub plan_version: Option<String>,
    /// The rule that started it.
    pub rule_id: Option<String>,
    /// The vault.
    pub vault: String,
    /// The role that AWS Backup had for it.
    pub role_arn: Option<String>,
}

impl Job {
    /// Returns the id of the instance.
    pub fn instance_id(&self) -> &str {
        self.resource_arn.rsplit('/').next().unwrap_or(&self.resource_arn)
    }

    /// Returns the id of the image, if the recovery point is one.
    pub fn image_id(&self) -> Option<&str> {
        self.recovery_point_arn.as_deref()?.split_once(":image/").map(|(_, id)| id)
    }

    /// Returns the moment that dates the backup: its end, else its begin.
    pub fn at(&self) -> Moment {
        self.completed.unwrap_or(self.created)
    }

    /// Tells whether AWS says that VSS worked.
    pub fn says_vss(&self) -> bool {
        self.backup_type.as_deref() == Some("WindowsVSS")
    }
}

/// A copy job: a recovery point that is copied into another vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyJob {
    /// The job's id.
    pub id: String,
    /// The ARN of the recovery point that is copied.
    pub point: String,
    /// The ARN of the vault that it goes to.
    pub vault: String,
    /// The state.
    pub state: JobState,
    /// AWS's words about it.
    pub message: Option<String>,
    /// When it was created.
    pub created: Moment,
}

/// An Amazon Machine Image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `ami-...`.
    pub id: String,
    /// `available`, `pending`, `disabled`, ...
    pub state: String,
    /// All tags.
    pub tags: Tags,
    /// Its snapshots: device name and id.
    pub snapshots: Vec<(String, String)>,
}

/// A snapshot of an EBS volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// `snap-...`.
    pub id: String,
    /// `completed`, `pending` or `error`.
    pub state: String,
    /// The volume.
    pub volume: Option<String>,
    /// All tags.
    pub tags: Tags,
}

/// Tells whether tags say that a snapshot is application-consistent. Older guides write `true`, newer ones `True`.
pub fn is_app_consistent(tags: &Tags) -> bool {
    tags.get(APP_CONSISTENT).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_consistency_tag_is_read_in_any_case_and_nothing_else_counts() {
        let tags = |value: &str| Tags::from([(APP_CONSISTENT.to_owned(), value.to_owned())]);
        assert!(is_app_consistent(&tags("True")) && is_app_consistent(&tags("true")));
        assert!(
            !is_app_consistent(&tags("False")) && !is_app_consistent(&tags("")) && !is_app_consistent(&Tags::new())
        );
    }

    #[test]
    fn a_job_names_its_instance_and_its_image() {
        let job = Job {
            id: "j".to_owned(),
            resource_arn: "arn:aws:ec2:eu-west-1:123456789012:instance/i-0a".to_owned(),
            state: JobState::Completed,
            backup_type: None,
            vss_requested: true,
            message_category: None,
            status_message: None,
            recovery_point_arn: Some("arn:aws:ec2:eu-west-1::image/ami-0b".to_owned()),
            created: Moment::from_seconds(1),
            completed: None,
            plan_id: None,
            plan_version: None,
            rule_id: None,
            vault: "vss".to_owned(),
            role_arn: None,
        };
        assert_eq!((job.instance_id(), job.image_id()), ("i-0a", Some("ami-0b")));
    }
}
