//! A fleet from a file of a few lines an instance: `docs/sandbox-fleets.md` is its manual.
//!
//! Everything is checked before anything changes, and a file that goes wrong half way changes nothing.

mod keys;
mod past;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use super::account::Context;
use super::fleet::{Ailment, Fleet, Instance, PackageChange, Platform};
use super::kms::Key;
use super::store::State;
use super::wire::DEFAULT_ACCOUNT;
use super::{Sandbox, SandboxError, backup, dispatch, made};
use crate::model::duration;
use crate::model::scope::partition_of;

/// The largest file, in bytes.
const LARGEST: usize = 1 << 20;
/// The most instances of a region.
const MOST: usize = 10_000;
const MINUTE: i64 = 60_000;
/// How long ago an instance was launched that does not say.
const LAUNCHED: i64 = 400 * 24 * 60 * MINUTE;

/// The systems, as a file names them: the name and version that Systems Manager shows.
const SYSTEMS: [(&str, Platform, &str, &str); 10] = [
    ("2008R2", Platform::Windows, "Microsoft Windows Server 2008 R2 Standard", "6.1.7601"),
    ("2012", Platform::Windows, "Microsoft Windows Server 2012 Standard", "6.2.9200"),
    ("2012R2", Platform::Windows, "Microsoft Windows Server 2012 R2 Standard", "6.3.9600"),
    ("2016", Platform::Windows, "Microsoft Windows Server 2016 Datacenter", "10.0.14393"),
    ("2019", Platform::Windows, "Microsoft Windows Server 2019 Datacenter", "10.0.17763"),
    ("2022", Platform::Windows, "Microsoft Windows Server 2022 Datacenter", "10.0.20348"),
    ("2025", Platform::Windows, "Microsoft Windows Server 2025 Datacenter", "10.0.26100"),
    ("windows-10", Platform::Windows, "Microsoft Windows 10 Pro", "10.0.19045"),
    ("windows-11", Platform::Windows, "Microsoft Windows 11 Pro", "10.0.22631"),
    ("linux", Platform::Linux, "Amazon Linux", "2023"),
];

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
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, and what would do.
    pub message: String,
}

impl fmt::Display for ScenarioProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// What a fleet file made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedFleet {
    /// The region.
    pub region: String,
    /// The instances of the file.
    pub instances: usize,
    /// The backup jobs of its history, and those that it tells of one by one.
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
    instances: Vec<Spanned<Row>>,
    #[serde(default, rename = "key")]
    keys: Vec<keys::Key>,
    #[serde(default, rename = "call")]
    calls: Vec<Spanned<Call>>,
    #[serde(default, rename = "association")]
    associations: Vec<past::Association>,
    #[serde(default, rename = "job")]
    jobs: Vec<past::Job>,
}

/// What becomes of the instances that are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Merge {
    /// They go.
    #[default]
    Replace,
    /// They stay, unless the file has one of the same name.
    Add,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: Spanned<String>,
    count: Option<Spanned<usize>>,
    os: Option<Spanned<String>>,
    #[serde(rename = "type")]
    instance_type: Option<Spanned<String>>,
    state: Option<Spanned<String>>,
    agent: Option<Spanned<String>>,
    silent: Option<Spanned<String>>,
    launched: Option<Spanned<String>>,
    package: Option<Spanned<String>>,
    installed: Option<Spanned<String>>,
    profile: Option<Spanned<String>>,
    #[serde(default)]
    ailments: BTreeSet<Ailment>,
    volumes: Option<Spanned<Vec<String>>>,
    volume_key: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    service: String,
    operation: String,
    #[serde(default)]
    input: Value,
}

impl Sandbox {
    /// Makes the fleet of a file (its text, as `docs/sandbox-fleets.md` describes it), makes its calls, and fills in
    /// the past: its associations and jobs, and the backups that the region's plans would have made in its history.
    ///
    /// # Errors
    /// When the file is wrong: nothing was changed then. The outer error is about the sandbox's own file.
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

/// Collects what is wrong with a text.
struct Reader<'a> {
    text: &'a str,
    now: i64,
    problems: Vec<ScenarioProblem>,
}

