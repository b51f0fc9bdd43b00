//! What AWS says about roles, and how it is told.

use super::carried::RoleCarried;
use crate::kind::Carried;
use crate::model::KindId;
use crate::model::Operation;
use std::collections::BTreeMap;

use aws_sdk_iam::types::{Role as ListedRole, RoleDetail, Tag};
use serde_json::{Map, Value, json};

use crate::aws::{AwsError, Reader, Tags, Writer};
use crate::kind::marks;
use crate::kind::{Desired, Found, Holder, HolderKind, KindLive, Live, Look, Owner};
use crate::kinds::expect::Expected;
use crate::kinds::identity::{by_iam_name, carries, entries, unknown};
use crate::kinds::input::{Input, incomplete, part, unusable, whole};
use crate::kinds::live_form::{LiveForm, document, ids};
use crate::model::PlannedCall;
use crate::model::duration::seconds;

/// What only `ListRoles` says; `GetAccountAuthorizationDetails` leaves it out.
const LISTED_FIELDS: [&str; 2] = ["description", "max_session_duration"];

pub(super) async fn refresh(reader: &Reader, desired: &[Desired]) -> KindLive {
    let mine: Vec<&Desired> = entries(desired, KindId::Role).collect();
    let mut live = KindLive::default();
    let all_unknown = |error: &AwsError| KindLive {
        found: mine.iter().map(|entry| (entry.address.clone(), unknown(error))).collect(),
        unreadable: vec![error.clone()],
        ..KindLive::default()
    };
    let authorization = match reader.account_authorization_details().await {
        Ok(authorization) => authorization,
        Err(error) => return all_unknown(&error),
    };
    let wants_list = mine.iter().any(|entry| LISTED_FIELDS.iter().any(|field| entry.fields.contains_key(*field)));
    let listed: Result<BTreeMap<String, ListedRole>, AwsError> = if wants_list {
        reader.list_roles().await.map(|roles| roles.iter().map(|role| (role.role_name.clone(), role.clone())).collect())
    } else {
        Ok(BTreeMap::new())
    };
    for entry in &mine {
        let found = match by_iam_name(&authorization.roles, &entry.name, |role| name(role)) {
            None => Found::Absent,
            Some(role) => match &listed {
                Err(error) if LISTED_FIELDS.iter().any(|field| entry.fields.contains_key(*field)) => unknown(error),
                Err(_) => Found::Live(Box::new(normal_form(reader, role, None, Some(entry)))),
                Ok(listed) => Found::Live(Box::new(normal_form(reader, role, listed.get(name(role)), Some(entry)))),
            },
        };
        live.found.insert(entry.address.clone(), found);
    }
    for role in &authorization.roles {
        let claimed = mine.iter().any(|entry| entry.name.eq_ignore_ascii_case(name(role)));
        if !claimed && matches!(marks::owner(reader.scope(), &tags(role)), Owner::Ours(_)) {
            live.orphans.push(normal_form(reader, role, None, None));
        }
    }
    live.orphans.sort_by(|left, right| left.name.cmp(&right.name));
    live
}

fn name(role: &RoleDetail) -> &str {
    role.role_name().unwrap_or_default()
}

