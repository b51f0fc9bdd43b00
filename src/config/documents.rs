//! Policy documents of a file: read from tables, strings or files beside the configuration, with `${account_id}`,
//! `${region}` and `${partition}` expanded, in canonical form.

use cap_std::fs::Dir;
use serde_json::Value;

use crate::model::{Diagnostic, Severity};
use crate::policy::lint::Use;
use crate::policy::{self, PolicyError, PolicyErrorKind};

use super::context::{Context, Entry};
use super::foreign;
use super::grammar;
use super::limits;
use super::problems::safe;
use super::read;
use super::structure::closest;
use super::tree::Node;
use crate::kind::values::DocumentSource;
use crate::model::source::Place;

/// Where policy files may be read from.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    /// The folder of the configuration file.
    pub(crate) folder: Option<Dir>,
    /// Its name as the user wrote it, with a `/` at its end unless it is empty.
    pub(crate) prefix: String,
    read: usize,
}

impl Documents {
    /// Reads files from a folder.
    pub(crate) fn new(folder: Option<Dir>, prefix: String) -> Self {
        Self { folder, prefix, read: 0 }
    }
}

/// A document in canonical form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    pub(crate) value: Value,
    /// Characters as AWS counts them.
    pub(crate) size: usize,
}

const PLACEHOLDERS: [&str; 3] = ["account_id", "region", "partition"];

