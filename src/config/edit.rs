//! Edits of one entry of a file: what has to change in its text so that it says what is live. Everything else of the
//! text, comments included, stays byte for byte. Pure.

use serde_json::Value as Json;
use toml::{Table, Value as Toml};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table as Lines, TableLike, Value};

/// Keys that steer vssctl, or say what an entry is: what is live has nothing to set against them. Values of
/// `overrides` are hidden.
const STEERING: [&str; 13] = [
    "name",
    "adopt",
    "protect",
    "renamed_from",
    "allow",
    "preset",
    "policies_mode",
    "wait",
    "minimum_version",
    "canary",
    "instance_profile",
    "package_name",
    "overrides",
];

/// A change of one value of an entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// The way to the value from the entry: keys, and places in lists.
    pub way: Vec<String>,
    /// The new value; none takes the key out.
    pub value: Option<Toml>,
    /// The policy file in which the value stands.
    pub file: Option<String>,
}

/// Returns the keys that lead to the table of an address, and what the text has there.
pub fn own(text: &str, names: &[String]) -> Table {
    let root: Table = text.parse().unwrap_or_default();
    let found = names.iter().try_fold(&root, |table, name| table.get(name).and_then(Toml::as_table));
    found.cloned().unwrap_or_default()
}

/// Lists what differs between what an entry says and what it shall say, value by value. Some of it may mean the same.
pub fn edits(own: &Table, wanted: &Table) -> Vec<Edit> {
    let mut edits = Vec::new();
    collect(own, &under_own_keys(own, wanted), &mut Vec::new(), &mut edits);
    edits
}

/// Puts rules and selections under the keys that the entry has for them.
fn under_own_keys(own: &Table, wanted: &Table) -> Table {
    let mut wanted = wanted.clone();
    for nested in ["rule", "selection"] {
        let (Some(have), Some(Toml::Table(parts))) = (own.get(nested).and_then(Toml::as_table), wanted.get_mut(nested))
        else {
            continue;
        };
        let parts_by_name = std::mem::take(parts);
        for (key, mut part) in parts_by_name {
            let name = part.get("name").and_then(Toml::as_str).unwrap_or(&key).to_owned();
            let is_it = |(own, table): &(&String, &Toml)| {
                table.get("name").and_then(Toml::as_str).unwrap_or(own.as_str()) == name
            };
            let own_key = have.iter().find(is_it).map(|(own, _)| own.clone());
            if let (Some(_), Some(part)) = (&own_key, part.as_table_mut()) {
                part.remove("name");
            }
            parts.insert(own_key.unwrap_or(key), part);
        }
    }
    wanted
}

fn collect(own: &Table, wanted: &Table, way: &mut Vec<String>, edits: &mut Vec<Edit>) {
    for (key, wanted) in wanted {
        way.push(key.clone());
        match own.get(key) {
            Some(have) => difference(have, wanted, way, edits),
            None => edits.push(Edit { way: way.clone(), value: Some(wanted.clone()), file: None }),
        }
        way.pop();
    }
    let gone = own.keys().filter(|key| !wanted.contains_key(*key) && !STEERING.contains(&key.as_str()));
    // The selections of a plan are entries of their own.
    for key in gone.filter(|key| *key != "selection" || way.is_empty() && wanted.contains_key("selection")) {
        let way = way.iter().chain([key]).cloned().collect();
        edits.push(Edit { way, value: None, file: None });
    }
}

fn difference(have: &Toml, wanted: &Toml, way: &mut Vec<String>, edits: &mut Vec<Edit>) {
    match (have, wanted) {
        (have, wanted) if have == wanted => {}
        (Toml::Table(have), Toml::Table(wanted)) => collect(have, wanted, way, edits),
        (Toml::Table(have), Toml::String(text)) => {
            let file = have.get("file").and_then(Toml::as_str).map(ToOwned::to_owned);
            match serde_json::from_str::<Json>(text).ok().as_ref().and_then(of_json) {
                Some(Toml::Table(wanted)) if file.is_none() => collect(have, &wanted, way, edits),
                _ => edits.push(Edit { way: way.clone(), value: Some(wanted.clone()), file }),
            }
        }
        (Toml::Array(have), Toml::Array(wanted))
            if have.len() == wanted.len() && have.iter().chain(wanted).all(Toml::is_table) =>
        {
            for (place, (have, wanted)) in have.iter().zip(wanted).enumerate() {
                way.push(place.to_string());
                difference(have, wanted, way, edits);
                way.pop();
            }
        }
        (_, wanted) => edits.push(Edit { way: way.clone(), value: Some(wanted.clone()), file: None }),
    }
}

