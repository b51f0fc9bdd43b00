//! `Fn::ForEach`, which the transform `AWS::LanguageExtensions` takes apart before anything else is read.

use super::document::{Content, Key, Node};
use super::evaluate::function;
use super::template::Given;

/// The transform that knows loops.
pub(super) const EXTENSIONS: &str = "AWS::LanguageExtensions";
/// The most values that loops make, many times what a template of 500 resources has.
const MOST: usize = 200_000;

/// Returns the names of the template's transforms.
pub(super) fn transforms(root: &Node) -> Vec<(&str, &Node)> {
    let Some(node) = root.get("Transform") else { return Vec::new() };
    let named = |node| (text_or_name(node), node);
    if node.items().is_empty() { vec![named(node)] } else { node.items().iter().map(named).collect() }
}

/// A transform is named by a text, or by a map with a name and parameters.
fn text_or_name(node: &Node) -> &str {
    node.text().or_else(|| node.get("Name")?.text()).unwrap_or_default()
}

/// Takes the loops of a template apart. One that needs more than the template stays as it is, and is reported as what
/// is not known.
pub(super) fn expand(root: Node, given: &Given) -> Node {
    if !transforms(&root).iter().any(|(name, _)| *name == EXTENSIONS) {
        return root;
    }
    let parameters = root.get("Parameters").cloned();
    let mut loops = Loops { parameters, given, made: 0 };
    loops.within(root)
}

struct Loops<'a> {
    parameters: Option<Node>,
    given: &'a Given,
    made: usize,
}

impl Loops<'_> {
    fn within(&mut self, node: Node) -> Node {
        let content = match node.content {
            Content::Scalar(text, quoted) => Content::Scalar(text, quoted),
            Content::List(items) => Content::List(items.into_iter().map(|item| self.within(item)).collect()),
            Content::Map(entries) => {
                let mut all = Vec::new();
                for (key, value) in entries {
                    match self.unrolled(&key, &value) {
                        Some(made) => all.extend(made),
                        None => all.push((key, self.within(value))),
                    }
                }
                Content::Map(all)
            }
        };
        Node { content, ..node }
    }

    /// Returns the entries that a loop makes; none where it is no loop, or not one that the template decides.
    fn unrolled(&mut self, key: &Key, value: &Node) -> Option<Vec<(Key, Node)>> {
        key.text.strip_prefix("Fn::ForEach::")?;
        let [name, collection, body] = value.items() else { return None };
        let (name, values) = (name.text()?, self.values(collection)?);
        let mut made = Vec::new();
        for value in &values {
            self.made += size(body);
            if self.made > MOST {
                return None;
            }
            let filled = filled(body, name, value);
            let Content::Map(entries) = self.within(filled).content else { return None };
            made.extend(entries);
        }
        Some(made)
    }

    /// Returns the texts that a loop runs over: a list of texts, or a parameter that is one.
    fn values(&self, collection: &Node) -> Option<Vec<String>> {
        let Some((name, argument)) = function(collection) else {
            return collection.items().iter().map(|item| item.text().map(ToOwned::to_owned)).collect();
        };
        let parameter = argument.unwrap_or(collection).text().filter(|_| name == "Ref")?;
        let default = || self.parameters.as_ref()?.get(parameter)?.get("Default")?.text();
        let list = self.given.parameters.get(parameter).map(String::as_str).or_else(default)?;
        Some(list.split(',').map(|item| item.trim().to_owned()).collect())
    }
}

/// Counts the values in a body.
fn size(node: &Node) -> usize {
    let entries = node.entries().iter().map(|(_, value)| size(value));
    1 + entries.sum::<usize>() + node.items().iter().map(size).sum::<usize>()
}

/// Returns a body with a value in place of a loop's name.
fn filled(node: &Node, name: &str, value: &str) -> Node {
    if let Some(("Ref", argument)) = function(node)
        && argument.unwrap_or(node).text() == Some(name)
    {
        return Node { content: Content::Scalar(value.to_owned(), true), tag: None, at: node.at.clone() };
    }
    let plain: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
    let replaced = |text: &str| text.replace(&format!("${{{name}}}"), value).replace(&format!("&{{{name}}}"), &plain);
    let content = match &node.content {
        Content::Scalar(text, quoted) => Content::Scalar(replaced(text), *quoted),
        Content::List(items) => Content::List(items.iter().map(|item| filled(item, name, value)).collect()),
        Content::Map(entries) => {
            let entry = |(key, inner): &(Key, Node)| {
                (Key { text: replaced(&key.text), at: key.at.clone() }, filled(inner, name, value))
            };
            Content::Map(entries.iter().map(entry).collect())
        }
    };
    Node { content, ..node.clone() }
}
