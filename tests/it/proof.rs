//! `verify`, `doctor` and `coverage` on fleets with one fault each: the cause is named, and nobody who is healthy is blamed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use vssctl::model::Scope;
use vssctl::observe::evidence::{Wants, gather, history};
use vssctl::observe::look;
use vssctl::render::proof::{prometheus, verify as verify_text};
use vssctl::sandbox::fleet::{Ailment, Instance, PackageChange};
use vssctl::vss::Moment;
use vssctl::vss::coverage::{Coverage, Protection, coverage};
use vssctl::vss::doctor::{self, Diagnosis, Severity, Subject, diagnose};
use vssctl::vss::evidence::{Evidence, Known};
use vssctl::vss::verify::{self, Report, Verdict, Verified, verify};

use crate::bench::{self, Bench, STACK};

pub(crate) const REGION: &str = "ap-northeast-1";
pub(crate) const DAY: Duration = Duration::from_hours(24);

/// What protects the fleet.
const THINGS: &str = r#"
[role.EC2RoleforSSMVSSSnapshotV2]
preset = "vss-instance"

[role.Bare]
preset = "vss-instance"
managed_policies = ["AmazonSSMManagedInstanceCore"]

[role.AWSBackupVss]
preset = "backup-service"

[vault.vss]

[plan.daily]
windows_vss = true

[plan.daily.rule.nightly]
vault           = "vss"
schedule        = "cron(0 18 ? * * *)"
timezone        = "Etc/UTC"
start_window    = "1h"
complete_window = "8h"
delete_after    = "35d"

[plan.daily.selection.windows]
role  = "AWSBackupVss"
"#;

pub(crate) const BY_TYPE: &str = "match = { all = { VssBackup = \"enabled\" } }\n";
pub(crate) const BY_TAG: &str = "match = { any = { VssBackup = \"enabled\" } }\n";

/// The instance that gets the fault, one that does not, and one that nobody protects on purpose.
const FLEET: &str = r#"
region = "ap-northeast-1"

[[instance]]
name    = "sql-1"
package = "2.5.1"
profile = "EC2RoleforSSMVSSSnapshotV2"
tags    = { VssBackup = "enabled" }

[[instance]]
name    = "files-1"
os      = "2019"
package = "2.5.1"
profile = "EC2RoleforSSMVSSSnapshotV2"
tags    = { VssBackup = "enabled" }

[[instance]]
name    = "web-1"
os      = "linux"
"#;

pub(crate) fn file(selection: &str) -> String {
    format!("{STACK}{THINGS}{selection}")
}

fn load(bench: &Bench, fleet: &str) {
    bench.sandbox.load_fleet(fleet).expect("a sandbox in memory").expect("a valid fleet");
}

/// An account in which everything is as it should be.
pub(crate) fn healthy(selection: &str) -> Bench {
    let bench = Bench::new();
    load(&bench, FLEET);
    bench.apply(&file(selection));
    bench
}

pub(crate) fn edit(bench: &Bench, name: &str, change: impl FnOnce(&mut Instance)) {
    let edited = bench.sandbox.edit(|account| {
        let fleet = &mut account.regions.get_mut(REGION).expect("the region").fleet;
        change(fleet.instances.values_mut().find(|one| one.name == name).expect("the instance"));
    });
    edited.expect("a sandbox in memory");
}

/// Lets two nights pass, and their backups with them.
pub(crate) fn nights(bench: &Bench) {
    bench.sandbox.pass(2 * DAY).expect("a sandbox in memory");
}

/// What the three commands read, with a look inside if it is asked for.
pub(crate) fn read(bench: &Bench, inside: bool) -> Evidence {
    read_for(bench, inside, Wants { causes: true, ..Wants::default() })
}

/// What somebody wants of the last thirty days.
fn read_for(bench: &Bench, inside: bool, wants: Wants) -> Evidence {
    let scope = scope();
    let clients = bench.clients(&scope);
    bench.wait(async {
        let reader = clients.reader();
        reader.caller_identity().await.expect("an identity");
        let now = Moment::from_seconds(i64::try_from(clients.date() / 1000).expect("a date"));
        let wants = Wants { jobs_since: Some(now.plus(-30 * 86_400)), ..wants };
        let mut evidence = gather(&reader, now, wants).await;
        if inside {
            // Whoever waits for an agent waits without the tests waiting too.
            tokio::time::pause();
            let ids = look::able(&evidence, &doctor::Options::default());
            evidence.inspections = look::look(&clients.writer(), &clients.reader(), &ids, now).await;
            tokio::time::resume();
        }
        evidence
    })
}

pub(crate) fn scope() -> Scope {
    bench::scope("bench")
}

pub(crate) struct Seen {
    pub(crate) verify: Report,
    pub(crate) doctor: Diagnosis,
    pub(crate) coverage: Coverage,
}

