//! Keeps answers, so that each question is asked only once.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::AwsError;

/// The answers by question. Each question is asked once, also when several callers ask at the same time.
#[derive(Debug)]
pub(super) struct Memo<V>(Mutex<HashMap<String, Cell<V>>>);

type Cell<V> = Arc<OnceCell<Result<V, AwsError>>>;

impl<V> Default for Memo<V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<V: Clone> Memo<V> {
    pub(super) async fn get(&self, key: &str, read: impl Future<Output = Result<V, AwsError>>) -> Result<V, AwsError> {
        let cell = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key.to_owned()).or_default());
        cell.get_or_init(|| Box::pin(read)).await.clone()
    }
}
