//! The lines that vssctl prints as the way out are run as they stand, in the state in which they were printed, and get
//! whoever follows them further: they end well, and what they were printed for is gone where they promise that.
//!
//! `command_lines` runs the lines that stand in texts; here they come out of runs, with the ids, addresses and options
//! of an account.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use vssctl::sandbox::Sandbox;

use crate::command_lines::{command_lines, words};
use crate::harness::{MAIN_JOB, Place, Run};
use crate::proof_cli;

/// Copies what is in a folder, so that each line finds the state that it was printed in.
fn copy(place: &Place) -> Place {
    let other = Place::empty();
    for entry in std::fs::read_dir(place.path()).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("a type").is_file() {
            let name = entry.file_name().into_string().expect("a name");
            other.write(&name, std::fs::read(entry.path()).expect("a file"));
        }
    }
    other
}

fn call(place: &Place, service: &str, operation: &str, input: &Value) -> Value {
    let account = Sandbox::open(place.path().join("account.json")).expect("the account");
    account.call(service, operation, "ap-northeast-1", input).unwrap_or_else(|error| panic!("{operation}: {error:?}"))
}

/// Puts a text that is wrapped onto one line.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What stands in backticks, in order.
fn quoted(text: &str) -> Vec<String> {
    flat(text).split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Takes those options of a command away, with their values, that are given anew.
fn without(command: &[&str], options: &[String]) -> Vec<String> {
    let mut is_given = false;
    let kept = command.iter().filter(|word| {
        is_given = options.iter().any(|option| option == *word) || is_given && !word.starts_with('-');
        !is_given
    });
    kept.map(|word| (*word).to_owned()).collect()
}

/// Finds the lines of a text that was printed by a command: whole ones, and options for the same command.
fn lines(printed: &str, by: &[&str]) -> BTreeSet<Vec<String>> {
    let text = flat(printed);
    let whole = command_lines(&text).into_iter().map(|line| words(&line).split_off(1));
    let again = ["run again with `", "run it again with `"];
    let options = again.iter().flat_map(|start| text.split(start).skip(1)).map(|rest| {
        let options = words(rest.split('`').next().expect("an end"));
        without(by, &options).into_iter().chain(options).collect()
    });
    whole.chain(options).collect()
}

/// Runs a line as whoever reads it would: on the account at hand, and consenting where a question is asked.
fn follow(place: &Place, line: &[String]) -> (Place, Run) {
    let place = copy(place);
    let mut line: Vec<&str> = line.iter().map(String::as_str).collect();
    let asks = ["apply", "adopt", "destroy", "unlock"];
    if line.iter().any(|word| asks.contains(word)) && !line.contains(&"--yes") {
        line.push("--yes");
    }
    // A line that acts on an account names the one that it was printed for.
    let is_of_no_account = line.iter().any(|word| ["explain", "init", "schema"].contains(word));
    assert!(is_of_no_account || line.iter().any(|word| word.starts_with("--sandbox")), "{line:?}");
    if !line.contains(&"--no-input") {
        line.push("--no-input");
    }
    let run = place.run(&line);
    (place, run)
}

/// The command of a line.
fn command(line: &[String]) -> &str {
    line.iter().find(|word| !word.starts_with('-')).map_or("", String::as_str)
}

/// Follows a line, and where it needs consent to what it brings, the line that says how to give it. Returns the state
/// afterwards.
fn gets_further(place: &Place, line: &[String], printed: &str) -> Place {
    // What stands for a value is found by whoever reads the text around it.
    let code = flat(printed).split('[').find(|part| part.starts_with("VSS")).map(|part| part[..7].to_owned());
    let line: Vec<String> =
        line.iter().map(|word| if word == "CODE" { code.clone().expect("a code") } else { word.clone() }).collect();
    let (after, run) = follow(place, &line);
    let by: Vec<&str> = line.iter().map(String::as_str).collect();
    if run.code == Some(4)
        && let Some(again) = lines(&run.stderr, &by).into_iter().find(|again| again.iter().any(|it| it == "--allow"))
    {
        let (after, run) = follow(place, &again);
        run.exits(0);
        return after;
    }
    let expected: &[i32] = match command(&line) {
        "verify" | "doctor" | "coverage" | "backup" => &[0, 8],
        _ => &[0],
    };
    let is_expected = run.code.is_some_and(|code| expected.contains(&code));
    assert!(is_expected, "{line:?}, printed in:\n{printed}\n{:?}:\n{}\n{}", run.code, run.stdout, run.stderr);
    after
}

/// Runs a command in a state, follows each line that it prints, and returns the states that they lead to.
fn each_line(place: &Place, arguments: &[&str]) -> BTreeMap<String, Place> {
    let place = copy(place);
    let run = place.sandbox(arguments);
    let printed = format!("{}\n{}", run.stdout, run.stderr);
    let lines = lines(&printed, &[&["--sandbox=account.json"], arguments].concat());
    let told = |line: &[String]| line.iter().filter(|word| !word.starts_with("--sandbox")).cloned().collect::<Vec<_>>();
    lines.into_iter().map(|line| (told(&line).join(" "), gets_further(&place, &line, &printed))).collect()
}

/// The state after the only line that begins so.
#[track_caller]
fn after<'a>(states: &'a BTreeMap<String, Place>, start: &str) -> &'a Place {
    let found: Vec<&String> = states.keys().filter(|line| line.starts_with(start)).collect();
    let [one] = found.as_slice() else { panic!("`{start}` is not printed once: {:?}", states.keys()) };
    &states[*one]
}

