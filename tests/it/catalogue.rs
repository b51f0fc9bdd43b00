//! Every check of `doctor`, on a fleet that has its fault and nothing else: it fires, and on the healthy fleet it does not.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use vssctl::render::proof::doctor as text;
use vssctl::sandbox::fleet::{Ailment, Instance};
use vssctl::vss::doctor::{CHECKS, Finding, Severity, Subject};

use crate::bench::Bench;
use crate::doctor::{KEY, association, encrypt, restores_with};
use crate::proof::{BY_TAG, BY_TYPE, REGION, ail, edit, file, healthy, nights, package, profile, scope, see};
use Severity::{Advice, Error, Warning};
use When::{After, Before, Inside};

/// When `doctor` is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Before the first backup.
    Before,
    /// Before the first backup, with a look inside.
    Inside,
    /// After two nights with backups.
    After,
}

/// A fleet with one fault.
struct Case {
    check: &'static str,
    severity: Severity,
    /// How the title of what it is about begins.
    about: &'static str,
    /// A part of what was seen.
    seen: &'static str,
    when: When,
    account: fn() -> Bench,
    /// What else is rightly said of such a fleet.
    also: &'static [&'static str],
}

const fn case(check: &'static str, severity: Severity, about: &'static str, seen: &'static str) -> Case {
    Case { check, severity, about, seen, when: Before, account: || healthy(BY_TYPE), also: &[] }
}

impl Case {
    const fn when(self, when: When) -> Self {
        Self { when, ..self }
    }

    const fn on(self, account: fn() -> Bench) -> Self {
        Self { account, ..self }
    }

    const fn also(self, also: &'static [&'static str]) -> Self {
        Self { also, ..self }
    }
}

/// A healthy fleet but for one instance.
fn one(change: fn(&mut Instance)) -> Bench {
    let bench = healthy(BY_TYPE);
    edit(&bench, "sql-1", change);
    bench
}

/// A healthy fleet for which a word of the file is another.
fn with_file(from: &str, to: &str) -> Bench {
    let bench = healthy(BY_TYPE);
    bench.apply(&file(BY_TYPE).replace(from, to));
    bench
}

/// The policy that was written by hand before AWS had one, and the package of that time.
fn hand_written(version: &'static str) -> Bench {
    let bench = healthy(BY_TYPE);
    edit(&bench, "sql-1", |one| {
        profile(one, "Bare");
        package(one, Some(version));
    });
    let actions =
        ["ec2:CreateTags", "ec2:DescribeInstances", "ec2:CreateSnapshot", "ec2:CreateImage", "ec2:DescribeImages"];
    let document =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }] });
    let input = json!({ "RoleName": "Bare", "PolicyName": "VssSnapshot", "PolicyDocument": document.to_string() });
    bench.call("iam", "PutRolePolicy", &input);
    bench
}

/// Somebody else's plan with VSS beside ours.
fn second_plan(schedule: &str, lifecycle: &Value, chosen: &Value) -> Bench {
    let bench = healthy(BY_TYPE);
    let document = json!({
        "BackupPlanName": "other",
        "Rules": [{ "RuleName": "evening", "TargetBackupVaultName": "vss", "ScheduleExpression": schedule,
                    "StartWindowMinutes": 60, "CompletionWindowMinutes": 480, "Lifecycle": lifecycle }],
        "AdvancedBackupSettings": [{ "ResourceType": "EC2", "BackupOptions": { "WindowsVSS": "enabled" } }],
    });
    let made = bench.call("backup", "CreateBackupPlan", &json!({ "BackupPlan": document }));
    let mut selection = json!({ "SelectionName": "all", "IamRoleArn": "arn:aws:iam::123456789012:role/AWSBackupVss" });
    for (member, value) in chosen.as_object().into_iter().flatten() {
        selection[member] = value.clone();
    }
    let input = json!({ "BackupPlanId": made["BackupPlanId"], "BackupSelection": selection });
    bench.call("backup", "CreateBackupSelection", &input);
    bench
}

