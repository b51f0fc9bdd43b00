//! The simulated machines of one region: EC2 instances with an SSM agent, their tags and the packages on them.
//!
//! Nothing runs in the background: a package change carries the moment from which it holds, and whoever reads says when
//! it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::made;

/// The instances of one region by id.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Fleet {
    /// The instances by id.
    pub instances: BTreeMap<String, Instance>,
}

/// What kind of system an instance runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Platform {
    /// Windows Server.
    Windows,
    /// Linux.
    Linux,
}

impl Platform {
    /// As SSM writes it.
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
    /// The `Name` tag's value too.
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
    /// The moment since which the agent does not answer; absent while it does.
    pub silent_since: Option<i64>,
    /// The instance's tags.
    pub tags: BTreeMap<String, String>,
    /// The ARN of the instance profile on it.
    pub instance_profile: Option<String>,
    /// The private address.
    pub ip_address: String,
    /// The name inside the system.
    pub computer_name: String,
    /// The launch, milliseconds since 1970.
    pub launched: i64,
    /// What happened to its packages, oldest first.
    pub package_changes: Vec<PackageChange>,
    /// EC2's state: `running` or `stopped`.
    #[serde(default = "running")]
    pub state: String,
    /// The volumes: device name and volume id, the root device first.
    #[serde(default)]
    pub volumes: Vec<(String, String)>,
    /// What is broken inside, which only a snapshot or a look inside shows.
    #[serde(default)]
    pub ailments: BTreeSet<Ailment>,
}

fn running() -> String {
    "running".to_owned()
}

/// Something that is broken inside an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ailment {
    /// The writers do not thaw within the ten seconds that AWS gives them.
    SlowWriters,
    /// A writer is in the state `Failed`.
    FailedWriter,
    /// The agent says that the package is installed, and its files are gone.
    MissingFiles,
    /// There is no way to the EC2 endpoint.
    NoEndpoint,
    /// PowerShell runs in `ConstrainedLanguage` mode.
    ConstrainedLanguage,
    /// It is a node of a failover cluster, and another node owns what the cluster is for.
    SecondaryNode,
    /// A writer is in the state `Failed` because it timed out.
    TimedOutWriter,
    /// The package's VSS provider is not registered.
    UnregisteredProvider,
    /// Another product's VSS provider is there, which does no harm by itself.
    OtherProvider,
    /// The way out is a `WinHTTP` proxy, which packages before 2.0.1 do not heed.
    Proxy,
    /// The metadata are switched off, and with them the role's credentials.
    NoMetadata,
    /// Another tool keeps as many snapshots of the volumes in progress as EC2 allows.
    OtherSnapshots,
}

/// A package that comes, changes or goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageChange {
    /// The Distributor package.
    pub package: String,
    /// The version from then on; absent: removed.
    pub version: Option<String>,
    /// The moment from which it holds.
    pub at: i64,
    /// The command or association execution that did it.
    pub by: String,
}

/// A Distributor package that AWS publishes.
struct Published {
    name: &'static str,
    platforms: &'static [Platform],
    /// Oldest first.
    versions: &'static [&'static str],
    /// The oldest version that can be updated in place.
    in_place_from: &'static str,
}

/// The history page of the AWS VSS solution names the versions; 2.0.1 can no longer be downloaded.
const PUBLISHED: [Published; 2] = [
    Published {
        name: "AwsVssComponents",
        platforms: &[Platform::Windows],
        versions: &[
            "1.3.1.0", "1.3.2.0", "2.0.0", "2.1.0", "2.2.1", "2.3.1", "2.3.2", "2.3.3", "2.4.0", "2.5.0", "2.5.1",
        ],
        in_place_from: "2.5.0",
    },
    Published {
        name: "AmazonCloudWatchAgent",
        platforms: &[Platform::Windows, Platform::Linux],
        versions: &["1.300051.0", "1.300053.1", "1.300055.0"],
        in_place_from: "1.300051.0",
    },
];

/// How a package action ends on one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageOutcome {
    /// How long it takes.
    pub seconds: i64,
    /// Whether it succeeds.
    pub success: bool,
    /// What the plugin prints.
    pub output: String,
    /// What the plugin complains about.
    pub error: String,
    /// The package's version afterwards, if it changes.
    pub change: Option<Option<String>>,
}

