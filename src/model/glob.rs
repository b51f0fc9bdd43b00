//! Wildcards: `*` stands for any text, also an empty one, and `?` for any one character.
//!
//! The one matcher goes back to the last star only. What an earlier star takes need not be tried again, because the
//! text between two stars may as well be found at its first place. Its worst case is the length of the pattern times
//! the length of the text, for every pattern. The callers say what their own patterns mean.

/// One piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// This character.
    Exact(char),
    /// Any one character.
    One,
    /// Any text, also an empty one.
    Any,
}

impl Piece {
    /// Reads `*` and `?` as wildcards, and everything else as itself.
    pub const fn wildcard(character: char) -> Self {
        match character {
            '*' => Self::Any,
            '?' => Self::One,
            other => Self::Exact(other),
        }
    }

    /// Reads `*` as a wildcard, and everything else as itself.
    pub const fn star(character: char) -> Self {
        if character == '*' { Self::Any } else { Self::Exact(character) }
    }
}

/// Tells whether a whole text fits a pattern in which `*` and `?` are wildcards.
pub fn is_like(pattern: &str, text: &str) -> bool {
    fits(pattern, text, Piece::wildcard)
}

/// Tells whether a whole text fits a pattern in which only `*` is a wildcard.
pub fn is_starred(pattern: &str, text: &str) -> bool {
    fits(pattern, text, Piece::star)
}

fn fits(pattern: &str, text: &str, read: fn(char) -> Piece) -> bool {
    let (pattern, text): (Vec<Piece>, Vec<char>) = (pattern.chars().map(read).collect(), text.chars().collect());
    matches(&pattern, &text)
}

/// Tells whether a whole text fits pieces.
pub fn matches(pattern: &[Piece], text: &[char]) -> bool {
    matches_by(
        pattern,
        text,
        |piece| *piece == Piece::Any,
        |piece, character| match piece {
            Piece::Exact(wanted) => wanted == character,
            Piece::One | Piece::Any => true,
        },
    )
}

/// Matches any pattern with any text: `is_star` tells which pieces stand for any text, and `fits` which characters the
/// others take.
pub fn matches_by<P, C>(
    pattern: &[P],
    text: &[C],
    is_star: impl Fn(&P) -> bool,
    fits: impl Fn(&P, &C) -> bool,
) -> bool {
    let (mut at, mut read) = (0, 0);
    // The place of the last star, and the end of the text that it takes.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(piece) if is_star(piece) => {
                star = Some((at, read));
                at += 1;
            }
            Some(piece) if fits(piece, &text[read]) => (at, read) = (at + 1, read + 1),
            Some(_) | None => {
                let Some((place, reach)) = star else { return false };
                star = Some((place, reach + 1));
                (at, read) = (place + 1, reach + 1);
            }
        }
    }
    pattern[at..].iter().all(is_star)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::prelude::*;

    use super::*;

    /// Says what the wildcards mean by trying every way to match.
    fn naive(pattern: &[Piece], text: &[char]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [Piece::Any, rest @ ..] => (0..=text.len()).any(|taken| naive(rest, &text[taken..])),
            [Piece::One, rest @ ..] => !text.is_empty() && naive(rest, &text[1..]),
            [Piece::Exact(letter), rest @ ..] => text.first() == Some(letter) && naive(rest, &text[1..]),
        }
    }

    #[test]
    fn wildcards_stand_for_what_they_say() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("?", "", false),
            ("?", "é", true),
            ("a*b", "ab", true),
            ("a*b", "a-b-b", true),
            ("a*b", "a-b-c", false),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "aba", false),
            ("**?**", "", false),
            ("arn:*:instance/*", "arn:aws:ec2:eu-west-1:1:instance/i-0", true),
        ] {
            assert_eq!(is_like(pattern, text), expected, "{pattern} {text}");
        }
        assert!(is_starred("a?*", "a?b") && !is_starred("a?*", "abb"));
    }

    #[test]
    fn a_pattern_that_is_made_to_take_for_ever_does_not() {
        let (pattern, text) = ("*a".repeat(200) + "*b", "a".repeat(20_000));
        let started = Instant::now();
        assert!(!is_like(&pattern, &text));
        // Trying every way would never end; this takes a few million steps even without optimisation.
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    }

    proptest! {
        #[test]
        fn it_tells_what_trying_every_way_tells(pattern in "[ab*?]{0,8}", text in "[abc]{0,10}") {
            let pieces: Vec<Piece> = pattern.chars().map(Piece::wildcard).collect();
            let letters: Vec<char> = text.chars().collect();
            prop_assert_eq!(is_like(&pattern, &text), naive(&pieces, &letters));
        }
    }
}
