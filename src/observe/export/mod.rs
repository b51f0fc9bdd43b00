//! Reads what is live for `export`: which resources the account has, those that are asked for, and what these use.
//!
//! The readers are those of a plan: each object gets an entry that stands for it, and its kind reads that entry.
//! Nothing is left out without a word.

mod candidates;
mod identity;
mod powers;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use serde_json::Value;

use crate::aws::{AwsError, Reader};
use crate::config::export::{Account, LeftOut, Resource};
use crate::kind::{Desired, Fields, Found, Owner};
use crate::kinds;
use crate::kinds::identity::ADOPTED_ID;
use crate::model::{Address, KindId};
use crate::vss::package::is_package;

use candidates::Candidate;

/// What is asked for.
#[derive(Clone, Debug)]
pub enum Asked {
    /// Everything that backs up Windows servers.
    All,
    /// These, by kind and AWS name or id.
    These(Vec<Name>),
}

/// A resource by its kind, and its AWS name or id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Its kind.
    pub kind: KindId,
    /// The name or id; of a selection, its plan's and its own with `.` between them.
    pub name: String,
}

/// Why there is nothing to export.
#[derive(Debug)]
pub enum ExportError {
    /// A list could not be read.
    Unread(AwsError),
    /// Nothing has a name; those that there are of its kind.
    NoSuch(Name, Vec<String>),
    /// Several have a name; their ids.
    Several(Name, Vec<String>),
}

impl From<AwsError> for ExportError {
    fn from(error: AwsError) -> Self {
        Self::Unread(error)
    }
}

/// Reads what is asked for.
///
/// # Errors
/// A list that is needed could not be read, or a name fits nothing or several resources. What one resource needs and
/// could not be read is among [`Account::unread`].
pub async fn read(reader: &Reader, asked: &Asked) -> Result<Account, ExportError> {
    let mut account = Account::new(reader.scope().clone());
    let listed = Box::pin(candidates::list(reader, asked)).await?;
    account.shared = candidates::shared(&listed);
    let chosen = match asked {
        Asked::All => candidates::all(listed, &mut account),
        Asked::These(names) => candidates::named(listed, names, &mut account)?,
    };
    let (iam, others): (Vec<Candidate>, Vec<Candidate>) = chosen.into_iter().partition(|one| is_of_iam(one.kind));
    take(reader, asked, others, &mut account).await;
    let iam = match asked {
        Asked::All => identity::used(reader, iam, &mut account).await?,
        Asked::These(_) => iam,
    };
    take(reader, asked, iam, &mut account).await;
    if account.resources.iter().any(|one| refers_by_name(one.kind)) {
        identity::arns(reader, &mut account).await?;
    }
    account.resources.sort_by_key(order);
    Ok(account)
}

fn order(resource: &Resource) -> (usize, String, String) {
    let id = resource.plan_id().map_or_else(|| resource.live.name.clone(), str::to_owned);
    (resource.kind.rank(), id, resource.live.name.clone())
}

fn is_of_iam(kind: KindId) -> bool {
    kinds::of(kind).iam_resource().is_some()
}

/// Tells whether live resources of a kind name others by a name that tells no ARN.
fn refers_by_name(kind: KindId) -> bool {
    kind == KindId::InstanceProfile
}

/// Reads the chosen resources, and takes those that are nobody's or the stack's.
async fn take(reader: &Reader, asked: &Asked, chosen: Vec<Candidate>, account: &mut Account) {
    let entries = stand_ins(&chosen);
    let desired: Vec<Desired> = entries.iter().map(|(entry, _)| entry.clone()).collect();
    let involved: BTreeSet<KindId> = desired.iter().map(|entry| entry.address.kind()).collect();
    let read = join_all(involved.iter().map(|kind| kinds::of(*kind).refresh(reader, &desired))).await;
    let mut found: BTreeMap<Address, Found> = read.into_iter().flat_map(|read| read.found).collect();
    for (entry, candidate) in entries {
        let title = candidate.title();
        match found.remove(&entry.address) {
            Some(Found::Live(live)) => {
                let resource = Resource {
                    kind: candidate.kind,
                    live: *live,
                    id: candidate.id.clone(),
                    overrides: BTreeMap::new(),
                };
                if let Some(why) = strange(asked, &resource) {
                    account.left_out.push(LeftOut { what: title, why, is_gap: matches!(asked, Asked::These(_)) });
                } else {
                    account.resources.push(resource);
                }
            }
            Some(Found::Unknown { action, message }) => {
                account.unread.push(format!("{title} could not be read: {message}; allow `{action}` to the caller"));
            }
            Some(Found::Ambiguous { ids }) => {
                let why = format!("several resources have its name: {}", ids.join(", "));
                account.left_out.push(LeftOut { what: title, why, is_gap: true });
            }
            Some(Found::Absent) | None => {
                let why = "it was deleted while it was read".to_owned();
                account.left_out.push(LeftOut { what: title, why, is_gap: true });
            }
        }
    }
    orphaned(account);
    for resource in account.resources.iter_mut().filter(|one| one.kind == KindId::RestoreTest) {
        match overrides(reader, &resource.live.name).await {
            Ok(overrides) => resource.overrides = overrides,
            Err(error) => account.unread.push(format!(
                "the overrides of the restore testing plan `{}` could not be read: {}",
                resource.live.name,
                error.reason()
            )),
        }
    }
}

