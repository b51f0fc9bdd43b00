//! Reads files: bounded, regular ones only, and none outside the folder that the configuration stands in.

use std::io::{self, Read};
use std::path::{Component, Path};

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::folder::{Folder, ShelfError};
use super::problems::safe;
use crate::model::Diagnostic;

/// Why a file could not be read.
#[derive(Debug)]
pub(crate) struct ReadError {
    pub(crate) kind: Kind,
    /// Continues the sentence that begins with the file's name.
    pub(crate) message: String,
    pub(crate) label: &'static str,
    pub(crate) help: Option<String>,
    /// Where the bytes stop being text: the text before, and the byte.
    pub(crate) stop: Option<(String, u8)>,
}

/// The sort of a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Not a file that vssctl reads.
    Refused,
    /// The system refused to read it.
    Unreadable,
    /// Too many bytes.
    TooLarge,
    /// Not UTF-8.
    Encoding,
}

impl ReadError {
    fn new(kind: Kind, message: impl Into<String>, label: &'static str) -> Self {
        Self { kind, message: message.into(), label, help: None, stop: None }
    }

    fn io(error: &io::Error) -> Self {
        let message = match error.kind() {
            io::ErrorKind::NotFound => "does not exist".to_owned(),
            io::ErrorKind::PermissionDenied => "may not be read: permission denied".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        Self::new(Kind::Unreadable, message, "cannot be read")
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Reads the configuration. Where its path is a link, the real file has to be in the repository that the link stands
/// in, or else in the link's own folder. A checkout must not decide any further what is read.
///
/// Links within the folder are how Kubernetes mounts files.
pub(crate) fn configuration(path: &Path, most: u64) -> Result<String, ReadError> {
    decode(configuration_bytes(path, most)?)
}

/// Reads the bytes of the configuration, as [`configuration`] does.
pub(crate) fn configuration_bytes(path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
    let name = path.file_name().ok_or_else(|| ReadError::new(Kind::Refused, "is a folder, not a file", "a folder"))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(|error| ReadError::io(&error))?;
    let is_link = folder.join(name).is_symlink();
    let real = folder.join(name).canonicalize().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if is_link => {
            ReadError::new(Kind::Unreadable, "is a link to a file that does not exist", "leads nowhere")
        }
        _ => ReadError::io(&error),
    })?;
    // `.git` is a file in worktrees and submodules.
    let repository = folder.ancestors().find(|above| above.join(".git").exists());
    let root = repository.unwrap_or(&folder);
    let way = real.strip_prefix(root).map_err(|_| outside(repository.is_some(), &real))?;
    let opened = Dir::open_ambient_dir(root, ambient_authority()).map_err(|error| ReadError::io(&error))?;
    let metadata = opened.metadata(way).map_err(|error| ReadError::io(&error))?;
    if metadata.is_dir() {
        return Err(ReadError::new(Kind::Refused, "is a folder, not a file", "a folder"));
    }
    let not_regular = || {
        ReadError::new(Kind::Refused, "is not a regular file", "not a regular file").help("write it to a file first")
    };
    // A pipe or a device has no end that can be relied on, and opening a pipe waits.
    if !metadata.is_file() {
        return Err(not_regular());
    }
    // The handle of the folder keeps reads inside it, even where the path was replaced meanwhile.
    let file = opened.open(way).map_err(|error| ReadError::io(&error))?;
    if !file.metadata().map_err(|error| ReadError::io(&error))?.is_file() {
        return Err(not_regular());
    }
    bytes(file, most)
}

fn outside(is_repository: bool, real: &Path) -> ReadError {
    let place = if is_repository { "the repository" } else { "its folder" };
    ReadError::new(Kind::Refused, format!("is a link that leads out of {place}"), "leads out").help(format!(
        "put a copy of the file in the link's place, or name the real one: `--file {}`",
        crate::model::safe::escaped(&real.display().to_string())
    ))
}

/// Reads a file beside or below the configuration. No step of the way may be a link.
pub(crate) fn beside(folder: &Folder, path: &str, most: u64) -> Result<String, ReadError> {
    let refused = |message: &str| ReadError::new(Kind::Refused, message, "refused");
    if path.is_empty() {
        return Err(refused("has no name"));
    }
    let steps: Vec<Component<'_>> = Path::new(path).components().collect();
    if path.contains('\\') || steps.iter().any(|step| matches!(step, Component::RootDir | Component::Prefix(_))) {
        return Err(refused("is not a path relative to the configuration file"));
    }
    if steps.iter().any(|step| matches!(step, Component::ParentDir)) {
        return Err(refused("leads out of the configuration's folder with `..`"));
    }
    let folder = match folder {
        Folder::Disk(folder) => folder,
        Folder::Shelf(shelf) => {
            let names: Vec<String> = steps
                .iter()
                .map(|step| step.as_os_str().to_string_lossy().into_owned())
                .filter(|it| it != ".")
                .collect();
            let bytes = shelf.read(&names.join("/")).map_err(|error| match error {
                ShelfError::Missing => ReadError::new(Kind::Unreadable, "does not exist", "cannot be read"),
                ShelfError::NoFile(message) => refused(message),
                ShelfError::Unreadable(message) => ReadError::new(Kind::Unreadable, message, "cannot be read"),
            })?;
            return text(bytes.as_slice(), most);
        }
    };
    let mut way = std::path::PathBuf::new();
    for step in &steps {
        way.push(step);
        let metadata = folder.symlink_metadata(&way).map_err(|error| ReadError::io(&error))?;
        if metadata.is_symlink() {
            return Err(refused("is reached through a symbolic link"));
        }
    }
    let metadata = folder.symlink_metadata(&way).map_err(|error| ReadError::io(&error))?;
    if !metadata.is_file() {
        return Err(refused("is not a regular file"));
    }
    let file = folder.open(&way).map_err(|error| ReadError::io(&error))?;
    text(file, most)
}

fn text(file: impl Read, most: u64) -> Result<String, ReadError> {
    decode(bytes(file, most)?)
}

fn bytes(file: impl Read, most: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| ReadError::io(&error))?;
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

/// Makes the error of a file with too many bytes.
pub(crate) fn too_large(most: u64) -> ReadError {
    ReadError::new(Kind::TooLarge, format!("has more than {most} bytes"), "too large")
}

/// Turns bytes into text. Editors and shells of Windows put a byte order mark before it: that is no part of the text,
/// and says which of the encodings it is in.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<String, ReadError> {
    let wide = match bytes.as_slice() {
        [0xEF, 0xBB, 0xBF, ..] => return decode(bytes[3..].to_vec()),
        [0xFF, 0xFE, ..] => Some(u16::from_le_bytes as fn([u8; 2]) -> u16),
        [0xFE, 0xFF, ..] => Some(u16::from_be_bytes as fn([u8; 2]) -> u16),
        _ => None,
    };
    if let Some(unit) = wide {
        let (pairs, rest) = bytes[2..].as_chunks::<2>();
        let units = pairs.iter().map(|pair| unit(*pair));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        return text.ok().filter(|_| rest.is_empty()).ok_or_else(|| {
            ReadError::new(Kind::Encoding, "is neither UTF-8 nor whole UTF-16", "not UTF-8")
                .help("save the file as UTF-8")
        });
    }
    String::from_utf8(bytes).map_err(|failed| {
        let valid = failed.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&failed.as_bytes()[..valid]).into_owned();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let byte = failed.as_bytes()[valid];
        let message = format!("is not UTF-8: line {line}, column {column}");
        let mut error = ReadError::new(Kind::Encoding, message, "not UTF-8").help("save the file as UTF-8");
        error.stop = Some((before, byte));
        error
    })
}

/// Reports a file that cannot be a configuration.
pub(crate) fn unreadable(failed: &ReadError, name: &str) -> Diagnostic {
    let code = match failed.kind {
        Kind::Refused | Kind::Unreadable => "VSS0106",
        Kind::TooLarge => "VSS0107",
        Kind::Encoding => "VSS0108",
    };
    let diagnostic = Diagnostic::error(code, format!("`{}` {}", safe(name), failed.message)).label(failed.label);
    match &failed.help {
        Some(help) => diagnostic.help(help.clone()),
        None => diagnostic,
    }
}
