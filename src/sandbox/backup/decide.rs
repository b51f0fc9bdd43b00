//! Decides the outcomes of backup jobs: each at the time of its snapshot, in the order of these times.
//!
//! The reasons for failures are from `StartBackupJob` and "AWS Backup dashboards: Reasons for problematic jobs", the
//! limit of one running job for a resource from the quotas page. The durations are made up.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::copies;
use super::jobs::{Job, Outcome};
use super::points::{self, RecoveryPoint};
use super::vss::{Attempt, Place, Scene, config, profile_of, role_of};
use crate::model::service_role::When;
use crate::sandbox::account::{Context, Region};
use crate::sandbox::ec2::{GIGABYTES, IMAGE_QUOTA, Image, Snapshot};
use crate::sandbox::fleet::{Ailment, Instance};
use crate::sandbox::iam::{Iam, Powers};
use crate::sandbox::{made, ssm};

const MINUTE: i64 = 60_000;
/// The size of a volume.
const VOLUME_BYTES: i64 = GIGABYTES << 30;
/// The most tags of a resource that its users set.
const MOST_TAGS: usize = 50;

const SUCCESS: &str = "SUCCESS";
// AWS calls some categories examples; only that `SUCCESS` is the one good category is documented.
const DENIED: &str = "AccessDenied";
const WRONG: &str = "InvalidParameters";
const TROUBLE: &str = "VSSError";
const EXPIRED: &str = "JobExpired";
const LIMIT: &str = "LimitExceeded";

/// Decides the jobs that are due; tells whether there were any.
pub(in crate::sandbox) fn settle(context: &mut Context<'_>) -> bool {
    let now = context.now;
    let Some(region) = context.account.regions.get_mut(context.region) else { return false };
    let before = region.backup.swept;
    let swept = points::sweep(region, now);
    context.caught_up |= region.backup.swept != before;
    let is_due = |queue: &BTreeSet<(i64, String)>| queue.first().is_some_and(|(at, _)| *at <= now);
    if !is_due(&region.backup.open) && !is_due(&region.backup.to_copy) {
        return swept;
    }
    // Packages that were installed meanwhile count.
    ssm::catch_up(context);
    let place = Place { partition: context.partition, region: context.region, account: context.account_id };
    let Some(region) = context.account.regions.get_mut(context.region) else { return swept };
    let mut judge = Judge::new(&context.account.iam, place);
    while let Some((at, id)) = region.backup.open.pop_first() {
        if at > now {
            region.backup.open.insert((at, id));
            break;
        }
        judge.decide(region, &id);
    }
    copies::begin(context);
    true
}

/// Decides many jobs, and remembers the facts that are the same for several of them.
struct Judge<'a> {
    iam: &'a Iam,
    place: Place<'a>,
    /// The backup roles by ARN, and by the time where their trust asks for it; `None` for a role that AWS Backup can't
    /// assume.
    roles: BTreeMap<(String, Option<i64>), Option<Rc<Powers>>>,
    /// The roles of instance profiles by the profiles' ARNs, and by the time likewise.
    profiles: BTreeMap<(String, Option<i64>), Option<Rc<Powers>>>,
    /// Whether a backup role may make a regular backup of an instance.
    regular: BTreeMap<(String, String, bool, Option<i64>), bool>,
    attempts: BTreeMap<Circumstances, Attempt>,
}

/// The facts that an attempt depends on and that change between two jobs of one run: the instance, its package, whether
/// its agent is silent, its profile, the backup role, and the time where a policy asks for it.
type Circumstances = (String, Option<String>, bool, Option<String>, String, Option<i64>);

