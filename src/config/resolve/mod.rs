//! Turns the entries of a file into desired things in normal form, and holds each against AWS's limits on the way. One
//! file for each kind.

mod across;
mod attachment;
mod declare;
mod file;
mod iam;
mod package;
mod plan;
mod region_settings;
mod role;
mod selection;
mod values;
mod vault;

pub(crate) use file::all;
