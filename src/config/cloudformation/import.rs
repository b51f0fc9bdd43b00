//! From a template to the text of a file.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::account::account;
use super::block::Block;
use super::document::{self, Broken, Key, Node};
use super::evaluate::Evaluator;
use super::expand::{EXTENSIONS, expand, transforms};
use super::findings::findings;
use super::package;
use super::round::Round;
use super::solved::{Content, Solved};
use super::spot::{Gap, Spot};
use super::template::{Given, Keys, Resource};
use super::types::{NOTHING, Sort, Type, Weight};
use super::write::{File, Head, file, said};
use crate::config::structure::closest;
use crate::model::safe::escaped;
use crate::model::source::{Place, Sources};
use crate::model::{Diagnostic, Diagnostics, KindId, Scope, Severity};

/// The result of reading a template.
#[derive(Debug)]
pub struct Imported {
    /// The file; none where the template could not be read or has nothing for it.
    pub text: Option<String>,
    /// Problems, in the order of their places.
    pub diagnostics: Diagnostics,
    /// Whether the file is valid and has all that the template makes.
    pub is_complete: bool,
    /// The template, for underlining.
    pub sources: Sources,
}

/// The sections that are read, or named in a message of their own.
const READ: [&str; 9] = [
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Globals",
    "Mappings",
    "Outputs",
    "Parameters",
    "Resources",
    "Transform",
];

/// What is said of no gap: a branch that the template's own values decide against, a value that is taken as written.
const NO_GAPS: [&str; 2] = ["VSS1108", "VSS1113"];

/// Reads a template; `name` is what people call it.
pub fn import(name: &str, template: &str, scope: &Scope, given: &Given) -> Imported {
    let template = template.strip_prefix('\u{feff}').unwrap_or(template);
    let mut sources = Sources::default();
    let read = document::read(template);
    let is_template = match &read {
        Ok(root) => root.get("Resources").is_some() || root.get("AWSTemplateFormatVersion").is_some(),
        Err(_) => ["Resources", "AWSTemplateFormatVersion"].iter().any(|key| begins_a_line(template, key)),
    };
    // Nothing is shown of a file that is no template: it may be a file that nobody meant to show.
    let number = if is_template {
        sources.add(name, template.to_owned())
    } else {
        sources.add_hidden(name, template.to_owned())
    };
    let place = |at: &Range<usize>| {
        let location = sources.locate(&Place::new(number, at.clone()));
        format!("{}:{}:{}", escaped(name), location.line, location.column)
    };
    let Taken { text, said } = match read {
        Ok(root) => taken(name, &expand(root, given), scope, given, &place),
        Err(Broken { message, at }) => {
            let message = if is_template { message } else { "is neither YAML nor JSON".to_owned() };
            let diagnostic = Diagnostic::error("VSS1101", format!("the template {message}"));
            let help = "it is read as YAML with CloudFormation's short forms, or as JSON";
            Taken { text: None, said: vec![(at, diagnostic.help(help))] }
        }
    };
    let mut diagnostics = Diagnostics::default();
    for (at, diagnostic) in said {
        let location = sources.locate(&Place::new(number, at));
        diagnostics.push(diagnostic.located(Some(location)));
    }
    diagnostics.sort();
    // A warning of `validate` is no gap; one of the importer is, unless it says that nothing is lost.
    let is_gap = |one: &Diagnostic| {
        one.severity == Severity::Error || (one.code.starts_with("VSS11") && !NO_GAPS.contains(&one.code))
    };
    let is_complete = !diagnostics.iter().any(is_gap);
    Imported { text, diagnostics, is_complete, sources }
}

/// Tells whether a line of the template begins with a key, as far as blanks, braces and quotes go.
fn begins_a_line(template: &str, key: &str) -> bool {
    let begins = |line: &str| line.trim_start_matches([' ', '\t', '{', '"']).starts_with(key);
    template.lines().any(begins)
}

/// What became of a template.
struct Taken {
    text: Option<String>,
    said: Vec<(Range<usize>, Diagnostic)>,
}

impl Taken {
    fn nothing(at: &Node, diagnostic: Diagnostic) -> Self {
        Self { text: None, said: vec![(at.at.start..at.at.start, diagnostic)] }
    }
}

