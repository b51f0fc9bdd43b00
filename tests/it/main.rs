//! The one integration test binary: every further binary would link over a hundred megabytes.

mod cli;
mod harness;
mod scenarios;
