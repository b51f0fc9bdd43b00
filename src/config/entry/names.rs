//! The keys of entries, and which entry an object of AWS is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::kind::Desired;
use crate::kinds;
use crate::model::arn::looks_like_arn;
use crate::model::{KindId, Scope};

/// Tells whether a text can be the key of an entry.
pub fn is_key(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// Makes a key of a text: other characters become `-`.
pub fn key_of(text: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '_' { letter } else { '-' };
    let key: String = text.chars().map(plain).take(64).collect();
    if key.is_empty() { "entry".to_owned() } else { key }
}

/// The keys that one table of the file has given.
#[derive(Clone, Debug, Default)]
pub struct Keys(BTreeSet<String>);

impl Keys {
    /// Gives a key that no other entry of the table has: the name, where it can be one, else what can be one of it,
    /// with a number behind where that is taken.
    pub fn give(&mut self, name: &str) -> String {
        let plain = if is_key(name) { name.to_owned() } else { key_of(name) };
        let mut key = plain.clone();
        for number in 2.. {
            if self.0.insert(key.clone()) {
                break;
            }
            let end = format!("-{number}");
            key = plain.chars().take(64 - end.len()).collect::<String>() + &end;
        }
        key
    }
}

/// Which entries of the file the objects of an account are, by kind with their ARN and with their name.
#[derive(Clone, Debug, Default)]
pub struct References {
    keys: BTreeMap<(KindId, String), String>,
    arns: BTreeMap<(KindId, String), String>,
}

impl References {
    /// Knows the entries of a file.
    pub fn of(scope: &Scope, desired: &[Desired]) -> Self {
        let mut references = Self::default();
        for entry in desired {
            let path = entry.fields.get("path").and_then(Value::as_str).unwrap_or(&scope.iam_path);
            references.add(scope, entry.address.kind(), path, &entry.name, entry.address.key());
        }
        references
    }

    /// Adds an entry. `path` is that of an IAM resource, which belongs to its ARN.
    pub fn add(&mut self, scope: &Scope, kind: KindId, path: &str, name: &str, key: &str) {
        self.keys.entry((kind, folded(kind, name))).or_insert_with(|| key.to_owned());
        if let Some(arn) = arn(scope, kind, path, name) {
            self.keys.entry((kind, arn)).or_insert_with(|| key.to_owned());
        }
    }

    /// Adds the ARN of an object that has no entry and that others call by its name.
    pub fn add_arn(&mut self, kind: KindId, name: &str, arn: &str) {
        self.arns.insert((kind, folded(kind, name)), arn.to_owned());
    }

    /// Returns the key of the entry of an object, by its ARN or its name.
    pub fn key(&self, kind: KindId, id: &str) -> Option<&str> {
        let id = if looks_like_arn(id) { id.to_owned() } else { folded(kind, id) };
        self.keys.get(&(kind, id)).map(String::as_str)
    }

    /// Returns how the file names an object: by the key of its entry, else by its ARN.
    pub(super) fn named(&self, scope: &Scope, kind: KindId, id: &str) -> String {
        if let Some(key) = self.key(kind, id) {
            return key.to_owned();
        }
        if looks_like_arn(id) {
            return id.to_owned();
        }
        let known = self.arns.get(&(kind, folded(kind, id))).cloned();
        known.or_else(|| arn(scope, kind, "/", id)).unwrap_or_else(|| id.to_owned())
    }

    /// Tells whether a name is that of an entry, or its key: then it means that entry.
    pub(super) fn means(&self, kind: KindId, name: &str) -> bool {
        let own = |(known, id): &(KindId, String)| *known == kind && !looks_like_arn(id);
        self.keys.iter().any(|(id, key)| own(id) && (key == name || id.1 == folded(kind, name)))
    }
}

/// Returns a name in the form by which it is found: AWS ignores the case of some.
fn folded(kind: KindId, name: &str) -> String {
    if kinds::of(kind).ignores_case_of_names() { name.to_ascii_lowercase() } else { name.to_owned() }
}

/// Builds the ARN of an object that entries name by ARN.
fn arn(scope: &Scope, kind: KindId, path: &str, name: &str) -> Option<String> {
    match kinds::of(kind).iam_resource() {
        Some(resource) => Some(scope.iam_arn(resource, path, name)),
        None => (kind == KindId::Vault).then(|| scope.arn("backup", &format!("backup-vault:{name}"))),
    }
}
