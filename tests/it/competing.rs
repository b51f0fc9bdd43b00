//! Associations of others that install the same package on the same instances, and the way to take one over.

use serde_json::{Value, json};
use vssctl::plan::hazard::{self, Hazard};
use vssctl::plan::{Options, Plan};

use crate::bench::{Bench, STACK, changed};
use crate::harness::{MAIN_JOB, Place};
use crate::hazards::{NO_CHANGES, call};

const TAGGED: &str = "targets = { tags = { VssBackup = \"enabled\" } }\nschedule = \"rate(1 day)\"\n";

fn package(rest: &str) -> String {
    format!("{STACK}[package.AwsVssComponents]\n{rest}")
}

/// An association as people make them, most of which have no name.
fn theirs(key: &str, values: &[&str], more: &Value) -> Value {
    let mut parameters = json!({ "action": ["Install"], "name": ["AwsVssComponents"] });
    for (name, value) in more["Parameters"].as_object().into_iter().flatten() {
        parameters[name] = json!([value]);
    }
    let mut input = json!({
        "Name": "AWS-ConfigureAWSPackage",
        "Targets": [{ "Key": key, "Values": values }],
        "Parameters": parameters,
        "ScheduleExpression": "rate(7 days)",
    });
    if let Some(name) = more["AssociationName"].as_str() {
        input["AssociationName"] = name.into();
    }
    input
}

fn make(bench: &Bench, input: &Value) -> String {
    let made = bench.call("ssm", "CreateAssociation", input);
    made["AssociationDescription"]["AssociationId"].as_str().expect("an id").to_owned()
}

fn found(plan: &Plan) -> Vec<String> {
    let notes = hazard::all(plan).filter(|(_, note)| note.hazard == Hazard::CompetingAssociation);
    notes.map(|(_, note)| note.why.clone()).collect()
}

#[test]
fn an_association_of_the_same_package_on_the_same_instances_competes() {
    let by_id = |id: &str| format!("targets = {{ instance_ids = [\"{id}\"] }}\nschedule = \"rate(1 day)\"\n");
    let cases = [
        ("the same tag", "tag:VssBackup", "enabled", json!({}), TAGGED.to_owned(), true),
        ("another value", "tag:VssBackup", "other", json!({}), TAGGED.to_owned(), false),
        ("another tag", "tag:Other", "enabled", json!({}), TAGGED.to_owned(), false),
        ("a tag that one of the servers has", "tag:Name", "sql-1", json!({}), TAGGED.to_owned(), true),
        ("all", "InstanceIds", "*", json!({}), TAGGED.to_owned(), true),
        ("all, and one", "InstanceIds", "*", json!({}), by_id("i-0123456789abcdef0"), true),
        ("other servers", "InstanceIds", "i-0123456789abcdef0", json!({}), TAGGED.to_owned(), false),
        (
            "another package",
            "tag:VssBackup",
            "enabled",
            json!({ "Parameters": { "name": "AmazonCloudWatchAgent" } }),
            TAGGED.to_owned(),
            false,
        ),
        ("a command", "tag:VssBackup", "enabled", json!({}), TAGGED.replace("schedule = \"rate(1 day)\"", ""), true),
    ];
    for (name, key, value, more, ours, competes) in cases {
        let bench = Bench::new();
        let id = make(&bench, &theirs(key, &[value], &more));
        let said = found(&bench.plan(&package(&ours)));
        assert_eq!(said.len(), usize::from(competes), "{name}: {said:?}");
        assert!(said.iter().all(|why| why.contains(&id) && why.contains("nobody's")), "{name}: {said:?}");
    }
}

