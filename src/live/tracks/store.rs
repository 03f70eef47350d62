//! The rows of tracks and last positions: written many at a time, read by worker.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::convert::Infallible;

use chrono::{DateTime, Utc};
use muster_actors::ports::{LastKnown, Later, TrackPoint, Unavailable};
use muster_domain::ids::{AccountId, WorkerId};
use muster_domain::live::Point;
use muster_domain::{Place, TimeWindow};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use crate::store::{Store, StoreError, Undone};

macro_rules! bound {
    ($sql:expr, $columns:expr) => {{
        let c = $columns;
        sqlx::query($sql)
            .bind(c.account)
            .bind(c.worker)
            .bind(c.at)
            .bind(c.point)
            .bind(c.sent_at)
            .bind(c.received_at)
            .bind(c.ahead_ms)
            .bind(c.lat)
            .bind(c.lng)
            .bind(c.accuracy_m)
            .bind(c.speed_mps)
            .bind(c.heading_deg)
            .bind(c.altitude_m)
            .bind(c.battery_pct)
            .bind(c.charging)
            .bind(c.source)
            .bind(c.activity)
            .bind(c.mock)
    }};
}

/// Identity of a point, as the store decides it: time in microseconds, because it keeps no more.
type Identity = (AccountId, WorkerId, i64, Uuid);

/// Writes the points of many accounts in one transaction; the answer says of each whether it was new.
pub async fn flush(store: &Store, points: &[TrackPoint]) -> Result<Vec<bool>, StoreError> {
    store.has_room()?;
    store.read(write(store, points)).await
}

async fn write(store: &Store, points: &[TrackPoint]) -> Result<Vec<bool>, StoreError> {
    let mut rows: Vec<&TrackPoint> = points.iter().collect();
    // In one order everywhere, so that two flushes with the same points never wait for each other in a circle.
    rows.sort_unstable_by_key(|row| identity(row));
    let mut tx = store.pool().begin_with(AssertSqlSafe(scope(&rows))).await?;
    let inserted = bound!(INSERT_TRACKS, Columns::of(&rows)).execute(&mut *tx).await?.rows_affected();
    let new = if inserted == points.len() as u64 {
        vec![true; points.len()]
    } else {
        let mut fresh = written_now(&mut tx, &rows).await?;
        // Of two equal ones in this batch the first is the new one.
        points.iter().map(|point| fresh.remove(&identity(point))).collect()
    };
    keep_newest(&mut tx, &rows).await?;
    tx.commit().await?;
    Ok(new)
}

/// Opens a transaction for exactly these accounts. Their ids are written with hexadecimal digits and hyphens, so they
/// need no quoting.
fn scope(rows: &[&TrackPoint]) -> String {
    let accounts: BTreeSet<AccountId> = rows.iter().map(|row| row.account).collect();
    let accounts: Vec<String> = accounts.iter().map(|account| account.0.to_string()).collect();
    format!("BEGIN; SELECT set_config('app.account_ids', '{}', true)", accounts.join(","))
}

fn identity(point: &TrackPoint) -> Identity {
    (point.account, point.worker, point.point.at.timestamp_micros(), point.point.id)
}

/// One array a column, for UNNEST.
#[derive(Default)]
struct Columns {
    account: Vec<Uuid>,
    worker: Vec<Uuid>,
    at: Vec<DateTime<Utc>>,
    point: Vec<Uuid>,
    sent_at: Vec<Option<DateTime<Utc>>>,
    received_at: Vec<DateTime<Utc>>,
    ahead_ms: Vec<i32>,
    lat: Vec<f64>,
    lng: Vec<f64>,
    accuracy_m: Vec<Option<f32>>,
    speed_mps: Vec<Option<f32>>,
    heading_deg: Vec<Option<f32>>,
    altitude_m: Vec<Option<f32>>,
    battery_pct: Vec<Option<f32>>,
    charging: Vec<Option<bool>>,
    source: Vec<Option<String>>,
    activity: Vec<Option<String>>,
    mock: Vec<bool>,
}

