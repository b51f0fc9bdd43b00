//! Files that are not what they were taken for, through the built binary: links out of the folder or repository are
//! refused, and of what is nobody's configuration, policy, plan, template or scenario nothing is shown.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::harness::{MAIN_JOB, Place};

const SECRET: &str = "not4the8log";

/// Files that may be behind a link, by name.
fn strangers() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.replace("SECRET", SECRET).into_bytes();
    vec![
        ("credentials", text("[default]\naws_access_key_id = AKIASECRET\naws_secret_access_key = SECRET\n")),
        ("config", text("[profile SECRET]\nregion = eu-west-1\n[defaults]\nvault_password_file = SECRET\n")),
        ("key.pem", text("-----BEGIN PRIVATE KEY-----\nSECRETSECRET\n-----END PRIVATE KEY-----\n")),
        ("export.env", text("export TOKEN=SECRET\n")),
        ("bare.env", text("NAME=a\nTOKEN=SECRET\n")),
        ("toml.env", text("A = 1\nTOKEN=\"SECRET\"\n")),
        ("typed.env", text("stack = \"SECRET\"\nrole = [\"SECRET\"]\ntags = \"SECRET\"\n")),
        ("half.env", text("A = \"SECRET\"\nTOKEN=SECRET\n")),
        ("registry.toml", text("[registry]\ntoken = \"SECRET\"\n[package]\nname = \"SECRET\"\n")),
        ("secrets.json", text("{\n  \"stack\": {\"name\": \"SECRET\"},\n  \"password\": \"SECRET\"\n}\n")),
        ("one-line.json", text("{\"format\": 1, \"stack\": \"SECRET\", \"scope\": \"SECRET\", \"tool\": 3}")),
        ("format.json", text("{\"format\": 2, \"tool\": [\"SECRET\"], \"generation\": \"SECRET\"}")),
        ("kubeconfig", text("apiVersion: v1\nusers:\n- name: a\n  user: &a\n    token: SECRET\n  other: *a\n")),
        ("tabs.yaml", text("SECRET: [SECRET\n\t- SECRET\n")),
        ("netrc", text("machine example.com login me password SECRET\n")),
        ("passwd", text("root:SECRET:0:0:root:/root:/bin/bash\n")),
        ("latin-1", [text("password SECRET \u{0}").as_slice(), b"\xe4\xf6\n"].concat()),
        ("quoted", [text("token = \"SECRET").as_slice(), b"\xff\"\n"].concat()),
        ("binary", [b"\x7fELF\x02\x01\x00\xff".as_slice(), SECRET.as_bytes()].concat()),
        ("mark", [b"\xef\xbb\xbf".as_slice(), &text("TOKEN=SECRET\n")].concat()),
    ]
}

#[test]
fn nothing_is_shown_of_a_file_behind_a_link_that_is_no_configuration() {
    for (name, bytes) in strangers() {
        let place = Place::empty();
        place.write(name, &bytes);
        symlink(name, place.path().join("vss.toml")).expect("a link");
        for arguments in [
            &["validate"][..],
            &["--sandbox=box.json", "plan"],
            &["--sandbox=box.json", "plan", "--format", "json"],
            &["--sandbox=box.json", "apply", "--yes", "--json"],
            &["validate", "--file", name],
        ] {
            let run = place.run(arguments).exits(6);
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(!said.contains(SECRET), "{name} {arguments:?}:\n{said}");
            assert!(said.contains("--> vss.toml:") || said.contains(&format!("--> {name}:")), "{name}:\n{said}");
        }
    }
}

#[test]
fn nothing_is_shown_of_a_base_that_is_no_configuration() {
    for (name, bytes) in strangers() {
        let place = Place::with(&format!("extends = \"{name}\"\n{MAIN_JOB}"));
        place.write(name, &bytes);
        let run = place.run(&["validate"]).exits(6);
        assert!(!run.stderr.contains(SECRET) && run.stderr.contains(name), "{name}:\n{}", run.stderr);
    }
}

