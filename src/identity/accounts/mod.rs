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
    pub arrivals: Arrivals,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What becomes of an arrival that a geofence saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrivals {
    /// Somebody decides.
    #[default]
    Propose,
    /// It is taken for true.
    Accept,
}

impl Arrivals {
    pub fn name(self) -> &'static str {
        match self {
            Arrivals::Propose => "propose",
            Arrivals::Accept => "accept",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Arrivals::Propose, Arrivals::Accept].into_iter().find(|policy| policy.name() == name)
    }
}

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(resource("/accounts").route(post().to(routes::sign_up)))
        .service(resource("/account").route(get().to(routes::read)).route(patch().to(routes::update)));
}
