//! How the text of a file is laid out that vssctl writes: comments, `[stack]`, and the tables of each entry.

use std::fmt::Write as _;

use toml::{Table, Value as Toml};

use crate::model::Scope;

/// Adds a line of comment. The text must hold nothing that ends a line.
pub(super) fn comment(text: &mut String, line: &str) {
    let _ = if line.is_empty() { writeln!(text, "#") } else { writeln!(text, "# {line}") };
}

/// Writes `[stack]`.
pub(super) fn stack(scope: &Scope) -> String {
    let rows = [("name", &scope.stack), ("account_id", &scope.account_id), ("region", &scope.region)];
    let rows: Table = rows.into_iter().map(|(key, value)| (key.to_owned(), value.as_str().into())).collect();
    pretty(&[("stack".to_owned(), Toml::from(rows))].into_iter().collect())
}

/// Writes the tables of an entry. `names` lead to it, such as `plan`, `daily`, `selection` and `windows`.
pub(super) fn entry(names: &[String], table: &Table) -> String {
    let inner = Toml::from(ordered(table));
    let whole = names
        .iter()
        .rev()
        .fold(inner, |inner, name| Toml::from([(name.clone(), inner)].into_iter().collect::<Table>()));
    match whole {
        Toml::Table(table) => pretty(&table),
        _ => String::new(),
    }
}

fn pretty(table: &Table) -> String {
    toml::to_string_pretty(table).expect("tables of texts, numbers and lists are TOML")
}

/// Puts plain values before tables, as TOML wants them.
fn ordered(table: &Table) -> Table {
    let is_table = |value: &Toml| match value {
        Toml::Table(_) => true,
        Toml::Array(items) => items.iter().any(Toml::is_table),
        Toml::String(_) | Toml::Integer(_) | Toml::Float(_) | Toml::Boolean(_) | Toml::Datetime(_) => false,
    };
    let (tables, plain): (Vec<_>, Vec<_>) = table.iter().partition(|(_, value)| is_table(value));
    let inner = |value: &Toml| match value {
        Toml::Table(table) => Toml::from(ordered(table)),
        other => other.clone(),
    };
    plain.into_iter().chain(tables).map(|(key, value)| (key.clone(), inner(value))).collect()
}
