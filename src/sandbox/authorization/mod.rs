//! Tells which permissions a request needs (IAM actions, resources, condition keys), and whether the policies of its
//! access key allow all of them.
//!
//! Written from the Service Authorization Reference (the tables of actions, resources and condition keys of IAM, AWS
//! Backup, AWS Backup Storage, Systems Manager, EC2 and Resource Groups Tagging), the access control page of the AWS
//! Backup guide, and "Tagging IAM resources" for tags in creating calls. An access key without policies may do
//! everything.

mod backup;
mod ec2;
mod iam;
mod needs;
mod restrictions;
mod ssm;

pub(super) use needs::Call;
pub use restrictions::Authorization;
pub(super) use restrictions::Restrictions;
