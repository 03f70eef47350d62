//! The board's port to PostgreSQL: loading, preparing a batch, committing it under the fence. No rule is here.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use muster_actors::ports::{AnswerKey, Batch, BoardStore, CommitError, Entry, Journal, Later, Prepared, Unavailable};
use muster_domain::TimeWindow;
use muster_domain::dispatch::Visit;
use muster_domain::dispatch::board::{Board, Needs};
use muster_domain::ids::{AccountId, VisitId};
use uuid::Uuid;

use super::store::{self, Which, load};
use crate::store::condition::Cause;
use crate::store::journal::{self, Stream, heads, unavailable};
use crate::store::{Store, StoreError, Undone, answers};

/// More entries than this are slower to read than the rows.
const CATCH_UP_LIMIT: i64 = 5_000;

type Quiet<T> = Result<T, Undone<Infallible>>;

fn failed(undone: Undone<Infallible>) -> StoreError {
    match undone {
        Undone::Refused(never) => match never {},
        Undone::Failed(error) => error,
    }
}

impl BoardStore for Store {
    fn load(&self, account: AccountId, now: DateTime<Utc>) -> Later<Result<Board, Unavailable>> {
        let store = self.clone();
        Box::pin(async move {
            let loaded: Quiet<Board> = store
                .quiet(account, move |unit| {
                    Box::pin(async move {
                        let account = unit.account();
                        if let Some(board) = load::from_snapshot(unit.conn(), account, CATCH_UP_LIMIT).await? {
                            return Ok(board);
                        }
                        Ok(load::from_rows(unit.conn(), account, now).await?)
                    })
                })
                .await;
            loaded.map_err(failed).map_err(unavailable)
        })
    }

    fn reload(&self, account: AccountId, now: DateTime<Utc>) -> Later<Result<Board, Unavailable>> {
        let store = self.clone();
        Box::pin(async move {
            let loaded: Quiet<Board> = store
                .quiet(account, move |unit| {
                    Box::pin(async move {
                        let account = unit.account();
                        let board = load::from_rows(unit.conn(), account, now).await?;
                        // Or the next one to load would be misled again.
                        load::save_snapshot(unit.conn(), account, &board).await?;
                        Ok(board)
                    })
                })
                .await;
            loaded.map_err(failed).map_err(unavailable)
        })
    }

    fn since(&self, account: AccountId, position: i64) -> Later<Result<Option<Vec<Entry>>, Unavailable>> {
        let store = self.clone();
        Box::pin(async move {
            let entries: Quiet<Vec<Entry>> = store
                .quiet(account, move |unit| {
                    Box::pin(async move {
                        let account = unit.account();
                        Ok(journal::after(unit.conn(), account, position, CATCH_UP_LIMIT, true).await?)
                    })
                })
                .await;
            let entries = entries.map_err(failed).map_err(unavailable)?;
            let complete = i64::try_from(entries.len()).unwrap_or(i64::MAX) < CATCH_UP_LIMIT;
            Ok(complete.then_some(entries))
        })
    }

    fn prepare(&self, account: AccountId, needs: Needs, keys: Vec<AnswerKey>) -> Later<Result<Prepared, Unavailable>> {
        let store = self.clone();
        Box::pin(async move {
            if needs.is_empty() && keys.is_empty() {
                let head = store.head(account).await?;
                return Ok(Prepared { head, known: Default::default(), recalled: vec![], kept: Default::default() });
            }
            let (needs, keys) = (Arc::new(needs), Arc::new(keys));
            let read: Quiet<Prepared> = store
                .quiet(account, move |unit| {
                    let (needs, keys) = (Arc::clone(&needs), Arc::clone(&keys));
                    Box::pin(async move {
                        let account = unit.account();
                        Ok(load::prepare(unit.conn(), account, &needs, &keys).await?)
                    })
                })
                .await;
            read.map_err(failed).map_err(unavailable)
        })
    }

    fn commit(&self, account: AccountId, batch: Batch) -> Later<Result<i64, CommitError>> {
        let store = self.clone();
        Box::pin(async move {
            let batch = Arc::new(batch);
            let first: Result<i64, Undone<CommitError>> = store
                .quiet(account, move |unit| {
                    let batch = Arc::clone(&batch);
                    Box::pin(async move {
                        unit.has_room()?;
                        let account = unit.account();
                        let stream = Stream::lock(unit.conn(), account).await?;
                        if stream.board_seq != batch.decided_at {
                            return Err(Undone::Refused(CommitError::Stale));
                        }
                        let (first, began) = (stream.seq + 1, Instant::now());
                        store::write(unit.conn(), account, &batch.facts).await?;
                        answers::keep_all(unit.conn(), account, &batch.answers).await?;
                        journal::append(unit.conn(), account, stream, batch.facts.clone()).await?;
                        metrics::histogram!("muster_account_lock_hold_seconds", "lane" => "board")
                            .record(began.elapsed());
                        Ok(first)
                    })
                })
                .await;
            first.map_err(|undone| match undone {
                Undone::Refused(refused) => refused,
                Undone::Failed(StoreError::Constraint(name)) if name == answers::TAKEN => CommitError::Answered,
                Undone::Failed(StoreError::Constraint(constraint)) => CommitError::Refused { constraint },
                Undone::Failed(StoreError::Unknown) => CommitError::Unknown,
                Undone::Failed(error) => {
                    if Cause::of(&error).is_none() {
                        tracing::error!(%error, %account, "a batch could not be committed");
                    }
                    CommitError::Unavailable
                }
            })
        })
    }

    fn save_snapshot(&self, account: AccountId, board: Box<Board>) -> Later<Result<(), Unavailable>> {
        let store = self.clone();
        Box::pin(async move {
            let board = Arc::new(board);
            let saved: Quiet<()> = store
                .quiet(account, move |unit| {
                    let board = Arc::clone(&board);
                    Box::pin(async move {
                        unit.has_room()?;
                        let account = unit.account();
                        Ok(load::save_snapshot(unit.conn(), account, &board).await?)
                    })
                })
                .await;
            saved.map_err(failed).map_err(unavailable)
        })
    }
}

/// Changes when the database was restored to an earlier state: whoever follows the journal begins anew.
pub async fn epoch(store: &Store, account: AccountId) -> Result<Uuid, StoreError> {
    let head = heads(store, &[account]).await?.remove(&account);
    head.map(|head| head.epoch).ok_or_else(|| StoreError::Bug("an account without a stream".into()))
}

pub async fn visit(store: &Store, account: AccountId, id: VisitId) -> Result<Option<Visit>, StoreError> {
    Ok(read(store, account, Which::Ids(vec![id.0])).await?.pop())
}

/// Closed visits of a range, for schedules that reach back beyond a board's memory.
pub async fn closed_visits(store: &Store, account: AccountId, range: TimeWindow) -> Result<Vec<Visit>, StoreError> {
    read(store, account, Which::ClosedIn(range)).await
}

async fn read(store: &Store, account: AccountId, which: Which) -> Result<Vec<Visit>, StoreError> {
    let read: Quiet<_> = store
        .quiet(account, move |unit| {
            let which = which.clone();
            Box::pin(async move {
                let account = unit.account();
                Ok(store::read_visits(unit.conn(), account, which).await?)
            })
        })
        .await;
    read.map_err(failed)
}
