//! One page that an auditor can keep: the verdict, the backups over time, and the evidence for every instance.
//!
//! A page is one file. It loads nothing and has no script, and its content security policy forbids both, should foreign
//! text ever get through as markup. It can be read in a light and a dark theme, on paper, on a narrow screen, with the
//! keyboard and with a screen reader, and no meaning is in a colour alone. It is XML as well as HTML, so that tests and
//! other people's programs can parse it. The same evidence makes the same bytes: the date in it is the evidence's, not
//! the day of the rendering.

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
    /// The ARN of the caller that read the account.
    pub caller: &'a str,
    /// The name of the configuration file.
    pub file: &'a str,
    /// Its SHA-256.
    pub digest: &'a str,
    /// Whether the account is simulated, so that nothing on the page is true.
    pub sandbox: bool,
}

/// The most instances with a block of their own, and with that the size of a page.
const INSTANCES: usize = 2_000;

#[cfg(test)]
mod tests;
