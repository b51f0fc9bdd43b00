//! Distributor packages on instances, through the SSM document `AWS-ConfigureAWSPackage`.
//!
//! With a schedule the resource in AWS is a State Manager association. Its name is not unique, so that it is found by
//! the mark in its tags, else by its name if only one has it; an adoption finds one without a name by its id, or as the
//! only one that installs the package. `UpdateAssociation` nulls what it does not name and runs
//! at once: the whole association is sent, with the version that was read. Without a schedule the resource is one Run
//! Command, marked in its comment. AWS keeps commands for 30 days; the once-records of Parameter Store remember them
//! longer. AWS pages: "Install or update packages", "State Manager associations".

mod api;
mod associations;
mod calls;
mod carried;
mod command;
mod installation;
mod normal;
mod once;
mod results;
mod run_commands;
mod shape;
pub mod spec;
mod terraform;

use crate::model::KindId;
pub use carried::PackageCarried;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::aws::{AwsError, Reader, Writer};
use crate::kind::reference::{Reference, Sort};
use crate::kind::terraform::{Side, TerraformResource};
use crate::kind::value::{pairs, text};
use crate::kind::{Calls, Desired, Field, Kind, KindLive, Live, Look, PassedRole, Shape, Transition};
use crate::kinds::live_form::quoted;
use crate::model::PlannedCall;

pub use installation::{Installation, installation};
pub use results::{InstanceRun, Stage, runs};
pub(crate) use run_commands::{first_attempts, last_command};

/// The SSM document that installs and removes packages.
pub(crate) const DOCUMENT: &str = "AWS-ConfigureAWSPackage";

/// The option of an entry that an adoption is about: an association without a name is looked for too.
pub(crate) const ADOPTING: &str = "adopting";

/// The fields of a package.
pub(crate) const FIELDS: &[Field] = &[
    Field::new("package_name", Shape::Scalar, "The package's name in Distributor. Parameter `name`."),
    Field::new("action", Shape::Scalar, "`Install` or `Uninstall`. Parameter `action`."),
    Field::new(
        "installation_type",
        Shape::Scalar,
        "`Uninstall and reinstall` or `In-place update`. Parameter `installationType`.",
    ),
    Field::new("version", Shape::Scalar, "One version; the newest where absent. Parameter `version`."),
    Field::new(
        "additional_arguments",
        Shape::Scalar,
        "Arguments of the package as JSON. Parameter `additionalArguments`.",
    ),
    Field::new(
        "targets",
        Shape::Map(&Shape::Set),
        "Which instances, by SSM target key: `tag:KEY`, `InstanceIds`, `resource-groups:Name`.",
    ),
    Field::new(
        "schedule",
        Shape::Scalar,
        "When, in UTC: `rate(...)`, `cron(...)` or `at(...)`; none means one Run Command.",
    ),
    Field::new("apply_only_at_cron_interval", Shape::Scalar, "Runs at the scheduled times only."),
    Field::new("schedule_offset", Shape::Scalar, "Days to wait after the scheduled day, 1 to 6."),
    Field::new("duration", Shape::Scalar, "Hours in which it may start, 1 to 24."),
    Field::new(
        "max_concurrency",
        Shape::Scalar,
        "Instances at once, a number or a percentage; AWS's default is `100%` (`50` for Run Command).",
    ),
    Field::new(
        "max_errors",
        Shape::Scalar,
        "Errors after which it stops, a number or a percentage; AWS's default is `0`.",
    ),
    Field::new("compliance_severity", Shape::Scalar, "`CRITICAL`, `HIGH`, `MEDIUM`, `LOW` or `UNSPECIFIED`."),
    Field::new("sync_compliance", Shape::Scalar, "`AUTO` or `MANUAL`."),
    Field::new("output_s3_bucket", Shape::Scalar, "The S3 bucket for the output."),
    Field::new("output_s3_key_prefix", Shape::Scalar, "The prefix of the output's keys."),
    Field::new("output_s3_region", Shape::Scalar, "The region of the output's bucket."),
    Field::new("association_dispatch_assume_role", Shape::Scalar, "The ARN of the role that State Manager assumes."),
    Field::new("calendar_names", Shape::Set, "Names or ARNs of change calendars."),
    Field::new("tags", Shape::Tags, "Tags of the association. AddTagsToResource, RemoveTagsFromResource."),
];

/// Distributor packages.
#[derive(Debug)]
pub(crate) struct Package;

impl Kind for Package {
    fn id(&self) -> KindId {
        KindId::Package
    }

    fn default_name(&self, key: &str) -> String {
        format!("vssctl-{key}")
    }

    fn title(&self) -> &'static str {
        "Distributor package"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn passed_roles(&self, desired: &Desired) -> Vec<PassedRole> {
        let role = text(&desired.fields, "association_dispatch_assume_role");
        vec![PassedRole { service: "ssm", arn: role.to_owned() }]
    }

    fn references(&self, desired: &Desired) -> Vec<Reference> {
        let field = "association_dispatch_assume_role";
        Reference::new(Sort::Role, field, text(&desired.fields, field)).into_iter().collect()
    }

    fn unsaid(&self, live: &Live) -> Vec<String> {
        let Some(carried) = live.carried.get::<PackageCarried>() else { return Vec::new() };
        let is_said = |(_, parameter): &(&str, &str), name: &str| *parameter == name;
        let parameters = pairs(carried.association.get("Parameters").unwrap_or(&Value::Null))
            .filter(|(name, _)| !normal::PARAMETERS.iter().any(|known| is_said(known, name)))
            .map(|(name, _)| format!("the parameter `{name}`"));
        let members = carried.association.keys().filter(|name| *name != "Parameters").cloned();
        let members = members.chain(carried.unmodelled.names()).chain(carried.excluded.clone());
        parameters.chain(quoted(members)).collect()
    }

    fn terraform(&self, side: &Side<'_>) -> Vec<TerraformResource> {
        terraform::resources(side)
    }

    fn refresh<'a>(&'a self, reader: &'a Reader, desired: &'a [Desired]) -> BoxFuture<'a, KindLive> {
        api::refresh(reader, desired).boxed()
    }

    fn calls(&self, transition: &Transition<'_>) -> Calls {
        calls::calls(transition)
    }

    fn perform<'a>(&'a self, writer: &'a Writer, call: &'a PlannedCall) -> BoxFuture<'a, Result<Value, AwsError>> {
        api::perform(writer, call).boxed()
    }

    fn look<'a>(&'a self, reader: &'a Reader, call: &'a PlannedCall) -> BoxFuture<'a, Result<Look, AwsError>> {
        api::look(reader, call).boxed()
    }
}
