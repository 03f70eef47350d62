//! Tickets, in the directory: read before the account is known, and only ever as a hash. And what people are called.

use chrono::{DateTime, Utc};
use muster_domain::ids::{AccountId, SessionId, UserId};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, Row};

use crate::store::{Store, StoreError};

fn digest(ticket: &str) -> Vec<u8> {
    Sha256::digest(ticket.as_bytes()).to_vec()
}

/// Only the ticket's hash is kept. Those long expired are swept out on the way.
pub async fn keep_ticket(
    store: &Store,
    account: AccountId,
    session: SessionId,
    ticket: &str,
    expires_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sweep = sqlx::query("DELETE FROM directory WHERE kind = 'ticket' AND expires_at < now() - interval '1 minute'");
    store.read(sweep.execute(store.pool())).await?;
    let insert = sqlx::query(
        "INSERT INTO directory (kind, digest, account_id, subject, expires_at) VALUES ('ticket', $1, $2, $3, $4)",
    );
    let insert = insert.bind(digest(ticket)).bind(account.0).bind(session.0).bind(expires_at);
    store.read(insert.execute(store.pool())).await?;
    Ok(())
}

/// Whoever deletes the row has the ticket, so no two servers can both take it.
pub async fn take_ticket(store: &Store, ticket: &str) -> Result<Option<(AccountId, SessionId)>, StoreError> {
    let take = sqlx::query(
        "DELETE FROM directory WHERE kind = 'ticket' AND digest = $1
         RETURNING account_id, subject, expires_at > now() AS valid",
    );
    let row = store.read(take.bind(digest(ticket)).fetch_optional(store.pool())).await?;
    let valid = row.filter(|row| row.get::<Option<bool>, _>("valid").unwrap_or(false));
    Ok(valid.map(|row| (AccountId(row.get("account_id")), SessionId(row.get("subject")))))
}

/// Needs the account's scope.
pub async fn name_of(conn: &mut PgConnection, account: AccountId, user: UserId) -> Result<Option<String>, StoreError> {
    let name = sqlx::query_scalar(
        "SELECT trim(concat_ws(' ', first_name, last_name)) FROM users WHERE account_id = $1 AND id = $2",
    )
    .bind(account.0)
    .bind(user.0)
    .fetch_optional(conn)
    .await?;
    Ok(name)
}
