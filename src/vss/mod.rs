//! The domain: what is known about instances and packages, and what follows from it. Pure.

pub mod gate;
pub mod migrate;
pub mod version;
