//! Whether a role's trust policy lets an AWS service assume the role.
//!
//! A service calls `sts:AssumeRole` for itself. It sends no external id, has no MFA device, is no member of an
//! organisation and has no tags: a condition on one of these is never met. `aws:SourceAccount` and `aws:SourceArn`,
//! where a service sends them, name the role's own account. IAM User Guide, "The confused deputy problem" and "AWS
//! global condition context keys"; which services send which of the two is documented service by service, so a
//! condition that could be met counts as met.

use jiff::Timestamp;
use serde_json::Value;

use super::canonical::{Document, Principal, Statement};
use super::evaluate::{Fit, covers_action, each_condition};
use super::keys::Keys;
use crate::model::arn::is_account;
use crate::model::safe::Safe;

/// How many values of a condition a message shows.
const SHOWN: usize = 3;

/// What a trust policy says of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// It lets the service assume the role, or may: no condition stands that the service surely does not meet.
    Trusted,
    /// It does not name the service, or has no form that can be read.
    Unnamed,
    /// A statement denies it.
    Denied,
    /// It names the service under a condition that the service can't meet.
    Unmet {
        /// Such as `StringEquals`.
        operator: String,
        /// Such as `sts:ExternalId`.
        key: String,
        /// The values that the condition asks for.
        values: Vec<String>,
    },
}

/// The keys that the request of a service surely does not have. Names that end with `/` or `:` stand for all that begin
/// with them.
const NEVER: [&str; 13] = [
    "accounts.google.com:",
    "aws:federatedprovider",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principaltag/",
    "aws:requesttag/",
    "aws:sourceidentity",
    "aws:tagkeys",
    "aws:username",
    "cognito-identity.amazonaws.com:",
    "graph.facebook.com:",
    "saml:",
    "sts:",
];

/// Judges what a trust policy says of a service such as `backup.amazonaws.com`. Without the role's account, a condition
/// on an account counts as one that could be met, and without the time one on the time.
pub(crate) fn judge(trust: &Value, service: &str, account: Option<&str>) -> Trust {
    judge_at(trust, service, account, None)
}

/// Judges what a trust policy says of a service at a time.
pub(crate) fn judge_at(trust: &Value, service: &str, account: Option<&str>, now: Option<Timestamp>) -> Trust {
    let Ok(document) = Document::read(trust) else { return Trust::Unnamed };
    let has_variables = document.version == "2012-10-17";
    let mut keys = keys(service, account);
    if let Some(now) = now {
        keys = keys.with("aws:CurrentTime", now.to_string()).with("aws:EpochTime", now.as_second().to_string());
    }
    let mut verdict = Trust::Unnamed;
    for statement in document.statements.iter().filter(|one| concerns(one, service)) {
        let mut unmet = None;
        let mut fit = Fit::Yes;
        for (operator, key, values, one) in each_condition(statement, has_variables, &keys) {
            let one = if is_elsewhere(operator, key, values, account) { Fit::No } else { one };
            if one == Fit::No && unmet.is_none() {
                unmet =
                    Some(Trust::Unmet { operator: operator.to_owned(), key: key.to_owned(), values: values.to_vec() });
            }
            fit = fit.and(one);
        }
        match (statement.effect == "Deny", fit, unmet) {
            (true, Fit::Yes, _) => return Trust::Denied,
            (false, Fit::No, Some(unmet)) if verdict == Trust::Unnamed => verdict = unmet,
            (true, Fit::Maybe(_) | Fit::No, _) | (false, Fit::No, _) => {}
            (false, Fit::Yes | Fit::Maybe(_), _) => verdict = Trust::Trusted,
        }
    }
    verdict
}

