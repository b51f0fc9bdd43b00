//! What every kind must do, field by field: create, read back equal, change, heal, remove, and leave alone what the file
//! does not declare. A kind or field without a row here fails `every_field_of_every_kind_has_a_row`.

use std::collections::BTreeSet;
use vssctl::kinds::registry;

use serde_json::{Value, json};
use vssctl::kind::{Field, Shape};
use vssctl::model::Action;

use crate::bench::{Bench, STACK, changed, paths};

/// One kind: the file around its entry, the entry's own required lines, and its fields.
pub(crate) struct Sheet {
    pub(crate) kind: &'static str,
    pub(crate) address: &'static str,
    /// Comes before the entry.
    around: &'static str,
    /// The entry's header and required lines.
    pub(crate) entry: &'static str,
    pub(crate) rows: &'static [Row],
}

/// One field: two values, and the line that takes it away where AWS knows "none".
pub(crate) struct Row {
    pub(crate) path: &'static str,
    pub(crate) first: &'static str,
    pub(crate) second: &'static str,
    pub(crate) none: Option<&'static str>,
    /// What else changes with it, such as the profile of a replaced role.
    ripples: &'static [&'static str],
}

const fn row(path: &'static str, first: &'static str, second: &'static str) -> Row {
    Row { path, first, second, none: None, ripples: &[] }
}

const fn removable(path: &'static str, first: &'static str, second: &'static str, none: &'static str) -> Row {
    Row { path, first, second, none: Some(none), ripples: &[] }
}

const TRUST: &str = r#"trust = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'"#;
const OTHER_TRUST: &str = r#"trust = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}}'"#;

const ROLE_ENTRY: &str = r#"[role.app]
trust = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}'"#;

const BACKUP_ROLE: &str =
    "[role.Backup]\nname = \"AWSBackupVss\"\npreset = \"backup-service\"\n[vault.vault-a]\n[vault.vault-b]\n";

