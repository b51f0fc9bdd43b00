//! The resources of a template: which are there, what AWS calls them, and by which key the file does.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::document::Node;
use super::evaluate::Evaluator;
use super::solved::{Content, Open, Solved, Text};
use super::types::{Sort, Type};
use crate::config::entry::{is_key, key_of};
use crate::model::Scope;
use crate::model::safe::escaped;

/// What a person says besides the template.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Values of parameters.
    pub parameters: BTreeMap<String, String>,
    /// The name of the stack that was made from the template.
    pub stack_name: Option<String>,
}

/// One resource that the file has a kind for.
#[derive(Debug)]
pub(super) struct Resource<'a> {
    pub(super) id: &'a str,
    pub(super) sort: Sort,
    pub(super) of: &'static Type,
    /// Where its logical id stands.
    pub(super) at: Range<usize>,
    pub(super) node: &'a Node,
    pub(super) properties: Option<&'a Node>,
}

impl<'a> Evaluator<'a> {
    /// Starts with the sections of a template. Which resources there are is filled in afterwards.
    pub(super) fn new(root: &'a Node, scope: &'a Scope, given: &'a Given) -> Self {
        let section = |name: &str| {
            let entries = root.get(name).map(Node::entries).unwrap_or_default();
            entries.iter().map(|(key, node)| (key.text.as_str(), node)).collect()
        };
        Self {
            scope,
            given,
            parameters: section("Parameters"),
            mappings: root.get("Mappings"),
            conditions: section("Conditions"),
            resources: BTreeMap::new(),
            foreign: BTreeMap::new(),
            unmade: BTreeSet::new(),
            decided: RefCell::default(),
            used: RefCell::default(),
            names: RefCell::default(),
            depth: Cell::default(),
            asking: RefCell::default(),
        }
    }

    /// Returns the name that a resource gives itself; none where CloudFormation makes one.
    pub(super) fn given_name(&self, id: &str) -> Option<Result<String, Open>> {
        if let Some(known) = self.names.borrow().get(id) {
            return known.clone();
        }
        let resource = self.resources.get(id)?;
        if let Err(why) = self.ask(&format!("name {id}")) {
            let why = format!("the name of `{}` {why}", escaped(id));
            return Some(Err(Open::wrong(&why, resource.node)));
        }
        let found = resource.properties.and_then(|properties| self.walk(properties, resource.of.named_by));
        self.asking.borrow_mut().remove(&format!("name {id}"));
        let found = found.filter(|found| !matches!(found.content, Content::Nothing));
        let name = found.map(|found| found.into_text().map(|text| text.actual));
        self.names.borrow_mut().insert(id.to_owned(), name.clone());
        name
    }

    /// Returns the name of a resource; where CloudFormation makes the name, the one that the file gives it.
    pub(super) fn name(&self, id: &str) -> Result<String, Open> {
        self.given_name(id).unwrap_or_else(|| Ok(key_of(id)))
    }

    /// Returns the path of an IAM resource.
    pub(super) fn path(&self, id: &str) -> Result<String, Open> {
        let properties = self.resources.get(id).and_then(|resource| resource.properties);
        let found = properties.and_then(|properties| self.walk(properties, &["Path"]));
        match found.filter(|found| !matches!(found.content, Content::Nothing)) {
            Some(path) => path.into_text().map(|text| text.actual),
            None => Ok("/".to_owned()),
        }
    }

    pub(super) fn name_text(&self, id: &str, node: &Node) -> Content {
        match self.name(id) {
            Ok(name) => Content::Text(Text::new(&name, false)),
            Err(open) => Content::Open(Open { at: node.at.clone(), ..open }),
        }
    }

    pub(super) fn arn_text(&self, id: &str, node: &Node) -> Content {
        match self.arn(id) {
            Some(Ok(text)) => Content::Text(text),
            Some(Err(open)) => Content::Open(Open { at: node.at.clone(), ..open }),
            None => Content::Open(Open::new(format!("AWS makes the ARN of `{}`", escaped(id)), node)),
        }
    }

