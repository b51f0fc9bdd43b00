//! Associations, vaults, backup plans and selections of a template.

use crate::model::KindId;
use serde_json::{Map, Value};
use toml::{Table, Value as Toml};

use super::document::Node;
use super::resolve::{Place as Goes, Resolver, as_text, logical};
use super::tables::{Tables, document_text, tags, toml_of};
use super::template::{Import, Resource};
use crate::kinds::package::DOCUMENT;
use crate::model::Diagnostic;
use crate::model::duration::{days, minutes};

pub(super) fn write(import: &mut Import, resolver: &Resolver<'_>, resources: &[Resource<'_>], tables: &mut Tables) {
    let of = |sort: &'static str| resources.iter().filter(move |resource| resource.named.sort == sort);
    for resource in of("AWS::SSM::Association") {
        association(import, resolver, resource, tables);
    }
    for resource in of("AWS::Backup::BackupVault") {
        vault(import, resolver, resource, tables);
    }
    let mut plans: Vec<(&str, String, Table)> = Vec::new();
    for resource in of("AWS::Backup::BackupPlan") {
        plans.push((resource.id, resource.named.name.clone(), plan(import, resolver, resource)));
    }
    for resource in of("AWS::Backup::BackupSelection") {
        selection(import, resolver, resource, &mut plans);
    }
    for (id, name, table) in plans {
        tables.put(KindId::Plan, &name, id, table);
    }
}

/// Returns the properties of a structure. Each is resolved on its own, so that one without a value does not lose the
/// others.
fn properties(import: &mut Import, resolver: &Resolver<'_>, node: Option<&Node>) -> Map<String, Value> {
    let mut found = Map::new();
    for (key, node) in node.map(Node::entries).unwrap_or_default() {
        let goes = if key.text == "AccessPolicy" { Goes::Document } else { Goes::Field };
        // A reference to another resource is read from the template itself, as its value is not known.
        if key.text == "BackupPlanId" {
            continue;
        }
        if let Some(value) = import.value(resolver, node, goes) {
            found.insert(key.text.clone(), value);
        }
    }
    found
}

fn copy(from: &Value, table: &mut Table, names: &[(&str, &str)]) {
    for (property, key) in names {
        if let Some(value) = toml_of(&from[*property]) {
            table.insert((*key).to_owned(), value);
        }
    }
}

/// The properties of an association that the file has a word for.
const ASSOCIATION: [&str; 13] = [
    "Name",
    "AssociationName",
    "Parameters",
    "ScheduleExpression",
    "Targets",
    "MaxConcurrency",
    "MaxErrors",
    "ComplianceSeverity",
    "SyncCompliance",
    "ApplyOnlyAtCronInterval",
    "ScheduleOffset",
    "CalendarNames",
    "Tags",
];

fn association(import: &mut Import, resolver: &Resolver<'_>, resource: &Resource<'_>, tables: &mut Tables) {
    let name = resource.properties.and_then(|properties| properties.get("Name"));
    if name.and_then(Node::text) != Some(DOCUMENT) {
        let message = format!("the association `{}` is left out: it does not run `{DOCUMENT}`", resource.id);
        import.report(&resource.at, Diagnostic::warning("VSS1103", message).label("left out"));
        return;
    }
    import.left_out(resource.id, resource.properties, &ASSOCIATION);
    let all = Value::from(properties(import, resolver, resource.properties));
    let parameter = |name: &str| all["Parameters"][name].get(0).unwrap_or(&all["Parameters"][name]).as_str();
    let mut table = Table::new();
    let package = parameter("name").unwrap_or_default();
    for (name, key, default) in [
        ("action", "action", "Install"),
        ("installationType", "installation_type", "Uninstall and reinstall"),
        ("version", "version", ""),
    ] {
        if let Some(text) = parameter(name).filter(|text| *text != default) {
            table.insert(key.to_owned(), text.into());
        }
    }
    copy(
        &all,
        &mut table,
        &[
            ("ScheduleExpression", "schedule"),
            ("ApplyOnlyAtCronInterval", "apply_only_at_cron_interval"),
            ("ScheduleOffset", "schedule_offset"),
            ("MaxConcurrency", "max_concurrency"),
            ("MaxErrors", "max_errors"),
            ("ComplianceSeverity", "compliance_severity"),
            ("SyncCompliance", "sync_compliance"),
            ("CalendarNames", "calendar_names"),
        ],
    );
    if all["AssociationName"].is_string() {
        table.insert("name".to_owned(), resource.named.name.as_str().into());
    }
    table.insert("targets".to_owned(), targets(&all["Targets"]).into());
    if all["Tags"].is_array() {
        table.insert("tags".to_owned(), tags(&all["Tags"]).into());
    }
    let is_taken = tables.0.get("package").is_some_and(|packages| packages.contains_key(package));
    let key = if is_taken || package.is_empty() { resource.id } else { package };
    if key != package && !package.is_empty() {
        table.insert("package_name".to_owned(), package.into());
    }
    tables.0.entry("package").or_default().insert(key.to_owned(), table.into());
}

