//! The version gate and the rings of packages: on which instances a package comes first, what waits for it, and what is
//! refused.

use std::time::Duration;
use vssctl::model::KindId;
use vssctl::model::Operation;

use serde_json::{Value, json};
use vssctl::apply::Status;
use vssctl::model::{Action, Consents, Phase};
use vssctl::plan::Options;
use vssctl::plan::{Hazard, Plan, hazard};

use crate::bench::{Bench, STACK, changed};

/// The policy of AWS's guide of 2023.
const LEGACY: &str = r#"{"Version":"2012-10-17","Statement":[
 {"Effect":"Allow","Action":"ec2:CreateTags","Resource":["arn:aws:ec2:*::snapshot/*","arn:aws:ec2:*::image/*"]},
 {"Effect":"Allow","Action":["ec2:DescribeInstances","ec2:CreateSnapshot","ec2:CreateImage","ec2:DescribeImages","ec2:DescribeSnapshots"],"Resource":"*"}]}"#;

fn role(policies: &str) -> String {
    format!("{STACK}[role.vss]\npreset = \"vss-instance\"\n{policies}\n")
}

fn before() -> String {
    role(&format!(
        "managed_policies = [\"AmazonSSMManagedInstanceCore\"]\ninline_policies.VssSnapshot = '''{LEGACY}'''"
    ))
}

fn after(package: &str) -> String {
    role(&format!("inline_policies = {{}}\n{package}"))
}

const PACKAGE: &str = "[package.AwsVssComponents]\nminimum_version = \"2.3.1\"\nschedule = \"rate(1 day)\"\n\
                       targets = { tags = { VssBackup = \"enabled\" } }";
/// What the older role gave and the new one does not, and the other way round.
const CONSENT: [Hazard; 1] = [Hazard::PrivilegeWidened];

fn id(bench: &Bench, name: &str) -> String {
    let found = bench.call("ec2", "DescribeInstances", &json!({"Filters": [{"Name": "tag:Name", "Values": [name]}]}));
    found["Reservations"][0]["Instances"][0]["InstanceId"].as_str().expect("an instance").to_owned()
}

/// Installs a version on an instance, as somebody else would.
fn install(bench: &Bench, id: &str, version: &str) {
    let parameters = json!({"action": ["Install"], "name": ["AwsVssComponents"], "version": [version]});
    let command = json!({"DocumentName": "AWS-ConfigureAWSPackage", "InstanceIds": [id], "Parameters": parameters});
    bench.call("ssm", "SendCommand", &command);
    bench.sandbox.advance(Duration::from_mins(5)).expect("time goes on");
}

fn version(bench: &Bench, id: &str) -> String {
    let commands =
        json!([r"(Get-Item 'C:\Program Files\Amazon\AwsVssComponents\ec2-vss-agent.exe').VersionInfo.ProductVersion"]);
    let input =
        json!({"DocumentName": "AWS-RunPowerShellScript", "InstanceIds": [id], "Parameters": {"commands": commands}});
    let command = bench.call("ssm", "SendCommand", &input)["Command"]["CommandId"].clone();
    bench.sandbox.advance(Duration::from_mins(5)).expect("time goes on");
    let answer = bench.call("ssm", "GetCommandInvocation", &json!({"CommandId": command, "InstanceId": id}));
    answer["StandardOutputContent"].as_str().unwrap_or_default().trim().to_owned()
}

fn carry(bench: &Bench, id: &str) {
    let input = json!({"InstanceId": id, "IamInstanceProfile": {"Name": "vss"}});
    bench.call("ec2", "AssociateIamInstanceProfile", &input);
}

/// An account with the older role on `sql-1`, which has this version.
fn older(version: &str) -> (Bench, String) {
    let bench = Bench::new();
    bench.apply(&before());
    let id = id(&bench, "sql-1");
    carry(&bench, &id);
    install(&bench, &id, version);
    (bench, id)
}

