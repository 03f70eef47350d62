//! One account's journal on its way to this server's sockets: each hub hears every entry once, in order, without a gap.
//! What other servers wrote is noticed by a poll and read from the table. It decides nothing about who may see what.

mod feeds;
mod ring;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use actix::dev::SendError;
use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, Message, Recipient, WrapFuture};
use muster_domain::ids::AccountId;
use uuid::Uuid;

pub use feeds::{FeedConfig, Feeds};
pub use ring::{Delivered, Held, RING, Ring};

use crate::ports::{Entry, Head, Journal, Unavailable, Wire};

/// Entries read from the table at once.
const PAGE: usize = 500;
/// A resume that would repeat more than this is told to load afresh: cheaper for both.
pub const REPLAY_MAX: usize = 4_000;
/// A new feed reads this much of the past, so that the resumes of a restart find it in memory.
const PRELOAD: i64 = 256;
/// Two lanes on one server announce in any order; this long a gap is left to close by itself.
const GAP_PATIENCE: Duration = Duration::from_millis(15);
const RETRY: Duration = Duration::from_millis(500);
/// A hub whose mailbox was full is tried again after this.
const NUDGE: Duration = Duration::from_millis(50);
/// Resumes that may wait for the table, and how many of them read it at once.
const REPLAYS_WAITING: usize = 1_024;
const REPLAYS_AT_ONCE: usize = 4;
const MAILBOX: usize = 1_024;
/// Without a hub that listens, a feed ends after this.
const IDLE: Duration = Duration::from_secs(60);

/// What a hub hears from a feed.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub enum News {
    /// From here on, everything after `head.seq` follows.
    Joined {
        account: AccountId,
        head: Head,
    },
    Happened {
        account: AccountId,
        entries: Arc<[Arc<Delivered>]>,
    },
    Replayed {
        account: AccountId,
        token: u64,
        replay: Replay,
    },
    /// What the hub had cannot be continued: whoever watches must load afresh.
    Lost {
        account: AccountId,
        head: Head,
    },
}

#[derive(Clone, Debug)]
pub enum Replay {
    /// Everything after the cursor up to `upto`.
    Events {
        entries: Vec<Arc<Delivered>>,
        upto: i64,
    },
    TooOld,
    Unavailable,
}

/// Entries that were committed on this server, in any order.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Committed(pub Vec<Entry>);

/// The end of the journal as the poller saw it.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Noticed(pub Head);

/// Joins again after a feed was replaced by saying up to where it heard.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Join {
    pub hub: u64,
    pub to: Recipient<News>,
    pub heard: Option<i64>,
}

#[derive(Message)]
#[rtype(result = "()")]
pub struct Leave {
    pub hub: u64,
}

/// Asks for the entries after a cursor; the answer is told as `Replayed`.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub struct Since {
    pub token: u64,
    pub after: i64,
    pub to: Recipient<News>,
}

struct Listener {
    to: Recipient<News>,
    /// Up to where it heard; `None` until it was told where it begins.
    heard: Option<i64>,
    lost: bool,
}

pub struct Feed {
    account: AccountId,
    journal: Arc<dyn Journal>,
    wire: Arc<dyn Wire>,
    feeds: Weak<Feeds>,
    epoch: Uuid,
    /// `None` until the journal's end is known.
    ring: Option<Ring>,
    /// The highest number heard of while the journal's end was not known yet.
    rumour: i64,
    settled: bool,
    listeners: BTreeMap<u64, Listener>,
    replays: VecDeque<Since>,
    reading: usize,
    filling: bool,
    nudging: bool,
}

impl Actor for Feed {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.find_end(ctx);
        ctx.run_interval(IDLE, |feed, ctx| {
            if feed.listeners.is_empty() && feed.replays.is_empty() {
                ctx.stop();
            }
        });
    }
}

impl Feed {
    fn new(account: AccountId, feeds: &Arc<Feeds>) -> Self {
        Self {
            account,
            journal: feeds.journal.clone(),
            wire: feeds.wire.clone(),
            feeds: Arc::downgrade(feeds),
            epoch: Uuid::nil(),
            ring: None,
            rumour: 0,
            settled: false,
            listeners: BTreeMap::new(),
            replays: VecDeque::new(),
            reading: 0,
            filling: false,
            nudging: false,
        }
    }

    fn head(&self) -> Option<Head> {
        self.ring.as_ref().map(|ring| Head { seq: ring.last(), board_seq: ring.last(), epoch: self.epoch })
    }

    fn find_end(&mut self, ctx: &mut Context<Self>) {
        let head = self.journal.head(self.account).into_actor(self).map(|found, feed, ctx| match found {
            Ok(head) => {
                feed.begin(head, (head.seq - PRELOAD).max(0));
                feed.fill(ctx);
            }
            Err(Unavailable) => {
                ctx.run_later(RETRY, Feed::find_end);
            }
        });
        ctx.spawn(head);
    }

