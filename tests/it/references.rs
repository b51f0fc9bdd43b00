//! What the file names and does not have must exist: the plan says so before anything is written.

use serde_json::{Value, json};
use vssctl::model::{Action, Severity};
use vssctl::plan::{Options, Plan};
use vssctl::sandbox::{Fault, FaultKind};

use crate::bench::{Bench, STACK, changed};
use crate::harness::Place;

const PLAN: &str = "[plan.daily.rule.nightly]\nvault = \"vss\"\nschedule = \"cron(0 3 * * ? *)\"\n";

/// One sort of reference.
struct Case {
    /// The entry that names something, with what the file has around it.
    file: String,
    address: &'static str,
    field: &'static str,
    /// What is named.
    id: &'static str,
    /// Makes it.
    make: fn(&Bench),
    /// The read that tells whether it exists, where the entry can be planned without it.
    read: Option<(&'static str, &'static str)>,
}

fn role(bench: &Bench, path: &str, name: &str) {
    let trust = json!({ "Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": { "Service": ["backup.amazonaws.com", "ec2.amazonaws.com", "ssm.amazonaws.com"] },
        "Action": "sts:AssumeRole",
    } });
    let role = json!({ "RoleName": name, "Path": path, "AssumeRolePolicyDocument": trust.to_string() });
    bench.call("iam", "CreateRole", &role);
}

fn policy(bench: &Bench) {
    let document = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*" } });
    bench.call("iam", "CreatePolicy", &json!({ "PolicyName": "Theirs", "PolicyDocument": document.to_string() }));
}

fn vault(bench: &Bench) {
    bench.call("backup", "CreateBackupVault", &json!({ "BackupVaultName": "theirs" }));
}

const ROLE: &str = "arn:aws:iam::123456789012:role/service-role/AWSBackupTheirs";
const POLICY: &str = "arn:aws:iam::123456789012:policy/Theirs";
const VAULT: &str = "arn:aws:backup:ap-northeast-1:123456789012:backup-vault:theirs";
const KEY: &str = "arn:aws:kms:ap-northeast-1:123456789012:key/99999999-9999-9999-9999-999999999999";

/// Every sort of reference, in every field that has one.
fn cases() -> Vec<Case> {
    let of_role = |address, field, file: String| Case {
        file: format!("{STACK}{file}"),
        address,
        field,
        id: ROLE,
        make: |bench| role(bench, "/service-role/", "AWSBackupTheirs"),
        read: Some(("iam", "GetAccountAuthorizationDetails")),
    };
    let of_policy = |address, field, line: &str| Case {
        file: format!("{STACK}[role.app]\npreset = \"vss-instance\"\ninstance_profile = false\n{line}\n"),
        address,
        field,
        id: POLICY,
        make: policy,
        // The role itself is read with it.
        read: None,
    };
    let of_vault = |field, file: String| Case {
        file: format!("{STACK}{file}"),
        address: "plan.daily",
        field,
        id: VAULT,
        make: vault,
        read: Some(("backup", "ListBackupVaults")),
    };
    let mut cases = vec![
        of_role(
            "selection.daily.all",
            "role",
            format!(
                "[vault.vss]\n{PLAN}[plan.daily.selection.all]\nrole = \"{ROLE}\"\nmatch = {{ all = {{ a = \"b\" }} }}\n"
            ),
        ),
        of_role(
            "restore_test.weekly",
            "selection.ec2.role",
            format!(
                "[restore_test.weekly]\nschedule = \"cron(0 5 ? * SUN *)\"\nrecovery_point_selection = {{ algorithm = \"LATEST_WITHIN_WINDOW\", include_vaults = [\"*\"], recovery_point_types = [\"SNAPSHOT\"] }}\n[restore_test.weekly.selection.ec2]\nrole = \"{ROLE}\"\nmatch = {{ arns = [\"*\"] }}\n"
            ),
        ),
        of_role(
            "package.AwsVssComponents",
            "association_dispatch_assume_role",
            format!(
                "[package.AwsVssComponents]\nschedule = \"rate(1 day)\"\ntargets = {{ tags = {{ VssBackup = \"enabled\" }} }}\nassociation_dispatch_assume_role = \"{ROLE}\"\n"
            ),
        ),
        Case {
            id: "AWSBackupTheirs",
            ..of_role("instance_profile.app", "role", format!("[instance_profile.app]\nrole = \"{ROLE}\"\n"))
        },
        of_policy("role.app", "managed_policies", &format!("managed_policies = [\"{POLICY}\"]")),
        of_policy("role.app", "permissions_boundary", &format!("permissions_boundary = \"{POLICY}\"")),
        of_vault("rule.nightly.vault", PLAN.replace("\"vss\"", &format!("\"{VAULT}\""))),
        of_vault(
            "rule.nightly.copy_actions",
            format!("[vault.vss]\n{PLAN}copy_actions = [{{ vault = \"{VAULT}\" }}]\n"),
        ),
    ];
    cases[6].id = "theirs";
    // The vault of the file is read with it.
    cases[7].read = None;
    cases.push(Case {
        file: format!("{STACK}[attachment.web]\ninstance_profile = \"arn:aws:iam::123456789012:instance-profile/Theirs\"\ntargets = {{ tags = {{ VssBackup = \"enabled\" }} }}\nreplace = true\n"),
        address: "attachment.web",
        field: "instance_profile",
        id: "arn:aws:iam::123456789012:instance-profile/Theirs",
        make: |bench| {
            bench.call("iam", "CreateInstanceProfile", &json!({ "InstanceProfileName": "Theirs" }));
        },
        // The attachment itself is read with it.
        read: None,
    });
    cases.push(Case {
        file: format!("{STACK}[vault.encrypted]\nkms_key = \"{KEY}\"\n"),
        address: "vault.encrypted",
        field: "kms_key",
        id: KEY,
        make: |bench| bench.add_key("99999999-9999-9999-9999-999999999999"),
        read: Some(("kms", "DescribeKey")),
    });
    cases
}

