//! Reads the evidence: the only part of this folder that talks to AWS. Lists are read whole and side by side; what cannot be
//! listed (a plan, a selection, a policy's document) is read once for each of them, never once for each instance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_backup::operation::get_backup_plan::GetBackupPlanOutput;
use aws_sdk_backup::types::{
    BackupJob, BackupPlansListMember, BackupSelection, BackupSelectionsListMember, ConditionParameter, Lifecycle,
};
use aws_sdk_iam::types::RoleDetail;
use futures_util::future::{join, join_all};
use serde_json::Value;

use crate::aws::{AwsError, Reader, TagsByArn};
use crate::kind::Owner;
use crate::kind::marks;
use crate::policy;
use crate::policy::permits::trusts;
use crate::vss::Moment;
use crate::vss::evidence::{
    Agent, Conditions, Evidence, Image, Instance, InstanceProfile, Job, JobState, Known, MetadataOptions, Plan,
    PlanOwner, Role, Rule, Selection, Snapshot, Tags, Unread, Vault,
};

/// The prefix of condition keys about tags.
const TAG_KEY: &str = "aws:ResourceTag/";
/// The names of plans that AWS Organizations makes begin so.
const ORGANIZATIONS: &str = "orgs/";

/// What is wanted besides instances and plans, which everything needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wants {
    /// The jobs since a moment, and the images and snapshots of the newest ones.
    pub jobs_since: Option<Moment>,
    /// The images and snapshots of older jobs too, as many as [`history`] says: what a report shows.
    pub history: bool,
    /// Agents, roles, profiles and vaults: what `doctor` looks at.
    pub causes: bool,
}

/// Says how many jobs of each instance are shown and looked into: a month of days for a small fleet, and for a large one so
/// few that pages and calls stay bounded.
pub fn history(instances: usize) -> usize {
    (6_000 / instances.max(1)).clamp(3, 31)
}

/// Reads the evidence.
pub async fn gather(reader: &Reader, now: Moment, wants: Wants) -> Evidence {
    let since = wants.jobs_since.unwrap_or(now);
    let mut evidence = Evidence::new(reader.scope().clone(), now, since);
    let causes = async {
        if !wants.causes {
            return None;
        }
        let (agents, vaults) = join(reader.instance_information(), reader.list_backup_vaults()).await;
        let installed = Box::pin(crate::observe::packages::installations(reader)).await;
        let authorization = Box::pin(reader.account_authorization_details()).await;
        Some((agents, vaults, installed, authorization, reader.list_instance_profiles().await))
    };
    let jobs = async {
        match wants.jobs_since {
            Some(since) => Some(reader.backup_jobs(since.seconds()).await),
            None => None,
        }
    };
    let ((instances, opt_in), (plans, (jobs, causes))) =
        join(join(reader.instances(), reader.region_settings()), join(plans(reader), join(jobs, causes))).await;
    evidence.instances = known(instances).map(|instances| {
        let is_there =
            |instance: &&crate::aws::Instance| !matches!(instance.state.as_str(), "terminated" | "shutting-down");
        instances.iter().filter(is_there).map(instance).collect()
    });
    evidence.opt_in = known(opt_in).map(|settings| settings.opt_in.clone());
    evidence.plans = plans;
    if let Some(jobs) = jobs {
        evidence.jobs = known(jobs).map(|jobs| jobs.iter().filter_map(listed_job).collect());
        recovery_points(reader, &mut evidence, wants.history).await;
    }
    if let Some((agents, vaults, (commands, associations), authorization, profiles)) = causes {
        (evidence.commands, evidence.associations) = (commands, associations);
        evidence.agents = known(agents).map(|agents| agents.iter().filter_map(agent).collect());
        evidence.vaults = known(vaults).map(|vaults| vaults.iter().filter_map(vault).collect());
        evidence.profiles = known(profiles).map(|profiles| profiles.iter().map(profile).collect());
        evidence.roles = match authorization {
            Err(error) => Known::Unknown(unread(&error)),
            Ok(authorization) => Known::Known(roles(reader, &authorization, &evidence).await),
        };
        Box::pin(crate::observe::surroundings::read(reader, &mut evidence)).await;
    }
    evidence
}

