//! Carries out a plan: the steps side by side as their order allows, each call as the plan spells it out. Nothing is
//! chosen here and nothing is rolled back: running again converges.

pub mod lease;
pub mod leftovers;
mod perform;
mod report;
mod reveal;
mod run;

pub use perform::Perform;
pub use report::{Event, Left, Leftover, Link, Outcome, Report, Status};
pub use reveal::Revealing;
pub use run::{Options, run};
