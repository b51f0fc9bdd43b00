//! Which roles, instance profiles and customer managed policies have to do with what is exported.

use std::collections::BTreeSet;

use aws_sdk_iam::types::{ManagedPolicyDetail, RoleDetail};

use super::candidates::Candidate;
use super::powers::{is_for_instances, makes_snapshots};
use crate::aws::{AwsError, Reader};
use crate::config::export::{Account, LeftOut};
use crate::kind::{Owner, marks};
use crate::model::KindId;
use crate::model::arn::managed_policy_arn;
use crate::vss::gate::POLICY;

/// Names in the form by which IAM tells them apart.
type Names = BTreeSet<String>;

/// Chooses the roles that what is exported names or that have a VSS policy, their instance profiles and policies, and
/// the policies that are about VSS themselves. What is left out is counted.
pub(super) async fn used(
    reader: &Reader,
    listed: Vec<Candidate>,
    account: &mut Account,
) -> Result<Vec<Candidate>, AwsError> {
    let (authorization, profiles) =
        tokio::try_join!(reader.account_authorization_details(), reader.list_instance_profiles())?;
    let scope = reader.scope();
    let vss_policies: Names = authorization.policies.iter().filter(|it| is_vss(it)).filter_map(arn_of).collect();
    let named: Names = account
        .resources
        .iter()
        .flat_map(|resource| &resource.live.refers)
        .filter(|(kind, _)| *kind == KindId::Role)
        .map(|(_, name)| folded(name))
        .collect();
    let managed = managed_policy_arn(scope, POLICY);
    let is_used = |role: &&RoleDetail| {
        let attached = || role.attached_managed_policies().iter().filter_map(|one| one.policy_arn());
        let inline = || role.role_policy_list().iter().filter_map(|one| one.policy_document());
        let carries =
            attached().any(|arn| arn == managed || vss_policies.contains(arn)) || inline().any(makes_snapshots);
        named.contains(&folded(role.role_name().unwrap_or_default()))
            || carries && role.assume_role_policy_document().is_some_and(is_for_instances)
    };
    let roles: Vec<&RoleDetail> = authorization.roles.iter().filter(is_used).collect();
    let role_names: Names = roles.iter().map(|role| folded(role.role_name().unwrap_or_default())).collect();
    // What belongs to somebody else stays with what it uses.
    let own = roles.iter().filter(|role| {
        let tags = role.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        matches!(marks::owner(scope, &tags), Owner::Nobody | Owner::Ours(_))
    });
    let (mut own_names, mut policies) = (Names::new(), vss_policies);
    for role in own {
        own_names.insert(folded(role.role_name().unwrap_or_default()));
        policies.extend(role.attached_managed_policies().iter().filter_map(|one| one.policy_arn().map(str::to_owned)));
        policies.extend(role.permissions_boundary().and_then(|it| it.permissions_boundary_arn()).map(str::to_owned));
    }
    let profile_names: Names = profiles
        .iter()
        .filter(|profile| profile.roles.iter().any(|role| own_names.contains(&folded(&role.role_name))))
        .map(|profile| folded(&profile.instance_profile_name))
        .collect();
    let (used, others): (Vec<Candidate>, Vec<Candidate>) = listed.into_iter().partition(|one| match one.kind {
        KindId::Role => role_names.contains(&folded(&one.name)),
        KindId::InstanceProfile => profile_names.contains(&folded(&one.name)),
        _ => policies.contains(&one.id),
    });
    account.left_out.extend(counted(&others));
    let (open, closed): (Vec<_>, Vec<_>) = used.into_iter().partition(|one| one.closed.is_none());
    for one in closed {
        account.left_out.push(LeftOut { what: one.title(), why: one.closed.unwrap_or_default(), is_gap: false });
    }
    Ok(open)
}

fn is_vss(policy: &ManagedPolicyDetail) -> bool {
    let versions = policy.policy_version_list().iter();
    versions.filter(|one| one.is_default_version()).filter_map(|one| one.document()).any(makes_snapshots)
}

fn arn_of(policy: &ManagedPolicyDetail) -> Option<String> {
    policy.arn().map(str::to_owned)
}

fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Says of how many nobody asked.
fn counted(others: &[Candidate]) -> Vec<LeftOut> {
    let count = |what: &str, kind: KindId, is_linked: bool| {
        let count = others.iter().filter(|one| one.kind == kind && one.closed.is_some() == is_linked).count();
        let plural = what.strip_suffix('y').map_or_else(|| format!("{what}s"), |stem| format!("{stem}ies"));
        (count > 0).then(|| format!("{count} {}", if count == 1 { what.to_owned() } else { plural }))
    };
    let unused: Vec<String> = [
        ("role", KindId::Role),
        ("instance profile", KindId::InstanceProfile),
        ("customer managed policy", KindId::Policy),
    ]
    .into_iter()
    .filter_map(|(what, kind)| count(what, kind, false))
    .collect();
    let why = "nothing that is exported uses them, and none has a VSS policy; name what you want of them";
    let unused = (!unused.is_empty()).then(|| (unused.join(", "), why));
    let linked = count("service-linked role", KindId::Role, true).map(|what| (what, "their services make them"));
    unused.into_iter().chain(linked).map(|(what, why)| LeftOut { what, why: why.to_owned(), is_gap: false }).collect()
}

/// Notes the ARNs of all roles: an instance profile tells its role's name alone.
pub(super) async fn arns(reader: &Reader, account: &mut Account) -> Result<(), AwsError> {
    let authorization = reader.account_authorization_details().await?;
    for role in &authorization.roles {
        if let (Some(name), Some(arn)) = (role.role_name(), role.arn()) {
            account.arns.push((KindId::Role, name.to_owned(), arn.to_owned()));
        }
    }
    Ok(())
}
