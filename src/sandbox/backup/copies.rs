//! Copy jobs: what the copy actions of a rule make of a recovery point once its backup job is completed.
//!
//! Written from "Creating backup copies across AWS accounts", "Encryption for a backup copy" and `ListCopyJobs` of the
//! AWS Backup guide. What AWS documents no message for has the message of the backup job that fails for the same
//! reason. The duration is made up. An account of the sandbox is in no organisation, so that copies to other accounts
//! fail as AWS says.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::input::{arn, not_found, paged, required, text};
use super::jobs::{Job, Origin, REMEMBERED};
use super::points::RecoveryPoint;
use super::vss::Place;
use super::{Backup, Vault};
use crate::model::service_role::COPY;
use crate::policy::Keys;
use crate::sandbox::account::{Account, Answer, Context, Region, seconds};
use crate::sandbox::iam::Powers;
use crate::sandbox::made;

/// How long a copy takes.
const COPYING: i64 = 10 * 60_000;

/// A copy job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyJob {
    /// A UUID.
    pub id: String,
    /// The backup job whose recovery point is copied.
    pub job: String,
    /// The name of the vault that the recovery point is in.
    pub from: String,
    /// The ARN of the recovery point.
    pub point: String,
    /// The ARN of the vault that it is copied to.
    pub to: String,
    /// The ARN of what was backed up.
    pub resource: String,
    /// The ARN of the backup role.
    pub role: String,
    /// The rule that asks for the copy.
    pub origin: Origin,
    /// When it begins. All times in milliseconds since 1970.
    pub created: i64,
    /// When it is over.
    pub ends: i64,
    /// The lifecycle of the copy.
    pub lifecycle: Map<String, Value>,
    /// The size of the recovery point.
    pub bytes: i64,
    /// The ARN of the copy, or why there is none.
    pub outcome: Result<String, String>,
}

impl CopyJob {
    /// Returns the state at a time.
    pub fn state(&self, now: i64) -> &'static str {
        match &self.outcome {
            _ if self.ends > now => "RUNNING",
            Ok(_) => "COMPLETED",
            Err(_) => "FAILED",
        }
    }

    fn described(&self, context: &Facts<'_>, region: &Region) -> Value {
        let Facts { account, now, vault } = *context;
        let mut members = json!({
            "AccountId": account,
            "CopyJobId": self.id,
            "SourceBackupVaultArn": format!("{vault}{}", self.from),
            "SourceRecoveryPointArn": self.point,
            "DestinationBackupVaultArn": self.to,
            "ResourceArn": self.resource,
            "ResourceType": "EC2",
            "CreationDate": made::timestamp(self.created),
            "State": self.state(now),
            "IamRoleArn": self.role,
            "CreatedBy": self.origin.described(&region.backup),
            "CreatedByBackupJobId": self.job,
            "BackupSizeInBytes": self.bytes,
            "IsParent": false,
        });
        if !self.lifecycle.is_empty() {
            members["DestinationRecoveryPointLifecycle"] = json!(self.lifecycle);
        }
        if let Some(name) = region.fleet.name_of(&self.resource) {
            members["ResourceName"] = json!(name);
        }
        if self.ends <= now {
            members["CompletionDate"] = made::timestamp(self.ends);
            match &self.outcome {
                Ok(copy) => {
                    members["DestinationRecoveryPointArn"] = json!(copy);
                    members["MessageCategory"] = json!("SUCCESS");
                }
                Err(message) => members["StatusMessage"] = json!(message),
            }
        }
        members
    }
}

/// What is needed to describe copy jobs, besides themselves.
#[derive(Clone, Copy)]
struct Facts<'a> {
    account: &'a str,
    now: i64,
    /// The ARN of a vault of the region without its name.
    vault: &'a str,
}

/// Begins the copies of backup jobs that are completed by now.
pub(super) fn begin(context: &mut Context<'_>) {
    let place = Place { partition: context.partition, region: context.region, account: context.account_id };
    loop {
        let Some(region) = context.account.regions.get_mut(context.region) else { return };
        if region.backup.to_copy.first().is_none_or(|(at, _)| *at > context.now) {
            return;
        }
        let Some((_, id)) = region.backup.to_copy.pop_first() else { return };
        let Some(job) = region.backup.jobs.get(&id).cloned() else { continue };
        for (number, action) in region.backup.copy_actions(&job).into_iter().enumerate() {
            let Some(copy) = planned(&job, number, &action) else { continue };
            let outcome = make(context.account, place, &job, &copy);
            let Some(region) = context.account.regions.get_mut(context.region) else { return };
            region.backup.copies.insert(copy.id.clone(), CopyJob { outcome, ..copy });
        }
    }
}