fn edit(bench: &Bench, id: &str, change: impl Fn(&mut vssctl::sandbox::fleet::Instance)) {
    let edit = |account: &mut vssctl::sandbox::account::Account| {
        let region = account.regions.get_mut("ap-northeast-1").expect("the region");
        change(region.fleet.instances.get_mut(id).expect("the instance"));
    };
    bench.sandbox.edit(edit).expect("an edit");
}

fn position(plan: &Plan, action: &str, holds: &str) -> usize {
    let calls: Vec<_> = plan.steps.iter().flat_map(|step| &step.calls).collect();
    calls
        .iter()
        .position(|call| call.action() == action && call.input.to_string().contains(holds))
        .unwrap_or_else(|| panic!("no {action} with {holds} in {calls:#?}"))
}

fn why(plan: &Plan, wanted: Hazard) -> Vec<String> {
    hazard::all(plan).filter(|(_, note)| note.hazard == wanted).map(|(_, note)| note.why.clone()).collect()
}

#[test]
fn the_package_comes_first_then_the_policy_then_the_old_policy_goes() {
    let (bench, id) = older("2.2.1");
    let plan = bench.plan(&after(PACKAGE));
    let first = position(&plan, "ssm:SendCommand", &id);
    let waits = position(&plan, "ssm:GetCommandInvocation", &id);
    let attached = position(&plan, "iam:AttachRolePolicy", "AWSEC2VssSnapshotPolicy");
    let gone = position(&plan, "iam:DeleteRolePolicy", "VssSnapshot");
    assert!(first < waits && waits < attached && attached < gone, "{first} {waits} {attached} {gone}");
    let step = |phase, kind: KindId| {
        plan.steps.iter().find(|step| step.phase == phase && step.address.kind() == kind).expect("a step")
    };
    let package = plan.changes.iter().find(|change| change.address.kind() == KindId::Package).expect("the package");
    assert_eq!(package.reason.as_deref(), Some(format!("first on sql-1 ({id}), then on the others").as_str()));
    assert!(step(Phase::Ensure, KindId::Role).after.contains(&step(Phase::Ensure, KindId::Package).id));
    assert_eq!(why(&plan, Hazard::VssUnavailable), [""; 0]);
    assert!(hazard::unconsented(&plan, &Consents::to(&CONSENT)).is_empty());

    bench.apply(&after(PACKAGE));
    assert_eq!(version(&bench, &id), "2.5.1");
    bench.forget_requests();
    assert!(bench.plan(&after(PACKAGE)).is_empty());
    assert_eq!(bench.writes(), [""; 0]);
}

#[test]
fn a_package_that_stands_is_brought_up_to_date_before_the_policy() {
    let (bench, id) = older("2.2.1");
    // The association was there before the instance went back to an older version.
    let both = format!("{}\n{PACKAGE}", before());
    bench.apply(&both);
    bench.sandbox.advance(Duration::from_mins(10)).expect("time goes on");
    install(&bench, &id, "2.2.1");
    let plan = bench.plan(&after(PACKAGE));
    let package = plan.changes.iter().find(|change| change.address.kind() == KindId::Package).expect("the package");
    assert_eq!(package.action, Action::Update);
    assert_eq!(package.reason.as_deref(), Some(format!("sql-1 ({id}) has 2.2.1").as_str()));
    bench.apply(&after(PACKAGE));
    assert_eq!(version(&bench, &id), "2.5.1");
    assert!(bench.plan(&after(PACKAGE)).is_empty());
}

