//! Configuration files: reading, checking and resolving them into desired things. Pure but for the reading of files.
//!
//! A file goes through these steps, each of which reports all the problems that it finds: [`read`](self) (bounded, UTF-8),
//! TOML with spans, `extends` and `[defaults]` merged as trees, the structure against the JSON Schema of the types, and
//! the kinds' resolvers with AWS's limits. What comes out is in normal form: presets, defaults and references are in place.

pub mod cloudformation;
mod context;
mod documents;
mod explain;
mod foreign;
pub mod form;
mod grammar;
pub(crate) mod limits;
mod lints;
mod load;
pub(crate) mod names;
mod presets;
mod problems;
mod read;
mod resolve;
mod schema;
mod source;
mod spec;
mod structure;
mod tags;
#[cfg(test)]
mod tests;
mod tree;
pub mod values;

use serde_json::Value;

pub use explain::{Explanation, codes, explain};
pub use limits::RESOLVED;
pub use load::{Config, Loaded, Thresholds, load, load_text};
pub(crate) use presets::managed_policy_arn;
pub(crate) use resolve::trusts;
pub use source::Sources;

/// Returns the JSON Schema (draft-07) of the file.
pub fn schema() -> Value {
    schema::get().clone()
}