#[test]
fn nothing_is_shown_of_a_policy_file_that_is_no_policy() {
    for (name, bytes) in strangers() {
        let entry = format!("[policy.p]\ndocument = {{ file = \"{name}\" }}\n");
        let place = Place::with(&format!("{MAIN_JOB}{entry}"));
        place.write(name, &bytes);
        let run = place.run(&["validate"]).exits(6);
        assert!(!run.stderr.contains(SECRET) && run.stderr.contains(name), "{name}:\n{}", run.stderr);
    }
}

#[test]
fn nothing_is_shown_of_a_file_that_is_no_plan_template_scenario_or_account() {
    for (name, bytes) in strangers() {
        let place = Place::with(MAIN_JOB);
        place.write(name, &bytes);
        let account = format!("--sandbox={name}");
        let template = ["init", "--file", "new.toml", "--from-cloudformation", name];
        for (arguments, codes) in [
            (&["show", name][..], &[6][..]),
            (&["--sandbox=box.json", "apply", name], &[6]),
            (&template, &[6]),
            (&["--sandbox=box.json", "sandbox", "load", name], &[6]),
            (&[&account, "plan"], &[1]),
        ] {
            let run = place.run(arguments);
            let said = format!("{}{}", run.stdout, run.stderr);
            assert!(run.code.is_some_and(|code| codes.contains(&code)), "{name} {arguments:?}: {:?}\n{said}", run.code);
            assert!(!said.contains(SECRET) && said.contains(name), "{name} {arguments:?}:\n{said}");
        }
    }
}

#[test]
fn what_is_recognisably_ours_keeps_its_underlined_line() {
    let place = Place::with(&MAIN_JOB.replace("[vault.vss]", "[vault.vss]\nkms_key = eleven"));
    let run = place.run(&["validate"]).exits(6);
    assert!(run.stderr.contains("| kms_key = eleven"), "{}", run.stderr);
    let broken = format!("{MAIN_JOB}[role.x\n");
    place.write("vss.toml", &broken);
    let run = place.run(&["validate"]).exits(6);
    assert!(run.stderr.contains("| [role.x"), "{}", run.stderr);
    let bytes = [MAIN_JOB.as_bytes(), b"# caf\xe9\n"].concat();
    place.write("vss.toml", &bytes);
    let run = place.run(&["validate"]).exits(6);
    assert!(run.stderr.contains("| # caf") && run.stderr.contains("0xE9"), "{}", run.stderr);
    // A base and a policy too.
    place.write("base.toml", "[defaults.vault]\nkms_key = eleven\n");
    place.write("vss.toml", format!("extends = \"base.toml\"\n{MAIN_JOB}"));
    let run = place.run(&["validate"]).exits(6);
    assert!(run.stderr.contains("| kms_key = eleven"), "{}", run.stderr);
    place.write("p.json", "{\n  \"Statement\": [ { \"Effect\": Allow } ]\n}\n");
    place.write("vss.toml", format!("{MAIN_JOB}[policy.p]\ndocument = {{ file = \"p.json\" }}\n"));
    let run = place.run(&["validate"]).exits(6);
    assert!(run.stderr.contains("\"Effect\": Allow"), "{}", run.stderr);
}