/// Turns JSON into TOML; none where TOML has no word for it.
fn of_json(value: &Json) -> Option<Toml> {
    match value {
        Json::Null => None,
        Json::Bool(flag) => Some((*flag).into()),
        Json::Number(number) => number.as_i64().map(Toml::from),
        Json::String(text) => Some(text.as_str().into()),
        Json::Array(items) => items.iter().map(of_json).collect::<Option<Vec<_>>>().map(Toml::from),
        Json::Object(members) => {
            let members = members.iter().map(|(name, value)| Some((name.clone(), of_json(value)?)));
            members.collect::<Option<Table>>().map(Toml::from)
        }
    }
}

/// Makes edits in the entry that `names` lead to. None where the text can't be edited without other changes to it.
pub fn apply<'e>(text: &str, names: &[String], edits: impl IntoIterator<Item = &'e Edit>) -> Option<String> {
    let is_crlf = text.contains("\r\n");
    let plain = text.replace("\r\n", "\n");
    if is_crlf && plain.replace('\n', "\r\n") != text {
        return None;
    }
    let mut document: DocumentMut = plain.parse().ok()?;
    if document.to_string() != plain {
        return None;
    }
    for edit in edits {
        let way: Vec<&str> = names.iter().chain(&edit.way).map(String::as_str).collect();
        match &edit.value {
            Some(value) => set(document.as_item_mut(), &way, value)?,
            None => remove(document.as_item_mut(), &way)?,
        }
    }
    let edited = document.to_string();
    Some(if is_crlf { edited.replace('\n', "\r\n") } else { edited })
}

fn set(item: &mut Item, way: &[&str], value: &Toml) -> Option<()> {
    let Some((step, rest)) = way.split_first() else {
        replace(item, value);
        return Some(());
    };
    match item {
        Item::ArrayOfTables(tables) => {
            let table = tables.get_mut(step.parse().ok()?)?;
            set_in(table, rest, value, false)
        }
        Item::Table(table) => set_in(table, way, value, false),
        Item::Value(inner) => set_in_value(inner, way, value),
        Item::None => None,
    }
}

fn set_in_value(inner: &mut Value, way: &[&str], value: &Toml) -> Option<()> {
    let Some((step, rest)) = way.split_first() else {
        let decor = inner.decor().clone();
        *inner = written(value);
        *inner.decor_mut() = decor;
        return Some(());
    };
    match inner {
        Value::InlineTable(table) => set_in(table, way, value, true),
        Value::Array(items) => set_in_value(items.get_mut(step.parse().ok()?)?, rest, value),
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => None,
    }
}

fn set_in(table: &mut dyn TableLike, way: &[&str], value: &Toml, is_inline: bool) -> Option<()> {
    let (step, rest) = way.split_first()?;
    if let Some(item) = table.get_mut(step).filter(|item| !item.is_none()) {
        return set(item, rest, value);
    }
    if rest.is_empty() {
        table.insert(step, if is_inline { Item::Value(written(value)) } else { lines(value) });
        return Some(());
    }
    let mut inner = Lines::new();
    inner.set_implicit(rest.len() > 1);
    let inner = if is_inline { Item::Value(Value::InlineTable(InlineTable::new())) } else { Item::Table(inner) };
    table.insert(step, inner);
    set(table.get_mut(step)?, rest, value)
}

/// Puts a value in the place of another, with the comments around it. Of a list those items stay that are in both.
fn replace(item: &mut Item, value: &Toml) {
    if let (Item::Value(Value::Array(items)), Toml::Array(wanted)) = (&mut *item, value) {
        items.retain(|item| wanted.iter().any(|wanted| is(item, wanted)));
        for new in wanted {
            if !items.iter().any(|item| is(item, new)) {
                let decor = items.iter().last().map(|last| last.decor().clone());
                let mut new = written(new);
                if let Some(before) = decor.as_ref().and_then(toml_edit::Decor::prefix).cloned() {
                    // A comment before the last item is that item's.
                    let blanks = before.as_str().unwrap_or_default().rsplit_once('\n');
                    new.decor_mut().set_prefix(blanks.map_or(" ".to_owned(), |(_, blanks)| format!("\n{blanks}")));
                }
                items.push_formatted(new);
            }
        }
        return;
    }
    match item {
        Item::Value(inner) => {
            let decor = inner.decor().clone();
            *inner = written(value);
            *inner.decor_mut() = decor;
        }
        Item::None | Item::Table(_) | Item::ArrayOfTables(_) => *item = Item::Value(written(value)),
    }
}

