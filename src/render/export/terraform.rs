//! Configuration of Terraform, with an `import` block for each resource. Types and arguments are those of the provider
//! `hashicorp/aws` 5.100, by each kind's own words for them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::Exported;
use super::hcl::{Hcl, block, quoted};
use crate::config::entry::key_of;
use crate::config::export::{Account, Gap, Resource};
use crate::kind::Fields;
use crate::kind::terraform::{Side, TerraformResource};
use crate::kinds;
use crate::kinds::package::PackageCarried;
use crate::kinds::plan::PlanCarried;
use crate::model::marks::PREFIX;
use crate::model::safe::escaped;
use crate::model::{Address, KindId};

/// The arguments that are blocks of their own.
const BLOCKS: [&str; 13] = [
    "advanced_backup_setting",
    "condition",
    "copy_action",
    "lifecycle",
    "output_location",
    "protected_resource_conditions",
    "recovery_point_selection",
    "rule",
    "selection_tag",
    "string_equals",
    "string_like",
    "string_not_equals",
    "string_not_like",
];

/// Returns the arguments that name another resource: its type, and what of it they hold.
fn references() -> [(&'static str, &'static str, &'static str); 11] {
    [
        ("backup_vault_name", "aws_backup_vault", "name"),
        ("destination_vault_arn", "aws_backup_vault", "arn"),
        ("exclude_vaults", "aws_backup_vault", "arn"),
        ("iam_role_arn", "aws_iam_role", "arn"),
        ("include_vaults", "aws_backup_vault", "arn"),
        ("permissions_boundary", "aws_iam_policy", "arn"),
        ("plan_id", "aws_backup_plan", "id"),
        ("policy_arn", "aws_iam_policy", "arn"),
        ("restore_testing_plan_name", "aws_backup_restore_testing_plan", "name"),
        (KindId::Role.name(), "aws_iam_role", "name"),
        ("target_vault_name", "aws_backup_vault", "name"),
    ]
}

/// One resource of Terraform.
struct Placed {
    resource: TerraformResource,
    /// Its name in the configuration.
    name: String,
    /// What an import names it by.
    import: String,
    /// Its ARN, where others name it by that.
    arn: String,
}

/// Writes the configuration of what was read. `addresses` are those of the resources in a file of vssctl's own.
pub fn configuration(account: &Account, addresses: &[Address]) -> Exported {
    let mut names = Names::default();
    let (mut placed, mut gaps) = (Vec::new(), Vec::new());
    for (resource, address) in account.resources.iter().zip(addresses) {
        let parts = parts(account, resource, address);
        gaps.extend(self::gaps(resource, address, parts.is_empty()));
        for part in parts {
            let name = names.give(part.resource_type, &part.key);
            let import = import(account, resource, &part);
            let is_whole = resource.live.name == part.values.get("name").and_then(Value::as_str).unwrap_or_default();
            let arn = resource.live.ids.get("Arn").filter(|_| is_whole).cloned().unwrap_or_default();
            placed.push(Placed { resource: part, name, import, arn });
        }
    }
    let known = known(&placed);
    let mut text = head(account, &gaps);
    for one in &placed {
        let to = format!("{}.{}", one.resource.resource_type, one.name);
        let rows =
            [("to".to_owned(), Hcl::Reference(to)), ("id".to_owned(), Hcl::Literal(Value::from(one.import.as_str())))];
        let _ = write!(text, "\n{}", block("import", &rows));
        let head = format!("resource {} {}", quoted(one.resource.resource_type), quoted(&one.name));
        let _ = write!(text, "\n{}", block(&head, &arguments(&one.resource.values, &known, one)));
    }
    Exported { text, gaps, resources: placed.len() }
}

fn head(account: &Account, gaps: &[Gap]) -> String {
    let scope = &account.scope;
    let mut text = format!(
        "# Written by `vssctl export` from account {}, {}.\n\
         # `terraform plan` shows what it imports, and nothing to change.\n",
        escaped(&scope.account_id),
        escaped(&scope.region)
    );
    for gap in gaps {
        let _ = writeln!(text, "# `{}`: {}.", gap.address, gap.what);
    }
    let provider = Value::from("hashicorp/aws");
    let required = [(
        "required_providers".to_owned(),
        Hcl::Blocks(vec![vec![(
            "aws".to_owned(),
            Hcl::Literal(json!({ "source": provider, "version": ">= 5.100.0, < 6.0.0" })),
        )]]),
    )];
    let _ = write!(text, "\n{}", block("terraform", &required));
    let ignored = vec![("key_prefixes".to_owned(), Hcl::Literal(json!([PREFIX])))];
    let provider = [
        ("region".to_owned(), Hcl::Literal(Value::from(scope.region.as_str()))),
        ("ignore_tags".to_owned(), Hcl::Blocks(vec![ignored])),
    ];
    let _ = write!(text, "\n{}", block("provider \"aws\"", &provider));
    text
}

/// Returns Terraform's resources of one of ours, as AWS says it and without defaults filled in.
fn parts(account: &Account, resource: &Resource, address: &Address) -> Vec<TerraformResource> {
    let mut fields = resource.live.fields.clone();
    if let Some(tags) = fields.get_mut("tags").and_then(Value::as_object_mut) {
        tags.retain(|key, _| !key.starts_with(PREFIX));
    }
    let options = Fields::new();
    let side = Side { address, name: &resource.live.name, fields: &fields, options: &options, scope: &account.scope };
    let mut parts = kinds::of(resource.kind).terraform(&side);
    for part in &mut parts {
        part.values.shift_remove("arn");
        match part.resource_type {
            "aws_backup_plan" => as_it_is_of_plan(part, resource),
            "aws_ssm_association" => as_it_is_of_association(part, resource),
            "aws_backup_selection" => {
                part.values.insert("plan_id".to_owned(), resource.plan_id().unwrap_or_default().into());
            }
            "aws_backup_restore_testing_selection" => {
                let name = part.values["name"].as_str().unwrap_or_default();
                if let Some(overrides) = resource.overrides.get(name) {
                    part.values.insert("restore_metadata_overrides".to_owned(), json!(overrides));
                }
            }
            _ => {}
        }
    }
    parts
}

/// Puts a plan's rules and settings as AWS has them in the place of those of the normal form.
fn as_it_is_of_plan(part: &mut TerraformResource, resource: &Resource) {
    let Some(PlanCarried(plan)) = resource.live.carried.get::<PlanCarried>() else { return };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let settings: Vec<Value> = list(&plan["AdvancedBackupSettings"])
        .iter()
        .map(|setting| json!({ "resource_type": setting["ResourceType"], "backup_options": setting["BackupOptions"] }))
        .collect();
    part.values.shift_remove("advanced_backup_setting");
    if !settings.is_empty() {
        part.values.insert("advanced_backup_setting".to_owned(), settings.into());
    }
    let rules = part.values.get_mut("rule").and_then(Value::as_array_mut).into_iter().flatten();
    for rule in rules {
        let whole = list(&plan["Rules"]).into_iter().find(|whole| whole["RuleName"] == rule["rule_name"]);
        let Some((whole, rule)) = whole.zip(rule.as_object_mut()) else { continue };
        rule.insert("lifecycle".to_owned(), lifecycle(&whole["Lifecycle"]));
        let copies: Vec<Value> = list(&whole["CopyActions"])
            .iter()
            .map(|copy| {
                json!({
                    "destination_vault_arn": copy["DestinationBackupVaultArn"],
                    "lifecycle": lifecycle(&copy["Lifecycle"]),
                })
            })
            .collect();
        rule.insert("copy_action".to_owned(), copies.into());
        rule.retain(|name, value| name != "enable_continuous_backup" || *value == true);
    }
}

fn lifecycle(lifecycle: &Value) -> Value {
    let mut block = Map::new();
    for (argument, member) in [
        ("cold_storage_after", "MoveToColdStorageAfterDays"),
        ("delete_after", "DeleteAfterDays"),
        ("opt_in_to_archive_for_supported_resources", "OptInToArchiveForSupportedResources"),
    ] {
        let value = &lifecycle[member];
        // AWS writes "never" as -1.
        if !value.is_null() && value.as_i64() != Some(-1) {
            block.insert(argument.to_owned(), value.clone());
        }
    }
    if block.is_empty() { json!([]) } else { json!([block]) }
}

/// Puts what AWS says of an association in the place of the normal form, in which defaults are filled in.
fn as_it_is_of_association(part: &mut TerraformResource, resource: &Resource) {
    let whole = resource.live.carried.get::<PackageCarried>().map(|carried| carried.whole.clone()).unwrap_or_default();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for (argument, member) in [
        ("max_concurrency", "MaxConcurrency"),
        ("max_errors", "MaxErrors"),
        ("compliance_severity", "ComplianceSeverity"),
        ("sync_compliance", "SyncCompliance"),
        ("schedule_expression", "ScheduleExpression"),
        ("automation_target_parameter_name", "AutomationTargetParameterName"),
    ] {
        part.values.shift_remove(argument);
        if let Some(value) = whole.get(member).filter(|value| !value.is_null()) {
            part.values.insert(argument.to_owned(), value.clone());
        }
    }
    let first = |values: &Value| values[0].as_str().unwrap_or_default().to_owned();
    let parameters = whole["Parameters"].as_object().into_iter().flatten();
    let parameters: Map<String, Value> =
        parameters.map(|(name, values)| (name.clone(), first(values).into())).collect();
    part.values.insert("parameters".to_owned(), parameters.into());
    let targets: Vec<Value> = list(&whole["Targets"])
        .iter()
        .map(|target| json!({ "key": target["Key"], "values": target["Values"] }))
        .collect();
    part.values.insert("targets".to_owned(), targets.into());
    if resource.live.name.is_empty() {
        part.values.shift_remove("association_name");
    }
}

/// Says what Terraform's provider has no words for.
fn gaps(resource: &Resource, address: &Address, is_unmapped: bool) -> Vec<Gap> {
    let gap = |what: String| Gap { address: address.clone(), what: escaped(&what), is_out: is_unmapped };
    if is_unmapped {
        return vec![gap("hashicorp/aws 5.100 has no type for it".to_owned())];
    }
    let mut found: Vec<String> = Vec::new();
    let fields = &resource.live.fields;
    if resource.kind == KindId::Package {
        let lacking = ["schedule_offset", "duration", "association_dispatch_assume_role", "calendar_names"];
        found.extend(lacking.into_iter().filter(|name| fields.contains_key(*name)).map(|name| format!("`{name}`")));
    }
    for (name, rule) in fields.get("rule").and_then(Value::as_object).into_iter().flatten() {
        let lacking = "target_logically_air_gapped_backup_vault_arn";
        found.extend(rule.get(lacking).map(|_| format!("`{lacking}` of the rule `{name}`")));
    }
    found.extend(kinds::of(resource.kind).unsaid(&resource.live).into_iter().filter(|what| {
        // These have an argument of the provider's.
        !what.starts_with("`AdvancedBackupSettings`")
            && !what.ends_with(" of `EC2`")
            && !what.starts_with("the parameter")
    }));
    found.into_iter().map(|what| gap(format!("hashicorp/aws 5.100 has no argument for {what}"))).collect()
}

/// Returns what an import names a resource by, as the provider's documentation says.
fn import(account: &Account, resource: &Resource, part: &TerraformResource) -> String {
    let text = |name: &str| part.values.get(name).and_then(Value::as_str).unwrap_or_default();
    let name = resource.live.name.as_str();
    match part.resource_type {
        "aws_iam_policy" => resource.live.ids.get("Arn").cloned().unwrap_or_default(),
        "aws_iam_role_policy_attachment" => format!("{name}/{}", text("policy_arn")),
        "aws_iam_role_policy" => format!("{name}:{}", text("name")),
        "aws_backup_selection" => format!("{}|{}", text("plan_id"), resource.id),
        "aws_backup_plan" | "aws_ssm_association" => resource.id.clone(),
        "aws_backup_region_settings" => account.scope.region.clone(),
        "aws_backup_restore_testing_selection" => format!("{}:{name}", text("name")),
        _ => name.to_owned(),
    }
}

/// The names of Terraform's resources, by type.
#[derive(Default)]
struct Names(BTreeSet<(&'static str, String)>);

impl Names {
    fn give(&mut self, resource_type: &'static str, key: &str) -> String {
        let plain = key_of(&without_arn(key));
        let plain = if plain.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') {
            plain
        } else {
            format!("_{plain}")
        };
        let mut names = std::iter::once(plain.clone()).chain((2..).map(|number| format!("{plain}-{number}")));
        names.find(|name| self.0.insert((resource_type, name.clone()))).expect("there is always another number")
    }
}

/// Takes the ARN of a managed policy out of a key: `app/arn:aws:iam::aws:policy/ReadAll` is `app/ReadAll`.
fn without_arn(key: &str) -> String {
    let Some((holder, arn)) = key.split_once("/arn:") else { return key.to_owned() };
    format!("{holder}/{}", arn.rsplit('/').next().unwrap_or(arn))
}

/// The names of resources by type, attribute and value.
type Known = BTreeMap<(&'static str, &'static str, String), String>;

fn known(placed: &[Placed]) -> Known {
    let mut known = Known::new();
    for one in placed {
        let of = one.resource.resource_type;
        let name = one.resource.values.get("name").and_then(Value::as_str).unwrap_or_default();
        known.entry((of, "name", name.to_owned())).or_insert_with(|| one.name.clone());
        known.entry((of, "id", one.import.clone())).or_insert_with(|| one.name.clone());
        known.entry((of, "arn", one.arn.clone())).or_insert_with(|| one.name.clone());
    }
    known
}

/// Writes arguments.
fn arguments(values: &Map<String, Value>, known: &Known, of: &Placed) -> Vec<(String, Hcl)> {
    let rows = values.iter().filter(|(_, value)| !value.is_null());
    rows.filter_map(|(name, value)| Some((name.clone(), argument(name, value, known, of)?))).collect()
}

fn argument(name: &str, value: &Value, known: &Known, of: &Placed) -> Option<Hcl> {
    let is_block = BLOCKS.contains(&name) || (name == "targets" && of.resource.resource_type == "aws_ssm_association");
    if is_block {
        let blocks: Vec<Vec<(String, Hcl)>> = value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .map(|inner| arguments(inner, known, of))
            .collect();
        return (!blocks.is_empty()).then_some(Hcl::Blocks(blocks));
    }
    if name.ends_with("policy")
        && let Some(document) = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok())
        && document.is_object()
    {
        return Some(Hcl::Json(document));
    }
    if let Some((_, other, attribute)) = references().iter().find(|(argument, _, _)| *argument == name) {
        let resolved = |value: &Value| {
            let text = value.as_str().unwrap_or_default();
            match known.get(&(*other, *attribute, text.to_owned())) {
                Some(found) if !text.is_empty() => Hcl::Reference(format!("{other}.{found}.{attribute}")),
                Some(_) | None => Hcl::Literal(value.clone()),
            }
        };
        return Some(match value {
            Value::Array(items) => Hcl::List(items.iter().map(resolved).collect()),
            other => resolved(other),
        });
    }
    Some(Hcl::Literal(value.clone()))
}
