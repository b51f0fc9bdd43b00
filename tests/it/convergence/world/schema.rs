//! The keys of the published schema. The generator takes them from there: a new key has to get values before any history
//! runs, and a key that no file of a run has fails the run.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Map, Value};

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../../schema/vss.schema.json")).expect("JSON"));

/// Follows references and the wrappers around them.
fn resolved(schema: &'static Value) -> &'static Value {
    if let Some(name) = schema["$ref"].as_str() {
        return resolved(&SCHEMA["definitions"][name.rsplit('/').next().unwrap_or_default()]);
    }
    match schema["allOf"].as_array().map(Vec::as_slice) {
        Some([only]) => resolved(only),
        _ => schema,
    }
}

/// The properties of a schema, in whichever of its forms has some.
fn properties(schema: &'static Value) -> Option<&'static Map<String, Value>> {
    let schema = resolved(schema);
    let forms = ["anyOf", "oneOf"].into_iter().filter_map(|name| schema[name].as_array()).flatten();
    schema["properties"].as_object().or_else(|| forms.into_iter().find_map(properties))
}

/// The keys of an entry, with whether each is required. `at` is the way to it: `plan.*.rule.*`.
pub(crate) fn keys(at: &str) -> Vec<(String, bool)> {
    let schema = at.split('.').fold(&*SCHEMA, |schema, step| match step {
        "*" => {
            let schema = resolved(schema);
            if schema["items"].is_null() { &schema["additionalProperties"] } else { &schema["items"] }
        }
        name => &properties(schema).unwrap_or_else(|| panic!("{at}: no properties before `{name}`"))[name],
    });
    let required = resolved(schema)["required"].as_array().cloned().unwrap_or_default();
    let of = properties(schema).unwrap_or_else(|| panic!("{at} has no keys"));
    of.keys().map(|name| (name.clone(), required.iter().any(|key| key == name))).collect()
}

/// Where entries and tables are, by the way to them. Maps with keys of the user's own end a way.
pub(crate) const TABLES: [&str; 25] = [
    "stack",
    "role.*",
    "role.*.instance_profile",
    "policy.*",
    "instance_profile.*",
    "attachment.*",
    "attachment.*.targets",
    "package.*",
    "package.*.targets",
    "vault.*",
    "vault.*.notifications",
    "vault.*.lock",
    "vault.*.allow.*",
    "plan.*",
    "plan.*.rule.*",
    "plan.*.rule.*.copy_actions.*",
    "plan.*.selection.*",
    "plan.*.selection.*.match",
    "restore_test.*",
    "restore_test.*.recovery_point_selection",
    "restore_test.*.selection.*",
    "restore_test.*.selection.*.match",
    "region_settings",
    "role.*.allow.*",
    "policy.*.allow.*",
];

/// Every key of every table.
pub(crate) fn all() -> BTreeSet<String> {
    TABLES.iter().flat_map(|table| keys(table).into_iter().map(move |(key, _)| format!("{table}.{key}"))).collect()
}

/// The keys that a file has.
pub(crate) fn used(file: &Value) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for table in TABLES {
        let mut found = vec![file];
        for step in table.split('.') {
            found = found
                .into_iter()
                .flat_map(|value| match step {
                    "*" => match value {
                        Value::Object(members) => members.values().collect(),
                        Value::Array(items) => items.iter().collect(),
                        _ => Vec::new(),
                    },
                    name => value.get(name).into_iter().collect::<Vec<_>>(),
                })
                .collect();
        }
        for members in found.into_iter().filter_map(Value::as_object) {
            used.extend(members.keys().map(|key| format!("{table}.{key}")));
        }
    }
    used
}
