//! `vssctl init`: writes a commented file to start from.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::arguments::{Global, InitArguments};
use super::exit::{CliError, Exit};
use super::file;
use super::invocation::Invocation;
use super::ui::Ui;
use crate::config::cloudformation::{Given, Imported, import};
use crate::config::formatting;
use crate::model::Scope;
use crate::model::arn::is_region;
use crate::model::partition::{is_listed, nearest};
use crate::model::safe::escaped;
use crate::render::diagnostics::{Style, render_one};

/// The file to start from; the names in braces are replaced.
const TEMPLATE: &str = include_str!("init.toml");

/// Writes the file; never over an existing one.
pub(super) fn run(arguments: &InitArguments, global: &Global, ui: &Ui) -> Result<Exit, CliError> {
    check(&arguments.stack, &arguments.account_id, &arguments.region, ui)?;
    let path = global.file.clone().unwrap_or_else(|| PathBuf::from(file::NAME));
    let (text, is_complete) = match &arguments.from_cloudformation {
        Some(template) => imported(template, arguments, ui)?,
        None => (text(arguments), true),
    };
    // Names and values of any length change what fits into a line.
    let text = formatting::format(&text).unwrap_or(text);
    write(&path, &text)?;
    let shown = escaped(&path.display().to_string());
    ui.answer(&format!("Wrote {shown}\n"));
    // Whoever has not named an account yet is shown the simulated one.
    let sandbox = global.sandbox.clone().or_else(|| Some(OsString::new()));
    let tried = Invocation::of(&Global { sandbox, profile: None, endpoint_url: None, ..global.clone() });
    ui.hint(&format!("`vssctl{} plan` tries it on a simulated account", tried.options()));
    if arguments.account_id == "123456789012" {
        ui.hint(&format!("set `account_id` and `region` in {shown} before you run it on AWS"));
    }
    if is_complete {
        return Ok(Exit::Done);
    }
    ui.hint(&format!("not all of the template is in {shown}: see above, and look for `TODO` in it"));
    Ok(Exit::Findings)
}

/// Refuses values that would make a file that `validate` rejects.
pub(super) fn check(stack: &str, account_id: &str, region: &str, ui: &Ui) -> Result<(), CliError> {
    let key = |text: &str| {
        (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if !key(stack) {
        return Err(
            CliError::invalid(format!("`{stack}` is no stack name")).hint("use 1 to 64 letters, digits, `-` and `_`")
        );
    }
    if account_id.len() != 12 || !account_id.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(CliError::invalid(format!("`{account_id}` is no AWS account id")).hint("it has twelve digits"));
    }
    if !is_region(region) {
        return Err(CliError::invalid(format!("`{region}` is no AWS region"))
            .hint(format!("did you mean `{}`?", nearest(region))));
    }
    if !is_listed(region) {
        ui.hint(&format!("no region of AWS's is known by the name `{region}`: did you mean `{}`?", nearest(region)));
    }
    Ok(())
}

/// Returns the text of a file that declares what a template declares, and whether it has all of it.
fn imported(template: &Path, arguments: &InitArguments, ui: &Ui) -> Result<(String, bool), CliError> {
    let given = given(arguments)?;
    let shown = template.display().to_string();
    let read = std::fs::read_to_string(template).map_err(|error| {
        CliError::invalid(format!("could not read the template `{}`", escaped(&shown))).because(error)
    })?;
    let scope = Scope {
        stack: arguments.stack.clone(),
        account_id: arguments.account_id.clone(),
        region: arguments.region.clone(),
        iam_path: "/".to_owned(),
    };
    let Imported { text, diagnostics, is_complete, sources } = import(&shown, &read, &scope, &given);
    let style = Style { colour: true, width: ui.width() };
    for diagnostic in &diagnostics {
        ui.aside(&format!("{}\n\n", render_one(diagnostic, &sources, style)));
    }
    text.map(|text| (text, is_complete)).ok_or_else(|| {
        CliError::invalid(format!("`{}` could not be taken over: nothing was written", escaped(&shown)))
            .hint("`vssctl explain CODE` says more about a code")
    })
}

/// Reads what the command line says besides the template.
fn given(arguments: &InitArguments) -> Result<Given, CliError> {
    let mut given = Given { stack_name: arguments.cfn_stack_name.clone(), ..Given::default() };
    for text in &arguments.parameter {
        let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(CliError::invalid(format!("`{}` is no parameter", escaped(text)))
                .hint("write it like `--parameter Stage=prod`"));
        };
        if given.parameters.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(CliError::invalid(format!("the parameter `{}` is given twice", escaped(name))));
        }
    }
    Ok(given)
}

/// Returns the file's text.
fn text(arguments: &InitArguments) -> String {
    TEMPLATE
        .replace("{stack}", &arguments.stack)
        .replace("{account_id}", &arguments.account_id)
        .replace("{region}", &arguments.region)
}

/// Writes a file that must not be there yet.
pub(super) fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let shown = path.display();
    let mut file = std::fs::File::create_new(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => CliError::refused(format!("`{shown}` is there already"))
            .hint("edit it, or name another file with `--file`; no file is ever written over"),
        _ => CliError::failed(format!("could not make `{shown}`")).because(error),
    })?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| CliError::failed(format!("could not write `{shown}`")).because(error))
}
