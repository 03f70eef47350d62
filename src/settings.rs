//! Every setting of the server: its name, default and meaning in one table, from which the reference page is written.
//! A setting is `MUSTER_…` in the environment, a key in `muster.toml`, or a flag.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

use crate::http::tls;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub listen: SocketAddr,
    pub tls_certificate: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub data_dir: PathBuf,
    pub database_url: Option<String>,
    pub migrate_database_url: Option<String>,
    pub secret: Option<String>,
    pub env: Environment,
    pub allow_embedded_database: bool,
    pub public_url: Option<String>,
    pub static_dir: Option<PathBuf>,
    pub basemap: Option<String>,
    pub threads: usize,
    pub database_connections: u32,
    pub password_cost: u32,
    pub log: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    Development,
    Production,
}

/// Name, default and meaning, in the order of the struct.
pub const REFERENCE: &[(&str, &str, &str)] = &[
    ("listen", "127.0.0.1:8080", "Address and port. `PORT` alone is honoured too: all addresses, that port."),
    (
        "tls_certificate",
        "none: plain HTTP, for behind a proxy",
        "The certificate with its chain, PEM. Then the port speaks TLS 1.3 alone; a renewed file is taken within a minute.",
    ),
    ("tls_key", "none", "The certificate's key, PEM; needed with `tls_certificate`."),
    (
        "data_dir",
        "/var/lib/muster for root, else ./.muster",
        "Where the built-in PostgreSQL, its log and the server's secret live.",
    ),
    (
        "database_url",
        "none: the built-in PostgreSQL",
        "The server's database, as a role that owns nothing. `DATABASE_URL` is honoured too.",
    ),
    ("migrate_database_url", "none", "The same database as its owner, for migrations; needed with `database_url`."),
    (
        "secret",
        "made on the first start, in data_dir/secret",
        "Wraps the keys that are kept in the database. All servers of one database share it.",
    ),
    ("env", "development", "`production` refuses what is unsafe there, such as the built-in PostgreSQL."),
    ("allow_embedded_database", "false", "Lets `production` run on the built-in PostgreSQL."),
    ("public_url", "none: as the request's Host says", "How others reach this server; goes into links."),
    ("static_dir", "none: the console inside the binary", "Serves the console from a directory, while working on it."),
    (
        "basemap",
        "none: outlines of the countries",
        "Streets for the map: the path of a `.pmtiles` file, which the server then serves itself, or the https address of a \
         MapLibre style. See [the map](../running.md#the-map).",
    ),
    ("threads", "one for each core", "Threads that serve requests."),
    ("database_connections", "20", "Connections to the database."),
    ("password_cost", "12", "bcrypt's cost for new passwords (4 to 16)."),
    ("log", "info", "What is logged: error, warn, info, debug, or a filter for each module."),
];

/// The reference page.
pub fn page() -> String {
    let mut page = String::from(
        "# Settings\n\nEach is `MUSTER_…` in the environment, a key in `muster.toml` (or the file named by `--config`), or a flag \
         (`--set name=value`). A flag wins over the environment, the environment over the file.\n\n\
         | setting | environment | default | meaning |\n|---|---|---|---|\n",
    );
    for (name, default, meaning) in REFERENCE {
        page.push_str(&format!("| `{name}` | `MUSTER_{}` | {default} | {meaning} |\n", name.to_uppercase()));
    }
    page
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            tls_certificate: None,
            tls_key: None,
            data_dir: default_data_dir(),
            database_url: None,
            migrate_database_url: None,
            secret: None,
            env: Environment::Development,
            allow_embedded_database: false,
            public_url: None,
            static_dir: None,
            basemap: None,
            threads: std::thread::available_parallelism().map_or(2, usize::from),
            database_connections: 20,
            password_cost: 12,
            log: "info".to_owned(),
        }
    }
}

fn default_data_dir() -> PathBuf {
    // PostgreSQL will not run as root, and the user it runs as must be able to reach its data.
    let root = nix_uid() == 0;
    if root { PathBuf::from("/var/lib/muster") } else { PathBuf::from(".muster") }
}

fn nix_uid() -> u32 {
    // SAFETY: geteuid has no preconditions and cannot fail.
    unsafe { libc::geteuid() }
}

