//! Coverage: which Windows instances no backup plan protects, which are protected without VSS, which are protected
//! twice at overlapping times, and which miss a plan by a slip in a tag. Every plan of the region counts, whoever owns
//! it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Moment;
use super::declared::Declared;
use super::evidence::{Evidence, Instance, Known, Plan, PlanOwner, Selection, Unread};
use super::schedule;
use super::selection::{By, Resource, Selected, names_no_instance, select};
use crate::model::natural;

mod near;

pub use near::NearMiss;

/// How an instance is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// No plan selects it.
    Unprotected,
    /// Plans select it, and none of them asks for VSS.
    WithoutVss,
    /// It does not follow from what could be read.
    Unknown,
    /// A plan with VSS selects it.
    Vss,
}

/// One plan that selects an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Membership {
    /// The plan's id.
    pub plan_id: String,
    /// The plan's name.
    pub plan: String,
    /// Who owns the plan.
    pub owner: PlanOwner,
    /// It asks for VSS.
    pub windows_vss: bool,
    /// The selection's name.
    pub selection: String,
    /// The part of the selection that fits the instance, and whether it counts.
    pub selected: Selected,
}

impl Membership {
    /// Tells whether the plan backs the instance up.
    pub fn is_sure(&self) -> bool {
        matches!(self.selected, Selected::Yes(_))
    }
}

/// Two rules of two plans that select one instance and whose start windows overlap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Overlap {
    /// One rule, as `plan/rule`.
    pub one: String,
    /// The other rule.
    pub other: String,
    /// When they overlap first.
    pub first: Moment,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Covered {
    /// The instance's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: String,
    /// How it is protected.
    pub protection: Protection,
    /// The plans that select it, and those that would but for the region's settings.
    pub plans: Vec<Membership>,
    /// Where rules of two of them overlap: AWS Backup fails the later job.
    pub overlaps: Vec<Overlap>,
    /// Tags that look like those of a plan with VSS; only where no such plan selects it.
    pub near_misses: Vec<NearMiss>,
    /// The selections of the file that mean it and that AWS does not have, by address; only where no plan with VSS
    /// selects it.
    #[serde(default)]
    pub missing: Vec<String>,
    /// The role of the first of them, where the file does not make it: without it AWS takes no selection.
    #[serde(default)]
    pub missing_role: Option<String>,
    /// The tags that it lacks for a selection of a plan with VSS, where there is one that tags alone decide.
    #[serde(default)]
    pub lacks: Option<Lacks>,
}

/// The tags that an instance lacks for a selection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Lacks {
    /// The selection, as `plan/selection`.
    pub selection: String,
    /// The tags, each as `key=value`.
    pub tags: Vec<String>,
}

/// All instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// When the account was read.
    pub read_at: Moment,
    /// The Windows instances, the least protected first.
    #[serde(rename = "findings")]
    pub instances: Vec<Covered>,
    /// How many instances do not run Windows; `None` where the instances could not be read.
    pub others: Option<usize>,
    /// How many plans there are, and how many of them ask for VSS; `None` where they could not be read.
    pub plans: Option<(usize, usize)>,
    /// The ARNs by which selections name instances that are not there.
    #[serde(default)]
    pub in_vain: Vec<InVain>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

/// ARNs of instances that are not there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct InVain {
    /// The plan's name.
    pub plan: String,
    /// The selection's name.
    pub selection: String,
    /// The ARNs, as the selection has them.
    pub arns: Vec<String>,
}

impl Covered {
    /// Tells whether something is to be done about it.
    pub fn is_finding(&self) -> bool {
        matches!(self.protection, Protection::Unprotected | Protection::WithoutVss) || !self.overlaps.is_empty()
    }
}

impl Coverage {
    /// Counts the instances with a protection.
    pub fn count(&self, protection: Protection) -> usize {
        self.instances.iter().filter(|covered| covered.protection == protection).count()
    }

    /// Counts the instances that two plans back up at overlapping times.
    pub fn overlapping(&self) -> usize {
        self.instances.iter().filter(|covered| !covered.overlaps.is_empty()).count()
    }

