//! A user is a person in one account: a name, a role, a status. The person's e-mail and password are one identity across
//! accounts. Invariants: an account always has an active owner; nobody grants more than he has; whoever was known before
//! he was added comes in only after he accepted.

mod changing;
mod openapi;
mod routes;
pub mod store;
pub mod wire;

use actix_web::web::{ServiceConfig, delete, get, patch, post, resource};
use chrono::{DateTime, Utc};
use muster_domain::identity::{Role, Standing};
use muster_domain::ids::UserId;

pub use changing::{Hiring, check_standing, find, hire, last_owner_stays, may_hire, update};
pub use openapi::Doc;

pub fn routes(cfg: &mut ServiceConfig) {
    let at = |path: &str| resource(path.to_owned());
    cfg.service(at("/users").route(get().to(routes::list)).route(post().to(routes::create)))
        .service(at("/users/me").route(get().to(routes::me)))
        .service(
            at("/users/{id}")
                .route(get().to(routes::read))
                .route(patch().to(routes::update))
                .route(delete().to(routes::deactivate)),
        );
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    Inactive,
    /// Has not accepted yet.
    Invited,
}

impl Status {
    pub const ALL: [Status; 3] = [Status::Active, Status::Inactive, Status::Invited];

    pub fn name(self) -> &'static str {
        match self {
            Status::Active => "active",
            Status::Inactive => "inactive",
            Status::Invited => "invited",
        }
    }

    pub fn parse(name: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.name() == name)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub phone: Option<String>,
    pub role: Role,
    pub status: Status,
    /// Has a worker's profile.
    pub is_worker: bool,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl User {
    pub fn standing(&self) -> Standing {
        Standing { role: self.role, active: self.status == Status::Active }
    }
}
