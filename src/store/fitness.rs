//! Is this database fit to run on? Facts for `muster doctor`, read without changing anything; what they mean is for the
//! reader to say.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection, Row};

use super::StoreError;
use super::pool::MIGRATIONS;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub struct Fitness {
    /// As PostgreSQL writes it: `150018` is 15.18.
    pub version: i32,
    pub role: String,
    /// Superuser, past row-level security, or owner of tables.
    pub role_is_powerful: bool,
    /// Settings that make commits durable and are off.
    pub not_durable: Vec<String>,
    /// A replica, or set to read only.
    pub is_read_only: bool,
    pub max_connections: i64,
    pub connections_in_use: i64,
    /// Tables of accounts whose row-level security is not forced.
    pub open_tables: Vec<String>,
    /// How far its clock is ahead of ours.
    pub clock_ahead: TimeDelta,
}

/// How the schema stands to this program.
#[derive(Debug, PartialEq, Eq)]
pub struct Schema {
    /// Migrations that this program knows and the database has not.
    pub missing: usize,
    /// Migrations that the database has and this program does not know: it was brought up to date by a newer one.
    pub unknown: usize,
}

async fn connect(url: &str) -> Result<PgConnection, StoreError> {
    let options = PgConnectOptions::from_str(url)?.application_name("muster doctor");
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await;
    connected
        .map_err(|_| StoreError::Unavailable(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs())))?
        .map_err(StoreError::from)
}

pub async fn examine(server_url: &str) -> Result<Fitness, StoreError> {
    let mut conn = connect(server_url).await?;
    let asked = Utc::now();
    let row = sqlx::query(
        "SELECT current_setting('server_version_num')::int AS version, current_user::text AS role,
             r.rolsuper OR r.rolbypassrls
                 OR EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid AND c.relkind IN ('r', 'p')) AS powerful,
             ARRAY(SELECT name FROM unnest(ARRAY['fsync', 'synchronous_commit', 'full_page_writes']) name
                 WHERE current_setting(name) = 'off') AS not_durable,
             pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS read_only,
             current_setting('max_connections')::bigint AS max_connections,
             (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS in_use,
             ARRAY(SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id'
                 WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                     AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
                     AND c.relname <> 'directory' ORDER BY 1) AS open_tables,
             clock_timestamp() AS now
         FROM pg_roles r WHERE r.rolname = current_user",
    )
    .fetch_one(&mut conn)
    .await?;
    let now: DateTime<Utc> = row.get("now");
    // The question took its time on both ways.
    let halfway = asked + (Utc::now() - asked) / 2;
    Ok(Fitness {
        version: row.get("version"),
        role: row.get("role"),
        role_is_powerful: row.get("powerful"),
        not_durable: row.get("not_durable"),
        is_read_only: row.get("read_only"),
        max_connections: row.get("max_connections"),
        connections_in_use: row.get("in_use"),
        open_tables: row.get("open_tables"),
        clock_ahead: now - halfway,
    })
}

/// Asked as the owner: the server itself has no right to know.
pub async fn schema(owner_url: &str) -> Result<Schema, StoreError> {
    let mut conn = connect(owner_url).await?;
    let is_there: bool =
        sqlx::query_scalar("SELECT to_regclass('public._sqlx_migrations') IS NOT NULL").fetch_one(&mut conn).await?;
    let applied: Vec<i64> = if is_there {
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(&mut conn).await?
    } else {
        Vec::new()
    };
    let known: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
    let count = |these: &[i64], those: &[i64]| these.iter().filter(|one| !those.contains(one)).count();
    Ok(Schema { missing: count(&known, &applied), unknown: count(&applied, &known) })
}
