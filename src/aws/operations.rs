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

/// When the looks of a step are made again before an operation is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// Right before every sending: it gives privileges, can't be taken back, or says whose an object is, and it names
    /// the object by a name that may be another one's by then.
    Always,
    /// Once what the plan saw is older than ten seconds.
    WhenOld,
    /// Never: the object is named by an id that nothing else ever has.
    Never,
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
    /// When the looks of its step are made.
    pub looks: Looks,
}

const fn operation(action: &'static str, class: Class) -> Operation {
    Operation { action, class, done: &[], perhaps: &[], passing: &[], looks: Looks::WhenOld }
}

/// An operation that names its object by a name, and that would do harm to another object of that name.
const fn guarded(action: &'static str, class: Class) -> Operation {
    Operation { looks: Looks::Always, ..operation(action, class) }
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
    guarded("iam:UpdateAssumeRolePolicy", Idempotent)
        .passing(&[("NoSuchEntity", ""), ("MalformedPolicyDocument", "invalid principal in policy")]),
    guarded("iam:PutRolePermissionsBoundary", Idempotent).passing(UNSEEN),
    guarded("iam:DeleteRolePermissionsBoundary", Keyed).done(GONE),
    guarded("iam:AttachRolePolicy", Idempotent).passing(UNSEEN),
    guarded("iam:DetachRolePolicy", Keyed).done(GONE),
    guarded("iam:PutRolePolicy", Idempotent).passing(UNSEEN),
    guarded("iam:DeleteRolePolicy", Keyed).done(GONE),
    guarded("iam:DeleteRole", Keyed).done(GONE).passing(HELD),
    guarded("iam:TagRole", Idempotent).passing(UNSEEN),
    guarded("iam:UntagRole", Idempotent).done(GONE),
    // Looks: a name that nothing has any more.
    operation("iam:GetRole", Idempotent).done(GONE),
    operation("iam:GetInstanceProfile", Idempotent).done(GONE),
    operation("iam:GetPolicy", Idempotent).done(GONE),
    operation("backup:ListTags", Idempotent).done(MISSING),
    operation("backup:ListBackupVaults", Idempotent),
    operation("backup:GetBackupPlan", Idempotent).done(MISSING),
    operation("ssm:ListTagsForResource", Idempotent).done(&["InvalidResourceId"]),
    operation("iam:CreatePolicy", Keyed).perhaps(TAKEN),
    // Each call makes a version, of which AWS keeps five.
    guarded("iam:CreatePolicyVersion", Nothing).passing(UNSEEN),
    guarded("iam:DeletePolicyVersion", Keyed).done(GONE),
    guarded("iam:DeletePolicy", Keyed).done(GONE).passing(HELD),
    guarded("iam:TagPolicy", Idempotent).passing(UNSEEN),
    guarded("iam:UntagPolicy", Idempotent).done(GONE),
    operation("iam:CreateInstanceProfile", Keyed).perhaps(TAKEN),
    // A profile holds one role: "too many" may mean ours.
    guarded("iam:AddRoleToInstanceProfile", Keyed).perhaps(&["LimitExceeded", "EntityAlreadyExists"]).passing(UNSEEN),
    guarded("iam:RemoveRoleFromInstanceProfile", Keyed).done(GONE),
    guarded("iam:DeleteInstanceProfile", Keyed).done(GONE).passing(HELD),
    guarded("iam:TagInstanceProfile", Idempotent).passing(UNSEEN),
    guarded("iam:UntagInstanceProfile", Idempotent).done(GONE),
    // The kinds know their own token in `AlreadyExistsException` and take it for the answer.
    operation("backup:CreateBackupVault", Token),
    guarded("backup:PutBackupVaultAccessPolicy", Idempotent)
        .passing(&[("InvalidParameterValueException", "invalid principal in policy")]),
    guarded("backup:DeleteBackupVaultAccessPolicy", Keyed).done(MISSING),
    guarded("backup:PutBackupVaultNotifications", Idempotent),
    guarded("backup:DeleteBackupVaultNotifications", Keyed).done(MISSING),
    guarded("backup:PutBackupVaultLockConfiguration", Idempotent),
    guarded("backup:DeleteBackupVaultLockConfiguration", Keyed).done(MISSING),
    guarded("backup:DeleteBackupVault", Keyed).done(MISSING),
    operation("backup:CreateBackupPlan", Token),
    // Each call makes a version, of which AWS keeps 2,000.
    operation("backup:UpdateBackupPlan", Nothing),
    guarded("backup:DeleteBackupPlan", Keyed)
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
    guarded("backup:TagResource", Idempotent),
    guarded("backup:UntagResource", Idempotent).done(MISSING),
    operation("backup:UpdateRegionSettings", Idempotent),
    // Creating and updating runs the document at once.
    operation("ssm:CreateAssociation", Nothing).perhaps(&["AssociationAlreadyExists"]).passing(&[("InvalidRole", "")]),
    operation("ssm:UpdateAssociation", Nothing).perhaps(&["InvalidAssociationVersion"]),
    guarded("ssm:DeleteAssociation", Keyed).done(&["AssociationDoesNotExist"]),
    // A record that is made once: "it exists" says that another run was faster, or that an answer was lost.
    operation("ssm:PutParameter", Nothing),
    operation("ssm:SendCommand", Nothing),
    // It waits for what a command does, as AWS's waiter `command-executed`.
    operation("ssm:GetCommandInvocation", Idempotent),
    operation("ssm:AddTagsToResource", Idempotent),
    // An instance carries one profile at most: the first one is met at the instance.
    guarded("ec2:AssociateIamInstanceProfile", Keyed).perhaps(&["IncorrectState"]).passing(UNSEEN_PROFILE),
    // Makes a new association: the old id leads nowhere any more, and a look at the instance decides.
    guarded("ec2:ReplaceIamInstanceProfileAssociation", Keyed)
        .perhaps(&["InvalidAssociationID.NotFound"])
        .passing(UNSEEN_PROFILE),
    Operation {
        looks: Looks::Never,
        ..operation("ec2:DisassociateIamInstanceProfile", Keyed).done(&["InvalidAssociationID.NotFound"])
    },
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
