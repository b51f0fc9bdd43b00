//! Key Management Service: the keys of volumes, and who may use them. It only reads, on the SDK's own runtime.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::error::metadata::Builder;
use serde_json::Value;

use super::runtime::{self, Body, Protocol, Service};

/// A KMS key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// The ARN.
    pub arn: String,
    /// `Enabled`, `Disabled`, `PendingDeletion`, ...
    pub state: String,
    /// Whether the customer manages it; otherwise AWS does.
    pub is_customers: bool,
}

/// A client of KMS.
pub(super) type Client = runtime::Client<Json>;

/// The protocol JSON 1.1 of KMS.
#[derive(Clone, Debug)]
pub(super) struct Json;

impl Protocol for Json {
    const SERVICE: Service = Service { name: "kms", id: "KMS" };
    type Input = Value;
    type Output = Value;

    fn write(operation: &str, input: &Value) -> Body {
        Body {
            content_type: "application/x-amz-json-1.1",
            target: Some(format!("TrentService.{operation}")),
            text: input.to_string(),
        }
    }

    fn parse(body: &[u8]) -> Result<Value, BoxError> {
        Ok(serde_json::from_slice(body)?)
    }

    fn refusal(answer: &Value, mut meta: Builder) -> Builder {
        let text = |names: [&str; 2]| names.into_iter().find_map(|name| answer[name].as_str());
        if let Some(code) = text(["__type", "code"]) {
            meta = meta.code(code.rsplit('#').next().unwrap_or(code));
        }
        if let Some(message) = text(["message", "Message"]) {
            meta = meta.message(message);
        }
        meta
    }
}
