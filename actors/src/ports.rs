//! Everything outside the actors, as they see it: traits and plain data. The implementations live at the edge.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use muster_domain::dispatch::Visit;
use muster_domain::dispatch::board::{Board, Known, Needs};
use muster_domain::ids::{AccountId, VisitId, WorkerId};
use muster_domain::journal::Fact;
use muster_domain::live::Point;
use muster_domain::live::fence::Zone;
use muster_domain::work::Job;
use muster_domain::{By, Place};
use uuid::Uuid;

/// What a port gives back: a future that owns all it needs.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send + 'static>>;

/// One line of the journal, as readers get it.
#[derive(Clone, Debug)]
pub struct Entry {
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub by: By,
    pub fact: Arc<Fact>,
}

/// The end of an account's journal. `epoch` changes when the database was restored to an earlier state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub seq: i64,
    pub board_seq: i64,
    pub epoch: Uuid,
}

/// Under which key an answer is kept: a second request with the same key gets the first one's answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AnswerKey {
    /// User, device or the like.
    pub principal: Uuid,
    /// Method and path.
    pub route: String,
    pub key: String,
    /// Keyed hash of the request's body: the same key with another body is a mistake of the caller.
    pub body_hash: [u8; 32],
}

impl AnswerKey {
    pub fn is_same_request(&self, other: &AnswerKey) -> bool {
        (self.principal, &self.route, &self.key) == (other.principal, &other.route, &other.key)
    }
}

/// An answer as the edge made it, ready to be sent and to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub status: u16,
    pub body: Bytes,
    pub etag: Option<String>,
    pub location: Option<String>,
}

/// What an earlier request under the same key left.
#[derive(Clone, Debug)]
pub struct Kept {
    pub body_hash: [u8; 32],
    pub answer: Rendered,
}

/// What a batch of commands needs, read so that `head` was current *after* all the rest was read.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub head: Head,
    pub known: Known,
    pub recalled: Vec<(Job, Vec<Visit>)>,
    /// By the index of the key asked for.
    pub kept: BTreeMap<usize, Kept>,
}

/// One batch, as it is to be committed: all or nothing.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The position on which it was decided; another one in the database makes the commit stale.
    pub decided_at: i64,
    /// Who caused each fact, and when.
    pub facts: Vec<(DateTime<Utc>, By, Arc<Fact>)>,
    pub answers: Vec<(AnswerKey, Rendered)>,
}

/// The three ways in which a commit fails, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommitError {
    /// A constraint said no, or the transaction was certainly rolled back: nothing was written.
    Refused { constraint: String },
    /// Another server's board wrote: nothing was written.
    Stale,
    /// Another request keeps an answer under one of the keys: nothing was written.
    Answered,
    /// Nobody knows whether it was written.
    Unknown,
    /// The store cannot be reached: nothing was written.
    Unavailable,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable;

/// The account's schedule in the database.
pub trait BoardStore: Send + Sync + 'static {
    /// The board at its current position: the newest snapshot and the journal since, or the rows.
    fn load(&self, account: AccountId, now: DateTime<Utc>) -> Later<Result<Board, Unavailable>>;
    /// The same from the rows alone, whatever a snapshot and the journal say: for when the two turned out to differ.
    fn reload(&self, account: AccountId, now: DateTime<Utc>) -> Later<Result<Board, Unavailable>>;
    /// Entries that concern boards, after `position`, in order; `None` when there are more than are worth reading.
    fn since(&self, account: AccountId, position: i64) -> Later<Result<Option<Vec<Entry>>, Unavailable>>;
    fn prepare(&self, account: AccountId, needs: Needs, keys: Vec<AnswerKey>) -> Later<Result<Prepared, Unavailable>>;
    /// Answers with the sequence number of the batch's first fact.
    fn commit(&self, account: AccountId, batch: Batch) -> Later<Result<i64, CommitError>>;
    fn save_snapshot(&self, account: AccountId, board: Box<Board>) -> Later<Result<(), Unavailable>>;
}

/// The journal for those who pass it on.
pub trait Journal: Send + Sync + 'static {
    fn head(&self, account: AccountId) -> Later<Result<Head, Unavailable>>;
    fn heads(&self, accounts: Vec<AccountId>) -> Later<Result<BTreeMap<AccountId, Head>, Unavailable>>;
    /// At most `limit` entries after `seq`, in order. `None`: older than what is kept.
    fn after(&self, account: AccountId, seq: i64, limit: usize) -> Later<Result<Option<Vec<Entry>>, Unavailable>>;
}

/// A position as it is kept, of whom. Identity is (worker, `point.at`, `point.id`).
#[derive(Clone, Debug, PartialEq)]
pub struct TrackPoint {
    pub account: AccountId,
    pub worker: WorkerId,
    pub point: Point,
    /// Where he is shown since this point: not always where it says. `None`: it moved nobody.
    pub shown: Option<Place>,
}

/// A bounded queue has no room: nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Where points become durable.
pub trait TrackLog: Send + Sync + 'static {
    /// The future answers after the flush: for each point, was it new? Until then nothing may be acknowledged.
    #[allow(clippy::type_complexity)]
    fn append(&self, points: Vec<TrackPoint>) -> Result<Later<Result<Vec<bool>, Unavailable>>, Full>;
}

/// The zones of an account's properties that are in use, and its policy.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    pub zones: Vec<Zone>,
    /// Arrivals are taken for true; else they are proposed.
    pub accept: bool,
}

pub trait ZoneSource: Send + Sync + 'static {
    fn zones(&self, account: AccountId) -> Later<Result<Zones, Unavailable>>;
}

/// Every worker's newest stored position.
pub trait LastKnown: Send + Sync + 'static {
    fn last_known(&self, account: AccountId) -> Later<Result<Vec<TrackPoint>, Unavailable>>;
}

/// How the edge writes what the actors know; each fragment is made once and shared by every socket.
pub trait Wire: Send + Sync + 'static {
    /// A visit as a resource object.
    fn visit(&self, visit: &Visit) -> Bytes;
    /// The `event` object of a stream frame; `None` for what the stream does not carry.
    fn event(&self, entry: &Entry) -> Option<Bytes>;
    /// The `event` object that takes a visit off a subscription.
    fn removal(&self, entry: &Entry, visit: VisitId) -> Bytes;
}
