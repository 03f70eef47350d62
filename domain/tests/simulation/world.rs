//! Who acts next, what is lost on the way, who dies: all from one seed. At the end everything heals, and within bounds
//! everybody must have his answer and everybody must agree.

use std::collections::BTreeMap;
use std::rc::Rc;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::dispatch::board::BoardSnapshot;
use muster_domain::ids::JobId;
use muster_domain::journal::Fact;

use crate::caller::{self, Caller, Wish, worker_id};
use crate::check;
use crate::dice::Dice;
use crate::fault::Fault;
use crate::feed::Reader;
use crate::record;
use crate::server::{Flight, Out, Reply, Server};
use crate::store::{Answer, Batch, CommitError, Key, Prepared, Store};
use crate::tally::{Tally, brief, brief_reply};

const STEPS: u64 = 2_000;
pub const SERVERS: usize = 3;
pub const CALLERS: usize = 5;

pub fn midnight() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_996_800, 0).expect("a Monday in 2026")
}

pub enum Message {
    Ask { server: usize, wish: Rc<Wish> },
    Tell { key: Key, reply: Box<Reply> },
    Hint { server: usize },
    Behind { server: usize },
}

/// What goes on in the store although nobody waits for it any more.
pub enum Orphan {
    Commit(Rc<Batch>),
    Answers(Vec<(Key, Answer)>),
    Snapshot(i64, String),
}

pub struct World {
    pub dice: Dice,
    pub trace: bool,
    pub step: u64,
    pub now: DateTime<Utc>,
    pub store: Store,
    pub servers: Vec<Server>,
    pub callers: Vec<Caller>,
    pub told: BTreeMap<Key, Answer>,
    pub readers: Vec<Reader>,
    pub network: Vec<Message>,
    pub orphans: Vec<Orphan>,
    pub arrivals: u64,
    pub fresh: u128,
    pub calm: bool,
    /// A quarter of the runs take weeks, so that much is forgotten and recalled.
    pub long_days: bool,
    pub tally: Tally,
}

impl World {
    pub fn new(seed: u64, fault: Option<Fault>, trace: bool) -> Self {
        let mut dice = Dice::new(seed);
        Self {
            long_days: dice.chance(25),
            dice,
            trace,
            step: 0,
            now: midnight() + TimeDelta::hours(6),
            store: Store::new(fault, caller::first_rows()),
            servers: (0..SERVERS).map(|_| Server::new(fault, 0)).collect(),
            callers: (0..CALLERS).map(|_| Caller::default()).collect(),
            told: BTreeMap::new(),
            readers: [None, Some(worker_id(0)), Some(worker_id(1))].map(|who| Reader::new(who, Some(0))).into(),
            network: vec![],
            orphans: vec![],
            arrivals: 0,
            fresh: 0,
            calm: false,
            tally: Tally::default(),
        }
    }

    /// The first law that was broken.
    pub fn run(&mut self) -> Option<String> {
        while self.step < STEPS && self.store.truth.broken.is_none() {
            self.next();
        }
        if self.store.truth.broken.is_none() {
            self.settle();
        }
        self.store.truth.broken.clone()
    }

    pub fn say(&self, what: impl FnOnce() -> String) {
        if self.trace {
            eprintln!("{:4} seq {:3}/{:3}  {}", self.step, self.store.board_seq, self.store.seq, what());
        }
    }

    fn next(&mut self) {
        self.step += 1;
        self.now += TimeDelta::seconds(self.dice.below(90) as i64);
        let server = self.dice.below(SERVERS);
        if self.long_days && self.dice.chance(2) {
            self.time_passes();
        }
        match self.dice.below(1_000) {
            0..=119 => self.call(),
            120..=319 => self.carry(),
            320..=579 => self.turn(self.one_from(server, |server| server.can_go_on())),
            580..=879 => self.serve(self.one_from(server, |server| server.waits_for_the_store())),
            880..=891 => self.record(server),
            892..=909 => self.orphan(),
            910..=917 => self.cut_off(server),
            918..=921 => self.crash(server),
            922..=926 => self.pause(server),
            927..=946 => self.keep_house(server),
            947..=959 => self.look(server),
            960..=984 => self.read(),
            985..=989 => self.time_passes(),
            _ => self.lose_or_repeat(),
        }
    }

    /// The next server, counted from this one, that has something to do.
    fn one_from(&self, server: usize, busy: impl Fn(&Server) -> bool) -> usize {
        let from_here = (0..SERVERS).map(|step| (server + step) % SERVERS);
        from_here.clone().find(|at| busy(&self.servers[*at])).unwrap_or(server)
    }

    pub fn is_awake(&self, server: usize) -> bool {
        self.servers[server].up && self.servers[server].paused_until <= self.step
    }

    /// The server goes on: with what the store has answered, or with the next thing.
    pub fn turn(&mut self, server: usize) {
        if !self.servers[server].up && self.dice.chance(5) {
            self.servers[server].up = true;
            self.say(|| format!("{server} starts again"));
        }
        if !self.is_awake(server) {
            return;
        }
        let ready = self.servers[server].flight.as_ref().is_some_and(Flight::has_landed);
        let mut out = Out::default();
        if let Some(flight) = self.servers[server].flight.take_if(|_| ready) {
            self.servers[server].landed(flight, self.now, &mut out);
        }
        self.servers[server].go_on();
        self.after(server, out);
    }

