//! Jobs in PostgreSQL, as records: lists, words. What the board owns of them is written by the board's store.

use muster_domain::ids::{AccountId, PropertyId};
use muster_domain::work::Job;
use sqlx::PgConnection;

use crate::dispatch::board::store::job_from;
use crate::store::StoreError;

/// The jobs at a property that have not been ended.
pub async fn open_at(
    conn: &mut PgConnection,
    account: AccountId,
    property: PropertyId,
) -> Result<Vec<Job>, StoreError> {
    let rows =
        sqlx::query("SELECT * FROM jobs WHERE account_id = $1 AND property_id = $2 AND ended IS NULL ORDER BY id")
            .bind(account.0)
            .bind(property.0)
            .fetch_all(conn)
            .await?;
    rows.iter().map(job_from).collect()
}
