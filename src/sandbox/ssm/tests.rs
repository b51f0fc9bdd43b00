use serde_json::{Value, json};

use super::OPERATIONS;
use crate::sandbox::bench::{Bench, START};
use crate::sandbox::made;
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
fn an_association_installs_the_package_on_the_instances_that_it_targets() {
    let mut bench = bench();
    let id = create(&mut bench, &association());
    assert_eq!(describe(&mut bench, &id)["Overview"]["Status"], "Pending");
    assert_eq!(installed(&bench, "sql-1"), None);
    bench.advance(20);
    assert_eq!(installed(&bench, "sql-1").as_deref(), Some("2.5.1"));
    assert_eq!(installed(&bench, "jump-1"), None);
    assert_eq!(
        describe(&mut bench, &id)["Overview"]["AssociationStatusAggregatedCount"],
        json!({"Pending": 1, "Success": 2})
    );
    // The third has a silent agent.
    bench.advance(3600);
    let overview = describe(&mut bench, &id)["Overview"].clone();
    assert_eq!(overview["Status"], "Failed");
    assert_eq!(overview["AssociationStatusAggregatedCount"], json!({"Success": 2, "TimedOut": 1}));
    let sql = instance(&bench, "sql-1");
    let status = bench.ok("DescribeInstanceAssociationsStatus", &json!({"InstanceId": sql}));
    assert_eq!(status["InstanceAssociationStatusInfos"][0]["Status"], "Success");
    let effective = bench.ok("DescribeEffectiveInstanceAssociations", &json!({"InstanceId": sql}));
    assert_eq!(effective["Associations"][0]["AssociationId"], id);
    assert_eq!(
        bench.code("DescribeInstanceAssociationsStatus", &json!({"InstanceId": "i-00000000"})),
        "InvalidInstanceId"
    );
    assert_eq!(
        bench.code("DescribeEffectiveInstanceAssociations", &json!({"InstanceId": "i-00000000"})),
        "InvalidInstanceId"
    );
}

#[test]
fn an_association_reads_back_as_it_was_made() {
    let mut bench = bench();
    let wanted = with(
        association(),
        &json!({
            "ScheduleExpression": "cron(0 2 ? * SUN *)", "ApplyOnlyAtCronInterval": true, "ScheduleOffset": 2, "Duration": 4,
            "MaxConcurrency": "10%", "MaxErrors": "1", "ComplianceSeverity": "HIGH", "SyncCompliance": "AUTO",
            "OutputLocation": {"S3Location": {"OutputS3BucketName": "bucket"}}, "CalendarNames": ["c"],
            "AssociationDispatchAssumeRole": "arn:aws:iam::123456789012:role/r", "DocumentVersion": "$DEFAULT",
        }),
    );
    let id = create(&mut bench, &wanted);
    let got = describe(&mut bench, &id);
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(&got[name], value, "{name}");
    }
    assert_eq!(got["AssociationVersion"], "1");
    // Only the cron expression starts it: Sunday, 4 January 2026 at two, and two days.
    assert!(got.get("LastExecutionDate").is_none());
    bench.advance(5 * DAY + 2 * 3600 + 1);
    let at = made::timestamp(START + (5 * DAY + 7200) * 1000);
    assert_eq!(describe(&mut bench, &id)["LastExecutionDate"], at);
}

