//! What the file says about a restore testing plan and its selections, and its normal form.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::kind::Fields;
use crate::kind::form::{Form, map};
use crate::kind::values::{OneOrMany, common};
use crate::kinds::selection::spec::pairs;

/// A restore testing plan of AWS Backup: when recovery points are restored to prove that they can be, and which.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RestoreTestSpec {
    /// The plan's name in AWS: 1 to 50 letters, digits and `_`. The table key unless said, with `_` for `-`. It cannot
    /// be changed later.
    pub name: Option<String>,
    /// When tests start: `cron(minute hour day month weekday year)`.
    pub schedule: Option<String>,
    /// An IANA time zone such as `Asia/Tokyo`; UTC unless said.
    pub timezone: Option<String>,
    /// How long after the scheduled time a test may start, in whole hours from `"1h"` to `"7d"`. AWS's default is
    /// `"24h"`.
    pub start_window: Option<String>,
    /// Which recovery points are tested.
    pub recovery_point_selection: Option<RecoveryPointsSpec>,
    /// What is restored, by name, at most 30.
    pub selection: BTreeMap<String, RestoreSelectionSpec>,
    /// Tags, added to `[tags]`.
    pub tags: Option<BTreeMap<String, String>>,
    /// Takes over a live restore testing plan of the same name that has no owner.
    pub adopt: Option<bool>,
    /// Never deletes or replaces it.
    pub protect: Option<bool>,
    /// The table key that this entry had before; the AWS name stays the one that it gave, unless `name` says another.
    pub renamed_from: Option<String>,
}

common!(RestoreTestSpec);

/// Which recovery points a restore test takes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoveryPointsSpec {
    /// The newest recovery point in the window, or any one in it.
    pub algorithm: Algorithm,
    /// The vaults whose recovery points are tested: vaults of this file, ARNs, or `"*"` for all of the region.
    pub include_vaults: Vec<String>,
    /// Vaults that are left out: vaults of this file, or ARNs.
    pub exclude_vaults: Option<Vec<String>>,
    /// The sorts of recovery points; those of EC2 are snapshots.
    pub recovery_point_types: Vec<RecoveryPointType>,
    /// How old a recovery point may be, from `"1d"` to `"365d"`. AWS's default is `"30d"`.
    pub selection_window: Option<String>,
}

/// How a recovery point is chosen from the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Algorithm {
    /// The newest one.
    #[serde(rename = "LATEST_WITHIN_WINDOW")]
    Latest,
    /// Any one.
    #[serde(rename = "RANDOM_WITHIN_WINDOW")]
    Random,
}

impl Algorithm {
    /// Returns AWS's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latest => "LATEST_WITHIN_WINDOW",
            Self::Random => "RANDOM_WITHIN_WINDOW",
        }
    }
}

/// A sort of recovery points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RecoveryPointType {
    /// Of continuous backups.
    Continuous,
    /// Of periodic backups.
    Snapshot,
}

impl RecoveryPointType {
    /// Returns AWS's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Continuous => "CONTINUOUS",
            Self::Snapshot => "SNAPSHOT",
        }
    }
}

/// One selection of a restore testing plan: which EC2 instances are restored, how, and with which role.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreSelectionSpec {
    /// The selection's name in AWS: 1 to 50 letters, digits and `_`. The table key unless said, with `_` for `-`.
    pub name: Option<String>,
    /// The role that AWS Backup assumes: a `role` of this file, or the ARN of one that is not in it.
    pub role: String,
    /// Which instances.
    #[serde(rename = "match")]
    pub matching: RestoreMatchSpec,
    /// What the restored instances have in place of what the backed up ones had, such as `subnetId`, in AWS's own names
    /// of restore metadata. May hold secrets: neither plans nor saved plans show the values.
    pub overrides: Option<BTreeMap<String, String>>,
    /// How long restored instances stay for a validation, in whole hours from `"0h"` to `"168h"`.
    pub validation_window: Option<String>,
}

/// Which instances a restore test takes: by ARN, or by tags, and not both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RestoreMatchSpec {
    /// ARNs of instances, or `["*"]` for all.
    pub arns: Option<Vec<String>>,
    /// AND: tags that an instance must have.
    pub all: Option<BTreeMap<String, OneOrMany>>,
    /// AND: tags that an instance must not have with this value.
    pub not_equals: Option<BTreeMap<String, OneOrMany>>,
}

/// The points of a restore test with references in place; absent fields are not declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedPoints {
    /// AWS's name of it.
    pub algorithm: &'static str,
    /// ARNs, or `*`.
    pub include_vaults: Vec<String>,
    /// ARNs.
    pub exclude_vaults: Option<Vec<String>>,
    /// AWS's names of them.
    pub recovery_point_types: Vec<String>,
    /// In days, such as `30d`.
    pub selection_window: Option<String>,
}

/// A selection with references in place; absent fields are not declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedRestoreSelection {
    /// The role's ARN.
    pub role: String,
    /// As written.
    pub matching: RestoreMatchSpec,
    /// The hash of the overrides; empty for none.
    pub overrides: Option<String>,
    /// In canonical durations.
    pub validation_window: Option<String>,
}

/// A restore testing plan with references in place; absent fields are not declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResolvedRestoreTest {
    /// In canonical spacing.
    pub schedule: Option<String>,
    /// `Etc/UTC` for UTC.
    pub timezone: Option<String>,
    /// In canonical durations.
    pub start_window: Option<String>,
    /// Which recovery points.
    pub points: Option<ResolvedPoints>,
    /// By the selection's name in AWS.
    pub selections: BTreeMap<String, ResolvedRestoreSelection>,
    /// `[tags]` and the entry's own.
    pub tags: Option<BTreeMap<String, String>>,
}

impl ResolvedRestoreTest {
    /// Returns the normal form.
    pub fn normal_form(&self) -> Fields {
        let points = self.points.as_ref().map(|points| {
            Form::default()
                .text("algorithm", Some(points.algorithm))
                .set("include_vaults", Some(points.include_vaults.clone()))
                .set("exclude_vaults", points.exclude_vaults.clone())
                .set("recovery_point_types", Some(points.recovery_point_types.clone()))
                .text("selection_window", points.selection_window.as_deref())
                .record()
        });
        let selections = self.selections.iter().map(|(name, selection)| (name.clone(), selection.record()));
        Form::default()
            .text("schedule", self.schedule.as_deref())
            .text("timezone", self.timezone.as_deref())
            .text("start_window", self.start_window.as_deref())
            .value("recovery_point_selection", points)
            .value("selection", Some(map(selections)))
            .texts("tags", self.tags.as_ref())
            .fields()
    }
}

impl ResolvedRestoreSelection {
    fn record(&self) -> Value {
        let RestoreMatchSpec { arns, all, not_equals } = &self.matching;
        Form::default()
            .text("role", Some(&self.role))
            .text("resource_type", Some(super::EC2))
            .set("arns", Some(arns.clone().unwrap_or_default()))
            .set("all", Some(pairs(all.as_ref())))
            .set("not_equals", Some(pairs(not_equals.as_ref())))
            .text("overrides", self.overrides.as_deref())
            .text("validation_window", self.validation_window.as_deref())
            .record()
    }
}
