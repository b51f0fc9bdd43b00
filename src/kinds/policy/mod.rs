//! Customer managed IAM policies and their versions.
//!
//! AWS keeps at most five versions of a policy; the oldest one that is not the default makes way for a sixth. The sweep
//! of the account brings policies and versions, and the Tagging API their tags. AWS page: "Versioning IAM policies".

mod api;
mod calls;
mod carried;
pub mod spec;
mod terraform;

use crate::kind::{Holder, Live};
use crate::model::KindId;
pub use carried::PolicyCarried;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::aws::{AwsError, Reader, Writer};
use crate::kind::terraform::{Side, TerraformResource};
use crate::kind::{Calls, Desired, Field, Kind, KindLive, Look, Shape, Transition};
use crate::model::PlannedCall;

/// The fields of a policy.
pub(crate) const FIELDS: &[Field] = &[
    Field::fixed("path", Shape::Scalar, "The path in the policy's ARN, such as `/service/`; AWS cannot change it."),
    Field::fixed("description", Shape::Scalar, "At most 1,000 characters; AWS cannot change it."),
    Field::new("document", Shape::Document, "The policy; a change makes a new default version. CreatePolicyVersion."),
    Field::new("tags", Shape::Tags, "At most 50 with those of vssctl. TagPolicy, UntagPolicy."),
];

/// Customer managed policies.
#[derive(Debug)]
pub(crate) struct Policy;

impl Kind for Policy {
    fn id(&self) -> KindId {
        KindId::Policy
    }

    fn iam_resource(&self) -> Option<&'static str> {
        Some("policy")
    }

    fn title(&self) -> &'static str {
        "IAM policy"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn ignores_case_of_names(&self) -> bool {
        true
    }

    fn holders(&self, live: &Live, _all: &[(KindId, KindLive)]) -> Vec<Holder> {
        live.carried.get::<PolicyCarried>().map(|carried| carried.holders.clone()).unwrap_or_default()
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
