//! The words that every other module speaks: addresses, places in a file, diagnostics, the scope of a run, ARNs,
//! schedules and durations. Pure: no I/O, no clock.

pub mod address;
pub mod arn;
pub mod call;
pub mod change;
pub mod clock;
pub mod codes;
pub mod consent;
pub mod diagnostic;
pub mod duration;
pub mod glob;
pub mod hash;
pub mod hazard;
pub mod hidden;
pub mod instance_ids;
pub mod json;
pub mod kind_id;
pub(crate) mod managed_policies;
pub mod marks;
pub mod natural;
pub mod operation;
pub mod partition;
pub mod safe;
pub mod schedule;
pub mod scope;
pub mod service_role;
pub mod source;
pub mod thresholds;
pub mod unmodelled;

pub use address::Address;
pub use call::{Phase, PlannedCall};
pub use change::{Action, Cause, Display, FieldChange};
pub use consent::Consents;
pub use diagnostic::{Diagnostic, Diagnostics, Location, Severity};
pub use hazard::{Hazard, HazardError, HazardNote};
pub use hidden::Hidden;
pub use kind_id::{KindError, KindId};
pub use operation::Operation;
pub use scope::Scope;
pub use source::Sources;
pub use thresholds::Thresholds;
pub use unmodelled::Unmodelled;
