//! One page that an auditor can keep: the verdict, the backups over time, and the evidence for every instance.
//!
//! A page is one file. It asks for nothing from anywhere, has no script, and a policy in it forbids both to whatever
//! slipped in. It is read in light and dark, on paper, on a narrow screen, by keyboard and by ear, and no meaning is in
//! a colour alone. It is XML as well as HTML, so that tests and other people's programs can parse it. The same evidence
//! makes the same bytes: the date in it is the evidence's, not the day of the rendering.

mod chart;
mod coverage;
mod escape;
mod jobs;
mod page;
mod plans;
mod verify;

pub use coverage::coverage;
pub use verify::verify;

use crate::model::Scope;

/// Whose account was read, by whom, and for which file.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Stack, account and region.
    pub scope: &'a Scope,
    /// The ARN of who read.
    pub caller: &'a str,
    /// The name of the configuration file.
    pub file: &'a str,
    /// Its SHA-256.
    pub digest: &'a str,
    /// The account is the simulated one, and nothing of it is true.
    pub sandbox: bool,
}

/// The most instances with a block of their own, and with that the size of a page.
const INSTANCES: usize = 2_000;

#[cfg(test)]
mod tests;
