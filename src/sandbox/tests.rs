//! The sandbox through the real SDK clients.

use aws_sdk_iam::types::Tag;

use super::Sandbox;

macro_rules! client {
    ($sdk:ident, $sandbox:expr, $key:expr, $region:expr) => {{
        let config = $sdk::Config::builder()
            .behavior_version($sdk::config::BehaviorVersion::latest())
            .credentials_provider($sdk::config::Credentials::new($key, "secret", None, None, "test"))
            .region($sdk::config::Region::new($region))
            .retry_config($sdk::config::retry::RetryConfig::disabled())
            .http_client($sandbox.http_client())
            .build();
        $sdk::Client::from_conf(config)
    }};
}

macro_rules! code {
    ($call:expr) => {{
        let error = $call.send().await.unwrap_err();
        let status = error.raw_response().map(|raw| raw.status().as_u16()).unwrap_or_default();
        (status, error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
    }};
}

// A macro can be used only in modules that are declared after it.
mod faults;
mod handle;
mod iam;
mod tagging;

const TRUST: &str = concat!(
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"#,
    r#""Action":"sts:AssumeRole"}]}"#
);
const DOCUMENT: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*"}]}"#;

fn iam(sandbox: &Sandbox) -> aws_sdk_iam::Client {
    client!(aws_sdk_iam, sandbox, "AKIDEXAMPLE", "ap-northeast-1")
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

async fn role(client: &aws_sdk_iam::Client, name: &str) {
    client.create_role().role_name(name).assume_role_policy_document(TRUST).send().await.unwrap();
}

fn answered(status: u16, code: &str, message: &str) -> (u16, String, String) {
    (status, code.to_owned(), message.to_owned())
}
