//! How the server talks to PostgreSQL at all.
pub mod embedded;
