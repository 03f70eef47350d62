//! Rows become visits and jobs again: the only place that maps them.

use std::collections::BTreeSet;

use muster_domain::dispatch::{ProposedArrival, Visit, VisitStatus};
use muster_domain::ids::{AccountId, ClientId, JobId, PropertyId, VisitId, WorkerId};
use muster_domain::work::{Job, JobEnd, JobStatus};
use muster_domain::{Place, TimeWindow};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::store::StoreError;

/// Which visits to read.
#[derive(Clone, Debug)]
pub enum Which {
    Ids(Vec<Uuid>),
    OfJobs(Vec<Uuid>),
    /// On the schedule of a range, and closed: what a board may have let go of.
    ClosedIn(TimeWindow),
}

/// In the order of their ids.
pub async fn read_visits(conn: &mut PgConnection, account: AccountId, which: Which) -> Result<Vec<Visit>, StoreError> {
    const COLUMNS: &str = "SELECT v.*, ARRAY(SELECT a.worker_id FROM visit_assignments a
            WHERE a.account_id = v.account_id AND a.visit_id = v.id) AS workers FROM visits v WHERE v.account_id = $1";
    let sql = match &which {
        Which::Ids(_) => format!("{COLUMNS} AND v.id = ANY ($2) ORDER BY v.id"),
        Which::OfJobs(_) => format!("{COLUMNS} AND v.job_id = ANY ($2) ORDER BY v.id"),
        Which::ClosedIn(_) => format!(
            "{COLUMNS} AND v.starts_at < $3 AND v.starts_at > $2 - interval '31 days' AND v.ends_at > $2
             AND v.closed_at IS NOT NULL ORDER BY v.id"
        ),
    };
    // Composed of the constants above, nothing from outside.
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(account.0);
    let query = match which {
        Which::Ids(ids) | Which::OfJobs(ids) => query.bind(ids),
        Which::ClosedIn(range) => query.bind(range.start).bind(range.end),
    };
    query.fetch_all(conn).await?.iter().map(visit_from).collect()
}

pub async fn read_jobs(conn: &mut PgConnection, account: AccountId, ids: &[Uuid]) -> Result<Vec<Job>, StoreError> {
    let rows = sqlx::query("SELECT * FROM jobs WHERE account_id = $1 AND id = ANY ($2) ORDER BY id")
        .bind(account.0)
        .bind(ids)
        .fetch_all(conn)
        .await?;
    rows.iter().map(job_from).collect()
}

/// A row of `visits` with its `workers`.
pub fn visit_from(row: &PgRow) -> Result<Visit, StoreError> {
    let status: &str = row.get("status");
    let (starts_at, ends_at) = (row.get::<Option<_>, _>("starts_at"), row.get::<Option<_>, _>("ends_at"));
    Ok(Visit {
        id: VisitId(row.get("id")),
        job_id: JobId(row.get("job_id")),
        status: VisitStatus::parse(status).ok_or_else(|| unreadable("visit status", status))?,
        window: starts_at.zip(ends_at).and_then(|(start, end)| TimeWindow::new(start, end)),
        workers: row.get::<Vec<Uuid>, _>("workers").into_iter().map(WorkerId).collect(),
        former_workers: row.get::<Vec<Uuid>, _>("former_workers").into_iter().map(WorkerId).collect(),
        location: place_from(row),
        required_skills: row.get::<Vec<String>, _>("required_skills").into_iter().collect(),
        priority: row.get("priority"),
        forced: row.get::<Option<Json<_>>, _>("forced").map(|Json(forced)| forced),
        overlap_group: VisitId(row.get("overlap_group")),
        closed_at: row.get("closed_at"),
        arrival: arrival_from(row),
        version: row.get("version"),
    })
}

/// A row of `jobs`.
pub fn job_from(row: &PgRow) -> Result<Job, StoreError> {
    let status: &str = row.get("status");
    let ended: Option<&str> = row.get("ended");
    Ok(Job {
        id: JobId(row.get("id")),
        number: row.get("number"),
        title: row.get("title"),
        client_id: ClientId(row.get("client_id")),
        property_id: row.get::<Option<Uuid>, _>("property_id").map(PropertyId),
        location: place_from(row),
        required_skills: row.get::<Vec<String>, _>("required_skills").into_iter().collect::<BTreeSet<_>>(),
        priority: row.get("priority"),
        end: [JobEnd::Completed, JobEnd::Cancelled].into_iter().find(|end| ended == Some(end_name(*end))),
        status: JobStatus::ALL
            .into_iter()
            .find(|known| known.name() == status)
            .ok_or_else(|| unreadable("job status", status))?,
        version: row.get("version"),
    })
}

fn arrival_from(row: &PgRow) -> Option<ProposedArrival> {
    Some(ProposedArrival {
        at: row.get::<Option<_>, _>("arrival_proposed_at")?,
        by: WorkerId(row.get::<Option<_>, _>("arrival_proposed_by")?),
        dismissed: row.get::<Option<_>, _>("arrival_dismissed")?,
    })
}

fn place_from(row: &PgRow) -> Option<Place> {
    let (lat, lng) = (row.get::<Option<f64>, _>("lat"), row.get::<Option<f64>, _>("lng"));
    lat.zip(lng).and_then(|(lat, lng)| Place::new(lat, lng))
}

pub(super) fn end_name(end: JobEnd) -> &'static str {
    match end {
        JobEnd::Completed => "completed",
        JobEnd::Cancelled => "cancelled",
    }
}

fn unreadable(what: &str, text: &str) -> StoreError {
    StoreError::Bug(format!("{what} {text:?} in the database is unknown to this version"))
}
