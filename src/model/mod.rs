//! The words that every other module speaks: addresses, places in a file, diagnostics, the scope of a run, ARNs,
//! schedules and durations. Pure: no I/O, no clock.

pub mod address;
pub mod arn;
pub mod clock;
pub mod diagnostic;
pub mod duration;
pub mod glob;
pub mod hash;
pub mod schedule;
pub mod scope;

pub use address::Address;
pub use diagnostic::{Diagnostic, Diagnostics, Location, Severity};
pub use scope::Scope;
