//! An on-demand backup: which instance, vault and role are meant, what came of it, and which line of the file makes it
//! better.

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

/// A place in the file, and what belongs there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The entry; none where there is none yet.
    pub location: Option<Location>,
    /// The lines of TOML.
    pub toml: Vec<String>,
    /// What to do with them.
    pub advice: String,
}

/// What an on-demand backup came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The instance's id.
    pub id: String,
    /// The instance as people look for it.
    pub title: String,
    /// The job with AWS's evidence.
    pub proof: Proof,
    /// The image with its tags, whatever the job says.
    pub image: Option<ImageProof>,
    /// Why it is not better.
    pub causes: Vec<Cause>,
    /// What the file needs.
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
