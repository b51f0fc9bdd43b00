//! Visits every world of the model, and tells the steps to one that breaks the property.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use super::super::machine::{Flaw, Timing};
use super::{Key, Protocol, Step, TIMING, World};

/// What a check found.
struct Found {
    states: usize,
    transitions: usize,
    /// States in which a second epoch has done something.
    taken_over: usize,
    /// The shortest way to a world that breaks the property, if there is one.
    trace: Option<Vec<Step>>,
}

/// A hasher that is quick in an unoptimised build: the keys are packed already.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 = (self.0.rotate_left(5) ^ u64::from_le_bytes(word)).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
    }
}

/// Each world that was reached, with the one before it, if any.
type Reached = HashMap<Key, Option<Key>, BuildHasherDefault<Mix>>;

/// Visits every world that can be reached, the near ones first, until the property is broken.
fn check(protocol: Protocol) -> Found {
    let mut reached = Reached::default();
    let mut queue = VecDeque::from([World::start()]);
    reached.insert(World::start().key(), None);
    let (mut steps, mut transitions, mut taken_over) = (Vec::new(), 0, 0);
    while let Some(world) = queue.pop_front() {
        if world.newest > 1 {
            taken_over += 1;
        }
        steps.clear();
        world.next(protocol, &mut steps);
        for step in &steps {
            transitions += 1;
            if step.world.broken {
                let trace = Some(trace(&world, step, protocol, &reached));
                return Found { states: reached.len(), transitions, taken_over, trace };
            }
            reached.entry(step.world.key()).or_insert_with(|| {
                queue.push_back(step.world);
                Some(world.key())
            });
        }
    }
    Found { states: reached.len(), transitions, taken_over, trace: None }
}

/// Gives the steps from the start to a world, and one more. A key stands for a world and for the same one with its
/// clients swapped, so the way is walked anew, each step to the next key.
fn trace(to: &World, last: &Step, protocol: Protocol, reached: &Reached) -> Vec<Step> {
    let mut keys = vec![to.key()];
    while let Some(before) = keys.last().and_then(|key| reached[key]) {
        keys.push(before);
    }
    let (mut world, mut trace, mut steps) = (World::start(), Vec::new(), Vec::new());
    for key in keys.iter().rev().skip(1) {
        steps.clear();
        world.next(protocol, &mut steps);
        let step = *steps.iter().find(|step| step.world.key() == *key).expect("a step that was taken before");
        world = step.world;
        trace.push(step);
    }
    steps.clear();
    world.next(protocol, &mut steps);
    trace.extend(steps.iter().find(|step| step.world.broken).or(Some(last)).copied());
    trace
}

fn report(name: &str, protocol: Protocol) -> Found {
    let started = std::time::Instant::now();
    let found = check(protocol);
    let Found { states, transitions, taken_over, trace } = &found;
    let took = started.elapsed();
    println!("{name}: {states} states, {transitions} transitions, {taken_over} after a takeover, in {took:.1?}");
    for step in trace.iter().flatten() {
        println!("  {step:?}");
    }
    found
}

#[test]
fn the_protocol_lets_no_older_epoch_write_after_a_newer_one() {
    let found = report("the protocol", Protocol { timing: TIMING, flaw: Flaw::None });
    assert!(found.trace.is_none(), "the trace above breaks the property");
    let Found { states, taken_over, .. } = found;
    assert!(states > 100_000 && taken_over > 10_000, "the model is too small to mean much: {states}, {taken_over}");
}

/// Checks a protocol with a fault in it, and that its trace ends with the mutation that comes too late.
fn is_broken(name: &str, protocol: Protocol) {
    let trace = report(name, protocol).trace.expect("a trace");
    let last = trace.last().expect("a step");
    assert!(last.world.broken && last.what.contains("mutation"), "{last:?}");
}

#[test]
fn without_grace_an_older_epoch_writes_after_a_newer_one() {
    is_broken("no grace", Protocol { timing: Timing { grace: 0, ..TIMING }, flaw: Flaw::None });
}

#[test]
fn renewing_after_the_deadline_lets_an_older_epoch_write_after_a_newer_one() {
    is_broken("renews late", Protocol { timing: TIMING, flaw: Flaw::RenewsLate });
}

#[test]
fn sending_without_a_check_lets_an_older_epoch_write_after_a_newer_one() {
    is_broken("does not check", Protocol { timing: TIMING, flaw: Flaw::DoesNotCheck });
}

#[test]
fn a_create_that_restarts_the_clock_lets_an_older_epoch_write_after_a_newer_one() {
    is_broken("restarts the clock", Protocol { timing: TIMING, flaw: Flaw::RestartsClock });
}
