//! What a server stands on: its database, brought up to date, and the secrets in it. The command line's own errands
//! stand on the same.

use std::path::Path;

use anyhow::{Context, bail};

use crate::settings::{Environment, Settings};
use crate::store::embedded::{self, EmbeddedPg};
use crate::store::{Secrets, Store, migrate};

pub const DATABASE: &str = "muster";

pub struct Ground {
    pub store: Store,
    pub secrets: Secrets,
    /// The built-in PostgreSQL, if there is no other: it lives as long as this.
    pub postgres: Option<EmbeddedPg>,
}

impl Ground {
    pub async fn open(settings: &Settings) -> anyhow::Result<Self> {
        let database = database(settings).await?;
        migrate(&database.owner_url).await.context("cannot bring the database up to date")?;
        let store = Store::connect(&database.server_url, settings.database_connections).await?;
        store.ensure_partitions().await?;
        let secrets = Secrets::open(&store, &secret(settings)?).await?;
        Ok(Self { store, secrets, postgres: database.embedded })
    }

    /// Lets go of the database, and stops it if it was started here.
    pub async fn close(self) {
        self.store.pool().close().await;
        if let Some(postgres) = self.postgres {
            tokio::task::spawn_blocking(move || postgres.stop()).await.ok();
        }
    }
}

struct Database {
    owner_url: String,
    server_url: String,
    embedded: Option<EmbeddedPg>,
}

async fn database(settings: &Settings) -> anyhow::Result<Database> {
    if let Some(server_url) = settings.database_url.clone() {
        let Some(owner_url) = settings.migrate_database_url.clone() else {
            bail!(
                "with DATABASE_URL also set MUSTER_MIGRATE_DATABASE_URL: the same database, as the owner of its tables"
            );
        };
        return Ok(Database { owner_url, server_url, embedded: None });
    }
    if settings.env == Environment::Production && !settings.allow_embedded_database {
        bail!(
            "production needs DATABASE_URL; to run on the built-in PostgreSQL all the same, set MUSTER_ALLOW_EMBEDDED_DATABASE=true"
        );
    }
    let place = embedded::Settings { root: settings.data_dir.clone(), durable: true, extra: Vec::new() };
    let postgres = tokio::task::spawn_blocking(move || EmbeddedPg::start(&place)).await??;
    postgres.bootstrap(DATABASE).await?;
    Ok(Database {
        owner_url: postgres.owner_url(DATABASE),
        server_url: postgres.server_url(DATABASE),
        embedded: Some(postgres),
    })
}

/// The secret that a server would start with, if it has been given or made.
pub fn known_secret(settings: &Settings) -> Option<String> {
    let made = || std::fs::read_to_string(settings.data_dir.join("secret")).ok();
    settings.secret.clone().or_else(made).map(|secret| secret.trim().to_owned())
}

/// The given secret, or the one made on the first start.
fn secret(settings: &Settings) -> anyhow::Result<String> {
    if let Some(secret) = &settings.secret {
        if secret.len() < 16 {
            bail!("MUSTER_SECRET must have at least 16 characters");
        }
        return Ok(secret.clone());
    }
    if settings.env == Environment::Production && settings.database_url.is_some() {
        bail!("production needs MUSTER_SECRET, the same on every server of the database");
    }
    std::fs::create_dir_all(&settings.data_dir)?;
    let path = settings.data_dir.join("secret");
    if !path.exists() {
        let fresh: [u8; 32] = rand::random();
        let text: String = fresh.iter().map(|byte| format!("{byte:02x}")).collect();
        write_private(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?.trim().to_owned())
}

/// Readable by its owner alone, and never overwritten: two servers that start at once agree on the first.
fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let whole = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&whole)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&whole, path);
    std::fs::remove_file(&whole)?;
    linked.or_else(|error| if path.exists() { Ok(()) } else { Err(error) })
}
