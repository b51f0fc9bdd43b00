//! A place among the properties of a resource: its value, and the way to it. Whatever is read through it is marked.

use std::ops::Range;

use serde_json::{Map, Value};

use super::solved::{Content, Open, Solved, Text};
use crate::model::safe::escaped;

/// What stands in the place of a value that is not known, in an entry that is a comment.
pub(super) const TODO: &str = "TODO";

/// A value that can't be written, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    /// The way to it, such as `BackupPlan/BackupPlanRule/0/TargetBackupVault`.
    pub(super) path: String,
    pub(super) why: String,
    pub(super) at: Range<usize>,
    /// Whether CloudFormation would refuse it, or the file has no word for it. Else a deployment decides it.
    pub(super) is_wrong: bool,
}

/// A tag; its value may be open.
#[derive(Debug)]
pub(super) struct Tag<'s> {
    pub(super) key: String,
    pub(super) value: Result<String, Gap>,
    /// Where the value stands.
    pub(super) spot: Spot<'s>,
}

/// A value with the way to it.
#[derive(Clone, Debug)]
pub(super) struct Spot<'s> {
    pub(super) path: String,
    pub(super) node: &'s Solved,
    /// Where its key stands; of an item of a list, where it stands itself.
    pub(super) key_at: Range<usize>,
}

impl<'s> Spot<'s> {
    pub(super) fn of(node: &'s Solved) -> Self {
        Self { path: String::new(), key_at: node.at.clone(), node }
    }

    fn below(&self, step: &str, node: &'s Solved, key_at: Range<usize>) -> Self {
        let path = if self.path.is_empty() { step.to_owned() } else { format!("{}/{step}", self.path) };
        Self { path, node, key_at }
    }

    pub(super) fn gap(&self, why: impl Into<String>) -> Gap {
        Gap { path: self.path.clone(), why: why.into(), at: self.node.at.clone(), is_wrong: true }
    }

    fn open(&self, open: &Open) -> Gap {
        self.node.is_read.set(true);
        Gap { path: self.path.clone(), why: open.why.clone(), at: open.at.clone(), is_wrong: open.is_wrong }
    }

    /// Says that a property is missing which CloudFormation asks for.
    pub(super) fn missing(&self, property: &str) -> Gap {
        let path = if self.path.is_empty() { property.to_owned() } else { format!("{}/{property}", self.path) };
        Gap { path, why: "is missing".to_owned(), at: self.key_at.clone(), is_wrong: true }
    }

    /// Returns the entries of a map.
    pub(super) fn entries(&self) -> Result<Vec<(&'s str, Self)>, Gap> {
        match &self.node.content {
            Content::Map(entries) => {
                self.node.is_read.set(true);
                let there = entries.iter().filter(|(_, value)| !matches!(value.content, Content::Nothing));
                Ok(there
                    .map(|(key, value)| (key.text.as_str(), self.below(&key.text, value, key.at.clone())))
                    .collect())
            }
            Content::Open(open) => Err(self.open(open)),
            Content::Nothing => Ok(Vec::new()),
            Content::Text(_) | Content::List(_) => Err(self.gap("is no map")),
        }
    }

    /// Returns a property; none where it is not given, or is `AWS::NoValue`.
    pub(super) fn get(&self, property: &str) -> Result<Option<Self>, Gap> {
        Ok(self.entries()?.into_iter().find(|(key, _)| *key == property).map(|(_, value)| value))
    }

    pub(super) fn require(&self, property: &str) -> Result<Self, Gap> {
        self.get(property)?.ok_or_else(|| self.missing(property))
    }

    /// Returns the items of a list.
    pub(super) fn items(&self) -> Result<Vec<Self>, Gap> {
        match &self.node.content {
            Content::List(items) => {
                self.node.is_read.set(true);
                let all = items.iter().enumerate();
                let there = all.filter(|(_, item)| !matches!(item.content, Content::Nothing));
                Ok(there.map(|(index, item)| self.below(&index.to_string(), item, item.at.clone())).collect())
            }
            Content::Open(open) => Err(self.open(open)),
            Content::Nothing => Ok(Vec::new()),
            Content::Text(_) | Content::Map(_) => Err(self.gap("is no list")),
        }
    }

