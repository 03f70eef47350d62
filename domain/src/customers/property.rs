//! A property: a place of a client where work is done.

use chrono::{DateTime, Utc};

use super::{Geofence, put};
use crate::Place;
use crate::ids::{ClientId, PropertyId};

#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    pub id: PropertyId,
    pub client_id: ClientId,
    pub details: PropertyDetails,
    /// Inactive ones keep their history and get no new jobs.
    pub active: bool,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PropertyDetails {
    pub name: Option<String>,
    pub street: Option<String>,
    pub city: Option<String>,
    pub postal_code: Option<String>,
    pub country: Option<String>,
    pub location: Option<Place>,
    /// `None`: a circle of the usual radius around the location.
    pub geofence: Option<Geofence>,
}

/// `None` keeps what there is; `Some(None)` clears it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PropertyPatch {
    pub name: Option<Option<String>>,
    pub street: Option<Option<String>>,
    pub city: Option<Option<String>>,
    pub postal_code: Option<Option<String>>,
    pub country: Option<Option<String>>,
    pub location: Option<Option<Place>>,
    pub geofence: Option<Option<Geofence>>,
    pub active: Option<bool>,
}

impl PropertyDetails {
    /// Names of the attributes in which the two differ.
    pub fn changed_since(&self, old: &PropertyDetails) -> Vec<String> {
        let address = |details: &PropertyDetails| {
            [&details.street, &details.city, &details.postal_code, &details.country].map(Clone::clone)
        };
        let pairs = [
            ("name", self.name == old.name),
            ("address", address(self) == address(old)),
            ("location", self.location == old.location),
            ("geofence", self.geofence == old.geofence),
        ];
        pairs.into_iter().filter(|(_, same)| !same).map(|(name, _)| name.to_owned()).collect()
    }
}

impl PropertyPatch {
    pub fn apply(self, details: &mut PropertyDetails, active: &mut bool) {
        put(&mut details.name, self.name);
        put(&mut details.street, self.street);
        put(&mut details.city, self.city);
        put(&mut details.postal_code, self.postal_code);
        put(&mut details.country, self.country);
        put(&mut details.location, self.location);
        put(&mut details.geofence, self.geofence);
        put(active, self.active);
    }
}
