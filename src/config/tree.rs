//! The tree of a file: values that know where they stand. Files are merged as trees, so a problem in a merged file
//! still points at the line that caused it.

use indexmap::IndexMap;
use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::spec::Section;
use crate::model::source::Place;

/// One value, where it stands, and whether the structure check found fault with it.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) tree: Tree,
    pub(crate) place: Place,
    pub(crate) faulty: bool,
    /// What an entry is read with where this has a fault and the entry can't do without it.
    pub(crate) stand_in: Option<Value>,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Tree {
    Text(String),
    Integer(i64),
    /// An integer that is too large.
    Huge,
    Float,
    Flag(bool),
    Datetime,
    List(Vec<Node>),
    Table(IndexMap<String, Member>),
}

/// A key of a table with its value.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) key: Place,
    pub(crate) node: Node,
}

impl Node {
    /// Turns a parsed document into a tree.
    pub(crate) fn from_document(file: usize, document: &Spanned<DeTable<'_>>) -> Self {
        Self {
            tree: table(file, document.get_ref()),
            place: Place::new(file, document.span()),
            faulty: false,
            stand_in: None,
        }
    }

    /// Returns the members of a table; none of anything else.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&str, &Member)> {
        let members = match &self.tree {
            Tree::Table(members) => Some(members),
            _ => None,
        };
        members.into_iter().flatten().map(|(key, member)| (key.as_str(), member))
    }

    /// Returns the members of a table, to be changed.
    pub(crate) fn members_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        let members = match &mut self.tree {
            Tree::Table(members) => Some(members),
            _ => None,
        };
        members.into_iter().flat_map(IndexMap::values_mut)
    }

    /// Returns a member of a table.
    pub(crate) fn member(&self, key: &str) -> Option<&Member> {
        match &self.tree {
            Tree::Table(members) => members.get(key),
            _ => None,
        }
    }

    /// Returns the value of a key of a table.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.member(key).map(|member| &member.node)
    }

    /// Follows keys, and decimal indices of lists, down the tree.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, step| match &node.tree {
            Tree::List(items) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
            _ => node.get(step),
        })
    }

    /// Returns the place of the value at a path, or of the last step on the way that exists.
    pub(crate) fn place_at(&self, path: &[&str]) -> Place {
        let mut node = self;
        for step in path {
            match node.at(&[step]) {
                Some(next) => node = next,
                None => break,
            }
        }
        node.place.clone()
    }

    /// Tells whether the structure check found fault here or below.
    pub(crate) fn has_fault(&self) -> bool {
        self.faulty
            || match &self.tree {
                Tree::List(items) => items.iter().any(Self::has_fault),
                Tree::Table(members) => members.values().any(|member| member.node.has_fault()),
                _ => false,
            }
    }

    /// Counts the values here and below.
    pub(crate) fn count(&self) -> usize {
        1 + match &self.tree {
            Tree::List(items) => items.iter().map(Self::count).sum(),
            Tree::Table(members) => members.values().map(|member| member.node.count()).sum(),
            _ => 0,
        }
    }

    /// Returns the text of a string.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.tree {
            Tree::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Turns the tree into JSON. Only for trees without faults: what JSON can't say becomes null.
    pub(crate) fn to_json(&self) -> Value {
        match &self.tree {
            Tree::Text(text) => Value::String(text.clone()),
            Tree::Integer(number) => Value::Number(Number::from(*number)),
            Tree::Flag(flag) => Value::Bool(*flag),
            Tree::Huge | Tree::Float | Tree::Datetime => Value::Null,
            Tree::List(items) => items.iter().map(Self::to_json).collect(),
            Tree::Table(members) => Value::Object(
                members.iter().map(|(key, member)| (key.clone(), member.node.to_json())).collect::<Map<_, _>>(),
            ),
        }
    }

    /// Turns the tree into JSON without what has a fault: optional keys are left out, and what an entry can't do
    /// without is stood in for. None where nothing is left.
    pub(crate) fn sound(&self) -> Option<Value> {
        let whole = match &self.tree {
            _ if self.faulty => None,
            Tree::Table(members) => Some(Value::Object(
                members.iter().filter_map(|(key, member)| Some((key.clone(), member.node.sound()?))).collect(),
            )),
            // An item that is left out would move those behind it to other places.
            Tree::List(items) => items.iter().map(Self::sound).collect::<Option<Vec<_>>>().map(Value::Array),
            Tree::Text(_) | Tree::Integer(_) | Tree::Flag(_) | Tree::Huge | Tree::Float | Tree::Datetime => {
                Some(self.to_json())
            }
        };
        whole.or_else(|| self.stand_in.clone())
    }

    /// Returns JSON Schema's name of the type.
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.tree {
            Tree::Text(_) => "string",
            Tree::Integer(_) | Tree::Huge => "integer",
            Tree::Float => "number",
            Tree::Flag(_) => "boolean",
            Tree::Datetime => "datetime",
            Tree::List(_) => "array",
            Tree::Table(_) => "object",
        }
    }
}

