//! The texts that were read, by the name that the user knows them under, and the places in them.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::model::Location;

/// Texts by file name, for underlining.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    files: Vec<Source>,
    by_name: BTreeMap<String, usize>,
}

/// One text and where its lines begin.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    name: String,
    text: String,
    line_starts: Vec<usize>,
}

/// A range of bytes in one of the files of a [`Sources`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Place {
    pub(crate) fn new(file: usize, span: Range<usize>) -> Self {
        Self { file, start: span.start, end: span.end }
    }
}

impl Sources {
    /// Returns the text of a file.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(|index| self.files[*index].text.as_str())
    }

    /// Returns the names of all files, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Adds a text and returns its number; a name that is there keeps its first text.
    pub(crate) fn add(&mut self, name: &str, text: String) -> usize {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let line_starts =
            std::iter::once(0).chain(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1));
        let source = Source { name: name.to_owned(), line_starts: line_starts.collect(), text };
        self.files.push(source);
        self.by_name.insert(name.to_owned(), self.files.len() - 1);
        self.files.len() - 1
    }

    /// Turns a range of bytes into a place with line and column. Ends are moved to character boundaries.
    pub(crate) fn locate(&self, place: &Place) -> Location {
        let Some(source) = self.files.get(place.file) else {
            return Location { file: String::new(), start: 0, end: 0, line: 1, column: 1 };
        };
        let start = source.text.floor_char_boundary(place.start);
        let end = source.text.ceil_char_boundary(place.end.max(place.start)).max(start);
        let line = source.line_starts.partition_point(|begin| *begin <= start).max(1);
        let begin = source.line_starts[line - 1];
        let column = source.text[begin..start].chars().count() + 1;
        Location { file: source.name.clone(), start, end, line, column }
    }

    /// Returns the bytes of a place as text.
    pub(crate) fn slice(&self, place: &Place) -> &str {
        let Some(source) = self.files.get(place.file) else { return "" };
        let location = self.locate(place);
        &source.text[location.start..location.end]
    }

    /// Returns each name with its text, in the order of reading: what the configuration's digest covers.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_name.iter().map(|(name, index)| (name.as_str(), self.files[*index].text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let mut sources = Sources::default();
        let file = sources.add("a.toml", "x = 1\nnäme = 2\n".to_owned());
        let location = sources.locate(&Place::new(file, 12..13));
        assert_eq!((location.line, location.column), (2, 6));
    }

    #[test]
    fn a_place_inside_a_character_or_past_the_end_is_no_panic() {
        let mut sources = Sources::default();
        let file = sources.add("a.toml", "ä".to_owned());
        for (start, end) in [(1, 1), (0, 9), (7, 9), (1, 0)] {
            let location = sources.locate(&Place { file, start, end });
            assert!(location.start <= location.end, "{location:?}");
        }
    }
}
