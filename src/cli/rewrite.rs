//! Writes over files that people keep: whole or not at all, with the mode that they have, never through a link, and not
//! where somebody else has written them meanwhile.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use super::exit::CliError;
use crate::model::safe::escaped;

/// Refuses a file that is not to be written: a link would be replaced by a file.
pub(super) fn check(path: &Path) -> Result<(), CliError> {
    let shown = escaped(&path.display().to_string());
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => {
            Err(CliError::refused(format!("`{shown}` is a link: it is not written"))
                .hint("name the file that it leads to"))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Replaces a file whose bytes are known.
pub(super) fn replace(path: &Path, before: &[u8], after: &[u8]) -> Result<(), CliError> {
    check(path)?;
    let shown = escaped(&path.display().to_string());
    let failed = |error: io::Error| CliError::failed(format!("could not write `{shown}`")).because(error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let permissions = fs::metadata(path).map_err(failed)?.permissions();
    if permissions.readonly() {
        return Err(CliError::failed(format!("could not write `{shown}`: it is read-only")));
    }
    let mut file = tempfile::Builder::new().prefix(".vssctl-").tempfile_in(folder).map_err(failed)?;
    file.write_all(after).map_err(failed)?;
    file.as_file().set_permissions(permissions).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    if fs::read(path).map_err(failed)? != before {
        return Err(
            CliError::refused(format!("`{shown}` was changed meanwhile: it is left as it is")).hint("run it again")
        );
    }
    file.persist(path).map_err(|error| failed(error.error))?;
    // The new name is durable only when the folder is written to the disk as well.
    if cfg!(unix) {
        OpenOptions::new().read(true).open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
    }
    Ok(())
}
