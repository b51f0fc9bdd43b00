//! What AWS says about instance profiles, and how it is told.

use super::carried::{Carrier, ProfileCarried};
use crate::kind::Carried;
use crate::model::KindId;
use crate::model::Operation;
use std::collections::BTreeMap;

use aws_sdk_iam::types::InstanceProfile;
use serde_json::{Value, json};

use crate::aws::{AwsError, Reader, Tags, TagsByArn, Writer};
use crate::kind::marks;
use crate::kind::{Desired, Found, Holder, HolderKind, KindLive, Live, Look, Owner};
use crate::kinds::expect::Expected;
use crate::kinds::identity::{by_iam_name, carries, entries, is_settled, unknown};
use crate::kinds::input::{Input, incomplete, part, unusable, whole};
use crate::kinds::live_form::{LiveForm, ids};
use crate::kinds::role::api::iam_tags;
use crate::model::{Action, PlannedCall};

pub(super) async fn refresh(reader: &Reader, desired: &[Desired]) -> KindLive {
    let mine: Vec<&Desired> = entries(desired, KindId::InstanceProfile).collect();
    let mut live = KindLive::default();
    let (profiles, index) = match tokio::try_join!(reader.list_instance_profiles(), reader.tagged_iam()) {
        Ok(read) => read,
        Err(error) => {
            live.found = mine.iter().map(|entry| (entry.address.clone(), unknown(&error))).collect();
            live.unreadable.push(error);
            return live;
        }
    };
    let found = mine.iter().map(|entry| async {
        let found = match by_iam_name(&profiles, &entry.name, |profile| &profile.instance_profile_name) {
            None => Found::Absent,
            Some(profile) => match tags(reader, profile, &index, entry).await {
                Ok(tags) => Found::Live(Box::new(normal_form(reader, profile, &tags))),
                Err(error) => unknown(&error),
            },
        };
        (entry.address.clone(), found)
    });
    live.found = futures_util::future::join_all(found).await.into_iter().collect();
    for profile in profiles.iter() {
        let claimed = mine.iter().any(|entry| entry.name.eq_ignore_ascii_case(&profile.instance_profile_name));
        let tags = index.get(&profile.arn).filter(|_| !claimed);
        if let Some(tags) = tags.filter(|tags| matches!(marks::owner(reader.scope(), tags), Owner::Ours(_))) {
            live.orphans.push(normal_form(reader, profile, tags));
        }
    }
    live.orphans.sort_by(|left, right| left.name.cmp(&right.name));
    live
}

async fn tags(
    reader: &Reader,
    profile: &InstanceProfile,
    index: &TagsByArn,
    entry: &Desired,
) -> Result<Tags, AwsError> {
    match index.get(&profile.arn).filter(|tags| is_settled(reader.scope(), entry, tags)) {
        Some(tags) => Ok(tags.clone()),
        None => reader.instance_profile_tags(&profile.instance_profile_name).await.map(|tags| Tags::clone(&tags)),
    }
}

fn normal_form(reader: &Reader, profile: &InstanceProfile, tags: &Tags) -> Live {
    let role = profile.roles.first().map(|role| role.role_name.as_str());
    let mut form = LiveForm::default();
    form.text("path", Some(profile.path.as_str())).text("role", role).tags(tags);
    Live {
        name: profile.instance_profile_name.clone(),
        owner: marks::owner(reader.scope(), tags),
        ids: ids([
            ("Arn", Some(profile.arn.as_str())),
            ("InstanceProfileId", Some(profile.instance_profile_id.as_str())),
        ]),
        fields: form.fields(),
        carried: Carried::default(),
        refers: role.map(|role| (KindId::Role, role.to_owned())).into_iter().collect(),
    }
}

/// Reads which instances carry the profiles that go: AWS lets a profile be deleted that is on an instance.
pub(super) async fn look_closer(
    reader: &Reader,
    going: &BTreeMap<String, Action>,
    all: &mut [(KindId, KindLive)],
) -> bool {
    let associations = match reader.profile_associations().await {
        Ok(associations) => associations,
        Err(error) => {
            for (_, profiles) in all.iter_mut().filter(|(kind, _)| *kind == KindId::InstanceProfile) {
                forget(profiles, going, error.clone());
            }
            return true;
        }
    };
    let attachments: BTreeMap<String, String> = all
        .iter()
        .filter(|(kind, _)| *kind == KindId::Attachment)
        .flat_map(|(_, live)| lives(live))
        .flat_map(|live| live.ids.values().map(|id| (id.clone(), live.name.clone())))
        .collect();
    for (_, profiles) in all.iter_mut().filter(|(kind, _)| *kind == KindId::InstanceProfile) {
        let found = profiles.found.values_mut().filter_map(|found| match found {
            Found::Live(live) => Some(&mut **live),
            Found::Absent | Found::Unknown { .. } | Found::Ambiguous { .. } => None,
        });
        for live in found.chain(&mut profiles.orphans).filter(|live| going.contains_key(&live.name)) {
            let arn = live.ids.get("Arn").map_or("", String::as_str);
            let carriers = associations
                .iter()
                .filter(|one| one.profile == arn)
                .map(|one| Carrier {
                    instance_id: one.instance.clone(),
                    association_id: one.id.clone(),
                    attachment: attachments.get(&one.id).cloned(),
                })
                .collect();
            live.carried = Carried::new(ProfileCarried { carriers });
        }
    }
    true
}

