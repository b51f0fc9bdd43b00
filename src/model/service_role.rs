//! What AWS Backup does with the role of a selection, and the package with the role of an instance: one list of each
//! for everybody who asks whether a role is enough.
//!
//! From AWS's own `AWSBackupServiceRolePolicyForBackup`, as far as backups of EC2 instances go; which of its actions a
//! backup cannot do without is from "IAM service roles for AWS Backup" and "Create Windows VSS backups".

/// A resource of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// `*`.
    Anything,
    /// The instance.
    Instance,
    /// The image that is made.
    Image,
    /// A snapshot that is made.
    Snapshot,
    /// The document that freezes the writers.
    VssDocument,
    /// The recovery point.
    RecoveryPoint,
}

/// When a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At each backup of an instance.
    Always,
    /// When a selection goes by tags.
    ByTags,
    /// When the plan asks for VSS.
    WithVss,
    /// When the rule gives recovery points tags. AWS's notice of 2025: such jobs fail without it since 2025-09-30.
    WithTags,
}

/// A call that AWS Backup makes with the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Such as `ec2:CreateImage`.
    pub action: &'static str,
    /// On what.
    pub on: On,
    /// When.
    pub when: When,
}

const fn needs(action: &'static str, on: On, when: When) -> Use {
    Use { action, on, when }
}

/// Every call without which a backup fails, or its VSS part.
pub const BACKUP: [Use; 12] = [
    needs("ec2:DescribeInstances", On::Anything, When::Always),
    needs("ec2:CreateImage", On::Instance, When::Always),
    needs("ec2:CreateImage", On::Image, When::Always),
    needs("ec2:CreateImage", On::Snapshot, When::Always),
    needs("ec2:CreateTags", On::Image, When::Always),
    needs("ec2:CreateTags", On::Snapshot, When::Always),
    needs("tag:GetResources", On::Anything, When::ByTags),
    needs("ssm:SendCommand", On::VssDocument, When::WithVss),
    needs("ssm:SendCommand", On::Instance, When::WithVss),
    needs("ssm:GetCommandInvocation", On::Anything, When::WithVss),
    needs("ssm:CancelCommand", On::Anything, When::WithVss),
    needs("backup:TagResource", On::RecoveryPoint, When::WithTags),
];

/// Returns the actions of a backup that are needed at some moment, each once. One without which nothing tells VSS from
/// a regular backup comes first.
pub fn actions(when: &[When]) -> Vec<&'static str> {
    let mut all: Vec<&'static str> = Vec::new();
    for one in BACKUP.iter().filter(|one| when.contains(&one.when)) {
        if !all.contains(&one.action) {
            all.push(one.action);
        }
    }
    all
}

/// The ways in which a package takes snapshots with the role of its instance: one of them is enough. AWS Backup uses
/// the first. `AWSEC2VssSnapshotPolicy` has the first two, the policies of before it the first and the last.
pub const SNAPSHOTS: [&str; 3] = ["ec2:CreateImage", "ec2:CreateSnapshots", "ec2:CreateSnapshot"];
/// What the package does beside it, as `AWSEC2VssSnapshotPolicy` allows it for an image.
pub const BESIDE_SNAPSHOTS: [&str; 3] = ["ec2:CreateTags", "ec2:DescribeInstanceAttribute", "ec2:DescribeImages"];

/// The calls of a copy: the first on the recovery point, the second on the vault that it is copied to.
pub const COPY: [&str; 2] = ["ec2:CopyImage", "backup:CopyIntoBackupVault"];

impl On {
    /// Returns the ARN of such a resource, or `*`.
    pub fn arn(self, partition: &str, region: &str, account: &str, instance: &str) -> String {
        let ec2 = |account: &str, resource: &str| format!("arn:{partition}:ec2:{region}:{account}:{resource}");
        match self {
            Self::Anything => "*".to_owned(),
            Self::Instance => ec2(account, &format!("instance/{instance}")),
            Self::Image => ec2("", "image/ami-0123456789abcdef0"),
            Self::Snapshot => ec2("", "snapshot/snap-0123456789abcdef0"),
            Self::VssDocument => format!("arn:{partition}:ssm:{region}::document/AWSEC2-CreateVssSnapshot"),
            Self::RecoveryPoint => {
                let id = "00000000-0000-0000-0000-000000000000";
                format!("arn:{partition}:backup:{region}:{account}:recovery-point:{id}")
            }
        }
    }
}
