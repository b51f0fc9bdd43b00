//! Hazards: what a plan does that may be regretted, and that nobody should do by accident. Each is found by comparing
//! what is live with what will be, without asking AWS anything more than was read; each needs consent by its name.
//! `--yes` covers none.
//!
//! Making something new is no hazard, except where it can't be undone (`irreversible-lock`), reaches further than
//! people mean (`broad-selection`), takes the package off instances (`vss-unavailable`), starts servers
//! (`starts-instances`), runs scripts on them that are not AWS's for VSS (`runs-as-system`), or does what others do too
//! (`backed-up-twice`, `competing-association`). Destroying the whole stack says of itself what is lost and asks for
//! the stack's name: what stops working then is no hazard, what can't be brought back is.

mod backup;
mod competing;
mod find;
mod iam;
mod notes;
mod powers;
mod restore_test;
mod runs_as_system;
mod subject;
mod systems;
mod twice;
mod whom;

pub use crate::model::hazard::{Hazard, HazardNote};
pub use find::{all, unconsented, unused};
pub(super) use find::{attach, find};
pub(super) use iam::still_needs;
pub(super) use subject::ours;
