//! What the file says about a Distributor package on instances, and its normal form.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::kind::Fields;
use crate::kind::form::{Form, map, sorted};
use crate::kind::values::{Canary, OneOrMany, TextOrNumber, common};

/// A Distributor package, installed through the SSM document `AWS-ConfigureAWSPackage`: a State Manager association
/// where there is a schedule, one Run Command where there is none.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PackageSpec {
    /// The association's name in AWS; `vssctl-KEY` unless said.
    pub name: Option<String>,
    /// The package's name in Distributor; the table key unless said.
    pub package_name: Option<String>,
    /// `Install` (the default) or `Uninstall`.
    pub action: Option<PackageAction>,
    /// `Uninstall and reinstall` (AWS's default) or `In-place update`, which needs AwsVssComponents 2.5.0.
    pub installation_type: Option<InstallationType>,
    /// Pins one version. Without it the newest is installed.
    pub version: Option<String>,
    /// The oldest version that will do; not together with `version`. The newest is installed, and a live pin is taken
    /// away.
    pub minimum_version: Option<String>,
    /// Arguments of the package, by name; names start with `SSM_`.
    pub additional_arguments: Option<BTreeMap<String, String>>,
    /// Which instances.
    pub targets: TargetsSpec,
    /// `rate(1 day)` or `cron(...)`, in UTC. Left out: one Run Command now.
    pub schedule: Option<String>,
    /// Runs at the scheduled times only, not when the association is made or changed, or an instance joins; with
    /// `cron(...)`.
    pub apply_only_at_cron_interval: Option<bool>,
    /// Days to wait after the scheduled day, 1 to 6; with `apply_only_at_cron_interval`.
    pub schedule_offset: Option<u32>,
    /// Hours in which it may start on more instances, 1 to 24; with `apply_only_at_cron_interval`.
    pub duration: Option<u32>,
    /// On how many instances at once: a number or a percentage such as `"10%"`.
    pub max_concurrency: Option<TextOrNumber>,
    /// After how many errors it stops: a number or a percentage such as `"10%"`.
    pub max_errors: Option<TextOrNumber>,
    /// How much a failed run weighs in compliance reports.
    pub compliance_severity: Option<ComplianceSeverity>,
    /// Who sets the compliance status: `AUTO` (AWS's default) or `MANUAL`.
    pub sync_compliance: Option<SyncCompliance>,
    /// The S3 bucket for the output.
    pub output_s3_bucket: Option<String>,
    /// The prefix of the output's keys.
    pub output_s3_key_prefix: Option<String>,
    /// The region of the output's bucket.
    pub output_s3_region: Option<String>,
    /// The role that State Manager assumes: a `role` of this file or an ARN.
    pub association_dispatch_assume_role: Option<String>,
    /// Names or ARNs of change calendars that gate the runs.
    pub calendar_names: Option<Vec<String>>,
    /// Instances that get it before all others: so many, or these. Only if it succeeded there the others follow.
    pub canary: Option<Canary>,
    /// Whether `apply` waits until the instances have run it, 15 minutes at most; it does not unless this is true.
    pub wait: Option<bool>,
    /// Tags of the association, added to `[tags]`.
    pub tags: Option<BTreeMap<String, String>>,
    /// Takes over a live association of the same name that has no owner.
    pub adopt: Option<bool>,
    /// Never deletes or replaces it.
    pub protect: Option<bool>,
    /// The table key that this entry had before; the AWS name stays the one that it gave, unless `name` says another.
    pub renamed_from: Option<String>,
}

common!(PackageSpec);

/// Which instances: by tags (all of them must fit), by id, or by resource group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TargetsSpec {
    /// Tag keys and the values that fit. A new instance with such tags gets the package at once.
    pub tags: Option<BTreeMap<String, OneOrMany>>,
    /// Instance ids; `["*"]` for all.
    pub instance_ids: Option<Vec<String>>,
    /// Names of resource groups.
    pub resource_groups: Option<Vec<String>>,
}

/// Whether the package comes or goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum PackageAction {
    /// It is installed or updated.
    #[default]
    Install,
    /// It is removed.
    Uninstall,
}

impl PackageAction {
    /// Returns AWS's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Install => "Install",
            Self::Uninstall => "Uninstall",
        }
    }
}

/// How an older version makes way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum InstallationType {
    /// The old one goes first.
    #[serde(rename = "Uninstall and reinstall")]
    UninstallAndReinstall,
    /// The package's own update script runs.
    #[serde(rename = "In-place update")]
    InPlaceUpdate,
}

impl InstallationType {
    /// Returns AWS's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::UninstallAndReinstall => "Uninstall and reinstall",
            Self::InPlaceUpdate => "In-place update",
        }
    }
}

