//! How long a run waits for the lease.

use std::time::Duration;

/// Parses how long to wait for the lease, such as `90s`, `10m` or `1h`.
pub(super) fn patience(text: &str) -> Result<Duration, String> {
    let help = || "write it like `90s`, `10m` or `1h`".to_owned();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let unit = text.chars().last().ok_or_else(help)?;
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| help())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return Err(help()),
    };
    match number.checked_mul(seconds) {
        Some(seconds) if seconds <= 86_400 => Ok(Duration::from_secs(seconds)),
        Some(_) | None => Err("a day is the most".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_has_a_unit_and_an_end() {
        assert_eq!(patience("0"), Ok(Duration::ZERO));
        assert_eq!(patience("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(patience("10m"), Ok(Duration::from_mins(10)));
        for text in ["", "10", "m", "-1m", "1d", "25h", "18446744073709551615h", "1µ"] {
            assert!(patience(text).is_err(), "{text}");
        }
    }
}
