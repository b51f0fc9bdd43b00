//! Every command line that people read is one that `vssctl` takes: in the README, the pages below `docs/`, the help
//! texts and the messages of the program itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;

use super::arguments::command;

/// Finds the command lines of a text: in backticks, and in lines of a shell.
fn command_lines(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("`vssctl ") {
        let after = &rest[start + 1..];
        let Some(end) = after.find('`') else { break };
        found.push(after[..end].split_whitespace().collect::<Vec<_>>().join(" "));
        rest = &after[end + 1..];
    }
    let mut in_block = false;
    for line in text.lines() {
        let line = line.trim_start_matches(['/', '#', '|', ' ']);
        if line.starts_with("```") {
            in_block = !in_block;
        }
        let line = line.strip_prefix("$ ").unwrap_or(if in_block { line } else { "" });
        found.extend(line.starts_with("vssctl ").then(|| line.to_owned()));
    }
    found
}

/// Takes a line apart as a shell does: up to a pipe, a comment or another command; with a word in each gap.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in without_gaps(line).chars() {
        match (letter, quote) {
            ('\'' | '"', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            ('#' | '|' | '>' | ';' | '&' | '(' | '\\', None) => break,
            (' ', None) => words.push(String::new()),
            _ => words.last_mut().expect("a word").push(letter),
        }
    }
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

/// Puts a word in each gap of a message, and nothing in one that holds the blank after it.
fn without_gaps(line: &str) -> String {
    let mut parts = line.split('{');
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (_, after) = part.split_once('}').unwrap_or((part, ""));
        let holds_blank = after.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '-');
        whole.push_str(if holds_blank { "" } else { "X" });
        whole.push_str(after);
    }
    whole
}

fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
}

fn help_texts(command: &clap::Command, texts: &mut Vec<String>) {
    texts.push(command.clone().render_long_help().to_string());
    command.get_subcommands().for_each(|below| help_texts(below, texts));
}

/// Says what is wrong with a command line.
fn problem(line: &str) -> Option<String> {
    // What stands in a column of its own is a remark.
    let line = line.split("  ").next().unwrap_or_default();
    let words = words(&line.replace("[=FILE]", "=FILE"));
    // `vssctl` in a sentence, its version, and what is not written out.
    let is_left_open = |word: &String| word.contains("...") || word == "X";
    if words.len() < 2 || is_left_open(&words[1]) || words[1].starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if words.iter().any(|word| word.contains("...")) {
        return None;
    }
    let error = command().try_get_matches_from(&words).err()?;
    match error.kind() {
        // Help is an answer, and a command may be named without what it needs.
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => None,
        ErrorKind::InvalidValue if error.to_string().contains("none was supplied") => None,
        // A name in capitals stands for a value.
        ErrorKind::ValueValidation | ErrorKind::InvalidValue
            if words.iter().any(|word| word.chars().any(char::is_uppercase)) =>
        {
            None
        }
        _ => Some(format!("{line}\n    {}", error.to_string().lines().next().unwrap_or_default())),
    }
}

#[test]
fn every_command_line_that_people_read_is_taken() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![root.join("README.md"), root.join("CHANGELOG.md"), root.join("CONTRIBUTING.md")];
    files(&root.join("docs"), "md", &mut paths);
    files(&root.join("examples"), "toml", &mut paths);
    files(&root.join("src"), "rs", &mut paths);
    paths.retain(|path| !path.ends_with("command_lines.rs"));
    paths.push(root.join("src/cli/init.toml"));
    let mut texts: Vec<String> = paths.iter().map(|path| std::fs::read_to_string(path).expect("a text")).collect();
    help_texts(&command(), &mut texts);
    let lines: BTreeSet<String> = texts.iter().flat_map(|text| command_lines(text)).collect();
    assert!(lines.len() > 40, "{}", lines.len());
    let problems: Vec<String> = lines.iter().filter_map(|line| problem(line)).collect();
    assert!(problems.is_empty(), "{} of {} lines:\n{}", problems.len(), lines.len(), problems.join("\n"));
}

#[test]
fn a_line_that_is_not_taken_is_found() {
    for line in ["vssctl plan --no-such", "vssctl plann", "vssctl show --lock none", "vssctl unlock --epoch x"] {
        assert!(problem(line).is_some(), "{line}");
    }
    for line in ["vssctl plan --no-input", "vssctl --sandbox=FILE plan | cat", "vssctl adopt", "vssctl explain CODE"] {
        assert!(problem(line).is_none(), "{line}");
    }
}

#[test]
fn every_command_takes_no_input() {
    fn each(command: &clap::Command, way: &[String], found: &mut Vec<Vec<String>>) {
        for below in command.get_subcommands() {
            let way = [way, &[below.get_name().to_owned()]].concat();
            found.push(way.clone());
            each(below, &way, found);
        }
    }
    let mut ways = Vec::new();
    each(&command(), &["vssctl".to_owned()], &mut ways);
    assert!(ways.len() > 15);
    for way in ways {
        let line = [way.as_slice(), &["--no-input".to_owned()]].concat();
        let refused = command().try_get_matches_from(&line).err().map(|error| error.kind());
        assert_ne!(refused, Some(clap::error::ErrorKind::UnknownArgument), "{line:?}");
    }
}