const NOON: &str = "cron(0 6 ? * * *)";

fn keeps(days: u32) -> Value {
    json!({ "DeleteAfterDays": days })
}

/// Instances with a tag.
fn tagged(value: &str) -> Value {
    json!({
        "Resources": ["arn:aws:ec2:*:*:instance/*"],
        "Conditions": { "StringEquals": [{ "ConditionKey": "aws:ResourceTag/VssBackup", "ConditionValue": value }] },
    })
}

fn many_instances() -> Bench {
    let bench = healthy(BY_TYPE);
    let many = "region = 'ap-northeast-1'\n[[instance]]\nname = 'srv'\ncount = 301\npackage = '2.5.1'\n\
                profile = 'EC2RoleforSSMVSSSnapshotV2'\ntags = { VssBackup = 'enabled' }\n";
    bench.sandbox.load_fleet(many).expect("a sandbox in memory").expect("a valid fleet");
    bench
}

fn quota_used_up() -> Bench {
    let bench = healthy(BY_TYPE);
    let edited = bench.sandbox.edit(|account| {
        account.regions.get_mut(REGION).expect("the region").ec2.image_quota = Some(0);
    });
    edited.expect("a sandbox in memory");
    bench
}

fn disabled_images() -> Bench {
    let bench = healthy(BY_TYPE);
    nights(&bench);
    let edited = bench.sandbox.edit(|account| {
        let region = account.regions.get_mut(REGION).expect("the region");
        let id = region.fleet.instances.values().find(|one| one.name == "sql-1").expect("the instance").id.clone();
        for image in region.ec2.images.values_mut().filter(|image| image.source_instance == id) {
            image.disabled = true;
        }
    });
    edited.expect("a sandbox in memory");
    bench
}

/// The role that made the backups of two nights is gone, and another one makes those to come.
fn former_role() -> Bench {
    let bench = healthy(BY_TYPE);
    nights(&bench);
    bench.apply(&file(BY_TYPE).replace("AWSBackupVss", "AWSBackupNew"));
    for policy in ["Backup", "Restores"] {
        let arn = format!("arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor{policy}");
        bench.call("iam", "DetachRolePolicy", &json!({ "RoleName": "AWSBackupVss", "PolicyArn": arn }));
    }
    bench.call("iam", "DeleteRole", &json!({ "RoleName": "AWSBackupVss" }));
    bench
}

/// What a trust policy asks of EC2.
fn trusting(service: &str, condition: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole", "Condition": condition }] })
}

/// A healthy fleet, but for one instance with a role of its own, which has AWS's policies.
fn own_role(condition: &Value, inline: Option<&Value>, boundary: Option<&str>) -> Bench {
    let bench = healthy(BY_TYPE);
    let trust = trusting("ec2.amazonaws.com", condition).to_string();
    bench.call("iam", "CreateRole", &json!({ "RoleName": "Own", "AssumeRolePolicyDocument": trust }));
    for name in ["AmazonSSMManagedInstanceCore", "AWSEC2VssSnapshotPolicy"] {
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        bench.call("iam", "AttachRolePolicy", &json!({ "RoleName": "Own", "PolicyArn": arn }));
    }
    if let Some(document) = inline {
        let input = json!({ "RoleName": "Own", "PolicyName": "guard", "PolicyDocument": document.to_string() });
        bench.call("iam", "PutRolePolicy", &input);
    }
    if let Some(arn) = boundary {
        bench.call("iam", "PutRolePermissionsBoundary", &json!({ "RoleName": "Own", "PermissionsBoundary": arn }));
    }
    bench.call("iam", "CreateInstanceProfile", &json!({ "InstanceProfileName": "Own" }));
    bench.call("iam", "AddRoleToInstanceProfile", &json!({ "InstanceProfileName": "Own", "RoleName": "Own" }));
    edit(&bench, "sql-1", |one| profile(one, "Own"));
    bench
}

fn denying(action: &str, condition: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition }] })
}