fn applied() -> Place {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place
}

/// Adds what a text says to add to the file: tables with their lines, and lines below a table that is there.
fn edited(place: &Place, text: &str) -> Place {
    let place = copy(place);
    let mut file = place.read("vss.toml");
    let mut lines = Vec::new();
    for one in quoted(text) {
        if one.starts_with('[') && one.ends_with(']') {
            // `add K under T`: the line comes first.
            if file.contains(&format!("{one}\n")) {
                file = file.replacen(&format!("{one}\n"), &format!("{one}\n{}\n", lines.join("\n")), 1);
                lines.clear();
            } else {
                lines.push(one);
            }
        } else if one.contains(" = ") {
            lines.push(one);
        }
    }
    place.write("vss.toml", format!("{file}\n{}\n", lines.join("\n")));
    place
}

#[test]
fn whoever_has_no_file_or_a_wrong_one_gets_one_that_plans() {
    let empty = Place::empty();
    let states = each_line(&empty, &["plan"]);
    let init = after(&states, "init");
    init.sandbox(&["plan"]).exits(0);
    // Its own lines too.
    each_line(&empty, &["init"]);
    let wrong = Place::with(&MAIN_JOB.replace("[vault.vss]", "[valt.vss]"));
    assert!(each_line(&wrong, &["validate"]).keys().any(|line| line == "explain CODE"));
}

#[test]
fn what_nobody_owns_is_taken_over_by_the_line_or_by_the_edit() {
    let place = Place::with(MAIN_JOB);
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"backup.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;
    call(&place, "iam", "CreateRole", &json!({"RoleName": "AWSBackupVss", "AssumeRolePolicyDocument": trust}));
    call(&place, "backup", "CreateBackupVault", &json!({"BackupVaultName": "vss"}));
    let plan = place.sandbox(&["plan"]).exits(4);
    let states = each_line(&place, &["plan"]);
    for address in ["role.AWSBackupVss", "vault.vss"] {
        let taken = after(&states, &format!("adopt {address}")).sandbox(&["plan"]);
        assert!(!taken.stdout.contains(&format!("`{address}` already exists")), "{}", taken.stdout);
        assert!(plan.stdout.contains(&format!("`{address}` already exists")), "{}", plan.stdout);
    }
    let by_hand = plan.stdout.split("error[VSS0901]").skip(1).fold(copy(&place), |place, part| edited(&place, part));
    let done = gets_further(&by_hand, &["--sandbox=account.json".to_owned(), "apply".to_owned()], "the edit");
    assert_eq!(done.sandbox(&["plan"]).exits(0).last_line(), vssctl::render::text::NO_CHANGES);
}

#[test]
fn one_of_several_associations_is_taken_over_by_its_id() {
    let place = Place::with(MAIN_JOB);
    let association = json!({
        "Name": "AWS-ConfigureAWSPackage", "AssociationName": "vssctl-AwsVssComponents",
        "Parameters": {"action": ["Install"], "name": ["AwsVssComponents"]},
        "Targets": [{"Key": "tag:VssBackup", "Values": ["enabled"]}],
    });
    call(&place, "ssm", "CreateAssociation", &association);
    call(&place, "ssm", "CreateAssociation", &association);
    place.sandbox(&["plan"]).exits(4);
    let states = each_line(&place, &["plan"]);
    let taken = after(&states, "adopt package.AwsVssComponents=").sandbox(&["plan"]);
    assert!(!taken.stdout.contains("VSS0902"), "{}", taken.stdout);
}

