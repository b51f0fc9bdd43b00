//! The machines that a new account has.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fleet, Instance, Platform, running};
use crate::sandbox::made;

impl Fleet {
    /// Makes the machines that a new account has in a region: two Windows servers with the tag `VssBackup=enabled`, one
    /// without it, one whose agent is silent, and one Linux machine.
    pub fn seed(region: &str, account_id: &str) -> Self {
        let mut instances = BTreeMap::new();
        // 2025-11-03T08:00:00Z
        let launched = 1_762_156_800_000;
        let rows = [
            (
                "sql-1",
                Platform::Windows,
                "Microsoft Windows Server 2022 Datacenter",
                "10.0.20348",
                "m6i.large",
                true,
                true,
            ),
            (
                "files-1",
                Platform::Windows,
                "Microsoft Windows Server 2019 Datacenter",
                "10.0.17763",
                "m5.large",
                true,
                true,
            ),
            (
                "jump-1",
                Platform::Windows,
                "Microsoft Windows Server 2022 Datacenter",
                "10.0.20348",
                "t3.medium",
                false,
                true,
            ),
            (
                "archive-1",
                Platform::Windows,
                "Microsoft Windows Server 2016 Datacenter",
                "10.0.14393",
                "m5.large",
                true,
                false,
            ),
            ("web-1", Platform::Linux, "Amazon Linux", "2023", "t3.small", false, true),
        ];
        for (index, (name, platform, os_name, os_version, instance_type, tagged, online)) in
            rows.into_iter().enumerate()
        {
            let digest = made::uuid_of(&format!("{account_id}/{region}/instance/{name}")).replace('-', "");
            let id = format!("i-0{}", &digest[..16]);
            let mut tags = BTreeMap::from([("Name".to_owned(), name.to_owned())]);
            if tagged {
                tags.insert("VssBackup".to_owned(), "enabled".to_owned());
            }
            let computer_name = match platform {
                Platform::Windows => format!("{}.corp.example.com", name.to_uppercase()),
                Platform::Linux => format!("ip-10-0-1-{}.{region}.compute.internal", 10 + index),
            };
            let instance = Instance {
                id: id.clone(),
                name: name.to_owned(),
                platform,
                os_name: os_name.to_owned(),
                os_version: os_version.to_owned(),
                instance_type: instance_type.to_owned(),
                agent_version: if online { "3.3.1142.0" } else { "3.3.380.0" }.to_owned(),
                silent_since: (!online).then_some(launched + 3 * 24 * 3_600_000),
                tags,
                instance_profile: None,
                ip_address: format!("10.0.1.{}", 10 + index),
                computer_name,
                launched,
                package_changes: Vec::new(),
                state: running(),
                volumes: volumes(&id, platform),
                ailments: BTreeSet::new(),
            };
            instances.insert(id, instance);
        }
        Self { instances }
    }
}

/// Lists the volumes of a new instance: a root volume, and a data volume on Windows.
fn volumes(instance: &str, platform: Platform) -> Vec<(String, String)> {
    let volume = |device: &str| {
        let digest = made::uuid_of(&format!("{instance}{device}")).replace('-', "");
        (device.to_owned(), format!("vol-0{}", &digest[..16]))
    };
    match platform {
        Platform::Windows => vec![volume("/dev/sda1"), volume("xvdb")],
        Platform::Linux => vec![volume("/dev/xvda")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_the_same_every_time_and_another_in_another_region() {
        let one = Fleet::seed("eu-west-1", "123456789012");
        let two = Fleet::seed("eu-west-1", "123456789012");
        let three = Fleet::seed("us-east-1", "123456789012");
        assert!(one.instances.keys().eq(two.instances.keys()));
        assert!(one.instances.keys().all(|id| !three.instances.contains_key(id)));
        assert!(one.instances.keys().all(|id| id.len() == 19));
    }
}