impl Context<'_> {
    /// Reads the document of a customer managed or inline policy.
    pub(crate) fn identity_document<T>(
        &mut self,
        entry: &Entry<'_, T>,
        keys: &[&str],
        source: &DocumentSource,
    ) -> Option<Document> {
        self.document(entry, keys, source, Use::Identity)
    }

    /// Reads a trust policy.
    pub(crate) fn trust_document<T>(
        &mut self,
        entry: &Entry<'_, T>,
        keys: &[&str],
        source: &DocumentSource,
    ) -> Option<Document> {
        self.document(entry, keys, source, Use::Trust)
    }

    /// Reads the policy of a vault; an empty table is none.
    pub(crate) fn resource_document<T>(
        &mut self,
        entry: &Entry<'_, T>,
        keys: &[&str],
        source: &DocumentSource,
    ) -> Option<Document> {
        match source {
            DocumentSource::Table(table) if table.is_empty() => {
                Some(Document { value: Value::Object(table.clone()), size: 0 })
            }
            DocumentSource::Text(text) if text.is_empty() => {
                Some(Document { value: Value::Object(serde_json::Map::new()), size: 0 })
            }
            _ => self.document(entry, keys, source, Use::Resource),
        }
    }

    fn document<T>(
        &mut self,
        entry: &Entry<'_, T>,
        keys: &[&str],
        source: &DocumentSource,
        used: Use,
    ) -> Option<Document> {
        let place = entry.place(keys);
        if !self.check_form(entry, keys, source) {
            return None;
        }
        let (written, text) = match source {
            DocumentSource::Table(table) => {
                let written = Written::Table(entry.node.at(keys)?);
                (written, Ok(Value::Object(table.clone())))
            }
            DocumentSource::Text(text) => {
                (Written::Text { place: place.clone(), text: text.clone() }, policy::read(text))
            }
            DocumentSource::File(path) => {
                let path_keys = [keys, &["file"]].concat();
                let text = self.document_file(entry, &entry.place(&path_keys), path)?;
                let read = policy::read(&text);
                let name = format!("{}{path}", self.documents.prefix);
                if !foreign::is_policy(&text, read.as_ref().ok()) {
                    let at = read
                        .err()
                        .and_then(|failed| failed.position.map(|position| position.start))
                        .unwrap_or_default();
                    let file = self.problems.sources.add_hidden(&name, text);
                    let message = format!("the policy file `{}` of `{}` is no policy", safe(path), entry.address);
                    let diagnostic = entry.error("VSS0501", message).help("a policy is JSON with a `Statement`");
                    self.report(&Place { file, start: at, end: at }, diagnostic);
                    return None;
                }
                let file = self.problems.sources.add(&name, text.clone());
                let place = Place { file, start: 0, end: text.len() };
                (Written::Text { place, text }, read)
            }
        };
        let mut value = match text {
            Ok(value) => value,
            Err(failed) => {
                self.report_policy(entry, &written, &failed);
                return None;
            }
        };
        let unknown = expand(&mut value, &self.scope.clone());
        for (word, string) in &unknown {
            let place = written.find(self, string, word);
            let diagnostic = entry
                .error("VSS0505", format!("`${{{}}}` is no placeholder", safe(word)))
                .label("neither vssctl's nor IAM's");
            let diagnostic = match closest(word, &PLACEHOLDERS) {
                Some(meant) => diagnostic.help(format!("did you mean `${{{meant}}}`?")),
                None => diagnostic.help("vssctl has `${account_id}`, `${region}` and `${partition}`; IAM's have a `:`"),
            };
            self.report(&place, diagnostic);
        }
        let mut fits = self.check_use(entry, &written, &value, used);
        // What a misspelt placeholder stands for is not known.
        if unknown.is_empty() {
            fits &= self.check_grammar(entry, &written, &value, used);
        }
        match policy::canonical(&value) {
            Ok(canonical) if fits && unknown.is_empty() => {
                let account = self.scope.account_id.clone();
                for lint in policy::lint::lint(&value, used, &account) {
                    let place = written.at_path(self, &lint.path);
                    self.report_lint(entry, &place, &format!("the document of `{}`", entry.address), &lint);
                }
                let size = policy::minified_len(&canonical);
                Some(Document { value: canonical, size })
            }
            Ok(_) => None,
            Err(failed) => {
                for failed in all_faults(&value, failed) {
                    self.report_policy(entry, &written, &failed);
                }
                None
            }
        }
    }

    /// Checks that a table is either a document or the name of a file, and a text no name of a file.
    fn check_form<T>(&mut self, entry: &Entry<'_, T>, keys: &[&str], source: &DocumentSource) -> bool {
        let node = entry.node.at(keys);
        let members = || node.into_iter().flat_map(Node::members);
        match source {
            DocumentSource::File(_) => {
                let beside: Vec<_> = members().filter(|(key, _)| *key != "file").collect();
                for (key, member) in &beside {
                    let message = format!("`file` stands alone, and `{}` is beside it", safe(key));
                    let diagnostic = entry.error("VSS0102", message).label("neither here nor in the file");
                    self.report(&member.key, diagnostic.help("remove it, or write the whole document here"));
                }
                beside.is_empty()
            }
            DocumentSource::Table(table) => {
                if let Some((_, member)) = members().find(|(key, _)| *key == "file") {
                    let diagnostic = entry.error("VSS0103", "`file` must be a string".to_owned());
                    self.report(&member.node.place, diagnostic.label("expected a string"));
                    return false;
                }
                let misspelt = members().find(|(key, _)| table.len() == 1 && closest(key, &["file"]).is_some());
                if let Some((key, member)) = misspelt {
                    let diagnostic = entry.error("VSS0102", format!("a document has no key `{}`", safe(key)));
                    self.report(&member.key, diagnostic.label("unknown key").help("did you mean `file`?"));
                }
                misspelt.is_none()
            }
            DocumentSource::Text(text) => {
                let text = text.trim();
                let is_path =
                    !text.starts_with('{') && !text.contains('\n') && text.to_ascii_lowercase().ends_with(".json");
                if is_path {
                    let diagnostic = entry
                        .error("VSS0501", format!("the document of `{}` is the name of a file", entry.address))
                        .label("not JSON")
                        .help(format!("write `{{ file = \"{}\" }}`", safe(text)));
                    self.report(&entry.place(keys), diagnostic);
                }
                !is_path
            }
        }
    }

    fn document_file<T>(&mut self, entry: &Entry<'_, T>, place: &Place, path: &str) -> Option<String> {
        self.documents.read += 1;
        if self.documents.read > limits::DOCUMENT_FILES {
            let message = format!("the file names more than {} policy files", limits::DOCUMENT_FILES);
            self.report(place, entry.error("VSS0504", message).label("one too many"));
            return None;
        }
        let Some(folder) = &self.documents.folder else {
            let diagnostic = entry
                .error("VSS0502", format!("`{}` cannot be read: the configuration has no folder", safe(path)))
                .label("no folder to look in");
            self.report(place, diagnostic);
            return None;
        };
        match read::beside(folder, path, limits::DOCUMENT_FILE) {
            Ok(text) => Some(text),
            Err(failed) => {
                let code = match failed.kind {
                    read::Kind::Refused => "VSS0502",
                    read::Kind::Unreadable => "VSS0503",
                    read::Kind::TooLarge => "VSS0504",
                    read::Kind::Encoding => "VSS0108",
                };
                let diagnostic = entry
                    .error(code, format!("the policy file `{}` {}", safe(path), failed.message))
                    .label(failed.label);
                self.report(place, diagnostic);
                None
            }
        }
    }

    fn report_policy<T>(&mut self, entry: &Entry<'_, T>, written: &Written<'_>, failed: &PolicyError) {
        let code = match failed.kind {
            PolicyErrorKind::Syntax | PolicyErrorKind::TooDeep => "VSS0501",
            PolicyErrorKind::DuplicateKey => "VSS0511",
            PolicyErrorKind::Character => "VSS0512",
            PolicyErrorKind::TooLarge => "VSS0504",
            PolicyErrorKind::Structure => "VSS0506",
        };
        let place = written.place(self, failed);
        let (problem, address) = (safe(&failed.to_string()), &entry.address);
        let message = if problem.starts_with("the document ") {
            format!("in `{address}`, {problem}")
        } else if failed.path.is_empty() {
            format!("the document of `{address}` {problem}")
        } else {
            format!("in the document of `{address}`, {problem}")
        };
        self.report(&place, entry.error(code, message).label("not a policy document"));
    }

    /// Checks actions, resources, operators and statement ids; tells whether IAM would take them.
    fn check_grammar<T>(&mut self, entry: &Entry<'_, T>, written: &Written<'_>, value: &Value, used: Use) -> bool {
        let partition = (!self.scope.region.is_empty()).then(|| self.scope.partition());
        let found = grammar::check(value, used, partition);
        let fits = found.iter().all(|(_, diagnostic)| diagnostic.severity != Severity::Error);
        for (path, diagnostic) in found {
            let place = written.at_path(self, &path);
            self.report(&place, diagnostic.at(&entry.address));
        }
        fits
    }

    /// Checks that statements name what a policy of this use names.
    fn check_use<T>(&mut self, entry: &Entry<'_, T>, written: &Written<'_>, value: &Value, used: Use) -> bool {
        let statements = match value.get("Statement") {
            Some(Value::Array(statements)) => statements.iter().collect(),
            Some(statement @ Value::Object(_)) => vec![statement],
            _ => Vec::new(),
        };
        let mut fits = true;
        for (index, statement) in statements.iter().enumerate() {
            let has = |name: &str| statement.get(name).is_some() || statement.get(format!("Not{name}")).is_some();
            let (principal, resource) = (has("Principal"), has("Resource"));
            let problem = match used {
                Use::Identity if principal => Some("names a principal, which only trust and vault policies do"),
                Use::Trust if principal && resource => Some("names a resource, which a trust policy does not"),
                Use::Trust | Use::Resource if !principal => Some("names no `Principal`"),
                Use::Identity | Use::Resource if !resource => Some("names no `Resource`"),
                Use::Identity | Use::Trust | Use::Resource => None,
            };
            if let (Some(problem), true) = (problem, statement.is_object()) {
                fits = false;
                let place = written.at_path(self, &format!("Statement[{index}]"));
                let message = format!("statement {} of the document of `{}` {problem}", index + 1, entry.address);
                self.report(&place, entry.error("VSS0513", message).label("not for this use"));
            }
        }
        fits
    }
}

