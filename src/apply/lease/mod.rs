//! The lease of a stack: one run at a time writes.
//!
//! [`machine`] is the protocol, pure; a model of it is checked exhaustively by the tests. `client` does what it says, in
//! Parameter Store. `docs/lease.md` is for people.

mod client;
pub mod machine;
#[cfg(test)]
mod model;
mod record;

pub use client::{Holder, Kept, Lease, LeaseError, NotReturned, Request, Store, holder, unlock};
pub use machine::Timing;
pub use record::{Record, State};
