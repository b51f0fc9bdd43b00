//! What is known of each writing operation, as data: whether it may be sent again when its answer is lost, which errors say
//! that it was done before, and which errors pass by themselves.
//!
//! AWS's words were taken from the service models and the API references; `docs/reliability.md` explains the classes.

/// What a second request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Puts the same value again.
    Idempotent,
    /// Meets the first one at its unique name.
    Keyed,
    /// Is taken for the first one by its token.
    Token,
    /// Does it again: never sent twice before somebody has waited and looked.
    Nothing,
}

/// One writing operation.
#[derive(Debug)]
pub struct Operation {
    /// The IAM action, such as `iam:CreateRole`.
    pub action: &'static str,
    /// What a second request does.
    pub class: Class,
    /// Codes that say that what was asked for is so already.
    pub done: &'static [&'static str],
    /// Codes that may say so: a look at the thing decides.
    pub perhaps: &'static [&'static str],
    /// Errors that pass once AWS knows everywhere what was just made: code, and part of the message in lower case.
    pub passing: &'static [(&'static str, &'static str)],
}

const fn operation(action: &'static str, class: Class) -> Operation {
    Operation { action, class, done: &[], perhaps: &[], passing: &[] }
}

impl Operation {
    const fn done(mut self, codes: &'static [&'static str]) -> Self {
        self.done = codes;
        self
    }

    const fn perhaps(mut self, codes: &'static [&'static str]) -> Self {
        self.perhaps = codes;
        self
    }

    const fn passing(mut self, errors: &'static [(&'static str, &'static str)]) -> Self {
        self.passing = errors;
        self
    }

    fn name(&self) -> &'static str {
        self.action.split_once(':').map_or(self.action, |(_, name)| name)
    }
}

use Class::{Idempotent, Keyed, Nothing, Token};

const GONE: &[&str] = &["NoSuchEntity", "NoSuchEntityException"];
const MISSING: &[&str] = &["ResourceNotFoundException"];
const TAKEN: &[&str] = &["EntityAlreadyExists", "EntityAlreadyExistsException"];
/// A role, profile or policy that was just made.
const UNSEEN: &[(&str, &str)] = &[("NoSuchEntity", "")];
const UNSEEN_PRINCIPAL: &[(&str, &str)] = &[("MalformedPolicyDocument", "invalid principal in policy")];
/// An instance profile that was just made, or whose role was just put in.
const UNSEEN_PROFILE: &[(&str, &str)] = &[
    ("InvalidParameterValue", "invalid iam instance profile"),
    ("InvalidParameterValue", "has no associated iam roles"),
    ("IncorrectState", "instanceidentityprofilenotfound"),
];
const HELD: &[(&str, &str)] = &[("DeleteConflict", "")];

