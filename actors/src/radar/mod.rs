//! The account's radar: where everybody is, told to whoever watches: at once when it was quiet, else
//! once per tick. Volatile: it begins with the last
//! known positions and stores nothing.

mod index;
mod scene;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message, SpawnHandle, WrapFuture};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use muster_domain::Place;
use muster_domain::ids::{AccountId, WorkerId};
use muster_domain::live::{Point, Standing};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

pub use index::Bounds;
pub use scene::{LivePosition, Near, Scene, Wanted};

use crate::ports::{LastKnown, TrackPoint};
use crate::roster::Roster;

/// Messages that may wait for a radar; a movement beyond is lost, as live positions may be.
pub const RADAR_MAILBOX: usize = 16_384;
/// How long the start waits for the last known positions before going on without them.
const LOAD_PATIENCE: Duration = Duration::from_secs(3);
const LOAD_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// A worker as the map shows him. `json` is encoded once and shared by every socket: `{"id","lat","lng","headingDeg",
/// "speedMps","accuracyM","batteryPct","at","presence","reason","onShift","available","visitStatus"}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    pub worker: WorkerId,
    pub place: Place,
    pub online: bool,
    pub json: Bytes,
}

impl Mark {
    /// Takes a worker off every map.
    pub fn removal(worker: WorkerId) -> Self {
        Self { worker, place: Place { lat: 0.0, lng: 0.0 }, online: false, json: Bytes::new() }
    }

    pub fn is_removal(&self) -> bool {
        self.json.is_empty()
    }
}

/// Somebody who shows marks to sockets. Called on the radar's thread: it must not block.
pub trait MarkSink: Send + Sync {
    /// `false`: the sink is gone and is not told again.
    fn marks(&self, account: AccountId, marks: &Arc<[Mark]>) -> bool;
    /// The answer to a `Survey`.
    fn surveyed(&self, account: AccountId, token: u64, marks: Arc<[Mark]>);
}

/// From now on the sink gets every tick's marks.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Watch {
    pub sink: Arc<dyn MarkSink>,
}

#[derive(Message)]
#[rtype(result = "()")]
pub struct Unwatch {
    pub sink: Arc<dyn MarkSink>,
}

/// All marks known now. Watch first, then survey: nothing falls between.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Survey {
    pub token: u64,
    pub sink: Arc<dyn MarkSink>,
}

/// A tracker took points: where the worker is shown now, if they moved him, and what is known of his phone.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Moved {
    pub worker: WorkerId,
    pub point: Option<Point>,
    pub standing: Standing,
}

#[derive(Message)]
#[rtype(result = "()")]
pub struct Nearest {
    pub wanted: Wanted,
    pub reply: oneshot::Sender<Vec<Near>>,
}

/// The marks inside a box.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Viewport {
    pub bounds: Bounds,
    pub reply: oneshot::Sender<Vec<Mark>>,
}

/// Live attributes of these workers, or of the whole roster.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Positions {
    pub of: Option<Vec<WorkerId>>,
    pub reply: oneshot::Sender<BTreeMap<WorkerId, LivePosition>>,
}

/// Another board took over: follow its roster.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Follow {
    pub roster: watch::Receiver<Arc<Roster>>,
}

pub struct Radar {
    account: AccountId,
    roster: watch::Receiver<Arc<Roster>>,
    known: Arc<dyn LastKnown>,
    tick: Duration,
    scene: Scene,
    sinks: Vec<Arc<dyn MarkSink>>,
    last_tick: Option<Instant>,
    /// When the next tick is due.
    tick_at: Option<(Instant, SpawnHandle)>,
    alarm: Option<(DateTime<Utc>, SpawnHandle)>,
    following: Option<SpawnHandle>,
}

impl Radar {
    pub fn new(
        account: AccountId,
        roster: watch::Receiver<Arc<Roster>>,
        known: Arc<dyn LastKnown>,
        tick: Duration,
    ) -> Self {
        Self {
            account,
            roster,
            known,
            tick,
            scene: Scene::default(),
            sinks: Vec::new(),
            last_tick: None,
            tick_at: None,
            alarm: None,
            following: None,
        }
    }

    fn load(&mut self, ctx: &mut Context<Self>) {
        let asked = tokio::time::timeout(LOAD_PATIENCE, self.known.last_known(self.account));
        let loaded = asked.into_actor(self).map(|answer, radar, ctx| match answer {
            Ok(Ok(points)) => radar.remember(points, ctx),
            Ok(Err(_)) | Err(_) => {
                tracing::warn!(account = %radar.account, "last known positions are not to be had yet");
                ctx.run_later(LOAD_AGAIN_AFTER, |radar, ctx| radar.load(ctx));
            }
        });
        ctx.wait(loaded);
    }

    fn remember(&mut self, points: Vec<TrackPoint>, ctx: &mut Context<Self>) {
        let now = Utc::now();
        for TrackPoint { worker, point, .. } in points {
            self.scene.remember(worker, point, now);
        }
        self.settle(ctx);
    }

