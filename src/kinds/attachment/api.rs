//! What EC2 says about profiles on instances, and how it is told.

use crate::model::KindId;
use crate::model::Operation;
use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::live::{Seen, name_of};
use crate::aws::{AwsError, Reader, Writer};
use crate::kind::marks;
use crate::kind::{Desired, Found, KindLive, Look, Owner};
use crate::kinds::expect::Expected;
use crate::kinds::identity::{entries, unknown};
use crate::kinds::input::{Input, incomplete, part, unusable, whole};
use crate::model::PlannedCall;

/// Reads the attachments. A file without any asks for no permission to read instances.
pub(super) async fn refresh(reader: &Reader, desired: &[Desired]) -> KindLive {
    let mine: Vec<&Desired> = entries(desired, KindId::Attachment).collect();
    let mut live = KindLive::default();
    if mine.is_empty() {
        return live;
    }
    let read = tokio::try_join!(reader.instances(), reader.profile_associations(), own_profiles(reader));
    let (instances, associations, own) = match read {
        Ok(read) => read,
        Err(error) => {
            live.found = mine.iter().map(|entry| (entry.address.clone(), unknown(&error))).collect();
            live.unreadable.push(error);
            return live;
        }
    };
    let seen = Seen::new(&mine, &instances, &associations, &own);
    for entry in &mine {
        live.found.insert(entry.address.clone(), Found::Live(Box::new(seen.normal_form(entry))));
    }
    live.orphans = seen.orphans();
    live
}

/// The ARNs of the profiles that carry the stack's mark.
async fn own_profiles(reader: &Reader) -> Result<BTreeSet<String>, AwsError> {
    let (profiles, index) = tokio::try_join!(reader.list_instance_profiles(), reader.tagged_iam())?;
    let is_ours =
        |arn: &str| index.get(arn).is_some_and(|tags| matches!(marks::owner(reader.scope(), tags), Owner::Ours(_)));
    Ok(profiles.iter().filter(|profile| is_ours(&profile.arn)).map(|profile| profile.arn.clone()).collect())
}

/// Looks which profile is on the instance of a call.
pub(super) async fn look(reader: &Reader, call: &PlannedCall) -> Result<Look, AwsError> {
    let (wanted, instance) = part(call, |input| Ok((input.built(PROFILE, profile_name)?, input.text("InstanceId")?)))?;
    let Some(wanted) = wanted else { return Ok(Look::Unclear) };
    let associations = reader.profile_associations().await?;
    let stands = |id: &str| Look::Stands(json!({ "AssociationId": id }));
    if let Some(instance) = instance {
        let on = associations.iter().find(|one| one.instance == instance && !one.state.starts_with("disassociat"));
        return Ok(match on {
            None => Look::Absent,
            Some(one) if name_of(&one.profile) == wanted => stands(&one.id),
            Some(_) => Look::Differs,
        });
    }
    let old = part(call, |input| input.required("AssociationId", Input::text))?;
    if associations.iter().any(|one| one.id == old && !one.state.starts_with("disassociat")) {
        return Ok(Look::Absent);
    }
    // The old id no longer tells the instance. An association of the same profile that is being made shows the effect.
    let made = associations.iter().find(|one| one.state == "associating" && name_of(&one.profile) == wanted);
    Ok(made.map_or(Look::Unclear, |one| stands(&one.id)))
}

/// The structure that names a profile.
const PROFILE: &str = "IamInstanceProfile";

fn profile_name(profile: &Input<'_>) -> Result<String, AwsError> {
    profile.required("Name", Input::text)
}

pub(super) async fn perform(writer: &Writer, call: &PlannedCall) -> Result<Value, AwsError> {
    let carried = |name: &str| {
        whole(call, |input| {
            let profile = input.required(PROFILE, |input, name| input.built(name, profile_name))?;
            Ok((input.required(name, Input::text)?, profile))
        })
    };
    let (made, wanted) = match call.operation {
        Operation::GetInstanceProfile => {
            let (name, expected) = whole(call, |input| {
                let name = input.required("InstanceProfileName", Input::text)?;
                Ok((name, Expected::marked(input, &["InstanceProfileId"])?))
            })?;
            let found = writer.reader().instance_profile(&name).await?;
            let tags = found.tags().iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
            return expected.check(&[Some(&found.instance_profile_id)], Some(&tags));
        }
        Operation::AssociateIamInstanceProfile => {
            let (instance, profile) = carried("InstanceId")?;
            (writer.associate_instance_profile(&instance, &profile).await?, Some(profile))
        }
        Operation::ReplaceIamInstanceProfileAssociation => {
            let (association, profile) = carried("AssociationId")?;
            (writer.replace_instance_profile(&association, &profile).await?, Some(profile))
        }
        Operation::DisassociateIamInstanceProfile => {
            let association = whole(call, |input| input.required("AssociationId", Input::text))?;
            (writer.disassociate_instance_profile(&association).await?, None)
        }
        _ => return Err(unusable(call, "attachments do not make it")),
    };
    // The answer shows the association as it was made: its profile must be the one that was asked for.
    if wanted.is_some_and(|wanted| wanted != name_of(&made.profile)) {
        return Err(incomplete(call, "IamInstanceProfile"));
    }
    Ok(json!({ "AssociationId": made.id }))
}
