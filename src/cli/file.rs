//! Which file a run is about: `--file`, then `VSSCTL_CONFIG`, then `vss.toml` here or in a parent up to the git root;
//! and where the simulated account is kept.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

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
    // A link that leads nowhere is an error. Another file further up is not the one that was meant.
    upwards(Path::new(NAME), |path| path.is_file() || path.is_symlink()).ok_or_else(|| {
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

/// Says which folder keeps between runs what never changes in AWS; none where nothing is to be kept. The simulated
/// account asks nobody, and a pipeline's machine is gone after its job.
pub(super) fn cache(global: &Global) -> Option<PathBuf> {
    let is_pipeline = variable("CI").is_some_and(|value| value != "false");
    if global.sandbox.is_some() || global.no_cache || (is_pipeline && !global.cache) {
        return None;
    }
    // A path that is not absolute is invalid in the XDG Base Directory Specification, and ignored.
    let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else {
        folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")))
    };
    Some(base?.join("vssctl"))
}

/// Makes the folder of the simulated account, with a `.gitignore` that keeps it out of commits.
pub(super) fn make_folder(sandbox: &Path) -> Result<(), CliError> {
    let Some(folder) = sandbox.parent().filter(|folder| !folder.exists()) else { return Ok(()) };
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(folder.join(".gitignore"), "*\n"))
        .map_err(|error| CliError::failed(format!("could not make the folder `{}`", folder.display())).because(error))
}

/// Returns the URI of a file as programs that know the repository look for it: relative to the git root, without one to
/// the current folder, and absolute where it is in neither.
pub(super) fn uri(file: &Path) -> String {
    match of_repository(file) {
        (path, false) if path.is_absolute() => format!("file:///{}", encoded(&path)),
        (path, _) => encoded(&path),
    }
}

/// Returns the name of a file as programs that know the repository print it, with `/` between its folders.
pub(super) fn in_repository(file: &Path) -> String {
    let (path, _) = of_repository(file);
    let names: Vec<String> = path
        .components()
        .map(|component| match component {
            Component::RootDir => String::new(),
            Component::Prefix(_) | Component::CurDir | Component::ParentDir | Component::Normal(_) => {
                component.as_os_str().to_string_lossy().into_owned()
            }
        })
        .collect();
    names.join("/")
}

/// Returns the path of a file from the git root, without one from the current folder, and whether it is in there.
fn of_repository(file: &Path) -> (PathBuf, bool) {
    // The folder is resolved and the file is not: where the file is a link, the repository holds the link.
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (Ok(folder), Some(name)) = (folder.canonicalize(), file.file_name()) else {
        return (file.to_owned(), false);
    };
    let path = folder.join(name);
    // `.git` is a file in worktrees and submodules.
    let root = folder.ancestors().find(|directory| directory.join(".git").exists()).map(Path::to_owned);
    let root = root.or_else(|| std::env::current_dir().and_then(|here| here.canonicalize()).ok());
    match root.as_deref().map(|root| path.strip_prefix(root)) {
        Some(Ok(relative)) => (relative.to_owned(), true),
        Some(Err(_)) | None => (path, false),
    }
}

/// Writes a path as a URI. Bytes that a URI does not take as they are get escaped (RFC 3986, 2.3).
fn encoded(path: &Path) -> String {
    let mut uri = String::new();
    for name in path.components() {
        let Component::Normal(name) = name else { continue };
        if !uri.is_empty() {
            uri.push('/');
        }
        for byte in name.as_encoded_bytes() {
            match byte {
                b'-' | b'.' | b'_' | b'~' => uri.push(char::from(*byte)),
                byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
                byte => {
                    let _ = write!(uri, "%{byte:02X}");
                }
            }
        }
    }
    uri
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_repository_is_named_from_its_root_and_any_other_from_the_root_of_all() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        let folder = root.join("repo/sub dir \u{e4}#?%");
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("vss.toml");
        std::fs::write(&file, "").unwrap();
        let outside = uri(&file);
        let sub = "sub%20dir%20%C3%A4%23%3F%25/vss.toml";
        assert!(outside.starts_with("file:///") && outside.ends_with(&format!("/repo/{sub}")), "{outside}");
        // A worktree has a file there.
        std::fs::write(root.join("repo/.git"), "gitdir: elsewhere").unwrap();
        assert_eq!(uri(&file), sub);
        assert_eq!(uri(&folder.join("../sub dir \u{e4}#?%/vss.toml")), sub);
        assert_eq!(uri(&root.join("repo/vss.toml")), "vss.toml");
    }
}
