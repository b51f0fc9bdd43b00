//! One deterministic order for the steps of a plan.
//!
//! A holder lets go before what it holds is replaced. A resource is made before those that refer to it. What a change
//! leaves behind is deleted once everything that depends on the resource stands. Deletions go from the holder to the
//! held.

use std::collections::{BTreeMap, BTreeSet};

use super::Step;
use crate::model::Address;
use crate::model::Phase::{Ensure, Prune, Release, Remove};
use crate::model::{Phase, PlannedCall};

/// The place of a step: its phase and the address of its resource.
pub type Vertex = (Phase, Address);

/// Who refers to whom, and what the steps are, before they are in order.
#[derive(Debug, Default)]
pub struct Graph {
    /// The calls of each vertex.
    pub calls: BTreeMap<Vertex, Vec<PlannedCall>>,
    /// The looks of each vertex that has some.
    pub looks: BTreeMap<Vertex, Vec<PlannedCall>>,
    /// (resource, what it needs), as the file says.
    pub references: BTreeSet<(Address, Address)>,
    /// (holder, what it holds), as AWS has it now; what is held may be on its way out.
    pub holds: BTreeSet<(Address, Address)>,
    /// (resource, what must stand before anything is done to it), whoever refers to whom.
    pub waits: BTreeSet<(Address, Address)>,
    /// (second object, the entry that keeps the first one): it goes once the entry and all who refer to that stand.
    pub seconds: BTreeSet<(Address, Address)>,
}

/// Reports that steps wait for each other.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("these steps wait for each other: {}", members.join(", "))]
pub struct CycleError {
    /// The members, as `phase address`.
    pub members: Vec<String>,
}

impl Graph {
    /// Puts the vertices in order and numbers them. Ties are broken by `rank`, then by address.
    pub fn steps(self, rank: impl Fn(&Vertex) -> usize) -> Result<Vec<Step>, CycleError> {
        let before = self.edges();
        let mut waiting: BTreeMap<&Vertex, BTreeSet<&Vertex>> =
            self.calls.keys().map(|vertex| (vertex, before.get(vertex).cloned().unwrap_or_default())).collect();
        let mut ready: BTreeSet<(usize, &Vertex)> =
            waiting.iter().filter(|(_, needs)| needs.is_empty()).map(|(vertex, _)| (rank(vertex), *vertex)).collect();
        let mut followers: BTreeMap<&Vertex, Vec<&Vertex>> = BTreeMap::new();
        for (vertex, needs) in &waiting {
            for need in needs {
                followers.entry(need).or_default().push(vertex);
            }
        }
        let mut number: BTreeMap<&Vertex, usize> = BTreeMap::new();
        let mut steps = Vec::with_capacity(self.calls.len());
        while let Some((_, vertex)) = ready.pop_first() {
            let after = before.get(vertex).into_iter().flatten().map(|need| number[need]).collect::<BTreeSet<_>>();
            number.insert(vertex, steps.len());
            steps.push(Step {
                id: steps.len(),
                address: vertex.1.clone(),
                phase: vertex.0,
                after: after.into_iter().collect(),
                looks: self.looks.get(vertex).cloned().unwrap_or_default(),
                calls: self.calls[vertex].clone(),
                hazards: Vec::new(),
            });
            waiting.remove(vertex);
            for follower in followers.get(vertex).into_iter().flatten().copied() {
                if let Some(needs) = waiting.get_mut(follower) {
                    needs.remove(vertex);
                    if needs.is_empty() {
                        ready.insert((rank(follower), follower));
                    }
                }
            }
        }
        if waiting.is_empty() {
            Ok(steps)
        } else {
            Err(CycleError {
                members: waiting.keys().map(|(phase, address)| format!("{phase:?} {address}").to_lowercase()).collect(),
            })
        }
    }

