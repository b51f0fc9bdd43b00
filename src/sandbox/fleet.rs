//! The simulated machines of one region: EC2 instances with an SSM agent, their tags and the packages on them.
//!
//! Nothing runs in the background: a package change has the time from which it holds, and a reader passes its own time.

mod packages;
mod seed;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use packages::PackageOutcome;
pub(super) use packages::{is_made_for, older};

/// The instances of one region by id.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Fleet {
    /// The instances by id.
    pub instances: BTreeMap<String, Instance>,
}

/// The system of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Platform {
    /// Windows Server.
    Windows,
    /// Linux.
    Linux,
}

impl Platform {
    /// Returns the name in SSM's spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Windows => "Windows",
            Self::Linux => "Linux",
        }
    }
}

/// One simulated instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Instance {
    /// `i-` and 17 characters.
    pub id: String,
    /// The name, which is also the value of the `Name` tag.
    pub name: String,
    /// Windows or Linux.
    pub platform: Platform,
    /// As `DescribeInstanceInformation.PlatformName`.
    pub os_name: String,
    /// As `DescribeInstanceInformation.PlatformVersion`.
    pub os_version: String,
    /// The EC2 instance type.
    pub instance_type: String,
    /// The version of the SSM agent.
    pub agent_version: String,
    /// The time since which the agent does not answer; absent while it answers.
    pub silent_since: Option<i64>,
    /// The instance's tags.
    pub tags: BTreeMap<String, String>,
    /// The ARN of the instance profile on it.
    pub instance_profile: Option<String>,
    /// The private address.
    pub ip_address: String,
    /// The computer's own name.
    pub computer_name: String,
    /// The launch, milliseconds since 1970.
    pub launched: i64,
    /// The changes of its packages, oldest first.
    pub package_changes: Vec<PackageChange>,
    /// EC2's state: `running` or `stopped`.
    #[serde(default = "running")]
    pub state: String,
    /// The volumes: device name and volume id, the root device first.
    #[serde(default)]
    pub volumes: Vec<(String, String)>,
    /// The faults inside, which only a snapshot or a look inside shows.
    #[serde(default)]
    pub ailments: BTreeSet<Ailment>,
}

fn running() -> String {
    "running".to_owned()
}

/// A fault inside an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ailment {
    /// The writers do not thaw within the ten seconds that AWS gives them.
    SlowWriters,
    /// A writer is in the state `Failed`.
    FailedWriter,
    /// The agent says that the package is installed, but its files are gone.
    MissingFiles,
    /// The EC2 endpoint cannot be reached.
    NoEndpoint,
    /// PowerShell runs in `ConstrainedLanguage` mode.
    ConstrainedLanguage,
    /// The instance is a node of a failover cluster, and another node owns the cluster's role.
    SecondaryNode,
    /// A writer is in the state `Failed` because it timed out.
    TimedOutWriter,
    /// The package's VSS provider is not registered.
    UnregisteredProvider,
    /// Another product's VSS provider is registered, which does no harm by itself.
    OtherProvider,
    /// The network is reached by a `WinHTTP` proxy, which packages before 2.0.1 ignore.
    Proxy,
    /// The instance metadata is switched off, and so the role's credentials are not available.
    NoMetadata,
    /// Another tool keeps as many snapshots of the volumes in progress as EC2 allows.
    OtherSnapshots,
}

/// The installation, change or removal of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageChange {
    /// The Distributor package.
    pub package: String,
    /// The version from then on; absent for a removal.
    pub version: Option<String>,
    /// The moment from which it holds.
    pub at: i64,
    /// The command or association execution that made the change.
    pub by: String,
}

impl Instance {
    /// Tells whether the agent answers.
    pub fn is_online(&self) -> bool {
        self.silent_since.is_none() && !self.ailments.contains(&Ailment::NoMetadata)
    }
}

impl Fleet {
    /// Finds the instance that has a name.
    pub fn named(&self, name: &str) -> Option<&Instance> {
        self.instances.values().find(|instance| instance.name == name)
    }

    /// Returns the name of the instance that has an ARN.
    pub fn name_of(&self, arn: &str) -> Option<&str> {
        self.instances.get(arn.rsplit('/').next()?).map(|instance| instance.name.as_str())
    }

    /// Returns the ids of the instances that SSM targets select. Several keys must all match; one value of a key is
    /// enough.
    pub fn resolve(&self, targets: &[(String, Vec<String>)]) -> Vec<String> {
        let matches = |instance: &Instance, key: &str, values: &[String]| match key.split_once(':') {
            Some(("tag", name)) => instance.tags.get(name).is_some_and(|value| values.contains(value)),
            _ if key == "tag-key" => values.iter().any(|name| instance.tags.contains_key(name)),
            _ if key.eq_ignore_ascii_case("InstanceIds") => {
                values.iter().any(|value| value == "*" || *value == instance.id)
            }
            // Resource groups are not simulated: a target that names one selects no instance.
            _ => false,
        };
        let chosen = self
            .instances
            .values()
            .filter(|instance| targets.iter().all(|(key, values)| matches(instance, key, values)));
        if targets.is_empty() { Vec::new() } else { chosen.map(|instance| instance.id.clone()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(key: &str, value: &str) -> (String, Vec<String>) {
        (key.to_owned(), vec![value.to_owned()])
    }

    #[test]
    fn target_keys_are_anded_and_values_ored() {
        let fleet = Fleet::seed("eu-west-1", "123456789012");
        assert_eq!(fleet.resolve(&[target("tag:VssBackup", "enabled")]).len(), 3);
        assert_eq!(fleet.resolve(&[target("tag:VssBackup", "enabled"), target("tag:Name", "sql-1")]).len(), 1);
        assert_eq!(fleet.resolve(&[("tag:Name".to_owned(), vec!["sql-1".to_owned(), "web-1".to_owned()])]).len(), 2);
        assert_eq!(fleet.resolve(&[target("InstanceIds", "*")]).len(), 5);
        assert!(fleet.resolve(&[]).is_empty());
    }
}
