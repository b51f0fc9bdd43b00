//! Files that are something else than they seem. `vss.toml`, the file that it extends and the policies that it names
//! come with a checkout, and may be links to credentials. Of a file that is not recognisably ours only places are
//! shown, and the names of keys where it is TOML.

use std::path::Path;

use serde_json::Value;
use toml::de::DeTable;

use crate::model::Diagnostic;

use super::schema::View;
use super::tree::{Node, Tree};
use crate::model::source::Sources;

/// Tells whether a text that may be broken is recognisably a configuration of vssctl.
pub(crate) fn is_ours(text: &str) -> bool {
    let (document, _) = DeTable::parse_recoverable(text);
    has_ours(&Node::from_document(0, &document), false)
}

/// Tells whether a file has one of the tables that a configuration has, with something in it that such a table has.
/// `is_sound` tells that all of it is TOML. Otherwise a table that takes any key proves nothing.
pub(crate) fn has_ours(root: &Node, is_sound: bool) -> bool {
    root.members().any(|(key, member)| {
        let Some(view) = View::root().key(key) else { return false };
        match &member.node.tree {
            Tree::Table(members) => members.iter().any(|(name, member)| {
                let fits = |below: View| below.types().is_empty() || below.types().contains(&member.node.type_name());
                let is_named = view.keys().contains(&name.as_str());
                let takes_any = !is_named && view.key(name).is_some_and(fits);
                let is_entry = matches!(member.node.tree, Tree::Table(_));
                is_named && (is_sound || is_entry || key == "stack") || takes_any && (is_sound || is_entry)
            }),
            Tree::Text(base) => {
                is_sound && key == "extends" && Path::new(base).extension().is_some_and(|end| end == "toml")
            }
            _ => false,
        }
    })
}

/// The only problem of a file that is neither TOML nor recognisably ours.
pub(crate) fn not_toml() -> Diagnostic {
    Diagnostic::error(
        "VSS0101",
        "the file is not TOML, and nothing in it says that it is vssctl's: no line of it is shown",
    )
    .help("look at this line of the file, or name another file with `--file`")
}

/// Removes the values of a hidden file from a problem. The names of keys stay.
pub(crate) fn silenced(diagnostic: Diagnostic, sources: &Sources) -> Diagnostic {
    let is_hidden = diagnostic.location.as_ref().is_some_and(|location| sources.is_hidden(&location.file));
    if !is_hidden || matches!(diagnostic.code, "VSS0101" | "VSS0102" | "VSS0105" | "VSS0501") {
        return diagnostic;
    }
    let message = "the value here is not what vssctl reads".to_owned();
    Diagnostic { message, label: None, help: Vec::new(), ..diagnostic }
}

/// Tells whether the text of a policy file, read or not, is recognisably a policy.
pub(crate) fn is_policy(text: &str, read: Option<&Value>) -> bool {
    const VERSIONS: [&str; 2] = ["2012-10-17", "2008-10-17"];
    match read {
        Some(value) => {
            value.get("Statement").is_some()
                || value["Version"].as_str().is_some_and(|version| VERSIONS.contains(&version))
        }
        None => {
            text.contains("\"Statement\"") || VERSIONS.iter().any(|version| text.contains(&format!("\"{version}\"")))
        }
    }
}
