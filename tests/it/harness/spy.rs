//! A store for boards that counts what is asked of it, can make everybody wait, and fails when it is told to.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use muster::store::Store;
use muster_actors::ports::{AnswerKey, Batch, BoardStore, CommitError, Entry, Later, Prepared, Unavailable};
use muster_domain::dispatch::board::{Board, Needs};
use muster_domain::ids::AccountId;
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Load,
    Reload,
    Since,
    Prepare,
    Commit,
    Save,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// In the call itself, before there is a future.
    Panic,
    /// In the future, before anything was done.
    PanicLater,
    /// In the future, after all was done.
    PanicDone,
    /// Nothing was done.
    Unavailable,
    /// Only of a commit: this, and nothing was done.
    Fails(CommitError),
    /// Only of a commit: all was done, and nobody knows.
    DoneUnknown,
}

pub struct Spy {
    store: Store,
    plan: Mutex<BTreeMap<Step, Vec<Fault>>>,
    asked: Mutex<BTreeMap<Step, usize>>,
    held: watch::Sender<bool>,
}

impl Spy {
    pub fn on(store: Store) -> Arc<Self> {
        Arc::new(Self { store, plan: Mutex::default(), asked: Mutex::default(), held: watch::channel(false).0 })
    }

    /// The next time that it is asked for `step`.
    pub fn fails_once(&self, step: Step, fault: Fault) {
        self.plan.lock().expect("no panic under it").entry(step).or_default().push(fault);
    }

    pub fn asked(&self, step: Step) -> usize {
        self.asked.lock().expect("no panic under it").get(&step).copied().unwrap_or_default()
    }

    /// Whether a planned fault is still to come.
    pub fn is_quiet(&self) -> bool {
        self.plan.lock().expect("no panic under it").values().all(Vec::is_empty)
    }

    /// What is still planned will not come to pass.
    pub fn forgives(&self) {
        self.plan.lock().expect("no panic under it").clear();
    }

    /// While held, no batch is prepared: whatever is submitted gathers into one.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    fn enter(&self, step: Step) -> Option<Fault> {
        *self.asked.lock().expect("no panic under it").entry(step).or_default() += 1;
        let fault = {
            let mut plan = self.plan.lock().expect("no panic under it");
            let faults = plan.entry(step).or_default();
            if faults.is_empty() { None } else { Some(faults.remove(0)) }
        };
        if fault == Some(Fault::Panic) {
            planted();
        }
        fault
    }
}

/// A panic without a word on standard error.
pub fn planted() -> ! {
    resume_unwind(Box::new("planted"))
}

fn with<T: Send + 'static>(fault: Option<Fault>, work: Later<Result<T, Unavailable>>) -> Later<Result<T, Unavailable>> {
    Box::pin(async move {
        match fault {
            Some(Fault::PanicLater) => planted(),
            Some(Fault::Unavailable) => return Err(Unavailable),
            _ => {}
        }
        let done = work.await;
        if fault == Some(Fault::PanicDone) {
            planted();
        }
        done
    })
}

impl BoardStore for Spy {
    fn load(&self, account: AccountId, now: DateTime<Utc>) -> Later<Result<Board, Unavailable>> {
        with(self.enter(Step::Load), self.store.load(account, now))
    }

    fn reload(&self, account: AccountId, now: DateTime<Utc>) -> Later<Result<Board, Unavailable>> {
        with(self.enter(Step::Reload), self.store.reload(account, now))
    }

    fn since(&self, account: AccountId, position: i64) -> Later<Result<Option<Vec<Entry>>, Unavailable>> {
        with(self.enter(Step::Since), self.store.since(account, position))
    }

    fn prepare(&self, account: AccountId, needs: Needs, keys: Vec<AnswerKey>) -> Later<Result<Prepared, Unavailable>> {
        let fault = self.enter(Step::Prepare);
        let (mut held, work) = (self.held.subscribe(), self.store.prepare(account, needs, keys));
        let waiting = async move {
            held.wait_for(|held| !held).await.ok();
            work.await
        };
        with(fault, Box::pin(waiting))
    }

    fn commit(&self, account: AccountId, batch: Batch) -> Later<Result<i64, CommitError>> {
        let fault = self.enter(Step::Commit);
        let work = self.store.commit(account, batch);
        Box::pin(async move {
            match fault {
                Some(Fault::PanicLater) => planted(),
                Some(Fault::Unavailable) => return Err(CommitError::Unavailable),
                Some(Fault::Fails(error)) => return Err(error),
                _ => {}
            }
            let done = work.await;
            match fault {
                Some(Fault::PanicDone) => planted(),
                Some(Fault::DoneUnknown) => Err(CommitError::Unknown),
                _ => done,
            }
        })
    }

    fn save_snapshot(&self, account: AccountId, board: Box<Board>) -> Later<Result<(), Unavailable>> {
        with(self.enter(Step::Save), self.store.save_snapshot(account, board))
    }
}
