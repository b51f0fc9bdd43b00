//! Instance profiles on instances: put on, swapped with leave, never taken from a stranger, and never deleted under one.

use serde_json::{Value, json};
use vssctl::model::Action;
use vssctl::plan;
use vssctl::plan::Options;
use vssctl::plan::Plan;
use vssctl::sandbox::{Fault, FaultKind, FaultPlan};

use crate::bench::{Bench, STACK, changed, paths};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

fn file(rest: &str) -> String {
    format!("{STACK}\n[role.vss]\npreset = \"vss-instance\"\n{rest}")
}

fn attached(rest: &str) -> String {
    file(&format!(
        "[attachment.sql]\ninstance_profile = \"vss\"\ntargets = {{ tags = {{ VssBackup = \"enabled\" }} }}\n{rest}"
    ))
}

fn instance(bench: &Bench, name: &str) -> String {
    let filter = json!({"Filters": [{"Name": "tag:Name", "Values": [name]}]});
    let answer = bench.call("ec2", "DescribeInstances", &filter);
    answer["Reservations"][0]["Instances"][0]["InstanceId"].as_str().expect("an id").to_owned()
}

/// Instance and profile, by name.
fn carried(bench: &Bench) -> Vec<(String, String)> {
    let answer = bench.call("ec2", "DescribeInstances", &json!({}));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found: Vec<(String, String)> = answer["Reservations"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|reservation| &reservation["Instances"][0])
        .filter(|instance| !instance["IamInstanceProfile"].is_null())
        .map(|instance| {
            let tags = instance["Tags"].as_array().into_iter().flatten();
            let name = tags.filter(|tag| tag["Key"] == "Name").map(|tag| text(&tag["Value"])).collect();
            let arn = text(&instance["IamInstanceProfile"]["Arn"]);
            (name, arn.rsplit('/').next().unwrap_or_default().to_owned())
        })
        .collect();
    found.sort();
    found
}

fn put_theirs_on(bench: &Bench, instance: &str) {
    bench.call("iam", "CreateRole", &json!({"RoleName": "theirs", "AssumeRolePolicyDocument": TRUST}));
    bench.call("iam", "CreateInstanceProfile", &json!({"InstanceProfileName": "theirs"}));
    let both = json!({"InstanceProfileName": "theirs", "RoleName": "theirs"});
    bench.call("iam", "AddRoleToInstanceProfile", &both);
    let input = json!({"InstanceId": instance, "IamInstanceProfile": {"Name": "theirs"}});
    bench.call("ec2", "AssociateIamInstanceProfile", &input);
}

fn action(plan: &Plan, address: &str) -> Option<Action> {
    plan.changes.iter().find(|change| change.address.to_string() == address).map(|change| change.action)
}

/// The hazards of a plan, by name.
fn hazards(plan: &Plan) -> Vec<&'static str> {
    let mut found: Vec<&str> = plan::hazard::all(plan).map(|(_, note)| note.hazard.name()).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn codes(plan: &Plan) -> Vec<&'static str> {
    plan.diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
}

fn three(profile: &str) -> Vec<(String, String)> {
    ["archive-1", "files-1", "sql-1"].map(|name| (name.to_owned(), profile.to_owned())).to_vec()
}

#[test]
fn every_instance_with_the_tag_carries_the_profile_and_then_the_plan_is_empty() {
    let bench = Bench::new();
    let plan = bench.plan(&attached(""));
    let sql = instance(&bench, "sql-1");
    assert_eq!(hazards(&plan), [""; 0], "an instance without a profile loses nothing");
    assert_eq!(action(&plan, "attachment.sql"), Some(Action::Create));
    assert_eq!(paths(&plan, "attachment.sql").len(), 3);
    assert!(paths(&plan, "attachment.sql").contains(&format!("instances.{sql}")), "{:?}", plan.changes);
    bench.apply(&attached(""));
    assert_eq!(carried(&bench), three("vss"));
    assert!(bench.plan(&attached("")).is_empty());
}

