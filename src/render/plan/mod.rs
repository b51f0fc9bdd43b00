//! Plans for pipelines: what reviewers, platforms and policy checkers read. Pure functions of a saved plan: the same
//! plan gives the same bytes, and text from the file or from AWS can't break out of any of the formats.

pub mod github;
pub mod gitlab;
pub mod markdown;
mod notable;
pub mod sarif;
pub mod tfplan;

pub use notable::{Level, Notable, notable};
