//! What sign-in reads before it knows the account, and within each account that it finds.

use muster_domain::identity::Role;
use muster_domain::ids::{AccountId, UserId};
use sqlx::{PgConnection, Row};

use super::Membership;
use crate::identity::users::Status;
use crate::store::StoreError;

/// Where an address is listed; needs no tenant scope.
pub async fn listed(
    conn: &mut PgConnection,
    email_digest: &[u8],
    limit: i64,
) -> Result<Vec<(AccountId, UserId)>, StoreError> {
    let rows = sqlx::query(
        "SELECT account_id, subject FROM directory WHERE kind = 'email' AND digest = $1 ORDER BY account_id LIMIT $2",
    )
    .bind(email_digest)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows.iter().map(|row| (AccountId(row.get("account_id")), UserId(row.get("subject")))).collect())
}

pub async fn membership(
    conn: &mut PgConnection,
    account: AccountId,
    user: UserId,
) -> Result<Option<Membership>, StoreError> {
    let row = sqlx::query(
        "SELECT u.status, u.role, a.name FROM users u JOIN accounts a ON a.id = u.account_id
         WHERE u.account_id = $1 AND u.id = $2",
    )
    .bind(account.0)
    .bind(user.0)
    .fetch_optional(conn)
    .await?;
    let found = |row: sqlx::postgres::PgRow| {
        let (status, role) = (Status::parse(row.get("status"))?, Role::parse(row.get("role"))?);
        Some(Membership { account, account_name: row.get("name"), user, role, status })
    };
    Ok(row.and_then(found))
}
