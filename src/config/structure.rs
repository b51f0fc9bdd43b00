//! Checks the tree of a file against the schema: unknown keys, wrong types, values that are no choice, missing keys,
//! and characters that mislead a reader. A value with a fault is marked, so that later checks leave it alone.

use serde_json::Value;

use crate::model::Diagnostic;
use crate::model::safe::is_hidden;

use super::problems::{Problems, safe};
use super::schema::View;
use super::tree::{Member, Node, Tree};
use crate::model::source::Place;

/// Tables whose keys name entries, and so become part of addresses.
const ENTRY_TABLES: &[&str] = &[
    "role",
    "policy",
    "instance_profile",
    "attachment",
    "package",
    "vault",
    "plan",
    "plan.*.rule",
    "plan.*.selection",
    "restore_test",
];

/// Checks one file on its own. Keys that the file it extends may bring are not required yet.
pub(crate) fn check(root: &mut Node, problems: &mut Problems<'_>) {
    walk(root, View::root(), &mut Vec::new(), problems);
}

fn walk(node: &mut Node, view: View, path: &mut Vec<String>, problems: &mut Problems<'_>) {
    let types = view.types();
    let found = node.type_name();
    if !types.is_empty() && !types.contains(&found) {
        problems.add(&node.place, wrong_type(node, view, path, problems.text(&node.place)));
        node.faulty = true;
        return;
    }
    if let Some(diagnostic) = check_value(node, view, path) {
        problems.add(&node.place, diagnostic);
        node.faulty = true;
    }
    let name_of_table = path.join(".");
    let holds_entries = ENTRY_TABLES.contains(&pattern(path).as_str());
    let mut renamed = Vec::new();
    match &mut node.tree {
        Tree::List(items) => {
            let Some(view) = view.items() else { return };
            for (index, item) in items.iter_mut().enumerate() {
                path.push(index.to_string());
                walk(item, view, path, problems);
                path.pop();
            }
        }
        Tree::Table(members) => {
            for (key, member) in members.iter_mut() {
                let below = if view.is_free() { Some(view) } else { view.key(key) };
                let Some(below) = below else {
                    problems.add(&member.key, unknown_key(key, view, &member.node, &name_of_table));
                    member.node.faulty = true;
                    continue;
                };
                if let Some(diagnostic) = check_key(key, holds_entries, &name_of_table) {
                    problems.add(&member.key, diagnostic);
                    if !holds_entries {
                        member.node.faulty = true;
                        continue;
                    }
                    // The entry below a bad key is checked like any other.
                    renamed.push(key.clone());
                }
                path.push(key.clone());
                if view.is_free() {
                    walk_free(&mut member.node, path, problems);
                } else {
                    walk(&mut member.node, below, path, problems);
                }
                path.pop();
            }
        }
        Tree::Text(_) | Tree::Integer(_) | Tree::Huge | Tree::Float | Tree::Flag(_) | Tree::Datetime => {}
    }
    for key in renamed {
        rename(node, &key);
    }
    // Half a document says something else than all of it.
    node.faulty |= view.is_free() && node.has_fault();
}

/// Puts an entry under a key that addresses can have. What it was called stays its name, so that references find it.
fn rename(table: &mut Node, key: &str) {
    let Tree::Table(members) = &mut table.tree else { return };
    let Some(index) = members.get_index_of(key) else { return };
    let fitting = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let mut fit: String = key.chars().take(48).map(fitting).collect();
    while fit.is_empty() || members.contains_key(&fit) {
        fit.push('_');
    }
    let Some((_, mut member)) = members.shift_remove_index(index) else { return };
    if let Tree::Table(own) = &mut member.node.tree {
        let name = Node { tree: Tree::Text(key.to_owned()), place: member.key.clone(), faulty: true, stand_in: None };
        own.entry("name".to_owned()).or_insert(Member { key: member.key.clone(), node: name });
    }
    members.shift_insert(index, fit, member);
}

/// Checks what stands inside a policy document, whose shape the document check knows better.
fn walk_free(node: &mut Node, path: &mut Vec<String>, problems: &mut Problems<'_>) {
    let fault = match &node.tree {
        Tree::Text(text) => bad_character(text, path),
        Tree::Float | Tree::Datetime | Tree::Huge => Some(
            Diagnostic::error("VSS0103", format!("`{}` has a value that no policy document can hold", path.join(".")))
                .label(article(node.type_name()))
                .help("write it as a string"),
        ),
        Tree::Integer(_) | Tree::Flag(_) | Tree::List(_) | Tree::Table(_) => None,
    };
    if let Some(diagnostic) = fault {
        problems.add(&node.place, diagnostic);
        node.faulty = true;
    }
    match &mut node.tree {
        Tree::List(items) => items.iter_mut().for_each(|item| walk_free(item, path, problems)),
        Tree::Table(members) => {
            for (key, member) in members.iter_mut() {
                if let Some(diagnostic) = bad_character(key, path) {
                    problems.add(&member.key, diagnostic);
                    member.node.faulty = true;
                }
                path.push(key.clone());
                walk_free(&mut member.node, path, problems);
                path.pop();
            }
        }
        Tree::Text(_) | Tree::Integer(_) | Tree::Huge | Tree::Float | Tree::Flag(_) | Tree::Datetime => {}
    }
}

