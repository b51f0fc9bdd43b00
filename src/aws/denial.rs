//! What AWS's message says of a refused call: which action on what, and which sort of policy refused it. What helps
//! depends on the sort: an action that a service control policy denies is not got by allowing it to a role.
//!
//! IAM User Guide, "Troubleshoot access denied error messages": the forms `because no SORT policy allows the ACTION
//! action` and `with an explicit deny in a SORT policy`.

use super::error::{AwsError, ErrorKind};

/// A sort of policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Identity,
    ServiceControl,
    ResourceControl,
    Boundary,
    Resource,
    Session,
    Endpoint,
}

/// The sorts by the words of AWS's messages. Some services write a hyphen, others a space.
const SORTS: [(&str, Sort); 7] = [
    ("identity-based policy", Sort::Identity),
    ("service control policy", Sort::ServiceControl),
    ("resource control policy", Sort::ResourceControl),
    ("permissions boundary", Sort::Boundary),
    ("resource-based policy", Sort::Resource),
    ("session policy", Sort::Session),
    ("vpc endpoint policy", Sort::Endpoint),
];

/// What AWS Backup needs beside `backup:CreateBackupVault` and does not name. AWS Backup Developer Guide, "Access
/// control": the permissions for `CreateBackupVault`.
const VAULT: &str = "`backup-storage:MountCapsule`, and on the vault's KMS key `kms:CreateGrant`, \
                     `kms:GenerateDataKey`, `kms:Decrypt`, `kms:RetireGrant` and `kms:DescribeKey`";

/// Says what helps against a refused call, as far as AWS's message tells; `None` where it was not refused.
pub fn advice(error: &AwsError) -> Option<String> {
    if error.kind != ErrorKind::AccessDenied {
        return None;
    }
    let (action, message) = (error.action(), error.message.to_ascii_lowercase());
    if error.operation == "CreateBackupVault" && message.contains("insufficient privileges") {
        return Some(format!(
            "allow {VAULT}, to the credentials in use: AWS Backup asks for them beside `backup:CreateBackupVault`; \
             `vssctl permissions` prints all that it takes"
        ));
    }
    let what = match resource(&error.message) {
        Some(resource) => format!("`{action}` on `{resource}`"),
        None => format!("`{action}`"),
    };
    let found = SORTS.into_iter().find(|(words, _)| message.contains(words)).map(|(_, sort)| sort);
    let is_explicit = message.contains("explicit deny");
    let of_theirs = |who: &str, place: &str| {
        let how = if is_explicit { "denies" } else { "does not allow" };
        format!("{place} {how} {what}: {who} has to change it; allowing it to the credentials in use does not help")
    };
    let text = match found {
        // AWS answers it even where a policy of the caller denies it: STS API Reference, "GetCallerIdentity".
        Some(Sort::Identity) | None if error.operation == "GetCallerIdentity" => format!(
            "{what} needs no permission, and no `Allow` brings it back: look for a `Deny` in the policy of a VPC \
             endpoint for STS or in a service control policy of the organization, and at the endpoint that is called"
        ),
        Some(Sort::Identity) if is_explicit => {
            format!("a `Deny` in a policy of the credentials in use takes {what} away: no `Allow` helps before it goes")
        }
        Some(Sort::ServiceControl) => {
            of_theirs("who manages the organization", "a service control policy of the organization")
        }
        Some(Sort::ResourceControl) => {
            of_theirs("who manages the organization", "a resource control policy of the organization")
        }
        Some(Sort::Boundary) => of_theirs("who owns that boundary", "the permissions boundary of the role in use"),
        Some(Sort::Resource) => of_theirs("who owns the resource", "the resource's own policy"),
        Some(Sort::Session) => {
            of_theirs("whoever starts the session", "the session policy, which was given when the role was assumed,")
        }
        Some(Sort::Endpoint) => of_theirs("who owns the endpoint", "the policy of the VPC endpoint"),
        None if is_explicit => format!("some policy denies {what}: no `Allow` helps before that `Deny` goes"),
        Some(Sort::Identity) | None => allow(&action, &what),
    };
    let encoded = message.contains("encoded authorization failure message");
    let more = if encoded {
        "; `aws sts decode-authorization-message --encoded-message ...` says which statement decided"
    } else {
        ""
    };
    Some(format!("{text}{more}"))
}

