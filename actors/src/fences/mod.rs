//! Arrivals at properties, seen from workers' positions and told to the account's board. A tracker hands over each point
//! that counts and never waits; whatever the board cannot take now waits in a bounded queue, or in the states themselves.

mod index;
mod states;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use actix::ArbiterHandle;
use chrono::{SubsecRound, Utc};
use muster_domain::dispatch::board::{Command, SeenArrival};
use muster_domain::ids::{AccountId, WorkerId};
use muster_domain::live::Point;
use muster_domain::live::fence::{Crossed, Fix};
use muster_domain::{By, Moment};
use tokio::sync::{mpsc, watch};

pub use index::ZoneIndex;
pub use states::{Crossing, FenceStates};

use crate::board::Reply;
use crate::directory::Directory;
use crate::ports::{Later, Rendered, ZoneSource, Zones};

/// Arrivals of one account that may wait for its board. Those beyond stay in the states and are seen again.
const QUEUE_LIMIT: usize = 256;
/// How long the start of an account waits for its zones before positions go on without.
const LOAD_PATIENCE: Duration = Duration::from_secs(3);
const LOAD_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Several changes at once are read once.
const LOADS_AT_MOST_EVERY: Duration = Duration::from_millis(200);
/// In case a notice was lost.
const LOADS_SURELY_EVERY: Duration = Duration::from_secs(300);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A command after which the board dies so often is what kills it.
const MAX_UNKNOWN: u32 = 8;

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The board decided, whatever it decided.
    Decided,
    /// It could not be asked: nothing happened.
    NotNow,
    /// Nobody knows; asking again is harmless.
    Unknown,
    /// The database refused what the board had decided.
    Diverged,
}

/// The boards, as fences see them.
pub trait Proposals: Send + Sync + 'static {
    fn propose(&self, account: AccountId, seen: SeenArrival) -> Later<Told>;
}

pub struct BoardProposals(pub Arc<Directory>);

impl Proposals for BoardProposals {
    fn propose(&self, account: AccountId, seen: SeenArrival) -> Later<Told> {
        let boards = Arc::clone(&self.0);
        Box::pin(async move {
            let nobody_reads_it = || Rendered { status: 204, body: Default::default(), etag: None, location: None };
            // The database keeps whole microseconds.
            let moment = Moment { now: Utc::now().trunc_subsecs(6), by: By::System };
            let command = Command::ProposeArrival(seen);
            match boards.submit(account, command, moment, None, Box::new(move |_, _| nobody_reads_it())).await {
                Reply::Answered(_) | Reply::Replayed(_) | Reply::KeyReused => Told::Decided,
                Reply::Full | Reply::Unavailable => Told::NotNow,
                Reply::Unknown => Told::Unknown,
                Reply::Diverged { .. } => Told::Diverged,
            }
        })
    }
}

/// The fences of all accounts whose positions come in.
pub struct Fences {
    source: Arc<dyn ZoneSource>,
    proposals: Arc<dyn Proposals>,
    accounts: Mutex<HashMap<AccountId, Weak<AccountFences>>>,
}

impl Fences {
    pub fn new(source: Arc<dyn ZoneSource>, proposals: Arc<dyn Proposals>) -> Arc<Self> {
        Arc::new(Self { source, proposals, accounts: Mutex::default() })
    }

    /// Kept up, and their arrivals delivered, for as long as somebody holds them.
    pub fn account(&self, account: AccountId, thread: &ArbiterHandle) -> Arc<AccountFences> {
        let mut accounts = lock(&self.accounts);
        if let Some(held) = accounts.get(&account).and_then(Weak::upgrade) {
            return held;
        }
        let (known, zones) = watch::channel(None);
        let (stale, news) = watch::channel(());
        let (outbox, waiting) = mpsc::channel(QUEUE_LIMIT);
        thread.spawn(keep(account, Arc::clone(&self.source), news, known));
        thread.spawn(deliver(account, Arc::clone(&self.proposals), waiting));
        let started = Arc::new(AccountFences { states: Mutex::default(), zones, stale, outbox });
        accounts.insert(account, Arc::downgrade(&started));
        started
    }