/// How much a failed run weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "AWS's own five words")]
pub enum ComplianceSeverity {
    Critical,
    High,
    Medium,
    Low,
    Unspecified,
}

impl ComplianceSeverity {
    /// Returns AWS's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "CRITICAL",
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
            Self::Low => "LOW",
            Self::Unspecified => "UNSPECIFIED",
        }
    }
}

/// Who sets the compliance status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum SyncCompliance {
    /// State Manager, from the runs.
    Auto,
    /// A caller of `PutComplianceItems`.
    Manual,
}

impl SyncCompliance {
    /// Returns AWS's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "AUTO",
            Self::Manual => "MANUAL",
        }
    }
}

impl TargetsSpec {
    /// Returns the values by SSM target key: `tag:KEY`, `InstanceIds`, `resource-groups:Name`.
    pub fn by_key(&self) -> BTreeMap<String, Vec<String>> {
        let mut targets = BTreeMap::new();
        for (key, values) in self.tags.iter().flatten() {
            targets.insert(format!("tag:{key}"), values.0.clone());
        }
        if let Some(ids) = &self.instance_ids {
            targets.insert("InstanceIds".to_owned(), ids.clone());
        }
        if let Some(groups) = &self.resource_groups {
            targets.insert("resource-groups:Name".to_owned(), groups.clone());
        }
        targets
    }
}

/// A package with its defaults and references in place.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedPackage {
    /// The entry.
    pub spec: PackageSpec,
    /// The package's name in Distributor.
    pub package_name: String,
    /// The schedule in canonical spacing; none for a Run Command.
    pub schedule: Option<String>,
    /// The ARN of the role that State Manager assumes.
    pub association_dispatch_assume_role: Option<String>,
    /// `[tags]` and the entry's own; none for a Run Command.
    pub tags: Option<BTreeMap<String, String>>,
}

impl ResolvedPackage {
    /// Returns the normal form.
    pub fn normal_form(&self) -> Fields {
        let spec = &self.spec;
        let targets = spec.targets.by_key().into_iter().map(|(key, values)| (key, sorted(values)));
        let arguments = spec.additional_arguments.as_ref().map(|arguments| {
            if arguments.is_empty() { String::new() } else { Value::from_iter(arguments.clone()).to_string() }
        });
        // A minimum without a version asks for the newest: a pin that is live goes.
        let version = spec.version.as_deref().or(spec.minimum_version.as_ref().map(|_| ""));
        let mut form = Form::default();
        form.text("package_name", Some(&self.package_name))
            .text("action", Some(spec.action.unwrap_or_default().name()))
            .text("installation_type", spec.installation_type.map(InstallationType::name))
            .text("version", version)
            .text("additional_arguments", arguments)
            .value("targets", Some(map(targets)))
            .text("max_concurrency", spec.max_concurrency.as_ref().map(TextOrNumber::text))
            .text("max_errors", spec.max_errors.as_ref().map(TextOrNumber::text));
        if let Some(schedule) = &self.schedule {
            // AWS refuses the three together with another schedule: then there are none, whatever is live. False is
            // none.
            let only_at = if schedule.starts_with("cron(") { spec.apply_only_at_cron_interval } else { Some(false) };
            let only_with = |number: Option<u32>| match only_at {
                Some(false) => Some(Value::Null),
                Some(true) | None => number.map(Value::from),
            };
            form.text("schedule", Some(schedule))
                .value(
                    "apply_only_at_cron_interval",
                    only_at.map(|only_at| if only_at { true.into() } else { Value::Null }),
                )
                .value("schedule_offset", only_with(spec.schedule_offset))
                .value("duration", only_with(spec.duration))
                .text("compliance_severity", spec.compliance_severity.map(ComplianceSeverity::name))
                .text("sync_compliance", spec.sync_compliance.map(SyncCompliance::name))
                .text("output_s3_bucket", spec.output_s3_bucket.as_deref())
                .text("output_s3_key_prefix", spec.output_s3_key_prefix.as_deref())
                .text("output_s3_region", spec.output_s3_region.as_deref())
                .text("association_dispatch_assume_role", self.association_dispatch_assume_role.as_deref())
                .set("calendar_names", spec.calendar_names.clone())
                .texts("tags", self.tags.as_ref());
        }
        form.fields()
    }

    /// Returns what steers vssctl and lives on no AWS object.
    pub fn options(&self) -> Fields {
        Form::default()
            .text("minimum_version", self.spec.minimum_version.as_deref())
            .flag("wait", self.spec.wait)
            .value("canary", self.spec.canary.as_ref().map(Canary::value))
            .flag("run_command", self.schedule.is_none().then_some(true))
            .fields()
    }
}
