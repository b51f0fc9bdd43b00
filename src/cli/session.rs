//! What every command that talks to AWS begins with: the file, the clients, the account guard, the refresh.

use crate::model::safe::escaped;
use crate::observe::LiveAccount;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::arguments::{Global, Pruning, Scoping};
use super::exit::{CliError, Exit};
use super::file;
use super::invocation::{Medium, shell_word};
use super::names::{listed, nearest};
use super::shown::{self, counted, render_plan};
use super::spectator::Spectator;
use super::ui::Ui;
use super::{connection, lease, saved};
use crate::aws::ConnectOptions;
use crate::config;
use crate::config::Config;
use crate::config::consent;
use crate::engine::{self, EngineError, Purpose};
use crate::model::Consents;
use crate::model::consent::Allowance;
use crate::model::{Address, KindId, Scope};
use crate::model::{Diagnostics, Sources};
use crate::plan::Options;
use crate::plan::{Plan, Verdict};
use crate::render::text::Detail;
use crate::sandbox::Sandbox;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The parsed file, with its texts for underlining.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) path: PathBuf,
    pub(super) config: Config,
    pub(super) sources: Sources,
    /// Problems that do not stop the run.
    pub(super) problems: Diagnostics,
}

/// Finds and parses the file. Its problems go to stderr; with errors among them there is no file.
pub(super) fn load(global: &Global, ui: &Ui) -> Result<Loaded, CliError> {
    let path = file::find(global)?;
    let read = read(&path);
    accepted(path, read, ui)
}

/// Reads a file, and judges its consents by this machine's clock.
pub(super) fn read(path: &Path) -> config::Loaded {
    let mut read = config::load(path);
    if let Some(config) = &read.config {
        let today = TimeZone::UTC.to_datetime(Timestamp::now()).date();
        read.diagnostics.extend(consent::judged(&config.consents, today));
    }
    read
}

/// Prints the problems of a file that was read to stderr, and refuses one with errors.
pub(super) fn accepted(path: PathBuf, read: config::Loaded, ui: &Ui) -> Result<Loaded, CliError> {
    let config::Loaded { config, diagnostics, sources } = read;
    ui.aside(&shown::problems(&diagnostics, &sources, ui));
    let shown = path.display();
    match config {
        Some(config) if !diagnostics.has_errors() => Ok(Loaded { path, config, sources, problems: diagnostics }),
        Some(_) | None => Err(CliError::invalid(format!("`{shown}` is not valid: {}", counted(&diagnostics)))
            .hint("`vssctl explain CODE` says more about a code")),
    }
}

/// A file, the account that it is for, and how messages name both.
pub(super) struct Session<'a> {
    pub(super) engine: engine::Session,
    /// The file's path; of a run that applies a saved plan, the plan's.
    pub(super) path: PathBuf,
    /// The file's texts, for underlining.
    pub(super) sources: Sources,
    /// The file's problems that do not stop the run.
    pub(super) problems: Diagnostics,
    pub(super) ui: &'a Ui,
    /// The account is the simulated one.
    pub(super) sandbox: bool,
    /// The options that another command needs to mean the same file and account, each after a blank.
    pub(super) options_of_same: String,
}

impl<'a> Session<'a> {
    /// Loads the file, connects, and makes sure that the credentials are the file's account's.
    pub(super) async fn open(global: &Global, ui: &'a Ui) -> Result<Self, CliError> {
        Self::open_for(load(global, ui)?, global, ui).await
    }

    /// Connects for a file that is loaded, and makes sure that the credentials are its account's.
    pub(super) async fn open_for(loaded: Loaded, global: &Global, ui: &'a Ui) -> Result<Self, CliError> {
        let Loaded { path, config, sources, problems } = loaded;
        let mut options = connect_options(config.scope.clone(), global);
        let sandbox = match &global.sandbox {
            Some(named) => Some(open_sandbox(&file::sandbox(named))?),
            None => None,
        };
        if let Some(sandbox) = &sandbox {
            options.http_client = Some(sandbox.http_client());
            // A twelve-digit access key names the simulated account.
            let account_id = &config.scope.account_id;
            options.credentials =
                Some(aws_credential_types::Credentials::new(account_id, "sandbox", None, None, "sandbox"));
        }
        let purpose = Purpose { is_simulated: sandbox.is_some(), writes: global.writes };
        let opened = Box::pin(engine::Session::open(config, options, purpose, &Spectator(ui))).await;
        let mut engine = opened.map_err(|error| connection::unopened(error, global.profile.as_deref()))?;
        global.counted.begin(&engine);
        engine.tempo.timing = lease::timing(engine.tempo.timing, purpose.is_simulated, &engine.clients);
        let options_of_same = ui.invocation().options().to_owned();
        Ok(Self { engine, path, sources, problems, ui, sandbox: purpose.is_simulated, options_of_same })
    }