fn unread(error: &AwsError) -> Unread {
    let code = error.code.as_ref().map(|code| format!("{code}: ")).unwrap_or_default();
    Unread { action: error.action(), message: format!("{code}{}", error.message) }
}

pub(super) fn known<T>(read: Result<T, AwsError>) -> Known<T> {
    match read {
        Ok(value) => Known::Known(value),
        Err(error) => Known::Unknown(unread(&error)),
    }
}

pub(super) fn instance(instance: &crate::aws::Instance) -> Instance {
    let moment = |time: jiff::Timestamp| Moment::from_seconds(time.as_second());
    Instance {
        id: instance.id.clone(),
        name: instance.tags.get("Name").cloned().unwrap_or_default(),
        instance_type: instance.instance_type.clone(),
        state: instance.state.clone(),
        windows: instance.windows,
        tags: instance.tags.clone(),
        vpc: instance.vpc.clone(),
        subnet: instance.subnet.clone(),
        profile_arn: instance.profile.clone(),
        volumes: instance.volumes.clone(),
        metadata: instance.metadata_enabled.map(|enabled| MetadataOptions {
            enabled,
            tokens_required: instance.metadata_tokens_required,
            hop_limit: instance.metadata_hop_limit.and_then(|hops| i32::try_from(hops).ok()),
        }),
        launched: instance.launched.map(moment),
        created: instance.root_attached.or(instance.launched).map(moment),
    }
}

pub(super) fn moment(time: Option<&aws_smithy_types::DateTime>) -> Option<Moment> {
    time.map(|time| Moment::from_seconds(time.secs()))
}

fn listed_job(job: &BackupJob) -> Option<Job> {
    let created_by = job.created_by();
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Some(Job {
        id: job.backup_job_id()?.to_owned(),
        resource_arn: job.resource_arn()?.to_owned(),
        state: JobState::from(job.state()?.as_str().to_owned()),
        backup_type: text(job.backup_type()),
        vss_requested: job
            .backup_options()
            .and_then(|options| options.get("WindowsVSS"))
            .is_some_and(|value| value.eq_ignore_ascii_case("enabled")),
        message_category: text(job.message_category()),
        status_message: text(job.status_message()),
        recovery_point_arn: text(job.recovery_point_arn()),
        created: moment(job.creation_date())?,
        completed: moment(job.completion_date()),
        plan_id: text(created_by.and_then(|by| by.backup_plan_id())),
        rule_id: text(created_by.and_then(|by| by.backup_rule_id())),
        vault: job.backup_vault_name().unwrap_or_default().to_owned(),
        role_arn: text(job.iam_role_arn()),
    })
}

/// Reads the images and snapshots that decide: of each instance's newest job that says VSS. With the history, those of older
/// jobs as well, whatever they say.
async fn recovery_points(reader: &Reader, evidence: &mut Evidence, with_history: bool) {
    let Some(jobs) = evidence.jobs.known() else { return };
    let mut newest: BTreeMap<&str, &Job> = BTreeMap::new();
    for job in jobs.iter().filter(|job| job.says_vss() && job.state == JobState::Completed) {
        let entry = newest.entry(job.instance_id()).or_insert(job);
        if (job.created, &job.id) > (entry.created, &entry.id) {
            *entry = job;
        }
    }
    // A page of AWS's is as large for one as for many: in order, so that the same question is the same request.
    let mut ids: BTreeSet<String> = newest.values().filter_map(|job| job.image_id().map(str::to_owned)).collect();
    if with_history {
        ids.extend(older_images(jobs));
    }
    let ids: Vec<String> = ids.into_iter().collect();
    if ids.is_empty() {
        evidence.images = Known::Known(BTreeMap::new());
        evidence.snapshots = Known::Known(BTreeMap::new());
        return;
    }
    let images = known(reader.images(Some(&ids)).await).map(|found| {
        let mut images: BTreeMap<String, Option<Image>> = ids.iter().map(|id| (id.clone(), None)).collect();
        images.extend(found.iter().map(|image| (image.id.clone(), Some(read_image(image)))));
        images
    });
    let wanted: BTreeSet<String> = images
        .known()
        .into_iter()
        .flat_map(BTreeMap::values)
        .flatten()
        .flat_map(|image| image.snapshots.iter().map(|(_, id)| id.clone()))
        .collect();
    let wanted: Vec<String> = wanted.into_iter().collect();
    evidence.snapshots = if wanted.is_empty() {
        Known::Known(BTreeMap::new())
    } else {
        known(reader.snapshots(Some(&wanted)).await).map(|found| {
            let mut snapshots: BTreeMap<String, Option<Snapshot>> =
                wanted.iter().map(|id| (id.clone(), None)).collect();
            snapshots.extend(found.iter().map(|snapshot| (snapshot.id.clone(), Some(read_snapshot(snapshot)))));
            snapshots
        })
    };
    evidence.packages = crate::observe::packages::of_backups(evidence, &images, &newest);
    evidence.images = images;
}

