//! One entry of the file while it is made: its keys, where each comes from, and what is open in it.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::{Table, Value as Toml};

use super::spot::{Gap, Spot, TODO, Tag};
use super::types::{Form, Weight, Word};
use crate::model::duration::{days, minutes};
use crate::model::{Address, KindId};

/// Where a key of the file comes from.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) id: String,
    pub(super) path: String,
    pub(super) at: Range<usize>,
}

/// A gap with the key of the file that it leaves open.
#[derive(Clone, Debug)]
pub(super) struct Hole {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) weight: Weight,
    pub(super) gap: Gap,
}

/// One entry of the file.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) kind: KindId,
    /// The names of its table, such as `plan`, `daily`, `selection` and `windows`.
    pub(super) names: Vec<String>,
    /// The resources that it comes from, the main one first.
    pub(super) from: Vec<(String, Range<usize>)>,
    pub(super) table: Table,
    pub(super) holes: Vec<Hole>,
    /// What else is said above it.
    pub(super) remarks: Vec<String>,
    /// Properties that are given and say what AWS does without them.
    pub(super) silent: Vec<(String, String)>,
    /// The origins of its keys, by the dotted way to them.
    pub(super) origins: BTreeMap<String, Origin>,
}

impl Block {
    pub(super) fn new(kind: KindId, names: &[&str], id: &str, at: &Range<usize>) -> Self {
        Self {
            kind,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            from: vec![(id.to_owned(), at.clone())],
            table: Table::new(),
            holes: Vec::new(),
            remarks: Vec::new(),
            silent: Vec::new(),
            origins: BTreeMap::new(),
        }
    }

    pub(super) fn id(&self) -> &str {
        self.from.first().map_or("", |(id, _)| id)
    }

    /// Returns the address of the entry in the file.
    pub(super) fn address(&self) -> Address {
        let key = match self.names.as_slice() {
            [_, plan, _, selection] => format!("{plan}.{selection}"),
            [_, key, ..] => key.clone(),
            _ => String::new(),
        };
        Address::new(self.kind, key)
    }

    /// Tells whether the entry can't stand in the file.
    pub(super) fn is_out(&self) -> bool {
        self.holes.iter().any(|hole| hole.weight == Weight::Entry)
    }

    /// Notes where a key comes from.
    pub(super) fn origin(&mut self, id: &str, key: &str, spot: &Spot<'_>) {
        let origin = Origin { id: id.to_owned(), path: spot.path.clone(), at: spot.key_at.clone() };
        self.origins.entry(key.to_owned()).or_insert(origin);
    }

    /// Notes a value that can't be written.
    pub(super) fn hole(&mut self, id: &str, key: &str, weight: Weight, gap: Gap) {
        if !self.holes.iter().any(|hole| hole.gap == gap) {
            self.holes.push(Hole { id: id.to_owned(), key: key.to_owned(), weight, gap });
        }
    }

    /// Takes a result; where it is a gap, the entry can't stand in the file.
    pub(super) fn take<T>(&mut self, id: &str, key: &str, result: Result<T, Gap>) -> Option<T> {
        result.map_err(|gap| self.hole(id, key, Weight::Entry, gap)).ok()
    }

    /// Reads a policy document; what is open in it is a hole at its key.
    pub(super) fn document(&mut self, id: &str, key: &str, spot: &Spot<'_>) -> serde_json::Value {
        self.origin(id, key, spot);
        let (document, gaps) = spot.document();
        for gap in gaps {
            self.hole(id, key, Weight::Entry, gap);
        }
        document
    }

    /// Writes properties into the entry, or into a table within it.
    pub(super) fn fill(&mut self, id: &str, spot: &Spot<'_>, under: &str, words: &[Word]) -> Table {
        let mut table = Table::new();
        for word in words {
            let key = if under.is_empty() { word.key.to_owned() } else { format!("{under}.{}", word.key) };
            let Some(Some(value)) = self.take(id, &key, spot.get(word.property)) else { continue };
            self.origin(id, &key, &value);
            let written = if word.form == Form::Tags {
                self.tags(id, &key, word.weight, &value)
            } else {
                written(word.form, &value)
            };
            match written {
                Ok(Some(written)) => drop(table.insert(word.key.to_owned(), written)),
                Ok(None) => self.silent.push((id.to_owned(), value.path)),
                Err(gap) => {
                    if word.weight == Weight::Entry {
                        table.insert(word.key.to_owned(), TODO.into());
                    }
                    self.hole(id, &key, word.weight, gap);
                }
            }
        }
        table
    }

    /// Writes tags one by one, so that one without a value does not lose the others.
    fn tags(&mut self, id: &str, key: &str, weight: Weight, spot: &Spot<'_>) -> Result<Option<Toml>, Gap> {
        let mut table = Table::new();
        let tags = spot.tags()?;
        if tags.is_empty() {
            return Ok(None);
        }
        for Tag { key: name, value, spot } in tags {
            let key = format!("{key}.{name}");
            self.origin(id, &key, &spot);
            match value {
                Ok(value) => drop(table.insert(name, value.into())),
                Err(gap) => self.hole(id, &key, weight, gap),
            }
        }
        Ok(Some(table.into()))
    }
}

/// Writes a value in its form; none where it says nothing.
fn written(form: Form, spot: &Spot<'_>) -> Result<Option<Toml>, Gap> {
    Ok(Some(match form {
        Form::Text => spot.text()?.into(),
        Form::Texts => {
            let texts = spot.texts()?;
            if texts.is_empty() {
                return Ok(None);
            }
            texts.into_iter().map(Toml::from).collect::<Vec<_>>().into()
        }
        Form::Flag => spot.flag()?.into(),
        Form::Number => i64::from(spot.number()?).into(),
        Form::Days => days::format(spot.number()?).into(),
        Form::Minutes => minutes::format(spot.number()?).into(),
        Form::Hours => {
            let hours = spot.number()?.checked_mul(60).ok_or_else(|| spot.gap("is out of range"))?;
            minutes::format(hours).into()
        }
        Form::Tags => return Ok(None),
    }))
}

/// Writes a policy document as JSON text, which people can paste back and forth.
pub(super) fn document_text(value: &serde_json::Value) -> Toml {
    match value {
        serde_json::Value::String(text) => text.as_str().into(),
        other => serde_json::to_string_pretty(other).unwrap_or_default().into(),
    }
}
