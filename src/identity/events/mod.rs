//! Events: the account's journal for those who keep their own copy of what happened, by a cursor that has no gaps.
//! Invariant: read-only; whatever changes writes its line itself.

mod routes;
mod store;
mod wire;

use actix_web::web::ServiceConfig;
use utoipa::OpenApi;

/// To be mounted at `/api/v1`.
pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(actix_web::web::resource("/events").route(actix_web::web::get().to(routes::list)));
}

#[derive(OpenApi)]
#[openapi(paths(routes::list))]
pub struct Doc;
