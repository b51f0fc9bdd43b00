//! Hazards and guards through the built binary: refused without consent, with nothing written, and passed with it.

use serde_json::{Value, json};
use vssctl::plan::Hazard;
use vssctl::sandbox::Sandbox;
use vssctl::sandbox::backup::RecoveryPoint;

use crate::harness::{MAIN_JOB, Place, Run};

pub(crate) const STACK: &str = "[stack]\nname = \"s\"\naccount_id = \"123456789012\"\nregion = \"ap-northeast-1\"\n";
pub(crate) const NO_CHANGES: &str = "No changes. Your infrastructure matches the configuration.";
const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:DescribeImages","Resource":"*"}}"#;

/// Opens the account that the runs of a place keep.
pub(crate) fn account(place: &Place) -> Sandbox {
    Sandbox::open(place.path().join("account.json")).expect("the account")
}

pub(crate) fn call(place: &Place, service: &str, operation: &str, input: &Value) -> Value {
    account(place)
        .call(service, operation, "ap-northeast-1", input)
        .unwrap_or_else(|error| panic!("{service}:{operation}: {error:?}"))
}

/// Puts a recovery point into a vault, as a backup would.
pub(crate) fn back_up(place: &Place, vault: &str) {
    let put = |account: &mut vssctl::sandbox::account::Account| {
        let region = account.regions.get_mut("ap-northeast-1").expect("the region");
        let vault = region.backup.vaults.get_mut(vault).expect("the vault");
        vault.recovery_points.insert("arn:aws:ec2:ap-northeast-1::image/ami-1".to_owned(), RecoveryPoint::default());
    };
    account(place).edit(put).expect("an edit");
}

pub(crate) fn all() -> String {
    Hazard::ALL.map(Hazard::name).join(",")
}

/// Applies `before`, lets others act, and applies `after`: refused without the consent, done with it.
#[track_caller]
pub(crate) fn asks(
    hazard: &str,
    address: &str,
    before: &str,
    meanwhile: impl Fn(&Place),
    after: &str,
    more: &[&str],
) -> String {
    let place = Place::with(before);
    place.sandbox(&["apply", "--yes", "--allow", &all()]).exits(0);
    meanwhile(&place);
    place.write("vss.toml", after);
    let apply = |extra: &[&str]| place.sandbox(&[&["apply", "--yes"], more, extra].concat());
    let shown = place.sandbox(&[&["plan"], more].concat()).exits(0).stdout;
    assert!(shown.contains(&format!("! {hazard}: ")), "{shown}");
    // The command line may be broken anywhere.
    assert!(shown.split_whitespace().any(|word| word == "--allow"), "{shown}");

    ends(&place, more);
    let refused = apply(&[]).exits(4);
    let line = format!("{hazard} at `{address}`: ");
    assert!(refused.stderr.contains(&line), "no {line} in {}", refused.stderr);
    assert!(refused.stderr.contains("--allow "), "{}", refused.stderr);
    let others: Vec<&str> = Hazard::ALL.map(Hazard::name).into_iter().filter(|name| *name != hazard).collect();
    let refused = apply(&["--allow", &others.join(",")]).exits(4);
    assert!(refused.stderr.contains(&format!("`--allow {hazard}`")), "{}", refused.stderr);
    assert_eq!(place.sandbox(&[&["plan"], more].concat()).stdout, shown, "a refused apply changed something");

    let named = others.iter().filter(|name| shown.contains(&format!("! {name}: ")));
    let consent = std::iter::once(hazard).chain(named.copied()).collect::<Vec<_>>().join(",");
    apply(&["--allow", &consent]).exits(0);
    assert_eq!(place.sandbox(&["plan"]).exits(0).last_line(), NO_CHANGES);
    shown
}

