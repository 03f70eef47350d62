//! Clients and their properties: for whom work is done, and where. What they owe is not here.

mod client;
mod geofence;
mod property;

pub use client::{Client, ClientDetails, ClientPatch};
pub use geofence::{DEFAULT_RADIUS_M, FenceFault, Geofence, MAX_CORNERS, MAX_RADIUS_M, MIN_CORNERS, MIN_RADIUS_M};
pub use property::{Property, PropertyDetails, PropertyPatch};

/// Sets what a patch names, and nothing else.
fn put<T>(target: &mut T, given: Option<T>) {
    if let Some(value) = given {
        *target = value;
    }
}