/// The images of the jobs that a report shows.
fn older_images(jobs: &[Job]) -> Vec<String> {
    let mut of_instances: BTreeMap<&str, Vec<&Job>> = BTreeMap::new();
    for job in jobs.iter().filter(|job| job.vss_requested || job.says_vss()) {
        of_instances.entry(job.instance_id()).or_default().push(job);
    }
    let shown = history(of_instances.len());
    let mut images = Vec::new();
    for jobs in of_instances.values_mut() {
        jobs.sort_by(|one, other| (other.created, &other.id).cmp(&(one.created, &one.id)));
        images.extend(jobs.iter().take(shown).filter_map(|job| job.image_id().map(str::to_owned)));
    }
    images
}

pub(super) fn read_image(image: &crate::aws::Image) -> Image {
    Image {
        id: image.id.clone(),
        state: image.state.clone(),
        tags: image.tags.clone(),
        snapshots: image.snapshots.clone(),
    }
}

pub(super) fn read_snapshot(snapshot: &crate::aws::Snapshot) -> Snapshot {
    Snapshot {
        id: snapshot.id.clone(),
        state: snapshot.state.clone(),
        volume: Some(snapshot.volume.clone()).filter(|volume| !volume.is_empty()),
        tags: snapshot.tags.clone(),
    }
}

fn agent(information: &aws_sdk_ssm::types::InstanceInformation) -> Option<(String, Agent)> {
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Some((
        information.instance_id()?.to_owned(),
        Agent {
            ping: information.ping_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            version: text(information.agent_version()),
            platform_name: text(information.platform_name()),
            platform_version: text(information.platform_version()),
            last_ping: moment(information.last_ping_date_time()),
            platform_type: information.platform_type().map(|kind| kind.as_str().to_owned()),
            association_status: text(information.association_status()),
        },
    ))
}

fn vault(vault: &aws_sdk_backup::types::BackupVaultListMember) -> Option<(String, Vault)> {
    let name = vault.backup_vault_name()?.to_owned();
    Some((
        name.clone(),
        Vault {
            name,
            locked: vault.locked().unwrap_or_default(),
            min_retention_days: vault.min_retention_days().filter(|days| *days > 0),
            max_retention_days: vault.max_retention_days().filter(|days| *days > 0),
        },
    ))
}

fn profile(profile: &aws_sdk_iam::types::InstanceProfile) -> (String, InstanceProfile) {
    let found = InstanceProfile {
        arn: profile.arn.clone(),
        name: profile.instance_profile_name.clone(),
        roles: profile.roles.iter().map(|role| role.arn.clone()).collect(),
    };
    (profile.arn.clone(), found)
}

