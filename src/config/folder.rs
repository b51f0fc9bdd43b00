//! The folder beside a configuration, from which its policy files and its base are read.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

/// Why a file of a shelf could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShelfError {
    /// There is no such file.
    Missing,
    /// It is a link, a folder, or something else that is no file.
    NoFile(&'static str),
    /// It could not be read; the words continue the sentence that begins with the file's name.
    Unreadable(String),
}

/// Files that are read from elsewhere than the disk, such as those of a commit.
pub trait Shelf: Send + Sync {
    /// Reads a file of the configuration's folder. Its path has names only, with `/` between them.
    ///
    /// # Errors
    /// It is not there, is no regular file, or can't be read.
    fn read(&self, path: &str) -> Result<Vec<u8>, ShelfError>;
}

/// Where the files beside a configuration are read from.
#[derive(Clone)]
pub(crate) enum Folder {
    /// A folder on the disk.
    Disk(Arc<Dir>),
    /// Files from elsewhere.
    Shelf(Arc<dyn Shelf>),
}

impl fmt::Debug for Folder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(folder) => formatter.debug_tuple("Disk").field(folder).finish(),
            Self::Shelf(_) => formatter.write_str("Shelf"),
        }
    }
}

impl Folder {
    /// Opens a folder on the disk; none where it can't be opened.
    pub(crate) fn open(folder: &Path) -> Option<Self> {
        let path = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        Dir::open_ambient_dir(path, ambient_authority()).ok().map(|folder| Self::Disk(Arc::new(folder)))
    }
}

/// Where policy files may be read from.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    /// The folder of the configuration file.
    pub(crate) folder: Option<Folder>,
    /// Its name as the user wrote it, with a `/` at its end unless it is empty.
    pub(crate) prefix: String,
    /// How many files were asked for so far.
    pub(super) read: usize,
}

impl Documents {
    /// Reads files from a folder.
    pub(crate) fn new(folder: Option<Folder>, prefix: String) -> Self {
        Self { folder, prefix, read: 0 }
    }
}
