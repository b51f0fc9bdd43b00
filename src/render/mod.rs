//! Plans, reports and problems as text and JSON. Pure functions from data to strings: nothing here prints, and nothing
//! reads the clock, the environment or the terminal.
//!
//! Text is always styled with ANSI codes, and the code that prints it removes them where they are not wanted. Text that
//! comes from a file or from AWS goes through [`escaped`](crate::model::safe::escaped) first, so that it brings no
//! codes of its own.

pub mod backup;
pub mod diagnostics;
mod document;
pub mod drift;
pub mod envelope;
pub mod export;
mod fields;
pub mod graph;
pub mod html;
mod layout;
pub mod live;
pub mod output;
pub mod plan;
pub mod progress;
pub mod proof;
pub mod report;
mod runs;
pub mod sarif;
pub(crate) mod security;
pub mod stats;
pub mod text;
pub mod text_diff;
pub mod unified;
pub mod validate;

pub(crate) use layout::columns;
