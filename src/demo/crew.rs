//! Keeps a crew going, and the demonstration with it: a handful of tasks step all the workers, however many they are,
//! and one loop brings new work and the urgent calls that were asked for.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::remote::Rush;
use super::seed::{self, Hired, Seeded, Wanted};
use super::worker::{Floor, Worker};

/// Tasks that step workers.
const TEAMS: usize = 16;
/// Workers of one team who speak to the server at once: nobody waits for the one who waits.
const AT_ONCE: usize = 4;
const LEAST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const KEEP_UP_EVERY: Duration = Duration::from_secs(240);

/// Sends the crew out and keeps it busy until it is dropped.
pub async fn run(floor: Arc<Floor>, seeded: Seeded, wanted: Wanted, mut rushes: mpsc::Receiver<Rush>) {
    let mut teams = JoinSet::new();
    let (all, crew) = (Arc::clone(&floor), seeded.crew.clone());
    // Thousands of mornings are made up: not on a thread that answers somebody.
    let divided = tokio::task::spawn_blocking(move || divide(&all, &crew)).await;
    divided.unwrap_or_default().into_iter().for_each(|team| drop(teams.spawn(step_all(team))));
    let book = async { floor.book.follow(seeded.office()).await };
    let calls = async {
        for nth in 1u64.. {
            if rushes.recv().await.is_none() {
                return std::future::pending().await;
            }
            report("urgent calls came in", seed::rush(&seeded, &floor.city, &wanted, nth).await, &floor);
        }
    };
    let work = async {
        // A large crew has been given part of its work only.
        let mut pause = if seeded.is_complete { KEEP_UP_EVERY } else { Duration::ZERO };
        loop {
            tokio::time::sleep(pause).await;
            report("the demonstration goes on", seed::keep_up(&seeded, &floor.city, &wanted).await, &floor);
            pause = KEEP_UP_EVERY;
        }
    };
    tokio::join!(book, calls, work);
}

fn report(what: &str, made: Result<usize, super::client::Refusal>, floor: &Floor) {
    match made {
        Ok(jobs) => tracing::info!(jobs, refusals = ?floor.server.refusals(), "{what}"),
        Err(refusal) => tracing::warn!(%refusal, "no new work for the demonstration"),
    }
}

fn divide(floor: &Arc<Floor>, crew: &[Hired]) -> Vec<Vec<Worker>> {
    let size = crew.len().div_ceil(TEAMS).max(1);
    let team =
        |hired: &[Hired]| hired.iter().map(|hired| Worker::new(Arc::clone(floor), hired.clone())).collect::<Vec<_>>();
    crew.chunks(size).map(team).collect()
}

async fn step_all(mut team: Vec<Worker>) {
    loop {
        let now = Instant::now();
        let due = team.iter_mut().filter(|worker| worker.due() <= now);
        futures_util::stream::iter(due).for_each_concurrent(AT_ONCE, Worker::step).await;
        let next = team.iter().map(Worker::due).min().unwrap_or(now + LONGEST_PAUSE);
        let pause = next.saturating_duration_since(Instant::now());
        tokio::time::sleep(pause.clamp(LEAST_PAUSE, LONGEST_PAUSE)).await;
    }
}