impl Trust {
    /// Says why a service can't assume the role, as the rest of a sentence about its trust policy: `does not name ...`.
    pub(crate) fn problem(&self, service: &str) -> Option<String> {
        Some(match self {
            Self::Trusted => return None,
            Self::Unnamed => format!("does not let `{service}` assume it"),
            Self::Denied => format!("denies it to `{service}`"),
            Self::Unmet { operator, key, values } => {
                let shown: Vec<String> = values.iter().take(SHOWN).map(|value| Safe(value).to_string()).collect();
                let more = if values.len() > SHOWN { " ..." } else { "" };
                let shown = format!("{}{more}", shown.join(", "));
                let how = if is_of_time(key) { "which does not hold now" } else { "which it never meets" };
                format!("names `{service}` under `{operator}` of `{}` = {shown}, {how}", Safe(key))
            }
        })
    }

    /// Says what to do about a condition, in place of what is to be done about a trust policy that lacks a service.
    pub(crate) fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Trusted | Self::Unnamed => None,
            Self::Denied => Some("take the service out of the statement with `Deny`"),
            Self::Unmet { key, .. } if is_of_time(key) => {
                Some("take the condition on the time out of the service's statement, or give it a time to come")
            }
            Self::Unmet { .. } => Some(
                "take the condition out of the service's statement: an AWS service sends no external id, has no MFA \
                 and no tags, and acts for the role's own account only (`aws:SourceAccount`)",
            ),
        }
    }
}

/// Tells whether a condition key is the time of a request.
fn is_of_time(key: &str) -> bool {
    ["aws:CurrentTime", "aws:EpochTime"].iter().any(|time| key.eq_ignore_ascii_case(time))
}

/// Tells whether a trust policy lets a service assume the role, or may.
pub(crate) fn trusts(trust: &Value, service: &str) -> bool {
    judge(trust, service, None) == Trust::Trusted
}

/// The keys of a service's request.
fn keys(service: &str, account: Option<&str>) -> Keys {
    let keys = NEVER.into_iter().fold(Keys::default(), Keys::complete);
    let keys = keys
        .with("aws:SecureTransport", "true")
        .with("aws:PrincipalIsAWSService", "true")
        .with("aws:PrincipalServiceName", service)
        .with("aws:ViaAWSService", "false")
        .perhaps("aws:MultiFactorAuthPresent", "false");
    match account {
        Some(account) => keys.perhaps("aws:SourceAccount", account).with("aws:ResourceAccount", account),
        None => keys.unknown("aws:sourceaccount"),
    }
    .unknown("aws:principalservicenameslist")
    .unknown("aws:sourcearn")
    .unknown("aws:sourceorgid")
    .unknown("aws:sourceorgpaths")
    // EC2 names a session after its instance.
    .unknown("sts:rolesessionname")
}

/// Tells whether a condition on the ARN for which a service acts asks for other accounts only.
fn is_elsewhere(operator: &str, key: &str, values: &[String], account: Option<&str>) -> bool {
    let Some(own) = account.filter(|_| key.eq_ignore_ascii_case("aws:SourceArn")) else { return false };
    let asks_for_one = ["ArnLike", "ArnEquals", "StringLike", "StringEquals", "StringEqualsIgnoreCase"]
        .into_iter()
        .any(|name| operator == name || operator.strip_prefix("ForAnyValue:") == Some(name));
    let is_other = |arn: &String| arn.split(':').nth(4).is_some_and(|other| is_account(other) && other != own);
    asks_for_one && values.iter().all(is_other)
}