/// Finds the faults of every statement, where the document has several: each that is found is mended, for the next one to show.
fn all_faults(document: &Value, first: PolicyError) -> Vec<PolicyError> {
    let statements = match document.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(statement @ Value::Object(_)) => std::slice::from_ref(statement),
        _ => return vec![first],
    };
    let mut faults = Vec::new();
    if !first.path.starts_with("Statement") {
        faults.push(first.clone());
    }
    for (index, statement) in statements.iter().enumerate() {
        let mut statement = statement.clone();
        // A statement has nine elements.
        for _ in 0..10 {
            let alone = serde_json::json!({ "Version": "2012-10-17", "Statement": [statement.clone()] });
            let Err(mut failed) = policy::canonical(&alone) else { break };
            let element = failed.path.strip_prefix("Statement[0].").and_then(|path| path.split(['.', '[']).next());
            let mended = mend(&mut statement, element);
            failed.path = failed.path.replacen("Statement[0]", &format!("Statement[{index}]"), 1);
            faults.push(failed);
            if !mended {
                break;
            }
        }
    }
    if faults.is_empty() { vec![first] } else { faults }
}

/// Takes a fault out of a statement, be it in an element or in the statement itself; tells whether it could.
fn mend(statement: &mut Value, element: Option<&str>) -> bool {
    let Some(members) = statement.as_object_mut() else { return false };
    match element {
        Some("Effect") => {
            members.insert("Effect".to_owned(), Value::from("Allow"));
        }
        Some(element @ ("Action" | "NotAction")) => {
            members.insert(element.to_owned(), Value::from("*"));
        }
        Some(element) => return members.remove(element).is_some(),
        None => {
            let unknown = members.keys().find(|key| !policy::ELEMENTS.contains(&key.as_str())).cloned();
            if let Some(unknown) = unknown {
                members.remove(&unknown);
            } else if !members.contains_key("Effect") {
                members.insert("Effect".to_owned(), Value::from("Allow"));
            } else if let Some(both) = ["Principal", "Action", "Resource"]
                .iter()
                .find(|name| members.contains_key(**name) && members.contains_key(&format!("Not{name}")))
            {
                members.remove(&format!("Not{both}"));
            } else if !members.contains_key("Action") && !members.contains_key("NotAction") {
                members.insert("Action".to_owned(), Value::from("*"));
            } else {
                return false;
            }
        }
    }
    true
}

