//! What the lists of the account tell: each object that an entry could stand for, and which of them are meant.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_backup::types::VaultType;
use serde_json::{Value, json};

use super::{Asked, ExportError, Name};
use crate::aws::{AwsError, Reader};
use crate::config::export::{Account, LeftOut};
use crate::kind::Fields;
use crate::kinds;
use crate::kinds::package::DOCUMENT;
use crate::model::KindId;

/// One object of a list.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) kind: KindId,
    /// The AWS name; of an attachment, the profile's.
    pub(super) name: String,
    /// AWS's id; where it has none, the name.
    pub(super) id: String,
    /// Of a selection, the id of its plan.
    pub(super) plan: Option<String>,
    /// Why nobody can have it in a file.
    pub(super) closed: Option<String>,
    /// Of an attachment and of the region's settings, what is declared to read it.
    pub(super) fields: Fields,
}

impl Candidate {
    pub(super) fn new(kind: KindId, name: &str, id: &str) -> Self {
        let (name, id) = (name.to_owned(), id.to_owned());
        Self { kind, name, id, plan: None, closed: None, fields: Fields::new() }
    }

    /// Names it in messages.
    pub(super) fn title(&self) -> String {
        let title = kinds::of(self.kind).title();
        match self.kind {
            KindId::RegionSettings => title.to_owned(),
            KindId::Package if self.name.is_empty() => format!("association `{}`", self.id),
            KindId::Package => format!("association `{}`", self.name),
            _ => format!("{title} `{}`", self.name),
        }
    }

    /// Returns the fields of which the kinds read only what an entry declares.
    pub(super) fn declared(&self) -> Fields {
        let names: &[&str] = match self.kind {
            KindId::Role => &["description", "max_session_duration"],
            KindId::Policy => &["description"],
            KindId::Vault => &["access_policy", "notifications"],
            KindId::InstanceProfile
            | KindId::Plan
            | KindId::Selection
            | KindId::RestoreTest
            | KindId::Package
            | KindId::Attachment
            | KindId::RegionSettings => &[],
        };
        let mut fields = self.fields.clone();
        fields.extend(names.iter().map(|name| ((*name).to_owned(), Value::Null)));
        fields
    }
}

/// Reads the lists that have to do with what is asked for.
pub(super) async fn list(reader: &Reader, asked: &Asked) -> Result<Vec<Candidate>, AwsError> {
    let wanted: BTreeSet<KindId> = match asked {
        // Instances come and go: which of them carry a profile is exported by name alone.
        Asked::All => KindId::ALL.into_iter().filter(|kind| *kind != KindId::Attachment).collect(),
        Asked::These(names) => names.iter().map(|name| name.kind).collect(),
    };
    let wants = |kind: KindId| wanted.contains(&kind);
    let (vaults, plans, tests, associations, settings, iam, attachments) = tokio::try_join!(
        when(wants(KindId::Vault), vaults(reader)),
        when(wants(KindId::Plan) || wants(KindId::Selection), plans(reader)),
        when(wants(KindId::RestoreTest), restore_tests(reader)),
        when(wants(KindId::Package), associations(reader)),
        when(wants(KindId::RegionSettings), region_settings(reader)),
        when(wanted.iter().any(|kind| super::is_of_iam(*kind)), iam(reader)),
        when(wants(KindId::Attachment), attachments(reader)),
    )?;
    let lists = [vaults, plans, tests, associations, settings, iam, attachments];
    Ok(lists.into_iter().flatten().collect())
}

async fn when(
    is_wanted: bool,
    list: impl Future<Output = Result<Vec<Candidate>, AwsError>>,
) -> Result<Vec<Candidate>, AwsError> {
    if is_wanted { list.await } else { Ok(Vec::new()) }
}

async fn vaults(reader: &Reader) -> Result<Vec<Candidate>, AwsError> {
    let vaults = reader.list_backup_vaults().await?;
    let candidates = vaults.iter().map(|vault| {
        let name = vault.backup_vault_name().unwrap_or_default();
        let closed = match vault.vault_type() {
            _ if name.starts_with("aws/") => Some("AWS made it for a service of its own".to_owned()),
            None | Some(VaultType::BackupVault) => None,
            Some(other) => Some(format!("the file has no kind for vaults of the type `{}`", other.as_str())),
        };
        Candidate { closed, ..Candidate::new(KindId::Vault, name, name) }
    });
    Ok(candidates.collect())
}

