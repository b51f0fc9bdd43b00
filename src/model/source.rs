//! The texts that were read, by the names that the user knows, and the places in them.

use std::collections::BTreeMap;
use std::ops::Range;

use super::diagnostic::Location;

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
    /// The number of characters before every [`STRIDE`]th byte. With it, finding a column in a line of a megabyte does
    /// not have to read the whole line.
    characters: Vec<usize>,
    /// Whether the content is unknown and therefore hidden: the text has places, but no part of it is shown.
    is_hidden: bool,
}

const STRIDE: usize = 1024;

impl Source {
    fn new(name: &str, text: String) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let line_starts = std::iter::once(0).chain(newlines).collect();
        let mut characters = vec![0];
        for chunk in text.as_bytes().chunks(STRIDE) {
            let starts = chunk.iter().filter(|byte| (**byte & 0xc0) != 0x80).count();
            characters.push(characters.last().copied().unwrap_or_default() + starts);
        }
        Self { name: name.to_owned(), text, line_starts, characters, is_hidden: false }
    }

    /// Counts the characters that begin before a byte.
    fn characters_before(&self, at: usize) -> usize {
        let stride = at / STRIDE;
        let rest = &self.text.as_bytes()[stride * STRIDE..at];
        self.characters[stride] + rest.iter().filter(|byte| (**byte & 0xc0) != 0x80).count()
    }

    /// Returns the number of the line of a byte, from 1, and its first byte.
    fn line(&self, at: usize) -> (usize, usize) {
        let line = self.line_starts.partition_point(|begin| *begin <= at).max(1);
        (line, self.line_starts[line - 1])
    }
}

/// A range of bytes in one of the files of a [`Sources`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Place {
    /// No place: what is said of it has been said already, and is not said again.
    pub(crate) const NOWHERE: Self = Self { file: usize::MAX, start: 0, end: 0 };

    pub(crate) fn new(file: usize, span: Range<usize>) -> Self {
        Self { file, start: span.start, end: span.end }
    }
}

impl Sources {
    /// Returns the text of a file; `None` for a hidden file.
    pub fn text(&self, name: &str) -> Option<&str> {
        let source = &self.files[*self.by_name.get(name)?];
        (!source.is_hidden).then_some(source.text.as_str())
    }

    /// Hides a file: nothing of it is shown any more. It may be a link to credentials, or otherwise not the file that
    /// the user meant.
    pub(crate) fn hide(&mut self, file: usize) {
        if let Some(source) = self.files.get_mut(file) {
            source.is_hidden = true;
        }
    }

    /// Tells whether nothing of a file is shown.
    pub(crate) fn is_hidden(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|index| self.files[*index].is_hidden)
    }

    /// Returns the bytes of the line that holds a byte, without its line end.
    pub(crate) fn line_of(&self, name: &str, at: usize) -> Option<Range<usize>> {
        let source = &self.files[*self.by_name.get(name)?];
        let (line, begin) = source.line(at.min(source.text.len()));
        let end = source.line_starts.get(line).map_or(source.text.len(), |next| next - 1);
        Some(begin..end)
    }

    /// Returns the names of all files, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Adds a text and returns its number. A name that is there already keeps its first text.
    pub(crate) fn add(&mut self, name: &str, text: String) -> usize {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        self.files.push(Source::new(name, text));
        self.by_name.insert(name.to_owned(), self.files.len() - 1);
        self.files.len() - 1
    }

    /// Adds a hidden text, unless its name is there already.
    pub(crate) fn add_hidden(&mut self, name: &str, text: String) -> usize {
        let is_new = !self.by_name.contains_key(name);
        let file = self.add(name, text);
        if is_new {
            self.hide(file);
        }
        file
    }

    /// Turns a range of bytes into a place with line and column. Ends are moved to character boundaries.
    pub(crate) fn locate(&self, place: &Place) -> Location {
        let Some(source) = self.files.get(place.file) else {
            return Location { file: String::new(), start: 0, end: 0, line: 1, column: 1 };
        };
        let start = source.text.floor_char_boundary(place.start);
        let end = source.text.ceil_char_boundary(place.end.max(place.start)).max(start);
        let (line, begin) = source.line(start);
        let column = source.characters_before(start) - source.characters_before(begin) + 1;
        Location { file: source.name.clone(), start, end, line, column }
    }

    /// Returns the bytes of a place as text; nothing for a hidden file.
    pub(crate) fn slice(&self, place: &Place) -> &str {
        let Some(source) = self.files.get(place.file).filter(|source| !source.is_hidden) else { return "" };
        let location = self.locate(place);
        &source.text[location.start..location.end]
    }

    /// Returns each name with its text, in the order of reading. The configuration's digest covers these.
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
