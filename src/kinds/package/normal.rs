//! Packages in SSM's form and in normal form: parameters and targets.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::kind::value::pairs;
use crate::kinds::live_form::{LiveForm, set};

/// What AWS-ConfigureAWSPackage does where `installationType` is absent.
const DEFAULT_INSTALLATION: &str = "Uninstall and reinstall";

/// The fields that are parameters of the document.
pub(super) const PARAMETERS: [(&str, &str); 5] = [
    ("package_name", "name"),
    ("action", "action"),
    ("installation_type", "installationType"),
    ("version", "version"),
    ("additional_arguments", "additionalArguments"),
];

/// SSM's parameters and targets of a live resource, in AWS's JSON form.
pub(super) fn parameters_to_json<'a>(parameters: impl IntoIterator<Item = (&'a String, &'a Vec<String>)>) -> Value {
    json!(parameters.into_iter().collect::<BTreeMap<_, _>>())
}

/// Writes the parameters of a live resource into a normal form.
pub(super) fn read_parameters(form: &mut LiveForm, parameters: &Value) {
    let first = |name: &str| parameters[name][0].as_str();
    form.text("package_name", first("name"))
        .text("action", first("action"))
        .text(
            "installation_type",
            Some(first("installationType").filter(|text| !text.is_empty()).unwrap_or(DEFAULT_INSTALLATION)),
        )
        .text("version", first("version"))
        .text("additional_arguments", first("additionalArguments").map(canonical_arguments));
}

/// Writes the targets of a live resource into a normal form.
pub(super) fn read_targets(form: &mut LiveForm, targets: impl IntoIterator<Item = (String, Vec<String>)>) {
    form.value("targets", targets.into_iter().map(|(key, values)| (key, set(values))).collect::<Map<_, _>>());
}

/// Sorts the keys of a JSON object; `{}` means that there are none.
fn canonical_arguments(text: &str) -> String {
    match serde_json::from_str::<BTreeMap<String, Value>>(text) {
        Ok(arguments) if arguments.is_empty() => String::new(),
        Ok(arguments) => json!(arguments).to_string(),
        Err(_) => text.to_owned(),
    }
}

/// Lays fields over the parameters that are carried along; an empty field takes its parameter away.
pub(super) fn write_parameters<'a>(carried: &Value, field: impl Fn(&str) -> &'a Value) -> Value {
    let mut parameters = carried.as_object().cloned().unwrap_or_default();
    for (name, parameter) in PARAMETERS {
        match field(name).as_str().filter(|text| !text.is_empty()) {
            Some(text) => parameters.insert(parameter.to_owned(), json!([text])),
            None => parameters.shift_remove(parameter),
        };
    }
    parameters.into()
}

/// Writes targets as SSM takes them.
pub(super) fn write_targets(targets: &Value) -> Value {
    pairs(targets).map(|(key, values)| json!({ "Key": key, "Values": values })).collect()
}
