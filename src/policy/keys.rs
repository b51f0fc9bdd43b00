//! The condition keys of a request.

use std::collections::{BTreeMap, BTreeSet};

/// The condition keys of a request, by name in lower case: key names ignore case, the tag key in them included.
///
/// Whoever knows all of a request, as the simulated account does, takes a key that is not here for one that the request
/// does not have (`Policies::decide`). Whoever knows a part of it takes most such keys for unknown (`Policies::judge`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    values: BTreeMap<String, Vec<String>>,
    /// Keys that the request has with their values, or does not have.
    perhaps: BTreeSet<String>,
    /// The beginnings of names of which all are known.
    complete: BTreeSet<&'static str>,
    /// Keys of which nothing is known, whatever is known of most requests.
    unknown: BTreeSet<&'static str>,
}

/// What is known of a key.
pub(super) enum Given<'a> {
    /// The request has it with these values, or does not have it.
    Known(Option<&'a [String]>),
    /// The request has it with these values or does not have it, and it is not known which.
    Perhaps(&'a [String]),
    /// Nothing.
    Unknown,
}

/// The keys that a request of a role has only where its maker says so: its own parameters, and how somebody else signed
/// in or called. Names that end with `/` or `:` stand for all that begin with them. IAM User Guide, "AWS global
/// condition context keys"; Service Authorization Reference.
const ONLY_IF_SAID: [&str; 24] = [
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:chatbotsourcearn",
    "aws:federatedprovider",
    "aws:multifactorauthage",
    "aws:multifactorauthpresent",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:referer",
    "aws:requesttag/",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceidentity",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:tagkeys",
    "aws:username",
    "ec2:createaction",
    "iam:associatedresourcearn",
    "iam:passedtoservice",
    "saml:",
    "sts:",
    "kms:grantisforawsresource",
];

impl Keys {
    /// Adds a key with one value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set(name, [value.into()]);
        self
    }

    /// Sets a key with all its values.
    pub fn set(&mut self, name: &str, values: impl IntoIterator<Item = String>) {
        self.values.insert(name.to_ascii_lowercase(), values.into_iter().collect());
    }

    /// Adds a key with one value that the request may as well not have.
    #[must_use]
    pub fn perhaps(mut self, name: &str, value: impl Into<String>) -> Self {
        self.perhaps.insert(name.to_ascii_lowercase());
        self.with(name, value)
    }

    /// Says that all keys whose lower-case names begin like this are known: another one is not there.
    #[must_use]
    pub fn complete(mut self, prefix: &'static str) -> Self {
        self.complete.insert(prefix);
        self
    }

    /// Says that nothing is known of a key, whose name is in lower case.
    #[must_use]
    pub fn unknown(mut self, name: &'static str) -> Self {
        self.unknown.insert(name);
        self
    }

    /// Adds the keys of others that are not here and not said to be unknown.
    #[must_use]
    pub fn or(mut self, others: &Self) -> Self {
        for (name, values) in &others.values {
            if !self.values.contains_key(name) && !self.unknown.contains(name.as_str()) {
                self.values.insert(name.clone(), values.clone());
                if others.perhaps.contains(name) {
                    self.perhaps.insert(name.clone());
                }
            }
        }
        self.complete.extend(&others.complete);
        self.unknown.extend(&others.unknown);
        self
    }

    /// Returns the values of a key; `None` where the request does not have it.
    pub fn get(&self, name: &str) -> Option<&[String]> {
        self.values.get(&name.to_ascii_lowercase()).map(Vec::as_slice)
    }

    /// Returns what is known of a key where a request is known in part.
    pub(super) fn given(&self, name: &str) -> Given<'_> {
        let name = name.to_ascii_lowercase();
        let is_of = |known: &str| name == known || known.ends_with(['/', ':']) && name.starts_with(known);
        match self.values.get(&name) {
            Some(values) if self.perhaps.contains(&name) => Given::Perhaps(values),
            Some(values) => Given::Known(Some(values)),
            None if self.unknown.contains(name.as_str()) => Given::Unknown,
            None if ONLY_IF_SAID.into_iter().any(is_of) || self.complete.iter().any(|known| is_of(known)) => {
                Given::Known(None)
            }
            None => Given::Unknown,
        }
    }
}