/// Checks that each hazard of the plan says in one line until when it is.
#[track_caller]
fn ends(place: &Place, more: &[&str]) {
    let run = place.sandbox(&[&["plan", "--format", "json"], more].concat()).exits(0);
    let plan: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let steps = plan["steps"].as_array().into_iter().flatten();
    let notes: Vec<&Value> = steps.flat_map(|step| step["hazards"].as_array().into_iter().flatten()).collect();
    assert!(!notes.is_empty(), "{}", run.stdout);
    for note in notes {
        let why = note["why"].as_str().unwrap_or_default();
        assert!(why.contains(", until ") && !why.contains('\n'), "no end in {note}");
    }
}

pub(crate) fn nothing(_: &Place) {}

#[test]
fn the_main_job_is_made_without_any_consent() {
    let place = Place::with(MAIN_JOB);
    let run = place.sandbox(&["plan"]).exits(0);
    assert!(!run.stdout.contains("--allow"), "{}", run.stdout);
    place.sandbox(&["apply", "--yes"]).exits(0);
    // Changes of the ordinary sort ask for none either.
    let tagged = MAIN_JOB.replace("cron(0 18", "cron(0 19").replace("35d", "36d") + "[tags]\nteam = \"x\"\n";
    place.write("vss.toml", tagged);
    place.sandbox(&["apply", "--yes"]).exits(0);
}

#[test]
fn an_unknown_hazard_is_a_usage_error_that_suggests_one() {
    let place = Place::with(MAIN_JOB);
    let run = place.sandbox(&["apply", "--yes", "--allow", "large-change,protecton-gap"]).exits(6);
    assert!(run.stderr.contains("did you mean `protection-gap`?"), "{}", run.stderr);
    let run = place.sandbox(&["plan"]).exits(0);
    assert_eq!(run.last_line(), "Plan: 7 to add, 0 to change, 0 to destroy.");
}

#[test]
fn another_package_than_the_one_for_vss_asks_as_its_scripts_run_as_system() {
    let package = |more: &str, tag: &str| {
        let entry = "[package.agent]\nschedule = \"rate(14 days)\"\n";
        format!("{MAIN_JOB}\n{entry}{more}\ntargets = {{ tags = {{ VssBackup = \"{tag}\" }} }}\n")
    };
    let evil = "package_name = \"arn:aws:ssm:ap-northeast-1:999999999999:package/AwsVssComponents\"";
    let other = "package_name = \"AmazonCloudWatchAgent\"";
    let base = package(other, "enabled");
    let pinned = package(&format!("{other}\nversion = \"1.2.3\""), "enabled");
    let removed = package(&format!("{other}\naction = \"Uninstall\""), "enabled");
    for (before, after) in [
        (MAIN_JOB, &base),
        (MAIN_JOB, &package(evil, "enabled")),
        (base.as_str(), &package("package_name = \"AWSPVDriver\"", "enabled")),
        (base.as_str(), &pinned),
        (base.as_str(), &removed),
        (base.as_str(), &package(other, "all")),
    ] {
        asks("runs-as-system", "package.agent", before, nothing, after, &[]);
    }
    // What else changes runs nothing new.
    let place = Place::with(&base);
    place.sandbox(&["apply", "--yes", "--allow", "runs-as-system"]).exits(0);
    place.write("vss.toml", base.replace("14 days", "7 days"));
    place.sandbox(&["apply", "--yes"]).exits(0);
}

#[test]
fn a_selection_that_goes_is_a_protection_gap() {
    let (without, _) = MAIN_JOB.split_once("[plan.daily.selection.windows]").expect("a selection");
    asks("protection-gap", "selection.daily.windows", MAIN_JOB, nothing, without, &["--prune"]);
}

#[test]
fn a_rule_that_goes_is_a_protection_gap_and_a_renamed_one_is_none() {
    let two = format!(
        "{MAIN_JOB}[plan.daily.rule.weekly]\nvault = \"vss\"\nschedule = \"cron(0 3 ? * SUN *)\"\ndelete_after = \"90d\"\n"
    );
    asks("protection-gap", "plan.daily", &two, nothing, MAIN_JOB, &[]);
    let place = Place::with(&two);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", two.replace("rule.weekly", "rule.sundays"));
    place.sandbox(&["apply", "--yes"]).exits(0);
}

