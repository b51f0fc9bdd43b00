//! Which resource types a region backs up at all: the opt-in switches.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::input::{invalid, nothing};
use crate::sandbox::account::{Answer, Context};
use crate::sandbox::made;

/// The resource types with an opt-in switch; all are on in a new account.
const TYPES: [&str; 19] = [
    "Aurora",
    "CloudFormation",
    "DSQL",
    "DocumentDB",
    "DynamoDB",
    "EBS",
    "EC2",
    "EFS",
    "EKS",
    "FSx",
    "Neptune",
    "RDS",
    "Redshift",
    "Redshift Serverless",
    "S3",
    "SAP HANA on Amazon EC2",
    "Storage Gateway",
    "Timestream",
    "VirtualMachine",
];

/// The types whose backups AWS Backup can fully manage, and whether it does by default.
const MANAGED: [(&str, bool); 2] = [("DynamoDB", true), ("EFS", true)];

pub(super) fn describe(context: &mut Context<'_>) -> Value {
    let backup = &context.region_mut().backup;
    let opt_in: BTreeMap<&str, bool> =
        TYPES.into_iter().map(|name| (name, backup.opt_in.get(name).copied().unwrap_or(true))).collect();
    let management: BTreeMap<&str, bool> = MANAGED
        .into_iter()
        .map(|(name, default)| (name, backup.management.get(name).copied().unwrap_or(default)))
        .collect();
    json!({ "ResourceTypeOptInPreference": opt_in, "ResourceTypeManagementPreference": management })
}

/// Changes the switches that are named; the others stay.
pub(super) fn update(context: &mut Context<'_>, input: &Value) -> Answer {
    let read = |member: &str| -> BTreeMap<String, bool> {
        let map = input.get(member).and_then(Value::as_object);
        map.into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), value.as_bool()?))).collect()
    };
    let (opt_in, management) = (read("ResourceTypeOptInPreference"), read("ResourceTypeManagementPreference"));
    if let Some(name) = opt_in.keys().find(|name| !TYPES.contains(&name.as_str())) {
        return Err(invalid(format!("Resource type '{name}' is not supported")));
    }
    if let Some(name) = management.keys().find(|name| !MANAGED.iter().any(|(known, _)| known == name)) {
        return Err(invalid(format!("Resource type '{name}' does not support the management preference")));
    }
    let backup = &mut context.region_mut().backup;
    backup.opt_in.extend(opt_in);
    backup.management.extend(management);
    Ok(nothing())
}

/// Returns the settings of the organisation; an account without one has cross-account backup off.
pub(super) fn global() -> Value {
    json!({
        "GlobalSettings": {
            "isCrossAccountBackupEnabled": "false",
            "isMpaEnabled": "false",
            "isDelegatedAdministratorEnabled": "false",
        },
        // The settings have not been changed since the account was created.
        "LastUpdateTime": made::timestamp(1_762_156_800_000),
    })
}

pub(super) fn supported() -> Value {
    json!({ "ResourceTypes": TYPES })
}
