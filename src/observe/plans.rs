//! The account's backup plans with their rules and selections: a plan or a selection can't be listed whole, so that
//! each is read once.

use std::sync::Arc;

use aws_sdk_backup::operation::get_backup_plan::GetBackupPlanOutput;
use aws_sdk_backup::types::{
    BackupPlansListMember, BackupSelection, BackupSelectionsListMember, ConditionParameter, Lifecycle,
};
use futures_util::future::{join, join_all};

use super::known::{known, moment, unread};
use crate::aws::{AwsError, Reader, TagsByArn};
use crate::kind::{Owner, marks};
use crate::vss::evidence::{Conditions, Known, Plan, PlanOwner, Rule, Selection, Tags};

/// The prefix of condition keys about tags.
const TAG_KEY: &str = "aws:ResourceTag/";
/// The prefix of the names of plans that AWS Organizations makes.
const ORGANIZATIONS: &str = "orgs/";

/// Reads the plans with their selections.
pub(super) async fn plans(reader: &Reader) -> Known<Vec<Plan>> {
    match each(reader).await {
        Ok(read) => known(read.into_iter().collect::<Result<Vec<_>, _>>()),
        Err(error) => Known::Unknown(unread(&error)),
    }
}

/// Reads the plans with their selections, each of which may fail by itself. A plan that somebody deletes after it was
/// listed is none.
pub(super) async fn each(reader: &Reader) -> Result<Vec<Result<Plan, AwsError>>, AwsError> {
    let (members, index) = join(reader.list_backup_plans(), reader.tagged()).await;
    let members = members?;
    // The owner of a plan is only shown, so that unreadable tags are no failure.
    let index = index.unwrap_or_default();
    let read = join_all(members.iter().map(|member| plan(reader, member, &index))).await;
    Ok(read.into_iter().filter(|plan| !plan.as_ref().is_err_and(AwsError::is_not_found)).collect())
}

async fn plan(reader: &Reader, member: &BackupPlansListMember, index: &Arc<TagsByArn>) -> Result<Plan, AwsError> {
    let id = member.backup_plan_id().unwrap_or_default();
    let (answer, selections) = join(reader.backup_plan(id, member.version_id()), selections(reader, id)).await;
    let answer = answer?;
    Ok(Plan {
        id: id.to_owned(),
        name: member.backup_plan_name().unwrap_or_default().to_owned(),
        owner: owner(reader, member, index),
        windows_vss: asks_for_vss(&answer),
        created: moment(member.creation_date()),
        version: answer.version_id().map(str::to_owned),
        rules: answer.backup_plan().map(|plan| plan.rules().iter().map(rule).collect()).unwrap_or_default(),
        selections: known(selections),
    })
}

/// Reads whose plan it is at its source: the index of tags has those of this stack alone.
pub(super) async fn read_owner(reader: &Reader, plan: &Plan) -> Result<PlanOwner, AwsError> {
    if plan.owner != PlanOwner::Other {
        return Ok(plan.owner.clone());
    }
    let tags = reader.backup_tags(&reader.scope().arn("backup", &format!("backup-plan:{}", plan.id))).await?;
    Ok(owner_by(reader, &tags))
}

fn owner(reader: &Reader, member: &BackupPlansListMember, index: &TagsByArn) -> PlanOwner {
    if member.backup_plan_name().is_some_and(|name| name.starts_with(ORGANIZATIONS)) {
        return PlanOwner::Organizations;
    }
    let none = Tags::new();
    owner_by(reader, member.backup_plan_arn().and_then(|arn| index.get(arn)).unwrap_or(&none))
}

fn owner_by(reader: &Reader, tags: &Tags) -> PlanOwner {
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
        copies: rule.copy_actions().iter().map(|copy| copy.destination_backup_vault_arn().to_owned()).collect(),
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
