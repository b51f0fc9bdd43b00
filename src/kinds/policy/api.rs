//! What AWS says about customer managed policies, and how it is told.

use aws_sdk_iam::types::{ManagedPolicyDetail, PolicyVersion, RoleDetail};
use serde_json::{Value, json};

use crate::aws::{AwsError, Reader, Tags, TagsByArn, Writer};
use crate::kind::{Desired, Found, KindLive, Live, Owner};
use crate::kinds::identity::{by_iam_name, entries, is_settled, unknown};
use crate::kinds::input::{Input, incomplete, unusable};
use crate::kinds::live_form::{LiveForm, document, ids};
use crate::kinds::role::api::iam_tags;
use crate::plan::{PlannedCall, marks};

pub(super) async fn refresh(reader: &Reader, desired: &[Desired]) -> KindLive {
    let mine: Vec<&Desired> = entries(desired, "policy").collect();
    let mut live = KindLive::default();
    let (authorization, index) = match tokio::try_join!(reader.account_authorization_details(), reader.tagged_iam()) {
        Ok(read) => read,
        Err(error) => {
            live.found = mine.iter().map(|entry| (entry.address.clone(), unknown(&error))).collect();
            return live;
        }
    };
    let found = mine.iter().map(|entry| async {
        let found = match by_iam_name(&authorization.policies, &entry.name, |policy| name(policy)) {
            None => Found::Absent,
            Some(policy) => {
                let read = read_one(reader, policy, &authorization.roles, &index, entry).await;
                read.unwrap_or_else(|error| unknown(&error))
            }
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

fn normal_form(
    reader: &Reader,
    policy: &ManagedPolicyDetail,
    roles: &[RoleDetail],
    tags: &Tags,
    description: Option<&str>,
) -> Live {
    let attached: Vec<&str> = roles
        .iter()
        .filter(|role| role.attached_managed_policies().iter().any(|attached| attached.policy_arn() == policy.arn()))
        .filter_map(|role| role.role_name())
        .collect();
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
        carried: json!({
            "versions": versions.iter().filter_map(|version| version.version_id()).collect::<Vec<_>>(),
            "AttachmentCount": policy.attachment_count(),
            "AttachedRoles": attached,
        }),
        refers: Vec::new(),
    }
}

pub(super) async fn perform(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (iam, input, action) = (writer.iam(), Input::of(call), call.action.as_str());
    let arn = input.text("PolicyArn");
    match action {
        "iam:CreatePolicy" => {
            let request = iam
                .create_policy()
                .set_policy_name(input.text("PolicyName"))
                .set_path(input.text("Path"))
                .set_policy_document(input.text("PolicyDocument"))
                .set_description(input.text("Description"))
                .set_tags(iam_tags(call, "Tags")?);
            let answer = writer.send(action, request.send()).await?;
            let policy = answer.policy.ok_or_else(|| incomplete(call, "Policy"))?;
            return Ok(json!({ "Arn": policy.arn, "PolicyId": policy.policy_id }));
        }
        "iam:CreatePolicyVersion" => {
            let request = iam
                .create_policy_version()
                .set_policy_arn(arn)
                .set_policy_document(input.text("PolicyDocument"))
                .set_set_as_default(input.flag("SetAsDefault"));
            let answer = writer.send(action, request.send()).await?;
            return Ok(json!({ "VersionId": answer.policy_version.and_then(|version| version.version_id) }));
        }
        "iam:DeletePolicyVersion" => {
            let request = iam.delete_policy_version().set_policy_arn(arn).set_version_id(input.text("VersionId"));
            writer.send(action, request.send()).await?;
        }
        "iam:DeletePolicy" => {
            writer.send(action, iam.delete_policy().set_policy_arn(arn).send()).await?;
        }
        "iam:TagPolicy" => {
            let request = iam.tag_policy().set_policy_arn(arn).set_tags(iam_tags(call, "Tags")?);
            writer.send(action, request.send()).await?;
        }
        "iam:UntagPolicy" => {
            let request = iam.untag_policy().set_policy_arn(arn).set_tag_keys(input.texts("TagKeys"));
            writer.send(action, request.send()).await?;
        }
        _ => return Err(unusable(call, "no policy needs it")),
    }
    Ok(json!({}))
}