async fn plans(reader: &Reader) -> Result<Vec<Candidate>, AwsError> {
    let mut found = Vec::new();
    for plan in reader.list_backup_plans().await?.iter() {
        let (id, name) = (plan.backup_plan_id().unwrap_or_default(), plan.backup_plan_name().unwrap_or_default());
        let closed = if plan.backup_plan_arn().unwrap_or_default().contains(":backup-plan:orgs/") {
            Some("AWS Organizations made it".to_owned())
        } else if name.starts_with("aws/") {
            Some("AWS made it for a service of its own".to_owned())
        } else {
            None
        };
        let is_closed = closed.is_some();
        found.push(Candidate { closed, ..Candidate::new(KindId::Plan, name, id) });
        if is_closed {
            continue;
        }
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        let selections = reader.list_backup_selections(id).await?;
        for selection in selections.iter() {
            let (own, name) =
                (selection.selection_id().unwrap_or_default(), selection.selection_name().unwrap_or_default());
            let count = names.entry(name).or_default();
            *count += 1;
            let closed = (*count > 1).then(|| format!("another selection of the plan `{id}` has its name"));
            let candidate = Candidate::new(KindId::Selection, name, own);
            found.push(Candidate { plan: Some(id.to_owned()), closed, ..candidate });
        }
    }
    Ok(found)
}

async fn restore_tests(reader: &Reader) -> Result<Vec<Candidate>, AwsError> {
    let plans = reader.list_restore_testing_plans().await?;
    let candidate = |name: &str| Candidate::new(KindId::RestoreTest, name, name);
    Ok(plans.iter().map(|plan| candidate(&plan.restore_testing_plan_name)).collect())
}

async fn associations(reader: &Reader) -> Result<Vec<Candidate>, AwsError> {
    let listed = reader.list_associations().await?;
    let ours = listed.iter().filter(|one| one.name() == Some(DOCUMENT));
    let candidates = ours.map(|one| {
        let id = one.association_id().unwrap_or_default();
        Candidate::new(KindId::Package, one.association_name().unwrap_or_default(), id)
    });
    Ok(candidates.collect())
}

async fn region_settings(reader: &Reader) -> Result<Vec<Candidate>, AwsError> {
    let settings = reader.region_settings().await?;
    let fields = json!({
        "resource_type_opt_in": settings.opt_in,
        "resource_type_management": settings.management,
    });
    let fields = fields.as_object().cloned().unwrap_or_default();
    Ok(vec![Candidate { fields, ..Candidate::new(KindId::RegionSettings, "", "") }])
}

async fn iam(reader: &Reader) -> Result<Vec<Candidate>, AwsError> {
    let (authorization, profiles) =
        tokio::try_join!(reader.account_authorization_details(), reader.list_instance_profiles())?;
    let roles = authorization.roles.iter().map(|role| {
        let (name, path) = (role.role_name().unwrap_or_default(), role.path().unwrap_or("/"));
        let is_linked = path.starts_with("/aws-service-role/");
        let closed = is_linked.then(|| "it is a service-linked role, which its service makes".to_owned());
        Candidate { closed, ..Candidate::new(KindId::Role, name, role.arn().unwrap_or(name)) }
    });
    let policies = authorization.policies.iter().map(|policy| {
        let name = policy.policy_name().unwrap_or_default();
        Candidate::new(KindId::Policy, name, policy.arn().unwrap_or(name))
    });
    let profiles = profiles
        .iter()
        .map(|profile| Candidate::new(KindId::InstanceProfile, &profile.instance_profile_name, &profile.arn));
    Ok(roles.chain(policies).chain(profiles).collect())
}

async fn attachments(reader: &Reader) -> Result<Vec<Candidate>, AwsError> {
    let associations = reader.profile_associations().await?;
    let mut by_profile: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in associations.iter().filter(|one| !one.state.starts_with("disassociat")) {
        by_profile.entry(&one.profile).or_default().push(&one.instance);
    }
    let candidates = by_profile.into_iter().map(|(profile, mut instances)| {
        instances.sort_unstable();
        let fields = json!({ "instance_profile": profile, "targets": { "InstanceIds": instances } });
        let fields = fields.as_object().cloned().unwrap_or_default();
        let name = profile.rsplit('/').next().unwrap_or(profile);
        Candidate { fields, ..Candidate::new(KindId::Attachment, name, profile) }
    });
    Ok(candidates.collect())
}

