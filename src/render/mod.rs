//! Plans, reports and problems as text and JSON. Pure functions from data to strings: nothing here prints, and nothing
//! reads the clock, the environment or the terminal.
//!
//! Text is styled with ANSI codes throughout; whoever prints it takes them out where they are not wanted. Everything
//! that comes from a file or from AWS goes through [`escaped`] first, so no foreign text can bring codes of its own.

pub mod backup;
pub mod diagnostics;
mod document;
mod fields;
pub mod html;
mod layout;
pub mod live;
pub mod progress;
pub mod proof;
pub mod report;
pub mod text;
pub mod text_diff;