/// The codes of a plan's problems at an address, with their severities.
fn problems(plan: &Plan, address: &str, codes: [&str; 2]) -> Vec<(String, Severity)> {
    let at = |one: &&vssctl::model::Diagnostic| {
        codes.contains(&one.code) && one.address.as_ref().is_some_and(|found| found.to_string() == address)
    };
    plan.diagnostics.iter().filter(at).map(|one| (one.message.clone(), one.severity)).collect()
}

fn references(plan: &Plan, address: &str) -> Vec<(String, Severity)> {
    problems(plan, address, ["VSS0803", "VSS0915"])
}

fn action(plan: &Plan, address: &str) -> Option<Action> {
    plan.changes.iter().find(|change| change.address.to_string() == address).map(|change| change.action)
}

#[test]
fn what_an_entry_names_and_nobody_has_is_refused_in_the_plan_at_the_entry() {
    for case in cases() {
        let bench = Bench::new();
        let plan = bench.plan(&case.file);
        let expected = format!("`{}` names what does not exist: its `{}` is `{}`", case.address, case.field, case.id);
        assert_eq!(references(&plan, case.address), [(expected, Severity::Error)], "{}", case.file);
        assert_eq!(action(&plan, case.address), Some(Action::Refused), "{}", case.file);
        let (_, report) = bench.try_apply(&case.file, &Options::default());
        assert!(report.outcomes.iter().all(|outcome| outcome.address.to_string() != case.address), "{}", case.file);
    }
}

#[test]
fn what_exists_is_no_problem() {
    for case in cases() {
        let bench = Bench::new();
        (case.make)(&bench);
        let plan = bench.plan(&case.file);
        assert_eq!(references(&plan, case.address), [], "{}", case.file);
        assert_eq!(action(&plan, case.address), Some(Action::Create), "{}\n{:#?}", case.file, plan.diagnostics);
    }
}

#[test]
fn a_read_that_is_denied_is_a_warning_that_names_the_action_and_the_plan_goes_on() {
    for (case, (service, operation)) in cases().into_iter().filter_map(|case| case.read.map(|read| (case, read))) {
        let bench = Bench::new();
        bench.deny(service, operation);
        let plan = bench.plan(&case.file);
        let found = references(&plan, case.address);
        assert!(
            matches!(&found[..], [(message, Severity::Warning)] if message.contains(case.field)),
            "{} {found:?} {:#?}",
            case.address,
            plan.changes
        );
        let help: Vec<&String> =
            plan.diagnostics.iter().filter(|one| one.code == "VSS0803").flat_map(|one| &one.help).collect();
        assert!(help.iter().all(|help| help.contains(&format!("`{service}:{operation}`"))), "{help:?}");
        assert_eq!(action(&plan, case.address), Some(Action::Create), "{}\n{:#?}", case.file, plan.diagnostics);
    }
}