/// Leaves out selections whose plan is left out.
fn orphaned(account: &mut Account) {
    let plans: BTreeSet<String> =
        account.resources.iter().filter(|one| one.kind == KindId::Plan).map(|one| one.id.clone()).collect();
    account.resources.retain(|one| one.plan_id().is_none_or(|plan| plans.contains(plan)));
}

/// Says why a resource is not exported that was read: it is somebody else's, or has nothing to do with VSS.
fn strange(asked: &Asked, resource: &Resource) -> Option<String> {
    let is_all = matches!(asked, Asked::All);
    match &resource.live.owner {
        Owner::Stack(stack) => return Some(format!("it belongs to the stack `{stack}`")),
        Owner::Aws => return Some("it is AWS's own".to_owned()),
        // Who names it takes it over from its stack, with consent.
        Owner::CloudFormation(stack) if is_all => {
            return Some(format!("the CloudFormation stack `{stack}` made it; name it to take it over"));
        }
        Owner::CloudFormation(_) | Owner::Ours(_) | Owner::Nobody | Owner::Parent => {}
    }
    let package = resource.live.fields.get("package_name").and_then(Value::as_str).unwrap_or_default();
    let is_other = is_all && resource.kind == KindId::Package && !is_package(package);
    is_other.then(|| format!("it is about the package `{package}`; name it to export it"))
}

/// Makes the entries that stand for what is read. What the kinds read only for entries that declare it is declared.
fn stand_ins(chosen: &[Candidate]) -> Vec<(Desired, &Candidate)> {
    let plans: BTreeMap<&str, usize> = chosen
        .iter()
        .enumerate()
        .filter(|(_, one)| one.kind == KindId::Plan)
        .map(|(index, one)| (one.id.as_str(), index))
        .collect();
    let stand_in = |(index, one): (usize, &Candidate)| {
        let key = match (one.kind, one.plan.as_deref().and_then(|plan| plans.get(plan))) {
            (KindId::RegionSettings, _) => String::new(),
            (_, Some(plan)) => format!("n{plan}.n{index}"),
            (_, None) => format!("n{index}"),
        };
        let mut options = Fields::new();
        if matches!(one.kind, KindId::Plan | KindId::Package) {
            options.insert(ADOPTED_ID.to_owned(), one.id.as_str().into());
        }
        Desired {
            address: Address::new(one.kind, key),
            name: one.name.clone(),
            fields: one.declared(),
            options,
            references: Vec::new(),
            adopt: false,
            protect: false,
            renamed_from: None,
            location: None,
        }
    };
    chosen.iter().enumerate().map(|(index, one)| (stand_in((index, one)), one)).collect()
}

/// Reads what the selections of a restore testing plan restore with: a normal form has its hash alone.
async fn overrides(reader: &Reader, plan: &str) -> Result<BTreeMap<String, BTreeMap<String, String>>, AwsError> {
    let mut found = BTreeMap::new();
    for listed in reader.list_restore_testing_selections(plan).await?.iter() {
        let name = &listed.restore_testing_selection_name;
        let selection = reader.restore_testing_selection(plan, name).await?;
        let own = selection.restore_metadata_overrides().into_iter().flatten();
        let own: BTreeMap<String, String> = own.map(|(key, value)| (key.clone(), value.clone())).collect();
        if !own.is_empty() {
            found.insert(name.clone(), own);
        }
    }
    Ok(found)
}