/// A healthy fleet, but for the role of AWS Backup.
fn backup_role(operation: &str, more: &Value) -> Bench {
    let bench = healthy(BY_TYPE);
    let mut input = json!({ "RoleName": "AWSBackupVss" });
    for (member, value) in more.as_object().into_iter().flatten() {
        input[member] = value.clone();
    }
    bench.call("iam", operation, &input);
    bench
}

fn empty_profile() -> Bench {
    let bench = healthy(BY_TYPE);
    bench.call("iam", "CreateInstanceProfile", &json!({ "InstanceProfileName": "Empty" }));
    edit(&bench, "sql-1", |one| profile(one, "Empty"));
    bench
}

/// A rule that copies into a vault of the region, which somebody deletes.
fn copies_into_nothing() -> Bench {
    let bench = healthy(BY_TYPE);
    bench.call("backup", "CreateBackupVault", &json!({ "BackupVaultName": "far" }));
    let copy = "delete_after    = \"35d\"\n\n[[plan.daily.rule.nightly.copy_actions]]\n\
                vault = \"arn:aws:backup:ap-northeast-1:123456789012:backup-vault:far\"\ndelete_after = \"35d\"";
    bench.apply(&file(BY_TYPE).replace("delete_after    = \"35d\"", copy));
    bench.call("backup", "DeleteBackupVault", &json!({ "BackupVaultName": "far" }));
    bench
}

fn locked(member: &str, days: u32) -> Bench {
    let bench = healthy(BY_TYPE);
    bench.call("backup", "PutBackupVaultLockConfiguration", &json!({ "BackupVaultName": "vss", member: days }));
    bench
}

fn stranger_to_backup() -> Bench {
    let bench = healthy(BY_TYPE);
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" }] });
    let input = json!({ "RoleName": "AWSBackupVss", "PolicyDocument": trust.to_string() });
    bench.call("iam", "UpdateAssumeRolePolicy", &input);
    bench
}

