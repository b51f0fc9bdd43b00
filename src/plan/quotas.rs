//! Quotas that a plan would go beyond: said beforehand, in place of failures in the middle of a run.
//!
//! How many there are, and how many there may be, is in `Input::quotas`; nothing is read here. A quota refuses nothing:
//! AWS raises these on request, and whether it did is known of IAM's alone.

use super::Input;
use super::draft::Draft;
use crate::kinds;
use crate::model::{Action, Diagnostic, KindId};

/// AWS's default quotas: how many resources of a kind an account has at most, or, in AWS Backup, each region of it.
/// Sources: the pages of quotas of IAM and of AWS Backup.
pub const DEFAULTS: [(KindId, usize); 5] = [
    (KindId::Policy, 1500),
    (KindId::Role, 1000),
    (KindId::InstanceProfile, 1000),
    (KindId::Vault, 300),
    (KindId::Plan, 300),
];

/// A quota that a plan comes near.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    /// What is counted.
    pub kind: KindId,
    /// How many there are, whoever they belong to.
    pub used: usize,
    /// How many there may be.
    pub most: Most,
}

/// How many there may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Most {
    /// AWS says that it is so many.
    Own(usize),
    /// AWS's default; whether the account has another quota is not known.
    Default(usize),
    /// AWS's default: the account's own quota could not be read.
    Unread {
        /// AWS's default.
        most: usize,
        /// The IAM action to allow.
        action: String,
    },
}

impl Quota {
    /// Returns how many there may be.
    const fn most(&self) -> usize {
        match self.most {
            Most::Own(most) | Most::Default(most) | Most::Unread { most, .. } => most,
        }
    }

    /// Tells whether so many more are too many.
    pub const fn is_exceeded_by(&self, made: usize) -> bool {
        made > 0 && self.used + made > self.most()
    }
}

/// Warns of the quotas that the plan goes beyond. What it deletes goes last, and makes no room for what it makes.
pub(super) fn exceeded(input: &Input<'_>, drafts: &[Draft<'_>]) -> Vec<Diagnostic> {
    let made = |kind| drafts.iter().filter(|draft| draft.action == Action::Create && draft.kind.id() == kind).count();
    let exceeded = input.quotas.iter().filter(|quota| quota.is_exceeded_by(made(quota.kind)));
    exceeded.map(|quota| warning(input, quota, made(quota.kind))).collect()
}

fn warning(input: &Input<'_>, quota: &Quota, made: usize) -> Diagnostic {
    let (used, most) = (quota.used, quota.most());
    let is_global = kinds::of(quota.kind).iam_resource().is_some();
    let holder = if is_global { "the account".to_owned() } else { format!("`{}`", input.scope.region) };
    let plural = if made == 1 { "" } else { "s" };
    let allowed = match quota.most {
        Most::Own(_) => format!("the quota of {holder} is {most}"),
        Most::Default(_) | Most::Unread { .. } => format!("AWS allows {most} by default"),
    };
    let all = used + made;
    let message = format!(
        "the plan makes {made} {}{plural}, and {holder} has {used}: that is {all}, and {allowed}",
        kinds::of(quota.kind).title()
    );
    let failing = made.min(all - most);
    let raise = format!("ask AWS for a higher quota first (Service Quotas), or {failing} of them will fail");
    let diagnostic = Diagnostic::warning("VSS0923", message);
    match &quota.most {
        Most::Own(_) => diagnostic.help(raise),
        Most::Default(_) => {
            diagnostic.help(raise).help("the quota is adjustable: where it is raised already, all is well")
        }
        Most::Unread { action, .. } => {
            diagnostic.help(raise).help(format!("allow `{action}` to the caller to know the account's own quota"))
        }
    }
}
