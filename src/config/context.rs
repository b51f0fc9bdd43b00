//! What the resolvers of the kinds share: the scope, the names of everything in the file, references, and the checks
//! that every kind needs.

use crate::model::KindId;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::de::DeserializeOwned;

use crate::kind::{Desired, Fields};
use crate::kinds;
use crate::model::arn::{Arn, ArnError, looks_like_arn};
use crate::model::{Address, Diagnostic, Hidden, Scope};

use super::folder::Documents;
use super::limits;
use super::problems::{Problems, safe};
use super::structure::closest;
use super::tree::Node;
use crate::kind::values::Common;
use crate::model::source::Place;

/// Tags by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// What is known while one file is resolved.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) scope: Scope,
    pub(crate) problems: Problems<'a>,
    pub(crate) documents: Documents,
    /// `[tags]`.
    pub(crate) tags: Option<Tags>,
    /// Everything that the file names, by kind: entries with errors too, so that references to them are no second
    /// error.
    pub(crate) declared: BTreeMap<KindId, Vec<Declared>>,
    /// Lints that were found and that their entry allows.
    pub(crate) allowed: BTreeSet<(Address, &'static str)>,
    /// The values that nobody is shown.
    pub(crate) hidden: Hidden,
}

/// The name of an entry.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) key: String,
    /// The key that its AWS name is derived from where it gives none: its own, or the one that it had before.
    pub(crate) old_key: String,
    pub(crate) name: String,
    pub(crate) path: Option<String>,
    pub(crate) place: Place,
}

/// One entry, without the values that have structural errors.
#[derive(Debug)]
pub(crate) struct Entry<'a, T> {
    pub(crate) address: Address,
    /// The AWS name.
    pub(crate) name: String,
    /// Where its key stands.
    pub(crate) key: Place,
    pub(crate) node: &'a Node,
    pub(crate) spec: T,
}

impl<T> Entry<'_, T> {
    /// Returns the place of a value of the entry; where there is none, of the key. What has a fault, or is missing
    /// where there is one, has been reported: no place is returned at which anything more could be said of it.
    pub(crate) fn place(&self, path: &[&str]) -> Place {
        let mut node = self.node;
        for (depth, step) in path.iter().enumerate() {
            match node.at(&[step]) {
                Some(next) if next.faulty => return Place::NOWHERE,
                Some(next) => node = next,
                None if depth > 0 && node.has_fault() => return Place::NOWHERE,
                None => return self.key.clone(),
            }
        }
        if !path.is_empty() && node.has_fault() { Place::NOWHERE } else { node.place.clone() }
    }

    /// Returns the place of the entry: the header of its table, or its key in a table of another.
    pub(crate) fn header(&self, problems: &Problems<'_>) -> Place {
        let header = problems.text(&self.node.place).starts_with('[');
        if header { self.node.place.clone() } else { self.key.clone() }
    }

    /// Returns the place of a key of the entry; where there is none, of the entry's own.
    pub(crate) fn key_place(&self, path: &[&str]) -> Place {
        let member = path.split_last().and_then(|(key, above)| self.node.at(above)?.member(key));
        member.map_or_else(|| self.key.clone(), |member| member.key.clone())
    }

    /// Tells whether the entry has a key, be it misspelt.
    pub(crate) fn gives(&self, key: &str) -> bool {
        self.node.members().any(|(own, member)| own == key || member.node.faulty && closest(own, &[key]).is_some())
    }

    /// Starts an error about the entry.
    pub(crate) fn error(&self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(code, message).at(&self.address)
    }

    /// Starts a warning about the entry.
    pub(crate) fn warning(&self, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::warning(code, message).at(&self.address)
    }
}

/// Where a reference leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// To an entry of the file: its address and AWS name.
    Entry(Address, String),
    /// To something else.
    Arn(Arn),
}

