//! The address of one resource in the file: `role.EC2RoleforSSMVSSSnapshotV2`, `selection.daily.windows`,
//! `region_settings`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::kind_id::KindId;

/// Names one resource of the file by its kind and the key of its table.
///
/// Written `KIND.KEY`, or `KIND` alone for the kinds that exist once. The key of a selection is `PLAN.NAME`.
/// Keys are `[A-Za-z0-9_-]+`, so that no shell needs quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Address {
    kind: KindId,
    key: String,
}

impl Address {
    /// Makes the address of `key` in `kind`; an empty key names a kind that exists once.
    pub fn new(kind: KindId, key: impl Into<String>) -> Self {
        Self { kind, key: key.into() }
    }

    /// Returns the kind.
    pub fn kind(&self) -> KindId {
        self.kind
    }

    /// Returns the part after the kind, such as `daily.windows`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the last segment of the key: the name that a selection has within its plan.
    pub fn last(&self) -> &str {
        self.key.rsplit('.').next().unwrap_or(&self.key)
    }

    /// Returns the key without its last segment: the plan of a selection.
    pub fn parent_key(&self) -> Option<&str> {
        self.key.rsplit_once('.').map(|(parent, _)| parent)
    }
}

impl schemars::JsonSchema for Address {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "`KIND.KEY`, such as `role.app` or `selection.daily.windows`; \
                            `KIND` alone for what exists once.",
            "type": "string"
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() {
            formatter.write_str(self.kind.name())
        } else {
            write!(formatter, "{}.{}", self.kind, self.key)
        }
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

/// Reports a text that is no address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not an address")]
pub struct AddressError(pub String);

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = |segment: &str| {
            !segment.is_empty()
                && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        };
        if !text.split('.').all(valid) {
            return Err(AddressError(text.to_owned()));
        }
        let (kind, key) = text.split_once('.').unwrap_or((text, ""));
        let kind = KindId::find(kind).ok_or_else(|| AddressError(text.to_owned()))?;
        Ok(Self::new(kind, key))
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_is_written() {
        for text in ["role.EC2RoleforSSMVSSSnapshotV2", "selection.daily.windows", "region_settings"] {
            assert_eq!(text.parse::<Address>().map(|address| address.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn a_text_that_a_shell_would_split_is_no_address() {
        for text in ["", "role.", ".x", "widget.x", "role.a b", "role.a*", "role..a", "role.ä"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_selection_knows_its_plan() {
        let address = Address::new(KindId::Selection, "daily.windows");
        assert_eq!((address.parent_key(), address.last()), (Some("daily"), "windows"));
    }
}