    pub(super) fn text_value(&self) -> Result<&'s Text, Gap> {
        match &self.node.content {
            Content::Text(text) => {
                self.node.is_read.set(true);
                Ok(text)
            }
            Content::Open(open) => Err(self.open(open)),
            Content::Nothing | Content::List(_) | Content::Map(_) => Err(self.gap("is no text")),
        }
    }

    /// Reads a string. What stands without quotes is taken as it is written: `00815` keeps its zeros, and `yes` is
    /// `yes`.
    pub(super) fn text(&self) -> Result<String, Gap> {
        self.node.is_text.set(true);
        self.text_value().map(Text::compared)
    }

    pub(super) fn texts(&self) -> Result<Vec<String>, Gap> {
        self.items()?.iter().map(Self::text).collect()
    }

    pub(super) fn flag(&self) -> Result<bool, Gap> {
        self.text_value()?.flag().ok_or_else(|| self.gap("is neither true nor false"))
    }

    pub(super) fn number(&self) -> Result<u32, Gap> {
        self.text_value()?.number().ok_or_else(|| self.gap("is no whole number"))
    }

    /// Reads a list of one text, or the text alone, as SSM takes a parameter of a document.
    pub(super) fn lone_text(&self) -> Result<String, Gap> {
        if !matches!(self.node.content, Content::List(_)) {
            return self.text();
        }
        match self.items()?.as_slice() {
            [one] => one.text(),
            _ => Err(self.gap("is no list of one text")),
        }
    }

    /// Reads tags: a list of `Key` and `Value`, or a map.
    pub(super) fn tags(&self) -> Result<Vec<Tag<'s>>, Gap> {
        let tag = |key: String, spot: Self| Tag { key, value: spot.text(), spot };
        if matches!(self.node.content, Content::Map(_)) {
            return Ok(self.entries()?.into_iter().map(|(key, value)| tag(key.to_owned(), value)).collect());
        }
        let mut tags: Vec<Tag<'s>> = Vec::new();
        for item in self.items()? {
            let key = item.require("Key")?.text()?;
            if tags.iter().any(|known| known.key == key) {
                return Err(item.gap(format!("has the tag `{}` once more", escaped(&key))));
            }
            tags.push(tag(key, item.require("Value")?));
        }
        Ok(tags)
    }

    /// Reads a policy document, with [`TODO`] in the place of each value that can't be written. JSON in a text stays a
    /// text.
    pub(super) fn document(&self) -> (Value, Vec<Gap>) {
        let mut gaps = Vec::new();
        if matches!(self.node.content, Content::List(_) | Content::Nothing) {
            gaps.push(self.gap("is no policy document"));
        }
        (self.json(&mut gaps), gaps)
    }

    fn json(&self, gaps: &mut Vec<Gap>) -> Value {
        self.node.is_read.set(true);
        match &self.node.content {
            Content::Text(text) => {
                self.node.is_text.set(true);
                // A plain truth value. Numbers stay texts, which IAM takes as well: an account id keeps its zeros.
                let is_truth = text.is_plain && ["true", "false"].contains(&text.compared().as_str());
                if is_truth { text.flag().unwrap_or_default().into() } else { text.documented.as_str().into() }
            }
            Content::List(_) => {
                self.items().unwrap_or_default().iter().map(|item| item.json(gaps)).collect::<Vec<_>>().into()
            }
            Content::Map(_) => {
                let entries = self.entries().unwrap_or_default().into_iter();
                let written = entries.map(|(key, value)| {
                    if key == "Ref" || key.starts_with("Fn::") {
                        let why = "is a function beside other keys, which CloudFormation does not take";
                        gaps.push(value.gap(why));
                    }
                    (key.to_owned(), value.json(gaps))
                });
                written.collect::<Map<String, Value>>().into()
            }
            Content::Nothing => Value::Null,
            Content::Open(open) => {
                gaps.push(self.open(open));
                TODO.into()
            }
        }
    }
}
