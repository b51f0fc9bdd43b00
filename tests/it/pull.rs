//! `vssctl pull`: what is live goes into the file, and into nothing else of it; the plan has no difference then.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::harness::{MAIN_JOB, Place, Run};
use crate::kind_contract::{Row, SHEETS, Sheet};

const CONSENT: &str = "protection-gap,vss-disabled,vss-unavailable,retention-shortened,retention-orphan,credential-gap,\
privilege-widened,trust-widened,broad-selection,backed-up-twice,starts-instances,irreversible-lock";

fn apply(place: &Place, text: &str) -> Run {
    place.write("vss.toml", text);
    place.sandbox(&["apply", "--yes", "--no-input", "--allow", CONSENT])
}

/// Returns what the plan does to a resource.
fn action(place: &Place, address: &str) -> String {
    let plan = place.sandbox(&["plan", "--format", "json"]);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap_or_else(|_| panic!("{}", plan.stderr));
    let changes = plan["changes"].as_array().expect("changes");
    let change = changes.iter().find(|change| change["address"] == address).expect("the resource");
    format!("{} {}", change["action"].as_str().unwrap_or_default(), change["fields"])
}

/// Puts a comment above and behind each line of an entry that is a line by itself.
fn commented(text: &str) -> String {
    let line = |(number, line): (usize, &str)| {
        let is_whole = line.parse::<toml::Table>().is_ok() && !line.is_empty();
        if is_whole { format!("# above {number}\n{line}  # behind {number}\n") } else { format!("{line}\n") }
    };
    text.lines().enumerate().map(line).collect()
}

fn comments(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.find("# ").map(|at| line[at..].trim())).collect()
}

/// Pulls what a row changed behind the file's back.
fn row(sheet: &Sheet, row: &Row, skipped: &AtomicUsize, problems: &Mutex<Vec<String>>) {
    let (first, second) = (sheet.file(row.first), commented(&sheet.file(row.second)));
    let place = Place::empty();
    let applied = apply(&place, &first);
    let report = |what: &str, run: &Run| {
        let text =
            format!("{} {}: {what}: {:?}\n{}\n{}", sheet.kind, row.path, run.code, run.stderr, place.read("vss.toml"));
        problems.lock().expect("no thread panicked").push(text);
    };
    // The simulated account of a process has neither keys nor vaults of others.
    if applied.code == Some(4) && format!("{}{}", applied.stdout, applied.stderr).contains("VSS0915") {
        skipped.fetch_add(1, Ordering::Relaxed);
        return;
    }
    if applied.code != Some(0) {
        return report("not applied", &applied);
    }
    place.write("vss.toml", &second);
    let address = sheet.address;
    let shown = place.sandbox(&["pull", "--dry-run", address]);
    if place.read("vss.toml") != second {
        report("a dry run wrote", &shown);
    }
    let pulled = place.sandbox(&["pull", address]);
    // What nobody is shown is not written into a file either.
    if row.path.ends_with("overrides") {
        if pulled.code != Some(4)
            || !pulled.stderr.contains("nobody is shown its value")
            || place.read("vss.toml") != second
        {
            report("a hidden value", &pulled);
        }
        return;
    }
    if pulled.code != Some(0) || shown.stdout != pulled.stdout {
        return report("not pulled", &pulled);
    }
    let after = place.read("vss.toml");
    let left = action(&place, address);
    if left != "no_op []" {
        report(&format!("left {left}"), &pulled);
    }
    let lost: Vec<&str> = comments(&second).into_iter().filter(|comment| !comments(&after).contains(comment)).collect();
    if !lost.is_empty() {
        report(&format!("lost {lost:?}"), &pulled);
    }
    // Nothing before the entry has moved.
    let around = second.split(sheet.entry.lines().next().unwrap_or_default()).next().unwrap_or_default();
    if !after.starts_with(around) {
        report("wrote elsewhere", &pulled);
    }
    let again = place.sandbox(&["pull", address]);
    if again.code != Some(0) || place.read("vss.toml") != after {
        report("pulled twice", &again);
    }
}

#[test]
fn every_field_that_somebody_changed_is_pulled_into_the_file() {
    let rows: Vec<(&Sheet, &Row)> =
        SHEETS.iter().flat_map(|sheet| sheet.rows.iter().map(move |row| (sheet, row))).collect();
    let (next, skipped, problems) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((sheet, one)) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    row(sheet, one, &skipped, &problems);
                }
            });
        }
    });
    let problems = problems.into_inner().expect("no thread panicked");
    let skipped = skipped.into_inner();
    println!("{} fields pulled, {skipped} not applied", rows.len() - skipped);
    assert!(skipped <= 2, "{skipped}");
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), rows.len(), problems.join("\n---\n"));
}

fn changed(from: &str, to: &str) -> (Place, String) {
    let place = Place::empty();
    apply(&place, &MAIN_JOB.replace(from, to)).exits(0);
    let text = format!("# first\n{}# last\n", MAIN_JOB.replace("[vault.vss]", "[vault.vss]   # kept"));
    place.write("vss.toml", &text);
    (place, text)
}

