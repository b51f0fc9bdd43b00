//! What the file says about AWS Backup's settings of the region, and its normal form.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::kind::Fields;
use crate::kind::form::{Form, map};

/// AWS Backup's settings of the region. Only the resource types that the file names are compared and changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RegionSettingsSpec {
    /// Whether AWS Backup protects a resource type, such as `EC2 = true`.
    pub resource_type_opt_in: Option<BTreeMap<String, bool>>,
    /// Whether AWS Backup manages a resource type's backups fully, such as `DynamoDB = true`.
    pub resource_type_management: Option<BTreeMap<String, bool>>,
}

impl RegionSettingsSpec {
    /// Returns the normal form.
    pub fn normal_form(&self) -> Fields {
        let flags =
            |flags: &BTreeMap<String, bool>| map(flags.iter().map(|(name, on)| (name.clone(), Value::Bool(*on))));
        Form::default()
            .value("resource_type_opt_in", self.resource_type_opt_in.as_ref().map(flags))
            .value("resource_type_management", self.resource_type_management.as_ref().map(flags))
            .fields()
    }
}
