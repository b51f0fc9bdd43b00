//! The one integration test binary: every further binary would link over a hundred megabytes.

mod cli;
mod faults;
mod harness;
mod scenarios;
