//! AWS's own service models, cut down by `models/trim.py`: operations, shapes, constraints, routes, errors.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::sandbox::account::ApiError;

/// The services that the sandbox offers, by the name in a signature's scope.
pub(in crate::sandbox) const SERVICES: [&str; 7] = ["iam", "sts", "ssm", "backup", "ec2", "kms", "tagging"];

/// One service's model.
#[derive(Debug, Deserialize)]
pub(in crate::sandbox) struct Model {
    pub(in crate::sandbox) metadata: Metadata,
    pub(in crate::sandbox) operations: BTreeMap<String, Operation>,
    /// The operations that AWS has and the sandbox does not, where the path tells which one is meant.
    #[serde(default)]
    pub(in crate::sandbox) others: BTreeMap<String, Http>,
    shapes: BTreeMap<String, Shape>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct Metadata {
    pub(in crate::sandbox) api_version: String,
    pub(in crate::sandbox) protocol: Protocol,
    #[serde(default)]
    pub(in crate::sandbox) target_prefix: String,
    #[serde(default)]
    pub(in crate::sandbox) xml_namespace: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::sandbox) enum Protocol {
    Query,
    /// EC2's own dialect of the query protocol.
    Ec2,
    Json,
    RestJson,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct Operation {
    pub(in crate::sandbox) http: Http,
    pub(in crate::sandbox) input: Option<String>,
    pub(in crate::sandbox) output: Option<String>,
    pub(in crate::sandbox) result_wrapper: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct Http {
    pub(in crate::sandbox) method: String,
    pub(in crate::sandbox) request_uri: String,
    #[serde(default = "ok")]
    pub(in crate::sandbox) response_code: u16,
}

fn ok() -> u16 {
    200
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct Shape {
    #[serde(rename = "type")]
    pub(in crate::sandbox) sort: Sort,
    #[serde(default)]
    pub(in crate::sandbox) members: BTreeMap<String, Reference>,
    pub(in crate::sandbox) member: Option<Reference>,
    pub(in crate::sandbox) key: Option<Reference>,
    pub(in crate::sandbox) value: Option<Reference>,
    #[serde(default)]
    pub(in crate::sandbox) required: Vec<String>,
    #[serde(rename = "enum", default)]
    pub(in crate::sandbox) choices: Vec<String>,
    pub(in crate::sandbox) min: Option<f64>,
    pub(in crate::sandbox) max: Option<f64>,
    pub(in crate::sandbox) pattern: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::sandbox) enum Sort {
    Structure,
    List,
    Map,
    String,
    Integer,
    Long,
    Boolean,
    Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::sandbox) struct Reference {
    pub(in crate::sandbox) shape: String,
    pub(in crate::sandbox) location: Option<Location>,
    pub(in crate::sandbox) location_name: Option<String>,
    query_name: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::sandbox) enum Location {
    Uri,
    QueryString,
    Header,
}

impl Reference {
    /// Returns the name on the wire of a member that the model calls `name`.
    pub(in crate::sandbox) fn wire_name<'a>(&'a self, name: &'a str) -> &'a str {
        self.location_name.as_deref().unwrap_or(name)
    }

    /// Returns the name of a request's parameter in EC2's dialect, which begins with a capital letter.
    pub(in crate::sandbox) fn parameter_name(&self, name: &str) -> String {
        if let Some(name) = &self.query_name {
            return name.clone();
        }
        let mut letters = self.wire_name(name).chars();
        letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
    }
}

impl Model {
    /// Returns the model of a service by the name in a signature's scope.
    pub(in crate::sandbox) fn of(service: &str) -> Option<&'static Self> {
        static IAM: LazyLock<Model> = LazyLock::new(|| read(include_str!("models/iam.json")));
        static STS: LazyLock<Model> = LazyLock::new(|| read(include_str!("models/sts.json")));
        static SSM: LazyLock<Model> = LazyLock::new(|| read(include_str!("models/ssm.json")));
        static BACKUP: LazyLock<Model> = LazyLock::new(|| read(include_str!("models/backup.json")));
        static EC2: LazyLock<Model> = LazyLock::new(|| read(include_str!("models/ec2.json")));
        static KMS: LazyLock<Model> = LazyLock::new(|| read(include_str!("models/kms.json")));
        static TAGGING: LazyLock<Model> = LazyLock::new(|| read(include_str!("models/tagging.json")));
        match service {
            "iam" => Some(&IAM),
            "sts" => Some(&STS),
            "ssm" => Some(&SSM),
            "backup" => Some(&BACKUP),
            "ec2" => Some(&EC2),
            "kms" => Some(&KMS),
            "tagging" => Some(&TAGGING),
            _ => None,
        }
    }

    /// Returns a shape by name.
    pub(in crate::sandbox) fn shape(&self, name: &str) -> &Shape {
        &self.shapes[name]
    }

    /// Lists the patterns of all shapes.
    #[cfg(test)]
    pub(in crate::sandbox) fn patterns(&self) -> impl Iterator<Item = &String> {
        self.shapes.values().filter_map(|shape| shape.pattern.as_ref())
    }

    /// Makes the error of a request for an operation that does not exist.
    pub(in crate::sandbox) fn unknown_operation(&self, operation: &str) -> ApiError {
        // AWS's own words are nothing to go by: the operation may well exist there.
        let ours = format!("the sandbox does not offer {operation}; `vssctl sandbox operations` lists what it offers");
        match self.metadata.protocol {
            Protocol::Query => ApiError::new(
                400,
                "InvalidAction",
                format!("Could not find operation {operation} for version {}: {ours}", self.metadata.api_version),
            ),
            Protocol::Ec2 => ApiError::new(
                400,
                "InvalidAction",
                format!("The action {operation} is not valid for this web service: {ours}"),
            ),
            Protocol::Json => ApiError::new(400, "UnknownOperationException", ours),
            Protocol::RestJson => ApiError::new(404, "UnknownOperationException", ours),
        }
    }
}

fn read(text: &str) -> Model {
    serde_json::from_str(text).expect("the models are part of the program and a test reads each")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_model_can_be_read_and_names_only_shapes_that_it_has() {
        for service in SERVICES {
            let model = Model::of(service).unwrap();
            for operation in model.operations.values() {
                operation.input.iter().chain(&operation.output).for_each(|shape| {
                    model.shape(shape);
                });
            }
            for shape in model.shapes.values() {
                for reference in shape.members.values().chain(&shape.member).chain(&shape.key).chain(&shape.value) {
                    model.shape(&reference.shape);
                }
            }
        }
    }
}
