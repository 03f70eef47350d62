//! Accounts, and the answers kept for sign-ups, in PostgreSQL.

use bytes::Bytes;
use muster_actors::ports::{Kept, Rendered};
use muster_domain::ids::AccountId;
use sqlx::{PgConnection, Row};

use super::{Account, Arrivals};
use crate::store::StoreError;

/// The constraint that says: another sign-up came with this key.
pub const KEY_TAKEN: &str = "signup_answers_pkey";
pub const EMAIL_TAKEN: &str = "identities_email";

pub async fn insert(conn: &mut PgConnection, account: &Account) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO accounts (id, name, time_zone, currency, version, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(account.id.0)
    .bind(&account.name)
    .bind(&account.time_zone)
    .bind(&account.currency)
    .bind(account.version)
    .bind(account.created_at)
    .bind(account.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn read(conn: &mut PgConnection, id: AccountId) -> Result<Account, StoreError> {
    let row = sqlx::query("SELECT * FROM accounts WHERE id = $1").bind(id.0).fetch_one(conn).await?;
    Ok(Account {
        id: AccountId(row.get("id")),
        name: row.get("name"),
        time_zone: row.get("time_zone"),
        currency: row.get("currency"),
        arrivals: Arrivals::parse(row.get("arrivals")).unwrap_or_default(),
        version: row.get("version"),
        created_at: row.get("created_at"),
        updated_at: row.get("updated_at"),
    })
}

pub async fn update(conn: &mut PgConnection, account: &Account) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE accounts SET name = $2, time_zone = $3, currency = $4, version = $5, updated_at = $6, arrivals = $7
         WHERE id = $1",
    )
    .bind(account.id.0)
    .bind(&account.name)
    .bind(&account.time_zone)
    .bind(&account.currency)
    .bind(account.version)
    .bind(account.updated_at)
    .bind(account.arrivals.name())
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn find_answer(conn: &mut PgConnection, key: &str) -> Result<Option<Kept>, StoreError> {
    let row = sqlx::query("SELECT body_hash, status, body, location FROM signup_answers WHERE key = $1")
        .bind(key)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| Kept {
        body_hash: row.get::<Vec<u8>, _>("body_hash").try_into().unwrap_or_default(),
        answer: Rendered {
            status: u16::try_from(row.get::<i16, _>("status")).unwrap_or(201),
            body: Bytes::from(row.get::<Vec<u8>, _>("body")),
            etag: Some("\"1\"".into()),
            location: row.get("location"),
        },
    }))
}

/// Waits for another sign-up with the same key, and fails on [`KEY_TAKEN`] if that one went through.
pub async fn keep_answer(
    conn: &mut PgConnection,
    key: &str,
    body_hash: &[u8; 32],
    answer: &Rendered,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO signup_answers (key, body_hash, status, body, location) VALUES ($1, $2, $3, $4, $5)")
        .bind(key)
        .bind(body_hash.to_vec())
        .bind(i16::try_from(answer.status).unwrap_or(201))
        .bind(answer.body.to_vec())
        .bind(&answer.location)
        .execute(conn)
        .await?;
    Ok(())
}
