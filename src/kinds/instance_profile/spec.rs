//! What the file says about an instance profile, and its normal form.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::Fields;
use crate::kind::form::Form;
use crate::kind::values::common;

/// An instance profile: what carries a role to an instance. It holds exactly one role.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstanceProfileSpec {
    /// The profile's name in AWS; the table key unless said.
    pub name: Option<String>,
    /// Such as `/service/`; cannot be changed later. `[stack] iam_path` unless said.
    pub path: Option<String>,
    /// The role: a `role` of this file, or the ARN of one that is not in it.
    pub role: String,
    /// Tags, added to `[tags]`.
    pub tags: Option<BTreeMap<String, String>>,
    /// Takes over a live profile of the same name that has no owner.
    pub adopt: Option<bool>,
    /// Never deletes or replaces it.
    pub protect: Option<bool>,
    /// The table key that this entry had before; the AWS name stays the one that it gave, unless `name` says another.
    pub renamed_from: Option<String>,
}

common!(InstanceProfileSpec);

/// A profile with its reference in place; absent fields are not declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResolvedInstanceProfile {
    /// As declared.
    pub path: Option<String>,
    /// The role's name in AWS.
    pub role: Option<String>,
    /// `[tags]` and the entry's own.
    pub tags: Option<BTreeMap<String, String>>,
}

impl ResolvedInstanceProfile {
    /// Returns the normal form.
    pub fn normal_form(self) -> Fields {
        Form::default().text("path", self.path).text("role", self.role).texts("tags", self.tags.as_ref()).fields()
    }
}
