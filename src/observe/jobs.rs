//! Backup jobs and copy jobs, from AWS's words into those of the evidence: as lists have them, and as one is
//! described. Pure.

use aws_sdk_backup::operation::describe_backup_job::DescribeBackupJobOutput;
use aws_sdk_backup::types;

use super::known::moment;
use crate::vss::evidence::{CopyJob, Job, JobState};

pub(super) fn listed(job: &types::BackupJob) -> Option<Job> {
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
        plan_version: text(created_by.and_then(|by| by.backup_plan_version())),
        rule_id: text(created_by.and_then(|by| by.backup_rule_id())),
        vault: job.backup_vault_name().unwrap_or_default().to_owned(),
        role_arn: text(job.iam_role_arn()),
    })
}

pub(super) fn described(job: &DescribeBackupJobOutput) -> Option<Job> {
    let created_by = job.created_by();
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let vss = job.backup_options().and_then(|options| options.get("WindowsVSS"));
    Some(Job {
        id: job.backup_job_id()?.to_owned(),
        resource_arn: job.resource_arn()?.to_owned(),
        state: JobState::from(job.state()?.as_str().to_owned()),
        backup_type: text(job.backup_type()),
        vss_requested: vss.is_some_and(|value| value.eq_ignore_ascii_case("enabled")),
        message_category: text(job.message_category()),
        status_message: text(job.status_message()),
        recovery_point_arn: text(job.recovery_point_arn()),
        created: moment(job.creation_date())?,
        completed: moment(job.completion_date()),
        plan_id: text(created_by.and_then(|by| by.backup_plan_id())),
        plan_version: text(created_by.and_then(|by| by.backup_plan_version())),
        rule_id: text(created_by.and_then(|by| by.backup_rule_id())),
        vault: job.backup_vault_name().unwrap_or_default().to_owned(),
        role_arn: text(job.iam_role_arn()),
    })
}

pub(super) fn copied(job: &types::CopyJob) -> Option<CopyJob> {
    Some(CopyJob {
        id: job.copy_job_id()?.to_owned(),
        point: job.source_recovery_point_arn()?.to_owned(),
        vault: job.destination_backup_vault_arn()?.to_owned(),
        state: JobState::from(job.state()?.as_str().to_owned()),
        message: job.status_message().filter(|text| !text.is_empty()).map(str::to_owned),
        created: moment(job.creation_date())?,
    })
}
