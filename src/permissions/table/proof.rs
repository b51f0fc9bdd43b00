//! Reading how backups went, and starting them.

use serde_json::Value;

use crate::permissions::row::{Reach, Row, always, everything, on, passed_to};

/// The statements.
pub(super) const ROWS: &[Row] = &[
    Row {
        sid: "ReadBackupJobs",
        reach: Reach::Verify,
        why: "Reads how backups and their copies went, and the images and snapshots that they made.",
        actions: &[
            always("backup:ListBackupJobs"),
            always("backup:ListCopyJobs"),
            always("backup:DescribeBackupJob"),
            always("ec2:DescribeInstances"),
            always("ec2:DescribeImages"),
            always("ec2:DescribeSnapshots"),
        ],
        targets: everything,
    },
    Row {
        sid: "ReadEveryPlan",
        reach: Reach::Verify,
        why: "Reads all plans of the region and what they select: whoever made them, they protect instances or fail \
              to.",
        actions: &[
            always("backup:ListBackupPlans"),
            always("backup:GetBackupPlan"),
            always("backup:ListBackupSelections"),
            always("backup:GetBackupSelection"),
            always("backup:DescribeRegionSettings"),
            always("backup:ListBackupVaults"),
            always("tag:GetResources"),
        ],
        targets: everything,
    },
    Row {
        sid: "ReadInstanceState",
        reach: Reach::Verify,
        why: "Reads whether the instances' agents answer, which roles the instances have, and whether the package got \
              there.",
        actions: &[
            always("ssm:DescribeInstanceInformation"),
            always("ssm:DescribeInstanceAssociationsStatus"),
            always("ssm:GetInventory"),
            always("ssm:ListCommandInvocations"),
            always("ssm:ListAssociations"),
            always("ssm:DescribeAssociation"),
            always("ssm:DescribeAssociationExecutions"),
            always("ssm:DescribeAssociationExecutionTargets"),
            always("ssm:GetCommandInvocation"),
            always("ec2:DescribeIamInstanceProfileAssociations"),
            always("iam:GetAccountAuthorizationDetails"),
            always("iam:ListInstanceProfiles"),
        ],
        targets: everything,
    },
    Row {
        sid: "ReadSurroundings",
        reach: Reach::Verify,
        why: "Reads which volumes are encrypted with which keys, and whether networks have a way to EC2.",
        actions: &[
            always("ec2:DescribeVolumes"),
            always("ec2:DescribeRouteTables"),
            always("ec2:DescribeVpcEndpoints"),
        ],
        targets: everything,
    },
    Row {
        sid: "ReadVolumeKeys",
        reach: Reach::Verify,
        why: "Reads whether the keys of encrypted volumes work, and whether backups may use them. Nothing is \
              decrypted.",
        actions: &[always("kms:DescribeKey"), always("kms:GetKeyPolicy"), always("kms:ListGrants")],
        targets: |facts| {
            on([format!("arn:{}:kms:{}:*:key/*", facts.scope.partition(), facts.scope.region)], Value::Null)
        },
    },
    Row {
        sid: "ReadPolicyDocuments",
        reach: Reach::Verify,
        why: "Reads what the managed policies of those roles allow: AWS's own, and the account's.",
        actions: &[always("iam:GetPolicy"), always("iam:GetPolicyVersion")],
        targets: |facts| {
            let of = |account: &str| format!("arn:{}:iam::{account}:policy/*", facts.scope.partition());
            on([of("aws"), of(&facts.scope.account_id)], Value::Null)
        },
    },
    Row {
        sid: "StartBackups",
        reach: Reach::Backup,
        why: "Starts on-demand backups into the file's vaults.",
        actions: &[always("backup:StartBackupJob")],
        targets: |facts| on(facts.vaults.iter().map(|vault| vault.arn.clone()), Value::Null),
    },
    Row {
        sid: "FindRolesOfBackups",
        reach: Reach::Backup,
        why: "Finds the path of a role that `--role` names and the file does not have. To hand it to AWS Backup, \
              `iam:PassRole` on it is to be allowed as well.",
        actions: &[always("iam:GetRole")],
        targets: |facts| on([facts.scope.iam_arn("role", "/", "*")], Value::Null),
    },
    Row {
        sid: "PassRolesOfBackups",
        reach: Reach::Backup,
        why: "Hands the roles of the selections to AWS Backup for them.",
        actions: &[always("iam:PassRole")],
        targets: |facts| on(facts.backup_roles.clone(), passed_to(facts, "backup")),
    },
];
