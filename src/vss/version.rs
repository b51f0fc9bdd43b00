//! Versions of `AwsVssComponents`, and of the SSM Agent: dotted lists of numbers.
//!
//! Source: EC2 User Guide, "AWS VSS solution version history". A missing number is 0 (`1.3.1.0` is `1.3.1`), and a
//! version that is not known here counts as a newer one.
//!
//! Version and operating system belong together. [`System`] is the only place that says which versions work on which
//! system, and what to do where one version alone does.

use std::cmp::Ordering;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The oldest version that sets the tag `AwsVssConfig`, on which the managed policy's conditions rest.
pub const MANAGED_POLICY: &str = "2.3.1";
/// The newest package that is known here; AWS may have newer ones.
pub const NEWEST: &str = "2.5.1";
/// The oldest version that can save VSS metadata.
pub const METADATA: &str = "2.4.0";
/// The oldest version that can be updated in place.
pub const IN_PLACE: &str = "2.5.0";
/// The only version for Windows Server 2012 and 2012 R2.
pub const SERVER_2012: &str = "2.1.0";
/// The only version for Windows Server 2008 R2.
pub const SERVER_2008_R2: &str = "1.3.1.0";
/// The last version that does not ask for the instance's attributes.
pub const WITHOUT_ATTRIBUTES: &str = "2.1.0";
/// The oldest version that heeds the `WinHTTP` proxy.
pub const PROXY: &str = "2.0.1";
/// The version that makes sure that AWS's provider is the one that is used.
pub const PROVIDER: &str = "2.3.3";

/// The versions that AWS no longer offers for download: an installation of one of them fails on every server.
const WITHDRAWN: [&str; 7] = ["2.0.1", "2.0.0", "1.3.2.0", "1.3.00", "1.2.00", "1.1", "1.0"];

/// The versions that AWS offers for download, oldest first.
const OFFERED: [&str; 9] = ["1.3.1.0", "2.1.0", "2.2.1", "2.3.1", "2.3.2", "2.3.3", "2.4.0", "2.5.0", NEWEST];

/// Returns a version as AWS writes it, where AWS offers it.
pub fn offered(version: &str) -> Option<&'static str> {
    OFFERED.into_iter().find(|offered| compare(offered, version).is_eq())
}

/// Returns the version on offer that comes after one that is older than the newest.
pub fn next_offered(version: &str) -> Option<&'static str> {
    OFFERED.into_iter().find(|offered| compare(offered, version).is_gt())
}

/// Tells whether AWS no longer offers a version for download.
pub fn is_withdrawn(version: &str) -> bool {
    WITHDRAWN.iter().any(|withdrawn| compare(withdrawn, version).is_eq())
}

/// Tells whether some system works with this version and no other one.
pub fn is_the_only_one(version: &str) -> bool {
    [SERVER_2012, SERVER_2008_R2].iter().any(|only| compare(only, version).is_eq())
}

/// Which versions of the package work on an operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Works {
    /// All of them: Windows Server 2016 and later.
    Any,
    /// This one alone.
    Only(&'static str),
    /// None.
    Never,
}

/// An operating system of the Windows family, as far as versions of the package differ on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    title: String,
    works: Works,
}

impl System {
    /// Reads it from the name that Systems Manager gives, such as `Microsoft Windows Server 2012 R2 Standard`. A name
    /// that does not tell gives nothing, and nothing is said about a system that is not known.
    pub fn of(platform: &str) -> Option<Self> {
        let rest = platform.split_once("Windows").map(|(_, rest)| rest)?;
        if !rest.contains("Server") {
            return Some(Self { title: format!("Windows{rest}"), works: Works::Never });
        }
        let mut parts = rest.split_whitespace();
        let (year, joined) = parts.find_map(|part| {
            let (year, joined) = part.split_at_checked(4)?;
            Some((year.parse::<u32>().ok().filter(|year| (2000..3000).contains(year))?, joined))
        })?;
        let is_r2 = joined == "R2" || joined.is_empty() && parts.next() == Some("R2");
        let works = match (year, is_r2) {
            (2008, true) => Works::Only(SERVER_2008_R2),
            (2012, _) => Works::Only(SERVER_2012),
            (2016.., _) => Works::Any,
            _ => Works::Never,
        };
        Some(Self { title: format!("Windows Server {year}{}", if is_r2 { " R2" } else { "" }), works })
    }

    /// Returns its name without maker and edition, such as `Windows Server 2012 R2`.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Returns which versions work on it.
    pub fn works(&self) -> Works {
        self.works
    }

    /// Returns the version that alone works on it, where there is such a one.
    pub fn only(&self) -> Option<&'static str> {
        match self.works {
            Works::Only(version) => Some(version),
            Works::Any | Works::Never => None,
        }
    }

    /// Says which version alone works on it, in a sentence without its full stop.
    pub fn rule(&self) -> Option<String> {
        Some(format!("{} works with package {} only", self.title, self.only()?))
    }

    /// Says what to do about the package where one version alone works.
    pub fn package_advice(&self) -> Option<String> {
        let only = self.only()?;
        Some(format!(
            "install {only} on it: `version = \"{only}\"` in a `[package.NAME]` whose targets mean only servers with \
             {}, and no other package for them",
            self.title
        ))
    }

    /// Says what to do about the instance's role where no version works that AWS's managed policy works with.
    pub fn policy_advice(&self) -> Option<String> {
        let rule = self.rule()?;
        Some(format!(
            "give the role a policy of its own that allows ec2:CreateSnapshot, ec2:CreateSnapshots, ec2:CreateImage, \
             ec2:CreateTags, ec2:DescribeInstances, ec2:DescribeImages and ec2:DescribeSnapshots without the tag \
             `AwsVssConfig`: {rule}, and AWSEC2VssSnapshotPolicy works from {MANAGED_POLICY} on"
        ))
    }
}