#[test]
fn deletions_over_the_limit_are_made_by_the_options_that_the_plan_names() {
    let vaults = |count: usize| {
        let vaults = (0..count).map(|number| format!("[vault.v{number}]\n")).collect::<Vec<_>>().concat();
        let head = MAIN_JOB.split("[role.").next().expect("the stack");
        format!("{head}{vaults}")
    };
    let place = Place::with(&vaults(6));
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", vaults(1));
    place.sandbox(&["plan", "--prune"]).exits(4);
    let states = each_line(&place, &["plan", "--prune"]);
    let (line, _) = states.iter().find(|(line, _)| line.contains("--max-deletions 5")).expect("the options");
    assert_eq!(line, "plan --prune --max-deletions 5");
    each_line(&place, &["apply", "--yes", "--prune"]);
    // A file that has lost a whole section, and one that has lost everything.
    place.write("vss.toml", vaults(0) + "[region_settings]\nresource_type_opt_in = { EC2 = true }\n");
    let lost = each_line(&place, &["plan", "--prune"]);
    assert!(lost.keys().any(|line| line.contains("--max-deletions 6")), "{:?}", lost.keys());
    place.write("vss.toml", vaults(0));
    let states = each_line(&place, &["plan", "--prune"]);
    let gone = after(&states, "destroy");
    let left = call(gone, "backup", "ListBackupVaults", &json!({}));
    assert!(!left.to_string().contains("\"v0\""), "{left}");
}

#[test]
fn second_objects_over_the_limit_go_by_the_options_that_the_plan_names() {
    let place = applied();
    let plans = call(&place, "backup", "ListBackupPlans", &json!({}));
    let id = &plans["BackupPlansList"][0]["BackupPlanId"];
    let mut plan = call(&place, "backup", "GetBackupPlan", &json!({"BackupPlanId": id}))["BackupPlan"].clone();
    plan["Rules"][0].as_object_mut().expect("a rule").remove("RuleId");
    for hour in [3, 4, 5, 6] {
        plan["Rules"][0]["ScheduleExpression"] = json!(format!("cron(0 {hour} ? * * *)"));
        let tags = json!({"vssctl:stack": "windows-backup", "vssctl:id": "plan.daily"});
        call(&place, "backup", "CreateBackupPlan", &json!({"BackupPlan": plan, "BackupPlanTags": tags}));
    }
    place.sandbox(&["plan"]).exits(4);
    let states = each_line(&place, &["apply", "--yes"]);
    let gone = after(&states, "apply --yes --max-deletions 4");
    assert_eq!(gone.sandbox(&["plan"]).exits(0).last_line(), vssctl::render::text::NO_CHANGES);
}

#[test]
fn consent_is_given_by_the_line_that_asks_for_it() {
    let place = applied();
    place.write("vss.toml", MAIN_JOB.replace("windows_vss = true", "windows_vss = false"));
    let states = each_line(&place, &["apply", "--yes"]);
    let (line, done) = states.iter().find(|(line, _)| line.contains("--allow")).expect("the options");
    assert!(line.contains("vss-disabled"), "{line}");
    assert_eq!(done.sandbox(&["plan"]).exits(0).last_line(), vssctl::render::text::NO_CHANGES);
    // Without anybody to ask.
    let states = each_line(&Place::with(MAIN_JOB), &["apply", "--no-input"]);
    assert_eq!(
        after(&states, "apply --no-input --yes").sandbox(&["plan"]).last_line(),
        vssctl::render::text::NO_CHANGES
    );
}

#[test]
fn an_association_of_others_is_taken_over_as_its_hazard_says() {
    for name in [None, Some("theirs")] {
        let place = Place::with(MAIN_JOB);
        let mut association = json!({
            "Name": "AWS-ConfigureAWSPackage",
            "Parameters": {"action": ["Install"], "name": ["AwsVssComponents"]},
            "Targets": [{"Key": "tag:VssBackup", "Values": ["enabled"]}],
        });
        if let Some(name) = name {
            association["AssociationName"] = json!(name);
        }
        call(&place, "ssm", "CreateAssociation", &association);
        let plan = place.sandbox(&["plan"]).exits(0).stdout;
        let (_, advice) = plan.split_once("competing-association: ").unwrap_or_else(|| panic!("{plan}"));
        let advice = advice.split("\n\n").next().expect("a part");
        let taken = if name.is_some() {
            edited(&place, advice.split_once(';').expect("advice").1).sandbox(&["plan"])
        } else {
            after(&each_line(&place, &["plan"]), "adopt package.AwsVssComponents=").sandbox(&["plan"])
        };
        assert!(!taken.stdout.contains("competing-association"), "{}", taken.stdout);
        // What is told of a step is no part of what is done: a saved plan is applied by another command line too.
        place.sandbox(&["plan", "--out", "plan.json"]).exits(0);
        let allowed = ["--allow", "competing-association", "--yes"];
        place.run(&[&["apply", "plan.json", "--sandbox=./account.json"], &allowed[..]].concat()).exits(0);
    }
}

