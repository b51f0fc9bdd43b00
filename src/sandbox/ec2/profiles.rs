//! Instance profiles on instances. An instance has at most one; IAM lets a profile be deleted that is on an instance.

use serde_json::{Value, json};

use super::instances;
use super::model::ProfileAssociation;
use super::operations::refusal;
use super::query::{Filters, paged, text, texts};
use crate::sandbox::account::{Account, Answer, ApiError, Context, Region};
use crate::sandbox::iam::InstanceProfile;
use crate::sandbox::made;

/// How long an association is `associating`, in milliseconds.
const TAKES: i64 = 10_000;

impl Region {
    /// Lists the associations of instance profiles by id. Which there are follows from the instances.
    pub fn profile_associations(&self) -> Vec<(String, ProfileAssociation)> {
        let mut all: Vec<(String, ProfileAssociation)> = self
            .fleet
            .instances
            .values()
            .filter_map(|instance| {
                let profile = instance.instance_profile.as_ref()?;
                let known = self
                    .ec2
                    .profile_associations
                    .iter()
                    .find(|(_, one)| one.instance == instance.id && one.profile == *profile);
                // The profile was put on the instance without a call of EC2: its association gets a deterministic id.
                let early = || {
                    let digest = made::uuid_of(&format!("{}/{profile}", instance.id)).replace('-', "");
                    let association = ProfileAssociation {
                        instance: instance.id.clone(),
                        profile: profile.clone(),
                        since: instance.launched,
                        associated: instance.launched,
                    };
                    (format!("iip-assoc-0{}", &digest[..16]), association)
                };
                Some(known.map_or_else(early, |(id, one)| (id.clone(), one.clone())))
            })
            .collect();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    }

    /// Replaces the profile of an instance by another one, or removes it.
    fn carry(&mut self, instance: &str, new: Option<(String, ProfileAssociation)>) {
        self.ec2.profile_associations.retain(|_, one| one.instance != instance);
        if let Some(instance) = self.fleet.instances.get_mut(instance) {
            instance.instance_profile = new.as_ref().map(|(_, one)| one.profile.clone());
        }
        self.ec2.profile_associations.extend(new);
    }
}

/// Finds the profile that a request names; returns it with the name and the value of the request's parameter.
pub(in crate::sandbox) fn named_profile<'a>(
    account: &'a Account,
    given: &'a Value,
) -> Option<(&'a InstanceProfile, &'static str, &'a str)> {
    match (text(given, "Name"), text(given, "Arn")) {
        (name, "") => Some((account.iam.profile(name)?, "name", name)),
        (_, arn) => Some((account.iam.profiles.values().find(|one| one.arn == arn)?, "arn", arn)),
    }
}

pub(in crate::sandbox) fn invalid_profile(member: &str, given: &str) -> ApiError {
    let what = if member == "arn" { "ARN" } else { "name" };
    let message = format!(
        "Value ({given}) for parameter iamInstanceProfile.{member} is invalid. Invalid IAM Instance Profile {what}"
    );
    refusal("InvalidParameterValue", message)
}

pub(in crate::sandbox) fn profile_without_role(arn: &str) -> ApiError {
    refusal("InvalidParameterValue", format!("IAM Instance Profile \"{arn}\" has no associated IAM Roles"))
}

/// Finds the profile of a request, which must hold a role.
fn wanted<'a>(account: &'a Account, input: &'a Value) -> Result<&'a InstanceProfile, ApiError> {
    let given = &input["IamInstanceProfile"];
    if !text(given, "Name").is_empty() && !text(given, "Arn").is_empty() {
        let message =
            "The parameter 'iamInstanceProfile.name' cannot be used in combination with 'iamInstanceProfile.arn'";
        return Err(refusal("InvalidParameterCombination", message));
    }
    match named_profile(account, given) {
        Some((profile, _, _)) if profile.role.is_none() => Err(profile_without_role(&profile.arn)),
        Some((profile, _, _)) => Ok(profile),
        None => {
            let arn = text(given, "Arn");
            Err(if arn.is_empty() { invalid_profile("name", text(given, "Name")) } else { invalid_profile("arn", arn) })
        }
    }
}

