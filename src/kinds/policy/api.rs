//! What AWS says about customer managed policies, and how it is told.

use super::carried::PolicyCarried;
use crate::kind::Carried;
use crate::model::KindId;
use crate::model::Operation;
use aws_sdk_iam::types::{ManagedPolicyDetail, PolicyVersion, RoleDetail};
use serde_json::{Value, json};

use crate::aws::{AwsError, Reader, Tags, TagsByArn, Writer};
use crate::kind::marks;
use crate::kind::{Desired, Found, Holder, HolderKind, KindLive, Live, Look, Owner};
use crate::kinds::expect::Expected;
use crate::kinds::identity::{by_iam_name, carries, entries, is_settled, unknown};
use crate::kinds::input::{Input, incomplete, part, unusable, whole};
use crate::kinds::live_form::{LiveForm, document, ids};
use crate::kinds::role::api::iam_tags;
use crate::model::PlannedCall;

pub(super) async fn refresh(reader: &Reader, desired: &[Desired]) -> KindLive {
    let mine: Vec<&Desired> = entries(desired, KindId::Policy).collect();
    let mut live = KindLive::default();
    let (authorization, index) = match tokio::try_join!(reader.account_authorization_details(), reader.tagged_iam()) {
        Ok(read) => read,
        Err(error) => {
            live.found = mine.iter().map(|entry| (entry.address.clone(), unknown(&error))).collect();
            live.unreadable.push(error);
            return live;
        }
    };
    let found = mine.iter().map(|entry| async {
        let found = match by_iam_name(&authorization.policies, &entry.name, |policy| name(policy)) {
            None => Found::Absent,
            Some(policy) => read_one(reader, policy, &authorization.roles, &index, entry)
                .await
                .unwrap_or_else(|error| unknown(&error)),
        };
        (entry.address.clone(), found)
    });
    live.found = futures_util::future::join_all(found).await.into_iter().collect();
    for policy in &authorization.policies {
        let claimed = mine.iter().any(|entry| entry.name.eq_ignore_ascii_case(name(policy)));
        let tags = index.get(policy.arn().unwrap_or_default()).filter(|_| !claimed);
        if let Some(tags) = tags.filter(|tags| matches!(marks::owner(reader.scope(), tags), Owner::Ours(_))) {
            live.orphans.push(normal_form(reader, policy, &authorization.roles, tags, None));
        }
    }
    live.orphans.sort_by(|left, right| left.name.cmp(&right.name));
    live
}

async fn read_one(
    reader: &Reader,
    policy: &ManagedPolicyDetail,
    roles: &[RoleDetail],
    index: &TagsByArn,
    entry: &Desired,
) -> Result<Found, AwsError> {
    let arn = policy.arn().unwrap_or_default();
    let indexed = index.get(arn).filter(|tags| is_settled(reader.scope(), entry, tags));
    // The sweep leaves the description out.
    let wants_description = entry.fields.contains_key("description");
    let live = match indexed {
        Some(tags) if !wants_description => normal_form(reader, policy, roles, tags, None),
        _ => {
            let full = reader.policy(arn).await?;
            let tags = full.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
            normal_form(reader, policy, roles, &tags, full.description())
        }
    };
    Ok(Found::Live(Box::new(live)))
}

fn name(policy: &ManagedPolicyDetail) -> &str {
    policy.policy_name().unwrap_or_default()
}

/// Who has the policy, or has it as permissions boundary: the roles by name, users and groups as a number.
fn holders(policy: &ManagedPolicyDetail, roles: &[RoleDetail]) -> Vec<Holder> {
    let arn = policy.arn().unwrap_or_default();
    let has = |role: &&RoleDetail| role.attached_managed_policies().iter().any(|held| held.policy_arn() == Some(arn));
    let is_bound = |role: &&RoleDetail| {
        role.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn()) == Some(arn)
    };
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let mut found: Vec<Holder> = roles
        .iter()
        .filter(|role| has(role) || is_bound(role))
        .map(|role| Holder {
            kind: HolderKind::Kind(KindId::Role),
            name: text(role.role_name()),
            id: text(role.role_id()),
        })
        .collect();
    let known = roles.iter().filter(has).count() + roles.iter().filter(is_bound).count();
    let count = |number: Option<i32>| number.and_then(|number| usize::try_from(number).ok()).unwrap_or_default();
    let all = count(policy.attachment_count()) + count(policy.permissions_boundary_usage_count());
    if all > known {
        found.push(Holder { kind: HolderKind::Principal, name: format!("{} more", all - known), id: String::new() });
    }
    found
}

