//! The formats of a plan on hostile text and at their limits: whatever AWS and the file say, it stays text.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};
use vssctl::model::json::pretty;
use vssctl::model::{Action, Severity};
use vssctl::plan::file::{Notice, SavedChange, SavedHazard, SavedOrphan, SavedPlan};
use vssctl::plan::hazard::Hazard;
use vssctl::render::plan::{github, gitlab, markdown, sarif, tfplan};
use vssctl::render::sarif::{Origin, RESULTS};
use vssctl::render::text::Detail;

use crate::harness::{MAIN_JOB, Place};

/// What breaks out of a format that does not escape it.
const HOSTILE: [&str; 18] = [
    "```",
    "````",
    "`",
    "<!--",
    "-->",
    "</details>",
    "<script>",
    "@octocat",
    "#1",
    "|",
    "\n",
    "\r\n",
    "::error::x",
    "::set-output name=x::y",
    "%0A::stop-commands::x",
    "\u{1b}[31m",
    "\u{202e}",
    "EOF\n",
];

/// A plan with one change of an update, a hazard, an orphan and a problem, made once.
fn template() -> SavedPlan {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", MAIN_JOB.replace("\"35d\"", "\"7d\"") + "\n[vault.second]\n");
    let run = place.sandbox(&["plan", "--format", "json"]).exits(0);
    serde_json::from_str(&run.stdout).expect("a saved plan")
}

/// Puts a text wherever text of others stands.
fn hostile(template: &SavedPlan, text: &str) -> SavedPlan {
    let mut plan = template.clone();
    text.clone_into(&mut plan.scope.stack);
    for change in &mut plan.changes {
        text.clone_into(&mut change.name);
        change.reason = Some(text.to_owned());
        for field in &mut change.fields {
            field.path = format!("tags.{text}");
            (field.before, field.after) = (json!(text), json!([text, { text: text }]));
        }
    }
    for step in &mut plan.steps {
        step.hazards = vec![SavedHazard { hazard: Hazard::ProtectionGap, why: text.to_owned() }];
    }
    let address = "role.gone".parse().expect("an address");
    plan.orphans = vec![SavedOrphan { address, name: text.to_owned(), id: text.to_owned(), cause: None }];
    plan.diagnostics = vec![notice(text, Severity::Error), notice(text, Severity::Warning)];
    plan
}

fn notice(text: &str, severity: Severity) -> Notice {
    Notice {
        code: "VSS0801".to_owned(),
        severity,
        message: text.to_owned(),
        address: None,
        location: None,
        label: Some(text.to_owned()),
        help: vec![text.to_owned()],
    }
}

/// Returns what stands outside the fenced blocks of a text, each of which must be closed.
fn outside(text: &str) -> Vec<&str> {
    let mut fence: Option<usize> = None;
    let mut lines = Vec::new();
    for line in text.lines() {
        let ticks = line.chars().take_while(|letter| *letter == '`').count();
        match fence {
            None if ticks >= 3 && line.ends_with("diff") => fence = Some(ticks),
            None => lines.push(line),
            Some(open) if ticks >= open && ticks == line.len() => fence = None,
            Some(_) => {}
        }
    }
    assert_eq!(fence, None, "a fence is open at the end:\n{text}");
    lines
}

/// Takes the code spans out of a line: nothing in them is markup.
fn without_code(line: &str) -> String {
    // A line of HTML is no Markdown.
    if line.starts_with('<') {
        return line.to_owned();
    }
    let mut rest = line;
    let mut bare = String::new();
    while let Some(start) = rest.find('`') {
        bare.push_str(&rest[..start]);
        let open = rest[start..].chars().take_while(|letter| *letter == '`').count();
        let inside = &rest[start + open..];
        let fence = "`".repeat(open);
        let end = inside
            .match_indices(&fence)
            .map(|(at, _)| at)
            .find(|at| !inside[..*at].ends_with('`') && !inside[at + open..].starts_with('`'));
        let Some(end) = end else { panic!("a code span is open: {line}") };
        rest = &inside[end + open..];
    }
    bare + rest
}

fn assert_is_one_comment(text: &str, limit: usize) {
    assert!(text.starts_with("<!-- vssctl:plan:v1 stack="), "{text}");
    assert!(text.chars().count() <= limit, "{} characters", text.chars().count());
    let lines = outside(text);
    let all = lines.iter().map(|line| without_code(line)).collect::<Vec<_>>().join("\n");
    assert_eq!((all.matches("<!--").count(), all.matches("-->").count()), (1, 1), "{all}");
    assert_eq!(all.matches("<details").count(), all.matches("</details>").count(), "{all}");
    // Outside code, only our own markup is left: what is in code spans is no markup.
    for line in lines.iter().skip(1) {
        let bare = [
            "<details open>",
            "<details>",
            "</details>",
            "<summary>",
            "</summary>",
            "<code>",
            "</code>",
            "<sub>",
            "</sub>",
            "<i>",
            "</i>",
        ]
        .iter()
        .fold(without_code(line), |line, tag| line.replace(tag, ""));
        assert!(!bare.contains('<'), "{line}");
    }
}

/// Reads a step's output file as the runner does.
fn read_outputs(text: &str) -> Vec<(String, String)> {
    let mut lines = text.lines();
    let mut read = Vec::new();
    while let Some(head) = lines.next() {
        let (name, delimiter) = head.split_once("<<").expect("a name and a delimiter");
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        read.push((name.to_owned(), value.join("\n")));
    }
    read
}

