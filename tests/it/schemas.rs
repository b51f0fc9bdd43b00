//! Every answer in JSON against its published schema, and the last event of `--json`, which always comes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use vssctl::render::envelope::Document;

use crate::harness::{MAIN_JOB, Place, Run};
use crate::proof_cli::{FLEET, place};

/// What a schema of draft-07 says against a value. A keyword that is not known here is an error too, and so is a member
/// that no schema describes.
struct Judge<'a> {
    root: &'a Value,
    problems: Vec<String>,
}

/// Keywords that ask for nothing.
const WORDS: [&str; 7] = ["$schema", "title", "description", "default", "definitions", "format", "type"];

impl<'a> Judge<'a> {
    fn problems(schema: &'a Value, value: &Value) -> Vec<String> {
        let mut judge = Judge { root: schema, problems: Vec::new() };
        judge.check(schema, value, "");
        judge.described(schema, value, "");
        judge.problems
    }

    fn fits(&self, schema: &'a Value, value: &Value) -> bool {
        let mut inner = Judge { root: self.root, problems: Vec::new() };
        inner.check(schema, value, "");
        inner.problems.is_empty()
    }

    fn resolve(&self, reference: &Value) -> &'a Value {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#')).expect("a local reference");
        self.root.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"))
    }

    fn check(&mut self, schema: &'a Value, value: &Value, path: &str) {
        let Some(members) = schema.as_object() else {
            self.hold(schema == &json!(true), path, || format!("nothing fits {schema}"));
            return;
        };
        if let Some(kind) = members.get("type") {
            let kinds: Vec<&Value> = kind.as_array().map_or(vec![kind], |kinds| kinds.iter().collect());
            let fits = |kind: &&Value| match kind.as_str().expect("a type") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "null" => value.is_null(),
                "integer" => value.is_i64() || value.is_u64(),
                "number" => value.is_number(),
                other => panic!("no type {other}"),
            };
            self.hold(kinds.iter().any(fits), path, || format!("{value} is no {kind}"));
        }
        for (word, rule) in members.iter().filter(|(word, _)| !WORDS.contains(&word.as_str())) {
            self.keyword(word, rule, members, value, path);
        }
    }

    fn keyword(&mut self, word: &str, rule: &'a Value, schema: &'a Map<String, Value>, value: &Value, path: &str) {
        let list = || rule.as_array().expect("a list");
        match word {
            "$ref" => self.check(self.resolve(rule), value, path),
            "const" => self.hold(value == rule, path, || format!("{value} is not {rule}")),
            "enum" => self.hold(list().contains(value), path, || format!("{value} is none of {rule}")),
            "allOf" => list().iter().for_each(|one| self.check(one, value, path)),
            "anyOf" => self.hold(list().iter().any(|one| self.fits(one, value)), path, || format!("{value}: {rule}")),
            "oneOf" => {
                let fitting = list().iter().filter(|one| self.fits(one, value)).count();
                self.hold(fitting == 1, path, || format!("{fitting} fit {value}: {rule}"));
            }
            "minimum" => self.hold(!value.is_number() || value.as_f64() >= rule.as_f64(), path, || {
                format!("{value} is below {rule}")
            }),
            "maximum" => self.hold(!value.is_number() || value.as_f64() <= rule.as_f64(), path, || {
                format!("{value} is above {rule}")
            }),
            "minItems" | "maxItems" => {
                let length = value.as_array().map(|items| items.len() as u64);
                let fits = if word == "minItems" { length >= rule.as_u64() } else { length <= rule.as_u64() };
                self.hold(length.is_none() || fits, path, || format!("{word} {rule}: {value}"));
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    let rule = rule.as_array().map_or(rule, |rules| &rules[index]);
                    self.check(rule, item, &format!("{path}/{index}"));
                }
            }
            "required" => {
                for name in list().iter().filter_map(Value::as_str) {
                    self.hold(!value.is_object() || value.get(name).is_some(), path, || format!("no `{name}`"));
                }
            }
            "properties" => {
                for (name, rule) in rule.as_object().expect("properties") {
                    if let Some(member) = value.get(name) {
                        self.check(rule, member, &format!("{path}/{name}"));
                    }
                }
            }
            "additionalProperties" => {
                for (name, member) in value.as_object().into_iter().flatten() {
                    if schema.get("properties").is_none_or(|known| known.get(name).is_none()) {
                        self.check(rule, member, &format!("{path}/{name}"));
                    }
                }
            }
            _ => panic!("the keyword `{word}` is not known here: {rule}"),
        }
    }

    fn hold(&mut self, holds: bool, path: &str, problem: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(format!("{path}: {}", problem()));
        }
    }

    /// The schemas that apply to a value: those that it is made of, and of alternatives those that fit.
    fn parts(&self, schema: &'a Value, value: &Value) -> Vec<&'a Value> {
        let mut parts = vec![schema];
        if let Some(reference) = schema.get("$ref") {
            parts.extend(self.parts(self.resolve(reference), value));
        }
        for word in ["allOf", "anyOf", "oneOf"] {
            for one in schema.get(word).and_then(Value::as_array).into_iter().flatten() {
                if self.fits(one, value) {
                    parts.extend(self.parts(one, value));
                }
            }
        }
        parts
    }

    /// Notes the members that no schema describes.
    fn described(&mut self, schema: &'a Value, value: &Value, path: &str) {
        // Whatever may stand here needs no description.
        let says = |word: &String| !["description", "title", "default"].contains(&word.as_str());
        if schema == &json!(true) || schema.as_object().is_some_and(|members| !members.keys().any(says)) {
            return;
        }
        let parts = self.parts(schema, value);
        for (name, member) in value.as_object().into_iter().flatten() {
            let rules: Vec<&'a Value> = parts
                .iter()
                .filter_map(|part| {
                    part.get("properties").and_then(|known| known.get(name)).or(part.get("additionalProperties"))
                })
                .collect();
            self.hold(!rules.is_empty(), path, || format!("`{name}` is not described"));
            for rule in rules {
                self.described(rule, member, &format!("{path}/{name}"));
            }
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            for rule in parts.iter().filter_map(|part| part.get("items")).filter(|rule| rule.is_object()) {
                self.described(rule, item, &format!("{path}/{index}"));
            }
        }
    }
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Holds an answer against the schema that the program prints, and returns it.
fn held(place: &Place, document: Document, text: &str) -> Value {
    let schema = parsed(&place.run(&["schema", &format!("--{}", document.name())]).exits(0).stdout);
    let answer = parsed(text);
    assert_eq!(Judge::problems(&schema, &answer), [""; 0], "{answer:#}");
    assert_eq!(answer["format"], 2);
    answer
}

#[test]
fn the_published_schemas_are_those_of_the_program() {
    for document in Document::ALL {
        let path = format!("{}/schema/{}.schema.json", env!("CARGO_MANIFEST_DIR"), document.name());
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        let current = vssctl::model::json::pretty(&document.schema()).expect("JSON");
        let name = document.name();
        assert!(published == current, "schema/{name}.schema.json is stale: vssctl schema --{name} > it");
    }
}

#[test]
fn the_judge_sees_what_is_wrong() {
    let schema = Document::Show.schema();
    let place = Place::with(MAIN_JOB);
    let good = parsed(&place.sandbox(&["show", "--format", "json"]).stdout);
    assert_eq!(Judge::problems(&schema, &good), [""; 0]);
    let wrong: [fn(&mut Value); 7] = [
        |answer| answer["format"] = json!(1),
        |answer| answer["verdict"] = json!("well"),
        |answer| answer["counts"]["live"] = json!(-1),
        |answer| answer["resources"][0]["found"] = json!("somewhere"),
        |answer| answer["resources"][0]["more"] = json!(1),
        |answer| drop(answer.as_object_mut().expect("an object").remove("scope")),
        |answer| answer["more"] = json!(1),
    ];
    for (number, change) in wrong.into_iter().enumerate() {
        let mut answer = good.clone();
        change(&mut answer);
        assert!(!Judge::problems(&schema, &answer).is_empty(), "change {number}");
    }
}

#[test]
fn the_proofs_print_what_their_schemas_say() {
    for fleet in [FLEET, "region = 'ap-northeast-1'\n", &FLEET.replace("tags    = { VssBackup = \"enabled\" }", "")] {
        let place = place(fleet);
        for (document, command) in
            [(Document::Verify, "verify"), (Document::Doctor, "doctor"), (Document::Coverage, "coverage")]
        {
            let run = place.sandbox(&[command, "--format", "json"]);
            let answer = held(&place, document, &run.stdout);
            let verdict = match run.code {
                Some(0) => "clean",
                Some(1) => "unknown",
                Some(8) => "findings",
                other => panic!("{other:?}"),
            };
            assert_eq!((answer["command"].as_str(), answer["verdict"].as_str()), (Some(command), Some(verdict)));
            assert!(answer["findings"].is_array() && answer["scope"]["stack"].is_string(), "{answer:#}");
        }
    }
}

#[test]
fn show_prints_what_its_schema_says() {
    let place = place(FLEET);
    let all = held(&place, Document::Show, &place.sandbox(&["show", "--format", "json"]).exits(0).stdout);
    assert_eq!(all["counts"]["live"], all["resources"].as_array().map_or(0, Vec::len));
    let empty = Place::with(MAIN_JOB);
    let none = held(&empty, Document::Show, &empty.sandbox(&["show", "--format", "json"]).exits(0).stdout);
    assert_eq!((&none["verdict"], &none["counts"]["live"]), (&json!("clean"), &json!(0)));
}

/// The events of a run, each with its time; the last one fits its schema, and is the only report.
fn events(place: &Place, run: &Run) -> Value {
    let lines: Vec<&str> = run.stdout.lines().collect();
    let (last, others) = lines.split_last().expect("a last event");
    for line in others {
        let event = parsed(line);
        assert!(event["time"].is_string() && event["type"].is_string() && event["type"] != "report", "{event:#}");
    }
    let report = held(place, Document::Report, last);
    assert_eq!(report["type"], "report");
    assert_eq!(report["exit"].as_i64(), run.code.map(i64::from), "{report:#}");
    report
}

#[test]
fn a_report_comes_last_however_a_run_ends() {
    let place = Place::with(MAIN_JOB);
    let run = |arguments: &[&str]| {
        let run = place.sandbox(arguments);
        let report = events(&place, &run);
        (run.code, report)
    };
    let (code, report) = run(&["apply", "--json", "--no-input"]);
    assert_eq!((code, &report["verdict"], &report["report"]), (Some(4), &json!("refused"), &Value::Null));
    assert!(report["error"]["message"].as_str().is_some_and(|text| text.contains("nothing was changed")), "{report:#}");
    let (code, report) = run(&["apply", "--json", "--yes"]);
    assert_eq!((code, &report["verdict"], &report["report"]["complete"]), (Some(0), &json!("done"), &json!(true)));
    assert_eq!(report["counts"]["added"], report["report"]["added"]);
    // Nothing is left to do.
    let (code, report) = run(&["apply", "--json", "--yes"]);
    assert_eq!((code, &report["verdict"], &report["error"]), (Some(0), &json!("done"), &Value::Null));
    let (code, report) = run(&["adopt", "role.EC2RoleforSSMVSSSnapshotV2", "--json", "--yes"]);
    assert_eq!((code, &report["command"]), (Some(0), &json!("adopt")));
    let (code, report) = run(&["unlock", "--epoch", "1", "--json", "--yes"]);
    assert_eq!((code, &report["report"]["broken"]), (Some(0), &json!(false)), "{report:#}");
    let (code, report) = run(&["backup", "nobody", "--json"]);
    assert_eq!((code, &report["verdict"]), (Some(6), &json!("failed")), "{report:#}");
    let (code, report) = run(&["destroy", "--json", "--no-input"]);
    assert_eq!((code, &report["verdict"]), (Some(4), &json!("refused")), "{report:#}");
    place.write("vss.toml", "[stack]\nnome = 1\n");
    let (code, report) = run(&["apply", "--json", "--yes"]);
    assert_eq!((code, &report["verdict"], &report["scope"]), (Some(6), &json!("failed"), &Value::Null), "{report:#}");
}

#[test]
fn a_backup_prints_its_report_in_both_forms() {
    for (instance, verdicts) in [("sql-1", ("clean", "done", 0)), ("files-1", ("findings", "findings", 8))] {
        let place = place(FLEET);
        let run = place.sandbox(&["backup", instance, "--format", "json"]).exits(verdicts.2);
        let answer = held(&place, Document::Backup, &run.stdout);
        assert_eq!(answer["verdict"], verdicts.0, "{answer:#}");
        let run = place.sandbox(&["backup", instance, "--json"]).exits(verdicts.2);
        let kinds: BTreeSet<String> =
            run.stdout.lines().map(|line| parsed(line)["type"].as_str().unwrap_or_default().to_owned()).collect();
        assert!(kinds.contains("started") && kinds.contains("state"), "{kinds:?}");
        let report = events(&place, &run);
        assert_eq!(
            (&report["verdict"], &report["report"]["proof"]["job"]["plan_id"]),
            (&json!(verdicts.1), &Value::Null)
        );
    }
}

/// What a plan says first: its verdict and its counts that are not zero.
fn said(plan: &Value) -> (String, Vec<(String, u64)>) {
    let counts = plan["counts"].as_object().expect("counts").iter();
    let counts = counts.map(|(name, count)| (name.clone(), count.as_u64().expect("a number")));
    (plan["verdict"].as_str().expect("a verdict").to_owned(), counts.filter(|(_, count)| *count > 0).collect())
}

#[test]
fn a_plan_prints_what_its_schema_says_and_sums_itself_up() {
    let place = Place::with(MAIN_JOB);
    let plan = |code: i32, verdict: &str, counts: &[(&str, u64)]| {
        let run = place.sandbox(&["plan", "--format", "json", "--detailed-exitcode"]).exits(code);
        let plan = held(&place, Document::Plan, &run.stdout);
        let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        assert_eq!((plan["command"].as_str(), said(&plan)), (Some("plan"), (verdict.to_owned(), counts)));
        plan
    };
    let first = plan(2, "changes", &[("add", 7)]);
    // The saved plan is the same, and so is what `show` writes of it.
    place.sandbox(&["plan", "--out", "plan.json"]).exits(0);
    let shown = held(&place, Document::Plan, &place.run(&["show", "plan.json", "--format", "json"]).exits(0).stdout);
    assert_eq!((&shown["digest"], &shown["counts"]), (&first["digest"], &first["counts"]));
    place.sandbox(&["apply", "--yes"]).exits(0);
    plan(0, "clean", &[]);
    let changed = MAIN_JOB.replace("cron(0 18", "cron(0 19").replace("[vault.vss]", "[vault.vss]\n[vault.other]");
    place.write("vss.toml", changed);
    plan(2, "changes", &[("add", 1), ("change", 1)]);
    place.sandbox(&["apply", "--yes", "--target", "vault.other"]).exits(0);
    place.write("vss.toml", MAIN_JOB);
    plan(0, "changes", &[("orphans", 1)]);
    place.write("vss.toml", MAIN_JOB.replace("name       = \"windows-backup\"", "name = \"others\""));
    let (verdict, counts) =
        said(&held(&place, Document::Plan, &place.sandbox(&["plan", "--format", "json"]).exits(4).stdout));
    assert!(verdict == "refused" && counts.iter().any(|(name, count)| name == "refused" && *count > 0), "{counts:?}");
}

#[test]
fn validate_prints_what_its_schema_says_whether_the_file_is_valid_or_not() {
    let unused = format!("{MAIN_JOB}\n[role.unused]\npreset = \"vss-instance\"\n");
    let wrong =
        MAIN_JOB.replace("account_id = \"123456789012\"", "account_id = \"12\"").replace("[vault.vss]", "[valt.vss]");
    for (text, code) in [(MAIN_JOB, 0), (unused.as_str(), 0), (&wrong, 6), ("[stack", 6)] {
        let place = Place::with(text);
        let run = place.run(&["validate", "--format", "json"]).exits(code);
        let answer = held(&place, Document::Validate, &run.stdout);
        let problems = answer["diagnostics"].as_array().expect("problems");
        let count = |severity: &str| problems.iter().filter(|problem| problem["severity"] == severity).count();
        let (errors, warnings) = (count("error"), count("warning"));
        assert_eq!(answer["counts"]["errors"], errors, "{answer:#}");
        assert_eq!(answer["counts"]["warnings"], warnings, "{answer:#}");
        let verdict = match (errors, warnings) {
            (0, 0) => "clean",
            (0, _) => "findings",
            _ => "failed",
        };
        assert_eq!((answer["command"].as_str(), answer["verdict"].as_str()), (Some("validate"), Some(verdict)));
        assert_eq!(answer["scope"].is_null(), code == 6, "{answer:#}");
        assert_eq!(errors > 0, code == 6);
        let resources = answer["report"]["resources"].as_array().expect("resources").len();
        assert_eq!(
            (resources > 0, resources as u64),
            (code == 0, answer["counts"]["resources"].as_u64().unwrap_or(99))
        );
        // The text says as many, and people read the same problems beside the answer.
        assert_eq!(run.stderr.is_empty(), problems.is_empty(), "{}", run.stderr);
    }
    // Without a file there is nothing to answer about.
    assert_eq!(Place::empty().run(&["validate", "--format", "json"]).exits(6).stdout, "");
}
