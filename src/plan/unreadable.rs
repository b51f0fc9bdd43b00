//! What could not be read, beyond the entries of the file: orphans may be missing from the plan, and what others have
//! is not known.

use crate::kinds;
use std::collections::{BTreeMap, BTreeSet};

use super::Input;
use super::content::UNREAD_LIST;
use crate::aws::AwsError;
use crate::kind::Found;
use crate::model::Diagnostic;
use crate::vss::evidence::Unread;

/// Names each failed read once, unless an entry that could not be read names it already.
///
/// A plan that deletes what the file no longer has would claim to be complete: for it, this is an error.
pub(super) fn diagnostics(input: &Input<'_>) -> Vec<Diagnostic> {
    let mut failed: BTreeMap<String, (&AwsError, BTreeSet<&str>)> = BTreeMap::new();
    for (name, live) in input.live {
        let title = kinds::of(*name).title();
        for error in &live.unreadable {
            failed.entry(error.action()).or_insert_with(|| (error, BTreeSet::new())).1.insert(title);
        }
    }
    for found in input.live.iter().flat_map(|(_, live)| live.found.values()) {
        if let Found::Unknown { action, .. } = found {
            failed.remove(action);
        }
    }
    let deletes = input.options.prune || input.options.destroy;
    failed
        .into_iter()
        .map(|(action, (error, titles))| {
            let titles: Vec<&str> = titles.into_iter().collect();
            let code = error.code.as_ref().map(|code| format!("{code}: ")).unwrap_or_default();
            let message = format!(
                "what else stack `{}` owns could not be read ({}): {code}{}",
                input.scope.stack,
                titles.join(", "),
                error.reason()
            );
            let diagnostic = if deletes {
                Diagnostic::error(UNREAD_LIST, message)
            } else {
                Diagnostic::warning(UNREAD_LIST, message)
            };
            diagnostic.help(format!("allow `{action}` to the caller, or mend what the message says, and run again"))
        })
        .collect()
}

/// Names the reads of what others have that failed, each action once. Nothing of the stack depends on it, so that it is
/// no obstacle.
pub(super) fn others(input: &Input<'_>) -> Vec<Diagnostic> {
    let failed: BTreeMap<&str, &Unread> =
        input.others.unread.iter().map(|unread| (unread.action.as_str(), unread)).collect();
    failed
        .into_iter()
        .map(|(action, unread)| {
            let message = format!(
                "what others have in the account could not be read, so that hazards may be missing: {}",
                unread.message
            );
            Diagnostic::warning("VSS0916", message)
                .help(format!("allow `{action}` to the caller, or mend what the message says, and run again"))
        })
        .collect()
}
