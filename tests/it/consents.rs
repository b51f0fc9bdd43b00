//! Consent in the file, through the built binary: what it covers, what it doesn't, and when it is over.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::harness::{MAIN_JOB, Place, Run};

/// A day from today on, in UTC.
fn day(from_today: i64) -> String {
    let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
    today.checked_add(from_today.days()).expect("a day").to_string()
}

fn consent(hazard: &str, address: &str, until: &str) -> String {
    format!(
        "\n[[consent]]\nhazard = \"{hazard}\"\naddress = \"{address}\"\nreason = \"meant so\"\nuntil = \"{until}\"\n"
    )
}

/// The main job, applied, and then a file whose plan keeps backups for less time.
fn shortened(consents: &str) -> Place {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    place.write("vss.toml", MAIN_JOB.replace("\"35d\"", "\"30d\"") + consents);
    place
}

fn apply(place: &Place) -> Run {
    place.sandbox(&["apply", "--yes"])
}

#[test]
fn a_consent_of_the_file_covers_its_hazard_at_its_address_and_is_shown_with_its_reason() {
    let place = shortened(&consent("retention-shortened", "plan.daily", &day(30)));
    let plan = place.sandbox(&["plan", "--out", "saved.json"]).exits(0);
    assert!(plan.stdout.contains(&format!("consented to in the file until {}: meant so", day(30))), "{}", plan.stdout);
    assert!(!plan.stdout.contains("--allow"), "{}", plan.stdout);
    let comment = place.sandbox(&["plan", "--format", "markdown"]).exits(0).stdout;
    assert!(comment.contains("consented to in the file") && !comment.contains("--allow"), "{comment}");
    let shown = place.sandbox(&["show", "saved.json"]).exits(0);
    assert_eq!(shown.stdout, plan.stdout);
    place.sandbox(&["apply", "saved.json", "--yes"]).exits(0);
    // Once it is done the consent has no use, and says so.
    let after = place.sandbox(&["plan"]).exits(0);
    assert!(after.stdout.contains("VSS0223"), "{}", after.stdout);
}

#[test]
fn a_consent_to_something_else_covers_nothing() {
    for (hazard, address) in [("retention-shortened", "plan.other"), ("protection-gap", "plan.daily")] {
        let place = shortened(&consent(hazard, address, &day(30)));
        let run = apply(&place).exits(4);
        assert!(run.stderr.contains("needs consent to retention-shortened"), "{}", run.stderr);
    }
}

#[test]
fn an_allowance_may_name_the_address() {
    let place = shortened("");
    place.sandbox(&["apply", "--yes", "--allow", "retention-shortened@plan.other"]).exits(4);
    place.sandbox(&["apply", "--yes", "--allow", "retention-shortened@plan"]).exits(6);
    place.sandbox(&["apply", "--yes", "--allow", "retention-shortened@plan.daily"]).exits(0);
}

#[test]
fn a_consent_that_is_over_warns_and_one_that_is_too_long_is_an_error() {
    let place = shortened(&consent("retention-shortened", "plan.daily", &day(-1)));
    let plan = place.sandbox(&["plan"]).exits(0);
    assert!(plan.stderr.contains("VSS0222"), "{}", plan.stderr);
    apply(&place).exits(4);
    // The last day counts to its end.
    let place = shortened(&consent("retention-shortened", "plan.daily", &day(0)));
    apply(&place).exits(0);
    let place = shortened(&consent("retention-shortened", "plan.daily", &day(91)));
    let run = place.run(&["validate"]).exits(6);
    assert!(run.stderr.contains("VSS0221"), "{}", run.stderr);
}

#[test]
fn each_mistake_in_a_consent_is_named_at_its_place() {
    let bad = "\n[[consent]]\nhazard = \"protecton-gap\"\naddress = \"plan.*\"\nreason = \" \"\nuntil = \"soon\"\n";
    let run = Place::with(&(MAIN_JOB.to_owned() + bad)).run(&["validate"]).exits(6);
    assert_eq!(run.stderr.matches("VSS0220").count(), 4, "{}", run.stderr);
    assert!(run.stderr.contains("did you mean `protection-gap`?"), "{}", run.stderr);
    for (hazard, address) in [("large-change", "plan.daily"), ("protection-gap", "stack")] {
        let text = MAIN_JOB.to_owned() + &consent(hazard, address, &day(1));
        let run = Place::with(&text).run(&["validate"]).exits(6);
        assert!(run.stderr.contains("is no hazard of"), "{}", run.stderr);
    }
}

#[test]
fn a_consent_in_a_base_file_covers_nothing() {
    let place = shortened("");
    place.write(
        "base.toml",
        "[tags]\nteam = \"a\"\n".to_owned() + &consent("retention-shortened", "plan.daily", &day(30)),
    );
    let text = place.read("vss.toml");
    place.write("vss.toml", format!("extends = \"base.toml\"\n{text}"));
    let run = apply(&place).exits(4);
    assert!(run.stderr.contains("a consent in a base file covers nothing"), "{}", run.stderr);
}

#[test]
fn consents_leave_the_digest_alone() {
    let place = shortened("");
    let digest = |run: Run| run.stdout.lines().find(|line| line.contains("\"digest\"")).map(str::to_owned);
    let without = digest(place.sandbox(&["plan", "--format", "json"]).exits(0));
    let text = place.read("vss.toml");
    place.write("vss.toml", text + &consent("retention-shortened", "plan.daily", &day(3)));
    assert_eq!(digest(place.sandbox(&["plan", "--format", "json"]).exits(0)), without);
}
