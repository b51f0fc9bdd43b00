//! Associations that install or remove a package.

use std::collections::BTreeMap;

use toml::{Table, Value as Toml};

use super::{Rows, Writer, members, one_or_many, texts};
use crate::kind::Fields;
use crate::kind::value::text;
use crate::model::KindId;

pub(super) fn package(writer: &mut Writer<'_>, fields: &Fields) -> Table {
    let mut rows = Rows::default();
    for name in ["package_name", "action", "installation_type", "version"] {
        rows.text(fields, name);
    }
    let targets = targets(writer, fields);
    rows.text(fields, "schedule")
        .flag(fields, "apply_only_at_cron_interval")
        .number(fields, "schedule_offset")
        .number(fields, "duration");
    for name in [
        "max_concurrency",
        "max_errors",
        "compliance_severity",
        "sync_compliance",
        "output_s3_bucket",
        "output_s3_key_prefix",
        "output_s3_region",
    ] {
        rows.text(fields, name);
    }
    let role = Some(text(fields, "association_dispatch_assume_role")).filter(|role| !role.is_empty());
    rows.value("association_dispatch_assume_role", role.map(|role| writer.named(KindId::Role, role)))
        .texts(fields, "calendar_names");
    let arguments = arguments(writer, text(fields, "additional_arguments"));
    rows.value("targets", Some(targets)).table("additional_arguments", arguments).tags(fields).done()
}

/// Reads the arguments of the package, which are JSON in a text.
fn arguments(writer: &mut Writer<'_>, text: &str) -> Table {
    if text.is_empty() {
        return Table::new();
    }
    let Ok(arguments) = serde_json::from_str::<BTreeMap<String, String>>(text) else {
        writer.unsaid.push("`additionalArguments` are no JSON object of texts".to_owned());
        return Table::new();
    };
    arguments.into_iter().map(|(name, value)| (name, value.into())).collect()
}

/// Turns SSM's target keys into words.
fn targets(writer: &mut Writer<'_>, fields: &Fields) -> Table {
    let (mut targets, mut tags) = (Table::new(), Table::new());
    for (key, values) in members(fields.get("targets")) {
        let values: Vec<Toml> = texts(Some(values));
        match (key.strip_prefix("tag:"), key.as_str()) {
            (Some(tag), _) => drop(tags.insert(tag.to_owned(), one_or_many(values))),
            (None, "InstanceIds") => drop(targets.insert("instance_ids".to_owned(), values.into())),
            (None, "resource-groups:Name") => drop(targets.insert("resource_groups".to_owned(), values.into())),
            (None, other) => writer.unsaid.push(format!("the target `{other}`")),
        }
    }
    if !tags.is_empty() {
        targets.insert("tags".to_owned(), tags.into());
    }
    targets
}
