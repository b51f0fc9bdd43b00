//! The inputs of an on-demand backup: the instance, the vault, the role and the retention.

use std::collections::BTreeSet;

use serde_json::Value;

use super::entries;
use crate::kind::Desired;
use crate::kind::value::text;
use crate::model::{KindId, Scope};
use crate::vss::evidence::Instance;

/// Why a backup cannot be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// No instance has the id or name.
    #[error("there is no instance `{wanted}` in {region}")]
    NoInstance {
        /// The id or name.
        wanted: String,
        /// The region that was looked in.
        region: String,
        /// The most similar name, if one is similar enough.
        near: Option<String>,
    },
    /// Several instances have the name.
    #[error("{} instances are called `{wanted}`: {}", ids.len(), ids.join(", "))]
    SeveralInstances {
        /// The name.
        wanted: String,
        /// Their ids.
        ids: Vec<String>,
    },
    /// The instance does not run Windows, and only Windows has VSS.
    #[error("`{title}` does not run Windows, and VSS is Windows's")]
    NotWindows {
        /// The instance.
        title: String,
    },
    /// The file does not say which vault or role.
    #[error("the file does not say which {what} an on-demand backup takes{}", among(candidates))]
    Unclear {
        /// `vault` or `role`.
        what: &'static str,
        /// The vaults or roles that the file has.
        candidates: Vec<String>,
    },
}

fn among(candidates: &[String]) -> String {
    if candidates.is_empty() { String::new() } else { format!(": it has {}", candidates.join(", ")) }
}

impl OrderError {
    /// Returns what to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoInstance { near: Some(near), .. } => format!("did you mean `{near}`?"),
            Self::NoInstance { .. } => "give an instance id or the value of a `Name` tag".to_owned(),
            Self::SeveralInstances { .. } => "give the id of the one that is meant".to_owned(),
            Self::NotWindows { .. } => "AWS Backup takes a regular backup of it with any plan".to_owned(),
            Self::Unclear { what, .. } => format!("name it with `--{what}`"),
        }
    }
}

/// Finds the instance with an id or the tag `Name`.
///
/// # Errors
/// When there is none, when several have the name, and when it does not run Windows.
pub fn instance<'a>(instances: &'a [Instance], wanted: &str, region: &str) -> Result<&'a Instance, OrderError> {
    let living = || instances.iter().filter(|one| !matches!(one.state.as_str(), "terminated" | "shutting-down"));
    let found: Vec<&Instance> = living().filter(|one| one.id == wanted || one.name == wanted).collect();
    let found = match found[..] {
        [one] => one,
        [] => {
            let likeness = |one: &Instance| strsim::jaro_winkler(&one.name.to_lowercase(), &wanted.to_lowercase());
            let near = living().max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
            let near = near.filter(|one| likeness(one) > 0.85).map(|one| one.name.clone());
            return Err(OrderError::NoInstance { wanted: wanted.to_owned(), region: region.to_owned(), near });
        }
        _ => {
            let ids = found.iter().map(|one| one.id.clone()).collect();
            return Err(OrderError::SeveralInstances { wanted: wanted.to_owned(), ids });
        }
    };
    if found.windows { Ok(found) } else { Err(OrderError::NotWindows { title: found.title() }) }
}

fn rules(desired: &[Desired]) -> impl Iterator<Item = &Value> {
    entries(desired, KindId::Plan)
        .filter_map(|plan| plan.fields.get("rule")?.as_object())
        .flat_map(|rules| rules.values())
}

/// Chooses the vault: the one that was named, else the only one that the file's rules or the file have.
///
/// # Errors
/// When there are none or several.
pub fn vault(desired: &[Desired], named: Option<&str>) -> Result<String, OrderError> {
    if let Some(named) = named {
        let entry = entries(desired, KindId::Vault).find(|entry| entry.address.to_string() == format!("vault.{named}"));
        return Ok(entry.map_or_else(|| named.to_owned(), |entry| entry.name.clone()));
    }
    let of_rules: BTreeSet<String> =
        rules(desired).filter_map(|rule| rule.get("vault")?.as_str()).map(str::to_owned).collect();
    let all: BTreeSet<String> = entries(desired, KindId::Vault).map(|entry| entry.name.clone()).collect();
    only("vault", if of_rules.is_empty() { all } else { of_rules })
}

fn only(what: &'static str, candidates: BTreeSet<String>) -> Result<String, OrderError> {
    let mut candidates: Vec<String> = candidates.into_iter().collect();
    match (candidates.pop(), candidates.len()) {
        (Some(one), 0) => Ok(one),
        (last, _) => {
            candidates.extend(last);
            Err(OrderError::Unclear { what, candidates })
        }
    }
}

/// The role with which AWS Backup makes the backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackupRole {
    /// Its ARN.
    Arn(String),
    /// The name of a role that the file does not have: only IAM knows its path.
    Name(String),
}

/// Chooses the backup role: the one that was named (a role of the file, any role's name, or an ARN), else the only one
/// that the file's selections have.
///
/// # Errors
/// When there are none or several.
pub fn role(scope: &Scope, desired: &[Desired], named: Option<&str>) -> Result<BackupRole, OrderError> {
    if let Some(named) = named {
        if named.starts_with("arn:") {
            return Ok(BackupRole::Arn(named.to_owned()));
        }
        let is_meant = |entry: &&Desired| entry.name == named || entry.address.to_string() == format!("role.{named}");
        return Ok(match entries(desired, KindId::Role).find(is_meant) {
            Some(entry) => BackupRole::Arn(role_arn(scope, entry)),
            None => BackupRole::Name(named.to_owned()),
        });
    }
    let of_selections = entries(desired, KindId::Selection).map(|entry| text(&entry.fields, "role").to_owned());
    only("role", of_selections.filter(|role| !role.is_empty()).collect()).map(BackupRole::Arn)
}

fn role_arn(scope: &Scope, entry: &Desired) -> String {
    let path = Some(text(&entry.fields, "path")).filter(|path| !path.is_empty());
    scope.iam_arn("role", path.unwrap_or(&scope.iam_path), &entry.name)
}

/// Returns how many days a backup in a vault is kept: the longest retention that the file's rules have for the vault.
/// `None` means for ever.
pub fn retention(desired: &[Desired], vault: &str) -> Option<u32> {
    let of_vault = rules(desired).filter(|rule| rule.get("vault").and_then(Value::as_str) == Some(vault));
    let days = of_vault.map(|rule| {
        let kept = rule.get("delete_after").and_then(Value::as_str)?;
        crate::model::duration::days::parse(kept).ok()
    });
    // A rule without a retention keeps its backups for ever, and that is the longest.
    days.collect::<Option<Vec<u32>>>()?.into_iter().max()
}
