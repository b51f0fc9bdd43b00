//! What a template decides itself: parameters, mappings, conditions and the intrinsic functions. What a deployment
//! decides stays open, and says why.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use super::document::{Content as Written, Node};
use super::solved::{Choice, Content, Open, Solved, Text};
use super::template::{Given, Resource};
use super::types::Sort;
use crate::model::Scope;
use crate::model::safe::escaped;

/// As long as the longest policy document.
const LONGEST: usize = 20_480;

/// The most values that wait for each other on the stack, be it in one value or from name to name.
pub(super) const DEEPEST: usize = 100;
pub(super) const TOO_DEEP: &str = "needs more others in a row than any template has";

/// What values are decided with.
pub(super) struct Evaluator<'a> {
    pub(super) scope: &'a Scope,
    pub(super) given: &'a Given,
    pub(super) parameters: BTreeMap<&'a str, &'a Node>,
    pub(super) mappings: Option<&'a Node>,
    pub(super) conditions: BTreeMap<&'a str, &'a Node>,
    /// The resources that are taken over, by logical id.
    pub(super) resources: BTreeMap<&'a str, Resource<'a>>,
    /// All other resources with their types.
    pub(super) foreign: BTreeMap<&'a str, (&'a str, &'a Node)>,
    /// Resources that are not made, as their conditions do not hold.
    pub(super) unmade: BTreeSet<&'a str>,
    /// Which conditions hold, as far as they were asked for.
    pub(super) decided: RefCell<BTreeMap<String, Result<bool, Open>>>,
    /// The values of parameters, as far as they were asked for.
    pub(super) used: RefCell<BTreeMap<String, String>>,
    /// The names of resources, as far as they were asked for.
    pub(super) names: RefCell<BTreeMap<String, Option<Result<String, Open>>>>,
    /// How many values wait for the one that is being worked out.
    pub(super) depth: Cell<usize>,
    /// The conditions and names that are being worked out: one that needs itself stays open.
    pub(super) asking: RefCell<BTreeSet<String>>,
}

/// A function and what it is called with: the short form, or a map with nothing but the long form.
pub(super) fn function(node: &Node) -> Option<(&str, Option<&Node>)> {
    if let Some(tag) = &node.tag {
        return Some((tag, None));
    }
    match node.entries() {
        [(key, argument)] if key.text == "Ref" => Some(("Ref", Some(argument))),
        [(key, argument)] => Some((key.text.strip_prefix("Fn::")?, Some(argument))),
        _ => None,
    }
}

/// Returns the name in a text that is nothing but `${NAME}`: the same as `Ref` or `GetAtt`.
fn whole(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    (!name.starts_with('!') && !name.contains(['$', '{', '}'])).then_some(name)
}

/// Stops at a text that is longer than any that AWS takes, before texts of texts fill the memory.
fn fits(text: &Text, node: &Node) -> Result<(), Open> {
    let is_short = text.actual.len() <= LONGEST;
    is_short.then_some(()).ok_or_else(|| Open::wrong("makes a text that is longer than AWS takes", node))
}

/// Tells whether properties stand in a value: a branch without any is a value alone.
fn has_properties(node: &Node) -> bool {
    let is_call = function(node).is_some();
    (!is_call && !node.entries().is_empty())
        || node.entries().iter().any(|(_, value)| has_properties(value))
        || node.items().iter().any(has_properties)
}