#[test]
fn an_instance_that_lost_its_profile_gets_it_back() {
    let bench = Bench::new();
    bench.apply(&attached(""));
    let answer = bench.call("ec2", "DescribeIamInstanceProfileAssociations", &json!({}));
    let association = answer["IamInstanceProfileAssociations"][0]["AssociationId"].clone();
    bench.call("ec2", "DisassociateIamInstanceProfile", &json!({"AssociationId": association}));
    let plan = bench.plan(&attached(""));
    assert_eq!(changed(&plan), [("attachment.sql".to_owned(), Action::Update)]);
    assert_eq!(paths(&plan, "attachment.sql").len(), 1);
    bench.apply(&attached(""));
    assert_eq!(carried(&bench), three("vss"));
}

#[test]
fn a_strangers_profile_is_replaced_only_with_leave() {
    let bench = Bench::new();
    let sql = instance(&bench, "sql-1");
    put_theirs_on(&bench, &sql);
    let plan = bench.plan(&attached(""));
    assert_eq!(action(&plan, "attachment.sql"), Some(Action::Refused));
    assert_eq!(codes(&plan), ["VSS0911"]);
    let text = plan.diagnostics[0].message.clone();
    assert!(text.contains(&sql) && text.contains("theirs"), "{text}");
    bench.apply(&attached(""));
    assert_eq!(carried(&bench), [("sql-1".to_owned(), "theirs".to_owned())]);
    let plan = bench.apply(&attached("replace = true\n"));
    assert_eq!(hazards(&plan), ["credential-gap", "shared-resource"]);
    assert_eq!(carried(&bench), three("vss"));
}

#[test]
fn a_stopped_instance_gets_another_profile_wherever_the_run_ends() {
    // EC2 replaces the profile of running instances only: the old one is taken off, and the new one is put on.
    for broken in [None, Some("DisassociateIamInstanceProfile"), Some("AssociateIamInstanceProfile")] {
        let bench = Bench::new();
        let sql = instance(&bench, "sql-1");
        put_theirs_on(&bench, &sql);
        let stop = bench.sandbox.edit(|account| {
            let regions = account.regions.values_mut();
            for one in regions.flat_map(|region| region.fleet.instances.values_mut()) {
                one.state = "stopped".to_owned();
            }
        });
        stop.expect("a sandbox in memory");
        let toml = attached("replace = true\n");
        if let Some(operation) = broken {
            bench.deny("ec2", operation);
            let (_, report) = bench.try_apply(&toml, &Options::default());
            assert!(!report.is_complete(), "{operation}");
            bench.sandbox.clear_faults();
        }
        bench.forget_requests();
        bench.apply(&toml);
        let wrote = bench.requests();
        assert!(!wrote.iter().any(|call| call.contains("ReplaceIamInstanceProfileAssociation")), "{wrote:?}");
        assert_eq!(carried(&bench), three("vss"), "{broken:?}");
        assert!(bench.plan(&toml).is_empty(), "{broken:?}");
    }
}

#[test]
fn targets_that_miss_an_instance_by_a_slip_are_told_and_others_are_not() {
    for (tag, near) in [
        ("VssBackup = \"Enabled\"", true),
        ("vssbackup = \"enabled\"", true),
        ("VssBakup = \"enabled\"", true),
        ("VssBackup = \"yes\"", true),
        ("VssBackup = \"enabled\"", false),
        ("Role = \"database\"", false),
        ("VssBackup = \"disabled\"", false),
    ] {
        let bench = Bench::new();
        let targets = format!("targets = {{ tags = {{ {tag} }} }}\n");
        let toml = file(&format!(
            "[attachment.sql]\ninstance_profile = \"vss\"\n{targets}\
             [package.AwsVssComponents]\nschedule = \"rate(1 day)\"\n{targets}"
        ));
        let plan = bench.plan(&toml);
        let told: Vec<String> = plan
            .diagnostics
            .iter()
            .filter(|one| one.code == "VSS0918")
            .filter_map(|one| one.address.as_ref().map(ToString::to_string))
            .collect();
        let wanted: &[&str] = if near { &["attachment.sql", "package.AwsVssComponents"] } else { &[] };
        assert_eq!(told, wanted, "{tag}");
    }
}