#[test]
fn a_key_is_read_only_where_a_vault_is_made_with_it() {
    let bench = Bench::new();
    bench.add_key("99999999-9999-9999-9999-999999999999");
    let file = format!("{STACK}[vault.encrypted]\nkms_key = \"{KEY}\"\n");
    let reads = |file: &str| {
        bench.forget_requests();
        let plan = bench.plan(file);
        let reads = bench.requests().iter().filter(|request| *request == "kms:DescribeKey").count();
        (changed(&plan).len(), reads)
    };
    let twice = format!("{file}[vault.second]\nkms_key = \"{KEY}\"\n");
    assert_eq!(reads(&twice), (2, 1), "it is read once for both");
    bench.apply(&file);
    assert_eq!(reads(&file), (0, 0));
    assert_eq!(reads(&format!("{file}tags = {{ a = \"b\" }}\n")), (1, 0), "another field changes");
}

#[test]
fn a_plan_without_changes_reads_nothing_more_for_what_it_names() {
    for case in cases() {
        let bench = Bench::new();
        (case.make)(&bench);
        let again = |bench: &Bench| {
            bench.forget_requests();
            let plan = bench.plan(&case.file);
            (changed(&plan), bench.requests())
        };
        let (_, report) = bench.try_apply(&case.file, &Options::default());
        if !report.is_complete() {
            continue;
        }
        let (changes, requests) = again(&bench);
        assert_eq!(changes, [], "{}", case.file);
        let mut lists: Vec<&String> =
            requests.iter().filter(|request| request.contains(":List") || request.contains("Details")).collect();
        let all = lists.len();
        lists.sort();
        lists.dedup();
        assert!(!requests.contains(&"kms:DescribeKey".to_owned()) && !requests.contains(&"iam:GetRole".to_owned()));
        assert!(all == lists.len(), "a list is read once: {requests:?}");
    }
}

#[test]
fn what_the_same_plan_makes_is_not_missing() {
    let bench = Bench::new();
    let file = format!(
        "{STACK}[role.AWSBackupVss]\npreset = \"backup-service\"\n[policy.Theirs]\ndocument = '{}'\n\
         [role.app]\npreset = \"vss-instance\"\nmanaged_policies = [\"{POLICY}\"]\n[vault.vss]\n{}\
         [plan.daily.selection.all]\nrole = \"arn:aws:iam::123456789012:role/AWSBackupVss\"\n\
         match = {{ all = {{ a = \"b\" }} }}\n",
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:DescribeImages","Resource":"*"}}"#,
        PLAN.replace("\"vss\"", "\"arn:aws:backup:ap-northeast-1:123456789012:backup-vault:vss\""),
    );
    let plan = bench.apply(&file);
    let codes: Vec<&str> = plan.diagnostics.iter().map(|one| one.code).collect();
    assert!(!codes.contains(&"VSS0915") && !codes.contains(&"VSS0803"), "{:#?}", plan.diagnostics);
}

#[test]
fn what_is_out_of_reach_is_left_to_aws() {
    for vault in [
        "arn:aws:backup:us-west-2:210987654321:backup-vault:elsewhere",
        "arn:aws:backup:ap-northeast-1:210987654321:backup-vault:theirs",
    ] {
        let file = format!("{STACK}[vault.vss]\n{PLAN}copy_actions = [{{ vault = \"{vault}\" }}]\n");
        let plan = Bench::new().plan(&file);
        assert_eq!(references(&plan, "plan.daily"), [], "{vault}");
        assert_eq!(action(&plan, "plan.daily"), Some(Action::Create), "{vault}");
    }
}

