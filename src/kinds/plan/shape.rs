//! A backup plan between the SDK's types and AWS's JSON form, every member of the service model, modelled by us or not.

use aws_sdk_backup::operation::get_backup_plan::GetBackupPlanOutput;
use aws_sdk_backup::types::{
    AdvancedBackupSetting, BackupPlanInput, BackupRule, BackupRuleInput, CopyAction, IndexAction, Lifecycle,
    LifecycleDeleteAfterEvent, MalwareScanner, ScanAction, ScanMode, ScanSetting,
};
use serde_json::{Value, json};

use crate::aws::{Answered, AwsError, Completing};
use crate::kinds::input::{Input, without_empty};
use crate::model::{PlannedCall, Unmodelled};

/// The answer about one plan.
pub(super) type Answer = Answered<GetBackupPlanOutput>;

/// Writes a live plan with the members that the SDK's types have no name for.
pub(super) fn whole_plan(answer: &Answer) -> Value {
    let mut plan = plan_to_json(answer);
    Unmodelled::between(&answer.heard, &plan, &[]).put_into(&mut plan);
    plan
}

/// What a call that sends a whole plan has of members without a name in the SDK's types.
pub(super) fn unmodelled(call: &PlannedCall) -> Completing {
    Completing::new(json!({ "BackupPlan": call.input["BackupPlan"] }))
}

/// Writes a live plan. AWS answers `AdvancedBackupSettings` beside the plan, sometimes in it as well.
pub(super) fn plan_to_json(answer: &GetBackupPlanOutput) -> Value {
    let Some(plan) = answer.backup_plan() else { return Value::Null };
    let settings: Vec<Value> = if answer.advanced_backup_settings().is_empty() {
        plan.advanced_backup_settings().iter().map(setting_to_json).collect()
    } else {
        answer.advanced_backup_settings().iter().map(setting_to_json).collect()
    };
    let scans = plan.scan_settings().iter().map(|setting| {
        without_empty(json!({
            "MalwareScanner": setting.malware_scanner().map(MalwareScanner::as_str),
            "ResourceTypes": setting.resource_types(),
            "ScannerRoleArn": setting.scanner_role_arn(),
        }))
    });
    without_empty(json!({
        "BackupPlanName": plan.backup_plan_name(),
        "Rules": plan.rules().iter().map(rule_to_json).collect::<Vec<_>>(),
        "AdvancedBackupSettings": settings,
        "ScanSettings": scans.collect::<Vec<_>>(),
    }))
}

fn setting_to_json(setting: &AdvancedBackupSetting) -> Value {
    let options: std::collections::BTreeMap<_, _> = setting.backup_options().into_iter().flatten().collect();
    json!({ "ResourceType": setting.resource_type(), "BackupOptions": options })
}

fn rule_to_json(rule: &BackupRule) -> Value {
    let tags: std::collections::BTreeMap<_, _> = rule.recovery_point_tags().into_iter().flatten().collect();
    let copies = rule.copy_actions().iter().map(|copy| {
        without_empty(json!({
            "DestinationBackupVaultArn": copy.destination_backup_vault_arn(),
            "Lifecycle": copy.lifecycle().map(lifecycle_to_json),
        }))
    });
    let indexes = rule.index_actions().iter().map(|action| json!({ "ResourceTypes": action.resource_types() }));
    let scans = rule.scan_actions().iter().map(|action| {
        without_empty(json!({
            "MalwareScanner": action.malware_scanner().map(MalwareScanner::as_str),
            "ScanMode": action.scan_mode().map(ScanMode::as_str),
        }))
    });
    without_empty(json!({
        "RuleName": rule.rule_name(),
        "RuleId": rule.rule_id(),
        "TargetBackupVaultName": rule.target_backup_vault_name(),
        "TargetLogicallyAirGappedBackupVaultArn": rule.target_logically_air_gapped_backup_vault_arn(),
        "ScheduleExpression": rule.schedule_expression(),
        "ScheduleExpressionTimezone": rule.schedule_expression_timezone(),
        "StartWindowMinutes": rule.start_window_minutes(),
        "CompletionWindowMinutes": rule.completion_window_minutes(),
        "Lifecycle": rule.lifecycle().map(lifecycle_to_json),
        "RecoveryPointTags": tags,
        "CopyActions": copies.collect::<Vec<_>>(),
        "EnableContinuousBackup": rule.enable_continuous_backup(),
        "IndexActions": indexes.collect::<Vec<_>>(),
        "ScanActions": scans.collect::<Vec<_>>(),
    }))
}

