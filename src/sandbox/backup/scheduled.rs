//! The jobs that plans start: what AWS Backup would have started in a period.
//!
//! Written from "Backup plan options and configuration" (schedules, start windows, overlapping rules) of the AWS Backup
//! guide.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::jobs::{APPROACH, Job, Origin};
use super::plans::Plan;
use super::vss::Place;
use super::{assign, points, rules, tags};
use crate::sandbox::account::{Context, Region};
use crate::sandbox::made;
use crate::sandbox::schedule::{self, Cron};

const MINUTE: i64 = 60_000;
/// Jobs are removed a day after the lists stop showing them.
const FORGOTTEN: i64 = 31 * 24 * 60 * MINUTE;
/// The starts of the jobs of one run are spread over this time, or over the start window if that is shorter.
const SPREAD: i64 = 60;

/// One run of a rule.
struct Run<'a> {
    at: i64,
    rule: &'a Value,
    /// The start window in minutes.
    window: i64,
    /// The retention in days; without a lifecycle a backup is kept for ever.
    kept: i64,
}

/// Makes the jobs that the region's plans, in their present form, start after `from` and until `to`; returns their
/// number.
pub(in crate::sandbox) fn run_schedules(context: &mut Context<'_>, from: i64, to: i64) -> usize {
    let place = Place { partition: context.partition, region: context.region, account: context.account_id };
    let Some(region) = context.account.regions.get_mut(context.region) else { return 0 };
    let mut jobs = Vec::new();
    let mut count = 0;
    for plan in region.backup.plans.values().filter(|plan| plan.deleted.is_none()) {
        count += add(plan, region, place, (from, to), &mut jobs);
    }
    for job in jobs {
        region.backup.add(job);
    }
    super::settle(context);
    if let Some(region) = context.account.regions.get_mut(context.region) {
        region.backup.jobs.retain(|_, job| job.created + FORGOTTEN > to);
        region.backup.copies.retain(|_, copy| copy.created + FORGOTTEN > to);
        points::expire(region, to);
    }
    count
}

/// Adds the jobs of one plan of which something is left at `to`; returns the number of all its jobs.
fn add(plan: &Plan, region: &Region, place: Place<'_>, (from, to): (i64, i64), jobs: &mut Vec<Job>) -> usize {
    let mut count = 0;
    let opted_in = region.backup.opt_in.get("EC2").copied().unwrap_or(true);
    let version = plan.current();
    let rules = version.rules();
    let runs = runs(&rules, from, to);
    let options = options(&version.document);
    // An instance that is in two selections of a plan is backed up once.
    let mut met: BTreeSet<&str> = BTreeSet::new();
    for selection in plan.selections.values() {
        let role = selection.document["IamRoleArn"].as_str().unwrap_or_default();
        for instance in assign::chosen(&selection.document, &region.fleet, place, opted_in) {
            if !met.insert(&instance.id) {
                continue;
            }
            let resource = place.instance(&instance.id);
            for run in runs.iter().filter(|run| instance.launched <= run.at) {
                count += 1;
                let kept = run.kept.saturating_mul(24 * 60 * MINUTE);
                if run.at.saturating_add(kept.max(FORGOTTEN)) < to {
                    continue;
                }
                let text = |member: &str| run.rule[member].as_str().unwrap_or_default().to_owned();
                // The delay is the same for every plan, so that two plans at one time conflict.
                let turn = made::uuid_of(&format!("{resource}/{}", run.at)).replace('-', "");
                let turn = i64::from_str_radix(&turn[..6], 16).unwrap_or_default();
                let starts = run.at + turn % (run.window.min(SPREAD) * 60 - 60) * 1000;
                let complete = run.rule["CompletionWindowMinutes"].as_i64().unwrap_or(rules::COMPLETION_WINDOW);
                jobs.push(Job {
                    id: made::uuid_of(&format!("{}/{}/{resource}/{}", plan.id, text("RuleId"), run.at)),
                    vault: text("TargetBackupVaultName"),
                    resource: resource.clone(),
                    role: role.to_owned(),
                    created: run.at,
                    start_by: run.at + run.window * MINUTE,
                    complete_by: run.at + complete * MINUTE,
                    starts,
                    acts: starts + APPROACH,
                    lifecycle: run.rule["Lifecycle"].as_object().cloned().unwrap_or_default(),
                    tags: tags::read(run.rule.get("RecoveryPointTags")).unwrap_or_default(),
                    options: options.clone(),
                    origin: Some(Origin { plan: plan.id.clone(), version: version.id.clone(), rule: text("RuleId") }),
                    token: None,
                    outcome: None,
                });
            }
        }
    }
    count
}

/// Returns the `BackupOptions` of a plan for EC2.
fn options(document: &serde_json::Map<String, Value>) -> std::collections::BTreeMap<String, String> {
    let settings = document.get("AdvancedBackupSettings").and_then(Value::as_array).into_iter().flatten();
    let of_ec2 = settings.filter(|setting| setting["ResourceType"] == "EC2");
    let options = of_ec2.filter_map(|setting| setting["BackupOptions"].as_object()).flatten();
    options.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// Lists the runs of the rules, without those whose start window overlaps that of a rule with a longer retention: AWS
/// Backup makes only the backup that is kept longer.
fn runs(rules: &[Value], from: i64, to: i64) -> Vec<Run<'_>> {
    let mut all = Vec::new();
    for rule in rules {
        let Ok(cron) = Cron::parse(rule["ScheduleExpression"].as_str().unwrap_or_default()) else { continue };
        let zone = schedule::zone(rule["ScheduleExpressionTimezone"].as_str().unwrap_or_default());
        let zone = zone.unwrap_or(TimeZone::UTC);
        let window = rule["StartWindowMinutes"].as_i64().unwrap_or(rules::START_WINDOW);
        let kept = rule["Lifecycle"]["DeleteAfterDays"].as_i64().unwrap_or(i64::MAX);
        let mut after = from;
        loop {
            let times = cron.next(after, &zone, 64);
            let Some(last) = times.last().copied() else { break };
            all.extend(times.into_iter().filter(|at| *at <= to).map(|at| Run { at, rule, window, kept }));
            after = last;
            if last > to {
                break;
            }
        }
    }
    let overlaps = |one: &Run<'_>, other: &Run<'_>| {
        one.at < other.at + other.window * MINUTE && other.at < one.at + one.window * MINUTE
    };
    let starved = |one: &Run<'_>| {
        all.iter()
            .any(|other| other.kept > one.kept && other.rule["RuleId"] != one.rule["RuleId"] && overlaps(one, other))
    };
    let keeps: Vec<bool> = all.iter().map(|run| !starved(run)).collect();
    all.into_iter().zip(keeps).filter_map(|(run, keep)| keep.then_some(run)).collect()
}