fn table(file: usize, source: &DeTable<'_>) -> Tree {
    let members = source.iter().map(|(key, value)| {
        let member = Member { key: Place::new(file, key.span()), node: node(file, value) };
        (key.get_ref().to_string(), member)
    });
    Tree::Table(members.collect())
}

fn node(file: usize, value: &Spanned<DeValue<'_>>) -> Node {
    let tree = match value.get_ref() {
        DeValue::String(text) => Tree::Text(text.to_string()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Tree::Huge, Tree::Integer)
        }
        DeValue::Float(_) => Tree::Float,
        DeValue::Boolean(flag) => Tree::Flag(*flag),
        DeValue::Datetime(_) => Tree::Datetime,
        DeValue::Array(items) => Tree::List(items.iter().map(|item| node(file, item)).collect()),
        DeValue::Table(members) => table(file, members),
    };
    Node { tree, place: Place::new(file, value.span()), faulty: false, stand_in: None }
}

/// Puts the file `own` over the file `base`: entries are merged key by key, and so are `[stack]`, `[defaults]` and
/// tables of tags; any other value is replaced whole, as it is where `[defaults]` fill an entry in. A `match` of two
/// files would be a selection that neither of them describes.
pub(crate) fn overlay(base: &mut Node, own: Node) {
    overlay_at(base, own, &mut Vec::new());
}

/// Tells whether the tables at a path are merged key by key.
fn merges(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        [] | [_] | ["defaults", _] | ["region_settings", "resource_type_opt_in" | "resource_type_management"] => true,
        [section, _] if Section::find(section).is_some() => true,
        [section, _, nested] | [section, _, nested, _]
            if Section::find(section).is_some_and(|section| section.nests(nested)) =>
        {
            true
        }
        [.., name] => name.ends_with("tags"),
    }
}

fn overlay_at(base: &mut Node, own: Node, path: &mut Vec<String>) {
    match (&mut base.tree, own.tree) {
        (Tree::Table(base_members), Tree::Table(own_members)) if merges(path) => {
            for (key, member) in own_members {
                match base_members.get_mut(&key) {
                    Some(existing) => {
                        existing.key = member.key;
                        path.push(key);
                        overlay_at(&mut existing.node, member.node, path);
                        path.pop();
                    }
                    None => {
                        base_members.insert(key, member);
                    }
                }
            }
            base.place = own.place;
            base.faulty |= own.faulty;
        }
        (_, tree) => *base = Node { tree, place: own.place, faulty: own.faulty, stand_in: own.stand_in },
    }
}

/// Gives an entry the keys of `defaults` that it lacks. Tables of tags are merged, the entry's own going first.
pub(crate) fn fill(entry: &mut Node, defaults: &Node) {
    let Tree::Table(members) = &mut entry.tree else { return };
    for (key, default) in defaults.members() {
        match members.get_mut(key) {
            None => {
                members.insert(key.to_owned(), default.clone());
            }
            Some(own) if key.ends_with("tags") => {
                if let Tree::Table(own_tags) = &mut own.node.tree {
                    for (tag, value) in default.node.members() {
                        own_tags.entry(tag.to_owned()).or_insert_with(|| value.clone());
                    }
                }
            }
            Some(_) => {}
        }
    }
}
