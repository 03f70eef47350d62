//! The queue in front of the tracks: points of all accounts gather for some milliseconds and go to the store in one
//! transaction; only then are they acknowledged. Holds no point longer than its flush, and never drops one silently.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use muster_actors::ports::{Full, Later, TrackLog, TrackPoint, Unavailable};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::store::flush;
use crate::store::condition::Cause;
use crate::store::{Store, StoreError};

/// Rows that may wait; a batch that would exceed it is refused as a whole.
pub const MAX_WAITING_ROWS: usize = 50_000;
/// Batches that may wait.
const MAX_WAITING_BATCHES: usize = 8_192;
/// A flush begins when so many rows have gathered …
const FLUSH_ROWS: usize = 1_000;
/// … or so long after the first of them came; while all flights are under way more gather, up to so many rows.
const FLUSH_AFTER: Duration = Duration::from_millis(20);
const FLUSH_MAX_ROWS: usize = 4_000;
/// Flushes under way at once: one waits for the disk while another is sent. Their order does not matter.
const FLIGHTS: usize = 3;

struct Waiting {
    points: Vec<TrackPoint>,
    done: oneshot::Sender<Result<Vec<bool>, Unavailable>>,
}

/// The port through which trackers write.
pub struct TrackWriter {
    queue: mpsc::Sender<Waiting>,
    waiting_rows: Arc<AtomicUsize>,
}

impl TrackWriter {
    /// Starts the flushing; it ends when the last handle to the writer is dropped and everything is written.
    pub fn start(store: Store) -> Arc<Self> {
        let (queue, arriving) = mpsc::channel(MAX_WAITING_BATCHES);
        let waiting_rows = Arc::new(AtomicUsize::new(0));
        tokio::spawn(run(store, arriving, Arc::clone(&waiting_rows)));
        Arc::new(Self { queue, waiting_rows })
    }

    /// Returns when nothing waits any more, for an orderly stop.
    pub async fn settled(&self) {
        while self.waiting_rows.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl TrackLog for TrackWriter {
    fn append(&self, points: Vec<TrackPoint>) -> Result<Later<Result<Vec<bool>, Unavailable>>, Full> {
        let rows = points.len();
        let refused = || metrics::counter!("muster_queue_refusals_total", "queue" => "tracks").increment(1);
        let before = self.waiting_rows.fetch_add(rows, Ordering::AcqRel);
        if before + rows > MAX_WAITING_ROWS {
            self.waiting_rows.fetch_sub(rows, Ordering::AcqRel);
            refused();
            return Err(Full);
        }
        metrics::gauge!("muster_queue_depth", "queue" => "tracks").set((before + rows) as f64);
        let (done, answer) = oneshot::channel();
        if self.queue.try_send(Waiting { points, done }).is_err() {
            self.waiting_rows.fetch_sub(rows, Ordering::AcqRel);
            refused();
            return Err(Full);
        }
        Ok(Box::pin(async move { answer.await.unwrap_or(Err(Unavailable)) }))
    }
}

async fn run(store: Store, mut arriving: mpsc::Receiver<Waiting>, waiting_rows: Arc<AtomicUsize>) {
    let flights = Arc::new(Semaphore::new(FLIGHTS));
    while let Some(first) = arriving.recv().await {
        let (gathered, flight) = gather(first, &mut arriving, &flights).await;
        let rows: usize = gathered.iter().map(|waiting| waiting.points.len()).sum();
        let (store, waiting_rows) = (store.clone(), Arc::clone(&waiting_rows));
        tokio::spawn(async move {
            // A task of its own: if it panics, those who wait hear of a failure and the next flush goes on.
            if tokio::spawn(async move { write(&store, gathered).await }).await.is_err() {
                tracing::error!("a flush of tracks panicked");
            }
            let left = waiting_rows.fetch_sub(rows, Ordering::AcqRel) - rows;
            metrics::gauge!("muster_queue_depth", "queue" => "tracks").set(left as f64);
            drop(flight);
        });
    }
}

/// What comes within a short time, and then whatever comes until a flight is free.
async fn gather(
    first: Waiting,
    arriving: &mut mpsc::Receiver<Waiting>,
    flights: &Arc<Semaphore>,
) -> (Vec<Waiting>, Option<OwnedSemaphorePermit>) {
    let mut rows = first.points.len();
    let mut gathered = vec![first];
    let until = tokio::time::Instant::now() + FLUSH_AFTER;
    while rows < FLUSH_ROWS {
        let Ok(Some(next)) = tokio::time::timeout_at(until, arriving.recv()).await else { break };
        rows += next.points.len();
        gathered.push(next);
    }
    let mut flight = pin!(Arc::clone(flights).acquire_owned());
    loop {
        tokio::select! {
            biased;
            free = &mut flight => return (gathered, free.ok()),
            Some(next) = arriving.recv(), if rows < FLUSH_MAX_ROWS => {
                rows += next.points.len();
                gathered.push(next);
            }
        }
    }
}

async fn write(store: &Store, gathered: Vec<Waiting>) {
    let (mut points, mut waiting) = (Vec::new(), Vec::with_capacity(gathered.len()));
    for Waiting { points: some, done } in gathered {
        waiting.push((some.len(), done));
        points.extend(some);
    }
    let began = Instant::now();
    let outcome = flush(store, &points).await;
    metrics::histogram!("muster_track_flush_seconds").record(began.elapsed());
    match outcome {
        Ok(new) => {
            metrics::counter!("muster_track_rows_total").increment(points.len() as u64);
            let mut new = new.into_iter();
            for (rows, done) in waiting {
                // A phone that hung up sends its points again and finds them there.
                let _ = done.send(Ok(new.by_ref().take(rows).collect()));
            }
        }
        Err(StoreError::Constraint(_) | StoreError::Bug(_)) if waiting.len() > 1 => {
            one_by_one(store, points, waiting).await;
        }
        Err(error) => {
            metrics::counter!("muster_track_flush_failures_total").increment(1);
            if Cause::of(&error).is_none() {
                tracing::error!(%error, rows = points.len(), "a flush of tracks failed");
            }
            waiting.into_iter().for_each(|(_, done)| drop(done.send(Err(Unavailable))));
        }
    }
}

/// Something in the batch cannot be written: nobody else's points suffer for it.
async fn one_by_one(
    store: &Store,
    points: Vec<TrackPoint>,
    waiting: Vec<(usize, oneshot::Sender<Result<Vec<bool>, Unavailable>>)>,
) {
    let mut points = points.into_iter();
    for (rows, done) in waiting {
        let some: Vec<TrackPoint> = points.by_ref().take(rows).collect();
        let outcome = flush(store, &some).await.map_err(|error| {
            metrics::counter!("muster_track_flush_failures_total").increment(1);
            tracing::error!(%error, rows, "points of one report cannot be written");
            Unavailable
        });
        let _ = done.send(outcome);
    }
}