/// Writes a profile as instances and associations show it. An instance goes on showing a profile that was deleted.
pub(super) fn shown(account: &Account, arn: &str) -> Value {
    let id = account.iam.profiles.values().find(|profile| profile.arn == arn).map(|profile| profile.id.clone());
    let deleted = || format!("AIPA{}", &made::uuid_of(arn).replace('-', "").to_uppercase()[..17]);
    json!({"Arn": arn, "Id": id.unwrap_or_else(deleted)})
}

fn described(account: &Account, id: &str, one: &ProfileAssociation, state: &str) -> Value {
    json!({
        "AssociationId": id,
        "InstanceId": one.instance,
        "IamInstanceProfile": shown(account, &one.profile),
        "State": state,
    })
}

fn state(one: &ProfileAssociation, now: i64) -> &'static str {
    if one.associated <= now { "associated" } else { "associating" }
}

fn found(region: &Region, id: &str) -> Result<ProfileAssociation, ApiError> {
    let missing = || refusal("InvalidAssociationID.NotFound", format!("An invalid association-id of '{id}' was given"));
    region.profile_associations().into_iter().find(|(other, _)| other == id).map(|(_, one)| one).ok_or_else(missing)
}

fn put(context: &mut Context<'_>, instance: &str, profile: String) -> Value {
    let now = context.now;
    let id = format!("iip-assoc-0{}", context.hex_id(16));
    let one = ProfileAssociation { instance: instance.to_owned(), profile, since: now, associated: now + TAKES };
    context.region_mut().carry(instance, Some((id.clone(), one.clone())));
    json!({"IamInstanceProfileAssociation": described(context.account, &id, &one, "associating")})
}

pub(super) fn associate(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = text(input, "InstanceId");
    let region = context.region_mut();
    instances::check_ids(&region.fleet, &[id])?;
    let instance = &region.fleet.instances[id];
    let (state, carries) = (instance.state.clone(), instance.instance_profile.is_some());
    let profile = wanted(context.account, input)?.arn.clone();
    if !matches!(state.as_str(), "running" | "stopped") {
        let message = format!("The instance '{id}' is not in the 'running' or 'stopped' states.");
        return Err(refusal("IncorrectInstanceState", message));
    }
    if carries {
        return Err(refusal("IncorrectState", format!("There is an existing association for instance {id}")));
    }
    Ok(put(context, id, profile))
}

pub(super) fn replace(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = text(input, "AssociationId");
    let old = found(context.region_mut(), id)?;
    let profile = wanted(context.account, input)?.arn.clone();
    let state = context.region_mut().fleet.instances.get(&old.instance).map(|instance| instance.state.clone());
    // aws/aws-cli#5251: an instance that does not run has no active association.
    if state.is_some_and(|state| state != "running") {
        return Err(refusal("IncorrectState", format!("The association {id} is not the active association")));
    }
    Ok(put(context, &old.instance, profile))
}

pub(super) fn disassociate(context: &mut Context<'_>, input: &Value) -> Answer {
    let id = text(input, "AssociationId");
    let old = found(context.region_mut(), id)?;
    context.region_mut().carry(&old.instance, None);
    Ok(json!({"IamInstanceProfileAssociation": described(context.account, id, &old, "disassociating")}))
}

pub(super) fn describe(context: &mut Context<'_>, input: &Value) -> Answer {
    let now = context.now;
    let filters = Filters::read(input, &["instance-id", "state"])?;
    let ids = texts(input, "AssociationIds");
    for id in &ids {
        found(context.region_mut(), id)?;
    }
    let associations = context.region_mut().profile_associations();
    let all = associations
        .into_iter()
        .filter(|(id, one)| {
            (ids.is_empty() || ids.contains(&id.as_str()))
                && filters.pass(&std::collections::BTreeMap::new(), |filter| {
                    vec![if filter == "state" { state(one, now).to_owned() } else { one.instance.clone() }]
                })
        })
        .map(|(id, one)| {
            let shown = described(context.account, &id, &one, state(&one, now));
            (id, shown)
        })
        .collect();
    paged("DescribeIamInstanceProfileAssociations", input, "IamInstanceProfileAssociations", all)
}
