//! Tokens that AWS may remember longer than what they made: the same content comes back, and with it the same token.

/// Reads show everything that is older than this, in milliseconds, twice over.
const VISIBLE: u64 = 120_000;
/// How many times the same content may come back.
pub(crate) const GENERATIONS: u32 = 100;

/// Returns the token of a generation; the first is the token itself.
pub(crate) fn of_generation(token: Option<&str>, generation: u32) -> Option<String> {
    token.map(|token| if generation == 0 { token.to_owned() } else { format!("{token}.{generation}") })
}

/// Returns the generation of a token that was made from the first one.
pub(crate) fn generation(token: &str, first: &str) -> Option<u32> {
    match token.strip_prefix(first)? {
        "" => Some(0),
        rest => rest.strip_prefix('.')?.parse().ok(),
    }
}

/// Tells whether something was made so long ago that a list which does not show it means that it is deleted. Both in
/// milliseconds since 1970 by AWS's clock.
pub(crate) fn must_be_visible(created: Option<i64>, now: u64) -> bool {
    created.and_then(|created| u64::try_from(created).ok()).is_some_and(|created| created + VISIBLE < now)
}

/// Tells whether something was made after a moment, so that it is what this run sent. Both in milliseconds since 1970
/// by AWS's clock.
pub(crate) fn is_new(created: Option<i64>, since: u64) -> bool {
    created.and_then(|created| u64::try_from(created).ok()).is_some_and(|created| created >= since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_fits_beside_the_longest_token() {
        let token = "x".repeat(41);
        assert_eq!(of_generation(Some(&token), 0).as_deref(), Some(token.as_str()));
        assert!(of_generation(Some(&token), GENERATIONS).is_some_and(|token| token.len() <= 50));
    }

    #[test]
    fn a_token_says_its_generation() {
        for number in [0, 1, GENERATIONS] {
            let token = of_generation(Some("v1.p.abc"), number).expect("a token");
            assert_eq!(generation(&token, "v1.p.abc"), Some(number));
        }
        assert_eq!(generation("v1.p.abcd", "v1.p.abc"), None);
        assert_eq!(generation("v1.p", "v1.p.abc"), None);
    }

    #[test]
    fn what_was_made_a_moment_ago_may_not_show_yet() {
        assert!(must_be_visible(Some(1_000_000), 1_121_000));
        assert!(!must_be_visible(Some(1_000_000), 1_119_000) && !must_be_visible(None, 1_121_000));
    }
}
