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
    /// Makes a memo with one answer.
    pub(super) fn of(key: &str, answer: V) -> Self {
        Self::default().and(key, answer)
    }

    /// Adds an answer.
    pub(super) fn and(self, key: &str, answer: V) -> Self {
        let cell = Arc::new(OnceCell::new_with(Some(Ok(answer))));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), cell);
        self
    }

    /// Returns the answer to a question that was asked.
    pub(super) fn known(&self, key: &str) -> Option<V> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key)?.get()?.clone().ok()
    }

    /// Makes a memo with the answers of this one, without failures.
    pub(super) fn kept(&self) -> Self {
        let cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let good = cells.iter().filter(|(_, cell)| cell.get().is_some_and(Result::is_ok));
        Self(Mutex::new(good.map(|(key, cell)| (key.clone(), Arc::clone(cell))).collect()))
    }

    pub(super) async fn get(&self, key: &str, read: impl Future<Output = Result<V, AwsError>>) -> Result<V, AwsError> {
        let cell = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key.to_owned()).or_default());
        cell.get_or_init(|| Box::pin(read)).await.clone()
    }
}
