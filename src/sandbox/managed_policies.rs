//! AWS's managed policies. Every account has them.
//!
//! The documents are AWS's, as published in the AWS Managed Policy Reference: of those that VSS backups use with their
//! older versions, and of the others whose names vssctl knows the default version (`managed_policies/collect.py`).
//! Every other policy is opaque: it can be attached, and nobody is told that it allows or denies anything.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::iam::{Policy, PolicyVersion};
use crate::model::managed_policies::known;
use crate::policy::managed::{FILES, OTHERS};

#[derive(Debug, Deserialize)]
struct Published {
    name: String,
    path: String,
    description: String,
    created: String,
    updated: String,
    versions: Vec<PublishedVersion>,
}

#[derive(Debug, Deserialize)]
struct PublishedVersion {
    number: u32,
    created: String,
    document: Value,
}

#[derive(Debug, Deserialize)]
struct Other {
    name: String,
    path: String,
    created: String,
    updated: String,
    version: u32,
    document: Value,
}

impl From<Other> for Published {
    fn from(other: Other) -> Self {
        let Other { name, path, created, updated, version, document } = other;
        let version = PublishedVersion { number: version, created: updated.clone(), document };
        Self { name, path, description: String::new(), created, updated, versions: vec![version] }
    }
}

const READ: &str = "the policies are part of the program and a test reads each";

/// Returns the AWS managed policies of a partition, sorted by name.
pub(super) fn all(partition: &str) -> Arc<[Policy]> {
    // The list is made once, because simulations need it in every second call.
    static MADE: LazyLock<Mutex<BTreeMap<String, Arc<[Policy]>>>> = LazyLock::new(Mutex::default);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(made.entry(partition.to_owned()).or_insert_with(|| {
        let read = |text| -> Published { serde_json::from_str(text).expect(READ) };
        let others: Vec<Other> = serde_json::from_str(OTHERS).expect(READ);
        let published = FILES.into_iter().map(read).chain(others.into_iter().map(Published::from));
        let mut policies: Vec<Policy> = published.map(|published| policy(&published, partition)).collect();
        for name in known() {
            let (path, name) = name
                .rsplit_once('/')
                .map_or(("/".to_owned(), name.as_str()), |(path, name)| (format!("/{path}/"), name));
            if !policies.iter().any(|policy| policy.name == name) {
                policies.push(opaque(partition, &path, name));
            }
        }
        policies.sort_by(|a, b| a.name.cmp(&b.name));
        policies.into()
    }))
}

/// Finds a policy of AWS's by its ARN. AWS has far more than are listed here, so that any other well-formed ARN is
/// taken for one of them: an opaque policy. A known policy under another path is none, as in AWS.
pub(super) fn by_arn(partition: &str, arn: &str) -> Option<Policy> {
    let all = all(partition);
    if let Some(policy) = all.iter().find(|policy| policy.arn == arn) {
        return Some(policy.clone());
    }
    let way = arn.strip_prefix(&format!("arn:{partition}:iam::aws:policy/"))?;
    let (path, name) = way.rsplit_once('/').map_or(("/".to_owned(), way), |(path, name)| (format!("/{path}/"), name));
    let fits =
        |text: &str, extra: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || extra.contains(byte as char));
    let is_formed =
        (1..=128).contains(&name.len()) && fits(name, "_+=,.@-") && fits(&path, "_+=,.@-/") && !path.contains("//");
    (is_formed && !all.iter().any(|policy| policy.name == name)).then(|| opaque(partition, &path, name))
}

/// Makes a policy of AWS's whose document is not known here. It can be attached and detached; what it allows is
/// unknown.
fn opaque(partition: &str, path: &str, name: &str) -> Policy {
    let created = milliseconds("2015-02-06T18:39:27Z");
    Policy {
        name: name.to_owned(),
        path: path.to_owned(),
        id: id(name),
        arn: format!("arn:{partition}:iam::aws:policy{path}{name}"),
        created,
        updated: created,
        description: Some("The sandbox does not have the document of this policy.".to_owned()),
        versions: vec![PolicyVersion { number: 1, document: String::new(), created }],
        default_version: 1,
        next_version: 2,
        tags: BTreeMap::new(),
    }
}

/// Tells whether the document of a policy is not known.
pub(super) fn is_opaque(policy: &Policy) -> bool {
    policy.versions.iter().all(|version| version.document.is_empty())
}