impl Reader<'_> {
    fn problem(&mut self, at: usize, message: impl Into<String>) {
        let before = &self.text[..at.min(self.text.len())];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.problems.push(ScenarioProblem { line, column, message: message.into() });
    }

    /// Reads a duration as milliseconds.
    fn ago(&mut self, text: Option<&Spanned<String>>) -> Option<i64> {
        let text = text?;
        match duration::minutes::parse(text.get_ref()) {
            Ok(minutes) if minutes <= 4000 * 24 * 60 => Some(i64::from(minutes) * MINUTE),
            Ok(_) => {
                self.problem(text.span().start, format!("`{}` is more than 4000 days", text.get_ref()));
                None
            }
            Err(error) => {
                self.problem(text.span().start, format!("{error}: {}", error.help()));
                None
            }
        }
    }

    /// Checks a text that has to be of some form.
    fn formed(&mut self, text: Option<&Spanned<String>>, fits: fn(&str) -> bool, form: &str) -> Option<String> {
        let text = text?;
        if !fits(text.get_ref()) {
            self.problem(text.span().start, format!("`{}` is no {form}", text.get_ref().escape_debug()));
        }
        Some(text.get_ref().clone())
    }
}

fn is_version(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.split('.').all(|part| part.parse::<u32>().is_ok())
}

fn is_type(text: &str) -> bool {
    let fits = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    text.split_once('.').is_some_and(|(family, size)| {
        !family.is_empty() && !size.is_empty() && text.len() <= 32 && fits(family) && fits(size)
    })
}

fn is_name(text: &str) -> bool {
    (1..=100).contains(&text.chars().count())
        && text.chars().all(|letter| letter.is_alphanumeric() || "-_.".contains(letter))
}

fn is_profile(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@-_".contains(&byte))
}

fn is_state(text: &str) -> bool {
    matches!(text, "running" | "stopped")
}

