//! The protocol of EC2, for the client of `aws::runtime`.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::error::metadata::Builder;

use super::wire::{Element, Parameters};
use crate::aws::runtime::{self, Body, Protocol, Service};

/// A client of EC2.
pub(in crate::aws) type Client = runtime::Client<Query>;

/// EC2's query protocol.
#[derive(Clone, Debug)]
pub(in crate::aws) struct Query;

impl Protocol for Query {
    const SERVICE: Service = Service { name: "ec2", id: "EC2" };
    type Input = Parameters;
    type Output = Element;

    fn write(operation: &str, parameters: &Parameters) -> Body {
        Body { content_type: "application/x-www-form-urlencoded", target: None, text: parameters.form(operation) }
    }

    fn parse(body: &[u8]) -> Result<Element, BoxError> {
        Ok(Element::parse(body)?)
    }

    fn refusal(answer: &Element, mut meta: Builder) -> Builder {
        let (code, message, request_id) = answer.error();
        if let Some(id) = request_id {
            meta = meta.custom("aws_request_id", id);
        }
        if let Some(code) = code {
            meta = meta.code(code);
        }
        if let Some(message) = message {
            meta = meta.message(message);
        }
        meta
    }
}
