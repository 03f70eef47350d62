//! What can keep the built-in PostgreSQL from running, each with the sentence that mends it.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    #[error(
        "PostgreSQL {oldest} or newer was not found on this machine (found: {seen}). Run scripts/setup, \
         or install it (Debian: apt-get install -y postgresql; macOS: brew install postgresql@17), \
         or set PG_BIN_DIR to the folder of its programs, or DATABASE_URL to a database of your own."
    )]
    NoPrograms { oldest: u32, seen: String },

    #[error(
        "The data directory was made by PostgreSQL {wanted}, and only these programs were found: {seen}. \
         Install PostgreSQL {wanted}, or set PG_BIN_DIR to the folder of its programs."
    )]
    OtherVersion { wanted: u32, seen: String },

    #[error(
        "PostgreSQL may not run as root, so it runs as user {uid}, who cannot enter {}. \
         Set MUSTER_DATA_DIR to a folder which everybody may enter, such as /var/lib/muster.",
        .barrier.display()
    )]
    Unreachable { barrier: PathBuf, uid: u32 },

    #[error(
        "{} is not empty and holds no PostgreSQL cluster (it has no PG_VERSION). \
         Move it away, or set MUSTER_DATA_DIR to another folder.",
        .0.display()
    )]
    NotACluster(PathBuf),

    #[error(
        "{} belongs to user {owner}, not to user {uid}, whom PostgreSQL would run as. \
         Remove it, or set MUSTER_DATA_DIR to another folder.",
        .path.display()
    )]
    SomebodyElses { path: PathBuf, owner: u32, uid: u32 },

    #[error(
        "PostgreSQL (process {pid}) already runs on {} and was not started by Muster. \
         Stop it, or set DATABASE_URL to use it.",
        .data.display()
    )]
    NotOurs { pid: i32, data: PathBuf },

    #[error(
        "Another server has been starting or stopping PostgreSQL in {} for {waited_s} s. \
         See what it says, or stop it and try again.",
        .root.display()
    )]
    Busy { root: PathBuf, waited_s: u64 },

    #[error("Could not {what} {}: {source}. See that the server's user may do so.", .path.display())]
    Place { what: &'static str, path: PathBuf, source: io::Error },

    #[error("Could not run {}: {source}.", .program.display())]
    Spawn { program: PathBuf, source: io::Error },

    #[error("PostgreSQL could not make its cluster. It said: {0}")]
    Initdb(String),

    #[error("PostgreSQL ended while starting ({status}). It said: {said}")]
    Ended { status: String, said: String },

    #[error(
        "PostgreSQL was not ready after {waited_s} s; it may be recovering from a crash. \
         Its log is {}.",
        .log.display()
    )]
    NotReady { waited_s: u64, log: PathBuf },

    #[error("PostgreSQL was asked to stop before it was ready.")]
    Stopped,

    #[error("Could not prepare the database `{database}`: {source}")]
    Bootstrap { database: String, source: sqlx::Error },
}
