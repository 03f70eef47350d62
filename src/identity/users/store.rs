//! Users and the identities behind them in PostgreSQL.

use chrono::{DateTime, Utc};
use muster_domain::ids::{AccountId, UserId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::{Status, User};
use crate::identity::sessions::store::role;
use crate::store::StoreError;

/// An address and its password.
#[derive(Clone, Debug)]
pub struct Known {
    pub id: Uuid,
    pub password_hash: Option<String>,
}

/// Needs no tenant scope: an address is one identity across accounts.
pub async fn find_identity(conn: &mut PgConnection, email: &str) -> Result<Option<Known>, StoreError> {
    let row = sqlx::query("SELECT id, password_hash FROM identities WHERE email = $1")
        .bind(email)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| Known { id: row.get("id"), password_hash: row.get("password_hash") }))
}

/// Fails on `identities_email` if the address is known.
pub async fn insert_identity(
    conn: &mut PgConnection,
    id: Uuid,
    email: &str,
    password_hash: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO identities (id, email, password_hash, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
    )
    .bind(id)
    .bind(email)
    .bind(password_hash)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(())
}

/// Also enters the address into the directory, so that sign-in finds the account.
pub async fn insert(
    conn: &mut PgConnection,
    account: AccountId,
    user: &User,
    identity: Uuid,
    email_digest: &[u8],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO users (account_id, id, identity_id, email, first_name, last_name, phone, role, status, version,
             created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(account.0)
    .bind(user.id.0)
    .bind(identity)
    .bind(&user.email)
    .bind(&user.first_name)
    .bind(&user.last_name)
    .bind(&user.phone)
    .bind(user.role.name())
    .bind(user.status.name())
    .bind(user.version)
    .bind(user.created_at)
    .bind(user.updated_at)
    .execute(&mut *conn)
    .await?;
    sqlx::query("INSERT INTO directory (kind, digest, account_id, subject) VALUES ('email', $1, $2, $3)")
        .bind(email_digest)
        .bind(account.0)
        .bind(user.id.0)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn find(conn: &mut PgConnection, account: AccountId, id: UserId) -> Result<Option<User>, StoreError> {
    let row = sqlx::query(
        "SELECT u.*, EXISTS (SELECT FROM workers w WHERE (w.account_id, w.id) = (u.account_id, u.id)) AS is_worker
         FROM users u WHERE u.account_id = $1 AND u.id = $2",
    )
    .bind(account.0)
    .bind(id.0)
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(from_row).transpose()
}

/// An invited user becomes active; the new version, or `None` if he was not invited.
pub async fn accept(
    conn: &mut PgConnection,
    account: AccountId,
    id: UserId,
    at: DateTime<Utc>,
) -> Result<Option<i64>, StoreError> {
    let version = sqlx::query_scalar(
        "UPDATE users SET status = 'active', version = version + 1, updated_at = $3
         WHERE account_id = $1 AND id = $2 AND status = 'invited' RETURNING version",
    )
    .bind(account.0)
    .bind(id.0)
    .bind(at)
    .fetch_optional(conn)
    .await?;
    Ok(version)
}

pub fn from_row(row: &PgRow) -> Result<User, StoreError> {
    let status = row.get::<&str, _>("status");
    Ok(User {
        id: UserId(row.get("id")),
        email: row.get("email"),
        first_name: row.get("first_name"),
        last_name: row.get("last_name"),
        phone: row.get("phone"),
        role: role(row.get("role"))?,
        status: Status::parse(status).ok_or_else(|| StoreError::Bug(format!("unknown status {status}")))?,
        is_worker: row.get("is_worker"),
        version: row.get("version"),
        created_at: row.get("created_at"),
        updated_at: row.get("updated_at"),
    })
}
