//! The lease of a stack: one run at a time writes.
//!
//! [`machine`] is the protocol, pure; a model of it is checked exhaustively by the tests. `client` does what it says,
//! in Parameter Store. `docs/lease.md` is for people.

mod client;
mod holder;
pub mod machine;
#[cfg(test)]
mod model;
mod record;
mod store;
mod take;

pub use client::{Lease, Seen, see, unlock};
pub use holder::{Holder, Kept, NotReturned};
pub use machine::Timing;
pub use record::{Record, State};
pub use store::Store;
pub use take::{LeaseError, Request};
