//! What every command that talks to AWS begins with: the file, the clients, the account guard, the refresh.

use crate::model::safe::escaped;
use crate::observe::Observed;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::arguments::{Global, Pruning, Scoping};
use super::exit::{CliError, Exit};
use super::file;
use super::ui::Ui;
use crate::aws::{
    Caller, Clients, ConnectError, ConnectOptions, ErrorKind, Fence, GuardError, NO_CREDENTIALS, Reader, guard,
};
use crate::config;
use crate::config::Config;
use crate::kind::KindLive;
use crate::model::Sources;
use crate::model::{Address, Diagnostic, Diagnostics, Severity};
use crate::plan::Plan;
use crate::plan::build::{self, Input, Options};
use crate::plan::check;
use crate::plan::file::{LIFETIME, Occasion, SavedPlan};
use crate::render::diagnostics::{Style, render_one};
use crate::sandbox::Sandbox;
use crate::{observe, render};

/// What each kind read, by the kind's name.

/// How long nothing is said while AWS does not answer the first call.
const SILENCE: Duration = Duration::from_secs(5);

/// The parsed file, with its texts for underlining.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) path: PathBuf,
    pub(super) config: Config,
    pub(super) sources: Sources,
    /// Problems that do not stop the run.
    pub(super) warnings: usize,
}

/// Finds and parses the file. Its problems go to stderr; with errors among them there is no file.
pub(super) fn load(global: &Global, ui: &Ui) -> Result<Loaded, CliError> {
    let path = file::find(global)?;
    let config::Loaded { config, diagnostics, sources } = config::load(&path);
    ui.aside(&problems(&diagnostics, &sources, ui));
    let shown = path.display();
    match config {
        Some(config) if !diagnostics.has_errors() => Ok(Loaded { path, config, sources, warnings: diagnostics.len() }),
        Some(_) | None => Err(CliError::invalid(format!("`{shown}` is not valid: {}", counted(&diagnostics)))
            .hint("`vssctl explain CODE` says more about a code")),
    }
}

/// Renders problems, an empty line after each.
fn problems<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>, sources: &Sources, ui: &Ui) -> String {
    let style = Style { colour: true, width: ui.width() };
    diagnostics.into_iter().map(|diagnostic| render_one(diagnostic, sources, style) + "\n\n").collect()
}

/// Counts problems in words.
fn counted(diagnostics: &Diagnostics) -> String {
    match diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count() {
        1 => "1 error".to_owned(),
        errors => format!("{errors} errors"),
    }
}

/// A file and the account that it is for.
pub(super) struct Session<'a> {
    pub(super) loaded: Loaded,
    pub(super) clients: Clients,
    pub(super) ui: &'a Ui,
    /// The account is the simulated one.
    pub(super) sandbox: bool,
    /// Who we are.
    pub(super) caller: Caller,
    /// The clock of the run, and what its calls go through once there is a lease.
    pub(super) fence: Arc<Fence>,
    /// The options that another command needs to mean the same file and account, each after a blank.
    pub(super) options_of_same: String,
    /// A date before the newest read of everything, in milliseconds since 1970 by AWS's clock.
    read_at: AtomicU64,
    /// The same moment on the run's own clock.
    read_on: AtomicU64,
}

impl<'a> Session<'a> {
    /// Loads the file, connects, and makes sure that the credentials are the file's account's.
    pub(super) async fn open(global: &Global, ui: &'a Ui) -> Result<Self, CliError> {
        Self::open_for(load(global, ui)?, global, ui).await
    }

    /// Connects for a file that is loaded, and makes sure that the credentials are its account's.
    pub(super) async fn open_for(loaded: Loaded, global: &Global, ui: &'a Ui) -> Result<Self, CliError> {
        let scope = loaded.config.scope.clone();
        let mut options = ConnectOptions::new(scope.clone());
        options.profile.clone_from(&global.profile);
        options.endpoint_url.clone_from(&global.endpoint_url);
        options.allow_endpoint = global.allow_endpoint;
        let sandbox = match &global.sandbox {
            Some(named) => Some(open_sandbox(&file::sandbox(named))?),
            None => None,
        };
        if let Some(sandbox) = &sandbox {
            options.http_client = Some(sandbox.http_client());
            // A twelve-digit access key names the simulated account.
            options.credentials =
                Some(aws_credential_types::Credentials::new(&scope.account_id, "sandbox", None, None, "sandbox"));
        }
        ui.status("asking AWS who we are");
        let clients = Box::pin(Clients::connect(options)).await.map_err(refused_connection)?;
        let reader = clients.reader();
        let mut asked = Box::pin(guard(&reader, &scope));
        let answered = if let Ok(answered) = tokio::time::timeout(SILENCE, &mut asked).await {
            answered
        } else {
            ui.note("Still waiting for AWS to say who we are: it is tried for a minute and a half.");
            asked.await
        };
        compare_clocks(clients.ahead(), global.writes, ui)?;
        let caller = answered.map_err(|error| guarded(error, global.profile.as_deref()))?;
        // Simulators of AWS on this machine call everybody root.
        if caller.is_root() && sandbox.is_none() && !clients.is_local() {
            return Err(CliError::refused("nothing was read or changed: these are the credentials of the root user")
                .hint("choose a role or user with `--profile`; `vssctl permissions` prints what it needs"));
        }
        let (fence, read_at, read_on) = (Arc::default(), AtomicU64::default(), AtomicU64::default());
        let options_of_same = options_of_same(global);
        Ok(Self { loaded, clients, ui, sandbox: sandbox.is_some(), caller, fence, options_of_same, read_at, read_on })
    }