fn taken(name: &str, root: &Node, scope: &Scope, given: &Given, place: &dyn Fn(&Range<usize>) -> String) -> Taken {
    let Some(listed) = root.get("Resources").filter(|resources| !resources.entries().is_empty()) else {
        let diagnostic = Diagnostic::error("VSS1101", "the template has no `Resources`".to_owned());
        return Taken::nothing(root, diagnostic.help("name a CloudFormation template"));
    };
    let mut evaluator = Evaluator::new(root, scope, given);
    let mut said = parameters(root, given);
    if !said.is_empty() {
        return Taken { text: None, said };
    }
    said.extend(whole_template(root));
    let mut refused = gather(&mut evaluator, listed, &mut said);
    let properties: BTreeMap<&str, Solved> = evaluator
        .resources
        .values()
        .map(|resource| {
            let none = || Solved::new(Content::Map(Vec::new()), resource.node);
            (resource.id, resource.properties.map_or_else(none, |properties| evaluator.solve(properties)))
        })
        .collect();
    said.extend(collisions(&evaluator, &mut refused));
    let keys = keys(&evaluator, &properties);
    let (blocks, by_hand, said_of_blocks) = rounds(&evaluator, &keys, &properties, &refused);
    if blocks.is_empty() && by_hand.is_empty() {
        let message = "the template has nothing that the file could declare".to_owned();
        let help = "it takes roles, instance profiles, policies, associations of AWS-ConfigureAWSPackage, vaults, \
                    backup plans and selections, and restore testing plans";
        said.push((listed.at.start..listed.at.start, Diagnostic::error("VSS1105", message).help(help)));
        return Taken { text: None, said };
    }
    said.extend(said_of_blocks);
    let mut blocks = blocks;
    for resource in evaluator.resources.values() {
        said.extend(accounted(scope, resource, &properties[resource.id], &mut blocks));
    }
    let head = head(name, root, &evaluator);
    let file = file(&head, &evaluator, &blocks, &by_hand, place);
    said.extend(gaps(&blocks, &by_hand, &properties));
    said.extend(findings(&file, &blocks));
    let File { text, .. } = file;
    Taken { text: Some(text), said }
}

fn head<'a>(name: &'a str, root: &'a Node, evaluator: &Evaluator<'a>) -> Head<'a> {
    let outputs = root.get("Outputs").map(Node::entries).unwrap_or_default();
    let nothing = evaluator.foreign.iter().filter(|(_, (sort, _))| NOTHING.contains(sort));
    Head {
        name,
        description: root.get("Description").and_then(Node::text),
        outputs: outputs.iter().map(|(key, node)| (key.text.as_str(), node)).collect(),
        sections: root.entries().iter().map(|(key, _)| key.text.as_str()).filter(|key| !READ.contains(key)).collect(),
        nothing: nothing.map(|(id, _)| *id).collect(),
    }
}

/// Checks the values that a person gives for parameters.
fn parameters(root: &Node, given: &Given) -> Vec<(Range<usize>, Diagnostic)> {
    let parameters = root.get("Parameters");
    let known: Vec<&str> =
        parameters.map(Node::entries).unwrap_or_default().iter().map(|(key, _)| key.text.as_str()).collect();
    let mut said = Vec::new();
    for (name, value) in &given.parameters {
        let Some(parameter) = parameters.and_then(|parameters| parameters.get(name)) else {
            let message = format!("the template has no parameter `{}`", escaped(name));
            let diagnostic = Diagnostic::error("VSS1110", message);
            let diagnostic = match closest(name, &known) {
                Some(meant) => diagnostic.help(format!("did you mean `{}`?", escaped(meant))),
                None => diagnostic.help("`--parameter NAME=VALUE` gives the value of one that it has"),
            };
            said.push((root.at.start..root.at.start, diagnostic));
            continue;
        };
        let allowed = parameter.get("AllowedValues").map(Node::items).unwrap_or_default();
        if !allowed.is_empty() && !allowed.iter().any(|one| one.text() == Some(value)) {
            let message = format!("`{}` is no allowed value of the parameter `{}`", escaped(value), escaped(name));
            let at = parameter.get("AllowedValues").map_or(0..0, |allowed| allowed.at.clone());
            said.push((at, Diagnostic::error("VSS1110", message).label("these are allowed")));
        }
    }
    said
}

/// Says what changes the template as a whole, and is not seen here.
fn whole_template(root: &Node) -> Vec<(Range<usize>, Diagnostic)> {
    let mut said = Vec::new();
    for (name, node) in transforms(root).into_iter().filter(|(name, _)| *name != EXTENSIONS) {
        let message = format!("the transform `{}` is not carried out", escaped(name));
        let diagnostic = Diagnostic::warning("VSS1109", message).label("what it makes or changes is not seen");
        said.push((node.at.clone(), diagnostic.help("`aws cloudformation get-template` has the processed template")));
    }
    if let Some((key, _)) = root.entries().iter().find(|(key, _)| key.text == "Globals") {
        let message = "`Globals` are not taken over".to_owned();
        let diagnostic = Diagnostic::warning("VSS1109", message).label("for resources of AWS SAM");
        said.push((key.at.clone(), diagnostic));
    }
    said
}

