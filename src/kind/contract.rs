//! The trait that each folder of `kinds/` implements, and the answers of its methods.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::terraform::{Side, TerraformResource};
use super::{Calls, Desired, Field, Holder, KindLive, Live, Reference, Transition};
use crate::aws::{AwsError, Reader, Writer};
use crate::model::{Action, FieldChange, KindId, PlannedCall};

/// A role that a call hands to a service, which asks for `iam:PassRole`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedRole {
    /// The service, as in `backup.amazonaws.com`.
    pub service: &'static str,
    /// The role's ARN.
    pub arn: String,
}

/// What keeps an entry from being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// What is in the way, in a sentence without its subject's address.
    pub message: String,
    /// The way out.
    pub help: String,
}

/// What a look at the effect of a call gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// It is as the call asks; what of the call's answer later calls may need.
    Stands(Value),
    /// A complete answer says that the call was not made, or not yet.
    Absent,
    /// Another object stands in its place.
    Differs,
    /// Looking tells nothing about this call.
    Unclear,
}

/// One kind of resource that vssctl manages.
pub trait Kind: Sync + std::fmt::Debug {
    /// Which kind it is.
    fn id(&self) -> KindId;

    /// The name for people, such as `IAM role`.
    fn title(&self) -> &'static str;

    /// The fields, in the order in which they are shown.
    fn fields(&self) -> &'static [Field];

    /// Whether a replacement makes the new one before it deletes the old one.
    fn replaces_create_first(&self) -> bool {
        false
    }

    /// Returns the AWS name of an entry that gives none.
    fn default_name(&self, key: &str) -> String {
        key.to_owned()
    }

    /// Returns what its ARNs call it, where it is one of IAM's, whose ARNs have a path: `role`, `policy`,
    /// `instance-profile`.
    fn iam_resource(&self) -> Option<&'static str> {
        None
    }

    /// Whether AWS takes names that differ in case only for the same, as IAM does.
    fn ignores_case_of_names(&self) -> bool {
        false
    }

    /// What becomes of an unchanged resource when one of kind `replaced` that it refers to is replaced: an instance
    /// profile swaps its role (`Update`), a selection moves to the new plan (`Replace`).
    fn follows(&self, _replaced: KindId) -> Option<Action> {
        None
    }

    /// Why AWS would refuse to delete this live resource, such as a vault that holds recovery points.
    fn obstacle(&self, _live: &Live) -> Option<String> {
        None
    }

    /// Who holds this live resource, so that AWS deletes it only when they have let go. `all` is what every kind read.
    fn holders(&self, _live: &Live, _all: &[(KindId, KindLive)]) -> Vec<Holder> {
        Vec::new()
    }

    /// Whether `live`, on its way to `desired`, lets go of `held`, which is deleted or replaced.
    fn lets_go(&self, _desired: &Desired, _live: &Live, _held: &Live) -> bool {
        false
    }

    /// Whether what takes the place of `live` would hold `held` again, as it keeps what the file does not speak of.
    fn keeps(&self, _desired: &Desired, _live: &Live, _held: &Live) -> bool {
        false
    }

    /// Tells whether an entry of this kind names a live resource of the kind `held`, which must stay then.
    fn names(&self, desired: &Desired, _held: KindId, live: &Live) -> bool {
        desired.has_arn_of(live)
    }

    /// Returns the roles that an entry hands to services. Those of instance profiles are named, and have no ARN here.
    fn passed_roles(&self, _desired: &Desired) -> Vec<PassedRole> {
        Vec::new()
    }

    /// Returns the objects that an entry names and that must exist before it is made: roles, policies, instance
    /// profiles, vaults and keys, whether the file has them or not.
    fn references(&self, _desired: &Desired) -> Vec<Reference> {
        Vec::new()
    }

    /// Returns what a resource is to Terraform's AWS provider, the resource itself first; nothing where the provider
    /// has no type for it.
    fn terraform(&self, _side: &Side<'_>) -> Vec<TerraformResource> {
        Vec::new()
    }

    /// Names what AWS has of a live resource beside its fields, for which the file has no words, as parts of sentences.
    /// An update carries it along.
    fn unsaid(&self, _live: &Live) -> Vec<String> {
        Vec::new()
    }

    /// Fills in what an entry means and only live says, such as the instances that have a tag.
    fn complete(&self, _desired: &mut Desired, _live: &Live) {}

    /// Tells whether anything of it is there: an attachment that no instance carries yet is to be added.
    fn is_made(&self, _live: &Live) -> bool {
        true
    }

    /// What an entry does not say and AWS needs to make it: such an entry can only take over what is there.
    fn lacks(&self, _desired: &Desired) -> Option<&'static str> {
        None
    }

    /// What keeps the entry from being done at all. `changes` are the differences that the plan shows.
    fn conflict(&self, _desired: &Desired, _live: &Live, _changes: &[FieldChange]) -> Option<Conflict> {
        None
    }

    /// Reads what is live for the entries of this kind, and what else the stack owns of it. `desired` is the whole
    /// file, as a selection needs its plan's entry. An answer that could not be read is `Found::Unknown`; this never
    /// fails as a whole.
    fn refresh<'a>(&'a self, reader: &'a Reader, desired: &'a [Desired]) -> BoxFuture<'a, KindLive>;

    /// Reads what only the deletion or replacement of live resources of these names needs to know, such as the
    /// instances that carry a profile, or what a vault has that the file does not speak of. Tells whether it read
    /// anything.
    fn look_closer<'a>(
        &'a self,
        _reader: &'a Reader,
        _going: &'a BTreeMap<String, Action>,
        _all: &'a mut [(KindId, KindLive)],
    ) -> BoxFuture<'a, bool> {
        Box::pin(std::future::ready(false))
    }

    /// Gives the calls of a transition. Pure. A `Delete` has its calls in `remove`; an `Adopt` writes marks only.
    fn calls(&self, transition: &Transition<'_>) -> Calls;

    /// Makes one planned call and returns what of its answer later calls may need, such as `BackupPlanId`.
    fn perform<'a>(&'a self, writer: &'a Writer, call: &'a PlannedCall) -> BoxFuture<'a, Result<Value, AwsError>>;

    /// Reads whether what a call asks for is so: its answer was lost, or AWS says that it exists already. Needed for
    /// calls that must not be sent twice and for names that may be taken by an earlier try of ours.
    fn look<'a>(&'a self, _reader: &'a Reader, _call: &'a PlannedCall) -> BoxFuture<'a, Result<Look, AwsError>> {
        Box::pin(std::future::ready(Ok(Look::Unclear)))
    }
}
