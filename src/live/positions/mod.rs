//! Positions: what phones report, whoever's app they run. Invariants: a bad point never sinks its batch; nothing is
//! acknowledged before it is durable; a worker reports and reads only his own.

mod admission;
mod fix;
mod ingest;
mod loose;
mod openapi;
mod osmand;
mod overland;
mod owntracks;
mod protocol;
mod report;
mod routes;
mod told;
mod transistor;
mod units;
pub mod wire;

pub use ingest::routes as ingest_routes;
pub use openapi::Doc;
pub use owntracks::MOVE as OWNTRACKS_MOVE;
pub use protocol::Protocol;
pub use report::{Incoming, Outcome, report};
pub use routes::{live_of, routes};
pub use told::Told;
pub use wire::{Frame, LiveWire, Profile};