impl Context<'_> {
    /// Adds a problem.
    pub(crate) fn report(&mut self, place: &Place, diagnostic: Diagnostic) {
        self.problems.add(place, diagnostic);
    }

    /// Reads the entries of a kind.
    pub(crate) fn entries<'n, T: DeserializeOwned + Common>(
        &mut self,
        table: Option<&'n Node>,
        kind: KindId,
        parent: Option<&str>,
    ) -> Vec<Entry<'n, T>> {
        let mut entries = Vec::new();
        for (key, member) in table.into_iter().flat_map(Node::members) {
            let full_key = parent.map_or_else(|| key.to_owned(), |parent| format!("{parent}.{key}"));
            let address = Address::new(kind, full_key);
            if let Some(entry) = self.entry(&member.node, &member.key, address) {
                entries.push(entry);
            }
        }
        entries
    }

    /// Reads one entry without the values that the structure check found fault with, and with something in the place of
    /// those that it can't do without: each of them has been reported, and the rest is checked. Returns none where too
    /// little is left.
    pub(crate) fn entry<'n, T: DeserializeOwned + Common>(
        &mut self,
        node: &'n Node,
        key: &Place,
        address: Address,
    ) -> Option<Entry<'n, T>> {
        let spec = self.spec::<T>(node, key, &address)?;
        let given = spec.given_name().map(ToOwned::to_owned);
        let name = given.unwrap_or_else(|| kinds::of(address.kind()).default_name(self.old_key(&address)));
        Some(Entry { address, name, key: key.clone(), node, spec })
    }

    /// Returns the key that the AWS name of an entry is derived from where it gives none: its own, or its earlier one.
    pub(crate) fn old_key<'k>(&'k self, address: &'k Address) -> &'k str {
        let mut declared = self.declared.get(&address.kind()).into_iter().flatten();
        let found = declared.find(|declared| declared.key == address.key());
        found.map_or_else(|| address.last(), |declared| &declared.old_key)
    }

    /// Reads the type of an entry from its table.
    pub(crate) fn spec<T: DeserializeOwned>(&mut self, node: &Node, key: &Place, address: &Address) -> Option<T> {
        if node.faulty {
            return None;
        }
        match serde_json::from_value::<T>(node.sound()?) {
            Ok(spec) => Some(spec),
            // A key that is missing now had a fault, which has been reported.
            Err(_) if node.has_fault() => None,
            Err(failed) => {
                let message = format!("`{address}` cannot be read: {}", safe(&failed.to_string()));
                self.report(key, Diagnostic::error("VSS0103", message).at(address).label("in this entry"));
                None
            }
        }
    }

    /// Makes the desired resource of an entry.
    pub(crate) fn desired<T: Common>(&mut self, entry: &Entry<'_, T>, fields: Fields) -> Desired {
        let renamed_from = self.renamed_from(entry);
        Desired {
            address: entry.address.clone(),
            name: entry.name.clone(),
            fields,
            options: Fields::new(),
            references: Vec::new(),
            adopt: entry.spec.adopt(),
            protect: entry.spec.protect(),
            renamed_from,
            location: Some(self.problems.sources.locate(&entry.header(&self.problems))),
        }
    }

    fn renamed_from<T: Common>(&mut self, entry: &Entry<'_, T>) -> Option<Address> {
        let old = entry.spec.renamed_from()?;
        let place = entry.place(&["renamed_from"]);
        let kind = entry.address.kind();
        let prefixed = format!("{kind}.");
        let key = old.strip_prefix(&prefixed).unwrap_or(old);
        let key = match entry.address.parent_key() {
            Some(parent) if !key.contains('.') => format!("{parent}.{key}"),
            _ => key.to_owned(),
        };
        let Ok(address) = format!("{kind}.{key}").parse::<Address>() else {
            let diagnostic =
                entry.error("VSS0307", format!("`{}` was never a key", safe(old))).label("not a table key");
            self.report(&place, diagnostic);
            return None;
        };
        let taken = self.declared.get(&kind).is_some_and(|declared| declared.iter().any(|other| other.key == key));
        if taken {
            let problem = if address == entry.address { "is the entry's own key" } else { "is still in the file" };
            let diagnostic = entry
                .error("VSS0307", format!("`{}` is renamed from `{address}`, which {problem}", entry.address))
                .label("still in use")
                .help("remove `renamed_from`, or the old entry");
            self.report(&place, diagnostic);
            return None;
        }
        Some(address)
    }

    /// Follows a reference: the key or the AWS name of an entry, or an ARN of the wanted service and type.
    pub(crate) fn reference<T>(
        &mut self,
        entry: &Entry<'_, T>,
        keys: &[&str],
        text: &str,
        kind: KindId,
        (service, resource_type): (&str, &str),
    ) -> Option<Target> {
        let place = entry.place(keys);
        if looks_like_arn(text) {
            return match Arn::parse_as(text, service, resource_type) {
                Ok(arn) => Some(Target::Arn(arn)),
                Err(failed) => {
                    self.report_arn(entry, &place, &failed);
                    None
                }
            };
        }
        let declared = self.declared.get(&kind).map(Vec::as_slice).unwrap_or_default();
        let found = declared
            .iter()
            .find(|other| other.key == text)
            .or_else(|| declared.iter().find(|other| other.name == text));
        if let Some(found) = found {
            return Some(Target::Entry(Address::new(kind, found.key.clone()), found.name.clone()));
        }
        let names: Vec<&str> = declared.iter().take(limits::RESOURCES).map(|other| other.key.as_str()).collect();
        let title = kind.name().replace('_', " ");
        let diagnostic = entry
            .error("VSS0301", format!("there is no {title} `{}` in the file", safe(text)))
            .label(format!("no `[{kind}.{}]`", safe(text)));
        let diagnostic = match closest(text, &names) {
            Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
            None if names.is_empty() => diagnostic,
            None if names.len() > 12 => diagnostic.help(format!("in the file: {}, ...", names[..12].join(", "))),
            None => diagnostic.help(format!("in the file: {}", names.join(", "))),
        };
        self.report(&place, diagnostic.help("for one that is not in the file, write its ARN"));
        None
    }

    /// Reports a text that is not an ARN of the wanted service and type.
    pub(crate) fn report_arn<T>(&mut self, entry: &Entry<'_, T>, place: &Place, failed: &ArnError) {
        let message = format!("`{}` {}", safe(&failed.text), safe(&failed.problem));
        self.report(place, entry.error("VSS0302", message).label("not a fitting ARN"));
    }

    /// Checks that an ARN is of the stack's partition and account, and with `same_region` of its region.
    pub(crate) fn check_arn<T>(&mut self, entry: &Entry<'_, T>, place: &Place, arn: &Arn, same_region: bool) -> bool {
        let scope = self.scope.clone();
        let partition = scope.partition();
        if arn.partition != partition && !scope.region.is_empty() {
            let message =
                format!("the ARN is of the partition `{}`, and `{}` is in `{partition}`", arn.partition, scope.region);
            let diagnostic = entry
                .error("VSS0303", message)
                .label("another partition")
                .help(format!("write it with `arn:{partition}:`"));
            self.report(place, diagnostic);
            return false;
        }
        if arn.account != scope.account_id && arn.account != "aws" && !scope.account_id.is_empty() {
            let message =
                format!("the ARN is of account `{}`, and the stack's is `{}`", safe(&arn.account), scope.account_id);
            self.report(place, entry.error("VSS0304", message).label("another account"));
            return false;
        }
        if same_region && arn.region != scope.region && !scope.region.is_empty() {
            let message =
                format!("the ARN is of region `{}`, and the stack's is `{}`", safe(&arn.region), scope.region);
            self.report(place, entry.error("VSS0305", message).label("another region"));
            return false;
        }
        true
    }

    /// Reads a field that holds the ARN of a resource of one type, in the stack's own account and region.
    pub(crate) fn own_arn<T>(
        &mut self,
        entry: &Entry<'_, T>,
        keys: &[&str],
        text: &str,
        check: impl FnOnce(&str) -> Result<Arn, ArnError>,
    ) -> Option<String> {
        let place = entry.place(keys);
        match check(text) {
            Ok(arn) => self.check_arn(entry, &place, &arn, true).then(|| text.to_owned()),
            Err(failed) => {
                self.report_arn(entry, &place, &failed);
                None
            }
        }
    }

    /// Follows a reference to a role and returns its ARN, and its address if it is in the file.
    pub(crate) fn role<T>(
        &mut self,
        entry: &Entry<'_, T>,
        keys: &[&str],
        text: &str,
    ) -> Option<(String, Option<Address>)> {
        match self.reference(entry, keys, text, KindId::Role, ("iam", "role"))? {
            Target::Entry(address, _) => self.iam_arn(KindId::Role, &address, "role").map(|arn| (arn, Some(address))),
            Target::Arn(arn) => {
                let place = entry.place(keys);
                let address = self.own_role(&arn);
                self.check_arn(entry, &place, &arn, false).then(|| (arn.to_string(), address))
            }
        }
    }

    /// Finds the role of the file that an ARN names.
    pub(crate) fn own_role(&self, arn: &Arn) -> Option<Address> {
        let declared = self.declared.get(&KindId::Role)?.iter().filter(|role| role.name == arn.name());
        let mut addresses = declared.map(|role| Address::new(KindId::Role, role.key.clone()));
        addresses
            .find(|address| self.iam_arn(KindId::Role, address, "role").is_some_and(|role| role == arn.to_string()))
    }

    /// Returns the path of an IAM resource: its own, or `[stack] iam_path`. Where there is neither, the file declares
    /// no path, and the live resource may be at any.
    pub(crate) fn iam_path(&self, own: Option<&String>) -> Option<String> {
        own.cloned().or_else(|| (self.scope.iam_path != "/").then(|| self.scope.iam_path.clone()))
    }

    /// Builds the ARN of an IAM resource of the file.
    pub(crate) fn iam_arn(&self, kind: KindId, address: &Address, resource: &str) -> Option<String> {
        let declared = self.declared.get(&kind)?.iter().find(|declared| declared.key == address.key())?;
        let path = declared.path.as_deref().unwrap_or(&self.scope.iam_path);
        Some(self.scope.iam_arn(resource, path, &declared.name))
    }

    /// Returns the place of a part of a text that is written at a place; the whole place where it is written with
    /// escapes.
    pub(crate) fn within(&self, place: &Place, text: &str, range: &Range<usize>) -> Place {
        match self.problems.text(place).find(text) {
            Some(offset) if range.start <= range.end && range.end <= text.len() => {
                let start = place.start + offset;
                Place { file: place.file, start: start + range.start, end: start + range.end }
            }
            _ => place.clone(),
        }
    }
}