/// Finds the resources: those that are taken over, and the types of all others. Returns those whose condition is open.
fn gather<'a>(
    evaluator: &mut Evaluator<'a>,
    listed: &'a Node,
    said: &mut Vec<(Range<usize>, Diagnostic)>,
) -> BTreeMap<String, Gap> {
    let mut refused = BTreeMap::new();
    for (key, node) in listed.entries() {
        let id = key.text.as_str();
        let written = node.get("Type").and_then(Node::text).unwrap_or_default();
        let condition = node.get("Condition");
        let holds = condition.map_or(Ok(true), |at| evaluator.holds(at.text().unwrap_or_default(), at));
        if holds == Ok(false) {
            let condition = condition.and_then(Node::text).unwrap_or_default();
            let message =
                format!("`{}` is not made: its condition `{}` does not hold", escaped(id), escaped(condition));
            said.push((key.at.clone(), Diagnostic::warning("VSS1108", message).label("not taken over")));
            evaluator.unmade.insert(id);
            continue;
        }
        let Some(of) = Type::find(written) else {
            evaluator.foreign.insert(id, (written, node));
            said.extend(foreign(key, node, written));
            continue;
        };
        if let Err(open) = holds {
            let gap = Gap { path: "Condition".to_owned(), why: open.why, at: key.at.clone(), is_wrong: open.is_wrong };
            refused.insert(id.to_owned(), gap);
        }
        let properties = node.get("Properties");
        let resource = Resource { id, sort: of.sort, of, at: key.at.clone(), node, properties };
        evaluator.resources.insert(id, resource);
    }
    refused
}

/// Names a resource that the file has no kind for.
fn foreign(key: &Key, node: &Node, written: &str) -> Option<(Range<usize>, Diagnostic)> {
    if NOTHING.contains(&written) {
        return None;
    }
    let id = escaped(&key.text);
    let message = match written {
        "" => format!("`{id}` is left out: it has no `Type`"),
        sort => format!("`{id}` is left out: the file has no kind for `{}`", escaped(sort)),
    };
    let at = node.get("Type").map_or_else(|| key.at.clone(), |sort| sort.at.clone());
    Some((at, Diagnostic::warning("VSS1103", message).label("left out")))
}

/// Finds resources of one kind with one name: only one of them could be the entry of that name.
fn collisions(evaluator: &Evaluator<'_>, refused: &mut BTreeMap<String, Gap>) -> Vec<(Range<usize>, Diagnostic)> {
    let mut said = Vec::new();
    let mut names: BTreeMap<(&str, String), &Resource<'_>> = BTreeMap::new();
    let mut resources: Vec<_> = evaluator.resources.values().filter(|resource| resource.sort.is_entry()).collect();
    resources.sort_by_key(|resource| resource.at.start);
    for resource in resources {
        let Some(Ok(name)) = evaluator.given_name(resource.id) else { continue };
        // Whether a resource is made whose condition is open, nobody knows.
        if refused.contains_key(resource.id) {
            continue;
        }
        let is_iam = matches!(resource.of.kind, KindId::Role | KindId::Policy | KindId::InstanceProfile);
        let form = if is_iam { name.to_ascii_lowercase() } else { name.clone() };
        let Some(first) = names.insert((resource.of.kind.name(), form), resource) else { continue };
        let (one, other) = (escaped(first.id), escaped(resource.id));
        let message = format!("`{one}` and `{other}` have the same name, `{}`", escaped(&name));
        let help = "say by `--parameter` which condition holds, or give one of them another name";
        said.push((resource.at.clone(), Diagnostic::error("VSS1106", message).label("once more").help(help)));
        for (own, rival) in [(first, resource), (resource, first)] {
            let why = format!("has the name `{}`, as `{}` has", escaped(&name), escaped(rival.id));
            let path = own.of.named_by.join("/");
            let gap = Gap { path, why, at: own.at.clone(), is_wrong: true };
            refused.entry(own.id.to_owned()).or_insert(gap);
        }
    }
    said
}

/// Gives each entry its key, in the order of the template.
fn keys(evaluator: &Evaluator<'_>, properties: &BTreeMap<&str, Solved>) -> Keys {
    let mut keys = Keys::default();
    let mut resources: Vec<_> = evaluator.resources.values().filter(|resource| resource.sort.is_entry()).collect();
    resources.sort_by_key(|resource| resource.at.start);
    for resource in resources {
        let id = resource.id;
        let name = if resource.sort == Sort::Association {
            package::key(&Spot::of(&properties[id]), id)
        } else {
            evaluator.name(id).unwrap_or_else(|_| id.to_owned())
        };
        keys.give(resource.of.kind.name(), id, &name);
    }
    keys
}

