//! The sockets of one thread, by account: carries out what their sessions wish, passes on what happened, and sweeps.
//! What is said on the wire is decided in `session`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use actix::Addr;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::ids::{AccountId, UserId};
use muster_domain::journal::{Fact, RecordVerb, WorkerVerb};
use uuid::Uuid;

use super::ear::Ear;
use super::errands::{PictureWanted, Pictures};
use super::frames::{self, Bye};
use super::holds::{Grips, Holds};
use super::map::Marks;
use super::session::{MAX_SUBSCRIPTIONS, Out, Session, Tide, Who, Wish};
use super::{Expel, Hub, Hubs, Outlet, Sent};
use crate::feed::{Feed, Join, Leave, News};
use crate::radar::Mark;

/// Client frames: this many at once, and this many a second in the long run.
const FRAMES_BURST: f64 = 200.0;
const FRAMES_PER_S: f64 = 50.0;
/// A radar is asked for everything again after this, in case something was skipped or it was replaced.
const RESURVEY: Duration = Duration::from_secs(15);
const DRAIN_STEP: Duration = Duration::from_millis(50);
/// Clients that were all sent away at once come back within this time, each at a moment of its own.
const RETURN_SPREAD_MS: u64 = 15_000;
const RETURN_MS: u64 = 1_500;
/// A socket that came so long after a change of its user's rights already has the new ones; clocks differ.
const RIGHTS_SETTLE: TimeDelta = TimeDelta::seconds(1);

pub(super) struct Seat {
    came_at: DateTime<Utc>,
    outlet: Rc<dyn Outlet>,
    pub session: Session,
    beat_at: Instant,
    /// A heartbeat was sent and nothing was heard since.
    asked_at: Option<Instant>,
    /// How much had left, and since when that has not changed while more waits.
    stuck: Option<(u64, Instant)>,
    allowance: (f64, Instant),
    /// Batches of positions that are not acknowledged yet.
    pub uplinks: usize,
    pub grips: Grips,
}

#[derive(Default)]
pub(super) struct Room {
    seats: BTreeSet<u64>,
    pub feed: Option<Addr<Feed>>,
    wants_feed: bool,
    pub tide: Option<Tide>,
    marks: Marks,
    pub holds: Holds,
    ear: Option<(Arc<Ear>, Instant)>,
}

pub(super) struct Desk {
    pub(super) id: u64,
    pub(super) hubs: Arc<Hubs>,
    pub(super) hub: Addr<Hub>,
    pub(super) weak: Weak<RefCell<Desk>>,
    pub(super) seats: BTreeMap<u64, Seat>,
    pub(super) rooms: BTreeMap<AccountId, Room>,
    /// Replays that were asked for: whose they are.
    pub(super) asked: BTreeMap<u64, (u64, u64)>,
    pub(super) next: u64,
    pub(super) pictures: Pictures,
    born: Instant,
    /// When the sockets with positions that wait are looked at next.
    ticks_at: Option<Instant>,
}

impl Desk {
    pub(super) fn new(id: u64, hubs: Arc<Hubs>, hub: Addr<Hub>, weak: Weak<RefCell<Desk>>) -> Self {
        let (seats, rooms, asked, pictures) = Default::default();
        Self { id, hubs, hub, weak, seats, rooms, asked, next: 0, pictures, born: Instant::now(), ticks_at: None }
    }

    pub(super) fn attach(&mut self, outlet: Rc<dyn Outlet>, who: Who) -> u64 {
        self.next += 1;
        let (key, now, config) = (self.next, Instant::now(), &self.hubs.config);
        let hello = frames::hello(config.heartbeat.as_secs(), config.max_frame_bytes, MAX_SUBSCRIPTIONS);
        self.hubs.came(&who);
        self.rooms.entry(who.account).or_default().seats.insert(key);
        let session = Session::new(who);
        let allowance = (FRAMES_BURST, now);
        let seat = Seat {
            came_at: Utc::now(),
            outlet,
            session,
            beat_at: now,
            asked_at: None,
            stuck: None,
            allowance,
            uplinks: 0,
            grips: Grips::default(),
        };
        self.seats.insert(key, seat);
        if self.hubs.is_draining() {
            self.close(key, Bye::Restarting);
        } else {
            self.say(key, hello);
        }
        key
    }