    /// Gives, for each vertex, the vertices that come before it. Vertices without calls pass their order on only where
    /// a rule names both ends, so each rule spells out every phase that it means.
    fn edges(&self) -> BTreeMap<&Vertex, BTreeSet<&Vertex>> {
        let mut edges: BTreeMap<&Vertex, BTreeSet<&Vertex>> = BTreeMap::new();
        let mut edge = |first: (Phase, &Address), then: (Phase, &Address)| {
            let first = self.calls.get_key_value(&(first.0, first.1.clone())).map(|(vertex, _)| vertex);
            let then = self.calls.get_key_value(&(then.0, then.1.clone())).map(|(vertex, _)| vertex);
            if let (Some(first), Some(then)) = (first, then) {
                edges.entry(then).or_default().insert(first);
            }
        };
        let addresses: BTreeSet<&Address> = self.calls.keys().map(|(_, address)| address).collect();
        for address in addresses {
            edge((Release, address), (Ensure, address));
            edge((Release, address), (Remove, address));
            edge((Ensure, address), (Remove, address));
        }
        for (user, used) in &self.references {
            edge((Ensure, used), (Ensure, user));
            // The user may have let go of the old one that `used` replaces.
            edge((Release, user), (Release, used));
            edge((Release, user), (Ensure, used));
            // Leftovers of `used` go when all its users stand and have dropped their own leftovers.
            edge((Ensure, user), (Remove, used));
            edge((Remove, user), (Remove, used));
        }
        for (waiting, first) in &self.waits {
            for phase in [Release, Ensure, Remove] {
                edge((Ensure, first), (phase, waiting));
            }
        }
        for (second, entry) in &self.seconds {
            let users = self.references.iter().filter(|(_, used)| used == entry).map(|(user, _)| user);
            for address in users.chain([entry]) {
                for last in [Release, Ensure, Remove] {
                    edge((last, address), (Prune, second));
                }
            }
        }
        for (holder, held) in &self.holds {
            for last in [Release, Ensure, Remove, Prune] {
                edge((last, holder), (Prune, held));
            }
            edge((Prune, holder), (Remove, held));
        }
        edges
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::KindId;
    use crate::model::Operation;

    fn graph(vertices: &[(Phase, &str)], references: &[(&str, &str)], holds: &[(&str, &str)]) -> Graph {
        let address = |text: &str| text.parse::<Address>().expect("an address");
        let pairs = |list: &[(&str, &str)]| list.iter().map(|(left, right)| (address(left), address(right))).collect();
        Graph {
            calls: vertices
                .iter()
                .map(|(phase, text)| ((*phase, address(text)), vec![PlannedCall::new(Operation::TagRole, json!({}))]))
                .collect(),
            references: pairs(references),
            holds: pairs(holds),
            ..Graph::default()
        }
    }

    /// Gives the order under a shuffled tie-break: a missing edge shows as a changed relative order.
    fn position(graph: Graph, salt: usize, wanted: (Phase, &str)) -> usize {
        let rank =
            |vertex: &Vertex| vertex.1.to_string().bytes().map(usize::from).sum::<usize>().wrapping_mul(salt) % 17;
        let steps = graph.steps(rank).expect("no cycle");
        steps.iter().position(|step| (step.phase, step.address.to_string().as_str()) == wanted).expect("the step")
    }

    #[test]
    fn a_selection_is_created_before_its_predecessor_goes_and_after_its_plan_stands() {
        let vertices = [
            (Phase::Ensure, "plan.a"),
            (Phase::Ensure, "selection.a.w"),
            (Phase::Remove, "selection.a.w"),
            (Phase::Remove, "plan.a"),
        ];
        for salt in 1..50 {
            let at = |wanted| position(graph(&vertices, &[("selection.a.w", "plan.a")], &[]), salt, wanted);
            assert!(at((Phase::Ensure, "plan.a")) < at((Phase::Ensure, "selection.a.w")));
            assert!(at((Phase::Ensure, "selection.a.w")) < at((Phase::Remove, "selection.a.w")));
            assert!(at((Phase::Remove, "selection.a.w")) < at((Phase::Remove, "plan.a")));
        }
    }

    #[test]
    fn a_profile_lets_go_before_its_role_is_replaced() {
        let vertices = [
            (Phase::Release, "instance_profile.r"),
            (Phase::Release, "role.r"),
            (Phase::Ensure, "role.r"),
            (Phase::Ensure, "instance_profile.r"),
        ];
        for salt in 1..50 {
            let at = |wanted| position(graph(&vertices, &[("instance_profile.r", "role.r")], &[]), salt, wanted);
            assert!(at((Phase::Release, "instance_profile.r")) < at((Phase::Release, "role.r")));
            assert!(at((Phase::Release, "role.r")) < at((Phase::Ensure, "role.r")));
            assert!(at((Phase::Ensure, "role.r")) < at((Phase::Ensure, "instance_profile.r")));
        }
    }

    #[test]
    fn deletions_go_from_the_holder_to_the_held() {
        let vertices = [
            (Phase::Prune, "vault.a"),
            (Phase::Prune, "plan.b"),
            (Phase::Prune, "selection.b.w"),
            (Phase::Ensure, "plan.z"),
        ];
        let holds = [("plan.b", "vault.a"), ("selection.b.w", "plan.b"), ("plan.z", "vault.a")];
        for salt in 1..50 {
            let at = |wanted| position(graph(&vertices, &[], &holds), salt, wanted);
            assert!(at((Phase::Prune, "selection.b.w")) < at((Phase::Prune, "plan.b")));
            assert!(at((Phase::Prune, "plan.b")) < at((Phase::Prune, "vault.a")));
            assert!(at((Phase::Ensure, "plan.z")) < at((Phase::Prune, "vault.a")));
        }
    }

    #[test]
    fn a_cycle_names_its_members() {
        let vertices = [(Phase::Ensure, "role.a"), (Phase::Ensure, "role.b")];
        let error =
            graph(&vertices, &[("role.a", "role.b"), ("role.b", "role.a")], &[]).steps(|_| 0).expect_err("a cycle");
        assert_eq!(error.members, ["ensure role.a", "ensure role.b"]);
    }

    #[test]
    fn a_step_waits_for_exactly_its_predecessors() {
        let vertices = [(Phase::Ensure, "role.a"), (Phase::Ensure, "vault.v"), (Phase::Ensure, "plan.p")];
        let steps = graph(&vertices, &[("plan.p", "vault.v")], &[]).steps(|_| 0).expect("no cycle");
        let plan = steps.iter().find(|step| step.address.kind() == KindId::Plan).expect("the plan");
        assert_eq!(plan.after.iter().map(|id| steps[*id].address.to_string()).collect::<Vec<_>>(), ["vault.v"]);
    }
}