/// Tells whether a statement is about a service that assumes the role.
fn concerns(statement: &Statement, service: &str) -> bool {
    let is_service = |name: &String| {
        let name = name.to_ascii_lowercase();
        // In China both spellings are in use, in AWS's own policies too.
        name == service || name.strip_suffix(".cn") == Some(service)
    };
    let names = |principal: &Principal| match principal {
        Principal::Everyone => true,
        Principal::Types(types) => {
            types.get("AWS").into_iter().flatten().any(|name| name == "*")
                || types.get("Service").into_iter().flatten().any(|name| name == "*" || is_service(name))
        }
    };
    let is_named = match &statement.principal {
        Some((element, principal)) => names(principal) == (*element == "Principal"),
        None => false,
    };
    is_named && covers_action(statement, "sts:AssumeRole")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OWN: &str = "123456789012";

    fn trust(statements: &Value) -> Value {
        json!({ "Version": "2012-10-17", "Statement": statements })
    }

    fn statement(effect: &str, principal: &Value, condition: &Value) -> Value {
        json!({ "Effect": effect, "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition })
    }

    fn of(condition: &Value) -> Trust {
        let backup = json!({ "Service": "backup.amazonaws.com" });
        judge(&trust(&json!([statement("Allow", &backup, condition)])), "backup.amazonaws.com", Some(OWN))
    }

    #[test]
    fn a_condition_that_no_service_can_meet_is_named() {
        for (operator, key, value) in [
            ("StringEquals", "sts:ExternalId", "secret"),
            ("StringLike", "sts:externalid", "*"),
            ("Bool", "aws:MultiFactorAuthPresent", "true"),
            ("NumericLessThan", "aws:MultiFactorAuthAge", "3600"),
            ("Null", "sts:ExternalId", "false"),
            ("StringEquals", "aws:SourceAccount", "210987654321"),
            ("StringLike", "aws:SourceAccount", "2109*"),
            ("ArnLike", "aws:SourceArn", "arn:aws:backup:*:210987654321:*"),
            ("StringLike", "aws:SourceArn", "arn:aws:backup:ap-northeast-1:210987654321:backup-vault:*"),
            ("StringEquals", "aws:PrincipalOrgID", "o-1234567890"),
            ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-1234567890/*"),
            ("StringEquals", "aws:PrincipalTag/team", "windows"),
            ("StringEquals", "aws:username", "backup"),
            ("StringEquals", "SAML:aud", "https://signin.aws.amazon.com/saml"),
            ("Bool", "aws:PrincipalIsAWSService", "false"),
            ("Bool", "aws:SecureTransport", "False"),
            ("StringEquals", "aws:PrincipalServiceName", "ec2.amazonaws.com"),
        ] {
            let found = of(&json!({ operator: { key: value } }));
            assert!(
                matches!(&found, Trust::Unmet { key: named, .. } if named.eq_ignore_ascii_case(key)),
                "{key} {value}: {found:?}"
            );
        }
    }

    #[test]
    fn a_condition_that_a_service_meets_or_may_meet_is_no_fault() {
        for (operator, key, value) in [
            ("StringEquals", "aws:SourceAccount", OWN),
            ("StringLike", "aws:SourceAccount", "*"),
            ("StringEqualsIfExists", "sts:ExternalId", "secret"),
            ("StringNotEquals", "sts:ExternalId", "secret"),
            ("BoolIfExists", "aws:MultiFactorAuthPresent", "false"),
            ("Null", "sts:ExternalId", "true"),
            ("ArnLike", "aws:SourceArn", "arn:aws:backup:*:123456789012:*"),
            ("ArnLike", "aws:SourceArn", "arn:aws:backup:*:*:*"),
            ("StringLike", "sts:RoleSessionName", "i-*"),
            ("StringEquals", "aws:SourceOrgID", "o-1234567890"),
            ("StringNotEquals", "aws:SourceAccount", "210987654321"),
            ("Bool", "aws:SecureTransport", "True"),
            ("StringEquals", "aws:RequestedRegion", "ap-northeast-1"),
            ("IpAddress", "aws:SourceIp", "192.0.2.0/24"),
            ("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
        ] {
            assert_eq!(of(&json!({ operator: { key: value } })), Trust::Trusted, "{operator} {key} {value}");
        }
        let other = statement("Allow", &json!({ "AWS": OWN }), &json!({ "StringEquals": { "sts:ExternalId": "x" } }));
        let plain = statement("Allow", &json!({ "Service": "backup.amazonaws.com" }), &json!({}));
        assert!(trusts(&trust(&json!([other, plain])), "backup.amazonaws.com"));
    }

    #[test]
    fn a_condition_on_the_time_counts_where_the_time_is_known() {
        let now: Timestamp = "2026-01-15T12:00:00Z".parse().unwrap();
        let at = |operator: &str, key: &str, value: &str, now: Option<Timestamp>| {
            let backup = json!({ "Service": "backup.amazonaws.com" });
            let one = statement("Allow", &backup, &json!({ operator: { key: value } }));
            judge_at(&trust(&json!([one])), "backup.amazonaws.com", Some(OWN), now)
        };
        for (operator, key, over, to_come) in [
            ("DateLessThan", "aws:CurrentTime", "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("DateLessThanEquals", "aws:currenttime", "2025-01-01", "2027-01-01"),
            ("DateGreaterThan", "aws:CurrentTime", "2027-01-01T00:00:00Z", "2025-01-01T00:00:00Z"),
            ("NumericLessThan", "aws:EpochTime", "1735689600", "1830297600"),
        ] {
            let found = at(operator, key, over, Some(now));
            assert!(matches!(found, Trust::Unmet { .. }), "{operator} {over}: {found:?}");
            assert!(found.problem("backup.amazonaws.com").is_some_and(|said| said.contains("does not hold now")));
            assert!(found.remedy().is_some_and(|said| said.contains("on the time")));
            assert_eq!(at(operator, key, to_come, Some(now)), Trust::Trusted, "{operator} {to_come}");
            assert_eq!(at(operator, key, over, None), Trust::Trusted, "{operator} {over}");
        }
    }

    #[test]
    fn a_service_is_trusted_by_its_whole_name_and_unless_denied() {
        let told = |statements: &[Value]| judge(&trust(&json!(statements)), "backup.amazonaws.com", Some(OWN));
        let none = json!({});
        let backup = json!({ "Service": ["backup.amazonaws.com"] });
        assert_eq!(told(&[statement("Allow", &backup, &none)]), Trust::Trusted);
        assert_eq!(told(&[statement("Allow", &json!("*"), &none)]), Trust::Trusted);
        assert_eq!(told(&[statement("Allow", &json!({ "AWS": "*" }), &none)]), Trust::Trusted);
        assert_eq!(
            told(&[statement("Allow", &json!({ "Service": "backup.amazonaws.com.cn" }), &none)]),
            Trust::Trusted
        );
        for other in [json!({ "Service": "notbackup.amazonaws.com" }), json!({ "AWS": OWN })] {
            assert_eq!(told(&[statement("Allow", &other, &none)]), Trust::Unnamed, "{other}");
        }
        assert_eq!(told(&[statement("Deny", &backup, &none)]), Trust::Denied);
        assert_eq!(told(&[statement("Allow", &json!("*"), &none), statement("Deny", &backup, &none)]), Trust::Denied);
        let guard = |operator: &str, key: &str, value: &str| {
            told(&[
                statement("Allow", &backup, &none),
                statement("Deny", &json!("*"), &json!({ operator: { key: value } })),
            ])
        };
        assert_eq!(guard("Bool", "aws:SecureTransport", "false"), Trust::Trusted);
        assert_eq!(guard("StringNotEquals", "sts:ExternalId", "secret"), Trust::Denied);
        assert_eq!(guard("BoolIfExists", "aws:MultiFactorAuthPresent", "false"), Trust::Denied);
        assert_eq!(guard("StringNotEquals", "aws:SourceAccount", OWN), Trust::Trusted);
        assert_eq!(guard("StringNotEqualsIfExists", "aws:SourceAccount", "210987654321"), Trust::Denied);
        let mut tags = statement("Allow", &backup, &none);
        tags["Action"] = json!("sts:TagSession");
        assert_eq!(told(&[tags]), Trust::Unnamed);
        assert_eq!(judge(&json!("no policy"), "backup.amazonaws.com", None), Trust::Unnamed);
    }
}
