//! The tables of the file that a template becomes, and how values are written into them.

use std::collections::BTreeMap;

use serde_json::Value;
use toml::{Table, Value as Toml};

use super::resolve::as_text;
use crate::model::safe::escaped;
use crate::model::{KindId, Scope};

/// The tables of the file by kind and key.
#[derive(Debug, Default)]
pub(super) struct Tables(pub(super) BTreeMap<&'static str, Table>);

impl Tables {
    /// Puts an entry under its name, or under its logical id where a key can't be the name.
    pub(super) fn put(&mut self, kind: KindId, name: &str, id: &str, mut entry: Table) -> String {
        let is_key = |text: &str| {
            (1..=64).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        let key = if is_key(name) { name.to_owned() } else { id.to_owned() };
        if key != name {
            entry.insert("name".to_owned(), name.into());
        }
        self.0.entry(kind.name()).or_default().insert(key.clone(), entry.into());
        key
    }
}

/// Lays out the file, in the order in which people read it.
pub(super) fn text(scope: &Scope, name: &str, mut tables: Tables) -> String {
    let mut file = Table::new();
    let stack = [("name", &scope.stack), ("account_id", &scope.account_id), ("region", &scope.region)];
    let stack: Table = stack.into_iter().map(|(key, value)| (key.to_owned(), value.as_str().into())).collect();
    file.insert("stack".to_owned(), stack.into());
    for kind in ["policy", "role", "instance_profile", "package", "vault", "plan"] {
        if let Some(entries) = tables.0.remove(kind) {
            file.insert(kind.to_owned(), entries.into());
        }
    }
    let body = toml::to_string_pretty(&file).expect("tables of texts, numbers and lists are TOML");
    format!(
        "# Made from the CloudFormation template {} by `vssctl init`.\n\
         # `vssctl plan` shows what differs from AWS.\n\
         # Resources of the template's stack stay its own until it lets them go.\n\n\
         {body}",
        escaped(name)
    )
}

/// Turns a JSON value into TOML; null is left out.
pub(super) fn toml_of(value: &Value) -> Option<Toml> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(truth) => (*truth).into(),
        Value::Number(number) => number.as_i64().map_or_else(|| Toml::from(number.to_string()), Toml::from),
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().filter_map(toml_of).collect::<Vec<_>>().into(),
        Value::Object(map) => {
            map.iter().filter_map(|(key, value)| Some((key.clone(), toml_of(value)?))).collect::<Table>().into()
        }
    })
}

/// A policy document as JSON text, which people can paste back and forth.
pub(super) fn document_text(value: &Value) -> Toml {
    match value {
        Value::String(text) => text.as_str().into(),
        other => serde_json::to_string_pretty(other).unwrap_or_default().into(),
    }
}

/// Tags as a list of `Key` and `Value`, or as a map.
pub(super) fn tags(value: &Value) -> Table {
    let pair = |tag: &Value| Some((as_text(&tag["Key"])?, Toml::from(as_text(&tag["Value"]).unwrap_or_default())));
    match value {
        Value::Object(map) => {
            map.iter().filter_map(|(key, value)| Some((key.clone(), as_text(value)?.into()))).collect()
        }
        other => other.as_array().into_iter().flatten().filter_map(pair).collect(),
    }
}
