//! The one integration test binary: every further binary would link over a hundred megabytes.

mod bench;
mod cli;
mod convergence;
mod documents;
mod faults;
mod harness;
mod hazards;
mod kind_contract;
mod planning;
mod saved_plans;
mod scenarios;
