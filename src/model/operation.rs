//! The operations that vssctl writes with, as data: what a second request does, which errors say that it was done
//! before, which errors pass by themselves, and what it does to which object.
//!
//! AWS's words are taken from the service models and the API references; `docs/reliability.md` explains the classes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::kind_id::KindId;

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

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It changes nothing.
    Reads,
    /// It makes an object.
    Creates,
    /// It changes an object.
    Changes,
    /// It changes all of an object: what the request does not say is lost.
    Replaces(Object),
    /// It takes an object away.
    Deletes(Object),
}

/// How a request names the object that it takes away or replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// The kind of the object.
    pub kind: KindId,
    /// The member of the request that names it.
    pub member: &'static str,
    /// Which of the object's ids that is; none where it is the name.
    pub id: Option<&'static str>,
}

/// What is known of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    /// What a second request does.
    pub class: Class,
    /// Codes that say that what was asked for is so already.
    pub done: &'static [&'static str],
    /// Codes that may say so: a look at the object decides.
    pub perhaps: &'static [&'static str],
    /// Errors that pass once AWS knows everywhere what was just made: code, and part of the message in lower case.
    pub passing: &'static [(&'static str, &'static str)],
    /// When the looks of its step are made.
    pub looks: Looks,
    /// What it does.
    pub effect: Effect,
    /// It names its object by a name that another object may have by then, or takes away what another stack may have
    /// taken over: somebody looks first. A selection has neither: its id is its own, and it carries no marks.
    pub by_name: bool,
}

const fn of(class: Class) -> Known {
    Known {
        class,
        done: &[],
        perhaps: &[],
        passing: &[],
        looks: Looks::WhenOld,
        effect: Effect::Changes,
        by_name: false,
    }
}

/// An operation that names its object by a name, and that would do harm to another object of that name.
const fn guarded(class: Class) -> Known {
    Known { looks: Looks::Always, ..of(class) }
}

impl Known {
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

    const fn never_looks(mut self) -> Self {
        self.looks = Looks::Never;
        self
    }

    const fn reads(mut self) -> Self {
        self.effect = Effect::Reads;
        self
    }

    const fn creates(mut self) -> Self {
        self.effect = Effect::Creates;
        self
    }

    const fn replaces(mut self, kind: KindId, member: &'static str, id: Option<&'static str>) -> Self {
        self.effect = Effect::Replaces(Object { kind, member, id });
        self
    }

    const fn deletes(mut self, kind: KindId, member: &'static str, id: Option<&'static str>) -> Self {
        self.effect = Effect::Deletes(Object { kind, member, id });
        self
    }

    const fn by_name(mut self) -> Self {
        self.by_name = true;
        self
    }
}

use Class::{Idempotent, Keyed, Nothing, Token};

const GONE: &[&str] = &["NoSuchEntity", "NoSuchEntityException"];
const MISSING: &[&str] = &["ResourceNotFoundException"];
/// What AWS Backup answers while a role that was just created has not reached it.
const NEW_ROLE: &[(&str, &str)] = &[
    ("InvalidParameterValueException", "cannot be assumed"),
    ("InvalidParameterValueException", "is not authorized to call"),
];
const TAKEN_OR_OURS: &[&str] = &["AlreadyExistsException", "ConflictException"];
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

/// Makes the enumeration and what is known of each of its operations.
macro_rules! operations {
    ($($service:literal $name:ident: $known:expr;)*) => {
        /// An operation that vssctl writes with, or that a plan looks or waits with, by its IAM action.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "&'static str", try_from = "String")]
        pub enum Operation {
            $(
                #[doc = concat!("`", $service, ":", stringify!($name), "`.")]
                $name,
            )*
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the IAM action, such as `iam:CreateRole`.
            pub const fn action(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($service, ":", stringify!($name)),)*
                }
            }

            /// Returns what is known of it.
            pub fn known(self) -> &'static Known {
                match self {
                    $(Self::$name => const { &$known },)*
                }
            }
        }
    };
}