#[test]
fn a_copy_vault_is_looked_up_in_its_own_region() {
    let vault = "arn:aws:backup:us-east-1:123456789012:backup-vault:vss";
    let file = format!("{STACK}[vault.vss]\n{PLAN}copy_actions = [{{ vault = \"{vault}\" }}]\n");
    let bench = Bench::new();
    // The file's own vault has that name too, in the stack's region.
    let plan = bench.plan(&file);
    assert_eq!(action(&plan, "plan.daily"), Some(Action::Refused), "{:#?}", plan.diagnostics);
    let make = |name: &str| {
        let vault = json!({ "BackupVaultName": name });
        bench.sandbox.call("backup", "CreateBackupVault", "us-east-1", &vault).expect("a vault");
    };
    make("vs");
    let plan = bench.plan(&file);
    let help = plan.diagnostics.iter().filter(|one| one.code == "VSS0915").flat_map(|one| one.help.clone());
    assert_eq!(help.collect::<Vec<_>>(), [format!("did you mean `{}`?", vault.replace(":vss", ":vs"))]);
    make("vss");
    bench.apply(&file);
    // What may not be read there is no reason to refuse anything.
    let other = file.replace("backup-vault:vss", "backup-vault:other");
    bench.sandbox.inject(Fault::new(FaultKind::AccessDenied).operation("ListBackupVaults").nth(2).times(u32::MAX));
    let plan = bench.plan(&other);
    assert_eq!(action(&plan, "plan.daily"), Some(Action::Update), "{:#?}", plan.diagnostics);
    assert!(plan.diagnostics.iter().any(|one| one.code == "VSS0803"), "{:#?}", plan.diagnostics);
}

#[test]
fn a_vault_that_a_restore_test_includes_must_exist() {
    let vault = "arn:aws:backup:ap-northeast-1:123456789012:backup-vault:theirs";
    let file = format!(
        "{STACK}[restore_test.weekly]\nschedule = \"cron(0 3 ? * SUN *)\"\n\
         [restore_test.weekly.recovery_point_selection]\nalgorithm = \"LATEST_WITHIN_WINDOW\"\n\
         include_vaults = [\"{vault}\"]\nrecovery_point_types = [\"SNAPSHOT\"]\n"
    );
    let bench = Bench::new();
    assert_eq!(action(&bench.plan(&file), "restore_test.weekly"), Some(Action::Refused));
    bench.call("backup", "CreateBackupVault", &json!({ "BackupVaultName": "theirs" }));
    bench.apply(&file);
    // A vault of the file, all of them, and one that is left out.
    let gone = "\"*\"]\nexclude_vaults = [\"arn:aws:backup:ap-northeast-1:123456789012:backup-vault:gone\"";
    for vaults in ["\"*\"", "\"vss\"", gone] {
        let file = format!("{file}[vault.vss]\n").replace(&format!("\"{vault}\""), vaults);
        assert_eq!(action(&Bench::new().plan(&file), "restore_test.weekly"), Some(Action::Create), "{vaults}");
    }
}

#[test]
fn the_nearest_that_exists_is_the_way_out_and_what_does_not_depend_on_it_goes_on() {
    let bench = Bench::new();
    role(&bench, "/service-role/", "AWSBackupTheirs");
    let wrong = ROLE.replace("/service-role/", "/");
    let file = format!(
        "{STACK}[vault.vss]\n{PLAN}[plan.daily.selection.all]\nrole = \"{wrong}\"\nmatch = {{ all = {{ a = \"b\" }} }}\n"
    );
    let (plan, report) = bench.try_apply(&file, &Options::default());
    let why = plan
        .changes
        .iter()
        .find(|change| change.address.to_string() == "plan.daily")
        .and_then(|change| change.reason.clone());
    assert_eq!(why.as_deref(), Some("does nothing without `selection.daily.all`, which is refused"));
    let help: Vec<&String> =
        plan.diagnostics.iter().filter(|one| one.code == "VSS0915").flat_map(|one| &one.help).collect();
    assert_eq!(help, [&format!("did you mean `{ROLE}`?")]);
    let done: Vec<String> = report.outcomes.iter().map(|outcome| outcome.address.to_string()).collect();
    assert_eq!(done, ["vault.vss"], "{:#?}", report.outcomes);
    let plan = bench.plan(&file.replace(&wrong, ROLE));
    let made = [("plan.daily", Action::Create), ("selection.daily.all", Action::Create)];
    assert_eq!(changed(&plan), made.map(|(address, action)| (address.to_owned(), action)));
    bench.apply(&file.replace(&wrong, ROLE));
    // A selection that stands is no reason to look at what it names, even where that went meanwhile.
    bench.call("iam", "DeleteRole", &json!({ "RoleName": "AWSBackupTheirs" }));
    let plan = bench.plan(&file.replace(&wrong, ROLE));
    assert_eq!((changed(&plan), references(&plan, "selection.daily.all")), (Vec::new(), Vec::new()));
}

