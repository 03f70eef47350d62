//! A phone's own credential for sending positions. Invariants: the token is shown once and only its SHA-256 is kept;
//! it speaks for one worker, for positions and nothing else, until it is revoked or the worker leaves.

mod links;
mod openapi;
mod qr;
mod routes;
mod store;
mod token;
mod wire;

pub use openapi::Doc;
pub use routes::routes;
pub use token::{Door, PREFIX, admit};
