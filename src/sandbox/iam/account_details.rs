//! The account as a whole: all roles and policies at once, and the counts with their quotas.

use serde_json::{Map, Value, json};

use super::model::{Iam, Policy, Role};
use super::page::page;
use super::{attachments, documents, inline, policies, profiles, roles, tags, versions};
use crate::sandbox::account::{Answer, Context, seconds};
use crate::sandbox::managed_policies;

/// An item on a page of authorization details. The pages list the roles first and then the policies.
enum Entity<'a> {
    Role(&'a Role),
    Policy(&'a Policy),
}

pub(super) fn authorization_details(context: &mut Context<'_>, input: &Value) -> Answer {
    let filters: Vec<&str> = input["Filter"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let wanted = |kind: &str| filters.is_empty() || filters.contains(&kind);
    let iam = &context.account.iam;
    let aws = managed_policies::all(context.partition);
    let mut entities: Vec<(String, Entity<'_>)> = Vec::new();
    if wanted("Role") {
        entities.extend(iam.roles.iter().map(|(key, role)| (format!("1/{key}"), Entity::Role(role))));
    }
    if wanted("LocalManagedPolicy") {
        entities.extend(iam.policies.iter().map(|(key, policy)| (format!("2/{key}"), Entity::Policy(policy))));
    }
    if wanted("AWSManagedPolicy") {
        // AWS lists those of its own policies that something in the account uses.
        let used = aws.iter().filter(|policy| policies::is_used(iam, &policy.arn));
        let documented = used.filter(|policy| !managed_policies::is_opaque(policy));
        entities.extend(documented.map(|policy| (format!("3/{}", policy.name), Entity::Policy(policy))));
    }
    let mut answer = Map::new();
    let (mut role_list, mut policy_list) = (Vec::new(), Vec::new());
    for entity in page(&mut answer, input, entities)? {
        match entity {
            Entity::Role(role) => role_list.push(role_detail(iam, role)),
            Entity::Policy(policy) => policy_list.push(policy_detail(iam, policy)),
        }
    }
    answer.insert("UserDetailList".to_owned(), json!([]));
    answer.insert("GroupDetailList".to_owned(), json!([]));
    answer.insert("RoleDetailList".to_owned(), json!(role_list));
    answer.insert("Policies".to_owned(), json!(policy_list));
    Ok(Value::Object(answer))
}

/// Writes a role. Unlike in `GetRole` there is no description and no session duration.
fn role_detail(iam: &Iam, role: &Role) -> Value {
    let holders = iam.profiles.values().filter(|profile| profile.role.as_deref() == Some(&role.name));
    let inline: Vec<Value> = role
        .inline
        .iter()
        .map(|(name, document)| json!({"PolicyName": name, "PolicyDocument": documents::encoded(document)}))
        .collect();
    json!({
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": seconds(role.created),
        "AssumeRolePolicyDocument": documents::encoded(&role.trust),
        "InstanceProfileList": holders.map(|profile| profiles::listed(iam, profile)).collect::<Vec<_>>(),
        "RolePolicyList": inline,
        "AttachedManagedPolicies": role.attached.iter().map(|arn| attachments::shown(arn)).collect::<Vec<_>>(),
        "PermissionsBoundary": attachments::shown_boundary(role),
        "Tags": tags::shown(&role.tags),
        "RoleLastUsed": {},
    })
}

fn policy_detail(iam: &Iam, policy: &Policy) -> Value {
    let mut detail = policies::listed(iam, policy);
    detail["Description"] = json!(policy.description);
    let versions = policy.versions.iter().rev().map(|version| versions::full(policy, version));
    detail["PolicyVersionList"] = versions.collect();
    detail
}

#[expect(clippy::unnecessary_wraps, reason = "every operation has this signature")]
pub(super) fn summary(context: &mut Context<'_>, _input: &Value) -> Answer {
    let iam = &context.account.iam;
    let versions: usize = iam.policies.values().map(|policy| policy.versions.len()).sum();
    Ok(json!({"SummaryMap": {
        "AccessKeysPerUserQuota": 2,
        "AccountAccessKeysPresent": 0,
        "AccountMFAEnabled": 1,
        "AccountPasswordPresent": 1,
        "AccountSigningCertificatesPresent": 0,
        "AssumeRolePolicySizeQuota": roles::TRUST_QUOTA,
        "AttachedPoliciesPerGroupQuota": 10,
        "AttachedPoliciesPerRoleQuota": attachments::ATTACHED_QUOTA,
        "AttachedPoliciesPerUserQuota": 10,
        "GlobalEndpointTokenVersion": 1,
        "GroupPolicySizeQuota": 5120,
        "Groups": 0,
        "GroupsPerUserQuota": 10,
        "GroupsQuota": 300,
        "InstanceProfiles": iam.profiles.len(),
        "InstanceProfilesQuota": iam.quota("InstanceProfilesQuota", profiles::PROFILES_QUOTA),
        "MFADevices": 0,
        "MFADevicesInUse": 0,
        "Policies": iam.policies.len(),
        "PoliciesQuota": iam.quota("PoliciesQuota", policies::POLICIES_QUOTA),
        "PolicySizeQuota": policies::SIZE_QUOTA,
        "PolicyVersionsInUse": versions,
        "PolicyVersionsInUseQuota": 10_000,
        "Providers": 0,
        "RolePolicySizeQuota": inline::INLINE_QUOTA,
        "Roles": iam.roles.len(),
        "RolesQuota": iam.quota("RolesQuota", roles::ROLES_QUOTA),
        "ServerCertificates": 0,
        "ServerCertificatesQuota": 20,
        "SigningCertificatesPerUserQuota": 2,
        "UserPolicySizeQuota": 2048,
        "Users": 1,
        "UsersQuota": 5000,
        "VersionsPerPolicyQuota": versions::VERSIONS_QUOTA,
    }}))
}
