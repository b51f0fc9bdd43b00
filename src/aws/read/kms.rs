//! The reads of KMS. They read one key at a time, because its lists have ids only.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Page, Reader, lists, read_all};
use crate::aws::{AwsError, Key};

impl Reader {
    /// Reads a key.
    pub async fn key(&self, arn: &str) -> Result<Arc<Key>, AwsError> {
        let read = async {
            let ask = || self.kms.send("DescribeKey", json!({ "KeyId": arn }));
            let answer = self.call("kms", "DescribeKey", ask).await?;
            let metadata = &answer["KeyMetadata"];
            let text = |name: &str| metadata[name].as_str().map(str::to_owned);
            match (text("Arn"), text("KeyState"), text("KeyManager")) {
                (Some(arn), Some(state), Some(manager)) => {
                    Ok(Arc::new(Key { arn, state, is_customers: manager == "CUSTOMER" }))
                }
                _ => Err(AwsError::unsettled("kms", "DescribeKey", "the answer does not say what the key is")),
            }
        };
        self.memos.keys.get(arn, read).await
    }

    /// Reads the policy of a key, as JSON text.
    pub async fn key_policy(&self, arn: &str) -> Result<String, AwsError> {
        let read = async {
            let input = json!({ "KeyId": arn, "PolicyName": "default" });
            let answer = self.call("kms", "GetKeyPolicy", || self.kms.send("GetKeyPolicy", input.clone())).await?;
            let missing = || AwsError::unsettled("kms", "GetKeyPolicy", "the answer has no policy");
            answer["Policy"].as_str().map(str::to_owned).ok_or_else(missing)
        };
        self.memos.key_policies.get(arn, read).await
    }

    /// Reads the operations that grants on a key allow to a principal.
    pub async fn key_grants(&self, arn: &str, principal: &str) -> Result<Vec<String>, AwsError> {
        let page = |marker: Option<String>| async move {
            let mut input = json!({ "KeyId": arn, "GranteePrincipal": principal, "Limit": 100 });
            if let Some(marker) = &marker {
                input["Marker"] = json!(marker);
            }
            let page = self.call("kms", "ListGrants", || self.kms.send("ListGrants", input.clone())).await?;
            Ok(Page {
                items: page["Grants"].as_array().cloned(),
                truncated: page["Truncated"].as_bool(),
                next: page["NextMarker"].as_str().map(str::to_owned),
            })
        };
        let grants =
            read_all(lists::GRANTS, |grant: &Value| grant["GrantId"].as_str().map(str::to_owned), page).await?;
        let operations = grants.iter().flat_map(|grant| grant["Operations"].as_array().into_iter().flatten());
        Ok(operations.filter_map(Value::as_str).map(str::to_owned).collect())
    }
}
