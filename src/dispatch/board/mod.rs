//! The board in PostgreSQL. Invariants: a commit is fenced by the account's position; what the rules allowed and the
//! constraints refuse leaves nothing behind; snapshot + journal = rows.

pub mod port;
pub mod store;
