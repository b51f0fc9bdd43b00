//! Reads what is known of the packages on instances, where the plan needs it: instances would be left with the
//! managed policy in place of an older one, a Run Command asks for a version, or a canary has to be chosen; and of
//! their systems, where a package or what older packages need changes. It reads lists and never makes one call for
//! each instance. What can't be read is unknown.

use std::collections::BTreeMap;

use aws_sdk_ssm::types::{Association, AssociationExecution, CommandInvocationStatus, InstanceInformation, PingStatus};
use futures_util::future::{join, join_all};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::aws::{AwsError, Instance, Invocations, Reader};
use crate::kind::diff;
use crate::kind::{Desired, Found, KindLive};
use crate::kinds::live_form::document;
use crate::kinds::package::{DOCUMENT, first_attempts};
use crate::model::{Address, KindId, Scope};
use crate::plan::access::Access;
use crate::vss::Moment;
use crate::vss::gate::{Account, Evidence, Machine, Machines, Powers, Role, swaps, takes_older, wanted};
use crate::vss::package::{
    Installed, PackageEvidence, PackageSource, believed, is_package, of_association, of_backup, of_output,
};
use crate::vss::version::System;

/// How many associations are read at a time.
const ASSOCIATIONS: usize = 8;
/// How many executions of an association are read. An instance that joins later has an execution of its own.
const EXECUTIONS: usize = 3;

/// Reads what the file asks for.
pub(super) async fn read(reader: &Reader, desired: &[Desired], live: &[(KindId, KindLive)]) -> Evidence {
    let account = account(reader, desired).await;
    let packages: Vec<&Desired> = desired.iter().filter(|entry| entry.address.kind() == KindId::Package).collect();
    let swapping = account.as_ref().is_ok_and(|account| moving(reader, account, desired, live, swaps));
    let versioned = |entry: &&Desired| {
        let name = entry.fields.get("package_name").and_then(Value::as_str).unwrap_or_default();
        entry.options.contains_key("run_command") && is_package(name) && wanted(&entry.fields, &entry.options).is_some()
    };
    let versions = packages.iter().any(versioned);
    let counted = packages.iter().any(|entry| entry.options.get("canary").is_some_and(Value::is_number));
    let wholly = swapping || versions || counted;
    let by_system = packages.iter().any(|entry| is_moving(entry, live))
        || account.as_ref().is_ok_and(|account| moving(reader, account, desired, live, takes_older));
    let mut evidence = Evidence::default();
    match account {
        Ok(account) => evidence.account = account,
        Err(error) => evidence.account_unread = Some(Box::new(error)),
    }
    let machines = async { if wholly || by_system { Some(read_machines(reader, wholly).await) } else { None } };
    let numbered: Vec<&Address> = packages
        .iter()
        .filter(|entry| swapping || versioned(entry) || entry.options.contains_key("canary"))
        .map(|entry| &entry.address)
        .collect();
    let attempts = async { if numbered.is_empty() { None } else { Some(first_attempts(reader, &numbered).await) } };
    let (machines, attempts) = join(Box::pin(machines), Box::pin(attempts)).await;
    if let Some((machines, unread, systems_unread)) = machines {
        match &machines {
            Machines::Read(machines) => evidence.fleet = Some(machines.clone()),
            Machines::Unread(error) => evidence.fleet_unread = Some(error.clone()),
            Machines::NotRead => {}
        }
        evidence.fleet_unread = evidence.fleet_unread.take().or(systems_unread.map(Box::new));
        if wholly {
            evidence.machines = machines;
            evidence.unread = unread;
        }
    }
    match attempts {
        Some(Ok(attempts)) => {
            for (address, (attempt, unsettled)) in attempts {
                evidence.unsettled.extend(unsettled.map(|seconds| (address.clone(), seconds)));
                evidence.attempts.insert(address, attempt);
            }
        }
        // Without the numbers, the record of an earlier attempt would refuse the next one.
        Some(Err(error)) => evidence.unread.push(error),
        None => {}
    }
    evidence
}

/// Reads the instances and what is known of their packages; what could not be read of the packages is returned beside
/// them. Where only the systems matter, packages are read where some instance has a system on which one version alone
/// works.
async fn read_machines(reader: &Reader, wholly: bool) -> (Machines, Vec<AwsError>, Option<AwsError>) {
    let mut unread = Vec::new();
    let (instances, agents) = join(reader.instances(), agents(reader)).await;
    let (agents, systems_unread) = match agents {
        Ok(agents) => (agents, None),
        Err(error) => (BTreeMap::new(), Some(error)),
    };
    let machines = match instances {
        Ok(instances) => {
            let only = |agent: &Agent| agent.system.as_ref().and_then(System::only).is_some();
            let matters = |instance: &Instance| agents.get(&instance.id).is_some_and(only);
            let words = if wholly || instances.iter().any(matters) {
                words(reader, &instances, &mut unread).await
            } else {
                BTreeMap::new()
            };
            Machines::Read(machines(&instances, words, &agents))
        }
        Err(error) => Machines::Unread(Box::new(error)),
    };
    (machines, unread, systems_unread)
}