operations! {
    "iam" CreateRole: of(Keyed).perhaps(TAKEN).passing(UNSEEN_PRINCIPAL).creates();
    "iam" UpdateRole: of(Idempotent).passing(UNSEEN).by_name();
    "iam" UpdateAssumeRolePolicy: guarded(Idempotent)
        .passing(&[("NoSuchEntity", ""), ("MalformedPolicyDocument", "invalid principal in policy")])
        .by_name();
    "iam" PutRolePermissionsBoundary: guarded(Idempotent).passing(UNSEEN).by_name();
    "iam" DeleteRolePermissionsBoundary: guarded(Keyed).done(GONE).by_name();
    "iam" AttachRolePolicy: guarded(Idempotent).passing(UNSEEN).by_name();
    "iam" DetachRolePolicy: guarded(Keyed).done(GONE).by_name();
    "iam" PutRolePolicy: guarded(Idempotent).passing(UNSEEN).by_name();
    "iam" DeleteRolePolicy: guarded(Keyed).done(GONE).by_name();
    "iam" DeleteRole: guarded(Keyed)
        .done(GONE)
        .passing(HELD)
        .deletes(KindId::Role, "RoleName", None)
        .by_name();
    "iam" TagRole: guarded(Idempotent).passing(UNSEEN).by_name();
    "iam" UntagRole: guarded(Idempotent).done(GONE).by_name();
    // Looks: a name that nothing has any more.
    "iam" GetRole: of(Idempotent).done(GONE).reads();
    "iam" GetInstanceProfile: of(Idempotent).done(GONE).reads();
    "iam" GetPolicy: of(Idempotent).done(GONE).reads();
    "backup" ListTags: of(Idempotent).done(MISSING).reads();
    "backup" ListBackupVaults: of(Idempotent).reads();
    "backup" GetBackupPlan: of(Idempotent).done(MISSING).reads();
    "ssm" ListTagsForResource: of(Idempotent).done(&["InvalidResourceId"]).reads();
    "iam" CreatePolicy: of(Keyed).perhaps(TAKEN).creates();
    // Each call makes a version, of which AWS keeps five.
    "iam" CreatePolicyVersion: guarded(Nothing).passing(UNSEEN).by_name();
    "iam" DeletePolicyVersion: guarded(Keyed).done(GONE).by_name();
    "iam" DeletePolicy: guarded(Keyed)
        .done(GONE)
        .passing(HELD)
        .deletes(KindId::Policy, "PolicyArn", Some("Arn"))
        .by_name();
    "iam" TagPolicy: guarded(Idempotent).passing(UNSEEN).by_name();
    "iam" UntagPolicy: guarded(Idempotent).done(GONE).by_name();
    "iam" CreateInstanceProfile: of(Keyed).perhaps(TAKEN).creates();
    // A profile holds one role: "too many" may mean ours.
    "iam" AddRoleToInstanceProfile: guarded(Keyed)
        .perhaps(&["LimitExceeded", "EntityAlreadyExists"])
        .passing(UNSEEN)
        .by_name();
    "iam" RemoveRoleFromInstanceProfile: guarded(Keyed).done(GONE).by_name();
    "iam" DeleteInstanceProfile: guarded(Keyed)
        .done(GONE)
        .passing(HELD)
        .deletes(KindId::InstanceProfile, "InstanceProfileName", None)
        .by_name();
    "iam" TagInstanceProfile: guarded(Idempotent).passing(UNSEEN).by_name();
    "iam" UntagInstanceProfile: guarded(Idempotent).done(GONE).by_name();
    // The kinds know their own token in `AlreadyExistsException` and take it for the answer.
    "backup" CreateBackupVault: of(Token).creates();
    "backup" PutBackupVaultAccessPolicy: guarded(Idempotent)
        .passing(&[("InvalidParameterValueException", "invalid principal in policy")])
        .by_name();
    "backup" DeleteBackupVaultAccessPolicy: guarded(Keyed).done(MISSING).by_name();
    "backup" PutBackupVaultNotifications: guarded(Idempotent).by_name();
    "backup" DeleteBackupVaultNotifications: guarded(Keyed).done(MISSING).by_name();
    "backup" PutBackupVaultLockConfiguration: guarded(Idempotent).by_name();
    "backup" DeleteBackupVaultLockConfiguration: guarded(Keyed).done(MISSING).by_name();
    "backup" DeleteBackupVault: guarded(Keyed)
        .done(MISSING)
        .deletes(KindId::Vault, "BackupVaultName", None)
        .by_name();
    "backup" CreateBackupPlan: of(Token).creates();
    // Each call makes a version, of which AWS keeps 2,000.
    "backup" UpdateBackupPlan: of(Nothing).replaces(KindId::Plan, "BackupPlanId", Some("BackupPlanId"));
    "backup" DeleteBackupPlan: guarded(Keyed)
        .done(MISSING)
        .passing(&[("InvalidRequestException", "selections must be deleted")])
        .deletes(KindId::Plan, "BackupPlanId", Some("BackupPlanId"))
        .by_name();
    "backup" CreateBackupSelection: of(Token)
        .passing(NEW_ROLE)
        .creates();
    // AWS answers a selection that is gone with the code of every wrong parameter.
    "backup" DeleteBackupSelection: of(Keyed)
        .done(MISSING)
        .perhaps(&["InvalidParameterValueException"])
        .deletes(KindId::Selection, "SelectionId", Some("SelectionId"));
    "backup" GetRestoreTestingPlan: of(Idempotent).done(MISSING).reads();
    // AWS's pages do not say what a token is answered with: who meets a taken name looks whose it is.
    "backup" CreateRestoreTestingPlan: of(Keyed).perhaps(TAKEN_OR_OURS).creates();
    "backup" UpdateRestoreTestingPlan: guarded(Idempotent).by_name();
    "backup" DeleteRestoreTestingPlan: guarded(Keyed)
        .done(MISSING)
        .passing(&[("InvalidRequestException", "selections must be deleted")])
        .deletes(KindId::RestoreTest, "RestoreTestingPlanName", None)
        .by_name();
    "backup" CreateRestoreTestingSelection: guarded(Keyed)
        .perhaps(TAKEN_OR_OURS)
        .passing(&[("InvalidParameterValueException", "cannot be assumed"), ("ResourceNotFoundException", "")])
        .by_name();
    "backup" UpdateRestoreTestingSelection: guarded(Idempotent)
        .passing(&[("InvalidParameterValueException", "cannot be assumed")])
        .by_name();
    "backup" DeleteRestoreTestingSelection: guarded(Keyed).done(MISSING).by_name();
    "backup" StartBackupJob: of(Token)
        .passing(NEW_ROLE);
    "backup" TagResource: guarded(Idempotent);
    "backup" UntagResource: guarded(Idempotent).done(MISSING);
    "backup" UpdateRegionSettings: of(Idempotent);
    // Creating and updating runs the document at once.
    "ssm" CreateAssociation: of(Nothing)
        .perhaps(&["AssociationAlreadyExists"])
        .passing(&[("InvalidRole", "")])
        .creates();
    "ssm" UpdateAssociation: of(Nothing)
        .perhaps(&["InvalidAssociationVersion"])
        .replaces(KindId::Package, "AssociationId", Some("AssociationId"));
    "ssm" DeleteAssociation: guarded(Keyed)
        .done(&["AssociationDoesNotExist"])
        .deletes(KindId::Package, "AssociationId", Some("AssociationId"))
        .by_name();
    // A record that is made once: "it exists" says that another run was faster, or that an answer was lost.
    "ssm" PutParameter: of(Nothing);
    "ssm" SendCommand: of(Nothing);
    // It waits for what a command does, as AWS's waiter `command-executed`.
    "ssm" GetCommandInvocation: of(Idempotent).reads();
    "ssm" AddTagsToResource: of(Idempotent);
    // An instance carries one profile at most: the first one is met at the instance.
    "ec2" AssociateIamInstanceProfile: guarded(Keyed).perhaps(&["IncorrectState"]).passing(UNSEEN_PROFILE);
    // Makes a new association: the old id leads nowhere any more, and a look at the instance decides.
    "ec2" ReplaceIamInstanceProfileAssociation: guarded(Keyed)
        .perhaps(&["InvalidAssociationID.NotFound"])
        .passing(UNSEEN_PROFILE);
    "ec2" DisassociateIamInstanceProfile: of(Keyed).done(&["InvalidAssociationID.NotFound"]).never_looks();
    // Only the lease uses it: no plan does.
    "ssm" DeleteParameters: of(Idempotent);
    "ssm" RemoveTagsFromResource: of(Idempotent).done(&["InvalidResourceId"]);
}

