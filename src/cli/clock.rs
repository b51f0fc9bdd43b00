//! What is said where this machine's clock and AWS's are apart.

use crate::engine::ClockGap;

/// Says how far apart the clocks are, and what to do about it.
pub(super) fn clock_warning(gap: ClockGap) -> String {
    format!("{}: {MEND}", clocks_apart(gap))
}

/// What to do about it.
pub(super) const MEND: &str =
    "set the machine's clock, such as by `timedatectl set-ntp true` or `w32tm /resync`, and run it again";

/// Says how far apart the clocks are.
pub(super) fn clocks_apart(gap: ClockGap) -> String {
    let direction = if gap.ahead > 0 { "behind" } else { "ahead of" };
    let seconds = gap.ahead.unsigned_abs() / 1000;
    let length =
        if seconds < 120 { format!("{seconds} s") } else { format!("{} min {} s", seconds / 60, seconds % 60) };
    format!("this machine's clock is {length} {direction} AWS's")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_told_apart_with_direction_and_length() {
        assert_eq!(ClockGap::of(60_000), None);
        assert_eq!(ClockGap::of(-60_000), None);
        let said = |ahead| clocks_apart(ClockGap::of(ahead).expect("apart"));
        assert_eq!(said(61_000), "this machine's clock is 61 s behind AWS's");
        assert_eq!(said(-301_500), "this machine's clock is 5 min 1 s ahead of AWS's");
    }
}
