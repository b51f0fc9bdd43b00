//! Templates of the kind that teams have, in `tests/cloudformation/`: what becomes of each.

use super::*;

/// A template and what becomes of it.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    /// Whether all of it is in the file.
    all: bool,
    /// The addresses of the file; none where it is not valid before somebody decides something.
    addresses: Option<&'static [&'static str]>,
    /// Messages.
    said: &'static [&'static str],
    /// Lines of the file.
    lines: &'static [&'static str],
}

macro_rules! case {
    ($name:literal, $parameters:expr, $all:expr, $addresses:expr, $said:expr, $lines:expr) => {
        Case {
            name: $name,
            text: include_str!(concat!("../../../../tests/cloudformation/", $name)),
            parameters: &$parameters,
            all: $all,
            addresses: $addresses,
            said: &$said,
            lines: &$lines,
        }
    };
}

pub(super) const CASES: &[Case] = &[
    case!(
        "baseline.json",
        [],
        true,
        Some(&[
            "instance_profile.baseline-server-silver",
            "plan.baseline",
            "role.baseline-backup",
            "role.baseline-server-silver",
            "selection.baseline.by-tag",
            "vault.baseline-standard"
        ]),
        ["`GoldVault` is not made", "`Policies/2` of `ServerRole`"],
        [
            "name = \"by.tag\"",
            "delete_after = \"14d\"",
            "enable_continuous_backup = false",
            "homes/${aws:PrincipalTag/Name}/*"
        ]
    ),
    case!(
        "cdk-windows.template.json",
        [],
        false,
        Some(&[
            "instance_profile.InstanceProfile8A41C7D2",
            "plan.windows",
            "role.BackupPlanServersRole5D2C8E61",
            "role.windows-instance",
            "selection.windows.Servers",
            "vault.WindowsBackupVault9E1F0B77"
        ]),
        ["`InstanceC1063A87` is left out", "VSS1107 `InstanceProfileName` of `InstanceProfile8A41C7D2`"],
        ["preset = \"vss-instance\"", "# The stack's own, of `BackupVaultC2A6D8F4`: UpdateReplacePolicy `Retain`"]
    ),
    case!(
        "central-vault.yaml",
        [("SecurityContact", "security@example.com")],
        false,
        None,
        [
            "`EncryptionKeyArn` of `Encrypted`: AWS makes `Arn` of `Key` (AWS::KMS::Key)",
            "VSS0412",
            "from `LockConfiguration` of `Compliance`",
            "`TopicPolicy` is left out"
        ],
        [
            "contact = \"security@example.com\"",
            "topic = \"arn:aws:sns:ap-northeast-1:123456789012:backup-events\"",
            "# [vault.central]",
            "vault = \"arn:aws:backup:ap-northeast-1:123456789012:backup-vault:central\"",
            "vault = \"central-plain\"",
            "changeable_for = \"3d\""
        ]
    ),
    case!(
        "domain-controllers.yaml",
        [],
        false,
        Some(&[
            "instance_profile.domain-controller-profile",
            "package.AwsVssComponents",
            "policy.join-domain",
            "role.domain-controller"
        ]),
        [
            "`PolicyDocument/Statement/0/Resource` of `BackupsOfTheDirectory`: AWS makes `Arn` of `DirectoryBucket`",
            "`DocumentVersion` of `Vss` is not taken over",
            "`WaitForSuccessTimeoutSeconds` of `Vss` is not taken over",
            "`Patches` is left out: it runs `AWS-RunPatchBaseline`"
        ],
        [
            "\"arn:aws:iam::123456789012:policy/directory-backups\"",
            "\"aws:SecureTransport\": true",
            "SSM_QUIET = \"1\""
        ]
    ),
    case!(
        "every-partition.yaml",
        [],
        false,
        Some(&[
            "plan.windows-ap-northeast-1",
            "role.backup-ap-northeast-1",
            "role.servers-ap-northeast-1",
            "selection.windows-ap-northeast-1.windows",
            "vault.tokyo"
        ]),
        [
            "`Policies/0/PolicyDocument/Statement/1` of `Role`: the condition `China` does not hold",
            "`Report` is left out"
        ],
        ["schedule = \"cron(0 18 ? * * *)\"", "partition = \"aws\""]
    ),
    case!(
        "file-servers.yaml",
        [],
        true,
        Some(&[
            "package.AwsVssComponents",
            "plan.file-servers",
            "role.file-server-backup",
            "selection.file-servers.shares",
            "vault.file-servers"
        ]),
        ["VSS1113 `BackupVaultTags/billable` of `Vault`", "VSS1113 `BackupVaultTags/window` of `Vault`"],
        [
            "ticket = \"000815\"",
            "delete_after = \"14d\"",
            "delete_after = \"35d\"",
            "start_window = \"80m\"",
            "\"007\"",
            "owner = \"files\""
        ]
    ),
    case!(
        "legacy-roles.yaml",
        [],
        false,
        Some(&["instance_profile.legacy", "policy.vss-legacy", "role.new-windows"]),
        [
            "`Roles/0` of `Inline`: names a role",
            "`Roles/0` of `Managed`: names a role",
            "`Users` of `Managed` is not taken over"
        ],
        ["managed_policies = [\"vss-legacy\"]", "role = \"arn:aws:iam::123456789012:role/legacy-windows\""]
    ),
    case!("lone-vault.json", [], true, Some(&["vault.lone"]), [], ["max_retention = \"30d\""]),
    case!(
        "loops.yaml",
        [],
        true,
        Some(&["plan.dev", "plan.prod", "vault.windows-dev", "vault.windows-prod"]),
        [],
        ["vault = \"windows-dev\"", "delete_after = \"7d\"", "delete_after = \"35d\""]
    ),
    case!(
        "open-values.yaml",
        [],
        false,
        Some(&["plan.open", "selection.open.taken", "vault.tagged"]),
        [
            "`PermissionsBoundary` of `Bounded`: the parameter `Boundary` has no default",
            "`EncryptionKeyArn` of `Imported`: `ImportValue`",
            "`BackupVaultTags/owner` of `Tagged`: the parameter `Owner` is read from Parameter Store",
            "`BackupVaultName` of `Named`: `AWS::StackName`",
            "`Condition` of `Staged`: the condition `Prod` is not decided",
            "`BackupPlanId` of `Elsewhere`: `ImportValue`"
        ],
        [
            "# permissions_boundary = \"TODO\"",
            "role = \"arn:aws:iam::123456789012:role/bounded\"",
            "# [plan.TODO.selection.elsewhere]"
        ]
    ),
    case!(
        "portfolio.yaml",
        [("DataClass", "restricted")],
        false,
        Some(&["plan.crm-plan", "role.crm-backup", "selection.crm-plan.crm", "vault.crm-vault"]),
        ["`BackupPlan/BackupPlanRule/0/IndexActions` of `ApplicationPlan`", "BackupACLs` of `ApplicationPlan`"],
        [
            "min_retention = \"365d\"",
            "delete_after = \"400d\"",
            "move_to_cold_storage_after = \"90d\"",
            "path = \"/backup/\""
        ]
    ),
    case!(
        "restore-testing.yaml",
        [],
        true,
        Some(&["restore_test.weekly_test", "role.restore-tests", "vault.archived", "vault.tested"]),
        [],
        ["include_vaults = [\"tested\"]", "validation_window = \"4h\"", "subnetId = \"subnet-0a1b2c3d4e5f60718\""]
    ),
    case!(
        "sam-operations.yaml",
        [],
        false,
        Some(&["plan.operations", "role.operations-backup", "selection.operations.servers", "vault.operations"]),
        ["the transform `AWS::Serverless-2016-10-31`", "`Globals` are not taken over", "`ReportTable` is left out"],
        ["keep = \"90d\"", "preset = \"backup-service\"", "Name = \"ops-*\""]
    ),
    case!(
        "sql-servers.yaml",
        [],
        false,
        Some(&["plan.sql-daily", "role.sql-backup", "selection.sql-daily.databases", "vault.sql"]),
        ["`TrialVault` is not made", "`Alarm` is left out"],
        [
            "name = \"weekend.full\"",
            "schedule = \"cron(0 6 ? * SAT *)\"",
            "vault = \"arn:aws:backup:ap-northeast-3:123456789012:backup-vault:sql-copies\"",
            "max_retention = \"730d\"",
            "[role.sql-backup.inline_policies]"
        ]
    ),
    case!(
        "twice.yaml",
        [],
        false,
        Some(&["vault.Vault", "vault.vault"]),
        ["VSS1106 `Morning` and `Evening` have the same name, `daily`"],
        ["# [plan.daily.rule.a]"]
    ),
    case!(
        "windows-fleet.yaml",
        [],
        true,
        Some(&[
            "instance_profile.windows-prod",
            "package.AwsVssComponents",
            "plan.windows-prod-daily",
            "role.backup-prod",
            "role.windows-prod",
            "selection.windows-prod-daily.windows",
            "vault.windows-prod"
        ]),
        [],
        [
            "cost-centre = \"004711\"",
            "# Output `ProfileName` stays with the template's stack: Value `windows-prod`, Export/Name is open:",
            "preset = \"backup-service\""
        ]
    ),
];