#[test]
fn it_is_told_with_what_it_does_and_again_only_when_something_of_it_changes() {
    let bench = Bench::new();
    let more = json!({ "Parameters": { "version": "2.4.0", "action": "Uninstall" }, "AssociationName": "weekly" });
    make(&bench, &theirs("tag:VssBackup", &["enabled"], &more));
    let file = package(TAGGED);
    let [why] = found(&bench.plan(&file)).try_into().expect("one hazard");
    for part in ["`weekly`", "uninstalls `AwsVssComponents` 2.4.0", "`tag:VssBackup` = `enabled`", "files-1"] {
        assert!(why.contains(part), "{part}: {why}");
    }
    bench.apply(&file);
    bench.forget_requests();
    assert_eq!(changed(&bench.plan(&file)), []);
    let described = bench.requests().iter().filter(|name| *name == "ssm:DescribeAssociation").count();
    assert_eq!(described, 1, "the stack's own alone");
    let hazards = |text: &str| found(&bench.plan(text)).len();
    assert_eq!(hazards(&file.replace("1 day", "2 days")), 0);
    assert_eq!(hazards(&format!("{file}version = \"2.5.1\"\n")), 1);
    assert_eq!(hazards(&file.replace("\"enabled\"", "[\"enabled\", \"weekly\"]")), 0);
    // The stack's own associations do not compete with each other here.
    let bench = Bench::new();
    bench.apply(&package(TAGGED));
    let two = package(&format!(
        "{TAGGED}[package.second]\npackage_name = \"AwsVssComponents\"\nversion = \"2.5.1\"\n{TAGGED}"
    ));
    assert_eq!(found(&bench.plan(&two)).len(), 0);
    let other = bench.plan(
        &package(TAGGED)
            .replace("\"bench\"", "\"other\"")
            .replace("[package.AwsVssComponents]\n", "[package.AwsVssComponents]\nname = \"x-y\"\n"),
    );
    let [why] = found(&other).try_into().expect("one hazard");
    assert!(why.contains("of the stack `bench`"), "{why}");
    bench.deny("ssm", "DescribeAssociation");
    let blind = bench.plan(
        &package(TAGGED)
            .replace("\"bench\"", "\"third\"")
            .replace("[package.AwsVssComponents]\n", "[package.AwsVssComponents]\nname = \"x-y\"\n"),
    );
    assert!(blind.diagnostics.iter().any(|one| one.code == "VSS0916"), "{:?}", blind.diagnostics);
}

/// The place of a file, in an account with associations that nobody owns.
fn place(file: &str, made: &[Value]) -> (Place, Vec<String>) {
    let place = Place::with(file);
    place.sandbox(&["plan"]);
    let ids = made.iter().map(|input| {
        let made = call(&place, "ssm", "CreateAssociation", input);
        made["AssociationDescription"]["AssociationId"].as_str().expect("an id").to_owned()
    });
    let ids = ids.collect();
    (place, ids)
}

