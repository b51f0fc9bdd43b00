//! Version and operating system belong together, from the file to the backup: fleets with older servers, in a process.

use serde_json::Value;

use crate::harness::{Place, Run};

/// The example with both kinds of servers.
fn example() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/older-windows.toml");
    std::fs::read_to_string(path).expect("the example")
}

const FLEET: &str = r#"
region = "ap-northeast-1"

[[instance]]
name    = "new-1"
os      = "2019"
package = "2.5.1"
profile = "EC2RoleforSSMVSSSnapshotV2"
tags    = { VssBackup = "enabled" }

[[instance]]
name    = "r2-1"
os      = "2012R2"
package = "2.1.0"
profile = "VssSnapshot2012R2"
tags    = { VssBackup = "2012R2" }
"#;

/// The example applied to its fleet, two days on.
fn place(fleet: &str) -> Place {
    let place = Place::with(&example());
    place.write("fleet.toml", fleet);
    place.sandbox(&["sandbox", "load", "fleet.toml"]).exits(0);
    place.sandbox(&["apply", "--yes", "--allow", "vss-unavailable"]).exits(0);
    place.sandbox(&["sandbox", "advance", "2d"]).exits(0);
    place
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// Plans a changed file; returns what is said about the older server.
fn said(place: &Place, file: &str) -> String {
    place.write("vss.toml", file);
    let run = place.sandbox(&["plan"]);
    format!("{}\n{}", run.stdout, run.stderr).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn both_kinds_of_servers_are_healthy_and_consistent_and_the_plan_is_empty() {
    let place = place(FLEET);
    for command in ["doctor", "verify", "coverage"] {
        let run = place.sandbox(&[command]).exits(0);
        assert!(run.stdout.contains("r2-1") || command != "verify", "{run:?}");
    }
    place.sandbox(&["plan", "--detailed-exitcode"]).exits(0);
    let validated = place.sandbox(&["validate"]).exits(0);
    assert!(!validated.stderr.contains("VSS0604"), "{validated:?}");
}

#[test]
fn a_server_of_2008_r2_is_healthy_with_its_own_version_and_crash_consistent_with_another() {
    let old = |version: &str| {
        FLEET.replace("\"2012R2\"\npackage = \"2.1.0\"", &format!("\"2008R2\"\npackage = \"{version}\""))
    };
    let right = |text: String| text.replace("version = \"2.1.0\"", "version = \"1.3.1.0\"");
    let place = Place::with(&right(example()));
    place.write("fleet.toml", old("1.3.1.0"));
    for arguments in [
        ["sandbox", "load", "fleet.toml"].as_slice(),
        &["apply", "--yes"],
        &["sandbox", "advance", "2d"],
        &["verify"],
        &["doctor"],
    ] {
        place.sandbox(arguments).exits(0);
    }
    let wrong = self::place(&old("2.1.0"));
    wrong.sandbox(&["verify"]).exits(8);
    let diagnosis = wrong.sandbox(&["doctor", "--format", "json"]).exits(8);
    let findings = json(&diagnosis).to_string();
    assert!(findings.contains("D002") && findings.contains("version = \\\"1.3.1.0\\\""), "{findings}");
}

#[test]
fn each_change_that_would_end_the_vss_of_the_older_server_names_it_and_asks() {
    let place = place(FLEET);
    let pin = "version = \"2.1.0\"";
    let custom = example();
    let inline = custom.find("[role.VssSnapshot2012R2.inline_policies").expect("the policy");
    let package = custom.find("[package.AwsVssComponents-2012R2]").expect("the package");
    let without = format!("{}{}", &custom[..inline], &custom[package..]);
    let managed = "managed_policies = [\"AmazonSSMManagedInstanceCore\"]";
    let swapped = without.replace(
        managed,
        "managed_policies = [\"AmazonSSMManagedInstanceCore\", \"AWSEC2VssSnapshotPolicy\"]\ninline_policies = {}",
    );
    let emptied = without.replace(managed, &format!("{managed}\ninline_policies = {{}}"));
    let changes = [
        ("no pin", custom.replace(pin, "minimum_version = \"2.3.1\"")),
        ("a minimum below", custom.replace(pin, "minimum_version = \"2.1.0\"")),
        ("a newer pin", custom.replace(pin, "version = \"2.5.1\"")),
        ("an older pin", custom.replace(pin, "version = \"1.3.1.0\"")),
        ("uninstall", custom.replace(pin, "action = \"Uninstall\"")),
        (
            "targets",
            custom.replace(
                "{ VssBackup = \"enabled\" } }\nschedule",
                "{ VssBackup = [\"enabled\", \"2012R2\"] } }\nschedule",
            ),
        ),
        (
            "a command",
            custom.replace("version = \"2.1.0\"", "minimum_version = \"2.3.1\"").replace(
                "targets = { tags = { VssBackup = \"2012R2\" } }\nschedule = \"rate(1 day)\"",
                "targets = { tags = { VssBackup = \"2012R2\" } }",
            ),
        ),
        ("the managed policy", swapped),
        ("no policy", emptied),
    ];
    for (what, file) in changes {
        assert_ne!(file, custom, "{what}");
        let said = said(&place, &file);
        if what == "targets" {
            // Two packages of the file want the server: the file itself is refused, before anybody looks at servers.
            assert!(said.contains("VSS0620"), "{said}");
            place.sandbox(&["apply", "--yes"]).exits(6);
            continue;
        }
        assert!(said.contains("vss-unavailable") || said.contains("VSS0913"), "{what}: {said}");
        assert!(
            said.contains("r2-1 (i-") && said.contains("Windows Server 2012 R2 works with package 2.1.0 only"),
            "{what}: {said}"
        );
        assert!(!said.contains("new-1 (i-"), "{what}: {said}");
        place.sandbox(&["apply", "--yes"]).exits(4);
    }
    place.write("vss.toml", custom);
    place.sandbox(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn one_entry_for_both_servers_is_tried_on_the_newer_one_and_fails_on_the_older_alone() {
    let place = place(FLEET);
    let both = example()
        .replace("version = \"2.1.0\"", "minimum_version = \"2.3.1\"\ncanary = 1")
        .replace("{ VssBackup = \"2012R2\" } }\nschedule", "{ VssBackup = [\"enabled\", \"2012R2\"] } }\nschedule");
    let said = said(&place, &both);
    assert!(said.contains("r2-1 (i-") && said.contains("first on new-1"), "{said}");
    place.sandbox(&["apply", "--yes", "--allow", "vss-unavailable"]).exits(0);
    place.sandbox(&["sandbox", "advance", "1h"]).exits(0);
    let dump = json(&place.sandbox(&["sandbox", "dump"]).exits(0)).to_string();
    assert!(dump.contains("Windows Server 2012 R2 Standard is not supported"), "the installation failed there");
    place.sandbox(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_server_that_carries_the_wrong_version_makes_crash_consistent_backups() {
    let place = place(&FLEET.replace("package = \"2.1.0\"", "package = \"2.5.1\"\nsilent = \"1d\""));
    place.sandbox(&["doctor"]).exits(8);
    place.sandbox(&["verify"]).exits(8);
}

#[test]
fn a_role_of_older_servers_is_left_out_of_a_migration() {
    let place = place(FLEET);
    let run = place.sandbox(&["migrate", "--stack", "moved"]).exits(0);
    assert!(run.stdout.contains("VssSnapshot2012R2 keeps its hand-written policy"), "{run:?}");
    assert!(run.stdout.contains("r2-1 (i-") && run.stdout.contains("package 2.1.0 only"), "{run:?}");
}
