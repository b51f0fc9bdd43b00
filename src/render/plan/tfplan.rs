//! A plan in the shape of Terraform's JSON plan, for checkov, conftest and tf-summarize.
//!
//! Types, arguments and actions are Terraform's own. What the AWS provider has no type for is named in `x-vssctl`.
//! Shape: <https://developer.hashicorp.com/terraform/internals/json-format>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::kind::Fields;
use crate::kind::overlay::{overlaid, present};
use crate::kind::terraform::{Side, TerraformResource};
use crate::kinds;
use crate::model::{Action, Address, Cause};
use crate::plan::file::{SavedChange, SavedEntry, SavedPlan};
use crate::plan::fingerprint::{Observed, Standing};

/// The version of Terraform's form; readers refuse others (terraform-json takes `>=0.1,<2.0`).
const FORMAT_VERSION: &str = "1.2";
/// The Terraform that the form is that of. Checkov reads no resource of a plan without it, and says nothing.
const TERRAFORM_VERSION: &str = "1.11.4";
const PROVIDER: &str = "registry.terraform.io/hashicorp/aws";

/// One resource of Terraform with both of its sides.
struct Sides {
    resource_type: &'static str,
    key: String,
    before: Option<TerraformResource>,
    after: Option<TerraformResource>,
    actions: &'static [&'static str],
    reason: Option<&'static str>,
    importing: Option<String>,
    previous_address: Option<String>,
}

/// Renders a plan.
pub fn plan(saved: &SavedPlan) -> Value {
    let sides: Vec<Sides> = saved.changes.iter().flat_map(|change| sides(saved, change)).collect();
    let plan = saved.plan();
    let stands = |action: Action| -> Vec<&Address> {
        saved.changes.iter().filter(|change| change.action == action).map(|change| &change.address).collect()
    };
    let unmapped: Vec<&Address> = saved
        .changes
        .iter()
        .filter(|change| is_decided(change.action) && self::sides(saved, change).is_empty())
        .map(|change| &change.address)
        .collect();
    let is_whole = plan.verdict() == crate::plan::Verdict::Clean;
    json!({
        "format_version": FORMAT_VERSION,
        "terraform_version": TERRAFORM_VERSION,
        "planned_values": { "root_module": { "resources": planned(&sides) } },
        "resource_changes": sides.iter().map(change).collect::<Vec<Value>>(),
        "configuration": configuration(saved, &sides),
        "resource_drift": drift(saved),
        "applyable": is_whole && !plan.is_empty(),
        "complete": is_whole && saved.options.targets.is_empty(),
        "errored": !is_whole,
        "x-vssctl": {
            "tool": saved.tool,
            "stack": saved.scope.stack,
            "account_id": saved.scope.account_id,
            "region": saved.scope.region,
            "digest": saved.digest,
            "unmapped": unmapped,
            "refused": stands(Action::Refused),
            "unread": stands(Action::Unknown),
            "orphans": saved.orphans.iter().map(|orphan| &orphan.address).collect::<Vec<_>>(),
            "hazards": plan.steps.iter().flat_map(|step| {
                step.hazards.iter().map(|note| json!({
                    "address": step.address, "hazard": note.hazard, "why": note.why,
                }))
            }).collect::<Vec<Value>>(),
        },
    })
}

/// Returns what differs in AWS from the base of the file: Terraform shows such a resource going from what it knew to
/// what is live, which is the other way round.
fn drift(saved: &SavedPlan) -> Vec<Value> {
    let drifted = saved.changes.iter().filter(|change| change.cause.is_some_and(Cause::is_drift));
    let turned = drifted
        .flat_map(|it| sides(saved, it))
        .filter(|side| side.after.is_some() && side.actions != ["no-op"])
        .map(|mut side| {
            std::mem::swap(&mut side.before, &mut side.after);
            side.actions = if side.after.is_some() { &["update"] } else { &["delete"] };
            (side.reason, side.importing, side.previous_address) = (None, None, None);
            change(&side)
        });
    turned.collect()
}

/// Tells whether what becomes of a resource is known.
fn is_decided(action: Action) -> bool {
    match action {
        Action::NoOp | Action::Create | Action::Adopt | Action::Update | Action::Replace | Action::Delete => true,
        Action::Unknown | Action::Refused => false,
    }
}

