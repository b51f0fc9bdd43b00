//! The instances that are examined, each with what several checks ask about it.

use super::{File, Options, Subject};
use crate::model::natural;
use crate::vss::coverage::{self, Membership};
use crate::vss::evidence::{Evidence, Instance, Plan};
use crate::vss::package::{PackageEvidence, believed};
use crate::vss::version::{System, Version};

/// One instance with what several checks ask about it.
#[derive(Debug)]
pub(super) struct Patient<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) instance: &'a Instance,
    pub(super) subject: Subject,
    /// The plans that select it, and those that would but for the region's settings.
    pub(super) memberships: Vec<Membership>,
    /// What is known about the package, a look inside included.
    pub(super) package: Option<PackageEvidence>,
    /// The operating system, where it is known.
    pub(super) system: Option<System>,
    /// The file declares its instance profile, or a role that is named like it.
    pub(super) is_declared: bool,
    /// The only instance profile that the file declares.
    pub(super) profile_of_file: Option<String>,
}

impl<'a> Patient<'a> {
    pub(super) fn new(evidence: &'a Evidence, instance: &'a Instance, file: &File) -> Self {
        let profile = instance.profile_arn.as_deref().and_then(|arn| arn.rsplit('/').next());
        Self {
            evidence,
            instance,
            subject: Subject::instance(instance),
            memberships: coverage::memberships(evidence, instance),
            package: believed(&evidence.package_evidence(&instance.id)).cloned(),
            system: evidence.system(&instance.id),
            profile_of_file: file.profiles.first().filter(|_| file.profiles.len() == 1).cloned(),
            is_declared: profile.is_some_and(|name| file.profiles.contains(name) || file.roles.contains(name)),
        }
    }

    /// The installed version, where it is known.
    pub(super) fn version(&self) -> Option<&Version> {
        self.package.as_ref().and_then(|package| package.installed.version())
    }

    /// The version that alone works on its system, where there is such a one.
    pub(super) fn only(&self) -> Option<&'static str> {
        self.system.as_ref().and_then(System::only)
    }

    /// What to do about its role: AWS's managed policy, but on a system without a version that this works with.
    pub(super) fn about_role(&self, remedy: &str) -> String {
        self.system.as_ref().and_then(System::policy_advice).unwrap_or_else(|| remedy.to_owned())
    }

    /// What to do about its package: the newest one, but on a system on which one version alone works.
    pub(super) fn about_package(&self, remedy: &str) -> String {
        self.system.as_ref().and_then(System::package_advice).unwrap_or_else(|| remedy.to_owned())
    }

    /// The plans with VSS that select it.
    pub(super) fn plans(&self) -> impl Iterator<Item = &'a Plan> {
        let ids: Vec<String> = self
            .memberships
            .iter()
            .filter(|membership| membership.windows_vss && membership.is_sure())
            .map(|membership| membership.plan_id.clone())
            .collect();
        self.evidence.plans.known().into_iter().flatten().filter(move |plan| ids.contains(&plan.id))
    }

    pub(super) fn is_running(&self) -> bool {
        self.instance.state == "running"
    }
}

/// Chooses the instances to examine, by name and id.
pub(super) fn patients<'a>(evidence: &'a Evidence, options: &Options) -> Vec<Patient<'a>> {
    let all = evidence.instances.known().into_iter().flatten();
    let mut patients: Vec<Patient<'a>> = all
        .filter(|instance| if options.only.is_empty() { instance.windows } else { options.only.contains(&instance.id) })
        .map(|instance| Patient::new(evidence, instance, &options.file))
        .collect();
    let wants_vss = |patient: &Patient<'_>| patient.memberships.iter().any(|membership| membership.windows_vss);
    if options.only.is_empty() && patients.iter().any(wants_vss) {
        patients.retain(wants_vss);
    }
    patients.sort_by(|one, other| {
        let (one, other) = (one.instance, other.instance);
        natural::compare(&one.name, &other.name).then_with(|| one.id.cmp(&other.id))
    });
    patients
}
