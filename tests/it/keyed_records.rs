//! Entries of keyed records that say nothing but that they are there: what the file leaves out is what AWS makes of it,
//! in a new object, in one that is taken over and in one that is changed. And what a copy without a lifecycle means.

use std::collections::BTreeSet;
use vssctl::kinds::registry;

use serde_json::{Value, json};
use vssctl::kind::{Field, Shape};
use vssctl::model::Action;
use vssctl::plan::Plan;

use crate::bench::{Bench, STACK, changed, paths};

/// A keyed record of a kind with none of its optional fields.
struct Bare {
    kind: &'static str,
    /// The fields that lead to it.
    path: &'static str,
    address: &'static str,
    file: &'static str,
    /// A change of a field beside the record.
    change: (&'static str, &'static str),
}

const VAULTS: &str = "[vault.main]\n[vault.second]\n";

static BARE: &[Bare] = &[
    Bare {
        kind: "plan",
        path: "rule",
        address: "plan.daily",
        file: "[plan.daily]\nwindows_vss = true\n[plan.daily.rule.nightly]\nvault = \"main\"\n",
        change: ("windows_vss = true", "windows_vss = false"),
    },
    Bare {
        kind: "plan",
        path: "rule.copy_actions",
        address: "plan.daily",
        file: "[plan.daily]\nwindows_vss = true\n[plan.daily.rule.nightly]\nvault = \"main\"\n\
               copy_actions = [{ vault = \"second\" }]\n",
        change: ("copy_actions", "start_window = \"2h\"\ncopy_actions"),
    },
    Bare {
        kind: "plan",
        path: "rule.copy_actions",
        address: "plan.daily",
        file: "[plan.daily]\nwindows_vss = true\n[plan.daily.rule.nightly]\nvault = \"main\"\ndelete_after = \"35d\"\n\
               copy_actions = [{ vault = \"second\" }]\n",
        change: ("delete_after = \"35d\"", "delete_after = \"36d\""),
    },
];

/// Lists the keyed records among the fields.
fn keyed(kind: &str, above: &str, fields: &[Field], found: &mut BTreeSet<(String, String)>) {
    for field in fields {
        let path = if above.is_empty() { field.name.to_owned() } else { format!("{above}.{}", field.name) };
        match field.shape {
            Shape::Map(Shape::Record(inner)) => {
                found.insert((kind.to_owned(), path.clone()));
                keyed(kind, &path, inner, found);
            }
            Shape::Record(inner) => keyed(kind, &path, inner, found),
            Shape::Map(_) | Shape::Scalar | Shape::Document | Shape::Set | Shape::Tags | Shape::Hidden => {}
        }
    }
}

#[test]
fn every_keyed_record_of_every_kind_has_a_bare_one_here() {
    let mut found = BTreeSet::new();
    for kind in registry() {
        keyed(kind.id().name(), "", kind.fields(), &mut found);
    }
    // AWS asks each selection of a restore test for a role, and the file for what it takes: none is bare.
    found.remove(&("restore_test".to_owned(), "selection".to_owned()));
    let listed = BARE.iter().map(|bare| (bare.kind.to_owned(), bare.path.to_owned())).collect();
    assert_eq!(found, listed);
}

/// The only plan of the account.
fn document(bench: &Bench) -> Value {
    let plans = bench.call("backup", "ListBackupPlans", &json!({}));
    let plans = plans["BackupPlansList"].as_array().expect("a list");
    assert_eq!(plans.len(), 1);
    let mut answer = bench.call("backup", "GetBackupPlan", &json!({"BackupPlanId": plans[0]["BackupPlanId"]}));
    // AWS's answer has it beside the plan.
    let settings = answer["AdvancedBackupSettings"].take();
    let mut plan = answer["BackupPlan"].take();
    plan["AdvancedBackupSettings"] = settings;
    plan
}

