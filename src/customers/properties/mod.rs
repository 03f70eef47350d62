//! Properties: the places of a client. Invariant: where a property is, its open jobs and visits are too; whoever moves
//! it moves them in the same transaction.

mod openapi;
mod port;
mod routes;
mod store;
mod wire;

pub use openapi::{Doc, PropertyRequest};
pub use routes::routes;
pub use store::{insert, of_clients};
pub use wire::{PropertyAttributes, property_resource, read_details};
