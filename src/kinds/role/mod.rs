//! IAM roles: trust, permissions, boundary and tags.
//!
//! A role's name is its identity; AWS compares names without regard to case. The marks are its tags, which the sweep of
//! the account brings along. AWS page: "IAM roles", `CreateRole`, `UpdateRole`.

pub(crate) mod api;
mod calls;
mod carried;
pub mod spec;
mod terraform;

use std::collections::BTreeSet;

use crate::kind::Holder;
use crate::model::KindId;
pub use carried::RoleCarried;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::aws::{AwsError, Reader, Writer};
use crate::kind::reference::{Reference, Sort};
use crate::kind::terraform::{Side, TerraformResource};
use crate::kind::value::{id, text, texts};
use crate::kind::{Calls, Desired, Field, Kind, KindLive, Live, Look, Shape, Transition};
use crate::model::{Action, PlannedCall};

/// The fields of a role.
pub(crate) const FIELDS: &[Field] = &[
    Field::fixed(
        "path",
        Shape::Scalar,
        "The path in the role's ARN, such as `/service/`; AWS cannot change it. CreateRole `Path`.",
    ),
    Field::new("description", Shape::Scalar, "At most 1,000 characters. UpdateRole `Description`."),
    Field::new("trust", Shape::Document, "Who may assume the role. UpdateAssumeRolePolicy."),
    Field::new(
        "max_session_duration",
        Shape::Scalar,
        "The longest session, `1h` to `12h`; AWS's default is `1h`. UpdateRole.",
    ),
    Field::new(
        "permissions_boundary",
        Shape::Scalar,
        "The ARN of the managed policy that bounds the role. PutRolePermissionsBoundary.",
    ),
    Field::new(
        "managed_policies",
        Shape::Set,
        "The ARNs of the attached managed policies. AttachRolePolicy, DetachRolePolicy.",
    ),
    Field::new(
        "inline_policies",
        Shape::Map(&Shape::Document),
        "Policies of the role's own, by name. PutRolePolicy, DeleteRolePolicy.",
    ),
    Field::new("tags", Shape::Tags, "At most 50 with those of vssctl. TagRole, UntagRole."),
];

/// IAM roles.
#[derive(Debug)]
pub(crate) struct Role;

impl Kind for Role {
    fn id(&self) -> KindId {
        KindId::Role
    }

    fn iam_resource(&self) -> Option<&'static str> {
        Some("role")
    }

    fn title(&self) -> &'static str {
        "IAM role"
    }

    fn fields(&self) -> &'static [Field] {
        FIELDS
    }

    fn follows(&self, replaced: KindId) -> Option<Action> {
        // A policy must be attached to nothing when it is deleted.
        (replaced == KindId::Policy).then_some(Action::Update)
    }

    fn holders(&self, live: &Live, _all: &[(KindId, KindLive)]) -> Vec<Holder> {
        live.carried.get::<RoleCarried>().map(|carried| carried.holders.clone()).unwrap_or_default()
    }

    fn lets_go(&self, desired: &Desired, live: &Live, held: &Live) -> bool {
        let arn = id(held, "Arn");
        let carried = live.carried.get::<RoleCarried>();
        let attached = carried.is_some_and(|carried| carried.attached_managed_policies.iter().any(|held| held == arn));
        // What `additive` does not see is not in the fields, and stays.
        let detaches = live.fields.get("managed_policies").is_some_and(|live| texts(live).contains(&arn))
            && desired.fields.get("managed_policies").is_some_and(|wanted| !texts(wanted).contains(&arn));
        let bound = live.fields.get("permissions_boundary").is_some_and(|boundary| boundary == arn);
        let unbinds = desired.fields.get("permissions_boundary").is_some_and(|boundary| boundary != arn);
        (!attached || detaches) && (!bound || unbinds)
    }

    fn keeps(&self, desired: &Desired, live: &Live, held: &Live) -> bool {
        !self.lets_go(desired, live, held)
    }

    fn ignores_case_of_names(&self) -> bool {
        true
    }

    fn lacks(&self, desired: &Desired) -> Option<&'static str> {
        desired.fields.get("trust").is_none().then_some("`trust` or `preset`")
    }

    fn references(&self, desired: &Desired) -> Vec<Reference> {
        let policies = desired.fields.get("managed_policies").map(texts).unwrap_or_default();
        let policies = policies.into_iter().filter_map(|arn| Reference::new(Sort::Policy, "managed_policies", arn));
        let boundary = text(&desired.fields, "permissions_boundary");
        let trust = desired.fields.get("trust").unwrap_or(&Value::Null);
        // IAM refuses a trust policy that names a role which is not there.
        let trusted = trusted_roles(trust).into_iter().filter_map(|arn| Reference::new(Sort::Role, "trust", &arn));
        policies.chain(Reference::new(Sort::Policy, "permissions_boundary", boundary)).chain(trusted).collect()
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

/// Returns the ARNs of the roles that a trust policy lets assume the role.
fn trusted_roles(trust: &Value) -> BTreeSet<String> {
    let statements = match &trust["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        statement => std::slice::from_ref(statement),
    };
    let principals = statements.iter().filter_map(|statement| statement.get("Principal")?.get("AWS"));
    let named = principals.flat_map(|principal| match principal {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        name => name.as_str().into_iter().collect::<Vec<&str>>(),
    });
    let is_role = |name: &&str| name.starts_with("arn:") && name.contains(":role/") && !name.contains(['*', '$']);
    named.filter(is_role).map(str::to_owned).collect()
}
