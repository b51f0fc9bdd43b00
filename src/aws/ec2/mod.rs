//! EC2 through the SDK's own runtime, without its generated crate: that crate alone costs more time and memory to
//! compile than all the rest, and vssctl makes a dozen of its six hundred calls.
//!
//! Only the shapes are written here. Signing, retries, timeouts and endpoint settings are the SDK's (`aws::runtime`).
//! `wire` writes requests and reads answers, `types` names what was read.

mod client;
mod types;
mod wire;

pub(super) use client::Client;
pub use types::{Image, Instance, ProfileAssociation, RouteTable, Snapshot, Volume, VpcEndpoint};
pub(super) use types::{association_in, read_each};
pub(super) use wire::{Element, Parameters};
