//! Saved plans on disk, and why one is refused.

use crate::model::safe::escaped;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use super::exit::{CliError, Exit};
use crate::plan::file::{LARGEST, Refusal, SavedPlan};

/// Reads a saved plan and makes sure that it is as it was written.
pub(super) fn read(path: &Path) -> Result<SavedPlan, CliError> {
    SavedPlan::parse(&read_text(path, LARGEST)?).map_err(|refusal| refused(path, refusal))
}

fn read_text(path: &Path, most: u64) -> Result<String, CliError> {
    let shown = path.display();
    let unreadable = |error: io::Error| CliError::invalid(format!("could not read `{shown}`")).because(error);
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(CliError::invalid(format!("`{shown}` is not a regular file")));
    }
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(most + 1).read_to_string(&mut text)).map_err(unreadable)?;
    if text.len() as u64 > most {
        return Err(CliError::invalid(format!("`{shown}` has more than {most} bytes: it is not a saved plan")));
    }
    Ok(text)
}

/// Writes a saved plan: readable by its owner only, whole or not at all, and never through a link.
pub(super) fn write(path: &Path, plan: &SavedPlan) -> Result<(), CliError> {
    let text = plan.to_text().map_err(|error| CliError::failed("could not write the plan as JSON").because(error))?;
    write_text(path, &text, LARGEST)
}

fn write_text(path: &Path, text: &str, most: u64) -> Result<(), CliError> {
    let shown = path.display();
    if text.len() as u64 > most {
        let message = format!("nothing was written: the plan has {} bytes, and {most} is the most", text.len());
        return Err(CliError::failed(message)
            .hint("`--target ADDR` plans one resource and what it needs")
            .hint("what is live is part of the plan: `apply` without a saved plan has no such limit"));
    }
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.is_file() => {
            return Err(CliError::refused(format!("`{shown}` is there and not a regular file: nothing was written")));
        }
        Ok(_) | Err(_) => {}
    }
    replace(path, text.as_bytes())
        .map_err(|error| CliError::failed(format!("could not write `{shown}`")).because(error))
}

/// Writes to a new file beside it and renames that: a rename replaces a link, it does not follow one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".vssctl-plan-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The new name is durable only when the folder is written to the disk as well.
    OpenOptions::new().read(true).open(folder)?.sync_all()
}

/// Makes the error of a refusal. Its exit code is 3 where planning again helps, 6 where the file is no plan, and 4
/// otherwise.
pub(super) fn refused(path: &Path, refusal: Refusal) -> CliError {
    let exit = match &refusal {
        refusal if refusal.is_stale() => Exit::Stale,
        Refusal::NotOne(_) | Refusal::Format(_) => Exit::Invalid,
        _ => Exit::Refused,
    };
    let lacks_file = matches!(refusal, Refusal::Hidden(_));
    let is_old = matches!(refusal, Refusal::Format(_));
    let moved = if let Refusal::Stale(moved) = &refusal { moved.clone() } else { Vec::new() };
    let error = CliError::new(exit, format!("nothing was changed: `{}` can't be applied", path.display()));
    let error = error.because(refusal);
    let error = moved
        .iter()
        .take(20)
        .fold(error, |error, moved| error.hint(format!("`{}` moved since: {}", moved.address, escaped(&moved.what))));
    match exit {
        Exit::Stale => error.hint("plan again, and review what it says now"),
        Exit::Refused if lacks_file => error.hint("apply it where its `vss.toml` is, or with `--file PATH`"),
        Exit::Invalid if is_old => error.hint("plan again with this version"),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_is_too_large_is_refused_and_nothing_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plan.json");
        let error = write_text(&path, "12345", 4).expect_err("too large");
        assert!(
            format!("{error:?}").contains("nothing was written: the plan has 5 bytes, and 4 is the most"),
            "{error:?}"
        );
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
        // A plan that may be written may be read.
        write_text(&path, "1234", 4).expect("as large as it may be");
        assert_eq!(read_text(&path, 4).expect("a text"), "1234");
        assert!(format!("{:?}", read_text(&path, 3).expect_err("too large")).contains("has more than 3 bytes"));
    }
}
