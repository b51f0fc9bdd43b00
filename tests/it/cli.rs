//! The command line through the built binary: arguments, files, streams, colours, exit codes.

use std::io::Read;
use std::process::Stdio;

use crate::harness::{MAIN_JOB, Place};

const NO_CHANGES: &str = "No changes. Your infrastructure matches the configuration.";

#[test]
fn a_usage_error_exits_with_6_and_never_with_2() {
    let place = Place::with(MAIN_JOB);
    for arguments in [
        &["plan", "--no-such-flag"][..],
        &["no-such-command"],
        &[],
        &["plan", "--detailed-exitcode", "--format", "yaml"],
        &["plan", "--detailed-exitcode", "--parallelism", "0"],
        &["--sandbox", "plan", "--detailed-exitcode", "--target", "role.nothing"],
        &["--sandbox", "plan", "--detailed-exitcode", "--target", "role nothing"],
        &["--sandbox", "--profile", "x", "plan"],
        &["adopt"],
    ] {
        let run = place.run(arguments).exits(6);
        assert_eq!(run.stdout, "", "{arguments:?}");
        assert!(run.stderr.contains("error") || run.stderr.contains("Usage:"), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn help_is_an_answer() {
    let place = Place::empty();
    for arguments in [&["--help"][..], &["-h"], &["plan", "--help"], &["--version"], &["version"]] {
        let run = place.run(arguments).exits(0);
        assert!(!run.stdout.is_empty() && run.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn the_file_is_looked_for_in_parents_up_to_the_git_root() {
    let place = Place::with(MAIN_JOB);
    std::fs::create_dir_all(place.path().join("a/b")).expect("directories");
    place.run(&["-C", "a/b", "validate"]).exits(0);
    std::fs::create_dir_all(place.path().join("a/.git")).expect("a directory");
    let run = place.run(&["-C", "a/b", "validate"]).exits(6);
    assert!(run.stderr.contains("vssctl init"), "{}", run.stderr);
}

#[test]
fn the_flag_beats_the_variable_and_the_variable_beats_the_lookup() {
    let place = Place::with(MAIN_JOB);
    place.write("other.toml", "nonsense = 1\n");
    let with_variable = |arguments: &[&str]| {
        place.command(arguments).env("VSSCTL_CONFIG", "other.toml").output().expect("vssctl runs").status.code()
    };
    assert_eq!(with_variable(&["validate"]), Some(6));
    assert_eq!(with_variable(&["validate", "-f", "vss.toml"]), Some(0));
    let run = place.run(&["validate", "--file", "missing.toml"]).exits(6);
    assert!(run.stderr.contains("missing.toml"), "{}", run.stderr);
}

#[test]
fn a_directory_that_is_not_there_is_a_usage_error() {
    let run = Place::empty().run(&["-C", "nowhere", "validate"]).exits(6);
    assert!(run.stderr.contains("nowhere"), "{}", run.stderr);
}

#[test]
fn validate_says_what_a_good_file_holds() {
    let attachment = "[attachment.windows]\ninstance_profile = \"EC2RoleforSSMVSSSnapshotV2\"\n\
                      targets = { tags = { VssBackup = \"enabled\" } }\n";
    let run = Place::with(&format!("{MAIN_JOB}\n{attachment}")).run(&["validate"]).exits(0);
    assert_eq!(run.stdout, "vss.toml is valid: 8 resources in stack windows-backup.\n");
    assert_eq!(run.stderr, "");
    let run = Place::with(MAIN_JOB).run(&["validate"]).exits(0);
    assert_eq!(run.stdout, "vss.toml is valid, with 1 warning: 7 resources in stack windows-backup.\n");
    assert!(run.stderr.contains("VSS0715") && run.stderr.contains("[attachment.windows]"), "{}", run.stderr);
}

#[test]
fn validate_reports_every_problem_with_its_place() {
    let place =
        Place::with(&MAIN_JOB.replace("timezone ", "timezome ").replace("\"backup-service\"", "\"backup-servce\""));
    let run = place.run(&["validate"]).exits(6);
    assert_eq!(run.stdout, "");
    for part in ["vss.toml:", "timezome", "timezone", "backup-servce", "VSS"] {
        assert!(run.stderr.contains(part), "no {part} in:\n{}", run.stderr);
    }
}

#[test]
fn hostile_files_are_reported_and_never_panic() {
    let place = Place::empty();
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("binary", b"\xff\xfe\x00\x01"),
        ("nul", b"\0\0\0\0"),
        ("cut", b"[stack"),
        ("escape", b"# \x1b[31m\nx = \x1b"),
        ("deep", &b"a=[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[".repeat(400)),
    ] {
        place.write(name, bytes);
        let run = place.run(&["validate", "--file", name]).exits(6);
        assert!(run.stderr.contains("error") && !run.stderr.contains('\u{1b}'), "{name}: {}", run.stderr);
    }
    let run = place.run(&["validate", "--file", "."]).exits(6);
    assert!(run.stderr.contains("error"), "{}", run.stderr);
}

#[test]
fn init_writes_a_valid_file_and_never_over_one() {
    let place = Place::empty();
    place.run(&["init", "--stack", "mine", "--account-id", "000000000042", "--region", "eu-west-1"]).exits(0);
    let run = place.run(&["validate"]).exits(0);
    assert!(run.stdout.contains("stack mine"), "{}", run.stdout);
    let text = place.read("vss.toml");
    place.run(&["init"]).exits(4);
    assert_eq!(place.read("vss.toml"), text);
    place.run(&["init", "--account-id", "12"]).exits(6);
}

#[test]
fn piped_output_has_no_colour_unless_it_is_asked_for() {
    let place = Place::with(MAIN_JOB);
    let run = place.sandbox(&["plan"]).exits(0);
    assert!(!run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'));
    assert!(place.sandbox(&["plan", "--color", "always"]).exits(0).stdout.contains('\u{1b}'));
    let colored = |name: &str, value: &str, color: &str| {
        let output = place
            .command(&["--sandbox=account.json", "plan", "--color", color])
            .env(name, value)
            .output()
            .expect("a run");
        output.stdout.contains(&0x1b)
    };
    assert!(colored("CLICOLOR_FORCE", "1", "auto"));
    assert!(!colored("CLICOLOR_FORCE", "1", "never"));
    assert!(colored("NO_COLOR", "1", "always"), "the flag is more explicit than the variable");
}

#[test]
fn no_color_holds_on_a_terminal() {
    let place = Place::with(MAIN_JOB);
    // `script` gives the program a terminal; without it there is nothing to test on.
    if place.shell("command -v script").code != Some(0) {
        return;
    }
    let run = |line: &str| place.shell(&format!("script -qec '{line}' /dev/null")).exits(0).stdout;
    assert!(run("TERM=xterm vssctl --sandbox plan").contains("\u{1b}[1m"));
    assert!(!run("TERM=xterm NO_COLOR=1 vssctl --sandbox plan").contains("\u{1b}[1m"));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let place = Place::with(MAIN_JOB);
    let run = place.shell("vssctl --sandbox plan | head -1; echo ${PIPESTATUS[0]}").exits(0);
    assert_eq!(run.stdout.lines().last(), Some("0"), "{}", run.stdout);
    // It says what it says to a reader that stays.
    assert_eq!(run.stderr, place.sandbox(&["plan"]).exits(0).stderr);
    // The reader is gone before the first byte.
    let mut child = place.command(&["explain"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a run");
    drop(child.stdout.take());
    let mut text = String::new();
    child.stderr.take().expect("stderr").read_to_string(&mut text).expect("UTF-8");
    assert_eq!((child.wait().expect("an end").code(), text.as_str()), (Some(0), ""));
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let place = Place::with(MAIN_JOB);
    let run = place.shell("vssctl version > /dev/full").exits(1);
    assert!(run.stderr.contains("could not write"), "{}", run.stderr);
}

#[test]
fn explain_knows_every_code_that_it_lists() {
    let place = Place::empty();
    let codes = place.run(&["explain"]).exits(0).stdout;
    let first = codes.lines().find_map(|line| line.split_whitespace().next()).expect("a code").to_owned();
    assert!(place.run(&["explain", &first]).exits(0).stdout.contains(&first));
    assert!(place.run(&["explain", &first.to_lowercase()]).exits(0).stdout.contains(&first));
    let check = place.run(&["explain", "d061"]).exits(0).stdout;
    assert!(check.starts_with("D061: ") && check.contains("https://docs.aws.amazon.com/"), "{check}");
    assert!(codes.lines().any(|line| line.starts_with("D061 ")), "{codes}");
    for unknown in ["VSS9999", "D099"] {
        place.run(&["explain", unknown]).exits(6);
    }
}

#[test]
fn the_schema_and_the_completions_are_answers() {
    let place = Place::empty();
    let schema: serde_json::Value = serde_json::from_str(&place.run(&["schema"]).exits(0).stdout).expect("JSON");
    assert!(schema.get("properties").is_some());
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(place.run(&["completion", shell]).exits(0).stdout.contains("vssctl"), "{shell}");
    }
}

#[test]
fn a_sandbox_that_other_machines_could_reach_is_refused() {
    let place = Place::empty();
    place.run(&["sandbox", "serve", "--listen", "0.0.0.0:0"]).exits(4);
    place.run(&["sandbox", "serve", "--listen", "nonsense"]).exits(6);
}

#[test]
fn the_sandbox_is_kept_out_of_commits_and_found_from_below() {
    let place = Place::with(MAIN_JOB);
    place.run(&["--sandbox", "apply", "--yes", "--target", "vault.vss"]).exits(0);
    assert_eq!(place.read(".vssctl/.gitignore"), "*\n");
    std::fs::create_dir(place.path().join("below")).expect("a directory");
    let run = place.run(&["-C", "below", "--sandbox", "plan"]).exits(0);
    assert_eq!(run.last_line(), "Plan: 6 to add, 0 to change, 0 to destroy.");
    place.run(&["sandbox", "reset"]).exits(0);
    assert_eq!(place.run(&["--sandbox", "plan"]).exits(0).last_line(), "Plan: 7 to add, 0 to change, 0 to destroy.");
}

#[test]
fn a_damaged_sandbox_file_is_reported_and_left_as_it_is() {
    let place = Place::with(MAIN_JOB);
    let overflowing =
        "{\"format\":1,\"generation\":18446744073709551615,\"clock\":{\"machine\":{\"ahead\":0}},\"accounts\":{}}";
    for text in ["{", "[]", "{\"format\":999,\"generation\":1}", overflowing] {
        place.write("account.json", text);
        let run = place.sandbox(&["plan"]).exits(1);
        assert!(run.stderr.contains("account.json"), "{}", run.stderr);
        assert_eq!(place.read("account.json"), text);
    }
}

#[test]
fn a_dump_prints_the_account_as_json_and_changes_nothing() {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    let dump = place.sandbox(&["sandbox", "dump"]).exits(0).stdout;
    let read: serde_json::Value = serde_json::from_str(&dump).expect("JSON");
    let account = &read["accounts"]["123456789012"]["account"];
    assert!(account["iam"]["roles"]["awsbackupvss"]["arn"].is_string(), "{dump}");
    assert!(account["regions"]["ap-northeast-1"]["backup"]["vaults"]["vss"].is_object(), "{dump}");
    assert!(dump.starts_with("{\n  \"format\": "), "{dump}");
    assert_eq!(place.sandbox(&["sandbox", "dump", "--account", "123456789012"]).exits(0).stdout, dump);
    let other = place.sandbox(&["sandbox", "dump", "--account", "210987654321"]).exits(0).stdout;
    assert!(other.ends_with("\"accounts\": {}\n}\n"), "{other}");
    place.sandbox(&["sandbox", "dump", "--account", "12"]).exits(6);
}

#[test]
fn a_reset_throws_away_sandbox_files_only() {
    let place = Place::with(MAIN_JOB);
    let run = place.run(&["--sandbox=vss.toml", "sandbox", "reset"]).exits(4);
    assert!(run.stderr.contains("vss.toml") && run.stderr.contains("hint: "), "{}", run.stderr);
    assert_eq!(place.read("vss.toml"), MAIN_JOB);
    place.run(&["--sandbox=.", "sandbox", "reset"]).exits(4);
    // A damaged sandbox is a sandbox.
    place.write("account.json", "{\"format\":1,\"generation\":7,\"clo");
    assert_eq!(place.sandbox(&["sandbox", "reset"]).exits(0).stdout, "Removed account.json\n");
    assert_eq!(place.sandbox(&["sandbox", "reset"]).exits(0).stdout, "There is no account.json\n");
}

#[test]
fn the_answer_of_an_apply_is_on_stdout_and_its_progress_is_not() {
    let place = Place::with(MAIN_JOB);
    let run = place.sandbox(&["apply", "--yes"]).exits(0);
    assert!(run.stderr.contains("vault.vss: creating...") && !run.stdout.contains("creating..."), "{}", run.stdout);
    assert!(run.stdout.contains("Plan: 7 to add") && run.stdout.contains("Apply complete!"), "{}", run.stdout);
}

#[test]
fn the_main_job_ends_with_an_empty_plan() {
    let place = Place::with(MAIN_JOB);
    let run = place.sandbox(&["plan"]).exits(0);
    assert!(
        run.stdout.contains("+ role.EC2RoleforSSMVSSSnapshotV2, instance_profile.EC2RoleforSSMVSSSnapshotV2\n"),
        "{}",
        run.stdout
    );
    assert_eq!(run.last_line(), "Plan: 7 to add, 0 to change, 0 to destroy.");
    place.sandbox(&["plan", "--detailed-exitcode"]).exits(2);

    let run = place.sandbox(&["apply", "--yes"]).exits(0);
    assert_eq!(run.last_line(), "Apply complete! Resources: 7 added, 0 changed, 0 destroyed.");

    let run = place.sandbox(&["plan", "--detailed-exitcode"]).exits(0);
    assert_eq!(run.stdout, format!("{NO_CHANGES}\n"));
    let dump = || place.sandbox(&["sandbox", "dump"]).exits(0).stdout;
    let before = dump();
    let run = place.sandbox(&["apply", "--yes"]).exits(0);
    assert_eq!(run.last_line(), NO_CHANGES);
    assert_eq!(dump(), before, "the second apply changed the account");

    place.write("vss.toml", MAIN_JOB.replace("cron(0 18", "cron(0 19"));
    let run = place.sandbox(&["plan", "--detailed-exitcode"]).exits(2);
    assert!(run.stdout.contains("rule.nightly.schedule"), "{}", run.stdout);
    assert_eq!(run.last_line(), "Plan: 0 to add, 1 to change, 0 to destroy.");

    let run = place.sandbox(&["destroy", "--yes"]).exits(0);
    assert!(run.last_line().contains("7 destroyed"), "{}", run.stdout);
    assert_eq!(
        place.sandbox(&["destroy", "--yes"]).exits(0).last_line(),
        "Nothing to destroy: stack windows-backup owns nothing."
    );
}

#[test]
fn without_a_terminal_nothing_is_asked_and_nothing_done() {
    let place = Place::with(MAIN_JOB);
    for command in ["apply", "destroy"] {
        place.sandbox(&["apply", "--target", "vault.vss", "--yes"]);
        let run = place.sandbox(&[command]).exits(4);
        assert!(run.stderr.contains("--yes"), "{}", run.stderr);
    }
    assert_eq!(place.sandbox(&["plan"]).last_line(), "Plan: 6 to add, 0 to change, 0 to destroy.");
}

#[test]
fn a_target_brings_what_it_needs_and_an_unknown_one_is_corrected() {
    let place = Place::with(MAIN_JOB);
    let run = place.sandbox(&["plan", "--target", "plan.daily"]).exits(0);
    assert_eq!(run.last_line(), "Plan: 2 to add, 0 to change, 0 to destroy.");
    let run = place.sandbox(&["plan", "--target", "plan.dayly"]).exits(6);
    assert!(run.stderr.contains("plan.dayly") && run.stderr.contains("did you mean `plan.daily`?"), "{}", run.stderr);
}

#[test]
fn an_adoption_of_what_is_not_there_says_so() {
    let place = Place::with(MAIN_JOB);
    let run = place.sandbox(&["adopt", "--yes", "vault.vss"]).exits(1);
    assert!(run.stderr.contains("VSS0909") && run.stdout.is_empty(), "{}{}", run.stdout, run.stderr);
    place.sandbox(&["apply", "--yes", "--target", "vault.vss"]).exits(0);
    let run = place.sandbox(&["adopt", "--yes", "vault.vss"]).exits(0);
    assert_eq!(run.stdout, "Nothing to adopt: it is this stack's already.\n");
}

#[test]
fn the_help_of_destroy_says_what_a_target_takes_along() {
    let run = Place::empty().run(&["destroy", "--help"]).exits(0);
    assert!(run.stdout.contains("what needs it"), "{}", run.stdout);
}

#[test]
fn json_stands_alone_on_stdout() {
    let place = Place::with(MAIN_JOB);
    let run = place.sandbox(&["plan", "--format", "json"]).exits(0);
    let plan: serde_json::Value = serde_json::from_str(&run.stdout).expect("JSON");
    assert_eq!(plan["format"], 2);
    assert_eq!(plan["changes"].as_array().map(Vec::len), Some(7));
    let run = place.sandbox(&["apply", "--yes", "--json"]).exits(0);
    for line in run.stdout.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    }
    let run = place.sandbox(&["show", "--format", "json"]).exits(0);
    serde_json::from_str::<serde_json::Value>(&run.stdout).expect("JSON");
}

#[test]
fn a_thing_that_is_no_longer_in_the_file_is_left_alone_until_it_is_pruned() {
    let place = Place::with(MAIN_JOB);
    place.sandbox(&["apply", "--yes"]).exits(0);
    let (without, _) = MAIN_JOB.split_once("[plan.daily.selection.windows]").expect("a selection");
    place.write("vss.toml", without);
    let run = place.sandbox(&["plan", "--detailed-exitcode"]).exits(0);
    assert!(run.stdout.contains("selection.daily.windows") && run.stdout.contains("--prune"), "{}", run.stdout);
    let run = place.sandbox(&["plan", "--target", "selection.daily.windows"]).exits(0);
    assert!(run.stdout.contains("--prune"), "{}", run.stdout);
    let run = place.sandbox(&["apply", "--prune", "--yes", "--allow", "protection-gap"]).exits(0);
    assert_eq!(run.last_line(), "Apply complete! Resources: 0 added, 0 changed, 1 destroyed.");
    assert_eq!(place.sandbox(&["plan"]).exits(0).stdout, format!("{NO_CHANGES}\n"));
}
