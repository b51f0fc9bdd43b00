//! The operations of IAM that the sandbox offers, and the function that performs each.

use serde_json::Value;

use super::{account_details, attachments, errors, inline, policies, profiles, roles, simulation, users, versions};
use crate::sandbox::account::{Answer, Context};
use crate::sandbox::wire::model::Model;
use crate::sandbox::wire::validate::validate;

pub(in crate::sandbox) type Handler = fn(&mut Context<'_>, &Value) -> Answer;

/// The operations offered, each with the function that performs it.
pub(in crate::sandbox) const OFFERED: &[(&str, Handler)] = &[
    ("AddRoleToInstanceProfile", profiles::add_role),
    ("AttachRolePolicy", attachments::attach),
    ("CreateInstanceProfile", profiles::create),
    ("CreatePolicy", policies::create),
    ("CreatePolicyVersion", versions::create),
    ("CreateRole", roles::create),
    ("DeleteInstanceProfile", profiles::delete),
    ("DeletePolicy", policies::delete),
    ("DeletePolicyVersion", versions::delete),
    ("DeleteRole", roles::delete),
    ("DeleteRolePermissionsBoundary", attachments::delete_boundary),
    ("DeleteRolePolicy", inline::delete),
    ("DetachRolePolicy", attachments::detach),
    ("GetAccountAuthorizationDetails", account_details::authorization_details),
    ("GetAccountSummary", account_details::summary),
    ("GetInstanceProfile", profiles::get),
    ("GetPolicy", policies::get),
    ("GetPolicyVersion", versions::get),
    ("GetRole", roles::get),
    ("GetRolePolicy", inline::get),
    ("GetUser", users::get),
    ("ListAttachedRolePolicies", attachments::list),
    ("ListEntitiesForPolicy", attachments::entities),
    ("ListInstanceProfileTags", profiles::list_tags),
    ("ListInstanceProfiles", profiles::list),
    ("ListInstanceProfilesForRole", profiles::list_for_role),
    ("ListPolicies", policies::list),
    ("ListPolicyTags", policies::list_tags),
    ("ListPolicyVersions", versions::list),
    ("ListRolePolicies", inline::list),
    ("ListRoleTags", roles::list_tags),
    ("ListRoles", roles::list),
    ("PutRolePermissionsBoundary", attachments::put_boundary),
    ("PutRolePolicy", inline::put),
    ("RemoveRoleFromInstanceProfile", profiles::remove_role),
    ("SetDefaultPolicyVersion", versions::set_default),
    ("SimulateCustomPolicy", simulation::custom),
    ("SimulatePrincipalPolicy", simulation::principal),
    ("TagInstanceProfile", profiles::tag),
    ("TagPolicy", policies::tag),
    ("TagRole", roles::tag),
    ("UntagInstanceProfile", profiles::untag),
    ("UntagPolicy", policies::untag),
    ("UntagRole", roles::untag),
    ("UpdateAssumeRolePolicy", roles::update_trust),
    ("UpdateRole", roles::update),
    ("UpdateRoleDescription", roles::update_description),
];

/// Lists the operations offered.
pub(in crate::sandbox) fn operations() -> impl Iterator<Item = &'static str> {
    OFFERED.iter().map(|(name, _)| *name)
}

/// Tells whether an operation is offered.
pub(in crate::sandbox) fn offers(operation: &str) -> bool {
    operations().any(|name| name == operation)
}

/// Performs one operation.
pub(in crate::sandbox) fn handle(context: &mut Context<'_>, operation: &str, input: &Value) -> Answer {
    let model = Model::of("iam").expect("the sandbox has IAM's model");
    let unknown = || model.unknown_operation(operation);
    let (_, handler) = OFFERED.iter().find(|(name, _)| *name == operation).ok_or_else(unknown)?;
    errors::check_characters(input)?;
    if let Some(shape) = model.operations.get(operation).and_then(|described| described.input.as_ref()) {
        validate(model, shape, input)?;
    }
    handler(context, input)
}