type Made = (Vec<Block>, Vec<(String, Gap)>, Vec<(Range<usize>, Diagnostic)>);

/// Makes the entries, again and again until no more of them fall out.
fn rounds(
    evaluator: &Evaluator<'_>,
    keys: &Keys,
    properties: &BTreeMap<&str, Solved>,
    refused: &BTreeMap<String, Gap>,
) -> Made {
    let mut out = BTreeSet::new();
    loop {
        let mut round =
            Round { evaluator, keys, properties, refused, out: &out, said: Vec::new(), by_hand: Vec::new() };
        let blocks = round.blocks();
        let (said, by_hand) = (round.said, round.by_hand);
        let found: BTreeSet<String> =
            blocks.iter().filter(|block| block.is_out()).map(|block| block.id().to_owned()).collect();
        if found.is_subset(&out) {
            return (blocks, by_hand, said);
        }
        out.extend(found);
    }
}

/// Names what was not read of a resource, and notes above its entry what is the same as nothing.
fn accounted(
    scope: &Scope,
    resource: &Resource<'_>,
    properties: &Solved,
    blocks: &mut [Block],
) -> Vec<(Range<usize>, Diagnostic)> {
    let account = account(scope, resource, properties);
    let block = blocks.iter_mut().find(|block| block.from.iter().any(|(id, _)| id == resource.id));
    if let Some(block) = block {
        block.silent.extend(account.nothing.into_iter().map(|path| (resource.id.to_owned(), path)));
        if let Some(condition) = resource.node.get("Condition").and_then(Node::text) {
            let id = escaped(resource.id);
            block.remarks.insert(0, format!("`{id}` is made under the condition `{}`.", escaped(condition)));
        }
        if !account.of_the_stack.is_empty() {
            let listed = account.of_the_stack.join(", ");
            block.remarks.insert(0, format!("The stack's own, of `{}`: {listed}.", escaped(resource.id)));
        }
    }
    account.said
}

/// Says what is open: each gap, and each entry that stands in the file as a comment only.
fn gaps(
    blocks: &[Block],
    by_hand: &[(String, Gap)],
    properties: &BTreeMap<&str, Solved>,
) -> Vec<(Range<usize>, Diagnostic)> {
    let mut found = Vec::new();
    let code = |gap: &Gap| if gap.is_wrong { "VSS1111" } else { "VSS1102" };
    let label = |gap: &Gap| if gap.is_wrong { "not for the file as it stands" } else { "not in the template" };
    for block in blocks {
        for hole in &block.holes {
            let message = said(&hole.id, &hole.gap);
            let diagnostic = match hole.weight {
                Weight::Entry => Diagnostic::error(code(&hole.gap), message),
                Weight::Line => Diagnostic::warning(code(&hole.gap), message)
                    .help(format!("`{}` stands in the file without it", block.address())),
            };
            found.push((hole.gap.at.clone(), diagnostic.label(label(&hole.gap))));
        }
        if !block.is_out() {
            continue;
        }
        for (id, at) in &block.from {
            let message = format!("`{}` stands in the file as a comment only", escaped(id));
            let mut with = Vec::new();
            properties.get(id.as_str()).into_iter().for_each(|solved| names(solved, 3, &mut with));
            let diagnostic = Diagnostic::warning("VSS1103", message)
                .label(format!("`{}` as long as something is open", block.address()))
                .help("fill in what is marked with `TODO`, and take away the `#` before its lines");
            let diagnostic =
                if with.is_empty() { diagnostic } else { diagnostic.help(format!("with it: {}", with.join(", "))) };
            found.push((at.clone(), diagnostic));
        }
    }
    for (id, gap) in by_hand {
        found.push((gap.at.clone(), Diagnostic::error(code(gap), said(id, gap)).label(label(gap))));
    }
    found
}

/// Collects the names of properties, a few levels down.
fn names(solved: &Solved, levels: usize, found: &mut Vec<String>) {
    match &solved.content {
        Content::Map(entries) if levels > 0 => {
            for (key, value) in entries {
                let name = format!("`{}`", escaped(&key.text));
                if !found.contains(&name) {
                    found.push(name);
                }
                names(value, levels - 1, found);
            }
        }
        Content::List(items) => items.iter().for_each(|item| names(item, levels, found)),
        Content::Map(_) | Content::Nothing | Content::Text(_) | Content::Open(_) => {}
    }
}
