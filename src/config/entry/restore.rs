//! Restore testing plans with their selections.

use serde_json::Value;
use toml::{Table, Value as Toml};

use super::{Keys, Rows, Writer, by_key, members, record};
use crate::kind::Fields;
use crate::kind::value::text;
use crate::kinds::restore_test::aws_name;
use crate::model::KindId;

pub(super) fn restore_test(writer: &mut Writer<'_>, fields: &Fields) -> Table {
    let mut rows = Rows::default();
    rows.text(fields, "schedule").text(fields, "timezone").text(fields, "start_window");
    if let Some(points) = fields.get("recovery_point_selection").map(record).filter(|it| !it.is_empty()) {
        let mut own = Rows::default();
        own.text(&points, "algorithm");
        for name in ["include_vaults", "exclude_vaults"] {
            let vaults = points.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
            // `*` stands for all of the region.
            let named = |vault: &str| if vault == "*" { vault.into() } else { writer.named(KindId::Vault, vault) };
            let vaults: Vec<Toml> = vaults.map(named).collect();
            // The list of the vaults that are taken stands in each entry.
            own.value(name, (!vaults.is_empty() || name == "include_vaults").then_some(vaults));
        }
        own.texts(&points, "recovery_point_types").text(&points, "selection_window");
        rows.table("recovery_point_selection", own.done());
    }
    let mut keys = Keys::default();
    let mut selections = Table::new();
    for (name, fields) in members(fields.get("selection")) {
        let key = keys.give(name);
        let mut own = Table::new();
        if aws_name(&key) != *name {
            own.insert("name".to_owned(), name.as_str().into());
        }
        own.extend(selection(writer, name, &record(fields)));
        selections.insert(key, own.into());
    }
    rows.tags(fields).table("selection", selections).done()
}

fn selection(writer: &mut Writer<'_>, name: &str, fields: &Fields) -> Table {
    let resource_type = text(fields, "resource_type");
    if resource_type != crate::kinds::restore_test::EC2 {
        writer.unsaid.push(format!("the selection `{name}` is of `{resource_type}`: the file has EC2 alone"));
    }
    let mut matching = Rows::default();
    for tags in ["all", "not_equals"] {
        matching.table(tags, by_key(fields.get(tags)));
    }
    let matching = matching.texts(fields, "arns").done();
    let mut rows = Rows::default();
    rows.value("role", Some(writer.named(KindId::Role, text(fields, "role")))).text(fields, "validation_window");
    // A normal form has the hash of the overrides alone: whoever knows them puts them here.
    rows.value("match", Some(matching)).done()
}
