//! The keys of encrypted volumes: D026.
//!
//! AWS page: "Encryption for backups in AWS Backup": the role must have access to the key, by its own policies and the
//! key's together. AWS does not list the operations that a backup makes. A role counts as having no access if it may
//! make none of those that AWS's own policy for backups allows with EC2's volumes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::access::{Access, Need, access, not_known};
use super::{Notes, Patient, Subject, why};
use crate::policy::{Decision, Judgement, Policies, Request};
use crate::vss::evidence::{Evidence, Key, Known, Role};

/// The states in which a key does not work and will not work by itself.
pub(super) const USELESS: [&str; 5] =
    ["Disabled", "PendingDeletion", "PendingImport", "Unavailable", "PendingReplicaDeletion"];
/// The operations with a key that backups of volumes need: those of `AWSBackupServiceRolePolicyForBackup`, and those
/// that custom policies usually have.
const USES: [&str; 6] = [
    "kms:CreateGrant",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:Decrypt",
    "kms:GenerateDataKey",
];
/// The most instances that a finding names.
const MOST: usize = 5;

/// Whose volumes a key encrypts, and the roles that back them up.
#[derive(Debug, Default)]
struct Users {
    instances: BTreeSet<String>,
    roles: BTreeSet<String>,
}

pub(super) fn check(evidence: &Evidence, patients: &[Patient<'_>], notes: &mut Notes) {
    let Known::Known(volumes) = &evidence.volumes else {
        if evidence.volumes.unread().is_some() && !patients.is_empty() {
            let region = Subject::Region { name: evidence.scope.region.clone() };
            notes.undecided("D026", &region, why(&evidence.volumes));
        }
        return;
    };
    let mut of_instances: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for volume in volumes {
        for id in &volume.instances {
            of_instances.entry(id).or_default().push(&volume.key);
        }
    }
    let mut keys: BTreeMap<&str, Users> = BTreeMap::new();
    for patient in patients.iter().filter(|patient| patient.instance.windows) {
        for arn in of_instances.get(patient.instance.id.as_str()).into_iter().flatten() {
            let users = keys.entry(arn).or_default();
            users.instances.insert(patient.subject.title());
            let selections = patient.plans().filter_map(|plan| plan.selections.known()).flatten();
            users.roles.extend(selections.map(|selection| selection.role_arn.clone()));
        }
    }
    for (arn, users) in keys {
        let subject = Subject::Key { arn: arn.to_owned() };
        match evidence.keys.get(arn) {
            Some(Known::Known(key)) => examine(evidence, &subject, arn, key, &users, notes),
            Some(unknown) => notes.undecided("D026", &subject, why(unknown)),
            None => {}
        }
    }
}

fn examine(evidence: &Evidence, subject: &Subject, arn: &str, key: &Key, users: &Users, notes: &mut Notes) {
    let shown: Vec<&str> = users.instances.iter().take(MOST).map(String::as_str).collect();
    let more = users.instances.len().saturating_sub(MOST);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let whose = format!("it encrypts volumes of {}{more}", shown.join(", "));
    if USELESS.contains(&key.state.as_str()) {
        notes.find(
            "D026",
            subject,
            "the key of encrypted volumes does not work: nothing can be restored from their backups",
            vec![format!("KeyState {} of {arn}", key.state), whose],
            match key.state.as_str() {
                "PendingDeletion" | "PendingReplicaDeletion" => {
                    format!(
                        "keep it: `aws kms cancel-key-deletion --key-id {arn}`, then `aws kms enable-key --key-id \
                         {arn}`"
                    )
                }
                "Disabled" => format!("enable it: `aws kms enable-key --key-id {arn}`"),
                _ => format!("look at it: `aws kms describe-key --key-id {arn}`"),
            },
        );
        return;
    }
    if !key.is_customers {
        return;
    }
    // Another check finds roles that do not exist.
    for role in users.roles.iter().filter_map(|arn| evidence.roles.known()?.get(arn)) {
        match uses(evidence, arn, key, role, notes) {
            Access::Allowed => {}
            Access::Unknown(reason) => notes.undecided("D026", subject, reason),
            Access::Denied => notes.find(
                "D026",
                subject,
                format!("the role {} of the backups has no access to the key of encrypted volumes", role.name),
                vec![
                    format!(
                        "neither the policies of {} with the key's policy nor a grant allow it {}",
                        role.arn,
                        USES[..2].join(" or ")
                    ),
                    whose.clone(),
                ],
                "let the key's policy trust the account (`\"Principal\": {\"AWS\": \"arn:aws:iam::ACCOUNT:root\"}`) or \
                 the role, and attach service-role/AWSBackupServiceRolePolicyForBackup to the role",
            ),
        }
    }
}

/// Decides whether a role may do anything with a key.
fn uses(evidence: &Evidence, arn: &str, key: &Key, role: &Role, notes: &mut Notes) -> Access {
    let granted = key.grants.get(&role.arn);
    if granted.and_then(Known::known).is_some_and(|operations| !operations.is_empty()) {
        return Access::Allowed;
    }
    let mut unknown = granted.and_then(Known::unread).map(|_| granted.map(why).unwrap_or_default());
    for action in USES {
        match may(evidence, arn, key, role, action, notes) {
            Access::Allowed => return Access::Allowed,
            Access::Denied => {}
            Access::Unknown(reason) => unknown = Some(reason),
        }
    }
    unknown.map_or(Access::Denied, Access::Unknown)
}

/// Decides whether a role may make one call: the key's policy names the role, or it trusts the account and the role's
/// own policies allow the call.
fn may(evidence: &Evidence, arn: &str, key: &Key, role: &Role, action: &'static str, notes: &mut Notes) -> Access {
    let scope = &evidence.scope;
    let domain = scope.dns_suffix();
    let need = Need::new(action, arn)
        .with("kms:ViaService", &format!("ec2.{}.{domain}", scope.region))
        .with("kms:CallerAccount", &scope.account_id)
        .with("kms:GrantIsForAWSResource", "true")
        .with("kms:EncryptionContextKeys", "aws:ebs:id")
        // EC2 calls for the role, in a way that AWS does not document.
        .unknown("aws:viaawsservice")
        .unknown("aws:calledvia");
    let document = match &key.policy {
        Known::Known(document) => document,
        Known::Unknown(_) => {
            // The key's policy may allow what the role's own policies do not.
            return Access::Unknown(why(&key.policy));
        }
        // The key is another account's: only the role's own policies can be read.
        Known::NotRead => return access(&mut notes.powers, role, &need),
    };
    let (named, account) = match statements(document, role, &scope.account_id) {
        Ok(statements) => statements,
        Err(reason) => return Access::Unknown(reason),
    };
    let request = notes.powers.request(role, &need);
    let (named, account) = match (judge(document, &named, &request), judge(document, &account, &request)) {
        (Ok(named), Ok(account)) => (named, account),
        (Err(reason), _) | (_, Err(reason)) => return Access::Unknown(reason),
    };
    let denies = Judgement::Denied(Decision::ExplicitDeny);
    match (named, account) {
        (named, account) if named == denies || account == denies => Access::Denied,
        (Judgement::Allowed, _) => Access::Allowed,
        (_, Judgement::Allowed) => access(&mut notes.powers, role, &need),
        (Judgement::Unknown(key), _) | (_, Judgement::Unknown(key)) => Access::Unknown(not_known(&key)),
        (Judgement::Denied(_), Judgement::Denied(_)) => Access::Denied,
    }
}

/// The statements of a key's policy that name a role, and those that name its account, without their principals.
fn statements(document: &Value, role: &Role, account: &str) -> Result<(Vec<Value>, Vec<Value>), String> {
    let all: Vec<&Value> = match &document["Statement"] {
        Value::Array(statements) => statements.iter().collect(),
        statement @ Value::Object(_) => vec![statement],
        _ => return Err("the key's policy cannot be read".to_owned()),
    };
    let (mut named, mut of_account) = (Vec::new(), Vec::new());
    for statement in all {
        if statement.get("NotPrincipal").is_some() {
            return Err("the key's policy has `NotPrincipal`, which is not evaluated".to_owned());
        }
        let principal = &statement["Principal"];
        let principals: Vec<&str> = match (principal, &principal["AWS"]) {
            (Value::String(text), _) | (_, Value::String(text)) => vec![text.as_str()],
            (_, Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let session = format!(":assumed-role/{}/", role.name);
        let names_role = |text: &&str| **text == *"*" || **text == *role.arn || text.contains(&session);
        let names_account = |text: &&str| **text == *account || text.ends_with(&format!("::{account}:root"));
        let mut bare = statement.clone();
        if let Some(members) = bare.as_object_mut() {
            members.remove("Principal");
            // The resource in a key's policy is always the key, whatever the policy says.
            members.insert("Resource".to_owned(), json!("*"));
        }
        if principals.iter().any(names_role) {
            named.push(bare);
        } else if principals.iter().any(names_account) {
            of_account.push(bare);
        }
    }
    Ok((named, of_account))
}

fn judge(document: &Value, statements: &[Value], request: &Request) -> Result<Judgement, String> {
    if statements.is_empty() {
        return Ok(Judgement::Denied(Decision::ImplicitDeny));
    }
    let version = document["Version"].as_str().unwrap_or("2012-10-17");
    let policy = json!({ "Version": version, "Statement": statements });
    let policies = Policies::new(&[policy]).map_err(|error| format!("the key's policy: {error}"))?;
    Ok(policies.judge(request))
}
