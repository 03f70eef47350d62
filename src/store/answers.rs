//! Kept answers: what a request with an `Idempotency-Key` got, for its repetition. Written in the transaction of the
//! effect; only what took effect is kept.

use bytes::Bytes;
use muster_actors::ports::{AnswerKey, Kept, Rendered};
use muster_domain::ids::AccountId;
use sqlx::{PgConnection, Row};

use super::StoreError;

/// The constraint that says: somebody else's answer is already kept under this key.
pub const TAKEN: &str = "kept_answers_pkey";

pub async fn find(conn: &mut PgConnection, account: AccountId, key: &AnswerKey) -> Result<Option<Kept>, StoreError> {
    let row = sqlx::query(
        "SELECT body_hash, status, body, etag, location FROM kept_answers
         WHERE account_id = $1 AND principal = $2 AND route = $3 AND key = $4 AND kept_at > now() - interval '24 hours'",
    )
    .bind(account.0)
    .bind(key.principal)
    .bind(&key.route)
    .bind(&key.key)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Kept {
        body_hash: row.get::<Vec<u8>, _>("body_hash").try_into().unwrap_or_default(),
        answer: Rendered {
            status: u16::try_from(row.get::<i16, _>("status")).unwrap_or(200),
            body: Bytes::from(row.get::<Vec<u8>, _>("body")),
            etag: row.get("etag"),
            location: row.get("location"),
        },
    }))
}

pub async fn keep(
    conn: &mut PgConnection,
    account: AccountId,
    key: &AnswerKey,
    answer: &Rendered,
) -> Result<(), StoreError> {
    // What is older than a day no longer counts, and must not stand in the way.
    sqlx::query(
        "DELETE FROM kept_answers WHERE account_id = $1 AND principal = $2 AND route = $3 AND key = $4
         AND kept_at <= now() - interval '24 hours'",
    )
    .bind(account.0)
    .bind(key.principal)
    .bind(&key.route)
    .bind(&key.key)
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "INSERT INTO kept_answers (account_id, principal, route, key, body_hash, status, body, etag, location)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(account.0)
    .bind(key.principal)
    .bind(&key.route)
    .bind(&key.key)
    .bind(key.body_hash.to_vec())
    .bind(i16::try_from(answer.status).unwrap_or(200))
    .bind(answer.body.to_vec())
    .bind(&answer.etag)
    .bind(&answer.location)
    .execute(conn)
    .await?;
    Ok(())
}
