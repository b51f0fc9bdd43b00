//! How a simulated AWS says that its clock is not the machine's.

/// The header of every answer of the sandbox: by how many milliseconds its clock, which the `Date` header shows, is ahead
/// of the machine's at that moment. A client that compares its own clock with AWS's takes it off.
pub const HEADER: &str = "x-vssctl-sandbox-shift";