pub(crate) fn see(bench: &Bench, inside: bool) -> Seen {
    let evidence = read(bench, inside);
    Seen {
        verify: verify(&evidence, &verify::Options::default()),
        doctor: diagnose(&evidence, &doctor::Options::default()),
        coverage: coverage(&evidence),
    }
}

impl Seen {
    pub(crate) fn verdict(&self, name: &str) -> Option<Verdict> {
        self.verified(name).map(|verified| verified.verdict)
    }

    fn verified(&self, name: &str) -> Option<&Verified> {
        self.verify.instances.iter().find(|verified| verified.name == name)
    }

    /// The checks that found something about an instance, advice left out.
    pub(crate) fn about(&self, name: &str) -> BTreeSet<&'static str> {
        let is_meant = |subject: &Subject| matches!(subject, Subject::Instance { name: of, .. } if of == name);
        self.checks(|subject| is_meant(subject))
    }

    /// The checks that found something about anything but an instance.
    pub(crate) fn about_plans(&self) -> BTreeSet<&'static str> {
        self.checks(|subject| !matches!(subject, Subject::Instance { .. }))
    }

    fn checks(&self, wanted: impl Fn(&Subject) -> bool) -> BTreeSet<&'static str> {
        let found = self.doctor.findings.iter();
        found
            .filter(|finding| finding.severity != Severity::Advice && wanted(&finding.subject))
            .map(|finding| finding.check)
            .collect()
    }

    /// The checks that the verdict's message points to.
    fn causes(&self, name: &str) -> Vec<String> {
        self.verified(name)
            .and_then(|verified| verified.cause.as_ref())
            .map(|cause| cause.checks.clone())
            .unwrap_or_default()
    }

    fn protection(&self, name: &str) -> Option<Protection> {
        self.coverage.instances.iter().find(|covered| covered.name == name).map(|covered| covered.protection)
    }

    /// Nothing is wrong with the other instance.
    pub(crate) fn assert_other_is_well(&self, fault: &str) {
        assert_eq!(self.verdict("files-1"), Some(Verdict::Consistent), "{fault}: {:#?}", self.verified("files-1"));
        assert_eq!(self.about("files-1"), BTreeSet::new(), "{fault}");
        assert_eq!(self.protection("files-1"), Some(Protection::Vss), "{fault}");
    }
}

#[test]
fn a_healthy_fleet_is_consistent_covered_and_not_blamed() {
    for selection in [BY_TYPE, BY_TAG] {
        let bench = healthy(selection);
        nights(&bench);
        let seen = see(&bench, true);
        assert_eq!(seen.verdict("sql-1"), Some(Verdict::Consistent), "{:#?}", seen.verify);
        seen.assert_other_is_well("none");
        assert_eq!(seen.verify.instances.len(), 2);
        assert_eq!(seen.doctor.findings, [], "{selection}");
        assert!(!seen.verify.has_findings() && !seen.verify.has_unknown(), "{:#?}", seen.verify.unread);
        assert!(!seen.coverage.has_findings() && !seen.coverage.has_unknown());
        assert!(!seen.doctor.has_unknown(), "{:#?}", seen.doctor.undecided);
        assert_eq!((seen.doctor.inspected, seen.doctor.not_looked.len()), (2, 0));
    }
}

#[test]
fn before_the_first_night_nobody_is_blamed() {
    let bench = healthy(BY_TYPE);
    let seen = see(&bench, false);
    assert_eq!(seen.verdict("sql-1"), Some(Verdict::Pending), "{:#?}", seen.verify);
    assert_eq!(seen.doctor.findings, []);
    assert!(!seen.verify.has_findings() && !seen.coverage.has_findings());
}

/// A fault of one instance: what is done to it, the verdict, the check that names the cause, and whether only a look
/// inside shows it.
struct Fault {
    name: &'static str,
    edit: fn(&mut Instance),
    check: &'static str,
    inside: bool,
}

pub(crate) fn package(instance: &mut Instance, version: Option<&str>) {
    instance.package_changes = version
        .map(|version| PackageChange {
            package: "AwsVssComponents".to_owned(),
            version: Some(version.to_owned()),
            at: 0,
            by: "test".to_owned(),
        })
        .into_iter()
        .collect();
}

pub(crate) fn ail(instance: &mut Instance, ailment: Ailment) {
    instance.ailments.insert(ailment);
}

pub(crate) fn profile(instance: &mut Instance, name: &str) {
    instance.instance_profile = Some(format!("arn:aws:iam::123456789012:instance-profile/{name}"));
}

