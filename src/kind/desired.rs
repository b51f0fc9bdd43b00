//! What the file says of one resource.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fields, Live, value};
use crate::model::{Address, Location};

/// One resource of the file, resolved: presets, defaults and references are in place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Desired {
    /// Its address.
    pub address: Address,
    /// The AWS name.
    pub name: String,
    /// The declared fields in normal form; a declared empty value (`""`, `[]`, `{}`) means "none".
    pub fields: Fields,
    /// What steers vssctl and lives on no AWS object: `policies_mode`, `minimum_version`, `wait`.
    pub options: Fields,
    /// The resources of the file that must exist before this one.
    pub references: Vec<Address>,
    /// `adopt = true`: take over a live resource of the same name that has no owner.
    pub adopt: bool,
    /// `protect = true`: never delete or replace it.
    pub protect: bool,
    /// `renamed_from`: the address that the live resource still carries in its owner tag.
    pub renamed_from: Option<Address>,
    /// Where the entry stands in the file.
    #[serde(skip)]
    pub location: Option<Location>,
}

impl Desired {
    /// Tells whether one of its fields, tags apart, holds the ARN of a live resource.
    pub fn has_arn_of(&self, live: &Live) -> bool {
        let mut fields = self.fields.iter().filter(|(name, _)| *name != "tags");
        live.ids.get("Arn").is_some_and(|arn| fields.any(|(_, value)| value::holds(value, arn)))
    }
}
