//! The journal: appended to under the account's lock, so that its order is commit order and has no gaps. Its chain is
//! over digests of the payloads, so that a person can be erased without breaking it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use muster_actors::ports::{Entry, Head, Journal, Later, Unavailable};
use muster_domain::By;
use muster_domain::ids::AccountId;
use muster_domain::journal::Fact;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::condition::Cause;
use super::{Store, StoreError};

/// The account's row, locked: where its journal ends.
#[derive(Debug)]
pub struct Stream {
    pub seq: i64,
    pub board_seq: i64,
    chain: Vec<u8>,
}

impl Stream {
    /// Waits for whoever else is changing the account.
    pub async fn lock(conn: &mut PgConnection, account: AccountId) -> Result<Self, StoreError> {
        let row =
            sqlx::query("SELECT seq, board_seq, chain FROM account_stream WHERE account_id = $1 FOR NO KEY UPDATE")
                .bind(account.0)
                .fetch_one(conn)
                .await?;
        Ok(Self { seq: row.get("seq"), board_seq: row.get("board_seq"), chain: row.get("chain") })
    }

    /// The row of a new account, whose chain begins with its own id.
    pub async fn begin(conn: &mut PgConnection, account: AccountId, epoch: Uuid) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO account_stream (account_id, epoch, chain) VALUES ($1, $2, $3)")
            .bind(account.0)
            .bind(epoch)
            .bind(first_link(account))
            .execute(conn)
            .await?;
        Ok(())
    }
}

/// What the chain of an account begins with.
pub fn first_link(account: AccountId) -> Vec<u8> {
    Sha256::digest(account.0.as_bytes()).to_vec()
}

/// Everything of a line but its payload, which its digest stands for.
pub struct Line<'a> {
    pub seq: i64,
    pub at: DateTime<Utc>,
    pub by: By,
    pub kind: &'a str,
    pub subject: Uuid,
    /// In ascending order.
    pub audience: Vec<Uuid>,
    pub moves_board: bool,
    pub digest: &'a [u8],
}

impl Line<'_> {
    /// The next link, over the one before and this line.
    pub fn link(&self, chain: &[u8]) -> Vec<u8> {
        let by: (u8, Uuid, Vec<u8>) = match self.by {
            By::User { id, role } => (1, id.0, role.name().into()),
            By::Device { id, worker } => (2, id.0, worker.0.as_bytes().to_vec()),
            By::System => (3, Uuid::nil(), Vec::new()),
        };
        let mut hash = Sha256::new();
        hash.update(chain);
        hash.update(self.seq.to_be_bytes());
        hash.update(self.at.timestamp_micros().to_be_bytes());
        hash.update([by.0, u8::from(self.moves_board)]);
        hash.update(by.1.as_bytes());
        hash.update(self.subject.as_bytes());
        // Whatever has no fixed length says how long it is, so that no two lines read the same.
        for text in [by.2.as_slice(), self.kind.as_bytes(), self.digest] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.update((self.audience.len() as u64).to_be_bytes());
        self.audience.iter().for_each(|worker| hash.update(worker.as_bytes()));
        hash.finalize().to_vec()
    }
}

/// Appends the facts and moves the account's row; with no facts nothing is written at all.
pub async fn append(
    conn: &mut PgConnection,
    account: AccountId,
    stream: Stream,
    facts: Vec<(DateTime<Utc>, By, Arc<Fact>)>,
) -> Result<Vec<Entry>, StoreError> {
    if facts.is_empty() {
        return Ok(Vec::new());
    }
    let Stream { mut seq, mut board_seq, mut chain } = stream;
    let mut lines = Lines::default();
    let mut entries = Vec::with_capacity(facts.len());
    for (at, by, fact) in facts {
        seq += 1;
        if fact.moves_board() {
            board_seq = seq;
        }
        chain = lines.push(seq, at, by, &fact, &chain)?;
        entries.push(Entry { seq, at, by, fact });
    }
    lines.insert(conn, account).await?;
    sqlx::query("UPDATE account_stream SET seq = $2, board_seq = $3, chain = $4 WHERE account_id = $1")
        .bind(account.0)
        .bind(seq)
        .bind(board_seq)
        .bind(chain)
        .execute(conn)
        .await?;
    Ok(entries)
}

#[derive(Default)]
struct Lines {
    seq: Vec<i64>,
    at: Vec<DateTime<Utc>>,
    by: Vec<String>,
    kind: Vec<&'static str>,
    subject: Vec<Uuid>,
    audience: Vec<String>,
    moves_board: Vec<bool>,
    payload: Vec<String>,
    digest: Vec<Vec<u8>>,
    chain: Vec<Vec<u8>>,
}

