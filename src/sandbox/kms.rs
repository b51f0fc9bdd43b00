//! Key Management Service, as far as other services use keys: the state of a key, its policy and its grants. From the
//! KMS API reference.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, ApiError, Context};
use super::made;
use super::wire::model::Model;
use super::wire::validate::validate;

/// The operations offered.
pub(super) const OPERATIONS: &[&str] = &["DescribeKey", "GetKeyPolicy", "ListGrants"];

/// The size of a page of grants where the request names none.
const PAGE: usize = 50;

/// What KMS keeps in one region.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Kms {
    /// The keys by ARN, including those that other accounts have shared.
    #[serde(default)]
    pub keys: BTreeMap<String, Key>,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// `Enabled`, `Disabled`, `PendingDeletion`, ...
    pub state: String,
    /// `CUSTOMER` or `AWS`.
    pub manager: String,
    /// The key policy.
    pub policy: Value,
    /// The grants: principal and operations.
    #[serde(default)]
    pub grants: Vec<(String, Vec<String>)>,
}

fn refusal(code: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(400, code, message)
}

/// Performs one operation.
pub(super) fn handle(context: &mut Context<'_>, operation: &str, input: &Value) -> Answer {
    let model = Model::of("kms").expect("the sandbox has KMS's model");
    if let Some(shape) = model.operations.get(operation).and_then(|described| described.input.as_deref()) {
        validate(model, shape, input)?;
    }
    let id = input["KeyId"].as_str().unwrap_or_default().to_owned();
    // "To specify a KMS key in a different AWS account, you must use the key ARN or alias ARN."
    let arn = if id.starts_with("arn:") {
        id
    } else {
        format!("arn:{}:kms:{}:{}:key/{id}", context.partition, context.region, context.account_id)
    };
    let account = context.account_id;
    let key = context.region_mut().kms.keys.get(&arn).cloned();
    let key = key.ok_or_else(|| refusal("NotFoundException", format!("Key '{arn}' does not exist")))?;
    let owner = arn.split(':').nth(4).unwrap_or_default();
    match operation {
        "DescribeKey" => Ok(json!({ "KeyMetadata": {
            "AWSAccountId": owner,
            "KeyId": arn.rsplit('/').next(),
            "Arn": arn,
            "Enabled": key.state == "Enabled",
            "KeyState": key.state,
            "KeyManager": key.manager,
            "KeyUsage": "ENCRYPT_DECRYPT",
            "KeySpec": "SYMMETRIC_DEFAULT",
            "Origin": "AWS_KMS",
            "MultiRegion": false,
        } })),
        // "Cross-account use: No."
        "GetKeyPolicy" if owner != account => {
            Err(refusal("AccessDeniedException", "The key is of another account, whose policy cannot be read"))
        }
        "GetKeyPolicy" => Ok(json!({ "Policy": key.policy.to_string(), "PolicyName": "default" })),
        _ => grants(&arn, &key, input),
    }
}

fn grants(arn: &str, key: &Key, input: &Value) -> Answer {
    let wanted = input["GranteePrincipal"].as_str();
    let all = key.grants.iter().enumerate().filter(|(_, (principal, _))| wanted.is_none_or(|other| other == principal));
    let all = all.map(|(number, (principal, operations))| {
        let id = made::uuid_of(&format!("{arn}/grant/{number}")).replace('-', "");
        let shown = json!({
            "KeyId": arn, "GrantId": format!("{id}{id}"), "GranteePrincipal": principal, "Operations": operations,
        });
        (format!("{number:06}"), shown)
    });
    let size = input["Limit"].as_u64().and_then(|size| usize::try_from(size).ok()).unwrap_or(PAGE);
    let token = input["Marker"].as_str();
    let page = made::page(&format!("grants{arn}"), all.collect(), size, token).ok_or_else(|| {
        refusal("InvalidMarkerException", "The marker that specifies where pagination should next begin is not valid.")
    })?;
    let mut answer = json!({ "Grants": page.items, "Truncated": page.next.is_some() });
    if let Some(next) = page.next {
        answer["NextMarker"] = json!(next);
    }
    Ok(answer)
}
