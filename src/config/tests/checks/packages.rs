//! Packages and their associations.

use super::*;

#[test]
fn packages_have_names_versions_and_targets() {
    check("VSS0601", &package("package_name = \"1x\""), "\"1x\"", &package("package_name = \"x1\""));
    check("VSS0602", &package("version = \"2.5.1-rc\""), "\"2.5.1-rc\"", &package("version = \"2.5.1\""));
    let in_place =
        |version: &str| package(&format!("installation_type = \"In-place update\"\nversion = \"{version}\""));
    check("VSS0603", &in_place("2.4.0"), "\"In-place update\"", &in_place("2.5.0"));
    check(
        "VSS0612",
        &package("version = \"2.5.1\"\nminimum_version = \"2.3.1\""),
        "\"2.3.1\"",
        &package("minimum_version = \"2.3.1\""),
    );
    check(
        "VSS0613",
        &package("additional_arguments = { x = \"y\" }"),
        "x",
        &package("additional_arguments = { SSM_x = \"y\" }"),
    );
    check("VSS0605", "[package.p]\ntargets = {}\n", "{}", "[package.p]\ntargets = { resource_groups = [\"a\"] }\n");
    check(
        "VSS0611",
        "[package.p]\ntargets = { instance_ids = [\"web\"] }\n",
        "\"web\"",
        "[package.p]\ntargets = { instance_ids = [\"i-0123456789abcdef0\"] }\n",
    );
    check("VSS0610", "[package.p]\ntargets = { instance_ids = [\"*\"] }\n", "[\"*\"]", &package(""));
    let two = |one: &str, other: &str| {
        let entry = |key: &str, rest: &str| {
            format!(
                "[package.{key}]\npackage_name = \"AwsVssComponents\"\n{rest}targets = {{ tags = {{ a = [\"1\", \
                 \"{key}\"] }} }}\n"
            )
        };
        entry("p", one) + &entry("q", other)
    };
    let (old, new) = ("version = \"2.5.0\"\n", "version = \"2.5.1\"\n");
    check("VSS0620", &two(old, new), "{ tags = { a = [\"1\", \"q\"] } }", &two(new, new));
    check(
        "VSS0620",
        &two(old, ""),
        "{ tags = { a = [\"1\", \"q\"] } }",
        &two(old, new).replace("\"1\", \"q\"", "\"q\""),
    );
    for (key, bad, good) in [
        ("max_concurrency", "\"0\"", "\"1\""),
        ("max_concurrency", "\"101%\"", "\"100%\""),
        ("max_errors", "\"x\"", "\"0%\""),
    ] {
        check("VSS0606", &package(&format!("{key} = {bad}")), bad, &package(&format!("{key} = {good}")));
    }
}

#[test]
fn what_belongs_to_an_association_needs_its_schedule() {
    check(
        "VSS0609",
        &package("compliance_severity = \"HIGH\""),
        "\"HIGH\"",
        &package("compliance_severity = \"HIGH\"\nschedule = \"rate(1 day)\""),
    );
    let every = |keys: &str| package(&format!("schedule = \"cron(0 2 ? * SUN *)\"\n{keys}"));
    check(
        "VSS0607",
        &package("schedule = \"rate(1 day)\"\napply_only_at_cron_interval = true"),
        "true",
        &every("apply_only_at_cron_interval = true"),
    );
    check(
        "VSS0608",
        &every("schedule_offset = 2"),
        "2",
        &every("schedule_offset = 2\napply_only_at_cron_interval = true"),
    );
    check(
        "VSS0608",
        &every("apply_only_at_cron_interval = true\nduration = 25"),
        "25",
        &every("apply_only_at_cron_interval = true\nduration = 24"),
    );
}

#[test]
fn a_package_is_new_enough_for_the_policy_of_its_instances() {
    let pinned = |version: &str| {
        format!("[role.r]\npreset = \"vss-instance\"\n{}", package(&format!("version = \"{version}\"")))
    };
    check("VSS0604", &pinned("2.2.1"), "\"2.2.1\"", &pinned("2.3.1"));
}

