//! What an examination finds.

use schemars::JsonSchema;
use serde::Serialize;

use super::Severity;
use crate::vss::Moment;
use crate::vss::evidence::{Instance, Unread};

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// An instance.
    Instance {
        /// Its id.
        id: String,
        /// Its name.
        name: String,
    },
    /// A backup plan.
    Plan {
        /// Its name.
        name: String,
    },
    /// A selection.
    Selection {
        /// Its plan's name.
        plan: String,
        /// Its name.
        name: String,
    },
    /// A role.
    Role {
        /// Its ARN.
        arn: String,
    },
    /// A KMS key.
    Key {
        /// Its ARN.
        arn: String,
    },
    /// The region's settings.
    Region {
        /// Its name.
        name: String,
    },
}

impl Subject {
    pub(super) fn instance(instance: &Instance) -> Self {
        Self::Instance { id: instance.id.clone(), name: instance.name.clone() }
    }

    /// Returns where subjects of its sort stand: servers first.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Instance { .. } => 0,
            Self::Plan { .. } => 1,
            Self::Selection { .. } => 2,
            Self::Role { .. } => 3,
            Self::Key { .. } => 4,
            Self::Region { .. } => 5,
        }
    }

    /// Returns the subject as texts show it.
    pub fn title(&self) -> String {
        match self {
            Self::Instance { id, name } if name.is_empty() => id.clone(),
            Self::Instance { id, name } => format!("{name} ({id})"),
            Self::Plan { name } => format!("plan {name}"),
            Self::Selection { plan, name } => format!("selection {plan}/{name}"),
            Self::Role { arn } => format!("role {}", arn.rsplit('/').next().unwrap_or(arn)),
            Self::Key { arn } => format!("key {}", arn.rsplit('/').next().unwrap_or(arn)),
            Self::Region { name } => format!("region {name}"),
        }
    }
}

/// A fault that a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// The check.
    pub check: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// About what.
    pub subject: Subject,
    /// What is wrong, in a sentence without its full stop.
    pub problem: String,
    /// What was seen.
    pub evidence: Vec<String>,
    /// What to do.
    pub remedy: String,
    /// The title of AWS's page.
    pub page: &'static str,
    /// Its address.
    pub url: &'static str,
}

/// A check that could not decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Undecided {
    /// The check.
    pub check: &'static str,
    /// About what.
    pub subject: Subject,
    /// What was missing.
    pub reason: String,
}

/// The result of an examination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Diagnosis {
    /// When the account was read.
    pub read_at: Moment,
    /// The instances that were examined.
    pub examined: Vec<Subject>,
    /// The instances that were looked into.
    pub inspected: usize,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// What could not be decided because AWS did not say.
    pub undecided: Vec<Undecided>,
    /// The checks that need a look inside, where not every instance was looked into.
    pub not_looked: Vec<&'static str>,
    /// The instances of which no source tells whether they have the package: no backup, no installation, no look
    /// inside.
    pub unknown_packages: Vec<Subject>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

impl Diagnosis {
    /// Counts the findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Tells whether something is to be done; advice is not.
    pub fn has_findings(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity != Severity::Advice)
    }

    /// Tells whether something could not be told that backups depend on. Who may restore an instance is chosen when
    /// that is asked for, and a doubt about it stands beside the result.
    pub fn has_unknown(&self) -> bool {
        self.undecided.iter().any(|undecided| undecided.check != "D025") || !self.unread.is_empty()
    }
}