#[test]
fn a_plan_that_leaves_an_older_package_is_refused_with_the_instances_names() {
    let (bench, id) = older("2.2.1");
    let elsewhere = PACKAGE.replace("enabled", "never");
    let pinned = PACKAGE.replace("minimum_version = \"2.3.1\"", "version = \"2.2.1\"");
    for package in ["", elsewhere.as_str(), pinned.as_str()] {
        let (plan, report) = bench.try_apply(&after(package), &Options::default());
        let role = plan.changes.iter().find(|change| change.address.kind() == KindId::Role).expect("the role");
        assert_eq!(role.action, Action::Refused, "{package}");
        let problem = plan.diagnostics.iter().find(|one| one.code == "VSS0913").expect("VSS0913");
        assert!(problem.message.contains(&format!("sql-1 ({id}): 2.2.1")), "{}", problem.message);
        assert!(report.outcomes.iter().all(|outcome| outcome.address.kind() != KindId::Role));
    }
    let attached = bench.call("iam", "ListAttachedRolePolicies", &json!({"RoleName": "vss"}));
    assert!(!attached.to_string().contains("AWSEC2VssSnapshotPolicy"));
}

#[test]
fn a_stopped_instance_with_an_older_package_refuses_the_policy() {
    let (bench, id) = older("2.2.1");
    edit(&bench, &id, |instance| "stopped".clone_into(&mut instance.state));
    let plan = bench.plan(&after(PACKAGE));
    let problem = plan.diagnostics.iter().find(|one| one.code == "VSS0913").expect("VSS0913");
    assert!(problem.message.contains("stopped"), "{}", problem.message);
}

#[test]
fn a_new_enough_package_lets_the_policy_through_with_nothing_asked() {
    let (bench, _) = older("2.4.0");
    let plan = bench.plan(&after(""));
    assert_eq!(why(&plan, Hazard::VssUnavailable), [""; 0]);
    bench.apply(&after(""));
    assert!(bench.plan(&after("")).is_empty());
}

#[test]
fn an_instance_of_which_nobody_knows_asks_and_is_no_older_one() {
    let bench = Bench::new();
    bench.apply(&before());
    let id = id(&bench, "sql-1");
    carry(&bench, &id);
    let plan = bench.plan(&after(""));
    let [why] = why(&plan, Hazard::VssUnavailable).try_into().expect("one note");
    assert!(why.contains(&format!("the version on sql-1 ({id}) is not known")), "{why}");
    assert!(plan.diagnostics.iter().all(|one| one.code != "VSS0913"));
}

#[test]
fn what_may_not_be_read_asks_and_names_the_action() {
    let (bench, _) = older("2.2.1");
    bench.deny("ec2", "DescribeInstances");
    let plan = bench.plan(&after(PACKAGE));
    let [why] = why(&plan, Hazard::VssUnavailable).try_into().expect("one note");
    assert!(why.contains("allow `ec2:DescribeInstances`"), "{why}");
    // The package is installed by its association, and on nobody first: who is older is not known.
    assert!(plan.steps.iter().flat_map(|step| &step.calls).all(|call| call.operation != Operation::SendCommand));
}

#[test]
fn nothing_is_read_about_instances_where_nothing_asks_for_it() {
    let bench = Bench::new();
    bench.apply(&after(PACKAGE));
    bench.forget_requests();
    bench.plan(&after(PACKAGE));
    let reads = bench.requests();
    assert!(reads.iter().all(|request| !request.starts_with("ec2:")), "{reads:?}");
    assert!(!reads.contains(&"ssm:ListCommandInvocations".to_owned()), "{reads:?}");
}

#[test]
fn an_instance_where_the_package_fails_keeps_the_older_policy() {
    let (bench, id) = older("2.2.1");
    // Its agent falls silent.
    edit(&bench, &id, |instance| instance.silent_since = Some(0));
    let (_, report) = bench.try_apply(&after(PACKAGE), &Options::default());
    let of = |kind: KindId| &report.outcomes.iter().find(|one| one.address.kind() == kind).expect("an outcome").status;
    assert!(
        matches!(of(KindId::Package), Status::Failed { call, .. } if *call == Operation::GetCommandInvocation),
        "{report:#?}"
    );
    assert!(matches!(of(KindId::Role), Status::Skipped { .. }), "{report:#?}");
    let policies = bench.call("iam", "ListRolePolicies", &json!({"RoleName": "vss"}));
    assert_eq!(policies["PolicyNames"], json!(["VssSnapshot"]));
}