const FAULTS: &[Fault] = &[
    Fault { name: "no instance profile", edit: |one| one.instance_profile = None, check: "D020", inside: false },
    Fault { name: "a profile that is gone", edit: |one| profile(one, "Gone"), check: "D020", inside: false },
    Fault { name: "a role without the policy", edit: |one| profile(one, "Bare"), check: "D021", inside: false },
    Fault { name: "a silent agent", edit: |one| one.silent_since = Some(0), check: "D010", inside: false },
    Fault {
        name: "an old agent",
        edit: |one| "2.3.1644.0".clone_into(&mut one.agent_version),
        check: "D011",
        inside: false,
    },
    Fault {
        name: "a small type",
        edit: |one| "t3.micro".clone_into(&mut one.instance_type),
        check: "D001",
        inside: false,
    },
    Fault {
        name: "a smaller type",
        edit: |one| "t2.nano".clone_into(&mut one.instance_type),
        check: "D001",
        inside: false,
    },
    Fault {
        name: "a stopped instance",
        edit: |one| "stopped".clone_into(&mut one.state),
        check: "D003",
        inside: false,
    },
    Fault { name: "no package", edit: |one| package(one, None), check: "D030", inside: true },
    Fault { name: "an old package", edit: |one| package(one, Some("2.2.1")), check: "D022", inside: true },
    Fault {
        name: "Windows Server 2008 R2",
        edit: |one| "Microsoft Windows Server 2008 R2 Standard".clone_into(&mut one.os_name),
        check: "D002",
        inside: false,
    },
    Fault {
        name: "Windows 10",
        edit: |one| "Microsoft Windows 10 Pro".clone_into(&mut one.os_name),
        check: "D002",
        inside: false,
    },
    Fault {
        name: "Windows Server 2012 R2 with a new package",
        edit: |one| "Microsoft Windows Server 2012 R2 Standard".clone_into(&mut one.os_name),
        check: "D002",
        inside: false,
    },
    Fault { name: "a failed writer", edit: |one| ail(one, Ailment::FailedWriter), check: "D051", inside: true },
    Fault { name: "files that are gone", edit: |one| ail(one, Ailment::MissingFiles), check: "D030", inside: true },
    Fault {
        name: "constrained language",
        edit: |one| ail(one, Ailment::ConstrainedLanguage),
        check: "D054",
        inside: true,
    },
    Fault { name: "no way to EC2", edit: |one| ail(one, Ailment::NoEndpoint), check: "D040", inside: true },
];

#[test]
fn each_fault_of_an_instance_makes_its_backups_crash_only_and_is_named() {
    for Fault { name, edit: change, check, inside } in FAULTS {
        let bench = healthy(BY_TYPE);
        edit(&bench, "sql-1", change);
        let before = see(&bench, *inside);
        let found = before.about("sql-1");
        assert!(found.contains(check), "{name}, before the first backup: {found:?} {:#?}", before.doctor);
        assert_eq!(before.about("files-1"), BTreeSet::new(), "{name}");
        nights(&bench);
        let after = see(&bench, *inside);
        assert_eq!(after.verdict("sql-1"), Some(Verdict::CrashOnly), "{name}: {:#?}", after.verified("sql-1"));
        let found = after.about("sql-1");
        assert!(found.contains(check) && found.contains("D076"), "{name}: {found:?}");
        after.assert_other_is_well(name);
        assert_eq!(after.protection("sql-1"), Some(Protection::Vss), "{name}");
        let message = after.verified("sql-1").and_then(|one| one.proof.as_ref()?.job.status_message.clone());
        assert!(message.is_some(), "{name}: AWS said nothing");
        assert!(!after.causes("sql-1").is_empty(), "{name}: {message:?}");
    }
}

#[test]
fn writers_that_are_slow_are_told_by_aws_alone() {
    let bench = healthy(BY_TYPE);
    edit(&bench, "sql-1", |one| ail(one, Ailment::SlowWriters));
    nights(&bench);
    let seen = see(&bench, true);
    assert_eq!(seen.verdict("sql-1"), Some(Verdict::CrashOnly));
    assert!(seen.causes("sql-1").contains(&"D050".to_owned()));
    assert_eq!(seen.about("sql-1"), BTreeSet::from(["D050", "D076"]));
    seen.assert_other_is_well("slow writers");
}

#[test]
fn a_fault_that_is_healed_is_forgotten_after_the_next_night() {
    let bench = healthy(BY_TYPE);
    edit(&bench, "sql-1", |one| package(one, Some("2.2.1")));
    nights(&bench);
    assert_eq!(see(&bench, false).verdict("sql-1"), Some(Verdict::CrashOnly));
    let healed = format!(
        "{}\n[package.AwsVssComponents]\nminimum_version = \"2.3.1\"\ntargets = {{ tags = {{ VssBackup = \"enabled\" }} }}\n\
         schedule = \"rate(1 day)\"\n",
        file(BY_TYPE)
    );
    bench.apply(&healed);
    nights(&bench);
    let seen = see(&bench, true);
    assert_eq!(seen.verdict("sql-1"), Some(Verdict::Consistent), "{:#?}", seen.verified("sql-1"));
    assert_eq!(seen.about("sql-1"), BTreeSet::new());
}

