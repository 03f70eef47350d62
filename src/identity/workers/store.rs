//! Workers' profiles in PostgreSQL. Activity and time off are written by the board; here they are only read.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use muster_domain::dispatch::{TimeOff, Worker, WorkingHours};
use muster_domain::ids::{AccountId, TimeOffId, WorkerId};
use muster_domain::{Place, TimeWindow};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::Profile;
use crate::http::listing::Page;
use crate::identity::users;
use crate::store::{StoreError, pattern};

const SELECT: &str = "SELECT u.*, true AS is_worker, w.skills, w.home_lat, w.home_lng, w.time_zone, w.working_hours,
        w.active, w.available, w.tracking_consent, w.followed_since,
        w.version AS profile_version, w.created_at AS profile_created_at, w.updated_at AS profile_updated_at
    FROM workers w JOIN users u ON (u.account_id, u.id) = (w.account_id, w.id) WHERE w.account_id = ";

pub async fn insert(
    conn: &mut PgConnection,
    account: AccountId,
    card: &Worker,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO workers (account_id, id, skills, home_lat, home_lng, time_zone, working_hours, active,
             created_at, updated_at, available, tracking_consent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11)",
    )
    .bind(account.0)
    .bind(card.id.0)
    .bind(skills(card))
    .bind(card.home.map(|home| home.lat))
    .bind(card.home.map(|home| home.lng))
    .bind(card.hours.zone.name())
    .bind(Json(&card.hours.shifts))
    .bind(card.active)
    .bind(at)
    .bind(card.available)
    .bind(card.tracking_consent)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn update(conn: &mut PgConnection, account: AccountId, profile: &Profile) -> Result<(), StoreError> {
    let card = &profile.card;
    sqlx::query(
        "UPDATE workers SET skills = $3, home_lat = $4, home_lng = $5, time_zone = $6, working_hours = $7, version = $8,
             updated_at = $9, available = $10, tracking_consent = $11, followed_since = $12
         WHERE account_id = $1 AND id = $2",
    )
    .bind(account.0)
    .bind(card.id.0)
    .bind(skills(card))
    .bind(card.home.map(|home| home.lat))
    .bind(card.home.map(|home| home.lng))
    .bind(card.hours.zone.name())
    .bind(Json(&card.hours.shifts))
    .bind(profile.version)
    .bind(profile.updated_at)
    .bind(card.available)
    .bind(card.tracking_consent)
    .bind(card.followed_since)
    .execute(conn)
    .await?;
    Ok(())
}

fn skills(card: &Worker) -> Vec<&str> {
    card.skills.iter().map(String::as_str).collect()
}

pub async fn find(conn: &mut PgConnection, account: AccountId, id: WorkerId) -> Result<Option<Profile>, StoreError> {
    let mut query = QueryBuilder::new(SELECT);
    query.push_bind(account.0).push(" AND w.id = ").push_bind(id.0);
    let row = query.build().fetch_optional(&mut *conn).await?;
    let Some(row) = row else { return Ok(None) };
    let mut off = time_off(conn, account, &[id.0]).await?;
    profile(&row, &mut off).map(Some)
}

/// Which workers a list shows, and in which order.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub only: Option<WorkerId>,
    pub statuses: Option<Vec<&'static str>>,
    /// All of these.
    pub skills: Option<Vec<String>>,
    pub search: Option<String>,
    /// An expression of ours and whether downwards.
    pub order: (&'static str, bool),
}

/// One page, and how many there are on all.
pub async fn list(
    conn: &mut PgConnection,
    account: AccountId,
    wanted: &Wanted,
    page: Page,
) -> Result<(i64, Vec<Profile>), StoreError> {
    let mut count = QueryBuilder::new(
        "SELECT count(*) FROM workers w JOIN users u ON (u.account_id, u.id) = (w.account_id, w.id) WHERE w.account_id = ",
    );
    narrow(&mut count, account, wanted);
    let total = count.build().fetch_one(&mut *conn).await?.get(0);
    let mut select = QueryBuilder::new(SELECT);
    narrow(&mut select, account, wanted);
    let (by, down) = wanted.order;
    let direction = if down { "DESC" } else { "ASC" };
    select.push(format!(" ORDER BY {by} {direction}, w.id {direction} LIMIT ")).push_bind(page.limit);
    select.push(" OFFSET ").push_bind(page.offset());
    let rows = select.build().fetch_all(&mut *conn).await?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.get("id")).collect();
    let mut off = time_off(conn, account, &ids).await?;
    Ok((total, rows.iter().map(|row| profile(row, &mut off)).collect::<Result<_, _>>()?))
}

fn narrow(query: &mut QueryBuilder<Postgres>, account: AccountId, wanted: &Wanted) {
    query.push_bind(account.0);
    if let Some(only) = wanted.only {
        query.push(" AND w.id = ").push_bind(only.0);
    }
    if let Some(statuses) = &wanted.statuses {
        query.push(" AND u.status = ANY (").push_bind(statuses.clone()).push(")");
    }
    if let Some(skills) = &wanted.skills {
        query.push(" AND w.skills @> ").push_bind(skills.clone());
    }
    if let Some(search) = &wanted.search {
        let like = pattern::containing(search);
        query.push(" AND (concat_ws(' ', u.first_name, u.last_name) ILIKE ").push_bind(like.clone());
        query.push(" OR u.email ILIKE ").push_bind(like).push(")");
    }
}

type TimeOffOf = BTreeMap<WorkerId, BTreeMap<TimeOffId, TimeOff>>;

async fn time_off(conn: &mut PgConnection, account: AccountId, workers: &[Uuid]) -> Result<TimeOffOf, StoreError> {
    let rows = sqlx::query(
        "SELECT id, worker_id, starts_at, ends_at, reason FROM time_off WHERE account_id = $1 AND worker_id = ANY ($2)",
    )
    .bind(account.0)
    .bind(workers)
    .fetch_all(conn)
    .await?;
    let mut found = TimeOffOf::new();
    for row in rows {
        let Some(window) = TimeWindow::new(row.get("starts_at"), row.get("ends_at")) else { continue };
        let id = TimeOffId(row.get("id"));
        let entry = TimeOff { id, window, reason: row.get("reason") };
        found.entry(WorkerId(row.get("worker_id"))).or_default().insert(id, entry);
    }
    Ok(found)
}

fn profile(row: &PgRow, off: &mut TimeOffOf) -> Result<Profile, StoreError> {
    let user = users::store::from_row(row)?;
    let id = WorkerId::from(user.id);
    let (lat, lng) = (row.get::<Option<f64>, _>("home_lat"), row.get::<Option<f64>, _>("home_lng"));
    let zone: &str = row.get("time_zone");
    let zone: Tz = zone.parse().map_err(|_| StoreError::Bug(format!("unknown time zone {zone}")))?;
    let Json(shifts) = row.get::<Json<Vec<_>>, _>("working_hours");
    let card = Worker {
        id,
        active: row.get("active"),
        available: row.get("available"),
        tracking_consent: row.get("tracking_consent"),
        followed_since: row.get("followed_since"),
        skills: row.get::<Vec<String>, _>("skills").into_iter().collect::<BTreeSet<_>>(),
        home: lat.zip(lng).and_then(|(lat, lng)| Place::new(lat, lng)),
        hours: WorkingHours { zone, shifts },
        time_off: off.remove(&id).unwrap_or_default(),
    };
    Ok(Profile {
        user,
        card,
        version: row.get("profile_version"),
        created_at: row.get("profile_created_at"),
        updated_at: row.get("profile_updated_at"),
    })
}
