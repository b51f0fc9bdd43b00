//! Gathers the evidence: everything that the proofs are decided by. Lists are read whole and side by side; what cannot
//! be listed (a plan, a selection, a policy's document) is read once for each of them, never once for each instance.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_backup::types::BackupVaultListMember;
use aws_sdk_iam::types::InstanceProfile;
use aws_sdk_ssm::types::InstanceInformation;
use futures_util::future::join;

use super::known::{known, unread};
use super::packages::{self, Packages};
use super::surroundings::Surroundings;
use super::{jobs, listed, plans, points, roles, surroundings};
use crate::aws::{Answered, Authorization, AwsError, Reader};
use crate::vss::Moment;
use crate::vss::evidence::{CopyJob, Evidence, Known, Role};

pub use super::points::history;

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

/// What only `doctor` looks at, as AWS lists it.
struct Causes {
    agents: Result<Arc<Vec<InstanceInformation>>, AwsError>,
    vaults: Result<Arc<Vec<Answered<BackupVaultListMember>>>, AwsError>,
    profiles: Result<Arc<Vec<InstanceProfile>>, AwsError>,
    authorization: Result<Arc<Authorization>, AwsError>,
    commands: Packages,
    associations: Packages,
    surroundings: Surroundings,
}

/// Gathers the evidence: first all lists, then what the lists lead to.
pub async fn gather(reader: &Reader, now: Moment, wants: Wants) -> Evidence {
    let since = wants.jobs_since.unwrap_or(now);
    let mut evidence = Evidence::new(reader.scope().clone(), now, since);
    let causes = async { if wants.causes { Some(Box::pin(causes(reader)).await) } else { None } };
    let jobs = async {
        match wants.jobs_since {
            Some(since) => Some(join(reader.backup_jobs(since.seconds()), reader.list_backup_vaults()).await),
            None => None,
        }
    };
    let account = join(reader.instances(), reader.region_settings());
    let ((instances, opt_in), (plans, (jobs, causes))) =
        Box::pin(join(account, join(plans::plans(reader), join(jobs, causes)))).await;
    evidence.instances = known(instances).map(|instances| {
        let is_there =
            |instance: &&crate::aws::Instance| !matches!(instance.state.as_str(), "terminated" | "shutting-down");
        instances.iter().filter(is_there).map(listed::instance).collect()
    });
    evidence.opt_in = known(opt_in).map(|settings| settings.opt_in.clone());
    evidence.plans = plans;
    if let Some((jobs, vaults)) = jobs {
        evidence.jobs = known(jobs).map(|jobs| jobs.iter().filter_map(jobs::listed).collect());
        evidence.vaults = known(vaults).map(|vaults| vaults.iter().filter_map(|vault| listed::vault(vault)).collect());
    }
    let authorization = causes.map(|causes| {
        let Causes { agents, vaults, profiles, authorization, commands, associations, surroundings } = causes;
        (evidence.commands, evidence.associations) = (commands, associations);
        evidence.agents = known(agents).map(|agents| agents.iter().filter_map(listed::agent).collect());
        evidence.vaults = known(vaults).map(|vaults| vaults.iter().filter_map(|vault| listed::vault(vault)).collect());
        evidence.profiles = known(profiles).map(|profiles| profiles.iter().map(listed::profile).collect());
        let Surroundings { volumes, clustered, routes } = surroundings;
        (evidence.volumes, evidence.clustered, evidence.routes) = (volumes, clustered, routes);
        authorization
    });
    let points = Box::pin(points::read(reader, &evidence, wants.history));
    let (points, (details, copies)) =
        join(points, join(details(reader, &evidence, authorization), copies(reader, &evidence))).await;
    evidence.copies = copies;
    if let Some(points) = points {
        (evidence.images, evidence.snapshots, evidence.packages) = (points.images, points.snapshots, points.packages);
    }
    if let Some((roles, (endpoints, keys))) = details {
        (evidence.roles, evidence.endpoints, evidence.keys) = (roles, endpoints, keys);
    }
    evidence
}

/// Reads the copy jobs where the rule of a plan with VSS asks for copies.
async fn copies(reader: &Reader, evidence: &Evidence) -> Known<Vec<CopyJob>> {
    let plans = evidence.plans.known().into_iter().flatten().filter(|plan| plan.windows_vss);
    let asks = plans.flat_map(|plan| &plan.rules).any(|rule| !rule.copies.is_empty());
    if evidence.jobs.known().is_none() || !asks {
        return Known::NotRead;
    }
    let read = known(reader.copy_jobs(evidence.jobs_since.seconds()).await);
    read.map(|jobs| jobs.iter().filter_map(jobs::copied).collect())
}

async fn causes(reader: &Reader) -> Causes {
    let (agents, vaults, profiles, authorization, (commands, associations), surroundings) = tokio::join!(
        reader.instance_information(),
        reader.list_backup_vaults(),
        reader.list_instance_profiles(),
        reader.account_authorization_details(),
        packages::installations(reader),
        surroundings::lists(reader),
    );
    Causes { agents, vaults, profiles, authorization, commands, associations, surroundings }
}

/// Reads what the lists of the causes lead to, where they were read: the roles, and what is around the instances.
async fn details(
    reader: &Reader,
    evidence: &Evidence,
    authorization: Option<Result<Arc<Authorization>, AwsError>>,
) -> Option<(Known<BTreeMap<String, Role>>, surroundings::Details)> {
    let authorization = authorization?;
    let roles = async {
        match authorization {
            Err(error) => Known::Unknown(unread(&error)),
            Ok(authorization) => Known::Known(roles::roles(reader, &authorization, evidence).await),
        }
    };
    Some(join(Box::pin(roles), Box::pin(surroundings::details(reader, evidence))).await)
}