fn lifecycle_to_json(lifecycle: &Lifecycle) -> Value {
    without_empty(json!({
        "MoveToColdStorageAfterDays": lifecycle.move_to_cold_storage_after_days(),
        "DeleteAfterDays": lifecycle.delete_after_days(),
        "OptInToArchiveForSupportedResources": lifecycle.opt_in_to_archive_for_supported_resources(),
        "DeleteAfterEvent": lifecycle.delete_after_event().map(LifecycleDeleteAfterEvent::as_str),
    }))
}

/// Builds the plan of a creating or updating call.
pub(super) fn plan_from_json(plan: &Input<'_>) -> Result<BackupPlanInput, AwsError> {
    BackupPlanInput::builder()
        .set_backup_plan_name(plan.text("BackupPlanName")?)
        .set_rules(Some(plan.required("Rules", |plan, name| plan.all_built(name, rule_from_json))?))
        .set_advanced_backup_settings(plan.all_built("AdvancedBackupSettings", setting_from_json)?)
        .set_scan_settings(plan.all_built("ScanSettings", scan_setting_from_json)?)
        .build()
        .map_err(|error| plan.refuse(error))
}

fn setting_from_json(setting: &Input<'_>) -> Result<AdvancedBackupSetting, AwsError> {
    Ok(AdvancedBackupSetting::builder()
        .set_resource_type(setting.text("ResourceType")?)
        .set_backup_options(setting.map("BackupOptions")?)
        .build())
}

fn scan_setting_from_json(setting: &Input<'_>) -> Result<ScanSetting, AwsError> {
    Ok(ScanSetting::builder()
        .set_malware_scanner(setting.choice("MalwareScanner")?)
        .set_resource_types(setting.texts("ResourceTypes")?)
        .set_scanner_role_arn(setting.text("ScannerRoleArn")?)
        .build())
}

fn rule_from_json(rule: &Input<'_>) -> Result<BackupRuleInput, AwsError> {
    BackupRuleInput::builder()
        .set_rule_name(rule.text("RuleName")?)
        .set_target_backup_vault_name(rule.text("TargetBackupVaultName")?)
        .set_target_logically_air_gapped_backup_vault_arn(rule.text("TargetLogicallyAirGappedBackupVaultArn")?)
        .set_schedule_expression(rule.text("ScheduleExpression")?)
        .set_schedule_expression_timezone(rule.text("ScheduleExpressionTimezone")?)
        .set_start_window_minutes(rule.number("StartWindowMinutes")?)
        .set_completion_window_minutes(rule.number("CompletionWindowMinutes")?)
        .set_lifecycle(rule.built("Lifecycle", lifecycle_from_json)?)
        .set_recovery_point_tags(rule.map("RecoveryPointTags")?)
        .set_copy_actions(rule.all_built("CopyActions", copy_from_json)?)
        .set_enable_continuous_backup(rule.flag("EnableContinuousBackup")?)
        .set_index_actions(rule.all_built("IndexActions", index_from_json)?)
        .set_scan_actions(rule.all_built("ScanActions", scan_from_json)?)
        .build()
        .map_err(|error| rule.refuse(error))
}

fn copy_from_json(copy: &Input<'_>) -> Result<CopyAction, AwsError> {
    CopyAction::builder()
        .set_destination_backup_vault_arn(copy.text("DestinationBackupVaultArn")?)
        .set_lifecycle(copy.built("Lifecycle", lifecycle_from_json)?)
        .build()
        .map_err(|error| copy.refuse(error))
}

fn index_from_json(action: &Input<'_>) -> Result<IndexAction, AwsError> {
    Ok(IndexAction::builder().set_resource_types(action.texts("ResourceTypes")?).build())
}

fn scan_from_json(action: &Input<'_>) -> Result<ScanAction, AwsError> {
    Ok(ScanAction::builder()
        .set_malware_scanner(action.choice("MalwareScanner")?)
        .set_scan_mode(action.choice("ScanMode")?)
        .build())
}

fn lifecycle_from_json(lifecycle: &Input<'_>) -> Result<Lifecycle, AwsError> {
    Ok(Lifecycle::builder()
        .set_move_to_cold_storage_after_days(lifecycle.number("MoveToColdStorageAfterDays")?)
        .set_delete_after_days(lifecycle.number("DeleteAfterDays")?)
        .set_opt_in_to_archive_for_supported_resources(lifecycle.flag("OptInToArchiveForSupportedResources")?)
        .set_delete_after_event(lifecycle.choice("DeleteAfterEvent")?)
        .build())
}
