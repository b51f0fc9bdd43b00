//! What is known of the package on an instance, and which of several sources to believe. Pure functions of what was
//! read.
//!
//! [`PackageSource`] has the order of trust, and only [`believed`] applies it, for the version gate and for `doctor`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Moment;
use super::evidence::{APP_CONSISTENT, VSS_CONFIG};
use super::version::{MANAGED_POLICY, Version};

/// The day on which 2.3.1 came out, 2024-03-07, in seconds since 1970. EC2 User Guide, "AWS VSS solution version
/// history".
const MANAGED_POLICY_SINCE: i64 = 1_709_769_600;

/// The package.
pub const PACKAGE: &str = "AwsVssComponents";

/// What is known of a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Installed {
    /// This version.
    Version(Version),
    /// The newest one of that moment.
    Newest,
    /// This version or a later one.
    AtLeast(Version),
    /// Some version before this one.
    Before(Version),
    /// It is there, in whatever version.
    Present,
    /// It is not there.
    Gone,
}

impl Installed {
    /// Returns the version, where exactly one is known.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Version(version) => Some(version),
            Self::Newest | Self::AtLeast(_) | Self::Before(_) | Self::Present | Self::Gone => None,
        }
    }
}

impl Installed {
    /// Tells whether it may be this version, as far as is known. The newest one is none that an old system is held at.
    pub fn may_be(&self, version: &str) -> bool {
        match self {
            Self::Version(installed) => *installed == Version::new(version),
            Self::AtLeast(least) => !Version::new(version).is_before(least.as_str()),
            Self::Before(end) => Version::new(version).is_before(end.as_str()),
            Self::Present => true,
            Self::Newest | Self::Gone => false,
        }
    }
}

/// Where a version of the package is known from, the most trusted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageSource {
    /// The executable's own version, by Run Command.
    File,
    /// SSM inventory.
    Inventory,
    /// The tag `AwsVssConfig` of a snapshot that the package made.
    SnapshotTag,
    /// The outcome of an installation, which says what was done and not what is installed now.
    Installation,
}

impl PackageSource {
    /// Says it in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::File => "the executable's version",
            Self::Inventory => "the inventory",
            Self::SnapshotTag => "the tag `AwsVssConfig` of its last VSS snapshot",
            Self::Installation => "the last installation's outcome",
        }
    }
}

/// What one source says about the package on an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageEvidence {
    /// What is known.
    pub installed: Installed,
    /// The source.
    pub source: PackageSource,
    /// The moment of which it holds.
    pub at: Moment,
}

/// Chooses what to believe: the newest evidence of the most trusted source. An installation that changed the package
/// afterwards outdates older evidence, whatever its source.
pub fn believed(evidence: &[PackageEvidence]) -> Option<&PackageEvidence> {
    let is_installation = |found: &&PackageEvidence| found.source == PackageSource::Installation;
    let installation = evidence.iter().filter(is_installation).max_by_key(|found| found.at);
    let is_current = |found: &&PackageEvidence| installation.is_none_or(|installation| installation.at <= found.at);
    evidence.iter().filter(is_current).max_by_key(|found| (std::cmp::Reverse(found.source), found.at))
}

/// Says what the tags of a snapshot or an image tell about the package that made it. One that says it is consistent and
/// lacks the tag of 2.3.1 was made by an older one.
pub fn of_backup(tags: &BTreeMap<String, String>) -> Option<Installed> {
    if let Some(value) = tags.get(VSS_CONFIG) {
        return Some(
            Version::in_tag(value).map_or(Installed::AtLeast(Version::new(MANAGED_POLICY)), Installed::Version),
        );
    }
    let is_consistent = tags.get(APP_CONSISTENT).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    is_consistent.then(|| Installed::Before(Version::new(MANAGED_POLICY)))
}

/// Says what the output of a successful run of `AWS-ConfigureAWSPackage` tells about the package.
pub fn of_output(output: &str) -> Option<Installed> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(concat!(
            r"Successfully (un)?installed AwsVssComponents (\d[\d.]*)",
            r"|AwsVssComponents (\d[\d.]*) is already installed",
            r"|AwsVssComponents is not (installed)",
        ))
        .expect("the pattern is fixed")
    });
    let last = PATTERN.captures_iter(output).last()?;
    if last.get(1).is_some() || last.get(4).is_some() {
        return Some(Installed::Gone);
    }
    let version = last.get(2).or_else(|| last.get(3))?.as_str().trim_end_matches('.');
    Some(Installed::Version(Version::new(version)))
}