#[test]
fn a_new_plan_is_made_where_one_of_its_selections_can_be() {
    let bench = Bench::new();
    role(&bench, "/service-role/", "AWSBackupTheirs");
    let selection = |name: &str, role: &str| {
        format!("[plan.daily.selection.{name}]\nrole = \"{role}\"\nmatch = {{ all = {{ a = \"{name}\" }} }}\n")
    };
    let wrong = ROLE.replace("Theirs", "Nobodys");
    let file = format!("{STACK}[vault.vss]\n{PLAN}{}{}", selection("all", ROLE), selection("none", &wrong));
    let (_, report) = bench.try_apply(&file, &Options::default());
    let done: Vec<String> = report.outcomes.iter().map(|outcome| outcome.address.to_string()).collect();
    assert_eq!(done, ["vault.vss", "plan.daily", "selection.daily.all"], "{:#?}", report.outcomes);
}

#[test]
fn a_plan_that_names_what_is_missing_exits_as_refused() {
    let place = Place::with(&format!("{STACK}[vault.encrypted]\nkms_key = \"{KEY}\"\n"));
    let run = place.sandbox(&["plan"]).exits(4);
    assert!(format!("{}{}", run.stdout, run.stderr).contains("VSS0915"), "{}{}", run.stdout, run.stderr);
    let saved: Value =
        serde_json::from_str(&place.sandbox(&["plan", "--format", "json"]).exits(4).stdout).expect("a plan");
    assert_eq!(saved["changes"][0]["action"], "refused");
}

#[test]
fn an_arn_with_another_path_or_spelling_than_the_role_has_is_named_with_the_right_one() {
    let selection =
        |role: &str| format!("[plan.daily.selection.all]\nrole = \"{role}\"\nmatch = {{ all = {{ a = \"b\" }} }}\n");
    let own = "[role.AWSBackupOwn]\npreset = \"backup-service\"\n";
    let right = "arn:aws:iam::123456789012:role/AWSBackupOwn";
    let help = |plan: &Plan| -> Vec<String> {
        plan.diagnostics.iter().filter(|one| one.code == "VSS0915").flat_map(|one| one.help.clone()).collect()
    };
    for wrong in [right.replace("role/", "role/service-role/"), right.replace("Own", "own")] {
        // Whether the role is there already or comes with the plan.
        let bench = Bench::new();
        let file = format!("{STACK}{own}[vault.vss]\n{PLAN}{}", selection(&wrong));
        assert_eq!(help(&bench.plan(&file)), [format!("did you mean `{right}`?")], "{wrong}");
        bench.apply(&format!("{STACK}{own}"));
        assert_eq!(help(&bench.plan(&file)), [format!("did you mean `{right}`?")], "{wrong}");
        bench.apply(&format!("{STACK}{own}[vault.vss]\n{PLAN}{}", selection(right)));
    }
    let bench = Bench::new();
    role(&bench, "/service-role/", "AWSBackupTheirs");
    let file = format!("{STACK}[vault.vss]\n{PLAN}{}", selection(&ROLE.to_lowercase()));
    assert_eq!(help(&bench.plan(&file)), [format!("did you mean `{ROLE}`?")]);
}

#[test]
fn an_apply_that_leaves_something_out_does_not_call_itself_complete() {
    let wrong = "arn:aws:backup:ap-northeast-1:123456789012:backup-vault:nobodys";
    let plan = format!("[plan.daily]\n[plan.daily.rule.r]\nvault = \"{wrong}\"\n");
    let place = Place::with(&format!("{STACK}[vault.made]\n{plan}"));
    let run = place.sandbox(&["apply", "--yes", "--json"]).exits(4);
    let report: Value = serde_json::from_str(run.stdout.lines().last().expect("a line")).expect("JSON");
    assert_eq!((&report["type"], &report["verdict"]), (&json!("report"), &json!("refused")), "{report:#}");
    let said = ["complete", "added", "left_out"].map(|name| report["report"][name].clone());
    assert_eq!(said, [json!(false), json!(1), json!(1)], "{report:#}");
    let place = Place::with(&format!("{STACK}[vault.made]\n{plan}"));
    let run = place.sandbox(&["apply", "--yes"]).exits(4);
    assert_eq!(run.last_line(), "Apply incomplete. Resources: 1 added, 0 changed, 0 destroyed; 1 left as they were.");
}
