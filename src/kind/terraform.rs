//! What a resource is to Terraform's AWS provider: its types, arguments and references, so that tools which read
//! Terraform's plans read those of vssctl too.
//!
//! Types and arguments are those of the provider `hashicorp/aws` 5.100. What it has no argument for is left out.

use serde_json::{Map, Value};

use super::Fields;
use crate::model::duration::{days, minutes};
use crate::model::{Address, Scope};

/// One side of a resource: as it is live, or as it is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// Which resource.
    pub address: &'a Address,
    /// Its AWS name.
    pub name: &'a str,
    /// Its fields in normal form.
    pub fields: &'a Fields,
    /// What steers vssctl and lives on no AWS object.
    pub options: &'a Fields,
    /// The account and region.
    pub scope: &'a Scope,
}

impl Side<'_> {
    /// Returns a field; null where it has none.
    pub fn field(&self, name: &str) -> Value {
        self.fields.get(name).cloned().unwrap_or_default()
    }

    /// Returns the key of the resource among those of its type, such as `daily.windows`.
    pub fn key(&self) -> String {
        if self.address.key().is_empty() { self.address.to_string() } else { self.address.key().to_owned() }
    }

    /// Returns the key of a part of the resource that Terraform has as a resource of its own: `app/ReadAll`.
    pub fn part(&self, name: &str) -> String {
        format!("{}/{name}", self.key())
    }

    /// Returns a policy document as Terraform has it: JSON in a string; null where there is none.
    pub fn document(&self, name: &str) -> Value {
        match self.field(name) {
            Value::Null => Value::Null,
            document => Value::from(document.to_string()),
        }
    }

    /// Returns the path of a resource of IAM; AWS's default is `/`.
    pub fn path(&self) -> String {
        self.field("path").as_str().unwrap_or("/").to_owned()
    }
}

/// An argument that names another resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TerraformReference {
    /// The argument, such as `role`.
    pub argument: &'static str,
    /// The type of the other one, such as `aws_iam_role`.
    pub resource_type: &'static str,
    /// What of the other one the argument holds, such as `name`.
    pub attribute: &'static str,
}

/// One resource as Terraform's AWS provider has it.
#[derive(Clone, Debug, PartialEq)]
pub struct TerraformResource {
    /// Such as `aws_iam_role`.
    pub resource_type: &'static str,
    /// What tells it from others of its type, such as `app` or `app/ReadAll`.
    pub key: String,
    /// The arguments and attributes that are known.
    pub values: Map<String, Value>,
    /// The arguments that name other resources.
    pub references: Vec<TerraformReference>,
}

impl TerraformResource {
    /// Makes a resource without arguments.
    pub fn new(resource_type: &'static str, key: impl Into<String>) -> Self {
        Self { resource_type, key: key.into(), values: Map::new(), references: Vec::new() }
    }

    /// Adds an argument; null and nothing are left out, as Terraform takes both for absent.
    #[must_use]
    pub fn with(mut self, argument: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let says_nothing = match &value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(members) => members.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        };
        if !says_nothing {
            self.values.insert(argument.to_owned(), value);
        }
        self
    }

    /// Adds an argument that names another resource.
    #[must_use]
    pub fn refers(
        mut self,
        argument: &'static str,
        value: impl Into<Value>,
        resource_type: &'static str,
        attribute: &'static str,
    ) -> Self {
        self = self.with(argument, value);
        self.references.push(TerraformReference { argument, resource_type, attribute });
        self
    }
}

/// Returns a length of time such as `7d` as a number of days; null where it is none.
pub fn in_days(value: &Value) -> Value {
    value.as_str().and_then(|text| days::parse(text).ok()).map_or(Value::Null, Value::from)
}

/// Returns a length of time such as `8h` as a number of minutes; null where it is none.
pub fn in_minutes(value: &Value) -> Value {
    value.as_str().and_then(|text| minutes::parse(text).ok()).map_or(Value::Null, Value::from)
}
