//! Values of a template: parameters with their defaults, names of resources, and the intrinsic functions that need
//! nothing but the template. A value that needs AWS, or a choice of the person who deploys, is reported where it
//! stands.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::{Map, Value};

use super::document::{Content, Node};
use crate::model::Scope;
use crate::model::safe::escaped;

/// A value that can't be known from the template.
#[derive(Debug)]
pub(super) struct Unresolved {
    pub(super) message: String,
    pub(super) at: Range<usize>,
}

/// Where a value goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Into a policy document, where the file expands `${account_id}` and the like.
    Document,
    /// Anywhere else.
    Field,
}

/// A resource, as far as others refer to it.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// Such as `AWS::IAM::Role`.
    pub(super) sort: String,
    /// Its name in AWS: the property, else its logical id.
    pub(super) name: String,
    /// The path of an IAM resource.
    pub(super) path: String,
}

/// What values are resolved with.
#[derive(Debug)]
pub(super) struct Resolver<'a> {
    pub(super) scope: &'a Scope,
    pub(super) parameters: BTreeMap<String, &'a Node>,
    pub(super) resources: BTreeMap<String, Named>,
}

/// The long forms of functions; `Ref` and `Condition` have no `Fn::`.
fn function(node: &Node) -> Option<(&str, Option<&Node>)> {
    if let Some(tag) = &node.tag {
        return Some((tag, None));
    }
    match node.entries() {
        [(key, argument)] if key.text == "Ref" => Some(("Ref", Some(argument))),
        [(key, argument)] => Some((key.text.strip_prefix("Fn::")?, Some(argument))),
        _ => None,
    }
}

/// Returns the logical id of the resource that a value refers to, whatever it takes of it.
pub(super) fn logical(node: &Node) -> Option<&str> {
    let (name, argument) = function(node)?;
    let argument = argument.unwrap_or(node);
    match name {
        "Ref" => argument.text(),
        "GetAtt" => argument
            .text()
            .map(|text| text.split('.').next().unwrap_or(text))
            .or_else(|| argument.items().first()?.text()),
        "Sub" => {
            let inner = argument.text()?.strip_prefix("${")?.strip_suffix('}')?;
            Some(inner.split('.').next().unwrap_or(inner))
        }
        _ => None,
    }
}

