//! Decides how the VSS part of a backup job ends on one instance, and has AWS's messages about what goes wrong.
//!
//! Written from "Create Windows VSS backups" and "AWS Backup dashboards: Reasons for problematic jobs" of the AWS
//! Backup guide, and from "Prerequisites to create Windows VSS based EBS snapshots", "AWS VSS solution version history"
//! and "Use an IAM managed policy to grant permissions for VSS based snapshots" of the EC2 guide. The order of the
//! checks is the order of the work: AWS Backup sends a command to the agent, the agent starts the requester, and the
//! requester calls EC2 with the instance's role.

use crate::model::partition;
use crate::model::service_role::{BACKUP, On, When};
use crate::policy::{Caller, Keys};
use crate::sandbox::account::Region;
use crate::sandbox::fleet::{Ailment, Instance, Platform, is_made_for, older};
use crate::sandbox::iam::{Iam, Powers};
use crate::sandbox::made;

/// The oldest agent that can run the document.
const OLDEST_AGENT: &str = "3.0.502.0";
/// The oldest package that sets the tag `AwsVssConfig` on what it makes.
const FIRST_WITH_TAG: &str = "2.3.1";
/// The oldest package that uses the `WinHTTP` proxy.
const FIRST_WITH_PROXY: &str = "2.0.1";
/// The oldest package that asks for the instance's attributes.
const FIRST_WITH_ATTRIBUTES: &str = "2.2.1";
/// The instance types on which AWS Backup does not try VSS.
const SMALL: [&str; 6] = ["t2.nano", "t2.micro", "t3.nano", "t3.micro", "t3a.nano", "t3a.micro"];

pub(super) const BAD_STATE: &str = "Windows VSS Backup attempt failed because either Instance or SSM Agent has invalid \
                                    state or insufficient privileges.";
pub(super) const NO_PRIVILEGES: &str =
    "Windows VSS Backup attempt failed because of insufficient privileges to perform this operation";
pub(super) const NOT_INSTALLED: &str =
    "Windows VSS Backup attempt failed because ec2-vss-agent.exe is not installed in the Instance";
pub(super) const SOME_ERROR: &str = "Windows VSS Backup Job Error encountered, trying for regular backup";
pub(super) const TIMEOUT: &str =
    "Windows VSS Backup attempt failed because of timeout on VSS enabled snapshot creation";
pub(super) const OLD_WINDOWS: &str = "Windows VSS Backup attempt failed because of unsupported Windows Server version. \
                                      Supported Versions are Windows Server 2012 or later.";

/// How the VSS part ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The writers were frozen by this version of the package.
    Consistent(String),
    /// It failed, and a regular backup was made instead.
    Failed(&'static str),
    /// The instance runs Linux, where the option is ignored without a message.
    Ignored,
}

/// The account and region in which the job runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) partition: &'a str,
    pub(super) region: &'a str,
    pub(super) account: &'a str,
}

impl Place<'_> {
    /// The caller of requests here, at a time in milliseconds since 1970.
    pub(super) fn caller(&self, at: i64) -> Caller<'_> {
        let Self { partition, region, account } = *self;
        let now = jiff::Timestamp::from_millisecond(at).ok();
        Caller { partition, region, account_id: account, role_arn: None, now }
    }

    /// Tells whether a backup role allows what AWS Backup does at some point of a backup of an instance.
    pub(super) fn lets(self, role: &Powers, at: i64, instance: &Instance, when: When) -> bool {
        let Self { partition, region, account } = self;
        BACKUP.iter().filter(|need| need.when == when).all(|need| {
            let resource = need.on.arn(partition, region, account, &instance.id);
            let keys = if need.on == On::Instance { of_instance(Keys::default(), instance) } else { Keys::default() };
            role.allow(self.caller(at), need.action, &resource, &keys)
        })
    }

    /// Returns the ARN of an instance.
    pub(super) fn instance(self, id: &str) -> String {
        format!("arn:{}:ec2:{}:{}:instance/{id}", self.partition, self.region, self.account)
    }

    /// Returns the ARN of an image or a snapshot, which names no account.
    pub(super) fn shared(self, kind: &str, id: &str) -> String {
        format!("arn:{}:ec2:{}::{kind}/{id}", self.partition, self.region)
    }
}

/// Adds the keys of a request about an instance: its tags and its type. What is being made has no tags before.
fn of_instance(keys: Keys, instance: &Instance) -> Keys {
    let tags = instance.tags.iter().fold(keys, |keys, (key, value)| {
        keys.with(&format!("aws:ResourceTag/{key}"), value).with(&format!("ec2:ResourceTag/{key}"), value)
    });
    tags.with("ec2:InstanceType", &instance.instance_type)
}

/// Returns the ARN of the instance profile that an instance has at a time. A profile that is still being associated
/// does not count.
pub(super) fn profile_of<'a>(region: &Region, instance: &'a Instance, at: i64) -> Option<&'a str> {
    let profile = instance.instance_profile.as_deref()?;
    let mut associations = region.ec2.profile_associations.values();
    let later = associations.any(|one| one.instance == instance.id && one.profile == profile && one.associated > at);
    (!later).then_some(profile)
}

/// Returns the permissions of the role in an instance profile; none without a role that EC2 may assume at a time.
pub(super) fn role_of(iam: &Iam, profile: &str, place: Place<'_>, at: i64) -> Option<Powers> {
    let profile = iam.profiles.values().find(|known| known.arn == profile)?;
    let role = iam.role(profile.role.as_deref()?)?;
    let trusted = partition::all().iter().flat_map(|one| one.principals("ec2")).any(|name| role.trusts(&name, at));
    trusted.then(|| Powers::of(iam, role, place.partition))
}

