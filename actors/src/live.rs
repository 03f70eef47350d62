//! Finds, or starts, the radar of an account and the tracker of a worker. Process-wide; each account lives on one of a
//! bounded number of threads. What stopped or panicked is replaced at its next use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix::{Actor, Addr, ArbiterHandle};
use muster_domain::ids::{AccountId, WorkerId};
use tokio::sync::{oneshot, watch};

use crate::fences::{AccountFences, Fences};
use crate::ports::{LastKnown, TrackLog, Unavailable};
use crate::radar::{Follow, LivePosition, Near, Nearest, Positions, Radar, Wanted};
use crate::roster::{Roster, Rosters};
use crate::tracker::{Declined, Receipt, Report, Sending, Tracker};

#[derive(Clone, Copy, Debug)]
pub struct LiveSettings {
    /// A quiet account's change is shown at once, a busy one's this often at most.
    pub tick: Duration,
    /// A tracker without points for so long stops.
    pub idle_after: Duration,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self { tick: Duration::from_millis(25), idle_after: Duration::from_secs(30 * 60) }
    }
}

/// Why the live lane has no answer now. Nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// A queue is full: come back later.
    Full,
    /// Not on the roster, or inactive.
    NotActive,
    Unavailable,
}

impl From<Unavailable> for Unanswered {
    fn from(_: Unavailable) -> Self {
        Unanswered::Unavailable
    }
}

pub struct Live {
    threads: Vec<ArbiterHandle>,
    ports: Arc<Ports>,
    accounts: Mutex<HashMap<AccountId, Arc<LiveAccount>>>,
}

struct Ports {
    rosters: Arc<dyn Rosters>,
    log: Arc<dyn TrackLog>,
    known: Arc<dyn LastKnown>,
    fences: Arc<Fences>,
    settings: LiveSettings,
}

impl Live {
    /// Its actors live on `threads`, of which there is at least one.
    pub fn start(
        threads: Vec<ArbiterHandle>,
        rosters: Arc<dyn Rosters>,
        log: Arc<dyn TrackLog>,
        known: Arc<dyn LastKnown>,
        fences: Arc<Fences>,
        settings: LiveSettings,
    ) -> Arc<Self> {
        let ports = Arc::new(Ports { rosters, log, known, fences, settings });
        Arc::new(Self { threads, ports, accounts: Mutex::default() })
    }

    /// The account's live part, with a roster that is being kept up.
    pub async fn account(&self, id: AccountId) -> Result<Arc<LiveAccount>, Unavailable> {
        let held = lock(&self.accounts).get(&id).cloned();
        if let Some(held) = held.filter(|account| account.roster_is_kept()) {
            return Ok(held);
        }
        let roster = self.ports.rosters.roster(id).await?;
        let thread = self.threads[(id.0.as_u128() % self.threads.len() as u128) as usize].clone();
        let fences = self.ports.fences.account(id, &thread);
        fences.ready().await;
        let mut accounts = lock(&self.accounts);
        if let Some(held) = accounts.get(&id) {
            held.follow(roster);
            return Ok(held.clone());
        }
        let (ports, parts) = (self.ports.clone(), Mutex::new(Parts::new(roster)));
        let account = Arc::new(LiveAccount { id, thread, ports, fences, parts });
        accounts.insert(id, account.clone());
        Ok(account)
    }

    /// A phone's points. What is taken is durable when the receipt's `flushed` says so.
    pub async fn report(&self, id: AccountId, worker: WorkerId, sending: Sending) -> Result<Receipt, Unanswered> {
        let account = self.account(id).await?;
        let is_known = account.roster().workers.get(&worker).is_some_and(|entry| entry.worker.active);
        if !is_known {
            // Hired a moment ago, perhaps: the roster is asked for anew before he is sent away.
            self.ports.rosters.roster(id).await?;
        }
        let tracker = account.tracker(worker);
        let (reply, answer) = oneshot::channel();
        tracker.try_send(Report { sending, reply }).map_err(|_| Unanswered::Full)?;
        match answer.await {
            Ok(Ok(receipt)) => Ok(receipt),
            Ok(Err(Declined::Full)) => Err(Unanswered::Full),
            Ok(Err(Declined::NotActive)) => Err(Unanswered::NotActive),
            Err(_) => Err(Unanswered::Unavailable),
        }
    }

