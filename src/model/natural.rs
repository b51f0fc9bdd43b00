//! The order in which people look through lists: numbers within names count as numbers, so that `rule2` stands before
//! `rule10`.

use std::cmp::Ordering;

/// Compares two texts with the numbers in them as numbers. It is a total order, and only equal texts are equal: where
/// the numbers are the same, as in `a1` and `a01`, the texts are compared as they stand.
pub fn compare(one: &str, other: &str) -> Ordering {
    by_parts(one, other).then_with(|| one.cmp(other))
}

fn by_parts(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        let (left, right) = (Part::take(&mut one), Part::take(&mut other));
        let ordering = match (left, right) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(Part::Number(left)), Some(Part::Number(right))) => left.len().cmp(&right.len()).then(left.cmp(right)),
            (Some(Part::Other(left)), Some(Part::Other(right))) => left.cmp(&right),
            // As characters, digits stand before letters, and behind `-` and `.`.
            (Some(Part::Number(_)), Some(Part::Other(right))) => '0'.cmp(&right),
            (Some(Part::Other(left)), Some(Part::Number(_))) => left.cmp(&'0'),
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
}

/// What is compared at a time.
enum Part<'a> {
    /// Digits without the zeros before them.
    Number(&'a str),
    /// One other character.
    Other(char),
}

impl<'a> Part<'a> {
    /// Takes the first part off a text.
    fn take(text: &mut &'a str) -> Option<Self> {
        let first = text.chars().next()?;
        let length = text.bytes().take_while(u8::is_ascii_digit).count();
        let (part, rest) = text.split_at(if length > 0 { length } else { first.len_utf8() });
        *text = rest;
        Some(if length > 0 { Self::Number(part.trim_start_matches('0')) } else { Self::Other(first) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_in_names_count_as_numbers() {
        let mut names = ["rule10", "rule2", "rule", "Rule3", "rule02", "rule2b", "rule-1", "web-9.a", "web-10.a", ""];
        names.sort_by(|one, other| compare(one, other));
        assert_eq!(
            names,
            ["", "Rule3", "rule", "rule-1", "rule02", "rule2", "rule2b", "rule10", "web-9.a", "web-10.a"]
        );
        let long = "9".repeat(400);
        assert_eq!(compare(&long, &format!("1{long}")), Ordering::Less);
    }

    proptest! {
        #[test]
        fn it_is_a_total_order(
            one in "[a01:/-]{0,6}", other in "[a01:/-]{0,6}", third in "[a01:/-]{0,6}", any in any::<String>(),
        ) {
            let mut all = [one.clone(), other.clone(), third.clone()];
            all.sort_by(|one, other| compare(one, other));
            for pair in all.windows(2) {
                prop_assert_ne!(compare(&pair[0], &pair[1]), Ordering::Greater);
            }
            prop_assert_ne!(compare(&all[0], &all[2]), Ordering::Greater);
            prop_assert_eq!(compare(&one, &other), compare(&other, &one).reverse());
            prop_assert_eq!(compare(&one, &other) == Ordering::Equal, one == other);
            prop_assert_eq!(compare(&any, &any), Ordering::Equal);
        }
    }
}
