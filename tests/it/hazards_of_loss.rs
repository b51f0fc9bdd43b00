//! Hazards of what is lost on the way to something else: replaced roles and vaults, first pins, dropped schedules, denials.

use serde_json::json;

use crate::bench::add_key;
use crate::harness::{MAIN_JOB, Place};
use crate::hazards::{NO_CHANGES, account, all, asks, back_up, call, nothing};

/// The file with another path for the role of AWS Backup.
fn moved() -> String {
    MAIN_JOB.replace("preset = \"backup-service\"", "preset = \"backup-service\"\npath = \"/x/\"")
}

/// A text without the ends of its lines.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

const KEY: &str = "11111111-2222-3333-4444-555555555555";

/// Makes the key.
fn with_key(place: &Place) {
    add_key(&account(place), KEY);
}

/// The file with a key for the vault.
fn keyed() -> String {
    let key = format!("arn:aws:kms:ap-northeast-1:123456789012:key/{KEY}");
    MAIN_JOB.replace("[vault.vss]", &format!("[vault.vss]\nkms_key = \"{key}\""))
}

#[test]
fn a_role_that_alone_is_targeted_takes_along_the_selection_that_names_its_old_arn() {
    let target = ["--target", "role.AWSBackupVss"];
    let shown = asks("protection-gap", "role.AWSBackupVss", MAIN_JOB, nothing, &moved(), &target);
    assert!(shown.contains("selection.daily.windows"), "{shown}");
    // A selection that may not be made again keeps its role.
    let protected = "[plan.daily.selection.windows]\nprotect = true";
    let file = MAIN_JOB.replace("[plan.daily.selection.windows]", protected);
    let place = Place::with(&file);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", moved().replace("[plan.daily.selection.windows]", protected));
    for more in [&target[..], &[]] {
        let consent = all();
        let apply = [&["apply", "--yes", "--allow", consent.as_str()], more].concat();
        let run = place.sandbox(&apply).exits(4);
        assert!(run.stdout.contains("`selection.daily.windows` would be replaced with it"), "{}", run.stdout);
    }
    place.write("vss.toml", &file);
    assert_eq!(place.sandbox(&["plan"]).exits(0).last_line(), NO_CHANGES);
}

#[test]
fn a_role_that_is_made_again_leaves_its_recovery_points_behind() {
    let full = |place: &Place| back_up(place, "vss");
    let shown = asks("retention-orphan", "role.AWSBackupVss", MAIN_JOB, full, &moved(), &[]);
    assert!(unwrapped(&shown).contains("to expire the 1 recovery points in the vault `vss`"), "{shown}");
}

#[test]
fn a_vault_that_is_made_again_while_a_rule_names_it_is_a_protection_gap() {
    let shown = asks("protection-gap", "vault.vss", MAIN_JOB, with_key, &keyed(), &[]);
    assert!(unwrapped(&shown).contains("the rule `nightly` of the plan `daily` has no vault"), "{shown}");
    // What no rule names may go and come.
    let (alone, _) = MAIN_JOB.split_once("[plan.daily]").expect("a plan");
    let place = Place::with(alone);
    place.sandbox(&["apply", "--yes"]).exits(0);
    with_key(&place);
    let keyed = keyed();
    place.write("vss.toml", keyed.split_once("[plan.daily]").expect("a plan").0);
    place.sandbox(&["apply", "--yes"]).exits(0);
}

#[test]
fn a_first_pin_that_goes_back_from_the_newest_version_asks() {
    let pinned = |version: &str| MAIN_JOB.replace("minimum_version = \"2.3.1\"", &format!("version = \"{version}\""));
    let shown = asks("vss-unavailable", "package.AwsVssComponents", MAIN_JOB, nothing, &pinned("2.2.1"), &[]);
    assert!(unwrapped(&shown).contains("from the newest version to 2.2.1"), "{shown}");
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", pinned("2.5.1"));
    place.sandbox(&["apply", "--yes"]).exits(0);
}

#[test]
fn a_package_that_loses_its_schedule_is_no_longer_installed_on_new_instances() {
    let once = MAIN_JOB.replace("schedule = \"rate(1 day)\"\n", "");
    // Its association is a second object of the entry, and goes under an address of its own.
    let shown = asks("vss-unavailable", "package.AwsVssComponents-2", MAIN_JOB, nothing, &once, &[]);
    assert!(unwrapped(&shown).contains("nothing installs `AwsVssComponents` on new instances any more"), "{shown}");
    // A command from the start has no association to lose.
    let place = Place::with(&once);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.sandbox(&["apply", "--yes"]).exits(0);
}