impl Resolver<'_> {
    /// Resolves a value; null is CloudFormation's `AWS::NoValue`.
    pub(super) fn value(&self, node: &Node, place: Place) -> Result<Value, Unresolved> {
        if let Some((name, argument)) = function(node) {
            return self.call(name, argument.unwrap_or(node), node, place);
        }
        match &node.content {
            Content::Scalar(text, quoted) => Ok(scalar(text, *quoted)),
            Content::List(items) => {
                let values = items.iter().map(|item| self.value(item, place)).collect::<Result<Vec<_>, _>>()?;
                Ok(values.into_iter().filter(|value| !value.is_null()).collect())
            }
            Content::Map(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    let value = self.value(value, place)?;
                    if !value.is_null() {
                        map.insert(key.text.clone(), value);
                    }
                }
                Ok(map.into())
            }
        }
    }

    fn call(&self, name: &str, argument: &Node, node: &Node, place: Place) -> Result<Value, Unresolved> {
        let unresolved = |message: String| Unresolved { message, at: node.at.clone() };
        let texts = |node: &Node| -> Result<Vec<String>, Unresolved> {
            let value = self.value(node, place)?;
            let items = value.as_array().cloned().unwrap_or_default();
            items.iter().map(|item| as_text(item).ok_or_else(|| unresolved("is no text".to_owned()))).collect()
        };
        match name {
            "Ref" => {
                let wanted = argument.text().ok_or_else(|| unresolved("`Ref` names nothing".to_owned()))?;
                self.reference(wanted, place)
                    .ok_or_else(|| unresolved(format!("`{}` is not known from the template", escaped(wanted))))?
                    .map_err(unresolved)
            }
            "GetAtt" => {
                let (of, attribute) = match argument.text() {
                    Some(text) => text.split_once('.').map(|(of, attribute)| (of.to_owned(), attribute.to_owned())),
                    None => match texts(&Node { tag: None, ..argument.clone() })?.as_slice() {
                        [of, attribute] => Some((of.clone(), attribute.clone())),
                        _ => None,
                    },
                }
                .ok_or_else(|| unresolved("`GetAtt` names no attribute".to_owned()))?;
                self.attribute(&of, &attribute, place).ok_or_else(|| {
                    unresolved(format!(
                        "`{}` of `{}` is not known from the template",
                        escaped(&attribute),
                        escaped(&of)
                    ))
                })
            }
            "Sub" => self.substitute(argument, node, place),
            "Join" => match argument.items() {
                [separator, list] => {
                    let separator = separator.text().unwrap_or_default();
                    Ok(texts(list)?.join(separator).into())
                }
                _ => Err(unresolved("`Join` takes a separator and a list".to_owned())),
            },
            "Select" => match argument.items() {
                [index, list] => {
                    let index: Option<usize> = index.text().and_then(|text| text.parse().ok());
                    let list = texts(list)?;
                    let chosen = index.and_then(|index| list.get(index));
                    chosen
                        .map(|text| text.clone().into())
                        .ok_or_else(|| unresolved("`Select` selects nothing".to_owned()))
                }
                _ => Err(unresolved("`Select` takes an index and a list".to_owned())),
            },
            _ => Err(unresolved(format!("`{}` is decided when the template is deployed", escaped(name)))),
        }
    }

    fn substitute(&self, argument: &Node, node: &Node, place: Place) -> Result<Value, Unresolved> {
        let unresolved = |message: String| Unresolved { message, at: node.at.clone() };
        let (text, own) = match argument.items() {
            [text, own] => (text.text(), Some(own)),
            _ => (argument.text(), None),
        };
        let mut rest = text.ok_or_else(|| unresolved("`Sub` has no text".to_owned()))?;
        let mut written = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or_else(|| unresolved("`${` has no end".to_owned()))?;
            written.push_str(before);
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                written.push_str("${");
                written.push_str(literal);
                written.push('}');
                continue;
            }
            let missing = || unresolved(format!("`{}` is not known from the template", escaped(name)));
            let value = match own.and_then(|own| own.get(name)) {
                Some(own) => self.value(own, place)?,
                None => match name.split_once('.') {
                    Some((of, attribute)) => self.attribute(of, attribute, place).ok_or_else(missing)?,
                    None => self.reference(name, place).ok_or_else(missing)?.map_err(unresolved)?,
                },
            };
            written.push_str(&as_text(&value).ok_or_else(missing)?);
        }
        written.push_str(rest);
        Ok(written.into())
    }

    /// What `Ref` gives: a parameter's default, a pseudo parameter, a resource's name.
    fn reference(&self, name: &str, place: Place) -> Option<Result<Value, String>> {
        let or =
            |documented: &str, field: &str| Some(Ok(if place == Place::Document { documented } else { field }.into()));
        match name {
            "AWS::NoValue" => return Some(Ok(Value::Null)),
            "AWS::Partition" => return or("${partition}", self.scope.partition()),
            "AWS::AccountId" => return or("${account_id}", &self.scope.account_id),
            "AWS::Region" => return or("${region}", &self.scope.region),
            "AWS::URLSuffix" => return Some(Ok("amazonaws.com".into())),
            _ => {}
        }
        if let Some(parameter) = self.parameters.get(name) {
            let Some(default) = parameter.get("Default") else {
                return Some(Err(format!("the parameter `{}` has no default", escaped(name))));
            };
            let text = default.text().unwrap_or_default();
            let is_list = parameter.get("Type").and_then(Node::text).is_some_and(|sort| sort.contains("List"));
            let is_number = parameter.get("Type").and_then(Node::text) == Some("Number");
            return Some(Ok(match (is_list, is_number) {
                (true, _) => text.split(',').map(|item| Value::from(item.trim())).collect(),
                (false, true) => scalar(text, false),
                (false, false) => text.into(),
            }));
        }
        let resource = self.resources.get(name)?;
        // A managed policy's `Ref` is its ARN.
        Some(Ok(match resource.sort.as_str() {
            "AWS::IAM::ManagedPolicy" => Self::arn(resource, place).unwrap_or_else(|| resource.name.clone()).into(),
            _ => resource.name.as_str().into(),
        }))
    }

    fn attribute(&self, of: &str, attribute: &str, place: Place) -> Option<Value> {
        let resource = self.resources.get(of)?;
        match attribute {
            "Arn" | "BackupVaultArn" => Self::arn(resource, place).map(Value::from),
            "BackupVaultName" => Some(resource.name.as_str().into()),
            _ => None,
        }
    }

    /// The ARN of a resource. Outside of documents the file refers to its own entries by name.
    fn arn(resource: &Named, place: Place) -> Option<String> {
        let (kind, global) = match resource.sort.as_str() {
            "AWS::IAM::Role" => ("iam::ACCOUNT:role", true),
            "AWS::IAM::InstanceProfile" => ("iam::ACCOUNT:instance-profile", true),
            "AWS::IAM::ManagedPolicy" => ("iam::ACCOUNT:policy", true),
            "AWS::Backup::BackupVault" => ("backup:REGION:ACCOUNT:backup-vault:", false),
            _ => return None,
        };
        if place == Place::Field {
            return Some(resource.name.clone());
        }
        let path = if global { resource.path.as_str() } else { "" };
        let arn = format!("arn:${{partition}}:{kind}{path}{}", resource.name);
        Some(arn.replace("ACCOUNT", "${account_id}").replace("REGION", "${region}"))
    }
}

/// Reads the plain numbers and truth values of YAML.
fn scalar(text: &str, quoted: bool) -> Value {
    match text {
        _ if quoted => text.into(),
        "true" | "True" => true.into(),
        "false" | "False" => false.into(),
        "null" | "~" | "" => Value::Null,
        _ => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
    }
}

/// Returns a text, or the text of a number or a truth value.
pub(super) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
