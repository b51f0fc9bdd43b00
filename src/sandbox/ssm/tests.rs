//! Systems Manager's rules. This file has what the tests share, and the tests that belong to no single part of the
//! service.

mod associations;
mod commands;
mod parameters;

use serde_json::{Value, json};

use super::OPERATIONS;
use crate::sandbox::bench::Bench;
use crate::sandbox::wire::model::Model;

const DAY: i64 = 86_400;

fn bench() -> Bench {
    let mut bench = Bench::of("ssm");
    bench.ok("ListAssociations", &json!({}));
    bench
}

fn instance(bench: &Bench, name: &str) -> String {
    bench.account.regions["eu-west-1"].fleet.named(name).unwrap().id.clone()
}

fn installed(bench: &Bench, name: &str) -> Option<String> {
    bench.account.regions["eu-west-1"].fleet.named(name).unwrap().packages(bench.now).remove("AwsVssComponents")
}

fn install() -> Value {
    json!({"action": ["Install"], "name": ["AwsVssComponents"]})
}

fn association() -> Value {
    json!({
        "Name": "AWS-ConfigureAWSPackage",
        "AssociationName": "vss",
        "Parameters": install(),
        "Targets": [{"Key": "tag:VssBackup", "Values": ["enabled"]}],
        "ScheduleExpression": "rate(1 day)",
    })
}

fn create(bench: &mut Bench, input: &Value) -> String {
    let created = bench.ok("CreateAssociation", input);
    created["AssociationDescription"]["AssociationId"].as_str().unwrap().to_owned()
}

fn with(mut input: Value, change: &Value) -> Value {
    for (name, value) in change.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
}

fn describe(bench: &mut Bench, id: &str) -> Value {
    bench.ok("DescribeAssociation", &json!({"AssociationId": id}))["AssociationDescription"].clone()
}

#[test]
fn every_operation_offered_is_in_the_model() {
    let model = Model::of("ssm").unwrap();
    assert!(OPERATIONS.iter().all(|name| model.operations.contains_key(*name)));
}

#[test]
fn tags_of_associations_and_parameters_can_be_changed_and_are_listed() {
    let mut bench = bench();
    let id = create(&mut bench, &with(association(), &json!({"Tags": [{"Key": "a", "Value": "1"}]})));
    bench.ok("PutParameter", &json!({"Name": "/vssctl/x", "Value": "v", "Type": "String"}));
    for (kind, id) in [("Association", id.as_str()), ("Parameter", "/vssctl/x")] {
        let input = json!({"ResourceType": kind, "ResourceId": id});
        bench.ok("AddTagsToResource", &with(input.clone(), &json!({"Tags": [{"Key": "b", "Value": "2"}]})));
        bench.ok("RemoveTagsFromResource", &with(input.clone(), &json!({"TagKeys": ["a"]})));
        assert_eq!(bench.ok("ListTagsForResource", &input)["TagList"], json!([{"Key": "b", "Value": "2"}]));
    }
    let tagged = bench.ask("tagging", "GetResources", &json!({"ResourceTypeFilters": ["ssm"]})).unwrap();
    assert_eq!(tagged["ResourceTagMappingList"].as_array().unwrap().len(), 2);
    let missing = json!({"ResourceType": "Association", "ResourceId": "none"});
    assert_eq!(bench.code("ListTagsForResource", &missing), "InvalidResourceId");
    let wrong = json!({"ResourceType": "Toaster", "ResourceId": "none"});
    assert_eq!(bench.code("ListTagsForResource", &wrong), "ValidationException");
    let many: Vec<Value> = (0..51).map(|index| json!({"Key": format!("k{index}"), "Value": ""})).collect();
    let input = json!({"ResourceType": "Association", "ResourceId": id, "Tags": many});
    assert_eq!(bench.code("AddTagsToResource", &input), "TooManyTagsError");
}