/// How long the copies of the only rule are kept: of the source, where they have nothing of their own.
fn kept(bench: &Bench) -> Vec<Option<u64>> {
    let rule = document(bench)["Rules"][0].clone();
    let days = |lifecycle: &Value| lifecycle["DeleteAfterDays"].as_u64();
    let has = |copy: &Value| copy["Lifecycle"].as_object().is_some_and(|members| !members.is_empty());
    let copies = rule["CopyActions"].as_array().into_iter().flatten();
    copies.map(|copy| if has(copy) { days(&copy["Lifecycle"]) } else { days(&rule["Lifecycle"]) }).collect()
}

fn settled(bench: &Bench, file: &str) {
    let plan = bench.plan(file);
    assert!(plan.is_empty(), "{:#?}\n{file}", plan.changes);
}

#[test]
fn what_says_nothing_converges_when_it_is_made_taken_over_and_changed_beside() {
    for bare in BARE {
        let file = format!("{STACK}{VAULTS}{}", bare.file);
        let bench = Bench::new();
        bench.apply(&file);
        settled(&bench, &file);
        let made = document(&bench);

        let other = file.replace(bare.change.0, bare.change.1);
        assert_ne!(file, other);
        let plan = bench.apply(&other);
        assert_eq!(changed(&plan), [(bare.address.to_owned(), Action::Update)], "{}", bare.path);
        settled(&bench, &other);
        let keys = |plan: &Value| {
            let rules = plan["Rules"].as_array().expect("rules").iter();
            rules
                .map(|rule| {
                    let copies = rule["CopyActions"].as_array().into_iter().flatten();
                    (rule["RuleName"].clone(), copies.map(|copy| copy["DestinationBackupVaultArn"].clone()).collect())
                })
                .collect::<Vec<(Value, Vec<Value>)>>()
        };
        assert_eq!(keys(&document(&bench)), keys(&made), "{}", bare.path);

        // Somebody else's of the same content: nothing differs but the marks.
        let theirs = Bench::new();
        theirs.apply(&format!("{STACK}{VAULTS}"));
        let mut content = made;
        for rule in content["Rules"].as_array_mut().expect("rules") {
            rule.as_object_mut().expect("a rule").shift_remove("RuleId");
        }
        theirs.call("backup", "CreateBackupPlan", &json!({"BackupPlan": content}));
        let adopt = file.replace("windows_vss = true", "windows_vss = true\nadopt = true");
        let plan = theirs.plan(&adopt);
        assert_eq!(changed(&plan), [(bare.address.to_owned(), Action::Adopt)]);
        assert!(paths(&plan, bare.address).iter().all(|path| path.starts_with("tags.")), "{:?}", plan.changes);
        theirs.apply(&adopt);
        settled(&theirs, &adopt);
    }
}

fn copy(rule: &str, copy: &str) -> String {
    format!(
        "{STACK}{VAULTS}[plan.daily]\n[plan.daily.rule.nightly]\nvault = \"main\"\n{rule}\n\
         copy_actions = [{{ vault = \"second\"{copy} }}]\n"
    )
}

const OF_35: &str = "delete_after = \"35d\"";

fn hazards(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().flat_map(|step| &step.hazards).map(|hazard| hazard.hazard.name()).collect()
}

/// Before, after; whether it differs; hazards; how long the copy is kept in the end.
type Case = (String, String, bool, &'static [&'static str], Option<u64>);