/// Requires the keys that must be there, once files and defaults are merged.
pub(crate) fn require(root: &mut Node, problems: &mut Problems<'_>) {
    let place = Place { end: root.place.start, ..root.place.clone() };
    require_below(root, View::root(), &place, &mut Vec::new(), problems);
}

fn require_below(node: &mut Node, view: View, place: &Place, path: &mut Vec<String>, problems: &mut Problems<'_>) {
    if node.faulty {
        return;
    }
    let mut lacks = Vec::new();
    match &mut node.tree {
        Tree::List(items) => {
            let Some(view) = view.items() else { return };
            for (index, item) in items.iter_mut().enumerate() {
                let place = item.place.clone();
                path.push(index.to_string());
                require_below(item, view, &place, path, problems);
                path.pop();
            }
        }
        Tree::Table(members) => {
            let known = view.keys();
            for required in view.required() {
                // A misspelt key has been reported already, together with the right one.
                let misspelt = |key: &String| !known.contains(&key.as_str()) && closest(key, &known) == Some(required);
                if !members.contains_key(required) {
                    lacks.push((required, members.keys().any(misspelt)));
                }
            }
            for (key, member) in members.iter_mut() {
                let Some(view) = view.key(key) else { continue };
                path.push(key.clone());
                require_below(&mut member.node, view, &member.key.clone(), path, problems);
                path.pop();
            }
        }
        Tree::Text(_) | Tree::Integer(_) | Tree::Huge | Tree::Float | Tree::Flag(_) | Tree::Datetime => {}
    }
    for (required, is_misspelt) in lacks {
        if !is_misspelt {
            problems.add(place, missing(required, view, path));
        }
        if let Tree::Table(members) = &mut node.tree {
            let below = Node { tree: Tree::Datetime, place: place.clone(), faulty: true, stand_in: None };
            members.insert(required.to_owned(), Member { key: place.clone(), node: below });
        }
    }
    // With something in the place of what is missing or wrong, the rest of the entry is checked all the same.
    if let Tree::Table(members) = &mut node.tree {
        for required in view.required() {
            if let (Some(member), Some(view)) = (members.get_mut(required), view.key(required)) {
                member.node.stand_in = stand_in(view);
            }
        }
    }
}

/// Returns a value of the right type that says as little as possible.
fn stand_in(view: View) -> Option<Value> {
    if let Some(choice) = view.choices().first() {
        return Some(Value::from(*choice));
    }
    match view.types().first().copied()? {
        "string" => Some(Value::from("")),
        "integer" => Some(Value::from(view.range().0.max(0))),
        "boolean" => Some(Value::from(false)),
        "array" => Some(Value::Array(Vec::new())),
        "object" => {
            let required = view.required().into_iter();
            let members = required.map(|key| Some((key.to_owned(), stand_in(view.key(key)?)?)));
            Some(Value::Object(members.collect::<Option<_>>()?))
        }
        _ => None,
    }
}

fn missing(required: &str, view: View, path: &[String]) -> Diagnostic {
    let sample = match view.key(required).map(|view| (view.types(), view.choices())) {
        Some((_, choices)) if !choices.is_empty() => format!("{required} = \"{}\"", choices[0]),
        Some((types, _)) if types.first() == Some(&"object") && path.is_empty() => format!("[{required}]"),
        Some((types, _)) if types.first() == Some(&"object") => format!("{required} = {{ ... }}"),
        _ => format!("{required} = \"...\""),
    };
    let owner = if path.is_empty() { "the file".to_owned() } else { format!("`{}`", path.join(".")) };
    Diagnostic::error("VSS0105", format!("{owner} lacks `{required}`"))
        .label(format!("`{required}` is missing"))
        .help(format!("add `{sample}`"))
}

