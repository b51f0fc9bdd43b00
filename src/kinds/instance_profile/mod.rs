//! Instance profiles: what carries a role to an EC2 instance.
//!
//! A profile holds exactly one role, so that another role comes in only after the old one left. AWS page: "Using
//! instance profiles".

mod api;
mod calls;
mod carried;
pub mod spec;
mod terraform;

use crate::model::KindId;
pub use carried::{Carrier, ProfileCarried};
use std::collections::BTreeMap;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::aws::{AwsError, Reader, Writer};
use crate::kind::reference::{Reference, Sort};
use crate::kind::terraform::{Side, TerraformResource};
use crate::kind::value::text;
use crate::kind::{Calls, Desired, Field, Holder, Kind, KindLive, Live, Look, Shape, Transition};
use crate::model::{Action, PlannedCall};

/// The fields of an instance profile.
pub(crate) const FIELDS: &[Field] = &[
    Field::fixed("path", Shape::Scalar, "The path in the profile's ARN, such as `/service/`; AWS cannot change it."),
    Field::new(
        "role",
        Shape::Scalar,
        "The name of the one role in it. AddRoleToInstanceProfile, RemoveRoleFromInstanceProfile.",
    ),
    Field::new("tags", Shape::Tags, "At most 50 with those of vssctl. TagInstanceProfile, UntagInstanceProfile."),
];

/// Instance profiles.
#[derive(Debug)]
pub(crate) struct InstanceProfile;

impl Kind for InstanceProfile {
    fn id(&self) -> KindId {
        KindId::InstanceProfile
    }

    fn iam_resource(&self) -> Option<&'static str> {
        Some("instance-profile")
    }

    fn title(&self) -> &'static str {
        "IAM instance profile"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn holders(&self, live: &Live, _all: &[(KindId, KindLive)]) -> Vec<Holder> {
        api::holders(live)
    }

    fn look_closer<'a>(
        &'a self,
        reader: &'a Reader,
        going: &'a BTreeMap<String, Action>,
        all: &'a mut [(KindId, KindLive)],
    ) -> BoxFuture<'a, bool> {
        api::look_closer(reader, going, all).boxed()
    }

    fn names(&self, desired: &Desired, held: KindId, live: &Live) -> bool {
        held == KindId::Role && desired.fields.get("role").is_some_and(|role| *role == live.name.as_str())
    }

    fn follows(&self, replaced: KindId) -> Option<Action> {
        // A role must be in no profile when it is deleted.
        (replaced == KindId::Role).then_some(Action::Update)
    }

    fn lets_go(&self, desired: &Desired, _live: &Live, held: &Live) -> bool {
        desired.fields.get("role").and_then(Value::as_str).is_some_and(|role| !role.eq_ignore_ascii_case(&held.name))
    }

    fn ignores_case_of_names(&self) -> bool {
        true
    }

    fn references(&self, desired: &Desired) -> Vec<Reference> {
        Reference::new(Sort::Role, "role", text(&desired.fields, "role")).into_iter().collect()
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