impl Lines {
    fn push(&mut self, seq: i64, at: DateTime<Utc>, by: By, fact: &Fact, chain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let json = |e: serde_json::Error| StoreError::Bug(format!("a fact cannot be written: {e}"));
        let payload = serde_json::to_string(fact).map_err(json)?;
        let digest = Sha256::digest(payload.as_bytes()).to_vec();
        let (kind, subject, moves_board) = (fact.kind(), fact.subject(), fact.moves_board());
        let audience: Vec<Uuid> = fact.audience().iter().map(|worker| worker.0).collect();
        let text: Vec<String> = audience.iter().map(Uuid::to_string).collect();
        let line = Line { seq, at, by, kind, subject, audience, moves_board, digest: &digest };
        let chain = line.link(chain);
        self.seq.push(seq);
        self.at.push(at);
        self.by.push(serde_json::to_string(&by).map_err(json)?);
        self.kind.push(kind);
        self.subject.push(subject);
        self.audience.push(format!("{{{}}}", text.join(",")));
        self.moves_board.push(moves_board);
        self.payload.push(payload);
        self.digest.push(digest);
        self.chain.push(chain.clone());
        Ok(chain)
    }

    async fn insert(self, conn: &mut PgConnection, account: AccountId) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO journal (account_id, seq, at, by, kind, subject, audience, moves_board, payload, digest, chain)
             SELECT $1, l.seq, l.at, l.by::jsonb, l.kind, l.subject, l.audience::uuid[], l.moves_board, l.payload::json,
                    l.digest, l.chain
             FROM unnest($2::int8[], $3::timestamptz[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::bool[],
                         $9::text[], $10::bytea[], $11::bytea[])
                  AS l (seq, at, by, kind, subject, audience, moves_board, payload, digest, chain)",
        )
        .bind(account.0)
        .bind(self.seq)
        .bind(self.at)
        .bind(self.by)
        .bind(self.kind)
        .bind(self.subject)
        .bind(self.audience)
        .bind(self.moves_board)
        .bind(self.payload)
        .bind(self.digest)
        .bind(self.chain)
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// At most `limit` lines after `seq`, in order; only those that concern boards, if asked.
pub async fn after(
    conn: &mut PgConnection,
    account: AccountId,
    seq: i64,
    limit: i64,
    boards_only: bool,
) -> Result<Vec<Entry>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, at, by, payload::text AS payload FROM journal
         WHERE account_id = $1 AND seq > $2 AND (moves_board OR NOT $4) ORDER BY seq LIMIT $3",
    )
    .bind(account.0)
    .bind(seq)
    .bind(limit)
    .bind(boards_only)
    .fetch_all(conn)
    .await?;
    rows.iter().map(entry_from).collect()
}

/// A row of `journal`, its payload as text.
pub fn entry_from(row: &PgRow) -> Result<Entry, StoreError> {
    let fact = serde_json::from_str(row.get("payload"))
        .map_err(|e| StoreError::Bug(format!("journal line cannot be read: {e}")))?;
    let Json(by) = row.get::<Json<By>, _>("by");
    Ok(Entry { seq: row.get("seq"), at: row.get("at"), by, fact: Arc::new(fact) })
}

/// Where several accounts stand; no tenant scope is needed.
pub async fn heads(store: &Store, accounts: &[AccountId]) -> Result<BTreeMap<AccountId, Head>, StoreError> {
    let look = async { heads_on(&mut *store.pool().acquire().await?, accounts).await };
    store.read(look).await
}

/// The same of one account, as part of the caller's transaction.
pub async fn head(conn: &mut PgConnection, account: AccountId) -> Result<Head, StoreError> {
    let head = heads_on(conn, &[account]).await?.remove(&account);
    head.ok_or_else(|| StoreError::Bug("an account without a stream".into()))
}

async fn heads_on(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<BTreeMap<AccountId, Head>, StoreError> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
    let rows =
        sqlx::query("SELECT account_id, seq, board_seq, epoch FROM stream_heads($1)").bind(ids).fetch_all(conn).await?;
    let head = |row: &PgRow| Head { seq: row.get("seq"), board_seq: row.get("board_seq"), epoch: row.get("epoch") };
    Ok(rows.iter().map(|row| (AccountId(row.get("account_id")), head(row))).collect())
}

impl Journal for Store {
    fn head(&self, account: AccountId) -> Later<Result<Head, Unavailable>> {
        let store = self.clone();
        Box::pin(async move {
            let heads = heads(&store, &[account]).await.map_err(unavailable)?;
            heads.get(&account).copied().ok_or(Unavailable)
        })
    }

    fn heads(&self, accounts: Vec<AccountId>) -> Later<Result<BTreeMap<AccountId, Head>, Unavailable>> {
        let store = self.clone();
        Box::pin(async move { heads(&store, &accounts).await.map_err(unavailable) })
    }

    fn after(&self, account: AccountId, seq: i64, limit: usize) -> Later<Result<Option<Vec<Entry>>, Unavailable>> {
        let store = self.clone();
        Box::pin(async move {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let entries = store
                .quiet::<_, std::convert::Infallible, _>(account, move |unit| {
                    Box::pin(async move {
                        let account = unit.account();
                        Ok(after(unit.conn(), account, seq, limit, false).await?)
                    })
                })
                .await
                .map_err(|_| Unavailable)?;
            // Without gaps, what follows `seq` is `seq + 1`; if it is not, the beginning has been cleared away.
            Ok(entries.first().is_none_or(|first| first.seq == seq + 1).then_some(entries))
        })
    }
}

/// The actors need only know that it did not work; the log says why, and if the database is away it says so once.
pub fn unavailable(error: StoreError) -> Unavailable {
    if Cause::of(&error).is_none() {
        tracing::warn!(%error, "the store did not answer");
    }
    Unavailable
}