fn unknown_key(key: &str, view: View, value: &Node, table: &str) -> Diagnostic {
    let known = &view.keys();
    let shown = safe(key);
    let owner = if table.is_empty() { "the file".to_owned() } else { format!("`{table}`") };
    let diagnostic = Diagnostic::error("VSS0102", format!("unknown key `{shown}` in {owner}")).label("unknown key");
    let diagnostic = match closest(key, known) {
        _ if elsewhere(key, view, value).is_some() => diagnostic.help(elsewhere(key, view, value).unwrap_or_default()),
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
        None if !table.is_empty() && View::root().key(key).is_some() => diagnostic
            .help(format!("`{key}` belongs to the file itself: put it before the first table, or write `[{key}]`")),
        None => diagnostic,
    };
    diagnostic.help(format!("valid keys: {}", known.join(", ")))
}

/// Says where a value belongs that stands in the wrong table: resources are chosen by `match` in some tables and by
/// `targets` in others, and what belongs into a table within is often written beside it.
fn elsewhere(key: &str, view: View, value: &Node) -> Option<String> {
    let known = view.keys();
    let has = |wanted: &str| known.contains(&wanted);
    // What is chosen by: the tags, whichever way they are wrapped.
    let inner = ["tags", "all"].into_iter().find_map(|wrap| value.get(wrap)).unwrap_or(value);
    let written = written(inner);
    let plain = key.to_ascii_lowercase().replace('-', "_");
    let word = plain.as_str();
    if has("match")
        && matches!(word, "tags" | "tag" | "targets" | "conditions" | "list_of_tags" | "all" | "resource_tags")
    {
        return Some(format!("a selection takes resources by `match`: write `match = {{ all = {written} }}`"));
    }
    if has("match") && matches!(word, "resources" | "instance_ids" | "instances") {
        return Some("a selection takes resources by `match`: write `match = { arns = [\"arn:...\"] }`".to_owned());
    }
    if has("all") && has("any") && matches!(word, "tags" | "tag" | "equals" | "string_equals" | "and") {
        return Some(format!(
            "write `all = {written}` for resources that have all of these tags, `any` for one of them"
        ));
    }
    if has("all") && has("any") && matches!(word, "resources" | "instance_ids" | "instances") {
        return Some("write `arns = [\"arn:...\"]`".to_owned());
    }
    if has("targets") && matches!(word, "match" | "tags" | "tag" | "selection" | "all") {
        return Some(format!("instances are named by `targets`: write `targets = {{ tags = {written} }}`"));
    }
    if has("tags") && has("instance_ids") && matches!(word, "match" | "all" | "any" | "tag") {
        return Some(format!("write `tags = {written}`"));
    }
    if has("tags") && has("instance_ids") && matches!(word, "instances" | "ids" | "arns") {
        return Some("write `instance_ids = [\"i-...\"]`".to_owned());
    }
    let table = known
        .into_iter()
        .find(|table| view.key(table).is_some_and(|below| !below.keys().is_empty() && below.keys().contains(&key)))?;
    Some(format!("`{key}` belongs into `{table}`: write `{table} = {{ {key} = {written} }}`"))
}

/// Writes a value as a sample: tags as they are, anything else as `...`.
fn written(value: &Node) -> String {
    let pairs = value.members().map(|(key, member)| Some(format!("{} = \"{}\"", safe(key), safe(member.node.text()?))));
    match pairs.collect::<Option<Vec<_>>>() {
        Some(pairs) if (1..=3).contains(&pairs.len()) => format!("{{ {} }}", pairs.join(", ")),
        Some(_) | None => "{ TAG = \"value\" }".to_owned(),
    }
}

/// Finds the word that was probably meant.
pub(crate) fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let word = plain(word);
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &plain(candidate)), *candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(word.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn check_key(key: &str, holds_entries: bool, table: &str) -> Option<Diagnostic> {
    if holds_entries {
        let fits = (1..=64).contains(&key.len())
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        return (!fits).then(|| {
            Diagnostic::error("VSS0113", format!("`{}` cannot be a key of `{table}`", safe(key)))
                .label("1 to 64 of A-Z a-z 0-9 _ -")
                .help("take another key and write the AWS name as `name = \"...\"`")
        });
    }
    bad_character(key, &[table.to_owned()])
}

fn check_value(node: &Node, view: View, path: &[String]) -> Option<Diagnostic> {
    let name = path.join(".");
    match &node.tree {
        Tree::Text(text) => {
            let choices = view.choices();
            if !choices.is_empty() && !choices.contains(&text.as_str()) {
                let list = choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", ");
                let diagnostic = Diagnostic::error("VSS0104", format!("`{name}` cannot be `{}`", safe(text)))
                    .label(if choices.len() == 1 { "not the choice" } else { "not one of the choices" });
                let diagnostic = match closest(text, &choices) {
                    Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                    None => diagnostic,
                };
                return Some(diagnostic.help(format!("choices: {list}")));
            }
            if text.len() > view.longest() {
                return Some(
                    Diagnostic::error(
                        "VSS0112",
                        format!("`{name}` has {} bytes, and {} is the most", text.len(), view.longest()),
                    )
                    .label("too long"),
                );
            }
            bad_character(text, path)
        }
        Tree::Integer(number) => {
            let (least, most) = view.range();
            (*number < least || *number > most).then(|| {
                let range =
                    if least == i64::MIN { format!("at most {most}") } else { format!("from {least} to {most}") };
                Diagnostic::error("VSS0114", format!("`{name}` is {number}, out of range")).label(range)
            })
        }
        Tree::Huge => Some(
            Diagnostic::error("VSS0114", format!("`{name}` is out of range")).label("not a number that fits 64 bits"),
        ),
        Tree::Float | Tree::Flag(_) | Tree::Datetime | Tree::List(_) | Tree::Table(_) => None,
    }
}

