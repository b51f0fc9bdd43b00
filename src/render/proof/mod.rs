//! The results of `verify`, `doctor` and `coverage`: for people, for pull requests, and for programs that collect
//! results.

mod blocks;
pub mod coverage;
pub mod doctor;
pub mod junit;
pub mod markdown;
pub mod prometheus;
pub mod sarif;
pub mod summary;
pub mod verify;

use blocks::{MOST, head, headline, line, tally, unread};
pub(super) use blocks::{counted, title};
