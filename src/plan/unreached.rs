//! Run Commands that did not reach all of their servers, and can't reach the others as long as those do not answer.

use super::draft::Draft;
use crate::kinds::package::PackageCarried;
use crate::model::{Action, Diagnostic, KindId};

/// The most servers that a warning names.
const MOST: usize = 5;

/// Warns of each Run Command that stands and that some servers did not get.
pub(super) fn servers(drafts: &[Draft<'_>]) -> Vec<Diagnostic> {
    let stands = |draft: &&Draft<'_>| draft.kind.id() == KindId::Package && draft.action == Action::NoOp;
    drafts.iter().filter(stands).filter_map(warning).collect()
}

fn warning(draft: &Draft<'_>) -> Option<Diagnostic> {
    let desired = draft.desired?;
    let unreached = &draft.live?.carried.get::<PackageCarried>()?.unreached;
    if unreached.is_empty() {
        return None;
    }
    let named: Vec<&str> = unreached.iter().take(MOST).map(String::as_str).collect();
    let more = unreached.len().saturating_sub(MOST);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let address = &desired.address;
    let message = format!("the command of `{address}` did not reach {}{more}, and would not now", named.join(", "));
    Some(
        Diagnostic::warning("VSS0919", message)
            .at(address)
            .located(desired.location.clone())
            .help("start the server, or its SSM Agent: the next `vssctl apply` sends the command again"),
    )
}
