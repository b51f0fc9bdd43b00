//! EC2's rules, operation by operation.

use serde_json::{Value, json};

use crate::sandbox::bench::Bench;

const TRUST: &str = concat!(
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"#,
    r#""Action":"sts:AssumeRole"}]}"#
);

fn bench() -> Bench {
    Bench::of("ec2")
}

fn profile(bench: &mut Bench, name: &str) {
    let role = json!({"RoleName": name, "AssumeRolePolicyDocument": TRUST});
    bench.ask("iam", "CreateRole", &role).unwrap();
    bench.ask("iam", "CreateInstanceProfile", &json!({"InstanceProfileName": name})).unwrap();
    let both = json!({"InstanceProfileName": name, "RoleName": name});
    bench.ask("iam", "AddRoleToInstanceProfile", &both).unwrap();
}

fn instance(bench: &mut Bench, name: &str) -> Value {
    let answer = bench.ok("DescribeInstances", &json!({"Filters": [{"Name": "tag:Name", "Values": [name]}]}));
    answer["Reservations"][0]["Instances"][0].clone()
}

fn id(bench: &mut Bench, name: &str) -> String {
    instance(bench, name)["InstanceId"].as_str().unwrap().to_owned()
}

fn associations(bench: &mut Bench) -> Vec<Value> {
    let answer = bench.ok("DescribeIamInstanceProfileAssociations", &json!({}));
    answer["IamInstanceProfileAssociations"].as_array().unwrap().clone()
}

