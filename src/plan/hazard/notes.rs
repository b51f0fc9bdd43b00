//! The hazards of one resource, as they are found.

use std::fmt::Display;

use super::{Hazard, HazardNote};

/// The hazards of one resource, each once.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<HazardNote>);

impl Notes {
    /// Notes what is lost and for whom, and the end of it, which begins with `until`.
    pub(super) fn add(&mut self, hazard: Hazard, what: impl Display, end: impl Display) {
        let note = HazardNote::new(hazard, what, end);
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    /// Keeps those that a question is answered with yes for.
    pub(super) fn retain(&mut self, keeps: impl Fn(&HazardNote) -> bool) {
        self.0.retain(keeps);
    }

    /// Returns them in the order in which they were found.
    pub(super) fn into_vec(self) -> Vec<HazardNote> {
        self.0
    }
}
