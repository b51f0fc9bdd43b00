//! Durations as people write them (`30m`, `8h`, `35d`, `5w`, `1h30m`) and as the normal forms hold them.
//!
//! AWS counts backup windows in minutes, retention in days and role sessions in seconds; each has its module here, with
//! `parse` and the canonical `format`. Limits of single fields belong to the checks of the file.

/// Reports a text that is no duration of the wanted unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {problem}")]
pub struct DurationError {
    /// What was written.
    pub text: String,
    /// What is wrong with it, such as `has no unit`.
    pub problem: String,
    /// Texts that would do, such as `` `30m`, `8h` or `1d` ``.
    pub example: &'static str,
}

impl DurationError {
    /// Says what to write instead, as a sentence without a full stop.
    pub fn help(&self) -> String {
        format!("write it like {}", self.example)
    }
}

/// One kind of duration: the unit that AWS counts in and the units that a file may use.
struct Sort {
    /// What AWS counts, for messages.
    counts: &'static str,
    example: &'static str,
    /// The units that a file may use, from large to small, each with its length.
    units: &'static [(char, u32)],
    /// The units of the canonical text, from large to small.
    canonical: &'static [(char, u32)],
}

const UNITS: &[(char, &str)] = &[('w', "weeks"), ('d', "days"), ('h', "hours"), ('m', "minutes"), ('s', "seconds")];

impl Sort {
    fn parse(&self, text: &str) -> Result<u32, DurationError> {
        let fail = |problem: String| DurationError { text: text.to_owned(), problem, example: self.example };
        if text.is_empty() {
            return Err(fail("is no duration".to_owned()));
        }
        let mut rest = text;
        let mut sum: u32 = 0;
        let mut smallest: Option<(char, u32)> = None;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            let Some(unit) = tail.chars().next() else {
                return Err(fail("has a number without a unit".to_owned()));
            };
            if digits == 0 {
                let shown = if unit == '-' || unit == '+' { "is signed" } else { "has no number before its unit" };
                return Err(fail(shown.to_owned()));
            }
            if unit == '.' || unit == ',' {
                return Err(fail("is not a whole number".to_owned()));
            }
            let worth = self.worth(unit).map_err(fail)?;
            if smallest.is_some_and(|(_, before)| worth >= before) {
                return Err(fail("has its units out of order".to_owned()));
            }
            sum = number
                .parse::<u32>()
                .ok()
                .and_then(|number| number.checked_mul(worth))
                .and_then(|part| sum.checked_add(part))
                .ok_or_else(|| fail("is too long".to_owned()))?;
            smallest = Some((unit, worth));
            rest = &tail[unit.len_utf8()..];
        }
        Ok(sum)
    }

    fn worth(&self, unit: char) -> Result<u32, String> {
        if let Some((_, worth)) = self.units.iter().find(|(known, _)| *known == unit) {
            return Ok(*worth);
        }
        match UNITS.iter().find(|(known, _)| *known == unit.to_ascii_lowercase()) {
            Some((lower, _)) if *lower != unit => Err(format!("has the unit `{unit}` in upper case")),
            Some((_, plural)) => Err(format!("has {plural}, and AWS counts whole {} here", self.counts)),
            None => Err(format!("has the unknown unit `{}`", unit.escape_debug())),
        }
    }

    fn format(&self, amount: u32) -> String {
        for (unit, worth) in self.canonical {
            if amount != 0 && amount.is_multiple_of(*worth) {
                return format!("{}{unit}", amount / worth);
            }
        }
        let unit = self.canonical.last().map_or('s', |(unit, _)| *unit);
        format!("{amount}{unit}")
    }
}

/// Backup windows: whole minutes, canonical in the largest of `d`, `h`, `m` that divides.
pub mod minutes {
    use super::{DurationError, Sort};

    const SORT: Sort = Sort {
        counts: "minutes",
        example: "`30m`, `8h` or `1d`",
        units: &[('w', 10_080), ('d', 1_440), ('h', 60), ('m', 1)],
        canonical: &[('d', 1_440), ('h', 60), ('m', 1)],
    };