#[test]
fn a_link_is_followed_within_the_repository_or_its_folder_and_no_further() {
    let outside = tempfile::tempdir().expect("a folder");
    let there = outside.path().canonicalize().expect("a path").join("real.toml");
    std::fs::write(&there, MAIN_JOB).expect("a file");
    let with_link = |from: &str, to: &Path| {
        let place = Place::empty();
        std::fs::create_dir_all(place.path().join("sub/deep")).expect("folders");
        place.write("shared.toml", MAIN_JOB);
        place.write("sub/own.toml", MAIN_JOB);
        symlink(to, place.path().join(from)).expect("a link");
        place
    };
    let refused = |place: &Place, arguments: &[&str]| {
        let run = place.run(arguments).exits(6);
        assert!(run.stderr.contains("VSS0106") && run.stderr.contains("leads out of"), "{}", run.stderr);
        assert!(run.stderr.contains("--file"), "{}", run.stderr);
    };
    let validate = &["validate"][..];
    // Out, as found, as named and as the variable says.
    let place = with_link("vss.toml", &there);
    refused(&place, validate);
    refused(&place, &["validate", "--file", "vss.toml"]);
    refused(&place, &["-C", "sub", "validate"]);
    refused(&place, &["--sandbox=box.json", "apply", "--yes"]);
    let by_variable = place.command(validate).env("VSSCTL_CONFIG", "vss.toml").output().expect("vssctl runs");
    assert_eq!(by_variable.status.code(), Some(6));
    // The way out works.
    place.run(&["validate", "--file", there.to_str().expect("text")]).exits(0);
    // Out through another link, and through a folder that is one.
    symlink(place.path().join("vss.toml"), place.path().join("second.toml")).expect("a link");
    refused(&place, &["validate", "--file", "second.toml"]);
    symlink(outside.path(), place.path().join("away")).expect("a link");
    symlink("away/real.toml", place.path().join("third.toml")).expect("a link");
    refused(&place, &["validate", "--file", "third.toml"]);
    // The folder itself may be a link: the file in it is none.
    place.run(&["validate", "--file", "away/real.toml"]).exits(0);

    // Within the folder, in several steps: so Kubernetes mounts files.
    let without_repository = |place: &Place| std::fs::remove_dir(place.path().join(".git")).expect("removed");
    let place = with_link("sub/vss.toml", Path::new("..data/vss.toml"));
    without_repository(&place);
    std::fs::create_dir_all(place.path().join("sub/..2026")).expect("a folder");
    place.write("sub/..2026/vss.toml", MAIN_JOB);
    symlink("..2026", place.path().join("sub/..data")).expect("a link");
    place.run(&["-C", "sub", "validate"]).exits(0);
    // Within the repository, above the link's own folder, relative and absolute; a worktree has a file there.
    let place = with_link("sub/vss.toml", Path::new("../shared.toml"));
    without_repository(&place);
    refused(&place, &["-C", "sub", "validate"]);
    place.write(".git", "gitdir: elsewhere\n");
    place.run(&["-C", "sub", "validate"]).exits(0);
    symlink(place.path().join("sub/vss.toml"), place.path().join("sub/deep/vss.toml")).expect("a link");
    place.run(&["-C", "sub/deep", "validate"]).exits(0);
    // A repository within it is the one that counts.
    std::fs::create_dir_all(place.path().join("sub/.git")).expect("a folder");
    refused(&place, &["-C", "sub", "validate"]);
}

#[test]
fn a_link_to_nothing_or_to_a_folder_is_an_error_and_no_reason_to_look_further_up() {
    let place = Place::with(MAIN_JOB);
    std::fs::create_dir_all(place.path().join("sub/folder")).expect("folders");
    symlink("nowhere.toml", place.path().join("sub/vss.toml")).expect("a link");
    let run = place.run(&["-C", "sub", "validate"]).exits(6);
    assert!(run.stderr.contains("is a link to a file that does not exist"), "{}", run.stderr);
    std::fs::remove_file(place.path().join("sub/vss.toml")).expect("removed");
    symlink("folder", place.path().join("sub/vss.toml")).expect("a link");
    let run = place.run(&["-C", "sub", "validate"]).exits(6);
    assert!(run.stderr.contains("is a folder, not a file"), "{}", run.stderr);
    std::fs::remove_file(place.path().join("sub/vss.toml")).expect("removed");
    symlink("vss.toml", place.path().join("sub/vss.toml")).expect("a link to itself");
    let run = place.run(&["-C", "sub", "validate"]).exits(6);
    assert!(run.stderr.contains("VSS0106"), "{}", run.stderr);
}
