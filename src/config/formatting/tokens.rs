//! From a text to the lines of a document, with every comment where it stands.

use toml_parser::parser::{Event, EventKind, parse_document};
use toml_parser::{ParseError, Raw, Source};

use crate::model::hidden::SHOWN;

/// A line of the document, or several where its value has them.
#[derive(Clone, Debug)]
pub(super) enum Line {
    /// One or more empty lines.
    Blank,
    /// A comment that stands alone.
    Comment(String),
    /// `[a.b]` or `[[a.b]]`.
    Header { text: String, comment: Option<String> },
    /// A key with its value.
    Entry { key: String, value: Value, comment: Option<String> },
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// As it is written.
    Scalar(String),
    /// A list, or an inline table.
    Group(Group),
}

/// What stands in brackets.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// It is an inline table.
    pub(super) is_table: bool,
    /// The comment in the line of the opening bracket.
    pub(super) opening: Option<String>,
    pub(super) items: Vec<Item>,
}

/// What stands between the brackets.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Blank,
    Comment(String),
    /// An item; in an inline table with its key.
    Value {
        key: Option<String>,
        value: Value,
        comment: Option<String>,
    },
}

/// Returns the events of a text, in the order of the text.
fn events(text: &str) -> Vec<Event> {
    let tokens = Source::new(text).lex().into_vec();
    let mut events: Vec<Event> = Vec::new();
    let mut errors: Vec<ParseError> = Vec::new();
    parse_document(&tokens, &mut events, &mut errors);
    events
}

fn slice<'t>(text: &'t str, event: &Event) -> &'t str {
    text.get(event.span().start()..event.span().end()).unwrap_or_default()
}

/// Returns what a text says, without blanks, line ends and commas.
pub(super) fn significant(text: &str) -> impl Iterator<Item = (EventKind, String)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let kept = events(text)
        .into_iter()
        .filter(|event| !matches!(event.kind(), EventKind::Whitespace | EventKind::Newline | EventKind::ValueSep));
    kept.map(|event| (event.kind(), slice(text, &event).trim_end().to_owned())).collect::<Vec<_>>().into_iter()
}

/// Puts a word in the place of each value of `overrides`, wherever that key stands: those of restore tests are hidden.
pub(super) fn masked(text: &str) -> String {
    const HIDDEN_KEY: &str = "overrides";
    let is_hidden_key = |own, event: &Event| {
        let mut key = String::new();
        Raw::new_unchecked(own, event.encoding(), event.span()).decode_key(&mut key, &mut ());
        key == HIDDEN_KEY
    };
    let mut shown = String::new();
    let mut written = 0;
    let (mut in_header, mut header_hides, mut key_hides) = (false, false, false);
    // The depth of brackets, and the one in which the hidden key stands.
    let (mut depth, mut hides_from): (usize, Option<usize>) = (0, None);
    for event in events(text) {
        let own = slice(text, &event);
        match event.kind() {
            EventKind::StdTableOpen | EventKind::ArrayTableOpen => (in_header, header_hides) = (true, false),
            EventKind::StdTableClose | EventKind::ArrayTableClose => in_header = false,
            EventKind::SimpleKey if in_header => header_hides |= is_hidden_key(own, &event),
            EventKind::SimpleKey => {
                if hides_from.is_some_and(|from| from >= depth) {
                    hides_from = None;
                }
                key_hides |= is_hidden_key(own, &event);
            }
            EventKind::KeyValSep => {
                if key_hides && hides_from.is_none() {
                    hides_from = Some(depth);
                }
                key_hides = false;
            }
            EventKind::ArrayOpen | EventKind::InlineTableOpen => depth += 1,
            EventKind::ArrayClose | EventKind::InlineTableClose => depth = depth.saturating_sub(1),
            EventKind::Scalar if header_hides || hides_from.is_some() => {
                shown.push_str(&text[written..event.span().start()]);
                shown.push_str(SHOWN);
                written = event.span().end();
            }
            EventKind::Scalar
            | EventKind::KeySep
            | EventKind::ValueSep
            | EventKind::Whitespace
            | EventKind::Comment
            | EventKind::Newline
            | EventKind::Error => {}
        }
    }
    shown.push_str(&text[written..]);
    shown
}

/// Reads the lines of a text that is TOML; none where a comment stands between a key and its value.
pub(super) fn document(text: &str) -> Option<Vec<Line>> {
    let events = events(text).into_iter().filter(|event| event.kind() != EventKind::Whitespace).collect();
    let mut cursor = Cursor { text, events, at: 0, parts_a_key: false };
    let lines = cursor.lines();
    (!cursor.parts_a_key).then_some(lines)
}

