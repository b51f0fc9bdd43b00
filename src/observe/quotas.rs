//! Finds the quotas that a plan goes beyond. How many there are is in the lists that the plan was made from; one more
//! call is made only where IAM's default quotas are not enough, and asks for the account's own.

use crate::aws::Reader;
use crate::model::{Action, KindId};
use crate::plan::Plan;
use crate::plan::quotas::{DEFAULTS, Most, Quota};

/// Finds the quotas that the plan goes beyond. Unknown is not exceeded: a list that could not be read finds none.
pub(super) async fn read(reader: &Reader, plan: &Plan) -> Vec<Quota> {
    let mut exceeded = Vec::new();
    for (kind, most) in DEFAULTS {
        let is_made = |change: &&crate::plan::Change| change.action == Action::Create && change.address.kind() == kind;
        let made = plan.changes.iter().filter(is_made).count();
        if made == 0 {
            continue;
        }
        let Some(used) = used(reader, kind).await else { continue };
        let quota = Quota { kind, used, most: Most::Default(most) };
        if quota.is_exceeded_by(made) {
            exceeded.push(Quota { most: own(reader, kind, most).await, ..quota });
        }
    }
    exceeded
}

/// Counts what the account has of a kind, or the region. The kind itself has read the list.
async fn used(reader: &Reader, kind: KindId) -> Option<usize> {
    match kind {
        KindId::Policy => Some(reader.account_authorization_details().await.ok()?.policies.len()),
        KindId::Role => Some(reader.account_authorization_details().await.ok()?.roles.len()),
        KindId::InstanceProfile => Some(reader.list_instance_profiles().await.ok()?.len()),
        KindId::Vault => Some(reader.list_backup_vaults().await.ok()?.len()),
        KindId::Plan => Some(reader.list_backup_plans().await.ok()?.len()),
        KindId::Attachment | KindId::Package | KindId::Selection | KindId::RestoreTest | KindId::RegionSettings => None,
    }
}

/// Asks IAM for the account's own quota. AWS Backup has no such call.
async fn own(reader: &Reader, kind: KindId, most: usize) -> Most {
    let member = match kind {
        KindId::Policy => "PoliciesQuota",
        KindId::Role => "RolesQuota",
        KindId::InstanceProfile => "InstanceProfilesQuota",
        KindId::Attachment
        | KindId::Package
        | KindId::Vault
        | KindId::Plan
        | KindId::Selection
        | KindId::RestoreTest
        | KindId::RegionSettings => return Most::Default(most),
    };
    match reader.account_summary().await {
        Ok(summary) => summary.get(member).map_or(Most::Default(most), |most| Most::Own(*most)),
        Err(error) => Most::Unread { most, action: error.action() },
    }
}
