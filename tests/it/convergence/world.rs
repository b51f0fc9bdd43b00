//! Files of every key that the schema has, what they ask for in AWS's own words, and how much of it a run reached.

pub(crate) mod coverage;
pub(crate) mod document;
pub(crate) mod files;
pub(crate) mod lens;
pub(crate) mod oracle;
pub(crate) mod schema;
mod values;
