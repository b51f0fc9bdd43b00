//! Looks up what a plan names outside the file. Roles, policies, instance profiles and vaults are in the lists that the
//! plan was made from, so that only keys cost a call, each one, and each other region that copies go to.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use crate::aws::{AwsError, Reader};
use crate::kind::Desired;
use crate::kind::reference::{Sort, name_of};
use crate::kinds::live_form::document;
use crate::model::Address;
use crate::plan::Plan;
use crate::plan::references::{Entries, Standing, Standings, named_outside, region_of};

/// So many letters may a name differ from the one that was meant.
const SLIPS: usize = 2;

/// Looks up each object once that the changes of a plan bring in.
pub(super) async fn look_up(reader: &Reader, desired: &[Desired], plan: &Plan) -> Standings {
    let mut wanted: BTreeSet<(Sort, String)> = BTreeSet::new();
    let by_address: BTreeMap<&Address, &Desired> = desired.iter().map(|entry| (&entry.address, entry)).collect();
    let all = Entries::new(desired);
    for change in &plan.changes {
        if let Some(entry) = by_address.get(&change.address) {
            let named = named_outside(reader.scope(), &all, entry, change.action, &change.fields);
            wanted.extend(named.into_iter().map(|reference| (reference.sort, reference.id)));
        }
    }
    let looked = wanted.into_iter().map(|(sort, id)| async move {
        let standing = standing(reader, sort, &id).await.unwrap_or_else(|error| Standing::Unread {
            action: error.action(),
            message: error.code.clone().unwrap_or_else(|| error.reason()),
        });
        ((sort, id), standing)
    });
    join_all(looked).await.into_iter().collect()
}

async fn standing(reader: &Reader, sort: Sort, id: &str) -> Result<Standing, AwsError> {
    let known: Vec<String> = match sort {
        Sort::Role => {
            let account = reader.account_authorization_details().await?;
            let known: Vec<String> = account.roles.iter().filter_map(|role| role.arn.clone()).collect();
            let trust = account.roles.iter().find(|role| role.arn.as_deref() == Some(id));
            let trust = trust.and_then(|role| role.assume_role_policy_document()).map(document);
            return Ok(match (among(&known, sort, id), trust) {
                (Standing::Exists, Some(trust)) => Standing::Role(trust),
                (standing, _) => standing,
            });
        }
        Sort::Policy => {
            let account = reader.account_authorization_details().await?;
            account.policies.iter().filter_map(|policy| policy.arn.clone()).collect()
        }
        Sort::InstanceProfile => {
            reader.list_instance_profiles().await?.iter().map(|profile| profile.arn.clone()).collect()
        }
        Sort::Vault => {
            let region = region_of(reader.scope(), id).unwrap_or(&reader.scope().region);
            reader
                .list_backup_vaults_of(region)
                .await?
                .iter()
                .filter_map(|vault| vault.backup_vault_arn.clone())
                .collect()
        }
        Sort::Key => {
            return match reader.key(id).await {
                Ok(_) => Ok(Standing::Exists),
                Err(error) if error.is_not_found() => Ok(Standing::Missing { nearest: None }),
                Err(error) => Err(error),
            };
        }
    };
    Ok(among(&known, sort, id))
}

/// Finds an ARN or a name among ARNs.
fn among(known: &[String], sort: Sort, id: &str) -> Standing {
    let is_arn = id.starts_with("arn:");
    let shown = |arn: &'_ String| if is_arn { arn.clone() } else { name_in(arn, sort).to_owned() };
    let is_it = |arn: &String| {
        let own = shown(arn);
        // IAM takes names that differ in case only for the same; an ARN has to be spelled as IAM spells it.
        if sort == Sort::Vault || is_arn { own == id } else { own.eq_ignore_ascii_case(id) }
    };
    if known.iter().any(is_it) {
        return Standing::Exists;
    }
    // A role under another path has the same name, and another ARN.
    let wanted = name_of(id).to_lowercase();
    let distance = |arn: &String| strsim::damerau_levenshtein(&name_in(arn, sort).to_lowercase(), &wanted);
    let near = known.iter().map(|arn| (distance(arn), arn)).filter(|(distance, _)| *distance <= SLIPS);
    Standing::Missing { nearest: near.min().map(|(_, arn)| shown(arn)) }
}

/// Returns the name in an ARN. Those of vaults that AWS makes have slashes in them.
fn name_in(arn: &str, sort: Sort) -> &str {
    if sort == Sort::Vault { arn.rsplit(':').next().unwrap_or(arn) } else { name_of(arn) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_the_nearest_name() {
        let known = ["arn:aws:iam::123456789012:role/service-role/Backup", "arn:aws:iam::123456789012:role/Other"];
        let known = known.map(str::to_owned);
        let nearest = |id: &str| match among(&known, Sort::Role, id) {
            Standing::Missing { nearest } => nearest,
            other => panic!("{id}: {other:?}"),
        };
        assert_eq!(among(&known, Sort::Role, &known[0]), Standing::Exists);
        assert_eq!(among(&known, Sort::Role, "other"), Standing::Exists);
        assert_eq!(nearest("arn:aws:iam::123456789012:role/Backup"), Some(known[0].clone()));
        assert_eq!(nearest("Bakup"), Some("Backup".to_owned()));
        assert_eq!(nearest("arn:aws:iam::123456789012:role/service-role/backup"), Some(known[0].clone()));
        assert_eq!(nearest("arn:aws:iam::123456789012:role/Nothing"), None);
        let vaults = ["arn:aws:backup:us-east-1:123456789012:backup-vault:aws/efs/automatic-backup-vault".to_owned()];
        assert_eq!(among(&vaults, Sort::Vault, "aws/efs/automatic-backup-vault"), Standing::Exists);
        assert_eq!(among(&vaults, Sort::Vault, "automatic-backup-vault"), Standing::Missing { nearest: None });
    }
}