/// The findings of `doctor`, by check and subject, with their remedies.
fn findings(place: &Place) -> BTreeMap<(String, String), String> {
    let run = place.sandbox(&["doctor", "--format", "json"]);
    let told: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    let findings = told["findings"].as_array().expect("findings").iter();
    let key =
        |finding: &Value| (finding["check"].as_str().expect("a check").to_owned(), finding["subject"].to_string());
    findings.map(|one| (key(one), one["remedy"].as_str().expect("a remedy").to_owned())).collect()
}

/// Follows each line of each remedy, and holds that what `vssctl apply` is promised to mend is mended by it. Returns the
/// checks that were mended.
fn heals(place: &Place) -> BTreeSet<String> {
    let mut mended = BTreeSet::new();
    for (key, remedy) in findings(place) {
        let ready = if remedy.contains(": add `[") || remedy.starts_with("add `[") {
            edited(place, &remedy)
        } else {
            copy(place)
        };
        // That is the last step: it comes when the others are done.
        if remedy.starts_with("do what ") {
            continue;
        }
        for line in lines(&remedy, &["doctor"]) {
            let state = gets_further(&ready, &line, &remedy);
            if command(&line) == "apply" {
                let left = findings(&state);
                assert!(!left.contains_key(&key), "{key:?} is still there after: {remedy}");
                mended.insert(key.0.clone());
            }
        }
    }
    mended
}

#[test]
fn the_lines_of_the_proofs_lead_on_and_what_apply_is_to_mend_is_mended() {
    let place = proof_cli::place(proof_cli::FLEET);
    assert!(heals(&place).contains("D020"));
    for command in ["verify", "coverage", "doctor"] {
        let states = each_line(&place, &[command]);
        assert!(command == "coverage" || !states.is_empty(), "{command} prints no line");
    }
}

