//! Selections of backup plans: what a plan backs up, and the role that does it.
//!
//! AWS has no call that changes a selection: another one is made first, and the old one goes after. A selection carries
//! no tags; its `CreatorRequestId` says that we made it, and its plan says whose it is. Its identity is plan and name.
//! AWS pages: "Assigning resources", `BackupSelection`.

mod api;
mod calls;
mod carried;
mod shape;
pub mod spec;
mod terraform;

use crate::model::KindId;
pub use carried::SelectionCarried;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::aws::{AwsError, Reader, Writer};
use crate::kind::reference::{Reference, Sort};
use crate::kind::terraform::{Side, TerraformResource};
use crate::kind::value::text;
use crate::kind::{Calls, Desired, Field, Kind, KindLive, Live, Look, PassedRole, Shape, Transition};
use crate::kinds::live_form::quoted;
use crate::model::{Action, PlannedCall};

/// What AWS writes before the tag key of a condition.
const TAG_PREFIX: &str = "aws:ResourceTag/";

/// The conditions: field, and member of AWS's structure.
const CONDITIONS: [(&str, &str); 4] =
    [("all", "StringEquals"), ("like", "StringLike"), ("not_equals", "StringNotEquals"), ("not_like", "StringNotLike")];

/// The fields of a selection.
pub(crate) const FIELDS: &[Field] = &[
    Field::fixed("role", Shape::Scalar, "The ARN of the role that AWS Backup assumes. `IamRoleArn`."),
    Field::fixed(
        "arns",
        Shape::Set,
        "OR: ARNs of resources, `*` at the end or as a whole field; at most 500. `Resources`.",
    ),
    Field::fixed("not_arns", Shape::Set, "ARNs that are left out. `NotResources`."),
    Field::fixed("any", Shape::Set, "OR: `key=value` of tags, one of which is enough; at most 30. `ListOfTags`."),
    Field::fixed(
        "all",
        Shape::Set,
        "AND: `key=value` of tags that a resource must have; at most 30. `Conditions.StringEquals`.",
    ),
    Field::fixed("like", Shape::Set, "AND: `key=pattern` of tags, with `*`. `Conditions.StringLike`."),
    Field::fixed(
        "not_equals",
        Shape::Set,
        "AND: `key=value` of tags that a resource must not have. `Conditions.StringNotEquals`.",
    ),
    Field::fixed("not_like", Shape::Set, "AND: `key=pattern` of tags that must not fit. `Conditions.StringNotLike`."),
];

/// Selections of backup plans.
#[derive(Debug)]
pub(crate) struct Selection;

impl Kind for Selection {
    fn id(&self) -> KindId {
        KindId::Selection
    }

    fn title(&self) -> &'static str {
        "backup selection"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn replaces_create_first(&self) -> bool {
        true
    }

    fn follows(&self, replaced: KindId) -> Option<Action> {
        // A role that is made again under another path or name has another ARN: the selection names the old one.
        matches!(replaced, KindId::Plan | KindId::Role).then_some(Action::Replace)
    }

    fn passed_roles(&self, desired: &Desired) -> Vec<PassedRole> {
        vec![PassedRole { service: "backup", arn: text(&desired.fields, "role").to_owned() }]
    }

    fn references(&self, desired: &Desired) -> Vec<Reference> {
        Reference::new(Sort::Role, "role", text(&desired.fields, "role")).into_iter().collect()
    }

    fn unsaid(&self, live: &Live) -> Vec<String> {
        live.carried.get::<SelectionCarried>().map(|carried| quoted(carried.unmodelled.names())).unwrap_or_default()
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
