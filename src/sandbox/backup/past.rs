//! Past jobs that a fleet file lists.

use serde_json::{Map, json};

use super::jobs::{APPROACH, Job, Origin, Outcome, QUEUE};
use super::vss::Place;
use super::{copies, rules};
use crate::sandbox::account::Context;
use crate::sandbox::made;

const MINUTE: i64 = 60_000;

/// A job that was started some time ago, on demand or by a rule.
pub(in crate::sandbox) struct Past {
    /// The id.
    pub(in crate::sandbox) instance: String,
    /// The vault's name.
    pub(in crate::sandbox) vault: String,
    /// The ARN of the backup role.
    pub(in crate::sandbox) role: String,
    /// Milliseconds since 1970.
    pub(in crate::sandbox) created: i64,
    /// How many days its recovery point is kept; for ever where this is absent.
    pub(in crate::sandbox) days: Option<u32>,
    /// The rule that made it.
    pub(in crate::sandbox) origin: Option<Origin>,
}

impl Past {
    /// Adds the job, which is decided with all others that are due; returns its id, or `None` where there is such a job
    /// already.
    pub(in crate::sandbox) fn add(self, context: &mut Context<'_>, vss: bool) -> Option<String> {
        let place = Place { partition: context.partition, region: context.region, account: context.account_id };
        let resource = place.instance(&self.instance);
        let id = made::uuid_of(&format!("past/{resource}/{}", self.created));
        let starts = self.created + QUEUE;
        let job = Job {
            id: id.clone(),
            vault: self.vault,
            resource,
            role: self.role,
            created: self.created,
            start_by: self.created + rules::START_WINDOW * MINUTE,
            complete_by: self.created + rules::COMPLETION_WINDOW * MINUTE,
            starts,
            acts: starts + APPROACH,
            lifecycle: self
                .days
                .map(|days| ("DeleteAfterDays".to_owned(), json!(days)))
                .into_iter()
                .collect::<Map<_, _>>(),
            tags: std::collections::BTreeMap::new(),
            options: vss.then(|| ("WindowsVSS".to_owned(), "enabled".to_owned())).into_iter().collect(),
            origin: self.origin,
            token: None,
            outcome: None,
        };
        let backup = &mut context.region_mut().backup;
        if backup.jobs.contains_key(&id) {
            return None;
        }
        backup.add(job);
        Some(id)
    }
}

/// An end that replaces the one that the account gives a job.
pub(in crate::sandbox) struct Ended<'a> {
    /// `FAILED`, `EXPIRED` or `ABORTED`.
    pub(in crate::sandbox) state: &'a str,
    /// The category of the failure.
    pub(in crate::sandbox) category: &'a str,
    /// AWS's message.
    pub(in crate::sandbox) message: &'a str,
}

impl Ended<'_> {
    /// Gives a job this end, and removes what it made; false when the job is not over.
    pub(in crate::sandbox) fn replace(&self, context: &mut Context<'_>, id: &str) -> bool {
        let now = context.now;
        let region = context.region_mut();
        // A job that is no longer listed has been removed.
        let Some(job) = region.backup.jobs.get_mut(id) else { return true };
        let Some(before) = job.outcome.take_if(|outcome| outcome.ends <= now) else { return false };
        job.outcome = Some(Outcome {
            ends: before.ends,
            state: self.state.to_owned(),
            category: self.category.to_owned(),
            message: self.message.to_owned(),
            backup_type: String::new(),
            recovery_point: None,
            bytes: 0,
        });
        let vault = job.vault.clone();
        if let Some(point) = before.recovery_point {
            region.forget(&vault, &point);
        }
        copies::forget(context.account, context.region, id);
        true
    }
}