/// Every operation that vssctl writes with.
pub const OPERATIONS: &[Operation] = &[
    operation("iam:CreateRole", Keyed).perhaps(TAKEN).passing(UNSEEN_PRINCIPAL),
    operation("iam:UpdateRole", Idempotent).passing(UNSEEN),
    operation("iam:UpdateAssumeRolePolicy", Idempotent)
        .passing(&[("NoSuchEntity", ""), ("MalformedPolicyDocument", "invalid principal in policy")]),
    operation("iam:PutRolePermissionsBoundary", Idempotent).passing(UNSEEN),
    operation("iam:DeleteRolePermissionsBoundary", Keyed).done(GONE),
    operation("iam:AttachRolePolicy", Idempotent).passing(UNSEEN),
    operation("iam:DetachRolePolicy", Keyed).done(GONE),
    operation("iam:PutRolePolicy", Idempotent).passing(UNSEEN),
    operation("iam:DeleteRolePolicy", Keyed).done(GONE),
    operation("iam:DeleteRole", Keyed).done(GONE).passing(HELD),
    operation("iam:TagRole", Idempotent).passing(UNSEEN),
    operation("iam:UntagRole", Idempotent).done(GONE),
    // Looks before a deletion: what is gone already is as good as deleted.
    operation("iam:GetRole", Idempotent).done(GONE),
    operation("iam:GetInstanceProfile", Idempotent).done(GONE),
    operation("iam:GetPolicy", Idempotent).done(GONE),
    operation("backup:ListTags", Idempotent).done(MISSING),
    operation("backup:ListBackupVaults", Idempotent),
    operation("ssm:ListTagsForResource", Idempotent).done(&["InvalidResourceId"]),
    operation("iam:CreatePolicy", Keyed).perhaps(TAKEN),
    // Each call makes a version, of which AWS keeps five.
    operation("iam:CreatePolicyVersion", Nothing).passing(UNSEEN),
    operation("iam:DeletePolicyVersion", Keyed).done(GONE),
    operation("iam:DeletePolicy", Keyed).done(GONE).passing(HELD),
    operation("iam:TagPolicy", Idempotent).passing(UNSEEN),
    operation("iam:UntagPolicy", Idempotent).done(GONE),
    operation("iam:CreateInstanceProfile", Keyed).perhaps(TAKEN),
    // A profile holds one role: "too many" may mean ours.
    operation("iam:AddRoleToInstanceProfile", Keyed).perhaps(&["LimitExceeded", "EntityAlreadyExists"]).passing(UNSEEN),
    operation("iam:RemoveRoleFromInstanceProfile", Keyed).done(GONE),
    operation("iam:DeleteInstanceProfile", Keyed).done(GONE).passing(HELD),
    operation("iam:TagInstanceProfile", Idempotent).passing(UNSEEN),
    operation("iam:UntagInstanceProfile", Idempotent).done(GONE),
    // The kinds know their own token in `AlreadyExistsException` and take it for the answer.
    operation("backup:CreateBackupVault", Token),
    operation("backup:PutBackupVaultAccessPolicy", Idempotent)
        .passing(&[("InvalidParameterValueException", "invalid principal in policy")]),
    operation("backup:DeleteBackupVaultAccessPolicy", Keyed).done(MISSING),
    operation("backup:PutBackupVaultNotifications", Idempotent),
    operation("backup:DeleteBackupVaultNotifications", Keyed).done(MISSING),
    operation("backup:PutBackupVaultLockConfiguration", Idempotent),
    operation("backup:DeleteBackupVaultLockConfiguration", Keyed).done(MISSING),
    operation("backup:DeleteBackupVault", Keyed).done(MISSING),
    operation("backup:CreateBackupPlan", Token),
    // Each call makes a version, of which AWS keeps 2,000.
    operation("backup:UpdateBackupPlan", Nothing),
    operation("backup:DeleteBackupPlan", Keyed)
        .done(MISSING)
        .passing(&[("InvalidRequestException", "selections must be deleted")]),
    operation("backup:CreateBackupSelection", Token).passing(&[
        ("InvalidParameterValueException", "cannot be assumed"),
        ("InvalidParameterValueException", "is not authorized to call"),
    ]),
    // AWS answers a selection that is gone with the code of every wrong parameter.
    operation("backup:DeleteBackupSelection", Keyed).done(MISSING).perhaps(&["InvalidParameterValueException"]),
    operation("backup:StartBackupJob", Token).passing(&[
        ("InvalidParameterValueException", "cannot be assumed"),
        ("InvalidParameterValueException", "is not authorized to call"),
    ]),
    operation("backup:TagResource", Idempotent),
    operation("backup:UntagResource", Idempotent).done(MISSING),
    operation("backup:UpdateRegionSettings", Idempotent),
    // Creating and updating runs the document at once.
    operation("ssm:CreateAssociation", Nothing).perhaps(&["AssociationAlreadyExists"]).passing(&[("InvalidRole", "")]),
    operation("ssm:UpdateAssociation", Nothing).perhaps(&["InvalidAssociationVersion"]),
    operation("ssm:DeleteAssociation", Keyed).done(&["AssociationDoesNotExist"]),
    // A record that is made once: "it exists" says that another run was faster, or that an answer was lost.
    operation("ssm:PutParameter", Nothing),
    operation("ssm:SendCommand", Nothing),
    // It waits for what a command does, as AWS's waiter `command-executed`.
    operation("ssm:GetCommandInvocation", Idempotent),
    operation("ssm:AddTagsToResource", Idempotent),
    // An instance carries one profile at most: the first one is met at the instance.
    operation("ec2:AssociateIamInstanceProfile", Keyed).perhaps(&["IncorrectState"]).passing(UNSEEN_PROFILE),
    // Makes a new association: the old id leads nowhere any more, and a look at the instance decides.
    operation("ec2:ReplaceIamInstanceProfileAssociation", Keyed)
        .perhaps(&["InvalidAssociationID.NotFound"])
        .passing(UNSEEN_PROFILE),
    operation("ec2:DisassociateIamInstanceProfile", Keyed).done(&["InvalidAssociationID.NotFound"]),
    operation("ssm:RemoveTagsFromResource", Idempotent).done(&["InvalidResourceId"]),
];

/// Errors of any operation that pass by themselves.
const PASSING: &[&str] =
    &["ConcurrentModification", "ConcurrentModificationException", "EntityTemporarilyUnmodifiable", "TooManyUpdates"];

/// What is assumed of an operation that is not in the table: the least.
const UNKNOWN: &Operation = &operation("", Nothing);

/// Finds an operation by its IAM action.
pub fn find(action: &str) -> &'static Operation {
    OPERATIONS.iter().find(|operation| operation.action == action).unwrap_or(UNKNOWN)
}

/// Tells whether AWS says that something made a moment ago is not visible yet, or is being changed.
pub(super) fn passes(operation: &str, code: &str, message: &str) -> bool {
    let message = message.to_lowercase();
    PASSING.contains(&code)
        || OPERATIONS
            .iter()
            .filter(|known| known.name() == operation)
            .flat_map(|known| known.passing)
            .any(|(expected, part)| *expected == code && message.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_without_a_token_are_never_sent_twice_blindly() {
        for action in
            ["ssm:SendCommand", "ssm:CreateAssociation", "ssm:UpdateAssociation", "backup:UpdateBackupPlan", "x:New"]
        {
            assert_eq!(find(action).class, Class::Nothing, "{action}");
        }
    }

    #[test]
    fn an_operation_stands_in_the_table_once() {
        let names: std::collections::BTreeSet<&str> = OPERATIONS.iter().map(|known| known.action).collect();
        assert_eq!(names.len(), OPERATIONS.len());
    }
}
