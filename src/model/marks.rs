//! The tag keys and the token prefix that say whose a resource is. `kind::marks` writes and reads them.

/// The tag that names the owning stack.
pub const STACK: &str = "vssctl:stack";
/// The tag that holds the address.
pub const ID: &str = "vssctl:id";
/// The tag that lists the tag keys that we wrote.
pub const KEYS: &str = "vssctl:keys";
/// The tag that names the stack's region. Only IAM resources have it, because IAM is not regional.
pub const REGION: &str = "vssctl:region";
/// The reserved prefix of tag keys.
pub const PREFIX: &str = "vssctl:";
/// The prefix of the tokens that vssctl makes.
pub const TOKEN: &str = "v1.";
