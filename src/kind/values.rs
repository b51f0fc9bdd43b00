//! Values that a file may write in more than one form. Each reads itself; none is an `untagged` enum, whose errors say
//! nothing.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A policy document: a table, a string with JSON, or `{ file = "policies/x.json" }`.
#[derive(Clone, Debug, PartialEq)]
pub enum DocumentSource {
    /// A TOML table in the shape of the JSON document.
    Table(Map<String, Value>),
    /// JSON text.
    Text(String),
    /// A path relative to the TOML file.
    File(String),
}

impl<'de> Deserialize<'de> for DocumentSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Text(text)),
            Value::Object(table) => match table.get("file") {
                // Other keys beside it are reported where they stand, and so is a file that is no string.
                Some(Value::String(path)) => Ok(Self::File(path.clone())),
                Some(_) | None => Ok(Self::Table(table)),
            },
            _ => Err(D::Error::custom("a policy document is a table, a string with JSON or { file = \"...\" }")),
        }
    }
}

impl JsonSchema for DocumentSource {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Document".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An IAM policy document: a table in the shape of the JSON, a string with JSON, or \
                            `{ file = \"policies/x.json\" }`. `${account_id}`, `${region}` and `${partition}` are \
                            expanded.",
            "type": ["object", "string"],
            "maxLength": 20480,
            "additionalProperties": true
        })
    }
}

/// A lint that an entry's documents may break.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// The lint's code, such as `VSS1011`.
    pub code: String,
    /// Why it is meant: what a reviewer would ask.
    pub reason: String,
}

/// One string or a list of strings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OneOrMany(pub Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(vec![text])),
            value => serde_json::from_value(value).map(Self).map_err(D::Error::custom),
        }
    }
}

impl JsonSchema for OneOrMany {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OneOrMany".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "One string, or a list of strings.",
            "type": ["string", "array"],
            "items": { "type": "string" }
        })
    }
}

/// Instances that go first: how many, or which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Canary {
    /// So many of those that the targets mean.
    Count(u64),
    /// These.
    Instances(Vec<String>),
}

impl Canary {
    /// Returns the number or the list, as JSON.
    pub fn value(&self) -> Value {
        match self {
            Self::Count(count) => (*count).into(),
            Self::Instances(ids) => ids.clone().into(),
        }
    }
}

impl<'de> Deserialize<'de> for Canary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Number(number) if number.is_u64() => Ok(Self::Count(number.as_u64().unwrap_or_default())),
            Value::Array(ids) => serde_json::from_value(ids.into()).map(Self::Instances).map_err(D::Error::custom),
            _ => Err(D::Error::custom("a canary is a number of instances, or a list of their ids")),
        }
    }
}

impl JsonSchema for Canary {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Canary".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How many instances, or a list of their ids.",
            "type": ["integer", "array"],
            "minimum": 1,
            "items": { "type": "string" }
        })
    }
}

/// A string, or a whole number that stands for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextOrNumber {
    /// As written.
    Text(String),
    /// A whole number.
    Number(u64),
}

impl TextOrNumber {
    /// Returns the text, or the number in decimal.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
        }
    }
}

impl<'de> Deserialize<'de> for TextOrNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::Text(text)),
            Value::Number(number) => {
                number.as_u64().map(Self::Number).ok_or_else(|| D::Error::custom("a whole number from 0"))
            }
            _ => Err(D::Error::custom("a string or a whole number")),
        }
    }
}

impl JsonSchema for TextOrNumber {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TextOrNumber".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer"], "minimum": 0 })
    }
}

/// Whether a role has an instance profile, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProfileChoice {
    /// `true`: one of the role's name and path; `false`: none.
    Flag(bool),
    /// One of its own name or path.
    Own(OwnProfile),
}

/// The instance profile of a role, where its name or path differs from the role's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OwnProfile {
    /// The profile's name; the role's unless said.
    pub name: Option<String>,
    /// The profile's path; the role's unless said.
    pub path: Option<String>,
}

impl<'de> Deserialize<'de> for ProfileChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(flag) => Ok(Self::Flag(flag)),
            value => serde_json::from_value(value).map(Self::Own).map_err(D::Error::custom),
        }
    }
}

impl JsonSchema for ProfileChoice {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ProfileChoice".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "`true`: an instance profile of the role's name and path. `false`: none. \
                            `{ name, path }`: one of its own name or path.",
            "type": ["boolean", "object"],
            "properties": {
                "name": { "type": "string", "description": "The profile's name; the role's unless said." },
                "path": { "type": "string", "description": "The profile's path; the role's unless said." }
            },
            "additionalProperties": false
        })
    }
}

/// What every entry of the file may say besides its own fields.
pub trait Common {
    /// The AWS name, where the table key is not it.
    fn given_name(&self) -> Option<&str>;
    /// `adopt = true`.
    fn adopt(&self) -> bool;
    /// `protect = true`.
    fn protect(&self) -> bool;
    /// The key that the entry had before.
    fn renamed_from(&self) -> Option<&str>;
    /// The entry's own tags, where the kind carries tags.
    fn own_tags(&self) -> Option<&BTreeMap<String, String>>;
}

/// Implements [`Common`] for a spec type with the usual five keys, or four where it cannot be tagged.
macro_rules! common {
    ($type:ty) => {
        common!(@implement $type, spec, spec.tags.as_ref());
    };
    ($type:ty, untagged) => {
        common!(@implement $type, spec, None);
    };
    (@implement $type:ty, $spec:ident, $tags:expr) => {
        impl $crate::kind::values::Common for $type {
            fn given_name(&self) -> Option<&str> {
                self.name.as_deref()
            }
            fn adopt(&self) -> bool {
                self.adopt.unwrap_or_default()
            }
            fn protect(&self) -> bool {
                self.protect.unwrap_or_default()
            }
            fn renamed_from(&self) -> Option<&str> {
                self.renamed_from.as_deref()
            }
            fn own_tags(&self) -> Option<&std::collections::BTreeMap<String, String>> {
                let $spec = self;
                let _ = $spec;
                $tags
            }
        }
    };
}
pub(crate) use common;