fn package(lines: &str) -> String {
    format!("{STACK}[package.AwsVssComponents]\n{lines}\n")
}

#[test]
fn a_canary_goes_first_and_the_others_only_if_it_succeeds() {
    let bench = Bench::new();
    let (first, second) = (id(&bench, "sql-1"), id(&bench, "files-1"));
    let good = package(&format!("{}\ncanary = [\"{first}\"]", &PACKAGE["[package.AwsVssComponents]\n".len()..]));
    let plan = bench.plan(&good);
    let place = |action: &str, holds: &str| position(&plan, action, holds);
    assert!(place("ssm:SendCommand", &first) < place("ssm:GetCommandInvocation", &first));
    assert!(place("ssm:GetCommandInvocation", &first) < place("ssm:CreateAssociation", "VssBackup"));

    // Linux has no such package: it fails there, and nowhere else is anything tried. One Run Command would be refused.
    let linux = id(&bench, "web-1");
    let bad = package(&format!(
        "schedule = \"rate(1 day)\"\ntargets = {{ instance_ids = [\"{first}\", \"{second}\", \"{linux}\"] }}\n\
         canary = [\"{linux}\"]"
    ));
    let (_, report) = bench.try_apply(&bad, &Options::default());
    let status = &report.outcomes[0].status;
    let Status::Failed { call, error } = status else { panic!("{status:?}") };
    assert_eq!(*call, Operation::GetCommandInvocation);
    assert!(error.message.contains(&linux) && error.message.contains("failed to find platform"), "{}", error.message);
    assert_eq!(version(&bench, &first), "");
    assert_eq!(version(&bench, &second), "");

    // The next try is another attempt.
    let mended = bad.replace(&format!("canary = [\"{linux}\"]"), "canary = 1").replace(&format!(", \"{linux}\""), "");
    bench.apply(&mended);
    bench.sandbox.advance(Duration::from_mins(5)).expect("time goes on");
    assert_eq!((version(&bench, &first), version(&bench, &second)), ("2.5.1".to_owned(), "2.5.1".to_owned()));
    assert!(bench.plan(&mended).is_empty());
}

#[test]
fn a_command_is_not_sent_to_instances_that_have_it() {
    let bench = Bench::new();
    let (first, second) = (id(&bench, "sql-1"), id(&bench, "files-1"));
    install(&bench, &first, "2.5.1");
    let file =
        package(&format!("minimum_version = \"2.3.1\"\ntargets = {{ instance_ids = [\"{first}\", \"{second}\"] }}"));
    let plan = bench.apply(&file);
    let sent = plan.steps.iter().flat_map(|step| &step.calls).find(|call| call.operation == Operation::SendCommand);
    assert_eq!(sent.expect("a command").input["Targets"], json!([{"Key": "InstanceIds", "Values": [second]}]));
    bench.sandbox.advance(Duration::from_mins(5)).expect("time goes on");
    assert_eq!(version(&bench, &second), "2.5.1");
    assert!(bench.plan(&file).is_empty());

    // On another stack's account where all have it nothing is sent at all.
    let other = file.replace("name = \"bench\"", "name = \"other\"");
    let plan = bench.plan(&other);
    assert!(plan.is_empty(), "{:?}", changed(&plan));
}