    /// Returns a date before the newest read of everything, in milliseconds since 1970 by AWS's clock.
    pub(super) fn read_at(&self) -> u64 {
        self.read_at.load(Ordering::SeqCst)
    }

    /// Returns how many milliseconds ago everything was read.
    pub(super) fn age(&self) -> u64 {
        self.fence.now().saturating_sub(self.read_on.load(Ordering::SeqCst))
    }

    /// Returns the time by AWS's clock: the machine that plans and the one that applies may each be wrong in its own way.
    pub(super) fn now(&self) -> Timestamp {
        let date = i64::try_from(self.clients.date()).ok().filter(|date| *date > 0);
        date.and_then(|date| Timestamp::from_millisecond(date).ok()).unwrap_or_else(Timestamp::now)
    }

    /// Reads what is live.
    pub(super) async fn refresh(&self) -> Observed {
        self.read().await.1
    }

    /// Reads what is live, and returns the client that did, for a closer look.
    async fn read(&self) -> (Reader, Observed) {
        self.ui.status("reading what is live");
        self.read_at.store(self.clients.date(), Ordering::SeqCst);
        self.read_on.store(self.fence.now(), Ordering::SeqCst);
        let reader = self.clients.reader();
        let live = observe::refresh(&reader, &self.loaded.config.desired).await;
        self.ui.clear_status();
        (reader, live)
    }

    /// Compares the file with what is live, and returns both. Targets that nothing has are errors.
    pub(super) async fn plan(&self, options: &Options) -> Result<(Plan, Observed), CliError> {
        let (plan, live) = self.build(options).await?;
        let stranger = options.targets.iter().find(|target| {
            !plan.changes.iter().any(|change| change.address == **target)
                && !plan.orphans.iter().any(|orphan| orphan.address == **target)
        });
        match stranger {
            Some(target) => Err(self.unknown(&target.to_string())),
            None => Ok((plan, live)),
        }
    }

    /// Compares the file with what is live, and returns both. The plan has passed a checker that is not the planner.
    pub(super) async fn build(&self, options: &Options) -> Result<(Plan, Observed), CliError> {
        let (reader, mut live) = self.read().await;
        let config = &self.loaded.config;
        let plan = observe::plan(&reader, &mut live, |live| {
            build::build(&Input {
                scope: &config.scope,
                config_sha256: &config.sha256,
                desired: &config.desired,
                live: &live.kinds,
                installed: &live.installed,
                options,
            })
        })
        .await;
        if let [violation, ..] = check::violations(&plan, &live.kinds).as_slice() {
            return Err(CliError::failed(format!("the plan breaks its own rules: {violation}"))
                .hint("nothing was changed; this is a defect of vssctl: please report it with the file"));
        }
        Ok((plan, live))
    }

