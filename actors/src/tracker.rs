//! One worker's tracker: judges his points, keeps their order, tells the radar and hands them to the log. It never
//! waits: whether the points are durable is for the caller to await.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message};
use chrono::Utc;
use muster_domain::ids::{AccountId, WorkerId};
use muster_domain::live::{Accepted, PhoneClock, Point, Refusal, TrackState, Trouble, Use, judge};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use uuid::Uuid;

use crate::fences::AccountFences;
use crate::ports::{Later, TrackLog, TrackPoint, Unavailable};
use crate::radar::{Moved, Radar};
use crate::roster::Roster;

/// Reports that may wait for one worker; a phone sends one and waits for its answer.
pub const TRACKER_MAILBOX: usize = 64;

/// Phones of one worker whose clocks are known at once; he has one or two.
const MAX_PHONES: usize = 4;

/// What a phone sent at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Sending {
    /// Tells the phones of one worker apart.
    pub phone: Uuid,
    /// What it says is wrong with it; `None`: nothing, as far as it knows.
    pub trouble: Option<Trouble>,
    pub points: Vec<Point>,
}

/// One batch from a phone.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Report {
    pub sending: Sending,
    pub reply: oneshot::Sender<Result<Receipt, Declined>>,
}

/// What became of a batch. Nothing may be acknowledged before `flushed` says so.
pub struct Receipt {
    /// One per point, in the order of the report.
    pub verdicts: Vec<Result<(), Refusal>>,
    /// One per point taken: was it new?
    pub flushed: Later<Result<Vec<bool>, Unavailable>>,
}

/// Why a whole batch was not taken; nothing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declined {
    /// The log's queue is full: the phone keeps its points and comes back.
    Full,
    /// Not on the roster, or inactive: his positions are nobody's business.
    NotActive,
}

pub struct Tracker {
    account: AccountId,
    worker: WorkerId,
    roster: watch::Receiver<Arc<Roster>>,
    radar: Addr<Radar>,
    log: Arc<dyn TrackLog>,
    fences: Arc<AccountFences>,
    idle_after: Duration,
    state: TrackState,
    /// The last used phone first.
    clocks: Vec<(Uuid, PhoneClock)>,
    last_used: Instant,
}

impl Tracker {
    pub fn new(
        account: AccountId,
        worker: WorkerId,
        roster: watch::Receiver<Arc<Roster>>,
        radar: Addr<Radar>,
        log: Arc<dyn TrackLog>,
        fences: Arc<AccountFences>,
        idle_after: Duration,
    ) -> Self {
        let (state, last_used) = (TrackState::default(), Instant::now());
        Self { account, worker, roster, radar, log, fences, idle_after, state, clocks: Vec::new(), last_used }
    }

