//! The read-only client.

/// A client that can only read.
#[derive(Debug)]
pub struct Reader {}