#[test]
fn a_schedule_runs_again_and_finds_the_package_there() {
    let mut bench = bench();
    let id = create(&mut bench, &association());
    bench.advance(2 * DAY + 60);
    let runs = bench.ok("DescribeAssociationExecutions", &json!({"AssociationId": id}));
    assert_eq!(runs["AssociationExecutions"].as_array().unwrap().len(), 3);
    let first = &runs["AssociationExecutions"][2];
    assert_eq!(first["Status"], "Failed");
    assert_eq!(first["ResourceCountByStatus"], "{Success=2, TimedOut=1}");
    let targets = bench.ok(
        "DescribeAssociationExecutionTargets",
        &json!({"AssociationId": id, "ExecutionId": first["ExecutionId"], "Filters": [{"Key": "Status", "Value": "TimedOut"}]}),
    );
    assert_eq!(targets["AssociationExecutionTargets"][0]["DetailedStatus"], "DeliveryTimedOut");
    let filter = json!([{"Key": "CreatedTime", "Value": "2026-01-02T12:00:00Z", "Type": "GREATER_THAN"}]);
    let late = bench.ok("DescribeAssociationExecutions", &json!({"AssociationId": id, "Filters": filter}));
    assert_eq!(late["AssociationExecutions"].as_array().unwrap().len(), 1);
    let none = "00000000-0000-0000-0000-000000000000";
    assert_eq!(bench.code("DescribeAssociationExecutions", &json!({"AssociationId": none})), "AssociationDoesNotExist");
    let input = json!({"AssociationId": id, "ExecutionId": none});
    assert_eq!(bench.code("DescribeAssociationExecutionTargets", &input), "AssociationExecutionDoesNotExist");
}

#[test]
fn an_instance_that_gets_the_tag_is_served_at_once() {
    let mut bench = bench();
    create(&mut bench, &association());
    bench.advance(60);
    let id = instance(&bench, "jump-1");
    let region = bench.account.regions.get_mut("eu-west-1").unwrap();
    let tags = &mut region.fleet.instances.get_mut(&id).unwrap().tags;
    tags.insert("VssBackup".to_owned(), "enabled".to_owned());
    bench.ok("ListAssociations", &json!({}));
    bench.advance(20);
    assert!(installed(&bench, "jump-1").is_some());
}

#[test]
fn an_update_forgets_what_it_leaves_out_and_runs_at_once() {
    let mut bench = bench();
    let id = create(&mut bench, &with(association(), &json!({"MaxErrors": "5", "ComplianceSeverity": "HIGH"})));
    bench.advance(60);
    let update = json!({"AssociationId": id, "Parameters": install(), "AssociationVersion": "1"});
    let updated = bench.ok("UpdateAssociation", &update)["AssociationDescription"].clone();
    assert_eq!(updated["AssociationVersion"], "2");
    for gone in ["MaxErrors", "ComplianceSeverity", "ScheduleExpression", "AssociationName"] {
        assert!(updated.get(gone).is_none(), "{gone}");
    }
    assert_eq!(updated["Targets"], association()["Targets"]);
    let runs = bench.ok("DescribeAssociationExecutions", &json!({"AssociationId": id}));
    assert_eq!(runs["AssociationExecutions"][0]["AssociationVersion"], "2");
    assert_eq!(bench.code("UpdateAssociation", &update), "InvalidAssociationVersion");
    let versions = bench.ok("ListAssociationVersions", &json!({"AssociationId": id}));
    assert_eq!(versions["AssociationVersions"][1]["MaxErrors"], "5");
    let old = bench.ok("DescribeAssociation", &json!({"AssociationId": id, "AssociationVersion": "1"}));
    assert_eq!(old["AssociationDescription"]["MaxErrors"], "5");
    let other = json!({"AssociationId": id, "Name": "AWS-RunPowerShellScript", "Parameters": {"commands": ["x"]}});
    assert_eq!(bench.code("UpdateAssociation", &other), "InvalidUpdate");
    let without = json!({"AssociationId": id});
    assert_eq!(bench.code("UpdateAssociation", &without), "InvalidParameters");
    let version = json!({"AssociationId": id, "AssociationVersion": "9"});
    assert_eq!(bench.code("DescribeAssociation", &version), "InvalidAssociationVersion");
}