#[test]
fn only_the_value_that_differs_is_written() {
    let (place, text) = changed("\"35d\"", "\"40d\"");
    let run = place.sandbox(&["pull", "plan.daily"]).exits(0);
    assert!(run.stdout.contains("-delete_after    = \"35d\"\n+delete_after    = \"40d\"\n"), "{}", run.stdout);
    assert_eq!(place.read("vss.toml"), text.replace("\"35d\"", "\"40d\""));
    let run = place.sandbox(&["pull", "plan.daily", "vault.vss"]).exits(0);
    assert!(run.stdout.is_empty() && run.stderr.contains("Nothing to pull"), "{}", run.stderr);
}

#[test]
fn windows_line_ends_stay() {
    let (place, text) = changed("\"35d\"", "\"40d\"");
    place.write("vss.toml", text.replace('\n', "\r\n"));
    place.sandbox(&["pull", "plan.daily"]).exits(0);
    assert_eq!(place.read("vss.toml"), text.replace("\"35d\"", "\"40d\"").replace('\n', "\r\n"));
}

#[test]
fn what_a_default_says_is_written_over_in_the_entry() {
    let place = Place::empty();
    apply(&place, &MAIN_JOB.replace("\"35d\"", "\"40d\"")).exits(0);
    let line = "delete_after    = \"35d\"\n";
    let text = format!("{}\n[defaults.rule]\ndelete_after = \"35d\"\n", MAIN_JOB.replace(line, ""));
    place.write("vss.toml", &text);
    place.sandbox(&["pull", "plan.daily"]).exits(0);
    let after = place.read("vss.toml");
    assert!(
        after.contains("[defaults.rule]\ndelete_after = \"35d\"\n") && after.contains("delete_after = \"40d\"\n"),
        "{after}"
    );
    assert_eq!(action(&place, "plan.daily"), "no_op []");
}

#[test]
fn a_document_in_a_file_is_written_to_that_file_unless_another_entry_has_it_too() {
    let document = |action: &str| {
        format!(
            "{{\"Version\":\"2012-10-17\",\"Statement\":{{\"Effect\":\"Allow\",\"Action\":\"{action}\",\"Resource\":\"*\"}}}}"
        )
    };
    let entry = |key: &str| format!("[policy.{key}]\ndocument = {{ file = \"policies/p.json\" }}\n");
    let head = MAIN_JOB.split("\n[role").next().unwrap_or_default();
    let place = Place::empty();
    place.write("policies/p.json", document("ec2:DescribeTags"));
    apply(&place, &format!("{head}\n{}", entry("a"))).exits(0);
    place.write("policies/p.json", document("ec2:DescribeImages"));
    let before = place.read("vss.toml");
    let run = place.sandbox(&["pull", "policy.a"]).exits(0);
    assert!(
        run.stdout.contains("+++ policies/p.json") || run.stdout.contains("+++ ./policies/p.json"),
        "{}",
        run.stdout
    );
    assert_eq!(place.read("vss.toml"), before);
    assert!(place.read("policies/p.json").contains("ec2:DescribeTags"));
    assert_eq!(action(&place, "policy.a"), "no_op []");
    // Of two entries with one file only one has changed.
    place.write("policies/p.json", document("ec2:DescribeImages"));
    let text = format!(
        "{head}\n{}{}",
        entry("a").replace("{ file = \"policies/p.json\" }", &format!("'{}'", document("ec2:DescribeTags"))),
        entry("b")
    );
    apply(&place, &text).exits(0);
    place.write("vss.toml", format!("{head}\n{}{}", entry("a"), entry("b")));
    place.sandbox(&["pull", "policy.a"]).exits(0);
    assert!(place.read("policies/p.json").contains("ec2:DescribeImages"));
    assert_eq!(
        (action(&place, "policy.a"), action(&place, "policy.b")),
        ("no_op []".to_owned(), "no_op []".to_owned())
    );
}

#[test]
fn what_can_not_be_written_is_refused_and_nothing_is_written() {
    // A tag of the whole stack that one resource lacks.
    let (place, text) = changed("\"35d\"", "\"40d\"");
    place.write("vss.toml", format!("{text}\n[tags]\nteam = \"a\"\n"));
    let before = place.read("vss.toml");
    let run = place.sandbox(&["pull", "plan.daily"]).exits(4);
    assert!(run.stderr.contains("`tags.team` would still differ"), "{}", run.stderr);
    assert_eq!(place.read("vss.toml"), before);
    place.write("vss.toml", format!("{text}[vault.new]\n"));
    let run = place.sandbox(&["pull", "vault.new"]).exits(1);
    assert!(run.stderr.contains("is not there yet"), "{}", run.stderr);
    place.sandbox(&["pull", "vault.none"]).exits(6);
    std::fs::rename(place.path().join("vss.toml"), place.path().join("real.toml")).expect("a file");
    std::os::unix::fs::symlink("real.toml", place.path().join("vss.toml")).expect("a link");
    place.sandbox(&["pull", "plan.daily"]).exits(4);
}