#[test]
fn an_instance_that_is_not_there_is_said_and_nothing_is_done() {
    let bench = Bench::new();
    let toml =
        file("[attachment.one]\ninstance_profile = \"vss\"\ntargets = { instance_ids = [\"i-0ffffffffffffffff\"] }\n");
    let plan = bench.plan(&toml);
    assert_eq!((action(&plan, "attachment.one"), codes(&plan)), (Some(Action::Refused), vec!["VSS0911"]));
}

#[test]
fn an_unreadable_ec2_changes_nothing() {
    for operation in ["DescribeInstances", "DescribeIamInstanceProfileAssociations"] {
        let bench = Bench::new();
        bench.deny("ec2", operation);
        let (plan, report) = bench.try_apply(&attached(""), &Options::default());
        assert_eq!(action(&plan, "attachment.sql"), Some(Action::Unknown));
        assert!(plan.diagnostics[0].message.contains("could not be read"));
        assert!(report.is_complete(), "{:#?}", report.outcomes);
        assert!(!bench.writes().iter().any(|call| call.starts_with("ec2:")), "{:?}", bench.writes());
        bench.sandbox.clear_faults();
        assert!(carried(&bench).is_empty());
    }
}

#[test]
fn a_file_without_attachments_asks_ec2_nothing() {
    let bench = Bench::new();
    bench.apply(&file(""));
    assert!(!bench.requests().iter().any(|call| call.starts_with("ec2:")), "{:?}", bench.requests());
}

#[test]
fn an_instance_that_is_no_longer_meant_loses_our_profile_only_by_prune() {
    let bench = Bench::new();
    bench.apply(&attached(""));
    let (sql, files) = (instance(&bench, "sql-1"), instance(&bench, "files-1"));
    bench.call("ec2", "DeleteTags", &json!({"Resources": [files], "Tags": [{"Key": "VssBackup"}]}));
    let plan = bench.plan(&attached(""));
    assert!(plan.is_empty());
    assert_eq!(plan.orphans.iter().map(|orphan| orphan.name.as_str()).collect::<Vec<_>>(), [files.as_str()]);
    let options = Options { prune: true, max_deletions: Some(1), ..Options::default() };
    let (plan, report) = bench.try_apply(&attached(""), &options);
    assert!(report.is_complete(), "{:#?}", report.outcomes);
    assert_eq!(hazards(&plan), ["credential-gap"]);
    assert_eq!(carried(&bench).len(), 2);
    assert!(carried(&bench).iter().any(|(name, _)| name == "sql-1"), "{sql}");
}

#[test]
fn destroy_takes_the_profile_off_before_it_goes() {
    let bench = Bench::new();
    bench.apply(&attached(""));
    let (_, report) = bench.try_apply(&attached(""), &Options { destroy: true, ..Options::default() });
    assert!(report.is_complete(), "{:#?}", report.outcomes);
    assert!(carried(&bench).is_empty());
    assert_eq!(bench.call("iam", "ListRoles", &json!({}))["Roles"], json!([]));
}

#[test]
fn destroy_needs_leave_to_take_the_profile_off_what_no_attachment_means() {
    let bench = Bench::new();
    bench.apply(&attached(""));
    let destroy = Options { destroy: true, ..Options::default() };
    assert_eq!(hazards(&bench.plan_with(&attached(""), &destroy)), [""; 0]);
    let jump = instance(&bench, "jump-1");
    let input = json!({"InstanceId": jump, "IamInstanceProfile": {"Name": "vss"}});
    bench.call("ec2", "AssociateIamInstanceProfile", &input);
    let plan = bench.plan_with(&attached(""), &destroy);
    let notes: Vec<String> = plan::hazard::all(&plan).map(|(_, note)| format!("{note:?}")).collect();
    assert_eq!(hazards(&plan), ["credential-gap"]);
    assert!(notes.len() == 1 && notes[0].contains(&jump), "{notes:?}");
}