struct Cursor<'t> {
    text: &'t str,
    events: Vec<Event>,
    at: usize,
    /// A comment stands between a key and its value: the parser lets it pass in inline tables, and TOML does not.
    parts_a_key: bool,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<EventKind> {
        self.events.get(self.at).map(Event::kind)
    }

    /// Returns the text of the next event, and goes on.
    fn take(&mut self) -> String {
        let own = self.events.get(self.at).map_or("", |event| slice(self.text, event)).to_owned();
        self.at += 1;
        own
    }

    /// Returns the comment that comes next, in this line.
    fn comment(&mut self) -> Option<String> {
        (self.peek() == Some(EventKind::Comment)).then(|| self.take().trim_end().to_owned())
    }

    fn lines(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        while let Some(kind) = self.peek() {
            match kind {
                EventKind::Newline => {
                    self.take();
                    lines.push(Line::Blank);
                    continue;
                }
                EventKind::Comment => lines.extend(self.comment().map(Line::Comment)),
                EventKind::StdTableOpen | EventKind::ArrayTableOpen => {
                    let text = self.header();
                    lines.push(Line::Header { text, comment: self.comment() });
                }
                EventKind::SimpleKey => {
                    let key = self.key();
                    let value = self.value();
                    lines.push(Line::Entry { key, value, comment: self.comment() });
                }
                EventKind::StdTableClose
                | EventKind::ArrayTableClose
                | EventKind::InlineTableOpen
                | EventKind::InlineTableClose
                | EventKind::ArrayOpen
                | EventKind::ArrayClose
                | EventKind::KeySep
                | EventKind::KeyValSep
                | EventKind::Scalar
                | EventKind::ValueSep
                | EventKind::Whitespace
                | EventKind::Error => {
                    self.take();
                    continue;
                }
            }
            // The end of the line is part of it.
            if self.peek() == Some(EventKind::Newline) {
                self.take();
            }
        }
        lines
    }

    fn header(&mut self) -> String {
        let mut text = self.take();
        while let Some(kind) = self.peek().filter(|kind| *kind != EventKind::Newline) {
            text.push_str(&self.take());
            if matches!(kind, EventKind::StdTableClose | EventKind::ArrayTableClose) {
                break;
            }
        }
        text
    }

    /// Reads a key with its dots, and the sign behind it.
    fn key(&mut self) -> String {
        let mut key = String::new();
        while let Some(EventKind::SimpleKey | EventKind::KeySep) = self.peek() {
            key.push_str(&self.take());
        }
        self.pass();
        if self.peek() == Some(EventKind::KeyValSep) {
            self.take();
        }
        self.pass();
        key
    }

    /// Passes what may stand neither before nor behind the sign between a key and its value.
    fn pass(&mut self) {
        while let Some(kind @ (EventKind::Newline | EventKind::Comment)) = self.peek() {
            self.parts_a_key |= kind == EventKind::Comment;
            self.take();
        }
    }

    fn value(&mut self) -> Value {
        match self.peek() {
            Some(EventKind::ArrayOpen) => Value::Group(self.group(false)),
            Some(EventKind::InlineTableOpen) => Value::Group(self.group(true)),
            _ => Value::Scalar(self.take()),
        }
    }

    fn group(&mut self, is_table: bool) -> Group {
        self.take();
        let mut group = Group { is_table, opening: self.comment(), items: Vec::new() };
        // Whether something stands in this line already.
        let mut is_begun = true;
        while let Some(kind) = self.peek() {
            match kind {
                EventKind::ArrayClose | EventKind::InlineTableClose => {
                    self.take();
                    break;
                }
                EventKind::Newline => {
                    self.take();
                    if !std::mem::replace(&mut is_begun, false) {
                        group.items.push(Item::Blank);
                    }
                }
                EventKind::Comment => {
                    let text = self.comment().unwrap_or_default();
                    match group.items.last_mut() {
                        Some(Item::Value { comment: comment @ None, .. }) if is_begun => *comment = Some(text),
                        _ => group.items.push(Item::Comment(text)),
                    }
                    is_begun = true;
                }
                EventKind::SimpleKey => {
                    let key = self.key();
                    let value = self.value();
                    group.items.push(Item::Value { key: Some(key), value, comment: None });
                    is_begun = true;
                }
                EventKind::ArrayOpen | EventKind::InlineTableOpen | EventKind::Scalar => {
                    let value = self.value();
                    group.items.push(Item::Value { key: None, value, comment: None });
                    is_begun = true;
                }
                EventKind::ValueSep => {
                    self.take();
                    is_begun = true;
                }
                EventKind::StdTableOpen
                | EventKind::StdTableClose
                | EventKind::ArrayTableOpen
                | EventKind::ArrayTableClose
                | EventKind::KeySep
                | EventKind::KeyValSep
                | EventKind::Whitespace
                | EventKind::Error => {
                    self.take();
                }
            }
        }
        group
    }
}
