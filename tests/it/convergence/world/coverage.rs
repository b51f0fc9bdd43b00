//! What the histories of a run reached: keys of the schema, writing operations, hazards, faults, lenses and meddlings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{LazyLock, Mutex, PoisonError};

use vssctl::model::Operation;
use vssctl::model::operation::Effect;
use vssctl::plan::Hazard;

/// What random histories hardly ever reach: a file that takes away what it declared before with an empty value, an
/// attachment that changes hands, hazards of other people's things. The tests of the kinds and of the hazards do.
pub(crate) const RARE: [&str; 10] = [
    "DeleteBackupVaultAccessPolicy",
    "DeleteBackupVaultNotifications",
    "DeleteRolePermissionsBoundary",
    "DisassociateIamInstanceProfile",
    "ReplaceIamInstanceProfileAssociation",
    "competing-association",
    "retention-orphan",
    "shared-resource",
    "unknown-field-dropped",
    "vss-disabled",
];

/// The faults of the random histories. The other ones, a proxy's and those of permissions, are in the fault matrix.
const FAULTS: [&str; 9] =
    ["FailAfter", "Hang", "LateCommit", "ResetAfter", "ResetBefore", "ServerError", "Stale", "Throttle", "Truncated"];

/// What was reached, by sort, with how often.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage(BTreeMap<&'static str, BTreeMap<String, u64>>);

static REACHED: LazyLock<Mutex<Coverage>> = LazyLock::new(Mutex::default);

/// Counts what a history reached.
pub(crate) fn note(sort: &'static str, names: impl IntoIterator<Item = impl Into<String>>) {
    let mut reached = REACHED.lock().unwrap_or_else(PoisonError::into_inner);
    let counted = reached.0.entry(sort).or_default();
    for name in names {
        *counted.entry(name.into()).or_default() += 1;
    }
}

/// Counts what a history reached several times.
pub(crate) fn add(sort: &'static str, names: impl IntoIterator<Item = (&'static str, u64)>) {
    let mut reached = REACHED.lock().unwrap_or_else(PoisonError::into_inner);
    let counted = reached.0.entry(sort).or_default();
    for (name, times) in names {
        *counted.entry(name.to_owned()).or_default() += times;
    }
}

/// Counts a key that had to be taken out of a file again.
pub(crate) fn note_repair(table: &str, key: &str) {
    note("taken out again", [format!("{table}.{key}")]);
}

/// What was reached so far.
pub(crate) fn reached() -> Coverage {
    REACHED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

impl Coverage {
    /// What was not reached of what there is.
    pub(crate) fn holes(&self, sort: &str, all: &BTreeSet<String>) -> Vec<String> {
        let counted = self.0.get(sort);
        all.iter().filter(|name| counted.is_none_or(|counted| !counted.contains_key(*name))).cloned().collect()
    }

    /// How often something was reached.
    pub(crate) fn times(&self, sort: &str, name: &str) -> u64 {
        self.0.get(sort).and_then(|counted| counted.get(name)).copied().unwrap_or_default()
    }

    /// What was reached of a sort.
    pub(crate) fn names(&self, sort: &str) -> Vec<&str> {
        self.0.get(sort).into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    /// One line for each sort: how many were reached, and which was reached least.
    pub(crate) fn lines(&self, all: &BTreeMap<&'static str, BTreeSet<String>>) -> Vec<String> {
        let line = |(sort, all): (&&'static str, &BTreeSet<String>)| {
            let holes = self.holes(sort, all);
            let of = |name: &String| self.times(sort, name);
            let least = all.iter().filter(|name| of(name) > 0).min_by_key(|name| of(name));
            let least = least.map(|name| format!("; least often `{name}`, {} times", of(name))).unwrap_or_default();
            let none = if holes.is_empty() { String::new() } else { format!("; none of {}", holes.join(", ")) };
            format!("{sort}: {} of {}{least}{none}", all.len() - holes.len(), all.len())
        };
        let taken_out = self.0.get("taken out again").into_iter().flatten();
        let taken_out: Vec<String> = taken_out.map(|(key, times)| format!("`{key}` {times} times")).collect();
        let repairs = (!taken_out.is_empty()).then(|| format!("taken out of a file again: {}", taken_out.join(", ")));
        all.iter().map(line).chain(repairs).collect()
    }
}

/// What there is, by sort.
pub(crate) fn all() -> BTreeMap<&'static str, BTreeSet<String>> {
    let names = |names: &mut dyn Iterator<Item = String>| names.collect::<BTreeSet<_>>();
    BTreeMap::from([
        ("keys", super::schema::all()),
        ("hazards", names(&mut Hazard::ALL.into_iter().map(|hazard| hazard.name().to_owned()))),
        ("operations", names(&mut operations())),
        ("faults", names(&mut FAULTS.into_iter().map(str::to_owned))),
        ("lenses", names(&mut super::lens::names())),
        ("meddlings", names(&mut super::super::account::meddlings())),
    ])
}

/// The operations that an apply can write with. An on-demand backup is none, and `DeleteParameters` clears up after many
/// leases.
fn operations() -> impl Iterator<Item = String> {
    let others = [Operation::StartBackupJob, Operation::DeleteParameters];
    let writes = move |operation: &Operation| operation.known().effect != Effect::Reads && !others.contains(operation);
    Operation::ALL.iter().copied().filter(writes).map(|operation| operation.name().to_owned())
}
