//! Run Command: commands and their invocations.

use serde_json::{Value, json};

use super::{bench, install, installed, instance, with};
use crate::sandbox::bench::Bench;

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
