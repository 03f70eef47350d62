//! The only way to change anything: a unit of work on a task of its own, inside one transaction, with tenant scope set.
//! A dropped request cannot abandon it half-way, and what it noted is in the journal or nothing is written at all.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use muster_actors::ports::Entry;
use muster_domain::Moment;
use muster_domain::ids::AccountId;
use muster_domain::journal::Fact;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};

use super::condition::Condition;
use super::journal::{self, Stream};
use super::{Store, StoreError, Undone};

const ATTEMPTS: u32 = 4;
/// After this nothing is tried again.
const INSISTS_FOR: Duration = Duration::from_secs(6);
/// One attempt up to its COMMIT. A database that does not answer at all must not keep anybody waiting: no timeout of its
/// own works then.
const ATTEMPT_WITHIN: Duration = Duration::from_secs(10);
/// After this nobody knows.
const COMMIT_WITHIN: Duration = Duration::from_secs(10);

type Running<'a, T, R> = Pin<Box<dyn Future<Output = Result<T, Undone<R>>> + Send + 'a>>;

/// One open transaction of one account.
pub struct Unit {
    tx: Transaction<'static, Postgres>,
    account: AccountId,
    facts: Vec<Fact>,
    condition: Arc<Condition>,
}

/// What was committed, and what is now to be announced.
#[derive(Debug)]
pub struct Done<T> {
    pub value: T,
    pub entries: Vec<Entry>,
}

impl Unit {
    pub fn conn(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Is there room for changes? Asked by those that are not [`Store::change`].
    pub fn has_room(&self) -> Result<(), StoreError> {
        self.condition.has_room()
    }

    /// To be written to the journal at the end, in the order noted.
    pub fn note(&mut self, fact: Fact) {
        self.facts.push(fact);
    }
}

impl Store {
    /// A change of the record lane: takes the account's row first, so that changes of one account are serial.
    pub async fn change<T, R, F>(&self, account: AccountId, moment: Moment, run: F) -> Result<Done<T>, Undone<R>>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: for<'a> Fn(&'a mut Unit) -> Running<'a, T, R> + Send + Sync + 'static,
    {
        self.condition.has_room()?;
        let run = Arc::new(run);
        let store = self.clone();
        insist(self, true, move || {
            let (store, run) = (store.clone(), Arc::clone(&run));
            Box::pin(async move {
                let attempt = async {
                    let mut unit = store.begin(account).await?;
                    let stream = Stream::lock(&mut unit.tx, account).await?;
                    let began = Instant::now();
                    let value = run(&mut unit).await?;
                    Ok((store.write_down(unit, stream, value, moment).await?, began))
                };
                let ((tx, done), began) = in_time(attempt).await?;
                let committed = commit(tx).await;
                metrics::histogram!("muster_account_lock_hold_seconds", "lane" => "record").record(began.elapsed());
                committed?;
                Ok(done)
            })
        })
        .await
    }

