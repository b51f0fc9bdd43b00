//! The limits that the file is held against. Sources: AWS's service models and quota pages, as of 2026; what AWS raises
//! on request is a warning, not an error. The limits of this program follow from each other, down to the size of a
//! saved plan (`plan::file::LARGEST`).

/// Bytes of a configuration file.
pub const FILE: u64 = 1024 * 1024;
/// Files that hold entries: one, and the one that it extends.
pub(crate) const FILES: u64 = 2;
/// Bytes that all resources of one stack come to at most, as a saved plan writes its entries: presets, defaults and
/// policy files are in place, and each value stands in a line of its own behind its indentation, which makes four bytes
/// of one.
pub const RESOLVED: u64 = 4 * FILES * FILE;
/// Bytes of the shortest line of an entry: `"a": 1,` behind eight blanks.
pub(crate) const LINE: u64 = 16;
/// Bytes of a policy file.
pub(crate) const DOCUMENT_FILE: u64 = 20 * 1024;
/// Policy files of one configuration.
pub(crate) const DOCUMENT_FILES: usize = 64;
/// Bytes of one string that is no policy document.
pub(crate) const STRING: usize = 4096;
/// Resources of one stack: room for every plan, vault and role that a region's quotas allow by default, and for their
/// children.
pub(crate) const RESOURCES: usize = 2000;
/// Entries, rules and selections included, beyond which a file is not resolved at all: each would be a resource.
pub(crate) const ENTRIES: usize = RESOURCES;
/// Values that defaults may add to the entries of a file altogether: more would not fit, each in its line, into
/// [`RESOLVED`].
pub(crate) const DEFAULT_VALUES: u64 = RESOLVED / LINE;
/// Tags that AWS takes for one resource.
pub(crate) const TAGS: usize = 50;
/// Tags of vssctl's own.
pub(crate) const MARKS: usize = 3;
/// Tags of vssctl's own on IAM resources.
pub(crate) const IAM_MARKS: usize = 4;
/// Characters of a trust policy without white space, by default.
pub(crate) const TRUST: usize = 2048;
/// Characters of a trust policy that no quota goes beyond.
pub(crate) const TRUST_MOST: usize = 8192;
/// Characters of all inline policies of a role together, without white space.
pub(crate) const INLINE: usize = 10_240;
/// Characters of a managed policy without white space.
pub(crate) const MANAGED: usize = 6144;
/// Managed policies of a role, by default.
pub(crate) const MANAGED_POLICIES: usize = 10;
/// Rules of a backup plan.
pub(crate) const RULES: usize = 10;
/// Selections of a backup plan.
pub(crate) const SELECTIONS: usize = 100;
/// Selections of a backup plan that go by tags alone.
pub(crate) const TAG_SELECTIONS: usize = 10;
/// Copy actions of a rule.
pub(crate) const COPIES: usize = 5;
/// Recovery point tags of a rule.
pub(crate) const RECOVERY_POINT_TAGS: usize = 10;
/// ARNs of a selection.
pub(crate) const ARNS: usize = 500;
/// ARNs of a selection, if one has a wildcard.
pub(crate) const WILDCARD_ARNS: usize = 30;
/// Tags, and conditions, of a selection.
pub(crate) const CONDITIONS: usize = 30;
/// Minutes of the shortest start window.
pub(crate) const START_WINDOW: u32 = 60;
/// Minutes of the longest window.
pub(crate) const WINDOW: u32 = 52_560_000;
/// Minutes of the start window that AWS Backup takes by default.
pub(crate) const DEFAULT_START_WINDOW: u32 = 480;
/// Days of the longest retention.
pub(crate) const RETENTION: u32 = 36_500;
/// Days that a backup stays in cold storage at least.
pub(crate) use crate::kinds::plan::lifecycle::COLD_DAYS as COLD;
/// Days of the longest retention of a continuous backup.
pub(crate) use crate::kinds::plan::lifecycle::CONTINUOUS_DAYS as CONTINUOUS;
/// Days of the shortest grace time of a compliance lock.
pub(crate) const GRACE: u32 = 3;