const CASES: &[Case] = &[
    case("D001", Error, "sql-1", "t3.micro").on(|| one(|one| "t3.micro".clone_into(&mut one.instance_type))),
    case("D002", Error, "sql-1", "Windows 10")
        .on(|| one(|one| "Microsoft Windows 10 Pro".clone_into(&mut one.os_name))),
    case("D003", Warning, "sql-1", "stopped").on(|| one(|one| "stopped".clone_into(&mut one.state))),
    case("D004", Advice, "plan daily", "web-1").on(|| {
        let bench = healthy(BY_TYPE);
        edit(&bench, "web-1", |one| drop(one.tags.insert("VssBackup".to_owned(), "enabled".to_owned())));
        bench
    }),
    case("D010", Error, "sql-1", "ConnectionLost").on(|| one(|one| one.silent_since = Some(0))),
    case("D011", Error, "sql-1", "2.3.1644.0").on(|| one(|one| "2.3.1644.0".clone_into(&mut one.agent_version))),
    case("D012", Warning, "sql-1", "online").on(|| one(|one| one.instance_profile = None)).also(&["D020"]),
    case("D020", Error, "sql-1", "instance-profile/Gone").on(|| one(|one| profile(one, "Gone"))),
    case("D021", Error, "sql-1", "ec2:CreateImage").on(|| one(|one| profile(one, "Bare"))),
    case("D022", Error, "sql-1", "2.2.1").on(|| one(|one| package(one, Some("2.2.1")))).when(Inside),
    case("D023", Error, "selection daily/windows", "AWSBackupVss").on(stranger_to_backup).also(&["D025"]),
    case("D024", Advice, "selection daily/windows", "Nightly").on(|| with_file("AWSBackupVss", "Nightly")),
    case("D025", Warning, "role EC2RoleforSSMVSSSnapshotV2", "iam:PassRole").on(|| {
        let bench = healthy(BY_TYPE);
        restores_with(&bench, &json!([{ "Effect": "Allow", "Action": "ec2:RunInstances", "Resource": "*" }]));
        bench
    }),
    case("D026", Warning, "key ", "KeyState Disabled").on(|| {
        let bench = healthy(BY_TYPE);
        encrypt(&bench, "sql-1", KEY, |key| "Disabled".clone_into(&mut key.state));
        bench
    }),
    case("D027", Warning, "plan daily", "210987654321").on(|| {
        let bench = healthy(BY_TYPE);
        let copy = "delete_after    = \"35d\"\n\n[[plan.daily.rule.nightly.copy_actions]]\n\
                    vault = \"arn:aws:backup:ap-northeast-1:210987654321:backup-vault:central\"\n\
                    delete_after = \"35d\"";
        bench.apply(&file(BY_TYPE).replace("delete_after    = \"35d\"", copy));
        encrypt(&bench, "sql-1", KEY, |key| "AWS".clone_into(&mut key.manager));
        bench
    }),
    case("D030", Error, "sql-1", "ec2-vss-agent.exe").on(|| one(|one| ail(one, Ailment::MissingFiles))).when(Inside),
    case("D031", Advice, "sql-1", "2.1.0").on(|| hand_written("2.1.0")).when(Inside),
    case("D032", Warning, "sql-1", "list providers")
        .on(|| one(|one| ail(one, Ailment::UnregisteredProvider)))
        .when(Inside),
    case("D033", Warning, "sql-1", "Failed").on(|| {
        let bench = healthy(BY_TYPE);
        association(&bench, "sql-1", "9.9.9");
        bench
    }),
    case("D040", Warning, "sql-1", "route table").on(|| one(|one| ail(one, Ailment::NoEndpoint))),
    case("D040", Error, "sql-1", "port 443 of ec2").on(|| one(|one| ail(one, Ailment::NoEndpoint))).when(Inside),
    case("D041", Warning, "sql-1", "proxy.corp.example.com:3128")
        .on(|| {
            let bench = hand_written("2.0.0");
            edit(&bench, "sql-1", |one| ail(one, Ailment::Proxy));
            bench
        })
        .when(Inside)
        .also(&["D031"]),
    case("D042", Warning, "sql-1", "HttpEndpoint is disabled").on(|| one(|one| ail(one, Ailment::NoMetadata))),
    case("D050", Warning, "sql-1", "timeout")
        .on(|| one(|one| ail(one, Ailment::SlowWriters)))
        .when(After)
        .also(&["D076"]),
    case("D051", Warning, "sql-1", "[8] Failed").on(|| one(|one| ail(one, Ailment::FailedWriter))).when(Inside),
    case("D052", Warning, "sql-1", "Timed out").on(|| one(|one| ail(one, Ailment::TimedOutWriter))).when(Inside),
    case("D053", Advice, "sql-1", "26 block devices").on(|| {
        one(|one| {
            let more = (one.volumes.len()..26).map(|number| (format!("xvd{number}"), format!("vol-{number:017}")));
            one.volumes.extend(more.collect::<Vec<_>>());
        })
    }),
    case("D054", Error, "sql-1", "ConstrainedLanguage")
        .on(|| one(|one| ail(one, Ailment::ConstrainedLanguage)))
        .when(Inside),
    case("D055", Advice, "sql-1", "Example Backup").on(|| one(|one| ail(one, Ailment::OtherProvider))).when(Inside),
    case("D056", Warning, "sql-1", "NODE-2").on(|| one(|one| ail(one, Ailment::SecondaryNode))).when(Inside),
    case("D060", Warning, "plan daily", "301 instances").on(many_instances),
    case("D061", Warning, "sql-1", "in-progress snapshots")
        .on(|| one(|one| ail(one, Ailment::OtherSnapshots)))
        .when(After)
        .also(&["D065", "D076"]),
    // With its name and the tag of the selection: as many as an instance may have.
    case("D062", Warning, "sql-1", "50 of the instance")
        .on(|| one(|one| one.tags.extend((0..48).map(|number| (format!("t{number}"), String::new()))))),
    case("D062", Error, "sql-1", "50 of the instance, 1 of the rule").on(|| {
        let bench = with_file("delete_after    =", "recovery_point_tags = { kept = \"yes\" }\ndelete_after    =");
        edit(&bench, "sql-1", |one| one.tags.extend((0..48).map(|number| (format!("t{number}"), String::new()))));
        bench
    }),
    case("D063", Warning, "region ", "public and private images").on(quota_used_up).when(After).also(&["D065", "D076"]),
    case("D064", Warning, "sql-1", "overlap").on(|| second_plan("cron(0 18 ? * * *)", &keeps(7), &tagged("enabled"))),
    case("D065", Advice, "region ", "sql-1")
        .on(|| one(|one| ail(one, Ailment::OtherSnapshots)))
        .when(After)
        .also(&["D061", "D076"]),
    case("D070", Warning, "plan daily", "completion window 60 minutes").on(|| with_file("\"8h\"", "\"1h\"")),
    case("D071", Error, "plan daily", "90 to any").on(|| {
        let bench = healthy(BY_TYPE);
        let lock = json!({ "BackupVaultName": "vss", "MinRetentionDays": 90 });
        bench.call("backup", "PutBackupVaultLockConfiguration", &lock);
        bench
    }),
    case("D072", Error, "region ", "EC2 is false").on(|| {
        let bench = healthy(BY_TAG);
        let input = json!({ "ResourceTypeOptInPreference": { "EC2": false } });
        bench.call("backup", "UpdateRegionSettings", &input);
        bench
    }),
    // AWS takes no selection of nothing; this one takes everything.
    case("D073", Warning, "selection other/all", "Resources has `*`")
        .on(|| second_plan(NOON, &keeps(7), &json!({ "Resources": ["*"] })))
        .also(&["D004"]),
    case("D074", Warning, "plan other", "0 instances").on(|| second_plan(NOON, &keeps(7), &tagged("nobody"))),
    case("D075", Warning, "plan other", "evening").on(|| {
        let cold = json!({ "MoveToColdStorageAfterDays": 30, "DeleteAfterDays": 120 });
        second_plan(NOON, &cold, &tagged("enabled"))
    }),
    case("D076", Warning, "sql-1", "not installed").on(|| one(|one| ail(one, Ailment::MissingFiles))).when(After),
    case("D077", Warning, "sql-1", "disabled").on(disabled_images),
    // The same checks by other faults.
    case("D001", Error, "sql-1", "t2.nano").on(|| one(|one| "t2.nano".clone_into(&mut one.instance_type))),
    case("D001", Error, "sql-1", "t3a.micro").on(|| one(|one| "t3a.micro".clone_into(&mut one.instance_type))),
    case("D002", Error, "sql-1", "Windows 11")
        .on(|| one(|one| "Microsoft Windows 11 Pro".clone_into(&mut one.os_name))),
    case("D011", Error, "sql-1", "2.2.58.0").on(|| one(|one| "2.2.58.0".clone_into(&mut one.agent_version))),
    case("D020", Error, "sql-1", "instance-profile/Empty").on(empty_profile),
    case("D020", Error, "sql-1", "sts:ExternalId")
        .on(|| own_role(&json!({ "StringEquals": { "sts:ExternalId": "x" } }), None, None)),
    case("D020", Error, "sql-1", "does not hold now")
        .on(|| own_role(&json!({ "DateLessThan": { "aws:CurrentTime": "2001-01-01T00:00:00Z" } }), None, None)),
    case("D020", Error, "sql-1", "aws:SourceAccount")
        .on(|| own_role(&json!({ "StringEquals": { "aws:SourceAccount": "210987654321" } }), None, None)),
    case("D021", Error, "sql-1", "denies ec2:CreateImage")
        .on(|| own_role(&json!({}), Some(&denying("ec2:CreateImage", &json!({}))), None)),
    case("D021", Error, "sql-1", "`guard` denies ec2:CreateTags")
        .on(|| own_role(&json!({}), Some(&denying("ec2:CreateTags", &json!({}))), None)),
    case("D021", Error, "sql-1", "denies ec2:CreateImage").on(|| {
        let tagged = json!({ "StringEquals": { "aws:ResourceTag/VssBackup": "enabled" } });
        own_role(&json!({}), Some(&denying("ec2:CreateImage", &tagged)), None)
    }),
    case("D021", Error, "sql-1", "permissions boundary")
        .on(|| own_role(&json!({}), None, Some("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"))),
    case("D023", Error, "selection daily/windows", "ssm:SendCommand").on(|| {
        let arn = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup";
        backup_role("DetachRolePolicy", &json!({ "PolicyArn": arn }))
    }),
    case("D023", Error, "selection daily/windows", "denies ssm:SendCommand").on(|| {
        let document = denying("ssm:SendCommand", &json!({})).to_string();
        backup_role("PutRolePolicy", &json!({ "PolicyName": "guard", "PolicyDocument": document }))
    }),
    case("D023", Error, "selection daily/windows", "aws:MultiFactorAuthPresent")
        .on(|| {
            let asks = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
            let document = trusting("backup.amazonaws.com", &asks).to_string();
            backup_role("UpdateAssumeRolePolicy", &json!({ "PolicyDocument": document }))
        })
        .also(&["D025"]),
    case("D026", Warning, "key ", "KeyState PendingDeletion").on(|| {
        let bench = healthy(BY_TYPE);
        encrypt(&bench, "sql-1", KEY, |key| "PendingDeletion".clone_into(&mut key.state));
        bench
    }),
    case("D027", Warning, "plan daily", "backup-vault:far").on(copies_into_nothing),
    case("D071", Error, "plan daily", "to 30").on(|| locked("MaxRetentionDays", 30)),
    case("D078", Advice, "role AWSBackupVss", "role/AWSBackupVss").on(former_role),
];