#[test]
fn associations_are_listed_by_filters_and_deleted() {
    let mut bench = bench();
    let id = create(&mut bench, &association());
    let sql = instance(&bench, "sql-1");
    let named = with(association(), &json!({"Targets": [{"Key": "InstanceIds", "Values": [sql]}]}));
    let second = create(&mut bench, &named);
    assert_ne!(id, second);
    for (key, value, count) in [
        ("AssociationName", "vss", 2),
        ("AssociationName", "other", 0),
        ("AssociationId", id.as_str(), 1),
        ("Name", "AWS-ConfigureAWSPackage", 2),
        ("InstanceId", sql.as_str(), 1),
        ("AssociationStatusName", "Pending", 2),
        ("LastExecutedAfter", "2025-12-31T00:00:00Z", 2),
        ("LastExecutedBefore", "2025-12-31T00:00:00Z", 0),
    ] {
        let listed = bench.ok("ListAssociations", &json!({"AssociationFilterList": [{"key": key, "value": value}]}));
        assert_eq!(listed["Associations"].as_array().unwrap().len(), count, "{key}={value}");
    }
    let page = bench.ok("ListAssociations", &json!({"MaxResults": 1}));
    assert!(page.get("NextToken").is_some());
    assert_eq!(bench.code("ListAssociations", &json!({"NextToken": "x"})), "InvalidNextToken");
    assert_eq!(bench.code("ListAssociations", &json!({"MaxResults": 51})), "ValidationException");
    bench.ok("DeleteAssociation", &json!({"AssociationId": id}));
    for operation in ["DeleteAssociation", "DescribeAssociation", "ListAssociationVersions"] {
        assert_eq!(bench.code(operation, &json!({"AssociationId": id})), "AssociationDoesNotExist");
    }
    assert_eq!(bench.code("DeleteAssociation", &json!({})), "ValidationException");
}

#[test]
fn bad_associations_are_refused() {
    let mut bench = bench();
    for (change, code) in [
        (json!({"Name": "AWS-Nothing"}), "InvalidDocument"),
        (json!({"DocumentVersion": "7"}), "InvalidDocumentVersion"),
        (json!({"InstanceId": "i-0123456789abcdef0"}), "InvalidDocument"),
        (json!({"Targets": []}), "InvalidTarget"),
        (json!({"Targets": [{"Key": "VssBackup", "Values": ["enabled"]}]}), "InvalidTarget"),
        (json!({"Targets": [{"Key": "tag:VssBackup", "Values": []}]}), "InvalidTarget"),
        (json!({"Targets": vec![json!({"Key": "tag:VssBackup", "Values": ["enabled"]}); 6]}), "ValidationException"),
        (json!({"Parameters": {"action": ["Install"]}}), "InvalidParameters"),
        (json!({"Parameters": {"action": ["Remove"], "name": ["AwsVssComponents"]}}), "InvalidParameters"),
        (json!({"Parameters": {"action": ["Install"], "name": ["1x"]}}), "InvalidParameters"),
        (json!({"Parameters": {"action": ["Install"], "name": ["x"], "more": ["y"]}}), "InvalidParameters"),
        (json!({"Parameters": {"action": ["Install", "Uninstall"], "name": ["x"]}}), "InvalidParameters"),
        (json!({"ScheduleExpression": "rate(29 minutes)"}), "InvalidSchedule"),
        (json!({"ScheduleExpression": "rate(31 days)"}), "InvalidSchedule"),
        (json!({"ScheduleExpression": "rate(1 days)"}), "InvalidSchedule"),
        (json!({"ScheduleExpression": "cron(0/15 * * * ? *)"}), "InvalidSchedule"),
        (json!({"ScheduleExpression": "cron(0 2 1 JAN ? *)"}), "InvalidSchedule"),
        (json!({"ScheduleExpression": "daily"}), "InvalidSchedule"),
        (json!({"ApplyOnlyAtCronInterval": true}), "InvalidSchedule"),
        (json!({"ScheduleOffset": 1}), "InvalidSchedule"),
        (json!({"Duration": 1}), "InvalidSchedule"),
        (json!({"ScheduleOffset": 7}), "ValidationException"),
        (json!({"MaxConcurrency": "0"}), "ValidationException"),
        (json!({"MaxErrors": "101%"}), "ValidationException"),
        (json!({"AssociationName": "ab"}), "ValidationException"),
        (json!({"ComplianceSeverity": "BAD"}), "ValidationException"),
        (json!({"Tags": [{"Key": "aws:x", "Value": "y"}]}), "InvalidTag"),
        (json!({"TargetMaps": [{"a": ["b"]}]}), "InvalidTargetMaps"),
    ] {
        assert_eq!(bench.code("CreateAssociation", &with(association(), &change)), code, "{change}");
    }
}