impl Columns {
    fn of(rows: &[&TrackPoint]) -> Self {
        let mut columns = Self::default();
        for TrackPoint { account, worker, point, .. } in rows {
            columns.account.push(account.0);
            columns.worker.push(worker.0);
            columns.at.push(point.at);
            columns.point.push(point.id);
            columns.sent_at.push(point.sent_at);
            columns.received_at.push(point.received_at);
            columns.ahead_ms.push(point.ahead_ms);
            columns.lat.push(point.place.lat);
            columns.lng.push(point.place.lng);
            columns.accuracy_m.push(point.accuracy_m);
            columns.speed_mps.push(point.speed_mps);
            columns.heading_deg.push(point.heading_deg);
            columns.altitude_m.push(point.altitude_m);
            columns.battery_pct.push(point.battery_pct);
            columns.charging.push(point.charging);
            columns.source.push(point.source.clone());
            columns.activity.push(point.activity.clone());
            columns.mock.push(point.mock);
        }
        columns
    }
}

macro_rules! insert_into {
    ($table:literal, $then:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (account_id, worker_id, at, point, sent_at, received_at, ahead_ms, lat, lng, accuracy_m, speed_mps,
               heading_deg, altitude_m, battery_pct, charging, source, activity, mock)
             SELECT r.* FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[], $5::timestamptz[], $6::timestamptz[],
                 $7::int4[], $8::float8[], $9::float8[], $10::float4[], $11::float4[], $12::float4[], $13::float4[],
                 $14::float4[], $15::bool[], $16::text[], $17::text[], $18::bool[]) AS r ",
            $then
        )
    };
}

const INSERT_TRACKS: &str = insert_into!("tracks", "ON CONFLICT DO NOTHING");

/// A late point is history: it is somebody's last position only as long as there is no other.
const KEEP_NEWEST: &str = insert_into!(
    "last_positions",
    "ON CONFLICT (account_id, worker_id) DO UPDATE SET
         (at, point, sent_at, received_at, ahead_ms, lat, lng, accuracy_m, speed_mps, heading_deg, altitude_m,
          battery_pct, charging, source, activity, mock)
       = (excluded.at, excluded.point, excluded.sent_at, excluded.received_at, excluded.ahead_ms, excluded.lat,
          excluded.lng, excluded.accuracy_m, excluded.speed_mps, excluded.heading_deg, excluded.altitude_m,
          excluded.battery_pct, excluded.charging, excluded.source, excluded.activity, excluded.mock)
     WHERE (LEAST(excluded.at - excluded.ahead_ms * interval '1 millisecond', excluded.received_at), excluded.at,
            excluded.point)
         > (LEAST(last_positions.at - last_positions.ahead_ms * interval '1 millisecond', last_positions.received_at),
            last_positions.at, last_positions.point)
       AND excluded.at - excluded.ahead_ms * interval '1 millisecond' >= excluded.received_at - interval '5 minutes'"
);

/// Which of these rows this very transaction wrote.
async fn written_now(conn: &mut PgConnection, rows: &[&TrackPoint]) -> Result<HashSet<Identity>, StoreError> {
    let mut columns = Columns::of(rows);
    let found = sqlx::query(
        "SELECT t.account_id, t.worker_id, t.at, t.point
         FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::uuid[]) AS asked (account_id, worker_id, at, point)
         JOIN tracks t USING (account_id, worker_id, at, point) WHERE t.xmin = pg_current_xact_id()::xid",
    )
    .bind(std::mem::take(&mut columns.account))
    .bind(std::mem::take(&mut columns.worker))
    .bind(std::mem::take(&mut columns.at))
    .bind(std::mem::take(&mut columns.point))
    .fetch_all(conn)
    .await?;
    let micros = |row: &PgRow| row.get::<DateTime<Utc>, _>("at").timestamp_micros();
    let identity =
        |row: &PgRow| (AccountId(row.get("account_id")), WorkerId(row.get("worker_id")), micros(row), row.get("point"));
    Ok(found.iter().map(identity).collect())
}