/// Reads every role; the documents of managed policies only of those that instances or selections use.
async fn roles(
    reader: &Reader,
    authorization: &crate::aws::Authorization,
    evidence: &Evidence,
) -> BTreeMap<String, Role> {
    let mut used = used_roles(evidence);
    // Whatever AWS Backup may assume may be a role for restores.
    let assumed = |detail: &&RoleDetail| {
        detail.assume_role_policy_document().is_some_and(|text| trusts(&document(text), "backup.amazonaws.com"))
    };
    used.extend(authorization.roles.iter().filter(assumed).filter_map(|detail| detail.arn().map(str::to_owned)));
    let documents: BTreeMap<&str, &str> = authorization
        .policies
        .iter()
        .filter_map(|policy| {
            let version = policy.policy_version_list().iter().find(|version| version.is_default_version())?;
            Some((policy.arn()?, version.document()?))
        })
        .collect();
    let mut wanted = BTreeSet::new();
    for detail in authorization.roles.iter().filter(|detail| detail.arn().is_some_and(|arn| used.contains(arn))) {
        wanted.extend(detail.attached_managed_policies().iter().filter_map(|policy| policy.policy_arn()));
        wanted.extend(detail.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn()));
    }
    let read = wanted.into_iter().map(|arn| {
        let listed = documents.get(arn).map(|document| (*document).to_owned());
        async move {
            let text = match listed {
                Some(text) => Ok(text),
                None => reader.policy_document(arn).await,
            };
            (arn.to_owned(), known(text).map(|text| document(&text)))
        }
    });
    let read: BTreeMap<String, Known<Value>> = join_all(read).await.into_iter().collect();
    authorization.roles.iter().filter_map(|detail| role(detail, &read)).collect()
}

/// The roles that matter: those in the profiles of instances and those of selections.
fn used_roles(evidence: &Evidence) -> BTreeSet<String> {
    let profile_arns: BTreeSet<&String> =
        evidence.instances.known().into_iter().flatten().filter_map(|instance| instance.profile_arn.as_ref()).collect();
    let profiles = evidence.profiles.known();
    let of_instances =
        profile_arns.into_iter().filter_map(|arn| profiles?.get(arn)).flat_map(|profile| profile.roles.iter().cloned());
    let selections = evidence.plans.known().into_iter().flatten().filter_map(|plan| plan.selections.known());
    let of_selections = selections.flatten().map(|selection| selection.role_arn.clone());
    of_instances.chain(of_selections).collect()
}

fn role(detail: &RoleDetail, documents: &BTreeMap<String, Known<Value>>) -> Option<(String, Role)> {
    let arn = detail.arn()?.to_owned();
    let read = |arn: &str| documents.get(arn).cloned().unwrap_or_default();
    let managed = detail.attached_managed_policies().iter().filter_map(|policy| policy.policy_arn());
    let inline = detail.role_policy_list().iter();
    let boundary = detail.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
    Some((
        arn.clone(),
        Role {
            name: detail.role_name().unwrap_or_default().to_owned(),
            trust: detail.assume_role_policy_document().map(document).unwrap_or_default(),
            managed: managed.map(|arn| (arn.to_owned(), read(arn))).collect(),
            inline: inline
                .filter_map(|policy| Some((policy.policy_name()?.to_owned(), document(policy.policy_document()?))))
                .collect(),
            boundary: boundary.map(|arn| (arn.to_owned(), read(arn))),
            arn,
        },
    ))
}

/// Reads a document that IAM gives URL-encoded; what is none stays as text, and decides nothing.
fn document(text: &str) -> Value {
    let text = policy::url_decode(text).unwrap_or_else(|_| text.to_owned());
    policy::parse(&text).unwrap_or(Value::String(text))
}

/// Reads the plans with their selections.
async fn plans(reader: &Reader) -> Known<Vec<Plan>> {
    let (members, index) = join(reader.list_backup_plans(), reader.tagged()).await;
    let members = match members {
        Ok(members) => members,
        Err(error) => return Known::Unknown(unread(&error)),
    };
    // Who owns a plan is worth a word and no failure.
    let index = index.unwrap_or_default();
    let read = join_all(members.iter().map(|member| plan(reader, member, &index))).await;
    known(read.into_iter().collect::<Result<Vec<_>, _>>())
}

async fn plan(reader: &Reader, member: &BackupPlansListMember, index: &Arc<TagsByArn>) -> Result<Plan, AwsError> {
    let id = member.backup_plan_id().unwrap_or_default();
    let (answer, selections) = join(reader.backup_plan(id), selections(reader, id)).await;
    let answer = answer?;
    Ok(Plan {
        id: id.to_owned(),
        name: member.backup_plan_name().unwrap_or_default().to_owned(),
        owner: owner(reader, member, index),
        windows_vss: asks_for_vss(&answer),
        created: moment(member.creation_date()),
        rules: answer.backup_plan().map(|plan| plan.rules().iter().map(rule).collect()).unwrap_or_default(),
        selections: known(selections),
    })
}