    /// Builds the ARN of a resource; none where AWS puts an id of its own into it.
    pub(super) fn arn(&self, id: &str) -> Option<Result<Text, Open>> {
        let resource = self.resources.get(id)?;
        let (service, kind) = match resource.sort {
            Sort::Role => ("iam", "role"),
            Sort::Profile => ("iam", "instance-profile"),
            Sort::ManagedPolicy => ("iam", "policy"),
            Sort::Vault => ("backup", "backup-vault"),
            Sort::InlinePolicy
            | Sort::RolePolicy
            | Sort::Association
            | Sort::Plan
            | Sort::Selection
            | Sort::RestoreTest
            | Sort::RestoreSelection => return None,
        };
        let build = || {
            let name = self.name(id)?;
            if service == "backup" {
                return Ok(Text {
                    actual: self.scope.arn(service, &format!("{kind}:{name}")),
                    documented: format!("arn:${{partition}}:{service}:${{region}}:${{account_id}}:{kind}:{name}"),
                    is_plain: false,
                });
            }
            let path = self.path(id)?;
            Ok(Text {
                actual: self.scope.iam_arn(kind, &path, &name),
                documented: format!("arn:${{partition}}:{service}::${{account_id}}:{kind}{path}{name}"),
                is_plain: false,
            })
        };
        Some(build())
    }

    /// What `GetAtt` gives.
    pub(super) fn attribute(&self, of: &str, attribute: &str, node: &Node) -> Solved {
        let unknown = |why: String| Solved::new(Content::Open(Open::new(why, node)), node);
        let Some(resource) = self.resources.get(of) else {
            if let Some(value) = self.foreign_value(of, Some(attribute), node) {
                return value;
            }
            return match self.foreign.get(of) {
                Some((sort, _)) => {
                    unknown(format!("AWS makes `{}` of `{}` ({})", escaped(attribute), escaped(of), escaped(sort)))
                }
                None => Solved::new(Content::Open(Open::wrong(&self.missing(of), node)), node),
            };
        };
        let content = match (resource.sort, attribute) {
            (Sort::Role | Sort::Profile, "Arn")
            | (Sort::ManagedPolicy, "PolicyArn" | "Arn")
            | (Sort::Vault, "BackupVaultArn") => self.arn_text(of, node),
            (Sort::Vault, "BackupVaultName") | (Sort::RestoreTest, "RestoreTestingPlanName") => {
                self.name_text(of, node)
            }
            _ => Content::Open(Open::new(format!("AWS makes `{}` of `{}`", escaped(attribute), escaped(of)), node)),
        };
        Solved { of: Some(of.to_owned()), ..Solved::new(content, node) }
    }
}

/// The keys of the file by logical id. A key is the AWS name where that can be one, else the logical id.
#[derive(Debug, Default)]
pub(super) struct Keys {
    keys: BTreeMap<String, String>,
    taken: BTreeSet<(&'static str, String)>,
}

impl Keys {
    /// Gives a resource a key that no other one of its table has.
    pub(super) fn give(&mut self, table: &'static str, id: &str, name: &str) -> String {
        let plain = if is_key(name) { name.to_owned() } else { key_of(id) };
        let own = format!("{plain}-{}", key_of(id));
        let mut numbered = (2..).map(|number| format!("{plain}-{number}"));
        let mut key = plain.clone();
        if self.taken.contains(&(table, key.clone())) {
            key = own;
        }
        while self.taken.contains(&(table, key.clone())) {
            key = numbered.next().expect("there is always another number");
        }
        self.taken.insert((table, key.clone()));
        self.keys.insert(id.to_owned(), key.clone());
        key
    }

    pub(super) fn get(&self, id: &str) -> Option<&str> {
        self.keys.get(id).map(String::as_str)
    }
}
