//! What is live of the resources of a file, for people.

use crate::kinds;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::document::document_lines;
use super::envelope::{Envelope, Verdict};
use super::fields::{Line, Shown, bare, field_lines, write_lines};
use super::layout::{ADD, BOLD, DIM, UNKNOWN, paragraph};
use super::text::header;
use crate::kind::{Fields, Found, Live, Owner, Shape};
use crate::model::safe::escaped;
use crate::model::{Address, Scope};
use crate::model::{Display, FieldChange, hidden};

/// What is live of the resources of a file, as programs read it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Resources {
    /// The resources, in the order of the file.
    resources: Vec<Resource>,
}

/// One resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Resource {
    /// Its address.
    address: Address,
    /// Its AWS name.
    name: String,
    /// What was found.
    #[serde(flatten)]
    found: Reading,
}

/// What was found of a resource.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "found", rename_all = "snake_case")]
enum Reading {
    /// There is none.
    Absent,
    /// There is one.
    Live {
        /// Whose it is.
        owner: Owner,
        /// Its identifiers, by AWS's names for them.
        ids: BTreeMap<String, String>,
        /// Its fields in normal form.
        fields: Fields,
    },
    /// It could not be read.
    Unknown {
        /// The IAM action to allow.
        action: String,
        /// What AWS said.
        message: String,
    },
    /// Several fit.
    Ambiguous {
        /// Their ids.
        candidates: Vec<String>,
    },
}

/// Returns the envelope of what is live of the resources of a file, given as in [`text`].
pub fn json(resources: &[(&Address, &str, &Found)], scope: &Scope) -> Envelope<Resources> {
    let count = |wanted: fn(&Found) -> bool| resources.iter().filter(|(_, _, found)| wanted(found)).count();
    let counts = [
        ("live", count(|found| matches!(found, Found::Live(_)))),
        ("absent", count(|found| matches!(found, Found::Absent))),
        ("unknown", count(|found| matches!(found, Found::Unknown { .. }))),
        ("ambiguous", count(|found| matches!(found, Found::Ambiguous { .. }))),
    ];
    let is_known = counts[2].1 + counts[3].1 == 0;
    let resources = resources.iter().map(|(address, name, found)| {
        let (name, found) = match found {
            Found::Absent => (*name, Reading::Absent),
            Found::Live(live) => {
                let Live { name, owner, ids, fields, carried: _, refers: _ } = &**live;
                let (owner, ids, fields) = (owner.clone(), ids.clone(), fields.clone());
                (name.as_str(), Reading::Live { owner, ids, fields })
            }
            Found::Unknown { action, message } => {
                (*name, Reading::Unknown { action: action.clone(), message: message.clone() })
            }
            Found::Ambiguous { ids } => (*name, Reading::Ambiguous { candidates: ids.clone() }),
        };
        Resource { address: (*address).clone(), name: name.to_owned(), found }
    });
    let resources = Resources { resources: resources.collect() };
    Envelope::new("show", Some(scope), Verdict::of_proof(false, !is_known), counts, resources)
}

/// Renders what is live of the resources of a file, given as (address, name in the file, what was found).
pub fn text(resources: &[(&Address, &str, &Found)], width: usize) -> String {
    let count = |wanted: fn(&Found) -> bool| resources.iter().filter(|(_, _, found)| wanted(found)).count();
    let there = count(|found| matches!(found, Found::Live(_)));
    let mut text = format!("{BOLD}{there} of {} resources are there.{BOLD:#}\n", resources.len());
    for (address, name, found) in resources {
        text.push('\n');
        let name = match found {
            Found::Live(live) => live.name.as_str(),
            Found::Absent | Found::Unknown { .. } | Found::Ambiguous { .. } => *name,
        };
        let header = header(address, name, width.saturating_sub(18));
        match found {
            Found::Absent => {
                let _ = writeln!(text, "{DIM}-{DIM:#} {BOLD}{header}{BOLD:#} is not there");
            }
            Found::Unknown { action, message } => {
                let _ = writeln!(text, "{UNKNOWN}?{UNKNOWN:#} {BOLD}{header}{BOLD:#} could not be read");
                paragraph(&mut text, &escaped(&format!("{action}: {message}")), 4, width);
            }
            Found::Ambiguous { ids } => {
                let _ = writeln!(text, "{UNKNOWN}?{UNKNOWN:#} {BOLD}{header}{BOLD:#} fits several live resources");
                paragraph(&mut text, &escaped(&ids.join(", ")), 4, width);
            }
            Found::Live(live) => {
                let _ = writeln!(text, "{ADD}={ADD:#} {BOLD}{header}{BOLD:#}, {}", owner(&live.owner));
                live_fields(&mut text, address, live, width);
            }
        }
    }
    text
}

/// Says who owns a resource.
fn owner(owner: &Owner) -> String {
    match owner {
        Owner::Ours(_) => "this stack's".to_owned(),
        Owner::Parent => "its parent's".to_owned(),
        Owner::Stack(stack) => format!("stack {}'s", escaped(stack)),
        Owner::CloudFormation(stack) => format!("CloudFormation stack {}'s", escaped(stack)),
        Owner::Aws => "AWS's own".to_owned(),
        Owner::Nobody => "nobody's".to_owned(),
    }
}

/// Writes the ids and fields of a live resource, the fields in the order of the kind's table.
fn live_fields(text: &mut String, address: &Address, live: &Live, width: usize) {
    let mut lines: Vec<Line> = live
        .ids
        .iter()
        .map(|(name, id)| Line { sign: "", style: DIM, path: escaped(name), value: Shown::Beside(escaped(id)) })
        .collect();
    let table = kinds::of(address.kind()).fields();
    for field in table {
        let Some(value) = live.fields.get(field.name) else { continue };
        live_lines(&mut lines, field.name, &field.shape, value);
    }
    write_lines(text, lines, true, width);
}

/// Makes the lines of one live value by its shape.
fn live_lines(lines: &mut Vec<Line>, path: &str, shape: &Shape, value: &Value) {
    let nothing = Value::Null;
    let display = match shape {
        Shape::Scalar | Shape::Tags => Display::Value,
        Shape::Hidden => {
            live_lines(lines, path, &Shape::Scalar, &Value::from(hidden::SHOWN));
            return;
        }
        Shape::Document => Display::Document,
        Shape::Set => Display::Set,
        Shape::Map(inner) => {
            for (name, value) in value.as_object().into_iter().flatten() {
                live_lines(lines, &format!("{path}.{name}"), inner, value);
            }
            return;
        }
        Shape::Record(fields) => {
            for field in *fields {
                if let Some(value) = value.get(field.name) {
                    live_lines(lines, &format!("{path}.{}", field.name), &field.shape, value);
                }
            }
            return;
        }
    };
    let value = match display {
        Display::Set => Shown::Below(value.as_array().into_iter().flatten().map(bare).collect()),
        Display::Document => Shown::Below(document_lines(&nothing, value, true)),
        Display::Value => {
            let field = FieldChange {
                path: path.to_owned(),
                display,
                before: nothing,
                after: value.clone(),
                replaces: false,
                cause: None,
            };
            field_lines(lines, &field, true);
            return;
        }
    };
    lines.push(Line { sign: "", style: DIM, path: escaped(path), value });
}
