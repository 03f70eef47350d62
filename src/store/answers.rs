//! Kept answers: what a request with an `Idempotency-Key` got, for its repetition. Written in the transaction of the
//! effect; only what took effect is kept.

use std::collections::BTreeMap;

use bytes::Bytes;
use muster_actors::ports::{AnswerKey, Kept, Rendered};
use muster_domain::ids::AccountId;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

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
    Ok(row.as_ref().map(kept_of))
}

/// Those of `keys` under which something is kept, by their index: one question for a whole batch.
pub async fn find_all(
    conn: &mut PgConnection,
    account: AccountId,
    keys: &[AnswerKey],
) -> Result<BTreeMap<usize, Kept>, StoreError> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let Columns { principal, route, key } = Columns::of(keys.iter());
    let rows = sqlx::query(
        "SELECT asked.number, k.body_hash, k.status, k.body, k.etag, k.location
         FROM unnest($2::uuid[], $3::text[], $4::text[]) WITH ORDINALITY AS asked (principal, route, key, number)
         JOIN kept_answers k ON k.account_id = $1 AND k.principal = asked.principal AND k.route = asked.route
             AND k.key = asked.key AND k.kept_at > now() - interval '24 hours'",
    )
    .bind(account.0)
    .bind(principal)
    .bind(route)
    .bind(key)
    .fetch_all(conn)
    .await?;
    let index = |row: &PgRow| usize::try_from(row.get::<i64, _>("number") - 1).unwrap_or_default();
    Ok(rows.iter().map(|row| (index(row), kept_of(row))).collect())
}

fn kept_of(row: &PgRow) -> Kept {
    Kept {
        body_hash: row.get::<Vec<u8>, _>("body_hash").try_into().unwrap_or_default(),
        answer: Rendered {
            status: u16::try_from(row.get::<i16, _>("status")).unwrap_or(200),
            body: Bytes::from(row.get::<Vec<u8>, _>("body")),
            etag: row.get("etag"),
            location: row.get("location"),
        },
    }
}

#[derive(Default)]
struct Columns<'a> {
    principal: Vec<Uuid>,
    route: Vec<&'a str>,
    key: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(keys: impl Iterator<Item = &'a AnswerKey>) -> Self {
        let mut columns = Self::default();
        for AnswerKey { principal, route, key, .. } in keys {
            columns.principal.push(*principal);
            columns.route.push(route);
            columns.key.push(key);
        }
        columns
    }
}

pub async fn keep(
    conn: &mut PgConnection,
    account: AccountId,
    key: &AnswerKey,
    answer: &Rendered,
) -> Result<(), StoreError> {
    keep_all(conn, account, &[(key.clone(), answer.clone())]).await
}

/// All answers of a batch, in two statements.
pub async fn keep_all(
    conn: &mut PgConnection,
    account: AccountId,
    answers: &[(AnswerKey, Rendered)],
) -> Result<(), StoreError> {
    if answers.is_empty() {
        return Ok(());
    }
    let Columns { principal, route, key } = Columns::of(answers.iter().map(|(key, _)| key));
    // What is older than a day no longer counts, and must not stand in the way.
    sqlx::query(
        "DELETE FROM kept_answers k USING unnest($2::uuid[], $3::text[], $4::text[]) AS old (principal, route, key)
         WHERE k.account_id = $1 AND k.principal = old.principal AND k.route = old.route AND k.key = old.key
             AND k.kept_at <= now() - interval '24 hours'",
    )
    .bind(account.0)
    .bind(&principal)
    .bind(&route)
    .bind(&key)
    .execute(&mut *conn)
    .await?;
    let hashes: Vec<&[u8]> = answers.iter().map(|(key, _)| key.body_hash.as_slice()).collect();
    let statuses: Vec<i16> = answers.iter().map(|(_, kept)| i16::try_from(kept.status).unwrap_or(200)).collect();
    let bodies: Vec<&[u8]> = answers.iter().map(|(_, kept)| &*kept.body).collect();
    let etags: Vec<Option<&str>> = answers.iter().map(|(_, kept)| kept.etag.as_deref()).collect();
    let locations: Vec<Option<&str>> = answers.iter().map(|(_, kept)| kept.location.as_deref()).collect();
    sqlx::query(
        "INSERT INTO kept_answers (account_id, principal, route, key, body_hash, status, body, etag, location)
         SELECT $1, a.* FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bytea[], $6::int2[], $7::bytea[],
             $8::text[], $9::text[]) AS a",
    )
    .bind(account.0)
    .bind(principal)
    .bind(route)
    .bind(key)
    .bind(hashes)
    .bind(statuses)
    .bind(bodies)
    .bind(etags)
    .bind(locations)
    .execute(conn)
    .await?;
    Ok(())
}