    /// Adds what the file declares and AWS does not have: why an instance is not protected that the file means.
    #[must_use]
    pub fn beside(mut self, evidence: &Evidence, declared: &[Declared]) -> Self {
        let Known::Known(plans) = &evidence.plans else { return self };
        let is_live = |one: &&Declared| {
            plans.iter().filter(|plan| plan.name == one.plan).any(|plan| match &plan.selections {
                Known::Known(selections) => selections.iter().any(|live| live.name == one.selection.name),
                // What could not be read is not missing.
                Known::Unknown(_) | Known::NotRead => true,
            })
        };
        let missing: Vec<&Declared> = declared.iter().filter(|one| !is_live(one)).collect();
        for covered in &mut self.instances {
            let unprotected = matches!(covered.protection, Protection::Unprotected | Protection::WithoutVss);
            let Some(instance) = evidence.instance(&covered.id).filter(|_| unprotected) else { continue };
            let arn = evidence.instance_arn(&instance.id);
            let resource = Resource { arn: &arn, kind: "EC2", tags: &instance.tags };
            let means = |one: &&&Declared| select(&one.selection, resource, evidence.opt_in.known()) != Selected::No;
            let missing: Vec<&&Declared> = missing.iter().filter(means).collect();
            covered.missing = missing.iter().map(|one| one.address.clone()).collect();
            let is_there = |arn: &String| evidence.roles.known().is_some_and(|roles| roles.contains_key(arn));
            let role = missing.first().filter(|one| !one.makes_role).map(|one| one.selection.role_arn.clone());
            covered.missing_role = role.filter(|arn| !is_there(arn));
        }
        self
    }

    /// Tells whether something is to be done.
    pub fn has_findings(&self) -> bool {
        self.instances.iter().any(Covered::is_finding)
    }

    /// Tells whether something could not be told.
    pub fn has_unknown(&self) -> bool {
        !self.unread.is_empty() || self.count(Protection::Unknown) > 0
    }
}

/// Evaluates every plan against every Windows instance.
pub fn coverage(evidence: &Evidence) -> Coverage {
    let instances: Vec<&Instance> = evidence.instances.known().into_iter().flatten().collect();
    let plans = evidence.plans.known().map(Vec::as_slice).unwrap_or_default();
    let mut collisions = Collisions::default();
    let mut covered: Vec<Covered> = instances
        .iter()
        .filter(|instance| instance.windows)
        .map(|instance| cover(evidence, plans, instance, &mut collisions))
        .collect();
    covered.sort_by(|one, other| {
        let by_need = (one.protection, !one.is_finding()).cmp(&(other.protection, !other.is_finding()));
        by_need.then_with(|| natural::compare(&one.name, &other.name)).then_with(|| one.id.cmp(&other.id))
    });
    let selections = plans.iter().filter_map(|plan| plan.selections.unread());
    let lists = [evidence.instances.unread(), evidence.plans.unread(), evidence.opt_in.unread()];
    let mut unread: Vec<Unread> = lists.into_iter().flatten().chain(selections).cloned().collect();
    unread.sort_unstable();
    unread.dedup();
    Coverage {
        read_at: evidence.read_at,
        others: evidence.instances.known().map(|all| all.len() - covered.len()),
        instances: covered,
        plans: evidence.plans.known().map(|all| (all.len(), all.iter().filter(|plan| plan.windows_vss).count())),
        in_vain: plans.iter().flat_map(|plan| in_vain(evidence, plan)).collect(),
        unread,
    }
}

fn in_vain(evidence: &Evidence, plan: &Plan) -> Vec<InVain> {
    let selections = plan.selections.known().map(Vec::as_slice).unwrap_or_default();
    let found = named_in_vain(evidence, selections).into_iter();
    found
        .map(|(selection, arns)| InVain {
            plan: plan.name.clone(),
            selection: selection.name.clone(),
            arns: arns.into_iter().map(str::to_owned).collect(),
        })
        .collect()
}

/// Finds the selections that name instances which are not there, with the ARNs. What could not be read is not missing.
pub fn named_in_vain<'a>(evidence: &Evidence, selections: &'a [Selection]) -> Vec<(&'a Selection, Vec<&'a str>)> {
    let Known::Known(instances) = &evidence.instances else { return Vec::new() };
    let instances: Vec<String> = instances.iter().map(|instance| evidence.instance_arn(&instance.id)).collect();
    let in_vain = |arn: &&str| names_no_instance(arn, instances.iter().map(String::as_str));
    selections
        .iter()
        .map(|selection| {
            (selection, selection.resources.iter().map(String::as_str).filter(in_vain).collect::<Vec<_>>())
        })
        .filter(|(_, arns)| !arns.is_empty())
        .collect()
}

