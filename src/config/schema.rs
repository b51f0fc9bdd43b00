//! The JSON Schema (draft-07) of the file, generated from the types, and the questions that the structure check asks
//! it.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::spec::{FileSpec, SECTIONS};

/// Returns the entries that `[defaults.NAME]` may speak about, with the name of their definition.
pub(crate) fn defaults() -> impl Iterator<Item = (&'static str, &'static str)> {
    SECTIONS.iter().flat_map(|section| {
        let nested = section.nested.iter().filter_map(|(name, definition)| Some((*name, (*definition)?)));
        std::iter::once((section.kind.name(), section.definition)).chain(nested)
    })
}

/// Keys that belong to one entry and make no sense as a default.
const NOT_DEFAULTS: &[&str] = &["name", "renamed_from", "allow", "rule", "selection"];

static SCHEMA: LazyLock<Value> = LazyLock::new(build);

/// Returns the JSON Schema (draft-07) of one file, for editors. It does not ask for `[stack]`: a file that others
/// extend has none. `validate` asks for it where the files are merged.
pub fn schema() -> Value {
    let mut schema = SCHEMA.clone();
    if let Some(root) = schema.as_object_mut() {
        root.shift_remove("required");
    }
    schema
}

/// Returns the schema.
pub(crate) fn get() -> &'static Value {
    &SCHEMA
}

fn build() -> Value {
    let root = SchemaSettings::draft07().into_generator().into_root_schema_for::<FileSpec>();
    let mut root = root.to_value();
    tidy(&mut root);
    root["title"] = json!("vssctl configuration");
    let mut tables = Map::new();
    for (kind, definition) in defaults() {
        let mut schema = root["definitions"][definition].clone();
        schema["description"] =
            json!(format!("Keys that every {} entry has unless it says otherwise.", kind.replace('_', " ")));
        if let Some(schema) = schema.as_object_mut() {
            schema.shift_remove("required");
        }
        if let Some(properties) = schema["properties"].as_object_mut() {
            properties.retain(|name, _| !NOT_DEFAULTS.contains(&name.as_str()));
        }
        tables.insert(kind.to_owned(), schema);
    }
    let description = root["properties"]["defaults"]["description"].clone();
    root["properties"]["defaults"] =
        json!({ "description": description, "type": "object", "properties": tables, "additionalProperties": false });
    // The keys that a reader looks for first come first.
    let mut ordered = Map::new();
    for key in
        ["$schema", "title", "description", "type", "properties", "required", "additionalProperties", "definitions"]
    {
        if let Some(value) = root.get_mut(key) {
            ordered.insert(key.to_owned(), value.take());
        }
    }
    Value::Object(ordered)
}

