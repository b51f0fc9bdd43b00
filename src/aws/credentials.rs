//! Credentials that can be renewed during a run: a session may end before a long apply does.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use tokio::sync::Mutex;

/// Credentials that expire sooner than this are not used any more.
const MARGIN: Duration = Duration::from_secs(10);

/// Keeps credentials until they expire or somebody says that AWS no longer takes them.
#[derive(Clone, Debug)]
pub(super) struct Renewable {
    source: SharedCredentialsProvider,
    kept: Arc<Mutex<Option<Credentials>>>,
}

impl Renewable {
    pub(super) fn new(source: SharedCredentialsProvider) -> Self {
        Self { source, kept: Arc::default() }
    }

    /// Asks the source again; tells whether the credentials are others than before.
    pub(super) async fn renew(&self) -> bool {
        let mut kept = self.kept.lock().await;
        let before = kept.take();
        match self.source.provide_credentials().await {
            Ok(credentials) => {
                let fresh = before.is_none_or(|before| {
                    before.access_key_id() != credentials.access_key_id()
                        || before.session_token() != credentials.session_token()
                });
                *kept = Some(credentials);
                fresh
            }
            Err(_) => false,
        }
    }

    pub(super) async fn get(&self) -> Result<Credentials, CredentialsError> {
        let mut kept = self.kept.lock().await;
        let good = |credentials: &Credentials| credentials.expiry().is_none_or(|end| end > SystemTime::now() + MARGIN);
        if let Some(credentials) = kept.as_ref().filter(|credentials| good(credentials)) {
            return Ok(credentials.clone());
        }
        let credentials = self.source.provide_credentials().await?;
        *kept = Some(credentials.clone());
        Ok(credentials)
    }
}

impl ProvideCredentials for Renewable {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.get())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// A source that gives a new key each time.
    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    impl ProvideCredentials for Counting {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            future::ProvideCredentials::ready(Ok(Credentials::new(format!("key{number}"), "x", None, None, "test")))
        }
    }

    #[tokio::test]
    async fn credentials_are_kept_until_they_are_renewed() {
        let renewable = Renewable::new(SharedCredentialsProvider::new(Counting::default()));
        let key = || async { renewable.provide_credentials().await.expect("credentials").access_key_id().to_owned() };
        assert_eq!((key().await, key().await), ("key0".to_owned(), "key0".to_owned()));
        assert!(renewable.renew().await);
        assert_eq!(key().await, "key1");
    }

    #[tokio::test]
    async fn fixed_credentials_do_not_become_better() {
        let fixed = Credentials::new("key", "x", None, None, "test");
        let renewable = Renewable::new(SharedCredentialsProvider::new(fixed));
        renewable.provide_credentials().await.expect("credentials");
        assert!(!renewable.renew().await);
    }
}