/// Of those that somebody is shown at, in the order of accounts and workers, so that two servers never wait for each other
/// in a circle.
async fn keep_newest(conn: &mut PgConnection, rows: &[&TrackPoint]) -> Result<(), StoreError> {
    let mut newest: BTreeMap<(AccountId, WorkerId), &TrackPoint> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.shown.is_some()) {
        let held = newest.entry((row.account, row.worker)).or_insert(row);
        if held.point.order() < row.point.order() {
            *held = row;
        }
    }
    if newest.is_empty() {
        return Ok(());
    }
    let newest: Vec<&TrackPoint> = newest.into_values().collect();
    let mut columns = Columns::of(&newest);
    for (index, place) in newest.iter().enumerate().filter_map(|(index, row)| Some((index, row.shown?))) {
        (columns.lat[index], columns.lng[index]) = (place.lat, place.lng);
    }
    bound!(KEEP_NEWEST, columns).execute(conn).await?;
    Ok(())
}

/// Whoever is followed no more has no last position.
pub async fn forget_last(conn: &mut PgConnection, account: AccountId, worker: WorkerId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM last_positions WHERE account_id = $1 AND worker_id = $2")
        .bind(account.0)
        .bind(worker.0)
        .execute(conn)
        .await?;
    Ok(())
}

fn point_of(row: &PgRow) -> Point {
    Point {
        id: row.get("point"),
        at: row.get("at"),
        sent_at: row.get("sent_at"),
        received_at: row.get("received_at"),
        ahead_ms: row.get("ahead_ms"),
        place: Place { lat: row.get("lat"), lng: row.get("lng") },
        accuracy_m: row.get("accuracy_m"),
        speed_mps: row.get("speed_mps"),
        heading_deg: row.get("heading_deg"),
        altitude_m: row.get("altitude_m"),
        battery_pct: row.get("battery_pct"),
        charging: row.get("charging"),
        source: row.get("source"),
        activity: row.get("activity"),
        mock: row.get("mock"),
    }
}

/// A worker's points in `range` in device-time order, at most `limit`, beginning after `after` in that order.
pub async fn track(
    conn: &mut PgConnection,
    account: AccountId,
    worker: WorkerId,
    range: TimeWindow,
    limit: i64,
) -> Result<Vec<Point>, StoreError> {
    let rows = sqlx::query(
        "SELECT at, point, sent_at, received_at, ahead_ms, lat, lng, accuracy_m, speed_mps, heading_deg, altitude_m,
                battery_pct, charging, source, activity, mock
         FROM tracks WHERE account_id = $1 AND worker_id = $2 AND at >= $3 AND at < $4 ORDER BY at, point LIMIT $5",
    )
    .bind(account.0)
    .bind(worker.0)
    .bind(range.start)
    .bind(range.end)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows.iter().map(point_of).collect())
}

async fn newest_of(conn: &mut PgConnection, account: AccountId) -> Result<Vec<TrackPoint>, StoreError> {
    let rows = sqlx::query(
        "SELECT worker_id, at, point, sent_at, received_at, ahead_ms, lat, lng, accuracy_m, speed_mps, heading_deg,
                altitude_m, battery_pct, charging, source, activity, mock
         FROM last_positions p
         -- What was on its way to the table while its worker withdrew is nobody's.
         WHERE account_id = $1 AND NOT EXISTS (SELECT FROM workers w WHERE w.account_id = $1 AND w.id = p.worker_id
             AND (NOT w.tracking_consent OR p.received_at < w.followed_since))",
    )
    .bind(account.0)
    .fetch_all(conn)
    .await?;
    let of = |row: &PgRow| {
        let point = point_of(row);
        TrackPoint { account, worker: WorkerId(row.get("worker_id")), shown: Some(point.place), point }
    };
    Ok(rows.iter().map(of).collect())
}

impl LastKnown for Store {
    fn last_known(&self, account: AccountId) -> Later<Result<Vec<TrackPoint>, Unavailable>> {
        let store = self.clone();
        Box::pin(async move {
            let read: Result<Vec<TrackPoint>, Undone<Infallible>> = store
                .quiet(account, |unit| {
                    Box::pin(async move {
                        let account = unit.account();
                        Ok(newest_of(unit.conn(), account).await?)
                    })
                })
                .await;
            read.map_err(|undone| {
                match undone {
                    Undone::Refused(never) => match never {},
                    Undone::Failed(error) => tracing::warn!(%error, %account, "last positions cannot be read"),
                }
                Unavailable
            })
        })
    }
}
