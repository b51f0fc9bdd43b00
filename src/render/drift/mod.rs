//! How AWS differs from the file: for people, for an issue, for code scanning and for metrics. What is worst comes
//! first. Text from AWS is escaped, and stands in Markdown only within fences.

mod issue;
mod prometheus;
mod sarif;
mod text;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

pub use issue::{issue, markdown};
pub use prometheus::prometheus;
pub use sarif::sarif;
pub use text::text;

use super::envelope::{Envelope, Verdict};
use crate::model::{Address, Scope};
use crate::plan::Plan;
use crate::plan::drift::{Drifted, Severity};

/// What a run found.
#[derive(Clone, Debug)]
pub struct Drift<'a> {
    /// The plan that the differences are from.
    pub plan: &'a Plan,
    /// The differences, the worst first.
    pub found: &'a [Drifted],
    /// The title's scope.
    pub scope: &'a Scope,
}

impl Drift<'_> {
    /// Counts the differences of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.found.iter().filter(|one| one.severity == severity).count()
    }

    /// Lists the resources that could not be read or are refused: what is so about them is not known.
    pub fn undecided(&self) -> Vec<&Address> {
        use crate::model::Action;
        let is_one = |action: Action| matches!(action, Action::Unknown | Action::Refused);
        self.plan.changes.iter().filter(|change| is_one(change.action)).map(|change| &change.address).collect()
    }

    /// Tells whether all was read, and nothing differs.
    pub fn is_clean(&self) -> bool {
        self.found.is_empty() && self.plan.verdict() == crate::plan::Verdict::Clean
    }

    /// Says in one line what was found.
    pub fn verdict(&self) -> String {
        let counts: Vec<String> = Severity::ALL
            .into_iter()
            .filter(|severity| self.count(*severity) > 0)
            .map(|severity| format!("{} {severity}", self.count(severity)))
            .collect();
        let undecided = self.undecided().len();
        let unread = (undecided > 0).then(|| format!("{undecided} not known"));
        let parts: Vec<String> = counts.into_iter().chain(unread).collect();
        match (parts.is_empty(), self.is_clean()) {
            (false, _) => parts.join(", "),
            (true, true) => "no drift".to_owned(),
            (true, false) => "no drift in what could be read".to_owned(),
        }
    }
}

/// The answer of `drift --format json`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DriftAnswer {
    /// The differences, the worst first.
    pub findings: Vec<Drifted>,
    /// The resources that could not be read or are refused.
    pub undecided: Vec<Address>,
}

/// Returns the envelope of what was found.
pub fn envelope(drift: &Drift<'_>) -> Envelope<DriftAnswer> {
    let undecided: Vec<Address> = drift.undecided().into_iter().cloned().collect();
    let of = |severity: Severity| (severity.name(), drift.count(severity));
    let counts = [
        of(Severity::ProtectionLost),
        of(Severity::SecurityWidened),
        of(Severity::Functional),
        of(Severity::Cosmetic),
        ("unknown", undecided.len()),
    ];
    let verdict = Verdict::of_proof(!drift.found.is_empty(), drift.plan.verdict() != crate::plan::Verdict::Clean);
    let answer = DriftAnswer { findings: drift.found.to_vec(), undecided };
    Envelope::new("drift", Some(drift.scope), verdict, counts, answer)
}

/// Groups the differences by severity, the worst first.
fn groups<'a>(found: &'a [Drifted]) -> Vec<(Severity, Vec<&'a Drifted>)> {
    let mut by: BTreeMap<Severity, Vec<&'a Drifted>> = BTreeMap::new();
    for one in found {
        by.entry(one.severity).or_default().push(one);
    }
    by.into_iter().rev().collect()
}
