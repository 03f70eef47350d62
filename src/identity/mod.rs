//! Who may come in, and as whom: accounts, their users and workers, passwords, sessions. What a role may do is in the
//! domain; that a handler asks for it is in `http::caller`.

pub mod accounts;
pub mod admin;
pub mod auth;
mod currencies;
pub mod events;
pub mod passwords;
pub mod sessions;
pub mod tokens;
pub mod users;
pub mod workers;

use std::sync::Arc;

use actix_web::web::ServiceConfig;
use serde_json::Value;

use crate::http::{Code, Fault, Problem};
use crate::store::{Secrets, Store};
use passwords::Passwords;
use sessions::Sessions;
use tokens::Tokens;

#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// bcrypt's cost; each step doubles the time of a hash.
    pub bcrypt_cost: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { bcrypt_cost: 12 }
    }
}

/// What these nouns keep in memory. Made by `boot`, registered as `web::Data<Identity>`.
#[derive(Clone)]
pub struct Identity {
    pub passwords: Arc<Passwords>,
    /// Also the server's `Admission`.
    pub sessions: Arc<Sessions>,
}

impl Identity {
    pub fn new(store: &Store, secrets: &Secrets, settings: Settings) -> Self {
        let tokens = Tokens::new(secrets);
        Self {
            passwords: Arc::new(Passwords::new(settings.bcrypt_cost)),
            sessions: Arc::new(Sessions::new(store.clone(), tokens)),
        }
    }
}

/// All of these nouns, for the API's own description.
pub fn openapi() -> utoipa::openapi::OpenApi {
    use utoipa::OpenApi;
    let nouns = [accounts::Doc::openapi(), auth::Doc::openapi(), users::Doc::openapi(), workers::Doc::openapi()];
    let mut all = events::Doc::openapi();
    nouns.into_iter().for_each(|noun| all.merge(noun));
    all
}

/// To be mounted at `/api/v1`.
pub fn routes(cfg: &mut ServiceConfig) {
    accounts::routes(cfg);
    auth::routes(cfg);
    users::routes(cfg);
    workers::routes(cfg);
    events::routes(cfg);
}

/// `If-Match`, where it was sent, must name the version that is there.
fn check_version(expected: Option<i64>, version: i64, current: impl FnOnce() -> Value) -> Result<(), Problem> {
    if expected.is_none_or(|expected| expected == version) {
        return Ok(());
    }
    Err(Problem::stale(&current()))
}

fn email_taken(pointer: &str) -> Problem {
    Fault::new(Code::EMAIL_TAKEN, "Somebody already signed up with this address.").at(pointer).into()
}

/// How an address is found in the directory: keyed, so that a dump of it cannot be tried against lists of addresses.
fn email_digest(secrets: &Secrets, email: &str) -> Vec<u8> {
    secrets.keyed_hash(&[b"e-mail ".as_slice(), email.as_bytes()].concat()).to_vec()
}
