//! The account's board: commands wait in its own bounded queue and are decided, committed and answered in batches.
//! Waits only in spawned futures; its state changes only in the synchronous steps of `cycle`.

mod cycle;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, AsyncContext, Context, Handler, Message};
use muster_domain::Moment;
use muster_domain::dispatch::board::{Board, Command, Decision};
use muster_domain::ids::AccountId;
use tokio::sync::oneshot;

use crate::ports::{AnswerKey, BoardStore, Entry, Rendered};

/// Mailbox and queue of one board; a full one refuses, and nothing happened.
pub const QUEUE_LIMIT: usize = 1_024;
/// Commands decided and committed together.
pub(crate) const BATCH_LIMIT: usize = 64;
/// Repetitions of one request that may wait for its answer.
const MAX_JOINED: usize = 64;
/// Entries between two snapshots: of a large board rarely, because each is as long as the board.
pub(crate) const SNAPSHOT_EVERY: std::ops::RangeInclusive<usize> = 256..=4_096;
const SLEEPS_AFTER: Duration = Duration::from_secs(15 * 60);
const CHECKS_IDLENESS_EVERY: Duration = Duration::from_secs(60);

/// How the edge turns a decision into an answer; called once, on the board as it is after the decision.
pub type Render = Box<dyn Fn(&Board, &Decision) -> Rendered + Send>;
pub type Look = Box<dyn FnOnce(Result<&Board, Unread>) + Send>;

/// Why a read got nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    Full,
    Unavailable,
}

/// What became of a command.
#[derive(Debug)]
pub enum Reply {
    /// Decided, and committed if it had an effect.
    Answered(Rendered),
    /// An earlier request with the same key got this answer.
    Replayed(Rendered),
    /// The key was used with another body.
    KeyReused,
    /// A constraint refused what the rules had allowed.
    Diverged { constraint: String },
    /// The queue was full and nothing happened.
    Full,
    /// Nobody knows whether it took effect.
    Unknown,
    /// The store cannot be reached and nothing happened.
    Unavailable,
}

/// A command with everything needed to answer it.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Submit {
    pub command: Command,
    pub moment: Moment,
    pub key: Option<AnswerKey>,
    pub render: Render,
    pub reply: oneshot::Sender<Reply>,
}

/// A read of the committed board, after it has caught up with every other server.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LookAt {
    pub look: Look,
}

/// Somebody else wrote what boards read.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Behind;

/// Saves a snapshot and stops.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Sleep;

/// Who hears, synchronously and in order, of every change after its commit.
pub trait Observer: Send + Sync + 'static {
    /// `entries` is empty when the board was loaded anew.
    fn changed(&self, account: AccountId, board: &Board, entries: &[Entry]);
    /// Committed by this board: to be announced.
    fn committed(&self, account: AccountId, entries: &[Entry]);
}

/// The commands of one batch, and what the store is asked before they are decided.
pub(crate) struct Waiting {
    pub submit: Submit,
    /// Others that came with the same key meanwhile.
    pub joined: Vec<(oneshot::Sender<Reply>, [u8; 32])>,
}

pub struct BoardActor {
    account: AccountId,
    store: Arc<dyn BoardStore>,
    observer: Arc<dyn Observer>,
    /// As committed; `None` until loaded.
    committed: Option<Board>,
    /// As it will be once the batch in flight is committed.
    ahead: Board,
    queue: VecDeque<Waiting>,
    looks: Vec<LookAt>,
    /// A future is in flight; its completion goes on.
    busy: bool,
    /// Check the store's position even if nobody asks for anything.
    behind: bool,
    /// After a refused batch its commands go one by one.
    alone: usize,
    /// What was remembered, or could be remembered again from a snapshot, is not what the rows say.
    misled: bool,
    since_snapshot: usize,
    used_at: Instant,
}

impl BoardActor {
    pub fn new(account: AccountId, store: Arc<dyn BoardStore>, observer: Arc<dyn Observer>) -> Self {
        Self {
            account,
            store,
            observer,
            committed: None,
            ahead: Board::default(),
            queue: VecDeque::new(),
            looks: Vec::new(),
            busy: false,
            behind: true,
            alone: 0,
            misled: false,
            since_snapshot: 0,
            used_at: Instant::now(),
        }
    }
}

impl Actor for BoardActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(QUEUE_LIMIT);
        metrics::gauge!("muster_boards").increment(1.0);
        ctx.run_interval(CHECKS_IDLENESS_EVERY, |board, ctx| {
            if board.used_at.elapsed() >= SLEEPS_AFTER {
                board.sleep(ctx);
            } else {
                board.tidy();
            }
        });
        self.go_on(ctx);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        metrics::gauge!("muster_boards").decrement(1.0);
    }
}

impl Handler<Submit> for BoardActor {
    type Result = ();

    fn handle(&mut self, submit: Submit, ctx: &mut Self::Context) {
        self.used_at = Instant::now();
        if self.queue.len() >= QUEUE_LIMIT {
            metrics::counter!("muster_queue_refusals_total", "queue" => "board").increment(1);
            submit.reply.send(Reply::Full).ok();
            return;
        }
        match submit.key.as_ref().and_then(|key| self.queued_with(key)) {
            Some(first) if self.queue[first].joined.len() >= MAX_JOINED => {
                metrics::counter!("muster_queue_refusals_total", "queue" => "board_joined").increment(1);
                submit.reply.send(Reply::Full).ok();
            }
            Some(first) => {
                let hash = submit.key.map(|key| key.body_hash).unwrap_or_default();
                self.queue[first].joined.push((submit.reply, hash));
            }
            None => self.queue.push_back(Waiting { submit, joined: Vec::new() }),
        }
        metrics::gauge!("muster_queue_depth", "queue" => "board").set(self.queue.len() as f64);
        self.go_on(ctx);
    }
}

impl BoardActor {
    fn queued_with(&self, key: &AnswerKey) -> Option<usize> {
        let same = |waiting: &Waiting| waiting.submit.key.as_ref().is_some_and(|other| other.is_same_request(key));
        self.queue.iter().position(same)
    }
}

impl Handler<LookAt> for BoardActor {
    type Result = ();

    fn handle(&mut self, look: LookAt, ctx: &mut Self::Context) {
        self.used_at = Instant::now();
        if self.looks.len() >= QUEUE_LIMIT {
            return (look.look)(Err(Unread::Full));
        }
        self.looks.push(look);
        self.go_on(ctx);
    }
}

impl Handler<Behind> for BoardActor {
    type Result = ();

    fn handle(&mut self, _: Behind, ctx: &mut Self::Context) {
        self.behind = true;
        self.go_on(ctx);
    }
}

impl Handler<Sleep> for BoardActor {
    type Result = ();

    fn handle(&mut self, _: Sleep, ctx: &mut Self::Context) {
        self.sleep(ctx);
    }
}
