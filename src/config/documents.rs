//! Policy documents of a file: read from tables, strings or files beside the configuration, with `${account_id}`,
//! `${region}` and `${partition}` expanded, in canonical form.

use serde_json::Value;

use crate::model::Severity;
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

mod faults;
mod placeholders;
mod written;

use faults::all_faults;
use placeholders::{PLACEHOLDERS, expand};
use written::Written;

/// A document in canonical form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    pub(crate) value: Value,
    /// Characters as AWS counts them.
    pub(crate) size: usize,
}

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

    /// Reads the policy of a vault. An empty table means that there is none.
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
        // A document that is missing, or has a fault of its own, has been reported.
        if entry.place(keys) == Place::NOWHERE {
            return None;
        }
        if !self.check_form(entry, keys, source) {
            return None;
        }
        let (written, text) = match source {
            DocumentSource::Table(table) => {
                let written = Written::Table(entry.node.at(keys)?);
                (written, Ok(Value::Object(table.clone())))
            }
            DocumentSource::Text(text) => {
                (Written::Text { place: entry.place(keys), text: text.clone() }, policy::read(text))
            }
            DocumentSource::File(path) => self.policy_file(entry, keys, path)?,
        };
        let mut value = match text {
            Ok(value) => value,
            Err(failed) => {
                self.report_policy(entry, &written, &failed);
                return None;
            }
        };
        let unknown = expand(&mut value, &self.scope.clone());
        self.report_placeholders(entry, &written, &unknown);
        let mut fits = self.check_use(entry, &written, &value, used);
        // The text that a misspelt placeholder stands for is not known, so that the grammar cannot be checked.
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

    /// Reads the policy file that a document names.
    fn policy_file<T>(
        &mut self,
        entry: &Entry<'_, T>,
        keys: &[&str],
        path: &str,
    ) -> Option<(Written<'static>, Result<Value, PolicyError>)> {
        let path_keys = [keys, &["file"]].concat();
        let text = self.document_file(entry, &entry.place(&path_keys), path)?;
        let read = policy::read(&text);
        let name = format!("{}{path}", self.documents.prefix);
        if !foreign::is_policy(&text, read.as_ref().ok()) {
            let at = read.err().and_then(|failed| failed.position.map(|position| position.start)).unwrap_or_default();
            let file = self.problems.sources.add_hidden(&name, text);
            let message = format!("the policy file `{}` of `{}` is no policy", safe(path), entry.address);
            let diagnostic = entry.error("VSS0501", message).help("a policy is JSON with a `Statement`");
            self.report(&Place { file, start: at, end: at }, diagnostic);
            return None;
        }
        let file = self.problems.sources.add(&name, text.clone());
        let place = Place { file, start: 0, end: text.len() };
        Some((Written::Text { place, text }, read))
    }

    fn report_placeholders<T>(&mut self, entry: &Entry<'_, T>, written: &Written<'_>, unknown: &[(String, String)]) {
        for (word, string) in unknown {
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
    }

    /// Checks that a table is either a document or names a file, and that a text does not name a file.
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
