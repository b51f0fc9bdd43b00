//! Key Management Service, as far as other services use keys: the state of a key, its policy and its grants. From the
//! KMS API reference.
//!
//! AWS's own keys of services, such as `alias/aws/backup`, are always there: "If you specify a predefined AWS alias (an
//! AWS alias with no key ID), KMS associates the alias with an AWS managed key" (`DescribeKey`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, ApiError, Context};
use super::made;
use super::wire::model::Model;
use super::wire::validate::validate;
use crate::model::partition::Partition;

/// The operations offered.
pub(super) const OPERATIONS: &[&str] = &["DescribeKey", "GetKeyPolicy", "ListGrants"];

/// The services that have a key of AWS's here, each with the endpoint through which it may be used.
const OF_AWS: [(&str, &str); 9] = [
    ("backup", "backup"),
    ("dynamodb", "dynamodb"),
    ("ebs", "ec2"),
    ("elasticfilesystem", "elasticfilesystem"),
    ("fsx", "fsx"),
    ("rds", "rds"),
    ("s3", "s3"),
    ("sns", "sns"),
    ("ssm", "ssm"),
];

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

/// Returns the ARN of AWS's own key of a service, such as `backup`.
pub(super) fn of_aws(context: &Context<'_>, service: &str) -> String {
    let Context { partition, region, account_id, .. } = context;
    let id = made::uuid_of(&format!("{account_id}/{region}/alias/aws/{service}"));
    format!("arn:{partition}:kms:{region}:{account_id}:key/{id}")
}

/// Makes AWS's own key of an ARN; `None` if it is no such key.
fn key_of_aws(context: &Context<'_>, arn: &str) -> Option<Key> {
    let (_, endpoint) = OF_AWS.iter().find(|(service, _)| of_aws(context, service) == arn)?;
    let domain = &Partition::of(context.region).dns_suffix;
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": { "AWS": "*" },
                "Action": ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*",
                           "kms:ReEncrypt*"],
                "Resource": "*",
                "Condition": { "StringEquals": {
                    "kms:CallerAccount": context.account_id,
                    "kms:ViaService": format!("{endpoint}.{}.{domain}", context.region),
                } },
            },
            {
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:{}:iam::{}:root", context.partition, context.account_id) },
                "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
                "Resource": "*",
            },
        ],
    });
    Some(Key { state: "Enabled".to_owned(), manager: "AWS".to_owned(), policy, grants: Vec::new() })
}

/// Returns the ARN of the key that a request names by ARN, by id or, where the operation takes one, by alias.
fn named(context: &Context<'_>, operation: &str, id: &str) -> String {
    let Context { partition, region, account_id, .. } = context;
    let here = format!("arn:{partition}:kms:{region}:{account_id}:");
    let service = id.strip_prefix(&here).unwrap_or(id).strip_prefix("alias/aws/");
    match service.filter(|service| operation == "DescribeKey" && OF_AWS.iter().any(|(known, _)| known == service)) {
        Some(service) => of_aws(context, service),
        // "To specify a KMS key in a different AWS account, you must use the key ARN or alias ARN."
        None if id.starts_with("arn:") => id.to_owned(),
        None if id.starts_with("alias/") => format!("{here}{id}"),
        None => format!("{here}key/{id}"),
    }
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
    let arn = named(context, operation, input["KeyId"].as_str().unwrap_or_default());
    let account = context.account_id;
    let key = context.region_mut().kms.keys.get(&arn).cloned().or_else(|| key_of_aws(context, &arn));
    let key = key.ok_or_else(|| {
        let what = if arn.contains(":alias/") {
            format!("Alias {arn} is not found.")
        } else {
            format!("Key '{arn}' does not exist")
        };
        refusal("NotFoundException", what)
    })?;
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