impl Settings {
    /// What no server can run with; the sentence names the setting.
    pub fn check(&self) -> anyhow::Result<()> {
        let Self { threads, database_connections, password_cost, public_url, .. } = self;
        anyhow::ensure!((1..=1_024).contains(threads), "threads is {threads}: at least 1, at most 1024");
        anyhow::ensure!(
            (1..=1_000).contains(database_connections),
            "database_connections is {database_connections}: at least 1, at most 1000"
        );
        anyhow::ensure!((4..=16).contains(password_cost), "password_cost is {password_cost}: 4 to 16");
        if let Some(url) = public_url {
            let is_address = url.starts_with("http://") || url.starts_with("https://");
            anyhow::ensure!(is_address, "public_url is {url}: begin it with https:// or http://");
        }
        Ok(())
    }

    /// `None`: plain HTTP.
    pub fn tls(&self) -> anyhow::Result<Option<tls::Files>> {
        match (self.tls_certificate.clone(), self.tls_key.clone()) {
            (Some(certificate), Some(key)) => Ok(Some(tls::Files { certificate, key })),
            (None, None) => Ok(None),
            _ => anyhow::bail!("MUSTER_TLS_CERTIFICATE and MUSTER_TLS_KEY are needed together"),
        }
    }

    /// Defaults, then the file, then the environment, then flags: the later wins.
    pub fn read(file: Option<&Path>, flags: &[(String, String)]) -> Result<Self, Box<figment::Error>> {
        Self::read_over(Settings::default(), file, flags)
    }

    /// The same, over other defaults.
    pub fn read_over(
        defaults: Settings,
        file: Option<&Path>,
        flags: &[(String, String)],
    ) -> Result<Self, Box<figment::Error>> {
        let mut figment = Figment::from(Serialized::defaults(defaults));
        figment = match file {
            Some(path) => figment.merge(Toml::file_exact(path)),
            None => figment.merge(Toml::file("muster.toml")),
        };
        if let Ok(url) = std::env::var("DATABASE_URL") {
            figment = figment.merge(Serialized::default("database_url", url));
        }
        if let Some(port) = std::env::var("PORT").ok().and_then(|port| port.parse::<u16>().ok()) {
            figment = figment.merge(Serialized::default("listen", SocketAddr::from(([0, 0, 0, 0], port))));
        }
        let known = |key: &figment::value::UncasedStr| REFERENCE.iter().any(|(name, ..)| key == *name);
        figment = figment.merge(Env::prefixed("MUSTER_").filter(known));
        for (name, value) in flags {
            // As in the environment: what looks like a number is one.
            let Ok(value) = value.parse::<figment::value::Value>();
            figment = figment.merge(Serialized::default(name, value));
        }
        figment.extract().map_err(Box::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_names_every_setting() {
        let settings = serde_json::to_value(Settings::default()).expect("plain data");
        let mut fields: Vec<&str> = settings.as_object().expect("an object").keys().map(String::as_str).collect();
        let mut named: Vec<&str> = REFERENCE.iter().map(|(name, ..)| *name).collect();
        fields.sort_unstable();
        named.sort_unstable();
        assert_eq!(fields, named);
    }

    #[test]
    fn what_no_server_can_run_with_is_named() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.check().err().map(|error| error.to_string())
        };
        assert_eq!(with(|_| {}), None);
        let table: [(fn(&mut Settings), &str); 4] = [
            (|settings| settings.threads = 0, "threads is 0"),
            (|settings| settings.database_connections = 0, "database_connections is 0"),
            (|settings| settings.password_cost = 99, "password_cost is 99"),
            (|settings| settings.public_url = Some("notaurl".into()), "public_url is notaurl"),
        ];
        for (change, says) in table {
            assert!(with(change).is_some_and(|said| said.starts_with(says)), "{says}");
        }
    }

    #[test]
    fn a_flag_can_be_a_number_a_word_or_an_address() {
        let flags =
            [("password_cost", "4"), ("log", "warn"), ("listen", "127.0.0.1:0"), ("allow_embedded_database", "true")];
        let flags = flags.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = Settings::read(None, &flags).expect("they are read");
        assert_eq!((settings.password_cost, settings.log.as_str()), (4, "warn"));
        assert!(settings.allow_embedded_database && settings.listen.port() == 0);
    }
}