#[test]
fn a_selection_that_selects_less_is_a_protection_gap() {
    let after =
        MAIN_JOB.replace("all = { VssBackup = \"enabled\" }", "all = { VssBackup = \"enabled\", tier = \"1\" }");
    asks("protection-gap", "selection.daily.windows", MAIN_JOB, nothing, &after, &[]);
}

#[test]
fn backing_up_less_often_is_a_protection_gap_and_at_another_hour_is_none() {
    let weekly = MAIN_JOB.replace("cron(0 18 ? * * *)", "cron(0 18 ? * SUN *)");
    let shown = asks("protection-gap", "plan.daily", MAIN_JOB, nothing, &weekly, &[]);
    assert!(shown.contains("the rule `nightly` makes backups less often"), "{shown}");
    let place = Place::with(&weekly);
    place.sandbox(&["apply", "--yes"]).exits(0);
    for better in ["cron(0 18 ? * SUN,WED *)", "cron(0 18 ? * * *)", "cron(30 3 ? * * *)"] {
        place.write("vss.toml", MAIN_JOB.replace("cron(0 18 ? * * *)", better));
        place.sandbox(&["apply", "--yes"]).exits(0);
    }
}

#[test]
fn a_part_of_a_stack_is_destroyed_with_the_consent_that_its_loss_needs() {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    let destroy = ["destroy", "--yes", "--target", "selection.daily.windows"];
    let run = place.sandbox(&destroy).exits(4);
    assert!(run.stderr.contains("`--allow protection-gap`"), "{}", run.stderr);
    let shown = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let line =
        "`vssctl --sandbox=account.json destroy --target selection.daily.windows --allow protection-gap` consents";
    assert!(shown.contains(line), "{shown}");
    place.sandbox(&[&destroy[..], &["--allow", "protection-gap"]].concat()).exits(0);
    // The whole of it says of itself what is lost.
    place.sandbox(&["destroy", "--yes"]).exits(0);
}

#[test]
fn what_is_protected_is_neither_destroyed_nor_replaced_and_keeps_what_it_lives_by() {
    let file = MAIN_JOB.replace("[plan.daily]", "[plan.daily]\nprotect = true");
    let place = Place::with(&file);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", file.replace("protect = true", "protect = true\nname = \"other\""));
    let run = place.sandbox(&["apply", "--yes", "--allow", &all()]).exits(4);
    assert!(run.stderr.contains("Nothing was changed.") && run.stdout.contains("it is protected"), "{run:?}");
    place.write("vss.toml", &file);
    let run = place.sandbox(&["destroy", "--yes", "--allow", &all()]).exits(4);
    assert!(run.stdout.contains("`plan.daily` is protected"), "{}", run.stdout);
    let shown = place.sandbox(&["plan"]).exits(0).stdout;
    for gone in ["package.AwsVssComponents", "role.EC2RoleforSSMVSSSnapshotV2"] {
        assert!(shown.contains(&format!("+ {gone}")), "{shown}");
    }
    for kept in ["plan.daily", "selection.daily.windows", "role.AWSBackupVss", "vault.vss"] {
        assert!(!shown.contains(kept), "{shown}");
    }
}

#[test]
fn a_protected_selection_keeps_its_plan_from_being_replaced() {
    let file = MAIN_JOB.replace("[plan.daily.selection.windows]", "[plan.daily.selection.windows]\nprotect = true");
    let place = Place::with(&file);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", file.replace("[plan.daily]", "[plan.daily]\nname = \"other\""));
    let run = place.sandbox(&["apply", "--yes", "--allow", &all()]).exits(4);
    assert!(run.stdout.contains("`selection.daily.windows` would be replaced with it"), "{}", run.stdout);
    place.write("vss.toml", &file);
    assert_eq!(place.sandbox(&["plan"]).exits(0).last_line(), NO_CHANGES);
}

