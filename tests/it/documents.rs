//! The README and the examples are what they say they are.

use std::path::{Path, PathBuf};

use crate::bench::Bench;
use crate::permissions::console;

fn root(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root(name)).expect("a file of the repository")
}

#[test]
fn the_readme_shows_the_file_at_the_root() {
    assert!(read("README.md").contains(&format!("```toml\n{}```", read("vss.toml"))), "README.md and vss.toml differ");
}

#[test]
fn the_file_of_the_readme_is_planned_and_applied() {
    let bench = Bench::new();
    let plan = bench.apply(&read("vss.toml"));
    let summary = plan.summary();
    assert_eq!((summary.add, summary.change), (8, 0));
    assert!(plan.diagnostics.is_empty(), "{:?}", plan.diagnostics);
    assert!(bench.plan(&read("vss.toml")).is_empty());
}

#[test]
fn every_example_is_planned() {
    let mut examples = 0;
    for entry in std::fs::read_dir(root("examples")).expect("the examples") {
        let path = entry.expect("an example").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let bench = Bench::new();
            console(&bench);
            let plan = bench.plan(&std::fs::read_to_string(&path).expect("a text"));
            assert!(!plan.is_empty() && !plan.has_unknown(), "{}: {:#?}", path.display(), plan.diagnostics);
            let missing = plan.diagnostics.iter().any(|one| one.code == "VSS0915");
            assert!(!missing, "{}: {:#?}", path.display(), plan.diagnostics);
            examples += 1;
        }
    }
    assert!(examples >= 4, "{examples}");
}

#[test]
fn every_command_of_the_program_is_in_the_changelog_or_readme() {
    let help =
        std::process::Command::new(env!("CARGO_BIN_EXE_vssctl")).arg("--help").output().expect("vssctl runs").stdout;
    let help = String::from_utf8(help).expect("UTF-8");
    let texts = read("README.md") + &read("CHANGELOG.md");
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    for command in commands.filter_map(|line| line.split_whitespace().next()).filter(|command| *command != "help") {
        assert!(texts.contains(command), "`{command}` is in neither README.md nor CHANGELOG.md");
    }
}

#[test]
fn every_file_of_the_fuzz_corpus_is_loaded_or_refused_with_a_place() {
    let mut files = 0;
    for entry in std::fs::read_dir(root("fuzz/corpus/config")).expect("the corpus") {
        let path = entry.expect("a file").path();
        let text = String::from_utf8_lossy(&std::fs::read(&path).expect("bytes")).into_owned();
        let loaded = vssctl::config::load_text("vss.toml", &text, None);
        assert_eq!(loaded.config.is_none(), loaded.diagnostics.has_errors(), "{}", path.display());
        assert!(loaded.diagnostics.iter().all(|problem| problem.location.is_some()), "{}", path.display());
        files += 1;
    }
    assert!(files >= 10, "{files}");
}
