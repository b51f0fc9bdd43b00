//! The client that writes.

/// A client that can write.
#[derive(Debug)]
pub struct Writer {}
