//! The only way to change anything: a unit of work on a task of its own, inside one transaction, with tenant scope set.
//! A dropped request cannot abandon it half-way, and what it noted is in the journal or nothing is written at all.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use muster_actors::ports::Entry;
use muster_domain::Moment;
use muster_domain::ids::AccountId;
use muster_domain::journal::Fact;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};

use super::journal::{self, Stream};
use super::{Store, StoreError, Undone};

const ATTEMPTS: u32 = 4;

type Running<'a, T, R> = Pin<Box<dyn Future<Output = Result<T, Undone<R>>> + Send + 'a>>;

/// One open transaction of one account.
pub struct Unit {
    tx: Transaction<'static, Postgres>,
    account: AccountId,
    facts: Vec<Fact>,
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
        let run = Arc::new(run);
        let store = self.clone();
        insist(&self.runtime, move || {
            let (store, run) = (store.clone(), Arc::clone(&run));
            Box::pin(async move {
                let mut unit = store.begin(account).await?;
                let stream = Stream::lock(&mut unit.tx, account).await?;
                let began = Instant::now();
                let value = run(&mut unit).await?;
                let done = store.finish(unit, stream, value, moment).await;
                metrics::histogram!("muster_account_lock_hold_seconds", "lane" => "record").record(began.elapsed());
                done
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
        let run = Arc::new(run);
        let store = self.clone();
        insist(&self.runtime, move || {
            let (store, run) = (store.clone(), Arc::clone(&run));
            Box::pin(async move {
                let mut unit = store.begin(account).await?;
                let value = run(&mut unit).await?;
                let stream = Stream::lock(&mut unit.tx, account).await?;
                store.finish(unit, stream, value, moment).await
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
        insist(&self.runtime, move || {
            let (store, run) = (store.clone(), Arc::clone(&run));
            Box::pin(async move {
                let mut unit = store.begin(account).await?;
                let value = run(&mut unit).await?;
                commit(unit.tx).await?;
                Ok(value)
            })
        })
        .await
    }

    async fn begin(&self, account: AccountId) -> Result<Unit, StoreError> {
        // One round trip for both. An id is written with hexadecimal digits and hyphens, so it needs no quoting.
        let scoped = format!("BEGIN; SELECT set_config('app.account_id', '{}', true)", account.0);
        let tx = self.pool.begin_with(AssertSqlSafe(scoped)).await?;
        Ok(Unit { tx, account, facts: Vec::new() })
    }

    async fn finish<T, R>(
        &self,
        mut unit: Unit,
        stream: Stream,
        value: T,
        moment: Moment,
    ) -> Result<Done<T>, Undone<R>> {
        let facts = std::mem::take(&mut unit.facts).into_iter().map(|fact| (moment.now, moment.by, Arc::new(fact)));
        let entries = journal::append(&mut unit.tx, unit.account, stream, facts.collect()).await?;
        commit(unit.tx).await?;
        Ok(Done { value, entries })
    }
}

/// A failed COMMIT is *unknown* unless the database itself said no: then it was certainly rolled back.
pub(super) async fn commit(tx: Transaction<'static, Postgres>) -> Result<(), StoreError> {
    tx.commit().await.map_err(|error| match error {
        sqlx::Error::Database(_) => error.into(),
        _ => StoreError::Unknown,
    })
}

/// Each attempt on a task of its own, which nobody but the runtime can end; again from the beginning while somebody
/// else is in the way.
async fn insist<T, R>(
    runtime: &tokio::runtime::Handle,
    attempt: impl Fn() -> Running<'static, T, R>,
) -> Result<T, Undone<R>>
where
    T: Send + 'static,
    R: Send + 'static,
{
    let mut tried = 1;
    loop {
        let outcome = runtime.spawn(attempt()).await;
        match outcome.unwrap_or_else(|_| Err(StoreError::Bug("a unit of work panicked".into()).into())) {
            Err(Undone::Failed(StoreError::Busy)) if tried < ATTEMPTS => tried += 1,
            other => return other,
        }
    }
}

/// The instant as PostgreSQL keeps it, so that what is answered equals what is read later.
pub fn to_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}
