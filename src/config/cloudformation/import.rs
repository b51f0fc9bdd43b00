//! From a template to the text of a file.

use std::collections::BTreeMap;

use super::document::{self, Broken, Node};
use super::resolve::{Named, Place as Goes, Resolver, as_text};
use super::tables::{Tables, text};
use super::template::{Import, Resource};
use super::{iam, regional};
use crate::model::safe::escaped;
use crate::model::source::Sources;
use crate::model::{Diagnostic, Diagnostics, Scope};

/// The result of reading a template.
#[derive(Debug)]
pub struct Imported {
    /// The file; none where the template could not be read or has nothing for it.
    pub text: Option<String>,
    /// Problems, in the order of their places.
    pub diagnostics: Diagnostics,
    /// The template, for underlining.
    pub sources: Sources,
}

/// The property of each type that names the resource.
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

/// Reads a template; `name` is what people call it.
pub fn import(name: &str, template: &str, scope: &Scope) -> Imported {
    let mut sources = Sources::default();
    let read = document::read(template);
    let is_template = match &read {
        Ok(root) => root.get("Resources").is_some() || root.get("AWSTemplateFormatVersion").is_some(),
        Err(_) => ["Resources", "AWSTemplateFormatVersion"].iter().any(|key| begins_a_line(template, key)),
    };
    // Nothing is shown of a file that is no template: it may be a file that nobody meant to show.
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

impl Import {
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
            let diagnostic = Diagnostic::error("VSS1105", message).help(
                "it takes roles, instance profiles, policies, associations of AWS-ConfigureAWSPackage, vaults, \
                     backup plans and selections",
            );
            self.report(&(listed.at.start..listed.at.start), diagnostic);
            return None;
        }
        Some(text(scope, name, tables))
    }
}

/// Returns the property that names a resource. Plans and selections have it within their own structure.
fn name_of<'a>(properties: &'a Node, named_by: &str) -> Option<&'a Node> {
    let inner = match named_by {
        "BackupPlan" => "BackupPlanName",
        "BackupSelection" => "SelectionName",
        _ => return properties.get(named_by),
    };
    properties.get(named_by)?.get(inner)
}
