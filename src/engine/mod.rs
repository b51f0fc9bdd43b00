//! What a run is: opening a session, planning, asking for consent, taking the lease, reading again, applying, reading
//! what came of it, waiting for instances. It knows no terminal: whoever calls it is its [`Audience`], which is told
//! what happens and asked what only a person can answer, and gets a value back ([`Ended`]).
//!
//! `apply`, `destroy` and `adopt` are this, and so is everything that the tests apply.

mod audience;
mod ended;
mod error;
mod guard;
mod run;
mod session;
mod timings;
mod wait;

pub use audience::{Audience, Consent, News};
pub use ended::{End, Ended};
pub use error::{ClockGap, EngineError, OpenError};
pub use guard::Exclusion;
pub use run::{Order, Reviewed, carry_out};
pub use session::{Purpose, Session, Tempo, whose};
pub use timings::{Part, Timings};
pub use wait::PATIENCE;