    /// A property or the account's policy may have changed.
    pub fn changed(&self, account: AccountId) {
        if let Some(held) = lock(&self.accounts).get(&account).and_then(Weak::upgrade) {
            held.stale.send_replace(());
        }
    }
}

struct KnownZones {
    index: ZoneIndex,
    accept: bool,
}

/// One account's. All its trackers live on one thread, so nobody waits for the lock.
pub struct AccountFences {
    states: Mutex<FenceStates>,
    zones: watch::Receiver<Option<Arc<KnownZones>>>,
    stale: watch::Sender<()>,
    outbox: mpsc::Sender<SeenArrival>,
}

impl AccountFences {
    /// Waits until the zones are known, but not for long: positions matter more.
    pub async fn ready(&self) {
        let mut zones = self.zones.clone();
        tokio::time::timeout(LOAD_PATIENCE, zones.wait_for(Option::is_some)).await.ok();
    }

    /// A worker who is followed no more.
    pub fn forget(&self, worker: WorkerId) {
        lock(&self.states).forget(worker);
    }

    /// A point that moved the worker.
    pub fn saw(&self, worker: WorkerId, point: &Point) {
        let (Some(fix), Some(known)) = (Fix::of(point), self.zones.borrow().clone()) else { return };
        let mut states = lock(&self.states);
        for crossing in states.step(worker, &fix, &known.index) {
            let kind = match crossing.crossed {
                Crossed::Arrived { at, outside_at } => {
                    let Crossing { worker, property, .. } = crossing;
                    let seen = SeenArrival { worker, property, at, outside_at, accept: known.accept };
                    if self.outbox.try_send(seen).is_err() {
                        metrics::counter!("muster_queue_refusals_total", "queue" => "arrivals").increment(1);
                        states.take_back(&crossing);
                        continue;
                    }
                    "arrived"
                }
                Crossed::Left { .. } => "left",
                Crossed::Passed { .. } => "passed",
            };
            metrics::counter!("muster_fence_crossings_total", "kind" => kind).increment(1);
        }
    }
}

/// Reads the zones when they may have changed, until nobody wants them.
async fn keep(
    account: AccountId,
    source: Arc<dyn ZoneSource>,
    mut news: watch::Receiver<()>,
    known: watch::Sender<Option<Arc<KnownZones>>>,
) {
    loop {
        news.mark_unchanged();
        let next = match tokio::time::timeout(LOAD_PATIENCE, source.zones(account)).await {
            Ok(Ok(Zones { zones, accept })) => {
                let built = tokio::task::spawn_blocking(move || KnownZones { index: ZoneIndex::new(zones), accept });
                if let Ok(built) = built.await {
                    known.send_replace(Some(Arc::new(built)));
                }
                LOADS_SURELY_EVERY
            }
            Ok(Err(_)) | Err(_) => {
                tracing::warn!(%account, "zones are not to be had yet");
                LOAD_AGAIN_AFTER
            }
        };
        tokio::time::sleep(LOADS_AT_MOST_EVERY).await;
        if let Ok(Err(_)) = tokio::time::timeout(next, news.changed()).await {
            return;
        }
    }
}

/// One after the other, each until the board has decided on it.
async fn deliver(account: AccountId, proposals: Arc<dyn Proposals>, mut waiting: mpsc::Receiver<SeenArrival>) {
    while let Some(seen) = waiting.recv().await {
        let (mut pause, mut unknown) = (FIRST_PAUSE, 0);
        let lost = loop {
            match proposals.propose(account, seen).await {
                Told::Decided => break None,
                Told::Diverged => break Some("diverged"),
                Told::Unknown if unknown >= MAX_UNKNOWN => break Some("unknown"),
                Told::Unknown => unknown += 1,
                Told::NotNow => {}
            }
            metrics::counter!("muster_arrivals_retried_total").increment(1);
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        };
        if let Some(because) = lost {
            tracing::error!(%account, worker = %seen.worker, property = %seen.property, because, "an arrival was lost");
            metrics::counter!("muster_arrivals_lost_total", "because" => because).increment(1);
        }
    }
}

/// Nothing here can be left half-done by a panic.
fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
