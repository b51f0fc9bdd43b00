//! What the SDK's types have no name for: it is heard in the JSON of an answer, and added to the JSON of a request.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use serde_json::Value;

use crate::model::unmodelled::complete;

/// An answer as the SDK reads it, with the JSON that it was.
#[derive(Clone, Debug)]
pub struct Answered<T> {
    answer: T,
    /// The JSON of the same object; null where the answer was none.
    pub heard: Value,
}

impl<T> Answered<T> {
    pub(super) fn new(answer: T, heard: Value) -> Self {
        Self { answer, heard }
    }
}

impl<T> Deref for Answered<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.answer
    }
}

/// Keeps the JSON of the answer to one call.
#[derive(Clone, Debug, Default)]
pub(super) struct Hearing(Arc<Mutex<Value>>);

impl Hearing {
    /// Returns the member of the answer, or null.
    pub(super) fn member(&self, name: &str) -> Value {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(name).map(Value::take).unwrap_or_default()
    }

    /// Returns the whole answer, or null.
    pub(super) fn whole(&self) -> Value {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[dyn_dispatch_hint]
impl Intercept for Hearing {
    fn name(&self) -> &'static str {
        "vssctl::hearing"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // What is no JSON is for the gate and the SDK to judge.
        let body = context.response().body().bytes().unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = serde_json::from_slice(body).unwrap_or_default();
        Ok(())
    }
}

/// Adds to a request's JSON what it is to have and its types have no name for.
#[derive(Clone, Debug)]
pub(crate) struct Completing(Value);

impl Completing {
    /// `whole` has members as the request's body has them.
    pub(crate) fn new(whole: Value) -> Self {
        Self(whole)
    }
}

#[dyn_dispatch_hint]
impl Intercept for Completing {
    fn name(&self) -> &'static str {
        "vssctl::completing"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let built = request.body().bytes().ok_or("the request is not in memory")?;
        let mut body: Value = serde_json::from_slice(built)?;
        let before = body.clone();
        complete(&mut body, &self.0);
        if body != before {
            let text = serde_json::to_vec(&body)?;
            request.headers_mut().insert("content-length", text.len().to_string());
            *request.body_mut() = SdkBody::from(text);
        }
        Ok(())
    }
}
