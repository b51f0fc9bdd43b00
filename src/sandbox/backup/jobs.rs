//! Backup jobs and protected resources.

use serde_json::Value;

use super::{not_found, paged, required};
use crate::sandbox::account::{Answer, Context};

pub(super) fn list(context: &mut Context<'_>, input: &Value) -> Answer {
    let filters = [
        ("ByResourceArn", "ResourceArn"),
        ("ByState", "State"),
        ("ByBackupVaultName", "BackupVaultName"),
        ("ByResourceType", "ResourceType"),
        ("ByAccountId", "AccountId"),
        ("ByParentJobId", "ParentJobId"),
        ("ByMessageCategory", "MessageCategory"),
    ];
    let times = [("ByCreatedAfter", "CreationDate"), ("ByCompleteAfter", "CompletionDate")];
    let ends = [("ByCreatedBefore", "CreationDate"), ("ByCompleteBefore", "CompletionDate")];
    let number = |value: &Value, member: &str| value.get(member).and_then(Value::as_f64);
    let fits = |job: &Value| {
        filters.iter().all(|(filter, member)| {
            input.get(filter).is_none_or(|wanted| wanted == "*" || job.get(member) == Some(wanted))
        }) && times.iter().all(|(filter, member)| {
            number(input, filter).is_none_or(|from| number(job, member).is_some_and(|at| at >= from))
        }) && ends.iter().all(|(filter, member)| {
            number(input, filter).is_none_or(|to| number(job, member).is_some_and(|at| at <= to))
        })
    };
    let jobs = &context.region_mut().backup.jobs;
    let items = jobs.iter().filter(|(_, job)| fits(job)).map(|(id, job)| (id.clone(), job.clone())).collect();
    paged(input, "ListBackupJobs", "BackupJobs", items)
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = required(input, "BackupJobId");
    let job = context.region_mut().backup.jobs.get(id).cloned();
    job.ok_or_else(|| not_found(format!("Failed reading BackupJob with id {id}")))
}

pub(super) fn list_protected(input: &Value) -> Answer {
    paged(input, "ListProtectedResources", "Results", Vec::new())
}
