//! Vaults, plans with their rules, selections and the region's settings.

use serde_json::Value;
use toml::{Table, Value as Toml};

use super::{Keys, Rows, Writer, by_key, members, record};
use crate::kind::Fields;
use crate::kind::value::text;
use crate::model::KindId;

/// What the file has to name as the grace time of a compliance lock: the least that AWS takes. AWS does not tell what a
/// lock was made with.
const GRACE: &str = "3d";

pub(super) fn vault(fields: &Fields) -> Table {
    let mut rows = Rows::default();
    rows.text(fields, "kms_key").document(fields, "access_policy");
    if let Some(notifications) = fields.get("notifications").map(record).filter(|it| !it.is_empty()) {
        let own = Rows::default().text(&notifications, "topic").texts(&notifications, "events").done();
        rows.table("notifications", own);
    }
    if let Some(lock) = fields.get("lock").map(record).filter(|it| !it.is_empty()) {
        let mut own = Rows::default();
        own.text(&lock, "mode").text(&lock, "min_retention").text(&lock, "max_retention");
        if text(&lock, "mode") == "compliance" {
            own.value("changeable_for", Some(GRACE)).value("compliance_lock_is_irreversible", Some(true));
        }
        rows.table("lock", own.done());
    }
    rows.tags(fields).done()
}

pub(super) fn plan(writer: &Writer<'_>, fields: &Fields) -> Table {
    let mut rows = Rows::default();
    rows.value("windows_vss", fields.get("windows_vss").and_then(Value::as_bool));
    let mut keys = Keys::default();
    let rules: Table = members(fields.get("rule"))
        .map(|(name, fields)| {
            let key = keys.give(name);
            let mut own = Table::new();
            if key != *name {
                own.insert("name".to_owned(), name.as_str().into());
            }
            own.extend(rule(writer, &record(fields)));
            (key, own.into())
        })
        .collect();
    // A table with tables in it comes after what is plain.
    rows.tags(fields).table("rule", rules).done()
}

fn rule(writer: &Writer<'_>, fields: &Fields) -> Table {
    let mut rows = Rows::default();
    let vault = Some(text(fields, "vault")).filter(|vault| !vault.is_empty());
    rows.value("vault", vault.map(|vault| writer.named(KindId::Vault, vault)))
        .text(fields, "schedule")
        .text(fields, "timezone")
        .text(fields, "start_window")
        .text(fields, "complete_window");
    lifecycle(fields, &mut rows);
    rows.flag(fields, "enable_continuous_backup").text(fields, "target_logically_air_gapped_backup_vault_arn");
    let tags: Table = members(fields.get("recovery_point_tags"))
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.into())))
        .collect();
    let copies = members(fields.get("copy_actions")).map(|(vault, own)| {
        let mut copy = Rows::default();
        copy.value("vault", Some(writer.named(KindId::Vault, vault)));
        // Without any lifecycle of its own a copy has the one of its rule.
        if !is_same_lifecycle(&record(own), fields) {
            lifecycle(&record(own), &mut copy);
        }
        Toml::from(copy.done())
    });
    let copies: Vec<Toml> = copies.collect();
    rows.table("recovery_point_tags", tags).value("copy_actions", (!copies.is_empty()).then_some(copies)).done()
}

/// The fields of a lifecycle.
const LIFECYCLE: [&str; 3] =
    ["delete_after", "move_to_cold_storage_after", "opt_in_to_archive_for_supported_resources"];

fn lifecycle(fields: &Fields, rows: &mut Rows) {
    rows.text(fields, LIFECYCLE[0]).text(fields, LIFECYCLE[1]).flag(fields, LIFECYCLE[2]);
}

fn is_same_lifecycle(one: &Fields, other: &Fields) -> bool {
    let said = |fields: &Fields, name: &str| fields.get(name).filter(|value| **value != false).cloned();
    LIFECYCLE.iter().all(|name| said(one, name) == said(other, name))
}

pub(super) fn selection(writer: &Writer<'_>, fields: &Fields) -> Table {
    let mut rows = Rows::default();
    let mut matching = Rows::default();
    for name in ["all", "any", "like", "not_equals", "not_like"] {
        matching.table(name, by_key(fields.get(name)));
    }
    let matching = matching.texts(fields, "arns").texts(fields, "not_arns").done();
    rows.value("role", Some(writer.named(KindId::Role, text(fields, "role")))).value("match", Some(matching)).done()
}

pub(super) fn region_settings(fields: &Fields) -> Table {
    let mut rows = Rows::default();
    for name in ["resource_type_opt_in", "resource_type_management"] {
        let settings: Table = members(fields.get(name))
            .filter_map(|(resource_type, on)| Some((resource_type.clone(), on.as_bool()?.into())))
            .collect();
        rows.table(name, settings);
    }
    rows.done()
}