    /// The store does what the server asked of it.
    pub fn serve(&mut self, server: usize) {
        let Some(mut flight) = self.servers[server].flight.take() else { return };
        match &mut flight {
            Flight::Load(board @ None) => {
                if self.store.snapshot.is_some() {
                    self.tally.one("loaded from snapshot");
                }
                *board = Some(self.store.load(self.now));
            }
            Flight::Since(entries @ None) => {
                let position = self.servers[server].committed.as_ref().map_or(0, |board| board.position());
                *entries = Some(self.store.since(position));
            }
            Flight::Prepare { needs, keys, prepared, parts, .. } => {
                self.prepare(needs, keys, prepared, parts);
            }
            Flight::Commit { batch, outcome: outcome @ None, .. } => {
                let out_of_reach = !self.calm && self.dice.chance(2);
                let result = if out_of_reach { Err(CommitError::Unavailable) } else { self.store.commit(batch) };
                self.tally.one(match &result {
                    Ok(_) => "committed",
                    Err(CommitError::Stale) => "stale",
                    Err(_) => "not committed",
                });
                *outcome = Some(result);
            }
            Flight::Load(Some(_)) | Flight::Since(Some(_)) | Flight::Commit { outcome: Some(_), .. } => {}
        }
        self.say(|| format!("the store serves {server}: {}", brief(&flight)));
        self.servers[server].flight = Some(flight);
    }

    /// In two reads, between which others may write: the position last.
    fn prepare(
        &mut self,
        needs: &muster_domain::dispatch::board::Needs,
        keys: &[Key],
        prepared: &mut Prepared,
        parts: &mut u8,
    ) {
        let position_now = (*parts == 0) == self.store.has(Fault::PositionReadFirst);
        match *parts {
            0 | 1 if position_now => prepared.board_seq = self.store.board_seq,
            0 | 1 => self.store.prepare(needs, keys, prepared),
            _ => return,
        }
        *parts += 1;
        if *parts == 2 && !prepared.recalled.is_empty() {
            self.tally.one("recalled");
        }
    }

    fn record(&mut self, server: usize) {
        if self.calm {
            return;
        }
        record::edit(&mut self.dice, &mut self.store, self.now);
        self.say(|| "the record lane writes".to_owned());
        self.network.push(Message::Behind { server });
        self.hint();
    }

    pub fn hint(&mut self) {
        self.network.extend((0..SERVERS).map(|server| Message::Hint { server }));
    }

    fn orphan(&mut self) {
        if self.orphans.is_empty() {
            return;
        }
        let at = self.dice.below(self.orphans.len());
        let orphan = self.orphans.remove(at);
        if self.dice.chance(40) {
            return;
        }
        match orphan {
            Orphan::Commit(batch) => {
                if self.store.commit(&batch).is_ok() {
                    self.tally.one("unknown but written");
                }
            }
            Orphan::Answers(answers) => answers.into_iter().for_each(|(key, answer)| {
                self.store.kept.entry(key).or_insert(answer);
            }),
            Orphan::Snapshot(position, stored) => {
                if self.store.snapshot.as_ref().is_none_or(|(newest, _)| *newest <= position) {
                    self.store.snapshot = Some((position, stored));
                }
            }
        }
    }

    /// The connection to the store breaks: what was asked may have happened, may still happen, or never.
    fn cut_off(&mut self, server: usize) {
        let Some(flight) = self.servers[server].flight.take() else { return };
        self.say(|| format!("{server} loses its connection: {}", brief(&flight)));
        self.outlives(&flight);
        let mut out = Out::default();
        self.servers[server].cut_off(flight, &mut out);
        self.after(server, out);
    }

    fn outlives(&mut self, flight: &Flight) {
        let Flight::Commit { batch, outcome, .. } = flight else { return };
        self.tally.one("unknown");
        match outcome {
            None => self.orphans.push(Orphan::Commit(Rc::clone(batch))),
            Some(Ok(_)) => self.tally.one("unknown but written"),
            Some(Err(_)) => {}
        }
    }

    /// Everything in memory is gone; those who waited hear nothing.
    fn crash(&mut self, server: usize) {
        self.say(|| format!("{server} dies"));
        if let Some(flight) = self.servers[server].flight.take() {
            self.outlives(&flight);
        }
        self.servers[server].crash(self.store.seq);
        self.readers.iter_mut().filter(|reader| reader.server == Some(server)).for_each(|reader| reader.server = None);
    }

    fn pause(&mut self, server: usize) {
        let steps = self.dice.below(60) as u64;
        self.servers[server].paused_until = self.step + steps;
        self.say(|| format!("{server} sleeps for {steps} steps"));
    }

