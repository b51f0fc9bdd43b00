//! Configuration files: reading, checking and resolving them into desired resources. Everything but the reading of
//! files is pure.
//!
//! A file goes through these steps, each of which reports all the problems that it finds: [`read`](self) (bounded,
//! UTF-8), TOML with spans, `extends` and `[defaults]` merged as trees, the structure against the JSON Schema of the
//! types, and the kinds' resolvers with AWS's limits. What comes out is in normal form: presets, defaults and
//! references are in place.

pub mod cloudformation;
pub mod consent;
mod context;
mod documents;
pub mod edit;
pub mod entry;
pub mod export;
mod folder;
mod foreign;
pub mod formatting;
mod grammar;
mod layout;
pub(crate) mod limits;
mod lints;
mod load;
pub(crate) mod names;
pub(crate) mod presets;
mod problems;
mod read;
mod resolve;
mod schema;
mod sizes;
mod spec;
mod stack;
mod structure;
mod tags;
#[cfg(test)]
mod tests;
mod tree;

pub use folder::{Shelf, ShelfError};
pub use limits::{FILE as LARGEST_FILE, RESOLVED};
pub use load::{Config, Loaded, decode_written, load, load_shelf, load_text, read_written, syntax};
pub(crate) use presets::of_role as preset_of;
pub use schema::schema;
