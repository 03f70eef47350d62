//! Visits from outside: the schedule, and every command on a visit. Invariant: each command goes through the account's
//! board, whoever sends it and over whichever transport.

mod openapi;
mod related;
mod routes;
pub mod telling;
pub mod wire;

pub use openapi::Doc;
pub use routes::routes;