#[test]
fn a_denial_of_what_vss_needs_asks_and_one_of_something_else_does_not() {
    let denying = |action: &str, condition: &str| {
        MAIN_JOB.replace(
            "preset = \"vss-instance\"",
            &format!(
                "preset = \"vss-instance\"\ninline_policies = {{ d = {{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Deny\", Action = \"{action}\", Resource = \"*\"{condition} }}] }} }}"
            ),
        )
    };
    let role = "role.EC2RoleforSSMVSSSnapshotV2";
    for (action, denied) in [
        ("ec2:CreateImage", "`ec2:CreateImage`"),
        ("ec2:CreateSnap*", "`ec2:CreateSnapshots`, `ec2:CreateSnapshot`"),
        ("ssmmessages:*", "`ssmmessages:CreateControlChannel`, `ssmmessages:OpenControlChannel`"),
        ("ssm:*", "`ssm:UpdateInstanceInformation`"),
    ] {
        let shown = asks("vss-unavailable", role, MAIN_JOB, nothing, &denying(action, ""), &[]);
        assert!(unwrapped(&shown).contains(&format!("denies {denied}, which VSS backups need")), "{shown}");
    }
    let elsewhere = ", Condition = { StringNotEquals = { \"aws:RequestedRegion\" = \"ap-northeast-1\" } }";
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    for harmless in [denying("ec2:TerminateInstances", ""), denying("ec2:*", elsewhere)] {
        place.write("vss.toml", harmless);
        place.sandbox(&["apply", "--yes", "--allow", "privilege-widened"]).exits(0);
    }
}

#[test]
fn a_boundary_that_keeps_from_a_role_what_vss_needs_asks() {
    let bounded = |actions: &str| {
        let preset = "preset = \"vss-instance\"";
        let policy = format!(
            "[policy.edge]\nallow = [{{ code = \"VSS1020\", reason = \"a boundary\" }}]\ndocument = '{{\"Version\":\"2012-10-17\",\"Statement\":{{\"Effect\":\"Allow\",\"Action\":{actions},\"Resource\":\"*\"}}}}'\n"
        );
        MAIN_JOB.replace(preset, &format!("{preset}\npermissions_boundary = \"edge\"")) + &policy
    };
    let role = "role.EC2RoleforSSMVSSSnapshotV2";
    let shown = asks("vss-unavailable", role, MAIN_JOB, nothing, &bounded(r#"["ssm:*","s3:*"]"#), &[]);
    let shown = unwrapped(&shown);
    assert!(shown.contains("`ec2:CreateSnapshots`") && !shown.contains("`ssm:"), "{shown}");
    // One of AWS's policies of which nothing is known may keep anything from it.
    let core = "permissions_boundary = \"AmazonSSMManagedInstanceCore\"";
    let core = MAIN_JOB.replace("preset = \"vss-instance\"", &format!("preset = \"vss-instance\"\n{core}"));
    asks("vss-unavailable", role, MAIN_JOB, nothing, &core, &[]);
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", bounded(r#"["ssm:*","ec2:*"]"#));
    place.sandbox(&["apply", "--yes"]).exits(0);
}

#[test]
fn a_vault_with_a_policy_or_notifications_that_the_file_does_not_speak_of_is_not_made_again() {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    let vault = json!({ "BackupVaultName": "vss" });
    let policy = json!({
        "BackupVaultName": "vss",
        "Policy": r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"backup:DeleteRecoveryPoint","Resource":"*"}]}"#,
    });
    let topic = "arn:aws:sns:ap-northeast-1:123456789012:backups";
    let notifications =
        json!({ "BackupVaultName": "vss", "SNSTopicArn": topic, "BackupVaultEvents": ["BACKUP_JOB_COMPLETED"] });
    call(&place, "backup", "PutBackupVaultAccessPolicy", &policy);
    call(&place, "backup", "PutBackupVaultNotifications", &notifications);
    with_key(&place);
    place.write("vss.toml", keyed());
    let run = place.sandbox(&["apply", "--yes", "--allow", &all()]).exits(4);
    let said = unwrapped(&run.stdout);
    assert!(
        said.contains("VSS0911") && said.contains("has an access policy and notifications that the file"),
        "{said}"
    );
    let kept = call(&place, "backup", "GetBackupVaultAccessPolicy", &vault);
    assert!(kept["Policy"].as_str().is_some_and(|kept| kept.contains("backup:DeleteRecoveryPoint")), "{kept}");
    // Who says what the new vault should have has said that it may go.
    let topic =
        format!("notifications = {{ topic = \"{topic}\", events = [\"BACKUP_JOB_COMPLETED\"] }}\naccess_policy = {{}}");
    place.write("vss.toml", keyed().replace("[vault.vss]", &format!("[vault.vss]\n{topic}")));
    place.sandbox(&["apply", "--yes", "--allow", &all()]).exits(0);
    assert_eq!(place.sandbox(&["plan"]).exits(0).last_line(), NO_CHANGES);
}

