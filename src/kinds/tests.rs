//! The calls of the kinds, without any AWS: which ones, in which phase and order, with which input.

use super::package::PackageCarried;
use super::policy::PolicyCarried;
use super::region_settings::SettingsCarried;
use super::role::RoleCarried;
use super::vault::VaultCarried;
use crate::kind::Carried;
use crate::kinds;
use crate::model::KindId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::kind::{self, Calls, Desired, Fields, Live, Owner, Transition, diff};
use crate::model::{Action, PlannedCall};
use crate::model::{Address, Scope};

/// What a transition is made from, with nothing around it.
#[derive(Default)]
struct Given {
    desired: Option<Desired>,
    live: Option<Live>,
    neighbours: Vec<(Address, Live)>,
    replaced: Vec<Address>,
    marks: BTreeMap<String, String>,
    rings: kind::Rings,
}

fn scope() -> Scope {
    Scope {
        stack: "windows-backup".into(),
        account_id: "123456789012".into(),
        region: "ap-northeast-1".into(),
        iam_path: "/".into(),
    }
}

fn object(value: Value) -> kind::Fields {
    match value {
        Value::Object(entries) => entries,
        other => panic!("{other} is no object"),
    }
}

fn desired(address: &str, fields: Value) -> Desired {
    let address: Address = address.parse().expect("an address");
    Desired {
        name: address.last().to_owned(),
        address,
        fields: object(fields),
        options: kind::Fields::new(),
        references: Vec::new(),
        adopt: false,
        protect: false,
        renamed_from: None,
        location: None,
    }
}

/// Reads what is carried from JSON, in a kind's own type.
fn carried<T: DeserializeOwned + Serialize + std::fmt::Debug + Send + Sync + 'static>(value: Value) -> Carried {
    Carried::new(serde_json::from_value::<T>(value).expect("what the kind carries"))
}

fn live(name: &str, ids: &[(&str, &str)], fields: Value, carried: Carried) -> Live {
    Live {
        name: name.to_owned(),
        owner: Owner::Ours(None),
        ids: ids.iter().map(|(name, id)| ((*name).to_owned(), (*id).to_owned())).collect(),
        fields: object(fields),
        carried,
        refers: Vec::new(),
    }
}

fn calls(address: &str, action: Action, given: &Given) -> Calls {
    let address: Address = address.parse().expect("an address");
    let neighbours: BTreeMap<Address, &Live> =
        given.neighbours.iter().map(|(address, live)| (address.clone(), live)).collect();
    let replaced: BTreeSet<Address> = given.replaced.iter().cloned().collect();
    let kind = kinds::of(address.kind());
    let fields = |fields: Option<&Fields>| fields.cloned().unwrap_or_default();
    let desired = fields(given.desired.as_ref().map(|desired| &desired.fields));
    let live = fields(given.live.as_ref().map(|live| &live.fields));
    kind.calls(&Transition {
        changes: &diff::diff(kind.fields(), &desired, &live, &given.marks),
        scope: &scope(),
        action,
        address: &address,
        desired: given.desired.as_ref(),
        live: given.live.as_ref(),
        marks: &given.marks,
        neighbours: &neighbours,
        replaced: &replaced,
        attempt: 1,
        rings: &given.rings,
    })
}

