//! What was read of an account at one moment. Plain data, and the only thing that the rest of this folder decides on.
//!
//! A list is known, unknown (with the IAM action that was missing and AWS's message), or was not read because nobody asked
//! for it. What a known list does not have is not there; about the others nothing is said.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Moment;
use super::package::{Installed, PackageEvidence, PackageSource};
use super::version::Version;
use crate::model::Scope;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// The tag that the package sets where the snapshot was application-consistent, and leaves out on an error.
pub const APP_CONSISTENT: &str = "AppConsistent";
/// The tag with the package's version and the snapshot set; set from version 2.3.1 on.
pub const VSS_CONFIG: &str = "AwsVssConfig";

/// Something that was to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known<T> {
    /// Read, and complete.
    Known(T),
    /// Asked for and not got.
    Unknown(Unread),
    /// Nobody asked for it.
    #[default]
    NotRead,
}

/// A read that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unread {
    /// The IAM action to allow, such as `ec2:DescribeInstances`.
    pub action: String,
    /// What AWS said.
    pub message: String,
}

impl<T> Known<T> {
    /// Returns what was read.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) | Self::NotRead => None,
        }
    }

    /// Returns why it is unknown.
    pub fn unread(&self) -> Option<&Unread> {
        match self {
            Self::Unknown(unread) => Some(unread),
            Self::Known(_) | Self::NotRead => None,
        }
    }

    /// Changes what was read.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Known(value) => Known::Known(change(value)),
            Self::Unknown(unread) => Known::Unknown(unread),
            Self::NotRead => Known::NotRead,
        }
    }
}

/// What was read of an account in one region.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// Account and region.
    pub scope: Scope,
    /// The moment of the reading.
    pub read_at: Moment,
    /// Jobs created before this were not looked for.
    pub jobs_since: Moment,
    /// The instances, terminated ones not included.
    pub instances: Known<Vec<Instance>>,
    /// What Systems Manager says about instances, by instance id.
    pub agents: Known<BTreeMap<String, Agent>>,
    /// The EC2 backup jobs.
    pub jobs: Known<Vec<Job>>,
    /// The images that were looked for, by id; none where it is gone.
    pub images: Known<BTreeMap<String, Option<Image>>>,
    /// The snapshots that were looked for, by id; none where it is gone.
    pub snapshots: Known<BTreeMap<String, Option<Snapshot>>>,
    /// The backup plans with their selections.
    pub plans: Known<Vec<Plan>>,
    /// The account's roles by ARN.
    pub roles: Known<BTreeMap<String, Role>>,
    /// The account's instance profiles by ARN.
    pub profiles: Known<BTreeMap<String, InstanceProfile>>,
    /// The region's backup vaults by name.
    pub vaults: Known<BTreeMap<String, Vault>>,
    /// Which resource types AWS Backup handles here.
    pub opt_in: Known<BTreeMap<String, bool>>,
    /// What the tags of backups tell about `AwsVssComponents`, by instance id.
    pub packages: Known<BTreeMap<String, Vec<PackageEvidence>>>,
    /// What Run Commands that installed it came to, by instance id; AWS keeps them for 30 days.
    pub commands: Known<BTreeMap<String, Vec<PackageEvidence>>>,
    /// What associations that install it came to, by instance id.
    pub associations: Known<BTreeMap<String, Vec<PackageEvidence>>>,
    /// The encrypted volumes that are attached to instances.
    pub volumes: Known<Vec<Volume>>,
    /// The keys of the encrypted volumes of Windows instances, by ARN.
    pub keys: BTreeMap<String, Known<Key>>,
    /// The instances that have the service of failover clusters, by the inventory.
    pub clustered: Known<BTreeSet<String>>,
    /// The route tables.
    pub routes: Known<Vec<RouteTable>>,
    /// The endpoints of AWS's services in VPCs; read where a Windows instance is in a network without another way out.
    pub endpoints: Known<Vec<Endpoint>>,
    /// What a look inside showed, by instance id; only where it was asked for.
    pub inspections: BTreeMap<String, Known<super::doctor::inspection::Inspection>>,
}