#[test]
fn the_older_cron_with_seconds_is_taken() {
    let mut bench = bench();
    create(&mut bench, &with(association(), &json!({"ScheduleExpression": "cron(0 0 2 ? * SUN *)"})));
    create(&mut bench, &with(association(), &json!({"ScheduleExpression": "at(2026-02-01T00:00:00)"})));
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
    let tagged = bench.ask("tagging", "GetResources", &json!({})).unwrap();
    assert_eq!(tagged["ResourceTagMappingList"].as_array().unwrap().len(), 2);
    let missing = json!({"ResourceType": "Association", "ResourceId": "none"});
    assert_eq!(bench.code("ListTagsForResource", &missing), "InvalidResourceId");
    let wrong = json!({"ResourceType": "Toaster", "ResourceId": "none"});
    assert_eq!(bench.code("ListTagsForResource", &wrong), "ValidationException");
    let many: Vec<Value> = (0..51).map(|index| json!({"Key": format!("k{index}"), "Value": ""})).collect();
    let input = json!({"ResourceType": "Association", "ResourceId": id, "Tags": many});
    assert_eq!(bench.code("AddTagsToResource", &input), "TooManyTagsError");
}

fn send(bench: &mut Bench, change: &Value) -> String {
    let input = json!({
        "DocumentName": "AWS-ConfigureAWSPackage",
        "Parameters": install(),
        "Targets": [{"Key": "tag:VssBackup", "Values": ["enabled"]}],
        "Comment": "vssctl/test",
    });
    let sent = bench.ok("SendCommand", &with(input, change));
    assert_eq!(sent["Command"]["Status"], "Pending");
    sent["Command"]["CommandId"].as_str().unwrap().to_owned()
}

#[test]
fn a_command_goes_from_pending_to_its_end() {
    let mut bench = bench();
    let id = send(&mut bench, &json!({}));
    let sql = instance(&bench, "sql-1");
    let one = json!({"CommandId": id, "InstanceId": sql});
    assert_eq!(bench.ok("GetCommandInvocation", &one)["Status"], "Pending");
    bench.advance(2);
    let running = bench.ok("GetCommandInvocation", &one);
    assert_eq!((&running["Status"], &running["ResponseCode"]), (&json!("InProgress"), &json!(-1)));
    bench.advance(30);
    let done = bench.ok("GetCommandInvocation", &one);
    assert_eq!((&done["Status"], &done["ResponseCode"]), (&json!("Success"), &json!(0)));
    assert!(done["StandardOutputContent"].as_str().unwrap().contains("Successfully installed AwsVssComponents 2.5.1"));
    assert_eq!(done["ExecutionStartDateTime"], "2026-01-01T00:00:01.000Z");
    assert_eq!(done["ExecutionElapsedTime"], "PT10S");
    let listed = bench.ok("ListCommands", &json!({"CommandId": id}))["Commands"][0].clone();
    assert_eq!(
        (&listed["Status"], &listed["TargetCount"], &listed["CompletedCount"]),
        (&json!("InProgress"), &json!(3), &json!(2))
    );
    bench.advance(3600);
    let listed = bench.ok("ListCommands", &json!({"CommandId": id}))["Commands"][0].clone();
    assert_eq!((&listed["Status"], &listed["DeliveryTimedOutCount"]), (&json!("TimedOut"), &json!(1)));
}

