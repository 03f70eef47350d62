//! What a board reads: its snapshot and the journal since, or the rows; and what a batch must know.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use muster_actors::ports::{AnswerKey, Prepared};
use muster_domain::dispatch::board::{Board, BoardSnapshot, KEEPS_CLOSED, Known, Needs, Site};
use muster_domain::dispatch::{TimeOff, Worker, WorkingHours};
use muster_domain::ids::{AccountId, ClientId, PropertyId, TimeOffId, WorkerId};
use muster_domain::{Place, TimeWindow};
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::{Which, read_jobs, read_visits};
use crate::store::{StoreError, answers, journal};

/// `None`: there is no snapshot that this version reads, or it is too old to be worth it.
pub async fn from_snapshot(
    conn: &mut PgConnection,
    account: AccountId,
    limit: i64,
) -> Result<Option<Board>, StoreError> {
    let row =
        sqlx::query("SELECT payload::text AS payload FROM board_snapshots WHERE account_id = $1 AND version = $2")
            .bind(account.0)
            .bind(i16::try_from(BoardSnapshot::VERSION).unwrap_or_default())
            .fetch_optional(&mut *conn)
            .await?;
    let Some(row) = row else { return Ok(None) };
    let Ok(snapshot) = serde_json::from_str::<BoardSnapshot>(row.get("payload")) else { return Ok(None) };
    let mut board = Board::from(snapshot);
    let entries = journal::after(conn, account, board.position(), limit, true).await?;
    if i64::try_from(entries.len()).unwrap_or(i64::MAX) >= limit {
        return Ok(None);
    }
    entries.iter().for_each(|entry| board.evolve(entry.seq, &entry.fact));
    Ok(Some(board))
}

/// From the rows, which are the truth. Read under the account's lock, so that they are of one moment.
pub async fn from_rows(conn: &mut PgConnection, account: AccountId, now: DateTime<Utc>) -> Result<Board, StoreError> {
    let stream = journal::Stream::lock(conn, account).await?;
    let numbered: i64 = sqlx::query_scalar(
        "SELECT coalesce(max(number), 0) FROM document_numbers WHERE account_id = $1 AND series = 'job'",
    )
    .bind(account.0)
    .fetch_one(&mut *conn)
    .await?;
    let jobs: Vec<Uuid> = sqlx::query_scalar(
        "SELECT v.job_id FROM visits v WHERE v.account_id = $1 AND v.closed_at IS NULL
         UNION SELECT v.job_id FROM visits v WHERE v.account_id = $1 AND v.closed_at > $2
         UNION SELECT j.id FROM jobs j WHERE j.account_id = $1 AND j.ended IS NULL
             AND NOT EXISTS (SELECT FROM visits v WHERE v.account_id = j.account_id AND v.job_id = j.id)",
    )
    .bind(account.0)
    .bind(now - KEEPS_CLOSED)
    .fetch_all(&mut *conn)
    .await?;
    let snapshot = BoardSnapshot {
        v: BoardSnapshot::VERSION,
        position: stream.board_seq,
        jobs_numbered: numbered,
        workers: read_workers(conn, account).await?,
        jobs: read_jobs(conn, account, &jobs).await?,
        visits: read_visits(conn, account, Which::OfJobs(jobs)).await?,
        torn: vec![],
    };
    Ok(Board::from(snapshot))
}

/// Every worker, whether he can be sent or not.
pub async fn read_workers(conn: &mut PgConnection, account: AccountId) -> Result<Vec<Worker>, StoreError> {
    let off = sqlx::query("SELECT id, worker_id, starts_at, ends_at, reason FROM time_off WHERE account_id = $1")
        .bind(account.0)
        .fetch_all(&mut *conn)
        .await?;
    let mut time_off: BTreeMap<WorkerId, BTreeMap<TimeOffId, TimeOff>> = BTreeMap::new();
    for row in off {
        let id = TimeOffId(row.get("id"));
        let Some(window) = TimeWindow::new(row.get("starts_at"), row.get("ends_at")) else { continue };
        let entry = TimeOff { id, window, reason: row.get("reason") };
        time_off.entry(WorkerId(row.get("worker_id"))).or_default().insert(id, entry);
    }
    let rows = sqlx::query(
        "SELECT id, active, available, tracking_consent, followed_since, skills, home_lat, home_lng, time_zone, working_hours
         FROM workers WHERE account_id = $1 ORDER BY id",
    )
    .bind(account.0)
    .fetch_all(conn)
    .await?;
    let worker = |row: &sqlx::postgres::PgRow| {
        let id = WorkerId(row.get("id"));
        let (lat, lng) = (row.get::<Option<f64>, _>("home_lat"), row.get::<Option<f64>, _>("home_lng"));
        let zone: &str = row.get("time_zone");
        let Json(shifts) = row.get::<Json<Vec<_>>, _>("working_hours");
        Worker {
            id,
            active: row.get("active"),
            available: row.get("available"),
            tracking_consent: row.get("tracking_consent"),
            followed_since: row.get("followed_since"),
            skills: row.get::<Vec<String>, _>("skills").into_iter().collect::<BTreeSet<_>>(),
            home: lat.zip(lng).and_then(|(lat, lng)| Place::new(lat, lng)),
            hours: WorkingHours { zone: zone.parse().unwrap_or(Tz::UTC), shifts },
            time_off: time_off.remove(&id).unwrap_or_default(),
        }
    };
    let mut worker = worker;
    Ok(rows.iter().map(&mut worker).collect())
}

