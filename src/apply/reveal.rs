//! Puts the values that nobody is shown into the requests that need them, right before those are sent.

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::Perform;
use crate::aws::AwsError;
use crate::kind::Look;
use crate::model::{Hidden, KindId, Operation, PlannedCall};

/// Makes calls with the hidden values in them.
#[derive(Debug)]
pub struct Revealing<'a, P> {
    /// Makes them.
    pub inner: &'a P,
    /// The values.
    pub hidden: &'a Hidden,
}

impl<P: Perform> Revealing<'_, P> {
    fn reveal(&self, call: &PlannedCall) -> Result<PlannedCall, AwsError> {
        let operation = call.operation;
        let unknown = |hash: String| {
            let message = format!("no file has the hidden value {hash}: nothing was sent");
            AwsError::rejected(operation.service(), operation.name(), message)
        };
        Ok(PlannedCall { operation, input: self.hidden.reveal(&call.input).map_err(unknown)? })
    }
}

impl<P: Perform> Perform for Revealing<'_, P> {
    fn perform<'a>(&'a self, kind: KindId, call: &'a PlannedCall) -> BoxFuture<'a, Result<Value, AwsError>> {
        Box::pin(async move { self.inner.perform(kind, &self.reveal(call)?).await })
    }

    fn look<'a>(&'a self, kind: KindId, call: &'a PlannedCall) -> BoxFuture<'a, Result<Look, AwsError>> {
        Box::pin(async move { self.inner.look(kind, &self.reveal(call)?).await })
    }

    fn ready(&self, operation: Operation) -> BoxFuture<'_, ()> {
        self.inner.ready(operation)
    }

    fn retried(&self) {
        self.inner.retried();
    }

    fn renew(&self) -> BoxFuture<'_, bool> {
        self.inner.renew()
    }
}