/// Why a job fails: category and message.
type Failure = (&'static str, String);

impl<'a> Judge<'a> {
    fn new(iam: &'a Iam, place: Place<'a>) -> Self {
        Self {
            iam,
            place,
            roles: BTreeMap::new(),
            profiles: BTreeMap::new(),
            regular: BTreeMap::new(),
            attempts: BTreeMap::new(),
        }
    }

    fn decide(&mut self, region: &mut Region, id: &str) {
        let Some(job) = region.backup.jobs.get(id).cloned() else { return };
        let collides = region.backup.busy.get(&job.resource).is_some_and(|until| *until > job.starts);
        let outcome = if collides {
            let message = "Backup job failed because there was a running job for the same resource.".to_owned();
            failed(&job, (WRONG, message))
        } else {
            let outcome = self.make(region, &job).unwrap_or_else(|failure| failed(&job, failure));
            region.backup.busy.insert(job.resource.clone(), outcome.ends);
            outcome
        };
        if outcome.recovery_point.is_some() && !region.backup.copy_actions(&job).is_empty() {
            region.backup.to_copy.insert((outcome.ends, id.to_owned()));
        }
        if let Some(job) = region.backup.jobs.get_mut(id) {
            job.outcome = Some(outcome);
        }
    }

    /// Makes the image, its snapshots and the recovery point.
    fn make(&mut self, region: &mut Region, job: &Job) -> Result<Outcome, Failure> {
        let role = self
            .role(&job.role, job.acts)
            .ok_or_else(|| (DENIED, format!("IAM Role {} cannot be assumed by AWS Backup", job.role)))?;
        self.check_vault(region, job)?;
        let id = job.resource.rsplit('/').next().unwrap_or_default();
        let instance = region.fleet.instances.get(id);
        let instance = instance.ok_or_else(|| (WRONG, format!("The resource {} does not exist.", job.resource)))?;
        if !self.may_image(job, &role, instance) {
            return Err((DENIED, "You are not authorized to perform this operation.".to_owned()));
        }
        check_limits(region, instance)?;
        let attempt = if job.asks_for_vss() { self.attempt(region, instance, job, &role) } else { Attempt::Ignored };
        let image = image(instance, &region.ec2.volume_tags, job, &attempt);
        check_tags(&image, &attempt)?;
        let ends = image.image.available;
        let (category, message, backup_type) = match &attempt {
            Attempt::Consistent(_) => (SUCCESS, "", "WindowsVSS"),
            Attempt::Failed(message) => (TROUBLE, *message, ""),
            Attempt::Ignored => (SUCCESS, "", ""),
        };
        let mut outcome = Outcome {
            ends,
            state: "COMPLETED".to_owned(),
            category: category.to_owned(),
            message: message.to_owned(),
            backup_type: backup_type.to_owned(),
            recovery_point: None,
            bytes: VOLUME_BYTES * i64::try_from(instance.volumes.len()).unwrap_or(1),
        };
        if ends > job.complete_by {
            return Ok(Outcome {
                ends: job.complete_by.max(job.acts),
                state: "EXPIRED".to_owned(),
                category: EXPIRED.to_owned(),
                message: "Backup job expired before completion.".to_owned(),
                backup_type: String::new(),
                ..outcome
            });
        }
        let arn = self.place.shared("image", &image.id);
        let point = RecoveryPoint {
            arn: arn.clone(),
            resource: job.resource.clone(),
            role: job.role.clone(),
            job: job.id.clone(),
            created: job.acts,
            completed: ends,
            lifecycle: job.lifecycle.clone(),
            origin: job.origin.clone(),
            tags: job.tags.clone(),
            bytes: outcome.bytes,
        };
        if let Some(vault) = region.backup.vaults.get_mut(&job.vault) {
            vault.recovery_points.insert(arn.clone(), point);
        }
        outcome.recovery_point = Some(arn);
        region.ec2.images.insert(image.id, image.image);
        region.ec2.snapshots.extend(image.snapshots);
        Ok(outcome)
    }

    /// Returns the permissions of a backup role; `None` if there is no such role that AWS Backup can assume.
    fn role(&mut self, arn: &str, at: i64) -> Option<Rc<Powers>> {
        let (iam, place) = (self.iam, self.place);
        let role = iam.role_by_arn(arn)?;
        let moment = role.trust_depends_on_time().then_some(at);
        let known = self.roles.entry((arn.to_owned(), moment)).or_insert_with(|| {
            role.trusts("backup.amazonaws.com", at).then(|| Rc::new(Powers::of(iam, role, place.partition)))
        });
        known.clone()
    }

    /// Checks that the vault exists and accepts the retention.
    #[expect(clippy::unused_self, reason = "the checks of a job stand together")]
    fn check_vault(&self, region: &Region, job: &Job) -> Result<(), Failure> {
        let vault = region.backup.vaults.get(&job.vault);
        let vault = vault.ok_or_else(|| (WRONG, format!("Backup vault with name {} cannot be found", job.vault)))?;
        if !vault.takes(&job.lifecycle) {
            let message =
                "The retention specified in the job is not within the range specified for the target Backup Vault";
            return Err((WRONG, message.to_owned()));
        }
        Ok(())
    }

    /// Tells whether the backup role may make a regular backup.
    fn may_image(&mut self, job: &Job, role: &Powers, instance: &Instance) -> bool {
        let place = self.place;
        let time = role.depend_on_time().then_some(job.acts);
        let is_tagged = !job.tags.is_empty();
        let known = self.regular.entry((job.role.clone(), instance.id.clone(), is_tagged, time));
        *known.or_insert_with(|| {
            place.lets(role, job.acts, instance, When::Always)
                && (!is_tagged || place.lets(role, job.acts, instance, When::WithTags))
        })
    }

    fn attempt(&mut self, region: &Region, instance: &Instance, job: &Job, role: &Powers) -> Attempt {
        let at = job.acts;
        let profile = profile_of(region, instance, at);
        let (iam, place) = (self.iam, self.place);
        let instance_role = profile.and_then(|profile| {
            let moment = profile_trust_depends_on_time(iam, profile).then_some(at);
            let known = self.profiles.entry((profile.to_owned(), moment));
            known.or_insert_with(|| role_of(iam, profile, place, at).map(Rc::new)).clone()
        });
        let timed = role.depend_on_time()
            || profile.is_some_and(|profile| profile_trust_depends_on_time(iam, profile))
            || instance_role.as_ref().is_some_and(|role| role.depend_on_time());
        let circumstances = (
            instance.id.clone(),
            instance.packages(at).remove("AwsVssComponents"),
            instance.silent_since.is_some_and(|since| since <= at),
            profile.map(str::to_owned),
            job.role.clone(),
            timed.then_some(at),
        );
        let scene = Scene { place, instance, instance_role: instance_role.as_deref(), backup_role: role, at };
        self.attempts.entry(circumstances).or_insert_with(|| scene.attempt()).clone()
    }
}

/// Tells whether a condition on the time stands in the trust policy of a profile's role.
fn profile_trust_depends_on_time(iam: &Iam, profile: &str) -> bool {
    let profile = iam.profiles.values().find(|known| known.arn == profile);
    let role = profile.and_then(|profile| iam.role(profile.role.as_deref()?));
    role.is_some_and(crate::sandbox::iam::Role::trust_depends_on_time)
}

fn failed(job: &Job, (category, message): Failure) -> Outcome {
    Outcome {
        ends: job.acts,
        state: "FAILED".to_owned(),
        category: category.to_owned(),
        message,
        backup_type: String::new(),
        recovery_point: None,
        bytes: 0,
    }
}

/// The image and the snapshots that a job makes in EC2.
struct Made {
    id: String,
    image: Image,
    snapshots: Vec<(String, Snapshot)>,
}

/// Makes the image and its snapshots, with their tags. The image has the tags of the instance and of the plan, of which
/// the plan's take precedence; a snapshot has the tags of its volume.
fn image(
    instance: &Instance,
    volume_tags: &BTreeMap<String, BTreeMap<String, String>>,
    job: &Job,
    attempt: &Attempt,
) -> Made {
    let hex = |what: &str| made::uuid_of(&format!("{}/{what}", job.id)).replace('-', "")[..16].to_owned();
    let pace = i64::from_str_radix(&hex("pace")[..4], 16).unwrap_or_default();
    let ends = job.acts + 8 * MINUTE + pace % 420 * 1000;
    let source = ("aws:backup:source-resource".to_owned(), format!("{}:{}", instance.id, job.id));
    let mut consistent: BTreeMap<String, String> = BTreeMap::new();
    if let Attempt::Consistent(package) = attempt {
        consistent.extend(config(package, &job.id).map(|config| ("AwsVssConfig".to_owned(), config)));
        consistent.insert("AppConsistent".to_owned(), "True".to_owned());
    }
    let mut devices = Vec::new();
    let mut snapshots = Vec::new();
    for (device, volume) in &instance.volumes {
        let id = format!("snap-0{}", hex(device));
        let mut tags = volume_tags.get(volume).cloned().unwrap_or_default();
        tags.extend(consistent.clone());
        tags.extend([source.clone()]);
        if matches!(attempt, Attempt::Consistent(_)) {
            tags.insert("Device".to_owned(), device.clone());
        }
        devices.push((device.clone(), id.clone()));
        let description = "This snapshot is created by the AWS Backup service.".to_owned();
        snapshots
            .push((id, Snapshot { volume: volume.clone(), description, created: job.acts, completed: ends, tags }));
    }
    let mut tags = instance.tags.clone();
    tags.extend(job.tags.clone());
    tags.extend(consistent);
    tags.extend([source]);
    let image = Image {
        name: format!("AwsBackup_{}_{}", instance.id, job.id),
        source_instance: instance.id.clone(),
        created: job.acts,
        available: ends,
        tags,
        devices,
        disabled: false,
    };
    Made { id: format!("ami-0{}", hex("image")), image, snapshots }
}

/// Checks that EC2's quotas allow another image, and another snapshot of the volumes.
fn check_limits(region: &Region, instance: &Instance) -> Result<(), Failure> {
    let quota = region.ec2.image_quota.unwrap_or(IMAGE_QUOTA);
    if region.ec2.images.len() >= quota {
        let number = if quota == IMAGE_QUOTA { "50,000".to_owned() } else { quota.to_string() };
        let message = format!("You have reached your quota of {number} for the number of public and private images");
        return Err((LIMIT, message));
    }
    if instance.ailments.contains(&Ailment::OtherSnapshots) {
        return Err((LIMIT, "Maximum allowed in-progress snapshots for a single volume exceeded.".to_owned()));
    }
    Ok(())
}

/// Checks that no resource gets more than 50 tags besides AWS's own.
fn check_tags(made: &Made, attempt: &Attempt) -> Result<(), Failure> {
    let of_users = |tags: &BTreeMap<String, String>| tags.keys().filter(|key| !key.starts_with("aws:")).count();
    let most = made.snapshots.iter().map(|(_, snapshot)| &snapshot.tags).chain([&made.image.tags]).map(of_users).max();
    if most.unwrap_or_default() <= MOST_TAGS {
        return Ok(());
    }
    let message = match attempt {
        Attempt::Consistent(_) => "The resultant tag set must not have more than 50 user tags.",
        Attempt::Failed(_) | Attempt::Ignored => "More than 50 tags specified",
    };
    Err((WRONG, message.to_owned()))
}
