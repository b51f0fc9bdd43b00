//! Identity and Access Management of one account, from AWS's API reference and quotas page.

mod account_details;
mod attachments;
mod documents;
mod errors;
mod inline;
mod model;
mod page;
mod policies;
mod powers;
mod profiles;
mod roles;
mod tags;
mod versions;

use serde_json::Value;

use super::account::{Account, Answer, Context, Tagged};
use super::wire::model::Model;
use super::wire::validate::validate;
pub use model::{Iam, InstanceProfile, Policy, PolicyVersion, Role};
pub(super) use powers::Powers;

pub(super) type Handler = fn(&mut Context<'_>, &Value) -> Answer;

/// Every operation offered and what performs it.
pub(super) const OFFERED: &[(&str, Handler)] = &[
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
pub(super) fn operations() -> impl Iterator<Item = &'static str> {
    OFFERED.iter().map(|(name, _)| *name)
}

/// Tells whether an operation is offered.
pub(super) fn offers(operation: &str) -> bool {
    operations().any(|name| name == operation)
}

/// Performs one operation.
pub(super) fn handle(context: &mut Context<'_>, operation: &str, input: &Value) -> Answer {
    let model = Model::of("iam").expect("the sandbox has IAM's model");
    let unknown = || model.unknown_operation(operation);
    let (_, handler) = OFFERED.iter().find(|(name, _)| *name == operation).ok_or_else(unknown)?;
    errors::check_characters(input)?;
    if let Some(shape) = model.operations.get(operation).and_then(|described| described.input.as_ref()) {
        validate(model, shape, input)?;
    }
    handler(context, input)
}

/// Lists what carries tags and is listed by the Tagging API: instance profiles and customer managed policies, but no
/// roles.
pub(super) fn tagged(account: &Account) -> impl Iterator<Item = Tagged<'_>> {
    let iam = &account.iam;
    let profiles = iam.profiles.values().map(|profile| Tagged {
        arn: &profile.arn,
        resource_type: "iam:instance-profile",
        tags: &profile.tags,
    });
    let policies = iam.policies.values().map(|policy| Tagged {
        arn: &policy.arn,
        resource_type: "iam:policy",
        tags: &policy.tags,
    });
    profiles.chain(policies)
}

/// A text member of an input, empty when it is not there.
fn text<'a>(input: &'a Value, member: &str) -> &'a str {
    input[member].as_str().unwrap_or_default()
}

/// The path of something new.
fn path(input: &Value) -> String {
    input["Path"].as_str().unwrap_or("/").to_owned()
}

/// Tells whether something is under the asked for path.
fn under(input: &Value, path: &str) -> bool {
    input["PathPrefix"].as_str().is_none_or(|prefix| path.starts_with(prefix))
}