/// Makes the copy job of a copy action, of which nobody knows yet how it ends.
fn planned(job: &Job, number: usize, action: &Value) -> Option<CopyJob> {
    let outcome = job.outcome.as_ref().filter(|outcome| outcome.state == "COMPLETED")?;
    let to = action["DestinationBackupVaultArn"].as_str()?.to_owned();
    // "Without one AWS Backup applies the source backup's lifecycle to the copy."
    let lifecycle = action["Lifecycle"].as_object().cloned().unwrap_or_else(|| job.lifecycle.clone());
    Some(CopyJob {
        id: made::uuid_of(&format!("{}/copy/{number}/{to}", job.id)),
        job: job.id.clone(),
        from: job.vault.clone(),
        point: outcome.recovery_point.clone()?,
        to,
        resource: job.resource.clone(),
        role: job.role.clone(),
        origin: job.origin.clone()?,
        created: outcome.ends,
        ends: outcome.ends + COPYING,
        lifecycle,
        bytes: outcome.bytes,
        outcome: Err(String::new()),
    })
}

/// Makes the copy with its image and snapshots, or says why there is none.
fn make(account: &mut Account, place: Place<'_>, job: &Job, copy: &CopyJob) -> Result<String, String> {
    let parts: Vec<&str> = copy.to.split(':').collect();
    let [_, _, _, target, owner, _, name] = parts[..] else { return Err(format!("Invalid ARN {}", copy.to)) };
    if owner != place.account {
        return Err("Copy job failed. Both source and destination account must be a member of the same organization."
            .to_owned());
    }
    let iam = &account.iam;
    let role = iam.role_by_arn(&copy.role).filter(|role| role.trusts("backup.amazonaws.com", copy.created));
    let role = role.ok_or_else(|| format!("IAM Role {} cannot be assumed by AWS Backup", copy.role))?;
    let powers = Powers::of(iam, role, place.partition);
    let caller = place.caller(copy.created);
    let lets = |(action, resource): (&str, &str)| powers.allow(caller, action, resource, &Keys::default());
    if !COPY.into_iter().zip([copy.point.as_str(), copy.to.as_str()]).all(lets) {
        return Err("Access Denied trying to call AWS Backup service".to_owned());
    }
    let source = account.regions.get(place.region);
    let image = source.and_then(|region| region.ec2.images.get(copy.point.rsplit('/').next()?).cloned());
    let image = image.ok_or_else(|| format!("Cannot find recovery point {}", copy.point))?;
    let snapshots = source.into_iter().flat_map(|region| {
        let known = |(_, id): &(String, String)| region.ec2.snapshots.get(id).cloned();
        image.devices.iter().filter_map(known).collect::<Vec<_>>()
    });
    let snapshots: Vec<_> = snapshots.collect();
    let target = account.regions.get_mut(target);
    let target = target.filter(|region| region.backup.vaults.contains_key(name));
    let target = target.ok_or_else(|| format!("Backup vault with name {name} cannot be found"))?;
    let vault = &target.backup.vaults[name];
    accepts(vault, copy)?;
    if vault.customer_key && target.kms.keys.get(&vault.key).is_none_or(|key| key.state != "Enabled") {
        return Err("AMI snapshot copy failed with error: Given key ID is not accessible. You must have DescribeKey \
                    permissions on the default CMK"
            .to_owned());
    }
    let hex = |what: &str| made::uuid_of(&format!("{}/{what}", copy.id)).replace('-', "")[..16].to_owned();
    let mut copied = image;
    (copied.created, copied.available) = (copy.created, copy.ends);
    copied.name = format!("{}-copy-{}", copied.name, &copy.id[..8]);
    for ((device, id), mut snapshot) in copied.devices.iter_mut().zip(snapshots) {
        *id = format!("snap-0{}", hex(device));
        (snapshot.created, snapshot.completed) = (copy.created, copy.ends);
        target.ec2.snapshots.insert(id.clone(), snapshot);
    }
    let id = format!("ami-0{}", hex("image"));
    let arn = Place { region: parts[3], ..place }.shared("image", &id);
    target.ec2.images.insert(id, copied);
    let point = RecoveryPoint {
        arn: arn.clone(),
        resource: copy.resource.clone(),
        role: copy.role.clone(),
        job: copy.job.clone(),
        created: job.acts,
        completed: copy.ends,
        lifecycle: copy.lifecycle.clone(),
        origin: Some(copy.origin.clone()),
        tags: job.tags.clone(),
        bytes: copy.bytes,
    };
    if let Some(vault) = target.backup.vaults.get_mut(name) {
        vault.recovery_points.insert(arn.clone(), point);
    }
    Ok(arn)
}

