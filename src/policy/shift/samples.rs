//! Texts that stand for all texts: what a set of patterns can tell apart, each with one text for it.
//!
//! Patterns are read side by side, as one automaton: each set of places that they can be at together is looked at once.
//! Two texts that the same patterns fit are one to whoever asks the patterns, so one of them is enough.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use super::bits::Bits;
use crate::policy::pattern::PARTS;

/// How many sets of places are looked at before it is given up.
const MOST: usize = 30_000;
/// The most characters of all patterns together.
const LONGEST: usize = 20_000;

/// One piece of a pattern. Within a part of an ARN, a wildcard takes no colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// This character.
    Exact(char),
    /// Any one character.
    One { colons: bool },
    /// Any text, also an empty one.
    Any { colons: bool },
}

impl Token {
    fn takes(self, character: char) -> bool {
        match self {
            Self::Exact(wanted) => wanted == character,
            Self::One { colons } | Self::Any { colons } => colons || character != ':',
        }
    }
}

/// Reads a text that is only itself.
pub(super) fn exactly(text: &str) -> Vec<Token> {
    text.chars().map(Token::Exact).collect()
}

/// Reads a pattern of texts.
pub(super) fn wildcards(text: &str) -> Vec<Token> {
    text.chars().map(|character| token(character, true)).collect()
}

/// Reads a pattern of ARNs, which is compared part by part as [`crate::policy::pattern::Pattern::matches_arn`] does.
pub(super) fn of_arns(text: &str) -> Vec<Token> {
    let parts: Vec<&str> = text.splitn(PARTS, ':').collect();
    let is_open = parts.len() == PARTS || text.ends_with('*');
    let mut tokens = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let is_last = index + 1 == parts.len();
        tokens.extend(part.chars().map(|character| token(character, is_last && is_open)));
        if !is_last {
            tokens.push(Token::Exact(':'));
        }
    }
    tokens
}

/// Reads what every action is like: a service, a colon and a name.
pub(super) fn of_actions() -> Vec<Token> {
    let name = [Token::One { colons: false }, Token::Any { colons: false }];
    [name.as_slice(), &[Token::Exact(':')], &name].concat()
}

fn token(character: char, colons: bool) -> Token {
    match character {
        '*' => Token::Any { colons },
        '?' => Token::One { colons },
        other => Token::Exact(other),
    }
}

/// One text, and which of the patterns fit it.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) text: String,
    pub(super) fits: Bits,
}

/// Places in patterns: the pattern, and how many of its tokens are behind.
type Places = Vec<(u32, u32)>;

/// Returns a text for each set of patterns that fit a text together; `None` where there is too much to look at. With
/// `wanted`, only texts matter that one of those patterns fits.
pub(super) fn samples(patterns: &[Vec<Token>], wanted: Option<&Bits>) -> Option<Vec<Sample>> {
    if patterns.iter().map(Vec::len).sum::<usize>() > LONGEST {
        return None;
    }
    let automaton = Automaton(patterns);
    let matters =
        |places: &Places| wanted.is_none_or(|wanted| places.iter().any(|(pattern, _)| wanted.has(*pattern as usize)));
    let start = automaton.closed((0..patterns.len()).map(|index| (number(index), 0)).collect());
    let mut seen: HashSet<Places> = HashSet::from([start.clone()]);
    let mut queue = VecDeque::from([(start, String::new())]);
    let mut found: BTreeMap<Bits, String> = BTreeMap::new();
    while let Some((places, text)) = queue.pop_front() {
        found.entry(automaton.accepted(&places)).or_insert_with(|| text.clone());
        for character in automaton.letters(&places) {
            let next = automaton.after(&places, character);
            if matters(&next) && !seen.contains(&next) {
                if seen.len() >= MOST {
                    return None;
                }
                seen.insert(next.clone());
                queue.push_back((next, format!("{text}{character}")));
            }
        }
    }
    Some(found.into_iter().map(|(fits, text)| Sample { text, fits }).collect())
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// All patterns, side by side.
struct Automaton<'a>(&'a [Vec<Token>]);

