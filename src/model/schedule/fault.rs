//! What is wrong with a part of a schedule, and where.

use std::ops::Range;

/// What the parser of a part reports: the place and the problem.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) range: Range<usize>,
    pub(super) problem: String,
}

impl Fault {
    pub(super) fn new(range: Range<usize>, problem: impl Into<String>) -> Self {
        Self { range, problem: problem.into() }
    }
}