/// Faults of what the instances share: what is done, the verdict on both, and the check that names it.
#[test]
fn faults_of_the_backup_role_fail_every_job_and_apply_heals_them() {
    let stranger = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let policy = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup";
    let faults: [(&str, &str, Value); 2] = [
        (
            "a role that cannot be assumed",
            "UpdateAssumeRolePolicy",
            json!({"RoleName": "AWSBackupVss", "PolicyDocument": stranger.to_string()}),
        ),
        ("a role without its policy", "DetachRolePolicy", json!({"RoleName": "AWSBackupVss", "PolicyArn": policy})),
    ];
    for (name, operation, input) in faults {
        let bench = healthy(BY_TYPE);
        bench.call("iam", operation, &input);
        assert!(see(&bench, false).about_plans().contains("D023"), "{name}");
        nights(&bench);
        let seen = see(&bench, false);
        assert_eq!(seen.verdict("sql-1"), Some(Verdict::Failed), "{name}: {:#?}", seen.verified("sql-1"));
        assert!(seen.causes("sql-1").contains(&"D023".to_owned()), "{name}: {:?}", seen.causes("sql-1"));
        assert_eq!(seen.about("sql-1"), BTreeSet::from(["D076"]), "{name}");
        assert_eq!(seen.about_plans(), BTreeSet::from(["D023"]), "{name}");
        bench.apply(&file(BY_TYPE));
        nights(&bench);
        let healed = see(&bench, false);
        assert_eq!(healed.verdict("sql-1"), Some(Verdict::Consistent), "{name}");
        assert_eq!(healed.doctor.findings, [], "{name}");
    }
}

#[test]
fn a_backup_role_that_may_not_send_commands_is_named() {
    let bench = healthy(BY_TYPE);
    let deny = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ssm:SendCommand", "Resource": "*"}]});
    let input = json!({"RoleName": "AWSBackupVss", "PolicyName": "no", "PolicyDocument": deny.to_string()});
    bench.call("iam", "PutRolePolicy", &input);
    nights(&bench);
    let seen = see(&bench, false);
    assert_eq!(seen.verdict("sql-1"), Some(Verdict::CrashOnly));
    assert_eq!(seen.about_plans(), BTreeSet::from(["D023"]));
}

#[test]
fn a_boundary_and_a_deny_on_the_instance_role_are_seen() {
    let boundary = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["ssm:*", "ssmmessages:*"], "Resource": "*"}]});
    let deny = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ec2:CreateImage", "Resource": "*"}]});
    for bounded in [true, false] {
        let bench = healthy(BY_TYPE);
        if bounded {
            let made = bench.call(
                "iam",
                "CreatePolicy",
                &json!({"PolicyName": "limit", "PolicyDocument": boundary.to_string()}),
            );
            let arn = &made["Policy"]["Arn"];
            let input = json!({"RoleName": "EC2RoleforSSMVSSSnapshotV2", "PermissionsBoundary": arn});
            bench.call("iam", "PutRolePermissionsBoundary", &input);
        } else {
            let input = json!({"RoleName": "EC2RoleforSSMVSSSnapshotV2", "PolicyName": "no", "PolicyDocument": deny.to_string()});
            bench.call("iam", "PutRolePolicy", &input);
        }
        let seen = see(&bench, false);
        assert_eq!(seen.about("sql-1"), BTreeSet::from(["D021"]), "{bounded}");
        nights(&bench);
        let seen = see(&bench, false);
        if !bounded {
            assert_eq!(seen.verdict("sql-1"), Some(Verdict::CrashOnly));
        }
    }
}

#[test]
fn a_region_that_does_not_handle_ec2_voids_selections_by_tag() {
    let bench = healthy(BY_TAG);
    let input = json!({"ResourceTypeOptInPreference": {"EC2": false}});
    bench.call("backup", "UpdateRegionSettings", &input);
    nights(&bench);
    let seen = see(&bench, false);
    assert_eq!(seen.about_plans(), BTreeSet::from(["D072"]));
    assert_eq!(seen.verdict("sql-1"), Some(Verdict::Never), "{:#?}", seen.verify);
    assert!(seen.causes("sql-1").contains(&"D072".to_owned()));
    assert_eq!(seen.protection("sql-1"), Some(Protection::Unprotected));
    let by_type = healthy(BY_TYPE);
    by_type.call("backup", "UpdateRegionSettings", &input);
    nights(&by_type);
    assert_eq!(see(&by_type, false).verdict("sql-1"), Some(Verdict::Consistent));
}

#[test]
fn a_vault_lock_that_forbids_the_retention_fails_every_job() {
    let bench = healthy(BY_TYPE);
    let lock = json!({"BackupVaultName": "vss", "MinRetentionDays": 90});
    bench.call("backup", "PutBackupVaultLockConfiguration", &lock);
    assert_eq!(see(&bench, false).about_plans(), BTreeSet::from(["D071"]));
    nights(&bench);
    let seen = see(&bench, false);
    assert_eq!(seen.verdict("sql-1"), Some(Verdict::Failed));
    assert_eq!(seen.causes("sql-1"), ["D071"]);
}

