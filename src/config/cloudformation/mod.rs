//! `init --from-cloudformation`: reads a CloudFormation template, such as the announcement's, and writes the file that
//! declares the same things. Pure: text in, text and problems out. What the file format has no word for is named, and left
//! out.

mod document;
mod iam;
mod regional;
mod resolve;
#[cfg(test)]
mod tests;

use crate::model::KindId;
use std::collections::BTreeMap;

use serde_json::Value;
use toml::{Table, Value as Toml};

use self::document::{Broken, Node};
use self::resolve::{Named, Place as Goes, Resolver, Unresolved, as_text};
use crate::model::safe::escaped;
use crate::model::source::{Place, Sources};
use crate::model::{Diagnostic, Diagnostics, Scope};

/// What came of a template.
#[derive(Debug)]
pub struct Imported {
    /// The file; none where the template could not be read or has nothing for it.
    pub text: Option<String>,
    /// Problems, in the order of their places.
    pub diagnostics: Diagnostics,
    /// The template, for underlining.
    pub sources: Sources,
}

/// Reads a template; `name` is what people call it.
pub fn import(name: &str, template: &str, scope: &Scope) -> Imported {
    let mut sources = Sources::default();
    let read = document::read(template);
    let is_template = match &read {
        Ok(root) => root.get("Resources").is_some() || root.get("AWSTemplateFormatVersion").is_some(),
        Err(_) => ["Resources", "AWSTemplateFormatVersion"].iter().any(|key| begins_a_line(template, key)),
    };
    // Of what is no template nothing is shown: it may be anybody's file.
    let file = if is_template {
        sources.add(name, template.to_owned())
    } else {
        sources.add_hidden(name, template.to_owned())
    };
    let mut import = Import { sources, file, diagnostics: Diagnostics::default() };
    let text = match read {
        Ok(root) => import.file(&root, scope, name),
        Err(Broken { message, at }) => {
            let message = if is_template { message } else { "is neither YAML nor JSON".to_owned() };
            let diagnostic = Diagnostic::error("VSS1101", format!("the template {message}"));
            import.report(&at, diagnostic.help("it is read as YAML with CloudFormation's short forms, or as JSON"));
            None
        }
    };
    let Import { sources, file: _, mut diagnostics } = import;
    diagnostics.sort();
    let text = text.filter(|_| !diagnostics.has_errors());
    Imported { text, diagnostics, sources }
}

/// Tells whether a line of the template begins with a key, as far as blanks, braces and quotes go.
fn begins_a_line(template: &str, key: &str) -> bool {
    let begins = |line: &str| line.trim_start_matches([' ', '\t', '{', '"']).starts_with(key);
    template.lines().any(begins)
}

/// The work on one template.
#[derive(Debug)]
struct Import {
    sources: Sources,
    file: usize,
    diagnostics: Diagnostics,
}

/// One resource.
struct Resource<'a> {
    id: &'a str,
    at: std::ops::Range<usize>,
    properties: Option<&'a Node>,
    named: Named,
}