fn allow(action: &str, what: &str) -> String {
    // A wildcard or an unknown resource adds nothing to the action's name.
    let what = if what.ends_with("on `*`") { format!("`{action}`") } else { what.to_owned() };
    format!("allow {what} to the credentials in use; `vssctl permissions` prints all that it takes")
}

/// Returns the resource that a message names.
fn resource(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("on resource: ")?;
    let name = rest.split_whitespace().next()?.trim_matches(|one| matches!(one, '"' | '.' | ','));
    (name == "*" || name.starts_with("arn:")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advised(operation: &str, message: &str) -> String {
        let error = AwsError {
            code: Some("AccessDenied".to_owned()),
            kind: ErrorKind::AccessDenied,
            ..AwsError::rejected("backup", operation, message)
        };
        advice(&error).expect("an advice")
    }

    #[test]
    fn the_advice_is_for_the_policy_that_refused() {
        let who = "User: arn:aws:sts::123456789012:assumed-role/ci/x is not authorized to perform: \
                   iam:PassRole on resource: arn:aws:iam::123456789012:role/backup";
        for (why, wanted, not) in [
            ("because no identity-based policy allows the iam:PassRole action", "allow `iam:PassRole` on `arn", "Deny"),
            ("with an explicit deny in an identity-based policy", "`Deny` in a policy of the credentials", "allow `"),
            ("with an explicit deny in a service control policy", "organization denies", "prints"),
            (
                "because no service control policy allows the iam:PassRole action",
                "organization does not allow",
                "prints",
            ),
            ("with an explicit deny in a resource control policy", "resource control policy", "prints"),
            ("because no permissions boundary allows the iam:PassRole action", "permissions boundary", "prints"),
            ("with an explicit deny in a permissions boundary", "who owns that boundary", "prints"),
            ("because no resource-based policy allows the iam:PassRole action", "the resource's own policy", "prints"),
            ("because no session policy allows the iam:PassRole action", "session policy", "prints"),
            ("with an explicit deny in a VPC endpoint policy", "VPC endpoint", "prints"),
            ("with an explicit deny", "some policy denies", "prints"),
            ("", "allow `iam:PassRole` on `arn", "Deny"),
        ] {
            let text = advised("CreateBackupSelection", &format!("{who} {why}"));
            assert!(text.contains(wanted) && !text.contains(not) && text.contains("`iam:PassRole`"), "{why}: {text}");
        }
    }

    #[test]
    fn nobody_is_told_to_allow_what_needs_no_permission() {
        for why in ["no", "with an explicit deny", "with an explicit deny in an identity-based policy"] {
            let told = advised("GetCallerIdentity", why);
            assert!(told.contains("needs no permission") && !told.contains("prints"), "{told}");
        }
        let told = advised("GetCallerIdentity", "with an explicit deny in a service control policy");
        assert!(told.contains("organization denies"), "{told}");
    }

    #[test]
    fn a_vault_needs_more_than_the_action_of_its_name() {
        let text = advised(
            "CreateBackupVault",
            "Insufficient privileges to create a backup vault. Creating a backup vault requires backup-storage and KMS \
             permissions.",
        );
        assert!(text.contains("`backup-storage:MountCapsule`") && text.contains("`kms:CreateGrant`"), "{text}");
    }

    #[test]
    fn a_message_that_says_nothing_leads_to_the_action_of_the_call() {
        assert!(advised("CreateBackupPlan", "no").starts_with("allow `backup:CreateBackupPlan` to the credentials"));
        let encoded = "You are not authorized to perform this operation. Encoded authorization failure message: AbC";
        assert!(advised("CreateBackupPlan", encoded).contains("decode-authorization-message"));
        assert_eq!(advice(&AwsError::rejected("backup", "CreateBackupPlan", "no")), None);
    }
}