fn assert_is_harmless_log(log: &str, token: &str) {
    let mut is_stopped = false;
    let mut counts = [0; 3];
    for line in log.lines() {
        if line == format!("::stop-commands::{token}") {
            is_stopped = true;
        } else if line == format!("::{token}::") {
            is_stopped = false;
        } else if !is_stopped {
            let level = ["::error", "::warning", "::notice"].iter().position(|level| line.starts_with(level));
            counts[level.unwrap_or_else(|| panic!("{line}"))] += 1;
        } else {
            assert!(!line.contains(token), "{line}");
        }
    }
    assert!(!is_stopped && counts.iter().all(|count| *count <= 10), "{counts:?}");
}

fn assert_is_sound(plan: &SavedPlan) {
    let options = markdown::Options { limit: markdown::COMMENT, options_of_same: "" };
    let text = markdown::plan(plan, &options);
    assert_is_one_comment(&text, markdown::COMMENT);
    assert_eq!(markdown::plan(plan, &options), text);
    let token = "0123456789abcdef0123456789abcdef";
    let shown = crate::plan_reading::read(plan, 80, Detail::Brief);
    for detail in [Detail::Full, Detail::Summary] {
        let shown = crate::plan_reading::read(plan, 80, detail);
        assert!(shown.chars().all(|it| it == '\n' || !vssctl::model::safe::is_hidden(it)), "{shown}");
    }
    assert_is_harmless_log(&github::log(&shown, plan, token, &|name| name.to_owned()), token);
    let run = github::Run { exit: 0, stale: false, json_plan_path: Some("plan.json"), text_plan_path: None };
    let outputs = github::outputs(plan, &run);
    let read = read_outputs(&github::output_file(&outputs, token));
    assert_eq!(
        read.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        outputs.iter().map(|(name, _)| *name).collect::<Vec<_>>()
    );
    assert!(github::summary(plan, "").len() <= github::SUMMARY);
    let origin = Origin { command: "plan", file: "vss.toml", scope: Some(&plan.scope) };
    let log = sarif::plan(plan, &origin, &|name| name.to_owned());
    assert!(log["runs"][0]["results"].as_array().is_some_and(|results| results.len() <= RESULTS));
    let terraform = tfplan::plan(plan);
    let words: Vec<&Value> = terraform["resource_changes"]
        .as_array()
        .expect("changes")
        .iter()
        .flat_map(|change| change["change"]["actions"].as_array().expect("actions"))
        .collect();
    let count = |word: &str| words.iter().filter(|it| **it == word).count();
    assert_eq!(
        gitlab::counts(plan),
        json!({ "create": count("create"), "update": count("update"), "delete": count("delete") })
    );
    for value in [log, terraform] {
        let text = pretty(&value).expect("JSON");
        assert!(text.chars().all(|letter| letter == '\n' || !vssctl::model::safe::is_hidden(letter)));
    }
}

#[test]
fn text_of_others_stays_text_in_every_format() {
    let template = template();
    assert_is_sound(&template);
    for text in HOSTILE {
        assert_is_sound(&hostile(&template, text));
        assert_is_sound(&hostile(&template, &format!("a {text}b{text}")));
    }
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(60));
    let pieces = proptest::collection::vec(
        prop_oneof![any::<String>(), proptest::sample::select(HOSTILE.to_vec()).prop_map(str::to_owned)],
        1..6,
    );
    let outcome = runner.run(&pieces, |pieces| {
        assert_is_sound(&hostile(&template, &pieces.concat()));
        Ok(())
    });
    outcome.expect("every text is harmless");
}

#[test]
fn what_does_not_fit_is_left_out_and_counted() {
    let mut plan = template();
    let change = plan.changes.iter().find(|change| change.action == Action::Update).expect("an update").clone();
    let kept: BTreeSet<String> = plan.changes.iter().map(|change| change.address.to_string()).collect();
    let more = (0..400).map(|number| {
        let mut fields = change.fields.clone();
        fields[0].after = json!("x".repeat(1_000));
        SavedChange { address: format!("vault.v{number}").parse().expect("an address"), fields, ..change.clone() }
    });
    plan.changes.extend(more);
    plan.diagnostics = (0..6_000).map(|number| notice(&format!("problem {number}"), Severity::Warning)).collect();
    assert_is_sound(&plan);
    for limit in [markdown::LEAST, 10_000, markdown::COMMENT, 1_000_000] {
        let text = markdown::plan(&plan, &markdown::Options { limit, options_of_same: "" });
        assert_is_one_comment(&text, limit);
        // A part without lines has nothing to open.
        let shown = text.lines().filter(|line| line.contains("<summary>") || line.starts_with("<code>")).count();
        let all = plan.changes.iter().filter(|change| change.action != Action::NoOp).count() + 1;
        let told =
            text.lines().find_map(|line| line.strip_prefix('_')).map(|line| line.split(' ').next().unwrap_or_default());
        assert_eq!(
            told.map(str::parse::<usize>),
            (shown < all || text.contains("more lines")).then_some(Ok(all - shown)),
            "{limit}"
        );
    }
    let origin = Origin { command: "plan", file: "vss.toml", scope: None };
    let log = sarif::plan(&plan, &origin, &|name| name.to_owned());
    assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(RESULTS));
    let notifications = log["runs"][0]["invocations"][0]["toolExecutionNotifications"].to_string();
    assert!(notifications.contains("results are left out"), "{notifications}");
    let annotated = github::log("", &plan, "token", &|name| name.to_owned());
    assert!(annotated.contains("::warning::and ") && annotated.contains("more: see the summary"), "{annotated}");
    assert!(!kept.is_empty());
}
