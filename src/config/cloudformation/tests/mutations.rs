//! Each property of each template is taken out, and renamed: the file is another one then, or the answer names it.

use serde_json::{Map, Value};

use super::templates::CASES;
use super::*;
use crate::config::cloudformation::document::{self, Content, Node};

/// Stands before a text that is written without quotes.
const PLAIN: &str = "\u{1}";

/// A template as JSON, with the long form of each function. What stands without quotes is marked.
pub(super) fn json_of(template: &str) -> Value {
    json(&document::read(template).expect("a template"))
}

fn json(node: &Node) -> Value {
    let is_word =
        |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric() || b"_.:".contains(&it));
    let value = match &node.content {
        Content::Scalar(..) if node.is_null() => Value::Null,
        Content::Scalar(text, false) if is_word(text) && !text.ends_with(':') => format!("{PLAIN}{text}").into(),
        Content::Scalar(text, _) => text.as_str().into(),
        Content::List(items) => items.iter().map(json).collect(),
        Content::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| (key.text.clone(), json(value)));
            entries.collect::<Map<String, Value>>().into()
        }
    };
    match node.tag.as_deref() {
        None => value,
        Some(name @ ("Ref" | "Condition")) => serde_json::json!({ name: value }),
        Some(name) => serde_json::json!({ format!("Fn::{name}"): value }),
    }
}

/// Writes it as one line of YAML, in which texts have the quotes that they had.
pub(super) fn line_of(template: &Value) -> String {
    let plain = regex::Regex::new(r#""\\u0001([^"]*)""#).expect("a pattern");
    plain.replace_all(&template.to_string(), "$1").into_owned()
}

/// The ways to all properties of the resources: each key of a map that is no function.
fn properties(value: &Value, way: &[String], found: &mut Vec<Vec<String>>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                properties(item, &[way, &[index.to_string()]].concat(), found);
            }
        }
        Value::Object(map) => {
            for (key, inner) in map {
                let way = [way, std::slice::from_ref(key)].concat();
                // The names of a text's own values are no properties.
                if key == "Fn::Sub" {
                    continue;
                }
                let is_function = key == "Ref" || key.starts_with("Fn::");
                if !is_function {
                    found.push(way.clone());
                }
                // What is the stack's own is mentioned above the entry, by its name.
                if way.len() > 1 || key == "Properties" {
                    properties(inner, &way, found);
                }
            }
        }
        _ => {}
    }
}

/// Takes a key out, or gives it another name.
fn mutated(template: &Value, way: &[String], renamed: bool) -> Value {
    let mut template = template.clone();
    let (key, above) = way.split_last().expect("a way");
    let map = above.iter().try_fold(&mut template, |value, step| match value {
        Value::Array(items) => step.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
        Value::Object(map) => map.get_mut(step),
        _ => None,
    });
    let map = map.and_then(Value::as_object_mut).expect("the map of the key");
    if renamed {
        let entries = std::mem::take(map).into_iter();
        *map =
            entries.map(|(name, value)| (if name == *key { format!("{name}Renamed") } else { name }, value)).collect();
    } else {
        map.shift_remove(key);
    }
    template
}

/// What is answered, without the places, which move with each change.
struct Answer {
    file: String,
    said: Vec<String>,
}

fn answer(template: &Value, given: &Given) -> Answer {
    let place = regex::Regex::new(r"template\.json:\d+:\d+").expect("a pattern");
    let imported = import("template.json", &line_of(template), &scope(), given);
    let file = place.replace_all(imported.text.as_deref().unwrap_or_default(), "").into_owned();
    let said = imported.diagnostics.iter().map(|one| one.message.clone()).collect();
    Answer { file, said }
}

/// Tells whether a message names a property: the resource as a whole, or the property or what it stands in.
fn names(said: &[String], id: &str, way: &[String]) -> bool {
    said.iter().any(|message| {
        let is_whole = [format!("`{id}` is left out"), format!("`{id}` is not made")];
        if is_whole.iter().any(|whole| message.starts_with(whole)) {
            return true;
        }
        let Some((path, _)) = message.split_once(&format!("` of `{id}`")) else { return false };
        let path = path.rsplit('`').next().unwrap_or_default();
        let inner = path.trim_start_matches("Properties/");
        let own = way.iter().skip(1).filter(|step| !step.starts_with("Fn::")).cloned().collect::<Vec<_>>().join("/");
        own == inner || own.starts_with(&format!("{inner}/")) || format!("{own}Renamed") == inner
    })
}

#[test]
fn no_property_of_a_template_goes_without_a_word() {
    let (mut count, mut silent) = (0, Vec::new());
    for case in CASES {
        let template = json_of(case.text);
        let given = Given::default();
        let before = answer(&template, &given);
        for (id, resource) in template["Resources"].as_object().expect("resources") {
            let mut ways = Vec::new();
            properties(resource, &[], &mut ways);
            for way in ways {
                let whole = [&["Resources".to_owned(), id.clone()], way.as_slice()].concat();
                for renamed in [false, true] {
                    count += 1;
                    let after = answer(&mutated(&template, &whole, renamed), &given);
                    let is_same = after.file == before.file && after.said == before.said;
                    let makes_nothing = after.file.contains(&format!("make nothing in the account: `{id}`"));
                    if is_same && !makes_nothing && !names(&after.said, id, &way) {
                        silent.push(format!("{}: {id}/{} {renamed}", case.name, way.join("/")));
                    }
                }
            }
        }
    }
    println!("{count} mutations of {} templates, {} silent", CASES.len(), silent.len());
    assert!(count > 1_000, "{count}");
    assert!(silent.is_empty(), "{} of {count} are silent:\n{}", silent.len(), silent.join("\n"));
}

#[test]
fn what_decides_a_template_does_not_change_without_a_word() {
    let (mut count, mut silent) = (0, Vec::new());
    for case in CASES {
        let template = json_of(case.text);
        let before = answer(&template, &Given::default());
        for section in ["Parameters", "Conditions", "Outputs"] {
            for (name, inner) in template[section].as_object().into_iter().flatten() {
                let whole = vec![section.to_owned(), name.clone()];
                let mut ways = vec![whole.clone()];
                let mut below = Vec::new();
                properties(inner, &[], &mut below);
                // What decides nothing of the file is named, and nothing that it holds is.
                let is_shown = before.file.contains(&format!("Parameter `{name}` is")) || section == "Outputs";
                ways.extend(below.into_iter().filter(|_| is_shown).map(|way| [whole.as_slice(), &way].concat()));
                let is_decided = section != "Conditions" || before.file.contains(&format!("`{name}` holds"));
                for way in ways.into_iter().filter(|_| is_decided) {
                    for renamed in [false, true] {
                        count += 1;
                        let after = answer(&mutated(&template, &way, renamed), &Given::default());
                        if after.file == before.file && after.said == before.said {
                            silent.push(format!("{}: {} {renamed}", case.name, way.join("/")));
                        }
                    }
                }
            }
        }
    }
    println!("{count} mutations of what decides, {} silent", silent.len());
    assert!(count > 150 && silent.is_empty(), "{} of {count} are silent:\n{}", silent.len(), silent.join("\n"));
}
