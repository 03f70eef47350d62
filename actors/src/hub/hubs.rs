//! Every hub of this server, what they share, and the door to the one on this thread.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actix::{Actor, Addr, ArbiterHandle, AsyncContext, Context};
use muster_domain::ids::{AccountId, SessionId, UserId};

use super::desk::Desk;
use super::holds::Held;
use super::{Bye, Doorman, Drain, Expel, Hub, HubConfig, MarkSource, Names, Outlet, ScheduleSource, Uplink, Who};
use crate::feed::Feeds;
use crate::ports::Wire;

pub struct Hubs {
    pub config: HubConfig,
    pub(super) feeds: Arc<Feeds>,
    pub(super) wire: Arc<dyn Wire>,
    pub(super) schedule: Arc<dyn ScheduleSource>,
    pub(super) marks: Arc<dyn MarkSource>,
    pub(super) uplink: Arc<dyn Uplink>,
    pub(super) names: Arc<dyn Names>,
    /// Bytes that wait in each hub's sockets.
    waiting: Mutex<BTreeMap<u64, usize>>,
    running: Mutex<BTreeMap<u64, Addr<Hub>>>,
    guests: Mutex<BTreeMap<(AccountId, SessionId), usize>>,
    sockets: AtomicUsize,
    next: AtomicU64,
    draining: AtomicBool,
}

thread_local! {
    /// By the address of the `Hubs` they belong to: tests run several servers in one process.
    static HERE: RefCell<BTreeMap<usize, Here>> = const { RefCell::new(BTreeMap::new()) };
}

impl Hubs {
    pub fn new(
        config: HubConfig,
        feeds: Arc<Feeds>,
        wire: Arc<dyn Wire>,
        schedule: Arc<dyn ScheduleSource>,
        marks: Arc<dyn MarkSource>,
        uplink: Arc<dyn Uplink>,
        names: Arc<dyn Names>,
    ) -> Arc<Self> {
        Arc::new(Self {
            config,
            feeds,
            wire,
            schedule,
            marks,
            uplink,
            names,
            waiting: Mutex::default(),
            running: Mutex::default(),
            guests: Mutex::default(),
            sockets: AtomicUsize::new(0),
            next: AtomicU64::new(1),
            draining: AtomicBool::new(false),
        })
    }

