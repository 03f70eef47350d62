//! Users and the identities behind them in PostgreSQL.

use chrono::{DateTime, Utc};
use muster_domain::ids::{AccountId, UserId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::{Status, User};
use crate::http::listing::Page;
use crate::identity::sessions::store::{end_all, role};
use crate::store::{StoreError, pattern};

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

/// `false` if somebody else has just made the same address known.
pub async fn add_identity(
    conn: &mut PgConnection,
    id: Uuid,
    email: &str,
    password_hash: &str,
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO identities (id, email, password_hash, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)
         ON CONFLICT (email) DO NOTHING",
    )
    .bind(id)
    .bind(email)
    .bind(password_hash)
    .bind(at)
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
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

/// `None` if nobody has this address.
pub async fn set_password(
    conn: &mut PgConnection,
    email: &str,
    password_hash: &str,
    at: DateTime<Utc>,
) -> Result<Option<Uuid>, StoreError> {
    let id =
        sqlx::query_scalar("UPDATE identities SET password_hash = $2, updated_at = $3 WHERE email = $1 RETURNING id")
            .bind(email)
            .bind(password_hash)
            .bind(at)
            .fetch_optional(conn)
            .await?;
    Ok(id)
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

pub async fn has_email(conn: &mut PgConnection, account: AccountId, email: &str) -> Result<bool, StoreError> {
    let has = sqlx::query_scalar("SELECT EXISTS (SELECT FROM users WHERE account_id = $1 AND email = $2)")
        .bind(account.0)
        .bind(email)
        .fetch_one(conn)
        .await?;
    Ok(has)
}

pub async fn other_owners(conn: &mut PgConnection, account: AccountId, than: UserId) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT count(*) FROM users WHERE account_id = $1 AND id <> $2 AND role = 'owner' AND status = 'active'",
    )
    .bind(account.0)
    .bind(than.0)
    .fetch_one(conn)
    .await?;
    Ok(count)
}

/// Was he made known here, or has he ever come in? Else he still has to accept.
pub async fn has_accepted(conn: &mut PgConnection, account: AccountId, id: UserId) -> Result<bool, StoreError> {
    let has = sqlx::query_scalar(
        "SELECT i.created_at = u.created_at
             OR EXISTS (SELECT FROM sessions s WHERE (s.account_id, s.user_id) = (u.account_id, u.id))
         FROM users u JOIN identities i ON i.id = u.identity_id WHERE u.account_id = $1 AND u.id = $2",
    )
    .bind(account.0)
    .bind(id.0)
    .fetch_one(conn)
    .await?;
    Ok(has)
}

/// `signed_out`: everything that was signed for him ends. A worker's profile shows his name, so its version follows.
pub async fn update(
    conn: &mut PgConnection,
    account: AccountId,
    user: &User,
    signed_out: bool,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE users SET first_name = $3, last_name = $4, phone = $5, role = $6, status = $7, version = $8,
             updated_at = $9, session_version = session_version + $10
         WHERE account_id = $1 AND id = $2",
    )
    .bind(account.0)
    .bind(user.id.0)
    .bind(&user.first_name)
    .bind(&user.last_name)
    .bind(&user.phone)
    .bind(user.role.name())
    .bind(user.status.name())
    .bind(user.version)
    .bind(user.updated_at)
    .bind(i64::from(signed_out))
    .execute(&mut *conn)
    .await?;
    if signed_out {
        end_all(conn, account, user.id, "role or status changed").await?;
    }
    if user.is_worker {
        sqlx::query("UPDATE workers SET version = version + 1, updated_at = $3 WHERE account_id = $1 AND id = $2")
            .bind(account.0)
            .bind(user.id.0)
            .bind(user.updated_at)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Which users a list shows, and in which order.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub only: Option<UserId>,
    pub roles: Option<Vec<&'static str>>,
    pub statuses: Option<Vec<&'static str>>,
    pub search: Option<String>,
    /// An expression of ours and whether downwards.
    pub order: (&'static str, bool),
}

/// One page, and how many there are on all.
pub async fn list(
    conn: &mut PgConnection,
    account: AccountId,
    wanted: &Wanted,
    page: Page,
) -> Result<(i64, Vec<User>), StoreError> {
    let mut count = QueryBuilder::new("SELECT count(*) FROM users u WHERE u.account_id = ");
    narrow(&mut count, account, wanted);
    let total = count.build().fetch_one(&mut *conn).await?.get(0);
    let mut select = QueryBuilder::new(
        "SELECT u.*, EXISTS (SELECT FROM workers w WHERE (w.account_id, w.id) = (u.account_id, u.id)) AS is_worker
         FROM users u WHERE u.account_id = ",
    );
    narrow(&mut select, account, wanted);
    let (by, down) = wanted.order;
    let direction = if down { "DESC" } else { "ASC" };
    select.push(format!(" ORDER BY {by} {direction}, u.id {direction} LIMIT ")).push_bind(page.limit);
    select.push(" OFFSET ").push_bind(page.offset());
    let rows = select.build().fetch_all(conn).await?;
    Ok((total, rows.iter().map(from_row).collect::<Result<_, _>>()?))
}

fn narrow(query: &mut QueryBuilder<Postgres>, account: AccountId, wanted: &Wanted) {
    query.push_bind(account.0);
    if let Some(only) = wanted.only {
        query.push(" AND u.id = ").push_bind(only.0);
    }
    if let Some(roles) = &wanted.roles {
        query.push(" AND u.role = ANY (").push_bind(roles.clone()).push(")");
    }
    if let Some(statuses) = &wanted.statuses {
        query.push(" AND u.status = ANY (").push_bind(statuses.clone()).push(")");
    }
    if let Some(search) = &wanted.search {
        let like = pattern::containing(search);
        query.push(" AND (concat_ws(' ', u.first_name, u.last_name) ILIKE ").push_bind(like.clone());
        query.push(" OR u.email ILIKE ").push_bind(like).push(")");
    }
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