/// Checks that the lock of a vault takes the retention of a copy.
fn accepts(vault: &Vault, copy: &CopyJob) -> Result<(), String> {
    if vault.takes(&copy.lifecycle) {
        return Ok(());
    }
    Err("The retention specified in the job is not within the range specified for the target Backup Vault".to_owned())
}

impl Backup {
    /// Returns the copy actions of the rule that made a job, as the plan's version of that time has them.
    pub(super) fn copy_actions(&self, job: &Job) -> Vec<Value> {
        let Some(origin) = &job.origin else { return Vec::new() };
        let versions = self.plans.get(&origin.plan).into_iter().flat_map(|plan| &plan.versions);
        let mut rules = versions.filter(|version| version.id == origin.version).flat_map(super::PlanVersion::rules);
        let rule = rules.find(|rule| rule["RuleId"] == json!(origin.rule));
        rule.and_then(|rule| rule["CopyActions"].as_array().cloned()).unwrap_or_default()
    }

    /// Forgets the copies of a job that has come to nothing, which leave no recovery points behind.
    pub(super) fn drop_copies(&mut self, job: &str) -> Vec<CopyJob> {
        self.to_copy.retain(|(_, id)| id != job);
        let ids: Vec<String> =
            self.copies.values().filter(|copy| copy.job == job).map(|copy| copy.id.clone()).collect();
        ids.iter().filter_map(|id| self.copies.remove(id)).collect()
    }
}

/// Removes the copies of a job, and what they made.
pub(super) fn forget(account: &mut Account, region: &str, job: &str) {
    let Some(source) = account.regions.get_mut(region) else { return };
    for copy in source.backup.drop_copies(job) {
        let parts: Vec<&str> = copy.to.split(':').collect();
        if let (Ok(point), [_, _, _, target, _, _, name]) = (&copy.outcome, &parts[..])
            && let Some(target) = account.regions.get_mut(*target)
        {
            target.forget(name, point);
        }
    }
}

/// Tells whether the filters choose a copy job. `*` stands for every account and every category.
fn fits(copy: &CopyJob, input: &Value, account: &str, now: i64) -> bool {
    let is = |filter: &str, value: Option<&str>| {
        text(input, filter).is_none_or(|wanted| wanted == "*" || value == Some(wanted))
    };
    let within = |after: &str, before: &str, at: Option<i64>| {
        let limit = |filter: &str| input.get(filter).and_then(Value::as_f64);
        let at = at.map(seconds);
        limit(after).is_none_or(|from| at.is_some_and(|at| at >= from))
            && limit(before).is_none_or(|to| at.is_some_and(|at| at <= to))
    };
    let ended = Some(copy.ends).filter(|ends| *ends <= now);
    copy.created + REMEMBERED > now
        && is("ByResourceArn", Some(&copy.resource))
        && is("ByState", Some(copy.state(now)))
        && is("ByDestinationVaultArn", Some(&copy.to))
        && is("BySourceRecoveryPointArn", Some(&copy.point))
        && is("ByResourceType", Some("EC2"))
        && is("ByAccountId", Some(account))
        && is("ByParentJobId", None)
        && is("ByMessageCategory", ended.and(copy.outcome.is_ok().then_some("SUCCESS")))
        && within("ByCreatedAfter", "ByCreatedBefore", Some(copy.created))
        && within("ByCompleteAfter", "ByCompleteBefore", ended)
}

/// Lists the copy jobs of the last 30 days, newest first.
pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let (account, now) = (context.account_id, context.now);
    let vault = arn(context, "backup-vault:");
    let region = context.region_mut();
    let mut copies: Vec<&CopyJob> =
        region.backup.copies.values().filter(|copy| fits(copy, input, account, now)).collect();
    copies.sort_by(|one, other| other.created.cmp(&one.created).then_with(|| one.id.cmp(&other.id)));
    let ids = copies.into_iter().map(|copy| (copy.id.clone(), json!(copy.id))).collect();
    let mut page = paged(input, &made::list_name("ListCopyJobs", input), "CopyJobs", ids)?;
    for item in page["CopyJobs"].as_array_mut().into_iter().flatten() {
        let Some(copy) = item.as_str().and_then(|id| region.backup.copies.get(id)) else { continue };
        *item = copy.described(&Facts { account, now, vault: &vault }, region);
    }
    Ok(page)
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = required(input, "CopyJobId");
    let (account, now) = (context.account_id, context.now);
    let vault = arn(context, "backup-vault:");
    let region = context.region_mut();
    let copy = region.backup.copies.get(id);
    let copy = copy.ok_or_else(|| not_found(format!("Failed reading CopyJob with id {id}")))?;
    Ok(json!({ "CopyJob": copy.described(&Facts { account, now, vault: &vault }, region) }))
}