    /// Goes on with another file for the same account.
    pub(super) fn turn_to(&mut self, loaded: Loaded) {
        let Loaded { path, config, sources, problems } = loaded;
        (self.path, self.engine.config, self.sources, self.problems) = (path, config, sources, problems);
    }

    /// Reads what is live.
    pub(super) async fn refresh(&self) -> LiveAccount {
        self.engine.refresh(&Spectator(self.ui)).await
    }

    /// Compares the file with what is live, and returns both. Targets that nothing has are errors.
    pub(super) async fn plan(&self, options: &Options) -> Result<(Plan, LiveAccount), CliError> {
        let (mut plan, live) =
            self.engine.plan(options, &Spectator(self.ui)).await.map_err(|error| self.worded(error))?;
        let worded = |text: &mut String| *text = self.ui.worded(text, Medium::Text(usize::MAX));
        // The steps stay as they are: those of a saved plan must come out the same wherever it is applied.
        for problem in &mut plan.diagnostics {
            worded(&mut problem.message);
            problem.help.iter_mut().for_each(worded);
        }
        Ok((plan, live))
    }

    /// Says why a run ended, as far as its file and account tell. The rest is said where more of the run is known.
    pub(super) fn worded(&self, error: EngineError) -> CliError {
        let again = "plan again, and review what it says now";
        match error {
            EngineError::Defect(violation) => CliError::failed(format!("the plan breaks its own rules: {violation}"))
                .hint("nothing was changed; this is a defect of vssctl: please report it with the file"),
            EngineError::NoSuchTarget(target) => self.unknown(&target.to_string()),
            EngineError::Refusal(refusal) => saved::refused(&self.path, refusal),
            EngineError::NotReviewed { digest } => {
                CliError::new(Exit::Stale, "nothing was changed: this is not the plan that was reviewed")
                    .hint(format!("its digest is {digest}"))
                    .hint("review what it says now")
            }
            EngineError::Moved => {
                CliError::new(Exit::Stale, "nothing was changed: something has changed meanwhile").hint(again)
            }
            EngineError::Deaf(error) => CliError::failed("could not listen for Ctrl-C").because(error),
            EngineError::OutOfTime => CliError::failed("nothing was changed: the time of `--timeout` is over")
                .hint("give it more, or leave it out: a run waits for AWS's rate as long as it takes"),
            EngineError::Stopped => lease::stopped(),
            EngineError::Unread { address, action, message } => {
                CliError::failed(format!("could not see how far `{address}` is: {message}"))
                    .hint(format!("allow `{action}` to the credentials in use"))
            }
            EngineError::Aws(error) => CliError::from(error),
            EngineError::Lease(error) => lease::refused(&self.engine.config.scope.stack, &self.options_of_same, error),
            error @ (EngineError::Hazards(_) | EngineError::NobodyToAsk) => CliError::refused(error.to_string()),
        }
    }

    /// Names the account for questions, so that nobody takes the real one for the simulated one.
    pub(super) fn place(&self) -> String {
        let scope = &self.engine.config.scope;
        let sort = if self.sandbox { "the simulated account" } else { "account" };
        format!("{sort} {}, {}", escaped(&scope.account_id), escaped(&scope.region))
    }

    /// Renders a plan for people; `command` carries it out.
    pub(super) fn render(&self, plan: &Plan, command: &str, detail: Detail) -> String {
        render_plan(plan, &self.consents(&[]), &self.sources, (command, detail), self.ui)
    }

    /// Collects what is consented to: on the command line, and in the file by AWS's clock.
    pub(super) fn consents(&self, allowed: &[Allowance]) -> Consents {
        let today = TimeZone::UTC.to_datetime(self.engine.now()).date();
        let declared = self.engine.config.consents.iter();
        let declared = declared.filter(|consent| !consent.is_over(today) && !consent.is_too_long(today));
        Consents { allowed: allowed.to_vec(), declared: declared.cloned().collect() }
    }

