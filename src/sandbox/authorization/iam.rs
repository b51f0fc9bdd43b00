//! The permissions that IAM's operations need.

use super::needs::{Call, Need, request_tags, resource_tags, tag_list};
use crate::policy::Keys;
use crate::sandbox::iam::{InstanceProfile, Policy, Role};
use crate::sandbox::sts;

/// The type of resource that an operation is about; its name tells.
enum Subject {
    Role,
    Profile,
    Policy,
    /// What an ARN in the request names.
    Source,
    User,
    Account,
}

fn subject(operation: &str) -> Subject {
    match operation {
        "ListRoles"
        | "ListPolicies"
        | "ListInstanceProfiles"
        | "GetAccountAuthorizationDetails"
        | "GetAccountSummary"
        | "SimulateCustomPolicy" => Subject::Account,
        "SimulatePrincipalPolicy" => Subject::Source,
        "GetUser" => Subject::User,
        "ListInstanceProfilesForRole"
        | "AttachRolePolicy"
        | "DetachRolePolicy"
        | "ListAttachedRolePolicies"
        | "UpdateAssumeRolePolicy" => Subject::Role,
        _ if operation.contains("InstanceProfile") => Subject::Profile,
        _ if operation.contains("Role") => Subject::Role,
        _ => Subject::Policy,
    }
}

pub(super) fn needs(call: &Call<'_>) -> Vec<Need> {
    match subject(call.operation) {
        Subject::Account => vec![call.own("*", Keys::default())],
        Subject::Role => role(call),
        Subject::Profile => profile(call),
        Subject::Policy => policy(call),
        Subject::Source => vec![call.own(call.text("PolicySourceArn"), Keys::default())],
        Subject::User => vec![call.own(sts::caller_arn(call.partition, call.account_id), Keys::default())],
    }
}

/// Sets the resource as IAM's messages show it: by type and name.
fn named(mut need: Need, kind: &str, name: &str) -> Need {
    need.shown = format!("{kind} {name}");
    need
}

/// Adds the tagging action, which tags in a creating call need too.
fn with_tags(call: &Call<'_>, mut needs: Vec<Need>, action: &str) -> Vec<Need> {
    if let Some(own) = needs.first().filter(|_| !tag_list(call.input, "Tags").is_empty()) {
        let mut tagging = Need::of(action, own.request.resource.clone(), own.request.keys.clone());
        tagging.shown.clone_from(&own.shown);
        needs.push(tagging);
    }
    needs
}

fn new_arn(call: &Call<'_>, kind: &str, name: &str) -> String {
    let path = call.input["Path"].as_str().unwrap_or("/");
    format!("arn:{}:iam::{}:{kind}{path}{name}", call.partition, call.account_id)
}

/// Needs a role. `iam:PolicyARN` is the attached policy, `iam:PermissionsBoundary` the boundary that the role has, or
/// gets by the two operations that set one.
fn role(call: &Call<'_>) -> Vec<Need> {
    let name = call.text("RoleName");
    let live: Option<&Role> = call.account.iam.role(name).filter(|_| call.operation != "CreateRole");
    let mut keys = request_tags(Keys::default(), tag_list(call.input, "Tags"));
    let untagged: Vec<String> = call.list("TagKeys").map(str::to_owned).collect();
    if !untagged.is_empty() {
        keys.set("aws:TagKeys", untagged);
    }
    keys = resource_tags(keys, "iam:ResourceTag", live.map(|role| &role.tags));
    let given = Some(call.text("PermissionsBoundary")).filter(|arn| !arn.is_empty());
    let reads_boundary = matches!(
        call.operation,
        "CreateRole"
            | "AttachRolePolicy"
            | "DetachRolePolicy"
            | "PutRolePolicy"
            | "DeleteRolePolicy"
            | "PutRolePermissionsBoundary"
            | "DeleteRolePermissionsBoundary"
    );
    let boundary = given.or_else(|| live.and_then(|role| role.boundary.as_deref())).filter(|_| reads_boundary);
    if let Some(boundary) = boundary {
        keys.set("iam:PermissionsBoundary", [boundary.to_owned()]);
    }
    if matches!(call.operation, "AttachRolePolicy" | "DetachRolePolicy") {
        keys.set("iam:PolicyARN", [call.text("PolicyArn").to_owned()]);
    }
    let arn = live.map_or_else(|| new_arn(call, "role", name), |role| role.arn.clone());
    let needs = vec![named(call.own(arn, keys), "role", name)];
    if call.operation == "CreateRole" { with_tags(call, needs, "iam:TagRole") } else { needs }
}

/// Needs an instance profile. Putting a role into a profile hands the role to EC2.
fn profile(call: &Call<'_>) -> Vec<Need> {
    let name = call.text("InstanceProfileName");
    let live: Option<&InstanceProfile> =
        call.account.iam.profile(name).filter(|_| call.operation != "CreateInstanceProfile");
    let mut keys = request_tags(Keys::default(), tag_list(call.input, "Tags"));
    let untagged: Vec<String> = call.list("TagKeys").map(str::to_owned).collect();
    if !untagged.is_empty() {
        keys.set("aws:TagKeys", untagged);
    }
    keys = resource_tags(keys, "iam:ResourceTag", live.map(|profile| &profile.tags));
    let arn = live.map_or_else(|| new_arn(call, "instance-profile", name), |profile| profile.arn.clone());
    let mut needs = vec![named(call.own(arn, keys), "instance profile", name)];
    if call.operation == "CreateInstanceProfile" {
        needs = with_tags(call, needs, "iam:TagInstanceProfile");
    }
    if call.operation == "AddRoleToInstanceProfile" {
        let role = call.text("RoleName");
        let arn = call.account.iam.role(role).map_or_else(|| new_arn(call, "role", role), |role| role.arn.clone());
        needs.push(Need::pass_role(&arn, "ec2.amazonaws.com"));
    }
    needs
}

fn policy(call: &Call<'_>) -> Vec<Need> {
    let arn = call.text("PolicyArn");
    let live: Option<&Policy> = call.account.iam.policy_by_arn(arn);
    let mut keys = request_tags(Keys::default(), tag_list(call.input, "Tags"));
    let untagged: Vec<String> = call.list("TagKeys").map(str::to_owned).collect();
    if !untagged.is_empty() {
        keys.set("aws:TagKeys", untagged);
    }
    keys = resource_tags(keys, "iam:ResourceTag", live.map(|policy| &policy.tags));
    if call.operation == "CreatePolicy" {
        let name = call.text("PolicyName");
        let needs = vec![named(call.own(new_arn(call, "policy", name), keys), "policy", name)];
        return with_tags(call, needs, "iam:TagPolicy");
    }
    vec![named(call.own(arn, keys), "policy", arn)]
}