impl Operation {
    /// Finds an operation by its IAM action.
    pub fn find(action: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.action() == action)
    }

    /// Returns the service's prefix in IAM actions, such as `iam`.
    pub fn service(self) -> &'static str {
        self.action().split_once(':').map_or("", |(service, _)| service)
    }

    /// Returns the name that the service has for it, such as `CreateRole`.
    pub fn name(self) -> &'static str {
        self.action().split_once(':').map_or(self.action(), |(_, name)| name)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.action())
    }
}

impl From<Operation> for &'static str {
    fn from(operation: Operation) -> Self {
        operation.action()
    }
}

/// Reports a text that is the action of no such operation.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is no operation of a plan")]
pub struct OperationError(pub String);

impl TryFrom<String> for Operation {
    type Error = OperationError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::find(&text).ok_or(OperationError(text))
    }
}

impl schemars::JsonSchema for Operation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Operation".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

/// Errors of any operation that pass by themselves.
const PASSING: &[&str] =
    &["ConcurrentModification", "ConcurrentModificationException", "EntityTemporarilyUnmodifiable", "TooManyUpdates"];

/// Tells whether AWS says that something made a moment ago is not visible yet, or is being changed. `operation` is the
/// name that the service has for it.
pub fn passes(operation: &str, code: &str, message: &str) -> bool {
    let message = message.to_lowercase();
    PASSING.contains(&code)
        || Operation::ALL
            .iter()
            .filter(|known| known.name() == operation)
            .flat_map(|known| known.known().passing)
            .any(|(expected, part)| *expected == code && message.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_without_a_token_are_never_sent_twice_blindly() {
        for operation in [
            Operation::SendCommand,
            Operation::CreateAssociation,
            Operation::UpdateAssociation,
            Operation::UpdateBackupPlan,
        ] {
            assert_eq!(operation.known().class, Class::Nothing, "{operation}");
        }
    }

    #[test]
    fn an_operation_is_found_by_its_action_and_by_no_other() {
        for operation in Operation::ALL {
            assert_eq!(Operation::find(operation.action()), Some(*operation));
        }
        assert_eq!(Operation::try_from("x:New".to_owned()), Err(OperationError("x:New".to_owned())));
    }

    #[test]
    fn what_an_operation_does_fits_its_name() {
        for operation in Operation::ALL {
            let name = operation.name();
            let starts = |verbs: &[&str]| verbs.iter().any(|verb| name.starts_with(verb));
            match operation.known().effect {
                Effect::Reads => assert!(starts(&["Get", "List", "Describe"]), "{name}"),
                Effect::Creates => assert!(starts(&["Create"]), "{name}"),
                Effect::Replaces(_) => assert!(starts(&["Update"]), "{name}"),
                Effect::Deletes(_) => assert!(starts(&["Delete"]), "{name}"),
                Effect::Changes => assert!(!starts(&["Get", "List", "Describe"]), "{name}"),
            }
        }
    }
}