/// Makes somebody else's plan that selects the same instances.
fn second_plan(bench: &Bench, schedule: &str, vss: bool) {
    let document = json!({
        "BackupPlanName": "legacy",
        "Rules": [{"RuleName": "evening", "TargetBackupVaultName": "vss", "ScheduleExpression": schedule,
                   "StartWindowMinutes": 60, "CompletionWindowMinutes": 480, "Lifecycle": {"DeleteAfterDays": 7}}],
        "AdvancedBackupSettings": [{"ResourceType": "EC2", "BackupOptions": {"WindowsVSS": if vss { "enabled" } else { "disabled" }}}],
    });
    let made = bench.call("backup", "CreateBackupPlan", &json!({"BackupPlan": document}));
    let selection = json!({
        "SelectionName": "all",
        "IamRoleArn": "arn:aws:iam::123456789012:role/AWSBackupVss",
        "Resources": ["arn:aws:ec2:*:*:instance/*"],
        "Conditions": {"StringEquals": [{"ConditionKey": "aws:ResourceTag/VssBackup", "ConditionValue": "enabled"}]},
    });
    bench.call(
        "backup",
        "CreateBackupSelection",
        &json!({"BackupPlanId": made["BackupPlanId"], "BackupSelection": selection}),
    );
}

#[test]
fn two_plans_at_overlapping_times_are_named_before_and_after_they_collide() {
    let bench = healthy(BY_TYPE);
    second_plan(&bench, "cron(0 18 ? * * *)", true);
    let seen = see(&bench, false);
    assert_eq!(seen.coverage.overlapping(), 2);
    assert_eq!((seen.about("sql-1"), seen.about("files-1")), (BTreeSet::from(["D064"]), BTreeSet::from(["D064"])));
    let apart = healthy(BY_TYPE);
    second_plan(&apart, "cron(0 6 ? * * *)", false);
    nights(&apart);
    let seen = see(&apart, false);
    assert_eq!(seen.coverage.overlapping(), 0);
    assert_eq!(seen.verdict("sql-1"), Some(Verdict::Consistent), "{:#?}", seen.verified("sql-1"));
    seen.assert_other_is_well("two plans at different times");
}

#[test]
fn slips_in_tags_are_near_misses_of_instances_that_nobody_protects() {
    for (key, value) in
        [("VssBackup", "Enabled"), ("VssBakup", "enabled"), ("vssbackup", "enabled"), ("VssBackup", "true")]
    {
        let bench = healthy(BY_TYPE);
        edit(&bench, "sql-1", |one| {
            one.tags.remove("VssBackup");
            one.tags.insert(key.to_owned(), value.to_owned());
        });
        nights(&bench);
        let seen = see(&bench, false);
        assert_eq!(seen.protection("sql-1"), Some(Protection::Unprotected));
        let covered = seen.coverage.instances.iter().find(|covered| covered.name == "sql-1").expect("sql-1");
        assert_eq!(covered.near_misses.len(), 1, "{key}={value}");
        assert_eq!(covered.near_misses[0].wanted, "VssBackup=enabled");
        seen.assert_other_is_well(key);
    }
}

#[test]
fn a_plan_without_vss_covers_without_vss() {
    let bench = Bench::new();
    load(&bench, FLEET);
    bench.apply(&file(BY_TYPE).replace("windows_vss = true", "windows_vss = false"));
    nights(&bench);
    let seen = see(&bench, false);
    assert_eq!(seen.protection("sql-1"), Some(Protection::WithoutVss));
    assert!(seen.verify.instances.is_empty() && seen.coverage.has_findings());
}

#[test]
fn linux_in_a_plan_with_vss_is_nobodys_fault() {
    let bench = healthy(BY_TYPE);
    edit(&bench, "web-1", |one| drop(one.tags.insert("VssBackup".to_owned(), "enabled".to_owned())));
    nights(&bench);
    let seen = see(&bench, false);
    assert_eq!((seen.verdict("web-1"), seen.protection("web-1")), (None, None));
    assert!(!seen.doctor.has_findings() && !seen.verify.has_findings());
    assert!(seen.doctor.findings.iter().any(|finding| finding.check == "D004"));
}

#[test]
fn more_tags_than_a_backup_may_have_are_counted_before_the_job_fails() {
    let bench = healthy(BY_TYPE);
    edit(&bench, "sql-1", |one| one.tags.extend((0..60).map(|number| (format!("t{number}"), String::new()))));
    assert_eq!(see(&bench, false).about("sql-1"), BTreeSet::from(["D062"]));
    nights(&bench);
    let seen = see(&bench, false);
    assert_eq!(seen.verdict("sql-1"), Some(Verdict::Failed));
    assert_eq!(seen.causes("sql-1"), ["D062"]);
    seen.assert_other_is_well("too many tags");
}

