//! For any file, any account and any faults: applying again and again ends where the file says, strangers keep what they
//! have, and nothing is there twice. The real SDK, planner and executor run over the sandbox, in virtual time.
//!
//! `VSSCTL_SIMULATIONS=N` asks for more histories; `VSSCTL_SEED=N` replays one. Seeds that failed once are kept in
//! `tests/seeds.txt` and replayed always. `docs/reliability.md` says what is checked.

mod account;
mod files;
mod matrix;
pub(crate) mod random;
mod simulation;
mod wire;

use std::collections::BTreeSet;
use std::time::Instant;

use random::Random;
use simulation::{Figures, Mode, simulate};
use wire::Kill;

/// So many histories run with every test run; `tests/run` asks for more.
const HISTORIES: u64 = 40;
/// So many failures on one core tell what is wrong.
const ENOUGH: usize = 10;
/// So many cases are swept with every test run.
const CASES: u64 = 2;

fn histories() -> u64 {
    std::env::var("VSSCTL_SIMULATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(HISTORIES)
}

/// Of so many histories one has two appliers: it takes three times as long.
const PAIRS: u64 = 20;

/// Runs histories on every core and reports what failed.
fn run(name: &str, seeds: &[u64], mode: Mode) {
    run_all(name, seeds, |seed| simulate(seed, mode));
}

fn run_all(name: &str, seeds: &[u64], simulate: impl Fn(u64) -> (Figures, Vec<String>) + Sync) {
    let started = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let results = std::thread::scope(|scope| {
        let work = || {
            let mut figures = Figures::default();
            let mut failed = Vec::new();
            while let Some(seed) = seeds.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                && failed.len() < ENOUGH
            {
                let (one, problems) = simulate(*seed);
                figures.add(&one);
                if !problems.is_empty() {
                    failed.push((*seed, problems));
                }
            }
            (figures, failed)
        };
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        handles.into_iter().map(|handle| handle.join().expect("no panic")).collect::<Vec<_>>()
    });
    let (mut figures, mut failed) = (Figures::default(), Vec::new());
    for (one, problems) in results {
        figures.add(&one);
        failed.extend(problems);
    }
    println!("{name}: {figures} in {:.1} s, {} failed", started.elapsed().as_secs_f64(), failed.len());
    failed.sort();
    let seeds: Vec<u64> = failed.iter().map(|(seed, _)| *seed).collect();
    for (seed, problems) in &failed {
        println!("{seed}: {}", problems.first().map_or("", |problem| &problem[..problem.len().min(600)]));
    }
    if let Some((seed, problems)) = failed.first() {
        panic!("{name}: seeds {seeds:?} fail; VSSCTL_SEED={seed} replays this one:\n{}", problems.join("\n"));
    }
}

/// Gives the seeds of a run: one that is asked for, or the first so many.
fn seeds(start: u64, count: u64) -> Vec<u64> {
    let asked = std::env::var("VSSCTL_SEED").unwrap_or_default();
    let asked: Vec<u64> = asked.split(',').filter_map(|seed| seed.parse().ok()).collect();
    if asked.is_empty() { (start..start + count).collect() } else { asked }
}

#[test]
fn any_file_on_any_account_under_any_faults_converges() {
    run("one applier", &seeds(0, histories() - histories() / PAIRS), Mode::default());
}

#[test]
fn two_appliers_at_once_leave_nothing_that_the_next_apply_does_not_mend() {
    run("two appliers", &seeds(1 << 32, histories() / PAIRS), Mode { pairs: true });
}

#[test]
fn seeds_that_failed_once_are_replayed() {
    let kept = include_str!("../seeds.txt");
    for (pairs, mark) in [(false, "one"), (true, "two")] {
        let seeds: Vec<u64> = kept
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(' ').filter(|(sort, _)| *sort == mark))
            .map(|(_, seed)| seed.split_whitespace().next().and_then(|seed| seed.parse().ok()).expect("a number"))
            .collect();
        run(&format!("kept seeds, {mark}"), &seeds, Mode { pairs });
    }
}

#[test]
fn a_death_at_any_call_is_healed_by_the_next_apply() {
    let cases = std::env::var("VSSCTL_SWEEP").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    run_all("crash sweep", &seeds(1 << 33, cases), |seed| {
        let (mut figures, mut problems) = (Figures::default(), Vec::new());
        for kill in [Kill::Before, Kill::Lost, Kill::After] {
            for at in 0.. {
                let (one, found) = simulation::sweep(seed, at, kill);
                problems.extend(found.into_iter().map(|problem| format!("{kill:?} {at}: {problem}")));
                figures.add(&one);
                // The apply had fewer calls than that.
                if one.deaths == 0 {
                    break;
                }
            }
        }
        (figures, problems)
    });
}

#[test]
fn every_fault_at_every_call_is_healed_by_the_next_apply() {
    let cases = matrix::cases();
    let calls: BTreeSet<_> = cases.iter().map(|case| (&case.service, &case.operation)).collect();
    println!("matrix: {} calls and {} faults", calls.len(), matrix::FAULTS.len());
    // Fewer would say that the files ask for less than they did.
    assert!(calls.len() >= 45, "{calls:?}");
    let chosen = seeds(0, u64::try_from(cases.len()).expect("a small number"));
    run_all("fault matrix", &chosen, |index| matrix::run(&cases[usize::try_from(index).expect("a small number")]));
}

#[test]
fn a_seed_is_always_the_same_history() {
    let mut random = Random::new(7);
    for _ in 0..3 {
        let seed = random.next();
        let figures = || format!("{:?}", simulate(seed, Mode::default()).0);
        assert_eq!(figures(), figures(), "{seed}");
    }
}
