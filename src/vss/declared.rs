//! What the file declares, as far as the proofs look at it: the selections of its plans with VSS, and its packages.

use std::collections::BTreeSet;

use serde_json::Value;

use super::evidence::{Conditions, Plan, Selection};
use crate::kind::Desired;
use crate::model::KindId;

/// A selection that the file declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// Its address, such as `selection.daily.windows`.
    pub address: String,
    /// The AWS name of its plan.
    pub plan: String,
    /// What it selects.
    pub selection: Selection,
    /// The file makes its role as well.
    pub makes_role: bool,
}

/// What the file declares, as far as an examination looks at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// The selections of plans with VSS.
    pub selections: Vec<Declared>,
    /// The packages that are installed on targets.
    pub packages: Vec<DeclaredPackage>,
    /// The AWS names of the roles that the file makes.
    pub roles: BTreeSet<String>,
    /// The names of the instance profiles that it makes.
    pub profiles: BTreeSet<String>,
    /// The names of the vaults that it makes.
    pub vaults: BTreeSet<String>,
}

/// A package of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredPackage {
    /// Its address, such as `package.AwsVssComponents`.
    pub address: String,
    /// Its name in Distributor.
    pub name: String,
    /// Its targets, as SSM has them.
    pub targets: Value,
    /// The version that instances have at least.
    pub minimum: Option<String>,
}

fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty())
}

impl File {
    /// Takes from the file's entries what an examination looks at.
    pub fn of(desired: &[Desired]) -> Self {
        let of_kind = |kind: KindId| desired.iter().filter(move |entry| entry.address.kind() == kind);
        let packages = of_kind(KindId::Package).filter(|entry| {
            // What is removed from a server may be removed from any.
            text(entry.fields.get("action")).is_none_or(|action| action.eq_ignore_ascii_case("install"))
        });
        Self {
            selections: declared(desired),
            packages: packages
                .map(|entry| DeclaredPackage {
                    address: entry.address.to_string(),
                    name: text(entry.fields.get("package_name")).unwrap_or(&entry.name).to_owned(),
                    targets: entry.fields.get("targets").cloned().unwrap_or_default(),
                    minimum: text(entry.options.get("minimum_version")).map(str::to_owned),
                })
                .collect(),
            roles: of_kind(KindId::Role).map(|entry| entry.name.clone()).collect(),
            profiles: of_kind(KindId::InstanceProfile).map(|entry| entry.name.clone()).collect(),
            vaults: of_kind(KindId::Vault).map(|entry| entry.name.clone()).collect(),
        }
    }

    /// Tells whether it declares a selection of a plan.
    pub fn selects_for(&self, plan: &Plan) -> bool {
        self.selections.iter().any(|declared| declared.plan == plan.name)
    }
}

/// Returns the selections of the file's plans with VSS, in the form in which AWS has them.
pub fn declared(desired: &[Desired]) -> Vec<Declared> {
    let plan_of = |selection: &Desired| {
        desired.iter().filter(|plan| plan.address.kind() == KindId::Plan).find(|plan| {
            Some(plan.address.key()) == selection.address.parent_key()
                && plan.fields.get("windows_vss").and_then(Value::as_bool) == Some(true)
        })
    };
    desired
        .iter()
        .filter(|entry| entry.address.kind() == KindId::Selection)
        .filter_map(|entry| {
            let plan = plan_of(entry)?.name.clone();
            let selection = selection(entry);
            let makes_role = is_role(desired, &selection.role_arn);
            Some(Declared { address: entry.address.to_string(), plan, selection, makes_role })
        })
        .collect()
}

/// Tells whether the file makes a role, whose name is taken once in an account.
fn is_role(desired: &[Desired], arn: &str) -> bool {
    let name = arn.rsplit('/').next().unwrap_or(arn);
    desired.iter().any(|entry| entry.address.kind() == KindId::Role && entry.name == name)
}

fn selection(entry: &Desired) -> Selection {
    let texts = |field: &str| -> Vec<String> {
        let list = entry.fields.get(field).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let pairs = |field: &str| -> Vec<(String, String)> {
        let pairs = texts(field);
        pairs
            .iter()
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    };
    Selection {
        id: String::new(),
        name: entry.name.clone(),
        created: None,
        role_arn: entry.fields.get("role").and_then(Value::as_str).unwrap_or_default().to_owned(),
        resources: texts("arns"),
        not_resources: texts("not_arns"),
        list_of_tags: pairs("any"),
        conditions: Conditions {
            equals: pairs("all"),
            like: pairs("like"),
            not_equals: pairs("not_equals"),
            not_like: pairs("not_like"),
        },
    }
}