/// A role of servers that take no package with the tag, with what its policy allows.
fn older(actions: &str) -> String {
    format!(
        "[role.old]\npreset = \"vss-instance\"\nmanaged_policies = [\"AmazonSSMManagedInstanceCore\"]\n\
         inline_policies.Vss = '{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\
         \"Action\":[{actions}],\"Resource\":\"*\"}}]}}'\n"
    )
}

#[test]
fn the_only_version_of_an_older_server_goes_with_a_role_of_its_own_beside_the_managed_policy() {
    let codes = |version: &str, role: &str| {
        let file =
            format!("[role.r]\npreset = \"vss-instance\"\n{role}{}", package(&format!("version = \"{version}\"")));
        let found = self::file(&file).diagnostics;
        found.iter().map(|one| one.code).filter(|code| code.starts_with("VSS06")).collect::<Vec<_>>()
    };
    let serves = older("\"ec2:CreateSnapshot\",\"ec2:CreateImage\",\"ec2:CreateTags\"");
    for only in ["2.1.0", "1.3.1.0", "1.3.1"] {
        assert_eq!(codes(only, &serves), [""; 0], "{only}");
        assert_eq!(codes(only, &older("\"ec2:DescribeTags\"")), ["VSS0604"], "{only}");
        assert_eq!(codes(only, ""), ["VSS0604"], "{only}");
    }
    assert_eq!(codes("2.2.1", &serves), ["VSS0604"], "it is the only version of no server");
    let both = "inline_policies.Vss = '{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\
                \"Action\":[\"ec2:CreateImage\",\"ec2:CreateTags\"],\"Resource\":\"*\"}]}'\n";
    assert_eq!(codes("2.1.0", both), [""; 0], "the role serves older packages besides");
}

#[test]
fn a_pin_to_what_can_no_longer_be_downloaded_is_an_error_with_the_way_out() {
    for gone in ["2.0.1", "2.0.0", "1.3.2.0", "1.3.00", "1.2.00", "1.1", "1.0"] {
        let pin = package(&format!("version = \"{gone}\""));
        check("VSS0615", &pin, &format!("\"{gone}\""), &package("version = \"2.5.1\""));
    }
    let codes = |text: &str| file(text).diagnostics.iter().map(|one| one.code).collect::<Vec<_>>();
    for fine in ["version = \"2.1.0\"", "version = \"1.3.1.0\"", "minimum_version = \"2.0.1\""] {
        assert!(!codes(&package(fine)).contains(&"VSS0615"), "{fine}");
    }
    let other = "[package.p]\npackage_name = \"AWSPVDriver\"\nversion = \"1.1\"\ntargets = { tags = { a = \"b\" } }\n";
    assert!(!codes(other).contains(&"VSS0615"), "another package has versions of its own");
}

#[test]
fn a_pin_is_a_version_that_exists() {
    for (wrong, label, is_error) in [
        ("2.3.9", "the next version is 2.4.0", true),
        ("2.1.1", "the next version is 2.2.1", true),
        ("0.9", "the next version is 1.3.1.0", true),
        ("v2.5.1", "did you mean `2.5.1`?", true),
        ("2.5", "write `2.5.0`", false),
        ("latest", "such as `2.5.1`", false),
        ("v9.9", "such as `2.5.1`", false),
    ] {
        let loaded = file(&package(&format!("version = \"{wrong}\"")));
        let found = loaded.diagnostics.iter().find(|one| one.code == "VSS0619").unwrap();
        assert_eq!(found.label.as_deref(), Some(label), "{wrong}");
        assert_eq!(loaded.diagnostics.has_errors(), is_error, "{wrong}");
    }
    let codes = |text: &str| file(text).diagnostics.iter().map(|one| one.code).collect::<Vec<_>>();
    for fine in ["2.5.1", "2.5.0", "2.4.0", "2.3.3", "2.3.2", "2.3.1", "2.2.1", "2.1.0", "1.3.1.0", "2.6.0", "1.0", ""]
    {
        assert!(!codes(&package(&format!("version = \"{fine}\""))).contains(&"VSS0619"), "{fine}");
    }
    assert!(!codes(&package("minimum_version = \"2.3.9\"")).contains(&"VSS0619"), "2.4.0 is enough for it");
}
