//! What `/properties` takes, for the API's own description.

use utoipa::{OpenApi, ToSchema};

use super::routes;
use super::wire::{AddressAttributes, GeofenceAttributes};
use crate::dispatch::visits::wire::PlaceAttributes;

/// Changes name only what they change; null clears it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct PropertyRequest {
    pub name: Option<String>,
    pub address: Option<AddressAttributes>,
    pub location: Option<PlaceAttributes>,
    /// Null: 100 m around the location
    pub geofence: Option<GeofenceAttributes>,
    /// active · inactive; only in a change
    pub status: Option<String>,
}

#[derive(OpenApi)]
#[openapi(paths(routes::create, routes::list, routes::read, routes::edit, routes::deactivate))]
pub struct Doc;
