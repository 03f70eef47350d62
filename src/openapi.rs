//! The API's own description, gathered from all nouns, and where it is served. Each noun describes its operations
//! beside their handlers; what holds for all of them is added here.

use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{ServiceConfig, get};
use bytes::Bytes;
use utoipa::OpenApi;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Ref, RefOr, Required, Response, ResponseBuilder};

use crate::http::openapi::Frame;
use crate::{basemap, customers, dispatch, identity, live, work};

/// Every operation of `/api/v1`.
pub fn api_document() -> utoipa::openapi::OpenApi {
    let mut document = Frame::openapi();
    let nouns = [
        identity::accounts::Doc::openapi(),
        identity::auth::Doc::openapi(),
        identity::users::Doc::openapi(),
        identity::workers::Doc::openapi(),
        identity::events::Doc::openapi(),
        customers::clients::Doc::openapi(),
        customers::properties::Doc::openapi(),
        work::jobs::Doc::openapi(),
        dispatch::visits::Doc::openapi(),
        live::positions::Doc::openapi(),
        live::devices::Doc::openapi(),
        live::stream::Doc::openapi(),
        basemap::Doc::openapi(),
    ];
    nouns.into_iter().for_each(|noun| document.merge(noun));
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            complete(path, method, operation);
        }
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

/// What holds for every operation: a name of its own, the shape of errors, and how a change is made repeatable.
fn complete(path: &str, method: &str, operation: &mut Operation) {
    operation.operation_id = Some(name_of(path, method));
    operation.responses.responses.entry("default".into()).or_insert_with(|| RefOr::T(any_error()));
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            response.description = reason(status).to_owned();
        }
    }
    if method != "get" && !path.starts_with("/api/v1/auth/") {
        let parameters = operation.parameters.get_or_insert_default();
        parameters.retain(|parameter| !matches!(parameter, RefOr::T(known) if known.name == "Idempotency-Key"));
        parameters.push(RefOr::T(idempotency_key()));
    }
}

/// `post /api/v1/visits/{id}/start-travel` is `postVisitsIdStartTravel`.
fn name_of(path: &str, method: &str) -> String {
    let words = path.trim_start_matches("/api/v1").split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).fold(method.to_owned(), |name, word| {
        let (first, rest) = word.split_at(1);
        name + &first.to_ascii_uppercase() + rest
    })
}

/// What a status means where the noun has nothing to add.
fn reason(status: &str) -> &'static str {
    let status: Option<StatusCode> = status.parse().ok();
    status.and_then(|status| status.canonical_reason()).unwrap_or("As the status says")
}

fn any_error() -> Response {
    let errors = ContentBuilder::new().schema(Some(Ref::from_schema_name("Errors"))).build();
    ResponseBuilder::new()
        .description("Every fault, in the shape all errors share")
        .content("application/json", errors)
        .build()
}

fn idempotency_key() -> Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The same key within 24 hours gets the first answer again"))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).max_length(Some(255))))
        .build()
}

/// The description as it is served and committed.
pub fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| api_document().to_pretty_json().expect("a description is plain data") + "\n")
}

/// To be mounted at `/api/v1`.
pub fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/openapi.json", get().to(serve));
}

async fn serve() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(Bytes::from_static(text().as_bytes()))
}