#[test]
fn a_command_is_sent_again_where_the_version_is_older_than_the_minimum() {
    let bench = Bench::new();
    let (first, second) = (id(&bench, "sql-1"), id(&bench, "files-1"));
    let file =
        package(&format!("minimum_version = \"2.3.1\"\ntargets = {{ instance_ids = [\"{first}\", \"{second}\"] }}"));
    bench.apply(&file);
    bench.sandbox.advance(Duration::from_mins(5)).expect("time goes on");
    assert!(bench.plan(&file).is_empty());
    install(&bench, &second, "2.2.1");
    let plan = bench.apply(&file);
    assert_eq!(changed(&plan), [("package.AwsVssComponents".to_owned(), Action::Update)]);
    let sent: Vec<&Value> = plan
        .steps
        .iter()
        .flat_map(|step| &step.calls)
        .filter(|call| call.operation == Operation::SendCommand)
        .map(|call| &call.input["Targets"])
        .collect();
    assert_eq!(sent, [&json!([{"Key": "InstanceIds", "Values": [second]}])]);
    assert_eq!(version(&bench, &second), "2.5.1");
    assert!(bench.plan(&file).is_empty());
}

/// Both roles, each with a profile of its name, and what the instance gets.
fn both(rest: &str) -> String {
    let older =
        format!("managed_policies = [\"AmazonSSMManagedInstanceCore\"]\ninline_policies.VssSnapshot = '''{LEGACY}'''");
    format!("{}[role.old]\npreset = \"vss-instance\"\n{older}\n{rest}\n", role(""))
}

fn attached(profile: &str, id: &str, package: &str) -> String {
    let targets = format!("targets = {{ instance_ids = [\"{id}\"] }}");
    both(&format!("[attachment.sql]\ninstance_profile = \"{profile}\"\n{targets}\n{package}"))
}

/// The name of the profile on an instance.
fn carried(bench: &Bench, id: &str) -> String {
    let found = bench.call("ec2", "DescribeInstances", &json!({"InstanceIds": [id]}));
    let arn = &found["Reservations"][0]["Instances"][0]["IamInstanceProfile"]["Arn"];
    arn.as_str().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default().to_owned()
}

/// The role in a profile.
fn inside(bench: &Bench, profile: &str) -> String {
    let found = bench.call("iam", "GetInstanceProfile", &json!({"InstanceProfileName": profile}));
    found["InstanceProfile"]["Roles"][0]["RoleName"].as_str().unwrap_or_default().to_owned()
}

fn action(plan: &Plan, address: &str) -> Action {
    plan.changes.iter().find(|change| change.address.to_string() == address).expect("the change").action
}

/// What was really done, in the order in which the account saw it.
fn done(bench: &Bench, operation: &str) -> usize {
    let requests = bench.requests();
    requests.iter().position(|one| one == operation).unwrap_or_else(|| panic!("no {operation} in {requests:?}"))
}

/// An account whose `sql-1` carries the profile of the older role, with this version if any.
fn attached_older(version: Option<&str>) -> (Bench, String) {
    let bench = Bench::new();
    let id = id(&bench, "sql-1");
    bench.apply(&attached("old", &id, ""));
    if let Some(version) = version {
        install(&bench, &id, version);
    }
    (bench, id)
}

#[test]
fn another_profile_on_an_instance_is_refused_while_its_package_is_older() {
    let (bench, id) = attached_older(Some("2.2.1"));
    let elsewhere = PACKAGE.replace("enabled", "never");
    for package in ["", elsewhere.as_str()] {
        let (plan, report) = bench.try_apply(&attached("vss", &id, package), &Options::default());
        assert_eq!(action(&plan, "attachment.sql"), Action::Refused);
        let problem = plan.diagnostics.iter().find(|one| one.code == "VSS0913").expect("VSS0913");
        assert!(problem.message.contains("`attachment.sql`"), "{}", problem.message);
        assert!(problem.message.contains(&format!("sql-1 ({id}): 2.2.1")), "{}", problem.message);
        assert!(report.outcomes.iter().all(|outcome| outcome.address.kind() != KindId::Attachment));
        assert_eq!(carried(&bench, &id), "old");
    }
}

