//! Which file a run is about: `--file`, then `VSSCTL_CONFIG`, then `vss.toml` here or in a parent up to the git root;
//! and where the simulated account is kept.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::arguments::{Global, variable};
use super::exit::CliError;

/// The name that is looked for.
pub(super) const NAME: &str = "vss.toml";

/// The folder of the simulated account, where none is named.
pub(super) const FOLDER: &str = ".vssctl";

/// Finds the configuration file.
pub(super) fn find(global: &Global) -> Result<PathBuf, CliError> {
    let named = match &global.file {
        Some(file) => Some((file.clone(), "`--file`")),
        None => variable("VSSCTL_CONFIG").map(|file| (PathBuf::from(file), "`VSSCTL_CONFIG`")),
    };
    if let Some((file, origin)) = named {
        return if file.exists() {
            Ok(file)
        } else {
            Err(CliError::invalid(format!("there is no file `{}`, which {origin} names", file.display())))
        };
    }
    upwards(Path::new(NAME), Path::is_file).ok_or_else(|| {
        CliError::invalid(format!("there is no `{NAME}` here or in a parent up to the git root"))
            .hint("run `vssctl init` to write one to start from")
            .hint("or name the file with `--file`")
    })
}

/// Says where the simulated account is kept: the named file, else (the name is empty) `.vssctl/sandbox.json` here or in
/// the parent, up to the git root, that has one.
pub(super) fn sandbox(named: &OsStr) -> PathBuf {
    if !named.is_empty() {
        return PathBuf::from(named);
    }
    let default = Path::new(FOLDER).join("sandbox.json");
    upwards(&default, Path::is_file).unwrap_or(default)
}

/// Makes the folder of the simulated account, with a `.gitignore` that keeps it out of commits.
pub(super) fn make_folder(sandbox: &Path) -> Result<(), CliError> {
    let Some(folder) = sandbox.parent().filter(|folder| !folder.exists()) else { return Ok(()) };
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(folder.join(".gitignore"), "*\n"))
        .map_err(|error| CliError::failed(format!("could not make the folder `{}`", folder.display())).because(error))
}

/// Looks for `name` here and in each parent up to the git root; relative paths are returned for what is here.
fn upwards(name: &Path, is_there: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    if is_there(name) {
        return Some(name.to_owned());
    }
    let here = std::env::current_dir().ok()?;
    let mut path = PathBuf::new();
    for directory in here.ancestors() {
        if is_there(&path.join(name)) {
            return Some(path.join(name));
        }
        // `.git` is a file in worktrees and submodules.
        if directory.join(".git").exists() {
            return None;
        }
        path.push("..");
    }
    None
}
