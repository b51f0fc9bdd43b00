//! What a finding says to do: the policy that denies, and what the file puts back.

use serde_json::json;

use super::*;

fn denies(action: &str, condition: &serde_json::Value) -> serde_json::Value {
    let deny = json!({ "Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition });
    json!({ "Version": "2012-10-17", "Statement": [deny] })
}

#[test]
fn a_doubt_about_restores_stands_beside_a_healthy_result() {
    let guard = denies("iam:PassRole", &json!({ "StringNotEquals": { "aws:RequestedRegion": "eu-west-1" } }));
    let diagnosis = with(|evidence| {
        role(evidence, fixture::BACKUP_ROLE).inline.insert("guard".to_owned(), guard);
    });
    let undecided: Vec<&str> = diagnosis.undecided.iter().map(|one| one.check).collect();
    assert_eq!((undecided, diagnosis.has_findings(), diagnosis.has_unknown()), (vec!["D025"], false, false));
}

#[test]
fn a_policy_that_denies_is_named_with_what_it_denies() {
    let always = json!({});
    for (arn, action, check) in
        [(fixture::INSTANCE_ROLE, "ec2:CreateImage", "D021"), (fixture::BACKUP_ROLE, "ssm:SendCommand", "D023")]
    {
        let diagnosis = with(|evidence| {
            role(evidence, arn).inline.insert("guard".to_owned(), denies(action, &always));
        });
        let finding = diagnosis.findings.iter().find(|finding| finding.check == check).expect(check);
        assert_eq!(finding.remedy, format!("take out the `Deny` of {action} in its inline policy `guard`"));
        assert!(finding.evidence.contains(&format!("its inline policy `guard` denies {action}")), "{finding:?}");
    }
}

/// What the remedies of a fault are without a file and with one that declares what is gone.
fn remedies(check: &str, edit: fn(&mut Evidence)) -> [String; 2] {
    let mut evidence = fixture::healthy();
    edit(&mut evidence);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let file = File {
        roles: names(&["AWSBackupVss", "EC2RoleforSSMVSSSnapshotV2"]),
        vaults: names(&["vss"]),
        ..File::default()
    };
    [File::default(), file].map(|file| {
        let diagnosis = diagnose(&evidence, &Options { file, ..Options::default() });
        diagnosis.findings.iter().find(|finding| finding.check == check).expect(check).remedy.clone()
    })
}

#[test]
fn what_the_file_declares_and_is_gone_comes_back_by_apply() {
    type Fault = (&'static str, &'static str, fn(&mut Evidence));
    let faults: [Fault; 3] = [
        ("D023", "AWSBackupVss", |evidence| {
            selection(evidence).role_arn = "arn:aws:iam::123456789012:role/gone/AWSBackupVss".to_owned();
        }),
        ("D020", "EC2RoleforSSMVSSSnapshotV2", |evidence| {
            if let Known::Known(profiles) = &mut evidence.profiles {
                profiles.get_mut(fixture::PROFILE).unwrap().roles.clear();
            }
        }),
        ("D071", "vss", |evidence| evidence.vaults = Known::Known(BTreeMap::new())),
    ];
    for (check, name, edit) in faults {
        let [plain, declared] = remedies(check, edit);
        assert!(!plain.contains("vssctl apply"), "{check}: {plain}");
        assert!(declared.contains("the file declares") && declared.contains(name), "{check}: {declared}");
        assert!(declared.contains("`vssctl plan` shows") && declared.contains("`vssctl apply`"), "{check}: {declared}");
    }
    let [other_path, _] = remedies("D023", faults[0].2);
    assert!(other_path.ends_with(fixture::BACKUP_ROLE), "{other_path}");
}

#[test]
fn an_instance_of_the_targets_by_its_id_is_taken_out_of_them() {
    let evidence = fixture::healthy();
    let package = DeclaredPackage {
        address: "package.AwsVssComponents".to_owned(),
        name: "AwsVssComponents".to_owned(),
        targets: json!({ "InstanceIds": [fixture::ID, fixture::LINUX] }),
        minimum: None,
    };
    let file = File { packages: vec![package], ..File::default() };
    let diagnosis = diagnose(&evidence, &Options { file, ..Options::default() });
    let finding = diagnosis.findings.iter().find(|finding| finding.check == "D033").expect("D033");
    assert!(finding.remedy.starts_with(&format!("take {} out of `instance_ids`", fixture::LINUX)), "{finding:?}");
}
