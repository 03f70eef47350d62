//! The rows of devices, and the directory that leads from a token's digest to its device.

use chrono::{DateTime, Utc};
use muster_domain::ids::{AccountId, DeviceId, WorkerId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::http::listing::Page;
use crate::store::{Store, StoreError};

#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    pub id: DeviceId,
    pub worker: WorkerId,
    pub label: String,
    pub version: i64,
    pub created_at: DateTime<Utc>,
}

pub struct Principal {
    pub account: AccountId,
    pub device: DeviceId,
    pub worker: WorkerId,
}

pub async fn principal(store: &Store, digest: &[u8; 32]) -> Result<Option<Principal>, StoreError> {
    let look = sqlx::query("SELECT account_id, device_id, worker_id FROM device_principal($1)").bind(digest.to_vec());
    let row = store.read(look.fetch_optional(store.pool())).await?;
    Ok(row.map(|row| Principal {
        account: AccountId(row.get("account_id")),
        device: DeviceId(row.get("device_id")),
        worker: WorkerId(row.get("worker_id")),
    }))
}

fn device_of(row: &PgRow) -> Device {
    Device {
        id: DeviceId(row.get("id")),
        worker: WorkerId(row.get("worker_id")),
        label: row.get("label"),
        version: row.get("version"),
        created_at: row.get("created_at"),
    }
}

/// Is there such a worker, and is he active?
pub async fn worker(conn: &mut PgConnection, account: AccountId, id: WorkerId) -> Result<Option<bool>, StoreError> {
    let row = sqlx::query("SELECT active FROM workers WHERE account_id = $1 AND id = $2")
        .bind(account.0)
        .bind(id.0)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| row.get("active")))
}

pub async fn insert(
    conn: &mut PgConnection,
    account: AccountId,
    device: &Device,
    digest: &[u8; 32],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO devices (account_id, id, worker_id, label, digest, version, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(account.0)
    .bind(device.id.0)
    .bind(device.worker.0)
    .bind(&device.label)
    .bind(digest.to_vec())
    .bind(device.version)
    .bind(device.created_at)
    .execute(&mut *conn)
    .await?;
    sqlx::query("INSERT INTO directory (kind, digest, account_id, subject) VALUES ('device', $1, $2, $3)")
        .bind(digest.to_vec())
        .bind(account.0)
        .bind(device.id.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Also of a revoked one, which the second value tells.
pub async fn find(
    conn: &mut PgConnection,
    account: AccountId,
    id: DeviceId,
) -> Result<Option<(Device, bool)>, StoreError> {
    let row = sqlx::query("SELECT * FROM devices WHERE account_id = $1 AND id = $2")
        .bind(account.0)
        .bind(id.0)
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| (device_of(&row), row.get::<Option<DateTime<Utc>>, _>("revoked_at").is_some())))
}

/// Those not revoked, the newest first; of one worker, if named.
pub async fn list(
    conn: &mut PgConnection,
    account: AccountId,
    worker: Option<WorkerId>,
    page: Page,
) -> Result<(i64, Vec<Device>), StoreError> {
    let rows = sqlx::query(
        "SELECT *, count(*) OVER () AS total FROM devices
         WHERE account_id = $1 AND revoked_at IS NULL AND ($2::uuid IS NULL OR worker_id = $2)
         ORDER BY created_at DESC, id LIMIT $3 OFFSET $4",
    )
    .bind(account.0)
    .bind(worker.map(|worker| worker.0))
    .bind(page.limit)
    .bind(page.offset())
    .fetch_all(conn)
    .await?;
    let total = rows.first().map_or(0, |row| row.get("total"));
    Ok((total, rows.iter().map(device_of).collect()))
}

pub async fn revoke(
    conn: &mut PgConnection,
    account: AccountId,
    id: DeviceId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE devices SET revoked_at = $3, version = version + 1 WHERE account_id = $1 AND id = $2")
        .bind(account.0)
        .bind(id.0)
        .bind(at)
        .execute(&mut *conn)
        .await?;
    sqlx::query("DELETE FROM directory WHERE kind = 'device' AND account_id = $1 AND subject = $2")
        .bind(account.0)
        .bind(id.0)
        .execute(conn)
        .await?;
    Ok(())
}