#[test]
fn turning_vss_off_asks() {
    let after = MAIN_JOB.replace("windows_vss = true", "windows_vss = false");
    asks("vss-disabled", "plan.daily", MAIN_JOB, nothing, &after, &[]);
}

#[test]
fn taking_away_what_vss_needs_asks() {
    let lost = MAIN_JOB.replace(
        "preset = \"vss-instance\"",
        "preset = \"vss-instance\"\nmanaged_policies = [\"AmazonSSMManagedInstanceCore\"]",
    );
    asks("vss-unavailable", "role.EC2RoleforSSMVSSSnapshotV2", MAIN_JOB, nothing, &lost, &[]);
    let fewer = MAIN_JOB.replace("{ tags = { VssBackup = \"enabled\" } }", "{ tags = { VssBackup = \"some\" } }");
    asks("vss-unavailable", "package.AwsVssComponents", MAIN_JOB, nothing, &fewer, &[]);
    let uninstalls = MAIN_JOB.replace("minimum_version = \"2.3.1\"", "action = \"Uninstall\"");
    asks("vss-unavailable", "package.AwsVssComponents", MAIN_JOB, nothing, &uninstalls, &[]);
}

#[test]
fn the_new_policy_in_place_of_an_older_one_asks() {
    let role = |policies: &str| {
        format!(
            "{STACK}[role.r]\ninstance_profile = true\ntrust = '{{\"Version\":\"2012-10-17\",\"Statement\":{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":\"ec2.amazonaws.com\"}},\"Action\":\"sts:AssumeRole\"}}}}'\n{policies}\n"
        )
    };
    let older = role(
        "managed_policies = [\"AmazonSSMManagedInstanceCore\"]\ninline_policies.old = '{\"Version\":\"2012-10-17\",\"Statement\":{\"Effect\":\"Allow\",\"Action\":[\"ec2:CreateSnapshot\",\"ec2:CreateImage\"],\"Resource\":\"*\"}}'",
    );
    let newer = role(
        "managed_policies = [\"AmazonSSMManagedInstanceCore\", \"AWSEC2VssSnapshotPolicy\"]\ninline_policies = {}",
    );
    let on_an_instance = |place: &Place| {
        let found = call(
            place,
            "ec2",
            "DescribeInstances",
            &json!({ "Filters": [{ "Name": "tag:Name", "Values": ["sql-1"] }] }),
        );
        let id = &found["Reservations"][0]["Instances"][0]["InstanceId"];
        let input = json!({ "InstanceId": id, "IamInstanceProfile": { "Name": "r" } });
        call(place, "ec2", "AssociateIamInstanceProfile", &input);
    };
    let shown = asks("vss-unavailable", "role.r", &older, on_an_instance, &newer, &[]);
    assert!(shown.contains("2.3.1") && shown.contains("sql-1"), "{shown}");
}

#[test]
fn keeping_backups_for_less_time_asks() {
    let after = MAIN_JOB.replace("\"35d\"", "\"7d\"");
    let shown = asks("retention-shortened", "plan.daily", MAIN_JOB, nothing, &after, &[]);
    assert!(shown.contains("for 7d, not for 35d"), "{shown}");
    let ever = MAIN_JOB.replace("delete_after    = \"35d\"", "");
    asks("retention-shortened", "plan.daily", &ever, nothing, MAIN_JOB, &[]);
}

