//! What is live, in the words of the file: the inverse of what the resolvers make of an entry. Pure.
//!
//! The table of an entry holds every field that is live and says anything. Its name, and what steers vssctl (`adopt`,
//! `protect`), are whoever writes the file's.

mod backup;
mod iam;
mod names;
mod package;
mod restore;
#[cfg(test)]
mod tests;

use serde_json::Value;
use toml::{Table, Value as Toml};

use crate::kind::Fields;
use crate::model::marks::PREFIX;
use crate::model::{KindId, Scope};

pub use names::{Keys, References, is_key, key_of};

/// An entry of the file that declares what is live.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// Values by the words of the file, plain ones before tables.
    pub table: Table,
    /// What is live and the file has no words for: parts of sentences without the address.
    pub unsaid: Vec<String>,
}

/// Writes the live fields of a resource, in normal form, in the words of the file. Objects that `references` knows are
/// named by their keys, and others by their ARNs. Marks of vssctl's own are left out.
pub fn of(scope: &Scope, kind: KindId, fields: &Fields, references: &References) -> Entry {
    let mut writer = Writer { scope, references, unsaid: Vec::new() };
    let table = match kind {
        KindId::Policy => iam::policy(&writer, fields),
        KindId::Role => iam::role(&writer, fields),
        KindId::InstanceProfile => iam::instance_profile(&writer, fields),
        KindId::Attachment => iam::attachment(&mut writer, fields),
        KindId::Package => package::package(&mut writer, fields),
        KindId::Vault => backup::vault(fields),
        KindId::Plan => backup::plan(&writer, fields),
        KindId::Selection => backup::selection(&writer, fields),
        KindId::RestoreTest => restore::restore_test(&mut writer, fields),
        KindId::RegionSettings => backup::region_settings(fields),
    };
    Entry { table, unsaid: writer.unsaid }
}

/// What the kinds write with.
struct Writer<'a> {
    scope: &'a Scope,
    references: &'a References,
    unsaid: Vec<String>,
}

impl Writer<'_> {
    /// Names an object by the key of its entry, or by its ARN: the one that is live, or the one of its name.
    fn named(&self, kind: KindId, id: &str) -> Toml {
        self.references.named(self.scope, kind, id).into()
    }
}

/// A table under construction; what says nothing is left out.
#[derive(Default)]
struct Rows(Table);

impl Rows {
    /// Adds a text.
    fn text(&mut self, fields: &Fields, name: &str) -> &mut Self {
        self.value(name, fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()))
    }

    /// Adds a list of texts.
    fn texts(&mut self, fields: &Fields, name: &str) -> &mut Self {
        let list = texts(fields.get(name));
        self.value(name, (!list.is_empty()).then_some(list))
    }

    /// Adds a truth value that is not AWS's default, false.
    fn flag(&mut self, fields: &Fields, name: &str) -> &mut Self {
        self.value(name, fields.get(name).and_then(Value::as_bool).filter(|flag| *flag))
    }

    /// Adds a whole number.
    fn number(&mut self, fields: &Fields, name: &str) -> &mut Self {
        self.value(name, fields.get(name).and_then(Value::as_i64))
    }

    /// Adds a policy document as JSON that people can read.
    fn document(&mut self, fields: &Fields, name: &str) -> &mut Self {
        let document = fields.get(name).filter(|document| !crate::kind::diff::is_empty(document));
        self.value(name, document.map(document_text))
    }

    /// Adds tags, without the marks of vssctl.
    fn tags(&mut self, fields: &Fields) -> &mut Self {
        let tags = fields.get("tags").and_then(Value::as_object).into_iter().flatten();
        let tags: Table = tags
            .filter(|(key, _)| !key.starts_with(PREFIX))
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.into())))
            .collect();
        self.table("tags", tags)
    }

    /// Adds a table that is not empty.
    fn table(&mut self, name: &str, table: Table) -> &mut Self {
        self.value(name, (!table.is_empty()).then_some(table))
    }

    /// Adds a value, if there is one.
    fn value(&mut self, name: &str, value: Option<impl Into<Toml>>) -> &mut Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }

    /// Ends the table.
    fn done(&mut self) -> Table {
        std::mem::take(&mut self.0)
    }
}

/// Returns the texts of a set.
fn texts(value: Option<&Value>) -> Vec<Toml> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(Toml::from).collect()
}

/// Writes texts as one text, or as a list of several.
fn one_or_many(mut texts: Vec<Toml>) -> Toml {
    if texts.len() == 1 { texts.remove(0) } else { texts.into() }
}

/// Gathers `key=value` pairs into a table of values by key.
fn by_key(value: Option<&Value>) -> Table {
    let mut found: Vec<(&str, Vec<Toml>)> = Vec::new();
    for pair in value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match found.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value.into()),
            None => found.push((key, vec![value.into()])),
        }
    }
    found.into_iter().map(|(key, values)| (key.to_owned(), one_or_many(values))).collect()
}

/// Writes a policy document as JSON text, which people can paste back and forth.
pub(super) fn document_text(document: &Value) -> Toml {
    match document {
        Value::String(text) => text.as_str().into(),
        other => format!("{other:#}\n").into(),
    }
}

/// Returns the members of an object.
fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

/// Returns the fields of a record; none where it is none.
fn record(value: &Value) -> Fields {
    value.as_object().cloned().unwrap_or_default()
}