/// Makes the profiles unknown that can't be deleted without knowing which instances carry them.
fn forget(profiles: &mut KindLive, going: &BTreeMap<String, Action>, error: AwsError) {
    for found in profiles.found.values_mut() {
        if matches!(found, Found::Live(live) if going.contains_key(&live.name)) {
            *found = unknown(&error);
        }
    }
    let kept = profiles.orphans.len();
    profiles.orphans.retain(|live| !going.contains_key(&live.name));
    if profiles.orphans.len() < kept {
        profiles.unreadable.push(error);
    }
}

fn lives(live: &KindLive) -> impl Iterator<Item = &Live> {
    let found = live.found.values().filter_map(|found| match found {
        Found::Live(live) => Some(&**live),
        Found::Absent | Found::Unknown { .. } | Found::Ambiguous { .. } => None,
    });
    found.chain(&live.orphans)
}

/// Who carries a profile, as far as it was asked.
pub(super) fn holders(live: &Live) -> Vec<Holder> {
    let carriers = live.carried.get::<ProfileCarried>().into_iter().flat_map(|carried| &carried.carriers);
    let holder = |carrier: &Carrier| {
        let (kind, name) = match &carrier.attachment {
            Some(attachment) => (HolderKind::Kind(KindId::Attachment), attachment),
            None => (HolderKind::Instance, &carrier.instance_id),
        };
        Holder { kind, name: name.clone(), id: carrier.association_id.clone() }
    };
    let mut holders: Vec<Holder> = carriers.map(holder).collect();
    holders.sort();
    holders
}

/// Looks whether a profile that exists is the one that the call makes, and whether it holds the role already.
pub(super) async fn look(reader: &Reader, call: &PlannedCall) -> Result<Look, AwsError> {
    if !matches!(call.operation, Operation::CreateInstanceProfile | Operation::AddRoleToInstanceProfile) {
        return Ok(Look::Unclear);
    }
    let name = part(call, |input| input.required("InstanceProfileName", Input::text))?;
    let (role, path, wanted) =
        part(call, |input| Ok((input.text("RoleName")?, input.text("Path")?, input.tags("Tags")?)))?;
    let profile = match reader.instance_profile(&name).await {
        Ok(profile) => profile,
        Err(error) if error.is_not_found() => return Ok(Look::Absent),
        Err(error) => return Err(error),
    };
    if let Some(role) = role {
        return Ok(match profile.roles.first() {
            None => Look::Absent,
            Some(held) if held.role_name == role => Look::Stands(json!({})),
            Some(_) => Look::Differs,
        });
    }
    let tags = profile.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
    let is_ours = carries(&tags, wanted) && profile.path == path.unwrap_or_else(|| "/".to_owned());
    Ok(if is_ours {
        Look::Stands(json!({ "Arn": profile.arn, "InstanceProfileId": profile.instance_profile_id }))
    } else {
        Look::Differs
    })
}

pub(super) async fn perform(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let (iam, operation) = (writer.iam(), call.operation);
    let profile = |input: &Input<'_>| input.required("InstanceProfileName", Input::text);
    let role = |input: &Input<'_>| input.required("RoleName", Input::text);
    match operation {
        Operation::CreateInstanceProfile => {
            let request = whole(call, |input| {
                Ok(iam
                    .create_instance_profile()
                    .instance_profile_name(profile(input)?)
                    .set_path(input.text("Path")?)
                    .set_tags(iam_tags(input, "Tags")?))
            })?;
            let answer = writer.send(operation, request.send()).await?;
            let profile = answer.instance_profile.ok_or_else(|| incomplete(call, "InstanceProfile"))?;
            return Ok(json!({ "Arn": profile.arn, "InstanceProfileId": profile.instance_profile_id }));
        }
        Operation::AddRoleToInstanceProfile => {
            let request = whole(call, |input| {
                Ok(iam.add_role_to_instance_profile().instance_profile_name(profile(input)?).role_name(role(input)?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::RemoveRoleFromInstanceProfile => {
            let request = whole(call, |input| {
                Ok(iam
                    .remove_role_from_instance_profile()
                    .instance_profile_name(profile(input)?)
                    .role_name(role(input)?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::GetInstanceProfile => {
            let names = ["InstanceProfileId"];
            let (name, expected) = whole(call, |input| Ok((profile(input)?, Expected::marked(input, &names)?)))?;
            let found = writer.reader().instance_profile(&name).await?;
            let tags = found.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
            return expected.check(&[Some(&found.instance_profile_id)], Some(&tags));
        }
        Operation::GetRole => {
            let (name, expected) = whole(call, |input| Ok((role(input)?, Expected::marked(input, &["RoleId"])?)))?;
            let found = writer.reader().role(&name).await?;
            let tags = found.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
            return expected.check(&[Some(&found.role_id)], Some(&tags));
        }
        Operation::DeleteInstanceProfile => {
            let request =
                whole(call, |input| Ok(iam.delete_instance_profile().instance_profile_name(profile(input)?)))?;
            writer.send(operation, request.send()).await?;
        }
        Operation::DisassociateIamInstanceProfile => {
            let association = whole(call, |input| input.required("AssociationId", Input::text))?;
            writer.disassociate_instance_profile(&association).await?;
        }
        Operation::TagInstanceProfile => {
            let request = whole(call, |input| {
                Ok(iam.tag_instance_profile().instance_profile_name(profile(input)?).set_tags(iam_tags(input, "Tags")?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        Operation::UntagInstanceProfile => {
            let request = whole(call, |input| {
                Ok(iam
                    .untag_instance_profile()
                    .instance_profile_name(profile(input)?)
                    .set_tag_keys(input.texts("TagKeys")?))
            })?;
            writer.send(operation, request.send()).await?;
        }
        _ => return Err(unusable(call, "no instance profile needs it")),
    }
    Ok(json!({}))
}
