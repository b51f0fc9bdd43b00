//! Everything that reads AWS: the live side of a plan ([`refresh`]), and the evidence of the proofs ([`evidence`]).
//! Nothing here decides or changes anything.

pub mod backup;
pub mod evidence;
pub mod export;
mod installed;
mod jobs;
mod known;
mod listed;
mod live;
pub mod look;
mod others;
mod packages;
mod plans;
mod points;
mod quotas;
mod references;
mod roles;
mod stale;
mod surroundings;

pub use live::{LiveAccount, plan, refresh};
pub use stale::{Arns, arns, stale};
