//! An on-demand backup: the choice of the instance, vault and role, the result, and the lines of the file that mend
//! what went wrong.

use schemars::JsonSchema;
use serde::Serialize;

use super::verify::{Cause, ImageProof, Outcome, Proof};
use crate::kind::Desired;
use crate::model::{KindId, Location};

mod causes;
mod lines;
mod order;

pub use causes::{causes, meaning};
pub use lines::lines;
pub use order::{BackupRole, OrderError, instance, retention, role, vault};

/// An entry of the file, and the lines that belong there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Line {
    /// The place of the entry; `None` where the file does not have it yet.
    pub location: Option<Location>,
    /// The lines of TOML.
    pub toml: Vec<String>,
    /// What to do with them.
    pub advice: String,
}

/// The result of an on-demand backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Report {
    /// The instance's id.
    pub id: String,
    /// The instance's name and id, as texts show them.
    pub title: String,
    /// The job with AWS's evidence.
    pub proof: Proof,
    /// The image with its tags, also where the job does not say that VSS worked.
    pub image: Option<ImageProof>,
    /// Why the backup is not application-consistent.
    pub causes: Vec<Cause>,
    /// The lines that the file needs.
    pub lines: Vec<Line>,
}

impl Report {
    /// Tells whether AWS's own evidence says that the backup is application-consistent.
    pub fn is_consistent(&self) -> bool {
        self.proof.outcome == Outcome::Consistent
    }

    /// Tells whether there is a backup at all.
    pub fn is_backup(&self) -> bool {
        !matches!(self.proof.outcome, Outcome::Failed | Outcome::Unended | Outcome::Gone { .. })
    }
}

fn entries(desired: &[Desired], kind: KindId) -> impl Iterator<Item = &Desired> {
    desired.iter().filter(move |entry| entry.address.kind() == kind)
}

#[cfg(test)]
mod tests;