impl Evaluator<'_> {
    /// Works out a value.
    pub(super) fn solve(&self, node: &Node) -> Solved {
        if self.depth.get() >= DEEPEST {
            return Solved::new(Content::Open(Open::wrong(TOO_DEEP, node)), node);
        }
        self.depth.set(self.depth.get() + 1);
        let solved = self.solve_one(node);
        self.depth.set(self.depth.get() - 1);
        solved
    }

    fn solve_one(&self, node: &Node) -> Solved {
        if let Some((name, argument)) = function(node) {
            let untagged;
            let argument = if let Some(argument) = argument {
                argument
            } else {
                untagged = node.untagged();
                &untagged
            };
            let mut solved = self.call(name, argument, node);
            solved.at = node.at.clone();
            return solved;
        }
        let content = match &node.content {
            Written::Scalar(..) if node.is_null() => {
                Content::Open(Open::wrong("has no value, and CloudFormation takes no null", node))
            }
            Written::Scalar(text, _) if text.contains("{{resolve:") => {
                let why = format!("`{}` is read when the template is deployed", escaped(text));
                Content::Open(Open::new(why, node))
            }
            Written::Scalar(text, quoted) => Content::Text(Text::new(text, !quoted)),
            Written::List(items) => Content::List(items.iter().map(|item| self.solve(item)).collect()),
            Written::Map(entries) => {
                Content::Map(entries.iter().map(|(key, value)| (key.clone(), self.solve(value))).collect())
            }
        };
        Solved::new(content, node)
    }

    fn call(&self, name: &str, argument: &Node, node: &Node) -> Solved {
        let content = match (name, argument.items()) {
            ("Ref", _) => return self.reference(&self.solve(argument), node),
            ("GetAtt", _) => return self.get_att(argument, node),
            ("Sub", _) => match argument.text().and_then(whole) {
                Some(name) => return self.named_or_attribute(name, node),
                None => self.substitute(argument, node),
            },
            ("Join", [separator, list]) => self.join(separator, list),
            ("Split", [separator, text]) => self.split(separator, text),
            ("Select", [index, list]) => return self.select(index, list, node),
            ("If", [condition, then, otherwise]) => return self.choose([condition, then, otherwise], node),
            ("FindInMap", [map, first, second, rest @ ..]) => {
                return self.find_in_map([map, first, second], rest.first(), node);
            }
            ("Length", _) => match self.solve(argument).content {
                Content::List(items) => Ok(Content::Text(Text::new(&items.len().to_string(), true))),
                Content::Open(open) => Err(open),
                Content::Nothing | Content::Text(_) | Content::Map(_) => {
                    Err(Open::wrong("`Length` takes a list", node))
                }
            },
            ("ImportValue", _) => {
                Err(Open::new("`ImportValue` is known by the stack that exports it".to_owned(), node))
            }
            ("Join" | "Split" | "Select" | "If" | "FindInMap", _) => {
                Err(Open::wrong(&format!("`{name}` has other arguments than CloudFormation takes"), node))
            }
            _ => Err(Open::new(format!("`{}` is worked out when the template is deployed", escaped(name)), node)),
        };
        Solved::new(content.unwrap_or_else(Content::Open), node)
    }

    /// Works out a text; a list, a map or nothing is none.
    fn text(&self, node: &Node) -> Result<Text, Open> {
        self.solve(node).into_text()
    }

    fn join(&self, separator: &Node, list: &Node) -> Result<Content, Open> {
        let separator = self.text(separator)?;
        let Content::List(items) = self.solve(list).content.closed()? else {
            return Err(Open::wrong("`Join` takes a list", list));
        };
        let mut joined = Text::new("", false);
        let items = items.into_iter().filter(|item| !matches!(item.content, Content::Nothing));
        for (index, item) in items.enumerate() {
            if index > 0 {
                joined.push(&separator);
            }
            joined.push(&item.into_text()?);
            fits(&joined, list)?;
        }
        Ok(Content::Text(joined))
    }

    fn split(&self, separator: &Node, text: &Node) -> Result<Content, Open> {
        let (by, whole) = (self.text(separator)?, self.text(text)?);
        if by.actual.is_empty() {
            return Err(Open::wrong("`Split` takes a separator", separator));
        }
        let documented: Vec<&str> = whole.documented.split(&by.actual).collect();
        let actual: Vec<&str> = whole.actual.split(&by.actual).collect();
        // A value that holds the separator itself has no placeholder in its parts.
        let documented = if documented.len() == actual.len() { documented } else { actual.clone() };
        let parts = actual.into_iter().zip(documented).map(|(actual, documented)| {
            let part = Text { actual: actual.to_owned(), documented: documented.to_owned(), is_plain: false };
            Solved::new(Content::Text(part), text)
        });
        Ok(Content::List(parts.collect()))
    }

    fn select(&self, index: &Node, list: &Node, node: &Node) -> Solved {
        let chosen = self.text(index).and_then(|index| {
            let Content::List(mut items) = self.solve(list).content.closed()? else {
                return Err(Open::wrong("`Select` takes a list", node));
            };
            let index = index.actual.trim().parse().ok().filter(|index: &usize| *index < items.len());
            let index = index.ok_or_else(|| Open::wrong("`Select` takes an index of the list", node))?;
            Ok(items.swap_remove(index))
        });
        chosen.unwrap_or_else(|open| Solved::new(Content::Open(open), node))
    }

    fn choose(&self, [condition, then, otherwise]: [&Node; 3], node: &Node) -> Solved {
        let name = condition.text().unwrap_or_default();
        match self.holds(name, condition) {
            Err(open) => Solved::new(Content::Open(open), node),
            Ok(holds) => {
                let (taken, left) = if holds { (then, otherwise) } else { (otherwise, then) };
                let mut solved = self.solve(taken);
                if has_properties(left) {
                    solved.choices.push(Choice { condition: name.to_owned(), holds, at: left.at.clone() });
                }
                solved
            }
        }
    }

    fn find_in_map(&self, [map, first, second]: [&Node; 3], default: Option<&Node>, node: &Node) -> Solved {
        let names = [map, first, second].map(|name| self.text(name));
        let found = match &names {
            [Ok(map), Ok(first), Ok(second)] => self
                .mappings
                .and_then(|mappings| mappings.get(&map.actual)?.get(&first.actual)?.get(&second.actual))
                .map(|value| self.solve(value)),
            _ => None,
        };
        let otherwise = default.and_then(|default| default.get("DefaultValue"));
        let missing = || {
            let open = names.iter().find_map(|name| name.as_ref().err().cloned());
            let open = open.unwrap_or_else(|| Open::wrong("the mapping has no such value", node));
            Solved::new(Content::Open(open), node)
        };
        found.unwrap_or_else(|| otherwise.map_or_else(missing, |value| self.solve(value)))
    }

    fn substitute(&self, argument: &Node, node: &Node) -> Result<Content, Open> {
        let (text, own) = match argument.items() {
            [text, own] => (text.text(), Some(own)),
            _ => (argument.text(), None),
        };
        let mut rest = text.ok_or_else(|| Open::wrong("`Sub` takes a text", node))?;
        let mut written = Text::new("", false);
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or_else(|| Open::wrong("`${` has no end", node))?;
            written.push(&Text::new(before, false));
            rest = after;
            if let Some(literal) = name.strip_prefix('!') {
                written.push(&Text::new(&format!("${{{literal}}}"), false));
                continue;
            }
            let value = match own.and_then(|own| own.get(name)) {
                Some(own) => self.solve(own),
                None => self.named_or_attribute(name, node),
            };
            written.push(&value.into_text()?);
            fits(&written, node)?;
        }
        written.push(&Text::new(rest, false));
        if written.actual.contains("{{resolve:") {
            let why = format!("`{}` is read when the template is deployed", escaped(&written.actual));
            return Err(Open::new(why, node));
        }
        Ok(Content::Text(written))
    }

    fn named_or_attribute(&self, name: &str, node: &Node) -> Solved {
        match name.split_once('.') {
            Some((of, attribute)) => self.attribute(of, attribute, node),
            None => self.named(name, node),
        }
    }

    /// Follows keys into a value, through the functions that choose one.
    pub(super) fn walk(&self, node: &Node, keys: &[&str]) -> Option<Solved> {
        let Some((key, rest)) = keys.split_first() else { return Some(self.solve(node)) };
        match function(node) {
            Some(("If", argument)) => {
                let untagged = node.untagged();
                let [condition, then, otherwise] = argument.unwrap_or(&untagged).items() else {
                    return Some(self.solve(node));
                };
                match self.holds(condition.text().unwrap_or_default(), condition) {
                    Ok(holds) => self.walk(if holds { then } else { otherwise }, keys),
                    Err(open) => Some(Solved::new(Content::Open(open), node)),
                }
            }
            Some(("Ref", _)) => None,
            Some(_) => Some(self.solve(node)),
            None => self.walk(node.get(key)?, rest),
        }
    }

    fn get_att(&self, argument: &Node, node: &Node) -> Solved {
        let pair = match argument.items() {
            [] => self
                .text(argument)
                .map(|text| text.actual.split_once('.').map(|(of, attribute)| (of.to_owned(), attribute.to_owned()))),
            [of, rest @ ..] => self.text(of).and_then(|of| {
                let names = rest.iter().map(|name| Ok(self.text(name)?.actual)).collect::<Result<Vec<_>, _>>()?;
                Ok((!names.is_empty()).then(|| (of.actual, names.join("."))))
            }),
        };
        match pair {
            Ok(Some((of, attribute))) => self.attribute(&of, &attribute, node),
            Ok(None) => Solved::new(Content::Open(Open::wrong("`GetAtt` names no attribute", node)), node),
            Err(open) => Solved::new(Content::Open(open), node),
        }
    }

    fn reference(&self, name: &Solved, node: &Node) -> Solved {
        match name.clone().into_text() {
            Ok(name) => self.named(&name.actual, node),
            Err(open) => Solved::new(Content::Open(open), node),
        }
    }

    /// What `Ref` gives: a pseudo parameter, a parameter's value, what a resource is referred to by.
    fn named(&self, name: &str, node: &Node) -> Solved {
        if let Some(content) = self.pseudo(name, node) {
            return Solved::new(content, node);
        }
        if let Some(parameter) = self.parameters.get(name) {
            return Solved::new(self.parameter(name, parameter, node), node);
        }
        if let Some(resource) = self.resources.get(name) {
            let content = match resource.sort {
                Sort::Role | Sort::Profile | Sort::Vault | Sort::RestoreTest => self.name_text(name, node),
                Sort::ManagedPolicy => self.arn_text(name, node),
                Sort::Plan
                | Sort::Selection
                | Sort::Association
                | Sort::InlinePolicy
                | Sort::RolePolicy
                | Sort::RestoreSelection => {
                    Content::Open(Open::new(format!("AWS makes the id of `{}`", escaped(name)), node))
                }
            };
            return Solved { of: Some(name.to_owned()), ..Solved::new(content, node) };
        }
        if let Some(value) = self.foreign_value(name, None, node) {
            return value;
        }
        let why = match self.foreign.get(name) {
            Some((sort, _)) => format!("AWS makes what `{}` ({}) is referred to by", escaped(name), escaped(sort)),
            None => self.missing(name),
        };
        let is_wrong = !self.foreign.contains_key(name);
        Solved::new(Content::Open(Open { is_wrong, ..Open::new(why, node) }), node)
    }

    /// Says why there is nothing of a name.
    pub(super) fn missing(&self, name: &str) -> String {
        if self.unmade.contains(name) {
            return format!("`{}` is not made: its condition does not hold", escaped(name));
        }
        format!("`{}` is neither a parameter nor a resource of the template", escaped(name))
    }

    fn pseudo(&self, name: &str, node: &Node) -> Option<Content> {
        let scope = self.scope;
        let text = |actual: &str, documented: &str| {
            Content::Text(Text { actual: actual.to_owned(), documented: documented.to_owned(), is_plain: false })
        };
        Some(match name {
            "AWS::NoValue" => Content::Nothing,
            "AWS::Partition" => text(scope.partition(), "${partition}"),
            "AWS::AccountId" => text(&scope.account_id, "${account_id}"),
            "AWS::Region" => text(&scope.region, "${region}"),
            "AWS::URLSuffix" => text(scope.dns_suffix(), scope.dns_suffix()),
            "AWS::StackName" => match &self.given.stack_name {
                Some(stack) => text(stack, stack),
                None => Content::Open(Open::new(
                    "`AWS::StackName` is not in the template: give it by `--cfn-stack-name`".to_owned(),
                    node,
                )),
            },
            "AWS::StackId" | "AWS::NotificationARNs" => {
                Content::Open(Open::new(format!("`{name}` is known by the stack alone"), node))
            }
            _ => return None,
        })
    }

    fn parameter(&self, name: &str, parameter: &Node, node: &Node) -> Content {
        let sort = parameter.get("Type").and_then(Node::text).unwrap_or_default();
        let given = self.given.parameters.get(name);
        let is_stored = sort.starts_with("AWS::SSM::Parameter::Value");
        let default = parameter.get("Default").filter(|default| !default.is_null());
        let by = format!("give it by `--parameter {name}=VALUE`");
        let value = match (given, default) {
            (Some(value), _) => value.clone(),
            (None, _) if is_stored => {
                let stored = default.and_then(Node::text).map(|stored| format!(" (`{}`)", escaped(stored)));
                let stored = stored.unwrap_or_default();
                let why = format!("the parameter `{}` is read from Parameter Store{stored}: {by}", escaped(name));
                return Content::Open(Open::new(why, node));
            }
            (None, Some(default)) => match &default.content {
                Written::Scalar(text, quoted) => {
                    let text = Text::new(text, !quoted);
                    let number = text.number().filter(|_| sort == "Number" && text.is_plain);
                    number.map_or_else(|| text.compared(), |number| number.to_string())
                }
                Written::List(_) | Written::Map(_) => {
                    return Content::Open(Open::wrong("the default of a parameter is a text", node));
                }
            },
            (None, None) => {
                return Content::Open(Open::new(
                    format!("the parameter `{}` has no default: {by}", escaped(name)),
                    node,
                ));
            }
        };
        self.used.borrow_mut().insert(name.to_owned(), value.clone());
        if value.contains("{{resolve:") {
            let why = format!("the parameter `{}` is read when the template is deployed: {by}", escaped(name));
            return Content::Open(Open::new(why, node));
        }
        if sort == "CommaDelimitedList" || sort.contains("List<") {
            let items = value.split(',').map(|item| Solved::new(Content::Text(Text::new(item.trim(), false)), node));
            return Content::List(items.filter(|_| !value.is_empty()).collect());
        }
        Content::Text(Text::new(&value, false))
    }
}
