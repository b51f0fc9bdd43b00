//! TODO

pub mod spec;
