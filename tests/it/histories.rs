//! Long random days of a business against the real database: at every stop, what the boards remember, what a snapshot
//! and the journal since tell, and what the rows say are one and the same.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::FutureExt;
use futures_util::future::join_all;
use muster::store::audit::verify;
use muster_actors::ports::{BoardStore, Entry, Journal};
use muster_domain::dispatch::board::{Board, BoardSnapshot, Command, NewVisit};
use muster_domain::dispatch::{Step, TimeOff};
use muster_domain::identity::Role;
use muster_domain::ids::{JobId, TimeOffId, UserId, VisitId, WorkerId};
use muster_domain::{By, Moment, TimeWindow};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use crate::harness::office::{Office, Server, in_system, job, now, status, told, window};

const COMMANDS: usize = 150;
const STOPS_EVERY: usize = 30;
/// Commands that are under way at once.
const BURST: usize = 5;
const WORKERS: usize = 4;

/// Everything that has ever been there, so that commands also name what has ended, or never was.
struct Day {
    dice: StdRng,
    office: Office,
    workers: Vec<WorkerId>,
    jobs: Vec<JobId>,
    visits: Vec<VisitId>,
    time_off: Vec<TimeOffId>,
}

impl Day {
    async fn begins(seed: u64) -> Self {
        let office = Office::open().await;
        let mut workers = office.hires(WORKERS).await;
        workers.push(WorkerId(Uuid::now_v7()));
        let (jobs, visits) = (vec![JobId(Uuid::now_v7())], vec![VisitId(Uuid::now_v7())]);
        let time_off = vec![TimeOffId(Uuid::now_v7())];
        Self { dice: StdRng::seed_from_u64(seed), office, workers, jobs, visits, time_off }
    }

    fn one<T: Copy>(&mut self, of: fn(&Self) -> &Vec<T>) -> T {
        let index = self.dice.random_range(0..of(self).len());
        of(self)[index]
    }

    fn crew(&mut self) -> BTreeSet<WorkerId> {
        // Strangers are rare, or nothing would ever be assigned.
        let known = if self.dice.random_ratio(1, 20) { self.workers.len() } else { WORKERS };
        let count = *[0, 1, 1, 1, 2].choose(&mut self.dice).expect("not empty");
        (0..count).map(|_| self.workers[self.dice.random_range(0..known)]).collect()
    }

    fn window(&mut self) -> TimeWindow {
        let from = self.dice.random_range(0..40) * 15;
        window(from, from + self.dice.random_range(1..8) * 15)
    }

    fn maybe_window(&mut self) -> Option<TimeWindow> {
        self.dice.random_ratio(4, 5).then(|| self.window())
    }

    fn force(&mut self) -> Option<String> {
        self.dice.random_ratio(1, 4).then(|| "asked for".to_owned())
    }

    fn expect(&mut self) -> Option<i64> {
        self.dice.random_ratio(1, 10).then(|| self.dice.random_range(1..4))
    }

    fn command(&mut self) -> Command {
        match self.dice.random_range(0..40) {
            0..4 => self.new_job(),
            4..6 => {
                let (id, window, workers) = (VisitId(Uuid::now_v7()), self.maybe_window(), BTreeSet::new());
                self.visits.push(id);
                Command::AddVisit { job: self.one(|day| &day.jobs), visit: NewVisit { id, window, workers } }
            }
            6..15 => {
                let (visit, workers) = (self.one(|day| &day.visits), self.crew());
                Command::Assign { visit, workers, force: self.force(), expect: self.expect() }
            }
            15..17 => {
                let (visit, workers) = (self.one(|day| &day.visits), self.crew());
                Command::Unassign { visit, workers, expect: self.expect() }
            }
            17..23 => {
                let visit = self.one(|day| &day.visits);
                let window = self.dice.random_ratio(3, 4).then(|| self.maybe_window());
                let workers = self.dice.random_ratio(1, 2).then(|| self.crew());
                Command::Move { visit, window, workers, force: self.force(), expect: self.expect() }
            }
            23..30 => {
                let step = *Step::ALL.choose(&mut self.dice).expect("not empty");
                let occurred_at = self.dice.random_ratio(1, 3).then(|| now().now - TimeDelta::minutes(3));
                Command::Report { visit: self.one(|day| &day.visits), step, occurred_at, expect: None }
            }
            30 => Command::Cancel { visit: self.one(|day| &day.visits), reason: Some("rain".into()), expect: None },
            31..33 => {
                let (visit, reason) = (self.one(|day| &day.visits), "after all".into());
                Command::Reopen { visit, reason, force: self.force(), expect: None }
            }
            33 => Command::CancelJob { job: self.one(|day| &day.jobs), reason: None, expect: None },
            34 => Command::CompleteJob { job: self.one(|day| &day.jobs), expect: None },
            35 => Command::ReopenJob { job: self.one(|day| &day.jobs), reason: "after all".into(), expect: None },
            36 => {
                let time_off = TimeOff { id: TimeOffId(Uuid::now_v7()), window: self.window(), reason: None };
                self.time_off.push(time_off.id);
                Command::AddTimeOff { worker: self.one(|day| &day.workers), time_off }
            }
            37 => {
                let time_off = self.one(|day| &day.time_off);
                Command::RemoveTimeOff { worker: self.one(|day| &day.workers), time_off }
            }
            38 => Command::DeactivateWorker { worker: self.one(|day| &day.workers) },
            _ => Command::ActivateWorker { worker: self.one(|day| &day.workers) },
        }
    }

