//! The template that is read, and its problems.

use serde_json::Value;

use super::document::Node;
use super::resolve::{Named, Place as Goes, Resolver, Unresolved};
use crate::model::safe::escaped;
use crate::model::source::{Place, Sources};
use crate::model::{Diagnostic, Diagnostics};

/// One template and what was found in it so far.
#[derive(Debug)]
pub(super) struct Import {
    pub(super) sources: Sources,
    pub(super) file: usize,
    pub(super) diagnostics: Diagnostics,
}

/// One resource.
pub(super) struct Resource<'a> {
    pub(super) id: &'a str,
    pub(super) at: std::ops::Range<usize>,
    pub(super) properties: Option<&'a Node>,
    pub(super) named: Named,
}

impl Import {
    pub(super) fn report(&mut self, at: &std::ops::Range<usize>, diagnostic: Diagnostic) {
        let location = self.sources.locate(&Place::new(self.file, at.clone()));
        self.diagnostics.push(diagnostic.located(Some(location)));
    }

    /// Resolves a property; a problem is reported where the value stands.
    pub(super) fn value(&mut self, resolver: &Resolver<'_>, node: &Node, goes: Goes) -> Option<Value> {
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
    pub(super) fn left_out(&mut self, resource: &str, node: Option<&Node>, known: &[&str]) {
        let entries = node.map(Node::entries).unwrap_or_default();
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.text.as_str())) {
            let message = format!("`{}` of `{}` is not taken over", escaped(&key.text), escaped(resource));
            self.report(&key.at, Diagnostic::warning("VSS1104", message).label("left out"));
        }
    }
}
