//! What a request needs: which IAM actions, on which resources, with which condition keys; and whether the policies of
//! its access key allow all of that.
//!
//! From the Service Authorization Reference (the tables of actions, resources and condition keys of IAM, AWS Backup, AWS
//! Backup Storage, Systems Manager, EC2, Resource Groups Tagging), the access control page of the AWS Backup guide, and "Tagging
//! IAM resources" for tags in creating calls. An access key without policies may do everything.

mod backup;
mod ec2;
mod iam;
mod needs;
mod restrictions;
mod ssm;

pub(super) use needs::Call;
pub use restrictions::Authorization;
pub(super) use restrictions::Restrictions;
