//! One server's board: the shell around the rules, step for step as `actors/src/board/cycle.rs` takes them, with a store
//! that answers when the world lets it. Planted faults are here, or in the store.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use chrono::{DateTime, Utc};
use muster_domain::dispatch::board::{Board, Command, Decision, Known, Needs};
use muster_domain::journal::Fact;
use muster_domain::{By, Moment};

use crate::fault::Fault;
use crate::feed::Feed;
use crate::store::{Answer, Batch, Cause, CommitError, Entry, Key, Prepared};

const QUEUE_LIMIT: usize = 6;
const BATCH_LIMIT: usize = 4;

/// A request as it came in at one server, with the ids that the edge made for it.
#[derive(Clone, Debug)]
pub struct Asked {
    pub key: Key,
    /// Counts every arrival in the world.
    pub arrival: u64,
    pub command: Command,
    pub by: By,
    pub poisoned: bool,
    /// For the checks: where the account stood when it arrived.
    pub since: i64,
}

#[derive(Clone, Debug)]
pub enum Reply {
    Answered(Answer),
    Replayed(Answer),
    Diverged,
    Full,
    Unknown,
    Unavailable,
}

/// What a decision without an effect was based on, so that it can be checked.
#[derive(Clone, Debug)]
pub struct Basis {
    /// In the journal, counted as if the batch had been committed.
    pub position: i64,
    pub as_of: u64,
    pub at: Moment,
    pub known: Known,
}

#[derive(Clone, Debug)]
pub struct Waiting {
    asked: Asked,
    joined: Vec<Asked>,
}

#[derive(Clone, Debug)]
pub struct Decided {
    waiting: Waiting,
    decision: Decision,
    answer: Answer,
    basis: Basis,
}

/// What was asked of the store, and what the server goes on with.
#[derive(Clone, Debug)]
pub enum Flight {
    Load(Option<Board>),
    Since(Option<Vec<Entry>>),
    Prepare { batch: Vec<Waiting>, needs: Needs, keys: Vec<Key>, prepared: Prepared, parts: u8 },
    Commit { batch: Rc<Batch>, decided: Vec<Decided>, outcome: Option<Result<i64, CommitError>> },
}

impl Flight {
    pub fn has_landed(&self) -> bool {
        match self {
            Flight::Load(board) => board.is_some(),
            Flight::Since(entries) => entries.is_some(),
            Flight::Prepare { parts, .. } => *parts == 2,
            Flight::Commit { outcome, .. } => outcome.is_some(),
        }
    }
}

/// What a step leaves for the world to do and to check.
#[derive(Default)]
pub struct Out {
    pub replies: Vec<(Asked, Reply, Option<Basis>)>,
    pub announced: Vec<(i64, Rc<Fact>)>,
    pub answers_later: Vec<(Key, Answer)>,
    pub changed: bool,
    pub fell_apart: bool,
    pub diverged: bool,
    pub caught_up: bool,
}

pub struct Server {
    pub fault: Option<Fault>,
    pub up: bool,
    pub paused_until: u64,
    pub committed: Option<Board>,
    ahead: Board,
    pub queue: VecDeque<Waiting>,
    pub behind: bool,
    alone: usize,
    pub flight: Option<Flight>,
    pub feed: Feed,
}

