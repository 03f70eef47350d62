//! A private PostgreSQL under the data directory, run as a child of the server: one command, no
//! database to install. Not for production behind several machines; there `DATABASE_URL` is set.
//!
//! One server starts the cluster, further servers on the same data adopt it. When the starter
//! stops, PostgreSQL stops with it; whoever had adopted it starts it again within a second, and
//! answers 503 meanwhile. When PostgreSQL dies it is started again with growing pauses.

mod bootstrap;
mod error;
mod find;
mod keeper;
mod look;
mod pidfile;
mod place;
mod process;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

pub use bootstrap::{OWNER, SERVER};
pub use error::EmbeddedError;
use keeper::Shared;
pub use look::Look;
use place::{ADMIN, Place};

#[derive(Debug, Clone)]
pub struct Settings {
    /// The server's data directory. The cluster is in its `pg`, the log in its `pg.log`.
    pub root: PathBuf,
    /// `false` only for tests: a crash of the machine may then lose everything.
    pub durable: bool,
    /// Further PostgreSQL settings, e.g. `("max_connections", "300")`.
    pub extra: Vec<(String, String)>,
}

/// A running private PostgreSQL. Dropping it stops PostgreSQL, unless another server started it.
#[derive(Debug)]
pub struct EmbeddedPg {
    shared: Arc<Shared>,
    socket_dir: PathBuf,
    durable: bool,
    keeper: Option<JoinHandle<()>>,
}

impl EmbeddedPg {
    /// Starts or adopts the cluster and returns when it takes connections. Blocks: a new cluster
    /// takes seconds, a warm one some tens of milliseconds, recovery from a crash longer.
    pub fn start(settings: &Settings) -> Result<Self, EmbeddedError> {
        let place = Place::find(settings)?;
        let socket_dir = place.socket_dir.clone();
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let keeper = Builder::new()
            .name("postgres".to_owned())
            .spawn(move || keeper::keep(&place, &theirs))
            .map_err(place::at("start a thread for", &socket_dir))?;
        let embedded = Self { shared, socket_dir, durable: settings.durable, keeper: Some(keeper) };
        embedded.shared.wait_running()?;
        Ok(embedded)
    }

    /// For the cluster's superuser. The server itself never uses it after the bootstrap.
    pub fn admin_url(&self, database: &str) -> String {
        url(&self.socket_dir, ADMIN, database)
    }

    /// For the role that owns the tables: migrations and partitions.
    pub fn owner_url(&self, database: &str) -> String {
        url(&self.socket_dir, OWNER, database)
    }

    /// For the server's role, which row-level security binds.
    pub fn server_url(&self, database: &str) -> String {
        url(&self.socket_dir, SERVER, database)
    }

    /// Makes the two roles and the database, or sees that they are as they should be.
    pub async fn bootstrap(&self, database: &str) -> Result<(), EmbeddedError> {
        bootstrap::run(self, database)
            .await
            .map_err(|source| EmbeddedError::Bootstrap { database: database.to_owned(), source })
    }

    /// The postmaster's process; `None` while PostgreSQL is down.
    pub fn pid(&self) -> Option<i32> {
        self.shared.running().map(|(pid, _)| pid)
    }

    /// Whether another server started the cluster that is in use.
    pub fn is_adopted(&self) -> bool {
        self.shared.running().is_some_and(|(_, adopted)| adopted)
    }

    /// How often this server has started PostgreSQL: more than once means that it died.
    pub fn starts(&self) -> u32 {
        self.shared.starts()
    }

    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// Stops PostgreSQL if this server started it, and returns when it has ended.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            let has_ended = self.shared.stop(self.durable);
            if has_ended && keeper.join().is_err() {
                tracing::error!("the keeper of PostgreSQL panicked");
            }
        }
    }
}

fn url(socket_dir: &Path, role: &str, database: &str) -> String {
    let byte = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    };
    let dir: String = socket_dir.as_os_str().as_encoded_bytes().iter().map(byte).collect();
    format!("postgres://{role}@localhost:5432/{database}?host={dir}")
}

impl Drop for EmbeddedPg {
    fn drop(&mut self) {
        self.end();
    }
}