#[test]
fn a_linux_machine_fails_with_the_agents_words() {
    let mut bench = bench();
    let web = instance(&bench, "web-1");
    let id = send(&mut bench, &json!({"Targets": [{"Key": "InstanceIds", "Values": [web]}]}));
    bench.advance(60);
    let details = bench.ok("ListCommandInvocations", &json!({"CommandId": id, "Details": true}));
    let invocation = &details["CommandInvocations"][0];
    assert_eq!(invocation["Status"], "Failed");
    assert_eq!(invocation["CommandPlugins"][0]["Name"], "configurePackage");
    assert!(invocation["CommandPlugins"][0]["Output"].as_str().unwrap().contains("no manifest found for platform"));
    assert_eq!(bench.ok("ListCommands", &json!({"CommandId": id}))["Commands"][0]["Status"], "Failed");
}

#[test]
fn too_many_errors_stop_a_command() {
    let mut bench = bench();
    let change = json!({
        "Targets": [{"Key": "InstanceIds", "Values": ["*"]}], "MaxConcurrency": "1", "MaxErrors": "0",
        "Parameters": {"action": ["Install"], "name": ["NoSuchPackage"]}, "TimeoutSeconds": 30,
    });
    let id = send(&mut bench, &change);
    bench.advance(3600);
    let listed = bench.ok("ListCommandInvocations", &json!({"CommandId": id}));
    let details: Vec<&str> = listed["CommandInvocations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["StatusDetails"].as_str().unwrap())
        .collect();
    assert_eq!(details.iter().filter(|one| **one == "Failed").count(), 1, "{details:?}");
    assert!(details.contains(&"Terminated"));
    assert_eq!(bench.ok("ListCommands", &json!({"CommandId": id}))["Commands"][0]["Status"], "Failed");
}

#[test]
fn a_cancelled_installation_does_not_arrive() {
    let mut bench = bench();
    let id = send(&mut bench, &json!({}));
    bench.advance(3);
    bench.ok("CancelCommand", &json!({"CommandId": id}));
    bench.advance(60);
    assert_eq!(installed(&bench, "sql-1"), None);
    let listed = bench.ok("ListCommands", &json!({"CommandId": id}));
    assert_eq!(listed["Commands"][0]["Status"], "Cancelled");
    let none = "00000000-0000-0000-0000-000000000000";
    assert_eq!(bench.code("CancelCommand", &json!({"CommandId": none})), "InvalidCommandId");
    let web = instance(&bench, "web-1");
    assert_eq!(bench.code("CancelCommand", &json!({"CommandId": id, "InstanceIds": [web]})), "InvalidInstanceId");
}

#[test]
fn a_command_can_pin_a_version_and_uninstall() {
    let mut bench = bench();
    let pinned = json!({"Parameters": {"action": ["Install"], "name": ["AwsVssComponents"], "version": ["2.4.0"]}});
    send(&mut bench, &pinned);
    bench.advance(60);
    assert_eq!(installed(&bench, "files-1").as_deref(), Some("2.4.0"));
    send(&mut bench, &json!({"Parameters": {"action": ["Uninstall"], "name": ["AwsVssComponents"]}}));
    bench.advance(60);
    assert_eq!(installed(&bench, "files-1"), None);
}

#[test]
fn the_installed_version_can_be_asked_with_powershell() {
    let mut bench = bench();
    send(&mut bench, &json!({}));
    bench.advance(60);
    let script = r"(Get-Item 'C:\Program Files\Amazon\AwsVssComponents\ec2-vss-agent.exe').VersionInfo.ProductVersion";
    let change = json!({"DocumentName": "AWS-RunPowerShellScript", "Parameters": {"commands": [script]}});
    let id = send(&mut bench, &change);
    bench.advance(10);
    let sql = instance(&bench, "sql-1");
    let done = bench
        .ok("GetCommandInvocation", &json!({"CommandId": id, "InstanceId": sql, "PluginName": "runPowerShellScript"}));
    assert_eq!(done["StandardOutputContent"], "2.5.1\r\n");
    let wrong = json!({"CommandId": id, "InstanceId": sql, "PluginName": "other"});
    assert_eq!(bench.code("GetCommandInvocation", &wrong), "InvalidPluginName");
}

#[test]
fn commands_are_listed_newest_first_by_filters() {
    let mut bench = bench();
    let first = send(&mut bench, &json!({}));
    bench.advance(7200);
    let second = send(&mut bench, &json!({}));
    let listed = bench.ok("ListCommands", &json!({}));
    assert_eq!(
        (&listed["Commands"][0]["CommandId"], &listed["Commands"][1]["CommandId"]),
        (&json!(second), &json!(first))
    );
    let sql = instance(&bench, "sql-1");
    for (input, count) in [
        (json!({"Filters": [{"key": "DocumentName", "value": "AWS-ConfigureAWSPackage"}]}), 2),
        (json!({"Filters": [{"key": "InvokedAfter", "value": "2026-01-01T01:00:00Z"}]}), 1),
        (json!({"Filters": [{"key": "InvokedBefore", "value": "2026-01-01T01:00:00Z"}]}), 1),
        (json!({"Filters": [{"key": "Status", "value": "TimedOut"}]}), 1),
        (json!({"Filters": [{"key": "ExecutionStage", "value": "Executing"}]}), 1),
        (json!({"InstanceId": sql}), 2),
    ] {
        assert_eq!(bench.ok("ListCommands", &input)["Commands"].as_array().unwrap().len(), count, "{input}");
    }
    let none = "00000000-0000-0000-0000-000000000000";
    assert_eq!(bench.code("ListCommands", &json!({"CommandId": none})), "InvalidCommandId");
    assert_eq!(bench.code("ListCommandInvocations", &json!({"InstanceId": "i-00000000"})), "InvalidInstanceId");
    let missing = json!({"CommandId": first, "InstanceId": instance(&bench, "web-1")});
    assert_eq!(bench.code("GetCommandInvocation", &missing), "InvocationDoesNotExist");
}

#[test]
fn bad_commands_are_refused() {
    let mut bench = bench();
    let (sql, web) = (instance(&bench, "sql-1"), instance(&bench, "web-1"));
    let good = json!({"DocumentName": "AWS-ConfigureAWSPackage", "Parameters": install(), "InstanceIds": [sql]});
    for (change, code) in [
        (json!({"DocumentName": "AWS-Nothing"}), "InvalidDocument"),
        (json!({"DocumentVersion": "2"}), "InvalidDocumentVersion"),
        (json!({"DocumentHash": "00"}), "InvalidDocument"),
        (json!({"InstanceIds": ["i-00000000"]}), "InvalidInstanceId"),
        (json!({"InstanceIds": [sql, sql]}), "DuplicateInstanceId"),
        (json!({"InstanceIds": []}), "ValidationException"),
        (json!({"InstanceIds": vec![sql.clone(); 51]}), "ValidationException"),
        (json!({"Parameters": {}}), "InvalidParameters"),
        (json!({"TimeoutSeconds": 29}), "ValidationException"),
        (json!({"Comment": "x".repeat(101)}), "ValidationException"),
        (
            json!({"DocumentName": "AWSEC2-CreateVssSnapshot", "Parameters": {}, "InstanceIds": [web]}),
            "UnsupportedPlatformType",
        ),
    ] {
        assert_eq!(bench.code("SendCommand", &with(good.clone(), &change)), code, "{change}");
    }
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
    assert_eq!(listed["DocumentIdentifiers"].as_array().unwrap().len(), 2);
    for name in [
        "AWS-ConfigureAWSPackage",
        "AWS-RunPowerShellScript",
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

#[test]
fn a_parameter_is_created_once_and_overwritten_on_demand() {
    let mut bench = bench();
    let put = |change: Value| with(json!({"Name": "/a/b", "Value": "1", "Type": "String"}), &change);
    assert_eq!(bench.ok("PutParameter", &put(json!({})))["Version"], 1);
    assert_eq!(bench.code("PutParameter", &put(json!({}))), "ParameterAlreadyExists");
    assert_eq!(bench.ok("PutParameter", &json!({"Name": "/a/b", "Value": "2", "Overwrite": true}))["Version"], 2);
    assert_eq!(bench.ok("GetParameter", &json!({"Name": "/a/b"}))["Parameter"]["Value"], "2");
    let old = bench.ok("GetParameter", &json!({"Name": "/a/b:1"}))["Parameter"].clone();
    assert_eq!((&old["Value"], &old["Selector"]), (&json!("1"), &json!(":1")));
    bench.ok("GetParameter", &json!({"Name": "arn:aws:ssm:eu-west-1:123456789012:parameter/a/b"}));
    assert_eq!(bench.code("GetParameter", &json!({"Name": "/a/b:9"})), "ParameterVersionNotFound");
    assert_eq!(bench.code("GetParameter", &json!({"Name": "/a"})), "ParameterNotFound");
    for change in [
        json!({"Name": "/new", "Type": null}),
        json!({"Name": "a/b"}),
        json!({"Name": "/ssm/x"}),
        json!({"Name": "/x y"}),
        json!({"Name": "/new", "Value": "x".repeat(4097)}),
        json!({"Overwrite": true, "Tags": [{"Key": "a", "Value": "b"}]}),
    ] {
        assert_eq!(bench.code("PutParameter", &put(change.clone())), "ValidationException", "{change}");
    }
    assert_eq!(
        bench.code("PutParameter", &put(json!({"Overwrite": true, "Type": "StringList"}))),
        "HierarchyTypeMismatchException"
    );
    let pattern = json!({"Name": "/new", "AllowedPattern": "[0-9]+", "Value": "x"});
    assert_eq!(bench.code("PutParameter", &put(pattern)), "ParameterPatternMismatchException");
}

#[test]
fn parameters_are_found_by_path_filter_and_list() {
    let mut bench = bench();
    for name in ["/a/b", "/a/c", "/a/d/e", "top"] {
        bench.ok("PutParameter", &json!({"Name": name, "Value": "1", "Type": "SecureString"}));
    }
    let count = |answer: &Value| answer["Parameters"].as_array().unwrap().len();
    assert_eq!(count(&bench.ok("GetParametersByPath", &json!({"Path": "/a"}))), 2);
    let all = bench.ok("GetParametersByPath", &json!({"Path": "/a", "Recursive": true, "MaxResults": 2}));
    assert_eq!(count(&all), 2);
    let rest = json!({"Path": "/a", "Recursive": true, "MaxResults": 2, "NextToken": all["NextToken"], "WithDecryption": true});
    // The token belongs to the same question.
    assert_eq!(bench.code("GetParametersByPath", &rest), "InvalidNextToken");
    assert_eq!(bench.code("GetParametersByPath", &json!({"Path": "a"})), "ValidationException");
    assert_ne!(bench.ok("GetParameter", &json!({"Name": "top"}))["Parameter"]["Value"], "1");
    assert_eq!(bench.ok("GetParameter", &json!({"Name": "top", "WithDecryption": true}))["Parameter"]["Value"], "1");
    let many = bench.ok("GetParameters", &json!({"Names": ["top", "none"]}));
    assert_eq!((count(&many), &many["InvalidParameters"]), (1, &json!(["none"])));
    let filter = json!({"ParameterFilters": [{"Key": "Name", "Option": "BeginsWith", "Values": ["/a/"]}]});
    assert_eq!(count(&bench.ok("DescribeParameters", &filter)), 3);
    let both = with(filter, &json!({"Filters": [{"Key": "Name", "Values": ["/a"]}]}));
    assert_eq!(bench.code("DescribeParameters", &both), "ValidationException");
    bench.ok("DeleteParameter", &json!({"Name": "top"}));
    assert_eq!(bench.code("DeleteParameter", &json!({"Name": "top"})), "ParameterNotFound");
    let gone = bench.ok("DeleteParameters", &json!({"Names": ["/a/b", "top"]}));
    assert_eq!((&gone["DeletedParameters"], &gone["InvalidParameters"]), (&json!(["/a/b"]), &json!(["top"])));
}
