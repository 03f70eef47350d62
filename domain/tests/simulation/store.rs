//! PostgreSQL as the board's port sees it: serial transactions, a position that fences, rows with their constraints, the
//! journal, kept answers, one snapshot. Beside it, what really happened, for the checks alone.

use std::collections::BTreeMap;
use std::rc::Rc;

use chrono::{DateTime, Utc};
use muster_domain::dispatch::board::{Board, BoardSnapshot, Known, Needs, Rejection, Site, Touched};
use muster_domain::dispatch::{Visit, Worker};
use muster_domain::ids::{ClientId, JobId, PropertyId, VisitId, WorkerId};
use muster_domain::journal::{Fact, JobVerb, TimeOffVerb, VisitVerb};
use muster_domain::work::Job;
use muster_domain::{By, Place};

use crate::fault::Fault;
use crate::laws;

/// Client and number: one wish of one caller, however often it is sent.
pub type Key = (usize, u32);

/// What a caller is told: the verdict, and the visit as it then was.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub verdict: Result<Touched, Rejection>,
    pub visit: Option<Visit>,
    pub facts: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    pub workers: BTreeMap<WorkerId, Worker>,
    pub jobs: BTreeMap<JobId, Job>,
    pub visits: BTreeMap<VisitId, Visit>,
    pub sites: BTreeMap<PropertyId, (ClientId, Option<Place>)>,
    pub numbered: i64,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub seq: i64,
    pub fact: Rc<Fact>,
    /// The last one of its transaction: here the rows say the same as the journal.
    pub ends: bool,
}

pub type Cause = (DateTime<Utc>, By, Rc<Fact>);

#[derive(Clone, Debug)]
pub struct Batch {
    pub decided_at: i64,
    pub facts: Vec<Cause>,
    pub answers: Vec<(Key, Answer)>,
    /// For the checks: which arrival of which wish had how many facts.
    pub effects: Vec<(Key, u64, usize)>,
    /// Some constraint that the rules do not know of will refuse it.
    pub poisoned: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum CommitError {
    Refused,
    Stale,
    Answered,
    Unknown,
    Unavailable,
}

#[derive(Clone, Debug, Default)]
pub struct Prepared {
    pub board_seq: i64,
    pub known: Known,
    pub recalled: Vec<(Job, Vec<Visit>)>,
    pub kept: BTreeMap<usize, Answer>,
    /// For the checks: how many transactions there had been.
    pub as_of: u64,
}

pub struct Store {
    pub fault: Option<Fault>,
    pub seq: i64,
    pub board_seq: i64,
    pub journal: Vec<Entry>,
    pub rows: Rc<Rows>,
    pub kept: BTreeMap<Key, Answer>,
    pub snapshot: Option<(i64, String)>,
    pub truth: Truth,
}

/// When, and by which arrival, a wish came true.
#[derive(Clone, Copy, Debug)]
pub struct Effect {
    pub transaction: u64,
    pub arrival: u64,
    /// Its last fact.
    pub seq: i64,
}

/// Known to nobody in the simulated world.
pub struct Truth {
    pub transactions: u64,
    /// The rows after the transaction that contains `seq`, by `seq`.
    pub rows_at: Vec<Rc<Rows>>,
    /// The whole history replayed, forgetting nothing, by `seq`.
    pub board_at: Vec<Rc<Board>>,
    pub effects: BTreeMap<Key, Effect>,
    pub broken: Option<String>,
    /// Every law but those that say this is left alone.
    pub only: &'static str,
}

impl Truth {
    pub fn require(&mut self, holds: bool, law: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            self.broken = Some(law()).filter(|law| law.contains(self.only));
        }
    }
}

impl Store {
    pub fn new(fault: Option<Fault>, rows: Rows) -> Self {
        let rows = Rc::new(rows);
        let board = Board::from(BoardSnapshot {
            v: BoardSnapshot::VERSION,
            position: 0,
            jobs_numbered: rows.numbered,
            workers: rows.workers.values().cloned().collect(),
            jobs: rows.jobs.values().cloned().collect(),
            visits: rows.visits.values().cloned().collect(),
            torn: vec![],
        });
        let truth = Truth {
            transactions: 0,
            rows_at: vec![Rc::clone(&rows)],
            board_at: vec![Rc::new(board)],
            effects: BTreeMap::new(),
            broken: None,
            only: fault.map_or("", Fault::breaks),
        };
        Self { fault, seq: 0, board_seq: 0, journal: vec![], rows, kept: BTreeMap::new(), snapshot: None, truth }
    }

