//! A worker is a user who can be sent: his profile has the same id and says what he can do, from where, and when.
//! Invariants: whatever frees or blocks people's time goes through the board; every other change of a profile moves the
//! board's position; a profile never goes away, its visits' history hangs on it.

mod activity;
mod openapi;
mod routes;
mod store;
mod time_off;
mod wire;

use actix_web::web::{ServiceConfig, delete, get, patch, post, resource};
use chrono::{DateTime, Utc};
use muster_domain::dispatch::Worker;

use super::users::User;

pub use activity::{only_status, set_active};
pub use openapi::Doc;

/// A user with his profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    pub user: User,
    pub card: Worker,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

pub fn routes(cfg: &mut ServiceConfig) {
    // So written that `/workers/nearby` and its like are not taken for an id.
    let at = |path: &str| resource(path.replace("{id}", "{id:[0-9a-fA-F-]{36}}"));
    cfg.service(at("/workers").route(get().to(routes::list)).route(post().to(routes::create)))
        .service(
            at("/workers/{id}")
                .route(get().to(routes::read))
                .route(patch().to(routes::update))
                .route(delete().to(routes::deactivate)),
        )
        .service(at("/workers/{id}/time-off").route(get().to(time_off::list)).route(post().to(time_off::add)))
        .service(
            at("/workers/{id}/time-off/{entry}").route(get().to(time_off::read)).route(delete().to(time_off::remove)),
        );
}