/// Says what an association that succeeded on an instance at some moment tells. The newest package of that moment is at
/// least 2.3.1 since it came out, and before that it was an older one.
pub fn of_association(parameters: &Value, at: Moment) -> Option<Installed> {
    let first = |name: &str| parameters[name][0].as_str().unwrap_or_default();
    if !is_package(first("name")) {
        return None;
    }
    match (first("action"), first("version")) {
        ("Install", "" | "latest") if at < Moment::from_seconds(MANAGED_POLICY_SINCE) => {
            Some(Installed::Before(Version::new(MANAGED_POLICY)))
        }
        ("Install", "" | "latest") => Some(Installed::Newest),
        ("Install", version) => Some(Installed::Version(Version::new(version))),
        ("Uninstall", _) => Some(Installed::Gone),
        _ => None,
    }
}

/// Tells whether a Distributor name, or its ARN, is the package's.
pub fn is_package(name: &str) -> bool {
    name == PACKAGE || name.ends_with(&format!("package/{PACKAGE}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn package(version: Option<&str>, source: PackageSource, at: i64) -> PackageEvidence {
        PackageEvidence {
            installed: version.map_or(Installed::Gone, |version| Installed::Version(Version::new(version))),
            source,
            at: Moment::from_seconds(at),
        }
    }

    #[test]
    fn the_executable_is_believed_before_the_inventory_and_that_before_a_tag() {
        let tag = package(Some("2.3.1"), PackageSource::SnapshotTag, 30);
        let inventory = package(Some("2.4.0"), PackageSource::Inventory, 20);
        let file = package(None, PackageSource::File, 10);
        assert_eq!(believed(&[tag.clone(), inventory.clone(), file.clone()]), Some(&file));
        assert_eq!(believed(&[tag.clone(), inventory.clone()]), Some(&inventory));
        assert_eq!(believed(std::slice::from_ref(&tag)), Some(&tag));
        assert_eq!(believed(&[]), None);
    }

    #[test]
    fn an_installation_outdates_what_was_seen_before_it() {
        let tag = package(Some("2.2.1"), PackageSource::SnapshotTag, 10);
        let newer = package(Some("2.5.1"), PackageSource::Installation, 20);
        assert_eq!(believed(&[tag.clone(), newer.clone()]), Some(&newer));
        let later = package(Some("2.5.1"), PackageSource::SnapshotTag, 30);
        assert_eq!(believed(&[tag, newer, later.clone()]), Some(&later));
    }

    #[test]
    fn a_backup_tells_the_version_and_one_without_the_tag_tells_that_it_is_older() {
        let tags = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>()
        };
        let config = ("AwsVssConfig", "AwsVssComponents 2.4.0 {5b0f3a10}");
        assert_eq!(
            of_backup(&tags(&[config, ("AppConsistent", "True")])),
            Some(Installed::Version(Version::new("2.4.0")))
        );
        assert_eq!(of_backup(&tags(&[("AppConsistent", "true")])), Some(Installed::Before(Version::new("2.3.1"))));
        assert_eq!(of_backup(&tags(&[("AppConsistent", "false")])), None);
    }

    #[test]
    fn the_output_of_an_installation_tells_what_is_there_afterwards() {
        let changed = "Initiating AwsVssComponents 2.2.1 uninstall\nSuccessfully uninstalled AwsVssComponents 2.2.1\n\
                       Initiating AwsVssComponents 2.5.1 install\nSuccessfully installed AwsVssComponents 2.5.1";
        for (output, expected) in [
            (changed, Some(Installed::Version(Version::new("2.5.1")))),
            ("AwsVssComponents 2.5.1 is already installed", Some(Installed::Version(Version::new("2.5.1")))),
            ("Successfully uninstalled AwsVssComponents 2.2.1", Some(Installed::Gone)),
            ("AwsVssComponents is not installed", Some(Installed::Gone)),
            ("Successfully installed AmazonCloudWatchAgent 1.3", None),
        ] {
            assert_eq!(of_output(output), expected, "{output}");
        }
    }

    #[test]
    fn the_newest_of_a_time_before_2_3_1_is_an_older_one() {
        let parameters =
            |action: &str, version: &str| json!({ "action": [action], "name": [PACKAGE], "version": [version] });
        let at = |text: &str| text.parse::<Moment>().unwrap();
        let (before, since) = (at("2024-03-06T23:59:59Z"), at("2024-03-07T00:00:00Z"));
        let older = Some(Installed::Before(Version::new("2.3.1")));
        for version in ["", "latest"] {
            assert_eq!(of_association(&parameters("Install", version), before), older);
            assert_eq!(of_association(&parameters("Install", version), since), Some(Installed::Newest));
        }
        let pinned = of_association(&parameters("Install", "2.2.1"), since);
        assert_eq!(pinned, Some(Installed::Version(Version::new("2.2.1"))));
        assert_eq!(of_association(&parameters("Uninstall", ""), before), Some(Installed::Gone));
    }
}
