//! What a plan with VSS selects: D004, D060, D070, D074.

use super::{Notes, Options, Severity, Subject};
use crate::vss::coverage::named_in_vain;
use crate::vss::evidence::{Evidence, Instance, Known, Plan, Selection};
use crate::vss::schedule;
use crate::vss::selection::{Resource, Selected, select};
use crate::vss::verify;

/// The most backups that AWS Backup runs at a time.
const MOST_JOBS: usize = 300;
/// With this many instances a start window below AWS's default is short.
const MANY: usize = 100;

/// A plan that selects nothing at all. Where the file has a selection for it, what is missing is told of the selection.
pub(super) fn nothing(plan: &Plan, subject: &Subject, options: &Options, notes: &mut Notes) {
    if options.file.selects_for(plan) {
        return;
    }
    notes.find(
        "D074",
        subject,
        format!("the plan {} has no selection: it backs nothing up", plan.name),
        vec!["ListBackupSelections gives none".to_owned()],
        format!(
            "give it one: `[plan.{0}.selection.NAME]` with `role` and `match` where a file declares the plan, else \
             `aws backup create-backup-selection --backup-plan-id {1}`",
            plan.name, plan.id
        ),
    );
}

/// What a plan selects, all its selections together.
pub(super) fn check(plan: &Plan, selections: &[Selection], subject: &Subject, evidence: &Evidence, notes: &mut Notes) {
    let Known::Known(instances) = &evidence.instances else { return };
    let is_chosen = |instance: &&Instance| {
        let arn = evidence.instance_arn(&instance.id);
        let resource = Resource { arn: &arn, kind: "EC2", tags: &instance.tags };
        selections.iter().any(|selection| match select(selection, resource, evidence.opt_in.known()) {
            // The instance counts even where the region's settings switch the selection off: another check finds that,
            // once for the region.
            Selected::Yes(_) | Selected::Unsure(_) | Selected::SwitchedOff(_) => true,
            Selected::No => false,
        })
    };
    let taken: Vec<&Instance> = instances.iter().filter(is_chosen).collect();
    let windows: Vec<&&Instance> = taken.iter().filter(|instance| instance.windows).collect();
    let is_told = told_in_vain(plan, selections, evidence, notes);
    // Stopped instances have findings of their own.
    if windows.is_empty() && !is_told {
        notes.find(
            "D074",
            subject,
            format!("the plan {} selects no Windows instance", plan.name),
            vec![format!("{} selected, none of which runs Windows", verify::counted(taken.len(), "instance"))],
            "compare the selection's tags with those of the instances: `vssctl coverage` shows near misses",
        );
    }
    let linux: Vec<String> =
        taken.iter().filter(|instance| !instance.windows).map(|instance| instance.title()).collect();
    if let Some(first) = linux.first() {
        notes.find(
            "D004",
            subject,
            format!(
                "the plan {} also selects {} without Windows: VSS means nothing there",
                plan.name,
                verify::counted(linux.len(), "instance")
            ),
            vec![format!("such as {first}")],
            "nothing has to be done: AWS Backup ignores the option for them",
        );
    }
    if taken.len() > MOST_JOBS {
        notes.find(
            "D060",
            subject,
            format!(
                "the plan {} selects {} instances, and AWS Backup runs {MOST_JOBS} backups at a time",
                plan.name,
                taken.len()
            ),
            vec![format!("{} instances", taken.len())],
            "spread them over several plans with other schedules, or give the rules a longer start window",
        );
    } else if taken.len() > MANY {
        for rule in plan.rules.iter().filter(|rule| rule.start_window() < schedule::START_WINDOW * 60) {
            notes.find_as(
                "D070",
                Severity::Advice,
                subject,
                format!("the rule {} has a short start window for {} instances", rule.name, taken.len()),
                vec![format!("start window {} minutes", rule.start_window() / 60)],
                "AWS's default is 8 hours: a job that does not start within the window expires",
            );
        }
    }
}

/// The ARNs of instances that are not there. Tells whether there are any: they are then why a plan selects nobody.
fn told_in_vain(plan: &Plan, selections: &[Selection], evidence: &Evidence, notes: &mut Notes) -> bool {
    let found = named_in_vain(evidence, selections);
    for (selection, arns) in &found {
        notes.find(
            "D074",
            &Subject::Selection { plan: plan.name.clone(), name: selection.name.clone() },
            "the selection names an instance that is not there".to_owned(),
            vec![format!(
                "no instance in account {}, {} fits {}",
                evidence.scope.account_id,
                evidence.scope.region,
                arns.join(", ")
            )],
            "correct the ARN, or take it out of the selection (`arns` in a file): AWS Backup says nothing of it",
        );
    }
    !found.is_empty()
}
