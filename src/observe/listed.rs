//! Instances, agents, vaults, profiles, images and snapshots, from AWS's words into those of the evidence. Pure.

use aws_sdk_backup::types::EncryptionKeyType;

use super::known::moment;
use crate::vss::Moment;
use crate::vss::evidence::{Agent, Image, Instance, InstanceProfile, MetadataOptions, Snapshot, Vault};

pub(super) fn instance(instance: &crate::aws::Instance) -> Instance {
    let moment = |time: jiff::Timestamp| Moment::from_seconds(time.as_second());
    Instance {
        id: instance.id.clone(),
        name: instance.tags.get("Name").cloned().unwrap_or_default(),
        instance_type: instance.instance_type.clone(),
        state: instance.state.clone(),
        windows: instance.windows,
        tags: instance.tags.clone(),
        vpc: instance.vpc.clone(),
        subnet: instance.subnet.clone(),
        profile_arn: instance.profile.clone(),
        volumes: instance.volumes.clone(),
        metadata: instance.metadata_enabled.map(|enabled| MetadataOptions {
            enabled,
            tokens_required: instance.metadata_tokens_required,
            hop_limit: instance.metadata_hop_limit.and_then(|hops| i32::try_from(hops).ok()),
        }),
        launched: instance.launched.map(moment),
        created: instance.root_attached.or(instance.launched).map(moment),
    }
}

pub(super) fn read_image(image: &crate::aws::Image) -> Image {
    Image {
        id: image.id.clone(),
        state: image.state.clone(),
        tags: image.tags.clone(),
        snapshots: image.snapshots.clone(),
    }
}

pub(super) fn read_snapshot(snapshot: &crate::aws::Snapshot) -> Snapshot {
    Snapshot {
        id: snapshot.id.clone(),
        state: snapshot.state.clone(),
        volume: Some(snapshot.volume.clone()).filter(|volume| !volume.is_empty()),
        tags: snapshot.tags.clone(),
    }
}

pub(super) fn agent(information: &aws_sdk_ssm::types::InstanceInformation) -> Option<(String, Agent)> {
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    Some((
        information.instance_id()?.to_owned(),
        Agent {
            ping: information.ping_status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
            version: text(information.agent_version()),
            platform_name: text(information.platform_name()),
            platform_version: text(information.platform_version()),
            last_ping: moment(information.last_ping_date_time()),
            platform_type: information.platform_type().map(|kind| kind.as_str().to_owned()),
            association_status: text(information.association_status()),
        },
    ))
}

pub(super) fn vault(vault: &aws_sdk_backup::types::BackupVaultListMember) -> Option<(String, Vault)> {
    let name = vault.backup_vault_name()?.to_owned();
    Some((
        name.clone(),
        Vault {
            name,
            locked: vault.locked().unwrap_or_default(),
            min_retention_days: vault.min_retention_days().filter(|days| *days > 0),
            max_retention_days: vault.max_retention_days().filter(|days| *days > 0),
            key: vault
                .encryption_key_arn()
                .filter(|_| vault.encryption_key_type() == Some(&EncryptionKeyType::CustomerManagedKmsKey))
                .map(str::to_owned),
        },
    ))
}

pub(super) fn profile(profile: &aws_sdk_iam::types::InstanceProfile) -> (String, InstanceProfile) {
    let found = InstanceProfile {
        arn: profile.arn.clone(),
        name: profile.instance_profile_name.clone(),
        roles: profile.roles.iter().map(|role| role.arn.clone()).collect(),
    };
    (profile.arn.clone(), found)
}