    fn take(&mut self, sending: Sending) -> Result<Receipt, Declined> {
        let now = Utc::now();
        let roster = self.roster.borrow().clone();
        let entry = roster.workers.get(&self.worker).filter(|entry| entry.worker.active);
        let worker = &entry.ok_or(Declined::NotActive)?.worker;
        let Sending { phone, mut trouble, mut points } = sending;
        let clock = clock_of(&mut self.clocks, phone, &points);
        let ahead_ms = clock.ahead_ms();
        points.iter_mut().for_each(|point| point.ahead_ms = ahead_ms);
        let verdicts: Vec<Result<(), Refusal>> = points.iter().map(|point| judge(point, worker, now)).collect();
        if clock.is_wrong() || verdicts.contains(&Err(Refusal::Future)) {
            trouble = trouble.or(Some(Trouble::ClockWrong));
        }
        count_refusals(&verdicts);
        if !worker.tracking_consent {
            (self.state, self.clocks) = (TrackState::default(), Vec::new());
            self.fences.forget(self.worker);
            return Ok(nothing_taken(verdicts));
        }
        let taken = points.into_iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_ok()).map(|(point, _)| point);
        let taken: Vec<Point> = taken.collect();
        if taken.is_empty() {
            if trouble.is_some() && worker.is_on_shift(now) {
                self.state.hear(now);
                self.state.note_trouble(trouble);
                self.tell(None);
            }
            return Ok(nothing_taken(verdicts));
        }
        let flushed = self.keep(taken, trouble)?;
        Ok(Receipt { verdicts, flushed })
    }

    /// Everything true or not goes to the track; what it says of where he is, to the radar.
    fn keep(
        &mut self,
        taken: Vec<Point>,
        trouble: Option<Trouble>,
    ) -> Result<Later<Result<Vec<bool>, Unavailable>>, Declined> {
        let mut next = self.state.clone();
        let before = next.latest().map(|shown| (shown.order(), shown.place));
        let mut uses = Vec::with_capacity(taken.len());
        let mut places = Vec::new();
        for point in &taken {
            let meant = next.accept(point);
            if meant != Accepted::Duplicate {
                uses.push(next.judged());
            }
            if meant == Accepted::Moved {
                places.extend(next.latest().cloned());
            }
        }
        next.note_trouble(trouble);
        let shown = next.latest().cloned();
        // Also when it is repeated: the flush that should have stored it may have failed.
        let is_shown = |point: &Point| shown.as_ref().filter(|shown| (shown.at, shown.id) == (point.at, point.id));
        let owned = |point: &Point| TrackPoint {
            account: self.account,
            worker: self.worker,
            shown: is_shown(point).map(|shown| shown.place),
            point: point.clone(),
        };
        let flushed = self.log.append(taken.iter().map(owned).collect()).map_err(|_| Declined::Full)?;
        self.state = next;
        count_uses(&uses);
        places.iter().for_each(|point| self.fences.saw(self.worker, point));
        self.tell(shown.filter(|shown| Some((shown.order(), shown.place)) != before));
        Ok(flushed)
    }

    fn tell(&self, point: Option<Point>) {
        let moved = Moved { worker: self.worker, point, standing: self.state.standing() };
        if self.radar.try_send(moved).is_err() {
            metrics::counter!("muster_radar_refused_total").increment(1);
        }
    }
}

fn nothing_taken(verdicts: Vec<Result<(), Refusal>>) -> Receipt {
    Receipt { verdicts, flushed: Box::pin(std::future::ready(Ok(Vec::new()))) }
}

/// The clock of the phone that sent these, which says so with them.
fn clock_of<'a>(clocks: &'a mut Vec<(Uuid, PhoneClock)>, phone: Uuid, points: &[Point]) -> &'a PhoneClock {
    let held = clocks.iter().position(|(known, _)| *known == phone).map(|index| clocks.remove(index));
    let (_, mut clock) = held.unwrap_or_else(|| (phone, PhoneClock::default()));
    let sent = points.iter().filter_map(|point| Some((point.sent_at?, point.received_at))).max();
    if let Some((sent_at, received_at)) = sent {
        clock.note(sent_at, received_at);
        metrics::histogram!("muster_clock_skew_seconds").record(f64::from(clock.ahead_ms().abs()) / 1_000.0);
    }
    clocks.truncate(MAX_PHONES - 1);
    clocks.insert(0, (phone, clock));
    &clocks[0].1
}

/// By each flag, and those without any.
fn count_uses(uses: &[Use]) {
    for one in uses {
        let mut flags = one.flags().peekable();
        if flags.peek().is_none() {
            metrics::counter!("muster_positions_total", "flag" => "none").increment(1);
        }
        flags.for_each(|flag| metrics::counter!("muster_positions_total", "flag" => flag).increment(1));
    }
}

fn count_refusals(verdicts: &[Result<(), Refusal>]) {
    for refusal in Refusal::ALL {
        let count = verdicts.iter().filter(|verdict| **verdict == Err(refusal)).count();
        if count > 0 {
            metrics::counter!("muster_positions_refused_total", "code" => refusal.code()).increment(count as u64);
        }
    }
}

impl Actor for Tracker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(TRACKER_MAILBOX);
        ctx.run_interval(self.idle_after, |tracker, ctx| {
            if tracker.last_used.elapsed() >= tracker.idle_after {
                ctx.stop();
            }
        });
    }
}

impl Handler<Report> for Tracker {
    type Result = ();

    fn handle(&mut self, msg: Report, _: &mut Self::Context) {
        self.last_used = Instant::now();
        // The points are kept or refused whether or not the caller still waits.
        let _ = msg.reply.send(self.take(msg.sending));
    }
}