#[test]
fn a_vault_with_a_compliance_lock_that_the_file_does_not_speak_of_is_not_made_again() {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    let lock = json!({ "BackupVaultName": "vss", "MinRetentionDays": 7, "ChangeableForDays": 3 });
    call(&place, "backup", "PutBackupVaultLockConfiguration", &lock);
    assert_eq!(place.sandbox(&["plan"]).exits(0).last_line(), NO_CHANGES);
    place.write("vss.toml", keyed());
    let run = place.sandbox(&["apply", "--yes", "--allow", &all()]).exits(4);
    assert!(run.stdout.contains("VSS0911") && run.stdout.contains("compliance lock"), "{}", run.stdout);
    assert_eq!(call(&place, "backup", "DescribeBackupVault", &json!({ "BackupVaultName": "vss" }))["Locked"], true);
}

/// The file with a policy that both roles have, and one that bounds them.
fn shared(document: &str, boundary: &str) -> String {
    let policy = |name: &str, document: &str| {
        format!(
            "[policy.{name}]\nallow = [{{ code = \"VSS1020\", reason = \"an edge\" }}]\ndocument = '{{\"Version\":\"2012-10-17\",\"Statement\":[{document}]}}'\n"
        )
    };
    let mut file = MAIN_JOB.to_owned();
    for (preset, service) in [("vss-instance", "EC2"), ("backup-service", "Backup")] {
        let own = if service == "EC2" {
            "\"AmazonSSMManagedInstanceCore\", \"AWSEC2VssSnapshotPolicy\""
        } else {
            "\"service-role/AWSBackupServiceRolePolicyForBackup\""
        };
        file = file.replace(
            &format!("preset = \"{preset}\""),
            &format!("preset = \"{preset}\"\nmanaged_policies = [{own}, \"Shared\"]\npermissions_boundary = \"Edge\""),
        );
    }
    file + &policy("Shared", document) + &policy("Edge", boundary)
}