fn names(calls: &[PlannedCall]) -> Vec<&str> {
    calls.iter().map(PlannedCall::action).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn a_role_is_marked_by_the_call_that_makes_it() {
    let entry = desired(
        "role.app",
        json!({"trust": {"Version": "2012-10-17"}, "managed_policies": ["arn:a"], "tags": {"t": "1"}}),
    );
    let marks = BTreeMap::from([("vssctl:stack".to_owned(), "s".to_owned())]);
    let made = calls("role.app", Action::Create, &Given { desired: Some(entry), marks, ..Given::default() });
    assert_eq!(names(&made.ensure), ["iam:CreateRole", "iam:AttachRolePolicy"]);
    let tags = json!([{"Key": "t", "Value": "1"}, {"Key": "vssctl:stack", "Value": "s"}]);
    assert_eq!(made.ensure[0].input["Tags"], tags);
    assert_eq!(made.ensure[0].input["AssumeRolePolicyDocument"], r#"{"Version":"2012-10-17"}"#);
}

#[test]
fn a_role_gets_its_new_policy_before_the_old_one_goes() {
    let given = Given {
        desired: Some(desired("role.app", json!({"managed_policies": ["arn:new"], "inline_policies": {}}))),
        live: Some(live(
            "app",
            &[],
            json!({"managed_policies": ["arn:old"], "inline_policies": {"x": {}}}),
            Carried::default(),
        )),
        ..Given::default()
    };
    let made = calls("role.app", Action::Update, &given);
    assert_eq!(names(&made.ensure), ["iam:AttachRolePolicy"]);
    assert_eq!(names(&made.remove), ["iam:DeleteRolePolicy", "iam:DetachRolePolicy"]);
}

#[test]
fn updating_one_of_description_and_session_keeps_the_other() {
    let given = Given {
        desired: Some(desired("role.app", json!({"description": ""}))),
        live: Some(live("app", &[], json!({"description": "old", "max_session_duration": "2h"}), Carried::default())),
        ..Given::default()
    };
    let made = calls("role.app", Action::Update, &given);
    assert_eq!(names(&made.ensure), ["iam:UpdateRole"]);
    assert_eq!(made.ensure[0].input, json!({"RoleName": "app", "Description": "", "MaxSessionDuration": 7200}));
}

#[test]
fn a_role_goes_only_after_everything_of_it() {
    let carried = carried::<RoleCarried>(json!({"AttachedManagedPolicies": ["arn:a"], "RolePolicyNames": ["x"]}));
    let given = Given { live: Some(live("app", &[], json!({}), carried)), ..Given::default() };
    let made = calls("role.app", Action::Delete, &given);
    assert_eq!(names(&made.looks), ["iam:GetRole"]);
    assert_eq!(names(&made.remove), ["iam:DetachRolePolicy", "iam:DeleteRolePolicy", "iam:DeleteRole"]);
    assert_eq!((names(&made.release), names(&made.ensure)), (NONE.to_vec(), NONE.to_vec()));
}

#[test]
fn a_role_lets_a_replaced_policy_go_and_takes_the_new_one() {
    let policy: Address = "policy.p".parse().expect("an address");
    let given = Given {
        desired: Some(desired("role.app", json!({"managed_policies": ["arn:p"]}))),
        live: Some(live(
            "app",
            &[],
            json!({"managed_policies": ["arn:p"]}),
            carried::<RoleCarried>(json!({"AttachedManagedPolicies": ["arn:p"]})),
        )),
        neighbours: vec![(policy.clone(), live("p", &[("Arn", "arn:p")], json!({}), Carried::default()))],
        replaced: vec![policy],
        ..Given::default()
    };
    let made = calls("role.app", Action::Update, &given);
    assert_eq!(names(&made.release), ["iam:DetachRolePolicy"]);
    assert_eq!(names(&made.ensure), ["iam:AttachRolePolicy"]);
    assert_eq!(names(&made.remove), NONE);
}

#[test]
fn the_oldest_version_that_is_not_in_force_makes_way_for_a_sixth() {
    let ids = [("Arn", "arn:p"), ("DefaultVersionId", "v1")];
    let live = live(
        "p",
        &ids,
        json!({"document": {"a": 1}}),
        carried::<PolicyCarried>(json!({"versions": ["v1", "v2", "v3", "v4", "v5"]})),
    );
    let entry = desired("policy.p", json!({"document": {"a": 2}}));
    let made = calls("policy.p", Action::Update, &Given { desired: Some(entry), live: Some(live), ..Given::default() });
    assert_eq!(names(&made.ensure), ["iam:DeletePolicyVersion", "iam:CreatePolicyVersion"]);
    assert_eq!(made.ensure[0].input["VersionId"], "v2");
}

#[test]
fn a_profile_lets_the_old_role_go_before_it_takes_the_new_one() {
    let given = Given {
        desired: Some(desired("instance_profile.i", json!({"role": "new"}))),
        live: Some(live("i", &[], json!({"role": "old"}), Carried::default())),
        ..Given::default()
    };
    let made = calls("instance_profile.i", Action::Update, &given);
    assert_eq!(names(&made.ensure), ["iam:RemoveRoleFromInstanceProfile", "iam:AddRoleToInstanceProfile"]);
}

#[test]
fn a_profile_is_empty_while_its_role_is_replaced() {
    let role: Address = "role.app".parse().expect("an address");
    let given = Given {
        desired: Some(desired("instance_profile.i", json!({"role": "app"}))),
        live: Some(live("i", &[], json!({"role": "app"}), Carried::default())),
        neighbours: vec![(role.clone(), live("app", &[], json!({}), Carried::default()))],
        replaced: vec![role],
        ..Given::default()
    };
    let made = calls("instance_profile.i", Action::Update, &given);
    assert_eq!(names(&made.release), ["iam:RemoveRoleFromInstanceProfile"]);
    assert_eq!(names(&made.ensure), ["iam:AddRoleToInstanceProfile"]);
}

#[test]
fn the_lock_is_the_last_call_of_a_vault() {
    let mut entry =
        desired("vault.vss", json!({"access_policy": {"a": 1}, "lock": {"mode": "compliance", "min_retention": "7d"}}));
    entry.options.insert("changeable_for".into(), "3d".into());
    let made = calls("vault.vss", Action::Create, &Given { desired: Some(entry), ..Given::default() });
    assert_eq!(names(&made.ensure), ["backup:CreateBackupVault", "backup:PutBackupVaultAccessPolicy"]);
    assert_eq!(names(&made.remove), ["backup:PutBackupVaultLockConfiguration"]);
    let lock = json!({"BackupVaultName": "vss", "MinRetentionDays": 7, "ChangeableForDays": 3});
    assert_eq!(made.remove[0].input, lock);
}

#[test]
fn a_lock_keeps_the_bounds_that_the_file_does_not_say() {
    let lock = json!({"lock": {"mode": "governance", "min_retention": "7d", "max_retention": "70d"}});
    let given = Given {
        desired: Some(desired("vault.vss", json!({"lock": {"mode": "governance", "min_retention": "9d"}}))),
        live: Some(live("vss", &[("Arn", "arn:v")], lock, Carried::default())),
        ..Given::default()
    };
    let made = calls("vault.vss", Action::Update, &given);
    let input = json!({"BackupVaultName": "vss", "MinRetentionDays": 9, "MaxRetentionDays": 70});
    assert_eq!((names(&made.ensure), &made.remove[0].input), (NONE.to_vec(), &input));
}

#[test]
fn a_vault_with_recovery_points_says_why_it_stays() {
    let vault = kinds::of(KindId::Vault);
    let holding = |count: i64| {
        live(
            "vss",
            &[],
            json!({}),
            Carried::new(VaultCarried { number_of_recovery_points: Some(count), ..VaultCarried::default() }),
        )
    };
    assert_eq!(vault.obstacle(&holding(0)), None);
    assert_eq!(vault.obstacle(&holding(3)).as_deref(), Some("it holds 3 recovery points"));
}

#[test]
fn taking_over_writes_the_marks_and_nothing_else() {
    for (address, action) in
        [("role.app", "iam:TagRole"), ("vault.app", "backup:TagResource"), ("plan.app", "backup:TagResource")]
    {
        let given = Given {
            desired: Some(desired(address, json!({"description": "new", "tags": {"team": "a"}}))),
            live: Some(live("app", &[("Arn", "arn")], json!({"description": "old"}), Carried::default())),
            marks: BTreeMap::from([("vssctl:stack".to_owned(), "s".to_owned())]),
            ..Given::default()
        };
        let made = calls(address, Action::Adopt, &given);
        assert_eq!(names(&made.ensure), [action]);
        assert!(!made.ensure[0].input.to_string().contains("team"), "{address}");
    }
}

fn selection(role: &str) -> Desired {
    desired(
        "selection.daily.windows",
        json!({"role": role, "all": ["VssBackup=enabled"], "any": ["a=b=c"], "arns": ["arn:x"]}),
    )
}

#[test]
fn a_selection_names_the_plan_that_stands_or_the_one_to_come() {
    let plan: Address = "plan.daily".parse().expect("an address");
    let standing = vec![(plan.clone(), live("daily", &[("BackupPlanId", "id-1")], json!({}), Carried::default()))];
    let id = |neighbours: Vec<(Address, Live)>, replaced: Vec<Address>| {
        let given = Given { desired: Some(selection("arn:r")), neighbours, replaced, ..Given::default() };
        calls("selection.daily.windows", Action::Create, &given).ensure.remove(0).input["BackupPlanId"].clone()
    };
    let to_come = json!({"$output": "plan.daily", "name": "BackupPlanId"});
    assert_eq!(id(standing.clone(), Vec::new()), "id-1");
    assert_eq!(id(Vec::new(), Vec::new()), to_come);
    assert_eq!(id(standing, vec![plan]), to_come);
}

#[test]
fn a_selection_is_written_in_the_words_of_aws() {
    let given = Given { desired: Some(selection("arn:r")), ..Given::default() };
    let made = calls("selection.daily.windows", Action::Create, &given);
    let written = json!({
        "SelectionName": "windows",
        "IamRoleArn": "arn:r",
        "Resources": ["arn:x"],
        "ListOfTags": [{"ConditionType": "STRINGEQUALS", "ConditionKey": "a", "ConditionValue": "b=c"}],
        "Conditions": {"StringEquals": [{"ConditionKey": "aws:ResourceTag/VssBackup", "ConditionValue": "enabled"}]},
    });
    assert_eq!(made.ensure[0].input["BackupSelection"], written);
}

#[test]
fn another_content_is_another_token_and_the_old_selection_goes_last() {
    let old = live("windows", &[("BackupPlanId", "p"), ("SelectionId", "s")], json!({}), Carried::default());
    let token = |role: &str| {
        let given = Given { desired: Some(selection(role)), live: Some(old.clone()), ..Given::default() };
        let made = calls("selection.daily.windows", Action::Replace, &given);
        assert_eq!(names(&made.ensure), ["backup:CreateBackupSelection"]);
        assert_eq!(made.remove[0].input, json!({"BackupPlanId": "p", "SelectionId": "s"}));
        made.ensure[0].input["CreatorRequestId"].clone()
    };
    assert_eq!(token("arn:r"), token("arn:r"));
    assert_ne!(token("arn:r"), token("arn:other"));
}

#[test]
fn an_association_is_updated_whole_and_only_as_it_was_read() {
    let targets = json!({"tag:VssBackup": ["enabled"]});
    let fields = json!({
        "package_name": "AwsVssComponents", "action": "Install", "version": "2.4.0", "targets": targets,
        "schedule": "rate(1 day)", "max_errors": "10%", "calendar_names": ["c"],
    });
    let carried = carried::<PackageCarried>(json!({
        "Parameters": {"name": ["AwsVssComponents"], "version": ["2.4.0"]},
        "TargetLocations": [{"Accounts": ["1"]}],
    }));
    let ids = [("AssociationId", "a"), ("AssociationVersion", "3")];
    let given = Given {
        desired: Some(desired("package.vss", json!({"version": "", "schedule": "rate(2 days)"}))),
        live: Some(live("vss", &ids, fields, carried)),
        ..Given::default()
    };
    let made = calls("package.vss", Action::Update, &given);
    let input = &made.ensure[0].input;
    assert_eq!(names(&made.ensure), ["ssm:UpdateAssociation"]);
    assert_eq!((&input["AssociationId"], &input["AssociationVersion"]), (&json!("a"), &json!("3")));
    assert_eq!(input["Parameters"], json!({"name": ["AwsVssComponents"], "action": ["Install"]}));
    assert_eq!((&input["ScheduleExpression"], &input["MaxErrors"]), (&json!("rate(2 days)"), &json!("10%")));
    assert_eq!((&input["CalendarNames"], &input["TargetLocations"]), (&json!(["c"]), &json!([{"Accounts": ["1"]}])));
    assert_eq!(input["Targets"], json!([{"Key": "tag:VssBackup", "Values": ["enabled"]}]));
}

#[test]
fn a_changed_run_command_is_sent_again_and_never_deleted() {
    let mut entry = desired(
        "package.vss",
        json!({"package_name": "AwsVssComponents", "action": "Install", "targets": {"InstanceIds": ["i-1"]}}),
    );
    entry.options.insert("run_command".into(), true.into());
    let sent = live(
        "vss",
        &[("CommandId", "c")],
        json!({"package_name": "AwsVssComponents", "action": "Uninstall"}),
        Carried::default(),
    );
    let given = Given { desired: Some(entry), live: Some(sent), ..Given::default() };
    let made = calls("package.vss", Action::Update, &given);
    assert_eq!(names(&made.ensure), ["ssm:PutParameter", "ssm:SendCommand", "ssm:PutParameter"]);
    assert_eq!(
        (&made.ensure[0].input["Overwrite"], &made.ensure[2].input["Overwrite"]),
        (&json!(false), &json!(false))
    );
    let comment = made.ensure[1].input["Comment"].as_str().expect("a comment");
    assert!(comment.starts_with("vssctl/windows-backup/package.vss/"), "{comment}");
    assert_eq!(calls("package.vss", Action::Delete, &given), Calls::default());
}

#[test]
fn the_settings_that_the_file_does_not_name_are_sent_as_they_are() {
    let carried = carried::<SettingsCarried>(json!({
        "ResourceTypeOptInPreference": {"EC2": false, "EBS": true},
        "ResourceTypeManagementPreference": {"EFS": true},
    }));
    let given = Given {
        desired: Some(desired("region_settings", json!({"resource_type_opt_in": {"EC2": true}}))),
        live: Some(live("region_settings", &[], json!({"resource_type_opt_in": {"EC2": false}}), carried)),
        ..Given::default()
    };
    let made = calls("region_settings", Action::Update, &given);
    assert_eq!(made.ensure[0].input, json!({"ResourceTypeOptInPreference": {"EC2": true, "EBS": true}}));
}

#[test]
fn an_inline_policy_that_means_the_same_is_not_written_again() {
    let statement = |action: &str| {
        let statement = json!({"Effect": "Allow", "Action": [action], "Resource": ["*"]});
        json!({"Version": "2012-10-17", "Statement": [statement]})
    };
    let given = Given {
        desired: Some(desired(
            "role.app",
            json!({
                "inline_policies": {"same": statement("ec2:DescribeImages"), "other": statement("ec2:DescribeTags")},
            }),
        )),
        live: Some(live(
            "app",
            &[],
            json!({
                "inline_policies": {"same": statement("EC2:describeimages"), "other": statement("ec2:DescribeHosts")},
            }),
            Carried::default(),
        )),
        ..Given::default()
    };
    let made = calls("role.app", Action::Update, &given);
    assert_eq!(names(&made.ensure), ["iam:PutRolePolicy"]);
    assert_eq!(made.ensure[0].input["PolicyName"], "other");
}

#[test]
fn a_tag_key_that_only_changes_its_case_goes_before_it_comes() {
    for (address, untag, tag) in [
        ("role.app", "iam:UntagRole", "iam:TagRole"),
        ("policy.app", "iam:UntagPolicy", "iam:TagPolicy"),
        ("instance_profile.app", "iam:UntagInstanceProfile", "iam:TagInstanceProfile"),
    ] {
        let given = Given {
            desired: Some(desired(address, json!({"tags": {"Team": "a"}}))),
            live: Some(live(
                "app",
                &[("Arn", "arn")],
                json!({"tags": {"team": "a", "vssctl:keys": "team"}}),
                Carried::default(),
            )),
            marks: BTreeMap::from([("vssctl:keys".to_owned(), "Team".to_owned())]),
            ..Given::default()
        };
        assert_eq!(names(&calls(address, Action::Update, &given).ensure), [untag, tag]);
    }
}

#[test]
fn a_role_lets_its_replaced_boundary_go_and_takes_the_new_one() {
    let policy: Address = "policy.p".parse().expect("an address");
    let given = |wanted: Value| Given {
        desired: Some(desired("role.app", wanted)),
        live: Some(live("app", &[], json!({"permissions_boundary": "arn:p"}), Carried::default())),
        neighbours: vec![(policy.clone(), live("p", &[("Arn", "arn:p")], json!({}), Carried::default()))],
        replaced: vec![policy.clone()],
        ..Given::default()
    };
    for (wanted, arn) in [("arn:p", "arn:p"), ("arn:moved/p", "arn:moved/p")] {
        let made = calls("role.app", Action::Update, &given(json!({"permissions_boundary": wanted})));
        assert_eq!(names(&made.release), ["iam:DeleteRolePermissionsBoundary"]);
        assert_eq!(names(&made.ensure), ["iam:PutRolePermissionsBoundary"]);
        assert_eq!(made.ensure[0].input["PermissionsBoundary"], arn);
    }
    let gone = calls("role.app", Action::Update, &given(json!({"permissions_boundary": ""})));
    assert_eq!((names(&gone.release), names(&gone.ensure)), (vec!["iam:DeleteRolePermissionsBoundary"], NONE.to_vec()));
}
