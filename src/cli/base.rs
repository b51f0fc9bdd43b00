//! `plan --base REF`: the configuration as it is at another commit.
//!
//! git is the one program that vssctl runs. It is asked for objects only, by fixed arguments: without a pager, hooks,
//! filters or a watcher of files, and without fetching anything. What is a link or a submodule at that commit is
//! refused, as links are on the disk.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use super::exit::CliError;
use super::shown;
use super::ui::Ui;
use crate::config::{self, Config, Shelf, ShelfError};
use crate::model::safe::escaped;
use crate::model::{Diagnostic, Sources};

/// The most bytes of a file of a commit: more than any limit of the configuration.
const LARGEST: usize = 16 << 20;

/// What the file was at its base.
#[derive(Debug)]
pub(super) enum Base {
    /// It was this.
    Config(Box<Config>),
    /// There was none, or none that can be read: all is this change.
    Nothing,
}

/// Reads the configuration at `reference`. `file` is the configuration of now, whose path is looked for there.
pub(super) fn read(reference: &str, file: &Path, now: &Config, ui: &Ui) -> Result<Base, CliError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(|error| unusable("its folder can't be found", ui).because(error))?;
    let root = folder.ancestors().find(|above| above.join(".git").exists()).map(Path::to_owned);
    let Some(root) = root else {
        return Err(unusable("the configuration is in no git repository", ui));
    };
    let commit = resolved(&root, reference, ui)?;
    let prefix = folder.strip_prefix(&root).unwrap_or(Path::new(""));
    let prefix = prefix.components().map(|part| part.as_os_str().to_string_lossy().into_owned() + "/").collect();
    let shelf = Arc::new(Commit { root, hash: commit, prefix, lacking: OnceLock::new() });
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if matches!(shelf.read(&name), Err(ShelfError::Missing)) {
        ui.note(&format!("`{}` has no `{}`: everything is this change.", escaped(reference), escaped(&name)));
        return Ok(Base::Nothing);
    }
    let shown = format!("{reference}:{}{name}", shelf.prefix);
    let loaded = config::load_shelf(&shown, &name, Arc::<Commit>::clone(&shelf));
    // What this clone lacks is not missing at that commit: a partial clone has no contents of older commits.
    if let Some(why) = shelf.lacking.get() {
        return Err(unusable(why, ui));
    }
    let Some(config) = loaded.config else {
        ui.aside(&shown::problems(&loaded.diagnostics, &loaded.sources, ui));
        ui.note(&format!("`{}` is not valid: everything is labelled as this change.", escaped(&shown)));
        return Ok(Base::Nothing);
    };
    let (old, new) = (&config.scope, &now.scope);
    let same = |one: &str, other: &str| one == other;
    if !same(&old.stack, &new.stack) || !same(&old.account_id, &new.account_id) || !same(&old.region, &new.region) {
        let words = format!(
            "`{}` is for stack {}, account {}, {}: another one than the file's",
            escaped(&shown),
            escaped(&old.stack),
            escaped(&old.account_id),
            escaped(&old.region)
        );
        return Err(CliError::refused(words).hint("plan without `--base`, and review the move by itself"));
    }
    Ok(Base::Config(Box::new(config)))
}

/// Makes the error of a base that can't be used.
fn unusable(why: &str, ui: &Ui) -> CliError {
    let diagnostic = Diagnostic::error("VSS0115", format!("`--base` can't be read: {}", escaped(why)))
        .help("in a pipeline, check out the whole history: `fetch-depth: 0`, and no `filter`");
    ui.aside(&shown::problems([&diagnostic], &Sources::default(), ui));
    CliError::invalid("the plan was not made")
}

/// Finds the commit that a reference names.
fn resolved(root: &Path, reference: &str, ui: &Ui) -> Result<String, CliError> {
    let name = format!("{reference}^{{commit}}");
    match git(root, &["rev-parse", "--verify", "--quiet", "--end-of-options", &name]) {
        Ok(text) => {
            let commit = String::from_utf8_lossy(&text).trim().to_owned();
            let is_hash = commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_hash { Ok(commit) } else { Err(unusable(&format!("`{reference}` names no commit"), ui)) }
        }
        Err(GitError::Failed(message)) if message.is_empty() => {
            Err(unusable(&format!("there is no `{reference}` in this clone"), ui))
        }
        Err(GitError::Failed(message) | GitError::NotRun(message)) => Err(unusable(&message, ui)),
    }
}

/// Why git gave no answer.
#[derive(Debug)]
enum GitError {
    NotRun(String),
    Failed(String),
}

/// Runs git for objects, and returns what it wrote.
fn git(root: &Path, arguments: &[&str]) -> Result<Vec<u8>, GitError> {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(["--no-pager", "--no-replace-objects", "--literal-pathspecs"]);
    for setting in ["core.fsmonitor=false", "core.hooksPath=/dev/null", "core.pager=cat", "protocol.allow=never"] {
        command.args(["-c", setting]);
    }
    command.args(arguments).stdin(Stdio::null());
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_EXTERNAL_DIFF"] {
        command.env_remove(name);
    }
    command.envs([("GIT_NO_LAZY_FETCH", "1"), ("GIT_TERMINAL_PROMPT", "0"), ("GIT_OPTIONAL_LOCKS", "0")]);
    let output = command.output().map_err(|error| GitError::NotRun(format!("git could not be run: {error}")))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let message = String::from_utf8_lossy(&output.stderr);
    Err(GitError::Failed(message.lines().next().unwrap_or_default().to_owned()))
}

/// The folder of the configuration at a commit.
#[derive(Debug)]
struct Commit {
    root: PathBuf,
    hash: String,
    /// The folder's path in the repository, with a `/` at its end unless it is empty.
    prefix: String,
    /// The first failure of git to read what the commit has.
    lacking: OnceLock<String>,
}

impl Shelf for Commit {
    fn read(&self, path: &str) -> Result<Vec<u8>, ShelfError> {
        let path = format!("{}{path}", self.prefix);
        let unreadable = |error: GitError| {
            let (GitError::NotRun(message) | GitError::Failed(message)) = error;
            self.lacking.get_or_init(|| format!("`{path}`: {message}"));
            ShelfError::Unreadable(format!("cannot be read: {message}"))
        };
        let listed = git(&self.root, &["ls-tree", "-z", "--full-tree", "--long", &self.hash, "--", &path]);
        let listed = listed.map_err(unreadable)?;
        let listed = String::from_utf8_lossy(&listed);
        let Some((entry, _)) = listed.split_once('\t') else { return Err(ShelfError::Missing) };
        let words: Vec<&str> = entry.split_whitespace().collect();
        let [mode, sort, hash, size] = words.as_slice() else { return Err(ShelfError::Missing) };
        if *mode == "120000" {
            return Err(ShelfError::NoFile("is a symbolic link"));
        }
        if *sort != "blob" {
            return Err(ShelfError::NoFile("is not a regular file"));
        }
        if size.parse::<usize>().is_ok_and(|size| size > LARGEST) {
            return Err(ShelfError::Unreadable(format!("has more than {LARGEST} bytes")));
        }
        git(&self.root, &["cat-file", "blob", hash]).map_err(unreadable)
    }
}
