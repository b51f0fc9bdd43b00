//! State Manager: associations, their versions, their runs.

use serde_json::json;

use super::{DAY, association, bench, create, describe, install, installed, instance, with};
use crate::sandbox::bench::START;
use crate::sandbox::made;

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
            "ScheduleExpression": "cron(0 2 ? * SUN *)", "ApplyOnlyAtCronInterval": true,
            "ScheduleOffset": 2, "Duration": 4,
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
    // Only the cron expression starts it: on Sunday, 4 January 2026, at two o'clock, plus two days.
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
        &json!({
            "AssociationId": id, "ExecutionId": first["ExecutionId"],
            "Filters": [{"Key": "Status", "Value": "TimedOut"}],
        }),
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
