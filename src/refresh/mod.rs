//! Reads the live side of a plan: every kind side by side, through one read-only client whose lists they share.
//!
//! Who calls has made the account guard agree first (`aws::guard`); nothing here checks it again.

mod installed;

use futures_util::future::join_all;

use crate::aws::Reader;
pub use crate::aws::{Caller, GuardError, guard};
use crate::kind::{self, Desired, KindLive};

/// Reads what is live for the things of the file and what else the stack owns, by kind in the order of the registry.
///
/// What can't be read is `Found::Unknown`, never absent; reading as a whole does not fail.
pub async fn refresh(reader: &Reader, desired: &[Desired]) -> Vec<(&'static str, KindLive)> {
    let kinds = kind::registry().iter().map(|kind| async { (kind.name(), kind.refresh(reader, desired).await) });
    let mut live = join_all(kinds).await;
    let evidence = Box::pin(installed::read(reader, desired, &live)).await;
    installed::put(&mut live, evidence);
    live
}
