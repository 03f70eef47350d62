//! One worker's tracker: judges his points, keeps their order, tells the radar and hands them to the log. It never
//! waits: whether the points are durable is for the caller to await.

use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Message};
use chrono::Utc;
use muster_domain::ids::{AccountId, WorkerId};
use muster_domain::live::{Accepted, Point, Refusal, TrackState, judge};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use crate::fences::AccountFences;
use crate::ports::{Later, TrackLog, TrackPoint, Unavailable};
use crate::radar::{Moved, Radar};
use crate::roster::Roster;

/// Reports that may wait for one worker; a phone sends one and waits for its answer.
pub const TRACKER_MAILBOX: usize = 64;

/// One batch from a phone.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Report {
    pub points: Vec<Point>,
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
        Self { account, worker, roster, radar, log, fences, idle_after, state, last_used }
    }

    fn take(&mut self, points: Vec<Point>) -> Result<Receipt, Declined> {
        let now = Utc::now();
        let roster = self.roster.borrow().clone();
        let entry = roster.workers.get(&self.worker).filter(|entry| entry.worker.active);
        let worker = &entry.ok_or(Declined::NotActive)?.worker;
        let verdicts: Vec<Result<(), Refusal>> = points.iter().map(|point| judge(point, worker, now)).collect();
        let taken = points.into_iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_ok()).map(|(point, _)| point);
        let taken: Vec<Point> = taken.collect();
        let Some(heard_at) = taken.iter().map(|point| point.received_at).max() else {
            return Ok(Receipt { verdicts, flushed: Box::pin(std::future::ready(Ok(Vec::new()))) });
        };
        let owned = |point: &Point| TrackPoint { account: self.account, worker: self.worker, point: point.clone() };
        let flushed = self.log.append(taken.iter().map(owned).collect()).map_err(|_| Declined::Full)?;
        let mut newest = None;
        for point in taken {
            if self.state.accept(point.clone()) == Accepted::Moved {
                self.fences.saw(self.worker, &point);
                newest = Some(point);
            }
        }
        let moved = Moved { worker: self.worker, point: newest, heard_at };
        if self.radar.try_send(moved).is_err() {
            metrics::counter!("muster_radar_refused_total").increment(1);
        }
        Ok(Receipt { verdicts, flushed })
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
        let _ = msg.reply.send(self.take(msg.points));
    }
}
