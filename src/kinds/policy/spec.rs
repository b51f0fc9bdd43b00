//! What the file says about a customer managed policy, and its normal form.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::kind::Fields;
use crate::kind::form::Form;
use crate::kind::values::{Allowance, DocumentSource, common};

/// A customer managed IAM policy.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// The policy's name in AWS; the table key unless said.
    pub name: Option<String>,
    /// Such as `/service/`; cannot be changed later. `[stack] iam_path` unless said.
    pub path: Option<String>,
    /// At most 1,000 characters; cannot be changed later.
    pub description: Option<String>,
    /// The policy itself, at most 6,144 characters without white space.
    pub document: DocumentSource,
    /// Lints of the entry's documents that are meant, each with the reason.
    pub allow: Option<Vec<Allowance>>,
    /// Tags, added to `[tags]`.
    pub tags: Option<BTreeMap<String, String>>,
    /// Takes over a live policy of the same name that has no owner.
    pub adopt: Option<bool>,
    /// Never deletes or replaces it.
    pub protect: Option<bool>,
    /// The table key that this entry had before; the AWS name stays the one that it gave, unless `name` says another.
    pub renamed_from: Option<String>,
}

common!(PolicySpec);

/// A policy with its document in place; absent fields are not declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResolvedPolicy {
    /// As declared.
    pub path: Option<String>,
    /// As declared.
    pub description: Option<String>,
    /// In canonical form.
    pub document: Option<Value>,
    /// `[tags]` and the entry's own.
    pub tags: Option<BTreeMap<String, String>>,
}

impl ResolvedPolicy {
    /// Returns the normal form.
    pub fn normal_form(self) -> Fields {
        Form::default()
            .text("path", self.path)
            .text("description", self.description)
            .value("document", self.document)
            .texts("tags", self.tags.as_ref())
            .fields()
    }
}