/// One version, as it was written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Version(String);

impl Version {
    /// Makes a version of its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Finds the version in the value of the tag `AwsVssConfig`, whose form AWS does not document: the first dotted
    /// list of two to four numbers.
    pub fn in_tag(value: &str) -> Option<Self> {
        static PATTERN: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"\d+(\.\d+){1,3}").expect("the pattern is fixed"));
        PATTERN.find(value).map(|found| Self::new(found.as_str()))
    }

    /// Returns the version as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether it is older than another.
    pub fn is_before(&self, other: &str) -> bool {
        compare(&self.0, other) == Ordering::Less
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        compare(&self.0, &other.0) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&self.0, &other.0)
    }
}

/// Compares versions as lists of numbers; a missing number is 0, and what is no number comes last.
pub fn compare(left: &str, right: &str) -> Ordering {
    let parts =
        |version: &str| -> Vec<u64> { version.split('.').map(|part| part.parse().unwrap_or(u64::MAX)).collect() };
    let (mut left, mut right) = (parts(left), parts(right));
    let length = left.len().max(right.len());
    left.resize(length, 0);
    right.resize(length, 0);
    left.cmp(&right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers_and_a_missing_number_is_zero() {
        assert_eq!(compare("1.3.1.0", "1.3.1"), Ordering::Equal);
        assert_eq!(compare("2.10.0", "2.9.9"), Ordering::Greater);
        assert_eq!(compare("2.3", "2.3.1"), Ordering::Less);
        assert!(!Version::new("3.0").is_before(MANAGED_POLICY));
        assert!(Version::new("2.2.1").is_before(MANAGED_POLICY));
        assert_eq!(Version::new("2.3.1.0"), Version::new("2.3.1"));
    }

    #[test]
    fn each_system_says_which_versions_work_on_it() {
        let works = |name: &str| System::of(name).map(|system| (system.title().to_owned(), system.works()));
        for (name, title, expected) in [
            ("Microsoft Windows Server 2025 Datacenter", "Windows Server 2025", Works::Any),
            ("Microsoft Windows Server 2016 Standard", "Windows Server 2016", Works::Any),
            ("Microsoft Windows Server 2012 R2 Standard", "Windows Server 2012 R2", Works::Only("2.1.0")),
            ("Microsoft Windows Server 2012R2", "Windows Server 2012 R2", Works::Only("2.1.0")),
            ("Microsoft Windows Server 2012 Datacenter", "Windows Server 2012", Works::Only("2.1.0")),
            ("Microsoft Windows Server® 2008 R2 Standard", "Windows Server 2008 R2", Works::Only("1.3.1.0")),
            ("Microsoft Windows Server 2008 Standard", "Windows Server 2008", Works::Never),
            ("Microsoft Windows Server 2003 R2", "Windows Server 2003 R2", Works::Never),
            ("Microsoft Windows 10 Pro", "Windows 10 Pro", Works::Never),
        ] {
            assert_eq!(works(name), Some((title.to_owned(), expected)), "{name}");
        }
        for unknown in ["", "Amazon Linux", "Microsoft Windows Server", "Windows Server 20H2", "Hyper-V Server 2012 R2"]
        {
            assert_eq!(works(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn where_one_version_alone_works_the_advice_names_it_and_no_other() {
        let of = |name: &str| System::of(name).expect("a known system");
        let old = of("Microsoft Windows Server 2008 R2 Standard");
        assert!(old.package_advice().is_some_and(|advice| advice.contains("`version = \"1.3.1.0\"`")));
        assert!(
            old.policy_advice().is_some_and(|advice| advice.contains("Windows Server 2008 R2 works with package 1.3"))
        );
        let new = of("Microsoft Windows Server 2019 Datacenter");
        assert_eq!((new.rule(), new.package_advice(), new.policy_advice()), (None, None, None));
    }

    #[test]
    fn what_can_no_longer_be_downloaded_is_known_however_it_is_written() {
        for gone in ["2.0.1", "2.0.0", "2.0", "1.3.2.0", "1.3.2", "1.3.00", "1.3", "1.2.00", "1.1", "1.0"] {
            assert!(is_withdrawn(gone), "{gone}");
        }
        for there in ["1.3.1.0", "2.1.0", "2.2.1", "2.3.1", "2.5.1", "3.0.0"] {
            assert!(!is_withdrawn(there), "{there}");
        }
        assert!(is_the_only_one("2.1") && is_the_only_one("1.3.1") && !is_the_only_one("2.2.1"));
    }

    #[test]
    fn the_tag_gives_its_version_in_whatever_words_it_stands() {
        for (value, version) in [
            ("AwsVssConfig 2.3.1 {5b0f3a10-ccb3-4cb8-a2dc-6e9e4c0a1a55}", Some("2.3.1")),
            ("{\"Version\":\"2.5.1.0\",\"SnapshotSetId\":\"7\"}", Some("2.5.1.0")),
            ("v2.10", Some("2.10")),
            ("7", None),
            ("", None),
        ] {
            assert_eq!(Version::in_tag(value).as_ref().map(Version::as_str), version, "{value}");
        }
    }
}