    /// A change that makes its account: there is nothing to lock yet, `run` inserts the stream's row.
    pub async fn found<T, R, F>(&self, account: AccountId, moment: Moment, run: F) -> Result<Done<T>, Undone<R>>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: for<'a> Fn(&'a mut Unit) -> Running<'a, T, R> + Send + Sync + 'static,
    {
        self.condition.has_room()?;
        let run = Arc::new(run);
        let store = self.clone();
        insist(self, true, move || {
            let (store, run) = (store.clone(), Arc::clone(&run));
            Box::pin(async move {
                let attempt = async {
                    let mut unit = store.begin(account).await?;
                    let value = run(&mut unit).await?;
                    let stream = Stream::lock(&mut unit.tx, account).await?;
                    Ok(store.write_down(unit, stream, value, moment).await?)
                };
                let (tx, done) = in_time(attempt).await?;
                commit(tx).await?;
                Ok(done)
            })
        })
        .await
    }

    /// Work that leaves no line in the journal: reading, or what is not history (sessions, kept answers).
    pub async fn quiet<T, R, F>(&self, account: AccountId, run: F) -> Result<T, Undone<R>>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: for<'a> Fn(&'a mut Unit) -> Running<'a, T, R> + Send + Sync + 'static,
    {
        let run = Arc::new(run);
        let store = self.clone();
        insist(self, false, move || {
            let (store, run) = (store.clone(), Arc::clone(&run));
            Box::pin(async move {
                let attempt = async {
                    let mut unit = store.begin(account).await?;
                    let value = run(&mut unit).await?;
                    Ok((unit.tx, value))
                };
                let (tx, value) = in_time(attempt).await?;
                commit(tx).await?;
                Ok(value)
            })
        })
        .await
    }

    async fn begin(&self, account: AccountId) -> Result<Unit, StoreError> {
        // One round trip for both. An id is written with hexadecimal digits and hyphens, so it needs no quoting.
        let scoped = format!("BEGIN; SELECT set_config('app.account_id', '{}', true)", account.0);
        let tx = self.pool.begin_with(AssertSqlSafe(scoped)).await?;
        Ok(Unit { tx, account, facts: Vec::new(), condition: Arc::clone(&self.condition) })
    }

    /// Everything but the COMMIT.
    async fn write_down<T>(
        &self,
        mut unit: Unit,
        stream: Stream,
        value: T,
        moment: Moment,
    ) -> Result<(Transaction<'static, Postgres>, Done<T>), StoreError> {
        let facts = std::mem::take(&mut unit.facts).into_iter().map(|fact| (moment.now, moment.by, Arc::new(fact)));
        let entries = journal::append(&mut unit.tx, unit.account, stream, facts.collect()).await?;
        Ok((unit.tx, Done { value, entries }))
    }
}

/// What is given up here was certainly not committed.
async fn in_time<T, R>(attempt: impl Future<Output = Result<T, Undone<R>>>) -> Result<T, Undone<R>> {
    let late = |_| Err(StoreError::Unavailable(format!("no answer within {ATTEMPT_WITHIN:?}")).into());
    tokio::time::timeout(ATTEMPT_WITHIN, attempt).await.unwrap_or_else(late)
}

/// A failed COMMIT is *unknown* unless the database itself refused it: then it was certainly rolled back. A database that
/// is shutting down, or is told to end the connection, may say so after it has committed.
pub(crate) async fn commit(tx: Transaction<'static, Postgres>) -> Result<(), StoreError> {
    let Ok(committed) = tokio::time::timeout(COMMIT_WITHIN, tx.commit()).await else { return Err(StoreError::Unknown) };
    committed.map_err(|error| match StoreError::from(error) {
        refused @ (StoreError::Constraint(_) | StoreError::Busy | StoreError::Full | StoreError::ReadOnly) => refused,
        _ => StoreError::Unknown,
    })
}

/// Each attempt on a task of its own, which nobody but the runtime can end; again from the beginning while somebody
/// else is in the way.
async fn insist<T, R>(store: &Store, writes: bool, attempt: impl Fn() -> Running<'static, T, R>) -> Result<T, Undone<R>>
where
    T: Send + 'static,
    R: Send + 'static,
{
    let (mut tried, began) = (1, Instant::now());
    loop {
        let outcome = store.runtime.spawn(attempt()).await;
        let outcome = outcome.unwrap_or_else(|_| Err(StoreError::Bug("a unit of work panicked".into()).into()));
        let failure = match &outcome {
            Err(Undone::Failed(error)) => Some(error),
            _ => None,
        };
        store.condition.note(failure, writes);
        match outcome {
            Err(Undone::Failed(StoreError::Busy)) if tried < ATTEMPTS && began.elapsed() < INSISTS_FOR => tried += 1,
            other => return other,
        }
    }
}

/// The instant as PostgreSQL keeps it, so that what is answered equals what is read later.
pub fn to_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}
