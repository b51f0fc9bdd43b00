//! A value for each key of the schema. Names are few, so that what one file makes another one changes or drops.

use std::sync::LazyLock;

use serde_json::{Value, json};
use vssctl::sandbox::Sandbox;

use super::super::random::Random;

/// What the entries of a file are called.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub(crate) policies: Vec<&'static str>,
    pub(crate) roles: Vec<&'static str>,
    /// Roles that instances can carry.
    pub(crate) carriers: Vec<&'static str>,
    /// Roles with an instance profile of their own name.
    pub(crate) profiles: Vec<&'static str>,
    pub(crate) vaults: Vec<&'static str>,
}

/// An instance of a new account that is online and has the tag `VssBackup`.
static INSTANCE: LazyLock<String> = LazyLock::new(|| {
    let sandbox = Sandbox::in_memory();
    let named = json!({ "Filters": [{ "Name": "tag:Name", "Values": ["sql-1"] }] });
    let answer = sandbox.call("ec2", "DescribeInstances", "ap-northeast-1", &named).expect("instances");
    answer["Reservations"][0]["Instances"][0]["InstanceId"].as_str().expect("an id").to_owned()
});

pub(crate) fn trust(service: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" }],
    })
}

pub(crate) fn document(action: &str) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": "*" }] })
}

fn text(random: &mut Random, of: &[&str]) -> Value {
    json!(random.pick(of))
}

fn some(random: &mut Random, of: &[&str]) -> Value {
    let least = *random.pick(of);
    json!(of.iter().filter(|one| **one == least || random.one_in(2)).collect::<Vec<_>>())
}

fn tags(random: &mut Random, key: &str) -> Value {
    json!({ key: random.pick(&["on", "yes"]) })
}

