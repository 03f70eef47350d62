//! An account is one business: the tenant. Invariants: it is made together with its owner, who is new; whoever is not in
//! it does not learn that it exists.

mod founding;
mod openapi;
mod routes;
mod store;
mod wire;

use actix_web::web::{ServiceConfig, get, patch, post, resource};
use chrono::{DateTime, Utc};
use muster_domain::ids::AccountId;

pub use openapi::Doc;
pub use store::read;

#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub time_zone: String,
    pub currency: String,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/accounts").route(post().to(routes::sign_up)))
        .service(resource("/account").route(get().to(routes::read)).route(patch().to(routes::update)));
}
