//! Clients in PostgreSQL. Nobody's name or number is unique: two clients may share them.

use chrono::{DateTime, Utc};
use muster_domain::customers::{Client, ClientDetails};
use muster_domain::ids::{AccountId, ClientId};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::http::listing::Page;
use crate::store::{StoreError, pattern};

/// Which clients a list shows, and in which order.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    pub active: Option<Vec<bool>>,
    pub search: Option<String>,
    /// An expression of ours and whether downwards.
    pub order: (&'static str, bool),
}

pub async fn insert(conn: &mut PgConnection, account: AccountId, client: &Client) -> Result<(), StoreError> {
    let ClientDetails { first_name, last_name, company_name, email, phone } = &client.details;
    sqlx::query(
        "INSERT INTO clients (account_id, id, first_name, last_name, company_name, email, phone, status, version,
             created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(account.0)
    .bind(client.id.0)
    .bind(first_name)
    .bind(last_name)
    .bind(company_name)
    .bind(email)
    .bind(phone)
    .bind(status_name(client.active))
    .bind(client.version)
    .bind(client.created_at)
    .bind(client.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn update(conn: &mut PgConnection, account: AccountId, client: &Client) -> Result<(), StoreError> {
    let ClientDetails { first_name, last_name, company_name, email, phone } = &client.details;
    sqlx::query(
        "UPDATE clients SET first_name = $3, last_name = $4, company_name = $5, email = $6, phone = $7, status = $8,
             version = $9, updated_at = $10
         WHERE account_id = $1 AND id = $2",
    )
    .bind(account.0)
    .bind(client.id.0)
    .bind(first_name)
    .bind(last_name)
    .bind(company_name)
    .bind(email)
    .bind(phone)
    .bind(status_name(client.active))
    .bind(client.version)
    .bind(client.updated_at)
    .execute(conn)
    .await?;
    Ok(())
}

pub async fn find(conn: &mut PgConnection, account: AccountId, id: ClientId) -> Result<Option<Client>, StoreError> {
    let row = sqlx::query("SELECT * FROM clients WHERE account_id = $1 AND id = $2")
        .bind(account.0)
        .bind(id.0)
        .fetch_optional(conn)
        .await?;
    Ok(row.as_ref().map(client_from))
}

/// In the order of their ids.
pub async fn read(conn: &mut PgConnection, account: AccountId, ids: &[Uuid]) -> Result<Vec<Client>, StoreError> {
    let rows = sqlx::query("SELECT * FROM clients WHERE account_id = $1 AND id = ANY ($2) ORDER BY id")
        .bind(account.0)
        .bind(ids)
        .fetch_all(conn)
        .await?;
    Ok(rows.iter().map(client_from).collect())
}

/// One page, and how many there are on all.
pub async fn list(
    conn: &mut PgConnection,
    account: AccountId,
    wanted: &Wanted,
    page: Page,
) -> Result<(i64, Vec<Client>), StoreError> {
    let mut count = QueryBuilder::new("SELECT count(*) FROM clients c WHERE c.account_id = ");
    narrow(&mut count, account, wanted);
    let total = count.build().fetch_one(&mut *conn).await?.get(0);
    let mut select = QueryBuilder::new("SELECT c.* FROM clients c WHERE c.account_id = ");
    narrow(&mut select, account, wanted);
    let (by, down) = wanted.order;
    let direction = if down { "DESC" } else { "ASC" };
    select.push(format!(" ORDER BY {by} {direction}, c.id {direction} LIMIT ")).push_bind(page.limit);
    select.push(" OFFSET ").push_bind(page.offset());
    let rows = select.build().fetch_all(conn).await?;
    Ok((total, rows.iter().map(client_from).collect()))
}

fn narrow(query: &mut QueryBuilder<Postgres>, account: AccountId, wanted: &Wanted) {
    query.push_bind(account.0);
    if let Some(active) = &wanted.active {
        let names: Vec<&str> = active.iter().map(|active| status_name(*active)).collect();
        query.push(" AND c.status = ANY (").push_bind(names).push(")");
    }
    let Some(search) = &wanted.search else { return };
    let like = pattern::containing(search);
    query.push(" AND (concat_ws(' ', c.first_name, c.last_name) ILIKE ").push_bind(like.clone());
    query.push(" OR c.company_name ILIKE ").push_bind(like.clone());
    query.push(" OR c.email ILIKE ").push_bind(like.clone());
    query.push(" OR EXISTS (SELECT FROM properties p WHERE p.account_id = c.account_id AND p.client_id = c.id");
    query.push(" AND p.city ILIKE ").push_bind(like).push(")");
    if let Some(digits) = phone_digits(search) {
        query.push(" OR c.phone LIKE ").push_bind(pattern::containing(&digits));
    }
    query.push(")");
}

/// Numbers are kept as +41791234567 and typed as 079 123 45 67.
fn phone_digits(search: &str) -> Option<String> {
    let typed = search.chars().all(|c| c.is_ascii_digit() || "+-/(). ".contains(c));
    let digits: String = search.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    (typed && digits.len() >= 3).then(|| digits.to_owned())
}

fn client_from(row: &PgRow) -> Client {
    Client {
        id: ClientId(row.get("id")),
        details: ClientDetails {
            first_name: row.get("first_name"),
            last_name: row.get("last_name"),
            company_name: row.get("company_name"),
            email: row.get("email"),
            phone: row.get("phone"),
        },
        active: row.get::<&str, _>("status") == status_name(true),
        version: row.get("version"),
        created_at: row.get::<DateTime<Utc>, _>("created_at"),
        updated_at: row.get::<DateTime<Utc>, _>("updated_at"),
    }
}

fn status_name(active: bool) -> &'static str {
    if active { "active" } else { "inactive" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_however_it_is_typed() {
        assert_eq!(phone_digits("079 123 45 67").as_deref(), Some("791234567"));
        assert_eq!(phone_digits("+41 79-123").as_deref(), Some("4179123"));
        assert_eq!(phone_digits("12").as_deref(), None);
        assert_eq!(phone_digits("Kunz 123").as_deref(), None);
    }
}
