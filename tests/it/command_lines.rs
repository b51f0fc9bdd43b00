//! Every command line that people read is run: those of the README, of the pages below `docs/`, of the examples, of the
//! help texts, and of the messages and comments of the program itself. Each runs against the sandbox in a folder of its
//! own, with the files that it names, and ends with the exit code that the README documents for it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::harness::{MAIN_JOB, Place, binary};

/// The beginnings of lines that are not run, each with the reason.
const NOT_RUN: [(&str, &str); 3] = [
    ("vssctl 0.1.0", "the name of a version"),
    ("vssctl sandbox serve", "serves until Ctrl-C; the tests in Python run it"),
    ("vssctl --sandbox=FILE sandbox serve", "serves until Ctrl-C; the tests in Python run it"),
];

/// What stands for a value in the lines, and the value with which they are run.
const VALUES: [(&str, &str); 21] = [
    ("[ADDR...]", ""),
    ("[ADDR[.FIELD]]", ""),
    ("[CODE]", ""),
    ("[FILE...]", ""),
    ("[INSTANCE...]", ""),
    ("ADDR...", ROLE),
    ("ADDRESS", ROLE),
    ("ASSOCIATION-ID", ASSOCIATION),
    ("CODE", "VSS0102"),
    ("FILE", "account.json"),
    ("FORMAT", "markdown"),
    ("ID", ASSOCIATION),
    ("INSTANCE", "sql-1"),
    ("N", "1"),
    ("REF", "HEAD"),
    ("NAME", "AwsVssComponents"),
    ("SHELL", "bash"),
    ("TEMPLATE", "template.yaml"),
    ("sha256:...", "{digest}"),
    ("fleet.toml", "fleet.toml"),
    ("plan.json", "plan.json"),
];
const ROLE: &str = "role.AWSBackupVss";
/// Stands for the id of the association in the account, which is known once it is made.
const ASSOCIATION: &str = "{association}";

/// Commands that text names without what they need, and how they are run.
const COMPLETED: [(&str, &str); 10] = [
    ("vssctl adopt", "vssctl adopt role.AWSBackupVss"),
    ("vssctl apply --yes --expect-digest", "vssctl apply --yes --expect-digest sha256:..."),
    ("vssctl backup", "vssctl backup sql-1"),
    ("vssctl export", "vssctl export --all"),
    ("vssctl init --from-cloudformation", "vssctl init --from-cloudformation template.yaml"),
    ("vssctl permissions", "vssctl permissions plan"),
    ("vssctl plan --expect-digest", "vssctl plan --expect-digest sha256:..."),
    ("vssctl show FILE", "vssctl show plan.json"),
    ("vssctl show FILE --format FORMAT", "vssctl show plan.json --format markdown"),
    ("vssctl unlock", "vssctl unlock --epoch 1"),
];

/// Finds the command lines of a text: in backticks, and in lines of a shell.
pub(crate) fn command_lines(text: &str) -> Vec<String> {
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
        // What stands in a column of its own is a remark.
        let line = line.split("  ").next().unwrap_or_default();
        found.extend(line.starts_with("vssctl ").then(|| line.to_owned()));
    }
    found
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

/// Collects the help texts of a command and of those below it.
fn help_texts(place: &Place, command: &[&str], texts: &mut Vec<String>) {
    let help = place.run(&[command, &["--help"]].concat()).exits(0).stdout;
    let below = help.split_once("\nCommands:\n").map_or("", |(_, rest)| rest.split("\n\n").next().unwrap_or_default());
    let names = below.lines().filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    for name in names.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help") {
        help_texts(place, &[command, &[name]].concat(), texts);
    }
    texts.push(help);
}

fn every_line() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths =
        ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "src/cli/init.toml"].map(|name| root.join(name)).to_vec();
    files(&root.join("docs"), "md", &mut paths);
    files(&root.join("examples"), "toml", &mut paths);
    files(&root.join("src"), "rs", &mut paths);
    let mut texts: Vec<String> = paths.iter().map(|path| std::fs::read_to_string(path).expect("a text")).collect();
    help_texts(&Place::empty(), &[], &mut texts);
    texts.iter().flat_map(|text| command_lines(text)).collect()
}

