//! The live stream from outside: `GET /stream` (WebSocket), `GET /stream/sse` (events over plain HTTP) and tickets.
//! Invariants: every upgrade request is let in here and nowhere else; a stream hangs on a sign-in and ends with it. What
//! is said on it is decided in `muster_actors::hub`.

mod door;
mod events;
mod inbox;
mod openapi;
mod routes;
mod serve;
mod socket;
mod sources;
mod store;
mod upgrade;

pub use door::{Door, DoorConfig, PROTOCOL};
pub use openapi::Doc;
pub use routes::routes;
pub use serve::{ServeConfig, Serving, serve};
pub use sources::{People, Reports, SignIns};