    fn new_job(&mut self) -> Command {
        let count = self.dice.random_range(0..4);
        let windows: Vec<_> = (0..count).map(|_| self.maybe_window()).collect();
        let (mut job, visits) = job(self.office.client, &windows);
        if self.dice.random_ratio(1, 3)
            && let Some(visit) = job.visits.first_mut()
        {
            visit.workers = self.crew();
        }
        self.jobs.push(job.id);
        self.visits.extend(visits);
        Command::CreateJob(job)
    }

    /// Mostly the office, now and then a worker who may only speak for himself.
    fn moment(&mut self) -> Moment {
        let role = if self.dice.random_ratio(1, 5) { Role::Worker } else { Role::Dispatcher };
        let id = UserId(self.one(|day| &day.workers).0);
        Moment { by: By::User { id, role }, ..now() }
    }

    async fn goes_by(&mut self, servers: &[Server]) -> usize {
        let mut accepted = 0;
        for n in (0..COMMANDS).step_by(BURST) {
            let burst: Vec<_> = (0..BURST)
                .map(|k| {
                    let server = &servers[(n + k) % servers.len()];
                    let (command, moment) = (self.command(), self.moment());
                    server.boards.submit(server.account, command, moment, None, told())
                })
                .collect();
            for reply in join_all(burst).await {
                assert!(matches!(status(&reply), 200 | 409), "{reply:?}");
                accepted += usize::from(status(&reply) == 200);
            }
            if (n + BURST).is_multiple_of(STOPS_EVERY) {
                self.stops(servers).await;
            }
        }
        accepted
    }

    /// The latest snapshot is from an earlier stop, so that loading also reads the journal.
    async fn stops(&mut self, servers: &[Server]) {
        let rows = awake(self.office.rows().await);
        let loaded = self.office.store.load(self.office.account, now().now).await.expect("the store answers");
        same(awake(loaded), &rows, "snapshot and journal");
        for server in servers {
            same(awake(server.board().await), &rows, "memory");
        }
        assert_eq!(self.office.double_bookings().await, 0);
        if self.dice.random_ratio(1, 2) {
            let board = Box::new(servers[0].board().await);
            self.office.store.save_snapshot(self.office.account, board).await.expect("it is saved");
        }
    }
}

/// The first thing on which two boards differ, rather than both of them whole.
fn same(told: Board, rows: &Board, what: &str) {
    let (one, other) = (BoardSnapshot::from(&told), BoardSnapshot::from(rows));
    let pairs = [
        (one.position.to_string(), other.position.to_string()),
        (one.jobs_numbered.to_string(), other.jobs_numbered.to_string()),
        (difference(&one.workers, &other.workers), difference(&other.workers, &one.workers)),
        (difference(&one.jobs, &other.jobs), difference(&other.jobs, &one.jobs)),
        (difference(&one.visits, &other.visits), difference(&other.visits, &one.visits)),
        (difference(&one.torn, &other.torn), difference(&other.torn, &one.torn)),
    ];
    for (one, other) in pairs {
        assert_eq!(one, other, "{what} and rows");
    }
    assert_eq!(told, *rows, "{what} and rows");
}

fn difference<T: PartialEq + std::fmt::Debug>(one: &[T], other: &[T]) -> String {
    one.iter().filter(|item| !other.contains(item)).map(|item| format!("{item:?}")).collect::<Vec<_>>().join("\n")
}

/// Without what a board may let go of at any time.
fn awake(mut board: Board) -> Board {
    board.forget(now().now);
    board
}

async fn history(seed: u64, servers: usize) -> usize {
    let mut day = Day::begins(seed).await;
    let servers = join_all((0..servers).map(|_| day.office.server())).await;
    let accepted = day.goes_by(&servers).await;
    let head = servers[0].board().await.position();
    assert!(verify(&day.office.store, day.office.account).await.expect("the journal stands") >= head);
    // All but the founding and hiring was written, and announced, by these boards: nothing else, and nothing otherwise.
    let mut told: Vec<Entry> = servers.iter().flat_map(|server| server.heard.entries()).collect();
    told.sort_by_key(|entry| entry.seq);
    let written = day.office.store.after(day.office.account, 2 + WORKERS as i64, usize::MAX).await;
    let written = written.expect("the store answers").expect("from the first");
    let line = |entry: &Entry| (entry.seq, entry.at, entry.by, Arc::clone(&entry.fact));
    assert!(told.iter().map(line).eq(written.iter().map(line)), "what was committed was announced");
    accepted
}

fn histories(seeds: std::ops::Range<u64>, servers: usize) {
    let long = std::env::var_os("MUSTER_TEST_LONG").map_or(1, |_| 10);
    let seeds = seeds.start..seeds.start + (seeds.end - seeds.start) * long;
    in_system(async {
        for seed in seeds {
            let outcome = AssertUnwindSafe(history(seed, servers)).catch_unwind().await;
            let accepted = outcome.unwrap_or_else(|why| {
                eprintln!("history {seed} on {servers} servers");
                std::panic::resume_unwind(why)
            });
            assert!(accepted > COMMANDS / 8, "history {seed}: only {accepted} commands did anything");
        }
    });
}

#[test]
fn after_a_long_day_memory_snapshot_and_rows_are_the_same() {
    histories(0..5, 1);
}

#[test]
fn after_a_long_day_on_two_servers_memory_snapshot_and_rows_are_the_same() {
    histories(100..105, 2);
}
