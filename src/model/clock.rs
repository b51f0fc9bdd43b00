//! What is said about clocks between the simulated account and whoever compares its clock with the machine's.

/// The header of the simulated account's answers with how far its clock is ahead of the machine's, in milliseconds,
/// negative when it is behind: an account whose time was advanced is no machine with a wrong clock.
pub const SANDBOX_SHIFT: &str = "x-vssctl-sandbox-shift";
