//! A simulated AWS account at the wire.

pub mod account;
