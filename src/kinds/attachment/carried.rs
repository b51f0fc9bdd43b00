//! What is read of an attachment beside its fields.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is read of an attachment beside its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AttachmentCarried {
    /// The instances that it means: running or stopped ones.
    pub instances: Vec<String>,
    /// The associations of those that carry a profile, by instance.
    pub associations: BTreeMap<String, On>,
    /// The instances that it names and that are not there; of an entry only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Vec<String>>,
    /// The instances that another entry means with another profile, and that entry; of an entry only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contested: Option<Vec<(String, String)>>,
    /// The instances that its targets nearly mean, by their titles, each with the wanted and the found tag; of an entry
    /// only. What a plan is made of does not depend on them.
    #[serde(skip)]
    pub near: BTreeMap<String, (String, String)>,
    /// No entry put the profile there: it is one of the stack's on an instance that no entry means.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unclaimed: bool,
}

/// An association of an instance with a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct On {
    /// Its id.
    pub association_id: String,
    /// The profile is one of this stack's.
    pub is_own: bool,
    /// The instance is stopped: EC2 does not replace its association.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_stopped: bool,
}

impl AttachmentCarried {
    /// Tells whether an instance carries a profile of this stack's.
    pub fn is_own(&self, instance: &str) -> bool {
        self.associations.get(instance).is_some_and(|on| on.is_own)
    }
}