fn policy(published: &Published, partition: &str) -> Policy {
    let versions: Vec<PolicyVersion> = published
        .versions
        .iter()
        .map(|version| PolicyVersion {
            number: version.number,
            // In another partition than `aws`, AWS's documents contain that partition's ARNs.
            document: version.document.to_string().replace("arn:aws:", &format!("arn:{partition}:")),
            created: milliseconds(&version.created),
        })
        .collect();
    let newest = versions.last().map_or(1, |version| version.number);
    Policy {
        name: published.name.clone(),
        path: published.path.clone(),
        id: id(&published.name),
        arn: format!("arn:{partition}:iam::aws:policy{}{}", published.path, published.name),
        created: milliseconds(&published.created),
        updated: milliseconds(&published.updated),
        description: Some(published.description.clone()).filter(|text| !text.is_empty()),
        versions,
        default_version: newest,
        next_version: newest + 1,
        tags: BTreeMap::new(),
    }
}

fn milliseconds(text: &str) -> i64 {
    text.parse::<Timestamp>().expect(READ).as_millisecond()
}

/// Makes an id in the form of AWS's; it is the same for every account, as AWS's are.
fn id(name: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(name).into();
    let letters = digest.iter().map(|byte| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::from(byte % 32)]));
    "ANPA".chars().chain(letters).take(21).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snapshot_policy_has_its_second_version_as_default_and_the_first_beside_it() {
        let policies = all("aws");
        let policy = policies.iter().find(|policy| policy.name == "AWSEC2VssSnapshotPolicy").unwrap();
        assert_eq!(policy.arn, "arn:aws:iam::aws:policy/AWSEC2VssSnapshotPolicy");
        assert_eq!(policy.default_version, 2);
        assert!(policy.versions[0].document.contains("*${ec2:InstanceId}"));
        assert!(policy.versions[1].document.contains("arn:aws:ec2:*:*:instance/${ec2:InstanceId}"));
        assert!(!policy.versions[1].document.contains("\"*${ec2:InstanceId}\""));
    }

    #[test]
    fn policies_are_at_the_paths_where_aws_has_them_and_others_are_opaque() {
        let at = |way: &str| by_arn("aws", &format!("arn:aws:iam::aws:policy/{way}"));
        for way in [
            "ReadOnlyAccess",
            "service-role/AmazonEC2RoleforSSM",
            "job-function/ViewOnlyAccess",
            "CloudWatchAgentServerPolicy",
            "AWSEC2VssSnapshotPolicy",
            "AWSBackupServiceRolePolicyForIndexing",
        ] {
            let policy = at(way).expect(way);
            assert!(!is_opaque(&policy) && policy.arn.ends_with(way), "{way}");
        }
        for way in ["aws-service-role/SomethingNew", "service-role/AWSConfigRole"] {
            assert!(at(way).is_some_and(|policy| is_opaque(&policy)), "{way}");
        }
        for way in [
            "service-role/AWSBackupServiceRolePolicyForIndexing",
            "service-role/ReadOnlyAccess",
            "AWSConfigRole",
            "",
            "a b",
            "/x",
            "x/",
            "service-role/AWSEC2VssSnapshotPolicy",
        ] {
            assert!(at(way).is_none(), "{way}");
        }
        assert!(by_arn("aws", "arn:aws-cn:iam::aws:policy/ReadOnlyAccess").is_none());
        assert!(by_arn("aws", "arn:aws:iam::123456789012:policy/ReadOnlyAccess").is_none());
    }

    #[test]
    fn every_document_can_be_read_and_is_where_its_name_is_known_to_be() {
        let known: Vec<String> = known().map(|name| format!("/{name}")).collect();
        for policy in all("aws").iter().filter(|policy| !is_opaque(policy)) {
            assert!(known.contains(&format!("{}{}", policy.path, policy.name)), "{}", policy.arn);
            for version in &policy.versions {
                let document = serde_json::from_str(&version.document).expect("JSON");
                assert!(crate::policy::Policies::new(&[document]).is_ok(), "{} {}", policy.name, version.number);
            }
        }
        let administrator = by_arn("aws", "arn:aws:iam::aws:policy/AdministratorAccess").expect("AWS has it");
        let document: Value = serde_json::from_str(&administrator.versions[0].document).expect("JSON");
        assert_eq!(document["Statement"], serde_json::json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]));
    }

    #[test]
    fn arns_follow_the_partition() {
        for policy in all("aws-cn").iter() {
            assert!(policy.arn.starts_with("arn:aws-cn:iam::aws:policy/"), "{}", policy.arn);
            assert!(policy.versions.iter().all(|version| !version.document.contains("arn:aws:")));
        }
    }
}