/// The facts on which the VSS part of a job depends.
pub(super) struct Scene<'a> {
    pub(super) place: Place<'a>,
    pub(super) instance: &'a Instance,
    /// The permissions of the role in the instance's profile, if there is one.
    pub(super) instance_role: Option<&'a Powers>,
    /// The permissions of the backup role.
    pub(super) backup_role: &'a Powers,
    pub(super) at: i64,
}

impl Scene<'_> {
    /// Tries to make a VSS backup.
    pub(super) fn attempt(&self) -> Attempt {
        let Self { place, instance, at, .. } = self;
        if instance.platform == Platform::Linux {
            return Attempt::Ignored;
        }
        if SMALL.contains(&instance.instance_type.as_str()) {
            return Attempt::Failed(SOME_ERROR);
        }
        let silent = instance.silent_since.is_some_and(|since| since <= *at);
        let closed = instance.ailments.contains(&Ailment::NoMetadata);
        if instance.state != "running" || silent || closed || older(&instance.agent_version, OLDEST_AGENT) {
            return Attempt::Failed(BAD_STATE);
        }
        if !place.lets(self.backup_role, *at, instance, When::WithVss) {
            return Attempt::Failed(NO_PRIVILEGES);
        }
        let package = instance.packages(*at).remove("AwsVssComponents");
        if !is_supported(&instance.os_name, package.as_deref()) {
            return Attempt::Failed(OLD_WINDOWS);
        }
        if instance.ailments.contains(&Ailment::ConstrainedLanguage) {
            return Attempt::Failed(SOME_ERROR);
        }
        let Some(package) = package.filter(|_| !instance.ailments.contains(&Ailment::MissingFiles)) else {
            return Attempt::Failed(NOT_INSTALLED);
        };
        let ails = |ailment: Ailment| instance.ailments.contains(&ailment);
        if ails(Ailment::NoEndpoint) || (ails(Ailment::Proxy) && older(&package, FIRST_WITH_PROXY)) {
            return Attempt::Failed(TIMEOUT);
        }
        let Some(role) = self.instance_role else { return Attempt::Failed(BAD_STATE) };
        if !self.may_make(role, &package) {
            return Attempt::Failed(NO_PRIVILEGES);
        }
        if [Ailment::FailedWriter, Ailment::TimedOutWriter, Ailment::UnregisteredProvider].into_iter().any(ails) {
            return Attempt::Failed(SOME_ERROR);
        }
        if ails(Ailment::SlowWriters) {
            return Attempt::Failed(TIMEOUT);
        }
        Attempt::Consistent(package)
    }

    /// Tells whether the role allows what the package does to make an image: it looks at the instance, creates the
    /// image with the tag, and afterwards tags what is consistent.
    fn may_make(&self, role: &Powers, package: &str) -> bool {
        let config = config(package, "");
        let place = self.place;
        let caller = place.caller(self.at);
        let instance = place.instance(&self.instance.id);
        let made = [place.shared("image", "ami-0123456789abcdef0"), place.shared("snapshot", "snap-0123456789abcdef0")];
        let own = Keys::default().with("ec2:SourceInstanceARN", &instance).with("ec2:InstanceId", &self.instance.id);
        let mut creating = own.clone();
        let mut tagging = own.clone();
        tagging.set("aws:TagKeys", ["AppConsistent".to_owned(), "Device".to_owned()]);
        if let Some(config) = &config {
            creating.set("aws:RequestTag/AwsVssConfig", [config.to_owned()]);
            creating.set("aws:TagKeys", ["AwsVssConfig".to_owned()]);
            tagging.set("ec2:ResourceTag/AwsVssConfig", [config.to_owned()]);
            tagging.set("aws:ResourceTag/AwsVssConfig", [config.to_owned()]);
        }
        let while_creating = creating.clone().with("ec2:CreateAction", "CreateImage");
        let (of_own, of_created) =
            (of_instance(own.clone(), self.instance), of_instance(creating.clone(), self.instance));
        (older(package, FIRST_WITH_ATTRIBUTES)
            || role.allow(caller, "ec2:DescribeInstanceAttribute", &instance, &of_own))
            && role.allow(caller, "ec2:CreateImage", &instance, &of_created)
            && made.iter().all(|arn| {
                role.allow(caller, "ec2:CreateImage", arn, &creating)
                    && (config.is_none() || role.allow(caller, "ec2:CreateTags", arn, &while_creating))
                    && role.allow(caller, "ec2:CreateTags", arn, &tagging)
            })
            && role.allow(caller, "ec2:DescribeImages", "*", &Keys::default())
    }
}

/// Returns the value of the tag `AwsVssConfig`, with the version and the snapshot set of a job. Older packages set no
/// such tag.
pub(super) fn config(package: &str, job: &str) -> Option<String> {
    let set = made::uuid_of(&format!("{job}/snapshot-set"));
    (!older(package, FIRST_WITH_TAG)).then(|| format!("AwsVssComponents {package}; SnapshotSetId {{{set}}}"))
}

/// Tells whether a system is supported: with a package that was made for it. One without a package is told so where the
/// system is new enough.
fn is_supported(os_name: &str, package: Option<&str>) -> bool {
    match package {
        Some(version) => is_made_for(os_name, version),
        None => ["2.1.0", "1.3.1.0"].iter().any(|version| is_made_for(os_name, version)),
    }
}