#[test]
fn a_policy_whose_document_takes_from_roles_what_vss_needs_asks() {
    let effect = |effect: &str, actions: &str| format!(r#"{{"Effect":"{effect}","Action":{actions},"Resource":"*"}}"#);
    let (lists, all) =
        (effect("Allow", r#""s3:ListAllMyBuckets""#), effect("Allow", r#"["ec2:*","ssm:*","backup:*"]"#));
    let before = shared(&lists, &all);
    let denies = |action: &str| shared(&format!("{lists},{}", effect("Deny", &format!("\"{action}\""))), &all);
    for (action, role) in [
        ("ssm:SendCommand", "`AWSBackupVss`"),
        ("ssm:GetCommandInvocation", "`AWSBackupVss`"),
        ("ec2:CreateSnapshots", "`EC2RoleforSSMVSSSnapshotV2`"),
        ("ec2:CreateTags", "`EC2RoleforSSMVSSSnapshotV2`"),
    ] {
        let shown = unwrapped(&asks("vss-unavailable", "policy.Shared", &before, nothing, &denies(action), &[]));
        assert!(shown.contains(&format!("a policy of the role {role} denies `{action}`")), "{shown}");
    }
    let edge = shared(&lists, &effect("Allow", r#""s3:ListAllMyBuckets""#));
    let shown = unwrapped(&asks("vss-unavailable", "policy.Edge", &before, nothing, &edge, &[]));
    assert!(shown.contains("`AWSBackupVss` denies `ssm:SendCommand`"), "{shown}");
    let place = Place::with(&before);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", denies("ec2:TerminateInstances"));
    place.sandbox(&["apply", "--yes"]).exits(0);
}

#[test]
fn a_new_entry_that_uninstalls_or_holds_an_older_package_asks() {
    let entry = |what: &str| {
        format!(
            "{MAIN_JOB}[package.more]\npackage_name = \"AwsVssComponents\"\n{what}\nschedule = \"rate(1 day)\"\ntargets = {{ tags = {{ Tier = \"old\" }} }}\n"
        )
    };
    let package = "package.more";
    for (what, why) in [
        ("action = \"Uninstall\"", "`AwsVssComponents` is removed from the instances"),
        ("version = \"1.3.1\"", "`AwsVssComponents` is held at 1.3.1, and"),
    ] {
        let shown = unwrapped(&asks("vss-unavailable", package, MAIN_JOB, nothing, &entry(what), &[]));
        assert!(shown.contains(why), "{shown}");
    }
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", entry("version = \"2.5.1\""));
    place.sandbox(&["apply", "--yes"]).exits(0);
}

#[test]
fn a_renamed_rule_that_says_no_schedule_runs_once_a_day_and_takes_the_place_of_one() {
    let rule = "[plan.daily.rule.nightly]\n";
    let (head, _) = MAIN_JOB.split_once(rule).expect("a rule");
    let (_, tail) = MAIN_JOB.split_once("[plan.daily.selection").expect("a selection");
    let rules = |rules: &[(&str, &str)]| {
        let each = |(name, more): &(&str, &str)| format!("[plan.daily.rule.{name}]\nvault = \"vss\"\n{more}\n");
        format!("{head}{}[plan.daily.selection{tail}", rules.iter().map(each).collect::<String>())
    };
    let hourly = ("nightly", "schedule = \"cron(0 * ? * * *)\"");
    let asks_for = |before: &[(&str, &str)], after: &[(&str, &str)], name: &str| {
        let shown = asks("protection-gap", "plan.daily", &rules(before), nothing, &rules(after), &[]);
        assert!(unwrapped(&shown).contains(&format!("the rule `{name}` makes no more")), "{shown}");
    };
    asks_for(&[hourly], &[("other", "")], "nightly");
    let daily = ("second", "schedule = \"cron(0 5 ? * * *)\"");
    asks_for(&[("first", daily.1), daily], &[("one", "")], "second");
    let place = Place::with(&rules(&[daily]));
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", rules(&[("other", "")]));
    place.sandbox(&["apply", "--yes"]).exits(0);
}

#[test]
fn continuous_backups_that_end_are_a_protection_gap() {
    let says = |is: bool| {
        let plain = MAIN_JOB.replace("windows_vss = true\n", "");
        let (head, tail) = plain.split_once("[plan.daily.rule.nightly]\n").expect("a rule");
        format!("{head}[plan.daily.rule.nightly]\nenable_continuous_backup = {is}\n{tail}")
    };
    let shown = asks("protection-gap", "plan.daily", &says(true), nothing, &says(false), &[]);
    assert!(unwrapped(&shown).contains("the rule `nightly` makes no more continuous backups"), "{shown}");
}

#[test]
fn a_selection_that_moves_to_a_role_without_permissions_is_a_protection_gap() {
    let selection = "[plan.daily.selection.windows]";
    let trust = "trust = { Version = \"2012-10-17\", Statement = [{ Effect = \"Allow\", Principal = { Service = \"backup.amazonaws.com\" }, Action = \"sts:AssumeRole\" }] }";
    let other = |policies: &str| {
        let file = MAIN_JOB.replace("role  = \"AWSBackupVss\"", "role  = \"Other\"");
        assert!(file.contains("\"Other\"") && file.contains(selection));
        format!("{file}[role.Other]\n{trust}\n{policies}\n")
    };
    let shown = asks("protection-gap", "selection.daily.windows", MAIN_JOB, nothing, &other(""), &[]);
    assert!(unwrapped(&shown).contains("the role `Other` has none of AWS Backup's permissions"), "{shown}");
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", other("managed_policies = [\"service-role/AWSBackupServiceRolePolicyForBackup\"]"));
    place.sandbox(&["apply", "--yes"]).exits(0);
}

#[test]
fn a_trust_that_lets_the_service_in_under_a_new_condition_only_asks() {
    let trust = |service: &str, more: &str| {
        format!(
            "trust = {{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Allow\", Principal = {{ Service = \"{service}\" }}, Action = \"sts:AssumeRole\"{more} }}] }}"
        )
    };
    let condition = ", Condition = { StringEquals = { \"aws:SourceAccount\" = \"123456789012\" } }";
    for (preset, role, service, hazard) in [
        ("vss-instance", "role.EC2RoleforSSMVSSSnapshotV2", "ec2.amazonaws.com", "credential-gap"),
        ("backup-service", "role.AWSBackupVss", "backup.amazonaws.com", "protection-gap"),
    ] {
        let file = |more: &str| {
            let preset = format!("preset = \"{preset}\"");
            MAIN_JOB.replace(&preset, &format!("{preset}\n{}", trust(service, more)))
        };
        let shown = asks(hazard, role, MAIN_JOB, nothing, &file(condition), &[]);
        assert!(
            unwrapped(&shown).contains(&format!("`{service}` may assume the role only under a new condition")),
            "{shown}"
        );
        let place = Place::with(&file(condition));
        place.sandbox(&["apply", "--yes"]).exits(0);
        place.write("vss.toml", file(""));
        place.sandbox(&["apply", "--yes", "--allow", "trust-widened"]).exits(0);
    }
}