#[test]
fn an_image_that_is_gone_and_a_tag_that_is_gone_are_no_consistent_backups() {
    let bench = healthy(BY_TYPE);
    nights(&bench);
    let id = read(&bench, false)
        .instances
        .known()
        .expect("instances")
        .iter()
        .find(|one| one.name == "sql-1")
        .expect("sql-1")
        .id
        .clone();
    let forget = |bench: &Bench| {
        let edited = bench.sandbox.edit(|account| {
            let region = account.regions.get_mut(REGION).expect("the region");
            for snapshot in
                region.ec2.images.values().filter(|image| image.source_instance == id).flat_map(|image| &image.devices)
            {
                if let Some(snapshot) = region.ec2.snapshots.get_mut(&snapshot.1) {
                    snapshot.tags.remove("AppConsistent");
                }
            }
        });
        edited.expect("a sandbox in memory");
    };
    forget(&bench);
    let seen = see(&bench, false);
    assert_eq!(seen.verdict("sql-1"), Some(Verdict::CrashOnly));
    seen.assert_other_is_well("a tag that is gone");
    let edited = bench.sandbox.edit(|account| {
        let region = account.regions.get_mut(REGION).expect("the region");
        region.ec2.images.retain(|_, image| image.source_instance != id);
    });
    edited.expect("a sandbox in memory");
    let seen = see(&bench, false);
    assert_eq!(seen.verdict("sql-1"), Some(Verdict::Failed));
    assert_eq!(seen.causes("sql-1"), ["D077"]);
    seen.assert_other_is_well("an image that is gone");
}

#[test]
fn a_plan_that_lost_its_selection_leaves_old_backups_behind() {
    let bench = healthy(BY_TYPE);
    nights(&bench);
    let plans = bench.call("backup", "ListBackupPlans", &json!({}));
    let plan = &plans["BackupPlansList"][0]["BackupPlanId"];
    let selections = bench.call("backup", "ListBackupSelections", &json!({"BackupPlanId": plan}));
    let selection = &selections["BackupSelectionsList"][0]["SelectionId"];
    bench.call("backup", "DeleteBackupSelection", &json!({"BackupPlanId": plan, "SelectionId": selection}));
    nights(&bench);
    let seen = see(&bench, false);
    assert_eq!(seen.protection("sql-1"), Some(Protection::Unprotected));
    assert!(seen.about_plans().contains("D074"), "{:?}", seen.about_plans());
    let evidence = read(&bench, false);
    let strict = verify::Options { max_age: Some(86_400), ..verify::Options::default() };
    assert!(verify(&evidence, &strict).instances.iter().all(|verified| verified.verdict == Verdict::Stale));
}

#[test]
fn what_may_not_be_read_is_unknown_and_names_the_action() {
    for (service, operation) in [
        ("ec2", "DescribeInstances"),
        ("ec2", "DescribeImages"),
        ("ec2", "DescribeSnapshots"),
        ("backup", "ListBackupJobs"),
        ("backup", "ListBackupPlans"),
        ("backup", "GetBackupSelection"),
        ("backup", "ListBackupVaults"),
        ("iam", "GetAccountAuthorizationDetails"),
        ("iam", "GetPolicyVersion"),
        ("ssm", "DescribeInstanceInformation"),
        ("ssm", "ListCommandInvocations"),
        ("ssm", "ListAssociations"),
    ] {
        let bench = healthy(BY_TYPE);
        nights(&bench);
        bench.deny(service, operation);
        let seen = see(&bench, false);
        let unknown = seen.verify.has_unknown() || seen.doctor.has_unknown() || seen.coverage.has_unknown();
        assert!(unknown, "{service}:{operation}");
        assert_eq!(seen.doctor.findings, [], "{service}:{operation}");
        assert!(!seen.verify.has_findings() && !seen.coverage.has_findings(), "{service}:{operation}");
        let never_consistent_blindly = matches!(operation, "DescribeImages" | "DescribeSnapshots" | "ListBackupJobs");
        assert!(!never_consistent_blindly || seen.verify.count(Verdict::Consistent) == 0, "{service}:{operation}");
    }
}

#[test]
fn a_monthly_backup_that_aws_no_longer_lists_is_no_finding() {
    let bench = healthy(BY_TYPE);
    let monthly = file(BY_TYPE).replace("cron(0 18 ? * * *)", "cron(0 18 15 * ? *)").replace("35d", "365d");
    bench.apply(&monthly);
    let pass = |hours: u64| bench.sandbox.pass(Duration::from_hours(hours)).expect("a sandbox in memory");
    // From the first of January to the last hours before the run of February.
    pass(44 * 24);
    assert_eq!(see(&bench, false).verdict("sql-1"), Some(Verdict::Consistent));
    pass(26);
    let seen = see(&bench, false);
    assert_eq!(seen.verdict("sql-1"), Some(Verdict::Unknown), "{:#?}", seen.verified("sql-1"));
    assert!(!seen.verify.has_findings() && seen.verify.has_unknown());
    assert_eq!(seen.about("sql-1"), BTreeSet::new());
    assert!(seen.doctor.undecided.iter().any(|one| one.check == "D076"), "{:#?}", seen.doctor.undecided);
    assert!(seen.verified("sql-1").and_then(|one| one.max_age).is_some_and(|age| age > 31 * 86_400));
    pass(30);
    assert_eq!(see(&bench, false).verdict("sql-1"), Some(Verdict::Consistent));
    // A run that made no job is missed all the same.
    let evidence = read(&bench, false);
    let jobs = Known::Known(Vec::new());
    let report = verify(&Evidence { jobs, ..evidence }, &verify::Options::default());
    assert_eq!(report.count(Verdict::Never), 2, "{:#?}", report.instances);
}