    /// The visit of the newest fact about one.
    pub fn lately(&self) -> Option<VisitId> {
        self.journal.iter().rev().find_map(|entry| match &*entry.fact {
            Fact::Visit(fact) => Some(fact.visit.id),
            _ => None,
        })
    }

    pub fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// Answers with the sequence number of the first fact.
    pub fn commit(&mut self, batch: &Batch) -> Result<i64, CommitError> {
        let fenced = !self.has(Fault::NoFence) && !self.has(Fault::NoFenceNoConstraint);
        if fenced && self.board_seq != batch.decided_at {
            return Err(CommitError::Stale);
        }
        if batch.poisoned {
            return Err(CommitError::Refused);
        }
        let careless = self.has(Fault::NoKeyLookup) || self.has(Fault::RepetitionNotJoined);
        let mut kept = BTreeMap::new();
        for (key, answer) in &batch.answers {
            let taken = self.kept.contains_key(key) || kept.contains_key(key);
            if taken && !careless {
                return Err(CommitError::Answered);
            }
            kept.entry(*key).or_insert_with(|| answer.clone());
        }
        let rows = self.written(&batch.facts)?;
        let mut seq = self.seq;
        for (key, arrival, facts) in &batch.effects {
            seq += *facts as i64;
            let effect = Effect { transaction: self.truth.transactions + 1, arrival: *arrival, seq };
            let again = self.truth.effects.insert(*key, effect);
            self.truth.require(again.is_none(), || format!("{key:?} took effect twice"));
        }
        if !self.has(Fault::AnswerOutsideTransaction) {
            for (key, answer) in kept {
                self.kept.entry(key).or_insert(answer);
            }
        }
        Ok(self.append(&batch.facts, rows, true))
    }

    /// A transaction of the record lane: it reads and writes under the account's lock, so it is never stale.
    pub fn record(&mut self, facts: &[Cause], edit: impl FnOnce(&mut Rows)) {
        let Ok(mut rows) = self.written(facts) else {
            self.truth.require(false, || "a record's edit was refused".to_owned());
            return;
        };
        edit(&mut rows);
        let moves = !self.has(Fault::RecordLaneForgets);
        self.append(facts, rows, moves);
    }

    fn append(&mut self, facts: &[Cause], rows: Rows, moves: bool) -> i64 {
        let first = self.seq + 1;
        self.rows = Rc::new(rows);
        self.truth.transactions += 1;
        for (at, (_, _, fact)) in facts.iter().enumerate() {
            self.seq += 1;
            if fact.moves_board() && moves {
                self.board_seq = self.seq;
            }
            self.journal.push(Entry { seq: self.seq, fact: Rc::clone(fact), ends: at + 1 == facts.len() });
            self.truth.rows_at.push(Rc::clone(&self.rows));
            let mut board = Board::clone(&self.truth.board_at[self.seq as usize - 1]);
            board.evolve(self.seq, fact);
            self.truth.board_at.push(Rc::new(board));
        }
        let overlapping = laws::excluded(self.rows.visits.values());
        self.truth.require(overlapping.is_empty(), || format!("in two places at once: {overlapping:?}"));
        first
    }

