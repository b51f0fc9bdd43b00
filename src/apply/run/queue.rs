//! Which steps can be begun.

use std::collections::BTreeSet;

use crate::plan::Plan;

/// The steps that can be begun, and what the others still wait for: each end is told once, however many steps there
/// are.
pub(super) struct Queue {
    ready: BTreeSet<usize>,
    /// How many steps each one waits for.
    left: Vec<usize>,
    /// The steps that wait for each one.
    followers: Vec<Vec<usize>>,
}

impl Queue {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut followers = vec![Vec::new(); plan.steps.len()];
        for step in &plan.steps {
            for before in &step.after {
                followers[*before].push(step.id);
            }
        }
        let left: Vec<usize> = plan.steps.iter().map(|step| step.after.len()).collect();
        let ready = plan.steps.iter().map(|step| step.id).filter(|id| left[*id] == 0).collect();
        Self { ready, left, followers }
    }

    /// Returns the first step in the plan's order that can be begun and that there is room for.
    pub(super) fn first(&self, has_room: impl Fn(usize) -> bool) -> Option<usize> {
        self.ready.iter().copied().find(|id| has_room(*id))
    }

    pub(super) fn begin(&mut self, id: usize) {
        self.ready.remove(&id);
    }

    pub(super) fn end(&mut self, id: usize) {
        for follower in &self.followers[id] {
            self.left[*follower] -= 1;
            if self.left[*follower] == 0 {
                self.ready.insert(*follower);
            }
        }
    }
}