#[test]
fn another_profile_comes_onto_an_instance_once_the_package_is_there() {
    let (bench, id) = attached_older(Some("2.2.1"));
    let file = attached("vss", &id, PACKAGE);
    let plan = bench.plan(&file);
    assert!(
        position(&plan, "ssm:GetCommandInvocation", &id)
            < position(&plan, "ec2:ReplaceIamInstanceProfileAssociation", "vss")
    );
    bench.forget_requests();
    bench.apply(&file);
    assert!(done(&bench, "ssm:SendCommand") < done(&bench, "ec2:ReplaceIamInstanceProfileAssociation"));
    assert_eq!((version(&bench, &id).as_str(), carried(&bench, &id).as_str()), ("2.5.1", "vss"));
    bench.forget_requests();
    assert!(bench.plan(&file).is_empty());
    assert_eq!(bench.writes(), [""; 0]);
}

#[test]
fn another_profile_stays_away_where_the_package_fails() {
    let (bench, id) = attached_older(Some("2.2.1"));
    edit(&bench, &id, |instance| instance.silent_since = Some(0));
    let (_, report) = bench.try_apply(&attached("vss", &id, PACKAGE), &Options::default());
    let of = |kind: KindId| &report.outcomes.iter().find(|one| one.address.kind() == kind).expect("an outcome").status;
    assert!(matches!(of(KindId::Attachment), Status::Skipped { .. }), "{report:#?}");
    assert_eq!(carried(&bench, &id), "old");
}

#[test]
fn another_profile_asks_where_nothing_is_known_and_goes_on_where_the_package_is_new() {
    let (bench, id) = attached_older(None);
    let file = attached("vss", &id, "");
    let [note] = why(&bench.plan(&file), Hazard::VssUnavailable).try_into().expect("one note");
    assert!(note.contains(&format!("the version on sql-1 ({id}) is not known")), "{note}");
    bench.deny("ssm", "ListCommandInvocations");
    let [note] = why(&bench.plan(&file), Hazard::VssUnavailable).try_into().expect("one note");
    assert!(note.contains("allow `ssm:ListCommandInvocations`"), "{note}");
    bench.sandbox.clear_faults();
    install(&bench, &id, "2.4.0");
    assert_eq!(why(&bench.plan(&file), Hazard::VssUnavailable), [""; 0]);
    bench.apply(&file);
    assert_eq!(carried(&bench, &id), "vss");
}

#[test]
fn a_strangers_profile_counts_as_the_account_has_it() {
    // Nothing of the older role is in the file: what it allows is read all the same.
    let (bench, id) = attached_older(Some("2.2.1"));
    let ours = |rest: &str| {
        let targets = format!("targets = {{ instance_ids = [\"{id}\"] }}");
        let file = role(&format!("[attachment.sql]\ninstance_profile = \"vss\"\nreplace = true\n{targets}\n{rest}"));
        file.replace("name = \"bench\"", "name = \"other\"").replace("[role.vss]", "[role.vss]\nname = \"vss2\"")
    };
    let (plan, _) = bench.try_apply(&ours(""), &Options::default());
    assert_eq!(action(&plan, "attachment.sql"), Action::Refused);
    assert_eq!(carried(&bench, &id), "old");
    bench.apply(&ours(PACKAGE));
    assert_eq!((version(&bench, &id).as_str(), carried(&bench, &id).as_str()), ("2.5.1", "vss2"));
}

