//! A property on the wire.

use muster_domain::Moment;
use muster_domain::customers::{Property, PropertyDetails, PropertyPatch};
use muster_domain::ids::{ClientId, PropertyId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::dispatch::visits::wire::PlaceAttributes;
use crate::http::envelope::{instant, resource};
use crate::http::input::Document;
use crate::http::{Fields, Problem};

const MAX_NAME: usize = 100;
const MAX_LINE: usize = 200;
const MAX_POSTAL_CODE: usize = 20;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PropertyAttributes {
    pub client_id: Uuid,
    pub name: Option<String>,
    pub address: AddressAttributes,
    pub location: Option<PlaceAttributes>,
    /// active · inactive
    pub status: &'static str,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AddressAttributes {
    pub street: Option<String>,
    pub city: Option<String>,
    pub postal_code: Option<String>,
    pub country: Option<String>,
}

impl From<&Property> for PropertyAttributes {
    fn from(property: &Property) -> Self {
        let PropertyDetails { name, street, city, postal_code, country, location } = property.details.clone();
        Self {
            client_id: property.client_id.0,
            name,
            address: AddressAttributes { street, city, postal_code, country },
            location: location.map(PlaceAttributes::from),
            status: if property.active { "active" } else { "inactive" },
            created_at: instant(property.created_at),
            updated_at: instant(property.updated_at),
        }
    }
}

pub fn property_resource(property: &Property) -> Value {
    resource("property", property.id, PropertyAttributes::from(property))
}

/// The attributes of a new property.
pub fn read_details(fields: &mut Fields) -> PropertyDetails {
    let (mut details, mut active) = (PropertyDetails::default(), true);
    patch_of(fields).apply(&mut details, &mut active);
    details
}

pub fn new_property(document: &Document, client_id: ClientId, at: &Moment) -> Result<Property, Problem> {
    let mut fields = document.fields();
    let details = read_details(&mut fields);
    fields.finish()?;
    let (created_at, updated_at) = (at.now, at.now);
    Ok(Property {
        id: PropertyId(document.id_or_new()),
        client_id,
        details,
        active: true,
        version: 1,
        created_at,
        updated_at,
    })
}

pub fn patch(document: &Document) -> Result<PropertyPatch, Problem> {
    let mut fields = document.fields();
    let mut patch = patch_of(&mut fields);
    patch.active = fields.status();
    fields.finish()?;
    Ok(patch)
}

/// An address is changed line by line; a null address clears all of them.
fn patch_of(fields: &mut Fields) -> PropertyPatch {
    let mut patch = PropertyPatch { name: fields.patch_text("name", MAX_NAME), ..PropertyPatch::default() };
    if fields.has("address") {
        let lines = fields.nested("address", |lines| {
            [("street", MAX_LINE), ("city", MAX_NAME), ("postalCode", MAX_POSTAL_CODE), ("country", MAX_NAME)]
                .map(|(name, max)| lines.patch_text(name, max))
        });
        [patch.street, patch.city, patch.postal_code, patch.country] = lines.unwrap_or([const { Some(None) }; 4]);
    }
    if fields.has("location") {
        patch.location = Some(fields.place("location"));
    }
    patch
}
