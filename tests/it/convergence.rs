//! For any file, any account and any faults: applying again and again ends where the file says, strangers keep what they
//! have, and nothing is there twice. The real SDK, planner and executor run over the sandbox, in virtual time.
//!
//! `VSSCTL_SIMULATIONS=N` asks for more histories, `VSSCTL_SECONDS=N` for as many as that time allows, from a seed
//! that nobody ran before; `VSSCTL_SEED=N` replays one. Seeds that failed once are kept in `tests/seeds.txt` and
//! replayed always. `docs/reliability.md` says what is checked.

mod account;
mod export;
mod files;
mod matrix;
pub(crate) mod random;
mod simulation;
mod wire;
mod world;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

pub(crate) use matrix::FAULTS;
use random::Random;
use simulation::{Figures, Mode, simulate};
use wire::Kill;
use world::{coverage, document};

/// So many histories run with every test run; `tests/run` asks for more.
const HISTORIES: u64 = 40;
/// So many failures tell what is wrong; `VSSCTL_ENOUGH` asks for fewer, where only the first one matters.
const ENOUGH: u64 = 20;
/// So many cases are swept with every test run.
const CASES: u64 = 2;

fn histories() -> u64 {
    asked("VSSCTL_SIMULATIONS").unwrap_or(HISTORIES)
}

/// Reads a number from the environment.
fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// The seeds of a run.
enum Seeds {
    These(Vec<u64>),
    /// First these, then one after the other, until the time is over.
    Then(Vec<u64>, u64, Duration),
}

impl Seeds {
    fn get(&self, index: u64, started: Instant) -> Option<u64> {
        match self {
            Self::These(seeds) => seeds.get(usize::try_from(index).ok()?).copied(),
            Self::Then(seeds, first, time) => {
                let known = seeds.get(usize::try_from(index).ok()?).copied();
                known.or_else(|| (started.elapsed() < *time).then(|| first + index))
            }
        }
    }

    /// Says where they begin, where that is not always the same.
    fn said(&self) -> String {
        match self {
            Self::These(_) => String::new(),
            Self::Then(_, first, _) => format!(" from seed {first} on"),
        }
    }
}

/// Of so many histories one has two appliers: it takes three times as long.
const PAIRS: u64 = 20;

/// Files of every key, an account that moves, odd answers.
const EVERY_KEY: Mode = Mode { pairs: false, wide: true };

/// Runs histories on every core and reports what failed.
fn run(name: &str, seeds: &Seeds, mode: Mode) -> Figures {
    run_all(name, seeds, |seed| simulate(seed, mode))
}

