//! The tests that call the server as anybody else would: one binary, one throw-away PostgreSQL.

mod embedded;
mod harness;
mod pool;
mod readme;
mod tracks;
mod visits;
