//! Clients: for whom work is done. Invariants: a client has a person's or a company's name; nobody is deleted, because
//! history hangs on him; two clients may share an address or a number and are never merged by themselves.

mod openapi;
mod routes;
mod store;
mod wire;

pub use openapi::Doc;
pub use routes::routes;
pub use store::{find, read};
pub use wire::{ClientAttributes, client_resource};
