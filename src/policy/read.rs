//! Reads JSON text as a value, more strictly than JSON: no key occurs twice, size and depth are bounded, all characters
//! are those that IAM takes, and each problem has its place.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::error::{PolicyError, PolicyErrorKind, Position, is_allowed};

/// The most bytes that IAM's API takes as a policy document.
pub const LARGEST: usize = 131_072;

/// The deepest nesting: a policy needs six.
const DEEPEST: usize = 32;

/// Integers beyond this lose digits on their way through a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads JSON text as a value. It is not checked to be a policy: `canonical` does that.
pub fn read(text: &str) -> Result<Value, PolicyError> {
    let at = |kind, message: String, start, end| PolicyError {
        kind,
        message,
        path: String::new(),
        position: Some(Position::of(text, start, end)),
    };
    if text.len() > LARGEST {
        let message = format!("the document has {} bytes, and IAM takes {LARGEST} at most", text.len());
        return Err(PolicyError { position: None, ..at(PolicyErrorKind::TooLarge, message, 0, 0) });
    }
    if let Some((start, character)) = text.char_indices().find(|(_, character)| !is_allowed(*character)) {
        let message = format!("has the character U+{:04X}, which IAM does not allow", u32::from(character));
        return Err(at(PolicyErrorKind::Character, message, start, start + character.len_utf8()));
    }
    let fault = RefCell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let result = Seed { depth: 0, path: &Path::Root, fault: &fault }.deserialize(&mut deserializer);
    let result = result.and_then(|value| deserializer.end().map(|()| value));
    result.map_err(|error| {
        let end = offset(text, error.line(), error.column());
        if let Some(Fault { kind, message, path, key }) = fault.into_inner() {
            let quoted = format!("\"{key}\"");
            let length = if text[..end].ends_with(&quoted) { quoted.len() } else { 1 };
            PolicyError { path, ..at(kind, message, end.saturating_sub(length), end) }
        } else {
            let full = error.to_string();
            let message = full.split(" at line ").next().unwrap_or("unreadable");
            at(PolicyErrorKind::Syntax, format!("is not JSON: {message}"), end.saturating_sub(1), end)
        }
    })
}

/// Turns `serde_json`'s line and column, from 1 and in bytes, into a byte.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    text.floor_char_boundary((start + column).min(text.len()))
}

/// A problem of our own rules. It is kept beside the reader because an error of `serde_json` carries text only.
struct Fault {
    kind: PolicyErrorKind,
    message: String,
    path: String,
    key: String,
}

/// The place of the reader in the document.
enum Path<'a> {
    Root,
    Key(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(Self::Root, key) => formatter.write_str(key),
            Self::Key(parent, key) => write!(formatter, "{parent}.{key}"),
            Self::Index(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

struct Seed<'a> {
    depth: usize,
    path: &'a Path<'a>,
    fault: &'a RefCell<Option<Fault>>,
}

impl Seed<'_> {
    fn fail<E: serde::de::Error>(&self, kind: PolicyErrorKind, message: &str, path: String, key: &str) -> E {
        let fault = Fault { kind, message: message.to_owned(), path, key: key.to_owned() };
        *self.fault.borrow_mut() = Some(fault);
        E::custom(message)
    }

    fn check_depth<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.depth < DEEPEST {
            return Ok(());
        }
        let message = format!("is nested deeper than {DEEPEST} levels");
        Err(self.fail(PolicyErrorKind::TooDeep, &message, String::new(), ""))
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Value, E> {
        Ok(Value::Bool(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        if number.abs() >= EXACT {
            let message = "has a number with more digits than JSON keeps; write it as a string";
            return Err(self.fail(PolicyErrorKind::Syntax, message, self.path.to_string(), ""));
        }
        Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut elements = Vec::new();
        loop {
            let path = Path::Index(self.path, elements.len());
            let seed = Seed { depth: self.depth + 1, path: &path, fault: self.fault };
            match access.next_element_seed(seed)? {
                Some(element) => elements.push(element),
                None => return Ok(Value::Array(elements)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut members = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let path = Path::Key(self.path, &key);
            if members.contains_key(&key) {
                let message = "is there twice, and IAM would silently take one of them";
                return Err(self.fail(PolicyErrorKind::DuplicateKey, message, path.to_string(), &key));
            }
            let member = access.next_value_seed(Seed { depth: self.depth + 1, path: &path, fault: self.fault })?;
            members.insert(key, member);
        }
        Ok(Value::Object(members))
    }
}
