//! The hub: one actor per server thread that owns the thread's sockets and passes on to them what feeds and radars
//! tell it. It sees no socket, only an `Outlet`, and awaits nobody: questions go out, answers are told.

mod desk;
mod ear;
mod errands;
pub mod frames;
mod holds;
mod hubs;
mod log;
mod map;
mod session;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, AsyncContext, Context, Handler, Message};
use bytes::Bytes;
use muster_domain::TimeWindow;
use muster_domain::ids::{AccountId, SessionId, UserId, WorkerId};

use desk::Desk;
pub use ear::Radars;
pub use frames::{Bye, Fault};
pub use hubs::{Here, Hubs};
pub use log::{Picture, cursor_epoch};
pub use session::{MAX_SUBSCRIPTIONS, Who};

use crate::feed::News;
use crate::ports::{Later, Unavailable};
use crate::radar::{Mark, MarkSink};

/// Messages from feeds and radars that may wait; a full hub is tried again by the feed, and skips positions.
const MAILBOX: usize = 4_096;

/// A socket as the hub sees it. All calls return at once and none calls back.
pub trait Outlet {
    /// Passes a text on as one message; what the socket does not take now waits in the outlet.
    fn send(&self, text: Bytes) -> Sent;
    fn ping(&self);
    /// Something of an earlier message has not left yet. When it has, the owner calls `Here::drained`.
    fn is_blocked(&self) -> bool;
    fn waiting_bytes(&self) -> usize;
    /// Bytes that left so far.
    fn passed_bytes(&self) -> u64;
    /// Did anything come in since the last time this was asked?
    fn take_heard(&self) -> bool;
    fn is_gone(&self) -> bool;
    /// Throws away what waits, says `last`, and closes.
    fn close(&self, last: Bytes, code: u16, reason: &'static str);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    Done,
    Blocked,
    Gone,
}

/// Where the schedule's snapshots come from.
pub trait ScheduleSource: Send + Sync + 'static {
    /// The visits on the schedule of `range`, those of `viewer` alone if he is given, and as of which entry.
    fn visits(
        &self,
        account: AccountId,
        range: TimeWindow,
        viewer: Option<WorkerId>,
    ) -> Later<Result<Picture, Unavailable>>;
}

/// The way to an account's radar.
pub trait MarkSource: Send + Sync + 'static {
    /// From now on every change goes to `sink`, until it answers false; and everything known is told to it once. May be
    /// asked again with the same sink, in case something was missed or the radar was replaced.
    fn watch(&self, account: AccountId, sink: Arc<dyn MarkSink>);
}

/// Positions that come over a socket take the same way as those that come by HTTP.
pub trait Uplink: Send + Sync + 'static {
    /// `frame` is the JSON object as it came; the answer is the `accepted` frame.
    fn positions(&self, who: Who, frame: String) -> Later<Result<Bytes, Fault>>;
}

/// What people are called.
pub trait Names: Send + Sync + 'static {
    fn name(&self, account: AccountId, user: UserId) -> Later<Result<String, Unavailable>>;
}

/// Who knows which sign-ins still hold.
pub trait Doorman: Send + Sync + 'static {
    /// Those of the given sessions that have ended.
    fn ended(&self, sessions: Vec<(AccountId, SessionId)>) -> Later<Result<Vec<SessionId>, Unavailable>>;
}

#[derive(Clone, Copy, Debug)]
pub struct HubConfig {
    pub heartbeat: Duration,
    /// Silent for this long after a heartbeat: closed.
    pub dead_after: Duration,
    pub sweep: Duration,
    /// A socket that takes nothing for this long is closed as slow.
    pub stalled_after: Duration,
    /// Frames that wait in an outlet, in bytes; more, and the socket is closed as slow.
    pub waiting_max_bytes: usize,
    pub max_frame_bytes: usize,
    pub max_sockets: usize,
    /// How often the doorman is asked.
    pub doorman: Duration,
    /// Positions are looked at no more often than this; what each socket is told depends on its own ticks.
    pub tick: Duration,
}

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(25),
            dead_after: Duration::from_secs(10),
            sweep: Duration::from_secs(1),
            stalled_after: Duration::from_secs(8),
            waiting_max_bytes: 256 * 1024,
            max_frame_bytes: 64 * 1024,
            max_sockets: 20_000,
            doorman: Duration::from_millis(500),
            tick: Duration::from_millis(25),
        }
    }
}

/// Closes the sockets of these sign-ins and users.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct Expel {
    pub sessions: Arc<[SessionId]>,
    pub users: Arc<[UserId]>,
    pub bye: Bye,
}

/// Sends everybody away, a few at a time over `spread`.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub(crate) struct Drain {
    pub spread: Duration,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Marked {
    account: AccountId,
    marks: Arc<[Mark]>,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Surveyed {
    account: AccountId,
    marks: Arc<[Mark]>,
}

/// The actor holds the only strong reference to the thread's sockets: if it dies, they are closed with it.
pub struct Hub {
    desk: Rc<RefCell<Desk>>,
    sweep: Duration,
}

impl Actor for Hub {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        ctx.run_interval(self.sweep, |hub, _| hub.desk.borrow_mut().sweep());
    }
}

impl Handler<News> for Hub {
    type Result = ();
    fn handle(&mut self, news: News, _: &mut Self::Context) {
        self.desk.borrow_mut().on_news(news);
    }
}

impl Handler<Marked> for Hub {
    type Result = ();
    fn handle(&mut self, marked: Marked, _: &mut Self::Context) {
        self.desk.borrow_mut().on_marks(marked.account, &marked.marks);
    }
}

impl Handler<Surveyed> for Hub {
    type Result = ();
    fn handle(&mut self, surveyed: Surveyed, _: &mut Self::Context) {
        self.desk.borrow_mut().on_surveyed(surveyed.account, &surveyed.marks);
    }
}

impl Handler<holds::Held> for Hub {
    type Result = ();
    fn handle(&mut self, held: holds::Held, _: &mut Self::Context) {
        self.desk.borrow_mut().on_held(&held);
    }
}

impl Handler<Expel> for Hub {
    type Result = ();
    fn handle(&mut self, expel: Expel, _: &mut Self::Context) {
        self.desk.borrow_mut().expel(&expel);
    }
}

impl Handler<Drain> for Hub {
    type Result = ();
    fn handle(&mut self, drain: Drain, _: &mut Self::Context) {
        self.desk.borrow_mut().drain(drain.spread);
    }
}

#[cfg(test)]
mod tests;
