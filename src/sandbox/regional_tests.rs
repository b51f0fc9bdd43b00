//! Backup and Systems Manager through the real SDK clients.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_backup::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_backup::error::ProvideErrorMetadata as _;
use aws_sdk_backup::types::{BackupPlanInput, BackupRuleInput, BackupSelection, Lifecycle};
use aws_sdk_ssm::types::{CommandInvocationStatus, InstanceInformationStringFilter, Target};

use super::Sandbox;

macro_rules! client {
    ($sdk:ident, $sandbox:expr) => {{
        let config = $sdk::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
            .region(Region::new("ap-northeast-1"))
            .retry_config(RetryConfig::disabled())
            .http_client($sandbox.http_client())
            .build();
        $sdk::Client::from_conf(config)
    }};
}

const TRUST: &str = concat!(
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"backup.amazonaws.com"},"#,
    r#""Action":"sts:AssumeRole"}]}"#
);

fn plan() -> BackupPlanInput {
    let rule = BackupRuleInput::builder()
        .rule_name("daily")
        .target_backup_vault_name("vss")
        .lifecycle(Lifecycle::builder().delete_after_days(35).build());
    BackupPlanInput::builder().backup_plan_name("windows").rules(rule.build().unwrap()).build().unwrap()
}

#[tokio::test]
async fn vault_plan_and_selection_are_made_and_read_through_the_sdk() {
    let sandbox = Sandbox::in_memory();
    let backup = client!(aws_sdk_backup, sandbox);
    let iam = client!(aws_sdk_iam, sandbox);
    let tags = HashMap::from([("vssctl:stack".to_owned(), "s".to_owned())]);
    let vault = backup.create_backup_vault().backup_vault_name("vss").set_backup_vault_tags(Some(tags.clone())).send();
    let vault = vault.await.unwrap().backup_vault_arn.unwrap();
    let listed = backup.list_tags().resource_arn(&vault).send().await.unwrap();
    assert_eq!(listed.tags, Some(tags));
    let made = backup.create_backup_plan().backup_plan(plan()).creator_request_id("v1.x").send().await.unwrap();
    let id = made.backup_plan_id().unwrap();
    let got = backup.get_backup_plan().backup_plan_id(id).send().await.unwrap();
    let rule = &got.backup_plan.unwrap().rules[0];
    assert_eq!(rule.start_window_minutes, Some(480));
    assert_eq!(rule.lifecycle().unwrap().delete_after_days, Some(35));
    let backup_role = iam.create_role().role_name("AWSBackup").assume_role_policy_document(TRUST).send().await.unwrap();
    let role_arn = backup_role.role.unwrap().arn;
    let selection =
        BackupSelection::builder().selection_name("all").iam_role_arn(&role_arn).resources("*").build().unwrap();
    let selected =
        backup.create_backup_selection().backup_plan_id(id).backup_selection(selection).send().await.unwrap();
    let error = backup.delete_backup_plan().backup_plan_id(id).send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_invalid_request_exception());
    backup
        .delete_backup_selection()
        .backup_plan_id(id)
        .selection_id(selected.selection_id().unwrap())
        .send()
        .await
        .unwrap();
    backup.delete_backup_plan().backup_plan_id(id).send().await.unwrap();
    backup.delete_backup_vault().backup_vault_name("vss").send().await.unwrap();
}

#[tokio::test]
async fn a_refusal_reaches_the_sdk_with_code_status_and_members() {
    let sandbox = Sandbox::in_memory();
    let backup = client!(aws_sdk_backup, sandbox);
    let error = backup.describe_backup_vault().backup_vault_name("nowhere").send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 403);
    assert_eq!(error.code(), Some("AccessDeniedException"));
    backup.create_backup_plan().backup_plan(plan()).creator_request_id("mine").send().await.unwrap();
    let error = backup.create_backup_plan().backup_plan(plan()).creator_request_id("other").send().await.unwrap_err();
    let Some(aws_sdk_backup::operation::create_backup_plan::CreateBackupPlanError::AlreadyExistsException(exists)) =
        error.as_service_error()
    else {
        panic!("{error:?}")
    };
    assert_eq!(exists.creator_request_id(), Some("mine"));
    assert!(exists.arn().unwrap().contains(":backup-plan:"));
}

#[tokio::test]
async fn an_association_and_a_command_run_through_the_sdk() {
    let sandbox = Sandbox::in_memory();
    let ssm = client!(aws_sdk_ssm, sandbox);
    let target = Target::builder().key("tag:VssBackup").values("enabled").build();
    let made =
        ssm.create_association().name("AWS-ConfigureAWSPackage").association_name("vssctl-vss").targets(target.clone());
    let made =
        made.parameters("action", vec!["Install".to_owned()]).parameters("name", vec!["AwsVssComponents".to_owned()]);
    let made = made.schedule_expression("rate(1 day)").send().await.unwrap();
    let id = made.association_description.unwrap().association_id.unwrap();
    sandbox.advance(Duration::from_mins(1)).unwrap();
    let described =
        ssm.describe_association().association_id(&id).send().await.unwrap().association_description.unwrap();
    let counts = described.overview.unwrap().association_status_aggregated_count.unwrap();
    assert_eq!(counts, HashMap::from([("Success".to_owned(), 2), ("Pending".to_owned(), 1)]));
    let online = InstanceInformationStringFilter::builder().key("tag:Name").values("sql-1").build().unwrap();
    let nodes = ssm.describe_instance_information().filters(online).send().await.unwrap();
    let node = nodes.instance_information_list()[0].instance_id().unwrap();
    let sent = ssm.send_command().document_name("AWS-ConfigureAWSPackage").instance_ids(node);
    let sent =
        sent.parameters("action", vec!["Install".to_owned()]).parameters("name", vec!["AwsVssComponents".to_owned()]);
    let command = sent.send().await.unwrap().command.unwrap().command_id.unwrap();
    sandbox.advance(Duration::from_mins(1)).unwrap();
    let done = ssm.get_command_invocation().command_id(&command).instance_id(node).send().await.unwrap();
    assert_eq!(done.status, Some(CommandInvocationStatus::Success));
    assert!(done.standard_output_content.unwrap().contains("already installed"));
    let error = ssm.get_parameter().name("/none").send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_parameter_not_found());
}