#[test]
fn managed_nodes_are_described_by_filters() {
    let mut bench = bench();
    let all = bench.ok("DescribeInstanceInformation", &json!({}));
    assert_eq!(all["InstanceInformationList"].as_array().unwrap().len(), 5);
    for (input, count) in [
        (json!({"Filters": [{"Key": "tag:VssBackup", "Values": ["enabled"]}]}), 3),
        (json!({"Filters": [{"Key": "tag-key", "Values": ["VssBackup"]}]}), 3),
        (json!({"Filters": [{"Key": "PingStatus", "Values": ["ConnectionLost"]}]}), 1),
        (json!({"InstanceInformationFilterList": [{"key": "PlatformTypes", "valueSet": ["Linux"]}]}), 1),
        (json!({"Filters": [{"Key": "AssociationStatus", "Values": ["Success"]}]}), 0),
    ] {
        let listed = bench.ok("DescribeInstanceInformation", &input);
        assert_eq!(listed["InstanceInformationList"].as_array().unwrap().len(), count, "{input}");
    }
    create(&mut bench, &association());
    bench.advance(60);
    let good = json!({"Filters": [{"Key": "AssociationStatus", "Values": ["Success"]}]});
    assert_eq!(bench.ok("DescribeInstanceInformation", &good)["InstanceInformationList"].as_array().unwrap().len(), 2);
    let bad = json!({"Filters": [{"Key": "Colour", "Values": ["red"]}]});
    assert_eq!(bench.code("DescribeInstanceInformation", &bad), "InvalidFilterKey");
    assert_eq!(bench.code("DescribeInstanceInformation", &json!({"MaxResults": 4})), "ValidationException");
    let not = json!({"FiltersWithOperator": [{"Key": "PlatformTypes", "Values": ["Linux"], "Operator": "NotEqual"}]});
    assert_eq!(bench.ok("DescribeInstanceProperties", &not)["InstanceProperties"].as_array().unwrap().len(), 4);
    let bad = json!({"InstancePropertyFilterList": [{"key": "DocumentName", "valueSet": ["x"]}]});
    assert_eq!(bench.code("DescribeInstanceProperties", &bad), "InvalidFilterKey");
}

#[test]
fn awss_documents_can_be_read() {
    let mut bench = bench();
    let listed = bench.ok("ListDocuments", &json!({"Filters": [{"Key": "PlatformTypes", "Values": ["Linux"]}]}));
    assert_eq!(listed["DocumentIdentifiers"].as_array().unwrap().len(), 5);
    for name in [
        "AWS-ConfigureAWSPackage",
        "AWS-GatherSoftwareInventory",
        "AWS-RunPatchBaseline",
        "AWS-RunPowerShellScript",
        "AWS-UpdateSSMAgent",
        "AWSEC2-ManageVssIO",
        "AWSEC2-CreateVssSnapshot",
        "AWSEC2-VssInstallAndSnapshot",
    ] {
        let described = bench.ok("DescribeDocument", &json!({"Name": name}));
        assert_eq!(described["Document"]["SchemaVersion"], "2.2");
        let got = bench.ok("GetDocument", &json!({"Name": name, "DocumentVersion": "$LATEST"}));
        let content: Value = serde_json::from_str(got["Content"].as_str().unwrap()).unwrap();
        assert_eq!(content["schemaVersion"], "2.2");
    }
    bench.ok("DescribeDocument", &json!({"Name": "arn:aws:ssm:eu-west-1::document/AWS-ConfigureAWSPackage"}));
    assert_eq!(bench.code("DescribeDocument", &json!({"Name": "AWS-Nothing"})), "InvalidDocument");
    assert_eq!(
        bench.code("GetDocument", &json!({"Name": "AWS-RunPowerShellScript", "DocumentVersion": "9"})),
        "InvalidDocumentVersion"
    );
    assert_eq!(
        bench.code("ListDocuments", &json!({"Filters": [{"Key": "Colour", "Values": ["x"]}]})),
        "InvalidFilterKey"
    );
}
