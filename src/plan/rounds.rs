//! The worklist of the planner: a rule that is applied again as long as its own decisions give it more to decide.

use super::draft::Draft;
use crate::model::Action;

/// What a rule decides about one draft.
#[derive(Debug)]
pub(super) struct Decision {
    /// Which draft.
    pub(super) index: usize,
    /// What happens to its resource from now on.
    pub(super) action: Action,
    /// Why.
    pub(super) reason: String,
}

/// Applies a rule in rounds until it decides nothing more, and tells whether it decided anything.
///
/// A rule sees the drafts as the round before left them and never its own decisions of the same round. A reason
/// therefore names the nearest cause, and it does not depend on the order of the drafts. A rule must not decide again
/// about a draft that it has decided about in the same way: that is what ends the rounds.
pub(super) fn in_rounds<'a>(drafts: &mut [Draft<'a>], mut rule: impl FnMut(&[Draft<'a>]) -> Vec<Decision>) -> bool {
    let mut decided = false;
    loop {
        let decisions = rule(drafts);
        if decisions.is_empty() {
            return decided;
        }
        decided = true;
        for Decision { index, action, reason } in decisions {
            let draft = &mut drafts[index];
            match action {
                Action::Refused | Action::Unknown => draft.refuse(action, reason),
                Action::NoOp | Action::Create | Action::Adopt | Action::Update | Action::Replace | Action::Delete => {
                    draft.action = action;
                    draft.reason = Some(reason);
                }
            }
        }
    }
}