    /// The rows after the facts, or the constraint that refuses them.
    fn written(&mut self, facts: &[Cause]) -> Result<Rows, CommitError> {
        let mut rows = Rows::clone(&self.rows);
        let mut torn = Vec::new();
        for (_, _, fact) in facts {
            match &**fact {
                Fact::Visit(fact) if fact.verb == VisitVerb::Superseded => {}
                Fact::Visit(fact) => {
                    let old = rows.visits.get(&fact.visit.id).map(|visit| visit.version);
                    if (fact.verb == VisitVerb::Created) != old.is_none() {
                        return Err(CommitError::Refused);
                    }
                    torn.extend((fact.visit.version != old.unwrap_or(0) + 1).then_some(fact.visit.id));
                    rows.visits.insert(fact.visit.id, fact.visit.clone());
                    for (other, group) in fact.regrouped.iter().filter(|_| self.fault != Some(Fault::GroupsNotWritten))
                    {
                        if let Some(other) = rows.visits.get_mut(other) {
                            other.overlap_group = *group;
                        }
                    }
                }
                Fact::Job(fact) => {
                    if fact.verb == JobVerb::Created {
                        if fact.job.number != rows.numbered + 1 || rows.jobs.contains_key(&fact.job.id) {
                            return Err(CommitError::Refused);
                        }
                        rows.numbered = fact.job.number;
                        let place = fact.job.property_id.and_then(|id| rows.sites.get(&id)).and_then(|site| site.1);
                        let told = fact.job.location == place;
                        self.truth.require(told, || "a job was made for a place that had moved".to_owned());
                    }
                    rows.jobs.insert(fact.job.id, fact.job.clone());
                }
                Fact::Worker(fact) => drop(rows.workers.insert(fact.worker.id, fact.worker.clone())),
                Fact::TimeOff(fact) => {
                    let off = &mut rows.workers.get_mut(&fact.worker_id).ok_or(CommitError::Refused)?.time_off;
                    match fact.verb {
                        TimeOffVerb::Added => drop(off.insert(fact.time_off.id, fact.time_off.clone())),
                        TimeOffVerb::Removed => drop(off.remove(&fact.time_off.id)),
                    }
                }
                Fact::Record(_) => {}
            }
        }
        if self.fault != Some(Fault::NoFenceNoConstraint) && !laws::excluded(rows.visits.values()).is_empty() {
            return Err(CommitError::Refused);
        }
        self.truth.require(torn.is_empty(), || format!("a change of {torn:?} was lost"));
        Ok(rows)
    }

    /// The newest snapshot and the journal since, or the rows.
    pub fn load(&self, now: DateTime<Utc>) -> Board {
        if let Some((_, stored)) = &self.snapshot {
            let snapshot: BoardSnapshot = serde_json::from_str(stored).expect("what was written is read");
            let mut board = Board::from(snapshot);
            for entry in self.since(board.position()) {
                board.evolve(entry.seq, &entry.fact);
            }
            return board;
        }
        let mut board = Board::from(BoardSnapshot {
            v: BoardSnapshot::VERSION,
            position: self.board_seq,
            jobs_numbered: self.rows.numbered,
            workers: self.rows.workers.values().cloned().collect(),
            jobs: self.rows.jobs.values().cloned().collect(),
            visits: self.rows.visits.values().cloned().collect(),
            torn: vec![],
        });
        board.forget(now);
        board
    }

    pub fn since(&self, position: i64) -> Vec<Entry> {
        let after = self.after(position).iter();
        let mut entries: Vec<Entry> = after.filter(|entry| entry.fact.moves_board()).cloned().collect();
        if self.has(Fault::CatchUpSkips) && entries.len() > 1 {
            entries.remove(0);
        }
        entries
    }

    pub fn after(&self, seq: i64) -> &[Entry] {
        &self.journal[(seq.max(0) as usize).min(self.journal.len())..]
    }

    /// Everything that a batch must know, except where the account stands.
    pub fn prepare(&self, needs: &Needs, keys: &[Key], prepared: &mut Prepared) {
        let looks = !self.has(Fault::NoKeyLookup);
        let found = keys.iter().enumerate().filter(|_| looks).filter_map(|(at, key)| Some((at, self.kept.get(key)?)));
        prepared.kept = found.map(|(at, answer)| (at, answer.clone())).collect();
        let mut jobs = needs.jobs.clone();
        jobs.extend(needs.visits.iter().filter_map(|id| self.rows.visits.get(id)).map(|visit| visit.job_id));
        let visits = |job: &JobId| self.rows.visits.values().filter(|visit| visit.job_id == *job).cloned().collect();
        let jobs = jobs.iter().filter_map(|id| self.rows.jobs.get(id));
        prepared.recalled = jobs.map(|job| (job.clone(), visits(&job.id))).collect();
        for client in &needs.clients {
            let own = self.rows.sites.iter().filter(|(_, (owner, _))| owner == client);
            let sites: Vec<Site> = own.map(|(id, (_, place))| Site { property_id: *id, place: *place }).collect();
            if !sites.is_empty() {
                prepared.known.sites.insert(*client, sites);
            }
        }
        prepared.as_of = self.truth.transactions;
    }
}
