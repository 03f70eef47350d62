//! The whole protocol around the board in one thread: several servers, a store, callers, readers, and everything that
//! can go wrong between them. Seeded and replayable; the rules are the product's own. See `docs/simulation.md`.

mod caller;
mod calls;
mod check;
mod dice;
mod fault;
mod feed;
#[allow(dead_code)]
#[path = "../board/laws.rs"]
mod laws;
mod record;
mod server;
mod settle;
mod store;
mod tally;
mod world;

use std::time::Instant;

use fault::Fault;
use tally::Tally;
use world::World;

const SEEDS: u64 = 2_000;
const LONG_SEEDS: u64 = 20_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// `MUSTER_SIM_SEED=n` runs exactly that one and tells every step; `MUSTER_SIM_SEEDS=n` runs that many.
#[test]
fn nothing_goes_wrong_whatever_goes_wrong() {
    if let Some(seed) = number("MUSTER_SIM_SEED") {
        let broken = World::new(seed, planted(), true).run();
        assert_eq!(broken, None, "seed {seed}");
        return;
    }
    nothing_goes_wrong_in(0..number("MUSTER_SIM_SEEDS").unwrap_or(SEEDS));
}

/// Where the other test ends, this one begins.
#[test]
#[ignore = "long: 20,000 seeds"]
fn nor_in_ten_times_as_many_runs() {
    let began = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                nothing_goes_wrong_in((SEEDS..LONG_SEEDS).skip(thread as usize).step_by(threads as usize))
            });
        }
    });
    eprintln!("seeds {SEEDS} to {LONG_SEEDS}: no law broken, in {:?} on {threads} threads", began.elapsed());
}

fn nothing_goes_wrong_in(seeds: impl Iterator<Item = u64>) {
    let mut tally = Tally::default();
    let mut runs = 0;
    for seed in seeds {
        let mut world = World::new(seed, None, false);
        let broken = world.run();
        assert_eq!(broken, None, "replay it with MUSTER_SIM_SEED={seed}");
        tally.add(&world.tally);
        runs += 1;
    }
    eprintln!("{runs} runs: {tally:?}");
    assert!(tally.is_worth_it(), "the runs did not come to where things go wrong: {tally:?}");
}

/// `MUSTER_SIM_FAULT=NoFence` plants a fault in a replayed seed.
fn planted() -> Option<Fault> {
    let name = std::env::var("MUSTER_SIM_FAULT").ok()?;
    Fault::ALL.into_iter().find(|fault| format!("{fault:?}") == name)
}

#[test]
fn every_planted_fault_is_found_by_the_law_against_it() {
    let (mut missed, mut latest) = (Vec::new(), 0);
    for fault in Fault::ALL {
        let found = (0..SEEDS).find_map(|seed| Some((seed, World::new(seed, Some(fault), false).run()?)));
        match found {
            Some((seed, broken)) => {
                eprintln!("{fault:?}: seed {seed}: {broken}");
                latest = latest.max(seed);
            }
            None => missed.push(fault),
        }
    }
    eprintln!(
        "{} planted faults, {} found, the last in seed {latest}",
        Fault::ALL.len(),
        Fault::ALL.len() - missed.len()
    );
    assert_eq!(missed, [], "not found in {SEEDS} seeds");
}