    pub(super) fn heard(&mut self, key: u64, text: &str) {
        let Some(seat) = self.seats.get_mut(&key) else { return };
        if !seat.may_speak(Instant::now()) {
            return self.close(key, Bye::TooMuch);
        }
        let account = seat.session.who.account;
        let Some(room) = self.rooms.get(&account) else { return };
        let out = seat.session.on_frame(text, room.tide, &room.marks);
        // Who only watches the map hears from the feed, too, whose rights have changed.
        if seat.session.has_log() || seat.session.has_map() {
            self.listen(account);
        }
        self.act(key, out);
    }

    /// Sends what is to be sent and sees to what is wished, then whatever else is due.
    fn act(&mut self, key: u64, out: Out) {
        for frame in out.send {
            self.say(key, frame);
        }
        for wish in out.wishes {
            match wish {
                Wish::Picture { sub, range, viewer } => self.want_picture(PictureWanted::new(key, sub, range, viewer)),
                Wish::Replay { sub, after } => self.ask_replay(key, sub, after),
                Wish::Marks => self.watch_marks(key),
                Wish::Positions(points) => self.pass_up(key, points.get().to_owned()),
                Wish::Hold { id, visit } => self.hold(key, id, visit),
                Wish::Release { visit } => self.release(key, visit),
                Wish::LetGo { id } => self.release_all(key, &id),
            }
        }
        if let Some(id) = out.office_log {
            self.tell_holds(key, &id);
        }
        self.pump(key);
    }

    pub(super) fn say(&mut self, key: u64, frame: Bytes) {
        let Some(seat) = self.seats.get(&key) else { return };
        metrics::counter!("muster_stream_frames_total").increment(1);
        match seat.outlet.send(frame) {
            Sent::Done => {}
            Sent::Blocked if seat.outlet.waiting_bytes() <= self.hubs.config.waiting_max_bytes => {}
            Sent::Blocked => self.close(key, Bye::Slow),
            Sent::Gone => self.leave(key),
        }
    }

    /// Frames that wait, as many as the socket takes.
    pub(super) fn pump(&mut self, key: u64) {
        let now = Instant::now();
        while let Some(seat) = self.seats.get_mut(&key).filter(|seat| !seat.outlet.is_blocked()) {
            let Some(room) = self.rooms.get_mut(&seat.session.who.account) else { return };
            let Some(frame) = seat.session.pump(&mut room.marks, &*self.hubs.wire, now) else {
                if let Some(at) = seat.session.marks_due_at(&room.marks, now) {
                    self.tick_at(at);
                }
                return;
            };
            self.say(key, frame);
        }
    }

    /// Looks at the maps when something is due, on a grid of the hub's own tick, so that many sockets share one look.
    fn tick_at(&mut self, at: Instant) {
        let tick = self.hubs.config.tick;
        let ticks = at.max(Instant::now()).duration_since(self.born).as_micros() / tick.as_micros().max(1) + 1;
        let at = self.born + tick * u32::try_from(ticks).unwrap_or(u32::MAX);
        if self.ticks_at.is_some_and(|held| held <= at) {
            return;
        }
        self.ticks_at = Some(at);
        let weak = self.weak.clone();
        actix::spawn(async move {
            tokio::time::sleep_until(at.into()).await;
            if let Some(desk) = weak.upgrade() {
                desk.borrow_mut().tick(at);
            }
        });
    }

    /// A timer that was overtaken by an earlier one finds another time set, and does nothing.
    fn tick(&mut self, at: Instant) {
        if self.ticks_at == Some(at) {
            self.ticks_at = None;
            let watched = self.rooms.iter().filter(|(_, room)| room.ear.is_some()).map(|(account, _)| *account);
            watched.collect::<Vec<_>>().into_iter().for_each(|account| self.pump_maps(account));
        }
    }