/// What a batch must know, and after everything else where the account stands.
pub async fn prepare(
    conn: &mut PgConnection,
    account: AccountId,
    needs: &Needs,
    keys: &[AnswerKey],
) -> Result<Prepared, StoreError> {
    let kept = answers::find_all(conn, account, keys).await?;
    let mut jobs: Vec<Uuid> = needs.jobs.iter().map(|job| job.0).collect();
    if !needs.visits.is_empty() {
        let visits = read_visits(conn, account, Which::Ids(needs.visits.iter().map(|id| id.0).collect())).await?;
        jobs.extend(visits.iter().map(|visit| visit.job_id.0));
    }
    let mut recalled = Vec::new();
    if !jobs.is_empty() {
        let visits = read_visits(conn, account, Which::OfJobs(jobs.clone())).await?;
        for job in read_jobs(conn, account, &jobs).await? {
            let own = visits.iter().filter(|visit| visit.job_id == job.id).cloned().collect();
            recalled.push((job, own));
        }
    }
    let known = Known { sites: read_sites(conn, account, &needs.clients).await? };
    // Read last: if the board is at this position, all of the above was true of it.
    let head = journal::head(conn, account).await?;
    Ok(Prepared { head, known, recalled, kept })
}

async fn read_sites(
    conn: &mut PgConnection,
    account: AccountId,
    clients: &BTreeSet<ClientId>,
) -> Result<BTreeMap<ClientId, Vec<Site>>, StoreError> {
    if clients.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<Uuid> = clients.iter().map(|client| client.0).collect();
    let rows = sqlx::query(
        "SELECT c.id AS client_id, p.id AS property_id, p.lat, p.lng FROM clients c
         LEFT JOIN properties p ON p.account_id = c.account_id AND p.client_id = c.id AND p.status = 'active'
         WHERE c.account_id = $1 AND c.id = ANY ($2) AND c.status = 'active' ORDER BY p.id",
    )
    .bind(account.0)
    .bind(ids)
    .fetch_all(conn)
    .await?;
    let mut sites: BTreeMap<ClientId, Vec<Site>> = BTreeMap::new();
    for row in rows {
        let of_client = sites.entry(ClientId(row.get("client_id"))).or_default();
        if let Some(property) = row.get::<Option<Uuid>, _>("property_id") {
            let (lat, lng) = (row.get::<Option<f64>, _>("lat"), row.get::<Option<f64>, _>("lng"));
            let place = lat.zip(lng).and_then(|(lat, lng)| Place::new(lat, lng));
            of_client.push(Site { property_id: PropertyId(property), place });
        }
    }
    Ok(sites)
}

/// A newer snapshot replaces an older one, never the other way round.
pub async fn save_snapshot(conn: &mut PgConnection, account: AccountId, board: &Board) -> Result<(), StoreError> {
    let payload = serde_json::to_string(&BoardSnapshot::from(board))
        .map_err(|e| StoreError::Bug(format!("a snapshot cannot be written: {e}")))?;
    sqlx::query(
        "INSERT INTO board_snapshots AS s (account_id, position, version, payload, saved_at)
         VALUES ($1, $2, $3, $4::json, now())
         ON CONFLICT (account_id) DO UPDATE SET position = excluded.position, version = excluded.version,
             payload = excluded.payload, saved_at = excluded.saved_at
         WHERE s.position <= excluded.position",
    )
    .bind(account.0)
    .bind(board.position())
    .bind(i16::try_from(BoardSnapshot::VERSION).unwrap_or_default())
    .bind(payload)
    .execute(conn)
    .await?;
    Ok(())
}
