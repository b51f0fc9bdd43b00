//! What is live, for other tools: a template of AWS CloudFormation, and configuration of Terraform. Pure.

pub mod cloudformation;
mod hcl;
mod template;
pub mod terraform;

use crate::config::export::Gap;

/// What was written for another tool.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The text.
    pub text: String,
    /// What it does not say.
    pub gaps: Vec<Gap>,
    /// The resources in it, as the tool counts them.
    pub resources: usize,
}
