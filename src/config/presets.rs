//! What the presets of a role stand for, and where AWS keeps the managed policies that files name.

use serde_json::{Value, json};

use crate::kind::Fields;
use crate::kinds::role::spec::Preset;
use crate::model::arn::managed_policy_arn;
use crate::model::managed_policies::known;
use crate::model::{FieldChange, Scope};
use crate::policy;

/// The least that an instance needs to be managed by Systems Manager.
pub(crate) const SSM_CORE: &str = "AmazonSSMManagedInstanceCore";
/// What an instance needs to make its own VSS snapshots.
pub(crate) const VSS_POLICY: &str = "AWSEC2VssSnapshotPolicy";

/// Tells whether a name, perhaps with its path, is that of a well-known AWS managed policy.
pub(crate) fn is_known(name: &str) -> bool {
    known().any(|known| known == name || known.strip_prefix("service-role/") == Some(name))
}

/// What a preset fills in.
#[derive(Debug)]
pub(crate) struct Filling {
    /// The service that may assume the role.
    pub(crate) service: &'static str,
    /// Names of AWS managed policies.
    pub(crate) managed: &'static [&'static str],
    /// Inline policies by name.
    pub(crate) inline: Vec<(&'static str, Value)>,
    /// Whether the role has an instance profile.
    pub(crate) profile: bool,
}

/// Returns what a preset fills in.
pub(crate) fn filling(preset: Preset, scope: &Scope) -> Filling {
    match preset {
        Preset::VssInstance => Filling {
            service: "ec2.amazonaws.com",
            managed: &[SSM_CORE, VSS_POLICY],
            inline: Vec::new(),
            profile: true,
        },
        Preset::VssInstanceBackupOnly => Filling {
            service: "ec2.amazonaws.com",
            managed: &[SSM_CORE],
            inline: vec![("VssBackupOnly", backup_only_document(scope))],
            profile: true,
        },
        Preset::BackupService => Filling {
            service: "backup.amazonaws.com",
            managed: &["AWSBackupServiceRolePolicyForBackup", "AWSBackupServiceRolePolicyForRestores"],
            inline: Vec::new(),
            profile: false,
        },
    }
}

/// What a preset attaches to a role.
#[derive(Debug)]
pub(crate) struct Attached {
    /// The ARNs of managed policies.
    pub(crate) managed: Vec<String>,
    /// The names of inline policies.
    pub(crate) inline: Vec<String>,
}

/// Returns what the preset attaches that an entry of a role amounts to: its trust, and all of its policies, with more
/// beside them or not.
pub(crate) fn of_role(fields: &Fields, scope: &Scope) -> Option<Attached> {
    let trust = fields.get("trust")?;
    let managed = fields.get("managed_policies").and_then(Value::as_array);
    let has = |arn: &String| managed.into_iter().flatten().any(|held| held == arn.as_str());
    let inline = |name: &str| fields.get("inline_policies").and_then(|inline| inline.get(name));
    Preset::ALL.into_iter().find_map(|preset| {
        let filling = filling(preset, scope);
        let arns: Vec<String> = filling.managed.iter().map(|name| managed_policy_arn(scope, name)).collect();
        let holds = |(name, document): &(&str, Value)| inline(name).is_some_and(|own| policy::equal(own, document));
        let is_it = policy::equal(trust, &policy::trust_policy(&[filling.service]))
            && arns.iter().all(has)
            && filling.inline.iter().all(holds);
        let names = || filling.inline.iter().map(|(name, _)| (*name).to_owned()).collect();
        is_it.then(|| Attached { managed: arns.clone(), inline: names() })
    })
}

/// Finds the preset whose content the fields of a role have, whether the file names it or says the same: its trust and
/// its managed policies, no more and no less, and its inline policies, perhaps among others.
pub(crate) fn of_addition(fields: &[FieldChange], scope: &Scope) -> Option<Preset> {
    let after = |path: &str| fields.iter().find(|field| field.path == path).map(|field| &field.after);
    let (trust, managed) = (after("trust")?, after("managed_policies")?.as_array()?);
    Preset::ALL.into_iter().find(|preset| {
        let Filling { service, managed: names, inline, profile: _ } = filling(*preset, scope);
        policy::equal(trust, &policy::trust_policy(&[service]))
            && managed.len() == names.len()
            && names.iter().all(|name| managed.contains(&managed_policy_arn(scope, name).into()))
            && inline
                .iter()
                .all(|(name, document)| after(&inline_path(name)).is_some_and(|it| policy::equal(it, document)))
    })
}

/// Tells whether a preset brings the field of a role at a path.
pub(crate) fn brings(preset: Preset, path: &str, scope: &Scope) -> bool {
    let inline = filling(preset, scope).inline;
    matches!(path, "trust" | "managed_policies") || inline.iter().any(|(name, _)| inline_path(name) == path)
}

fn inline_path(name: &str) -> String {
    format!("inline_policies.{name}")
}

/// Builds the smaller policy that AWS documents for AMIs and AWS Backup: `AWSEC2VssSnapshotPolicy` version 2 without
/// the statements for `CreateSnapshots` and without `DescribeSnapshots`.
///
/// Source: EC2 User Guide, "Use an IAM managed policy to grant permissions for VSS based snapshots".
fn backup_only_document(scope: &Scope) -> Value {
    let partition = scope.partition();
    let ec2 = |resource: &str| format!("arn:{partition}:ec2:*:*:{resource}/*");
    let instance = format!("arn:{partition}:ec2:*:*:instance/${{ec2:InstanceId}}");
    let itself = json!({ "ArnLike": { "ec2:SourceInstanceARN": instance } });
    let made = json!([ec2("snapshot"), ec2("image")]);
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "DescribeInstanceInfo",
                "Effect": "Allow",
                "Action": "ec2:DescribeInstanceAttribute",
                "Resource": ec2("instance"),
                "Condition": itself
            },
            {
                "Sid": "CreateImageWithTag",
                "Effect": "Allow",
                "Action": "ec2:CreateImage",
                "Resource": made,
                "Condition": { "StringLike": { "aws:RequestTag/AwsVssConfig": "*" } }
            },
            {
                "Sid": "CreateImageAccessInstance",
                "Effect": "Allow",
                "Action": "ec2:CreateImage",
                "Resource": ec2("instance"),
                "Condition": itself
            },
            {
                "Sid": "CreateTagsOnResourceCreation",
                "Effect": "Allow",
                "Action": "ec2:CreateTags",
                "Resource": made,
                "Condition": { "StringEquals": { "ec2:CreateAction": ["CreateImage", "CreateSnapshots"] } }
            },
            {
                "Sid": "CreateTagsAfterResourceCreation",
                "Effect": "Allow",
                "Action": "ec2:CreateTags",
                "Resource": made,
                "Condition": {
                    "StringLike": { "ec2:ResourceTag/AwsVssConfig": "*" },
                    "ForAllValues:StringEquals": { "aws:TagKeys": ["AppConsistent", "Device"] }
                }
            },
            { "Sid": "DescribeImages", "Effect": "Allow", "Action": "ec2:DescribeImages", "Resource": "*" }
        ]
    })
}
