//! AWS's protocols: they turn requests into JSON inputs, and answers and errors into responses.

mod cbor;
mod decode;
mod encode;
mod json;
pub(super) mod model;
mod query;
mod rest;
mod scope;
pub(super) mod time;
pub(super) mod validate;

pub(super) use decode::{Call, decode};
pub(super) use encode::{encode, encode_error, encode_unscoped};
pub(super) use scope::{DEFAULT_ACCOUNT, Scope, scope};
