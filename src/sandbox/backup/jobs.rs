//! Backup jobs: starting, stopping and listing them. Module `decide` decides how a job ends when its time has come.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::input::{arn, invalid, not_found, nothing, paged, required, text};
use super::points::RecoveryPoint;
use super::vss::Place;
use super::{Backup, copies, rules, selections, tags};
use crate::sandbox::account::{Answer, ApiError, Context};
use crate::sandbox::made;

const MINUTE: i64 = 60_000;
/// How long jobs are listed.
pub(super) const REMEMBERED: i64 = 30 * 24 * 60 * MINUTE;
/// How long an on-demand job waits, and how long a running job takes to come to its snapshot.
pub(super) const QUEUE: i64 = 40_000;
pub(super) const APPROACH: i64 = 45_000;

/// A backup job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// A UUID.
    pub id: String,
    /// The vault's name.
    pub vault: String,
    /// The ARN of what is backed up.
    pub resource: String,
    /// The ARN of the backup role.
    pub role: String,
    /// When it was created, or scheduled. All times in milliseconds since 1970.
    pub created: i64,
    /// The end of the start window.
    pub start_by: i64,
    /// The end of the completion window, counted from the schedule.
    pub complete_by: i64,
    /// When it starts to run.
    pub starts: i64,
    /// When it makes the snapshot: its outcome is decided by what is there at that time.
    pub acts: i64,
    /// The lifecycle as it was asked for.
    pub lifecycle: Map<String, Value>,
    /// The tags that were asked for.
    pub tags: BTreeMap<String, String>,
    /// `WindowsVSS` and whether it is enabled.
    pub options: BTreeMap<String, String>,
    /// The rule that made it; absent on demand.
    pub origin: Option<Origin>,
    /// The caller's token.
    pub token: Option<String>,
    /// Its outcome, once that is decided.
    pub outcome: Option<Outcome>,
}

/// The rule that made a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The plan's id.
    pub plan: String,
    /// The id of the plan's version.
    pub version: String,
    /// The rule's id.
    pub rule: String,
}

/// The outcome of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// When it is over.
    pub ends: i64,
    /// `COMPLETED`, `FAILED`, `EXPIRED` or `ABORTED`.
    pub state: String,
    /// `SUCCESS`, or the category of the failure.
    pub category: String,
    /// AWS's message; empty where there is none.
    pub message: String,
    /// `WindowsVSS`, or empty for a regular backup.
    pub backup_type: String,
    /// The recovery point's ARN.
    pub recovery_point: Option<String>,
    /// The size of the instance's volumes.
    pub bytes: i64,
}

impl Job {
    /// Returns the state at a time.
    pub fn state(&self, now: i64) -> &str {
        match &self.outcome {
            Some(outcome) if outcome.ends <= now => &outcome.state,
            Some(_) | None if self.starts <= now => "RUNNING",
            Some(_) | None => "CREATED",
        }
    }

    /// Tells whether the job asked for a VSS backup.
    pub fn asks_for_vss(&self) -> bool {
        self.options.get("WindowsVSS").is_some_and(|value| value == "enabled")
    }

    /// Returns the outcome, once the job is over.
    fn ended(&self, now: i64) -> Option<&Outcome> {
        self.outcome.as_ref().filter(|outcome| outcome.ends <= now)
    }
}

impl Origin {
    /// Writes the `CreatedBy` of jobs and recovery points from the plan's versions.
    pub(super) fn described(&self, backup: &Backup) -> Value {
        let mut members = json!({
            "BackupPlanId": self.plan, "BackupPlanVersion": self.version, "BackupRuleId": self.rule,
        });
        let Some(plan) = backup.plans.get(&self.plan) else { return members };
        members["BackupPlanArn"] = json!(plan.arn);
        let Some(version) = plan.versions.iter().find(|version| version.id == self.version) else { return members };
        members["BackupPlanName"] = version.document["BackupPlanName"].clone();
        if let Some(rule) = version.rules().into_iter().find(|rule| rule["RuleId"] == json!(self.rule)) {
            members["BackupRuleName"] = rule["RuleName"].clone();
            members["BackupRuleCron"] = rule["ScheduleExpression"].clone();
            members["BackupRuleTimezone"] = rule["ScheduleExpressionTimezone"].clone();
        }
        members
    }
}