#[test]
fn a_backup_is_not_called_new_enough_where_plans_cannot_be_read() {
    let bench = healthy(BY_TYPE);
    nights(&bench);
    let plans = bench.call("backup", "ListBackupPlans", &json!({}));
    let plan = &plans["BackupPlansList"][0]["BackupPlanId"];
    let selections = bench.call("backup", "ListBackupSelections", &json!({"BackupPlanId": plan}));
    let selection = &selections["BackupSelectionsList"][0]["SelectionId"];
    bench.call("backup", "DeleteBackupSelection", &json!({"BackupPlanId": plan, "SelectionId": selection}));
    bench.sandbox.pass(10 * DAY).expect("a sandbox in memory");
    let evidence = read(&bench, false);
    let stale = verify(&evidence, &verify::Options::default());
    assert_eq!(stale.count(Verdict::Stale), 2, "{:#?}", stale.instances);
    for operation in ["ListBackupPlans", "GetBackupPlan", "ListBackupSelections"] {
        bench.deny("backup", operation);
        let seen = see(&bench, false);
        assert_eq!(seen.verdict("sql-1"), Some(Verdict::Unknown), "{operation}: {:#?}", seen.verified("sql-1"));
        let metrics = prometheus::verify(&seen.verify, &scope());
        assert!(!metrics.contains("vssctl_backup_consistent{"), "{operation}: {metrics}");
        let text = verify_text::text(&seen.verify, &scope(), 80);
        assert!(text.contains("Verify: 2 unknown.") && text.contains("--max-age"), "{operation}: {text}");
    }
}

#[test]
fn a_plan_that_could_not_be_read_is_not_said_to_be_missing() {
    for operation in ["DescribeRegionSettings", "ListBackupSelections"] {
        let bench = healthy(BY_TAG);
        edit(&bench, "sql-1", |one| one.instance_profile = None);
        nights(&bench);
        bench.deny("backup", operation);
        let seen = see(&bench, false);
        assert_eq!(seen.verdict("sql-1"), Some(Verdict::CrashOnly), "{operation}");
        let notes: Vec<&String> = seen.verify.instances.iter().flat_map(|one| &one.notes).collect();
        assert!(notes.is_empty(), "{operation}: {notes:?}");
    }
}

#[test]
fn regular_backups_of_another_plan_say_nothing_about_a_new_plan_with_vss() {
    let bench = Bench::new();
    load(&bench, FLEET);
    let whole = file(BY_TYPE);
    bench.apply(whole.split("[plan.daily]").next().expect("what is before the plan"));
    second_plan(&bench, "cron(0 6 ? * * *)", false);
    bench.sandbox.pass(10 * DAY).expect("a sandbox in memory");
    assert!(see(&bench, false).verify.instances.is_empty());
    bench.apply(&whole);
    let seen = see(&bench, false);
    assert_eq!(seen.verdict("sql-1"), Some(Verdict::Pending), "{:#?}", seen.verified("sql-1"));
    assert_eq!(seen.about("sql-1"), BTreeSet::new());
    nights(&bench);
    assert_eq!(see(&bench, false).verdict("sql-1"), Some(Verdict::Consistent));
}

/// An account with that many instances and ninety days of their jobs, all as they should be; its calls count from here.
fn crowd(count: usize) -> Bench {
    let bench = healthy(BY_TYPE);
    let fleet = format!(
        "region = 'ap-northeast-1'\nhistory = '90d'\n[[instance]]\nname = 'srv'\ncount = {count}\npackage = '2.5.1'\n\
         profile = 'EC2RoleforSSMVSSSnapshotV2'\ntags = {{ VssBackup = 'enabled' }}\n"
    );
    load(&bench, &fleet);
    bench.forget_requests();
    bench
}

fn calls(requests: &[String], name: &str) -> usize {
    requests.iter().filter(|request| *request == name).count()
}

#[test]
fn a_thousand_instances_and_ninety_days_of_jobs_take_a_bounded_number_of_calls() {
    let bench = crowd(1000);
    let seen = see(&bench, false);
    assert_eq!(seen.verify.count(Verdict::Consistent), 1000, "{:?}", seen.verify.unread);
    assert_eq!(seen.coverage.count(Protection::Vss), 1000);
    let requests = bench.requests();
    let count = |name: &str| calls(&requests, name);
    // 30 days are what AWS keeps: 30,000 jobs. Images and snapshots by filters of 200 ids.
    assert!((30..=31).contains(&count("backup:ListBackupJobs")), "{requests:?}");
    assert!(count("ec2:DescribeInstances") <= 3 && count("ec2:DescribeImages") <= 5);
    assert!(count("ec2:DescribeSnapshots") <= 10 && count("ssm:DescribeInstanceInformation") <= 20);
    assert!(requests.len() <= 90, "{} calls: {requests:?}", requests.len());
}