#[test]
fn another_role_in_a_profile_waits_for_the_package_or_is_refused() {
    let file = |role: &str, package: &str| both(&format!("[instance_profile.app]\nrole = \"{role}\"\n{package}"));
    let bench = Bench::new();
    let id = id(&bench, "sql-1");
    bench.apply(&file("old", ""));
    let input = json!({"InstanceId": id, "IamInstanceProfile": {"Name": "app"}});
    bench.call("ec2", "AssociateIamInstanceProfile", &input);
    let [note] = why(&bench.plan(&file("vss", "")), Hazard::VssUnavailable).try_into().expect("one note");
    assert!(note.contains(&format!("sql-1 ({id})")), "{note}");
    install(&bench, &id, "2.2.1");

    let (plan, _) = bench.try_apply(&file("vss", ""), &Options::default());
    assert_eq!(action(&plan, "instance_profile.app"), Action::Refused);
    let problem = plan.diagnostics.iter().find(|one| one.code == "VSS0913").expect("VSS0913");
    assert!(problem.message.contains(&format!("sql-1 ({id}): 2.2.1")), "{}", problem.message);
    assert_eq!(inside(&bench, "app"), "old");

    bench.forget_requests();
    bench.apply(&file("vss", PACKAGE));
    let (sent, gone) = (done(&bench, "ssm:SendCommand"), done(&bench, "iam:RemoveRoleFromInstanceProfile"));
    assert!(sent < gone && gone < done(&bench, "iam:AddRoleToInstanceProfile"));
    assert_eq!((version(&bench, &id).as_str(), inside(&bench, "app").as_str()), ("2.5.1", "vss"));
    assert!(bench.plan(&file("vss", PACKAGE)).is_empty());
}

#[test]
fn a_document_that_loses_what_older_packages_need_waits_for_the_package_or_is_refused() {
    let nothing =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeTags","Resource":"*"}]}"#;
    let file = |document: &str, package: &str| {
        let policies =
            "managed_policies = [\"AmazonSSMManagedInstanceCore\", \"AWSEC2VssSnapshotPolicy\", \"Snapshots\"]";
        format!("{}[policy.Snapshots]\ndocument = '''{document}'''\n{package}\n", role(policies))
    };
    let bench = Bench::new();
    bench.apply(&file(LEGACY, ""));
    let id = id(&bench, "sql-1");
    carry(&bench, &id);
    install(&bench, &id, "2.2.1");
    let (plan, _) = bench.try_apply(&file(nothing, ""), &Options::default());
    assert_eq!(action(&plan, "policy.Snapshots"), Action::Refused);
    bench.forget_requests();
    bench.apply(&file(nothing, PACKAGE));
    assert!(done(&bench, "ssm:SendCommand") < done(&bench, "iam:CreatePolicyVersion"));
    assert_eq!(version(&bench, &id), "2.5.1");
}

#[test]
fn a_role_that_is_made_again_is_not_taken_from_its_instances_before_the_package_is_there() {
    // The profile is an entry of its own: it stays, and lets go of the old role.
    let apart = "instance_profile = false\n[instance_profile.vss]\nrole = \"vss\"\n";
    let bench = Bench::new();
    bench.apply(&format!("{}{apart}", before()));
    let id = id(&bench, "sql-1");
    carry(&bench, &id);
    install(&bench, &id, "2.2.1");
    let moved = |package: &str| role(&format!("path = \"/new/\"\ninline_policies = {{}}\n{apart}{package}"));
    assert_eq!(action(&bench.plan(&moved("")), "role.vss"), Action::Refused);
    bench.forget_requests();
    bench.apply(&moved(PACKAGE));
    assert!(done(&bench, "ssm:SendCommand") < done(&bench, "iam:RemoveRoleFromInstanceProfile"));
    assert_eq!(version(&bench, &id), "2.5.1");
}

#[test]
fn roles_that_cannot_be_read_ask_before_a_profile_takes_the_place_of_another() {
    let (bench, id) = attached_older(Some("2.2.1"));
    let targets = format!("targets = {{ instance_ids = [\"{id}\"] }}");
    let arn = "arn:aws:iam::123456789012:instance-profile/vss";
    let file = format!("{STACK}[attachment.sql]\ninstance_profile = \"{arn}\"\nreplace = true\n{targets}\n");
    let refused = bench.plan(&file);
    assert_eq!(action(&refused, "attachment.sql"), Action::Refused);
    bench.deny("iam", "GetAccountAuthorizationDetails");
    let [note] = why(&bench.plan(&file), Hazard::VssUnavailable).try_into().expect("one note");
    assert!(note.contains("allow `iam:GetAccountAuthorizationDetails`"), "{note}");
}