/// Checks `BackupOptions`.
fn options(input: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    let mut read = BTreeMap::new();
    for (name, value) in input.get("BackupOptions").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        if name != "WindowsVSS" || !matches!(value, "enabled" | "disabled") {
            return Err(invalid(format!("Invalid backup option '{name}' with value '{value}'")));
        }
        read.insert(name.clone(), value.to_owned());
    }
    Ok(read)
}

/// Reads a window in minutes; the start window has at least 60.
fn window(input: &Value, member: &str, least: i64, default: i64) -> Result<i64, ApiError> {
    let minutes = input.get(member).and_then(Value::as_i64).unwrap_or(default);
    if (least..=rules::LONGEST_WINDOW).contains(&minutes) {
        return Ok(minutes * MINUTE);
    }
    Err(invalid(format!("Invalid {member}: it must be between {least} and {} minutes", rules::LONGEST_WINDOW)))
}

pub(super) fn start(context: &mut Context<'_>, input: &Value) -> Answer {
    let (vault, resource, role) =
        (required(input, "BackupVaultName"), required(input, "ResourceArn"), required(input, "IamRoleArn"));
    let token = text(input, "IdempotencyToken").filter(|token| !token.is_empty()).map(str::to_owned);
    let receipt = |job: &Job| json!({ "BackupJobId": job.id, "CreationDate": made::timestamp(job.created) });
    let region = context.region_mut();
    // The token makes the call idempotent: the job of the first call is the answer.
    let mut jobs = region.backup.jobs.values();
    if let Some(job) = token.as_ref().and_then(|_| jobs.find(|job| job.token == token)) {
        if job.vault != vault || job.resource != resource || job.role != role {
            return Err(invalid("The idempotency token was used for a different request"));
        }
        return Ok(receipt(job));
    }
    if !region.backup.vaults.contains_key(vault) {
        return Err(not_found(format!("Backup vault with name {vault} cannot be found")));
    }
    let options = options(input)?;
    let tags = tags::read(input.get("RecoveryPointTags"))?;
    let start_window = window(input, "StartWindowMinutes", 60, rules::START_WINDOW)?;
    let complete_window = window(input, "CompleteWindowMinutes", 1, rules::COMPLETION_WINDOW)?;
    let mut asked = input.as_object().cloned().unwrap_or_default();
    rules::lifecycle(&mut asked)?;
    let lifecycle = asked.get("Lifecycle").and_then(Value::as_object).cloned().unwrap_or_default();
    instance(context, resource)?;
    selections::check_role(context, role)?;
    let created = context.now;
    let job = Job {
        id: context.uuid(),
        vault: vault.to_owned(),
        resource: resource.to_owned(),
        role: role.to_owned(),
        created,
        start_by: created + start_window,
        complete_by: created + complete_window,
        starts: created + QUEUE,
        acts: created + QUEUE + APPROACH,
        lifecycle,
        tags,
        options,
        origin: None,
        token,
        outcome: None,
    };
    let answer = receipt(&job);
    context.region_mut().backup.add(job);
    Ok(answer)
}

/// Checks that a resource is an instance of the region. Other types of resources are not simulated.
fn instance(context: &mut Context<'_>, resource: &str) -> Result<(), ApiError> {
    let place = Place { partition: context.partition, region: context.region, account: context.account_id };
    let id = resource.rsplit('/').next().unwrap_or_default().to_owned();
    let parts: Vec<&str> = resource.splitn(6, ':').collect();
    if !matches!(parts[..], ["arn", _, _, _, _, rest] if !rest.is_empty()) {
        return Err(invalid(format!("Invalid ARN '{resource}'")));
    }
    if parts[2] != "ec2" || !parts[5].starts_with("instance/") {
        return Err(invalid(format!("The sandbox backs up EC2 instances only, not {resource}")));
    }
    let known = resource == place.instance(&id) && context.region_mut().fleet.instances.contains_key(&id);
    if known { Ok(()) } else { Err(not_found(format!("Resource {resource} cannot be found"))) }
}

