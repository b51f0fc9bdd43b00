//! The one integration test binary: every further binary would link over a hundred megabytes.

#![expect(clippy::print_stdout, reason = "simulations print their figures")]

mod architecture;
mod attachments;
mod backup;
mod bench;
mod catalogue;
mod cli;
mod clock;
mod command_lines;
mod commands;
mod competing;
mod consents;
mod convergence;
mod copies;
mod credentials;
mod cut;
mod doctor;
mod documents;
mod ec2;
mod export;
mod faults;
mod first_hour;
mod fmt;
mod from_cloudformation;
mod fuzz;
mod gate;
mod graph;
mod guards;
mod harness;
mod hazards;
mod hazards_of_loss;
mod keyed_records;
mod kind_contract;
mod largest;
mod lease;
mod lease_faults;
mod lenses;
mod output;
mod ownership;
mod partitions;
mod permissions;
mod pipeline;
mod plan_formats;
mod plan_reading;
mod planned_calls;
mod planning;
mod policy_names;
mod processes;
mod proof;
mod proof_cli;
mod proof_summary;
mod pull;
mod quotas;
mod rates;
mod references;
mod remedies;
mod renames;
mod restore_tests;
mod saved_plans;
mod scenarios;
mod schemas;
mod security;
mod servers;
mod strangers;
mod swaps;
mod systems;
mod twice;
mod unmodelled;
mod untrusted_files;
mod words;

/// A quarter of a simulation was spent in the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