fn is(item: &Value, wanted: &Toml) -> bool {
    item.as_str().is_some_and(|text| wanted.as_str() == Some(text))
}

/// Writes a value into one line.
fn written(value: &Toml) -> Value {
    match value {
        Toml::String(text) => text.as_str().into(),
        Toml::Integer(number) => (*number).into(),
        Toml::Float(number) => (*number).into(),
        Toml::Boolean(flag) => (*flag).into(),
        Toml::Datetime(time) => time.to_string().into(),
        Toml::Array(items) => Value::Array(items.iter().map(written).collect::<Array>()),
        Toml::Table(table) => {
            Value::InlineTable(table.iter().map(|(key, value)| (key.as_str(), written(value))).collect::<InlineTable>())
        }
    }
}

/// Writes a value with a header of its own, where it is a table with tables or many values in it.
fn lines(value: &Toml) -> Item {
    const FEW: usize = 3;
    match value {
        Toml::Table(table) if table.len() > FEW || table.values().any(Toml::is_table) => {
            let mut own = Lines::new();
            own.set_implicit(table.values().all(Toml::is_table));
            for (key, value) in table {
                own.insert(key, lines(value));
            }
            Item::Table(own)
        }
        value => Item::Value(written(value)),
    }
}

fn remove(item: &mut Item, way: &[&str]) -> Option<()> {
    let (step, rest) = way.split_first()?;
    match item {
        Item::ArrayOfTables(tables) if !rest.is_empty() => remove_from(tables.get_mut(step.parse().ok()?)?, rest),
        Item::Table(table) => remove_from(table, way),
        Item::Value(Value::InlineTable(table)) => remove_from(table, way),
        Item::Value(Value::Array(items)) => match items.get_mut(step.parse().ok()?)? {
            Value::InlineTable(table) if !rest.is_empty() => remove_from(table, rest),
            _ => None,
        },
        Item::ArrayOfTables(_) | Item::Value(_) | Item::None => None,
    }
}

fn remove_from(table: &mut dyn TableLike, way: &[&str]) -> Option<()> {
    match way {
        [] => None,
        [key] => {
            keep_comments(table, key);
            table.remove(key).map(|_| ())
        }
        [step, rest @ ..] => remove(table.get_mut(step)?, rest),
    }
}

/// Moves the comments around a key that goes to the one after it, or to the one before it.
fn keep_comments(table: &mut dyn TableLike, key: &str) {
    let Some((own, item)) = table.get_key_value(key) else { return };
    let Some(value) = item.as_value() else { return };
    let raw =
        |text: Option<&toml_edit::RawString>| text.and_then(toml_edit::RawString::as_str).unwrap_or("").to_owned();
    let above = raw(own.leaf_decor().prefix());
    let behind = raw(value.decor().suffix());
    if !above.contains('#') && !behind.contains('#') {
        return;
    }
    let behind = behind.trim();
    let kept = if behind.is_empty() { above } else { format!("{above}{behind}\n") };
    let keys: Vec<String> = table.iter().filter(|(_, item)| item.is_value()).map(|(key, _)| key.to_owned()).collect();
    let at = keys.iter().position(|one| one == key).unwrap_or_default();
    if let Some(mut next) = keys.get(at + 1).and_then(|next| table.key_mut(next)) {
        let before = raw(next.leaf_decor().prefix());
        next.leaf_decor_mut().set_prefix(format!("{kept}{before}"));
    } else if let Some(value) = at.checked_sub(1).and_then(|at| table.get_mut(&keys[at])).and_then(Item::as_value_mut) {
        let after = raw(value.decor().suffix());
        value.decor_mut().set_suffix(format!("{after}\n{}", kept.trim_end_matches('\n')));
    }
}
