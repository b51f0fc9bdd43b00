//! A template as a tree with places: YAML with the short forms of intrinsic functions (`!Sub`), or JSON, which the same
//! parser reads. Size and depth are bounded. Aliases are refused, because CloudFormation has none.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::flow;

/// CloudFormation takes templates of up to a megabyte.
const LARGEST: usize = 1_000_000;
/// The deepest nesting that is read. No template that AWS accepts is as deep.
const DEEPEST: usize = 64;

/// One value.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) content: Content,
    /// The short form's name without its `!`, such as `Sub`.
    pub(super) tag: Option<String>,
    /// Its bytes.
    pub(super) at: Range<usize>,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// A text as it is written, and whether it was in quotes: a quoted text is never null or a truth value.
    Scalar(String, bool),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key with its place.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) at: Range<usize>,
}

/// What is wrong with a text, and where.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) message: String,
    pub(super) at: Range<usize>,
}

impl Node {
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(name, _)| name.text == key).map(|(_, value)| value)
    }

    pub(super) fn entries(&self) -> &[(Key, Self)] {
        match &self.content {
            Content::Map(entries) => entries,
            Content::Scalar(..) | Content::List(_) => &[],
        }
    }

    pub(super) fn items(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            Content::Scalar(..) | Content::Map(_) => &[],
        }
    }

    /// Returns the same value without its short form: what a function is called with.
    pub(super) fn untagged(&self) -> Self {
        Self { tag: None, ..self.clone() }
    }

    /// Tells whether it is YAML's null: nothing at all, `~` or `null`.
    pub(super) fn is_null(&self) -> bool {
        match &self.content {
            Content::Scalar(text, false) if self.tag.is_none() => {
                ["", "~", "null", "Null", "NULL"].contains(&text.as_str())
            }
            Content::Scalar(..) | Content::List(_) | Content::Map(_) => false,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(text, _) => Some(text),
            Content::List(_) | Content::Map(_) => None,
        }
    }
}

/// Reads a template.
pub(super) fn read(text: &str) -> Result<Node, Broken> {
    if text.len() > LARGEST {
        return Err(Broken { message: "is larger than the megabyte that CloudFormation takes".to_owned(), at: 0..0 });
    }
    // JSON may have tabs between its values and YAML may not. Neither has a tab in a string, where JSON escapes it.
    let is_json = text.trim_start().starts_with('{');
    let plain = if is_json { text.replace('\t', " ") } else { text.to_owned() };
    let first = parse(&plain, text);
    // What is refused by the rules of YAML 1.2 may still be what CloudFormation reads.
    first.or_else(|broken| parse(&flow::on_one_line(&plain), text).map_err(|_| broken))
}

/// Parses a text of which every byte stands where it stands in `text`.
fn parse(plain: &str, text: &str) -> Result<Node, Broken> {
    let places = Places::new(text);
    let broken = |message: &str, at: Range<usize>| Broken { message: message.to_owned(), at };
    let mut stack: Vec<Open> = Vec::new();
    let mut root = None;
    for event in Parser::new_from_str(plain) {
        let (event, span) = event.map_err(|error| {
            let at = places.byte(error.marker().index());
            Broken { message: error.info().to_owned(), at: at..at }
        })?;
        let at = places.range(&span);
        let closed = match event {
            Event::Scalar(value, style, _, tag) => {
                let node = Node {
                    content: Content::Scalar(value.into_owned(), style != ScalarStyle::Plain),
                    tag: tag.and_then(|tag| short_form(&tag.handle, &tag.suffix)),
                    at,
                };
                Some(node)
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if stack.len() >= DEEPEST => {
                return Err(broken("is nested deeper than any template that AWS takes", at));
            }
            Event::SequenceStart(_, tag) => {
                let tag = tag.and_then(|tag| short_form(&tag.handle, &tag.suffix));
                stack.push(Open { node: Node { content: Content::List(Vec::new()), tag, at }, key: None });
                None
            }
            Event::MappingStart(_, tag) => {
                let tag = tag.and_then(|tag| short_form(&tag.handle, &tag.suffix));
                stack.push(Open { node: Node { content: Content::Map(Vec::new()), tag, at }, key: None });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => stack.pop().map(|open| {
                let mut node = open.node;
                node.at.end = node.at.end.max(at.end.min(text.len()));
                node
            }),
            Event::Alias(_) => return Err(broken("has an alias, which CloudFormation does not take", at)),
            Event::DocumentStart(_) if root.is_some() => return Err(broken("has a second document", at)),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                None
            }
        };
        if let Some(node) = closed {
            match stack.last_mut() {
                Some(open) => open.add(node)?,
                None => root = Some(node),
            }
        }
    }
    root.ok_or_else(|| broken("is empty", 0..0))
}

fn short_form(handle: &str, suffix: &str) -> Option<String> {
    (handle == "!").then(|| suffix.to_owned())
}

/// A list or a map that is not closed yet.
struct Open {
    node: Node,
    key: Option<Key>,
}

impl Open {
    fn add(&mut self, node: Node) -> Result<(), Broken> {
        match (&mut self.node.content, self.key.take()) {
            (Content::List(items), _) => items.push(node),
            (Content::Map(entries), Some(key)) => {
                if entries.iter().any(|(known, _)| known.text == key.text) {
                    let message = format!("has the key `{}` twice", crate::model::safe::escaped(&key.text));
                    return Err(Broken { message, at: key.at });
                }
                entries.push((key, node));
            }
            (Content::Map(_), None) => match node.content {
                Content::Scalar(text, _) => self.key = Some(Key { text, at: node.at }),
                Content::List(_) | Content::Map(_) => {
                    return Err(Broken { message: "has a key that is no text".to_owned(), at: node.at });
                }
            },
            (Content::Scalar(..), _) => {}
        }
        Ok(())
    }
}

/// The byte at which each character begins: the parser counts characters.
struct Places(Vec<usize>);

impl Places {
    fn new(text: &str) -> Self {
        Self(text.char_indices().map(|(at, _)| at).chain([text.len()]).collect())
    }

    fn byte(&self, character: usize) -> usize {
        self.0.get(character).or(self.0.last()).copied().unwrap_or_default()
    }

    fn range(&self, span: &Span) -> Range<usize> {
        self.byte(span.start.index())..self.byte(span.end.index())
    }
}