/// Returns the table of an association's targets: tags, instances and resource groups.
fn targets(listed: &Value) -> Table {
    let mut targets = Table::new();
    for target in listed.as_array().into_iter().flatten() {
        let (key, values) = (target["Key"].as_str().unwrap_or_default(), toml_of(&target["Values"]));
        let Some(values) = values else { continue };
        match key.strip_prefix("tag:") {
            Some(tag) => {
                let all = targets.entry("tags").or_insert_with(|| Table::new().into());
                if let Some(all) = all.as_table_mut() {
                    all.insert(tag.to_owned(), values);
                }
            }
            None if key == "InstanceIds" => drop(targets.insert("instance_ids".to_owned(), values)),
            None if key == "resource-groups:Name" => drop(targets.insert("resource_groups".to_owned(), values)),
            None => {}
        }
    }
    targets
}

fn vault(import: &mut Import, resolver: &Resolver<'_>, resource: &Resource<'_>, tables: &mut Tables) {
    let known = [
        "BackupVaultName",
        "EncryptionKeyArn",
        "AccessPolicy",
        "Notifications",
        "LockConfiguration",
        "BackupVaultTags",
    ];
    import.left_out(resource.id, resource.properties, &known);
    let all = Value::from(properties(import, resolver, resource.properties));
    let mut table = Table::new();
    copy(&all, &mut table, &[("EncryptionKeyArn", "kms_key")]);
    if !all["AccessPolicy"].is_null() {
        table.insert("access_policy".to_owned(), document_text(&all["AccessPolicy"]));
    }
    if all["Notifications"].is_object() {
        let mut notifications = Table::new();
        let names = [("SNSTopicArn", "topic"), ("BackupVaultEvents", "events")];
        copy(&all["Notifications"], &mut notifications, &names);
        table.insert("notifications".to_owned(), notifications.into());
    }
    if all["LockConfiguration"].is_object() {
        let lock = &all["LockConfiguration"];
        let mut entry = Table::new();
        // A lock with a grace time is a compliance lock, which the file has to acknowledge in a line of its own.
        let mode = if lock["ChangeableForDays"].is_null() { "governance" } else { "compliance" };
        entry.insert("mode".to_owned(), mode.into());
        for (property, key) in [
            ("MinRetentionDays", "min_retention"),
            ("MaxRetentionDays", "max_retention"),
            ("ChangeableForDays", "changeable_for"),
        ] {
            if let Some(count) = number(&lock[property]) {
                entry.insert(key.to_owned(), days::format(count).into());
            }
        }
        table.insert("lock".to_owned(), entry.into());
    }
    if all["BackupVaultTags"].is_object() {
        table.insert("tags".to_owned(), tags(&all["BackupVaultTags"]).into());
    }
    tables.put(KindId::Vault, &resource.named.name, resource.id, table);
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).and_then(|number| u32::try_from(number).ok())
}

fn plan(import: &mut Import, resolver: &Resolver<'_>, resource: &Resource<'_>) -> Table {
    import.left_out(resource.id, resource.properties, &["BackupPlan", "BackupPlanTags"]);
    let inner = resource.properties.and_then(|properties| properties.get("BackupPlan"));
    import.left_out(resource.id, inner, &["BackupPlanName", "AdvancedBackupSettings", "BackupPlanRule"]);
    let all = Value::from(properties(import, resolver, inner));
    let mut table = Table::new();
    let mut settings = all["AdvancedBackupSettings"].as_array().into_iter().flatten();
    if settings.any(|one| one["ResourceType"] == "EC2" && one["BackupOptions"]["WindowsVSS"] == "enabled") {
        table.insert("windows_vss".to_owned(), true.into());
    }
    let mut rules = Table::new();
    for (index, rule) in all["BackupPlanRule"].as_array().into_iter().flatten().enumerate() {
        let name = as_text(&rule["RuleName"]).unwrap_or_else(|| format!("rule-{}", index + 1));
        rules.insert(name, self::rule(rule).into());
    }
    table.insert("rule".to_owned(), rules.into());
    let own = resource.properties.and_then(|properties| properties.get("BackupPlanTags"));
    if let Some(given) = own.and_then(|node| import.value(resolver, node, Goes::Field)) {
        table.insert("tags".to_owned(), tags(&given).into());
    }
    table
}

