//! `verify`, `doctor` and `coverage` as commands: formats and exit codes.

use serde_json::Value;

use crate::harness::{MAIN_JOB, Place, Run};

/// A healthy server, and one without a role.
pub(crate) const FLEET: &str = r#"
region = "ap-northeast-1"

[[instance]]
name    = "sql-1"
package = "2.5.1"
profile = "EC2RoleforSSMVSSSnapshotV2"
tags    = { VssBackup = "enabled" }

[[instance]]
name    = "files-1"
package = "2.5.1"
tags    = { VssBackup = "enabled" }

[[instance]]
name    = "old-1"
profile = "EC2RoleforSSMVSSSnapshotV2"
tags    = { VssBackup = "Enabled" }
"#;

pub(crate) fn place(fleet: &str) -> Place {
    let place = Place::with(MAIN_JOB);
    place.write("fleet.toml", fleet);
    for arguments in [
        ["sandbox", "load", "fleet.toml"].as_slice(),
        ["apply", "--yes"].as_slice(),
        ["sandbox", "advance", "2d"].as_slice(),
    ] {
        let run = place.sandbox(arguments);
        assert_eq!(run.code, Some(0), "{arguments:?} {run:?}");
    }
    place
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

#[test]
fn findings_end_with_8_and_a_healthy_fleet_with_0() {
    let place = place(FLEET);
    for arguments in [["verify"].as_slice(), &["doctor"], &["coverage"]] {
        assert_eq!(place.sandbox(arguments).code, Some(8), "{arguments:?}");
    }
    for arguments in [["verify", "sql-1"].as_slice(), &["doctor", "sql-1"]] {
        let run = place.sandbox(arguments);
        assert_eq!(run.code, Some(0), "{arguments:?} {run:?}");
    }
    assert_eq!(place.sandbox(&["verify", "sql-1", "--max-age", "5m"]).code, Some(8));
    assert_eq!(place.sandbox(&["verify", "sql-1", "--since", "5m"]).code, Some(8));
}

#[test]
fn text_says_the_verdict_first_and_fits_80_columns() {
    let place = place(FLEET);
    for (command, first, words) in [
        (
            "verify",
            "1 of 2 protected instances have",
            ["crash-only", "cause:", "fix:", "Verify: 1 consistent, 1 crash-only."],
        ),
        ("doctor", "VSS will not work", ["D020 files-1", "evidence:", "remedy:", "Doctor: 1 error"]),
        (
            "coverage",
            "2 of 3 Windows instances",
            ["near miss", "VssBackup=Enabled", "unprotected", "Coverage: 2 with VSS"],
        ),
    ] {
        let run = place.sandbox(&[command]);
        assert!(run.stdout.starts_with(first), "{}", run.stdout);
        for word in words {
            assert!(run.stdout.contains(word), "{word}: {}", run.stdout);
        }
        let long: Vec<&str> =
            run.stdout.lines().filter(|line| line.chars().count() > 80 && line.trim().contains(' ')).collect();
        assert!(long.iter().all(|line| line.contains("http")), "{long:#?}");
    }
}

#[test]
fn every_format_is_well_formed_and_names_the_same_instances() {
    let place = place(FLEET);
    let report = json(&place.sandbox(&["verify", "--format", "json"]));
    assert_eq!((&report["format"], &report["verdict"]), (&2.into(), &"findings".into()));
    let verdicts: Vec<(&str, &str)> = report["findings"]
        .as_array()
        .expect("instances")
        .iter()
        .map(|one| (one["name"].as_str().expect("a name"), one["verdict"].as_str().expect("a verdict")))
        .collect();
    assert_eq!(verdicts, [("files-1", "crash-only"), ("sql-1", "consistent")]);
    for command in ["verify", "doctor", "coverage"] {
        let log = json(&place.sandbox(&[command, "--format", "sarif"]));
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        let results = run["results"].as_array().expect("results");
        assert!(!results.is_empty());
        for result in results {
            let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("a small number");
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
            assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "vss.toml");
        }
        let markdown = place.sandbox(&[command, "--format", "markdown"]).stdout;
        assert!(markdown.starts_with(&format!("### vssctl {command}: ")) && markdown.contains("|---|"), "{markdown}");
        assert_eq!(json(&place.sandbox(&[command, "--format", "json"]))["command"], command);
    }
    let junit = place.sandbox(&["verify", "--format", "junit"]).stdout;
    assert!(junit.contains("tests=\"2\" failures=\"1\" errors=\"0\"") && junit.contains("files-1"), "{junit}");
    let metrics = place.sandbox(&["verify", "--format", "prometheus"]).stdout;
    assert!(metrics.contains("name=\"sql-1\",verdict=\"consistent\"} 1\n"), "{metrics}");
    assert!(metrics.contains("name=\"files-1\",verdict=\"crash-only\"} 0\n"), "{metrics}");
    assert!(
        metrics
            .lines()
            .all(|line| line.starts_with('#')
                || line.rsplit(' ').next().is_some_and(|value| value.parse::<i64>().is_ok()))
    );
}

#[test]
fn the_file_is_named_from_the_root_of_the_repository_wherever_the_run_starts() {
    let place = place(FLEET);
    let account = place.path().join("account.json").display().to_string();
    place.write("infra of \u{e4}/deep/vss.toml", MAIN_JOB);
    let escaped = "infra%20of%20%C3%A4/deep/vss.toml";
    let absolute = place.path().join("infra of \u{e4}/deep/vss.toml").display().to_string();
    let uri = |line: &str| {
        let run = place.shell(line).exits(8);
        let place = &json(&run)["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        place["artifactLocation"]["uri"].as_str().expect("a URI").to_owned()
    };
    for command in ["verify", "doctor", "coverage"] {
        let run = |folder: &str, file: &str| {
            uri(&format!("cd '{folder}' && vssctl --sandbox='{account}' {file} {command} --format sarif"))
        };
        assert_eq!(run("infra of \u{e4}", ""), "vss.toml", "{command}");
        assert_eq!(run("infra of \u{e4}/deep", ""), escaped, "{command}");
        assert_eq!(run("/", &format!("--file '{absolute}'")), escaped, "{command}");
    }
}

#[test]
fn an_instance_that_is_not_there_is_a_usage_error_with_a_suggestion() {
    let place = place(FLEET);
    let run = place.sandbox(&["verify", "sql-2"]);
    assert_eq!(run.code, Some(6), "{run:?}");
    assert!(run.stderr.contains("did you mean `sql-1`?"), "{}", run.stderr);
    for arguments in [["verify", "--since", "yesterday"], ["verify", "--max-age", "old"]] {
        assert_eq!(place.sandbox(&arguments).code, Some(6), "{arguments:?}");
    }
}

#[test]
fn a_named_instance_without_windows_is_refused_and_not_left_out_in_silence() {
    let place = place(&format!("{FLEET}\n[[instance]]\nname = \"web-1\"\nos = \"linux\"\n"));
    for arguments in [
        ["verify", "web-1"].as_slice(),
        &["verify", "sql-1", "web-1"],
        &["verify", "web-1", "--format", "junit"],
        &["verify", "web-1", "--max-age", "1h"],
    ] {
        let run = place.sandbox(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(6), ""), "{arguments:?} {run:?}");
        assert!(run.stderr.contains("web-1") && run.stderr.contains("does not run Windows"), "{}", run.stderr);
    }
    // Nobody who names nobody is bothered with it.
    assert!(!place.sandbox(&["verify"]).stdout.contains("web-1"));
}
