//! What the presets of a role stand for, and where AWS keeps the managed policies that files name.

use crate::model::arn::SERVICE_ROLE;
use serde_json::{Value, json};

use crate::kinds::role::spec::Preset;
use crate::model::Scope;

/// The least that an instance needs to be managed by Systems Manager.
pub(crate) const SSM_CORE: &str = "AmazonSSMManagedInstanceCore";
/// What an instance needs to make its own VSS snapshots.
pub(crate) const VSS_POLICY: &str = "AWSEC2VssSnapshotPolicy";

/// Other AWS managed policies that a role of instances or of backups is likely to have. A name that is missing here may
/// be right all the same.
const KNOWN: &[&str] = &[
    SSM_CORE,
    VSS_POLICY,
    "AdministratorAccess",
    "AmazonDynamoDBFullAccess",
    "AmazonDynamoDBReadOnlyAccess",
    "AmazonEC2ContainerRegistryPowerUser",
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonEC2FullAccess",
    "AmazonEC2ReadOnlyAccess",
    "AmazonEC2RolePolicyForLaunchWizard",
    "AmazonElasticFileSystemClientFullAccess",
    "AmazonElasticFileSystemClientReadWriteAccess",
    "AmazonFSxFullAccess",
    "AmazonFSxReadOnlyAccess",
    "AmazonRDSFullAccess",
    "AmazonRDSReadOnlyAccess",
    "AmazonS3FullAccess",
    "AmazonS3ReadOnlyAccess",
    "AmazonSNSFullAccess",
    "AmazonSNSReadOnlyAccess",
    "AmazonSQSFullAccess",
    "AmazonSQSReadOnlyAccess",
    "AmazonSSMDirectoryServiceAccess",
    "AmazonSSMFullAccess",
    "AmazonSSMManagedEC2InstanceDefaultPolicy",
    "AmazonSSMPatchAssociation",
    "AmazonSSMReadOnlyAccess",
    "AWSBackupAuditAccess",
    "AWSBackupDataTransferAccess",
    "AWSBackupFullAccess",
    "AWSBackupOperatorAccess",
    "AWSBackupOrganizationAdminAccess",
    "AWSBackupRestoreAccessForSAPHANA",
    "AWSBackupServiceRolePolicyForS3Backup",
    "AWSBackupServiceRolePolicyForS3Restore",
    "AWSCloudFormationFullAccess",
    "AWSCloudFormationReadOnlyAccess",
    "AWSKeyManagementServicePowerUser",
    "AWSXRayDaemonWriteAccess",
    "AWSXrayWriteOnlyAccess",
    "CloudWatchAgentAdminPolicy",
    "CloudWatchAgentServerPolicy",
    "CloudWatchFullAccess",
    "CloudWatchFullAccessV2",
    "CloudWatchLogsFullAccess",
    "CloudWatchLogsReadOnlyAccess",
    "CloudWatchReadOnlyAccess",
    "IAMFullAccess",
    "IAMReadOnlyAccess",
    "PowerUserAccess",
    "ReadOnlyAccess",
    "SecretsManagerReadWrite",
    "SecurityAudit",
    "job-function/Billing",
    "job-function/DatabaseAdministrator",
    "job-function/NetworkAdministrator",
    "job-function/SupportUser",
    "job-function/SystemAdministrator",
    "job-function/ViewOnlyAccess",
];

/// Tells whether a name, perhaps with its path, is that of a well-known AWS managed policy.
pub(crate) fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || SERVICE_ROLE.contains(&name.strip_prefix("service-role/").unwrap_or(name))
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
