//! The API's own description, gathered from the handlers, and the shapes that all of them share.

use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};
use uuid::Uuid;

/// One resource in its envelope.
#[derive(ToSchema)]
pub struct Document<T: ToSchema> {
    pub data: Resource<T>,
    pub meta: Meta,
}

/// A list of resources in its envelope.
#[derive(ToSchema)]
pub struct Collection<T: ToSchema> {
    pub data: Vec<Resource<T>>,
    pub meta: Meta,
}

#[derive(ToSchema)]
pub struct Resource<T: ToSchema> {
    /// Singular name of the resource.
    #[schema(rename = "type")]
    pub kind: String,
    pub id: Uuid,
    pub attributes: T,
}

/// What a request carries.
#[derive(ToSchema)]
pub struct Request<T: ToSchema> {
    pub data: RequestData<T>,
}

#[derive(ToSchema)]
pub struct RequestData<T: ToSchema> {
    #[schema(rename = "type")]
    pub kind: String,
    /// A UUIDv7 made by the client, so that a create can be repeated from offline.
    pub id: Option<Uuid>,
    pub attributes: T,
}

#[derive(ToSchema)]
pub struct Meta {
    pub timestamp: chrono::DateTime<chrono::Utc>,
}

/// Every error has this shape, and lists every fault at once.
#[derive(ToSchema)]
pub struct Errors {
    pub errors: Vec<ErrorObject>,
}

#[derive(ToSchema)]
pub struct ErrorObject {
    pub id: Uuid,
    pub status: String,
    /// One of the codes in the reference.
    pub code: String,
    pub title: String,
    pub detail: String,
    pub source: Option<ErrorSource>,
    pub meta: Option<serde_json::Value>,
}

#[derive(ToSchema)]
pub struct ErrorSource {
    pub pointer: Option<String>,
    pub parameter: Option<String>,
    pub header: Option<String>,
}

/// Adds how callers identify themselves.
pub struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Muster", description = "The back office of a field-service business and its live dispatch floor."),
    modifiers(&Security),
    components(schemas(Errors)),
    security(("bearer" = []))
)]
pub struct Frame;