/// The tables of the file by kind and key.
#[derive(Debug, Default)]
struct Tables(BTreeMap<&'static str, Table>);

/// How AWS calls the property that names a resource.
const NAMES: [(&str, &str); 8] = [
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::IAM::InstanceProfile", "InstanceProfileName"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
    ("AWS::IAM::Policy", "PolicyName"),
    ("AWS::SSM::Association", "AssociationName"),
    ("AWS::Backup::BackupVault", "BackupVaultName"),
    ("AWS::Backup::BackupPlan", "BackupPlan"),
    ("AWS::Backup::BackupSelection", "BackupSelection"),
];

impl Import {
    fn report(&mut self, at: &std::ops::Range<usize>, diagnostic: Diagnostic) {
        let location = self.sources.locate(&Place::new(self.file, at.clone()));
        self.diagnostics.push(diagnostic.located(Some(location)));
    }

    fn file(&mut self, root: &Node, scope: &Scope, name: &str) -> Option<String> {
        let Some(listed) = root.get("Resources").filter(|resources| !resources.entries().is_empty()) else {
            let diagnostic = Diagnostic::error("VSS1101", "the template has no `Resources`".to_owned());
            self.report(&(root.at.start..root.at.start), diagnostic.help("name a CloudFormation template"));
            return None;
        };
        let parameters = root.get("Parameters").map(Node::entries).unwrap_or_default();
        let mut resolver = Resolver {
            scope,
            parameters: parameters.iter().map(|(key, node)| (key.text.clone(), node)).collect(),
            resources: BTreeMap::new(),
        };
        let mut resources = Vec::new();
        for (key, node) in listed.entries() {
            let sort = node.get("Type").and_then(Node::text).unwrap_or_default();
            let Some((_, named_by)) = NAMES.iter().find(|(known, _)| *known == sort) else {
                let message =
                    format!("`{}` is left out: the file has no kind for `{}`", escaped(&key.text), escaped(sort));
                let at = node.get("Type").map_or(key.at.clone(), |sort| sort.at.clone());
                self.report(&at, Diagnostic::warning("VSS1103", message).label("left out"));
                continue;
            };
            if let Some(condition) = node.get("Condition") {
                let message = format!("`{}` is taken over whether its condition holds or not", escaped(&key.text));
                self.report(&condition.at, Diagnostic::warning("VSS1104", message).label("not looked at"));
            }
            let properties = node.get("Properties");
            let name = properties.and_then(|properties| name_of(properties, named_by));
            let name = name.and_then(|node| resolver.value(node, Goes::Field).ok()).as_ref().and_then(as_text);
            let path = properties.and_then(|properties| properties.get("Path")).and_then(Node::text).unwrap_or("/");
            let named =
                Named { sort: sort.to_owned(), name: name.unwrap_or_else(|| key.text.clone()), path: path.to_owned() };
            resolver.resources.insert(key.text.clone(), named.clone());
            resources.push(Resource { id: &key.text, at: key.at.clone(), properties, named });
        }
        let mut tables = Tables::default();
        iam::write(self, &resolver, &resources, &mut tables);
        regional::write(self, &resolver, &resources, &mut tables);
        if tables.0.is_empty() {
            let message = "the template has nothing that the file could declare".to_owned();
            let diagnostic = Diagnostic::error("VSS1105", message)
                .help("it takes roles, instance profiles, policies, associations of AWS-ConfigureAWSPackage, vaults, backup plans and selections");
            self.report(&(listed.at.start..listed.at.start), diagnostic);
            return None;
        }
        Some(text(scope, name, tables))
    }

    /// Resolves a property; a problem is reported where the value stands.
    fn value(&mut self, resolver: &Resolver<'_>, node: &Node, goes: Goes) -> Option<Value> {
        match resolver.value(node, goes) {
            Ok(value) if value.is_null() => None,
            Ok(value) => Some(value),
            Err(Unresolved { message, at }) => {
                let diagnostic = Diagnostic::error("VSS1102", message).label("not in the template");
                self.report(&at, diagnostic.help("write the value into the template, or into the file afterwards"));
                None
            }
        }
    }

    /// Names the properties that the file has no word for.
    fn left_out(&mut self, resource: &str, node: Option<&Node>, known: &[&str]) {
        let entries = node.map(Node::entries).unwrap_or_default();
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.text.as_str())) {
            let message = format!("`{}` of `{}` is not taken over", escaped(&key.text), escaped(resource));
            self.report(&key.at, Diagnostic::warning("VSS1104", message).label("left out"));
        }
    }
}

/// The property that names a resource; of plans and selections it is in the structure itself.
fn name_of<'a>(properties: &'a Node, named_by: &str) -> Option<&'a Node> {
    let inner = match named_by {
        "BackupPlan" => "BackupPlanName",
        "BackupSelection" => "SelectionName",
        _ => return properties.get(named_by),
    };
    properties.get(named_by)?.get(inner)
}

impl Tables {
    /// Puts an entry under its name, or under its logical id where a key can't be the name.
    fn put(&mut self, kind: KindId, name: &str, id: &str, mut entry: Table) -> String {
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
fn text(scope: &Scope, name: &str, mut tables: Tables) -> String {
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
         # `vssctl plan` shows what differs from AWS; things that the template's stack made stay that stack's until it lets go.\n\n{body}",
        escaped(name)
    )
}

/// Turns a JSON value into TOML; null is left out.
fn toml_of(value: &Value) -> Option<Toml> {
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
fn document_text(value: &Value) -> Toml {
    match value {
        Value::String(text) => text.as_str().into(),
        other => serde_json::to_string_pretty(other).unwrap_or_default().into(),
    }
}

/// Tags as a list of `Key` and `Value`, or as a map.
fn tags(value: &Value) -> Table {
    let pair = |tag: &Value| Some((as_text(&tag["Key"])?, Toml::from(as_text(&tag["Value"]).unwrap_or_default())));
    match value {
        Value::Object(map) => {
            map.iter().filter_map(|(key, value)| Some((key.clone(), as_text(value)?.into()))).collect()
        }
        other => other.as_array().into_iter().flatten().filter_map(pair).collect(),
    }
}
