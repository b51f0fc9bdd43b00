//! What the file says about a selection of a backup plan, and its normal form.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::Fields;
use crate::kind::form::Form;
use crate::kind::values::{OneOrMany, common};

/// A selection: what a plan backs up, and the role that does it. AWS has no call that changes one.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SelectionSpec {
    /// The selection's name in AWS; the table key unless said.
    pub name: Option<String>,
    /// The role that AWS Backup assumes: a `role` of this file, or the ARN of one that is not in it.
    pub role: String,
    /// What is backed up.
    #[serde(rename = "match")]
    pub matching: MatchSpec,
    /// Takes over a live selection of the same name that has no owner.
    pub adopt: Option<bool>,
    /// Never deletes or replaces it.
    pub protect: Option<bool>,
    /// The table key that this entry had before; the AWS name stays the one that it gave, unless `name` says another.
    pub renamed_from: Option<String>,
}

common!(SelectionSpec, untagged);

/// What a selection takes: resources by ARN, narrowed by `all`, `like`, `not_equals` and `not_like`, and whatever
/// carries a tag of `any`, without `not_arns`. Where a narrowing tag is given and no ARN, the ARN is that of all EC2
/// instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MatchSpec {
    /// AND: tags that a resource must have.
    pub all: Option<BTreeMap<String, OneOrMany>>,
    /// OR: one of these tags is enough, for resources of every type that AWS Backup covers, volumes and databases too.
    pub any: Option<BTreeMap<String, OneOrMany>>,
    /// AND: tags whose value must fit a pattern with `*`.
    pub like: Option<BTreeMap<String, OneOrMany>>,
    /// AND: tags that a resource must not have with this value.
    pub not_equals: Option<BTreeMap<String, OneOrMany>>,
    /// AND: tags whose value must not fit a pattern with `*`.
    pub not_like: Option<BTreeMap<String, OneOrMany>>,
    /// OR: ARNs, `*` at the end or as a whole field.
    pub arns: Option<Vec<String>>,
    /// ARNs that are left out.
    pub not_arns: Option<Vec<String>>,
}

/// A selection with references in place. All its fields are declared: the whole selection is desired.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvedSelection {
    /// The role's ARN.
    pub role: String,
    /// `Resources`.
    pub arns: Vec<String>,
    /// The rest, as written.
    pub matching: MatchSpec,
}

/// Writes tags as `key=value`, one for each value.
pub fn pairs(tags: Option<&BTreeMap<String, OneOrMany>>) -> Vec<String> {
    tags.into_iter()
        .flatten()
        .flat_map(|(key, values)| values.0.iter().map(move |value| format!("{key}={value}")))
        .collect()
}

impl ResolvedSelection {
    /// Returns the normal form.
    pub fn normal_form(&self) -> Fields {
        let matching = &self.matching;
        Form::default()
            .text("role", Some(&self.role))
            .set("arns", Some(self.arns.clone()))
            .set("not_arns", Some(matching.not_arns.clone().unwrap_or_default()))
            .set("any", Some(pairs(matching.any.as_ref())))
            .set("all", Some(pairs(matching.all.as_ref())))
            .set("like", Some(pairs(matching.like.as_ref())))
            .set("not_equals", Some(pairs(matching.not_equals.as_ref())))
            .set("not_like", Some(pairs(matching.not_like.as_ref())))
            .fields()
    }
}