/// Returns Terraform's resources of one change. What could not be read has none: its sides are not known. What is
/// refused stays as it is, of which the plan does not tell the fields.
fn sides(saved: &SavedPlan, change: &SavedChange) -> Vec<Sides> {
    if !is_decided(change.action) {
        return Vec::new();
    }
    let kind = kinds::of(change.address.kind());
    let entry = saved.desired.iter().find(|entry| entry.address == change.address);
    let seen = saved.objects.iter().find(|seen| seen.address == change.address);
    let live = seen.and_then(|seen| seen.state.as_ref());
    let is_live = change.action != Action::Create;
    let none = Map::new();
    let options = entry.map_or(&none, |entry| &entry.options);
    let live_fields = match live.and_then(|state| state.get("fields")).and_then(Value::as_object) {
        Some(fields) => fields.clone(),
        // The plan tells only of what it touches: the rest is as its entry says.
        None => entry.map(|entry| entry.fields.clone()).unwrap_or_default(),
    };
    let side = |fields: &Fields| {
        let side = Side { address: &change.address, name: &change.name, fields, options, scope: &saved.scope };
        let mut resources = kind.terraform(&side);
        complete(saved, &change.address, &mut resources);
        resources
    };
    let before = if is_live { side(&live_fields) } else { Vec::new() };
    let after = match (change.action, entry) {
        (Action::Delete, _) | (_, None) => Vec::new(),
        (Action::NoOp, Some(_)) => before.clone(),
        (Action::Create, Some(entry)) => side(&present(&entry.fields)),
        (_, Some(entry)) => side(&overlaid(kind.fields(), &live_fields, &entry.fields, &entry.options)),
    };
    paired(change, seen, &before, &after, entry)
}

/// Fills in what only the whole plan tells: the id of the plan that a selection belongs to.
fn complete(saved: &SavedPlan, address: &Address, resources: &mut [TerraformResource]) {
    for resource in resources.iter_mut().filter(|resource| resource.resource_type == "aws_backup_selection") {
        let Some(parent) = address.parent_key() else { continue };
        let of_parent = |seen: &&Observed| seen.address.key() == parent && seen.standing == Standing::Entry;
        let plan =
            saved.objects.iter().filter(|seen| seen.address.kind() == crate::model::KindId::Plan).find(of_parent);
        if let Some(plan) = plan.filter(|plan| !plan.id.is_empty()) {
            resource.values.insert("plan_id".to_owned(), Value::from(plan.id.as_str()));
        }
    }
}

