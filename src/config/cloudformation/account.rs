//! Whether each node of the template was read. What was not is named with its resource, its way and its place.

use std::ops::Range;

use super::document::Node;
use super::solved::{Content, Solved};
use super::template::Resource;
use crate::model::partition::Partition;
use crate::model::safe::escaped;
use crate::model::{Diagnostic, Scope};

/// What is said of the stack and not of the resource: in which order it is made, what becomes of it with the stack.
const OF_THE_STACK: [&str; 6] =
    ["CreationPolicy", "DeletionPolicy", "DependsOn", "Metadata", "UpdatePolicy", "UpdateReplacePolicy"];
/// What is read of every resource.
const READ: [&str; 3] = ["Type", "Properties", "Condition"];

/// What an account of a resource comes to.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) said: Vec<(Range<usize>, Diagnostic)>,
    /// The ways to values that are `AWS::NoValue`: the same as if they were not given.
    pub(super) nothing: Vec<String>,
    /// The attributes that are the stack's own, as the file mentions them.
    pub(super) of_the_stack: Vec<String>,
}

/// Goes through a resource.
pub(super) fn account(scope: &Scope, resource: &Resource<'_>, properties: &Solved) -> Account {
    let mut account = Account::default();
    for (key, node) in resource.node.entries() {
        let name = key.text.as_str();
        if OF_THE_STACK.contains(&name) {
            account.of_the_stack.push(match plain(node) {
                Some(text) => format!("{name} `{}`", escaped(text)),
                None => name.to_owned(),
            });
        } else if !READ.contains(&name) {
            account.left(resource.id, name, &key.at);
        }
    }
    account.walk(resource.id, properties, "", &properties.at);
    account.look(scope, resource.id, properties, "");
    account
}

fn plain(node: &Node) -> Option<&str> {
    node.text().filter(|text| node.tag.is_none() && text.len() <= 60)
}

impl Account {
    fn left(&mut self, id: &str, path: &str, at: &Range<usize>) {
        let message = format!("`{}` of `{}` is not taken over", escaped(path), escaped(id));
        let diagnostic = Diagnostic::warning("VSS1104", message).label("the file has no word for it");
        self.said.push((at.clone(), diagnostic));
    }

    /// Names texts that AWS, or YAML, may take for something else.
    fn look(&mut self, scope: &Scope, id: &str, node: &Solved, path: &str) {
        let below = |step: &str| if path.is_empty() { step.to_owned() } else { format!("{path}/{step}") };
        match &node.content {
            Content::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.look(scope, id, item, &below(&index.to_string()));
                }
            }
            Content::Map(entries) => {
                for (key, value) in entries {
                    self.look(scope, id, value, &below(&key.text));
                }
            }
            Content::Text(text) => {
                let (id, way) = (escaped(id), escaped(path));
                if let Some(read) = text.misread().filter(|_| node.is_text.get()) {
                    let written = escaped(&text.actual);
                    let message = format!("`{way}` of `{id}` is taken as it is written, `{written}`");
                    let diagnostic = Diagnostic::warning("VSS1113", message)
                        .label(format!("`{read}` for YAML 1.1"))
                        .help("put it in quotes, and look at what is live");
                    self.said.push((node.at.clone(), diagnostic));
                }
                let partition = text.actual.strip_prefix("arn:").and_then(|rest| rest.split(':').next());
                let other = partition.filter(|other| *other != scope.partition() && Partition::named(other).is_some());
                if let Some(other) = other {
                    let message = format!(
                        "`{way}` of `{id}` names the partition `{other}`, and `{}` is in `{}`",
                        escaped(&scope.region),
                        scope.partition()
                    );
                    let diagnostic = Diagnostic::warning("VSS1112", message).label("another partition");
                    self.said.push((node.at.clone(), diagnostic.help("`${AWS::Partition}` is right everywhere")));
                }
            }
            Content::Nothing | Content::Open(_) => {}
        }
    }

    fn walk(&mut self, id: &str, node: &Solved, path: &str, key_at: &Range<usize>) {
        for choice in &node.choices {
            let holds = if choice.holds { "holds" } else { "does not hold" };
            let path = if path.is_empty() { "Properties" } else { path };
            let message = format!(
                "`{}` of `{}`: the condition `{}` {holds}, so that this is not taken",
                escaped(path),
                escaped(id),
                escaped(&choice.condition)
            );
            self.said.push((choice.at.clone(), Diagnostic::warning("VSS1108", message).label("the other branch")));
        }
        if matches!(node.content, Content::Nothing) {
            self.nothing.push(path.to_owned());
            return;
        }
        if !node.is_read.get() {
            // An open value is named where it stands.
            let path = if path.is_empty() { "Properties" } else { path };
            return self.left(id, path, key_at);
        }
        let below = |step: &str| if path.is_empty() { step.to_owned() } else { format!("{path}/{step}") };
        match &node.content {
            Content::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.walk(id, item, &below(&index.to_string()), &item.at);
                }
            }
            Content::Map(entries) => {
                for (key, value) in entries {
                    self.walk(id, value, &below(&key.text), &key.at);
                }
            }
            Content::Nothing | Content::Text(_) | Content::Open(_) => {}
        }
    }
}