#[test]
fn a_profile_on_an_instance_goes_only_when_it_is_named() {
    let bench = Bench::new();
    bench.apply(&file(""));
    let jump = instance(&bench, "jump-1");
    bench.call(
        "ec2",
        "AssociateIamInstanceProfile",
        &json!({"InstanceId": jump, "IamInstanceProfile": {"Name": "vss"}}),
    );
    let destroy = Options { destroy: true, ..Options::default() };
    let plan = bench.plan_with(&file(""), &destroy);
    assert_eq!(action(&plan, "instance_profile.vss"), Some(Action::Refused));
    assert_eq!(action(&plan, "role.vss"), Some(Action::Refused));
    assert!(plan.diagnostics.iter().any(|one| one.code == "VSS0906" && one.message.contains(&jump)), "{plan:#?}");
    assert!(plan.steps.is_empty());

    let named = Options { targets: vec!["instance_profile.vss".parse().expect("an address")], ..destroy };
    let (_, report) = bench.try_apply(&file(""), &named);
    assert!(report.is_complete() && !report.outcomes.is_empty(), "{:#?}", report.outcomes);
    assert!(carried(&bench).is_empty());
    assert_eq!(bench.call("iam", "ListInstanceProfiles", &json!({}))["InstanceProfiles"], json!([]));
}

#[test]
fn a_profile_whose_carriers_cannot_be_read_stays() {
    let bench = Bench::new();
    bench.apply(&file(""));
    bench.deny("ec2", "DescribeIamInstanceProfileAssociations");
    let plan = bench.plan_with(&file(""), &Options { destroy: true, ..Options::default() });
    assert_eq!(action(&plan, "instance_profile.vss"), Some(Action::Unknown));
    let said = format!("{:?}", plan.diagnostics);
    assert!(said.contains("VSS0801") && said.contains("allow `ec2:DescribeIamInstanceProfileAssociations`"), "{said}");
    assert!(plan.steps.is_empty(), "{:#?}", plan.steps);
}

#[test]
fn a_profile_that_is_made_again_comes_back_to_its_instances() {
    let bench = Bench::new();
    let at = |path: &str| {
        let text = format!("[instance_profile.vss]\nrole = \"vss\"\npath = \"{path}\"\n");
        attached(&text)
    };
    bench.apply(&at("/a/"));
    let plan = bench.apply(&at("/b/"));
    assert_eq!(action(&plan, "instance_profile.vss"), Some(Action::Replace));
    assert_eq!(carried(&bench), three("vss"));
    assert!(bench.plan(&at("/b/")).is_empty());
}

#[test]
fn lost_answers_and_a_profile_that_is_not_known_yet_are_settled() {
    for kind in [FaultKind::ResetAfter, FaultKind::ResetBefore, FaultKind::FailAfter, FaultKind::Throttle] {
        let bench = Bench::new();
        bench.sandbox.inject(Fault::new(kind).service("ec2").operation("AssociateIamInstanceProfile").times(2));
        bench.apply(&attached(""));
        assert_eq!(carried(&bench), three("vss"), "{kind:?}");
        assert!(bench.plan(&attached("")).is_empty());
    }
    let bench = Bench::new();
    bench.sandbox.follow_faults(FaultPlan::random(7, 0.0).propagation(std::time::Duration::from_secs(20)));
    bench.apply(&attached(""));
    assert_eq!(carried(&bench), three("vss"));
}

#[test]
fn a_lost_answer_to_a_swap_is_settled_by_what_is_on_the_instances() {
    for kind in [FaultKind::ResetAfter, FaultKind::ResetBefore, FaultKind::FailAfter] {
        let bench = Bench::new();
        let both = |name: &str| {
            format!(
                "{STACK}\n[role.one]\npreset = \"vss-instance\"\n[role.two]\npreset = \"vss-instance\"\n[attachment.sql]\ninstance_profile = \"{name}\"\ntargets = {{ tags = {{ VssBackup = \"enabled\" }} }}\n"
            )
        };
        bench.apply(&both("one"));
        bench.sandbox.inject(Fault::new(kind).service("ec2").operation("ReplaceIamInstanceProfileAssociation"));
        bench.apply(&both("two"));
        assert_eq!(carried(&bench), three("two"), "{kind:?}");
    }
}
