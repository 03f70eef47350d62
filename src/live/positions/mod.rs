//! Positions: what phones report, whoever's app they run. Invariants: a bad point never sinks its batch; nothing is
//! acknowledged before it is durable; a worker reports and reads only his own.

mod ingest;
mod openapi;
mod osmand;
mod owntracks;
mod report;
mod routes;
mod units;
pub mod wire;

pub use ingest::routes as ingest_routes;
pub use openapi::Doc;
pub use report::{Outcome, report};
pub use routes::{live_of, routes};
pub use wire::{LiveWire, parse_points};
