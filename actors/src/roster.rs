//! Who is on the account's roster, as the board last committed it: an immutable snapshot, so that no actor asks another.

mod workers;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use muster_domain::dispatch::board::Board;
use muster_domain::dispatch::{VisitStatus, Worker};
use muster_domain::ids::{AccountId, WorkerId};
use tokio::sync::watch;

use crate::directory::Directory;
use crate::ports::{Later, Unavailable};
pub use workers::Workers;

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Roster {
    pub workers: Workers,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RosterEntry {
    pub worker: Worker,
    /// Of the visit he is under way with, or else of one he paused.
    pub visit_status: Option<VisitStatus>,
}

impl Roster {
    pub fn of(board: &Board) -> Self {
        let doing = under_way(board, |_| true);
        let entry = |worker: &Worker| {
            (worker.id, RosterEntry { worker: worker.clone(), visit_status: doing.get(&worker.id).copied() })
        };
        Self { workers: board.workers().map(entry).collect() }
    }

    /// The same after only these workers changed, or what they are doing; `None` if all is as it was.
    pub fn changed(&self, board: &Board, whom: &BTreeSet<WorkerId>) -> Option<Self> {
        let doing = under_way(board, |id| whom.contains(id));
        let mut next = None;
        for id in whom {
            let worker = board.worker(*id);
            let entry =
                worker.map(|worker| RosterEntry { worker: worker.clone(), visit_status: doing.get(id).copied() });
            if self.workers.get(id) != entry.as_ref() {
                next.get_or_insert_with(|| self.workers.clone()).set(*id, entry);
            }
        }
        next.map(|workers| Self { workers })
    }
}

/// Of each of these workers the visit he is under way with, or else one that he paused.
fn under_way(board: &Board, is_asked: impl Fn(&WorkerId) -> bool) -> HashMap<WorkerId, VisitStatus> {
    let mut doing: HashMap<WorkerId, VisitStatus> = HashMap::new();
    for visit in board.visits().filter(|visit| visit.status.is_active() || visit.status == VisitStatus::Paused) {
        for id in visit.workers.iter().filter(|id| is_asked(id)) {
            let held = doing.entry(*id).or_insert(visit.status);
            if !held.is_active() {
                *held = visit.status;
            }
        }
    }
    doing
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
    /// nobody follows. `whom` are those who may have changed since the last call; `None` is everybody.
    pub fn publish(&self, account: AccountId, board: &Board, whom: Option<&BTreeSet<WorkerId>>) {
        if !self.is_open(account) || whom.is_some_and(BTreeSet::is_empty) {
            return;
        }
        // Of a large account not while all others wait for the book.
        let whole = whom.is_none().then(|| Roster::of(board));
        self.page(account, |page| {
            page.send_if_modified(|held| {
                let next = match whom {
                    Some(whom) => held.changed(board, whom),
                    None => whole.filter(|whole| **held != *whole),
                };
                let differs = next.is_some();
                if let Some(next) = next {
                    *held = Arc::new(next);
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
            let looked = boards.look(account, move |board| book.publish(account, board, None)).await;
            looked.map_err(|_| Unavailable)?;
            Ok(follower)
        })
    }
}
