//! Versions of `AwsVssComponents`, and of the SSM Agent: dotted lists of numbers.
//!
//! Source: EC2 User Guide, "AWS VSS solution version history". A missing number is 0 (`1.3.1.0` is `1.3.1`), and a
//! version that is not known here counts as a newer one.

use std::cmp::Ordering;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

/// The oldest version that sets the tag `AwsVssConfig`, on which the managed policy's conditions rest.
pub const MANAGED_POLICY: &str = "2.3.1";
/// The oldest version that can save VSS metadata.
pub const METADATA: &str = "2.4.0";
/// The oldest version that can be updated in place.
pub const IN_PLACE: &str = "2.5.0";
/// The only version for Windows Server 2012 and 2012 R2.
pub const SERVER_2012: &str = "2.1.0";
/// The oldest version that heeds the `WinHTTP` proxy.
pub const PROXY: &str = "2.0.1";
/// The version that makes sure that AWS's provider is the one that is used.
pub const PROVIDER: &str = "2.3.3";

/// One version, as it was written.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
