//! `vssctl export` as a person runs it: without a file, into files, and what it says of what it leaves out.

use serde_json::{Value, json};

use crate::harness::{MAIN_JOB, Place};
use crate::hazards::{NO_CHANGES, call};

/// Makes the main job as if by hand: no mark tells whose it is.
fn by_hand(place: &Place) {
    place.write("vss.toml", MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    let account = place.sandbox(&["sandbox", "dump"]).exits(0).stdout;
    assert!(account.contains("vssctl:stack"), "{account}");
    crate::hazards::account(place)
        .edit(|account| {
            let iam = &mut account.iam;
            let roles = iam.roles.values_mut().map(|it| &mut it.tags);
            let profiles = iam.profiles.values_mut().map(|it| &mut it.tags);
            let region = account.regions.values_mut().next().expect("a region");
            let vaults = region.backup.vaults.values_mut().map(|it| &mut it.tags);
            let plans = region.backup.plans.values_mut().map(|it| &mut it.tags);
            let associations = region.ssm.associations.values_mut().map(|it| &mut it.tags);
            let all = roles.chain(profiles).chain(vaults).chain(plans).chain(associations);
            all.for_each(|tags| tags.retain(|key, _| !key.starts_with("vssctl:")));
        })
        .expect("an edit");
    std::fs::remove_file(place.path().join("vss.toml")).expect("the file goes");
}

const HERE: [&str; 4] = ["--region", "ap-northeast-1", "--stack", "taken"];

#[test]
fn what_was_made_by_hand_is_exported_adopted_and_left_alone() {
    let place = Place::empty();
    by_hand(&place);
    let exported = place.sandbox(&[&["export", "--all", "--out", "vss.toml"], &HERE[..]].concat()).exits(0);
    assert!(exported.stdout.starts_with("Wrote vss.toml"), "{}", exported.stdout);
    let line = exported.stderr.lines().find_map(|line| line.split("`vssctl").nth(1)?.split('`').next());
    let line = line.unwrap_or_else(|| panic!("{}", exported.stderr)).to_owned();
    let refused = place.sandbox(&["plan"]).exits(4).stdout;
    assert!(refused.contains("adopt"), "{refused}");
    place.shell(&format!("vssctl{line} --yes --allow privilege-widened,trust-widened,large-change")).exits(0);
    let plan = place.sandbox(&["plan", "--detailed-exitcode"]).exits(0).stdout;
    assert!(plan.contains(NO_CHANGES), "{plan}");
    // Nothing is ever written over unless somebody says so.
    let again = [&["export", "vault.vss", "--out", "vss.toml"], &HERE[..]].concat();
    let refused = place.sandbox(&again).exits(4).stderr;
    assert!(refused.contains("is there already") && refused.contains("--force"), "{refused}");
    assert!(place.read("vss.toml").contains("[plan.daily"), "it stays");
    place.sandbox(&[&again[..], &["--force"]].concat()).exits(0);
    assert!(!place.read("vss.toml").contains("[plan.daily"), "it was written over");
}

#[test]
fn names_are_looked_for_and_several_of_one_name_are_listed_by_id() {
    let place = Place::empty();
    by_hand(&place);
    let export = |arguments: &[&str]| place.sandbox(&[&["export"], arguments, &HERE[..]].concat());
    let plan = export(&["plan.daily"]).exits(0);
    assert!(plan.stdout.contains("[plan.daily.selection.windows"), "{}", plan.stdout);
    let whole = export(&["selection.daily.windows"]).exits(0);
    assert_eq!(plan.stdout, whole.stdout);
    for (name, says) in [
        ("plan.dayly", "did you mean `plan.daily`?"),
        ("palette.x", "names nothing that can be exported"),
        ("vault.", "names nothing that can be exported"),
        ("restore_test.x", "there is no restore test at all"),
    ] {
        let refused = export(&[name]).exits(6).stderr;
        assert!(refused.contains(says), "{name}: {refused}");
    }
    let rule = json!({ "RuleName": "r", "TargetBackupVaultName": "vss" });
    let second = call(
        &place,
        "backup",
        "CreateBackupPlan",
        &json!({ "BackupPlan": { "BackupPlanName": "daily", "Rules": [rule] } }),
    );
    let id = second["BackupPlanId"].as_str().expect("an id").to_owned();
    let refused = export(&["plan.daily"]).exits(6).stderr;
    assert!(refused.contains("is the name of several resources") && refused.contains(&id), "{refused}");
    let one = export(&[&format!("plan.{id}")]).exits(0);
    assert!(one.stdout.contains("[plan.daily.rule.r]"), "{}", one.stdout);
    // The file can have one of them, which is adopted by its id; the other one stands there as a comment.
    let both = export(&["--all"]).exits(8);
    assert!(both.stderr.contains(&format!("plan.daily-2={id}")) || both.stderr.contains(&format!("plan.daily={id}")));
    place.write("vss.toml", &both.stdout);
    let line = both.stderr.lines().find_map(|line| line.split("`vssctl").nth(1)?.split('`').next()).expect("a line");
    place.shell(&format!("vssctl{line} --yes --allow privilege-widened,trust-widened,large-change")).exits(0);
    let plan = place.sandbox(&["plan", "--detailed-exitcode"]).exits(0).stdout;
    assert!(plan.contains(NO_CHANGES), "{plan}");
}

#[test]
fn what_is_left_out_is_said_with_its_reason() {
    let place = Place::empty();
    by_hand(&place);
    for (name, tags) in
        [("theirs", json!({ "vssctl:stack": "other", "vssctl:id": "vault.theirs" })), ("aws_efs", json!({}))]
    {
        call(&place, "backup", "CreateBackupVault", &json!({ "BackupVaultName": name, "BackupVaultTags": tags }));
    }
    let all = place.sandbox(&[&["export", "--all"], &HERE[..]].concat()).exits(0);
    assert!(all.stderr.contains("left out: backup vault `theirs`: it belongs to the stack `other`"), "{}", all.stderr);
    // Who asks for it by name is told that it is not there.
    let named = place.sandbox(&[&["export", "vault.theirs", "vault.vss"], &HERE[..]].concat()).exits(8);
    assert!(named.stderr.contains("it belongs to the stack `other`"), "{}", named.stderr);
    assert!(named.stdout.contains("[vault.vss]"), "{}", named.stdout);
    place.sandbox(&[&["export", "vault.theirs"], &HERE[..]].concat()).exits(6);
    // Without a region nobody knows where.
    let lost = place.sandbox(&["export", "--all"]).exits(6).stderr;
    assert!(lost.contains("which region"), "{lost}");
}

#[test]
fn members_that_the_file_has_no_words_for_are_named_and_survive() {
    let place = Place::empty();
    by_hand(&place);
    let rule = json!({
        "RuleName": "r", "TargetBackupVaultName": "vss", "IndexActions": [{ "ResourceTypes": ["EBS"] }],
    });
    let input = json!({ "BackupPlan": { "BackupPlanName": "indexed", "Rules": [rule] } });
    call(&place, "backup", "CreateBackupPlan", &input);
    let exported = place.sandbox(&[&["export", "plan.indexed"], &HERE[..]].concat()).exits(8);
    let what = "the file has no words for `IndexActions` of the rule `r`, which stays as it is";
    assert!(exported.stderr.contains(what), "{}", exported.stderr);
    assert!(exported.stdout.contains("# The file has no words for `IndexActions`"), "{}", exported.stdout);
    // A template has them.
    let template = place.sandbox(&[&["export", "plan.indexed", "--format", "cloudformation"], &HERE[..]].concat());
    assert!(template.exits(0).stdout.contains("IndexActions"));
}

#[test]
fn a_template_and_a_configuration_come_with_what_an_import_takes() {
    let place = Place::empty();
    by_hand(&place);
    let all = [&["export", "--all", "--format", "cloudformation", "--out", "out/t.json"], &HERE[..]].concat();
    // The region's settings are no resource of CloudFormation's.
    let run = place.sandbox(&all).exits(8);
    assert!(run.stderr.contains("`region_settings`: CloudFormation has no type for it"), "{}", run.stderr);
    assert!(run.stderr.contains("--change-set-type IMPORT"), "{}", run.stderr);
    let template: Value = serde_json::from_str(&place.read("out/t.json")).expect("JSON");
    let imports: Value = serde_json::from_str(&place.read("out/t.import.json")).expect("JSON");
    let resources = template["Resources"].as_object().expect("resources");
    assert_eq!(imports.as_array().map(Vec::len), Some(resources.len()));
    for (id, resource) in resources {
        assert_eq!(
            (&resource["DeletionPolicy"], &resource["UpdateReplacePolicy"]),
            (&json!("Retain"), &json!("Retain"))
        );
        let import = imports.as_array().into_iter().flatten().find(|one| one["LogicalResourceId"] == **id);
        assert_eq!(import.map(|one| &one["ResourceType"]), Some(&resource["Type"]), "{id}");
    }
    let terraform = place.sandbox(&[&["export", "--all", "--format", "terraform"], &HERE[..]].concat()).exits(0).stdout;
    assert!(terraform.contains("to = aws_backup_plan.daily\n"), "{terraform}");
    assert!(terraform.contains("target_vault_name            = aws_backup_vault.vss.name"), "{terraform}");
}

#[test]
fn a_tag_that_would_be_a_function_of_a_template_is_left_out_alone() {
    let place = Place::empty();
    let tags = json!({ "Ref": "VaultVv", "team": "x" });
    call(&place, "backup", "CreateBackupVault", &json!({ "BackupVaultName": "vv", "BackupVaultTags": tags }));
    let rule = json!({ "RuleName": "r", "TargetBackupVaultName": "vv", "RecoveryPointTags": { "Fn::Sub": "x" } });
    call(&place, "backup", "CreateBackupPlan", &json!({ "BackupPlan": { "BackupPlanName": "p", "Rules": [rule] } }));
    let names = ["export", "vault.vv", "plan.p", "--format", "cloudformation"];
    let run = place.sandbox(&[&names[..], &HERE[..]].concat()).exits(8);
    let template: Value = serde_json::from_str(&run.stdout).expect("JSON");
    let plan = &template["Resources"]["PlanP"]["Properties"]["BackupPlan"];
    assert_eq!(plan["BackupPlanRule"][0]["TargetBackupVault"], json!({ "Ref": "VaultVv" }), "{}", run.stdout);
    assert_eq!(plan["BackupPlanRule"][0].get("RecoveryPointTags"), None);
    assert_eq!(template["Resources"]["VaultVv"]["Properties"].get("BackupVaultTags"), None);
    for member in ["BackupVaultTags", "RecoveryPointTags"] {
        assert!(run.stderr.contains(&format!("`{member}` has a key")), "{}", run.stderr);
    }
    // The file has words for them.
    let file = place.sandbox(&[&names[..3], &HERE[..]].concat()).exits(0).stdout;
    assert!(file.contains("Ref = \"VaultVv\"") && file.contains("\"Fn::Sub\" = \"x\""), "{file}");
}