impl Backup {
    /// Adds a job whose outcome is not decided yet.
    pub(super) fn add(&mut self, job: Job) {
        self.open.insert((job.acts, job.id.clone()));
        self.jobs.insert(job.id.clone(), job);
    }

    /// Writes the members of a job that a list and a description share.
    fn described(&self, job: &Job, context: &Facts<'_>) -> Value {
        let Facts { account, now, vault, name } = *context;
        let mut members = Map::from_iter(
            [
                ("AccountId", json!(account)),
                ("BackupJobId", json!(job.id)),
                ("BackupVaultName", json!(job.vault)),
                ("BackupVaultArn", json!(format!("{vault}{}", job.vault))),
                ("VaultType", json!("BACKUP_VAULT")),
                ("ResourceArn", json!(job.resource)),
                ("ResourceType", json!("EC2")),
                ("CreationDate", made::timestamp(job.created)),
                ("InitiationDate", made::timestamp(job.created)),
                ("StartBy", made::timestamp(job.start_by)),
                ("State", json!(job.state(now))),
                ("PercentDone", json!("0.0")),
                ("IamRoleArn", json!(job.role)),
                ("IsParent", json!(false)),
                ("IsEncrypted", json!(false)),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let mut add = |name: &str, value: Value| members.insert(name.to_owned(), value);
        if let Some(name) = name {
            add("ResourceName", json!(name));
        }
        if !job.options.is_empty() {
            add("BackupOptions", json!(job.options));
        }
        if !job.lifecycle.is_empty() {
            add("RecoveryPointLifecycle", json!(job.lifecycle));
        }
        if let Some(origin) = &job.origin {
            add("CreatedBy", origin.described(self));
        }
        if let Some(outcome) = &job.outcome {
            // A recovery point is shown while it is still being made.
            if let Some(arn) = &outcome.recovery_point {
                add("RecoveryPointArn", json!(arn));
            }
            if outcome.ends > now {
                add("ExpectedCompletionDate", made::timestamp(outcome.ends));
                let (done, all) = ((now - job.starts).max(0), (outcome.ends - job.starts).max(1));
                add("PercentDone", json!(format!("{}.0", done * 100 / all)));
            }
        }
        if let Some(outcome) = job.ended(now) {
            add("CompletionDate", made::timestamp(outcome.ends));
            add("MessageCategory", json!(outcome.category));
            if !outcome.message.is_empty() {
                add("StatusMessage", json!(outcome.message));
            }
            if !outcome.backup_type.is_empty() {
                add("BackupType", json!(outcome.backup_type));
            }
            if outcome.state == "COMPLETED" {
                add("PercentDone", json!("100.0"));
                add("BackupSizeInBytes", json!(outcome.bytes));
                add("BytesTransferred", json!(0));
            }
        }
        Value::Object(members)
    }
}

/// What is needed to describe jobs, besides the jobs themselves.
#[derive(Clone, Copy)]
struct Facts<'a> {
    account: &'a str,
    now: i64,
    /// The ARN of a vault without its name.
    vault: &'a str,
    /// The name of the resource.
    name: Option<&'a str>,
}

fn number(input: &Value, member: &str) -> Option<f64> {
    input.get(member).and_then(Value::as_f64)
}

/// Tells whether the filters choose a job. `*` stands for every account and every category.
fn fits(job: &Job, input: &Value, account: &str, now: i64) -> bool {
    let is = |filter: &str, value: Option<&str>| {
        text(input, filter).is_none_or(|wanted| wanted == "*" || value == Some(wanted))
    };
    let ended = job.ended(now);
    let within = |after: &str, before: &str, at: Option<i64>| {
        let at = at.map(crate::sandbox::account::seconds);
        number(input, after).is_none_or(|from| at.is_some_and(|at| at >= from))
            && number(input, before).is_none_or(|to| at.is_some_and(|at| at <= to))
    };
    job.created + REMEMBERED > now
        && is("ByResourceArn", Some(&job.resource))
        && is("ByState", Some(job.state(now)))
        && is("ByBackupVaultName", Some(&job.vault))
        && is("ByResourceType", Some("EC2"))
        && is("ByAccountId", Some(account))
        && is("ByParentJobId", None)
        && is("ByMessageCategory", ended.map(|outcome| outcome.category.as_str()))
        && within("ByCreatedAfter", "ByCreatedBefore", Some(job.created))
        && within("ByCompleteAfter", "ByCompleteBefore", ended.map(|outcome| outcome.ends))
}

/// Lists the jobs of the last 30 days, newest first.
pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let (account, now) = (context.account_id, context.now);
    let vault = arn(context, "backup-vault:");
    let region = context.region_mut();
    let mut jobs: Vec<&Job> = region.backup.jobs.values().filter(|job| fits(job, input, account, now)).collect();
    jobs.sort_by(|one, other| other.created.cmp(&one.created).then_with(|| one.id.cmp(&other.id)));
    let ids = jobs.into_iter().map(|job| (job.id.clone(), json!(job.id))).collect();
    let mut page = paged(input, &made::list_name("ListBackupJobs", input), "BackupJobs", ids)?;
    // Only the jobs on the page are described, because there may be tens of thousands.
    for item in page["BackupJobs"].as_array_mut().into_iter().flatten() {
        let Some(job) = item.as_str().and_then(|id| region.backup.jobs.get(id)) else { continue };
        let name = region.fleet.name_of(&job.resource);
        *item = region.backup.described(job, &Facts { account, now, vault: &vault, name });
    }
    Ok(page)
}

