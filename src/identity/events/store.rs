//! Pieces of the journal, by type if asked.

use muster_actors::ports::Entry;
use muster_domain::ids::AccountId;

use crate::http::Problem;
use crate::store::journal::entry_from;
use crate::store::{Store, Undone, Unit};

/// At most `limit` lines after `seq`, in order.
pub async fn after(
    store: &Store,
    account: AccountId,
    seq: i64,
    limit: i64,
    kinds: Option<Vec<&'static str>>,
) -> Result<Vec<Entry>, Problem> {
    Ok(store.quiet(account, move |unit| Box::pin(read(unit, seq, limit, kinds.clone()))).await?)
}

async fn read(
    unit: &mut Unit,
    seq: i64,
    limit: i64,
    kinds: Option<Vec<&'static str>>,
) -> Result<Vec<Entry>, Undone<Problem>> {
    let account = unit.account();
    let rows = sqlx::query(
        "SELECT seq, at, by, payload::text AS payload FROM journal
         WHERE account_id = $1 AND seq > $2 AND ($4::text[] IS NULL OR kind = ANY ($4)) ORDER BY seq LIMIT $3",
    )
    .bind(account.0)
    .bind(seq)
    .bind(limit)
    .bind(kinds)
    .fetch_all(unit.conn())
    .await?;
    Ok(rows.iter().map(entry_from).collect::<Result<_, _>>()?)
}