/// Finds the first id of a list of AWS Backup.
type First<'a> = &'a dyn Fn(&Place, &str, &str, &str, &Value) -> Value;
/// Takes something away.
type Fault = fn(&Place, First<'_>);

#[test]
fn what_the_file_declares_and_somebody_took_away_is_put_back_by_the_line() {
    let first = |place: &Place, operation: &str, list: &str, id: &str, input: &Value| {
        call(place, "backup", operation, input)[list][0][id].clone()
    };
    let faults: [(&str, Fault); 4] = [
        ("D020", |place, _| {
            let input =
                json!({"InstanceProfileName": "EC2RoleforSSMVSSSnapshotV2", "RoleName": "EC2RoleforSSMVSSSnapshotV2"});
            call(place, "iam", "RemoveRoleFromInstanceProfile", &input);
        }),
        ("D021", |place, _| {
            let arn = "arn:aws:iam::aws:policy/AWSEC2VssSnapshotPolicy";
            let input = json!({"RoleName": "EC2RoleforSSMVSSSnapshotV2", "PolicyArn": arn});
            call(place, "iam", "DetachRolePolicy", &input);
        }),
        ("D074", |place, first| {
            let plan = first(place, "ListBackupPlans", "BackupPlansList", "BackupPlanId", &json!({}));
            let of = json!({"BackupPlanId": plan});
            let selection = first(place, "ListBackupSelections", "BackupSelectionsList", "SelectionId", &of);
            let input = json!({"BackupPlanId": plan, "SelectionId": selection});
            call(place, "backup", "DeleteBackupSelection", &input);
        }),
        ("D023", |place, _| {
            let input = json!({"RoleName": "AWSBackupVss", "PolicyDocument": r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#});
            call(place, "iam", "UpdateAssumeRolePolicy", &input);
        }),
    ];
    for (check, fault) in faults {
        let place = proof_cli::place(proof_cli::FLEET);
        fault(&place, &first);
        let told = findings(&place);
        assert!(told.keys().any(|(found, _)| found == check), "{check}: {told:?}");
        let mended = heals(&place);
        assert!(mended.contains(check) || check == "D023", "{check}: {mended:?}, {told:?}");
        each_line(&place, &["verify"]);
        each_line(&place, &["coverage"]);
    }
}

#[test]
fn a_line_is_right_as_it_is_printed_whatever_the_run_was_given_and_in_every_format() {
    let place = Place::empty();
    place.write("a b's.toml", MAIN_JOB);
    let given = ["--file", "a b's.toml", "--sandbox=my account.json"];
    let run = |arguments: &[&str]| place.run(&[&given, arguments].concat());
    // Somebody else's vault of the same name: the way out is a line.
    let account = Sandbox::open(place.path().join("my account.json")).expect("the account");
    let vault = json!({ "BackupVaultName": "vss" });
    account.call("backup", "CreateBackupVault", "ap-northeast-1", &vault).expect("a vault");
    drop(account);
    let line = "vssctl --file 'a b'\\''s.toml' '--sandbox=my account.json' adopt vault.vss";
    let line = line.replace("'--sandbox=my account.json'", "--sandbox='my account.json'");
    let is_there = |text: &str, line: &str| assert!(flat(text).contains(&format!("`{line}`")), "{line}:\n{text}");
    let text = run(&["plan"]).exits(4).stdout;
    is_there(&text, &line);
    // No line is so long that a terminal breaks it where nobody expects it.
    let is_title = |line: &&str| ["error[", "warning["].iter().any(|start| line.starts_with(start));
    assert!(text.lines().filter(|line| !is_title(line)).all(|line| line.chars().count() <= 80), "{text}");
    is_there(&run(&["plan", "--format", "markdown"]).exits(4).stdout, &line);
    let in_json: Value = serde_json::from_str(&run(&["plan", "--format", "json"]).exits(4).stdout).expect("JSON");
    is_there(&in_json["diagnostics"].to_string().replace("\\\\", "\\"), &line);
    let events = run(&["apply", "--yes", "--json"]).exits(4).stdout;
    let last: Value = serde_json::from_str(events.lines().last().expect("an event")).expect("JSON");
    is_there(&last["diagnostics"].to_string().replace("\\\\", "\\"), &line);
    let drift = run(&["drift"]).exits(4).stdout;
    is_there(&drift, &line);
    // It is run as it stands, by a shell.
    let followed = place.shell(&format!("{line} --yes"));
    assert_eq!(followed.code, Some(0), "{}\n{}", followed.stdout, followed.stderr);
    assert!(!place.path().join(".vssctl").exists(), "it acted on another account");
    // The same of what a saved plan says, of findings, and of a page.
    let saved = run(&["plan", "--out", "my plan.json"]).exits(0);
    let start = "vssctl --file 'a b'\\''s.toml' --sandbox='my account.json'";
    is_there(&saved.stderr, &format!("{start} apply 'my plan.json'"));
    let applied = place.shell(&format!("{start} apply 'my plan.json' --yes"));
    assert_eq!(applied.code, Some(0), "{}", applied.stderr);
    let unprotected = "region = 'ap-northeast-1'\n[[instance]]\nname = 'web'\ncount = 2\ntags = { VssBackup = \
                       'enabled' }\n";
    place.write("fleet.toml", unprotected);
    run(&["sandbox", "load", "fleet.toml"]).exits(0);
    run(&["sandbox", "advance", "3d"]).exits(0);
    for format in ["text", "json", "markdown", "sarif", "junit"] {
        let run = run(&["verify", "--format", format]);
        let printed = flat(&run.stdout);
        let lines = printed.matches("`vssctl ").count();
        let with = printed.matches("`vssctl --file ").count();
        // Programs are told the checks, people the line.
        assert!(lines > 0 || format != "text", "{format}: no line:\n{}", run.stdout);
        assert_eq!(lines, with, "{format}:\n{}", run.stdout);
    }
    let page = run(&["verify", "--format", "html"]).stdout;
    assert!(page.contains("<bdi>vssctl --file &#39;a b") || page.contains("<bdi>vssctl --file 'a b"), "{page}");
    // Of which instance it is, the line says.
    for bare in ["vssctl backup</bdi>", "account.json' backup</bdi>", "account.json' doctor</bdi>"] {
        assert!(!page.contains(bare), "{bare}");
    }
}
