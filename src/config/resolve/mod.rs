//! Turns the entries of a file into desired resources in normal form, and checks each against AWS's limits on the way.
//! There is one file for each kind.

mod across;
mod attachment;
mod declare;
mod file;
mod iam;
mod package;
mod plan;
mod region_settings;
mod restore_test;
mod role;
mod rule;
mod selection;
mod values;
mod vault;

pub(crate) use file::all;
