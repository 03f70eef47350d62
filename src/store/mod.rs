//! How the server talks to PostgreSQL at all: the pool, units of work with tenant scope, the journal, kept answers.
//! Knows no noun of the business and no HTTP.

pub mod answers;
pub mod audit;
pub mod condition;
pub mod embedded;
pub mod error;
pub mod fitness;
pub mod journal;
pub mod keys;
pub mod pattern;
pub mod pool;
pub mod work;

pub use error::{StoreError, Undone};
pub use keys::Secrets;
pub use pool::{Store, migrate};
pub use work::{Done, Unit};
