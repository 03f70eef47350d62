//! Properties in PostgreSQL.

use muster_domain::Place;
use muster_domain::customers::{Geofence, Property, PropertyDetails};
use muster_domain::ids::{AccountId, ClientId, PropertyId};
use muster_domain::live::fence::Zone;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::store::StoreError;

pub async fn insert(conn: &mut PgConnection, account: AccountId, property: &Property) -> Result<(), StoreError> {
    let PropertyDetails { name, street, city, postal_code, country, location, geofence } = &property.details;
    sqlx::query(
        "INSERT INTO properties (account_id, id, client_id, name, street, city, postal_code, country, lat, lng, status,
             version, created_at, updated_at, geofence)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(account.0)
    .bind(property.id.0)
    .bind(property.client_id.0)
    .bind(name)
    .bind(street)
    .bind(city)
    .bind(postal_code)
    .bind(country)
    .bind(location.map(|place| place.lat))
    .bind(location.map(|place| place.lng))
    .bind(status_name(property.active))
    .bind(property.version)
    .bind(property.created_at)
    .bind(property.updated_at)
    .bind(geofence.as_ref().map(Json))
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn update(conn: &mut PgConnection, account: AccountId, property: &Property) -> Result<(), StoreError> {
    let PropertyDetails { name, street, city, postal_code, country, location, geofence } = &property.details;
    sqlx::query(
        "UPDATE properties SET name = $3, street = $4, city = $5, postal_code = $6, country = $7, lat = $8, lng = $9,
             status = $10, version = $11, updated_at = $12, geofence = $13
         WHERE account_id = $1 AND id = $2",
    )
    .bind(account.0)
    .bind(property.id.0)
    .bind(name)
    .bind(street)
    .bind(city)
    .bind(postal_code)
    .bind(country)
    .bind(location.map(|place| place.lat))
    .bind(location.map(|place| place.lng))
    .bind(status_name(property.active))
    .bind(property.version)
    .bind(property.updated_at)
    .bind(geofence.as_ref().map(Json))
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn find(conn: &mut PgConnection, account: AccountId, id: PropertyId) -> Result<Option<Property>, StoreError> {
    let row = sqlx::query("SELECT * FROM properties WHERE account_id = $1 AND id = $2")
        .bind(account.0)
        .bind(id.0)
        .fetch_optional(conn)
        .await?;
    Ok(row.as_ref().map(property_from))
}

/// In the order in which they were made.
pub async fn of_clients(
    conn: &mut PgConnection,
    account: AccountId,
    clients: &[Uuid],
) -> Result<Vec<Property>, StoreError> {
    let rows = sqlx::query(
        "SELECT * FROM properties WHERE account_id = $1 AND client_id = ANY ($2) ORDER BY client_id, created_at, id",
    )
    .bind(account.0)
    .bind(clients)
    .fetch_all(conn)
    .await?;
    Ok(rows.iter().map(property_from).collect())
}

/// Of every property in use that has one.
pub async fn zones(conn: &mut PgConnection, account: AccountId) -> Result<Vec<Zone>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, lat, lng, geofence FROM properties WHERE account_id = $1 AND status = 'active'
             AND (lat IS NOT NULL OR geofence IS NOT NULL)",
    )
    .bind(account.0)
    .fetch_all(conn)
    .await?;
    let zone = |row: &PgRow| {
        let (lat, lng) = (row.get::<Option<f64>, _>("lat"), row.get::<Option<f64>, _>("lng"));
        let location = lat.zip(lng).and_then(|(lat, lng)| Place::new(lat, lng));
        let fence = row.get::<Option<Json<Geofence>>, _>("geofence");
        Zone::of(PropertyId(row.get("id")), fence.as_ref().map(|Json(fence)| fence), location)
    };
    Ok(rows.iter().filter_map(zone).collect())
}

fn property_from(row: &PgRow) -> Property {
    let (lat, lng) = (row.get::<Option<f64>, _>("lat"), row.get::<Option<f64>, _>("lng"));
    Property {
        id: PropertyId(row.get("id")),
        client_id: ClientId(row.get("client_id")),
        details: PropertyDetails {
            name: row.get("name"),
            street: row.get("street"),
            city: row.get("city"),
            postal_code: row.get("postal_code"),
            country: row.get("country"),
            location: lat.zip(lng).and_then(|(lat, lng)| Place::new(lat, lng)),
            geofence: row.get::<Option<Json<_>>, _>("geofence").map(|Json(fence)| fence),
        },
        active: row.get::<&str, _>("status") == status_name(true),
        version: row.get("version"),
        created_at: row.get("created_at"),
        updated_at: row.get("updated_at"),
    }
}

fn status_name(active: bool) -> &'static str {
    if active { "active" } else { "inactive" }
}