#[test]
fn an_instance_carries_one_profile_and_every_view_agrees() {
    let mut bench = bench();
    profile(&mut bench, "app");
    profile(&mut bench, "other");
    let id = id(&mut bench, "sql-1");
    let wanted = json!({"InstanceId": id, "IamInstanceProfile": {"Name": "app"}});
    let made = bench.ok("AssociateIamInstanceProfile", &wanted);
    let first = made["IamInstanceProfileAssociation"]["AssociationId"].as_str().unwrap().to_owned();
    assert_eq!(made["IamInstanceProfileAssociation"]["State"], "associating");
    assert_eq!(associations(&mut bench)[0]["State"], "associating");
    bench.advance(10);
    assert_eq!(associations(&mut bench)[0]["State"], "associated");
    let arn = "arn:aws:iam::123456789012:instance-profile/app";
    assert_eq!(instance(&mut bench, "sql-1")["IamInstanceProfile"]["Arn"], arn);
    let (_, code, message) = bench.refused("AssociateIamInstanceProfile", &wanted);
    assert_eq!(
        (code.as_str(), message),
        ("IncorrectState", format!("There is an existing association for instance {id}"))
    );

    let replaced = bench.ok(
        "ReplaceIamInstanceProfileAssociation",
        &json!({"AssociationId": first, "IamInstanceProfile": {"Name": "other"}}),
    );
    let second = replaced["IamInstanceProfileAssociation"]["AssociationId"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(associations(&mut bench).len(), 1);
    let gone = json!({"AssociationId": first});
    assert_eq!(bench.code("DisassociateIamInstanceProfile", &gone), "InvalidAssociationID.NotFound");
    let taken_off = bench.ok("DisassociateIamInstanceProfile", &json!({"AssociationId": second}));
    assert_eq!(taken_off["IamInstanceProfileAssociation"]["State"], "disassociating");
    assert!(associations(&mut bench).is_empty());
    assert!(instance(&mut bench, "sql-1")["IamInstanceProfile"].is_null());
}

#[test]
fn the_profile_of_a_stopped_instance_is_taken_off_and_put_on_but_not_replaced() {
    let mut bench = bench();
    profile(&mut bench, "app");
    profile(&mut bench, "other");
    let id = id(&mut bench, "sql-1");
    let on = |bench: &mut Bench, name: &str| {
        let made =
            bench.ok("AssociateIamInstanceProfile", &json!({"InstanceId": id, "IamInstanceProfile": {"Name": name}}));
        made["IamInstanceProfileAssociation"]["AssociationId"].as_str().unwrap().to_owned()
    };
    let first = on(&mut bench, "app");
    let fleet = |bench: &mut Bench, state: &str| {
        let region = bench.account.regions.get_mut("eu-west-1").unwrap();
        region.fleet.instances.get_mut(&id).unwrap().state = state.to_owned();
    };
    fleet(&mut bench, "stopped");
    let swap = json!({"AssociationId": first, "IamInstanceProfile": {"Name": "other"}});
    assert_eq!(bench.code("ReplaceIamInstanceProfileAssociation", &swap), "IncorrectState");
    bench.ok("DisassociateIamInstanceProfile", &json!({"AssociationId": first}));
    let second = on(&mut bench, "other");
    fleet(&mut bench, "running");
    bench.ok(
        "ReplaceIamInstanceProfileAssociation",
        &json!({"AssociationId": second, "IamInstanceProfile": {"Name": "app"}}),
    );
}

#[test]
fn a_profile_put_on_an_instance_from_outside_has_an_association_too() {
    let mut bench = bench();
    profile(&mut bench, "app");
    let id = id(&mut bench, "sql-1");
    let arn = "arn:aws:iam::123456789012:instance-profile/app";
    let region = bench.account.regions.entry("eu-west-1".to_owned()).or_default();
    region.fleet = crate::sandbox::fleet::Fleet::seed("eu-west-1", "123456789012");
    region.fleet.instances.get_mut(&id).unwrap().instance_profile = Some(arn.to_owned());
    let found = associations(&mut bench);
    assert_eq!((found.len(), &found[0]["State"]), (1, &json!("associated")));
    let old = json!({"AssociationId": found[0]["AssociationId"]});
    bench.ok("DisassociateIamInstanceProfile", &old);
    assert!(associations(&mut bench).is_empty());
}

#[test]
fn a_profile_must_exist_and_hold_a_role() {
    let mut bench = bench();
    let id = id(&mut bench, "sql-1");
    let by_name = json!({"InstanceId": id, "IamInstanceProfile": {"Name": "app"}});
    let (status, code, message) = bench.refused("AssociateIamInstanceProfile", &by_name);
    assert_eq!((status, code.as_str()), (400, "InvalidParameterValue"));
    let expected = "Value (app) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name";
    assert_eq!(message, expected);
    bench.ask("iam", "CreateInstanceProfile", &json!({"InstanceProfileName": "app"})).unwrap();
    let (_, _, message) = bench.refused("AssociateIamInstanceProfile", &by_name);
    assert!(message.ends_with("has no associated IAM Roles"), "{message}");
    let missing = json!({"InstanceId": id});
    let (_, code, message) = bench.refused("AssociateIamInstanceProfile", &missing);
    assert_eq!(code, "MissingParameter");
    assert_eq!(message, "The request must contain the parameter IamInstanceProfile");
}

#[test]
fn filters_are_anded_and_unknown_ones_refused() {
    let mut bench = bench();
    let count = |bench: &mut Bench, filters: Value| {
        let answer = bench.ok("DescribeInstances", &json!({"Filters": filters}));
        answer["Reservations"].as_array().unwrap().len()
    };
    assert_eq!(count(&mut bench, json!([])), 5);
    assert_eq!(count(&mut bench, json!([{"Name": "platform", "Values": ["windows"]}])), 4);
    assert_eq!(count(&mut bench, json!([{"Name": "tag-key", "Values": ["Vss*"]}])), 3);
    let both =
        json!([{"Name": "tag:VssBackup", "Values": ["enabled"]}, {"Name": "tag:Name", "Values": ["sql-?", "x"]}]);
    assert_eq!(count(&mut bench, both), 1);
    assert_eq!(count(&mut bench, json!([{"Name": "instance-state-name", "Values": ["stopped"]}])), 0);
    let unknown = json!({"Filters": [{"Name": "colour", "Values": ["red"]}]});
    let (_, code, message) = bench.refused("DescribeInstances", &unknown);
    assert_eq!((code.as_str(), message.as_str()), ("InvalidParameterValue", "The filter 'colour' is invalid"));
}

#[test]
fn a_list_comes_in_pages_unless_ids_are_asked_for() {
    let mut bench = bench();
    for number in 0..7 {
        let region = bench.account.regions.entry("eu-west-1".to_owned()).or_default();
        let mut seed = crate::sandbox::fleet::Fleet::seed("eu-west-1", "123456789012");
        let (_, mut one) = seed.instances.pop_first().unwrap();
        one.id = format!("i-0{number:016x}");
        region.fleet.instances.insert(one.id.clone(), one);
    }
    let first = bench.ok("DescribeInstances", &json!({"MaxResults": 5}));
    assert_eq!(first["Reservations"].as_array().unwrap().len(), 5);
    let next = json!({"MaxResults": 5, "NextToken": first["NextToken"]});
    let second = bench.ok("DescribeInstances", &next);
    assert_eq!(second["Reservations"].as_array().unwrap().len(), 2);
    assert!(second["NextToken"].is_null());
    assert_eq!(bench.code("DescribeInstances", &json!({"MaxResults": 4})), "InvalidParameterValue");
    let both = json!({"MaxResults": 5, "InstanceIds": ["i-00000000000000001"]});
    assert_eq!(bench.code("DescribeInstances", &both), "InvalidParameterCombination");
    assert_eq!(bench.code("DescribeInstances", &json!({"NextToken": "x"})), "InvalidNextToken");
    let missing = json!({"InstanceIds": ["i-0ffffffffffffffff", "i-00000000000000001"]});
    assert_eq!(bench.code("DescribeInstances", &missing), "InvalidInstanceID.NotFound");
    assert_eq!(bench.code("DescribeInstances", &json!({"InstanceIds": ["sql-1"]})), "InvalidInstanceID.Malformed");
}

#[test]
fn tags_come_and_go() {
    let mut bench = bench();
    let instance = instance(&mut bench, "sql-1");
    let id = &instance["InstanceId"];
    let volume = &instance["BlockDeviceMappings"][0]["Ebs"]["VolumeId"];
    let tags = json!({"Resources": [id, volume], "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]});
    bench.ok("CreateTags", &tags);
    let of = |bench: &mut Bench, id: &Value| {
        let answer = bench.ok("DescribeTags", &json!({"Filters": [{"Name": "resource-id", "Values": [id]}]}));
        answer["Tags"].as_array().unwrap().iter().map(|tag| tag["Key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of(&mut bench, volume), ["a", "b"]);
    bench.ok("DeleteTags", &json!({"Resources": [volume], "Tags": [{"Key": "a", "Value": "2"}, {"Key": "b"}]}));
    assert_eq!(of(&mut bench, volume), ["a"]);
    bench.ok("DeleteTags", &json!({"Resources": [id]}));
    assert!(of(&mut bench, id).is_empty());
    assert_eq!(bench.code("CreateTags", &json!({"Resources": ["x"], "Tags": [{"Key": "a"}]})), "InvalidID");
    let reserved = json!({"Resources": [id], "Tags": [{"Key": "aws:x", "Value": "1"}]});
    assert_eq!(bench.code("CreateTags", &reserved), "InvalidParameterValue");
    let many: Vec<Value> = (0..51).map(|number| json!({"Key": format!("k{number}"), "Value": ""})).collect();
    assert_eq!(bench.code("CreateTags", &json!({"Resources": [id], "Tags": many})), "TagLimitExceeded");
    assert!(of(&mut bench, id).is_empty());
}
