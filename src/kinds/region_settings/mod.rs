//! AWS Backup's settings of the region: which resource types it protects and which it manages fully.
//!
//! They exist once, are nobody's, and are never made or deleted. Only the resource types that the file names are
//! compared. AWS does not say whether a partial map is merged, so that an update sends the whole live map with the
//! declared types replaced. AWS pages: "Service Opt-in", `UpdateRegionSettings`.

mod api;
mod carried;
pub mod spec;
mod terraform;

use crate::model::KindId;
use crate::model::Operation;
pub use carried::SettingsCarried;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::aws::{AwsError, Reader, Writer};
use crate::kind::terraform::{Side, TerraformResource};
use crate::kind::{Calls, Desired, Field, Kind, KindLive, Live, Shape, Transition};
use crate::kinds::delta::Delta;
use crate::kinds::live_form::quoted;
use crate::model::{Action, PlannedCall};

/// The fields, with the member of AWS's structure.
const MEMBERS: [(&str, &str); 2] = [
    ("resource_type_opt_in", "ResourceTypeOptInPreference"),
    ("resource_type_management", "ResourceTypeManagementPreference"),
];

/// The fields of the settings.
pub(crate) const FIELDS: &[Field] = &[
    Field::new(
        "resource_type_opt_in",
        Shape::Map(&Shape::Scalar),
        "Whether AWS Backup protects a type, such as `EC2 = true`.",
    ),
    Field::new(
        "resource_type_management",
        Shape::Map(&Shape::Scalar),
        "Whether AWS Backup manages a type's backups fully.",
    ),
];

/// AWS Backup's settings of the region.
#[derive(Debug)]
pub(crate) struct RegionSettings;

impl Kind for RegionSettings {
    fn id(&self) -> KindId {
        KindId::RegionSettings
    }

    fn title(&self) -> &'static str {
        "AWS Backup region settings"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn unsaid(&self, live: &Live) -> Vec<String> {
        live.carried.get::<SettingsCarried>().map(|carried| quoted(carried.unmodelled.names())).unwrap_or_default()
    }

    fn terraform(&self, side: &Side<'_>) -> Vec<TerraformResource> {
        terraform::resources(side)
    }

    fn refresh<'a>(&'a self, reader: &'a Reader, desired: &'a [Desired]) -> BoxFuture<'a, KindLive> {
        api::refresh(reader, desired).boxed()
    }

    fn calls(&self, transition: &Transition<'_>) -> Calls {
        match transition.action {
            Action::Update => Calls { ensure: update(transition), ..Calls::default() },
            Action::Create
            | Action::Adopt
            | Action::Replace
            | Action::Delete
            | Action::NoOp
            | Action::Unknown
            | Action::Refused => Calls::default(),
        }
    }

    fn perform<'a>(&'a self, writer: &'a Writer, call: &'a PlannedCall) -> BoxFuture<'a, Result<Value, AwsError>> {
        api::perform(writer, call).boxed()
    }
}

fn update(transition: &Transition<'_>) -> Vec<PlannedCall> {
    let delta = Delta::of(transition);
    let Some(live) = transition.live else { return Vec::new() };
    let mut input = Map::new();
    let carried = live.carried.get::<SettingsCarried>().cloned().unwrap_or_default();
    let settings = [carried.resource_type_opt_in_preference, carried.resource_type_management_preference];
    for ((field, member), settings) in MEMBERS.into_iter().zip(settings) {
        if delta.changes(field) {
            let mut settings: Map<String, Value> =
                settings.into_iter().map(|(name, on)| (name, Value::from(on))).collect();
            settings.extend(delta.desired(field).as_object().cloned().unwrap_or_default());
            input.insert(member.to_owned(), settings.into());
        }
    }
    if input.is_empty() {
        return Vec::new();
    }
    let mut input = json!(input);
    carried.unmodelled.put_into(&mut input);
    vec![PlannedCall::new(Operation::UpdateRegionSettings, input)]
}
