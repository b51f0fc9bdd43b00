//! The file as a whole: its tables besides the kinds' own. These types are the source of the JSON Schema, and the
//! schema is what the structure of a file is checked against.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kinds::attachment::spec::AttachmentSpec;
use crate::kinds::instance_profile::spec::InstanceProfileSpec;
use crate::kinds::package::spec::PackageSpec;
use crate::kinds::plan::spec::PlanSpec;
use crate::kinds::policy::spec::PolicySpec;
use crate::kinds::region_settings::spec::RegionSettingsSpec;
use crate::kinds::restore_test::spec::RestoreTestSpec;
use crate::kinds::role::spec::RoleSpec;
use crate::kinds::vault::spec::VaultSpec;
use crate::model::KindId;

/// The tables of a file whose members are entries.
pub(crate) const SECTIONS: &[Section] = &[
    section(KindId::Role, "RoleSpec"),
    section(KindId::Policy, "PolicySpec"),
    section(KindId::InstanceProfile, "InstanceProfileSpec"),
    section(KindId::Attachment, "AttachmentSpec"),
    section(KindId::Package, "PackageSpec"),
    section(KindId::Vault, "VaultSpec"),
    Section {
        kind: KindId::Plan,
        definition: "PlanSpec",
        nested: &[("rule", Some("RuleSpec")), ("selection", Some("SelectionSpec"))],
    },
    Section { kind: KindId::RestoreTest, definition: "RestoreTestSpec", nested: &[("selection", None)] },
];

/// A table of a file whose members are entries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section {
    /// The kind of the entries, whose name is the table's.
    pub(crate) kind: KindId,
    /// The name of an entry's definition in the schema.
    pub(crate) definition: &'static str,
    /// The tables within each entry whose members are entries too, with the definition of those for which `[defaults]`
    /// has a table of that name.
    pub(crate) nested: &'static [(&'static str, Option<&'static str>)],
}

impl Section {
    /// Finds the section of a name.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        SECTIONS.iter().find(|section| section.kind.name() == name)
    }

    /// Tells whether a table of this name stands in each entry and has entries.
    pub(crate) fn nests(&self, name: &str) -> bool {
        self.nested.iter().any(|(nested, _)| *nested == name)
    }
}

const fn section(kind: KindId, definition: &'static str) -> Section {
    Section { kind, definition, nested: &[] }
}

/// A vssctl configuration file: what AWS shall look like.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "the shape of the file: entries are read one by one, so that one bad entry hides no other"
)]
pub(crate) struct FileSpec {
    /// Another file that this one builds on, relative to it: entries and tags are merged, any other value is replaced
    /// whole, and this file wins. One level deep.
    pub(crate) extends: Option<String>,
    /// Whose resources these are, and where they are.
    pub(crate) stack: StackSpec,
    /// Tags on every resource that takes tags.
    pub(crate) tags: Option<BTreeMap<String, String>>,
    /// What this file consents to, so that a reviewer sees it; it does not come through `extends`.
    pub(crate) consent: Option<Vec<ConsentSpec>>,
    /// Keys that every entry of a kind has unless it says otherwise. `tags` are merged, all else is replaced.
    pub(crate) defaults: Option<BTreeMap<String, BTreeMap<String, String>>>,
    /// IAM roles.
    pub(crate) role: Option<BTreeMap<String, RoleSpec>>,
    /// Customer managed IAM policies.
    pub(crate) policy: Option<BTreeMap<String, PolicySpec>>,
    /// Instance profiles, where a role's own does not do.
    pub(crate) instance_profile: Option<BTreeMap<String, InstanceProfileSpec>>,
    /// Which instances carry which instance profile.
    pub(crate) attachment: Option<BTreeMap<String, AttachmentSpec>>,
    /// Distributor packages on instances.
    pub(crate) package: Option<BTreeMap<String, PackageSpec>>,
    /// Backup vaults.
    pub(crate) vault: Option<BTreeMap<String, VaultSpec>>,
    /// Backup plans with their rules and selections.
    pub(crate) plan: Option<BTreeMap<String, PlanSpec>>,
    /// Restore testing plans with their selections.
    pub(crate) restore_test: Option<BTreeMap<String, RestoreTestSpec>>,
    /// AWS Backup's settings of the region.
    pub(crate) region_settings: Option<RegionSettingsSpec>,
}

/// Consent to one hazard at one resource.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsentSpec {
    /// The hazard, as plans name it, such as `protection-gap`.
    pub(crate) hazard: String,
    /// The resource, such as `plan.daily`; `stack` for `large-change`.
    pub(crate) address: String,
    /// Why it is meant.
    pub(crate) reason: String,
    /// The last day on which it holds, in UTC, such as `2026-12-31`; at most 90 days ahead.
    pub(crate) until: String,
}

/// Whose resources these are, and where they are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StackSpec {
    /// The owner's name, written to everything as the tag `vssctl:stack`. It stays the same for the life of the stack.
    pub(crate) name: String,
    /// The account, twelve digits in quotes. STS must agree before anything else is read.
    pub(crate) account_id: String,
    /// Such as `ap-northeast-1`.
    pub(crate) region: String,
    /// The path of IAM resources that name none, such as `/vssctl/windows-backup/`; `/` unless it is given.
    pub(crate) iam_path: Option<String>,
    /// How many resources one run may delete without being told; 3 unless it is given.
    #[schemars(range(max = 200))]
    pub(crate) max_deletions: Option<u32>,
    /// How many percent of the stack one run may delete without being told; 30 unless it is given.
    #[schemars(range(max = 100))]
    pub(crate) max_deletion_percent: Option<u32>,
}
