//! A client on the wire.

use muster_domain::Moment;
use muster_domain::customers::{Client, ClientDetails, ClientPatch, Property};
use muster_domain::ids::{ClientId, PropertyId};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::customers::properties::{PropertyAttributes, property_resource, read_details};
use crate::http::envelope::{instant, resource};
use crate::http::input::Document;
use crate::http::{Code, Fault, Fields, Problem};

const MAX_NAME: usize = 100;
const MAX_COMPANY_NAME: usize = 200;
const MAX_PROPERTIES: usize = 50;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientAttributes {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub company_name: Option<String>,
    /// The company, or else the person.
    pub display_name: String,
    pub email: Option<String>,
    pub phone: Option<String>,
    /// active · inactive
    pub status: &'static str,
    /// When the client was just made, and with `include=properties`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<Vec<OwnProperty>>,
    pub created_at: String,
    pub updated_at: String,
}

/// A place among the attributes of its client.
#[derive(Serialize, ToSchema)]
pub struct OwnProperty {
    pub id: Uuid,
    #[serde(flatten)]
    pub attributes: PropertyAttributes,
}

impl From<&Client> for ClientAttributes {
    fn from(client: &Client) -> Self {
        let display_name = client.details.display_name();
        let ClientDetails { first_name, last_name, company_name, email, phone } = client.details.clone();
        Self {
            first_name,
            last_name,
            company_name,
            display_name,
            email,
            phone,
            status: if client.active { "active" } else { "inactive" },
            properties: None,
            created_at: instant(client.created_at),
            updated_at: instant(client.updated_at),
        }
    }
}

pub fn client_resource(client: &Client) -> Value {
    resource("client", client.id, ClientAttributes::from(client))
}

/// The same with its places among the attributes.
pub fn with_properties<'a>(client: &Client, properties: impl Iterator<Item = &'a Property>) -> Value {
    let mut attributes = ClientAttributes::from(client);
    let own = |property: &Property| OwnProperty { id: property.id.0, attributes: property.into() };
    attributes.properties = Some(properties.map(own).collect());
    resource("client", client.id, attributes)
}

/// For `include=properties`: also as a relation to what is included.
pub fn including<'a>(client: &Client, properties: impl Iterator<Item = &'a Property> + Clone) -> Value {
    let mut data = with_properties(client, properties.clone());
    let related: Vec<Value> = properties.map(|property| json!({ "type": "property", "id": property.id })).collect();
    data["relationships"] = json!({ "properties": { "data": related } });
    data
}

pub fn included(properties: &[Property]) -> Vec<Value> {
    properties.iter().map(property_resource).collect()
}

/// A client and the places that come with it.
pub fn new_client(document: &Document, at: &Moment) -> Result<(Client, Vec<Property>), Problem> {
    let id = ClientId(document.id_or_new());
    let (created_at, updated_at, active, version) = (at.now, at.now, true, 1);
    let mut fields = document.fields();
    let (mut details, mut ignored) = (ClientDetails::default(), true);
    patch_of(&mut fields).apply(&mut details, &mut ignored);
    let places = fields.list("properties", MAX_PROPERTIES, read_details).unwrap_or_default();
    let own = |details| {
        let property_id = PropertyId(Uuid::now_v7());
        Property { id: property_id, client_id: id, details, active, version, created_at, updated_at }
    };
    let properties = places.into_iter().map(own).collect();
    if !details.is_named() {
        fields.fault("firstName", NAMELESS);
    }
    fields.finish()?;
    Ok((Client { id, details, active, version, created_at, updated_at }, properties))
}

const NAMELESS: &str = "A client needs a person's name (firstName, lastName) or a companyName.";

/// After a change that took the last name away.
pub fn nameless() -> Problem {
    Fault::new(Code::VALIDATION_ERROR, NAMELESS).at("/data/attributes/firstName").into()
}

pub fn patch(document: &Document) -> Result<ClientPatch, Problem> {
    let mut fields = document.fields();
    let mut patch = patch_of(&mut fields);
    patch.active = fields.status();
    fields.finish()?;
    Ok(patch)
}

/// What is not sent is cleared.
pub fn replacement(document: &Document) -> Result<ClientPatch, Problem> {
    let patch = patch(document)?;
    Ok(ClientPatch {
        first_name: patch.first_name.or(Some(None)),
        last_name: patch.last_name.or(Some(None)),
        company_name: patch.company_name.or(Some(None)),
        email: patch.email.or(Some(None)),
        phone: patch.phone.or(Some(None)),
        active: patch.active,
    })
}

fn patch_of(fields: &mut Fields) -> ClientPatch {
    ClientPatch {
        first_name: fields.patch_text("firstName", MAX_NAME),
        last_name: fields.patch_text("lastName", MAX_NAME),
        company_name: fields.patch_text("companyName", MAX_COMPANY_NAME),
        email: fields.has("email").then(|| fields.email("email")),
        phone: fields.has("phone").then(|| fields.phone("phone")),
        active: None,
    }
}