    /// Reads a text such as `8h` as minutes.
    pub fn parse(text: &str) -> Result<u32, DurationError> {
        SORT.parse(text)
    }

    /// Writes minutes as the normal forms do: 480 is `8h`, 90 is `90m`, 1440 is `1d`.
    pub fn format(minutes: u32) -> String {
        SORT.format(minutes)
    }
}

/// Retention: whole days, canonical in days.
pub mod days {
    use super::{DurationError, Sort};

    const SORT: Sort =
        Sort { counts: "days", example: "`35d` or `5w`", units: &[('w', 7), ('d', 1)], canonical: &[('d', 1)] };

    /// Reads a text such as `35d` or `5w` as days.
    pub fn parse(text: &str) -> Result<u32, DurationError> {
        SORT.parse(text)
    }

    /// Writes days as the normal forms do: 35 is `35d`.
    pub fn format(days: u32) -> String {
        SORT.format(days)
    }
}

/// Role sessions: whole seconds, canonical in the largest of `h`, `m`, `s` that divides.
pub mod seconds {
    use super::{DurationError, Sort};

    const SORT: Sort = Sort {
        counts: "seconds",
        example: "`1h`, `90m` or `12h`",
        units: &[('w', 604_800), ('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)],
        canonical: &[('h', 3_600), ('m', 60), ('s', 1)],
    };

    /// Reads a text such as `1h` as seconds.
    pub fn parse(text: &str) -> Result<u32, DurationError> {
        SORT.parse(text)
    }

    /// Writes seconds as the normal forms do: 3600 is `1h`, 5400 is `90m`.
    pub fn format(seconds: u32) -> String {
        SORT.format(seconds)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{days, minutes, seconds};

    #[test]
    fn a_duration_is_written_in_the_largest_unit_that_divides_it() {
        for (given, canonical) in [
            ("30m", "30m"),
            ("60m", "1h"),
            ("8h", "8h"),
            ("24h", "1d"),
            ("1h30m", "90m"),
            ("1w", "7d"),
            ("0m", "0m"),
            ("007m", "7m"),
        ] {
            assert_eq!(minutes::format(minutes::parse(given).unwrap()), canonical, "{given}");
        }
        assert_eq!(days::format(days::parse("5w").unwrap()), "35d");
        assert_eq!(seconds::format(seconds::parse("3600s").unwrap()), "1h");
        assert_eq!(seconds::format(43_200), "12h");
        assert_eq!(seconds::format(3_601), "3601s");
    }

    #[test]
    fn an_error_names_what_is_wrong_and_shows_what_would_do() {
        for (given, message) in [
            ("90s", "`90s` has seconds, and AWS counts whole minutes here"),
            ("8", "`8` has a number without a unit"),
            ("h", "`h` has no number before its unit"),
            ("", "`` is no duration"),
            ("-1h", "`-1h` is signed"),
            ("1.5h", "`1.5h` is not a whole number"),
            ("8H", "`8H` has the unit `H` in upper case"),
            ("8 hours", "`8 hours` has the unknown unit ` `"),
            ("1y", "`1y` has the unknown unit `y`"),
            ("30m1h", "`30m1h` has its units out of order"),
            ("1h1h", "`1h1h` has its units out of order"),
            ("99999999999d", "`99999999999d` is too long"),
            ("4294967295h", "`4294967295h` is too long"),
        ] {
            let error = minutes::parse(given).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert_eq!(error.help(), "write it like `30m`, `8h` or `1d`");
        }
        let error = days::parse("12h").unwrap_err();
        assert_eq!(error.to_string(), "`12h` has hours, and AWS counts whole days here");
    }

    proptest! {
        #[test]
        fn every_amount_reads_back_as_it_was_written(amount: u32) {
            prop_assert_eq!(minutes::parse(&minutes::format(amount)), Ok(amount));
            prop_assert_eq!(days::parse(&days::format(amount)), Ok(amount));
            prop_assert_eq!(seconds::parse(&seconds::format(amount)), Ok(amount));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = (minutes::parse(&text), days::parse(&text), seconds::parse(&text));
        }
    }
}