#[test]
fn every_check_of_the_catalogue_has_a_fleet_on_which_it_fires() {
    let listed: BTreeSet<&str> = CHECKS.iter().map(|check| check.id).collect();
    let tried: BTreeSet<&str> = CASES.iter().map(|case| case.check).collect();
    let untried: Vec<&&str> = listed.difference(&tried).collect();
    assert!(untried.is_empty(), "no fleet makes these fire: {untried:?}");
    assert_eq!(tried, listed);
}

#[test]
fn each_check_fires_on_the_fleet_that_has_its_fault_and_nothing_else_is_blamed() {
    let mut wrong = Vec::new();
    for case in CASES {
        wrong.extend(tried(case).map_err(|problem| format!("{}: {problem}", case.check)).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn tried(case: &Case) -> Result<(), String> {
    let bench = (case.account)();
    if case.when == After {
        nights(&bench);
    }
    let diagnosis = see(&bench, case.when == Inside).doctor;
    let fired: BTreeSet<&str> = diagnosis.findings.iter().map(|finding| finding.check).collect();
    let wanted: BTreeSet<&str> = case.also.iter().copied().chain([case.check]).collect();
    let hold = |holds: bool, what: String| if holds { Ok(()) } else { Err(what) };
    hold(fired == wanted, format!("fired {fired:?}, not {wanted:?}: {:#?}", diagnosis.findings))?;
    hold(!diagnosis.has_unknown(), format!("undecided: {:#?}, {:#?}", diagnosis.undecided, diagnosis.unread))?;
    let is_meant = |finding: &&Finding| finding.check == case.check && finding.subject.title().starts_with(case.about);
    let found: Vec<&Finding> = diagnosis.findings.iter().filter(is_meant).collect();
    let [finding] = found.as_slice() else {
        return Err(format!("not one finding about `{}`: {:#?}", case.about, diagnosis.findings));
    };
    hold(finding.severity == case.severity, format!("it is {:?}: {finding:#?}", finding.severity))?;
    hold(finding.evidence.iter().any(|seen| seen.contains(case.seen)), format!("evidence: {:?}", finding.evidence))?;
    hold(
        !finding.remedy.is_empty() && finding.url.starts_with("https://docs.aws.amazon.com/"),
        format!("{finding:#?}"),
    )?;
    // What all share may show on the others too.
    let is_other = |subject: &Subject| matches!(subject, Subject::Instance { name, .. } if name != "sql-1");
    let shared = case.about != "sql-1" || case.check == "D064";
    hold(
        shared || !diagnosis.findings.iter().any(|finding| is_other(&finding.subject)),
        "others are blamed".to_owned(),
    )?;
    let plain = anstream::adapter::strip_str(&text::text(&diagnosis, &scope(), 80)).to_string();
    let head = format!("{} {}", case.check, finding.subject.title());
    hold(plain.contains(&head) && plain.contains("evidence:") && plain.contains("remedy:"), plain.clone())?;
    // A long word, such as an address, stands on a line of its own.
    let too_long = |line: &&str| line.chars().count() > 80 && line.trim().contains(' ') && !line.contains("://");
    hold(plain.lines().find(too_long).is_none(), plain.clone())
}

#[test]
fn on_the_healthy_fleet_no_check_fires() {
    for selection in [BY_TYPE, BY_TAG] {
        for (after, inside) in [(false, false), (false, true), (true, false), (true, true)] {
            let bench = healthy(selection);
            if after {
                nights(&bench);
            }
            let diagnosis = see(&bench, inside).doctor;
            assert_eq!(diagnosis.findings, [], "{selection}, {after}, {inside}");
            assert!(!diagnosis.has_unknown(), "{:#?}", diagnosis.undecided);
        }
    }
}

#[test]
fn a_backup_that_is_not_consistent_points_to_what_was_found_and_blames_nothing_else() {
    let remedies = |bench: &Bench, inside: bool| {
        nights(bench);
        let findings = see(bench, inside).doctor.findings;
        let mut said = BTreeMap::new();
        for finding in findings.into_iter().filter(|finding| finding.severity != Advice) {
            said.insert(finding.check, (finding.evidence.join("; "), finding.remedy));
        }
        said
    };
    // AWS's message is that of slow writers; the network is the cause.
    let far = remedies(&one(|one| ail(one, Ailment::NoEndpoint)), true);
    assert_eq!(far.keys().copied().collect::<Vec<_>>(), ["D040", "D076"]);
    assert!(far["D076"].0.contains("found here: D040"), "{far:#?}");
    assert!(far["D076"].1.starts_with("do what D040 says, and prove it with `vssctl backup i-"), "{far:#?}");
    // The policy is there already: only the package is old.
    let old = remedies(&one(|one| package(one, Some("2.2.1"))), true);
    assert!(old["D076"].1.starts_with("do what D022 says") && !old["D076"].1.contains("attach"), "{old:#?}");
    // The role of AWS Backup is the plan's.
    let role = remedies(&stranger_to_backup(), false);
    assert!(role["D076"].1.starts_with("do what D023 says"), "{role:#?}");
    // Who asks the doctor is not sent to the doctor.
    let unexplained = remedies(&one(|one| ail(one, Ailment::FailedWriter)), false);
    assert!(unexplained["D076"].1.contains("`vssctl doctor --run-commands i-"), "{unexplained:#?}");
}

#[test]
fn a_look_into_some_of_the_instances_says_that_the_others_were_not_looked_into() {
    let shown = |bench: &Bench, inside: bool| {
        let shown = text::text(&see(bench, inside).doctor, &scope(), 200);
        anstream::adapter::strip_str(&shown).to_string()
    };
    let bench = one(|one| "stopped".clone_into(&mut one.state));
    assert!(shown(&bench, false).contains("Not looked into the instances (D030"));
    let looked = shown(&bench, true);
    assert!(looked.contains("Looked into 1 of 2 instances only (D030"), "{looked}");
    assert!(!looked.contains("--run-commands"), "{looked}");
    assert!(!shown(&healthy(BY_TYPE), true).contains("ooked into"));
}
