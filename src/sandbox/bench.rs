//! A bench for tests of single operations: one account, a clock that moves only when told to, and a check of every
//! answer.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde_json::Value;

use super::account::{Account, Answer, Context};

/// 2026-01-01T00:00:00Z
pub(super) const START: i64 = 1_767_225_600_000;

pub(super) struct Bench {
    pub(super) account: Account,
    pub(super) now: i64,
    serial: u64,
    service: &'static str,
}

impl Bench {
    pub(super) fn of(service: &'static str) -> Self {
        Self { account: Account::default(), now: START, serial: 0, service }
    }

    /// Performs an operation; its answer must fit the service's model.
    pub(super) fn call(&mut self, operation: &str, input: &Value) -> Answer {
        let service = self.service;
        self.ask(service, operation, input)
    }

    pub(super) fn ask(&mut self, service: &str, operation: &str, input: &Value) -> Answer {
        let mut context = Context {
            account: &mut self.account,
            account_id: "123456789012",
            region: "eu-west-1",
            partition: "aws",
            now: self.now,
            serial: &mut self.serial,
            caught_up: false,
        };
        super::backup::settle(&mut context);
        let answer = super::dispatch(&mut context, service, operation, input);
        let mut headers = HeaderMap::new();
        let credential = format!("AWS4-HMAC-SHA256 Credential=AKID/20260101/eu-west-1/{service}/aws4_request");
        headers.insert(AUTHORIZATION, credential.parse().unwrap());
        // Encoding asserts that the model knows every member of an answer.
        super::wire::encode(&super::wire::scope(&headers).unwrap(), operation, &answer, "r-1");
        answer
    }

    pub(super) fn ok(&mut self, operation: &str, input: &Value) -> Value {
        self.call(operation, input).unwrap_or_else(|error| panic!("{operation} {input}: {error:?}"))
    }

    /// Returns the status, code and message of a refusal.
    pub(super) fn refused(&mut self, operation: &str, input: &Value) -> (u16, String, String) {
        match self.call(operation, input) {
            Ok(answer) => panic!("{operation} {input} was not refused: {answer}"),
            Err(error) => (error.status, error.code, error.message),
        }
    }

    pub(super) fn code(&mut self, operation: &str, input: &Value) -> String {
        self.refused(operation, input).1
    }

    pub(super) fn advance(&mut self, seconds: i64) {
        self.now += seconds * 1000;
    }
}
