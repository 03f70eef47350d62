//! The rows of tracks and last positions: written many at a time, read by worker.

use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;

use chrono::{DateTime, Utc};
use muster_actors::ports::{LastKnown, Later, TrackPoint, Unavailable};
use muster_domain::ids::{AccountId, WorkerId};
use muster_domain::live::Point;
use muster_domain::{Place, TimeWindow};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::store::{Store, StoreError, Undone};

/// Identity of a point within its account, as the store decides it: time in microseconds, because it keeps no more.
type Identity = (WorkerId, i64, Uuid);

/// Writes the points of several accounts in one transaction; the answer says of each whether it was new.
pub async fn flush(store: &Store, points: &[TrackPoint]) -> Result<Vec<bool>, StoreError> {
    let mut by_account: BTreeMap<AccountId, Vec<usize>> = BTreeMap::new();
    for (index, point) in points.iter().enumerate() {
        by_account.entry(point.account).or_default().push(index);
    }
    let mut new = vec![false; points.len()];
    let mut tx = store.pool().begin().await?;
    for (account, indices) in by_account {
        sqlx::query("SELECT set_config('app.account_id', $1, true)")
            .bind(account.0.to_string())
            .execute(&mut *tx)
            .await?;
        let rows: Vec<&TrackPoint> = indices.iter().map(|index| &points[*index]).collect();
        let mut inserted = insert(&mut tx, account, &rows).await?;
        // Of two equal ones in this batch the first is the new one.
        for index in indices {
            new[index] = inserted.remove(&identity(&points[index]));
        }
        keep_newest(&mut tx, account, &rows).await?;
    }
    tx.commit().await?;
    Ok(new)
}

fn identity(point: &TrackPoint) -> Identity {
    (point.worker, point.point.at.timestamp_micros(), point.point.id)
}

/// One array a column, for UNNEST.
#[derive(Default)]
struct Columns {
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
        for TrackPoint { worker, point, .. } in rows {
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
             SELECT $1, r.* FROM unnest($2::uuid[], $3::timestamptz[], $4::uuid[], $5::timestamptz[], $6::timestamptz[],
                 $7::int4[], $8::float8[], $9::float8[], $10::float4[], $11::float4[], $12::float4[], $13::float4[],
                 $14::float4[], $15::bool[], $16::text[], $17::text[], $18::bool[]) AS r ",
            $then
        )
    };
}

const INSERT_TRACKS: &str = insert_into!("tracks", "ON CONFLICT DO NOTHING RETURNING worker_id, at, point");

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

macro_rules! bound {
    ($sql:expr, $account:expr, $columns:expr) => {{
        let c = $columns;
        sqlx::query($sql)
            .bind($account.0)
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

async fn insert(
    conn: &mut PgConnection,
    account: AccountId,
    rows: &[&TrackPoint],
) -> Result<HashSet<Identity>, StoreError> {
    let inserted = bound!(INSERT_TRACKS, account, Columns::of(rows)).fetch_all(conn).await?;
    let micros = |row: &PgRow| row.get::<DateTime<Utc>, _>("at").timestamp_micros();
    Ok(inserted.iter().map(|row| (WorkerId(row.get("worker_id")), micros(row), row.get("point"))).collect())
}

/// Of those that somebody is shown at, in the order of workers, so that two servers never wait for each other in a circle.
async fn keep_newest(conn: &mut PgConnection, account: AccountId, rows: &[&TrackPoint]) -> Result<(), StoreError> {
    let mut newest: BTreeMap<WorkerId, TrackPoint> = BTreeMap::new();
    for row in rows {
        let Some(place) = row.shown else { continue };
        if newest.get(&row.worker).is_none_or(|held| held.point.order() < row.point.order()) {
            let mut shown = TrackPoint::clone(row);
            shown.point.place = place;
            newest.insert(row.worker, shown);
        }
    }
    if newest.is_empty() {
        return Ok(());
    }
    let newest: Vec<&TrackPoint> = newest.values().collect();
    bound!(KEEP_NEWEST, account, Columns::of(&newest)).execute(conn).await?;
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