/// Takes a line apart as a shell does: up to a pipe, a comment or another command.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut before = ' ';
    for letter in line.chars() {
        match (letter, quote) {
            ('\'' | '"', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            ('#' | '|' | '>' | ';' | '&' | '\\', None) if before == ' ' => break,
            (' ', None) => words.push(String::new()),
            _ => words.last_mut().expect("a word").push(letter),
        }
        before = letter;
    }
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

/// Puts values in place of what stands for one. A word with a bar between its letters stands for several lines.
fn filled(line: &str) -> Vec<Vec<String>> {
    let line = COMPLETED.iter().find(|(open, _)| *open == line).map_or(line, |(_, whole)| whole);
    // A gap of a message that holds the blank after it.
    let line = line.replace("{named}", "").replace("[=FILE]", "=FILE");
    let mut lines = vec![Vec::new()];
    for word in words(&line) {
        let one = |word: &str| {
            let exact = VALUES.iter().find(|(name, _)| *name == word).map(|(_, value)| (*value).to_owned());
            exact.unwrap_or_else(|| parts(word))
        };
        let choices: Vec<String> = word.split('|').map(one).collect();
        lines = lines
            .iter()
            .flat_map(|line: &Vec<String>| {
                choices.iter().map(|choice| [line.as_slice(), std::slice::from_ref(choice)].concat())
            })
            .collect();
    }
    for line in &mut lines {
        line.retain(|word| !word.is_empty());
    }
    lines
}

/// Puts values in place of parts of a word, such as in `package.NAME=ID` and `{address}={id}`.
fn parts(word: &str) -> String {
    let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    let name = name.replace("package.NAME", "package.AwsVssComponents");
    match value {
        Some(value) => {
            let value = VALUES.iter().find(|(known, _)| *known == value).map_or(value, |(_, value)| value);
            // Only an address has a gap before a value.
            let name = if name.starts_with('{') { "package.AwsVssComponents".to_owned() } else { name };
            format!("{name}={}", if value.starts_with('{') { ASSOCIATION } else { value })
        }
        None => name,
    }
}

/// Puts a value in each gap of a message: what a command takes there.
fn without_gaps(words: Vec<String>, digest: &str, association: &str) -> Vec<String> {
    let command = words.get(1).cloned().unwrap_or_default();
    let word = |word: String| {
        let word = word.replace("{digest}", digest).replace(ASSOCIATION, association);
        if !word.starts_with('{') {
            return word;
        }
        match command.as_str() {
            "adopt" => ROLE.to_owned(),
            "apply" => "plan.json".to_owned(),
            "--file" => "vss.toml".to_owned(),
            _ => "sql-1".to_owned(),
        }
    };
    words.into_iter().map(word).collect()
}

/// The exit codes that the README documents for a line, where the stack has one open change and one server is not well.
fn documented(words: &[&str]) -> &'static [i32] {
    let has = |word: &str| words.contains(&word);
    match words.iter().find(|word| !word.starts_with('-') && word.chars().all(char::is_alphabetic)) {
        // Nobody consents.
        Some(&"apply" | &"destroy") if !has("--yes") => &[4],
        Some(&"plan") if has("--detailed-exitcode") => &[2],
        Some(&"drift") => &[2],
        Some(&"fmt") if has("--check") => &[0, 8],
        // CloudFormation has no type for the region's settings.
        Some(&"verify" | &"doctor" | &"coverage" | &"backup" | &"export") => &[0, 8],
        Some(_) | None => &[0],
    }
}

/// What each line finds in its folder: an account with the main job, a file that changes something of it, the saved plan of
/// that, a scenario, and a template.
struct Prepared {
    place: Place,
    digest: String,
    association: String,
}

