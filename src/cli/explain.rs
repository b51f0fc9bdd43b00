//! `vssctl explain [CODE]`.

use std::fmt::Write as _;

use super::arguments::ExplainArguments;
use super::exit::{CliError, Exit};
use super::ui::Ui;
use crate::model::codes::{codes, explain};
use crate::model::safe::escaped;
use crate::vss::doctor::catalogue::{CHECKS, Check, Rests};

/// Prints the long text of a code, or lists the codes.
pub(super) fn run(arguments: &ExplainArguments, ui: &Ui) -> Result<Exit, CliError> {
    let Some(code) = &arguments.code else {
        ui.answer(&list());
        return Ok(Exit::Done);
    };
    if let Some(check) = CHECKS.iter().find(|check| check.id.eq_ignore_ascii_case(code)) {
        ui.answer(&of_check(check));
        return Ok(Exit::Done);
    }
    let Some(explanation) = explain(code) else {
        return Err(CliError::invalid(format!("there is no code `{code}`")).hint("`vssctl explain` lists them all"));
    };
    ui.answer(&format!("{}: {}\n\n{}\n", explanation.code, escaped(explanation.title), explanation.text));
    Ok(Exit::Done)
}

/// Explains a check of `doctor`.
fn of_check(check: &Check) -> String {
    let rests = match check.rests {
        Rests::Apis => "what AWS's APIs say",
        Rests::Inside => "a look inside the instance, which `--run-commands` allows",
        Rests::Jobs => "what AWS Backup says about a job that went wrong; nothing shows it before",
    };
    let Check { id, severity, title, rests: _, page } = check;
    format!(
        "{id}: {title}\n\n\
         A check of `vssctl doctor`. Its findings are of the severity `{}` unless they say otherwise; it rests on\n\
         {rests}.\n\nAWS: {}\n{}\n",
        severity.name(),
        page.title,
        page.url
    )
}

/// Lists all codes with their titles.
fn list() -> String {
    let mut text = String::new();
    for explanation in codes().filter_map(explain) {
        let _ = writeln!(text, "{}  {}", explanation.code, explanation.title);
    }
    for check in CHECKS {
        let _ = writeln!(text, "{:7}  {}", check.id, check.title);
    }
    text
}
