//! How far the newest run of a package is, for `wait = true`: how many instances are done, failed and still at it.
//!
//! State Manager counts instances by status in the association's overview, Run Command in the command itself. AWS
//! pages: `AssociationOverview`, `Command`.

use aws_sdk_ssm::types::CommandStatus;

use super::DOCUMENT;
use crate::aws::{AwsError, Reader};
use crate::kind::Live;

/// How many instances have run it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Installation {
    /// Ran it and succeeded.
    pub succeeded: usize,
    /// Ran it and failed, or could not be reached in time.
    pub failed: usize,
    /// Have not answered yet.
    pub pending: usize,
    /// Nothing more is to come.
    pub ended: bool,
}

/// Reads how far the newest run of a live package is. The run of a resource that is gone has ended.
pub async fn installation(reader: &Reader, live: &Live) -> Result<Installation, AwsError> {
    if let Some(id) = live.ids.get("AssociationId") {
        let association = reader.association(id).await?;
        let Some(overview) = association.overview() else { return Ok(Installation::default()) };
        let counts = overview.association_status_aggregated_count().into_iter().flatten();
        let counts = counts.map(|(status, count)| (status.as_str(), usize::try_from(*count).unwrap_or_default()));
        return Ok(of_counts(overview.status().unwrap_or_default(), counts));
    }
    let id = live.ids.get("CommandId");
    let commands = reader.list_commands(DOCUMENT).await?;
    let Some(command) = commands.iter().find(|command| command.command_id.as_ref() == id) else {
        return Ok(Installation { ended: true, ..Installation::default() });
    };
    let count = |number: i32| usize::try_from(number).unwrap_or_default();
    let failed = count(command.error_count) + count(command.delivery_timed_out_count);
    let completed = count(command.completed_count);
    Ok(Installation {
        succeeded: completed.saturating_sub(failed),
        failed,
        pending: count(command.target_count).saturating_sub(completed),
        ended: !matches!(
            command.status,
            None | Some(CommandStatus::Pending | CommandStatus::InProgress | CommandStatus::Cancelling)
        ),
    })
}

/// Sorts the counts of an association's overview.
fn of_counts<'a>(status: &str, counts: impl Iterator<Item = (&'a str, usize)>) -> Installation {
    let mut found = Installation::default();
    for (status, count) in counts {
        match status {
            "Success" | "Skipped" => found.succeeded += count,
            "Failed" | "TimedOut" => found.failed += count,
            _ => found.pending += count,
        }
    }
    found.ended = found.pending == 0 && !matches!(status, "" | "Pending" | "InProgress" | "Associated");
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_association_has_ended_when_nobody_is_pending() {
        let ended = of_counts("Success", [("Success", 2)].into_iter());
        assert_eq!(ended, Installation { succeeded: 2, failed: 0, pending: 0, ended: true });
        let running = of_counts("Pending", [("Success", 2), ("Pending", 1)].into_iter());
        assert_eq!(running, Installation { succeeded: 2, failed: 0, pending: 1, ended: false });
    }

    #[test]
    fn an_association_that_has_not_run_has_not_ended() {
        assert!(!of_counts("Pending", std::iter::empty()).ended);
        assert!(!of_counts("", std::iter::empty()).ended);
    }

    #[test]
    fn a_failure_counts_as_failed_and_ends_it() {
        let failed = of_counts("Failed", [("Success", 1), ("Failed", 2)].into_iter());
        assert_eq!(failed, Installation { succeeded: 1, failed: 2, pending: 0, ended: true });
    }
}
