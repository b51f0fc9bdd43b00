//! Values that several kinds have: durations, schedules, and lists with a limit.

use crate::config::context::{Context, Entry};
use crate::config::problems::safe;
use crate::model::Diagnostic;
use crate::model::duration::DurationError;
use crate::model::schedule::ScheduleError;

/// Reads a duration and reports one that is none.
pub(super) fn duration<T>(
    context: &mut Context<'_>,
    entry: &Entry<'_, T>,
    keys: &[&str],
    text: Option<&str>,
    parse: fn(&str) -> Result<u32, DurationError>,
) -> Option<u32> {
    match parse(text?) {
        Ok(amount) => Some(amount),
        Err(failed) => {
            let message = format!("`{}` {}", safe(&failed.text), safe(&failed.problem));
            let diagnostic = entry.error("VSS0407", message).label("not a duration").help(failed.help());
            context.report(&entry.place(keys), diagnostic);
            None
        }
    }
}

/// Reports a list that is longer than AWS takes.
pub(super) fn at_most(
    what: &str,
    count: usize,
    most: usize,
    diagnostic: impl FnOnce(String) -> Diagnostic,
) -> Option<Diagnostic> {
    (count > most).then(|| diagnostic(format!("{count} {what}, and {most} is the most")).label("too many"))
}

/// Reports a text that is no schedule.
pub(super) fn schedule_error<T>(entry: &Entry<'_, T>, failed: &ScheduleError) -> Diagnostic {
    let message = format!("`{}` {}", safe(&failed.text), safe(&failed.problem));
    let diagnostic = entry.error("VSS0401", message).label("not a schedule that the service takes");
    match &failed.help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}
