//! `vssctl fmt [FILE...]`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::arguments::{FmtArguments, Global};
use super::exit::{CliError, Exit};
use super::shown::{counted, problems};
use super::ui::Ui;
use super::{file, rewrite};
use crate::config::formatting::LayoutError;
use crate::config::{self, formatting};
use crate::model::safe::{SafeLines, escaped};
use crate::render::unified::unified;

/// Stands for the standard input.
const INPUT: &str = "-";

/// Writes files in the canonical layout, or tells which ones are not in it.
pub(super) fn run(arguments: &FmtArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    let files = match arguments.files.as_slice() {
        [] => vec![file::find(global)?],
        files => files.to_vec(),
    };
    if files.iter().filter(|file| file.as_os_str() == INPUT).count() > 1 {
        return Err(CliError::invalid("the standard input is named twice"));
    }
    let mut changed = false;
    let mut failed: Option<CliError> = None;
    // One file that can't be read says nothing of the others.
    for file in &files {
        match one(file, arguments, ui) {
            Ok(differs) => changed |= differs,
            Err(error) => {
                if let Some(error) = failed.replace(error) {
                    ui.error(&error);
                }
            }
        }
    }
    match failed {
        Some(error) => Err(error),
        None if changed && arguments.check => Ok(Exit::Findings),
        None => Ok(Exit::Done),
    }
}

/// Formats one file; tells whether that changes it.
fn one(path: &Path, arguments: &FmtArguments, ui: &Ui) -> Result<bool, CliError> {
    let is_input = path.as_os_str() == INPUT;
    let name = if is_input { "<stdin>".to_owned() } else { path.display().to_string() };
    let (bytes, text) = if is_input { input(&name, ui)? } else { read(path, ui)? };
    let (diagnostics, sources) = config::syntax(&name, &text);
    if diagnostics.has_errors() {
        ui.aside(&problems(&diagnostics, &sources, ui));
        return Err(CliError::invalid(format!("`{}` is not TOML: {}", escaped(&name), counted(&diagnostics)))
            .hint("nothing of it was changed"));
    }
    let formatted = formatting::format(&text).map_err(|error| not_laid_out(&name, error))?;
    let differs = bytes != formatted.as_bytes();
    if is_input && !arguments.check && !arguments.diff {
        ui.data(&formatted);
        return Ok(differs);
    }
    if !differs {
        return Ok(false);
    }
    if arguments.diff && !formatting::is_configuration(&text) {
        // The name may be a link to something else, as a checkout has it.
        ui.note(&format!("Nothing in `{}` says that it is vssctl's: no line of it is shown.", escaped(&name)));
        return Ok(true);
    }
    if arguments.diff {
        let (before, after) = (formatting::for_people(&text), formatting::for_people(&formatted));
        let diff = unified(&escaped(&name), &before, &after);
        if diff.is_empty() {
            ui.note(&format!("`{}` differs in its line ends or its encoding only.", escaped(&name)));
        }
        ui.answer(&SafeLines(&diff).to_string());
        return Ok(true);
    }
    if !arguments.check {
        rewrite::replace(path, &bytes, formatted.as_bytes())?;
    }
    ui.answer(&format!("{}\n", escaped(&name)));
    Ok(true)
}

fn read(path: &Path, ui: &Ui) -> Result<(Vec<u8>, String), CliError> {
    if !path.exists() {
        return Err(CliError::invalid(format!("there is no file `{}`", escaped(&path.display().to_string()))));
    }
    config::read_written(path).map_err(|loaded| unreadable(path, &loaded, ui))
}

fn input(name: &str, ui: &Ui) -> Result<(Vec<u8>, String), CliError> {
    let mut bytes = Vec::new();
    // More than the limit is refused, and is not read to its end.
    let most = config::LARGEST_FILE + 1;
    std::io::stdin()
        .lock()
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::failed("could not read the standard input").because(error))?;
    let text = config::decode_written(name, bytes.clone());
    text.map(|text| (bytes, text)).map_err(|loaded| unreadable(&PathBuf::from(name), &loaded, ui))
}

fn not_laid_out(name: &str, error: LayoutError) -> CliError {
    let name = escaped(name);
    match error {
        LayoutError::NotToml | LayoutError::Comment => {
            CliError::invalid(format!("`{name}` has no layout: {error}")).hint("nothing of it was changed")
        }
        LayoutError::Changed => {
            CliError::failed(format!("`{name}` could not be laid out, and is left as it is: {error}"))
                .hint("this is a defect of vssctl: please report it with the file")
        }
    }
}

fn unreadable(path: &Path, loaded: &config::Loaded, ui: &Ui) -> CliError {
    ui.aside(&problems(&loaded.diagnostics, &loaded.sources, ui));
    CliError::invalid(format!("`{}` can't be read", escaped(&path.display().to_string())))
}
