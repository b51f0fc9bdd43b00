//! The words for properties are those of the file's schema, and no key of the file is without one but for those that
//! CloudFormation has nothing for.

use std::collections::BTreeSet;

use crate::config::cloudformation::types::{self, Word};
use crate::config::schema;

/// Keys of the file that no property becomes: they steer vssctl, or AWS's templates have nothing of the sort.
const OURS: &[&str] = &[
    "name",
    "adopt",
    "protect",
    "renamed_from",
    "allow",
    "preset",
    "policies_mode",
    "wait",
    "canary",
    "minimum_version",
    "compliance_lock_is_irreversible",
];

/// Keys that are written by hand and not by a row: they have values that refer to others, or that several properties
/// become.
const BY_HAND: &[(&str, &[&str])] = &[
    ("RoleSpec", &["path", "trust", "permissions_boundary", "managed_policies", "inline_policies", "instance_profile"]),
    ("InstanceProfileSpec", &["path", "role"]),
    ("PolicySpec", &["path", "document"]),
    (
        "PackageSpec",
        &[
            "package_name",
            "action",
            "installation_type",
            "version",
            "additional_arguments",
            "targets",
            "association_dispatch_assume_role",
        ],
    ),
    ("TargetsSpec", &["tags", "instance_ids", "resource_groups"]),
    ("VaultSpec", &["access_policy", "notifications", "lock"]),
    ("LockSpec", &["mode"]),
    ("PlanSpec", &["windows_vss", "rule", "selection"]),
    ("RuleSpec", &["vault", "copy_actions"]),
    ("CopySpec", &["vault"]),
    ("SelectionSpec", &["role", "match"]),
    ("MatchSpec", &["all", "any", "like", "not_equals", "not_like"]),
    ("RestoreTestSpec", &["recovery_point_selection", "selection"]),
    ("RecoveryPointsSpec", &["include_vaults", "exclude_vaults"]),
    ("RestoreSelectionSpec", &["role", "match"]),
    ("RestoreMatchSpec", &["arns", "all", "not_equals"]),
];

const ROWS: &[(&str, &[&[Word]])] = &[
    ("RoleSpec", &[types::ROLE]),
    ("InstanceProfileSpec", &[types::PROFILE]),
    ("PolicySpec", &[types::MANAGED_POLICY]),
    ("PackageSpec", &[types::ASSOCIATION, types::OUTPUT]),
    ("TargetsSpec", &[]),
    ("VaultSpec", &[types::VAULT]),
    ("NotificationsSpec", &[types::NOTIFICATIONS]),
    ("LockSpec", &[types::LOCK]),
    ("PlanSpec", &[types::PLAN]),
    ("RuleSpec", &[types::RULE, types::LIFECYCLE]),
    ("CopySpec", &[types::LIFECYCLE]),
    ("SelectionSpec", &[]),
    ("MatchSpec", &[types::SELECTION]),
    ("RestoreTestSpec", &[types::RESTORE_TEST]),
    ("RecoveryPointsSpec", &[types::POINTS]),
    ("RestoreSelectionSpec", &[types::RESTORE_SELECTION]),
    ("RestoreMatchSpec", &[]),
];

#[test]
fn each_key_of_the_schema_has_its_property_and_each_word_its_key() {
    for (definition, rows) in ROWS {
        let keys = schema::get()["definitions"][definition]["properties"].as_object();
        let keys: BTreeSet<&str> =
            keys.unwrap_or_else(|| panic!("no {definition}")).keys().map(String::as_str).collect();
        let by_hand = BY_HAND.iter().find(|(name, _)| name == definition).map_or(&[][..], |(_, keys)| *keys);
        let words = rows.iter().flat_map(|words| words.iter().map(|word| word.key)).chain(by_hand.iter().copied());
        let words: BTreeSet<&str> = words.collect();
        let ours: BTreeSet<&str> = OURS.iter().copied().collect();
        let unknown: Vec<_> = words.difference(&keys).collect();
        assert!(unknown.is_empty(), "{definition} has no {unknown:?}");
        let lost: Vec<_> = keys.difference(&words).filter(|key| !ours.contains(*key)).collect();
        assert!(lost.is_empty(), "no property becomes {lost:?} of {definition}");
    }
    // Each definition that the sections of the file lead to is in the list.
    let listed: BTreeSet<&str> = ROWS.iter().map(|(name, _)| *name).collect();
    let elsewhere =
        ["AttachmentSpec", "AttachmentTargets", "ConsentSpec", "RegionSettingsSpec", "StackSpec", "OwnProfile"];
    let definitions = schema::get()["definitions"].as_object().expect("definitions");
    let unlisted: Vec<&String> = definitions
        .iter()
        .filter(|(name, it)| name.ends_with("Spec") && it["properties"].is_object() && !listed.contains(name.as_str()))
        .map(|(name, _)| name)
        .filter(|name| !elsewhere.contains(&name.as_str()))
        .collect();
    assert!(unlisted.is_empty(), "{unlisted:?}");
}

#[test]
fn each_row_writes_its_key() {
    let row = |words: &[Word], place: &str| {
        for word in words {
            let mut seen = BTreeSet::new();
            assert!(seen.insert((word.property, word.key)), "{} of {place} stands twice", word.property);
        }
        words.len()
    };
    let count: usize = ROWS.iter().flat_map(|(name, rows)| rows.iter().map(|words| row(words, name))).sum();
    assert!(count > 40, "{count} rows");
}