/// What Systems Manager knows of an instance.
struct Agent {
    system: Option<System>,
    /// It does not answer.
    offline: bool,
}

/// Reads the operating systems of instances and whether their agents answer, as far as Systems Manager knows them.
async fn agents(reader: &Reader) -> Result<BTreeMap<String, Agent>, AwsError> {
    let known = reader.instance_information().await?;
    let agent = |one: &InstanceInformation| {
        let offline = one.ping_status().is_some_and(|status| *status != PingStatus::Online);
        Some((one.instance_id()?.to_owned(), Agent { system: one.platform_name().and_then(System::of), offline }))
    };
    Ok(known.iter().filter_map(agent).collect())
}

/// The kinds that decide what instances may do.
const LINKS: [KindId; 4] = [KindId::Attachment, KindId::InstanceProfile, KindId::Role, KindId::Policy];

/// Reads the account's roles, profiles and policies, where the file has some. The role kind has read them in its sweep,
/// so that they cost no further call.
async fn account(reader: &Reader, desired: &[Desired]) -> Result<Account, AwsError> {
    if !desired.iter().any(|entry| LINKS.contains(&entry.address.kind())) {
        return Ok(Account::default());
    }
    let authorization = reader.account_authorization_details().await?;
    let mut account = Account::default();
    for role in &authorization.roles {
        let name = role.role_name().unwrap_or_default().to_lowercase();
        let inline = role.role_policy_list().iter();
        let inline = inline.map(|policy| {
            let text = policy.policy_document().unwrap_or_default();
            (policy.policy_name().unwrap_or_default().to_owned(), document(text))
        });
        let managed = role.attached_managed_policies().iter().filter_map(|policy| policy.policy_arn());
        let boundary = role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
        let found = Role {
            inline: inline.collect(),
            managed: managed.map(str::to_owned).collect(),
            boundary: boundary.map(str::to_owned),
        };
        for profile in role.instance_profile_list() {
            account.profiles.insert(profile.instance_profile_name.to_lowercase(), name.clone());
        }
        account.roles.insert(name, found);
    }
    for policy in &authorization.policies {
        let version = policy.policy_version_list().iter().find(|version| version.is_default_version());
        if let (Some(arn), Some(text)) = (policy.arn(), version.and_then(|version| version.document())) {
            account.documents.insert(arn.to_owned(), document(text));
        }
    }
    Ok(account)
}

/// Tells whether instances come from what they may do to something else in this way, whoever they are.
fn moving(
    reader: &Reader,
    account: &Account,
    desired: &[Desired],
    live: &[(KindId, KindLive)],
    is_way: fn(&Powers, &Powers, &Scope) -> bool,
) -> bool {
    let scope = reader.scope();
    let access = Access::of_file(scope, account, desired, live);
    access.moves().iter().any(|way| {
        let powers = |after: bool| access.powers(way, &|_| after);
        !access.holding(None, way).is_empty() && is_way(&powers(false), &powers(true), scope)
    })
}

/// Tells whether an entry of the VSS package does something else to instances than what is live does: then their
/// systems matter.
fn is_moving(entry: &Desired, live: &[(KindId, KindLive)]) -> bool {
    let name = entry.fields.get("package_name").and_then(Value::as_str).unwrap_or_default();
    let found = live.iter().find_map(|(_, live)| live.found.get(&entry.address));
    is_package(name)
        && match found {
            Some(Found::Absent) => true,
            Some(Found::Live(live)) => ["package_name", "action", "version", "targets"].iter().any(|field| {
                let before = live.fields.get(*field).unwrap_or(&Value::Null);
                let is_same = |after: &Value| after == before || diff::is_empty(after) && diff::is_empty(before);
                entry.fields.get(*field).is_some_and(|after| !is_same(after))
            }),
            Some(Found::Unknown { .. } | Found::Ambiguous { .. }) | None => false,
        }
}

fn machines(
    instances: &[Instance],
    mut words: BTreeMap<String, Vec<PackageEvidence>>,
    agents: &BTreeMap<String, Agent>,
) -> Vec<Machine> {
    let is_there = |instance: &&Instance| !matches!(instance.state.as_str(), "terminated" | "shutting-down");
    let machine = |instance: &Instance| Machine {
        id: instance.id.clone(),
        name: instance.tags.get("Name").cloned().unwrap_or_default(),
        windows: instance.windows,
        running: instance.state == "running",
        offline: agents.get(&instance.id).is_some_and(|agent| agent.offline),
        tags: instance.tags.clone(),
        profile: instance.profile.as_deref().and_then(|arn| arn.rsplit('/').next()).map(str::to_owned),
        package: words.remove(&instance.id).and_then(|words| believed(&words).cloned()),
        system: agents.get(&instance.id).and_then(|agent| agent.system.clone()),
    };
    let is_there: Vec<&Instance> = instances.iter().filter(is_there).collect();
    is_there.into_iter().map(machine).collect()
}