#[test]
fn the_role_that_expires_recovery_points_goes_only_by_name_and_with_consent() {
    let role = "[role.AWSBackupOld]\npreset = \"backup-service\"\n";
    let before = format!("{MAIN_JOB}{role}");
    let place = Place::with(&before);
    place.sandbox(&["apply", "--yes"]).exits(0);
    back_up(&place, "vss");
    place.write("vss.toml", MAIN_JOB);
    let run = place.sandbox(&["apply", "--prune", "--yes", "--allow", &all()]).exits(4);
    assert!(run.stdout.contains("VSS0908") && run.stdout.contains("--target role.AWSBackupOld"), "{}", run.stdout);
    asks(
        "retention-orphan",
        "role.AWSBackupOld",
        &before,
        |place| back_up(place, "vss"),
        MAIN_JOB,
        &["--prune", "--target", "role.AWSBackupOld", "--max-deletions", "1"],
    );
}

#[test]
fn a_lock_or_a_denial_that_goes_exposes_recovery_points() {
    let vault = |more: &str| format!("{STACK}[vault.keep]\n{more}\n");
    let locked = vault("lock = { mode = \"governance\", min_retention = \"7d\" }");
    asks("recovery-points-deleted", "vault.keep", &locked, nothing, &vault("lock = { mode = \"none\" }"), &[]);
    let denied = vault(
        r#"access_policy = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"backup:DeleteRecoveryPoint","Resource":"*"}}'"#,
    );
    asks("recovery-points-deleted", "vault.keep", &denied, nothing, &vault("access_policy = {}"), &[]);
    asks(
        "retention-shortened",
        "vault.keep",
        &locked,
        nothing,
        &vault("lock = { mode = \"governance\", min_retention = \"3d\" }"),
        &[],
    );
}

#[test]
fn a_compliance_lock_asks_even_in_a_new_vault_and_needs_its_own_line() {
    let lock = "[vault.keep.lock]\nmode = \"compliance\"\nmin_retention = \"7d\"\nchangeable_for = \"3d\"\n";
    let place = Place::with(&format!("{STACK}{lock}"));
    place.sandbox(&["plan"]).exits(6);
    let acknowledged = format!("{STACK}{lock}compliance_lock_is_irreversible = true\n");
    let before = format!("{STACK}[vault.other]\n");
    asks("irreversible-lock", "vault.keep", &before, nothing, &format!("{acknowledged}[vault.other]\n"), &[]);
}

#[test]
fn a_profile_that_changes_its_role_is_a_credential_gap() {
    let roles = format!("{STACK}[role.a]\npreset = \"vss-instance\"\n[role.b]\npreset = \"vss-instance\"\n");
    let profile = |role: &str| format!("{roles}[instance_profile.p]\nrole = \"{role}\"\n");
    asks("credential-gap", "instance_profile.p", &profile("a"), nothing, &profile("b"), &[]);
    let moved = format!("{STACK}[role.a]\npreset = \"vss-instance\"\npath = \"/x/\"\n");
    asks("credential-gap", "role.a", &moved, nothing, &moved.replace("/x/", "/y/"), &[]);
}

#[test]
fn more_privileges_ask_and_fewer_do_not() {
    let role = |actions: &str| {
        format!(
            "{STACK}[role.r]\npreset = \"vss-instance\"\n[role.r.inline_policies]\nx = '{{\"Version\":\"2012-10-17\",\"Statement\":{{\"Effect\":\"Allow\",\"Action\":{actions},\"Resource\":\"*\"}}}}'\n"
        )
    };
    let (less, more) = (role("[\"ec2:DescribeImages\"]"), role("[\"ec2:DescribeImages\",\"ec2:DescribeTags\"]"));
    let shown = asks("privilege-widened", "role.r", &less, nothing, &more, &[]);
    assert!(shown.contains("`ec2:DescribeTags`"), "{shown}");
    let place = Place::with(&more);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", less);
    place.sandbox(&["apply", "--yes"]).exits(0);

    let policy = |text: &str| format!("{STACK}[policy.p]\ndocument = '{text}'\n");
    let wider = DOCUMENT.replace("ec2:DescribeImages", "ec2:Describe*");
    asks("privilege-widened", "policy.p", &policy(DOCUMENT), nothing, &policy(&wider), &[]);
    let attached = format!("{STACK}[role.r]\npreset = \"vss-instance\"\n");
    let one_more = "managed_policies = [\"AWSEC2VssSnapshotPolicy\", \"AmazonSSMManagedInstanceCore\", \"AWSBackupServiceRolePolicyForRestores\"]\n";
    asks("privilege-widened", "role.r", &attached, nothing, &format!("{attached}{one_more}"), &[]);
}

