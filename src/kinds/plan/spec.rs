//! What the file says about a backup plan and its rules, and its normal form.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::Fields;
use crate::kind::form::{Form, map};
use crate::kind::values::common;
use crate::kinds::selection::spec::SelectionSpec;

/// A backup plan: when, where to and for how long. Its selections say what.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PlanSpec {
    /// The plan's name in AWS; the table key unless said. Cannot be changed later.
    pub name: Option<String>,
    /// Whether backups of Windows instances are made through VSS, and so are application-consistent.
    pub windows_vss: Option<bool>,
    /// The rules by name, at most 10.
    pub rule: BTreeMap<String, RuleSpec>,
    /// The selections by name, at most 100.
    pub selection: BTreeMap<String, SelectionSpec>,
    /// Tags, added to `[tags]`.
    pub tags: Option<BTreeMap<String, String>>,
    /// Takes over a live plan of the same name that has no owner.
    pub adopt: Option<bool>,
    /// Never deletes or replaces it.
    pub protect: Option<bool>,
    /// The table key that this entry had before; the AWS name stays the one that it gave, unless `name` says another.
    pub renamed_from: Option<String>,
}

common!(PlanSpec);

/// One rule of a backup plan.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// The rule's name in AWS; the table key unless said.
    pub name: Option<String>,
    /// Where the backups go: a `vault` of this file, or the ARN of one that is not in it.
    pub vault: String,
    /// `cron(minute hour day month weekday year)`, at most once an hour, or `rate(...)`. AWS's default is
    /// `cron(0 5 ? * * *)`.
    pub schedule: Option<String>,
    /// An IANA time zone such as `Asia/Tokyo`; UTC unless said.
    pub timezone: Option<String>,
    /// How long after the scheduled time a backup may start, from `"1h"`. AWS's default is `"8h"`.
    pub start_window: Option<String>,
    /// How long a backup may take, such as `"8h"`. AWS's default is `"7d"`.
    pub complete_window: Option<String>,
    /// How long backups are kept, such as `"35d"`; for ever unless said.
    pub delete_after: Option<String>,
    /// After how long backups move to cold storage; EC2 backups never do.
    pub move_to_cold_storage_after: Option<String>,
    /// Moves resources with tiering to the archive as AWS supports them.
    pub opt_in_to_archive_for_supported_resources: Option<bool>,
    /// Point-in-time recovery, for resources that have it; EC2 has not.
    pub enable_continuous_backup: Option<bool>,
    /// The ARN of a logically air-gapped vault that the backups go to as well.
    pub target_logically_air_gapped_backup_vault_arn: Option<String>,
    /// Tags of the backups, at most 10.
    pub recovery_point_tags: Option<BTreeMap<String, String>>,
    /// Copies into other vaults, at most 5.
    pub copy_actions: Option<Vec<CopySpec>>,
}

/// One copy of each backup of a rule. Without any lifecycle of its own a copy has the one of its rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CopySpec {
    /// Where to: the ARN of a vault, in any region or account, or a `vault` of this file.
    pub vault: String,
    /// How long copies are kept, such as `"90d"`; as long as the rule's backups where the copy has no lifecycle at all.
    pub delete_after: Option<String>,
    /// After how long copies move to cold storage.
    pub move_to_cold_storage_after: Option<String>,
    /// Moves resources with tiering to the archive as AWS supports them.
    pub opt_in_to_archive_for_supported_resources: Option<bool>,
}

/// A lifecycle in canonical durations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvedLifecycle {
    /// In days, such as `35d`.
    pub delete_after: Option<String>,
    /// In days, such as `7d`.
    pub move_to_cold_storage_after: Option<String>,
    /// As declared.
    pub opt_in_to_archive_for_supported_resources: Option<bool>,
}

impl ResolvedLifecycle {
    /// Tells whether it says nothing: AWS then gives a copy the lifecycle of its source.
    pub fn is_none(&self) -> bool {
        let says = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        !says(&self.delete_after)
            && !says(&self.move_to_cold_storage_after)
            && self.opt_in_to_archive_for_supported_resources.is_none()
    }

    fn write(&self, form: &mut Form) {
        form.text("delete_after", self.delete_after.as_deref())
            .text("move_to_cold_storage_after", self.move_to_cold_storage_after.as_deref())
            .flag("opt_in_to_archive_for_supported_resources", self.opt_in_to_archive_for_supported_resources);
    }
}

/// A rule with references in place; absent fields are not declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResolvedRule {
    /// The vault's name in AWS.
    pub vault: String,
    /// In canonical spacing.
    pub schedule: Option<String>,
    /// `Etc/UTC` for UTC.
    pub timezone: Option<String>,
    /// In canonical durations.
    pub start_window: Option<String>,
    /// In canonical durations.
    pub complete_window: Option<String>,
    /// How long backups are kept.
    pub lifecycle: ResolvedLifecycle,
    /// As declared.
    pub enable_continuous_backup: Option<bool>,
    /// As declared.
    pub target_logically_air_gapped_backup_vault_arn: Option<String>,
    /// As declared.
    pub recovery_point_tags: Option<BTreeMap<String, String>>,
    /// By the ARN of the destination vault.
    pub copy_actions: Option<BTreeMap<String, ResolvedLifecycle>>,
}

/// A plan with references in place; absent fields are not declared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResolvedPlan {
    /// As declared.
    pub windows_vss: Option<bool>,
    /// By the rule's name in AWS.
    pub rules: BTreeMap<String, ResolvedRule>,
    /// `[tags]` and the entry's own.
    pub tags: Option<BTreeMap<String, String>>,
}

impl ResolvedPlan {
    /// Returns the normal form.
    pub fn normal_form(&self) -> Fields {
        let rules = self.rules.iter().map(|(name, rule)| {
            let copies = rule.copy_actions.as_ref().map(|copies| {
                map(copies.iter().map(|(vault, lifecycle)| {
                    let mut form = Form::default();
                    lifecycle.write(&mut form);
                    (vault.clone(), form.record())
                }))
            });
            let mut form = Form::default();
            form.text("vault", Some(&rule.vault))
                .text("schedule", rule.schedule.as_deref())
                .text("timezone", rule.timezone.as_deref())
                .text("start_window", rule.start_window.as_deref())
                .text("complete_window", rule.complete_window.as_deref());
            rule.lifecycle.write(&mut form);
            form.flag("enable_continuous_backup", rule.enable_continuous_backup)
                .text(
                    "target_logically_air_gapped_backup_vault_arn",
                    rule.target_logically_air_gapped_backup_vault_arn.as_deref(),
                )
                .texts("recovery_point_tags", rule.recovery_point_tags.as_ref())
                .value("copy_actions", copies);
            (name.clone(), form.record())
        });
        Form::default()
            .flag("windows_vss", self.windows_vss)
            .value("rule", Some(map(rules)))
            .texts("tags", self.tags.as_ref())
            .fields()
    }
}
