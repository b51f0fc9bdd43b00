//! Transcripts: each file of `tests/scenarios` is run command by command in a directory of its own, and what happens is
//! compared with what it says. `SNAPSHOTS=overwrite` writes what happened into the files, to be read before it is kept.
//!
//! A block marked `console` holds one command after `$ `, its stdout and stderr, and `[exit N]` where N is not 0. A
//! block marked `toml NAME` is written to the file NAME. Everything else is prose.

use std::fmt::Write as _;
use std::path::Path;

use snapbox::{Assert, Data};

use crate::harness::Place;

fn transcript(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(name);
    let text = std::fs::read_to_string(&path).expect("a transcript");
    let assert = Assert::new().action_env("SNAPSHOTS");
    assert.eq(Data::text(replay(&text)), Data::read_from(&path, Some(snapbox::data::DataFormat::Text)).raw());
}

/// Runs the commands of a transcript and returns it as it really goes.
fn replay(text: &str) -> String {
    let place = Place::empty();
    let mut actual = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let _ = writeln!(actual, "{line}");
        let Some(mark) = line.strip_prefix("```").filter(|mark| !mark.is_empty()) else { continue };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if let Some(file) = mark.strip_prefix("toml ") {
            let content: String = block.iter().flat_map(|line| [line, "\n"]).collect();
            place.write(file, &content);
            actual.push_str(&content);
        } else if mark == "console" {
            let command = block.first().and_then(|line| line.strip_prefix("$ ")).expect("a command after `$ `");
            let run = place.shell(&format!("{{ {command} ; }} 2>&1"));
            let _ = writeln!(actual, "$ {command}");
            actual.push_str(&settled(&run.stdout));
            if run.code != Some(0) {
                let _ = writeln!(actual, "[exit {}]", run.code.expect("an exit code"));
            }
        } else {
            actual.extend(block.iter().flat_map(|line| [line, "\n"]));
        }
        actual.push_str("```\n");
    }
    actual
}

/// Takes out what differs from run to run: durations.
fn settled(output: &str) -> String {
    let duration = regex::Regex::new(r"\(\d+(\.\d+)?m?s\)").expect("a pattern");
    duration.replace_all(output, "(0.0s)").into_owned()
}

#[test]
fn the_main_job_goes_as_its_transcript_says() {
    transcript("main-job.md");
}

#[test]
fn mistakes_are_answered_as_the_transcript_says() {
    transcript("mistakes.md");
}

#[test]
fn strangers_are_refused_as_the_transcript_says() {
    transcript("strangers.md");
}
