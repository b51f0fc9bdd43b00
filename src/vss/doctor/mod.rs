//! Why VSS would not work: the checks of [`catalogue`] on what was read of an account.
//!
//! A check finds a fault, finds none, or cannot decide because something could not be read. Where one fault explains
//! another, only the first is a finding: a stopped instance gets no finding about its silent agent. What AWS documents
//! nowhere is advice at most.

use std::collections::BTreeSet;

mod access;
mod agent;
mod backups;
pub mod catalogue;
mod cluster;
mod copies;
mod declared;
mod diagnosis;
mod examine;
mod inside;
pub mod inspection;
mod keys;
mod network;
mod notes;
mod patient;
mod permissions;
mod plans;
mod restore;
mod selected;

pub use super::declared::{DeclaredPackage, File};
pub use catalogue::{CHECKS, Check, Page, Severity};
pub use diagnosis::{Diagnosis, Finding, Subject, Undecided};
pub use examine::{diagnose, examined};

use notes::{Notes, why};
use patient::Patient;

/// What to examine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Only these instances, by id; else those that plans with VSS select, and where there are none every Windows
    /// instance.
    pub only: BTreeSet<String>,
    /// What the file declares; nothing where there is none.
    pub file: File,
}

#[cfg(test)]
mod tests;