/// Reads what is known of the package, by instance.
async fn words(
    reader: &Reader,
    instances: &[Instance],
    unread: &mut Vec<AwsError>,
) -> BTreeMap<String, Vec<PackageEvidence>> {
    let (backups, commands, associations) =
        tokio::join!(of_backups(reader, instances), of_commands(reader), of_associations(reader));
    let mut words: BTreeMap<String, Vec<PackageEvidence>> = BTreeMap::new();
    for read in [backups, commands, associations] {
        match read {
            Ok(read) => {
                for (instance, word) in read {
                    words.entry(instance).or_default().push(word);
                }
            }
            Err(error) => unread.push(error),
        }
    }
    words
}

/// What is known of packages, each with its instance.
pub(crate) type Words = Vec<(String, PackageEvidence)>;

fn evidence(installed: Installed, source: PackageSource, at: i64) -> PackageEvidence {
    PackageEvidence { installed, source, at: Moment::from_seconds(at) }
}

/// Reads what the tags of snapshots and images tell.
async fn of_backups(reader: &Reader, instances: &[Instance]) -> Result<Words, AwsError> {
    let (images, snapshots) = tokio::try_join!(reader.vss_images(), reader.vss_snapshots())?;
    let volumes: BTreeMap<&str, &str> = instances
        .iter()
        .flat_map(|instance| instance.volumes.iter().map(|(_, volume)| (volume.as_str(), instance.id.as_str())))
        .collect();
    let word = |instance: &str, tags: &BTreeMap<String, String>, at: Option<Timestamp>| {
        let word = evidence(of_backup(tags)?, PackageSource::SnapshotTag, at?.as_second());
        Some((instance.to_owned(), word))
    };
    let of_images = images.iter().filter_map(|image| {
        let resource = || image.tags.get("aws:backup:source-resource").and_then(|arn| arn.rsplit(['/', ':']).next());
        word(image.source_instance.as_deref().or_else(resource)?, &image.tags, image.created)
    });
    let of_snapshots = snapshots
        .iter()
        .filter_map(|snapshot| word(volumes.get(snapshot.volume.as_str())?, &snapshot.tags, snapshot.started));
    Ok(of_images.chain(of_snapshots).collect())
}

/// Reads what Run Commands that installed packages tell.
pub(crate) async fn of_commands(reader: &Reader) -> Result<Words, AwsError> {
    let invocations = reader.command_invocations(Invocations::Document(DOCUMENT)).await?;
    let succeeded = invocations.iter().filter(|one| one.status() == Some(&CommandInvocationStatus::Success));
    let word = succeeded.filter_map(|one| {
        let outputs: Vec<&str> = one.command_plugins().iter().filter_map(|plugin| plugin.output()).collect();
        let installed = of_output(&outputs.join("\n"))?;
        let ended = one.command_plugins().iter().filter_map(|plugin| plugin.response_finish_date_time()).max();
        let at = ended.or(one.requested_date_time())?.secs();
        Some((one.instance_id()?.to_owned(), evidence(installed, PackageSource::Installation, at)))
    });
    Ok(word.collect())
}

/// Reads what associations that install packages tell: how they ended on each instance, and the version that they
/// install.
pub(crate) async fn of_associations(reader: &Reader) -> Result<Words, AwsError> {
    let listed = reader.list_associations().await?;
    let installing = listed.iter().filter(|association| association.name() == Some(DOCUMENT));
    // In the order of the list, so that the same account always reports the same error.
    let reads = stream::iter(installing.map(|association| of_association_runs(reader, association)));
    let words: Vec<Words> = reads.buffered(ASSOCIATIONS).try_collect().await?;
    Ok(words.into_iter().flatten().collect())
}

/// Reads what the newest runs of one association tell.
async fn of_association_runs(reader: &Reader, association: &Association) -> Result<Words, AwsError> {
    let Some(id) = association.association_id() else { return Ok(Words::new()) };
    let described = reader.association(id).await?;
    let parameters = described.parameters().into_iter().flatten().collect::<BTreeMap<_, _>>();
    let parameters = json!(parameters);
    if of_association(&parameters, Moment::default()).is_none() {
        return Ok(Words::new());
    }
    let executions = reader.association_executions(id).await?;
    // An earlier version of the association may have installed something else.
    let current = executions.iter().filter(|one| one.association_version() == described.association_version());
    let targets = |execution: &AssociationExecution| {
        let execution = execution.execution_id().unwrap_or_default().to_owned();
        async move { reader.association_targets(id, &execution).await }
    };
    let mut found = Words::new();
    let read: Result<Vec<_>, AwsError> = join_all(current.take(EXECUTIONS).map(targets)).await.into_iter().collect();
    for target in read?.into_iter().flatten() {
        let at = target.last_execution_date().map(aws_sdk_ssm::primitives::DateTime::secs);
        let (Some("Success"), Some(instance), Some(at)) = (target.status(), target.resource_id(), at) else {
            continue;
        };
        let installed = of_association(&parameters, Moment::from_seconds(at));
        let word = installed.map(|installed| evidence(installed, PackageSource::Installation, at));
        found.extend(word.map(|word| (instance.to_owned(), word)));
    }
    Ok(found)
}
