//! Is an account's journal what was once written to it? Follows the chain from its first link to the account's row, and
//! names the first line that is not. Sees what somebody does to the rows; whoever recomputes the whole chain and the
//! account's row too is seen only by a copy of the chain's end kept elsewhere.

use chrono::{DateTime, Utc};
use muster_domain::By;
use muster_domain::ids::AccountId;
use sha2::{Digest, Sha256};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};

use super::journal::{Line, first_link};
use super::{Store, StoreError, Undone};

const PAGE: i64 = 1_000;

/// The first line that was edited or is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    pub seq: i64,
}

/// How far the journal reached when it was looked at, if every line of it stands. A payload that was erased (`null`) is
/// vouched for by its digest.
pub async fn verify(store: &Store, account: AccountId) -> Result<i64, Undone<Broken>> {
    let (end, last) = head(store, account).await?;
    let (mut seq, mut chain) = (0, first_link(account));
    while seq < end {
        let read = store.quiet(account, move |unit| {
            Box::pin(async move {
                let account = unit.account();
                Ok::<_, Undone<Broken>>(page(unit.conn(), account, seq, end).await?)
            })
        });
        let rows = read.await?;
        if rows.is_empty() {
            return Err(Undone::Refused(Broken { seq: seq + 1 }));
        }
        for row in rows {
            seq += 1;
            chain = follow(&row, seq, &chain).ok_or(Undone::Refused(Broken { seq }))?;
        }
    }
    // What was cut off, or put behind the end.
    let beyond = if chain == last { beyond(store, account, end).await? } else { Some(end + 1) };
    beyond.map_or(Ok(end), |seq| Err(Undone::Refused(Broken { seq })))
}

async fn head(store: &Store, account: AccountId) -> Result<(i64, Vec<u8>), Undone<Broken>> {
    let read = store.quiet(account, |unit| {
        Box::pin(async move {
            let account = unit.account();
            let row = sqlx::query("SELECT seq, chain FROM account_stream WHERE account_id = $1")
                .bind(account.0)
                .fetch_optional(unit.conn())
                .await?;
            row.map(|row| (row.get("seq"), row.get("chain"))).ok_or(Undone::Refused(Broken { seq: 0 }))
        })
    });
    read.await
}

async fn page(conn: &mut PgConnection, account: AccountId, seq: i64, end: i64) -> Result<Vec<PgRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT seq, at, by, kind, subject, audience, moves_board, payload::text AS payload, digest, chain FROM journal
         WHERE account_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4",
    )
    .bind(account.0)
    .bind(seq)
    .bind(end)
    .bind(PAGE)
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// The line's own link, if it is line `seq` as it was written after `chain`.
fn follow(row: &PgRow, seq: i64, chain: &[u8]) -> Option<Vec<u8>> {
    let Json(by) = row.try_get::<Json<By>, _>("by").ok()?;
    let (digest, payload): (Vec<u8>, &str) = (row.get("digest"), row.get("payload"));
    let line = Line {
        seq: row.get("seq"),
        at: row.get::<DateTime<Utc>, _>("at"),
        by,
        kind: row.get("kind"),
        subject: row.get("subject"),
        audience: row.get("audience"),
        moves_board: row.get("moves_board"),
        digest: &digest,
    };
    let link = line.link(chain);
    let is_vouched_for = payload == "null" || Sha256::digest(payload.as_bytes())[..] == digest[..];
    (line.seq == seq && is_vouched_for && link == row.get::<Vec<u8>, _>("chain")).then_some(link)
}

/// A line which nobody can have written: it lies behind the end, and still does.
async fn beyond(store: &Store, account: AccountId, end: i64) -> Result<Option<i64>, Undone<Broken>> {
    let read = store.quiet(account, move |unit| {
        Box::pin(async move {
            let sql = "SELECT min(j.seq) FROM journal j JOIN account_stream s USING (account_id)
                WHERE account_id = $1 AND j.seq > greatest(s.seq, $2)";
            let account = unit.account();
            Ok(sqlx::query_scalar(sql).bind(account.0).bind(end).fetch_one(unit.conn()).await?)
        })
    });
    read.await
}
