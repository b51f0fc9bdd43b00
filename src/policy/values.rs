//! The values of conditions: one spelling where IAM reads several as the same value.
//!
//! IAM User Guide, "IAM JSON policy elements: Condition operators": `Bool` and `Null` take a truth, whose case does not
//! matter; `IpAddress` takes an address or a range in CIDR notation, and "if you specify an IP address without the
//! associated routing prefix, IAM uses the default prefix value of /32"; numbers and dates are compared by what they
//! mean. A value that can't be read as what its operator compares keeps its text, and so does a policy variable.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Brings a value into the one spelling that its operator knows. `operator` is spelled as the canonical form spells it.
pub(super) fn normal(operator: &str, value: String) -> String {
    let name = operator.split_once(':').map_or(operator, |(_, name)| name);
    let name = name.strip_suffix("IfExists").unwrap_or(name);
    let spelled = match name {
        "Bool" | "BoolNotEquals" | "Null" => truth(&value),
        "IpAddress" | "NotIpAddress" => Range::read(&value).map(Range::text),
        _ if name.starts_with("Numeric") => number(&value),
        _ if name.starts_with("Date") => moment(&value).map(|moment| moment.to_string()),
        _ => None,
    };
    spelled.unwrap_or(value)
}

/// Folds a value for comparison only: the text that people read keeps its case.
pub(super) fn folded(operator: &str, value: &str) -> String {
    if operator.contains("EqualsIgnoreCase") { value.to_lowercase() } else { value.to_owned() }
}

fn truth(text: &str) -> Option<String> {
    ["true", "false"].into_iter().find(|truth| truth.eq_ignore_ascii_case(text)).map(str::to_owned)
}

/// Writes a decimal number without leading zeros, a sign of plus, or zeros that end its fraction. No digit is lost, as
/// one would be on the way through a float.
fn number(text: &str) -> Option<String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !are_digits(whole) || !are_digits(fraction) || digits.ends_with('.') {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    let plain = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
    Some(if negative && plain != "0" { format!("-{plain}") } else { plain })
}

/// Reads a date as AWS takes it: ISO 8601, or seconds since 1970. A day without a time is its first moment in UTC.
pub(super) fn moment(text: &str) -> Option<jiff::Timestamp> {
    let seconds = || text.parse().ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let day = || format!("{text}T00:00:00Z").parse().ok();
    text.parse().ok().or_else(seconds).or_else(day)
}

/// A range of addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// The bits of the network, from the highest, those behind the prefix zero.
    network: u128,
    /// The bits of an address of the family: 32 or 128.
    family: u32,
    /// The length of the prefix.
    length: u32,
}

impl Range {
    /// Reads an address or a range. `None` where it is neither.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let (bits, family) = match address.parse().ok()? {
            IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let length = match length {
            Some(length) if length.bytes().all(|byte| byte.is_ascii_digit()) => length.parse().ok()?,
            Some(_) => return None,
            None => family,
        };
        (length <= family).then(|| Self { network: bits & mask(length), family, length })
    }

    /// Tells whether each address of another range is in this one.
    pub(super) fn covers(self, other: Self) -> bool {
        self.family == other.family && self.length <= other.length && other.network & mask(self.length) == self.network
    }

    /// Returns its first address, the one right before it and the one right behind it, as far as they exist.
    pub(super) fn around(self) -> Vec<String> {
        let (step, size) = (1_u128.checked_shl(128 - self.family), 1_u128.checked_shl(128 - self.length));
        let before = step.and_then(|step| self.network.checked_sub(step));
        let behind = size.and_then(|size| self.network.checked_add(size));
        let single = |network: u128| Self { network, length: self.family, ..self }.text();
        [Some(self.network), before, behind].into_iter().flatten().map(single).collect()
    }

    /// Writes the range; a single address without its prefix.
    fn text(self) -> String {
        let address = if self.family == 32 {
            let bits = u32::try_from(self.network >> 96).unwrap_or_default();
            Ipv4Addr::from_bits(bits).to_string()
        } else {
            Ipv6Addr::from_bits(self.network).to_string()
        };
        if self.length == self.family { address } else { format!("{address}/{}", self.length) }
    }
}

/// The mask of a prefix. A shift by all 128 bits would overflow: a prefix of no bits matches every address.
fn mask(length: u32) -> u128 {
    128_u32.checked_sub(length).and_then(|rest| u128::MAX.checked_shl(rest)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spellings_of_one_value_are_one_and_those_of_another_are_not() {
        for (operator, one, others, not) in [
            ("Bool", "true", &["True", "TRUE", "tRuE"][..], &["false", "truthy", ""][..]),
            ("BoolIfExists", "false", &["False"], &["true"]),
            ("Null", "false", &["False", "FALSE"], &["true"]),
            ("ForAllValues:BoolIfExists", "true", &["True"], &["false"]),
            (
                "IpAddress",
                "192.0.2.1",
                &["192.0.2.1/32"],
                &["192.0.2.0/24", "192.0.2.1/31", "192.0.2.1/33", "192.0.2.1/"],
            ),
            ("NotIpAddress", "192.0.2.0/24", &["192.0.2.7/24", "192.0.2.255/24"], &["192.0.3.0/24", "192.0.2.0/25"]),
            ("IpAddress", "0.0.0.0/0", &["10.0.0.0/0"], &["::/0", "0.0.0.0"]),
            (
                "IpAddressIfExists",
                "2001:db8::1",
                &["2001:DB8::1", "2001:db8:0:0:0:0:0:1", "2001:0db8::0001/128"],
                &["2001:db8::2", "2001:db8::1/127"],
            ),
            ("IpAddress", "2001:db8::/32", &["2001:DB8::/32", "2001:db8:1::/32"], &["2001:db8::/33"]),
            ("NumericEquals", "5", &["05", "+5", "5.0", "5.00"], &["50", "-5", "5.01", "five"]),
            ("NumericLessThanIfExists", "0.5", &["00.50"], &["5", "0.05"]),
            ("NumericEquals", "0", &["-0", "0.0"], &["1"]),
            (
                "DateLessThan",
                "2026-01-31T00:00:00Z",
                &["2026-01-31T09:00:00+09:00", "1769817600", "2026-01-31"],
                &["2026-01-31T00:00:01Z", "2026-02-01"],
            ),
        ] {
            let spell = |value: &str| normal(operator, value.to_owned());
            assert_eq!(spell(one), one, "{operator}");
            for other in others {
                assert_eq!(spell(other), one, "{operator} {other}");
            }
            for other in not {
                assert_ne!(spell(other), one, "{operator} {other}");
            }
        }
    }

    #[test]
    fn a_text_is_only_itself() {
        for operator in ["StringEquals", "StringLike", "ArnLike", "StringEqualsIgnoreCase"] {
            for value in ["True", "192.0.2.1/32", "05", "2026-01-31T09:00:00+09:00"] {
                assert_eq!(normal(operator, value.to_owned()), value, "{operator}");
            }
        }
        assert_eq!(normal("IpAddress", "${aws:SourceIp}".to_owned()), "${aws:SourceIp}");
        assert_eq!(folded("StringNotEqualsIgnoreCaseIfExists", "Team-Ä"), "team-ä");
        assert_eq!(folded("StringNotEquals", "Team"), "Team");
    }
}