    /// What is due of positions; a socket that still has to take earlier ones is passed over.
    fn pump_maps(&mut self, account: AccountId) {
        let now = Instant::now();
        let Some(room) = self.rooms.get(&account) else { return };
        let (mut due, mut next) = (Vec::new(), None);
        for key in &room.seats {
            let Some(seat) = self.seats.get(key) else { continue };
            match seat.session.marks_due_at(&room.marks, now) {
                Some(at) if at <= now && seat.outlet.is_blocked() => {
                    metrics::counter!("muster_stream_ticks_skipped_total").increment(1);
                }
                Some(at) if at <= now => due.push(*key),
                Some(at) => next = Some(next.map_or(at, |next: Instant| next.min(at))),
                None => {}
            }
        }
        if let Some(at) = next {
            self.tick_at(at);
        }
        due.into_iter().for_each(|key| self.pump(key));
    }

    pub(super) fn close(&mut self, key: u64, bye: Bye) {
        let Some(seat) = self.seats.get(&key) else { return };
        if bye == Bye::Slow {
            metrics::counter!("muster_stream_slow_closed_total").increment(1);
        }
        metrics::counter!("muster_stream_closed_total", "reason" => bye.reason()).increment(1);
        seat.outlet.close(bye.frame(return_after_ms(bye)), bye.code(), bye.reason());
        self.leave(key);
    }

    pub(super) fn leave(&mut self, key: u64) {
        let Some(seat) = self.seats.remove(&key) else { return };
        let who = &seat.session.who;
        self.hubs.went(who);
        self.drop_grips(who.account, key, seat.grips);
        self.asked.retain(|_, (of, _)| *of != key);
        let Some(room) = self.rooms.get_mut(&who.account) else { return };
        room.seats.remove(&key);
        if room.seats.is_empty() {
            if let Some(feed) = &room.feed {
                // A feed that is full or gone drops this hub when it next fails to reach it.
                let _ = feed.try_send(Leave { hub: self.id });
            }
            if let Some((ear, _)) = &room.ear {
                ear.wanted.store(false, Ordering::Relaxed);
            }
            self.rooms.remove(&who.account);
        }
    }

    /// Makes sure that the account's feed knows this hub; one that died is replaced.
    fn listen(&mut self, account: AccountId) {
        let Some(room) = self.rooms.get_mut(&account) else { return };
        room.wants_feed = true;
        if room.feed.as_ref().is_some_and(|feed| feed.connected()) {
            return;
        }
        let feed = self.hubs.feeds.get(account);
        let heard = room.tide.map(|tide| tide.upto);
        let join = Join { hub: self.id, to: self.hub.clone().recipient(), heard };
        room.feed = feed.try_send(join).is_ok().then_some(feed);
    }

    pub(super) fn with(&mut self, key: u64, step: impl FnOnce(&mut Session, &mut Out)) {
        let Some(seat) = self.seats.get_mut(&key) else { return };
        let mut out = Out::default();
        step(&mut seat.session, &mut out);
        self.act(key, out);
    }

    fn watch_marks(&mut self, key: u64) {
        let Some(account) = self.seats.get(&key).map(|seat| seat.session.who.account) else { return };
        let Some(room) = self.rooms.get_mut(&account).filter(|room| room.ear.is_none()) else { return };
        let ear = Arc::new(Ear { hub: self.hub.clone(), wanted: true.into() });
        room.ear = Some((ear.clone(), Instant::now()));
        self.hubs.marks.watch(account, ear);
    }

    pub(super) fn on_marks(&mut self, account: AccountId, marks: &Arc<[Mark]>) {
        let Some(room) = self.rooms.get_mut(&account) else { return };
        room.marks.put(marks);
        self.pump_maps(account);
    }

    pub(super) fn on_surveyed(&mut self, account: AccountId, marks: &Arc<[Mark]>) {
        let Some(room) = self.rooms.get_mut(&account) else { return };
        room.marks.replace(marks);
        self.pump_maps(account);
    }