/// Where a document is written, for the places of its problems.
enum Written<'a> {
    Table(&'a Node),
    Text { place: Place, text: String },
}

impl Written<'_> {
    fn place(&self, context: &Context<'_>, failed: &PolicyError) -> Place {
        match (self, &failed.position) {
            (Self::Table(_), _) | (Self::Text { .. }, None) => self.at_path(context, &failed.path),
            (Self::Text { place, text }, Some(position)) => {
                context.within(place, text, &(position.start..position.end))
            }
        }
    }

    /// Follows a path such as `Statement[1].Action`.
    fn at_path(&self, context: &Context<'_>, path: &str) -> Place {
        match self {
            Self::Table(node) => {
                let mut node: &Node = node;
                for step in path.split(['.', '[', ']']).filter(|step| !step.is_empty()) {
                    match node.at(&[step]) {
                        Some(next) => node = next,
                        // One statement may stand without its list: the index names nothing of its own.
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
    fn find(&self, context: &Context<'_>, string: &str, word: &str) -> Place {
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
    use super::tree::Tree;
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

/// Expands placeholders in all strings and keys; returns unknown ones with the string that holds them.
fn expand(value: &mut Value, scope: &crate::model::Scope) -> Vec<(String, String)> {
    match value {
        Value::String(text) => {
            let (expanded, unknown) = expand_text(text, scope);
            let held = unknown.into_iter().map(|word| (word, text.clone())).collect();
            *text = expanded;
            held
        }
        Value::Array(items) => items.iter_mut().flat_map(|item| expand(item, scope)).collect(),
        Value::Object(members) => {
            let mut unknown = Vec::new();
            *members = std::mem::take(members)
                .into_iter()
                .map(|(key, mut value)| {
                    let (expanded, words) = expand_text(&key, scope);
                    unknown.extend(words.into_iter().map(|word| (word, key.clone())));
                    unknown.extend(expand(&mut value, scope));
                    (expanded, value)
                })
                .collect();
            unknown
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// IAM's own policy variables have a `:` in their names, or are one of `${*}`, `${?}` and `${$}`: they stay.
fn expand_text(text: &str, scope: &crate::model::Scope) -> (String, Vec<String>) {
    let mut expanded = String::with_capacity(text.len());
    let mut unknown = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, marked) = rest.split_at(start);
        expanded.push_str(before);
        let Some(end) = marked.find('}') else {
            rest = marked;
            break;
        };
        let word = &marked[2..end];
        match word {
            "account_id" => expanded.push_str(&scope.account_id),
            "region" => expanded.push_str(&scope.region),
            "partition" => expanded.push_str(scope.partition()),
            _ => {
                if !word.contains(':') && !matches!(word, "*" | "?" | "$") {
                    unknown.push(word.to_owned());
                }
                expanded.push_str(&marked[..=end]);
            }
        }
        rest = &marked[end + 1..];
    }
    expanded.push_str(rest);
    (expanded, unknown)
}

/// Reports a file that cannot be a configuration.
pub(crate) fn unreadable(failed: &read::ReadError, name: &str) -> Diagnostic {
    let code = match failed.kind {
        read::Kind::Refused | read::Kind::Unreadable => "VSS0106",
        read::Kind::TooLarge => "VSS0107",
        read::Kind::Encoding => "VSS0108",
    };
    let diagnostic = Diagnostic::error(code, format!("`{}` {}", safe(name), failed.message)).label(failed.label);
    match &failed.help {
        Some(help) => diagnostic.help(help.clone()),
        None => diagnostic,
    }
}
