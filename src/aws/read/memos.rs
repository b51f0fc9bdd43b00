//! What a client has read, each answer once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_backup::operation::get_backup_plan::GetBackupPlanOutput;
use aws_sdk_backup::types::{
    BackupJob, BackupPlansListMember, BackupSelection, BackupSelectionsListMember, BackupVaultListMember, CopyJob,
};
use aws_sdk_iam::types::{InstanceProfile, Policy, Role};
use aws_sdk_ssm::types::{Association, AssociationDescription, Command, InstanceInformation};

use super::{Authorization, RegionSettings, Tags, TagsByArn, VaultNotifications, restore_testing};
use crate::aws::memo::Memo;
use crate::aws::unmodelled::Answered;
use crate::aws::{Caller, Image, Instance, Key, ProfileAssociation, RouteTable, Snapshot, Volume, VpcEndpoint};

/// The answers, by what was asked.
#[derive(Debug, Default)]
pub(super) struct Memos {
    pub(super) caller: Memo<Caller>,
    pub(super) authorization: Memo<Arc<Authorization>>,
    pub(super) summary: Memo<Arc<BTreeMap<String, usize>>>,
    pub(super) roles: Memo<Arc<Vec<Role>>>,
    pub(super) role: Memo<Arc<Role>>,
    pub(super) profile: Memo<Arc<InstanceProfile>>,
    pub(super) profiles: Memo<Arc<Vec<InstanceProfile>>>,
    pub(super) policies: Memo<Arc<Policy>>,
    pub(super) tags: Memo<Arc<Tags>>,
    pub(super) index: Memo<Arc<TagsByArn>>,
    pub(super) vaults: Memo<Arc<Vec<Answered<BackupVaultListMember>>>>,
    pub(super) access_policies: Memo<Option<String>>,
    pub(super) notifications: Memo<Option<VaultNotifications>>,
    pub(super) plans: Memo<Arc<Vec<BackupPlansListMember>>>,
    pub(super) plan: Memo<Arc<Answered<GetBackupPlanOutput>>>,
    pub(super) selections: Memo<Arc<Vec<BackupSelectionsListMember>>>,
    pub(super) selection: Memo<Arc<Answered<BackupSelection>>>,
    pub(super) settings: Memo<Arc<RegionSettings>>,
    pub(super) restore_testing: restore_testing::Memos,
    pub(super) associations: Memo<Arc<Vec<Association>>>,
    pub(super) association: Memo<Arc<Answered<AssociationDescription>>>,
    pub(super) commands: Memo<Arc<Vec<Command>>>,
    pub(super) jobs: Memo<Arc<Vec<BackupJob>>>,
    pub(super) copies: Memo<Arc<Vec<CopyJob>>>,
    pub(super) information: Memo<Arc<Vec<InstanceInformation>>>,
    pub(super) policy_documents: Memo<String>,
    pub(super) instances: Memo<Arc<Vec<Instance>>>,
    pub(super) profile_associations: Memo<Arc<Vec<ProfileAssociation>>>,
    pub(super) images: Memo<Arc<Vec<Image>>>,
    pub(super) snapshots: Memo<Arc<Vec<Snapshot>>>,
    pub(super) vpc_endpoints: Memo<Arc<Vec<VpcEndpoint>>>,
    pub(super) route_tables: Memo<Arc<Vec<RouteTable>>>,
    pub(super) volumes: Memo<Arc<Vec<Volume>>>,
    pub(super) keys: Memo<Arc<Key>>,
    pub(super) key_policies: Memo<String>,
}

/// What of all that was read may be out of date.
#[derive(Clone, Debug, Default)]
pub struct Stale {
    /// The services that were written to, by their IAM prefixes.
    pub services: BTreeSet<&'static str>,
    /// The ARNs of what was written to, where they are few and all known: their tags are then read one by one, and the
    /// index of tags, which may have many pages, is not read again.
    pub arns: Option<BTreeSet<String>>,
    /// The ids of the backup plans whose selections may be others.
    pub plans: BTreeSet<String>,
}

impl Memos {
    /// Keeps what is not out of date.
    pub(super) fn without(&self, stale: &Stale) -> Self {
        let has = |service: &str| stale.services.contains(service);
        let (iam, backup, ssm, ec2) = (has("iam"), has("backup"), has("ssm"), has("ec2"));
        macro_rules! kept {
            ($is_stale:expr, $memo:ident) => {
                if $is_stale { Memo::default() } else { self.$memo.kept() }
            };
        }
        let index = match (&stale.arns, self.index.known("region"), iam) {
            (Some(arns), Some(tags), false) => {
                let tags = tags.iter().filter(|(arn, _)| !arns.contains(*arn));
                let index = Memo::of("region", Arc::new(tags.map(|(arn, tags)| (arn.clone(), tags.clone())).collect()));
                match self.index.known("iam") {
                    Some(tags) => index.and("iam", tags),
                    None => index,
                }
            }
            _ => Memo::default(),
        };
        Self {
            caller: self.caller.kept(),
            authorization: kept!(iam, authorization),
            summary: kept!(iam, summary),
            roles: kept!(iam, roles),
            role: kept!(iam, role),
            profile: kept!(iam, profile),
            profiles: kept!(iam, profiles),
            policies: kept!(iam, policies),
            policy_documents: kept!(iam, policy_documents),
            tags: Memo::default(),
            index,
            vaults: kept!(backup, vaults),
            access_policies: kept!(backup, access_policies),
            notifications: kept!(backup, notifications),
            plans: kept!(backup, plans),
            plan: kept!(backup, plan),
            selections: kept!(backup, selections),
            selection: kept!(backup, selection),
            settings: kept!(backup, settings),
            restore_testing: if backup { restore_testing::Memos::default() } else { self.restore_testing.kept() },
            associations: kept!(ssm, associations),
            association: kept!(ssm, association),
            commands: kept!(ssm, commands),
            jobs: kept!(backup, jobs),
            copies: kept!(backup, copies),
            information: kept!(ssm, information),
            instances: kept!(ec2, instances),
            profile_associations: kept!(ec2, profile_associations),
            images: kept!(ec2, images),
            snapshots: kept!(ec2, snapshots),
            vpc_endpoints: kept!(ec2, vpc_endpoints),
            route_tables: kept!(ec2, route_tables),
            volumes: kept!(ec2, volumes),
            keys: self.keys.kept(),
            key_policies: self.key_policies.kept(),
        }
    }
}