    fn begin(&mut self, head: Head, from: i64) {
        let mut ring = Ring::new(from);
        ring.hear_of(head.seq.max(std::mem::take(&mut self.rumour)));
        self.epoch = head.epoch;
        self.ring = Some(ring);
        self.settled = false;
    }

    fn encode(&self, entries: Vec<Entry>) -> Vec<Arc<Delivered>> {
        entries.into_iter().map(|entry| Delivered::new(entry, &*self.wire)).collect()
    }

    /// Reads what is missing, page by page, until nothing is; then passes on what there is.
    fn fill(&mut self, ctx: &mut Context<Self>) {
        let Some(ring) = self.ring.as_ref().filter(|_| !self.filling) else { return };
        if !ring.has_gap() {
            self.settled = true;
            return self.pass_on(ctx);
        }
        self.filling = true;
        let after = ring.last();
        let read = self.journal.after(self.account, after, PAGE).into_actor(self).map(move |read, feed, ctx| {
            feed.filling = false;
            feed.filled(after, read, ctx);
        });
        ctx.spawn(read);
    }

    fn filled(&mut self, after: i64, read: Result<Option<Vec<Entry>>, Unavailable>, ctx: &mut Context<Self>) {
        let entries = match read {
            Ok(Some(entries)) => entries,
            Ok(None) => {
                self.lose();
                self.ring = None;
                return self.find_end(ctx);
            }
            Err(Unavailable) => {
                ctx.run_later(RETRY, Feed::fill);
                return;
            }
        };
        let full = entries.len() >= PAGE;
        let entries = self.encode(entries);
        let Some(ring) = &mut self.ring else { return };
        if ring.take(entries) {
            metrics::counter!("muster_feed_gaps_filled_total").increment(1);
        } else if ring.last() == after && !full {
            ring.trust_the_table();
            if ring.has_gap() {
                ctx.run_later(RETRY, Feed::fill);
                return;
            }
        }
        self.fill(ctx);
        if self.settled {
            self.pass_on(ctx);
        }
    }

    /// Nothing that was told before can be continued.
    fn lose(&mut self) {
        for listener in self.listeners.values_mut() {
            listener.lost |= listener.heard.is_some();
        }
    }

    fn heard_of(&mut self, ctx: &mut Context<Self>) {
        let gap = self.ring.as_ref().is_some_and(Ring::has_gap);
        if gap && !self.filling {
            ctx.run_later(GAP_PATIENCE, Feed::fill);
        }
        if self.settled {
            self.pass_on(ctx);
        }
    }

    /// Brings every listener up to the ring's end. One that is busy is tried again, one that is gone is forgotten.
    fn pass_on(&mut self, ctx: &mut Context<Self>) {
        let (Some(ring), Some(head)) = (&self.ring, self.head()) else { return };
        let account = self.account;
        let mut shared: Option<(i64, Arc<[Arc<Delivered>]>)> = None;
        let mut busy = false;
        self.listeners.retain(|_, listener| {
            let news = match listener.heard {
                None => News::Joined { account, head },
                Some(_) if listener.lost => News::Lost { account, head },
                Some(heard) if heard == ring.last() => return true,
                Some(heard) => match (&shared, ring.after(heard)) {
                    (Some((from, entries)), _) if *from == heard => {
                        News::Happened { account, entries: entries.clone() }
                    }
                    (_, Held::Here(entries)) => {
                        let entries: Arc<[Arc<Delivered>]> = entries.into();
                        shared = Some((heard, entries.clone()));
                        News::Happened { account, entries }
                    }
                    (_, Held::Older | Held::Ahead) => News::Lost { account, head },
                },
            };
            match listener.to.try_send(news) {
                Ok(()) => (listener.heard, listener.lost) = (Some(ring.last()), false),
                Err(SendError::Full(_)) => busy = true,
                Err(SendError::Closed(_)) => return false,
            }
            true
        });
        if busy && !self.nudging {
            self.nudging = true;
            ctx.run_later(NUDGE, |feed, ctx| {
                feed.nudging = false;
                feed.pass_on(ctx);
            });
        }
        self.replay_waiting(ctx);
    }

    fn replay_waiting(&mut self, ctx: &mut Context<Self>) {
        if !self.settled {
            return;
        }
        for _ in 0..self.replays.len() {
            let (Some(ring), Some(since)) = (&self.ring, self.replays.pop_front()) else { return };
            match ring.after(since.after) {
                Held::Here(entries) => self.replayed(&since, Replay::Events { entries, upto: ring.last() }),
                Held::Ahead if ring.expects(since.after) => self.replays.push_back(since),
                Held::Older | Held::Ahead if self.reading >= REPLAYS_AT_ONCE => self.replays.push_back(since),
                Held::Older => self.replay_from_table(since, ctx),
                Held::Ahead => self.look_further(since, ctx),
            }
        }
    }