    fn follow(&mut self, ctx: &mut Context<Self>) {
        if let Some(following) = self.following.take() {
            ctx.cancel_future(following);
        }
        let roster = self.roster.borrow_and_update().clone();
        self.scene.enroll(roster, Utc::now());
        self.settle(ctx);
        let mut roster = self.roster.clone();
        let changed = async move { roster.changed().await.is_ok() };
        self.following = Some(ctx.spawn(changed.into_actor(self).map(|changed, radar, ctx| {
            radar.following = None;
            if changed {
                radar.follow(ctx);
            }
        })));
    }

    /// After every change: show it at the next tick, or at once after a quiet spell, and set the alarm.
    fn settle(&mut self, ctx: &mut Context<Self>) {
        if self.scene.has_changes() {
            let now = Instant::now();
            match self.tick_at {
                // While messages keep coming, timers do not get their turn.
                Some((at, timer)) if now > at + self.tick => {
                    ctx.cancel_future(timer);
                    self.show();
                }
                Some(_) => {}
                None => {
                    let at = self.last_tick.map_or(now, |last| now.max(last + self.tick));
                    let timer = ctx.run_later(at - now, |radar, _| radar.show());
                    self.tick_at = Some((at, timer));
                }
            }
        }
        let Some(at) = self.scene.wakes_at() else { return };
        if self.alarm.is_some_and(|(held, _)| held <= at) {
            return;
        }
        if let Some((_, handle)) = self.alarm.take() {
            ctx.cancel_future(handle);
        }
        let wait = (at - Utc::now()).to_std().unwrap_or(Duration::ZERO);
        let handle = ctx.run_later(wait, |radar, ctx| {
            radar.alarm = None;
            radar.scene.wake(Utc::now());
            radar.settle(ctx);
        });
        self.alarm = Some((at, handle));
    }

    fn show(&mut self) {
        self.tick_at = None;
        self.last_tick = Some(Instant::now());
        let marks: Arc<[Mark]> = self.scene.take_changes(Utc::now()).into();
        if marks.is_empty() {
            return;
        }
        let account = self.account;
        self.sinks.retain(|sink| sink.marks(account, &marks));
    }

    fn is_watching(&self, sink: &Arc<dyn MarkSink>) -> bool {
        self.sinks.iter().any(|held| Arc::ptr_eq(held, sink))
    }
}

impl Actor for Radar {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(RADAR_MAILBOX);
        self.follow(ctx);
        self.load(ctx);
    }
}

impl Handler<Watch> for Radar {
    type Result = ();

    fn handle(&mut self, msg: Watch, _: &mut Self::Context) {
        if !self.is_watching(&msg.sink) {
            self.sinks.push(msg.sink);
        }
    }
}

impl Handler<Unwatch> for Radar {
    type Result = ();

    fn handle(&mut self, msg: Unwatch, _: &mut Self::Context) {
        self.sinks.retain(|held| !Arc::ptr_eq(held, &msg.sink));
    }
}

impl Handler<Survey> for Radar {
    type Result = ();

    fn handle(&mut self, msg: Survey, _: &mut Self::Context) {
        msg.sink.surveyed(self.account, msg.token, self.scene.marks(Utc::now()).into());
    }
}

impl Handler<Moved> for Radar {
    type Result = ();

    fn handle(&mut self, msg: Moved, ctx: &mut Self::Context) {
        self.scene.accept(msg.worker, msg.point, msg.standing, Utc::now());
        self.settle(ctx);
    }
}

impl Handler<Nearest> for Radar {
    type Result = ();

    fn handle(&mut self, msg: Nearest, _: &mut Self::Context) {
        // Whoever asked may have gone: then nobody wants the answer.
        let _ = msg.reply.send(self.scene.nearest(&msg.wanted, Utc::now()));
    }
}

impl Handler<Viewport> for Radar {
    type Result = ();

    fn handle(&mut self, msg: Viewport, _: &mut Self::Context) {
        let _ = msg.reply.send(self.scene.within(&msg.bounds, Utc::now()));
    }
}

impl Handler<Positions> for Radar {
    type Result = ();

    fn handle(&mut self, msg: Positions, _: &mut Self::Context) {
        let _ = msg.reply.send(self.scene.positions(msg.of.as_deref(), Utc::now()));
    }
}

impl Handler<Follow> for Radar {
    type Result = ();

    fn handle(&mut self, msg: Follow, ctx: &mut Self::Context) {
        self.roster = msg.roster;
        self.follow(ctx);
    }
}

/// Ends the radar, as at the server's drain; the next use of the account starts another.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Rest;

impl Handler<Rest> for Radar {
    type Result = ();

    fn handle(&mut self, _: Rest, ctx: &mut Self::Context) {
        ctx.stop();
    }
}