impl Instance {
    /// The installed packages at a moment.
    pub fn packages(&self, now: i64) -> BTreeMap<String, String> {
        let mut installed = BTreeMap::new();
        for change in self.package_changes.iter().filter(|change| change.at <= now) {
            match &change.version {
                Some(version) => installed.insert(change.package.clone(), version.clone()),
                None => installed.remove(&change.package),
            };
        }
        installed
    }

    /// Whether the agent answers.
    pub fn is_online(&self) -> bool {
        self.silent_since.is_none() && !self.ailments.contains(&Ailment::NoMetadata)
    }

    /// What `AWS-ConfigureAWSPackage` does here when it starts at `start`.
    pub fn configure_package(
        &self,
        action: &str,
        package: &str,
        version: &str,
        in_place: bool,
        start: i64,
    ) -> PackageOutcome {
        let failed =
            |error: String| PackageOutcome { seconds: 3, success: false, output: String::new(), error, change: None };
        if self.package_changes.iter().any(|change| change.package == package && change.at > start) {
            return failed(format!("Package \"{package}\" is already in the process of action \"{action}\""));
        }
        let installed = self.packages(start).remove(package);
        let Some(published) = PUBLISHED
            .iter()
            .find(|published| published.name == package || package.ends_with(&format!("package/{}", published.name)))
        else {
            return failed(format!("failed to find manifest: package with name \"{package}\" does not exist"));
        };
        if action == "Uninstall" {
            return match installed {
                None => PackageOutcome {
                    seconds: 2,
                    success: true,
                    output: format!("{package} is not installed"),
                    error: String::new(),
                    change: None,
                },
                Some(version) => PackageOutcome {
                    seconds: 8,
                    success: true,
                    output: format!(
                        "Initiating {package} {version} uninstall\nSuccessfully uninstalled {package} {version}"
                    ),
                    error: String::new(),
                    change: Some(None),
                },
            };
        }
        if !published.platforms.contains(&self.platform) {
            let (name, version) = (self.os_name.to_lowercase(), &self.os_version);
            return failed(format!(
                "failed to find platform: no manifest found for platform: {name}, version {version}, architecture x86_64"
            ));
        }
        let latest = published.versions.last().copied().unwrap_or_default();
        let wanted = if version.is_empty() || version == "latest" { latest } else { version };
        let Some(wanted) = published.versions.iter().find(|known| same_version(known, wanted)) else {
            return failed(format!("failed to download manifest: package {package} has no version {wanted}"));
        };
        match installed {
            Some(old) if same_version(&old, wanted) => PackageOutcome {
                seconds: 2,
                success: true,
                output: format!("Initiating {package} {wanted} install\n{package} {wanted} is already installed"),
                error: String::new(),
                change: None,
            },
            Some(old) if in_place && older(&old, published.in_place_from) => {
                failed(format!("{package} {old} is missing update script"))
            }
            Some(old) => PackageOutcome {
                seconds: 14,
                success: true,
                output: format!(
                    "Initiating {package} {old} uninstall\nSuccessfully uninstalled {package} {old}\nInitiating {package} {wanted} install\nSuccessfully installed {package} {wanted}"
                ),
                error: String::new(),
                change: Some(Some((*wanted).to_owned())),
            },
            None => PackageOutcome {
                seconds: 10,
                success: true,
                output: format!("Initiating {package} {wanted} install\nSuccessfully installed {package} {wanted}"),
                error: String::new(),
                change: Some(Some((*wanted).to_owned())),
            },
        }
    }
}

/// The volumes of a new instance: a root volume, and a data volume on Windows.
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

fn parts(version: &str) -> Vec<u64> {
    let mut parts: Vec<u64> = version.split('.').map(|part| part.parse().unwrap_or_default()).collect();
    while parts.last() == Some(&0) {
        parts.pop();
    }
    parts
}

fn same_version(one: &str, other: &str) -> bool {
    parts(one) == parts(other)
}