/// Picks a value for a key of a table; `None` where this file has none to give.
pub(crate) fn value(random: &mut Random, names: &Names, table: &str, key: &str) -> Option<Value> {
    let value = match (table, key) {
        (_, "tags") if !table.ends_with(".targets") => json!({ "own": random.pick(&["1", "2"]) }),
        (_, "adopt" | "protect" | "replace" | "windows_vss") => json!(random.one_in(2)),
        (_, "renamed_from") => text(random, &["old", "older"]),
        ("role.*", _) => role(random, names, key)?,
        ("policy.*" | "instance_profile.*" | "role.*.instance_profile", "path") => text(random, &["/", "/x/"]),
        ("policy.*", "description") => text(random, &["one", "two"]),
        ("policy.*", "document") => document(random.pick::<&str>(&["ec2:DescribeImages", "ec2:DescribeVolumes"])),
        ("role.*.instance_profile" | "instance_profile.*", "name") => text(random, &["Profile-x", "Profile-y"]),
        ("instance_profile.*", "role") => json!(random.pick(&names.carriers)),
        ("attachment.*", "instance_profile") if names.profiles.is_empty() => return None,
        ("attachment.*", "instance_profile") => json!(random.pick(&names.profiles)),
        ("attachment.*.targets", "tags") => json!({ "VssBackup": ["enabled"] }),
        ("attachment.*.targets" | "package.*.targets", "instance_ids") => json!([&**INSTANCE]),
        ("package.*.targets", "tags") => json!({ "VssBackup": some(random, &["enabled", "yes"]) }),
        ("package.*.targets", "resource_groups") => json!(["windows"]),
        ("package.*", _) => package(random, names, key)?,
        ("vault.*", "kms_key") => {
            json!("arn:aws:kms:ap-northeast-1:123456789012:key/11111111-2222-3333-4444-555555555555")
        }
        ("vault.*", "access_policy") if random.one_in(3) => json!({}),
        ("vault.*", "access_policy") => json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Deny", "Principal": "*", "Resource": "*",
                "Action": random.pick(&["backup:DeleteRecoveryPoint", "backup:StartCopyJob"]),
            }],
        }),
        ("vault.*.notifications", "topic") => {
            json!(format!("arn:aws:sns:ap-northeast-1:123456789012:{}", random.pick(&["a", "b"])))
        }
        ("vault.*.notifications", "events") => some(random, &["BACKUP_JOB_COMPLETED", "COPY_JOB_FAILED"]),
        ("vault.*.lock", "mode") => text(random, &["governance", "governance", "compliance", "none"]),
        ("vault.*.lock", "min_retention") => text(random, &["1d", "2d"]),
        ("vault.*.lock", "max_retention") => text(random, &["3000d", "3600d"]),
        ("vault.*.lock", "changeable_for") => json!("30d"),
        ("vault.*.lock", "compliance_lock_is_irreversible") => json!(true),
        ("plan.*.rule.*" | "plan.*.rule.*.copy_actions.*", _) => rule(random, names, key)?,
        ("plan.*.selection.*" | "restore_test.*.selection.*", "role") => json!("backup"),
        ("plan.*.selection.*.match" | "restore_test.*.selection.*.match", _) => matched(random, key),
        (_, "name") => return None,
        ("restore_test.*", "schedule") => text(random, &["cron(0 3 1 * ? *)", "cron(0 4 ? * SUN *)"]),
        ("restore_test.*", "timezone") => text(random, &["Asia/Tokyo", "Etc/UTC"]),
        ("restore_test.*", "start_window") => text(random, &["8h", "24h"]),
        ("restore_test.*.recovery_point_selection", _) => points(random, names, key),
        ("restore_test.*.selection.*", "overrides") => {
            json!({ "subnetId": random.pick(&["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]) })
        }
        ("restore_test.*.selection.*", "validation_window") => text(random, &["4h", "8h"]),
        ("region_settings", "resource_type_opt_in") => json!({ "EC2": true, "EBS": random.one_in(2) }),
        ("region_settings", "resource_type_management") => json!({ "DynamoDB": random.one_in(2) }),
        _ => panic!("`{table}.{key}` is in the schema, and no history knows a value for it"),
    };
    Some(value)
}

fn role(random: &mut Random, names: &Names, key: &str) -> Option<Value> {
    Some(match key {
        "preset" => text(random, &["vss-instance", "vss-instance-backup-only", "backup-service"]),
        "path" => text(random, &["/", "/x/"]),
        "description" => text(random, &["one", "two"]),
        "trust" => trust(random.pick::<&str>(&["ec2.amazonaws.com", "backup.amazonaws.com"])),
        "max_session_duration" => random.pick(&[json!("2h"), json!(3600)]).clone(),
        "permissions_boundary" => {
            let own: Vec<&str> = names.policies.iter().copied().chain(["AmazonSSMManagedInstanceCore", ""]).collect();
            json!(random.pick(&own))
        }
        "managed_policies" => {
            let own: Vec<String> = names.policies.iter().map(|key| format!("Policy-{key}")).collect();
            let all = [
                "AmazonSSMManagedInstanceCore",
                "AWSEC2VssSnapshotPolicy",
                "service-role/AWSBackupServiceRolePolicyForBackup",
            ];
            let all: Vec<&str> = all.into_iter().chain(own.iter().map(String::as_str)).collect();
            json!(all.into_iter().filter(|_| random.one_in(2)).collect::<Vec<_>>())
        }
        "inline_policies" if random.one_in(4) => json!({}),
        "inline_policies" => json!({ "i": document(random.pick::<&str>(&["ec2:DescribeImages", "ec2:DescribeTags"])) }),
        "policies_mode" => text(random, &["exclusive", "additive"]),
        "instance_profile" => json!(random.one_in(2)),
        "name" | "allow" => return None,
        _ => panic!("`role.*.{key}` is in the schema, and no history knows a value for it"),
    })
}

fn package(random: &mut Random, names: &Names, key: &str) -> Option<Value> {
    Some(match key {
        "action" => text(random, &["Install", "Install", "Uninstall"]),
        "installation_type" => text(random, &["Uninstall and reinstall", "In-place update"]),
        "version" => text(random, &["2.5.1", "2.5.0"]),
        "minimum_version" => text(random, &["2.3.1", "2.4.0"]),
        "additional_arguments" => json!({ "SSM_VERBOSE": random.pick(&["0", "1"]) }),
        "schedule" => text(random, &["rate(2 days)", "rate(3 days)", "cron(0 2 ? * SUN *)"]),
        "apply_only_at_cron_interval" => json!(true),
        "schedule_offset" => json!(random.pick(&[1, 2])),
        "duration" => json!(random.pick(&[3, 4])),
        "max_concurrency" => random.pick(&[json!("10%"), json!(2)]).clone(),
        "max_errors" => random.pick(&[json!("20%"), json!(1)]).clone(),
        "compliance_severity" => text(random, &["CRITICAL", "LOW"]),
        "sync_compliance" => text(random, &["AUTO", "MANUAL"]),
        "output_s3_bucket" => text(random, &["bucket-a", "bucket-b"]),
        "output_s3_key_prefix" => text(random, &["a/", "b/"]),
        "output_s3_region" => text(random, &["ap-northeast-1", "us-west-2"]),
        "association_dispatch_assume_role" => {
            let own: Vec<&str> = names.roles.clone();
            json!(random.pick(&own))
        }
        "calendar_names" => json!(["arn:aws:ssm:ap-northeast-1:123456789012:document/QuietWeeks"]),
        "canary" => json!([&**INSTANCE]),
        "wait" => json!(random.one_in(2)),
        "name" | "package_name" | "targets" => return None,
        _ => panic!("`package.*.{key}` is in the schema, and no history knows a value for it"),
    })
}

fn rule(random: &mut Random, names: &Names, key: &str) -> Option<Value> {
    Some(match key {
        "vault" => json!(random.pick(&names.vaults)),
        "schedule" => json!(format!("cron(0 {} ? * * *)", random.pick(&[3, 4, 5]))),
        "timezone" => text(random, &["Asia/Tokyo", "Etc/UTC"]),
        "start_window" => text(random, &["1h", "2h"]),
        "complete_window" => text(random, &["8h", "9h"]),
        "delete_after" => text(random, &["7d", "35d"]),
        "move_to_cold_storage_after" => json!("30d"),
        "opt_in_to_archive_for_supported_resources" | "enable_continuous_backup" => json!(random.one_in(2)),
        "target_logically_air_gapped_backup_vault_arn" => {
            json!("arn:aws:backup:ap-northeast-1:123456789012:backup-vault:air-gapped")
        }
        "recovery_point_tags" => tags(random, "Made"),
        "name" | "copy_actions" => return None,
        _ => panic!("`plan.*.rule.*.{key}` is in the schema, and no history knows a value for it"),
    })
}

fn matched(random: &mut Random, key: &str) -> Value {
    match key {
        "all" | "any" | "like" | "not_equals" | "not_like" => tags(random, if key == "any" { "Any" } else { "Vss" }),
        "arns" => json!([format!("arn:aws:ec2:*:*:{}/*", random.pick(&["instance", "volume"]))]),
        "not_arns" => json!([format!("arn:aws:ec2:ap-northeast-1:123456789012:instance/{}", *INSTANCE)]),
        _ => panic!("`match.{key}` is in the schema, and no history knows a value for it"),
    }
}

fn points(random: &mut Random, names: &Names, key: &str) -> Value {
    match key {
        "algorithm" => text(random, &["LATEST_WITHIN_WINDOW", "RANDOM_WITHIN_WINDOW"]),
        "include_vaults" if random.one_in(2) && !names.vaults.is_empty() => json!([random.pick(&names.vaults)]),
        "include_vaults" => json!(["*"]),
        "exclude_vaults" => json!(["arn:aws:backup:ap-northeast-1:123456789012:backup-vault:left-out"]),
        "recovery_point_types" => json!(["SNAPSHOT"]),
        "selection_window" => text(random, &["30d", "60d"]),
        _ => panic!("`recovery_point_selection.{key}` is in the schema, and no history knows a value for it"),
    }
}