    pub async fn nearest(&self, id: AccountId, wanted: Wanted) -> Result<Vec<Near>, Unanswered> {
        let (reply, answer) = oneshot::channel();
        let radar = self.account(id).await?.radar();
        radar.try_send(Nearest { wanted, reply }).map_err(|_| Unanswered::Full)?;
        answer.await.map_err(|_| Unanswered::Unavailable)
    }

    /// The live attributes of these workers, or of everybody on the roster.
    pub async fn positions(
        &self,
        id: AccountId,
        of: Option<Vec<WorkerId>>,
    ) -> Result<std::collections::BTreeMap<WorkerId, LivePosition>, Unanswered> {
        let (reply, answer) = oneshot::channel();
        let radar = self.account(id).await?.radar();
        radar.try_send(Positions { of, reply }).map_err(|_| Unanswered::Full)?;
        answer.await.map_err(|_| Unanswered::Unavailable)
    }
}

/// One account's actors.
pub struct LiveAccount {
    id: AccountId,
    thread: ArbiterHandle,
    ports: Arc<Ports>,
    fences: Arc<AccountFences>,
    parts: Mutex<Parts>,
}

struct Parts {
    roster: watch::Receiver<Arc<Roster>>,
    radar: Option<Addr<Radar>>,
    trackers: HashMap<WorkerId, Addr<Tracker>>,
    /// The number of trackers at which those that stopped are swept out.
    sweep_at: usize,
}

impl Parts {
    fn new(roster: watch::Receiver<Arc<Roster>>) -> Self {
        Self { roster, radar: None, trackers: HashMap::new(), sweep_at: 64 }
    }

    fn live_radar(&self) -> Option<&Addr<Radar>> {
        self.radar.as_ref().filter(|radar| radar.connected())
    }
}

impl LiveAccount {
    pub fn roster(&self) -> Arc<Roster> {
        lock(&self.parts).roster.borrow().clone()
    }

    pub fn radar(&self) -> Addr<Radar> {
        self.ready_radar(&mut lock(&self.parts))
    }

    pub fn tracker(&self, worker: WorkerId) -> Addr<Tracker> {
        let mut parts = lock(&self.parts);
        let radar = self.ready_radar(&mut parts);
        if let Some(held) = parts.trackers.get(&worker).filter(|tracker| tracker.connected()) {
            return held.clone();
        }
        if parts.trackers.len() >= parts.sweep_at {
            parts.trackers.retain(|_, tracker| tracker.connected());
            parts.sweep_at = 64.max(parts.trackers.len() * 2);
        }
        let (account, roster, log) = (self.id, parts.roster.clone(), self.ports.log.clone());
        let (idle_after, fences) = (self.ports.settings.idle_after, self.fences.clone());
        let started = Tracker::start_in_arbiter(&self.thread, move |_| {
            Tracker::new(account, worker, roster, radar, log, fences, idle_after)
        });
        parts.trackers.insert(worker, started.clone());
        started
    }

    fn ready_radar(&self, parts: &mut Parts) -> Addr<Radar> {
        if let Some(held) = parts.live_radar() {
            return held.clone();
        }
        let (account, roster, known) = (self.id, parts.roster.clone(), self.ports.known.clone());
        let tick = self.ports.settings.tick;
        let started = Radar::start_in_arbiter(&self.thread, move |_| Radar::new(account, roster, known, tick));
        // The trackers of the old one still speak to it: each is replaced at its next use.
        parts.trackers.clear();
        parts.radar = Some(started.clone());
        started
    }

    fn roster_is_kept(&self) -> bool {
        lock(&self.parts).roster.has_changed().is_ok()
    }

    fn follow(&self, roster: watch::Receiver<Arc<Roster>>) {
        let mut parts = lock(&self.parts);
        if parts.roster.has_changed().is_ok() {
            return;
        }
        parts.roster = roster.clone();
        parts.trackers.clear();
        if let Some(radar) = parts.live_radar()
            && radar.try_send(Follow { roster }).is_err()
        {
            parts.radar = None;
        }
    }
}

/// Nothing here can be left half-done by a panic.
fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