    /// Asks the doorman now and then whose sign-in has ended, whoever ended it, on whichever server.
    pub fn guard(self: &Arc<Self>, doorman: Arc<dyn Doorman>, arbiter: &ArbiterHandle) {
        let weak = Arc::downgrade(self);
        let pause = self.config.doorman;
        arbiter.spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(hubs) = weak.upgrade() else { return };
                let guests: Vec<(AccountId, SessionId)> = hubs.guests().keys().copied().collect();
                if guests.is_empty() {
                    continue;
                }
                // In a task of its own: a panic costs one look, not the guard.
                let ended = actix::spawn(doorman.ended(guests)).await;
                if let Ok(Ok(ended)) = ended
                    && !ended.is_empty()
                {
                    hubs.expel(ended, Vec::new(), Bye::SignedOut);
                }
            }
        });
    }

    pub fn expel(&self, sessions: Vec<SessionId>, users: Vec<UserId>, bye: Bye) {
        let expel = Expel { sessions: sessions.into(), users: users.into(), bye };
        for hub in self.all() {
            if hub.try_send(expel.clone()).is_err() {
                metrics::counter!("muster_hub_expel_refused_total").increment(1);
            }
        }
    }

    /// A hub that is full misses it; the holder renews it soon, and without a renewal it ends by itself.
    pub(super) fn tell_held(&self, held: &Held) {
        for hub in self.all() {
            let _ = hub.try_send(held.clone());
        }
    }

    pub(super) fn waits(&self, hub: u64, bytes: usize) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(hub, bytes);
        metrics::gauge!("muster_stream_waiting_bytes").set(waiting.values().sum::<usize>() as f64);
    }

    /// Sends every socket away over `spread` and waits until they are gone, a little longer at most.
    pub async fn drain(&self, spread: Duration) {
        self.draining.store(true, Ordering::Relaxed);
        for hub in self.all() {
            let _ = hub.try_send(Drain { spread });
        }
        let step = Duration::from_millis(25);
        let mut left = spread + Duration::from_secs(2);
        while self.sockets() > 0 && left > step {
            tokio::time::sleep(step).await;
            left -= step;
        }
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Sockets that are open and signed in.
    pub fn sockets(&self) -> usize {
        self.sockets.load(Ordering::Relaxed)
    }

    /// Those of the same sign-in.
    pub fn sockets_of(&self, who: &Who) -> usize {
        let guest = who.session.map(|session| (who.account, session));
        guest.and_then(|guest| self.guests().get(&guest).copied()).unwrap_or(0)
    }

    fn all(&self) -> Vec<Addr<Hub>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, hub| hub.connected());
        running.values().cloned().collect()
    }

    fn guests(&self) -> std::sync::MutexGuard<'_, BTreeMap<(AccountId, SessionId), usize>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn came(&self, who: &Who) {
        self.sockets.fetch_add(1, Ordering::Relaxed);
        metrics::gauge!("muster_stream_sockets").increment(1.0);
        if let Some(session) = who.session {
            *self.guests().entry((who.account, session)).or_default() += 1;
        }
    }

    pub(super) fn went(&self, who: &Who) {
        self.sockets.fetch_sub(1, Ordering::Relaxed);
        metrics::gauge!("muster_stream_sockets").decrement(1.0);
        if let Some(session) = who.session {
            let mut guests = self.guests();
            let guest = (who.account, session);
            let count = guests.entry(guest).or_default();
            *count = count.saturating_sub(1);
            if *count == 0 {
                guests.remove(&guest);
            }
        }
    }

    /// The hub of this thread, started if there is none or the last one died.
    pub fn here(self: &Arc<Self>) -> Here {
        let at = Arc::as_ptr(self) as usize;
        HERE.with_borrow_mut(|here| {
            if let Some(found) = here.get(&at).filter(|here| here.desk.strong_count() > 0) {
                return found.clone();
            }
            here.retain(|_, here| here.desk.strong_count() > 0);
            let fresh = self.start();
            here.insert(at, fresh.clone());
            fresh
        })
    }

    fn start(self: &Arc<Self>) -> Here {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut desk = Weak::new();
        let hub = Hub::create(|ctx: &mut Context<Hub>| {
            let strong = Rc::new_cyclic(|weak| {
                desk = weak.clone();
                RefCell::new(Desk::new(id, self.clone(), ctx.address(), weak.clone()))
            });
            Hub { desk: strong, sweep: self.config.sweep }
        });
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id, hub);
        Here { desk }
    }
}

/// The door to this thread's hub, for those who own the sockets. After the hub's death every call is in vain: the
/// sockets were closed with it.
#[derive(Clone)]
pub struct Here {
    pub(super) desk: Weak<RefCell<Desk>>,
}

impl Here {
    /// Greets a socket and keeps it; the number is its name from now on.
    pub fn attach(&self, outlet: Rc<dyn Outlet>, who: Who) -> Option<u64> {
        self.desk.upgrade().map(|desk| desk.borrow_mut().attach(outlet, who))
    }

    pub fn heard(&self, socket: u64, text: &str) {
        if let Some(desk) = self.desk.upgrade() {
            desk.borrow_mut().heard(socket, text);
        }
    }

    /// The outlet has room again.
    pub fn drained(&self, socket: u64) {
        if let Some(desk) = self.desk.upgrade() {
            desk.borrow_mut().pump(socket);
        }
    }

    pub fn left(&self, socket: u64) {
        if let Some(desk) = self.desk.upgrade() {
            desk.borrow_mut().leave(socket);
        }
    }

    pub fn close(&self, socket: u64, bye: Bye) {
        if let Some(desk) = self.desk.upgrade() {
            desk.borrow_mut().close(socket, bye);
        }
    }
}
