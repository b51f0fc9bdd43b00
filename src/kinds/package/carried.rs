//! What is read of a package beside its fields.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::Unmodelled;

/// What is read of a package beside its fields.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PackageCarried {
    /// Of an association: its parameters, and the members that an update has to send again, as AWS calls them.
    #[serde(flatten)]
    pub association: Map<String, Value>,
    /// Of an association: what an update has to send again and vssctl has no name for.
    #[serde(rename = "Unmodelled", default, skip_serializing_if = "Unmodelled::is_empty")]
    pub unmodelled: Unmodelled,
    /// Of an association: what AWS says of it, in the shape of its requests and without its defaults filled in.
    #[serde(skip)]
    pub whole: Value,
    /// Of an association: members that exclude what each entry declares, so that an update ends them.
    #[serde(skip)]
    pub excluded: Vec<String>,
    /// Of one Run Command: it may still change instances.
    #[serde(skip)]
    pub is_under_way: bool,
    /// Of one Run Command that stands: the instances that it did not reach and that still do not answer, in words.
    #[serde(skip)]
    pub unreached: Vec<String>,
}