    /// Makes the saved form of a plan.
    pub(super) fn saved(
        &self,
        plan: &Plan,
        live: &[(&'static str, KindLive)],
        options: &Options,
        lifetime: Option<SignedDuration>,
    ) -> SavedPlan {
        let occasion =
            Occasion { caller_arn: self.caller.arn.clone(), now: self.now(), lifetime: lifetime.unwrap_or(LIFETIME) };
        SavedPlan::new(plan, &self.loaded.config.desired, live, options, &occasion)
    }

    /// Names the account for questions, so that nobody takes the real one for the simulated one.
    pub(super) fn place(&self) -> String {
        let scope = &self.loaded.config.scope;
        let sort = if self.sandbox { "the simulated account" } else { "account" };
        format!("{sort} {}, {}", escaped(&scope.account_id), escaped(&scope.region))
    }

    /// Renders a plan's problems, an empty line after each.
    pub(super) fn problems(&self, plan: &Plan) -> String {
        problems(&plan.diagnostics, &self.loaded.sources, self.ui)
    }

    /// Renders a plan for people; `command` carries it out.
    pub(super) fn render(&self, plan: &Plan, command: &str) -> String {
        render_plan(plan, &self.loaded.sources, command, self.ui)
    }

    /// Makes a plan's options from the arguments.
    pub(super) fn options(&self, scoping: &Scoping, pruning: Option<&Pruning>) -> Result<Options, CliError> {
        // What the file no longer has may be there all the same: such targets are looked for in the plan.
        let parsed = scoping.target.iter().map(|text| text.parse().map_err(|_| self.unknown(text)));
        let targets = parsed.collect::<Result<_, _>>()?;
        Ok(Options {
            targets,
            prune: pruning.is_some_and(|pruning| pruning.prune),
            max_deletions: pruning.and_then(|pruning| pruning.max_deletions),
            thresholds: self.loaded.config.thresholds,
            ..Options::default()
        })
    }

    /// Parses addresses of things of the file.
    pub(super) fn addresses(&self, texts: &[String]) -> Result<Vec<Address>, CliError> {
        let known = |address: &Address| self.loaded.config.desired.iter().any(|desired| desired.address == *address);
        texts.iter().map(|text| text.parse().ok().filter(known).ok_or_else(|| self.unknown(text))).collect()
    }

    /// Makes the error of an address that nothing has.
    fn unknown(&self, text: &str) -> CliError {
        let known: Vec<String> = self.loaded.config.desired.iter().map(|desired| desired.address.to_string()).collect();
        let error = CliError::invalid(format!("there is no `{text}` in `{}`", self.loaded.path.display()));
        match nearest(text, &known) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("the file has {}", listed(&known))),
        }
    }
}

/// Compares the machine's clock with AWS's, which is so many milliseconds ahead. AWS refuses what is signed five
/// minutes from its own time, and a lease is worth what its holder's clock is worth: a machine that far off writes
/// nothing.
fn compare_clocks(ahead: Option<i64>, writes: bool, ui: &Ui) -> Result<(), CliError> {
    let Some((message, apart)) = ahead.and_then(clocks_apart) else { return Ok(()) };
    let mend = "set the machine's clock, such as by `timedatectl set-ntp true` or `w32tm /resync`, and run it again";
    if writes && apart > TOO_FAR {
        return Err(CliError::refused(format!("nothing was changed: {message}"))
            .hint(mend)
            .hint("if the clock is right, a proxy changes the `Date` of AWS's answers: go without it"));
    }
    ui.warn(&format!("{message}: {mend}"));
    Ok(())
}

/// More milliseconds apart than this is told, and than that keeps from writing.
const FAR: u64 = 60_000;
const TOO_FAR: u64 = 300_000;

/// Says how far apart the clocks are, where that is worth a word.
fn clocks_apart(ahead: i64) -> Option<(String, u64)> {
    let apart = ahead.unsigned_abs();
    let direction = if ahead > 0 { "behind" } else { "ahead of" };
    let seconds = apart / 1000;
    let length =
        if seconds < 120 { format!("{seconds} s") } else { format!("{} min {} s", seconds / 60, seconds % 60) };
    (apart > FAR).then(|| (format!("this machine's clock is {length} {direction} AWS's"), apart))
}

/// Writes the options of a command line that another one needs to mean the same file and account.
fn options_of_same(global: &Global) -> String {
    let mut line = String::new();
    let mut add = |option: &str, value: Option<&std::ffi::OsStr>| {
        let value = value.map(|value| shell_word(&value.to_string_lossy()));
        line = format!("{line} {option}{}", value.unwrap_or_default());
    };
    if let Some(folder) = &global.chdir {
        add("--chdir ", Some(folder.as_os_str()));
    }
    if let Some(file) = &global.file {
        add("--file ", Some(file.as_os_str()));
    }
    match &global.sandbox {
        Some(file) if file.is_empty() => add("--sandbox", None),
        Some(file) => add("--sandbox=", Some(file)),
        None => {}
    }
    if let Some(profile) = &global.profile {
        add("--profile ", Some(profile.as_ref()));
    }
    if let Some(url) = &global.endpoint_url {
        add("--endpoint-url ", Some(url.as_ref()));
    }
    if global.allow_endpoint {
        add("--allow-endpoint", None);
    }
    escaped(&line)
}