#[test]
fn every_template_becomes_what_its_case_says() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cloudformation");
    let files = std::fs::read_dir(folder).expect("the templates").count();
    assert!(files == CASES.len() && CASES.len() >= 15, "{files} files, {} cases", CASES.len());
    assert!(CASES.iter().filter(|case| case.text.lines().count() > 100).count() >= 10);
    for case in CASES {
        let taken = taken_with(case.text, &scope(), &given(case.parameters, None));
        assert_eq!(taken.imported.is_complete, case.all, "{}:\n{}", case.name, taken.said());
        match case.addresses {
            Some(addresses) => assert_eq!(taken.addresses(), addresses, "{}:\n{}", case.name, taken.said()),
            None => assert!(taken.config.is_none(), "{} is valid", case.name),
        }
        for text in case.said {
            assert!(taken.said().contains(text), "{}: {text} is not in\n{}", case.name, taken.said());
        }
        for line in case.lines {
            assert!(taken.text().contains(line), "{}: {line} is not in\n{}", case.name, taken.text());
        }
    }
}

#[test]
fn a_template_says_the_same_in_json_and_in_each_region() {
    for case in CASES {
        let json = super::mutations::line_of(&super::mutations::json_of(case.text));
        let given = given(case.parameters, None);
        let (yaml, json) = (taken_with(case.text, &scope(), &given), taken_with(&json, &scope(), &given));
        let bare = |taken: &Taken| -> Vec<String> {
            let lines = taken.text().lines().filter(|line| !line.starts_with("# "));
            lines.map(ToOwned::to_owned).collect()
        };
        assert_eq!(bare(&yaml), bare(&json), "{}", case.name);
        for region in ["cn-north-1", "us-gov-west-1", "eu-central-1"] {
            let there = taken_with(case.text, &Scope { region: region.into(), ..scope() }, &given);
            let partition = there.text().contains("\"arn:aws:");
            let said = there.said().contains("VSS1112") || there.said().contains("VSS0303");
            assert!(!partition || said || region.starts_with("eu"), "{}: {region}:\n{}", case.name, there.text());
        }
    }
}