    fn replayed(&self, since: &Since, replay: Replay) {
        let news = News::Replayed { account: self.account, token: since.token, replay };
        if since.to.try_send(news).is_err() {
            metrics::counter!("muster_feed_replays_dropped_total").increment(1);
        }
    }

    fn replay_from_table(&mut self, since: Since, ctx: &mut Context<Self>) {
        self.reading += 1;
        let (account, journal, wire) = (self.account, self.journal.clone(), self.wire.clone());
        let upto = self.ring.as_ref().map_or(0, Ring::last);
        let after = since.after;
        let pages = async move { read_pages(account, &*journal, &*wire, after, upto).await };
        ctx.spawn(pages.into_actor(self).map(move |replay, feed, ctx| {
            feed.reading -= 1;
            feed.replayed(&since, replay);
            feed.replay_waiting(ctx);
        }));
    }

    /// A client that comes from another server may have seen more than this one has heard of.
    fn look_further(&mut self, since: Since, ctx: &mut Context<Self>) {
        self.reading += 1;
        let head = self.journal.head(self.account).into_actor(self).map(move |head, feed, ctx| {
            feed.reading -= 1;
            match head {
                Ok(head) if head.seq >= since.after && head.epoch == feed.epoch => {
                    feed.replays.push_back(since);
                    feed.notice(head, ctx);
                }
                Ok(_) => feed.replayed(&since, Replay::TooOld),
                Err(Unavailable) => feed.replayed(&since, Replay::Unavailable),
            }
        });
        ctx.spawn(head);
    }

    fn notice(&mut self, head: Head, ctx: &mut Context<Self>) {
        let Some(ring) = &mut self.ring else { return };
        if head.epoch != self.epoch {
            self.lose();
            self.begin(head, head.seq);
            return self.fill(ctx);
        }
        ring.hear_of(head.seq);
        self.heard_of(ctx);
        self.replay_waiting(ctx);
    }
}

async fn read_pages(account: AccountId, journal: &dyn Journal, wire: &dyn Wire, after: i64, upto: i64) -> Replay {
    let mut entries: Vec<Arc<Delivered>> = Vec::new();
    let mut last = after;
    while last < upto {
        let page = match journal.after(account, last, PAGE).await {
            Ok(Some(page)) => page,
            Ok(None) => return Replay::TooOld,
            Err(Unavailable) => return Replay::Unavailable,
        };
        let Some(newest) = page.last() else { break };
        last = newest.seq;
        entries.extend(page.into_iter().map(|entry| Delivered::new(entry, wire)));
        if entries.len() > REPLAY_MAX {
            return Replay::TooOld;
        }
    }
    Replay::Events { entries, upto: last }
}

impl Handler<Committed> for Feed {
    type Result = ();
    fn handle(&mut self, Committed(entries): Committed, ctx: &mut Self::Context) {
        let newest = entries.iter().map(|entry| entry.seq).max();
        let entries = self.encode(entries);
        let Some(ring) = &mut self.ring else {
            self.rumour = self.rumour.max(newest.unwrap_or(0));
            return;
        };
        ring.take(entries);
        self.heard_of(ctx);
    }
}

impl Handler<Noticed> for Feed {
    type Result = ();
    fn handle(&mut self, Noticed(head): Noticed, ctx: &mut Self::Context) {
        self.notice(head, ctx);
    }
}

impl Handler<Join> for Feed {
    type Result = ();
    fn handle(&mut self, join: Join, ctx: &mut Self::Context) {
        self.listeners.insert(join.hub, Listener { to: join.to, heard: join.heard, lost: false });
        if let Some(feeds) = self.feeds.upgrade() {
            feeds.watch(self.account, true);
        }
        if self.settled {
            self.pass_on(ctx);
        }
    }
}

impl Handler<Leave> for Feed {
    type Result = ();
    fn handle(&mut self, leave: Leave, _: &mut Self::Context) {
        self.listeners.remove(&leave.hub);
        if let Some(feeds) = self.feeds.upgrade().filter(|_| self.listeners.is_empty()) {
            feeds.watch(self.account, false);
        }
    }
}

impl Handler<Since> for Feed {
    type Result = ();
    fn handle(&mut self, since: Since, ctx: &mut Self::Context) {
        if self.replays.len() >= REPLAYS_WAITING {
            return self.replayed(&since, Replay::Unavailable);
        }
        self.replays.push_back(since);
        self.replay_waiting(ctx);
    }
}

#[cfg(test)]
mod tests;