fn missing(id: &str) -> ApiError {
    not_found(format!("Failed reading BackupJob with id {id}"))
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = required(input, "BackupJobId");
    let (account, now) = (context.account_id, context.now);
    let vault = arn(context, "backup-vault:");
    let region = context.region_mut();
    let job = region.backup.jobs.get(id).ok_or_else(|| missing(id))?;
    let name = region.fleet.name_of(&job.resource);
    Ok(region.backup.described(job, &Facts { account, now, vault: &vault, name }))
}

/// Stops a job and removes what it was making.
pub(super) fn stop(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = required(input, "BackupJobId");
    let now = context.now;
    let region = context.region_mut();
    let job = region.backup.jobs.get_mut(id).ok_or_else(|| missing(id))?;
    if job.ended(now).is_some() {
        return Err(ApiError::new(
            400,
            "InvalidRequestException",
            format!("Backup job {id} is in state {} and cannot be stopped", job.state(now)),
        ));
    }
    region.backup.open.remove(&(job.acts, job.id.clone()));
    region.backup.busy.insert(job.resource.clone(), now);
    let stopped = Outcome {
        ends: now,
        state: "ABORTED".to_owned(),
        category: "ABORTED".to_owned(),
        message: String::new(),
        backup_type: String::new(),
        recovery_point: None,
        bytes: 0,
    };
    let made = job.outcome.replace(stopped).and_then(|outcome| outcome.recovery_point);
    let vault = job.vault.clone();
    if let Some(point) = made {
        region.forget(&vault, &point);
    }
    copies::forget(context.account, context.region, id);
    Ok(nothing())
}

impl crate::sandbox::account::Region {
    /// Removes a recovery point with its image and snapshots.
    pub(super) fn forget(&mut self, vault: &str, arn: &str) -> Option<RecoveryPoint> {
        let point = self.backup.vaults.get_mut(vault)?.recovery_points.remove(arn);
        let id = arn.rsplit('/').next().unwrap_or_default();
        for (_, snapshot) in self.ec2.images.remove(id).map(|image| image.devices).unwrap_or_default() {
            self.ec2.snapshots.remove(&snapshot);
        }
        point
    }
}
