//! The pool of connections, and bringing the schema up to date.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection, Row};

use super::StoreError;
use super::condition::Condition;

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that does not come clean by then is closed: its other end may be gone without a word.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(3);
/// A look, with the wait for its connection.
const READ_WITHIN: Duration = Duration::from_secs(8);
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// A connection that was in use so lately has just answered, and is not asked again whether it lives.
const SURELY_ALIVE_FOR: Duration = Duration::from_secs(1);

/// The schema, in the order of its making.
pub(super) static MIGRATIONS: Migrator = sqlx::migrate!();

/// The server's access to the database, as the role that owns nothing.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) pool: PgPool,
    /// Where units of work run: connections live on this runtime's threads, whoever uses them.
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) condition: Arc<Condition>,
}

impl Store {
    /// Refuses a role that could look past row-level security, and says how to mend it.
    pub async fn connect(url: &str, connections: u32) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url)?.application_name("muster");
        let condition = Arc::new(Condition::default());
        let at_release = Arc::clone(&condition);
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(IDLE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|conn, meta| {
                Box::pin(async move {
                    if meta.idle_for > SURELY_ALIVE_FOR {
                        conn.ping().await?;
                    }
                    Ok(true)
                })
            })
            // A cancelled `begin` can leave a transaction open on its connection; the next user must not inherit it.
            // Only `ROLLBACK` would make PostgreSQL log a warning at every release.
            .after_release(move |conn, _| {
                let is_of_use = !at_release.is_read_only();
                Box::pin(async move {
                    let clean = tokio::time::timeout(RELEASE_TIMEOUT, conn.execute("BEGIN; ROLLBACK")).await;
                    Ok(is_of_use && matches!(clean, Ok(Ok(_))))
                })
            })
            .connect_with(options)
            .await?;
        let store = Self { pool, runtime: tokio::runtime::Handle::current(), condition };
        store.refuse_powerful_role().await?;
        Ok(store)
    }

    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    async fn refuse_powerful_role(&self) -> Result<(), StoreError> {
        let row = sqlx::query(
            "SELECT current_user::text AS name, r.rolsuper OR r.rolbypassrls
                 OR EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid AND c.relkind IN ('r', 'p')) AS powerful,
                 current_setting('synchronous_commit') AS durable
             FROM pg_roles r WHERE r.rolname = current_user",
        )
        .fetch_one(&self.pool)
        .await?;
        if row.get::<bool, _>("powerful") {
            return Err(StoreError::Bug(format!(
                "the role {} is superuser, bypasses row-level security or owns tables, so accounts would not be kept \
                 apart; let DATABASE_URL name muster_server and MUSTER_MIGRATE_DATABASE_URL the owner",
                row.get::<String, _>("name")
            )));
        }
        if row.get::<String, _>("durable") == "off" {
            tracing::warn!("synchronous_commit is off: an acknowledged change can be lost in a crash");
        }
        Ok(())
    }

    /// Can it be reached, now, and changed?
    pub async fn ping(&self) -> Result<(), StoreError> {
        let look = sqlx::query_scalar("SELECT current_setting('transaction_read_only') = 'on'").fetch_one(&self.pool);
        if self.read(look).await? {
            self.condition.note(Some(&StoreError::ReadOnly), true);
            return Err(StoreError::ReadOnly);
        }
        self.condition.note(None, self.condition.is_read_only());
        Ok(())
    }

    /// A look outside any unit of work. However the database fares, it ends.
    pub async fn read<T, E>(&self, look: impl Future<Output = Result<T, E>>) -> Result<T, StoreError>
    where
        StoreError: From<E>,
    {
        let late = |_| Err(StoreError::Unavailable(format!("no answer within {READ_WITHIN:?}")));
        let outcome = tokio::time::timeout(READ_WITHIN, look).await.map_or_else(late, |read| Ok(read?));
        self.condition.note(outcome.as_ref().err(), false);
        outcome
    }

    /// Why something failed just now, for whoever was only told that it did; `None` if it was simply not there.
    pub fn explain(&self) -> Option<StoreError> {
        self.condition.explain()
    }

    /// Before anything is written outside a unit of work.
    pub fn has_room(&self) -> Result<(), StoreError> {
        self.condition.has_room()
    }

    /// Looks whether the disk of the database, if it is ours, has room.
    pub fn look_at_disk(&self, dir: &Path) {
        self.condition.look_at_disk(dir);
    }

    /// Makes the partitions of the coming time.
    pub async fn ensure_partitions(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT ensure_partitions()").execute(&self.pool).await?;
        Ok(())
    }
}

/// Brings the schema up to date, as its owner. Safe to run on several servers at once.
pub async fn migrate(owner_url: &str) -> Result<(), StoreError> {
    let mut conn = PgConnection::connect(owner_url).await?;
    conn.execute("SET lock_timeout = '30s'").await?;
    MIGRATIONS.run(&mut conn).await.map_err(|e| StoreError::Bug(format!("migration failed: {e}")))?;
    conn.close().await?;
    Ok(())
}
