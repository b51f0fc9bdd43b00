//! Targets that nearly mean an instance: one of its tags differs from the wanted one by a slip. Tags are compared with
//! their case, and AWS says nothing of targets that mean less than was thought.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Input;
use super::draft::Draft;
use crate::kind::slip::near_targets;
use crate::kinds::attachment::AttachmentCarried;
use crate::model::{Action, Diagnostic, KindId};
use crate::vss::targets;

/// The most instances that a warning names.
const MOST: usize = 3;

/// Warns of each attachment and package that changes and whose targets nearly mean an instance.
pub(super) fn misses(input: &Input<'_>, drafts: &[Draft<'_>]) -> Vec<Diagnostic> {
    let changes = |draft: &&Draft<'_>| !matches!(draft.action, Action::Refused | Action::Unknown | Action::Delete);
    drafts.iter().filter(changes).filter_map(|draft| miss(input, draft)).collect()
}

fn miss(input: &Input<'_>, draft: &Draft<'_>) -> Option<Diagnostic> {
    let desired = draft.desired?;
    let wanted = desired.fields.get("targets").unwrap_or(&Value::Null);
    let near: BTreeMap<String, (String, String)> = match draft.kind.id() {
        KindId::Attachment => draft.live?.carried.get::<AttachmentCarried>()?.near.clone(),
        KindId::Package => {
            // Without a change of the package the instances are not read.
            let others = input.installed.fleet().iter().filter(|one| !targets::mean(wanted, &one.id, &one.tags));
            others.filter_map(|one| Some((one.title(), near_targets(wanted, &one.tags).into_iter().next()?))).collect()
        }
        _ => return None,
    };
    let (title, (tag, found)) = near.first_key_value()?;
    let named: Vec<&str> = near.keys().take(MOST).map(String::as_str).collect();
    let more = near.len().saturating_sub(MOST);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let address = &desired.address;
    let message = format!("the targets of `{address}` miss {}{more} by a slip in a tag", named.join(", "));
    Some(
        Diagnostic::warning("VSS0918", message)
            .at(address)
            .located(desired.location.clone())
            .help(format!("{title} has `{found}`, and the targets ask for `{tag}`: write one as the other is")),
    )
}