    pub(super) fn keys_of(&self, account: AccountId, of: impl Fn(&Session) -> bool) -> Vec<u64> {
        let seats = self.rooms.get(&account).map(|room| &room.seats);
        let is = |key: &&u64| self.seats.get(key).is_some_and(|seat| of(&seat.session));
        seats.into_iter().flatten().filter(is).copied().collect()
    }

    pub(super) fn on_news(&mut self, news: News) {
        match news {
            News::Joined { account, head } => {
                let tide = self.turn(account, head.epoch, head.seq);
                for key in self.keys_of(account, Session::has_log) {
                    self.with(key, |session, out| session.on_joined(tide, out));
                }
            }
            News::Lost { account, head } => {
                let tide = self.turn(account, head.epoch, head.seq);
                for key in self.keys_of(account, Session::has_log) {
                    self.with(key, |session, out| session.on_lost(tide, out));
                }
            }
            News::Happened { account, entries } => {
                let Some(tide) = self.rooms.get_mut(&account).and_then(|room| room.tide.as_mut()) else { return };
                let news = entries.partition_point(|entry| entry.seq() <= tide.upto);
                tide.upto = entries.last().map_or(tide.upto, |last| last.seq().max(tide.upto));
                // Before anything is passed on: what follows a change of rights is not for the old ones.
                for (user, at) in
                    entries[news..].iter().filter_map(|entry| Some((loses_rights(&entry.entry.fact)?, entry.entry.at)))
                {
                    self.revoke(account, user, at);
                }
                for key in self.keys_of(account, Session::has_log) {
                    let Some(seat) = self.seats.get_mut(&key) else { continue };
                    match seat.session.on_happened(&entries[news..]) {
                        Ok(()) => self.pump(key),
                        Err(_) => self.close(key, Bye::Slow),
                    }
                }
            }
            News::Replayed { account, token, replay } => {
                let tide = self.rooms.get(&account).and_then(|room| room.tide);
                if let (Some((key, sub)), Some(tide)) = (self.asked.remove(&token), tide) {
                    self.with(key, |session, out| session.on_replayed(sub, &replay, tide, out));
                }
            }
        }
    }

    fn turn(&mut self, account: AccountId, epoch: Uuid, upto: i64) -> Tide {
        let tide = Tide { epoch, upto };
        if let Some(room) = self.rooms.get_mut(&account) {
            room.tide = Some(tide);
        }
        tide
    }

    pub(super) fn expel(&mut self, expel: &Expel) {
        let is_meant = |who: &Who| {
            who.session.is_some_and(|session| expel.sessions.contains(&session)) || expel.users.contains(&who.user)
        };
        let out: Vec<u64> =
            self.seats.iter().filter(|(_, seat)| is_meant(&seat.session.who)).map(|(key, _)| *key).collect();
        out.into_iter().for_each(|key| self.close(key, expel.bye));
    }

    /// The user's sockets here hang on rights that he had until `at`.
    fn revoke(&mut self, account: AccountId, user: UserId, at: DateTime<Utc>) {
        for key in self.keys_of(account, |session| session.who.user == user) {
            if self.seats.get(&key).is_some_and(|seat| seat.came_at < at + RIGHTS_SETTLE) {
                self.close(key, Bye::SignedOut);
            }
        }
    }

    pub(super) fn drain(&mut self, spread: Duration) {
        let keys: Vec<u64> = self.seats.keys().copied().collect();
        let steps = (spread.as_millis() / DRAIN_STEP.as_millis()).max(1) as usize;
        let slice = keys.len().div_ceil(steps).max(1);
        let weak = self.weak.clone();
        actix::spawn(async move {
            for keys in keys.chunks(slice) {
                if let Some(desk) = weak.upgrade() {
                    let mut desk = desk.borrow_mut();
                    keys.iter().for_each(|key| desk.close(*key, Bye::Restarting));
                }
                tokio::time::sleep(DRAIN_STEP).await;
            }
        });
    }