    /// Writes the command that carries out a plan for the same, as somebody types it.
    pub(super) fn line(&self, operation: &str, options: &Options) -> String {
        let mut line = format!(" {operation}");
        for target in options.targets.iter().filter(|_| options.adopt.is_empty()) {
            let _ = write!(line, " --target {target}");
        }
        for address in &options.adopt {
            let id = options.adopt_ids.get(address).map(|id| format!("={id}")).unwrap_or_default();
            let _ = write!(line, " {}", shell_word(&format!("{address}{id}")));
        }
        if options.prune {
            line.push_str(" --prune");
        }
        if let Some(most) = options.max_deletions {
            let _ = write!(line, " --max-deletions {most}");
        }
        format!("vssctl{}{}", self.options_of_same, escaped(&line))
    }

    /// Makes a plan's options from the arguments.
    pub(super) fn options(&self, scoping: &Scoping, pruning: Option<&Pruning>) -> Result<Options, CliError> {
        // A target that the file no longer has may still exist. The plan looks for it.
        let parsed = scoping.target.iter().map(|text| text.parse().map_err(|_| self.unknown(text)));
        let targets = parsed.collect::<Result<_, _>>()?;
        if let Some(time) = scoping.timeout {
            self.engine.end_after(time);
        }
        Ok(Options {
            targets,
            prune: pruning.is_some_and(|pruning| pruning.prune),
            max_deletions: pruning.and_then(|pruning| pruning.max_deletions),
            thresholds: self.engine.config.thresholds,
            ..Options::default()
        })
    }

    /// Parses addresses of resources of the file.
    pub(super) fn addresses(&self, texts: &[String]) -> Result<Vec<Address>, CliError> {
        let known = |address: &Address| self.engine.config.desired.iter().any(|desired| desired.address == *address);
        texts.iter().map(|text| text.parse().ok().filter(known).ok_or_else(|| self.unknown(text))).collect()
    }

    /// Reads the addresses of what is adopted, each with AWS's id where it has one: `package.X=ID`.
    pub(super) fn adoptions(&self, texts: &[String]) -> Result<(Vec<Address>, BTreeMap<Address, String>), CliError> {
        let mut ids = BTreeMap::new();
        let mut addresses = Vec::new();
        for text in texts {
            let (address, id) = text.split_once('=').map_or((text.as_str(), None), |(address, id)| (address, Some(id)));
            let address = self.addresses(&[address.to_owned()])?.remove(0);
            if let Some(id) = id {
                if !matches!(address.kind(), KindId::Package | KindId::Plan) || id.is_empty() {
                    let error = CliError::invalid(format!("`{text}` names no association or plan by its id"));
                    let hint = "only associations and plans are adopted by an id: `vssctl adopt package.NAME=ID`";
                    return Err(error.hint(hint));
                }
                ids.insert(address.clone(), id.to_owned());
            }
            addresses.push(address);
        }
        Ok((addresses, ids))
    }

    /// Makes the error of an address that nothing has.
    pub(super) fn unknown(&self, text: &str) -> CliError {
        let known: Vec<String> = self.engine.config.desired.iter().map(|desired| desired.address.to_string()).collect();
        let error = CliError::invalid(format!("there is no `{text}` in `{}`", self.path.display()));
        match nearest(text, &known) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint(format!("the file has {}", listed(&known))),
        }
    }
}

/// Says how a plan alone ends a run: refused resources weigh more than unreadable ones.
pub(super) fn verdict(plan: &Plan) -> Exit {
    match plan.verdict() {
        Verdict::Refused => Exit::Refused,
        Verdict::Unread => Exit::Failed,
        Verdict::Clean => Exit::Done,
    }
}

/// Returns how AWS is reached.
pub(super) fn connect_options(scope: Scope, global: &Global) -> ConnectOptions {
    let mut options = ConnectOptions::new(scope);
    options.profile.clone_from(&global.profile);
    options.endpoint_url.clone_from(&global.endpoint_url);
    options.allow_endpoint = global.allow_endpoint;
    options.cache = file::cache(global);
    options
}

/// Opens the simulated account.
pub(super) fn open_sandbox(path: &Path) -> Result<Sandbox, CliError> {
    // The default folder is our own, and its files belong in no commit.
    if path.parent().is_some_and(|folder| folder.ends_with(file::FOLDER)) {
        file::make_folder(path)?;
    }
    Sandbox::open(path)
        .map_err(|error| CliError::failed(format!("could not open the sandbox `{}`", path.display())).because(error))
}
