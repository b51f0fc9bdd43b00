//! Condition operators: `StringLike`, `ForAnyValue:ArnLike`, `BoolIfExists` and the like.

use super::canonical::OPERATORS;
use super::pattern::Pattern;
use super::values::{Range, moment};

/// How many of a key's values must fit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quantity {
    /// A key of one value.
    Single,
    /// `ForAllValues:`.
    All,
    /// `ForAnyValue:`.
    Any,
}

/// An operator, without the quantity and the `IfExists` around its name.
struct Operator<'a> {
    quantity: Quantity,
    /// The name without its negation, such as `StringEquals`.
    name: &'a str,
    negated: bool,
    if_exists: bool,
}

/// The names with a negation, and what they negate.
const NEGATED: [(&str, &str); 9] = [
    ("ArnNotEquals", "ArnEquals"),
    ("ArnNotLike", "ArnLike"),
    ("BoolNotEquals", "Bool"),
    ("DateNotEquals", "DateEquals"),
    ("NotIpAddress", "IpAddress"),
    ("NumericNotEquals", "NumericEquals"),
    ("StringNotEquals", "StringEquals"),
    ("StringNotEqualsIgnoreCase", "StringEqualsIgnoreCase"),
    ("StringNotLike", "StringLike"),
];

fn parse(text: &str) -> Operator<'_> {
    let (quantity, rest) = match text.split_once(':') {
        Some(("ForAllValues", rest)) => (Quantity::All, rest),
        Some(("ForAnyValue", rest)) => (Quantity::Any, rest),
        _ => (Quantity::Single, text),
    };
    let (name, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |name| (name, true));
    let negation = NEGATED.iter().find(|(negated, _)| *negated == name);
    Operator { quantity, name: negation.map_or(name, |(_, plain)| plain), negated: negation.is_some(), if_exists }
}

/// Tells whether an operator, as the canonical form spells it, is one of IAM's.
pub(super) fn is_known(text: &str) -> bool {
    let name = text.split_once(':').map_or(text, |(_, rest)| rest);
    OPERATORS.contains(&name.strip_suffix("IfExists").unwrap_or(name))
}

/// Tells whether the values that a request has for a key fit an operator. `given` is `None` where it has none.
pub(super) fn fits(operator: &str, given: Option<&[String]>, wanted: &[Pattern]) -> bool {
    let Operator { quantity, name, negated, if_exists } = parse(operator);
    let given = given.filter(|values| !values.is_empty());
    if name == "Null" {
        return wanted
            .iter()
            .any(|value| value.text().eq_ignore_ascii_case(if given.is_some() { "false" } else { "true" }));
    }
    let Some(values) = given else {
        return match quantity {
            // Without a value, a rule for all values holds and a rule for any value does not.
            Quantity::All => true,
            Quantity::Any => if_exists,
            Quantity::Single => if_exists || negated,
        };
    };
    let one = |value: &String| wanted.iter().any(|wanted| compare(name, value, wanted)) != negated;
    match quantity {
        // AWS does not define how several values compare without a quantity. Here every value has to fit, which allows
        // less.
        Quantity::Single | Quantity::All => values.iter().all(one),
        Quantity::Any => values.iter().any(one),
    }
}

fn compare(name: &str, given: &str, pattern: &Pattern) -> bool {
    let wanted = pattern.text();
    match name {
        "StringEquals" | "BinaryEquals" => given == wanted,
        "StringEqualsIgnoreCase" => given.to_lowercase() == wanted.to_lowercase(),
        "Bool" => given.eq_ignore_ascii_case(wanted),
        "StringLike" => pattern.matches(given),
        // The two are the same: "ArnEquals and ArnLike behave identically".
        "ArnEquals" | "ArnLike" => pattern.matches_arn(given),
        "IpAddress" => in_range(given, wanted).unwrap_or_default(),
        _ => {
            let ordering = match name.strip_prefix("Numeric") {
                Some(_) => number(given).zip(number(wanted)).and_then(|(given, wanted)| given.partial_cmp(&wanted)),
                None => moment(given).zip(moment(wanted)).map(|(given, wanted)| given.cmp(&wanted)),
            };
            let relation = name.trim_start_matches("Numeric").trim_start_matches("Date");
            ordering.is_some_and(|ordering| match relation {
                "Equals" => ordering.is_eq(),
                "LessThan" => ordering.is_lt(),
                "LessThanEquals" => ordering.is_le(),
                "GreaterThan" => ordering.is_gt(),
                "GreaterThanEquals" => ordering.is_ge(),
                _ => false,
            })
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn in_range(given: &str, range: &str) -> Option<bool> {
    Some(Range::read(range)?.covers(Range::read(given)?))
}
