//! The one integration test binary: every further binary would link over a hundred megabytes.

mod bench;
mod cli;
mod convergence;
mod documents;
mod faults;
mod harness;
mod kind_contract;
mod lease;
mod planning;
mod scenarios;
