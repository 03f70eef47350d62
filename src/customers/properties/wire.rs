//! A property on the wire.

use muster_domain::customers::{FenceFault, Geofence, Property, PropertyDetails, PropertyPatch};
use muster_domain::customers::{MAX_CORNERS, MAX_RADIUS_M, MIN_CORNERS, MIN_RADIUS_M};
use muster_domain::ids::{ClientId, PropertyId};
use muster_domain::{Moment, Place};
use serde::Serialize;
use serde_json::{Value, json};
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
    /// Where somebody counts as being there; null: 100 m around the location
    #[schema(value_type = Option<GeofenceAttributes>)]
    pub geofence: Option<Value>,
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

/// `{"type":"circle","radiusM":80}` around the location, 20 to 5,000 m; or
/// `{"type":"polygon","coordinates":[[lng,lat],…]}` of 3 to 100 corners, closed or not.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"type": "circle", "radiusM": 80}))]
pub struct GeofenceAttributes {
    /// circle · polygon
    pub r#type: String,
    pub radius_m: Option<f64>,
    pub coordinates: Option<Vec<Vec<f64>>>,
}

fn geofence_attributes(fence: &Geofence) -> Value {
    match fence {
        Geofence::Circle { radius_m } => json!({ "type": "circle", "radiusM": radius_m }),
        Geofence::Polygon { corners } => {
            let coordinates: Vec<[f64; 2]> = corners.iter().map(|corner| [corner.lng, corner.lat]).collect();
            json!({ "type": "polygon", "coordinates": coordinates })
        }
    }
}

impl From<&Property> for PropertyAttributes {
    fn from(property: &Property) -> Self {
        let PropertyDetails { name, street, city, postal_code, country, location, geofence } = property.details.clone();
        Self {
            client_id: property.client_id.0,
            name,
            address: AddressAttributes { street, city, postal_code, country },
            location: location.map(PlaceAttributes::from),
            geofence: geofence.as_ref().map(geofence_attributes),
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
    if !is_fence_near(&details) {
        fields.fault("geofence/coordinates", FAR_AWAY);
    }
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
    if fields.has("geofence") {
        patch.geofence = Some(fields.nested("geofence", read_geofence).flatten());
    }
    patch
}

/// Not far from the property's location, as far as that is known.
pub fn is_fence_near(details: &PropertyDetails) -> bool {
    details.geofence.as_ref().is_none_or(|fence| fence.suits(details.location))
}

pub const FAR_AWAY: &str =
    "coordinates lie more than 20 km from the property's location. Each is [lng, lat], the longitude first.";

/// `None` after a fault.
fn read_geofence(fields: &mut Fields<'_>) -> Option<Geofence> {
    let kind = |name: &str| ["circle", "polygon"].into_iter().find(|kind| *kind == name);
    let Some(kind) = fields.need_choice("type", kind, "circle, polygon") else {
        // Of what kind they are is not known: nothing can be said of them.
        for name in ["radiusM", "coordinates"] {
            fields.value(name);
        }
        return None;
    };
    match kind {
        "circle" => {
            let radius_m = fields.number("radiusM", MIN_RADIUS_M..=MAX_RADIUS_M);
            if radius_m.is_none() && fields.value("radiusM").is_none() {
                fields.fault("radiusM", "radiusM is required for a circle.");
            }
            Geofence::circle(radius_m?).ok()
        }
        _ => {
            let Some(given) = fields.value("coordinates") else {
                fields.fault("coordinates", "coordinates are required for a polygon.");
                return None;
            };
            let fence = corners(given).and_then(|corners| {
                Geofence::polygon(corners).map_err(|fault| ("coordinates".to_owned(), fault_text(fault)))
            });
            fence.map_err(|(field, detail)| fields.fault(&field, detail)).ok()
        }
    }
}

/// The corners, or the faulty field and what is wrong with it.
fn corners(given: &Value) -> Result<Vec<Place>, (String, String)> {
    let list = given.as_array().filter(|list| list.len() <= MAX_CORNERS + 1).ok_or_else(|| {
        let detail = format!("coordinates must be a list of {MIN_CORNERS} to {MAX_CORNERS} [lng, lat].");
        ("coordinates".to_owned(), detail)
    })?;
    let corner = |(at, one): (usize, &Value)| {
        let pair = one.as_array().filter(|pair| pair.len() == 2);
        let pair = pair.and_then(|pair| Some((pair[0].as_f64()?, pair[1].as_f64()?)));
        let place = pair.and_then(|(lng, lat)| Place::new(lat, lng));
        let detail = "This must be [lng, lat]: from -180 to 180, and from -90 to 90.";
        place.ok_or_else(|| (format!("coordinates/{at}"), detail.to_owned()))
    };
    list.iter().enumerate().map(corner).collect()
}

fn fault_text(fault: FenceFault) -> String {
    match fault {
        FenceFault::RadiusOutOfRange => format!("radiusM must be a number from {MIN_RADIUS_M} to {MAX_RADIUS_M}."),
        FenceFault::TooFewCorners => format!("coordinates must have at least {MIN_CORNERS} corners."),
        FenceFault::TooManyCorners => format!("coordinates must have at most {MAX_CORNERS} corners."),
        FenceFault::RepeatsCorner(at) => format!("coordinates repeat a corner: number {at}, counted from 0."),
        FenceFault::CrossesItself(a, b) => {
            format!("coordinates must not cross or touch themselves: sides {a} and {b} do, counted from 0.")
        }
        FenceFault::CrossesDateLine => "coordinates must not cross the date line.".to_owned(),
        FenceFault::TooLarge => format!("coordinates must not span more than {} m.", 2.0 * MAX_RADIUS_M),
        FenceFault::TooSmall => "coordinates must enclose at least 100 square metres.".to_owned(),
    }
}
