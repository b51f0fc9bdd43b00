//! The table: for every call that vssctl can make, the actions that AWS asks for, on which resources, under which
//! conditions, and why. A row is a statement of the printed documents; `needed` says which files print an action.
//!
//! Sources: the Service Authorization Reference for resources and condition keys; "Access control" in the AWS Backup
//! guide for what a vault needs besides; "Controlling access to IAM using tags", which also says that a role's tags do
//! not decide reliably about `iam:PassRole`, so that passed roles are named.

mod backup;
mod guards;
mod iam;
mod instances;
mod proof;
mod reads;

use super::row::Row;

/// The rows, in the order of the printed documents.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    [reads::ROWS, iam::ROWS, instances::ROWS, backup::ROWS, guards::ROWS, proof::ROWS].into_iter().flatten()
}
