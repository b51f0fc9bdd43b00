//! The header by which the simulated account tells its time to whoever compares its clock with the machine's.

/// The header of the simulated account's answers that says how far its clock is ahead of the machine's, in
/// milliseconds, negative when it is behind. A client thereby tells an account whose time was advanced from a machine
/// with a wrong clock.
pub const SANDBOX_SHIFT: &str = "x-vssctl-sandbox-shift";
