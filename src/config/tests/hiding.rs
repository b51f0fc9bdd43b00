//! One mistake hides no other: an entry below a bad key, or without what it must have, is checked all the same.

use super::*;

/// An entry of each kind, with what it must have: the header, and its keys one a line.
const ENTRIES: &[(&str, &[&str])] = &[
    ("role.KEY", &["preset = \"vss-instance\""]),
    ("policy.KEY", &["document = { file = \"p.json\" }"]),
    ("instance_profile.KEY", &["role = \"servers\""]),
    ("attachment.KEY", &["instance_profile = \"servers\"", "targets = { tags = { VssBackup = \"enabled\" } }"]),
    ("package.KEY", &["package_name = \"AwsVssComponents\"", "targets = { tags = { VssBackup = \"enabled\" } }"]),
    ("vault.KEY", &[]),
    ("plan.daily.rule.KEY", &["vault = \"vss\"", "delete_after = \"35d\""]),
    ("plan.daily.selection.KEY", &["role = \"backup\"", "match = { all = { VssBackup = \"enabled\" } }"]),
];

/// What the entries refer to, without a problem of its own.
const REST: &str = "[role.servers]\npreset = \"vss-instance\"\n[role.backup]\nname = \"AWSBackupVss\"\n\
                    preset = \"backup-service\"\n[vault.vss]\n[plan.daily.rule.always]\nvault = \"vss\"\n\
                    schedule = \"cron(0 1 ? * * *)\"\ndelete_after = \"1d\"\n";

/// The codes of the errors of a file with the entry, sorted.
fn errors(header: &str, keys: &[&str], rest: &str) -> Vec<&'static str> {
    let folder = tempfile::tempdir().unwrap();
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
    std::fs::write(folder.path().join("p.json"), policy).unwrap();
    let text = format!("{STACK}{rest}[{header}]\n{}\n", keys.join("\n"));
    let loaded = load_text("vss.toml", &text, Some(folder.path()));
    let errors = loaded.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let mut codes: Vec<&str> = errors.map(|found| found.code).collect();
    codes.sort_unstable();
    codes
}

#[test]
fn an_entry_below_a_bad_key_is_checked_like_any_other() {
    for (header, keys) in ENTRIES {
        assert_eq!(errors(&header.replace("KEY", "good"), keys, REST), [""; 0], "{header}");
        for bad in ["\"bad name!\"", "\"\"", "\"a.b\"", "\"sørver\"", "\"a\\u0007b\""] {
            let header = header.replace("KEY", bad);
            assert_eq!(errors(&header, keys, REST), ["VSS0113"], "{header}");
            let more = [keys, &["no_such_key = 1"][..]].concat();
            assert_eq!(errors(&header, &more, REST), ["VSS0102", "VSS0113"], "{header}");
        }
    }
    // What refers to it by that name is no second error, and its own problems are told.
    let body = "[vault.\"my vault\"]\nlock = { mode = \"governance\", min_retention = \"0d\" }\n\
                [plan.p.rule.r]\nvault = \"my vault\"\nschedule = \"cron(0 1 ? * * *)\"\ndelete_after = \"1d\"\n";
    let mut codes: Vec<&str> = file(body).diagnostics.iter().map(|found| found.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["VSS0113", "VSS0411"]);
}

#[test]
fn an_entry_that_lacks_or_misspells_a_member_is_checked_in_all_else() {
    for (header, keys) in ENTRIES {
        let header = header.replace("KEY", "good");
        for (index, key) in keys.iter().enumerate() {
            let rest: Vec<&str> =
                keys.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, key)| *key).collect();
            let lacking = errors(&header, &rest, REST);
            // A member of the wrong type is as good as none.
            let name = key.split(' ').next().unwrap();
            let wrong = format!("{name} = 1979-05-27");
            let mistyped = errors(&header, &[&rest[..], &[wrong.as_str()]].concat(), REST);
            assert_eq!(mistyped, ["VSS0103"], "{header} with {wrong}");
            for more in ["no_such_key = 1", "tags = 7", "adopt = \"yes\""] {
                let found = errors(&header, &[&rest[..], &[more]].concat(), REST);
                let expected = errors(&header, &[&keys[..], &[more]].concat(), REST);
                for code in &expected {
                    assert!(found.contains(code), "{header} without {name}, with {more}: {found:?}");
                }
                assert!(found.len() <= expected.len() + lacking.len().max(1), "{header}, {name}, {more}: {found:?}");
            }
        }
    }
}

#[test]
fn what_is_missing_is_told_beside_every_other_problem_of_the_entry() {
    for (body, expected) in [
        ("[plan.daily.selection.s]\nrole = \"NoSuchRole\"\n", &["VSS0105", "VSS0301"][..]),
        ("[plan.daily.selection.s]\nmatch = { arns = [\"nonsense\"] }\n", &["VSS0105", "VSS0703"]),
        ("[plan.daily.rule.r]\nschedule = \"cron(1)\"\n", &["VSS0105", "VSS0401"]),
        ("[attachment.a]\ninstance_profile = \"nowhere\"\n", &["VSS0105", "VSS0301"]),
        (
            "[plan.daily.rule.r]\nvault = \"vss\"\ncopy_actions = [{ delete_after = \"soon\" }]\n",
            &["VSS0105", "VSS0407"],
        ),
    ] {
        let loaded = file(&format!("{REST}{body}"));
        let found: Vec<&str> = loaded.diagnostics.iter().map(|found| found.code).collect();
        for code in expected {
            assert!(found.contains(code), "{body}: no {code} in {:#?}", loaded.diagnostics);
        }
    }
}

#[test]
fn what_stands_in_the_wrong_table_is_led_to_the_right_one() {
    for (body, help) in [
        ("[plan.daily.selection.s]\nrole = \"backup\"\ntags = { A = \"b\" }\n", "match = { all = { A = \"b\" } }"),
        (
            "[plan.daily.selection.s]\nrole = \"backup\"\n[plan.daily.selection.s.tags]\nA = \"b\"\n",
            "match = { all = { A = \"b\" } }",
        ),
        (
            "[plan.daily.selection.s]\nrole = \"backup\"\ntargets = { tags = { A = \"b\" } }\n",
            "match = { all = { A = \"b\" } }",
        ),
        ("[plan.daily.selection.s]\nrole = \"backup\"\narns = [\"*\"]\n", "match = { arns ="),
        ("[plan.daily.selection.s]\nrole = \"backup\"\nmatch = { tags = { A = \"b\" } }\n", "all = { A = \"b\" }"),
        (
            "[attachment.a]\ninstance_profile = \"servers\"\nmatch = { all = { A = \"b\" } }\n",
            "targets = { tags = { A = \"b\" } }",
        ),
        ("[package.AwsVssComponents]\nmatch = { all = { A = \"b\" } }\n", "targets = { tags = { A = \"b\" } }"),
        ("[package.AwsVssComponents]\ninstance_ids = [\"i-0123456789abcdef0\"]\n", "targets = { instance_ids ="),
    ] {
        let loaded = file(&format!("{REST}{body}"));
        let helps: Vec<&str> = loaded.diagnostics.iter().flat_map(|found| &found.help).map(String::as_str).collect();
        assert!(helps.iter().any(|text| text.contains(help)), "{body}: no `{help}` in {helps:#?}");
        assert!(!helps.iter().any(|text| text.contains("belongs to the file itself")), "{body}: {helps:#?}");
    }
}