impl Automaton<'_> {
    fn token(&self, (pattern, at): (u32, u32)) -> Option<Token> {
        self.0.get(pattern as usize)?.get(at as usize).copied()
    }

    /// Adds the places behind stars that take nothing.
    fn closed(&self, mut places: Places) -> Places {
        let mut index = 0;
        while let Some(place) = places.get(index).copied() {
            if let Some(Token::Any { .. }) = self.token(place) {
                places.push((place.0, place.1 + 1));
            }
            index += 1;
        }
        places.sort_unstable();
        places.dedup();
        places
    }

    fn after(&self, places: &Places, character: char) -> Places {
        let next = places.iter().filter_map(|place| {
            let token = self.token(*place).filter(|token| token.takes(character))?;
            let stays = matches!(token, Token::Any { .. });
            Some((place.0, place.1 + u32::from(!stays)))
        });
        self.closed(next.collect())
    }

    fn accepted(&self, places: &Places) -> Bits {
        let mut bits = Bits::new(self.0.len());
        for (pattern, at) in places {
            if self.0.get(*pattern as usize).is_some_and(|tokens| tokens.len() == *at as usize) {
                bits.set(*pattern as usize);
            }
        }
        bits
    }

    /// Returns the characters that lead to different places: those that are asked for, the colon, and one other.
    fn letters(&self, places: &Places) -> BTreeSet<char> {
        let mut letters = BTreeSet::new();
        let mut other = false;
        for token in places.iter().filter_map(|place| self.token(*place)) {
            match token {
                Token::Exact(character) => {
                    letters.insert(character);
                }
                Token::One { colons } | Token::Any { colons } => {
                    other = true;
                    if !colons {
                        letters.insert(':');
                    }
                }
            }
        }
        if other {
            let free = ('x'..='z').chain('a'..='w').chain('0'..='9').chain(['\u{2021}']);
            letters.extend(free.into_iter().find(|free| !letters.contains(free)));
        }
        letters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::pattern::Pattern;

    #[test]
    fn each_set_of_patterns_that_fit_together_has_one_text() {
        let patterns = ["s3:*", "s3:get*", "s3:get?bject", "*tag*"];
        let found = samples(&patterns.map(wildcards), None).expect("few");
        let sets: BTreeSet<Vec<bool>> = found
            .iter()
            .map(|sample| patterns.map(|it| Pattern::wildcards(it).matches(&sample.text)).to_vec())
            .collect();
        assert_eq!(sets.len(), found.len());
        // Of sixteen sets those that go against `s3:get?bject` < `s3:get*` < `s3:*` are not there, and a name of one
        // more letter has no room for `tag`.
        assert_eq!(found.len(), 7, "{found:?}");
        for sample in &found {
            for (index, pattern) in patterns.iter().enumerate() {
                assert_eq!(sample.fits.has(index), Pattern::wildcards(pattern).matches(&sample.text), "{sample:?}");
            }
        }
    }

    #[test]
    fn only_texts_that_matter_are_looked_at() {
        let patterns = ["s3:*", "s3:get*", "ec2:run*", "*tag*"];
        let mut wanted = Bits::new(patterns.len());
        wanted.set(1);
        let found = samples(&patterns.map(wildcards), Some(&wanted)).expect("few");
        let fitting: Vec<&Sample> = found.iter().filter(|sample| sample.fits.has(1)).collect();
        assert_eq!(fitting.len(), 2, "{found:?}");
        assert!(found.iter().all(|sample| !sample.fits.has(2)), "{found:?}");
    }

    #[test]
    fn arns_are_compared_part_by_part() {
        let patterns = ["arn:aws:s3:::a*", "arn:*:s3:::ab", "*", "arn:aws:*", "a?n", "arn:aws:ec2:*:*:instance/*"];
        let found = samples(&patterns.map(of_arns), None).expect("few");
        for sample in &found {
            for (index, pattern) in patterns.iter().enumerate() {
                assert_eq!(sample.fits.has(index), Pattern::wildcards(pattern).matches_arn(&sample.text), "{sample:?}");
            }
        }
        assert!(found.iter().any(|sample| sample.fits.has(0) && sample.fits.has(1)));
        assert!(!found.iter().any(|sample| !sample.fits.has(2)), "everything fits `*`");
    }
}