#[test]
fn finishing_what_an_interrupted_apply_left_asks_nothing() {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes", "--target", "role.AWSBackupVss"]).exits(0);
    let backup = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup";
    call(&place, "iam", "DetachRolePolicy", &json!({ "RoleName": "AWSBackupVss", "PolicyArn": backup }));
    place.sandbox(&["apply", "--yes"]).exits(0);
    // Now a selection names the role: what it gets, AWS Backup can use at once. What its preset attaches is put back
    // without a question, and anything else asks.
    let restore = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores";
    call(&place, "iam", "DetachRolePolicy", &json!({ "RoleName": "AWSBackupVss", "PolicyArn": restore }));
    place.sandbox(&["apply", "--yes"]).exits(0);
    let preset = "preset = \"backup-service\"";
    let other = DOCUMENT.replace("ec2:DescribeImages", "sqs:SendMessage");
    place.write("vss.toml", MAIN_JOB.replace(preset, &format!("{preset}\ninline_policies.x = '{other}'")));
    let run = place.sandbox(&["apply", "--yes"]).exits(4);
    assert!(run.stderr.contains("--allow privilege-widened"), "{}", run.stderr);
}

#[test]
fn another_principal_in_a_trust_policy_asks() {
    let role = |services: &str| {
        format!(
            "{STACK}[role.r]\npreset = \"backup-service\"\ntrust = '{{\"Version\":\"2012-10-17\",\"Statement\":{{\"Effect\":\"Allow\",\"Principal\":{{\"Service\":{services}}},\"Action\":\"sts:AssumeRole\"}}}}'\n"
        )
    };
    let one = role("\"backup.amazonaws.com\"");
    let two = role("[\"backup.amazonaws.com\",\"ssm.amazonaws.com\"]");
    asks("trust-widened", "role.r", &one, nothing, &two, &[]);
}

#[test]
fn a_new_selection_of_everything_asks() {
    let (without, _) = MAIN_JOB.split_once("[plan.daily.selection.windows]").expect("a selection");
    let broad = format!(
        "{without}[plan.daily.selection.all]\nrole = \"AWSBackupVss\"\nmatch = {{ arns = [\"arn:aws:ec2:*:*:instance/*\"] }}\n"
    );
    asks("broad-selection", "selection.daily.all", without, nothing, &broad, &[]);
}

#[test]
fn what_others_use_too_asks() {
    let role = format!("{STACK}[role.r]\npreset = \"vss-instance\"\n");
    let fewer = format!(
        "{role}managed_policies = [\"AWSEC2VssSnapshotPolicy\", \"AmazonSSMManagedInstanceCore\"]\ninline_policies.x = '{DOCUMENT}'\n"
    );
    let held = |place: &Place| {
        call(place, "iam", "CreateInstanceProfile", &json!({ "InstanceProfileName": "theirs" }));
        let input = json!({ "InstanceProfileName": "theirs", "RoleName": "r" });
        call(place, "iam", "AddRoleToInstanceProfile", &input);
    };
    let shown = asks("shared-resource", "role.r", &role, held, &fewer, &[]);
    assert!(shown.contains("`theirs`"), "{shown}");

    let policy = |text: &str| format!("{STACK}[policy.p]\ndocument = '{text}'\n");
    let attached = |place: &Place| {
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        call(place, "iam", "CreateRole", &json!({ "RoleName": "other", "AssumeRolePolicyDocument": trust }));
        let input = json!({ "RoleName": "other", "PolicyArn": "arn:aws:iam::123456789012:policy/p" });
        call(place, "iam", "AttachRolePolicy", &input);
    };
    let narrower = DOCUMENT.replace("\"Resource\":\"*\"", "\"Resource\":\"arn:aws:ec2:*:*:image/*\"");
    asks("shared-resource", "policy.p", &policy(DOCUMENT), attached, &policy(&narrower), &[]);
}

