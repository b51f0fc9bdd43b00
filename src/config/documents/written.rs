//! Where a policy document is written, so that its problems are underlined there.

use crate::config::context::Context;
use crate::config::tree::{Node, Tree};
use crate::model::source::Place;
use crate::policy::{self, PolicyError};

/// How a document is written, which decides where its problems are.
pub(super) enum Written<'a> {
    Table(&'a Node),
    Text { place: Place, text: String },
}

impl Written<'_> {
    pub(super) fn place(&self, context: &Context<'_>, failed: &PolicyError) -> Place {
        match (self, &failed.position) {
            (Self::Table(_), _) | (Self::Text { .. }, None) => self.at_path(context, &failed.path),
            (Self::Text { place, text }, Some(position)) => {
                context.within(place, text, &(position.start..position.end))
            }
        }
    }

    /// Follows a path such as `Statement[1].Action`.
    pub(super) fn at_path(&self, context: &Context<'_>, path: &str) -> Place {
        match self {
            Self::Table(node) => {
                let mut node: &Node = node;
                for step in path.split(['.', '[', ']']).filter(|step| !step.is_empty()) {
                    match node.at(&[step]) {
                        Some(next) => node = next,
                        // A single statement may stand without a list, and then the index 0 means the statement itself.
                        None if step == "0" => {}
                        None => break,
                    }
                }
                node.place.clone()
            }
            Self::Text { place, text } => match policy::locate(text, path) {
                Some(range) if !path.is_empty() => context.within(place, text, &range),
                _ => place.clone(),
            },
        }
    }

    /// Finds a placeholder.
    pub(super) fn find(&self, context: &Context<'_>, string: &str, word: &str) -> Place {
        let marked = format!("${{{word}}}");
        match self {
            Self::Text { place, text } => match text.find(&marked) {
                Some(start) => context.within(place, text, &(start..start + marked.len())),
                None => place.clone(),
            },
            Self::Table(node) => holder(node, string).map_or_else(
                || node.place.clone(),
                |place| match string.find(&marked) {
                    Some(start) => context.within(&place, string, &(start..start + marked.len())),
                    None => place,
                },
            ),
        }
    }
}

/// Finds the string in a table.
fn holder(node: &Node, string: &str) -> Option<Place> {
    match &node.tree {
        Tree::Text(text) => (text == string).then(|| node.place.clone()),
        Tree::List(items) => items.iter().find_map(|item| holder(item, string)),
        Tree::Table(members) => {
            members.iter().find_map(
                |(key, member)| {
                    if key == string { Some(member.key.clone()) } else { holder(&member.node, string) }
                },
            )
        }
        Tree::Integer(_) | Tree::Huge | Tree::Float | Tree::Flag(_) | Tree::Datetime => None,
    }
}
