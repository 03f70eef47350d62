//! The roles and the database of a private cluster, made as its superuser. Makes no tables: the
//! migrations do, as the owner.

use std::str::FromStr;
use std::time::{Duration, Instant};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};

use super::EmbeddedPg;

/// Owns the database and all tables, and runs the migrations.
pub const OWNER: &str = "muster_owner";

/// What the server connects as: owns nothing, and row-level security binds it.
pub const SERVER: &str = "muster_server";

/// Serialises servers that start at once; the number is arbitrary and means nothing elsewhere.
const LOCK: i64 = 0x6d75_7374_6572;
const CONNECT_WAIT: Duration = Duration::from_secs(10);

const SERVER_TIMEOUTS: [(&str, &str); 3] =
    [("statement_timeout", "30s"), ("lock_timeout", "3s"), ("idle_in_transaction_session_timeout", "10s")];

pub(super) async fn run(embedded: &EmbeddedPg, database: &str) -> Result<(), sqlx::Error> {
    let mut cluster = connect(&embedded.admin_url("postgres")).await?;
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut cluster).await?;
    make_roles(&mut cluster).await?;
    make_database(&mut cluster, database).await?;
    let mut inside = connect(&embedded.admin_url(database)).await?;
    for statement in [
        "REVOKE ALL ON SCHEMA public FROM PUBLIC".to_owned(),
        format!("GRANT ALL ON SCHEMA public TO {OWNER}"),
        format!("GRANT USAGE ON SCHEMA public TO {SERVER}"),
    ] {
        run_statement(&mut inside, statement).await?;
    }
    inside.close().await?;
    cluster.close().await
}

async fn make_roles(cluster: &mut PgConnection) -> Result<(), sqlx::Error> {
    for role in [OWNER, SERVER] {
        let is_there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
            .bind(role)
            .fetch_one(&mut *cluster)
            .await?;
        let verb = if is_there { "ALTER" } else { "CREATE" };
        let rights = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION";
        run_statement(cluster, format!("{verb} ROLE {role} {rights}")).await?;
    }
    for (name, value) in SERVER_TIMEOUTS {
        run_statement(cluster, format!("ALTER ROLE {SERVER} SET {name} = '{value}'")).await?;
    }
    Ok(())
}

async fn make_database(cluster: &mut PgConnection, database: &str) -> Result<(), sqlx::Error> {
    let is_there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(database)
        .fetch_one(&mut *cluster)
        .await?;
    let name = quoted(database);
    if !is_there {
        run_statement(cluster, format!("CREATE DATABASE {name} OWNER {OWNER}")).await?;
    }
    for statement in
        [format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"), format!("GRANT CONNECT ON DATABASE {name} TO {SERVER}")]
    {
        run_statement(cluster, statement).await?;
    }
    Ok(())
}

/// Statements that make roles and databases take no parameters. What goes into them is our own
/// constants and a quoted name.
async fn run_statement(to: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(to).await?;
    Ok(())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// An adopted cluster may be stopping with the server that started it: then it is back soon.
async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?;
    let since = Instant::now();
    loop {
        match options.connect().await {
            Err(error) if since.elapsed() > CONNECT_WAIT => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            connected => return connected,
        }
    }
}