/// Finds a character that a terminal or a reader would not see as it is: controls, text direction, invisible ones.
fn bad_character(text: &str, path: &[String]) -> Option<Diagnostic> {
    let bad = text.chars().find(|character| is_deceptive(*character))?;
    Some(
        Diagnostic::error("VSS0111", format!("`{}` holds the character U+{:04X}", path.join("."), u32::from(bad)))
            .label("control and text-direction characters are not allowed")
            .help("remove it"),
    )
}

fn is_deceptive(character: char) -> bool {
    is_hidden(character) && !matches!(character, '\t' | '\n' | '\r')
}

fn wrong_type(node: &Node, view: View, path: &[String], source: &str) -> Diagnostic {
    let name = path.join(".");
    let last = path.last().map_or("", String::as_str);
    let types = view.types();
    let wanted = types.iter().map(|name| expected(name)).collect::<Vec<_>>().join(" or ");
    let diagnostic =
        Diagnostic::error("VSS0103", format!("`{name}` must be {wanted}, not {}", article(node.type_name())))
            .label(format!("expected {wanted}"));
    let takes = |name: &str| types.contains(&name);
    match &node.tree {
        Tree::Integer(_) | Tree::Huge if takes("string") && is_duration(last) => {
            diagnostic.help(format!("write a number with its unit in quotes, such as `{last} = \"{}\"`", sample(last)))
        }
        Tree::Flag(_) | Tree::Float | Tree::Datetime if takes("integer") || is_duration(last) => {
            if is_duration(last) {
                diagnostic.help(format!("write it like `{last} = \"{}\"`", sample(last)))
            } else {
                diagnostic
            }
        }
        Tree::Text(text) if takes("boolean") && !matches!(text.as_str(), "true" | "false") => {
            let meant = match text.to_ascii_lowercase().as_str() {
                "yes" | "on" | "true" | "1" => "`true`",
                "no" | "off" | "false" | "0" => "`false`",
                _ => "`true` or `false`",
            };
            diagnostic.help(format!("write {meant} without quotes"))
        }
        Tree::Integer(_) | Tree::Huge | Tree::Float | Tree::Datetime | Tree::Flag(_) if takes("string") => {
            diagnostic.help(format!("write it in quotes: `\"{}\"`", safe(source)))
        }
        Tree::Text(text) if takes("boolean") && (text == "true" || text == "false") => {
            diagnostic.help(format!("write it without quotes: `{text}`"))
        }
        Tree::Text(text) if takes("integer") && text.parse::<i64>().is_ok() => {
            diagnostic.help(format!("write it without quotes: `{text}`"))
        }
        Tree::Text(text) if takes("array") => diagnostic.help(format!("write it in brackets: `[\"{}\"]`", safe(text))),
        _ if takes("object") && ENTRY_TABLES.iter().any(|table| Some(*table) == path.first().map(String::as_str)) => {
            diagnostic
                .help(format!("write a table: `[{}]`", if path.len() == 1 { format!("{name}.NAME") } else { name }))
        }
        _ => diagnostic,
    }
}

fn is_duration(key: &str) -> bool {
    ["_window", "_after", "_retention", "_for", "_session_duration"].iter().any(|end| key.ends_with(end))
}

fn sample(key: &str) -> &'static str {
    match key {
        _ if key.ends_with("_window") => "8h",
        _ if key.ends_with("_duration") => "1h",
        _ => "35d",
    }
}

fn expected(name: &str) -> &'static str {
    match name {
        "string" => "a string",
        "integer" => "a whole number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a table",
        _ => "a value",
    }
}

fn article(name: &str) -> &'static str {
    match name {
        "boolean" => "a truth value",
        "number" => "a fractional number",
        "datetime" => "a date",
        other => expected(other),
    }
}

/// Writes a path with `*` for the names of plans.
fn pattern(path: &[String]) -> String {
    match path {
        [plan, _, below] if plan == "plan" => format!("plan.*.{below}"),
        _ => path.join("."),
    }
}
