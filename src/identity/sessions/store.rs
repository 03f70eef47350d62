//! Sessions and their refresh tokens in PostgreSQL.

use muster_domain::identity::Role;
use muster_domain::ids::{AccountId, SessionId, UserId};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::store::StoreError;

/// Whom a session speaks for, as the database says.
#[derive(Clone, Debug)]
pub struct Principal {
    pub user: UserId,
    pub role: Role,
    pub is_worker: bool,
}

/// What an access token is signed for.
#[derive(Clone, Debug)]
pub struct Signed {
    pub session: SessionId,
    pub user: UserId,
    pub email: String,
    pub role: Role,
}

pub fn role(name: &str) -> Result<Role, StoreError> {
    Role::parse(name).ok_or_else(|| StoreError::Bug(format!("unknown role {name}")))
}

/// One round trip; needs no tenant scope.
pub async fn principal(
    conn: &mut PgConnection,
    account: AccountId,
    session: SessionId,
) -> Result<Option<Principal>, StoreError> {
    let row = sqlx::query("SELECT user_id, role, is_worker FROM session_principal($1, $2)")
        .bind(account.0)
        .bind(session.0)
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        let role = role(row.get("role"))?;
        Ok(Principal { user: UserId(row.get("user_id")), role, is_worker: row.get("is_worker") })
    })
    .transpose()
}

pub async fn ended(conn: &mut PgConnection, sessions: &[(AccountId, SessionId)]) -> Result<Vec<SessionId>, StoreError> {
    let (accounts, ids): (Vec<Uuid>, Vec<Uuid>) = sessions.iter().map(|(account, id)| (account.0, id.0)).unzip();
    let rows: Vec<Uuid> =
        sqlx::query_scalar("SELECT ended_sessions($1, $2)").bind(accounts).bind(ids).fetch_all(conn).await?;
    Ok(rows.into_iter().map(SessionId).collect())
}

/// Opens a session for an active user; `None` for anybody else.
pub async fn open(
    conn: &mut PgConnection,
    account: AccountId,
    user: UserId,
    session: SessionId,
    refresh_digest: &[u8],
) -> Result<Option<Signed>, StoreError> {
    let row = sqlx::query(
        "WITH opened AS (
             INSERT INTO sessions (account_id, id, user_id, session_version, created_at, expires_at)
             SELECT account_id, $3, id, session_version, now(), now() + interval '30 days'
             FROM users WHERE account_id = $1 AND id = $2 AND status = 'active'
             RETURNING account_id, user_id)
         SELECT u.email, u.role FROM opened o JOIN users u ON (u.account_id, u.id) = (o.account_id, o.user_id)",
    )
    .bind(account.0)
    .bind(user.0)
    .bind(session.0)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    add_refresh(conn, account, session, refresh_digest).await?;
    Ok(Some(Signed { session, user, email: row.get("email"), role: role(row.get("role"))? }))
}

async fn add_refresh(
    conn: &mut PgConnection,
    account: AccountId,
    session: SessionId,
    digest: &[u8],
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO refresh_tokens (account_id, digest, session_id, created_at) VALUES ($1, $2, $3, now())")
        .bind(account.0)
        .bind(digest)
        .bind(session.0)
        .execute(conn)
        .await?;
    Ok(())
}

pub async fn end(
    conn: &mut PgConnection,
    account: AccountId,
    session: SessionId,
    because: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE sessions SET ended_at = now(), ended_because = $3
         WHERE account_id = $1 AND id = $2 AND ended_at IS NULL",
    )
    .bind(account.0)
    .bind(session.0)
    .bind(because)
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends all of a user's sessions.
pub async fn end_all(
    conn: &mut PgConnection,
    account: AccountId,
    user: UserId,
    because: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE sessions SET ended_at = now(), ended_because = $3
         WHERE account_id = $1 AND user_id = $2 AND ended_at IS NULL",
    )
    .bind(account.0)
    .bind(user.0)
    .bind(because)
    .execute(conn)
    .await?;
    Ok(())
}

/// What became of a refresh token that was presented.
#[derive(Debug)]
pub enum Rotated {
    /// Its successor is now the live one.
    Went(Signed),
    /// Unknown, or its session has ended.
    Ended,
    /// Used again although its successor had arrived: somebody else has it, so the session has been ended.
    Reused(SessionId),
}

/// Exchanges a refresh token for its successor. Those who come at once with the same token wait for each other, and
/// within ten seconds of its use they get the same successor, as long as that has not been used itself.
pub async fn rotate(
    conn: &mut PgConnection,
    account: AccountId,
    digest: &[u8],
    successor: &[u8],
) -> Result<Rotated, StoreError> {
    let row = sqlx::query(
        "SELECT s.id AS session_id, u.id AS user_id, u.email, u.role, t.used_at IS NOT NULL AS used,
                coalesce(t.used_at > now() - interval '10 seconds', false) AS recently,
                s.ended_at IS NULL AND s.expires_at > now() AND u.status = 'active'
                    AND u.session_version = s.session_version AS lives
         FROM refresh_tokens t
         JOIN sessions s ON (s.account_id, s.id) = (t.account_id, t.session_id)
         JOIN users u ON (u.account_id, u.id) = (s.account_id, s.user_id)
         WHERE t.account_id = $1 AND t.digest = $2
         FOR NO KEY UPDATE OF s, t",
    )
    .bind(account.0)
    .bind(digest)
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row.filter(|row| row.get("lives")) else { return Ok(Rotated::Ended) };
    let session = SessionId(row.get("session_id"));
    let signed =
        Signed { session, user: UserId(row.get("user_id")), email: row.get("email"), role: role(row.get("role"))? };
    if !row.get::<bool, _>("used") {
        use_up(conn, account, session, digest).await?;
        add_refresh(conn, account, session, successor).await?;
        return Ok(Rotated::Went(signed));
    }
    if row.get("recently") && is_unused(conn, account, successor).await? {
        return Ok(Rotated::Went(signed));
    }
    end(conn, account, session, "refresh token reused").await?;
    Ok(Rotated::Reused(session))
}

async fn use_up(
    conn: &mut PgConnection,
    account: AccountId,
    session: SessionId,
    digest: &[u8],
) -> Result<(), StoreError> {
    sqlx::query("UPDATE refresh_tokens SET used_at = now() WHERE account_id = $1 AND digest = $2")
        .bind(account.0)
        .bind(digest)
        .execute(&mut *conn)
        .await?;
    sqlx::query("UPDATE sessions SET expires_at = now() + interval '30 days' WHERE account_id = $1 AND id = $2")
        .bind(account.0)
        .bind(session.0)
        .execute(conn)
        .await?;
    Ok(())
}

async fn is_unused(conn: &mut PgConnection, account: AccountId, digest: &[u8]) -> Result<bool, StoreError> {
    let unused: Option<bool> =
        sqlx::query_scalar("SELECT used_at IS NULL FROM refresh_tokens WHERE account_id = $1 AND digest = $2")
            .bind(account.0)
            .bind(digest)
            .fetch_optional(conn)
            .await?;
    Ok(unused.unwrap_or(false))
}
