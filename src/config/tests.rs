use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::kind::Desired;
use crate::model::codes::explain;
use crate::model::{Severity, Thresholds};

mod checks;
mod hiding;
mod hostile;
mod lints;
mod resolution;

const STACK: &str = "[stack]\nname = \"a\"\naccount_id = \"123456789012\"\nregion = \"ap-northeast-1\"\n";

/// Loads a file that has a good `[stack]` and no folder.
fn file(body: &str) -> Loaded {
    load_text("vss.toml", &format!("{STACK}{body}"), None)
}

/// Returns the problems of a file as code and underlined text.
fn problems(loaded: &Loaded) -> Vec<(&'static str, String)> {
    let underlined = |location: &crate::model::Location| {
        loaded
            .sources
            .text(&location.file)
            .map(|text| text[location.start..location.end].to_owned())
            .unwrap_or_default()
    };
    let all = loaded.diagnostics.iter();
    all.map(|found| (found.code, found.location.as_ref().map(underlined).unwrap_or_default())).collect()
}

/// Resolves a file without errors.
fn desired(body: &str) -> Vec<Desired> {
    let loaded = file(body);
    assert!(!loaded.diagnostics.has_errors(), "{:#?}", loaded.diagnostics);
    loaded.config.unwrap().desired
}

fn example(name: &str) -> Loaded {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
}

#[test]
fn the_example_at_the_root_becomes_its_eight_resources_without_a_warning() {
    let loaded = example("vss.toml");
    assert!(loaded.diagnostics.is_empty(), "{:#?}", loaded.diagnostics);
    let config = loaded.config.unwrap();
    let addresses: Vec<String> = config.desired.iter().map(|desired| desired.address.to_string()).collect();
    let expected = [
        "role.AWSBackupVss",
        "role.EC2RoleforSSMVSSSnapshotV2",
        "instance_profile.EC2RoleforSSMVSSSnapshotV2",
        "attachment.windows",
        "package.AwsVssComponents",
        "vault.vss",
        "plan.daily",
        "selection.daily.windows",
    ];
    assert_eq!(addresses, expected);
}

#[test]
fn every_example_loads_with_the_warnings_that_it_announces_and_no_others() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        seen += 1;
        let loaded = load(&path);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(loaded.config.is_some(), "{}: {:#?}", path.display(), loaded.diagnostics);
        let mut codes: Vec<&str> = loaded.diagnostics.iter().map(|found| found.code).collect();
        codes.sort_unstable();
        codes.dedup();
        let mut announced: Vec<&str> = text.match_indices("VSS0").map(|(at, _)| &text[at..at + 7]).collect();
        announced.sort_unstable();
        announced.dedup();
        assert_eq!(codes, announced, "{}: {:#?}", path.display(), loaded.diagnostics);
    }
    assert!(seen >= 4, "{seen}");
}

#[test]
fn the_complete_example_gives_every_key_of_the_schema() {
    fn keys(schema: &Value, definition: &str) -> Vec<String> {
        schema["definitions"][definition]["properties"].as_object().unwrap().keys().cloned().collect()
    }
    let schema = schema();
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/complete.toml")).unwrap();
    for (name, definition) in schema["definitions"].as_object().unwrap() {
        if definition.get("properties").is_none() {
            continue;
        }
        for key in keys(&schema, name) {
            let given = ["\n", " ", ".", "[", "{"].iter().any(|before| {
                [" =", "]", ".", " "].iter().any(|after| text.contains(&format!("{before}{key}{after}")))
            });
            assert!(given, "{name}.{key}");
        }
    }
}

#[test]
fn two_hundred_problems_are_all_reported_in_order_in_one_run() {
    let vaults = (0..100).map(|index| format!("[vault.vault-{index}]\nlok = {{}}\ntags = 7\n"));
    let body = vaults.collect::<Vec<_>>().concat();
    let loaded = file(&body);
    assert_eq!(loaded.diagnostics.len(), 200);
    let lines: Vec<usize> = loaded.diagnostics.iter().map(|found| found.location.as_ref().unwrap().line).collect();
    assert!(lines.is_sorted(), "{lines:?}");
    assert_eq!(loaded.diagnostics, file(&body).diagnostics);
    assert!(loaded.config.is_none());
}

#[test]
fn the_digest_covers_every_file_that_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let digest = || load(&folder.path().join("vss.toml")).config.unwrap().sha256;
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
    write("vss.toml", &format!("extends = \"base.toml\"\n{STACK}[policy.p]\ndocument = {{ file = \"p.json\" }}\n"));
    write("base.toml", "");
    write("p.json", policy);
    let first = digest();
    assert_eq!(first.len(), 64);
    assert_eq!(first, digest());
    write("p.json", &policy.replace("GetObject", "PutObject"));
    let second = digest();
    write("base.toml", "[tags]\na = \"b\"\n");
    assert!(first != second && second != digest());
}

#[test]
fn a_warning_does_not_keep_a_file_from_loading() {
    let loaded = file("[vault.vv]\n[plan.p.rule.r]\nvault = \"vv\"\nstart_window = \"2h\"\ncomplete_window = \"1h\"\n");
    assert_eq!(loaded.diagnostics.iter().map(|found| found.severity).collect::<Vec<_>>(), [Severity::Warning]);
    assert!(loaded.config.is_some());
}
