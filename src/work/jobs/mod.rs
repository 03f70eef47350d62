//! Jobs: what was agreed to be done for a client. Creating, ending and opening one is the board's; its words, skills and
//! urgency are a record, whose change reaches its open visits in the same transaction.

mod openapi;
mod routes;
mod store;
mod visits;
mod wire;

pub use openapi::Doc;
pub use routes::routes;
pub use store::read;
pub use visits::follow_property;
pub use wire::{JobAttributes, job_resource};