fn is_region(text: &str) -> bool {
    text.len() <= 32
        && text.split('-').count() >= 3
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Tells whether a text that may be broken is recognisably a scenario: what the reader of TOML says may quote it, and
/// it may be anybody's file.
fn is_scenario(text: &str) -> bool {
    let (document, _) = toml::de::DeTable::parse_recoverable(text);
    let document = document.get_ref();
    let is_region = document.get("region").and_then(|region| region.get_ref().as_str()).is_some_and(is_region);
    is_region || ["instance", "call"].iter().any(|key| document.get(*key).is_some_and(|rows| rows.get_ref().is_array()))
}

fn load(state: &mut State, text: &str) -> Result<LoadedFleet, ScenarioError> {
    let now = state.clock.now();
    let mut reader = Reader { text, now, problems: Vec::new() };
    if text.len() > LARGEST {
        reader.problem(0, "the file is larger than 1 MiB");
        return Err(ScenarioError(reader.problems));
    }
    let scenario: Scenario = match toml::from_str(text) {
        Ok(scenario) => scenario,
        Err(error) => {
            // The name of a key that is missing is ours.
            let is_ours = is_scenario(text) || error.message().starts_with("missing field");
            let message = if is_ours { error.message() } else { "this is no scenario file: no line of it is shown" };
            reader.problem(error.span().map_or(0, |span| span.start), message);
            return Err(ScenarioError(reader.problems));
        }
    };
    let region = reader.formed(Some(&scenario.region), is_region, "region").unwrap_or_default();
    let account = reader.formed(scenario.account.as_ref(), is_account, "account id of twelve digits");
    let account = account.unwrap_or_else(|| DEFAULT_ACCOUNT.to_owned());
    let history = reader.ago(scenario.history.as_ref());
    let mut instances = Vec::new();
    let mut volume_keys: Vec<(String, Option<&String>)> = Vec::new();
    for row in &scenario.instances {
        let made = reader.row(row.get_ref(), &account, &region, instances.len());
        for instance in made {
            let volumes = instance.volumes.iter().map(|(_, volume)| volume.clone());
            volume_keys.extend(volumes.map(|volume| (volume, row.get_ref().volume_key.as_ref())));
            if instances.iter().any(|other: &Instance| other.name == instance.name) {
                reader.problem(row.get_ref().name.span().start, format!("there are two instances `{}`", instance.name));
            }
            instances.push(instance);
        }
        if instances.len() > MOST {
            reader.problem(row.span().start, format!("that is more than {MOST} instances"));
            break;
        }
    }
    let keys: Vec<(String, Key)> = scenario.keys.iter().map(|key| reader.key(key, &region)).collect();
    let mut associations: Vec<_> = scenario.associations.iter().map(|row| reader.association(row)).collect();
    // Each installs over what the ones before it left.
    associations.sort_by_key(past::ReadAssociation::at);
    let past: Vec<_> = scenario.jobs.iter().map(|row| reader.job(row)).collect();
    if !reader.problems.is_empty() {
        return Err(ScenarioError(reader.problems));
    }
    let count = instances.len();
    let held = state.held(&account);
    let (account, serial) = (&account, &mut held.serial);
    let mut context = Context {
        account: &mut held.account,
        account_id: account,
        region: &region,
        partition: partition_of(&region),
        now,
        serial,
        caught_up: false,
    };
    let fleet = &mut context.region_mut().fleet;
    if scenario.fleet == Merge::Replace {
        *fleet = Fleet::default();
    }
    fleet.instances.extend(instances.into_iter().map(|instance| (instance.id.clone(), instance)));
    let region_of = context.region_mut();
    region_of.kms.keys.extend(keys);
    for (volume, key) in volume_keys {
        match key {
            Some(key) => region_of.ec2.volume_keys.insert(volume, key.clone()),
            None => region_of.ec2.volume_keys.remove(&volume),
        };
    }
    for call in &scenario.calls {
        let Call { service, operation, input } = call.get_ref();
        let input = if input.is_null() { serde_json::json!({}) } else { input.clone() };
        backup::settle(&mut context);
        if let Err(error) = dispatch(&mut context, service, operation, &input) {
            reader
                .problem(call.span().start, format!("{service}:{operation} failed: {}: {}", error.code, error.message));
            return Err(ScenarioError(reader.problems));
        }
    }
    let told = Loader { context: &mut context }.make_past(&associations, &past, history);
    match told {
        Ok(jobs) => Ok(LoadedFleet { region, instances: count, jobs }),
        Err((place, message)) => {
            reader.problem(place, message);
            Err(ScenarioError(reader.problems))
        }
    }
}

/// The account into which a file is loaded. What goes wrong has its place in the file.
struct Loader<'a, 'b> {
    context: &'a mut Context<'b>,
}

impl Loader<'_, '_> {
    /// Makes what is over, in the order in which it came about: jobs decide by the packages that associations
    /// installed, and those of plans among those that the file tells of. Returns the number of jobs.
    fn make_past(
        &mut self,
        associations: &[past::ReadAssociation<'_>],
        jobs: &[past::ReadJob<'_>],
        history: Option<i64>,
    ) -> Result<usize, (usize, String)> {
        let now = self.context.now;
        for association in associations {
            self.associate(association)?;
        }
        self.catch_up();
        let ids = jobs.iter().map(|job| self.start(job)).collect::<Result<Vec<String>, _>>()?;
        let planned = history.map_or(0, |past| backup::run_schedules(self.context, now - past, now));
        backup::settle(self.context);
        for (job, id) in jobs.iter().zip(&ids) {
            self.end(job, id)?;
        }
        Ok(planned + jobs.len())
    }
}

impl Reader<'_> {
    /// The instances of a row; `before` is how many there are already.
    fn row(&mut self, row: &Row, account: &str, region: &str, before: usize) -> Vec<Instance> {
        let name = self.formed(Some(&row.name), is_name, "name of letters, digits and `-_.`").unwrap_or_default();
        let known: Vec<&str> = SYSTEMS.iter().map(|(name, ..)| *name).collect();
        let wanted = row.os.as_ref().map_or("2022", |os| os.get_ref());
        let Some((_, platform, os_name, os_version)) = SYSTEMS.iter().find(|(name, ..)| *name == wanted) else {
            let at = row.os.as_ref().map_or(0, |os| os.span().start);
            self.problem(at, format!("`{}` is no known system: one of {}", wanted.escape_debug(), known.join(", ")));
            return Vec::new();
        };
        let instance_type = self.formed(row.instance_type.as_ref(), is_type, "instance type such as `m6i.large`");
        let state = self.formed(row.state.as_ref(), is_state, "state: `running` or `stopped`");
        let agent = self.formed(row.agent.as_ref(), is_version, "version such as `3.3.1142.0`");
        let package = self.formed(row.package.as_ref(), is_version, "version such as `2.5.1`");
        let profile = self.formed(row.profile.as_ref(), is_profile, "name of an instance profile");
        let (silent, launched) = (self.ago(row.silent.as_ref()), self.ago(row.launched.as_ref()));
        let installed = self.ago(row.installed.as_ref());
        if let (Some(installed), None) = (&row.installed, &row.package) {
            self.problem(installed.span().start, "`installed` says when the `package` came, and there is none");
        }
        let count = row.count.as_ref().map_or(1, |count| *count.get_ref());
        if !(1..=MOST).contains(&count) {
            let at = row.count.as_ref().map_or(0, |count| count.span().start);
            self.problem(at, format!("`{count}` is not from 1 to {MOST}"));
            return Vec::new();
        }
        let devices = self.devices(row, *platform);
        let launched = self.now - launched.unwrap_or(LAUNCHED);
        let width = count.to_string().len();
        let make = |number: usize| {
            let name = if row.count.is_some() { format!("{name}-{number:0width$}") } else { name.clone() };
            let id = made::uuid_of(&format!("{account}/{region}/instance/{name}")).replace('-', "");
            let id = format!("i-0{}", &id[..16]);
            let place = before + number;
            let mut tags = row.tags.clone();
            tags.entry("Name".to_owned()).or_insert_with(|| name.clone());
            let change = package.clone().map(|version| PackageChange {
                package: "AwsVssComponents".to_owned(),
                version: Some(version),
                at: installed.map_or(launched, |ago| self.now - ago),
                by: "fleet".to_owned(),
            });
            Instance {
                platform: *platform,
                os_name: (*os_name).to_owned(),
                os_version: (*os_version).to_owned(),
                instance_type: instance_type.clone().unwrap_or_else(|| "m6i.large".to_owned()),
                agent_version: agent.clone().unwrap_or_else(|| "3.3.1142.0".to_owned()),
                silent_since: silent.map(|ago| self.now - ago),
                tags,
                instance_profile: profile
                    .as_ref()
                    .map(|profile| format!("arn:{}:iam::{account}:instance-profile/{profile}", partition_of(region))),
                ip_address: format!("10.{}.{}.{}", place / 62_500 % 250, place / 250 % 250, place % 250 + 4),
                computer_name: format!("{}.corp.example.com", name.to_uppercase()),
                launched,
                package_changes: change.into_iter().collect(),
                state: state.clone().unwrap_or_else(|| "running".to_owned()),
                volumes: devices.iter().map(|device| (device.clone(), volume(&id, device))).collect(),
                ailments: row.ailments.clone(),
                id,
                name,
            }
        };
        (1..=count).map(make).collect()
    }

    fn devices(&mut self, row: &Row, platform: Platform) -> Vec<String> {
        let usual = match platform {
            Platform::Windows => vec!["/dev/sda1".to_owned(), "xvdb".to_owned()],
            Platform::Linux => vec!["/dev/xvda".to_owned()],
        };
        let Some(given) = &row.volumes else { return usual };
        let names: BTreeSet<&String> = given.get_ref().iter().collect();
        if names.is_empty() || names.len() != given.get_ref().len() || names.len() > 128 {
            self.problem(given.span().start, "`volumes` lists 1 to 128 different device names, the root device first");
        }
        given.get_ref().clone()
    }
}

fn volume(instance: &str, device: &str) -> String {
    format!("vol-0{}", &made::uuid_of(&format!("{instance}{device}")).replace('-', "")[..16])
}

#[cfg(test)]
#[path = "scenario_tests.rs"]
mod tests;