fn cover(evidence: &Evidence, plans: &[Plan], instance: &Instance, collisions: &mut Collisions) -> Covered {
    let memberships = memberships(evidence, instance);
    let protection = protection(evidence, &memberships);
    let sure: Vec<&str> = memberships
        .iter()
        .filter(|membership| membership.is_sure())
        .map(|membership| membership.plan_id.as_str())
        .collect();
    let chosen: Vec<&Plan> = plans.iter().filter(|plan| sure.contains(&plan.id.as_str())).collect();
    let (near_misses, lacks) = match protection {
        Protection::Unprotected | Protection::WithoutVss => {
            (near::near_misses(plans, instance), near::lacks(plans, instance))
        }
        Protection::Unknown | Protection::Vss => (Vec::new(), None),
    };
    Covered {
        id: instance.id.clone(),
        name: instance.name.clone(),
        state: instance.state.clone(),
        protection,
        plans: memberships,
        overlaps: collisions.among(&chosen, evidence.read_at),
        near_misses,
        missing: Vec::new(),
        missing_role: None,
        lacks,
    }
}

/// Finds the plans that select an instance, and those that would but for the region's settings.
pub fn memberships(evidence: &Evidence, instance: &Instance) -> Vec<Membership> {
    let arn = evidence.instance_arn(&instance.id);
    let resource = Resource { arn: &arn, kind: "EC2", tags: &instance.tags };
    let mut found = Vec::new();
    for plan in evidence.plans.known().into_iter().flatten() {
        for selection in plan.selections.known().into_iter().flatten() {
            let selected = select(selection, resource, evidence.opt_in.known());
            if selected != Selected::No {
                found.push(membership(plan, selection, selected));
            }
        }
    }
    found
}

fn membership(plan: &Plan, selection: &Selection, selected: Selected) -> Membership {
    Membership {
        plan_id: plan.id.clone(),
        plan: plan.name.clone(),
        owner: plan.owner.clone(),
        windows_vss: plan.windows_vss,
        selection: selection.name.clone(),
        selected,
    }
}

/// Says how the plans that select an instance protect it.
pub fn protection(evidence: &Evidence, memberships: &[Membership]) -> Protection {
    let sure = |membership: &&Membership| membership.is_sure();
    if memberships.iter().filter(sure).any(|membership| membership.windows_vss) {
        return Protection::Vss;
    }
    let unsure = |membership: &Membership| matches!(membership.selected, Selected::Unsure(_));
    let blind = match &evidence.plans {
        Known::Known(plans) => plans.iter().any(|plan| plan.selections.known().is_none()),
        Known::Unknown(_) | Known::NotRead => true,
    };
    if blind || memberships.iter().any(unsure) {
        Protection::Unknown
    } else if memberships.iter().any(Membership::is_sure) {
        Protection::WithoutVss
    } else {
        Protection::Unprotected
    }
}

/// The overlaps of plans by pair, so that each pair is compared once.
#[derive(Debug, Default)]
struct Collisions(BTreeMap<(String, String), Option<Overlap>>);

impl Collisions {
    fn among(&mut self, plans: &[&Plan], now: Moment) -> Vec<Overlap> {
        let mut found = Vec::new();
        for (index, one) in plans.iter().enumerate() {
            for other in plans.iter().skip(index + 1) {
                let key = (one.id.clone(), other.id.clone());
                found.extend(self.0.entry(key).or_insert_with(|| collide(one, other, now)).clone());
            }
        }
        found
    }
}

/// Finds the first overlap of two plans.
pub fn collide(one: &Plan, other: &Plan, now: Moment) -> Option<Overlap> {
    let pairs = one.rules.iter().flat_map(|rule| other.rules.iter().map(move |another| (rule, another)));
    pairs
        .filter_map(|(rule, another)| {
            schedule::overlap(rule, another, now).map(|first| Overlap {
                one: format!("{}/{}", one.name, rule.name),
                other: format!("{}/{}", other.name, another.name),
                first,
            })
        })
        .min_by_key(|overlap| overlap.first)
}

/// Says which part of a selection fits an instance.
pub fn by(by: &By) -> String {
    match by {
        By::Everything => "it selects everything".to_owned(),
        By::Arn(pattern) => format!("by `{pattern}`"),
        By::Tag(tag) => format!("by the tag `{tag}`"),
    }
}

#[cfg(test)]
mod tests;