    /// One look at every socket: gone, expired, stuck, silent; and a heartbeat for those whose turn it is.
    pub(super) fn sweep(&mut self) {
        let (now, today) = (Instant::now(), Utc::now());
        for key in self.seats.keys().copied().collect::<Vec<_>>() {
            let Some(seat) = self.seats.get_mut(&key) else { continue };
            if seat.outlet.is_gone() {
                self.leave(key);
            } else if seat.session.who.expires_at.is_some_and(|at| at <= today) {
                self.close(key, Bye::SignedOut);
            } else if let Some(bye) = seat.fault(now, &self.hubs.config) {
                self.close(key, bye);
            } else if now >= seat.beat_at + self.hubs.config.heartbeat {
                (seat.beat_at, seat.asked_at) = (now, Some(now));
                if !seat.outlet.is_blocked() {
                    let heartbeat = seat.session.heartbeat();
                    seat.outlet.ping();
                    self.say(key, heartbeat);
                }
            }
        }
        self.expire_holds(now);
        self.mend(now);
        self.hubs.waits(self.id, self.seats.values().map(|seat| seat.outlet.waiting_bytes()).sum());
    }

    /// Feeds that died are replaced, radars asked again.
    fn mend(&mut self, now: Instant) {
        let accounts: Vec<AccountId> = self.rooms.keys().copied().collect();
        for account in accounts {
            let Some(room) = self.rooms.get_mut(&account) else { continue };
            if let Some((ear, asked)) = &mut room.ear
                && now >= *asked + RESURVEY
            {
                *asked = now;
                self.hubs.marks.watch(account, ear.clone());
            }
            if room.wants_feed {
                self.listen(account);
            }
        }
    }
}

/// How long a client is asked to stay away. When all are sent away together, each gets a time of its own.
fn return_after_ms(bye: Bye) -> u64 {
    let chance = Uuid::new_v4().as_u128() as u64;
    match bye {
        Bye::Restarting | Bye::Trouble => chance % RETURN_SPREAD_MS,
        _ => RETURN_MS + chance % RETURN_MS,
    }
}

/// Whose sign-ins end with this fact: his role or his place in the account is another now.
fn loses_rights(fact: &Fact) -> Option<UserId> {
    match fact {
        Fact::Record(fact) => match fact.verb {
            RecordVerb::UserDeactivated => Some(UserId(fact.id)),
            RecordVerb::UserUpdated if fact.changed.iter().any(|name| name == "role") => Some(UserId(fact.id)),
            _ => None,
        },
        Fact::Worker(fact) if fact.verb == WorkerVerb::Deactivated => Some(fact.worker.id.into()),
        Fact::Worker(_) | Fact::Visit(_) | Fact::Job(_) | Fact::TimeOff(_) => None,
    }
}

impl Seat {
    fn may_speak(&mut self, now: Instant) -> bool {
        let (left, since) = self.allowance;
        let left = (left + now.duration_since(since).as_secs_f64() * FRAMES_PER_S).min(FRAMES_BURST);
        self.allowance = ((left - 1.0).max(0.0), now);
        left >= 1.0
    }

    fn fault(&mut self, now: Instant, config: &super::HubConfig) -> Option<Bye> {
        if self.outlet.take_heard() {
            self.asked_at = None;
        }
        let passed = self.outlet.passed_bytes();
        self.stuck = match self.stuck {
            _ if !self.outlet.is_blocked() => None,
            Some((before, since)) if before == passed => Some((before, since)),
            _ => Some((passed, now)),
        };
        if self.stuck.is_some_and(|(_, since)| now >= since + config.stalled_after) {
            return Some(Bye::Slow);
        }
        self.asked_at.is_some_and(|asked| now >= asked + config.dead_after).then_some(Bye::Silent)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.hubs.waits(self.id, 0);
        for seat in self.seats.values() {
            seat.outlet.close(
                Bye::Trouble.frame(return_after_ms(Bye::Trouble)),
                Bye::Trouble.code(),
                Bye::Trouble.reason(),
            );
            self.hubs.went(&seat.session.who);
        }
        for room in self.rooms.values() {
            if let Some((ear, _)) = &room.ear {
                ear.wanted.store(false, Ordering::Relaxed);
            }
        }
    }
}
