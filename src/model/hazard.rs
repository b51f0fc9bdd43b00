//! The names of the hazards, which `--allow` takes.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A sort of hazard. Its name is what `--allow` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hazard {
    /// Something that is backed up now would be backed up no more, or less often: a selection goes or selects less, a
    /// rule goes, the region opts out of EC2.
    ProtectionGap,
    /// A plan stops asking for VSS: its backups are crash-consistent from then on.
    VssDisabled,
    /// VSS is asked for and would no longer work: a policy that instances or AWS Backup need for it goes, the package
    /// is removed or reaches fewer instances, or the new policy comes before the package that it needs.
    VssUnavailable,
    /// New backups would be kept for less time, or a Vault Lock would let them be.
    RetentionShortened,
    /// Recovery points would be left that AWS Backup can't expire: it needs the role that made them.
    RetentionOrphan,
    /// Recovery points could be deleted that are safe from it now: a Vault Lock goes, or a vault's policy allows it.
    RecoveryPointsDeleted,
    /// A compliance lock: once its grace time is over, nobody can take it off, AWS included.
    IrreversibleLock,
    /// Instances would be without credentials for a while, or for good: their profile or its role is swapped or goes.
    CredentialGap,
    /// A role or policy would allow more than it does.
    PrivilegeWidened,
    /// A role could be assumed by more than now.
    TrustWidened,
    /// A selection of everything, whatever its tags.
    BroadSelection,
    /// A restore test would start real servers: copies of ones that run, with their host names and domain.
    StartsInstances,
    /// A call replaces a whole object that has members which vssctl has no name for, and can't send them again.
    UnknownFieldDropped,
    /// Another plan backs the same instances up at overlapping times: AWS Backup runs one job of a resource at a time.
    BackedUpTwice,
    /// An association of somebody else's installs the same package on the same instances, or removes it there.
    CompetingAssociation,
    /// A package other than AwsVssComponents: its scripts run as SYSTEM on the servers that it means.
    RunsAsSystem,
    /// Others use the resource too: instance profiles, roles or users that are not this stack's.
    SharedResource,
    /// More than ten resources, and more than half of what the stack has, would change at once.
    LargeChange,
}

impl Hazard {
    /// All of them, in the order in which they are documented.
    pub const ALL: [Self; 18] = [
        Self::ProtectionGap,
        Self::VssDisabled,
        Self::VssUnavailable,
        Self::RetentionShortened,
        Self::RetentionOrphan,
        Self::RecoveryPointsDeleted,
        Self::IrreversibleLock,
        Self::CredentialGap,
        Self::PrivilegeWidened,
        Self::TrustWidened,
        Self::BroadSelection,
        Self::StartsInstances,
        Self::UnknownFieldDropped,
        Self::BackedUpTwice,
        Self::CompetingAssociation,
        Self::RunsAsSystem,
        Self::SharedResource,
        Self::LargeChange,
    ];

    /// Returns the name, such as `protection-gap`.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProtectionGap => "protection-gap",
            Self::VssDisabled => "vss-disabled",
            Self::VssUnavailable => "vss-unavailable",
            Self::RetentionShortened => "retention-shortened",
            Self::RetentionOrphan => "retention-orphan",
            Self::RecoveryPointsDeleted => "recovery-points-deleted",
            Self::IrreversibleLock => "irreversible-lock",
            Self::CredentialGap => "credential-gap",
            Self::PrivilegeWidened => "privilege-widened",
            Self::TrustWidened => "trust-widened",
            Self::BroadSelection => "broad-selection",
            Self::StartsInstances => "starts-instances",
            Self::UnknownFieldDropped => "unknown-field-dropped",
            Self::BackedUpTwice => "backed-up-twice",
            Self::CompetingAssociation => "competing-association",
            Self::RunsAsSystem => "runs-as-system",
            Self::SharedResource => "shared-resource",
            Self::LargeChange => "large-change",
        }
    }

    /// Tells whether it stays a hazard when the whole stack is destroyed.
    pub fn outlives_the_stack(self) -> bool {
        match self {
            Self::RetentionOrphan | Self::RecoveryPointsDeleted | Self::SharedResource => true,
            Self::ProtectionGap
            | Self::VssDisabled
            | Self::VssUnavailable
            | Self::RetentionShortened
            | Self::IrreversibleLock
            | Self::CredentialGap
            | Self::PrivilegeWidened
            | Self::TrustWidened
            | Self::BroadSelection
            | Self::StartsInstances
            | Self::UnknownFieldDropped
            | Self::BackedUpTwice
            | Self::CompetingAssociation
            | Self::RunsAsSystem
            | Self::LargeChange => false,
        }
    }
}

impl fmt::Display for Hazard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Reports a text that names no hazard.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("there is no hazard `{text}`{}", meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default())]
pub struct HazardError {
    /// What was given.
    pub text: String,
    /// What was probably meant.
    pub meant: Option<Hazard>,
}

impl FromStr for Hazard {
    type Err = HazardError;

    fn from_str(text: &str) -> Result<Self, HazardError> {
        Self::ALL.into_iter().find(|hazard| hazard.name() == text).ok_or_else(|| {
            let likeness = |hazard: &Self| strsim::jaro_winkler(hazard.name(), &text.to_lowercase());
            let meant = Self::ALL.into_iter().max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
            HazardError { text: text.to_owned(), meant: meant.filter(|hazard| likeness(hazard) > 0.8) }
        })
    }
}

/// One hazard of one step, and what it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HazardNote {
    /// What consent is asked for.
    pub hazard: Hazard,
    /// What is lost, for whom and until when, in part of a sentence.
    pub why: String,
}

impl HazardNote {
    /// Makes a note of what is lost and for whom, and of its end, which begins with `until`.
    pub fn new(hazard: Hazard, what: impl fmt::Display, end: impl fmt::Display) -> Self {
        Self { hazard, why: format!("{what}, {end}") }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_hazard_is_found_by_its_name_and_a_slip_is_corrected() {
        for hazard in Hazard::ALL {
            assert_eq!(hazard.name().parse(), Ok(hazard));
            assert_eq!(serde_json::to_value(hazard).ok(), Some(Value::from(hazard.name())));
        }
        let slip = "protecton-gap".parse::<Hazard>().expect_err("a slip");
        assert_eq!(slip.to_string(), "there is no hazard `protecton-gap`; did you mean `protection-gap`?");
        assert_eq!("all".parse::<Hazard>().map_err(|error| error.meant), Err(None));
    }

    #[test]
    fn every_hazard_is_documented() {
        let text = include_str!("../../docs/hazards.md");
        for hazard in Hazard::ALL {
            assert!(text.contains(&format!("| `{hazard}` |")), "docs/hazards.md lacks {hazard}");
        }
    }
}