#[test]
fn a_plan_that_changes_most_of_a_stack_asks() {
    let vaults = |retention: &str| {
        let entries = (0..12).map(|number| {
            format!("[vault.v-{number}]\nlock = {{ mode = \"governance\", min_retention = \"{retention}\" }}\n")
        });
        entries.fold(STACK.to_owned(), |file, entry| file + &entry)
    };
    let shown = asks("large-change", "vault.v-0", &vaults("3d"), nothing, &vaults("4d"), &[]);
    assert!(shown.contains("12 of the 12 live resources"), "{shown}");
}

/// Applies a file, then another one with pruning, which must be refused with a code.
#[track_caller]
fn refuses(before: &str, after: &str, more: &[&str], code: &str) -> Run {
    let place = Place::with(before);
    place.sandbox(&["apply", "--yes"]).exits(0);
    let owned = account(&place).export().expect("an export").len();
    place.write("vss.toml", after);
    let run = place.sandbox(&[&["apply", "--yes", "--prune", "--allow", &all()], more].concat()).exits(4);
    assert!(run.stdout.contains(code), "no {code} in {}", run.stdout);
    assert!(account(&place).export().expect("an export").len().abs_diff(owned) < 64, "something was written");
    run
}

#[test]
fn an_empty_file_or_section_never_means_delete_everything() {
    let vaults = "[vault.v-1]\n[vault.v-2]\n[vault.v-3]\n";
    let stack = format!("{STACK}max_deletions = 100\nmax_deletion_percent = 100\n");
    let before = format!("{stack}{vaults}");
    refuses(&before, &stack, &["--max-deletions", "99"], "VSS0910");
    let role = "[role.r]\npreset = \"backup-service\"\n";
    let run = refuses(&format!("{before}{role}"), &format!("{stack}{role}"), &[], "VSS0910");
    assert!(run.stdout.contains("--max-deletions 3"), "{}", run.stdout);
}

#[test]
fn what_the_file_still_names_stays() {
    let stack = format!("{STACK}max_deletion_percent = 100\n");
    let vault = "[vault.keep]\n[vault.other]\n";
    let plan = "[plan.p.rule.r]\nvault = \"keep\"\nschedule = \"cron(0 5 ? * * *)\"\n";
    let selection = "[plan.p.selection.s]\nrole = \"AWSBackupR\"\nmatch = { all = { a = \"b\" } }\n";
    let role = "[role.AWSBackupR]\npreset = \"backup-service\"\n";
    let before = format!("{stack}{vault}{plan}{selection}{role}");
    let after = before
        .replace(role, "")
        .replace("role = \"AWSBackupR\"", "role = \"arn:aws:iam::123456789012:role/AWSBackupR\"");
    let run = refuses(&before, &after, &[], "VSS0908");
    assert!(run.stdout.contains("`selection.p.s` names it"), "{}", run.stdout);
}

#[test]
fn a_vault_with_recovery_points_stays_whatever_is_consented_to() {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    back_up(&place, "vss");
    let run = place.sandbox(&["destroy", "--yes", "--allow", &all()]).exits(4);
    assert!(run.stdout.contains("VSS0906") && run.stdout.contains("recovery point"), "{}", run.stdout);
    assert!(run.stdout.contains("VSS0908"), "the backup role would go: {}", run.stdout);
}
