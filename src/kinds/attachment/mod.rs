//! Attachments: which EC2 instances carry an instance profile.
//!
//! An association of a profile has no tags and no token: it is ours if its profile is. Which instances an entry means
//! is known when they have been read, so that every difference is one instance. An entry that leaves the file leaves
//! its instances as they are unless another entry speaks of the same profile: instances that were launched with a
//! profile look the same. AWS pages: "Attach an IAM role to an instance", `AssociateIamInstanceProfile`,
//! `ReplaceIamInstanceProfileAssociation`, which EC2 refuses for a stopped instance (aws/aws-cli#5251).

mod api;
mod calls;
mod carried;
mod live;
pub mod spec;
#[cfg(test)]
mod tests;

use crate::model::KindId;
pub use carried::{AttachmentCarried, On};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use crate::aws::{AwsError, Reader, Writer};
use crate::kind::reference::{Reference, Sort};
use crate::kind::value::text;
use crate::kind::{Calls, Conflict, Desired, Field, Kind, KindLive, Live, Look, Shape, Transition};
use crate::model::{Action, FieldChange, PlannedCall};

/// The fields of an attachment.
pub(crate) const FIELDS: &[Field] = &[Field::new(
    "instances",
    Shape::Map(&Shape::Scalar),
    "The ARN of the profile on each instance that the entry means. AssociateIamInstanceProfile where there is none, \
     else ReplaceIamInstanceProfileAssociation, or on a stopped instance DisassociateIamInstanceProfile first.",
)];

/// Which instances carry an instance profile.
#[derive(Debug)]
pub(crate) struct Attachment;

impl Kind for Attachment {
    fn id(&self) -> KindId {
        KindId::Attachment
    }

    fn title(&self) -> &'static str {
        "instance profile attachment"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn follows(&self, replaced: KindId) -> Option<Action> {
        // A profile that is made again under its name is another one to the instances.
        (replaced == KindId::InstanceProfile).then_some(Action::Update)
    }

    fn lets_go(&self, desired: &Desired, _live: &Live, held: &Live) -> bool {
        held.ids.get("Arn").is_some_and(|arn| text(&desired.fields, "instance_profile") != arn)
    }

    fn complete(&self, desired: &mut Desired, live: &Live) {
        let profile = desired.fields.get("instance_profile").cloned().unwrap_or_default();
        let carried = live.carried.get::<AttachmentCarried>().into_iter();
        let instances = carried.flat_map(|carried| &carried.instances).map(|id| (id.clone(), profile.clone()));
        // What is on an instance that the entry does not mean is left as it is.
        let instances: Map<String, Value> = instances.collect();
        desired.fields.insert("instances".to_owned(), instances.into());
    }

    fn is_made(&self, live: &Live) -> bool {
        live.fields.contains_key("instances")
    }

    fn conflict(&self, desired: &Desired, live: &Live, _: &[FieldChange]) -> Option<Conflict> {
        live::conflict(desired, live)
    }

    fn references(&self, desired: &Desired) -> Vec<Reference> {
        // The plan shows the profile at each instance that gets it.
        let profile = text(&desired.fields, "instance_profile");
        let reference = Reference::new(Sort::InstanceProfile, "instance_profile", profile);
        reference.map(|reference| Reference { path: "instances".to_owned(), ..reference }).into_iter().collect()
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