/// Puts the two sides of each of Terraform's resources together.
fn paired(
    change: &SavedChange,
    seen: Option<&Observed>,
    before: &[TerraformResource],
    after: &[TerraformResource],
    entry: Option<&SavedEntry>,
) -> Vec<Sides> {
    let main = before.first().or(after.first()).map(|main| main.resource_type);
    let mut order: Vec<(&'static str, String)> = Vec::new();
    for resource in before.iter().chain(after) {
        let name = (resource.resource_type, resource.key.clone());
        if !order.contains(&name) {
            order.push(name);
        }
    }
    let of = |side: &[TerraformResource], name: &(&'static str, String)| {
        side.iter().find(|one| (one.resource_type, &one.key) == (name.0, &name.1)).cloned()
    };
    let creates_first = kinds::of(change.address.kind()).replaces_create_first();
    let mut sides: Vec<Sides> = order
        .into_iter()
        .map(|name| {
            let (before, after) = (of(before, &name), of(after, &name));
            let values = |side: &Option<TerraformResource>| side.as_ref().map(|side| side.values.clone());
            let actions: &[&str] = match (values(&before), values(&after)) {
                (None, _) => &["create"],
                (Some(_), None) => &["delete"],
                (Some(_), Some(_)) if change.action == Action::Replace && creates_first => &["create", "delete"],
                (Some(_), Some(_)) if change.action == Action::Replace => &["delete", "create"],
                (Some(before), Some(after)) if before == after => &["no-op"],
                (Some(_), Some(_)) => &["update"],
            };
            let reason = match actions {
                ["delete"] => Some("delete_because_no_resource_config"),
                ["create", "delete"] | ["delete", "create"] => Some("replace_because_cannot_update"),
                _ => None,
            };
            let is_main = main == Some(name.0);
            let id =
                seen.map(|seen| seen.id.clone()).filter(|id| !id.is_empty()).unwrap_or_else(|| change.name.clone());
            let renamed = entry.and_then(|entry| entry.renamed_from.as_ref()).filter(|_| is_main && before.is_some());
            Sides {
                previous_address: renamed.map(|old| indexed(name.0, old.key())),
                importing: (is_main && change.action == Action::Adopt).then_some(id),
                resource_type: name.0,
                key: name.1,
                before,
                after,
                actions,
                reason,
            }
        })
        .collect();
    // What differs may be what Terraform has no argument for: the resource changes all the same.
    let is_changed = matches!(change.action, Action::Update | Action::Adopt);
    if is_changed
        && sides.iter().all(|side| side.actions == ["no-op"])
        && let Some(main) = sides.first_mut()
    {
        main.actions = &["update"];
    }
    sides
}

/// Writes an address with an index, which may hold any character.
fn indexed(resource_type: &str, key: &str) -> String {
    format!("{resource_type}.this[{}]", Value::from(key))
}

fn head(side: &Sides) -> Map<String, Value> {
    let members = json!({
        "address": indexed(side.resource_type, &side.key),
        "mode": "managed",
        "type": side.resource_type,
        "name": "this",
        "index": side.key,
        "provider_name": PROVIDER,
    });
    members.as_object().cloned().unwrap_or_default()
}

/// Returns the resources that there will be: what goes is not among them.
fn planned(sides: &[Sides]) -> Vec<Value> {
    let resources = sides.iter().filter_map(|side| {
        let after = side.after.as_ref()?;
        let mut resource = head(side);
        resource.insert("schema_version".to_owned(), json!(schema_version(side.resource_type)));
        resource.insert("values".to_owned(), Value::from(after.values.clone()));
        resource.insert("sensitive_values".to_owned(), json!({}));
        Some(Value::from(resource))
    });
    resources.collect()
}

/// Returns the version of the provider's schema of a type, as its plans have it.
fn schema_version(resource_type: &str) -> u32 {
    u32::from(matches!(resource_type, "aws_backup_plan" | "aws_ssm_association"))
}

fn change(side: &Sides) -> Value {
    let values = |of: &Option<TerraformResource>| of.as_ref().map(|of| of.values.clone());
    let is_new = side.actions.contains(&"create");
    let mut unknown = Map::new();
    if is_new {
        unknown.insert("id".to_owned(), json!(true));
        let known = side.after.as_ref().map(|after| after.values.clone()).unwrap_or_default();
        let ids = side.after.iter().flat_map(|after| &after.references).filter(|it| !known.contains_key(it.argument));
        unknown.extend(ids.map(|reference| (reference.argument.to_owned(), json!(true))));
    }
    let mut change = json!({
        "actions": side.actions,
        "before": values(&side.before),
        "after": values(&side.after),
        "after_unknown": unknown,
        "before_sensitive": if side.before.is_some() { json!({}) } else { json!(false) },
        "after_sensitive": if side.after.is_some() { json!({}) } else { json!(false) },
    });
    if let Some(id) = &side.importing {
        change["importing"] = json!({ "id": id });
    }
    let mut resource = head(side);
    resource.insert("change".to_owned(), change);
    if let Some(reason) = side.reason {
        resource.insert("action_reason".to_owned(), json!(reason));
    }
    if let Some(previous) = &side.previous_address {
        resource.insert("previous_address".to_owned(), json!(previous));
    }
    Value::from(resource)
}

/// Returns the configuration that such a plan would come from: each type once, with its references. Checkers draw their
/// graph by them.
fn configuration(saved: &SavedPlan, sides: &[Sides]) -> Value {
    let mut types: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    let there: BTreeSet<&str> =
        sides.iter().filter(|side| side.after.is_some()).map(|side| side.resource_type).collect();
    for side in sides.iter().filter(|side| side.after.is_some()) {
        let references = types.entry(side.resource_type).or_default();
        for reference in side.after.iter().flat_map(|after| &after.references) {
            if there.contains(reference.resource_type) {
                references
                    .insert(reference.argument, format!("{}.this.{}", reference.resource_type, reference.attribute));
            }
        }
    }
    let resources: Vec<Value> = types
        .into_iter()
        .map(|(resource_type, references)| {
            let expressions: Map<String, Value> = references
                .into_iter()
                .map(|(argument, to)| {
                    let whole = to.rsplit_once('.').map(|(whole, _)| whole.to_owned());
                    let expression = json!({ "references": [Some(to), whole] });
                    // The vault of a plan stands within a block, and a block is a list.
                    let nested = argument == "rule";
                    let value = if nested { json!([{ "target_vault_name": expression }]) } else { expression };
                    (argument.to_owned(), value)
                })
                .collect();
            json!({
                "address": format!("{resource_type}.this"),
                "mode": "managed",
                "type": resource_type,
                "name": "this",
                "provider_config_key": "aws",
                "expressions": expressions,
                "schema_version": schema_version(resource_type),
                "for_each_expression": {},
            })
        })
        .collect();
    json!({
        "provider_config": { "aws": {
            "name": "aws",
            "full_name": PROVIDER,
            "expressions": { "region": { "constant_value": saved.scope.region } },
        } },
        "root_module": { "resources": resources },
    })
}
