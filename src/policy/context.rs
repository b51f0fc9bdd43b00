//! The condition keys that a request has whatever it asks for. Every evaluation takes them from here, so that one guard
//! in a policy (of the region, of TLS, of the account) means the same to all who look at it.
//!
//! IAM User Guide, "AWS global condition context keys": each key says there when a request has it.

use jiff::Timestamp;

use super::keys::Keys;
use crate::model::scope::global_region;

/// Who makes requests, and where.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Such as `aws`.
    pub partition: &'a str,
    /// The region whose endpoint is called.
    pub region: &'a str,
    /// The caller's account.
    pub account_id: &'a str,
    /// The role whose session makes the requests; `None` where it is not known.
    pub role_arn: Option<&'a str>,
    /// The time of the request; `None` where it is not known.
    pub now: Option<Timestamp>,
}

impl Caller<'_> {
    /// Returns the keys of a request for an action on a resource.
    pub fn keys(&self, action: &str, resource: &str) -> Keys {
        let Self { partition, region, account_id, role_arn, now } = *self;
        let mut keys = Keys::default()
            .with("aws:SecureTransport", "true")
            .with("aws:PrincipalAccount", account_id)
            .with("aws:PrincipalType", "AssumedRole")
            .with("aws:PrincipalIsAWSService", "false")
            .with("aws:ViaAWSService", "false")
            // A session of a service's role had no MFA: AWS documents both forms in which a request says so.
            .perhaps("aws:MultiFactorAuthPresent", "false");
        if let Some(arn) = role_arn {
            keys = keys.with("aws:PrincipalArn", arn);
        }
        if let Some(now) = now {
            keys = keys.with("aws:CurrentTime", now.to_string()).with("aws:EpochTime", now.as_second().to_string());
        }
        // Passing a role is checked within another service's call: in which region is documented nowhere.
        if !action.eq_ignore_ascii_case("iam:PassRole") {
            let is_global = action.get(..4).is_some_and(|service| service.eq_ignore_ascii_case("iam:"));
            keys = keys.with("aws:RequestedRegion", if is_global { global_region(partition) } else { region });
        }
        match resource.split(':').nth(4) {
            Some("") if resource.contains(":ec2:") => keys.perhaps("aws:ResourceAccount", account_id),
            // Such as a document of AWS's own.
            Some("") | None => keys,
            Some(account) => keys.with("aws:ResourceAccount", account),
        }
    }
}
