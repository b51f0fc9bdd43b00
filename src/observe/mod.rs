//! Everything that reads AWS: the live side of a plan ([`refresh`]), and the evidence of the proofs ([`evidence`]).
//! Nothing here decides or changes anything.

pub mod backup;
pub mod evidence;
mod installed;
pub mod look;
mod packages;
mod refresh;
mod surroundings;

pub use refresh::{LiveAccount, plan, refresh};
