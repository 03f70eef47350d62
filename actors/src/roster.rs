//! Who is on the account's roster, as the board last committed it: an immutable snapshot, so that no actor asks another.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use muster_domain::dispatch::board::Board;
use muster_domain::dispatch::{VisitStatus, Worker};
use muster_domain::ids::{AccountId, WorkerId};
use tokio::sync::watch;

use crate::directory::Directory;
use crate::ports::{Later, Unavailable};

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Roster {
    pub workers: BTreeMap<WorkerId, RosterEntry>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RosterEntry {
    pub worker: Worker,
    /// Of the visit he is under way with, or else of one he paused.
    pub visit_status: Option<VisitStatus>,
}

impl Roster {
    pub fn of(board: &Board) -> Self {
        let entry = |worker: &Worker| (worker.id, RosterEntry { worker: worker.clone(), visit_status: None });
        let mut workers: BTreeMap<WorkerId, RosterEntry> = board.workers().map(entry).collect();
        for visit in board.visits().filter(|visit| visit.status.is_active() || visit.status == VisitStatus::Paused) {
            for id in &visit.workers {
                let Some(entry) = workers.get_mut(id) else { continue };
                if entry.visit_status.is_none_or(|held| !held.is_active()) {
                    entry.visit_status = Some(visit.status);
                }
            }
        }
        Self { workers }
    }
}

/// Where the live actors get an account's roster from. When the board behind a receiver stops, its channel closes and
/// the next use asks again.
pub trait Rosters: Send + Sync + 'static {
    /// Answers when the board is loaded, so that what the receiver holds is the truth.
    fn roster(&self, account: AccountId) -> Later<Result<watch::Receiver<Arc<Roster>>, Unavailable>>;
}

/// The rosters of all accounts whose boards have been awake, kept up by the boards' observer.
#[derive(Default)]
pub struct RosterBook {
    pages: Mutex<HashMap<AccountId, watch::Sender<Arc<Roster>>>>,
}

impl RosterBook {
    /// Call after each load and commit of a board; readers hear of it only if the roster differs. Costs nothing while
    /// nobody follows.
    pub fn publish(&self, account: AccountId, board: &Board) {
        if !self.is_open(account) {
            return;
        }
        let roster = Roster::of(board);
        self.page(account, |page| {
            page.send_if_modified(|held| {
                let differs = **held != roster;
                if differs {
                    *held = Arc::new(roster);
                }
                differs
            });
        });
    }

    /// The accounts whose rosters somebody follows; the pages of all others are closed.
    pub fn followed(&self) -> Vec<AccountId> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.retain(|_, page| page.receiver_count() > 0);
        pages.keys().copied().collect()
    }

    /// Does anybody follow this account's roster?
    pub fn is_open(&self, account: AccountId) -> bool {
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.get(&account).is_some_and(|page| page.receiver_count() > 0)
    }

    fn page<T>(&self, account: AccountId, with: impl FnOnce(&watch::Sender<Arc<Roster>>) -> T) -> T {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        with(pages.entry(account).or_default())
    }
}

/// Rosters by way of the boards: looking at a board makes sure that it is loaded and has published.
pub struct BoardRosters {
    pub book: Arc<RosterBook>,
    pub boards: Arc<Directory>,
}

impl Rosters for BoardRosters {
    fn roster(&self, account: AccountId) -> Later<Result<watch::Receiver<Arc<Roster>>, Unavailable>> {
        let (book, boards) = (Arc::clone(&self.book), Arc::clone(&self.boards));
        Box::pin(async move {
            let follower = book.page(account, watch::Sender::subscribe);
            let looked = boards.look(account, move |board| book.publish(account, board)).await;
            looked.map_err(|_| Unavailable)?;
            Ok(follower)
        })
    }
}