/// Removes what TOML has no use for: null, and the number formats of Rust.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(object) => {
            object.values_mut().for_each(tidy);
            object.shift_remove("format");
            if object
                .get("default")
                .is_some_and(|value| value.is_null() || value.as_object().is_some_and(Map::is_empty))
            {
                object.shift_remove("default");
            }
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    object["type"] = only.clone();
                }
            }
            if let Some(Value::Array(options)) = object.get_mut("anyOf") {
                options.retain(|option| option.get("type").is_none_or(|name| name != "null"));
                if let [Value::Object(only)] = options.as_slice() {
                    let only = only.clone();
                    object.shift_remove("anyOf");
                    if object.is_empty() {
                        object.extend(only);
                    } else {
                        object.insert("allOf".to_owned(), json!([only]));
                    }
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// One schema with its references resolved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View(&'static Value);

impl View {
    /// Returns the schema of the whole file.
    pub(crate) fn root() -> Self {
        Self(get())
    }

    fn of(mut schema: &'static Value) -> Self {
        // Definitions are not recursive: a few steps always reach the end.
        for _ in 0..8 {
            if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
                match get().pointer(reference.trim_start_matches('#')) {
                    Some(target) => schema = target,
                    None => break,
                }
            } else if let Some(only) = schema.get("allOf").and_then(|all| all.get(0)) {
                schema = only;
            } else {
                break;
            }
        }
        Self(schema)
    }

    /// Returns the JSON types that fit, such as `string` and `object`; none means any.
    pub(crate) fn types(self) -> Vec<&'static str> {
        match self.0.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ if !self.choices().is_empty() => vec!["string"],
            _ => Vec::new(),
        }
    }

    /// Returns the only values that fit; none means any.
    pub(crate) fn choices(self) -> Vec<&'static str> {
        let listed = self.0.get("enum").and_then(Value::as_array).into_iter().flatten();
        let options = self.0.get("oneOf").and_then(Value::as_array).into_iter().flatten();
        let of_options = options.flat_map(|option| {
            option.get("const").into_iter().chain(option.get("enum").and_then(Value::as_array).into_iter().flatten())
        });
        listed.chain(of_options).filter_map(Value::as_str).collect()
    }

    /// Returns the names of the keys, in the order of the types.
    pub(crate) fn keys(self) -> Vec<&'static str> {
        self.0.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key.as_str()).collect()
    }

    /// Returns the schema of a key: its own, or that of all keys; none where the key is unknown.
    pub(crate) fn key(self, key: &str) -> Option<Self> {
        if let Some(schema) = self.0.get("properties").and_then(|properties| properties.get(key)) {
            return Some(Self::of(schema));
        }
        match self.0.get("additionalProperties") {
            Some(schema @ Value::Object(_)) => Some(Self::of(schema)),
            _ => None,
        }
    }

    /// Tells whether any value may stand below, as in a policy document.
    pub(crate) fn is_free(self) -> bool {
        self.0.get("properties").is_none() && self.0.get("additionalProperties") == Some(&Value::Bool(true))
    }

    /// Returns the schema of the elements of an array.
    pub(crate) fn items(self) -> Option<Self> {
        self.0.get("items").map(Self::of)
    }

    /// Returns the keys that must be there.
    pub(crate) fn required(self) -> Vec<&'static str> {
        self.0.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Returns the smallest and the largest number that fit.
    pub(crate) fn range(self) -> (i64, i64) {
        let bound = |name: &str| self.0.get(name).and_then(Value::as_f64);
        #[expect(clippy::cast_possible_truncation, reason = "the bounds of the schema are small whole numbers")]
        let whole = |bound: f64| bound as i64;
        (bound("minimum").map_or(i64::MIN, whole), bound("maximum").map_or(i64::from(u32::MAX), whole))
    }

    /// Returns the most bytes that a string may have.
    pub(crate) fn longest(self) -> usize {
        let longest = self.0.get("maxLength").and_then(Value::as_u64).and_then(|longest| usize::try_from(longest).ok());
        longest.unwrap_or(super::limits::STRING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checked_in_schema_is_the_one_of_the_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/vss.schema.json");
        let current = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
        if std::env::var_os("SNAPSHOTS").is_some_and(|action| action == "overwrite") {
            std::fs::write(path, &current).unwrap();
        }
        let checked_in = std::fs::read_to_string(path).unwrap_or_default();
        assert!(checked_in == current, "schema/vss.schema.json is stale: vssctl schema > schema/vss.schema.json");
    }

    #[test]
    fn the_schema_knows_no_null_and_every_key_is_explained() {
        fn walk(path: &str, schema: &'static Value) {
            if let Some(object) = schema.as_object() {
                assert_ne!(object.get("type"), Some(&json!("null")), "{path}");
                for (key, property) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
                    let resolved = View::of(property);
                    let told = property.get("description").or_else(|| resolved.0.get("description"));
                    assert!(told.is_some(), "{path}.{key} has no description");
                    walk(&format!("{path}.{key}"), property);
                }
                for (name, definition) in object.get("definitions").and_then(Value::as_object).into_iter().flatten() {
                    walk(name, definition);
                }
            }
        }
        walk("", get());
    }

    #[test]
    fn presets_and_modes_are_choices() {
        let preset = View::root().key("role").and_then(|map| map.key("x")).and_then(|role| role.key("preset")).unwrap();
        assert_eq!(preset.choices(), ["vss-instance", "vss-instance-backup-only", "backup-service"]);
        let profile =
            View::root().key("role").and_then(|map| map.key("x")).and_then(|role| role.key("instance_profile"));
        assert_eq!(profile.unwrap().types(), ["boolean", "object"]);
    }
}