impl Server {
    pub fn new(fault: Option<Fault>, seq: i64) -> Self {
        Self {
            fault,
            up: true,
            paused_until: 0,
            committed: None,
            ahead: Board::default(),
            queue: VecDeque::new(),
            behind: true,
            alone: 0,
            flight: None,
            feed: Feed::new(seq),
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// Everything in memory is gone.
    pub fn crash(&mut self, seq: i64) {
        *self = Self { up: false, ..Self::new(self.fault, seq) };
    }

    pub fn can_go_on(&self) -> bool {
        self.flight.as_ref().map_or(!self.is_idle(), Flight::has_landed)
    }

    pub fn waits_for_the_store(&self) -> bool {
        self.flight.as_ref().is_some_and(|flight| !flight.has_landed())
    }

    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.flight.is_none() && !self.behind
    }

    pub fn submit(&mut self, asked: Asked, out: &mut Out) {
        if self.queue.len() >= QUEUE_LIMIT {
            return out.replies.push((asked, Reply::Full, None));
        }
        match self.queued_with(asked.key) {
            Some(first) => self.queue[first].joined.push(asked),
            None => self.queue.push_back(Waiting { asked, joined: vec![] }),
        }
    }

    fn queued_with(&self, key: Key) -> Option<usize> {
        let joins = !self.has(Fault::RepetitionNotJoined);
        self.queue.iter().position(|waiting| waiting.asked.key == key).filter(|_| joins)
    }

    /// Starts the next thing if none is in flight.
    pub fn go_on(&mut self) {
        if self.flight.is_some() || (self.queue.is_empty() && !self.behind) {
            return;
        }
        if self.committed.is_none() {
            self.flight = Some(Flight::Load(None));
            return;
        }
        self.behind = false;
        let size = if self.alone > 0 { 1 } else { BATCH_LIMIT };
        let batch: Vec<Waiting> = self.queue.drain(..self.queue.len().min(size)).collect();
        self.alone = self.alone.saturating_sub(batch.len());
        let mut needs = Needs::default();
        batch.iter().for_each(|waiting| needs.extend(waiting.asked.command.needs(&self.ahead)));
        let keys = batch.iter().map(|waiting| waiting.asked.key).collect();
        self.flight = Some(Flight::Prepare { batch, needs, keys, prepared: Prepared::default(), parts: 0 });
    }

    /// The store has answered.
    pub fn landed(&mut self, flight: Flight, now: DateTime<Utc>, out: &mut Out) {
        match flight {
            Flight::Load(board) => {
                let board = board.unwrap_or_default();
                self.ahead = board.clone();
                self.committed = Some(board);
                out.changed = true;
            }
            Flight::Since(entries) => self.caught_up(entries.unwrap_or_default(), out),
            Flight::Prepare { batch, prepared, .. } => self.prepared(batch, prepared, now, out),
            Flight::Commit { batch, decided, outcome } => match outcome.unwrap_or(Err(CommitError::Unknown)) {
                Ok(first) => self.done(first, &batch, decided, out),
                Err(error) => self.undone(error, decided, out),
            },
        }
    }

    /// The connection was lost before the answer came; a commit may have been written, or may still be.
    pub fn cut_off(&mut self, flight: Flight, out: &mut Out) {
        match flight {
            Flight::Load(_) => {
                let waiting: Vec<Waiting> = self.queue.drain(..).collect();
                everyone(waiting, out, |_| Reply::Unavailable);
            }
            Flight::Since(_) => self.committed = None,
            Flight::Prepare { batch, .. } => everyone(batch, out, |_| Reply::Unavailable),
            Flight::Commit { decided, .. } => self.undone(CommitError::Unknown, decided, out),
        }
    }

    fn caught_up(&mut self, entries: Vec<Entry>, out: &mut Out) {
        match &mut self.committed {
            Some(committed) if !entries.is_empty() => {
                for entry in &entries {
                    committed.evolve(entry.seq, &entry.fact);
                    self.ahead.evolve(entry.seq, &entry.fact);
                }
                (out.changed, out.caught_up) = (true, true);
            }
            _ => self.committed = None,
        }
    }

    fn prepared(&mut self, batch: Vec<Waiting>, prepared: Prepared, now: DateTime<Utc>, out: &mut Out) {
        let from_memory = self.has(Fault::RefusedFromMemory);
        let recalls = !self.has(Fault::RecallIgnored);
        let Some(committed) = &mut self.committed else {
            return everyone(batch, out, |_| Reply::Unavailable);
        };
        let silent = |waiting: &Waiting| {
            let at = Moment { now, by: waiting.asked.by };
            self.ahead.decide(&waiting.asked.command, &at, &prepared.known).facts.is_empty()
        };
        let from_memory = from_memory && !batch.is_empty() && batch.iter().all(silent);
        if prepared.board_seq != committed.position() && !from_memory {
            self.put_back(batch);
            self.behind = true;
            self.flight = Some(Flight::Since(None));
            return;
        }
        for (job, visits) in prepared.recalled.into_iter().filter(|_| recalls) {
            self.ahead.recall(job.clone(), visits.clone());
            committed.recall(job, visits);
        }
        out.changed = true;
        let basis = Basis {
            position: committed.position(),
            as_of: prepared.as_of,
            at: Moment { now, by: By::System },
            known: prepared.known,
        };
        let decided = self.decide(batch, basis, &prepared.kept, out);
        self.commit(decided, out);
    }

    /// A repetition that came in meanwhile is joined to its first.
    fn put_back(&mut self, batch: Vec<Waiting>) {
        let joins = !self.has(Fault::RepetitionPutBeside);
        for mut waiting in batch.into_iter().rev() {
            let again = self.queued_with(waiting.asked.key).filter(|_| joins);
            if let Some(again) = again.and_then(|at| self.queue.remove(at)) {
                waiting.joined.push(again.asked);
                waiting.joined.extend(again.joined);
            }
            self.queue.push_front(waiting);
        }
    }

    /// In order, each on the state left by the one before.
    fn decide(
        &mut self,
        batch: Vec<Waiting>,
        basis: Basis,
        kept: &BTreeMap<usize, Answer>,
        out: &mut Out,
    ) -> Vec<Decided> {
        let mut decided = Vec::new();
        for (index, waiting) in batch.into_iter().enumerate() {
            if let Some(answer) = kept.get(&index) {
                everyone(vec![waiting], out, |_| Reply::Replayed(answer.clone()));
                continue;
            }
            let at = Moment { by: waiting.asked.by, ..basis.at };
            let basis = Basis { position: self.ahead.position(), at, ..basis.clone() };
            let decision = self.ahead.decide(&waiting.asked.command, &at, &basis.known);
            for fact in &decision.facts {
                let next = self.ahead.position() + 1;
                self.ahead.evolve(next, fact);
            }
            let touched = decision.answer.as_ref().ok().and_then(|touched| touched.visit);
            let visit = touched.and_then(|id| self.ahead.visit(id)).cloned();
            let answer = Answer { verdict: decision.answer.clone(), visit, facts: decision.facts.len() };
            decided.push(Decided { waiting, decision, answer, basis });
        }
        decided
    }

    fn commit(&mut self, decided: Vec<Decided>, out: &mut Out) {
        let Some(committed) = &self.committed else { return };
        let decided_at = committed.position();
        if decided.iter().all(|one| one.decision.facts.is_empty()) {
            return decided.into_iter().for_each(|one| answered(one, 0, out));
        }
        let mut batch = Batch { decided_at, facts: vec![], answers: vec![], effects: vec![], poisoned: false };
        for one in decided.iter().filter(|one| !one.decision.facts.is_empty()) {
            let asked = &one.waiting.asked;
            let cause = |fact: &Fact| -> Cause { (one.basis.at.now, asked.by, Rc::new(fact.clone())) };
            batch.facts.extend(one.decision.facts.iter().map(cause));
            batch.answers.push((asked.key, one.answer.clone()));
            batch.effects.push((asked.key, asked.arrival, one.decision.facts.len()));
            batch.poisoned |= asked.poisoned;
        }
        self.too_early(&batch, &decided, out);
        self.flight = Some(Flight::Commit { batch: Rc::new(batch), decided, outcome: None });
    }

    /// The three ways of not waiting for the commit.
    fn too_early(&mut self, batch: &Batch, decided: &[Decided], out: &mut Out) {
        let facts = || (batch.decided_at + 1..).zip(batch.facts.iter().map(|(_, _, fact)| Rc::clone(fact)));
        if self.has(Fault::AcknowledgedBeforeCommit) {
            decided.iter().for_each(|one| answered(one.clone(), 0, out));
        }
        if self.has(Fault::AnnouncedBeforeCommit) {
            out.announced.extend(facts());
        }
        if self.has(Fault::EvolvedBeforeCommit) {
            self.committed = Some(self.ahead.clone());
        }
    }

    /// It is in the database: now memory may change, and everybody may hear of it.
    fn done(&mut self, first: i64, batch: &Batch, decided: Vec<Decided>, out: &mut Out) {
        let Some(committed) = &mut self.committed else { return };
        let entries: Vec<(i64, Rc<Fact>)> =
            (first..).zip(batch.facts.iter().map(|(_, _, fact)| Rc::clone(fact))).collect();
        for (seq, fact) in &entries {
            committed.evolve(*seq, fact);
        }
        self.ahead.moved_to(committed.position());
        out.changed = true;
        out.announced = entries;
        if self.has(Fault::AnswerOutsideTransaction) {
            out.answers_later = batch.answers.clone();
        }
        if !self.has(Fault::AcknowledgedBeforeCommit) {
            let shift = first - 1 - batch.decided_at;
            decided.into_iter().for_each(|one| answered(one, shift, out));
        }
    }

    fn undone(&mut self, error: CommitError, decided: Vec<Decided>, out: &mut Out) {
        match &self.committed {
            Some(_) if self.has(Fault::EvolvedBeforeCommit) => {}
            Some(committed) => self.ahead = committed.clone(),
            None => {}
        }
        let batch: Vec<Waiting> = decided.into_iter().map(|one| one.waiting).collect();
        match error {
            CommitError::Refused if batch.len() == 1 || self.has(Fault::BatchFailsTogether) => {
                self.committed = None;
                out.diverged = true;
                everyone(batch, out, |_| Reply::Diverged);
            }
            CommitError::Refused => {
                self.alone += batch.len();
                self.committed = None;
                out.fell_apart = true;
                self.put_back(batch);
            }
            CommitError::Stale | CommitError::Answered => self.put_back(batch),
            CommitError::Unknown => {
                self.committed = None;
                let lies = self.has(Fault::UnknownCalledUnavailable);
                everyone(batch, out, |_| if lies { Reply::Unavailable } else { Reply::Unknown });
            }
            CommitError::Unavailable => everyone(batch, out, |_| Reply::Unavailable),
        }
    }

    /// Lets go of what ended long ago.
    pub fn tidy(&mut self, now: DateTime<Utc>) -> bool {
        let Some(committed) = self.committed.as_mut().filter(|_| self.flight.is_none()) else { return false };
        let due = committed.wakes_at().is_some_and(|at| at <= now);
        if due {
            committed.forget(now);
            self.ahead.forget(now);
        }
        due
    }
}

fn answered(one: Decided, shift: i64, out: &mut Out) {
    let Decided { waiting, answer, mut basis, .. } = one;
    basis.position += shift;
    for asked in waiting.joined {
        out.replies.push((asked, Reply::Answered(answer.clone()), None));
    }
    out.replies.push((waiting.asked, Reply::Answered(answer), Some(basis)));
}

fn everyone(waiting: Vec<Waiting>, out: &mut Out, reply: impl Fn(&Asked) -> Reply) {
    for Waiting { asked, joined } in waiting {
        for asked in joined.into_iter().chain([asked]) {
            let reply = reply(&asked);
            out.replies.push((asked, reply, None));
        }
    }
}
