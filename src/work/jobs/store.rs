//! Jobs in PostgreSQL, as records: lists, words. What the board owns of them is written by the board's store.

use muster_domain::ids::{AccountId, ClientId, JobId, PropertyId, WorkerId};
use muster_domain::work::{Job, JobRecord, JobStatus};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::dispatch::board::store::job_from;
use crate::http::listing::Page;
use crate::store::{StoreError, pattern};

/// Which jobs a list shows, and in which order.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub statuses: Option<Vec<JobStatus>>,
    pub client: Option<ClientId>,
    pub ids: Option<Vec<Uuid>>,
    pub search: Option<String>,
    /// Only those with a visit of this worker.
    pub worker: Option<WorkerId>,
    /// An expression of ours and whether downwards.
    pub order: (&'static str, bool),
}

/// One page, and how many there are on all.
pub async fn list(
    conn: &mut PgConnection,
    account: AccountId,
    wanted: &Wanted,
    page: Page,
) -> Result<(i64, Vec<JobRecord>), StoreError> {
    let mut count = QueryBuilder::new("SELECT count(*) FROM jobs j WHERE j.account_id = ");
    narrow(&mut count, account, wanted);
    let total = count.build().fetch_one(&mut *conn).await?.get(0);
    let mut select = QueryBuilder::new("SELECT j.* FROM jobs j WHERE j.account_id = ");
    narrow(&mut select, account, wanted);
    let (by, down) = wanted.order;
    let direction = if down { "DESC" } else { "ASC" };
    select.push(format!(" ORDER BY {by} {direction}, j.id {direction} LIMIT ")).push_bind(page.limit);
    select.push(" OFFSET ").push_bind(page.offset());
    let rows = select.build().fetch_all(conn).await?;
    Ok((total, rows.iter().map(record_from).collect::<Result<_, _>>()?))
}

fn narrow(query: &mut QueryBuilder<Postgres>, account: AccountId, wanted: &Wanted) {
    query.push_bind(account.0);
    if let Some(statuses) = &wanted.statuses {
        let names: Vec<&str> = statuses.iter().map(|status| status.name()).collect();
        query.push(" AND j.status = ANY (").push_bind(names).push(")");
    }
    if let Some(client) = wanted.client {
        query.push(" AND j.client_id = ").push_bind(client.0);
    }
    if let Some(ids) = &wanted.ids {
        query.push(" AND j.id = ANY (").push_bind(ids.clone()).push(")");
    }
    if let Some(search) = &wanted.search {
        query.push(" AND (j.title ILIKE ").push_bind(pattern::containing(search));
        if let Ok(number) = search.trim_start_matches('#').parse::<i64>() {
            query.push(" OR j.number = ").push_bind(number);
        }
        query.push(")");
    }
    if let Some(worker) = wanted.worker {
        query.push(
            " AND EXISTS (SELECT FROM visits v JOIN visit_assignments a ON (a.account_id, a.visit_id) = (v.account_id, v.id)
              WHERE v.account_id = j.account_id AND v.job_id = j.id AND a.worker_id = ",
        );
        query.push_bind(worker.0).push(")");
    }
}

/// In the order of their ids.
pub async fn read(conn: &mut PgConnection, account: AccountId, ids: &[Uuid]) -> Result<Vec<JobRecord>, StoreError> {
    let rows = sqlx::query("SELECT * FROM jobs WHERE account_id = $1 AND id = ANY ($2) ORDER BY id")
        .bind(account.0)
        .bind(ids)
        .fetch_all(conn)
        .await?;
    rows.iter().map(record_from).collect()
}

pub async fn find(conn: &mut PgConnection, account: AccountId, id: JobId) -> Result<Option<JobRecord>, StoreError> {
    Ok(read(conn, account, &[id.0]).await?.pop())
}

/// The one attribute that the board does not own.
pub async fn describe(
    conn: &mut PgConnection,
    account: AccountId,
    id: JobId,
    description: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE jobs SET description = $3 WHERE account_id = $1 AND id = $2")
        .bind(account.0)
        .bind(id.0)
        .bind(description)
        .execute(conn)
        .await?;
    Ok(())
}

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

fn record_from(row: &PgRow) -> Result<JobRecord, StoreError> {
    Ok(JobRecord {
        job: job_from(row)?,
        description: row.get("description"),
        created_at: row.get("created_at"),
        updated_at: row.get("updated_at"),
    })
}
