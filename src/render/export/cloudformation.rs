//! A template of AWS CloudFormation in which each resource is retained, and the list of what an import takes into a
//! stack of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Exported;
use super::template::{Part, parts};
use crate::config::export::{Account, Gap, Resource};
use crate::model::safe::escaped;
use crate::model::{Address, KindId};

/// A template, and the resources that an import takes.
#[derive(Clone, Debug)]
pub struct Template {
    /// The template.
    pub exported: Exported,
    /// The `resources-to-import` of `aws cloudformation create-change-set --change-set-type IMPORT`.
    pub imports: Value,
}

/// What the template's resources are called in it, by kind with AWS's name, ARN or id.
#[derive(Debug, Default)]
pub(super) struct Ids {
    ids: BTreeMap<(KindId, String), String>,
    taken: BTreeMap<String, usize>,
}

impl Ids {
    /// Makes a logical id of a kind and a key: letters and digits.
    pub(super) fn give(&mut self, kind: &str, key: &str) -> String {
        let mut id = String::new();
        for word in kind.split('_').chain(key.split(|letter: char| !letter.is_ascii_alphanumeric())) {
            let mut letters = word.chars();
            id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            id.extend(letters);
        }
        let plain: String = id.chars().take(200).collect();
        let mut id = plain.clone();
        let mut number = 1;
        while self.taken.contains_key(&id) {
            number += 1;
            id = format!("{plain}N{number}");
        }
        self.taken.insert(id.clone(), number);
        id
    }

    /// Returns what a resource is called.
    pub(super) fn of(&self, kind: KindId, name: &str) -> Option<&str> {
        self.ids.get(&(kind, name.to_owned())).map(String::as_str)
    }

    /// Refers to a resource by `Ref`, or names it.
    pub(super) fn reference(&self, kind: KindId, name: &str) -> Value {
        self.of(kind, name).map_or_else(|| Value::from(name), |id| json!({ "Ref": id }))
    }

    /// Refers to an attribute of a resource that an ARN names, or writes the ARN.
    pub(super) fn attribute(&self, kind: KindId, arn: &str, attribute: &str) -> Value {
        self.of(kind, arn).map_or_else(|| Value::from(arn), |id| json!({ "Fn::GetAtt": [id, attribute] }))
    }
}

/// Writes the template of what was read. `addresses` are those of the resources in a file of vssctl's own.
pub fn template(account: &Account, addresses: &[Address]) -> Template {
    let mut ids = Ids::default();
    let all: Vec<(&Resource, &Address)> = account.resources.iter().zip(addresses).collect();
    for (resource, address) in &all {
        let id = ids.give(resource.kind.name(), address.key());
        let live = &resource.live;
        // A name is no identity of a plan or a selection, and an ARN is one of roles, policies and vaults.
        let named = match resource.kind {
            KindId::Plan | KindId::Selection | KindId::Package => resource.id.clone(),
            _ => live.name.clone(),
        };
        ids.ids.insert((resource.kind, named), id.clone());
        if let Some(arn) = live.ids.get("Arn") {
            ids.ids.insert((resource.kind, arn.clone()), id);
        }
    }
    let (mut resources, mut imports, mut gaps) = (Map::new(), Vec::new(), Vec::new());
    for (resource, address) in all {
        let made = parts(resource, address, &mut ids);
        let is_out = made.parts.is_empty();
        let gap = |what: String| Gap { address: address.clone(), what: escaped(&what), is_out };
        gaps.extend(made.unsaid.into_iter().map(gap));
        for Part { id, resource_type, properties, identifier } in made.parts {
            imports.push(json!({
                "ResourceType": resource_type,
                "LogicalResourceId": id.clone(),
                "ResourceIdentifier": identifier,
            }));
            resources.insert(
                id,
                json!({
                    "Type": resource_type,
                    "DeletionPolicy": "Retain",
                    "UpdateReplacePolicy": "Retain",
                    "Properties": properties,
                }),
            );
        }
    }
    let count = resources.len();
    let scope = &account.scope;
    let description = format!("Written by vssctl export from account {}, {}.", scope.account_id, scope.region);
    let template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": description,
        "Resources": resources,
    });
    let text = format!("{template:#}\n");
    Template { exported: Exported { text, gaps, resources: count }, imports: Value::from(imports) }
}