fn normal_form(
    reader: &Reader,
    policy: &ManagedPolicyDetail,
    roles: &[RoleDetail],
    tags: &Tags,
    description: Option<&str>,
) -> Live {
    let mut versions: Vec<&PolicyVersion> = policy.policy_version_list().iter().collect();
    // Oldest first; the number of the version decides between equal times.
    versions.sort_by_key(|version| {
        let number = version.version_id().and_then(|id| id.trim_start_matches('v').parse::<u64>().ok());
        (version.create_date().map(aws_smithy_types::DateTime::as_nanos), number)
    });
    let default = versions.iter().find(|version| version.is_default_version);
    let mut form = LiveForm::default();
    form.text("path", policy.path())
        .text("description", description)
        .value("document", document(default.and_then(|version| version.document()).unwrap_or("{}")))
        .tags(tags);
    Live {
        name: name(policy).to_owned(),
        owner: marks::owner(reader.scope(), tags),
        ids: ids([
            ("Arn", policy.arn()),
            ("PolicyId", policy.policy_id()),
            ("DefaultVersionId", policy.default_version_id()),
        ]),
        fields: form.fields(),
        carried: Carried::new(PolicyCarried {
            versions: versions.iter().filter_map(|version| version.version_id().map(str::to_owned)).collect(),
            holders: holders(policy, roles),
        }),
        refers: Vec::new(),
    }
}

/// Looks whether a policy that exists is the one that the call makes, and whether a version is the default already.
pub(super) async fn look(reader: &Reader, call: &PlannedCall) -> Result<Look, AwsError> {
    match call.operation {
        Operation::CreatePolicy => {
            let (name, path, wanted) = part(call, |input| {
                Ok((input.required("PolicyName", Input::text)?, input.text("Path")?, input.tags("Tags")?))
            })?;
            let path = path.unwrap_or_else(|| "/".to_owned());
            let arn = reader.scope().iam_arn("policy", &path, &name);
            match reader.policy(&arn).await {
                Ok(policy) => {
                    let tags = policy.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
                    Ok(if carries(&tags, wanted) {
                        Look::Stands(json!({ "Arn": policy.arn(), "PolicyId": policy.policy_id() }))
                    } else {
                        Look::Differs
                    })
                }
                Err(error) if error.is_not_found() => Ok(Look::Absent),
                Err(error) => Err(error),
            }
        }
        Operation::CreatePolicyVersion => {
            let text = |name: &str| part(call, |input| input.required(name, Input::text));
            let (arn, wanted) = (text("PolicyArn")?, document(&text("PolicyDocument")?));
            let authorization = reader.account_authorization_details().await?;
            let Some(policy) = authorization.policies.iter().find(|policy| policy.arn() == Some(arn.as_str())) else {
                return Ok(Look::Absent);
            };
            let default = policy.policy_version_list().iter().find(|version| version.is_default_version);
            let live = document(default.and_then(|version| version.document()).unwrap_or("{}"));
            Ok(if crate::policy::equal(&live, &wanted) {
                Look::Stands(json!({ "VersionId": policy.default_version_id() }))
            } else {
                Look::Absent
            })
        }
        _ => Ok(Look::Unclear),
    }
}

pub(super) async fn perform(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (iam, operation) = (writer.iam(), call.operation);
    let arn = |input: &Input<'_>| input.required("PolicyArn", Input::text);
    match operation {
        Operation::CreatePolicy => {
            let request = whole(call, |input| {
                Ok(iam
                    .create_policy()
                    .policy_name(input.required("PolicyName", Input::text)?)
                    .set_path(input.text("Path")?)
                    .policy_document(input.required("PolicyDocument", Input::text)?)
                    .set_description(input.text("Description")?)
                    .set_tags(iam_tags(input, "Tags")?))
            })?;
            let answer = writer.send(operation, request.send()).await?;
            let policy = answer.policy.ok_or_else(|| incomplete(call, "Policy"))?;
            return Ok(json!({ "Arn": policy.arn, "PolicyId": policy.policy_id }));
        }
        Operation::CreatePolicyVersion => {
            let request = whole(call, |input| {
                Ok(iam
                    .create_policy_version()
                    .policy_arn(arn(input)?)
                    .policy_document(input.required("PolicyDocument", Input::text)?)
                    .set_set_as_default(input.flag("SetAsDefault")?))
            })?;
            let answer = writer.send(operation, request.send()).await?;
            return Ok(json!({ "VersionId": answer.policy_version.and_then(|version| version.version_id) }));
        }
        Operation::GetPolicy => {
            let (arn, expected) = whole(call, |input| Ok((arn(input)?, Expected::marked(input, &["PolicyId"])?)))?;
            let policy = writer.reader().policy(&arn).await?;
            let tags = policy.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
            return expected.check(&[policy.policy_id()], Some(&tags));
        }
        Operation::DeletePolicyVersion => {
            let request = whole(call, |input| {
                Ok(iam
                    .delete_policy_version()
                    .policy_arn(arn(input)?)
                    .version_id(input.required("VersionId", Input::text)?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::DeletePolicy => {
            let request = whole(call, |input| Ok(iam.delete_policy().policy_arn(arn(input)?)))?;
            writer.send(operation, request.send()).await?;
        }
        Operation::TagPolicy => {
            let request =
                whole(call, |input| Ok(iam.tag_policy().policy_arn(arn(input)?).set_tags(iam_tags(input, "Tags")?)))?;
            writer.send(operation, request.send()).await?;
        }
        Operation::UntagPolicy => {
            let request = whole(call, |input| {
                Ok(iam.untag_policy().policy_arn(arn(input)?).set_tag_keys(input.texts("TagKeys")?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        _ => return Err(unusable(call, "no policy needs it")),
    }
    Ok(json!({}))
}
