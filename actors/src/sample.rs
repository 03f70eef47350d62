//! For tests: a journal in memory, an encoder that writes little, and facts about visits that can be told apart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use muster_domain::dispatch::board::SeenArrival;
use muster_domain::dispatch::{Visit, VisitStatus};
use muster_domain::ids::{AccountId, JobId, VisitId, WorkerId};
use muster_domain::journal::{Fact, Glance, VisitFact, VisitVerb};
use muster_domain::{By, TimeWindow};
use uuid::Uuid;

use crate::fences::{Fences, Proposals, Told};
use crate::ports::{Entry, Head, Journal, Later, Unavailable, Wire, ZoneSource, Zones};

pub fn at(hour: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(hour * 3_600, 0).expect("in range")
}

pub fn hours(from: i64, to: i64) -> TimeWindow {
    TimeWindow::new(at(from), at(to)).expect("forward")
}

pub fn worker(n: u128) -> WorkerId {
    WorkerId(Uuid::from_u128(n))
}

pub fn account(n: u128) -> AccountId {
    AccountId(Uuid::from_u128(n))
}

pub fn visit(n: u128, window: Option<TimeWindow>, workers: &[u128]) -> Visit {
    let id = VisitId(Uuid::from_u128(n));
    let workers: BTreeSet<WorkerId> = workers.iter().map(|n| worker(*n)).collect();
    Visit {
        id,
        job_id: JobId(Uuid::from_u128(n)),
        status: Visit::planned_status(window, &workers),
        window,
        workers,
        former_workers: BTreeSet::new(),
        location: None,
        required_skills: BTreeSet::new(),
        priority: 3,
        forced: None,
        overlap_group: id,
        closed_at: None,
        arrival: None,
        version: 1,
    }
}

pub fn entry(seq: i64, after: &Visit, before: Option<&Visit>) -> Entry {
    let (visit, before) = (after.clone(), before.map(Glance::of));
    let fact = VisitFact { verb: VisitVerb::Moved, visit, before, reason: None, occurred_at: None, regrouped: vec![] };
    Entry { seq, at: at(0), by: By::System, fact: Arc::new(Fact::Visit(fact)) }
}

/// Entries that nobody needs to understand.
pub fn entries(seqs: impl IntoIterator<Item = i64>) -> Vec<Entry> {
    seqs.into_iter().map(|seq| entry(seq, &visit(seq as u128, Some(hours(0, 1)), &[]), None)).collect()
}

pub fn cancelled(mut visit: Visit) -> Visit {
    (visit.status, visit.closed_at) = (VisitStatus::Cancelled, Some(at(0)));
    visit.version += 1;
    visit
}

pub struct PlainWire;

impl Wire for PlainWire {
    fn visit(&self, visit: &Visit) -> Bytes {
        let window = visit.window.map(|w| (w.start.timestamp() / 3_600, w.end.timestamp() / 3_600));
        let workers: Vec<u128> = visit.workers.iter().map(|w| w.0.as_u128()).collect();
        let (id, status, version) = (visit.id.0.as_u128(), visit.status.name(), visit.version);
        format!(r#"{{"id":{id},"status":"{status}","at":"{window:?}","workers":{workers:?},"v":{version}}}"#).into()
    }
    fn event(&self, entry: &Entry) -> Option<Bytes> {
        match &*entry.fact {
            Fact::Visit(fact) => {
                let visit = self.visit(&fact.visit);
                Some(format!(r#"{{"visit":{}}}"#, String::from_utf8_lossy(&visit)).into())
            }
            other => Some(format!(r#"{{"type":"{}"}}"#, other.kind()).into()),
        }
    }
    fn removal(&self, _: &Entry, visit: VisitId) -> Bytes {
        format!(r#"{{"kind":"rm","visit":{{"id":{}}}}}"#, visit.0.as_u128()).into()
    }
}

#[derive(Default)]
pub struct Book {
    pub entries: Vec<Entry>,
    /// Entries up to here are no longer kept.
    pub pruned: i64,
    pub epoch: Uuid,
    pub is_down: bool,
    /// Reads of pages so far.
    pub reads: usize,
    /// What the visits are now.
    pub visits: BTreeMap<VisitId, Visit>,
}

/// Every account's journal, all the same one.
#[derive(Clone, Default)]
pub struct BookJournal(pub Arc<Mutex<Book>>);

impl BookJournal {
    pub fn with<T>(&self, f: impl FnOnce(&mut Book) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes what becomes of a visit and gives back its line.
    pub fn write(&self, visit: Visit) -> Entry {
        self.with(|book| {
            let before = book.visits.insert(visit.id, visit.clone());
            let entry = entry(book.entries.len() as i64 + 1, &visit, before.as_ref());
            book.entries.push(entry.clone());
            entry
        })
    }

    /// Something other than a visit.
    pub fn note(&self, fact: Fact, at: DateTime<Utc>) -> Entry {
        self.with(|book| {
            let seq = book.entries.len() as i64 + 1;
            let mut entry = entries(seq..=seq).remove(0);
            (entry.at, entry.fact) = (at, Arc::new(fact));
            book.entries.push(entry.clone());
            entry
        })
    }

    pub fn append(&self, count: usize) -> Vec<Entry> {
        let next = self.with(|book| book.entries.len()) as i64;
        let new = entries(next + 1..=next + count as i64);
        self.with(|book| book.entries.extend(new.clone()));
        new
    }

    fn end(&self) -> Result<Head, Unavailable> {
        self.with(|book| {
            let seq = book.entries.len() as i64;
            if book.is_down { Err(Unavailable) } else { Ok(Head { seq, board_seq: seq, epoch: book.epoch }) }
        })
    }
}

impl Journal for BookJournal {
    fn head(&self, _: AccountId) -> Later<Result<Head, Unavailable>> {
        let end = self.end();
        Box::pin(async move { end })
    }
    fn heads(&self, accounts: Vec<AccountId>) -> Later<Result<BTreeMap<AccountId, Head>, Unavailable>> {
        let end = self.end();
        Box::pin(async move { end.map(|end| accounts.into_iter().map(|account| (account, end)).collect()) })
    }
    fn after(&self, _: AccountId, seq: i64, limit: usize) -> Later<Result<Option<Vec<Entry>>, Unavailable>> {
        let page = self.with(|book| {
            book.reads += 1;
            let page = || book.entries.iter().filter(|entry| entry.seq > seq).take(limit).cloned().collect();
            if book.is_down { Err(Unavailable) } else { Ok((seq >= book.pruned).then(page)) }
        });
        Box::pin(async move { page })
    }
}

/// Fences of accounts that have no properties.
pub fn nowhere() -> Arc<Fences> {
    struct Nowhere;
    impl ZoneSource for Nowhere {
        fn zones(&self, _: AccountId) -> Later<Result<Zones, Unavailable>> {
            Box::pin(async { Ok(Zones::default()) })
        }
    }
    impl Proposals for Nowhere {
        fn propose(&self, _: AccountId, seen: SeenArrival) -> Later<Told> {
            panic!("nowhere is nothing to arrive at: {seen:?}")
        }
    }
    Fences::new(Arc::new(Nowhere), Arc::new(Nowhere))
}
