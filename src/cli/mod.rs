//! The command line: arguments in, exit code out. One file for each command; [`ui`] is the only module that prints or
//! asks, [`exit`] has the exit codes.

pub mod exit;

pub mod ui;

mod adopt;
mod apply;
mod arguments;
mod backup;
mod base;
mod clock;
#[cfg(test)]
mod commands_tests;
mod completion;
mod connection;
mod coverage;
mod destroy;
mod doctor;
mod drift;
mod events;
mod explain;
mod export;
mod file;
mod fmt;
mod formats;
mod github;
mod graph;
mod init;
mod interrupt;
mod invocation;
mod lease;
mod log;
mod migrate;
mod names;
mod output;
mod pace;
mod permissions;
mod plan;
mod proof;
mod pull;
mod rewrite;
mod run;
mod sandbox;
mod saved;
mod schema;
mod session;
mod show;
mod shown;
mod spectator;
mod stats;
mod terminal;
mod unlock;
mod validate;
mod verify;
mod version;

pub use arguments::command;
pub use run::main;