#[test]
fn an_association_without_a_name_is_adopted_by_its_id_or_as_the_only_one() {
    let file = package(TAGGED);
    let enabled = theirs("tag:VssBackup", &["enabled"], &json!({}));
    let other = theirs("tag:VssBackup", &["other"], &json!({}));
    let third = theirs("tag:Third", &["x"], &json!({}));
    for (made, by_id) in [
        (vec![enabled.clone()], None),
        (vec![other.clone()], None),
        (vec![enabled.clone(), other.clone()], None),
        (vec![other.clone(), third.clone()], Some(0)),
        (vec![other.clone(), third.clone()], Some(1)),
    ] {
        let (place, ids) = place(&file, &made);
        let address = by_id.map_or("package.AwsVssComponents".to_owned(), |at: usize| {
            // Without the id it is not known which of them is meant.
            let run = place.sandbox(&["adopt", "--yes", "package.AwsVssComponents"]).exits(4);
            let said = run.stdout.clone() + &run.stderr;
            assert!(
                said.split_whitespace().collect::<Vec<_>>().join(" ").contains("adopt package.AwsVssComponents="),
                "{said}"
            );
            format!("package.AwsVssComponents={}", ids[at])
        });
        place.sandbox(&["adopt", "--yes", &address]).exits(0);
        let again = place.sandbox(&["adopt", "--yes", &address]).exits(0);
        assert!(format!("{}{}", again.stdout, again.stderr).contains("already"), "{again:?}");
        place.sandbox(&["apply", "--yes", "--allow", "vss-unavailable,competing-association"]).exits(0);
        assert_eq!(place.sandbox(&["plan"]).exits(0).last_line(), NO_CHANGES);
        let listed = call(&place, "ssm", "ListAssociations", &json!({}));
        assert_eq!(listed["Associations"].as_array().map(Vec::len), Some(made.len()), "none is made anew");
    }
    // The line of the hazard is one that works.
    let (place, ids) = place(&file, &[enabled.clone(), third]);
    let shown = place.sandbox(&["plan"]).exits(0).stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = format!("`vssctl --sandbox=account.json adopt package.AwsVssComponents={}`", ids[0]);
    assert!(shown.contains(&line), "{shown}");
    // So is `adopt = true`.
    place.write("vss.toml", package(&format!("adopt = true\n{TAGGED}")));
    place.sandbox(&["apply", "--yes"]).exits(0);
    assert_eq!(place.sandbox(&["plan"]).exits(0).last_line(), NO_CHANGES);
    // An id is of an association or a plan, and of one that is there.
    place.sandbox(&["adopt", "--yes", "package.AwsVssComponents="]).exits(6);
    let (place, _) = self::place(&MAIN_JOB.replace("windows-backup", "s"), &[enabled]);
    place.sandbox(&["adopt", "--yes", "vault.vss=x"]).exits(6);
    let run = place.sandbox(&["adopt", "--yes", "plan.daily=x"]);
    assert!(run.code != Some(0) && run.stderr.contains("there is no live `plan.daily`"), "{}", run.stderr);
    let run = place.sandbox(&["adopt", "--yes", "package.AwsVssComponents=no-such"]);
    assert_ne!(run.code, Some(0));
}

#[test]
fn what_has_no_mark_of_its_own_comes_with_its_parent() {
    let bench = Bench::new();
    let around = MAIN_JOB.replace("windows-backup", "bench");
    let (before, _) = around.split_once("[plan.daily]").expect("a plan");
    bench.apply(before);
    let plan =
        json!({ "BackupPlanName": "daily", "Rules": [{ "RuleName": "nightly", "TargetBackupVaultName": "vss" }] });
    let made = bench.call("backup", "CreateBackupPlan", &json!({ "BackupPlan": plan }));
    let selection = json!({
        "SelectionName": "windows",
        "IamRoleArn": "arn:aws:iam::123456789012:role/AWSBackupVss",
        "Resources": ["*"],
    });
    let input = json!({ "BackupPlanId": made["BackupPlanId"], "BackupSelection": selection });
    bench.call("backup", "CreateBackupSelection", &input);
    let options = |names: &[&str]| {
        let adopt: Vec<_> = names.iter().map(|name| name.parse().expect("an address")).collect();
        Options { targets: adopt.clone(), adopt, ..Options::default() }
    };
    let alone = bench.plan_with(&around, &options(&["selection.daily.windows"]));
    let refused = alone.diagnostics.iter().find(|one| one.code == "VSS0901").expect("a reason");
    assert!(refused.help[0].contains("`vssctl adopt plan.daily`"), "{refused:?}");
    let refused: Vec<_> = bench.plan(&around).diagnostics.into_iter().filter(|one| one.code == "VSS0901").collect();
    assert!(refused.iter().all(|one| one.help[0].contains("`vssctl adopt plan.daily`")), "{refused:?}");
    let (_, report) = bench.try_apply(&around, &options(&["selection.daily.windows", "plan.daily"]));
    assert!(report.is_complete());
    bench.apply(&around);
    assert!(bench.plan(&around).is_empty());
    // What is taken over already, and what exists once, has nothing to adopt.
    let settings = format!("{around}[region_settings]\nresource_type_opt_in = {{ EC2 = true }}\n");
    for name in ["selection.daily.windows", "region_settings"] {
        let plan = bench.plan_with(&settings, &options(&[name]));
        assert!(plan.is_empty() && plan.diagnostics.iter().all(|one| one.code != "VSS0901"), "{name}: {plan:#?}");
    }
}