impl Evidence {
    /// Makes evidence in which nothing was read yet.
    pub fn new(scope: Scope, read_at: Moment, jobs_since: Moment) -> Self {
        Self {
            scope,
            read_at,
            jobs_since,
            instances: Known::NotRead,
            agents: Known::NotRead,
            jobs: Known::NotRead,
            images: Known::NotRead,
            snapshots: Known::NotRead,
            plans: Known::NotRead,
            roles: Known::NotRead,
            profiles: Known::NotRead,
            vaults: Known::NotRead,
            opt_in: Known::NotRead,
            packages: Known::NotRead,
            commands: Known::NotRead,
            associations: Known::NotRead,
            volumes: Known::NotRead,
            keys: BTreeMap::new(),
            clustered: Known::NotRead,
            routes: Known::NotRead,
            endpoints: Known::NotRead,
            inspections: BTreeMap::new(),
        }
    }

    /// Returns the ARN of an instance, as AWS Backup names it.
    pub fn instance_arn(&self, id: &str) -> String {
        self.scope.arn("ec2", &format!("instance/{id}"))
    }

    /// Finds an instance by its id.
    pub fn instance(&self, id: &str) -> Option<&Instance> {
        self.instances.known()?.iter().find(|instance| instance.id == id)
    }

    /// Returns what is known about the package on an instance, a look inside included, in no order.
    pub fn package_evidence(&self, id: &str) -> Vec<PackageEvidence> {
        let lists = [&self.packages, &self.commands, &self.associations];
        let read = lists.into_iter().filter_map(|list| list.known()?.get(id)).flatten().cloned();
        let inside = self.inspections.get(id).and_then(Known::known).and_then(|inspection| {
            let there =
                || inspection.version.clone().map_or(Installed::Present, |it| Installed::Version(Version::new(it)));
            Some(PackageEvidence {
                installed: if inspection.executable? { there() } else { Installed::Gone },
                source: PackageSource::File,
                at: inspection.at.unwrap_or(self.read_at),
            })
        });
        read.chain(inside).collect()
    }

    /// Returns the route table of an instance's subnet if it leads nowhere outside the instance's own network.
    pub fn closed_network(&self, instance: &Instance) -> Option<&RouteTable> {
        let tables = self.routes.known()?;
        let own = tables.iter().find(|table| table.subnets.contains(&instance.subnet));
        let main = || tables.iter().find(|table| table.is_main && table.vpc == instance.vpc);
        // Endpoints of type Gateway lead to S3 and DynamoDB.
        let leads_out = |target: &String| target != "local" && !target.starts_with("vpce-");
        own.or_else(main).filter(|table| !table.targets.iter().any(leads_out))
    }

    /// Returns the role of an instance: `None` where there is no profile, no role in it, or it is not known.
    pub fn instance_role(&self, instance: &Instance) -> Option<&Role> {
        let profile = self.profiles.known()?.get(instance.profile_arn.as_ref()?)?;
        self.roles.known()?.get(profile.roles.first()?)
    }

