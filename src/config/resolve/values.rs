//! Values that several kinds have: durations, schedules, and lists with a limit.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::context::{Context, Entry};
use crate::config::problems::safe;
use crate::model::Diagnostic;
use crate::model::duration::DurationError;
use crate::model::schedule::{Schedule, ScheduleError};

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

/// Warns of a schedule that is over by this machine's clock. The file may have been right once, so it is no error.
pub(super) fn warn_of_end<T>(
    context: &mut Context<'_>,
    entry: &Entry<'_, T>,
    text: &str,
    schedule: &Schedule,
    zone: &TimeZone,
) {
    let Some(last) = schedule.ended(Timestamp::now(), zone) else { return };
    let help = match schedule {
        Schedule::At(_) => "write a time that is still to come, or an interval such as `rate(1 day)`",
        Schedule::Cron(_) | Schedule::Rate(_) => "write `*` for the year, or a year that is still to come",
    };
    let diagnostic = entry
        .warning("VSS0420", format!("the schedule `{}` is over and does not run any more", safe(text)))
        .label(format!("its last time was {}", last.strftime("%Y-%m-%d %H:%M %Z")))
        .help(help);
    context.report(&entry.place(&["schedule"]), diagnostic);
}
