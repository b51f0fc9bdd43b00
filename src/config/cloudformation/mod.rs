//! `init --from-cloudformation`: reads a CloudFormation template, such as the announcement's, and writes the file that
//! declares the same resources. Pure: text in, text and problems out. What the file format has no word for is named,
//! and left out.

mod document;
mod iam;
mod import;
mod regional;
mod resolve;
mod tables;
mod template;
#[cfg(test)]
mod tests;

pub use import::{Imported, import};