#[test]
fn a_copy_without_a_lifecycle_has_that_of_its_rule() {
    let own = |text: &str| format!(", {text}");
    let cold = "delete_after = \"200d\"\nmove_to_cold_storage_after = \"30d\"";
    let none = String::new;
    let shortened: &'static [&'static str] = &["retention-shortened"];
    let cases: Vec<Case> = vec![
        (copy(OF_35, ""), copy(OF_35, &own("delete_after = \"35d\"")), false, &[], Some(35)),
        (copy(OF_35, &own("delete_after = \"35d\"")), copy(OF_35, ""), false, &[], Some(35)),
        (copy(OF_35, ""), copy(OF_35, &own("delete_after = \"\"")), false, &[], Some(35)),
        (copy(OF_35, ""), copy(OF_35, &own("move_to_cold_storage_after = \"\"")), false, &[], Some(35)),
        (copy(OF_35, ""), copy(OF_35, &own("delete_after = \"90d\"")), true, &[], Some(90)),
        (copy(OF_35, ""), copy(OF_35, &own("delete_after = \"30d\"")), true, shortened, Some(30)),
        (copy(OF_35, &own("delete_after = \"90d\"")), copy(OF_35, ""), true, shortened, Some(35)),
        (
            copy(OF_35, &own("delete_after = \"90d\"")),
            copy(OF_35, &own("delete_after = \"\"")),
            true,
            shortened,
            Some(35),
        ),
        (copy(OF_35, &own("delete_after = \"30d\"")), copy(OF_35, ""), true, &[], Some(35)),
        // A rule that keeps for ever keeps its copies for ever.
        (copy("", &own("delete_after = \"90d\"")), copy("delete_after = \"\"", ""), true, &[], None),
        (copy("", ""), copy("", &own("delete_after = \"90d\"")), true, shortened, Some(90)),
        // What the file leaves out of a rule stays as it is, and is the copy's too.
        (copy(OF_35, &own("delete_after = \"90d\"")), copy("", ""), true, shortened, Some(35)),
        (copy(OF_35, ""), copy("", ""), false, &[], Some(35)),
        // The copy goes with its rule, and both are told.
        (copy(OF_35, ""), copy("delete_after = \"60d\"", ""), true, &[], Some(60)),
        (
            copy(OF_35, ""),
            copy("delete_after = \"20d\"", ""),
            true,
            &["retention-shortened", "retention-shortened"],
            Some(20),
        ),
        // A copy of its own length stays when its rule changes.
        (
            copy(OF_35, &own("delete_after = \"35d\"")),
            copy("delete_after = \"60d\"", &own("delete_after = \"35d\"")),
            true,
            &[],
            Some(35),
        ),
        (copy(OF_35, ""), copy("delete_after = \"60d\"", &own("delete_after = \"35d\"")), true, &[], Some(35)),
        (
            copy(cold, ""),
            copy(cold, &own("delete_after = \"200d\", move_to_cold_storage_after = \"30d\"")),
            false,
            &[],
            Some(200),
        ),
        (copy(cold, &own("delete_after = \"400d\"")), copy(cold, ""), true, shortened, Some(200)),
        // A part of a lifecycle is one: the rest of it is not the rule's.
        (none(), copy(OF_35, &own("move_to_cold_storage_after = \"1d\"")), true, &[], None),
        (none(), copy(OF_35, &own("opt_in_to_archive_for_supported_resources = true")), true, &[], None),
        (none(), copy(OF_35, &own("opt_in_to_archive_for_supported_resources = false")), true, &[], None),
        // Where the copy stands, what the file does not say of it stays as it is.
        (copy(OF_35, ""), copy(OF_35, &own("opt_in_to_archive_for_supported_resources = true")), true, &[], Some(35)),
    ];
    for (before, after, differs, expected, days) in cases {
        let bench = Bench::new();
        if !before.is_empty() {
            bench.apply(&before);
            settled(&bench, &before);
        }
        let plan = bench.plan(&after);
        assert_eq!(plan.changes.iter().any(|change| change.action != Action::NoOp), differs, "{before}\n{after}");
        assert_eq!(hazards(&plan), expected, "{before}\n{after}");
        bench.apply(&after);
        settled(&bench, &after);
        assert_eq!(kept(&bench), [days], "{before}\n{after}");
    }
}

#[test]
fn a_copy_without_a_lifecycle_in_a_rule_with_another_name_keeps_its_length() {
    let bench = Bench::new();
    bench.apply(&copy(OF_35, ""));
    let renamed = copy(OF_35, "").replace("rule.nightly", "rule.night");
    let plan = bench.plan(&renamed);
    assert_eq!(hazards(&plan), [""; 0]);
    let shorter = copy("delete_after = \"20d\"", "").replace("rule.nightly", "rule.night");
    assert_eq!(hazards(&bench.plan(&shorter)), ["retention-shortened", "retention-shortened"]);
    bench.apply(&renamed);
    settled(&bench, &renamed);
    assert_eq!(kept(&bench), [Some(35)]);
}
