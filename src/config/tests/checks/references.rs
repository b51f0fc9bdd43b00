//! Roles and their sessions, managed policies, references, and entries that were renamed.

use super::*;

#[test]
fn sessions_last_from_one_to_twelve_hours() {
    check("VSS0212", &role("max_session_duration = \"13h\""), "\"13h\"", &role("max_session_duration = \"12h\""));
    check("VSS0212", &role("max_session_duration = 3599"), "3599", &role("max_session_duration = 3600"));
    check("VSS0407", &role("max_session_duration = \"2\""), "\"2\"", &role("max_session_duration = \"2h\""));
}

#[test]
fn managed_policies_are_few_and_different() {
    let list = |count: usize| {
        (0..count).map(|index| format!("\"arn:aws:iam::aws:policy/P{index}\"")).collect::<Vec<_>>().join(", ")
    };
    let roles = |count: usize| role(&format!("managed_policies = [{}]", list(count)));
    check("VSS0214", &roles(11), &format!("[{}]", list(11)), &roles(10));
    let twice = "managed_policies = [\"AWSBackupFullAccess\", \"arn:aws:iam::aws:policy/AWSBackupFullAccess\"]";
    check(
        "VSS0215",
        &role(twice),
        "\"arn:aws:iam::aws:policy/AWSBackupFullAccess\"",
        &role("managed_policies = [\"AWSBackupFullAccess\", \"AmazonSSMReadOnlyAccess\"]"),
    );
    for known in ["service-role/AWSBackupServiceRolePolicyForBackup", "arn:aws:iam::123456789012:policy/Own"] {
        let good = role(&format!("managed_policies = [\"{known}\"]"));
        check("VSS0306", &role("managed_policies = [\"OurOwn\"]"), "\"OurOwn\"", &good);
    }
    check(
        "VSS0301",
        &role("managed_policies = [\"AWSEC2VssSnapshotPolcy\"]"),
        "\"AWSEC2VssSnapshotPolcy\"",
        &role("managed_policies = [\"AWSEC2VssSnapshotPolicy\"]"),
    );
}

#[test]
fn references_lead_to_entries_or_arns_of_the_stack() {
    let rule_to = |vault: &str| format!("[vault.main]\n[plan.p.rule.r]\nvault = \"{vault}\"\n");
    let arn = "arn:aws:backup:ap-northeast-1:123456789012:backup-vault:x";
    check("VSS0301", &rule_to("mian"), "\"mian\"", &rule_to("main"));
    check("VSS0302", &rule_to("arn:aws:backup"), "\"arn:aws:backup\"", &rule_to(arn));
    check(
        "VSS0302",
        &rule_to("arn:aws:iam::123456789012:role/x"),
        "\"arn:aws:iam::123456789012:role/x\"",
        &rule_to(arn),
    );
    for (code, wrong) in [
        ("VSS0303", arn.replace("arn:aws:", "arn:aws-cn:")),
        ("VSS0304", arn.replace("123456789012", "210987654321")),
        ("VSS0305", arn.replace("ap-northeast-1", "eu-west-1")),
    ] {
        check(code, &rule_to(&wrong), &format!("\"{wrong}\""), &rule_to(arn));
    }
    let loaded = file(&rule_to("mian"));
    assert!(loaded.diagnostics.iter().next().unwrap().help.contains(&"did you mean `main`?".to_owned()));
}

#[test]
fn a_reference_to_an_entry_with_errors_is_no_second_error() {
    let body = "[vault.main]\ntgas = {}\n[plan.p.rule.r]\nvault = \"main\"\n";
    assert_eq!(problems(&file(body)), [("VSS0102", "tgas".to_owned())]);
}

#[test]
fn renamed_from_names_a_key_that_is_gone() {
    check("VSS0307", &vault("renamed_from = \"main\""), "\"main\"", &vault("renamed_from = \"old\""));
    check(
        "VSS0307",
        &vault("renamed_from = \"other\"\n[vault.other]"),
        "\"other\"",
        &vault("renamed_from = \"vault.old\""),
    );
    check("VSS0307", &vault("renamed_from = \"a b\""), "\"a b\"", &vault(""));
}

#[test]
fn a_profile_is_defined_once() {
    let own = "[instance_profile.r]\nrole = \"r\"\n";
    check("VSS0308", &format!("{}{own}", role("instance_profile = true")), "true", &format!("{}{own}", role("")));
    // The preset's own profile gives way.
    assert!(file(&format!("[role.r]\npreset = \"vss-instance\"\n{own}")).diagnostics.is_empty());
}
