//! One server's feed and those who read from it: each holds a snapshot and what came after it, and must at any time see
//! exactly what a fresh snapshot would show him.

use std::collections::BTreeMap;
use std::rc::Rc;

use muster_domain::dispatch::Visit;
use muster_domain::ids::{VisitId, WorkerId};
use muster_domain::journal::{Fact, VisitVerb};

use crate::fault::Fault;
use crate::store::{Rows, Store};

pub struct Feed {
    /// Everything up to here was passed on.
    pub passed: i64,
}

impl Feed {
    pub fn new(seq: i64) -> Self {
        Self { passed: seq }
    }

    /// What is to be passed on, now that `fresh` was heard of. A gap is filled from the table first; if that cannot be
    /// read, nothing is passed on and the next hint tries again.
    pub fn hear(&mut self, fresh: &[(i64, Rc<Fact>)], store: &Store, readable: bool) -> Vec<(i64, Rc<Fact>)> {
        let mut news: Vec<(i64, Rc<Fact>)> =
            fresh.iter().filter(|(seq, _)| *seq > self.passed).map(|(seq, fact)| (*seq, Rc::clone(fact))).collect();
        let gap = news.first().is_some_and(|(first, _)| *first > self.passed + 1);
        if gap && !store.has(Fault::FeedPassesOverGap) {
            news.clear();
            if readable {
                let entries = store.after(self.passed).iter();
                news.extend(entries.map(|entry| (entry.seq, Rc::clone(&entry.fact))));
            }
        }
        if let Some((last, _)) = news.last() {
            self.passed = *last;
        }
        news
    }

    /// The hint of another server, or the regular look at the account's position: no content, only a number.
    pub fn look(&mut self, store: &Store) -> Vec<(i64, Rc<Fact>)> {
        let entries = store.after(self.passed).iter();
        let news: Vec<_> = entries.map(|entry| (entry.seq, Rc::clone(&entry.fact))).collect();
        self.passed = self.passed.max(store.seq);
        news
    }
}

pub struct Reader {
    /// `None`: the office, which sees everything.
    pub worker: Option<WorkerId>,
    /// `None`: not connected.
    pub server: Option<usize>,
    /// He was never connected, and has what he has from a snapshot.
    pub fresh: bool,
    /// His view is of this position; `None` while he waits for his snapshot.
    pub seq: Option<i64>,
    pub view: BTreeMap<VisitId, Visit>,
    /// Came in before the snapshot.
    pub held: Vec<(i64, Rc<Fact>)>,
}

impl Reader {
    pub fn new(worker: Option<WorkerId>, server: Option<usize>) -> Self {
        Self { worker, server, fresh: server.is_none(), seq: None, view: BTreeMap::new(), held: vec![] }
    }

    fn sees(&self, visit: &Visit) -> bool {
        self.worker.is_none_or(|worker| visit.workers.contains(&worker))
    }

    pub fn snapshot(&mut self, rows: &Rows, seq: i64) {
        self.view = rows.visits.values().filter(|visit| self.sees(visit)).map(|v| (v.id, v.clone())).collect();
        self.seq = Some(seq);
        for (seq, fact) in std::mem::take(&mut self.held) {
            self.take(seq, &fact);
        }
    }

    pub fn take(&mut self, seq: i64, fact: &Rc<Fact>) {
        match self.seq {
            None => self.held.push((seq, Rc::clone(fact))),
            Some(last) if seq <= last => {}
            Some(_) => {
                self.seq = Some(seq);
                self.apply(fact);
            }
        }
    }

    fn apply(&mut self, fact: &Fact) {
        let Fact::Visit(change) = fact else { return };
        let hears = self.worker.is_none_or(|worker| fact.audience().contains(&worker));
        if !hears || change.verb == VisitVerb::Superseded {
            return;
        }
        if self.sees(&change.visit) {
            self.view.insert(change.visit.id, change.visit.clone());
        } else {
            self.view.remove(&change.visit.id);
        }
    }

    /// Groups are the database's business and not on the wire.
    pub fn agrees(&self, rows: &Rows) -> bool {
        let group = VisitId::from;
        let plain = |visit: &Visit| Visit { overlap_group: group(visit.id.0), ..visit.clone() };
        let fresh = rows.visits.values().filter(|visit| self.sees(visit)).map(plain);
        self.view.values().map(plain).eq(fresh)
    }
}
