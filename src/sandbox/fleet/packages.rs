//! Distributor packages: the versions that AWS publishes, and the results of installing and uninstalling them on an
//! instance.

use std::collections::BTreeMap;

use super::{Instance, Platform};

/// A Distributor package that AWS publishes.
struct Published {
    name: &'static str,
    platforms: &'static [Platform],
    /// Oldest first.
    versions: &'static [&'static str],
    /// The oldest version that can be updated in place.
    in_place_from: &'static str,
}

/// The versions are from the history page of the AWS VSS solution, which says which ones can no longer be downloaded:
/// 2.0.1, 2.0.0, 1.3.2.0 and those before 1.3.1.0.
const PUBLISHED: [Published; 2] = [
    Published {
        name: "AwsVssComponents",
        platforms: &[Platform::Windows],
        versions: &["1.3.1.0", "2.1.0", "2.2.1", "2.3.1", "2.3.2", "2.3.3", "2.4.0", "2.5.0", "2.5.1"],
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
    /// The output of the plugin.
    pub output: String,
    /// The error output of the plugin.
    pub error: String,
    /// The version of the package afterwards, if it changes; the inner `None` is a removal.
    pub change: Option<Option<String>>,
}

impl Instance {
    /// Returns the packages that are installed at a time, with their versions.
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

    /// Tells what `AWS-ConfigureAWSPackage` does on this instance when it starts at `start`.
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
                "failed to find platform: no manifest found for platform: {name}, version {version}, \
                 architecture x86_64"
            ));
        }
        let latest = published.versions.last().copied().unwrap_or_default();
        let wanted = if version.is_empty() || version == "latest" { latest } else { version };
        let Some(wanted) = published.versions.iter().find(|known| same_version(known, wanted)) else {
            return failed(format!("failed to download manifest: package {package} has no version {wanted}"));
        };
        if published.name == "AwsVssComponents" && !is_made_for(&self.os_name, wanted) {
            // The agent takes the old version off first, and puts it back where the new one fails.
            let kept = installed.map(|old| format!("\nrolled back to {package} {old}")).unwrap_or_default();
            return failed(format!(
                "failed to install {package} {wanted}: {} is not supported by this version{kept}",
                self.os_name
            ));
        }
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
                    "Initiating {package} {old} uninstall\nSuccessfully uninstalled {package} {old}\n\
                     Initiating {package} {wanted} install\nSuccessfully installed {package} {wanted}"
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

/// Tells whether a version of AwsVssComponents is made for a system: any for Windows Server 2016 and later, 2.1.0 for
/// 2012 and 2012 R2, 1.3.1.0 for 2008 R2. From "AWS VSS solution version history" of the EC2 guide.
pub(in crate::sandbox) fn is_made_for(os_name: &str, version: &str) -> bool {
    let Some((_, rest)) = os_name.split_once("Windows Server ") else { return false };
    let mut words = rest.split_whitespace();
    let year: u32 = words.next().and_then(|year| year.parse().ok()).unwrap_or_default();
    match year {
        2016.. => true,
        2012 => same_version(version, "2.1.0"),
        2008 => words.next() == Some("R2") && same_version(version, "1.3.1.0"),
        _ => false,
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

pub(in crate::sandbox) fn older(one: &str, other: &str) -> bool {
    parts(one) < parts(other)
}

#[cfg(test)]
mod tests {
    use crate::sandbox::fleet::{Fleet, PackageChange};

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
    fn an_older_system_takes_its_own_version_and_keeps_it_where_another_fails() {
        let mut fleet = Fleet::seed("eu-west-1", "123456789012");
        let id = fleet.named("sql-1").unwrap().id.clone();
        let instance = fleet.instances.get_mut(&id).unwrap();
        for (system, right, wrong) in [
            ("Microsoft Windows Server 2012 Standard", "2.1.0", ["", "2.2.1", "2.5.1", "1.3.1.0"]),
            ("Microsoft Windows Server 2012 R2 Standard", "2.1.0", ["", "2.2.1", "2.5.1", "1.3.1.0"]),
            ("Microsoft Windows Server 2008 R2 Standard", "1.3.1.0", ["", "2.1.0", "2.5.1", "2.2.1"]),
        ] {
            system.clone_into(&mut instance.os_name);
            let change = instance.configure_package("Install", "AwsVssComponents", right, false, 0).change;
            assert_eq!(change, Some(Some(right.to_owned())), "{system}");
            for version in wrong {
                let outcome = instance.configure_package("Install", "AwsVssComponents", version, false, 0);
                assert!(!outcome.success && outcome.change.is_none(), "{system} {version}");
            }
        }
        for gone in ["2.0.1", "2.0.0", "1.3.2.0", "1.3.00", "1.0"] {
            let outcome = instance.configure_package("Install", "AwsVssComponents", gone, false, 0);
            assert!(outcome.error.contains("no version"), "{gone}: {outcome:?}");
        }
    }

    #[test]
    fn a_linux_machine_cannot_take_the_vss_components() {
        let fleet = Fleet::seed("eu-west-1", "123456789012");
        assert!(!fleet.named("web-1").unwrap().configure_package("Install", "AwsVssComponents", "", false, 0).success);
    }
}