    /// Says what could not be read, each once.
    pub fn unread(&self) -> Vec<&Unread> {
        let Self {
            scope: _,
            read_at: _,
            jobs_since: _,
            instances,
            agents,
            jobs,
            images,
            snapshots,
            plans,
            roles,
            profiles,
            vaults,
            opt_in,
            packages,
            commands,
            associations,
            volumes,
            keys,
            clustered,
            routes,
            endpoints,
            inspections,
        } = self;
        let lists = [
            instances.unread(),
            agents.unread(),
            jobs.unread(),
            images.unread(),
            snapshots.unread(),
            plans.unread(),
            roles.unread(),
            profiles.unread(),
            vaults.unread(),
            opt_in.unread(),
            packages.unread(),
            commands.unread(),
            associations.unread(),
            volumes.unread(),
            clustered.unread(),
            routes.unread(),
            endpoints.unread(),
        ];
        let selections = plans.known().into_iter().flatten().filter_map(|plan| plan.selections.unread());
        let inside = inspections.values().filter_map(Known::unread);
        let of_keys = keys.values().flat_map(|key| {
            let policy = key.known().and_then(|key| key.policy.unread());
            let grants = key.known().into_iter().flat_map(|key| key.grants.values().filter_map(Known::unread));
            key.unread().into_iter().chain(policy).chain(grants)
        });
        let mut all: Vec<&Unread> =
            lists.into_iter().flatten().chain(selections).chain(inside).chain(of_keys).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// An EC2 instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// `i-...`.
    pub id: String,
    /// The tag `Name`, empty without one.
    pub name: String,
    /// Such as `m6i.large`.
    pub instance_type: String,
    /// `running`, `stopped`, ...
    pub state: String,
    /// EC2 says that it runs Windows.
    pub windows: bool,
    /// All tags.
    pub tags: Tags,
    /// `vpc-...`.
    pub vpc: String,
    /// `subnet-...`.
    pub subnet: String,
    /// The ARN of the instance profile on it.
    pub profile_arn: Option<String>,
    /// The volumes: device name and id.
    pub volumes: Vec<(String, String)>,
    /// How the instance reaches its metadata, and with that its credentials.
    pub metadata: Option<MetadataOptions>,
    /// The last launch, which every start is.
    pub launched: Option<Moment>,
    /// When its root volume was attached: the nearest to a birthday that EC2 tells.
    pub created: Option<Moment>,
}

impl Instance {
    /// Returns the id with the name, as people look for it.
    pub fn title(&self) -> String {
        if self.name.is_empty() { self.id.clone() } else { format!("{} ({})", self.name, self.id) }
    }
}

/// An encrypted volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// `vol-...`.
    pub id: String,
    /// The ARN of its key.
    pub key: String,
    /// The instances that it is attached to.
    pub instances: Vec<String>,
}

/// A KMS key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// `Enabled`, `Disabled`, `PendingDeletion`, ...
    pub state: String,
    /// The customer manages it; else AWS does, and nobody needs leave.
    pub is_customers: bool,
    /// Its policy; not read of AWS's keys, and of other accounts' keys, where AWS does not show it.
    pub policy: Known<Value>,
    /// The operations that grants allow, by the ARN of a role.
    pub grants: BTreeMap<String, Known<Vec<String>>>,
}

/// A route table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteTable {
    /// `rtb-...`.
    pub id: String,
    /// `vpc-...`.
    pub vpc: String,
    /// The subnets that it is for by name.
    pub subnets: Vec<String>,
    /// It is for all subnets of the VPC without one of their own.
    pub is_main: bool,
    /// What its routes lead to.
    pub targets: Vec<String>,
}

/// An endpoint of a service of AWS's in a VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// `vpce-...`.
    pub id: String,
    /// `vpc-...`.
    pub vpc: String,
    /// Such as `com.amazonaws.eu-west-1.ec2`.
    pub service: String,
    /// It answers, and the service's usual name leads to it.
    pub answers: bool,
}

/// `MetadataOptions` of an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataOptions {
    /// `HttpEndpoint` is `enabled`.
    pub enabled: bool,
    /// `HttpTokens` is `required`.
    pub tokens_required: bool,
    /// `HttpPutResponseHopLimit`.
    pub hop_limit: Option<i32>,
}

/// What Systems Manager says about an instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// `Online`, `ConnectionLost` or `Inactive`.
    pub ping: String,
    /// The agent's version.
    pub version: Option<String>,
    /// Such as `Microsoft Windows Server 2022 Datacenter`.
    pub platform_name: Option<String>,
    /// Such as `10.0.20348`.
    pub platform_version: Option<String>,
    /// The last sign of life.
    pub last_ping: Option<Moment>,
    /// `Windows` or `Linux`.
    pub platform_type: Option<String>,
    /// The status of the instance's associations: `Success`, `Failed`, ...
    pub association_status: Option<String>,
}