pub(crate) static SHEETS: &[Sheet] = &[
    Sheet {
        kind: "role",
        address: "role.app",
        around: "",
        entry: ROLE_ENTRY,
        rows: &[
            row("path", "path = \"/a/\"", "path = \"/b/\""),
            removable("description", "description = \"one\"", "description = \"two\"", "description = \"\""),
            removable(
                "permissions_boundary",
                "permissions_boundary = \"AmazonSSMManagedInstanceCore\"",
                "permissions_boundary = \"AWSEC2VssSnapshotPolicy\"",
                "permissions_boundary = \"\"",
            ),
            removable(
                "managed_policies",
                "managed_policies = [\"AmazonSSMManagedInstanceCore\"]",
                "managed_policies = [\"AWSEC2VssSnapshotPolicy\", \"AmazonSSMManagedInstanceCore\"]",
                "managed_policies = []",
            ),
            removable(
                "inline_policies",
                "inline_policies.x = '{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"ec2:DescribeImages\",\"Resource\":\"*\"}}'",
                "inline_policies.x = '{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"ec2:DescribeSnapshots\",\"Resource\":\"*\"}}'",
                "inline_policies = {}",
            ),
            removable("tags", "tags = { team = \"a\" }", "tags = { team = \"b\" }", ""),
        ],
    },
    Sheet {
        kind: "role",
        address: "role.trusting",
        around: "",
        entry: "[role.trusting]",
        rows: &[row("trust", TRUST, OTHER_TRUST)],
    },
    Sheet {
        kind: "role",
        address: "role.timed",
        around: "",
        entry: "[role.timed]\npreset = \"backup-service\"",
        rows: &[row("max_session_duration", "max_session_duration = \"1h\"", "max_session_duration = \"2h\"")],
    },
    Sheet {
        kind: "policy",
        address: "policy.p",
        around: "",
        entry: "[policy.p]",
        rows: &[row(
            "document",
            "document = '{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"ec2:DescribeImages\",\"Resource\":\"*\"}}'",
            "document = '{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":[\"ec2:DescribeImages\",\"ec2:DescribeTags\"],\"Resource\":\"*\"}}'",
        )],
    },
    Sheet {
        kind: "policy",
        address: "policy.p",
        around: "",
        entry: "[policy.p]\ndocument = '{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"ec2:DescribeImages\",\"Resource\":\"*\"}}'",
        rows: &[
            row("path", "path = \"/a/\"", "path = \"/b/\""),
            removable("description", "description = \"one\"", "description = \"two\"", "description = \"\""),
            removable("tags", "tags = { team = \"a\" }", "tags = { team = \"b\" }", ""),
        ],
    },
    Sheet {
        kind: "instance_profile",
        address: "instance_profile.i",
        around: "[role.one]\npreset = \"vss-instance\"\ninstance_profile = false\n[role.two]\npreset = \"vss-instance\"\ninstance_profile = false\n",
        entry: "[instance_profile.i]",
        rows: &[row("role", "role = \"one\"", "role = \"two\"")],
    },
    Sheet {
        kind: "instance_profile",
        address: "instance_profile.i",
        around: "[role.one]\npreset = \"vss-instance\"\ninstance_profile = false\n",
        entry: "[instance_profile.i]\nrole = \"one\"",
        rows: &[
            row("path", "path = \"/a/\"", "path = \"/b/\""),
            removable("tags", "tags = { team = \"a\" }", "tags = { team = \"b\" }", ""),
        ],
    },
    Sheet {
        kind: "attachment",
        address: "attachment.sql",
        around: "[role.one]\npreset = \"vss-instance\"\n[role.two]\npreset = \"vss-instance\"\n",
        entry: "[attachment.sql]\ntargets = { tags = { VssBackup = \"enabled\" } }",
        rows: &[row("instances", "instance_profile = \"one\"", "instance_profile = \"two\"")],
    },
    Sheet {
        kind: "package",
        address: "package.AwsVssComponents",
        around: "[role.dispatch]\ntrust = '{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ssm.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}}'\n[role.dispatch2]\ntrust = '{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ssm.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}}'\n",
        entry: "[package.AwsVssComponents]\nschedule = \"cron(0 2 ? * SUN *)\"\ntargets = { tags = { VssBackup = \"enabled\" } }",
        rows: &[
            row("package_name", "package_name = \"AwsVssComponents\"", "package_name = \"AWSPVDriver\""),
            row("action", "action = \"Install\"", "action = \"Uninstall\""),
            row(
                "installation_type",
                "installation_type = \"Uninstall and reinstall\"",
                "installation_type = \"In-place update\"",
            ),
            removable("version", "version = \"2.4.0\"", "version = \"2.5.1\"", "version = \"\""),
            removable(
                "additional_arguments",
                "additional_arguments = { SSM_A = \"1\" }",
                "additional_arguments = { SSM_A = \"2\" }",
                "additional_arguments = {}",
            ),
            row(
                "apply_only_at_cron_interval",
                "apply_only_at_cron_interval = true",
                "apply_only_at_cron_interval = false",
            ),
            row(
                "duration",
                "apply_only_at_cron_interval = true\nduration = 1",
                "apply_only_at_cron_interval = true\nduration = 2",
            ),
            row("max_concurrency", "max_concurrency = \"10%\"", "max_concurrency = 5"),
            row("max_errors", "max_errors = \"10%\"", "max_errors = 0"),
            row("compliance_severity", "compliance_severity = \"HIGH\"", "compliance_severity = \"LOW\""),
            row("sync_compliance", "sync_compliance = \"MANUAL\"", "sync_compliance = \"AUTO\""),
            removable(
                "output_s3_bucket",
                "output_s3_bucket = \"logs-a\"",
                "output_s3_bucket = \"logs-b\"",
                "output_s3_bucket = \"\"",
            ),
            row(
                "output_s3_key_prefix",
                "output_s3_bucket = \"logs\"\noutput_s3_key_prefix = \"a\"",
                "output_s3_bucket = \"logs\"\noutput_s3_key_prefix = \"b\"",
            ),
            row(
                "output_s3_region",
                "output_s3_bucket = \"logs\"\noutput_s3_region = \"us-east-1\"",
                "output_s3_bucket = \"logs\"\noutput_s3_region = \"us-west-2\"",
            ),
            removable(
                "association_dispatch_assume_role",
                "association_dispatch_assume_role = \"dispatch\"",
                "association_dispatch_assume_role = \"dispatch2\"",
                "association_dispatch_assume_role = \"\"",
            ),
            removable(
                "calendar_names",
                "calendar_names = [\"a\"]",
                "calendar_names = [\"a\", \"b\"]",
                "calendar_names = []",
            ),
            removable("tags", "tags = { team = \"a\" }", "tags = { team = \"b\" }", ""),
        ],
    },
    Sheet {
        kind: "package",
        address: "package.AwsVssComponents",
        around: "",
        entry: "[package.AwsVssComponents]\nschedule = \"cron(0 2 ? * SUN#2 *)\"\napply_only_at_cron_interval = true\ntargets = { tags = { VssBackup = \"enabled\" } }",
        rows: &[row("schedule_offset", "schedule_offset = 1", "schedule_offset = 2")],
    },
    Sheet {
        kind: "package",
        address: "package.AwsVssComponents",
        around: "",
        entry: "[package.AwsVssComponents]\nschedule = \"rate(1 day)\"",
        rows: &[row(
            "targets",
            "targets = { tags = { VssBackup = \"enabled\" } }",
            "targets = { tags = { VssBackup = [\"enabled\", \"on\"] } }",
        )],
    },
    Sheet {
        kind: "package",
        address: "package.AwsVssComponents",
        around: "",
        entry: "[package.AwsVssComponents]\ntargets = { tags = { VssBackup = \"enabled\" } }",
        rows: &[row("schedule", "schedule = \"rate(1 day)\"", "schedule = \"rate(2 days)\"")],
    },
    Sheet {
        kind: "vault",
        address: "vault.vault-a",
        around: "",
        entry: "[vault.vault-a]",
        rows: &[
            row(
                "kms_key",
                "kms_key = \"arn:aws:kms:ap-northeast-1:123456789012:key/11111111-1111-1111-1111-111111111111\"",
                "kms_key = \"arn:aws:kms:ap-northeast-1:123456789012:key/22222222-2222-2222-2222-222222222222\"",
            ),
            removable(
                "access_policy",
                "access_policy = '{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"backup:DeleteRecoveryPoint\",\"Resource\":\"*\"}}'",
                "access_policy = '{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":[\"backup:DeleteRecoveryPoint\",\"backup:StartCopyJob\"],\"Resource\":\"*\"}}'",
                "access_policy = {}",
            ),
            removable(
                "notifications.events",
                "notifications = { topic = \"arn:aws:sns:ap-northeast-1:123456789012:t\", events = [\"BACKUP_JOB_COMPLETED\"] }",
                "notifications = { topic = \"arn:aws:sns:ap-northeast-1:123456789012:t\", events = [\"BACKUP_JOB_COMPLETED\", \"RESTORE_JOB_COMPLETED\"] }",
                "notifications = {}",
            ),
            row(
                "notifications.topic",
                "notifications = { topic = \"arn:aws:sns:ap-northeast-1:123456789012:t\", events = [\"BACKUP_JOB_COMPLETED\"] }",
                "notifications = { topic = \"arn:aws:sns:ap-northeast-1:123456789012:u\", events = [\"BACKUP_JOB_COMPLETED\"] }",
            ),
            removable(
                "lock.min_retention",
                "lock = { mode = \"governance\", min_retention = \"7d\" }",
                "lock = { mode = \"governance\", min_retention = \"14d\" }",
                "lock = { mode = \"none\" }",
            ),
            row(
                "lock.max_retention",
                "lock = { mode = \"governance\", min_retention = \"7d\", max_retention = \"70d\" }",
                "lock = { mode = \"governance\", min_retention = \"7d\", max_retention = \"80d\" }",
            ),
            row(
                "lock.mode",
                "lock = { mode = \"governance\", min_retention = \"7d\" }",
                "lock = { mode = \"compliance\", min_retention = \"7d\", changeable_for = \"3d\", compliance_lock_is_irreversible = true }",
            ),
            removable("tags", "tags = { team = \"a\" }", "tags = { team = \"b\" }", ""),
        ],
    },
    Sheet {
        kind: "plan",
        address: "plan.daily",
        around: "[vault.vault-a]\n[vault.vault-b]\n",
        entry: "[plan.daily]",
        rows: &[row(
            "rule.nightly.vault",
            "windows_vss = true\n[plan.daily.rule.nightly]\nvault = \"vault-a\"",
            "windows_vss = true\n[plan.daily.rule.nightly]\nvault = \"vault-b\"",
        )],
    },
    Sheet {
        kind: "plan",
        address: "plan.daily",
        around: "[vault.vault-a]\n",
        entry: "[plan.daily.rule.nightly]\nvault = \"vault-a\"\n[plan.daily]",
        rows: &[
            row("windows_vss", "windows_vss = true", "windows_vss = false"),
            removable("tags", "tags = { team = \"a\" }", "tags = { team = \"b\" }", ""),
        ],
    },
    Sheet {
        kind: "plan",
        address: "plan.daily",
        around: "[vault.vault-a]\n",
        entry: "[plan.daily.rule.nightly]\nvault = \"vault-a\"",
        rows: &[
            row("rule.nightly.schedule", "schedule = \"cron(0 18 ? * * *)\"", "schedule = \"cron(0 19 ? * * *)\""),
            row("rule.nightly.timezone", "timezone = \"Asia/Tokyo\"", "timezone = \"UTC\""),
            row("rule.nightly.start_window", "start_window = \"1h\"", "start_window = \"2h\""),
            row("rule.nightly.complete_window", "complete_window = \"1d\"", "complete_window = \"2d\""),
            removable(
                "rule.nightly.delete_after",
                "delete_after = \"35d\"",
                "delete_after = \"36d\"",
                "delete_after = \"\"",
            ),
            removable(
                "rule.nightly.move_to_cold_storage_after",
                "move_to_cold_storage_after = \"1d\"",
                "move_to_cold_storage_after = \"2d\"",
                "move_to_cold_storage_after = \"\"",
            ),
            row(
                "rule.nightly.opt_in_to_archive_for_supported_resources",
                "move_to_cold_storage_after = \"1d\"\nopt_in_to_archive_for_supported_resources = true",
                "move_to_cold_storage_after = \"1d\"\nopt_in_to_archive_for_supported_resources = false",
            ),
            row(
                "rule.nightly.enable_continuous_backup",
                "delete_after = \"35d\"\nenable_continuous_backup = true",
                "delete_after = \"35d\"\nenable_continuous_backup = false",
            ),
            row(
                "rule.nightly.target_logically_air_gapped_backup_vault_arn",
                "target_logically_air_gapped_backup_vault_arn = \"arn:aws:backup:ap-northeast-1:123456789012:backup-vault:gapped\"",
                "target_logically_air_gapped_backup_vault_arn = \"arn:aws:backup:ap-northeast-1:123456789012:backup-vault:gapped2\"",
            ),
            removable(
                "rule.nightly.recovery_point_tags",
                "recovery_point_tags = { a = \"1\" }",
                "recovery_point_tags = { a = \"2\", b = \"3\" }",
                "recovery_point_tags = {}",
            ),
            removable(
                "rule.nightly.copy_actions",
                "copy_actions = [{ vault = \"arn:aws:backup:us-east-1:123456789012:backup-vault:far\", delete_after = \"100d\", move_to_cold_storage_after = \"1d\", opt_in_to_archive_for_supported_resources = true }]",
                "copy_actions = [{ vault = \"arn:aws:backup:us-east-1:123456789012:backup-vault:far\", delete_after = \"120d\", move_to_cold_storage_after = \"2d\", opt_in_to_archive_for_supported_resources = false }]",
                "copy_actions = []",
            ),
        ],
    },
    Sheet {
        kind: "selection",
        address: "selection.daily.s",
        around: "",
        entry: "[role.other]\nname = \"AWSBackupOther\"\npreset = \"backup-service\"\n[plan.daily.rule.nightly]\nvault = \"vault-a\"\n[plan.daily.selection.s]\nmatch = { all = { VssBackup = \"enabled\" } }",
        rows: &[row("role", "role = \"Backup\"", "role = \"other\"")],
    },
    Sheet {
        kind: "selection",
        address: "selection.daily.s",
        around: "",
        entry: "[plan.daily.rule.nightly]\nvault = \"vault-a\"\n[plan.daily.selection.s]\nrole = \"Backup\"",
        rows: &[
            row("all", "match = { all = { a = \"1\" } }", "match = { all = { a = \"2\" } }"),
            row("any", "match = { any = { a = \"1\" } }", "match = { any = { a = [\"1\", \"2\"] } }"),
            row("like", "match = { like = { a = \"1*\" } }", "match = { like = { a = \"2*\" } }"),
            row("not_equals", "match = { not_equals = { a = \"1\" } }", "match = { not_equals = { a = \"2\" } }"),
            row("not_like", "match = { not_like = { a = \"1*\" } }", "match = { not_like = { a = \"2*\" } }"),
            row(
                "arns",
                "match = { arns = [\"arn:aws:ec2:*:*:instance/*\"] }",
                "match = { arns = [\"arn:aws:ec2:*:*:instance/*\", \"arn:aws:rds:*:*:db:*\"] }",
            ),
            row(
                "not_arns",
                "match = { all = { a = \"1\" }, not_arns = [\"arn:aws:ec2:ap-northeast-1:123456789012:instance/i-0123456789abcdef0\"] }",
                "match = { all = { a = \"1\" }, not_arns = [\"arn:aws:ec2:ap-northeast-1:123456789012:instance/i-0123456789abcdef1\"] }",
            ),
        ],
    },
    Sheet {
        kind: "restore_test",
        address: "restore_test.weekly",
        around: BACKUP_ROLE,
        entry: "[restore_test.weekly]\nrecovery_point_selection = { algorithm = \"LATEST_WITHIN_WINDOW\", include_vaults = [\"vault-a\"], recovery_point_types = [\"SNAPSHOT\"] }",
        rows: &[
            row("schedule", "schedule = \"cron(0 5 ? * SUN *)\"", "schedule = \"cron(0 6 ? * SUN *)\""),
            removable(
                "tags",
                "schedule = \"cron(0 5 ? * SUN *)\"\ntags = { team = \"a\" }",
                "schedule = \"cron(0 5 ? * SUN *)\"\ntags = { team = \"b\" }",
                "schedule = \"cron(0 5 ? * SUN *)\"",
            ),
        ],
    },
    Sheet {
        kind: "restore_test",
        address: "restore_test.weekly",
        around: BACKUP_ROLE,
        entry: "[restore_test.weekly]\nschedule = \"cron(0 5 ? * SUN *)\"",
        rows: &[
            row(
                "recovery_point_selection.algorithm",
                "recovery_point_selection = { algorithm = \"LATEST_WITHIN_WINDOW\", include_vaults = [\"vault-a\"], recovery_point_types = [\"SNAPSHOT\"] }",
                "recovery_point_selection = { algorithm = \"RANDOM_WITHIN_WINDOW\", include_vaults = [\"vault-a\"], recovery_point_types = [\"SNAPSHOT\"] }",
            ),
            row(
                "recovery_point_selection.include_vaults",
                "recovery_point_selection = { algorithm = \"LATEST_WITHIN_WINDOW\", include_vaults = [\"vault-a\"], recovery_point_types = [\"SNAPSHOT\"] }",
                "recovery_point_selection = { algorithm = \"LATEST_WITHIN_WINDOW\", include_vaults = [\"vault-a\", \"vault-b\"], recovery_point_types = [\"SNAPSHOT\"] }",
            ),
            row(
                "recovery_point_selection.recovery_point_types",
                "recovery_point_selection = { algorithm = \"LATEST_WITHIN_WINDOW\", include_vaults = [\"vault-a\"], recovery_point_types = [\"SNAPSHOT\"] }",
                "recovery_point_selection = { algorithm = \"LATEST_WITHIN_WINDOW\", include_vaults = [\"vault-a\"], recovery_point_types = [\"SNAPSHOT\", \"CONTINUOUS\"] }",
            ),
        ],
    },
    Sheet {
        kind: "restore_test",
        address: "restore_test.weekly",
        around: BACKUP_ROLE,
        entry: "[role.other]\nname = \"AWSBackupOther\"\npreset = \"backup-service\"\n[restore_test.weekly]\nschedule = \"cron(0 5 ? * SUN *)\"\nrecovery_point_selection = { algorithm = \"LATEST_WITHIN_WINDOW\", include_vaults = [\"vault-a\"], recovery_point_types = [\"SNAPSHOT\"] }\n[restore_test.weekly.selection.sql]\nmatch = { arns = [\"*\"] }",
        rows: &[row("selection.sql.role", "role = \"Backup\"", "role = \"other\"")],
    },
    Sheet {
        kind: "restore_test",
        address: "restore_test.weekly",
        around: BACKUP_ROLE,
        entry: "[restore_test.weekly]\nschedule = \"cron(0 5 ? * SUN *)\"\nrecovery_point_selection = { algorithm = \"LATEST_WITHIN_WINDOW\", include_vaults = [\"vault-a\"], recovery_point_types = [\"SNAPSHOT\"] }\n[restore_test.weekly.selection.sql]\nrole = \"Backup\"",
        rows: &[
            row(
                "selection.sql.arns",
                "match = { arns = [\"*\"] }",
                "match = { arns = [\"arn:aws:ec2:ap-northeast-1:123456789012:instance/i-0123456789abcdef0\"] }",
            ),
            row("selection.sql.all", "match = { all = { a = \"1\" } }", "match = { all = { a = \"2\" } }"),
            row(
                "selection.sql.not_equals",
                "match = { not_equals = { a = \"1\" } }",
                "match = { not_equals = { a = \"2\" } }",
            ),
        ],
    },
    Sheet {
        kind: "restore_test",
        address: "restore_test.weekly",
        around: BACKUP_ROLE,
        entry: "[restore_test.weekly]\nschedule = \"cron(0 5 ? * SUN *)\"\n[restore_test.weekly.recovery_point_selection]\nalgorithm = \"LATEST_WITHIN_WINDOW\"\ninclude_vaults = [\"*\"]\nrecovery_point_types = [\"SNAPSHOT\"]",
        rows: &[
            removable(
                "recovery_point_selection.exclude_vaults",
                "exclude_vaults = [\"vault-a\"]",
                "exclude_vaults = [\"vault-b\"]",
                "exclude_vaults = []",
            ),
            row("recovery_point_selection.selection_window", "selection_window = \"7d\"", "selection_window = \"8d\""),
        ],
    },
    Sheet {
        kind: "restore_test",
        address: "restore_test.weekly",
        around: BACKUP_ROLE,
        entry: "[restore_test.weekly]\nschedule = \"cron(0 5 ? * SUN *)\"\n[restore_test.weekly.recovery_point_selection]\nalgorithm = \"LATEST_WITHIN_WINDOW\"\ninclude_vaults = [\"*\"]\nrecovery_point_types = [\"SNAPSHOT\"]\n[restore_test.weekly.selection.sql]\nrole = \"Backup\"\nmatch = { arns = [\"*\"] }",
        rows: &[
            removable(
                "selection.sql.overrides",
                "overrides = { subnetId = \"subnet-1\" }",
                "overrides = { subnetId = \"subnet-2\" }",
                "overrides = {}",
            ),
            row("selection.sql.validation_window", "validation_window = \"1h\"", "validation_window = \"2h\""),
        ],
    },
    Sheet {
        kind: "restore_test",
        address: "restore_test.weekly",
        around: BACKUP_ROLE,
        entry: "[restore_test.weekly]\nschedule = \"cron(0 5 ? * SUN *)\"\nrecovery_point_selection = { algorithm = \"LATEST_WITHIN_WINDOW\", include_vaults = [\"vault-a\"], recovery_point_types = [\"SNAPSHOT\"] }",
        rows: &[
            row("timezone", "timezone = \"Asia/Tokyo\"", "timezone = \"UTC\""),
            row("start_window", "start_window = \"2h\"", "start_window = \"3h\""),
        ],
    },
    Sheet {
        kind: "region_settings",
        address: "region_settings",
        around: "",
        entry: "[region_settings]",
        rows: &[
            row(
                "resource_type_opt_in",
                "resource_type_opt_in = { EC2 = true }",
                "resource_type_opt_in = { EC2 = false }",
            ),
            row(
                "resource_type_management",
                "resource_type_management = { DynamoDB = true }",
                "resource_type_management = { DynamoDB = false }",
            ),
        ],
    },
];

/// Fields that the file gives one value only. `restore_tests::a_selection_of_another_type_is_made_again` has it.
const ONE_VALUE: [(&str, &str); 1] = [("restore_test", "selection.*.resource_type")];

impl Sheet {
    pub(crate) fn file(&self, line: &str) -> String {
        let around = if self.kind == "selection" { BACKUP_ROLE } else { self.around };
        format!("{STACK}\n{around}\n{}\n{line}\n", self.entry)
    }

    fn expect(&self, bench: &Bench, row: &Row, file: &str, what: &str) {
        let plan = bench.plan(file);
        let addresses: Vec<String> = changed(&plan).into_iter().map(|(address, _)| address).collect();
        let expected: Vec<&str> = std::iter::once(self.address).chain(row.ripples.iter().copied()).collect();
        assert_eq!(addresses, expected, "{what}: {} of {}\n{file}\n{:#?}", row.path, self.address, plan.changes);
        let paths = paths(&plan, self.address);
        assert!(
            !paths.is_empty()
                && paths.iter().all(|path| path == row.path || path.starts_with(&format!("{}.", row.path))),
            "{what}: `{}` of {} shows as {paths:?}\n{file}",
            row.path,
            self.address
        );
    }

    fn settle(&self, bench: &Bench, file: &str, what: &str) {
        bench.apply(file);
        let again = bench.plan(file);
        assert!(again.is_empty(), "{what} of {}: not empty after apply\n{file}\n{:#?}", self.address, again.changes);
    }
}

/// Checks every row and then fails once, with all that went wrong.
fn for_every_row(check: impl Fn(&Sheet, &Row)) {
    let mut failures = Vec::new();
    for sheet in SHEETS {
        for row in sheet.rows {
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| check(sheet, row)));
            if let Err(panic) = outcome {
                let text = panic.downcast_ref::<String>().map_or("a panic without a text", String::as_str);
                failures.push(format!("{} of {}: {text}", row.path, sheet.address));
            }
        }
    }
    assert!(failures.is_empty(), "{} rows failed:\n\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn every_field_is_created_as_the_file_says_and_the_second_apply_writes_nothing() {
    for_every_row(|sheet, row| {
        let bench = Bench::new();
        let file = sheet.file(row.first);
        sheet.settle(&bench, &file, row.path);
        bench.forget_requests();
        bench.apply(&file);
        assert_eq!(bench.writes(), [""; 0], "{} of {}", row.path, sheet.address);
    });
}

#[test]
fn a_change_in_the_file_is_shown_as_exactly_that_field_and_healed_when_it_is_undone_behind_our_back() {
    for_every_row(|sheet, row| {
        let bench = Bench::new();
        let (first, second) = (sheet.file(row.first), sheet.file(row.second));
        // A compliance lock can't be undone, by design.
        let irreversible = row.path == "lock.mode";
        sheet.settle(&bench, &first, row.path);
        sheet.expect(&bench, row, &second, "a change in the file");
        sheet.settle(&bench, &second, row.path);
        if !irreversible {
            // There is no state file: an account that is as `second` says has drifted from `first`.
            sheet.expect(&bench, row, &first, "drift");
            sheet.settle(&bench, &first, row.path);
        }
    });
}

#[test]
fn a_field_is_taken_away_by_its_empty_value() {
    for_every_row(|sheet, row| {
        let Some(none) = row.none else { return };
        let bench = Bench::new();
        sheet.settle(&bench, &sheet.file(row.first), row.path);
        let file = sheet.file(none);
        let plan = bench.plan(&file);
        assert_eq!(changed(&plan).len(), 1, "{} of {}\n{file}\n{:#?}", row.path, sheet.address, plan.changes);
        sheet.settle(&bench, &file, row.path);
    });
}

#[test]
fn what_the_file_does_not_declare_is_left_as_it_is() {
    for_every_row(|sheet, row| {
        // Required fields can't be left out; tags that we wrote go when the file drops them; a selection is whole.
        let required = [
            "trust",
            "role",
            "document",
            "targets",
            "instances",
            "schedule",
            "rule.nightly.vault",
            "recovery_point_selection.algorithm",
            "recovery_point_selection.include_vaults",
            "recovery_point_selection.recovery_point_types",
            "selection.sql.role",
            "selection.sql.arns",
            "selection.sql.all",
            "selection.sql.not_equals",
        ]
        .contains(&row.path);
        if required || row.path == "tags" || sheet.kind == "selection" {
            return;
        }
        let bench = Bench::new();
        sheet.settle(&bench, &sheet.file(row.first), row.path);
        let minimal = sheet.file("");
        let plan = bench.plan(&minimal);
        assert!(plan.is_empty(), "{} of {}\n{minimal}\n{:#?}", row.path, sheet.address, plan.changes);
    });
}

#[test]
fn everything_is_deleted_by_destroy_and_strangers_stay() {
    for sheet in SHEETS.iter().filter(|sheet| sheet.kind != "region_settings") {
        let bench = Bench::new();
        let before = account(&bench);
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        bench.call("iam", "CreateRole", &json!({"RoleName": "theirs", "AssumeRolePolicyDocument": trust}));
        bench.call("backup", "CreateBackupVault", &json!({"BackupVaultName": "theirs"}));
        let strangers = account(&bench);
        assert_ne!(before, strangers);
        let file = sheet.file(sheet.rows[0].first);
        bench.apply(&file);
        let options = vssctl::plan::Options { destroy: true, ..Default::default() };
        let (plan, report) = bench.try_apply(&file, &options);
        assert!(report.is_complete() && !report.outcomes.is_empty(), "{:#?}", report.outcomes);
        assert!(changed(&plan).iter().all(|(_, action)| *action == Action::Delete), "{:?}", changed(&plan));
        assert_eq!(account(&bench), strangers, "{}", sheet.address);
    }
}

/// What is in the account, by name, as other tools list it.
fn account(bench: &Bench) -> Vec<Value> {
    let names = |answer: &Value, list: &str, name: &str| -> Value {
        answer[list].as_array().into_iter().flatten().map(|item| item[name].clone()).collect()
    };
    let plans = bench.call("backup", "ListBackupPlans", &json!({}));
    let plan_ids = plans["BackupPlansList"].as_array().into_iter().flatten().map(|plan| &plan["BackupPlanId"]);
    let selections = plan_ids.map(|id| {
        let answer = bench.call("backup", "ListBackupSelections", &json!({"BackupPlanId": id}));
        names(&answer, "BackupSelectionsList", "SelectionName")
    });
    vec![
        names(&bench.call("iam", "ListRoles", &json!({})), "Roles", "RoleName"),
        names(&bench.call("iam", "ListPolicies", &json!({"Scope": "Local"})), "Policies", "PolicyName"),
        names(&bench.call("iam", "ListInstanceProfiles", &json!({})), "InstanceProfiles", "InstanceProfileName"),
        names(&bench.call("backup", "ListBackupVaults", &json!({})), "BackupVaultList", "BackupVaultName"),
        names(&plans, "BackupPlansList", "BackupPlanName"),
        selections.collect(),
        names(
            &bench.call("backup", "ListRestoreTestingPlans", &json!({})),
            "RestoreTestingPlans",
            "RestoreTestingPlanName",
        ),
        names(&bench.call("ssm", "ListAssociations", &json!({})), "Associations", "AssociationName"),
        names(
            &bench.call("ec2", "DescribeIamInstanceProfileAssociations", &json!({})),
            "IamInstanceProfileAssociations",
            "InstanceId",
        ),
    ]
}

#[test]
fn every_field_of_every_kind_has_a_row() {
    let mut missing = BTreeSet::new();
    for kind in registry() {
        let rows: Vec<Vec<&str>> = SHEETS
            .iter()
            .filter(|sheet| sheet.kind == kind.id().name())
            .flat_map(|sheet| sheet.rows)
            .map(|row| row.path.split('.').collect())
            .collect();
        for path in leaves(kind.fields(), &[]) {
            // A row for the whole of a field stands for its parts, and `*` for the name of an entry.
            let fits = |row: &Vec<&str>| row.iter().zip(&path).all(|(given, wanted)| wanted == "*" || given == wanted);
            let is_given = ONE_VALUE.contains(&(kind.id().name(), path.join(".").as_str()));
            if !is_given && !rows.iter().any(fits) {
                missing.insert(format!("{}: {}", kind.id().name(), path.join(".")));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

fn leaves(fields: &[Field], above: &[String]) -> Vec<Vec<String>> {
    fields.iter().flat_map(|field| inner(field.shape, &[above, &[field.name.to_owned()]].concat())).collect()
}

fn inner(shape: Shape, path: &[String]) -> Vec<Vec<String>> {
    match shape {
        Shape::Scalar | Shape::Document | Shape::Set | Shape::Tags | Shape::Hidden => vec![path.to_vec()],
        Shape::Map(of) => inner(*of, &[path, &["*".to_owned()]].concat()),
        Shape::Record(fields) => leaves(fields, path),
    }
}