fn run_all(name: &str, seeds: &Seeds, simulate: impl Fn(u64) -> (Figures, Vec<String>) + Sync) -> Figures {
    let started = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (next, failures) = (AtomicU64::new(0), AtomicU64::new(0));
    let enough = asked("VSSCTL_ENOUGH").unwrap_or(ENOUGH);
    let results = std::thread::scope(|scope| {
        let work = || {
            let mut figures = Figures::default();
            let mut failed = Vec::new();
            while failures.load(Ordering::Relaxed) < enough
                && let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed), started)
            {
                let (one, problems) = simulate(seed);
                figures.add(&one);
                if !problems.is_empty() {
                    failures.fetch_add(1, Ordering::Relaxed);
                    failed.push((seed, problems));
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
    let took = started.elapsed().as_secs_f64();
    println!("{name}: {figures} in {took:.1} s{}, {} failed", seeds.said(), failed.len());
    failed.sort();
    let seeds: Vec<u64> = failed.iter().map(|(seed, _)| *seed).collect();
    for (seed, problems) in &failed {
        println!("{seed}: {}", problems.first().map_or("", |problem| &problem[..problem.len().min(600)]));
    }
    if let Some((seed, problems)) = failed.first() {
        panic!("{name}: seeds {seeds:?} fail; VSSCTL_SEED={seed} replays this one:\n{}", problems.join("\n"));
    }
    figures
}

/// Gives the seeds of a run: those that are asked for; else, where a time is asked for, as many new ones as its share in
/// percent of that allows; else the first so many.
fn seeds(start: u64, count: u64, share: u32) -> Seeds {
    seeds_after(0, start, count, share)
}

/// The same, where a run by time has so many of the first ones before the new ones.
fn seeds_after(known: u64, start: u64, count: u64, share: u32) -> Seeds {
    if let Some(replayed) = replayed() {
        return Seeds::These(replayed);
    }
    match asked("VSSCTL_SECONDS") {
        Some(seconds) => {
            // The second in which it begins: no run repeats another one's histories.
            let now = SystemTime::UNIX_EPOCH.elapsed().expect("a clock after 1970").as_secs();
            let time = Duration::from_secs(seconds) * share / 100;
            Seeds::Then((start..start + known).collect(), start + (now << 16), time)
        }
        None => Seeds::These((start..start + count).collect()),
    }
}

/// The seeds that are asked for.
fn replayed() -> Option<Vec<u64>> {
    let seeds = std::env::var("VSSCTL_SEED").ok()?;
    Some(seeds.split(',').filter_map(|seed| seed.parse().ok()).collect())
}

#[test]
fn any_file_on_any_account_under_any_faults_converges() {
    run("one applier", &seeds(0, histories() - histories() / PAIRS, 30), Mode::default());
}

/// From so many wide histories on, a hole in the keys, faults and meddlings that they reached fails the run; from so many
/// on, one in the operations, hazards and lenses, which need more luck: an update must fall on a plan with an unknown
/// member. Every run begins with so many as the first says that are always the same: new ones decide nothing about keys.
const WIDE: [u64; 2] = [100, 1000];

#[test]
fn any_file_of_the_schema_on_an_account_that_moves_converges() {
    let figures = run("wide", &seeds_after(WIDE[0], 1 << 35, histories().max(WIDE[0]), 35), EVERY_KEY);
    let (reached, all) = (coverage::reached(), coverage::all());
    println!("{}", reached.lines(&all).join("\n"));
    if let Some(path) = document::asked() {
        document::put(&path, document::HISTORIES, &document::tables(&figures.to_string(), &reached, &all));
    }
    for (sort, all) in all.iter().filter(|_| replayed().is_none()) {
        let is_rare = ["operations", "hazards", "lenses"].contains(sort);
        let needed = WIDE[usize::from(is_rare)];
        if figures.simulations >= needed {
            let mut holes = reached.holes(sort, all);
            holes.retain(|hole| !coverage::RARE.contains(&hole.as_str()));
            assert_eq!(holes, [""; 0], "no history has these {sort}");
        }
    }
}

/// For each history that is asked for, so many files are made: they cost little.
const FILES: u64 = 10;

#[test]
fn every_seed_makes_a_file_that_is_accepted() {
    run_all("files", &seeds(1 << 37, histories() * FILES, 2), |seed| {
        let made = std::panic::catch_unwind(|| simulation::file_of(seed));
        let figures = Figures { simulations: 1, ..Figures::default() };
        (figures, made.err().map(|_| "no file".to_owned()).into_iter().collect())
    });
}

#[test]
fn two_appliers_at_once_leave_nothing_that_the_next_apply_does_not_mend() {
    let pairs = Mode { pairs: true, ..Mode::default() };
    run("two appliers", &seeds(1 << 32, histories() / PAIRS, 5), pairs);
    run("two appliers, wide", &seeds(1 << 36, histories() / PAIRS, 5), Mode { wide: true, ..pairs });
}

#[test]
fn seeds_that_failed_once_are_replayed() {
    let kept = include_str!("../seeds.txt");
    let modes = [
        ("one", Mode::default()),
        ("two", Mode { pairs: true, ..Mode::default() }),
        ("wide", EVERY_KEY),
        ("wide-two", Mode { pairs: true, ..EVERY_KEY }),
    ];
    for (mark, mode) in modes {
        let seeds: Vec<u64> = kept
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split_once(' ').filter(|(sort, _)| *sort == mark))
            .map(|(_, seed)| seed.split_whitespace().next().and_then(|seed| seed.parse().ok()).expect("a number"))
            .collect();
        run(&format!("kept seeds, {mark}"), &Seeds::These(seeds), mode);
    }
}

#[test]
fn a_death_at_any_call_is_healed_by_the_next_apply() {
    let cases = asked("VSSCTL_SWEEP").unwrap_or(CASES);
    run_all("crash sweep", &seeds(1 << 33, cases, 25), |seed| {
        // Every second case has files of every key.
        let mode = Mode { wide: seed % 2 == 1, ..Mode::default() };
        let (mut figures, mut problems) = (Figures::default(), Vec::new());
        for kill in [Kill::Before, Kill::Lost, Kill::After] {
            for at in 0.. {
                let (one, found) = simulation::sweep(seed, mode, at, kill);
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
    let all = 0..u64::try_from(cases.len()).expect("a small number");
    let chosen = replayed()
        .map_or_else(|| all.clone().collect(), |seeds| seeds.into_iter().filter(|seed| all.contains(seed)).collect());
    let figures = run_all("fault matrix", &Seeds::These(chosen), |index| {
        matrix::run(&cases[usize::try_from(index).expect("a small number")])
    });
    if let Some(path) = document::asked() {
        document::put(&path, document::MATRIX, &matrix::table(&figures.to_string()));
    }
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

#[test]
fn a_run_by_time_takes_one_seed_after_the_other_until_its_time_is_over() {
    let now = Instant::now();
    let seeds = |time| [0, 1, 2].map(|index| Seeds::Then(vec![3], 7, time).get(index, now));
    assert_eq!(seeds(Duration::from_hours(1)), [Some(3), Some(8), Some(9)]);
    assert_eq!(seeds(Duration::ZERO), [Some(3), None, None]);
    let listed = Seeds::These(vec![5, 3]);
    assert_eq!([0, 1, 2].map(|index| listed.get(index, now)), [Some(5), Some(3), None]);
}
