//! What can go wrong with the database, by what the caller must do about it.

use std::fmt;

/// Classes of SQLSTATE which say that the database is not to be had.
const AWAY: [&str; 6] = ["08", "28", "3D", "53", "57", "58"];

/// Nothing was written, except perhaps with [`StoreError::Unknown`].
#[derive(Debug)]
pub enum StoreError {
    /// A named constraint refused.
    Constraint(String),
    /// Somebody else held what we waited for, longer than we wait.
    Busy,
    /// The connection was lost during COMMIT: it may have been written.
    Unknown,
    /// The database cannot be reached, or does not answer in time.
    Unavailable(String),
    /// There is no room to write; what is there can be read.
    Full,
    /// The database takes no changes: it is a copy, or being moved.
    ReadOnly,
    /// A mistake of ours.
    Bug(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Constraint(name) => write!(f, "refused by {name}"),
            StoreError::Busy => write!(f, "locked for too long"),
            StoreError::Unknown => write!(f, "connection lost during commit"),
            StoreError::Unavailable(why) => write!(f, "database unavailable: {why}"),
            StoreError::Full => write!(f, "no room to write"),
            StoreError::ReadOnly => write!(f, "the database takes no changes"),
            StoreError::Bug(why) => write!(f, "{why}"),
        }
    }
}
impl std::error::Error for StoreError {}

impl StoreError {
    pub fn is_constraint(&self, name: &str) -> bool {
        matches!(self, StoreError::Constraint(constraint) if constraint == name)
    }

    /// Worth trying again from the beginning: serialization failure, deadlock, lock timeout.
    pub(super) fn is_transient(error: &sqlx::Error) -> bool {
        let code = error.as_database_error().and_then(|db| db.code());
        matches!(code.as_deref(), Some("40001" | "40P01" | "55P03"))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if Self::is_transient(&error) {
            return StoreError::Busy;
        }
        match &error {
            sqlx::Error::Database(db) => {
                let code = db.code().unwrap_or_default();
                match (&*code, db.constraint()) {
                    (code, Some(constraint)) if code.starts_with("23") => StoreError::Constraint(constraint.to_owned()),
                    ("53100", _) => StoreError::Full,
                    ("25006", _) => StoreError::ReadOnly,
                    // Out of memory or connections, shutting down, not letting us in: the database's trouble, not the
                    // request's.
                    (code, _) if AWAY.iter().any(|class| code.starts_with(class)) => {
                        StoreError::Unavailable(db.to_string())
                    }
                    _ => StoreError::Bug(error.to_string()),
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => StoreError::Unavailable(error.to_string()),
            _ => StoreError::Bug(error.to_string()),
        }
    }
}

/// Why a unit of work left nothing behind: the business refused, or the store failed.
#[derive(Debug)]
pub enum Undone<R> {
    Refused(R),
    Failed(StoreError),
}

impl<R> From<StoreError> for Undone<R> {
    fn from(error: StoreError) -> Self {
        Undone::Failed(error)
    }
}
impl<R> From<sqlx::Error> for Undone<R> {
    fn from(error: sqlx::Error) -> Self {
        Undone::Failed(error.into())
    }
}