    fn keep_house(&mut self, server: usize) {
        if !self.is_awake(server) {
            return;
        }
        if self.servers[server].tidy(self.now) {
            self.tally.one("forgot");
            self.say(|| format!("{server} forgets"));
        }
        let Some(board) = &self.servers[server].committed else { return };
        let mut snapshot = BoardSnapshot::from(board);
        if self.store.has(Fault::SnapshotMisplaced) {
            snapshot.position = snapshot.position.max(self.store.board_seq);
        }
        let stored = serde_json::to_string(&snapshot).expect("snapshots are JSON");
        self.orphans.push(Orphan::Snapshot(snapshot.position, stored));
    }

    fn look(&mut self, server: usize) {
        if self.is_awake(server) {
            let news = self.servers[server].feed.look(&self.store);
            self.pass_on(server, &news);
        }
    }

    /// A reader goes on: subscribes first and reads then, or comes back after his server died.
    pub fn read(&mut self) {
        let at = self.dice.below(self.readers.len());
        let server = self.dice.below(SERVERS);
        if self.dice.chance(15) && !self.calm {
            let worker = self.readers[at].worker;
            self.readers[at] = Reader::new(worker, Some(server));
            if self.store.has(Fault::SnapshotThenSubscribe) {
                self.readers[at] = Reader::new(worker, None);
                self.readers[at].snapshot(&self.store.rows, self.store.seq);
            }
        } else if self.readers[at].server.is_none() {
            self.readers[at].server = Some(server);
            self.resume(at);
        } else if self.readers[at].seq.is_none() {
            self.readers[at].snapshot(&self.store.rows, self.store.seq);
        }
    }

    /// Back on another server: what he missed comes from the table.
    pub fn resume(&mut self, at: usize) {
        let careless = self.store.has(Fault::SnapshotThenSubscribe) && self.readers[at].fresh;
        self.readers[at].fresh = false;
        let missed = self.readers[at].seq.filter(|_| !careless);
        let Some(seq) = missed else { return };
        for entry in self.store.after(seq) {
            self.readers[at].take(entry.seq, &entry.fact);
        }
        check::view(&mut self.store, &self.readers[at]);
    }

    pub fn pass_on(&mut self, server: usize, news: &[(i64, Rc<Fact>)]) {
        for reader in self.readers.iter_mut().filter(|reader| reader.server == Some(server)) {
            for (seq, fact) in news {
                reader.take(*seq, fact);
                check::view(&mut self.store, reader);
            }
        }
    }

    fn time_passes(&mut self) {
        self.now += TimeDelta::hours(if self.dice.chance(50) { 50 } else { 5 });
        self.say(|| "time passes".to_owned());
        for server in 0..SERVERS {
            if self.dice.chance(40) {
                self.keep_house(server);
            }
        }
    }

    /// What a server's step leaves: replies to be carried, news to be passed on; all of it checked.
    pub fn after(&mut self, server: usize, out: Out) {
        for (asked, reply, basis) in out.replies {
            self.say(|| format!("{server} tells {:?} {}", asked.key, brief_reply(&reply)));
            check::reply(&mut self.store, &asked, &reply, basis.as_ref());
            match &reply {
                Reply::Replayed(_) => self.tally.one("replayed"),
                Reply::Answered(answer) if answer.verdict.is_err() => self.tally.one("refused"),
                _ => {}
            }
            if matches!(reply, Reply::Unavailable | Reply::Full) {
                let effect = self.store.truth.effects.get(&asked.key);
                let happened = effect.is_some_and(|effect| effect.arrival == asked.arrival);
                self.store.truth.require(!happened, || format!("{:?} happened, and was said not to", asked.key));
            }
            self.network.push(Message::Tell { key: asked.key, reply: Box::new(reply) });
        }
        if !out.announced.is_empty() {
            out.announced.iter().for_each(|(seq, fact)| check::announcement(&mut self.store, *seq, fact));
            let readable = !self.dice.chance(20);
            let news = self.servers[server].feed.hear(&out.announced, &self.store, readable);
            self.pass_on(server, &news);
            self.hint();
        }
        if !out.answers_later.is_empty() {
            self.orphans.push(Orphan::Answers(out.answers_later));
        }
        if out.fell_apart {
            self.tally.one("fell apart");
        }
        if out.caught_up {
            self.tally.one("caught up");
        }
        if let Some(board) = self.servers[server].committed.as_ref().filter(|_| out.changed) {
            check::memory(&mut self.store, server, board);
            let all = |job| self.store.rows.visits.values().filter(|visit| visit.job_id == job).count();
            let partly = |job: &JobId| board.job(*job).is_none() || board.visits_of(*job).count() < all(*job);
            if BoardSnapshot::from(board).torn.iter().any(partly) {
                self.tally.one("torn");
            }
            if board.visits().any(|visit| visit.proposed_arrival().is_some()) {
                self.tally.one("arrival proposed");
            }
            if board.visits().any(|visit| visit.arrival.is_some_and(|arrival| arrival.dismissed)) {
                self.tally.one("arrival dismissed");
            }
            if !board.overlaps().is_empty() {
                self.tally.one("overlapping");
            }
        }
    }
}
