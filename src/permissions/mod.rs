//! The least that vssctl itself must be allowed, for one file: IAM policy documents computed from the file and from one
//! table of every call that vssctl makes ([`table`]).
//!
//! What exists is recognised as the stack's own by the tag `vssctl:stack`; what is to be made is named exactly, and
//! must get that tag in the creating call. `sts:GetCallerIdentity` needs no permission.

mod documents;
mod facts;
mod row;
pub mod table;
#[cfg(test)]
mod tests;
mod trust;

pub use documents::{LIMIT, Purpose, documents};
pub use facts::Facts;
pub use row::{Action, Reach, Row, Target};
pub use trust::{Place, Platform, TrustError, trust};