/// Finds the ids of plans and associations whose name another one has too.
pub(super) fn shared(listed: &[Candidate]) -> BTreeSet<String> {
    let mut by_name: BTreeMap<(KindId, &str), Vec<&str>> = BTreeMap::new();
    for one in listed.iter().filter(|one| matches!(one.kind, KindId::Plan | KindId::Package)) {
        by_name.entry((one.kind, &one.name)).or_default().push(&one.id);
    }
    let shared = by_name.into_values().filter(|ids| ids.len() > 1).flatten();
    shared.map(str::to_owned).collect()
}

/// Chooses everything that a file could have. What of IAM it is follows from what is exported.
pub(super) fn all(listed: Vec<Candidate>, account: &mut Account) -> Vec<Candidate> {
    let (open, closed): (Vec<_>, Vec<_>) = listed.into_iter().partition(|one| one.closed.is_none());
    for one in closed {
        let is_gap = one.kind == KindId::Selection;
        account.left_out.push(LeftOut { what: one.title(), why: one.closed.unwrap_or_default(), is_gap });
    }
    open
}

/// Chooses what is named. A plan brings its selections, and a selection the whole plan that it is in.
pub(super) fn named(
    listed: Vec<Candidate>,
    names: &[Name],
    account: &mut Account,
) -> Result<Vec<Candidate>, ExportError> {
    let mut chosen: BTreeSet<usize> = BTreeSet::new();
    for name in names {
        let fitting = fitting(&listed, name);
        match fitting.as_slice() {
            [] => {
                let of_kind = listed.iter().filter(|one| one.kind == name.kind);
                return Err(ExportError::NoSuch(name.clone(), of_kind.map(|one| full_name(&listed, one)).collect()));
            }
            [one] => chosen.extend([*one]),
            several => {
                let ids = several.iter().map(|index| listed[*index].id.clone()).collect();
                return Err(ExportError::Several(name.clone(), ids));
            }
        }
    }
    let plans: BTreeSet<String> = chosen
        .iter()
        .filter_map(|index| match listed[*index].kind {
            KindId::Plan => Some(listed[*index].id.clone()),
            _ => listed[*index].plan.clone(),
        })
        .collect();
    let is_meant = |(index, one): &(usize, Candidate)| {
        let of_plan = one.kind == KindId::Plan && plans.contains(&one.id);
        chosen.contains(index) || of_plan || one.plan.as_ref().is_some_and(|plan| plans.contains(plan))
    };
    let meant: Vec<Candidate> =
        listed.into_iter().enumerate().filter(is_meant).map(|(_, candidate)| candidate).collect();
    let (open, closed): (Vec<_>, Vec<_>) = meant.into_iter().partition(|one| one.closed.is_none());
    for one in closed {
        account.left_out.push(LeftOut { what: one.title(), why: one.closed.unwrap_or_default(), is_gap: true });
    }
    Ok(open)
}

/// Finds what a name fits: by the id, else by the name.
fn fitting(listed: &[Candidate], name: &Name) -> Vec<usize> {
    let of_kind = || listed.iter().enumerate().filter(|(_, one)| one.kind == name.kind);
    let folds = kinds::of(name.kind).ignores_case_of_names();
    let is_name = |own: &str| if folds { own.eq_ignore_ascii_case(&name.name) } else { own == name.name };
    let by_id: Vec<usize> =
        of_kind().filter(|(_, one)| one.id == name.name && !one.id.is_empty()).map(|(index, _)| index).collect();
    if !by_id.is_empty() {
        return by_id;
    }
    let by_name = of_kind().filter(|(_, one)| match &one.plan {
        None => is_name(&one.name),
        // `PLAN.NAME`, where both may hold dots.
        Some(plan) => listed.iter().any(|parent| {
            let is_parent = parent.kind == KindId::Plan && parent.id == *plan;
            is_parent && [&parent.name, plan].into_iter().any(|first| is_name(&format!("{first}.{}", one.name)))
        }),
    });
    by_name.map(|(index, _)| index).collect()
}

/// Returns the name by which a candidate can be asked for.
fn full_name(listed: &[Candidate], one: &Candidate) -> String {
    let parent = listed.iter().find(|other| other.kind == KindId::Plan && Some(&other.id) == one.plan.as_ref());
    let own = if one.name.is_empty() { &one.id } else { &one.name };
    match (one.kind, parent) {
        (KindId::RegionSettings, _) => one.kind.name().to_owned(),
        (kind, Some(parent)) => format!("{kind}.{}.{own}", parent.name),
        (kind, None) => format!("{kind}.{own}"),
    }
}
