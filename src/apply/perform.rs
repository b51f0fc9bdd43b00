//! Who makes the calls of a plan: AWS, or a script of answers in tests.

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::aws::{AwsError, Writer};
use crate::kind::Look;
use crate::kinds;
use crate::model::{KindId, Operation, PlannedCall};

/// Makes one call. [`Writer`] does it for real.
pub trait Perform: Sync {
    /// Makes the call for something of `kind` and returns what of the answer later calls may need.
    fn perform<'a>(&'a self, kind: KindId, call: &'a PlannedCall) -> BoxFuture<'a, Result<Value, AwsError>>;

    /// Reads, freshly, whether what the call asks for is so.
    fn look<'a>(&'a self, _kind: KindId, _call: &'a PlannedCall) -> BoxFuture<'a, Result<Look, AwsError>> {
        Box::pin(std::future::ready(Ok(Look::Unclear)))
    }

    /// Waits until a call of this operation would be sent at once.
    fn ready(&self, _operation: Operation) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Hears that a call is sent again.
    fn retried(&self) {}

    /// Gets new credentials; false when there are none to get.
    fn renew(&self) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(false))
    }
}

impl Perform for Writer {
    fn perform<'a>(&'a self, kind: KindId, call: &'a PlannedCall) -> BoxFuture<'a, Result<Value, AwsError>> {
        let kind = kinds::of(kind);
        kind.perform(self, call)
    }

    fn look<'a>(&'a self, kind: KindId, call: &'a PlannedCall) -> BoxFuture<'a, Result<Look, AwsError>> {
        let kind = kinds::of(kind);
        Box::pin(async move { kind.look(&self.reader(), call).await })
    }

    fn ready(&self, operation: Operation) -> BoxFuture<'_, ()> {
        Box::pin(Writer::ready(self, operation))
    }

    fn retried(&self) {
        Writer::retried(self);
    }

    fn renew(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { self.renew_credentials().await })
    }
}
