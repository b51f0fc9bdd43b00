//! `init --from-cloudformation`: reads a CloudFormation template, such as the announcement's, and writes the file that
//! declares the same resources. Pure: text in, text and problems out.
//!
//! A template goes through these steps: `document` (a tree with places), `expand` (loops), `evaluate` (functions and
//! conditions, whose result is a tree of `solved` values), `round` (an entry of the file for each resource), `account`
//! (what nobody read is named), `write`, and `findings` (the file is checked as `validate` checks it). Nothing is lost
//! without a word: a value that the template does not say is a gap that the file marks with `TODO`.

mod account;
mod backup;
mod block;
mod conditions;
mod document;
mod evaluate;
mod expand;
mod findings;
mod flow;
mod foreign;
mod iam;
mod import;
mod package;
mod restore;
mod round;
mod solved;
mod spot;
mod template;
#[cfg(test)]
mod tests;
mod types;
mod write;

pub use import::{Imported, import};
pub use template::Given;
