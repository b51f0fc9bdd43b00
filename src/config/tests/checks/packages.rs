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
