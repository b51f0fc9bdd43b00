//! The announcement's template, deployed as CloudFormation does it, and taken over: refused until somebody consents, and
//! then nothing differs.

use serde_json::{Value, json};

use crate::harness::Place;
use crate::hazards::{NO_CHANGES, account, call};

const ROLE: &str = "EC2RoleforSSMVSSSnapshotV2";

/// Makes what the template says, with the tags that CloudFormation writes and nobody else can.
fn deploy(place: &Place) {
    let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"],
        "Principal": {"Service": ["ec2.amazonaws.com"]}}]});
    let role = json!({"RoleName": ROLE, "Path": "/", "AssumeRolePolicyDocument": trust.to_string()});
    call(place, "iam", "CreateRole", &role);
    for policy in ["AmazonSSMManagedInstanceCore", "AWSEC2VssSnapshotPolicy"] {
        let arn = format!("arn:aws:iam::aws:policy/{policy}");
        call(place, "iam", "AttachRolePolicy", &json!({"RoleName": ROLE, "PolicyArn": arn}));
    }
    call(place, "iam", "CreateInstanceProfile", &json!({"InstanceProfileName": ROLE, "Path": "/"}));
    call(place, "iam", "AddRoleToInstanceProfile", &json!({"InstanceProfileName": ROLE, "RoleName": ROLE}));
    let tag = |account: &mut vssctl::sandbox::account::Account| {
        let role = account.iam.roles.get_mut(&ROLE.to_lowercase()).expect("the role");
        for (key, value) in [("stack-name", "vss-roles"), ("logical-id", "VssRole"), ("stack-id", "arn:aws:x")] {
            role.tags.insert(format!("aws:cloudformation:{key}"), value.to_owned());
        }
    };
    account(place).edit(tag).expect("an edit");
}

fn tags(place: &Place) -> Vec<String> {
    let listed = call(place, "iam", "ListRoleTags", &json!({"RoleName": ROLE}))["Tags"].clone();
    let mut keys: Vec<String> =
        listed.as_array().into_iter().flatten().filter_map(|tag| tag["Key"].as_str().map(ToOwned::to_owned)).collect();
    keys.sort();
    keys
}

#[test]
fn the_roles_of_a_stack_change_hands_with_consent_and_nothing_differs() {
    let place = Place::empty();
    deploy(&place);
    place.write("template.yaml", include_str!("../announcement.yaml"));
    let written = place.run(&["init", "--from-cloudformation", "template.yaml"]).exits(0);
    assert!(!written.stderr.contains("warning[VSS11"), "{}", written.stderr);

    // The stack has it still.
    let address = format!("role.{ROLE}");
    let refused = place.sandbox(&["plan"]).exits(4).stdout;
    assert!(refused.contains("VSS0903") && refused.contains("`vss-roles`"), "{refused}");
    let hint = format!("vssctl --sandbox=account.json adopt {address} --allow shared-resource");
    assert!(refused.split_whitespace().collect::<Vec<_>>().join(" ").contains(&hint), "{refused}");
    place.sandbox(&["apply", "--yes"]).exits(4);

    let profile = format!("instance_profile.{ROLE}");
    let adopt = ["adopt", "--yes", &address, &profile];
    let refused = place.sandbox(&adopt).exits(4);
    assert!(refused.stderr.contains(&format!("shared-resource at `{address}`: ")), "{}", refused.stderr);
    assert!(tags(&place).iter().all(|key| key.starts_with("aws:")), "{:?}", tags(&place));
    let before = call(&place, "iam", "GetRole", &json!({"RoleName": ROLE}));
    place.sandbox(&[&adopt[..], &["--allow", "shared-resource"]].concat()).exits(0);

    // Adoption writes marks and nothing else, and the stack's tags stay.
    let after = call(&place, "iam", "GetRole", &json!({"RoleName": ROLE}));
    let without_tags = |mut role: Value| {
        role["Role"]["Tags"] = Value::Null;
        role
    };
    assert_eq!(without_tags(before), without_tags(after));
    let keys = tags(&place);
    for key in ["aws:cloudformation:stack-name", "vssctl:id", "vssctl:stack"] {
        assert!(keys.iter().any(|own| own == key), "{keys:?}");
    }
    let plan = place.sandbox(&["plan", "--detailed-exitcode"]).exits(0);
    assert_eq!(plan.last_line(), NO_CHANGES);
}

#[test]
fn a_stacks_role_is_adopted_by_the_file_with_consent_as_well() {
    let place = Place::empty();
    deploy(&place);
    place.write("template.yaml", include_str!("../announcement.yaml"));
    place.run(&["init", "--from-cloudformation", "template.yaml"]).exits(0);
    let file = place.read("vss.toml");
    let profile = format!("\n[instance_profile.{ROLE}]\nrole = \"{ROLE}\"\nadopt = true\n");
    let adopting = file.replace("preset = \"vss-instance\"\n", "preset = \"vss-instance\"\nadopt = true\n") + &profile;
    place.write("vss.toml", adopting);
    let plan = place.sandbox(&["plan"]).exits(0);
    assert!(plan.stdout.contains("! shared-resource: the CloudFormation stack `vss-roles` made it"), "{}", plan.stdout);
    place.sandbox(&["apply", "--yes"]).exits(4);
    place.sandbox(&["apply", "--yes", "--allow", "shared-resource"]).exits(0);
    assert_eq!(place.sandbox(&["plan"]).exits(0).last_line(), NO_CHANGES);
}

#[test]
fn the_exit_code_says_whether_all_of_the_template_is_in_the_file() {
    let place = Place::empty();
    let vault = |more: &str| {
        format!("Resources:\n  V: {{Type: 'AWS::Backup::BackupVault', Properties: {{BackupVaultName: vss{more}}}}}\n")
    };
    for (name, template, code) in [
        ("all", vault(""), 0),
        ("gap", vault(", EncryptionKeyArn: !ImportValue key"), 8),
        ("word", vault(", Novelty: 1"), 8),
        ("foreign", "Resources: {Q: {Type: 'AWS::SQS::Queue'}}\n".to_owned(), 6),
        ("broken", "Resources: {".to_owned(), 6),
    ] {
        place.write("template.yaml", template);
        let file = format!("{name}.toml");
        let run = place.run(&["init", "--file", &file, "--from-cloudformation", "template.yaml"]).exits(code);
        assert_eq!(place.path().join(&file).exists(), code != 6, "{name}: {}", run.stderr);
        assert_eq!(run.stderr.contains("look for `TODO` in it"), code == 8, "{name}: {}", run.stderr);
    }
    let parameter =
        vault(", BackupVaultTags: {a: !Ref P}").replace("Resources", "Parameters: {P: {Type: String}}\nResources");
    place.write("template.yaml", parameter);
    let init = ["init", "--from-cloudformation", "template.yaml"];
    for wrong in ["P", "=x", "Q=x"] {
        place.run(&[&init[..], &["--parameter", wrong]].concat()).exits(6);
    }
    place.run(&[&init[..], &["--parameter", "P=x", "--parameter", "P=y"]].concat()).exits(6);
    place.run(&["init", "--parameter", "P=x"]).exits(6);
    place.run(&[&init[..], &["--parameter", "P=x=y", "--cfn-stack-name", "s"]].concat()).exits(0);
    assert!(place.read("vss.toml").contains("a = \"x=y\""), "{}", place.read("vss.toml"));
}
