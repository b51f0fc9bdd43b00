//! Collects the problems of a run with their places.

use crate::model::safe::Safe;
use crate::model::{Diagnostic, Diagnostics};

use crate::model::source::{Place, Sources};

/// The problems so far, and the texts that they are in.
#[derive(Debug)]
pub(crate) struct Problems<'a> {
    pub(crate) sources: &'a mut Sources,
    pub(crate) found: Diagnostics,
}

impl<'a> Problems<'a> {
    /// Makes an empty list.
    pub(crate) fn new(sources: &'a mut Sources) -> Self {
        Self { sources, found: Diagnostics::default() }
    }

    /// Adds a problem at a place.
    pub(crate) fn add(&mut self, place: &Place, diagnostic: Diagnostic) {
        if *place == Place::NOWHERE {
            return;
        }
        let location = self.sources.locate(place);
        self.found.push(diagnostic.located(Some(location)));
    }

    /// Returns the text at a place.
    pub(crate) fn text(&self, place: &Place) -> &str {
        self.sources.slice(place)
    }
}

/// Makes foreign text safe for a message: it is escaped and fits into one line.
pub(crate) fn safe(text: &str) -> String {
    const LONGEST: usize = 200;
    let shown = Safe(text).to_string();
    match shown.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &shown[..end]),
        None => shown,
    }
}
