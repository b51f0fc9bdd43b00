//! Makes a fleet from a file with a few lines for each instance. `docs/sandbox-fleets.md` is its manual.
//!
//! The whole file is checked before the account is changed, and a file that fails half way changes nothing.

mod instances;
mod keys;
mod loader;
mod past;
mod reader;

use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::fleet::Instance;
use super::kms;
use super::store::State;
use super::{Sandbox, SandboxError};
use reader::Reader;

/// The largest file, in bytes.
const LARGEST: usize = 1 << 20;
/// The most instances of a region.
const MOST: usize = 10_000;

/// What is wrong with a fleet file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", shown(.0))]
pub struct ScenarioError(pub Vec<ScenarioProblem>);

fn shown(problems: &[ScenarioProblem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// One problem and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioProblem {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for ScenarioProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// The result of loading a fleet file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedFleet {
    /// The region.
    pub region: String,
    /// The number of instances in the file.
    pub instances: usize,
    /// The number of backup jobs: those of its history, and those that it lists one by one.
    pub jobs: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    region: Spanned<String>,
    account: Option<Spanned<String>>,
    #[serde(default)]
    fleet: Merge,
    history: Option<Spanned<String>>,
    #[serde(default, rename = "instance")]
    instances: Vec<Spanned<instances::Row>>,
    #[serde(default, rename = "key")]
    keys: Vec<keys::Key>,
    #[serde(default, rename = "call")]
    calls: Vec<Spanned<Call>>,
    #[serde(default, rename = "association")]
    associations: Vec<past::Association>,
    #[serde(default, rename = "job")]
    jobs: Vec<past::Job>,
}

/// What happens to the instances that the region has already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Merge {
    /// They are removed.
    #[default]
    Replace,
    /// They stay, unless the file has one of the same name.
    Add,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    service: String,
    operation: String,
    #[serde(default)]
    input: Value,
}

/// The content of a file whose form is right.
struct ReadFleet<'a> {
    region: String,
    account: String,
    /// How long ago the history begins, in milliseconds.
    history: Option<i64>,
    instances: Vec<Instance>,
    /// The keys of all volumes of these instances; `None` for a volume that is not encrypted.
    volume_keys: Vec<(String, Option<&'a String>)>,
    keys: Vec<(String, kms::Key)>,
    associations: Vec<past::ReadAssociation<'a>>,
    jobs: Vec<past::ReadJob<'a>>,
}

impl Sandbox {
    /// Makes the fleet of a file (its text, as `docs/sandbox-fleets.md` describes it), makes its calls, and fills in
    /// the past: its associations and jobs, and the backups that the region's plans would have made in its history.
    ///
    /// # Errors
    /// When the file is wrong; the account is unchanged then. The outer error is about the sandbox's own file.
    pub fn load_fleet(&self, text: &str) -> Result<Result<LoadedFleet, ScenarioError>, SandboxError> {
        self.lock().change(|state| {
            let mut draft = state.clone();
            let loaded = load(&mut draft, text);
            if loaded.is_ok() {
                *state = draft;
            }
            loaded
        })
    }
}

fn load(state: &mut State, text: &str) -> Result<LoadedFleet, ScenarioError> {
    let mut reader = Reader { text, now: state.clock.now(), problems: Vec::new() };
    let Some(scenario) = reader.scenario() else { return Err(ScenarioError(reader.problems)) };
    let fleet = reader.fleet(&scenario);
    if !reader.problems.is_empty() {
        return Err(ScenarioError(reader.problems));
    }
    let instances = fleet.instances.len();
    match loader::load(state, &scenario, fleet) {
        Ok(jobs) => Ok(LoadedFleet { region: scenario.region.into_inner(), instances, jobs }),
        Err((place, message)) => {
            reader.problem(place, message);
            Err(ScenarioError(reader.problems))
        }
    }
}

#[cfg(test)]
#[path = "scenario_tests.rs"]
mod tests;