#[test]
fn a_page_for_auditors_looks_into_older_backups_by_few_calls() {
    let bench = crowd(20);
    let evidence = read_for(&bench, false, Wants { history: true, ..Wants::default() });
    let images = evidence.images.known().map(BTreeMap::len).unwrap_or_default();
    assert!((20 * 29..=20 * 31).contains(&images), "{images}");
    assert_eq!(evidence.snapshots.known().map(BTreeMap::len), Some(2 * images));
    let requests = bench.requests();
    let count = |name: &str| calls(&requests, name);
    let pages = (images.div_ceil(200), (2 * images).div_ceil(200));
    assert_eq!((count("ec2:DescribeImages"), count("ec2:DescribeSnapshots")), pages);
    // However many instances there are, the page stays of one size and the calls stay of one number.
    assert_eq!((history(1), history(193), history(1_000), history(50_000)), (31, 31, 6, 3));
}

#[test]
fn a_look_inside_asks_once_for_all_instances_of_a_command() {
    for count in [1, 20, 51] {
        let bench = crowd(count);
        let evidence = read(&bench, true);
        let inspections = evidence.inspections.values().filter_map(Known::known).count();
        assert_eq!(inspections, count, "{:#?}", evidence.inspections);
        let requests = bench.requests();
        // One command is for fifty instances, and each look at it is one call, for however many of them.
        let commands = count.div_ceil(50);
        assert_eq!(calls(&requests, "ssm:SendCommand"), commands);
        let looks = calls(&requests, "ssm:ListCommandInvocations") + calls(&requests, "ssm:GetCommandInvocation");
        assert!(looks <= 5 * commands, "{count} instances: {looks} calls");
    }
}

#[test]
fn a_vault_that_is_gone_is_named_with_one_verdict_whatever_became_of_its_backups() {
    type Change = fn(&Bench);
    let forget_vault: Change = |bench| {
        let edited = bench.sandbox.edit(|account| {
            account.regions.get_mut(REGION).expect("the region").backup.vaults.remove("vss");
        });
        edited.expect("a sandbox in memory");
    };
    let with_its_points: Change = |bench| {
        let points = bench.call("backup", "ListRecoveryPointsByBackupVault", &json!({ "BackupVaultName": "vss" }));
        for point in points["RecoveryPoints"].as_array().expect("points") {
            let input = json!({ "BackupVaultName": "vss", "RecoveryPointArn": point["RecoveryPointArn"] });
            bench.call("backup", "DeleteRecoveryPoint", &input);
        }
        bench.call("backup", "DeleteBackupVault", &json!({ "BackupVaultName": "vss" }));
    };
    let and_a_night: Change = |bench| {
        let edited = bench.sandbox.edit(|account| {
            account.regions.get_mut(REGION).expect("the region").backup.vaults.remove("vss");
        });
        edited.expect("a sandbox in memory");
        nights(bench);
    };
    for (change, verdict, words) in [
        (forget_vault, Verdict::Consistent, "AWS Backup can't"),
        (with_its_points, Verdict::Failed, "no longer lists its vault vss"),
        (and_a_night, Verdict::Failed, "lists no vault vss"),
    ] {
        let bench = healthy(BY_TYPE);
        nights(&bench);
        change(&bench);
        let seen = see(&bench, false);
        for name in ["sql-1", "files-1"] {
            let verified = seen.verified(name).expect("a verdict");
            assert_eq!(verified.verdict, verdict, "{words}: {verified:#?}");
            let cause = verified.cause.iter().map(|cause| &cause.cause);
            assert_eq!(cause.chain(&verified.notes).filter(|said| said.contains(words)).count(), 1, "{verified:#?}");
        }
        let text = verify_text::text(&seen.verify, &scope(), 200);
        assert!(text.contains(words), "{text}");
        // A new vault and a night heal it.
        bench.apply(&file(BY_TYPE));
        nights(&bench);
        let seen = see(&bench, false);
        assert_eq!((seen.verdict("sql-1"), seen.doctor.findings.len()), (Some(Verdict::Consistent), 0), "{words}");
    }
    // Who may not read the vaults is told nothing of them.
    let bench = healthy(BY_TYPE);
    nights(&bench);
    with_its_points(&bench);
    bench.deny("backup", "ListBackupVaults");
    let seen = see(&bench, false);
    let cause = seen.verified("sql-1").and_then(|one| one.cause.clone()).expect("a cause");
    assert!(cause.cause.contains("no longer exists") && !cause.cause.contains("vault"), "{cause:?}");
}