impl Agent {
    /// Tells whether the agent answers.
    pub fn is_online(&self) -> bool {
        self.ping == "Online"
    }
}

/// The state of a backup job, as AWS names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// Whose a backup plan is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanOwner {
    /// This stack's, with its address.
    Ours(String),
    /// Another stack's.
    Stack(String),
    /// AWS Organizations' (`orgs/...`).
    Organizations,
    /// Somebody's.
    #[default]
    Other,
}

/// A backup plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// Whose it is.
    pub owner: PlanOwner,
    /// `AdvancedBackupSettings` asks for VSS.
    pub windows_vss: bool,
    /// When it was made.
    pub created: Option<Moment>,
    /// The rules.
    pub rules: Vec<Rule>,
    /// The selections.
    pub selections: Known<Vec<Selection>>,
}

/// A rule of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The vault's name.
    pub vault: String,
    /// Such as `cron(0 5 ? * * *)`; none: on demand only.
    pub schedule: Option<String>,
    /// The schedule's IANA time zone.
    pub timezone: Option<String>,
    /// How long a job may wait for its start.
    pub start_window_minutes: i64,
    /// How long a job may take.
    pub complete_window_minutes: Option<i64>,
    /// The retention; none is for ever.
    pub delete_after_days: Option<i64>,
    /// When it would move to cold storage.
    pub cold_after_days: Option<i64>,
    /// Continuous backup, which EC2 has not.
    pub continuous: bool,
    /// The tags that recovery points get.
    pub recovery_point_tags: Tags,
}

/// A selection of a plan, in AWS's terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// The id.
    pub id: String,
    /// The name.
    pub name: String,
    /// When it was made.
    pub created: Option<Moment>,
    /// The role that AWS Backup gets.
    pub role_arn: String,
    /// `Resources`: ARNs and patterns.
    pub resources: Vec<String>,
    /// `NotResources`.
    pub not_resources: Vec<String>,
    /// `ListOfTags`: key and value.
    pub list_of_tags: Vec<(String, String)>,
    /// `Conditions`.
    pub conditions: Conditions,
}

/// `Conditions` of a selection: keys without `aws:ResourceTag/`, and values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// `StringEquals`.
    pub equals: Vec<(String, String)>,
    /// `StringNotEquals`.
    pub not_equals: Vec<(String, String)>,
    /// `StringLike`.
    pub like: Vec<(String, String)>,
    /// `StringNotLike`.
    pub not_like: Vec<(String, String)>,
}

impl Conditions {
    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        let Self { equals, not_equals, like, not_like } = self;
        [equals, not_equals, like, not_like].into_iter().all(Vec::is_empty)
    }
}

/// A role with what it may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The ARN.
    pub arn: String,
    /// The name.
    pub name: String,
    /// The trust policy.
    pub trust: Value,
    /// The documents of its managed policies, by ARN.
    pub managed: BTreeMap<String, Known<Value>>,
    /// The documents of its inline policies, by name.
    pub inline: BTreeMap<String, Value>,
    /// The ARN and document of its permissions boundary.
    pub boundary: Option<(String, Known<Value>)>,
}

/// An instance profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// The ARN.
    pub arn: String,
    /// The name.
    pub name: String,
    /// The ARNs of its roles; AWS allows one.
    pub roles: Vec<String>,
}

/// A backup vault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vault {
    /// The name.
    pub name: String,
    /// A lock holds.
    pub locked: bool,
    /// The lock's shortest retention.
    pub min_retention_days: Option<i64>,
    /// The lock's longest retention.
    pub max_retention_days: Option<i64>,
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
            rule_id: None,
            vault: "vss".to_owned(),
            role_arn: None,
        };
        assert_eq!((job.instance_id(), job.image_id()), ("i-0a", Some("ami-0b")));
    }
}
