//! The roles of the account, and the documents of the policies that count.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::RoleDetail;
use futures_util::future::join_all;
use serde_json::Value;

use super::known::known;
use crate::aws::{Authorization, Reader};
use crate::policy;
use crate::policy::trust::trusts;
use crate::vss::evidence::{Evidence, Known, Role};

/// Reads every role. The documents of managed policies are read only for roles that instances or selections use.
pub(super) async fn roles(
    reader: &Reader,
    authorization: &Authorization,
    evidence: &Evidence,
) -> BTreeMap<String, Role> {
    let mut used = used_roles(evidence);
    // A role that AWS Backup may assume may be one for restores.
    let assumed = |detail: &&RoleDetail| {
        detail.assume_role_policy_document().is_some_and(|text| trusts(&document(text), "backup.amazonaws.com"))
    };
    used.extend(authorization.roles.iter().filter(assumed).filter_map(|detail| detail.arn().map(str::to_owned)));
    let documents: BTreeMap<&str, &str> = authorization
        .policies
        .iter()
        .filter_map(|policy| {
            let version = policy.policy_version_list().iter().find(|version| version.is_default_version())?;
            Some((policy.arn()?, version.document()?))
        })
        .collect();
    let mut wanted = BTreeSet::new();
    for detail in authorization.roles.iter().filter(|detail| detail.arn().is_some_and(|arn| used.contains(arn))) {
        wanted.extend(detail.attached_managed_policies().iter().filter_map(|policy| policy.policy_arn()));
        wanted.extend(detail.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn()));
    }
    let read = wanted.into_iter().map(|arn| {
        let listed = documents.get(arn).map(|document| (*document).to_owned());
        async move {
            let text = match listed {
                Some(text) => Ok(text),
                None => reader.policy_document(arn).await,
            };
            (arn.to_owned(), known(text).map(|text| document(&text)))
        }
    });
    let read: BTreeMap<String, Known<Value>> = join_all(read).await.into_iter().collect();
    authorization.roles.iter().filter_map(|detail| role(detail, &read)).collect()
}

/// The roles that matter: those in the profiles of instances and those of selections.
fn used_roles(evidence: &Evidence) -> BTreeSet<String> {
    let profile_arns: BTreeSet<&String> =
        evidence.instances.known().into_iter().flatten().filter_map(|instance| instance.profile_arn.as_ref()).collect();
    let profiles = evidence.profiles.known();
    let of_instances =
        profile_arns.into_iter().filter_map(|arn| profiles?.get(arn)).flat_map(|profile| profile.roles.iter().cloned());
    let selections = evidence.plans.known().into_iter().flatten().filter_map(|plan| plan.selections.known());
    let of_selections = selections.flatten().map(|selection| selection.role_arn.clone());
    of_instances.chain(of_selections).collect()
}

fn role(detail: &RoleDetail, documents: &BTreeMap<String, Known<Value>>) -> Option<(String, Role)> {
    let arn = detail.arn()?.to_owned();
    let read = |arn: &str| documents.get(arn).cloned().unwrap_or_default();
    let managed = detail.attached_managed_policies().iter().filter_map(|policy| policy.policy_arn());
    let inline = detail.role_policy_list().iter();
    let boundary = detail.permissions_boundary().and_then(|boundary| boundary.permissions_boundary_arn());
    Some((
        arn.clone(),
        Role {
            name: detail.role_name().unwrap_or_default().to_owned(),
            trust: detail.assume_role_policy_document().map(document).unwrap_or_default(),
            managed: managed.map(|arn| (arn.to_owned(), read(arn))).collect(),
            inline: inline
                .filter_map(|policy| Some((policy.policy_name()?.to_owned(), document(policy.policy_document()?))))
                .collect(),
            boundary: boundary.map(|arn| (arn.to_owned(), read(arn))),
            arn,
        },
    ))
}

/// Reads a document, which IAM returns URL-encoded. A text that is no document stays a text and decides nothing.
fn document(text: &str) -> Value {
    let text = policy::url_decode(text).unwrap_or_else(|_| text.to_owned());
    policy::parse(&text).unwrap_or(Value::String(text))
}