/// Quotes a word for a shell where it needs quotes.
fn shell_word(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Renders a plan for people; `command` carries it out.
pub(super) fn render_plan(plan: &Plan, sources: &Sources, command: &str, ui: &Ui) -> String {
    let problems = problems(&plan.diagnostics, sources, ui);
    render::text::plan(plan, &problems, command, ui.width())
}

/// Says how a plan alone ends a run: refused things weigh more than unreadable ones.
pub(super) fn verdict(plan: &Plan) -> Exit {
    if plan.has_refused() {
        Exit::Refused
    } else if plan.has_unknown() || plan.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        Exit::Failed
    } else {
        Exit::Done
    }
}

/// Opens the simulated account.
pub(super) fn open_sandbox(path: &Path) -> Result<Sandbox, CliError> {
    // The default folder is ours: what is in it belongs in no commit.
    if path.parent().is_some_and(|folder| folder.ends_with(file::FOLDER)) {
        file::make_folder(path)?;
    }
    Sandbox::open(path)
        .map_err(|error| CliError::failed(format!("could not open the sandbox `{}`", path.display())).because(error))
}

fn refused_connection(error: ConnectError) -> CliError {
    match error {
        ConnectError::Endpoint(_) => CliError::refused("the endpoint is refused")
            .because(error)
            .hint("`--allow-endpoint` lets signed calls go there"),
        ConnectError::Url(_) => CliError::invalid("there is no such endpoint")
            .because(error)
            .hint("`--endpoint-url`, AWS_ENDPOINT_URL and a profile's `endpoint_url` take `https://HOST[:PORT]`"),
        ConnectError::CaBundle { .. } | ConnectError::Certificates { .. } => {
            CliError::invalid("could not set up the connection").because(error)
        }
    }
}

fn guarded(error: GuardError, profile: Option<&str>) -> CliError {
    match error {
        // Without a code nobody was asked: there is nothing to ask with.
        GuardError::Identity(error) if error.kind == ErrorKind::Credentials && error.code.is_none() => {
            let message = match profile {
                Some(profile) => format!("no AWS credentials in the profile `{profile}`"),
                None => "no AWS credentials found".to_owned(),
            };
            tracing::debug!(%error, "no credentials");
            let detail = error.message.clone();
            let failed = CliError::failed(message);
            let failed = if detail == NO_CREDENTIALS { failed } else { failed.because(detail) };
            failed
                .hint("name a profile with `--profile`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
                .hint("`--sandbox` needs none: it is a simulated account")
        }
        GuardError::Identity(error) => CliError::from(error),
        GuardError::Account { .. } | GuardError::Partition { .. } => {
            CliError::refused("wrong account: nothing was read or changed")
                .because(error)
                .hint("choose other credentials with `--profile`, or another file with `--file`")
        }
    }
}

/// Finds the candidate that was probably meant.
pub(super) fn nearest<'a>(text: &str, candidates: &'a [String]) -> Option<&'a str> {
    let likeness = |candidate: &str| {
        let key = candidate.split_once('.').map_or(candidate, |(_, key)| key);
        let (text, candidate, key) = (text.to_lowercase(), candidate.to_lowercase(), key.to_lowercase());
        strsim::jaro_winkler(&text, &candidate).max(strsim::jaro_winkler(&text, &key))
    };
    candidates
        .iter()
        .map(|candidate| (likeness(candidate), candidate.as_str()))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// Lists a few names in a sentence.
fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    match (names.len(), names.len().checked_sub(MOST)) {
        (0, _) => "nothing in it".to_owned(),
        (_, Some(more @ 1..)) => format!("{} and {more} more", shown.join(", ")),
        (_, _) => shown.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::arguments::Arguments;
    use super::*;

    #[test]
    fn clocks_are_told_apart_with_direction_and_length() {
        assert_eq!(clocks_apart(60_000), None);
        assert_eq!(clocks_apart(-60_000), None);
        let said = |ahead| clocks_apart(ahead).expect("apart").0;
        assert_eq!(said(61_000), "this machine's clock is 61 s behind AWS's");
        assert_eq!(said(-301_500), "this machine's clock is 5 min 1 s ahead of AWS's");
    }

    #[test]
    fn the_options_of_a_run_are_written_so_that_a_shell_reads_them_back() {
        let options = |line: &[&str]| {
            let words = ["vssctl"].iter().chain(line).chain(&["plan"]);
            options_of_same(&Arguments::parse_from(words).global)
        };
        assert_eq!(options(&[]), "");
        assert_eq!(options(&["--sandbox"]), " --sandbox");
        assert_eq!(options(&["--sandbox=a b.json", "-f", "it's.toml"]), r" --file 'it'\''s.toml' --sandbox='a b.json'");
        assert_eq!(
            options(&["-C", "x", "--profile", "p", "--endpoint-url", "http://127.0.0.1:1", "--allow-endpoint"]),
            " --chdir x --profile p --endpoint-url http://127.0.0.1:1 --allow-endpoint"
        );
    }
}
