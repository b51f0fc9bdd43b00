//! The folder beside a configuration, from which its policy files are read.

use cap_std::fs::Dir;

/// Where policy files may be read from.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    /// The folder of the configuration file.
    pub(crate) folder: Option<Dir>,
    /// Its name as the user wrote it, with a `/` at its end unless it is empty.
    pub(crate) prefix: String,
    /// How many files were asked for so far.
    pub(super) read: usize,
}

impl Documents {
    /// Reads files from a folder.
    pub(crate) fn new(folder: Option<Dir>, prefix: String) -> Self {
        Self { folder, prefix, read: 0 }
    }
}