impl Prepared {
    fn new() -> Self {
        let place = Place::with(MAIN_JOB);
        place.sandbox(&["apply", "--yes", "--no-input"]).exits(0);
        place.write("vss.toml", MAIN_JOB.replace("delete_after    = \"35d\"", "delete_after    = \"40d\""));
        let plan = place.sandbox(&["plan", "--out", "plan.json", "--format", "json"]).exits(0).stdout;
        let plan: serde_json::Value = serde_json::from_str(&plan).expect("JSON");
        let dump = place.sandbox(&["sandbox", "dump"]).exits(0).stdout;
        let dump: serde_json::Value = serde_json::from_str(&dump).expect("JSON");
        let held = &dump["accounts"]["123456789012"]["account"]["regions"]["ap-northeast-1"]["ssm"]["associations"];
        let association = held.as_object().and_then(|held| held.keys().next()).expect("an association").clone();
        place.write("fleet.toml", "region = \"ap-northeast-1\"\n\n[[instance]]\nname = \"sql-9\"\n");
        place.write("template.yaml", include_str!("../announcement.yaml"));
        Self { place, digest: plan["digest"].as_str().expect("a digest").to_owned(), association }
    }

    /// Runs one line in a copy of the folder, and says what is wrong with it.
    fn problem(&self, line: &str, words: Vec<String>) -> Option<String> {
        let words = without_gaps(words, &self.digest, &self.association);
        let mut arguments: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        let place = Place::empty();
        for name in ["vss.toml", "account.json", "plan.json", "fleet.toml", "template.yaml"] {
            // `init` writes the file that others read.
            if name != "vss.toml" || !arguments.contains(&"init") {
                place.write(name, std::fs::read(self.place.path().join(name)).expect("a file"));
            }
        }
        if arguments.contains(&"--base") {
            let line = "git init --quiet && git -c user.name=A -c user.email=a@example.com commit --quiet \
                        --allow-empty -m base && git update-ref refs/remotes/origin/main HEAD";
            place.shell(line).exits(0);
        }
        let expected = documented(&arguments);
        if !arguments.iter().any(|word| word.starts_with("--sandbox")) {
            arguments.insert(0, "--sandbox=account.json");
        }
        if !arguments.contains(&"--no-input") {
            arguments.push("--no-input");
        }
        let run = place.run(&arguments);
        if run.code.is_some_and(|code| expected.contains(&code)) {
            return None;
        }
        let said: Vec<&str> = run.stderr.lines().take(3).collect();
        Some(format!("`{line}`: {arguments:?} ended with {:?}, not {expected:?}: {}", run.code, said.join(" / ")))
    }
}

#[test]
fn every_command_line_that_people_read_is_run() {
    let prepared = Prepared::new();
    let lines = every_line();
    let (left, run): (Vec<&String>, Vec<&String>) =
        lines.iter().partition(|line| NOT_RUN.iter().any(|(start, _)| line.starts_with(start)));
    assert!(run.len() > 60 && left.len() < 8, "{} lines to run, {left:?}", run.len());
    for (start, reason) in NOT_RUN {
        assert!(left.iter().any(|line| line.starts_with(start)), "`{start}` ({reason}) is written nowhere");
    }
    let all: Vec<(&String, Vec<String>)> =
        run.into_iter().flat_map(|line| filled(line).into_iter().map(move |words| (line, words))).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let problems = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((line, words)) = all.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let problem = prepared.problem(line, words.clone());
                    problems.lock().expect("no thread panicked").extend(problem);
                }
            });
        }
    });
    let problems = problems.into_inner().expect("no thread panicked");
    println!("{} command lines of texts run, {} named and not run", all.len(), left.len());
    assert!(problems.is_empty(), "{} of {} lines:\n{}", problems.len(), all.len(), problems.join("\n"));
}

#[test]
fn a_line_that_is_wrong_is_found() {
    assert!(binary().exists());
    let prepared = Prepared::new();
    let problems = |line: &str| -> Vec<String> {
        filled(line).into_iter().filter_map(|words| prepared.problem(line, words)).collect()
    };
    for line in ["vssctl plan --no-such", "vssctl plann", "vssctl show --lock none", "vssctl unlock --epoch x"] {
        assert_eq!(problems(line).len(), 1, "{line}");
    }
    assert_eq!(problems("vssctl plan --format text|yaml|json").len(), 1);
    for line in ["vssctl plan --no-input", "vssctl adopt", "vssctl explain CODE", "vssctl plan | cat"] {
        assert!(problems(line).is_empty(), "{line}: {:?}", problems(line));
    }
}