fn owner(reader: &Reader, member: &BackupPlansListMember, index: &TagsByArn) -> PlanOwner {
    if member.backup_plan_name().is_some_and(|name| name.starts_with(ORGANIZATIONS)) {
        return PlanOwner::Organizations;
    }
    let none = Tags::new();
    let tags = member.backup_plan_arn().and_then(|arn| index.get(arn)).unwrap_or(&none);
    match marks::owner(reader.scope(), tags) {
        Owner::Ours(Some(address)) => PlanOwner::Ours(address.to_string()),
        Owner::Ours(None) | Owner::Parent => PlanOwner::Ours(String::new()),
        Owner::Stack(stack) | Owner::CloudFormation(stack) => PlanOwner::Stack(stack),
        Owner::Aws | Owner::Nobody => PlanOwner::Other,
    }
}

/// `AdvancedBackupSettings` stands beside the plan, not in it.
fn asks_for_vss(answer: &GetBackupPlanOutput) -> bool {
    let mut settings = answer.advanced_backup_settings().iter();
    settings.any(|setting| {
        setting.resource_type() == Some("EC2")
            && setting
                .backup_options()
                .and_then(|options| options.get("WindowsVSS"))
                .is_some_and(|value| value.eq_ignore_ascii_case("enabled"))
    })
}

fn rule(rule: &aws_sdk_backup::types::BackupRule) -> Rule {
    let lifecycle = rule.lifecycle();
    let days = |days: Option<i64>| days.filter(|days| *days > 0);
    Rule {
        id: rule.rule_id().unwrap_or_default().to_owned(),
        name: rule.rule_name().to_owned(),
        vault: rule.target_backup_vault_name().to_owned(),
        schedule: rule.schedule_expression().map(str::to_owned),
        timezone: rule.schedule_expression_timezone().map(str::to_owned),
        start_window_minutes: rule.start_window_minutes().unwrap_or_default(),
        complete_window_minutes: rule.completion_window_minutes(),
        delete_after_days: days(lifecycle.and_then(Lifecycle::delete_after_days)),
        cold_after_days: days(lifecycle.and_then(Lifecycle::move_to_cold_storage_after_days)),
        continuous: rule.enable_continuous_backup().unwrap_or_default(),
        recovery_point_tags: rule
            .recovery_point_tags()
            .map(|tags| tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
            .unwrap_or_default(),
    }
}

async fn selections(reader: &Reader, plan: &str) -> Result<Vec<Selection>, AwsError> {
    let members = reader.list_backup_selections(plan).await?;
    let read = join_all(members.iter().map(|member| async move {
        let id = member.selection_id().unwrap_or_default();
        Ok(selection(member, &*reader.backup_selection(plan, id).await?))
    }));
    read.await.into_iter().collect()
}

fn selection(member: &BackupSelectionsListMember, selection: &BackupSelection) -> Selection {
    let conditions = selection.conditions();
    Selection {
        id: member.selection_id().unwrap_or_default().to_owned(),
        name: selection.selection_name().to_owned(),
        created: moment(member.creation_date()),
        role_arn: selection.iam_role_arn().to_owned(),
        resources: selection.resources().to_vec(),
        not_resources: selection.not_resources().to_vec(),
        list_of_tags: selection
            .list_of_tags()
            .iter()
            .map(|tag| (tag.condition_key.clone(), tag.condition_value.clone()))
            .collect(),
        conditions: conditions
            .map(|conditions| Conditions {
                equals: pairs(conditions.string_equals()),
                not_equals: pairs(conditions.string_not_equals()),
                like: pairs(conditions.string_like()),
                not_like: pairs(conditions.string_not_like()),
            })
            .unwrap_or_default(),
    }
}

fn pairs(parameters: &[ConditionParameter]) -> Vec<(String, String)> {
    let pair = |parameter: &ConditionParameter| {
        let key = parameter.condition_key().unwrap_or_default();
        let key = key.strip_prefix(TAG_KEY).unwrap_or(key);
        (key.to_owned(), parameter.condition_value().unwrap_or_default().to_owned())
    };
    parameters.iter().map(pair).collect()
}
