//! Customer managed policies and instance profiles.

use crate::config::context::{Context, Target};
use crate::config::limits;
use crate::config::names::{POLICY_NAME, PROFILE_NAME};
use crate::config::tree::Node;
use crate::kind::Desired;
use crate::kinds::instance_profile::spec::{InstanceProfileSpec, ResolvedInstanceProfile};
use crate::kinds::policy::spec::{PolicySpec, ResolvedPolicy};
use crate::model::Address;
use crate::model::KindId;

use super::across::{Facts, ProfileFacts};

/// Resolves `[policy.*]`.
pub(crate) fn policies(file: &Node, context: &mut Context<'_>) -> Vec<Desired> {
    let mut all = Vec::new();
    for entry in context.entries::<PolicySpec>(file.get("policy"), KindId::Policy, None) {
        context.check_name(&entry, POLICY_NAME);
        context.check_path(&entry, &["path"], entry.spec.path.as_deref());
        context.check_description(&entry, entry.spec.description.as_deref());
        let document = context.identity_document(&entry, &["document"], &entry.spec.document);
        if let Some(document) = document.as_ref().filter(|document| document.size > limits::MANAGED) {
            let message = format!("the document has {} characters, and {} is the most", document.size, limits::MANAGED);
            let diagnostic = entry.error("VSS0509", message).label("too long, white space not counted");
            context.report(&entry.place(&["document"]), diagnostic);
        }
        context.check_allowances(&entry);
        let resolved = ResolvedPolicy {
            path: context.iam_path(entry.spec.path.as_ref()),
            description: entry.spec.description.clone(),
            document: document.map(|document| document.value),
            tags: context.merged_tags(&entry, true),
        };
        all.push(context.desired(&entry, resolved.normal_form()));
    }
    context.check_unique(KindId::Policy, POLICY_NAME);
    all
}

/// Resolves `[instance_profile.*]`.
pub(crate) fn profiles(file: &Node, context: &mut Context<'_>, facts: &mut Facts) -> Vec<Desired> {
    let mut all = Vec::new();
    for entry in context.entries::<InstanceProfileSpec>(file.get("instance_profile"), KindId::InstanceProfile, None) {
        context.check_name(&entry, PROFILE_NAME);
        context.check_path(&entry, &["path"], entry.spec.path.as_deref());
        let target = context.reference(&entry, &["role"], &entry.spec.role, KindId::Role, ("iam", "role"));
        let place = entry.place(&["role"]);
        let (role, address): (Option<String>, Option<Address>) = match target {
            Some(Target::Entry(address, name)) => (Some(name), Some(address)),
            Some(Target::Arn(arn)) => {
                let fits = context.check_arn(&entry, &place, &arn, false);
                (fits.then(|| arn.name().to_owned()), context.own_role(&arn))
            }
            None => (None, None),
        };
        if let Some(role) = &address {
            facts.profiles.push(ProfileFacts { address: entry.address.clone(), role: role.clone() });
        }
        let resolved = ResolvedInstanceProfile {
            path: context.iam_path(entry.spec.path.as_ref()),
            role,
            tags: context.merged_tags(&entry, true),
        };
        let mut desired = context.desired(&entry, resolved.normal_form());
        desired.references.extend(address);
        all.push(desired);
    }
    context.check_unique(KindId::InstanceProfile, PROFILE_NAME);
    all
}
