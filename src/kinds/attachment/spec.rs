//! What the file says about which instances carry an instance profile, and its normal form.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::Fields;
use crate::kind::form::{Form, map, sorted};
use crate::kind::values::{Common, OneOrMany};

/// Which EC2 instances carry an instance profile. An instance carries one at most.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttachmentSpec {
    /// The profile: one of this file (that of a `role` has the role's key), or the ARN of one that is not in it.
    pub instance_profile: String,
    /// Which instances: `tags` or `instance_ids`. Those that are neither running nor stopped are left out.
    pub targets: AttachmentTargets,
    /// Puts the profile in the place of one that is not this stack's. Without it, an instance with such a profile is
    /// refused.
    pub replace: Option<bool>,
    /// Never takes the profile off an instance.
    pub protect: Option<bool>,
}

/// The instances of an attachment: those with all of the tags, or those named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AttachmentTargets {
    /// Tag keys and the values that fit. An instance must have them all.
    pub tags: Option<BTreeMap<String, OneOrMany>>,
    /// Instance ids.
    pub instance_ids: Option<Vec<String>>,
}

// An attachment has no name in AWS and carries no mark: there is nothing to adopt or to rename.
impl Common for AttachmentSpec {
    fn given_name(&self) -> Option<&str> {
        None
    }

    fn adopt(&self) -> bool {
        false
    }

    fn protect(&self) -> bool {
        self.protect.unwrap_or_default()
    }

    fn renamed_from(&self) -> Option<&str> {
        None
    }

    fn own_tags(&self) -> Option<&BTreeMap<String, String>> {
        None
    }
}

impl AttachmentTargets {
    /// Returns the values by target key, as SSM writes them: `tag:KEY`, `InstanceIds`.
    pub fn by_key(&self) -> BTreeMap<String, Vec<String>> {
        let tags = self.tags.iter().flatten().map(|(key, values)| (format!("tag:{key}"), values.0.clone()));
        tags.chain(self.instance_ids.iter().map(|ids| ("InstanceIds".to_owned(), ids.clone()))).collect()
    }
}

/// An attachment with its reference in place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvedAttachment {
    /// The ARN of the profile.
    pub instance_profile: Option<String>,
    /// The targets, as written.
    pub targets: AttachmentTargets,
}

impl ResolvedAttachment {
    /// Returns the normal form. Which instances it means is known when they have been read.
    pub fn normal_form(&self) -> Fields {
        let targets = self.targets.by_key().into_iter().map(|(key, values)| (key, sorted(values)));
        Form::default()
            .text("instance_profile", self.instance_profile.as_ref())
            .value("targets", Some(map(targets)))
            .fields()
    }
}
