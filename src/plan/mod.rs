//! Plans: what differs, in which order it is put right, and the calls that do it. Pure and synchronous: no clock, no
//! I/O. A plan is data; execution makes no choices.

pub(crate) mod access;
mod beside;
pub mod build;
mod calls;
pub mod causes;
pub mod check;
mod content;
mod draft;
pub mod drift;
pub mod file;
pub mod fingerprint;
pub mod hazard;
mod holders;
mod live_names;
mod near;
pub mod order;
mod precedence;
mod prune;
pub mod quotas;
pub mod references;
mod renames;
mod rivals;
mod rounds;
mod seconds;
mod security;
mod seen;
mod servers;
pub mod since;
mod spread;
mod targets;
mod unreached;
mod unreadable;
mod verdict;

pub use beside::{Beside, beside};
pub use content::{Change, FORMAT, Orphan, Plan, Step, Summary, Verdict};
pub use draft::{Input, Options};
pub use hazard::{Hazard, HazardNote};
pub use security::{About, Security, Sign, Statement, Turn};
pub use seen::{Seen, Timetable, Told};