fn tags(role: &RoleDetail) -> Tags {
    role.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

fn normal_form(reader: &Reader, role: &RoleDetail, listed: Option<&ListedRole>, entry: Option<&Desired>) -> Live {
    let tags = tags(role);
    let attached: Vec<&str> =
        role.attached_managed_policies().iter().filter_map(|policy| policy.policy_arn()).collect();
    let inline: BTreeMap<&str, Value> = role
        .role_policy_list()
        .iter()
        .map(|policy| {
            (policy.policy_name().unwrap_or_default(), document(policy.policy_document().unwrap_or_default()))
        })
        .collect();
    // With `additive`, what the file does not name is not there as far as the plan can see.
    let additive =
        entry.is_some_and(|entry| entry.options.get("policies_mode").and_then(Value::as_str) == Some("additive"));
    let declared = |field: &str, name: &str| {
        let declared = entry.and_then(|entry| entry.fields.get(field));
        !additive
            || declared.is_some_and(|value| match value {
                Value::Array(items) => items.iter().any(|item| item == name),
                other => other.get(name).is_some(),
            })
    };
    let boundary = role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
    let mut form = LiveForm::default();
    form.text("path", role.path())
        .text("description", listed.and_then(|role| role.description()))
        .value("trust", document(role.assume_role_policy_document().unwrap_or("{}")))
        .text(
            "max_session_duration",
            listed
                .and_then(|role| role.max_session_duration)
                .and_then(|duration| u32::try_from(duration).ok())
                .map(seconds::format),
        )
        .text("permissions_boundary", boundary)
        .set("managed_policies", attached.iter().copied().filter(|arn| declared("managed_policies", arn)))
        .value(
            "inline_policies",
            inline
                .iter()
                .filter(|(name, _)| declared("inline_policies", name))
                .map(|(name, document)| ((*name).to_owned(), document.clone()))
                .collect::<Map<_, _>>(),
        )
        .tags(&tags);
    let account = format!(":iam::{}:policy/", reader.scope().account_id);
    Live {
        name: name(role).to_owned(),
        owner: marks::owner(reader.scope(), &tags),
        ids: ids([("Arn", role.arn()), ("RoleId", role.role_id())]),
        fields: form.fields(),
        carried: Carried::new(RoleCarried {
            attached_managed_policies: attached.iter().map(|arn| (*arn).to_owned()).collect(),
            role_policy_names: inline.keys().map(|name| (*name).to_owned()).collect(),
            other_managed_policies: attached
                .iter()
                .filter(|arn| !declared("managed_policies", arn))
                .map(|arn| (*arn).to_owned())
                .collect(),
            other_inline_policies: inline
                .iter()
                .filter(|(name, _)| !declared("inline_policies", name))
                .map(|(name, document)| ((*name).to_owned(), document.clone()))
                .collect(),
            was_used: role.role_last_used().is_some_and(|used| used.last_used_date().is_some()),
            holders: holders(role),
        }),
        refers: role
            .attached_managed_policies()
            .iter()
            .filter(|policy| policy.policy_arn().is_some_and(|arn| arn.contains(&account)))
            .filter_map(|policy| policy.policy_name())
            .chain(boundary.filter(|arn| arn.contains(&account)).and_then(|arn| arn.rsplit('/').next()))
            .map(|name| (KindId::Policy, name.to_owned()))
            .collect(),
    }
}

/// The instance profiles that hold a role.
fn holders(role: &RoleDetail) -> Vec<Holder> {
    role.instance_profile_list()
        .iter()
        .map(|profile| Holder {
            kind: HolderKind::Kind(KindId::InstanceProfile),
            name: profile.instance_profile_name.clone(),
            id: profile.instance_profile_id.clone(),
        })
        .collect()
}

/// Looks whether a role that exists is the one that the call makes: our marks, in the same place, with the same trust.
pub(super) async fn look(reader: &Reader, call: &PlannedCall) -> Result<Look, AwsError> {
    if call.operation != Operation::CreateRole {
        return Ok(Look::Unclear);
    }
    let (name, path, carried) =
        part(call, |input| Ok((input.required("RoleName", Input::text)?, input.text("Path")?, input.tags("Tags")?)))?;
    let wanted = document(&part(call, |input| input.required("AssumeRolePolicyDocument", Input::text))?);
    let path = path.unwrap_or_else(|| "/".to_owned());
    let role = match reader.role(&name).await {
        Ok(role) => role,
        Err(error) if error.is_not_found() => return Ok(Look::Absent),
        Err(error) => return Err(error),
    };
    let tags: Tags = role.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
    let trust = document(role.assume_role_policy_document().unwrap_or("{}"));
    let is_ours = carries(&tags, carried) && role.path == path && crate::policy::equal(&trust, &wanted);
    Ok(if is_ours { Look::Stands(json!({ "Arn": role.arn, "RoleId": role.role_id })) } else { Look::Differs })
}

pub(super) async fn perform(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (iam, operation) = (writer.iam(), call.operation);
    let role = |input: &Input<'_>| input.required("RoleName", Input::text);
    match operation {
        Operation::CreateRole => return create_role(writer, call).await,
        Operation::UpdateRole => {
            let request = whole(call, |input| {
                Ok(iam
                    .update_role()
                    .role_name(role(input)?)
                    .set_description(input.text("Description")?)
                    .set_max_session_duration(input.small("MaxSessionDuration")?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::UpdateAssumeRolePolicy => {
            let request = whole(call, |input| {
                Ok(iam
                    .update_assume_role_policy()
                    .role_name(role(input)?)
                    .policy_document(input.required("PolicyDocument", Input::text)?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::GetRole => {
            let (role, expected) = whole(call, |input| Ok((role(input)?, Expected::marked(input, &["RoleId"])?)))?;
            let role = writer.reader().role(&role).await?;
            let tags = role.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
            return expected.check(&[Some(&role.role_id)], Some(&tags));
        }
        Operation::DeleteRole => {
            let request = whole(call, |input| Ok(iam.delete_role().role_name(role(input)?)))?;
            writer.send(operation, request.send()).await?;
        }
        Operation::TagRole => {
            let request =
                whole(call, |input| Ok(iam.tag_role().role_name(role(input)?).set_tags(iam_tags(input, "Tags")?)))?;
            writer.send(operation, request.send()).await?;
        }
        Operation::UntagRole => {
            let request = whole(call, |input| {
                Ok(iam.untag_role().role_name(role(input)?).set_tag_keys(input.texts("TagKeys")?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        _ => return perform_on_policies(writer, call).await,
    }
    Ok(json!({}))
}

/// Makes the calls that are about the policies of a role and its boundary.
async fn perform_on_policies(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (iam, operation) = (writer.iam(), call.operation);
    let role = |input: &Input<'_>| input.required("RoleName", Input::text);
    match operation {
        Operation::PutRolePermissionsBoundary => {
            let request = whole(call, |input| {
                Ok(iam
                    .put_role_permissions_boundary()
                    .role_name(role(input)?)
                    .permissions_boundary(input.required("PermissionsBoundary", Input::text)?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::DeleteRolePermissionsBoundary => {
            let request = whole(call, |input| Ok(iam.delete_role_permissions_boundary().role_name(role(input)?)))?;
            writer.send(operation, request.send()).await?;
        }
        Operation::AttachRolePolicy => {
            let request = whole(call, |input| {
                Ok(iam
                    .attach_role_policy()
                    .role_name(role(input)?)
                    .policy_arn(input.required("PolicyArn", Input::text)?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::DetachRolePolicy => {
            let request = whole(call, |input| {
                Ok(iam
                    .detach_role_policy()
                    .role_name(role(input)?)
                    .policy_arn(input.required("PolicyArn", Input::text)?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::PutRolePolicy => {
            let request = whole(call, |input| {
                Ok(iam
                    .put_role_policy()
                    .role_name(role(input)?)
                    .policy_name(input.required("PolicyName", Input::text)?)
                    .policy_document(input.required("PolicyDocument", Input::text)?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::DeleteRolePolicy => {
            let request = whole(call, |input| {
                Ok(iam
                    .delete_role_policy()
                    .role_name(role(input)?)
                    .policy_name(input.required("PolicyName", Input::text)?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        _ => return Err(unusable(call, "no role needs it")),
    }
    Ok(json!({}))
}

async fn create_role(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (iam, operation) = (writer.iam(), call.operation);
    let request = whole(call, |input| {
        Ok(iam
            .create_role()
            .role_name(input.required("RoleName", Input::text)?)
            .set_path(input.text("Path")?)
            .assume_role_policy_document(input.required("AssumeRolePolicyDocument", Input::text)?)
            .set_description(input.text("Description")?)
            .set_max_session_duration(input.small("MaxSessionDuration")?)
            .set_permissions_boundary(input.text("PermissionsBoundary")?)
            .set_tags(iam_tags(input, "Tags")?))
    })?;
    let answer = writer.send(operation, request.send()).await?;
    let role = answer.role.ok_or_else(|| incomplete(call, "Role"))?;
    Ok(json!({ "Arn": role.arn, "RoleId": role.role_id }))
}

/// Builds IAM's tags from the input of a call.
pub(crate) fn iam_tags(input: &Input<'_>, name: &str) -> Result<Option<Vec<Tag>>, AwsError> {
    let Some(tags) = input.tags(name)? else { return Ok(None) };
    let built: Result<Vec<Tag>, _> =
        tags.into_iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    built.map(Some).map_err(|error| input.refuse(error))
}