pub(super) fn older(one: &str, other: &str) -> bool {
    parts(one) < parts(other)
}

impl Fleet {
    /// The machines that a new account has in a region: two Windows servers with the tag `VssBackup=enabled`, one without,
    /// one whose agent is silent, and one Linux machine.
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

    /// The instances that have a name.
    pub fn named(&self, name: &str) -> Option<&Instance> {
        self.instances.values().find(|instance| instance.name == name)
    }

    /// The name of the instance that an ARN means.
    pub fn name_of(&self, arn: &str) -> Option<&str> {
        self.instances.get(arn.rsplit('/').next()?).map(|instance| instance.name.as_str())
    }

    /// The ids that SSM targets mean: several keys must all match, one value of a key is enough.
    pub fn resolve(&self, targets: &[(String, Vec<String>)]) -> Vec<String> {
        let matches = |instance: &Instance, key: &str, values: &[String]| match key.split_once(':') {
            Some(("tag", name)) => instance.tags.get(name).is_some_and(|value| values.contains(value)),
            _ if key == "tag-key" => values.iter().any(|name| instance.tags.contains_key(name)),
            _ if key.eq_ignore_ascii_case("InstanceIds") => {
                values.iter().any(|value| value == "*" || *value == instance.id)
            }
            // Resource groups are not simulated: they are empty.
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
    fn a_seed_is_the_same_every_time_and_another_in_another_region() {
        let one = Fleet::seed("eu-west-1", "123456789012");
        let two = Fleet::seed("eu-west-1", "123456789012");
        let three = Fleet::seed("us-east-1", "123456789012");
        assert!(one.instances.keys().eq(two.instances.keys()));
        assert!(one.instances.keys().all(|id| !three.instances.contains_key(id)));
        assert!(one.instances.keys().all(|id| id.len() == 19));
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

    #[test]
    fn a_package_is_there_only_after_its_installation() {
        let mut fleet = Fleet::seed("eu-west-1", "123456789012");
        let id = fleet.named("sql-1").unwrap().id.clone();
        let instance = fleet.instances.get_mut(&id).unwrap();
        let outcome = instance.configure_package("Install", "AwsVssComponents", "", false, 1000);
        assert_eq!(outcome.change, Some(Some("2.5.1".to_owned())));
        instance.package_changes.push(PackageChange {
            package: "AwsVssComponents".to_owned(),
            version: Some("2.5.1".to_owned()),
            at: 5000,
            by: "c".to_owned(),
        });
        assert!(instance.packages(4999).is_empty());
        assert_eq!(instance.packages(5000)["AwsVssComponents"], "2.5.1");
        assert!(
            instance
                .configure_package("Install", "AwsVssComponents", "", false, 4000)
                .error
                .contains("already in the process")
        );
        assert!(
            instance
                .configure_package("Install", "AwsVssComponents", "", false, 6000)
                .output
                .contains("already installed")
        );
        assert!(
            instance.configure_package("Install", "AwsVssComponents", "9.9", false, 6000).error.contains("no version")
        );
        assert_eq!(instance.configure_package("Uninstall", "AwsVssComponents", "", false, 6000).change, Some(None));
    }

    #[test]
    fn an_old_package_cannot_be_updated_in_place() {
        let mut fleet = Fleet::seed("eu-west-1", "123456789012");
        let id = fleet.named("sql-1").unwrap().id.clone();
        let instance = fleet.instances.get_mut(&id).unwrap();
        instance.package_changes.push(PackageChange {
            package: "AwsVssComponents".to_owned(),
            version: Some("2.4.0".to_owned()),
            at: 0,
            by: "c".to_owned(),
        });
        assert!(
            instance
                .configure_package("Install", "AwsVssComponents", "", true, 10)
                .error
                .contains("missing update script")
        );
        assert!(instance.configure_package("Install", "AwsVssComponents", "", false, 10).success);
    }

    #[test]
    fn a_linux_machine_cannot_take_the_vss_components() {
        let fleet = Fleet::seed("eu-west-1", "123456789012");
        assert!(!fleet.named("web-1").unwrap().configure_package("Install", "AwsVssComponents", "", false, 0).success);
    }
}