fn rule(rule: &Value) -> Table {
    let mut table = Table::new();
    copy(
        rule,
        &mut table,
        &[
            ("TargetBackupVault", "vault"),
            ("ScheduleExpression", "schedule"),
            ("ScheduleExpressionTimezone", "timezone"),
            ("EnableContinuousBackup", "enable_continuous_backup"),
        ],
    );
    for (property, key) in [("StartWindowMinutes", "start_window"), ("CompletionWindowMinutes", "complete_window")] {
        if let Some(count) = number(&rule[property]) {
            table.insert(key.to_owned(), minutes::format(count).into());
        }
    }
    lifecycle(&rule["Lifecycle"], &mut table);
    let copies = rule["CopyActions"].as_array().into_iter().flatten().map(|action| {
        let mut table = Table::new();
        copy(action, &mut table, &[("DestinationBackupVaultArn", "vault")]);
        lifecycle(&action["Lifecycle"], &mut table);
        Toml::from(table)
    });
    let copies: Vec<Toml> = copies.collect();
    if rule["RecoveryPointTags"].is_object() {
        table.insert("recovery_point_tags".to_owned(), tags(&rule["RecoveryPointTags"]).into());
    }
    if !copies.is_empty() {
        table.insert("copy_actions".to_owned(), copies.into());
    }
    table
}

fn lifecycle(lifecycle: &Value, table: &mut Table) {
    for (property, key) in
        [("DeleteAfterDays", "delete_after"), ("MoveToColdStorageAfterDays", "move_to_cold_storage_after")]
    {
        if let Some(count) = number(&lifecycle[property]) {
            table.insert(key.to_owned(), days::format(count).into());
        }
    }
}

fn selection(
    import: &mut Import,
    resolver: &Resolver<'_>,
    resource: &Resource<'_>,
    plans: &mut [(&str, String, Table)],
) {
    let of = resource.properties.and_then(|properties| properties.get("BackupPlanId"));
    let Some((_, _, plan)) = of.and_then(logical).and_then(|id| plans.iter_mut().find(|(known, _, _)| *known == id))
    else {
        let message = format!("the selection `{}` is left out: its plan is not in the template", resource.id);
        import.report(&resource.at, Diagnostic::warning("VSS1103", message).label("left out"));
        return;
    };
    let inner = resource.properties.and_then(|properties| properties.get("BackupSelection"));
    let known = ["SelectionName", "IamRoleArn", "Resources", "NotResources", "ListOfTags", "Conditions"];
    import.left_out(resource.id, inner, &known);
    let all = Value::from(properties(import, resolver, inner));
    let mut matching = Table::new();
    copy(&all, &mut matching, &[("Resources", "arns"), ("NotResources", "not_arns")]);
    let pairs = |list: &Value| {
        let mut table = Table::new();
        for one in list.as_array().into_iter().flatten() {
            let key = one["ConditionKey"].as_str().unwrap_or_default();
            let key = key.strip_prefix("aws:ResourceTag/").unwrap_or(key).to_owned();
            let value = Toml::from(as_text(&one["ConditionValue"]).unwrap_or_default());
            match table.get_mut(&key) {
                Some(Toml::Array(values)) => values.push(value),
                Some(first) => *first = vec![first.clone(), value].into(),
                None => drop(table.insert(key, value)),
            }
        }
        table
    };
    for (list, key) in [
        (&all["Conditions"]["StringEquals"], "all"),
        (&all["ListOfTags"], "any"),
        (&all["Conditions"]["StringLike"], "like"),
        (&all["Conditions"]["StringNotEquals"], "not_equals"),
        (&all["Conditions"]["StringNotLike"], "not_like"),
    ] {
        let table = pairs(list);
        if !table.is_empty() {
            matching.insert(key.to_owned(), table.into());
        }
    }
    let mut table = Table::new();
    copy(&all, &mut table, &[("IamRoleArn", "role")]);
    table.insert("match".to_owned(), matching.into());
    let selections = plan.entry("selection").or_insert_with(|| Table::new().into());
    if let Some(selections) = selections.as_table_mut() {
        selections.insert(resource.named.name.clone(), table.into());
    }
}
