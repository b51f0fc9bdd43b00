//! What was read of an account at one moment: plain data, and the only input of the decisions in this folder.
//!
//! A list is known, unknown (with the IAM action that was missing and AWS's message), or was not read because nobody
//! asked for it. An object that is missing from a known list does not exist. From the other two nothing follows.

mod instances;
mod jobs;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Moment;
use super::package::{Installed, PackageEvidence, PackageSource};
use super::version::{System, Version};
use crate::model::Scope;

pub use instances::{Agent, Endpoint, Instance, Key, MetadataOptions, RouteTable, Volume};
pub use jobs::{APP_CONSISTENT, CopyJob, Image, Job, JobState, Snapshot, VSS_CONFIG, is_app_consistent};

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// A list or object that was to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known<T> {
    /// Read, and complete.
    Known(T),
    /// The read failed.
    Unknown(Unread),
    /// Nobody asked for it.
    #[default]
    NotRead,
}

/// A read that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
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
    /// The copy jobs of EC2's recovery points; read where the rule of a plan with VSS asks for copies.
    #[serde(default)]
    pub copies: Known<Vec<CopyJob>>,
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
    /// The results of Run Commands that installed `AwsVssComponents`, by instance id; AWS keeps them for 30 days.
    pub commands: Known<BTreeMap<String, Vec<PackageEvidence>>>,
    /// The results of associations that install `AwsVssComponents`, by instance id.
    pub associations: Known<BTreeMap<String, Vec<PackageEvidence>>>,
    /// The encrypted volumes that are attached to instances.
    pub volumes: Known<Vec<Volume>>,
    /// The keys of the encrypted volumes of Windows instances, and those of customers on vaults that copies go to, by
    /// ARN.
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
            copies: Known::NotRead,
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

    /// Returns the operating system of an instance, as far as Systems Manager names one that is known.
    pub fn system(&self, id: &str) -> Option<System> {
        self.agents.known()?.get(id)?.platform_name.as_deref().and_then(System::of)
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
            copies,
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
            copies.unread(),
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

/// Who owns a backup plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanOwner {
    /// This stack's, with its address.
    Ours(String),
    /// Another stack's.
    Stack(String),
    /// AWS Organizations' (`orgs/...`).
    Organizations,
    /// Somebody else's.
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
    /// Who owns it.
    pub owner: PlanOwner,
    /// `AdvancedBackupSettings` asks for VSS.
    pub windows_vss: bool,
    /// When it was made.
    pub created: Option<Moment>,
    /// The id of its present version.
    #[serde(default)]
    pub version: Option<String>,
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
    /// Continuous backup, which AWS Backup does not offer for EC2.
    pub continuous: bool,
    /// The tags that recovery points get.
    pub recovery_point_tags: Tags,
    /// The ARNs of the vaults that recovery points are copied to.
    #[serde(default)]
    pub copies: Vec<String>,
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
    /// The ARN of its key, where that is a customer's.
    #[serde(default)]
    pub key: Option<String>,
}
