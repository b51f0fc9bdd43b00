//! What a kind is: the trait that each folder of `kinds/` implements, and the shapes that plan, apply and the renderers
//! understand. The registry of the kinds is in `kinds/`.
//!
//! A kind turns a file's entry and a live object into the same *normal form*, a JSON map of fields. Everything that
//! compares, orders, shows or saves works on normal forms and never asks which kind it holds.

mod carried;
mod contract;
mod desired;
pub mod diff;
mod field;
pub(crate) mod form;
mod holder;
mod live;
pub mod marks;
pub mod overlay;
pub mod reference;
pub mod slip;
pub(crate) mod targets;
pub mod terraform;
mod transition;
pub(crate) mod value;
pub mod values;

pub use carried::Carried;
pub use contract::{Conflict, Kind, Look, PassedRole};
pub use desired::Desired;
pub use field::{Field, Fields, Shape};
pub use holder::{Holder, HolderKind};
pub use live::{Found, KindLive, Live, Owner};
pub use reference::Reference;
pub use transition::{Calls, Rings, Transition};
