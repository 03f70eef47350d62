//! Signing in, staying in, signing out. Invariants: whether an address is known shows neither in answers nor in time; a
//! refresh token works once, and once more only for somebody whose answer was lost; ended is ended everywhere.

mod openapi;
mod routes;
mod store;
mod wire;

use actix_web::web::{ServiceConfig, post, resource};
use chrono::Utc;
use muster_domain::identity::Role;
use muster_domain::ids::{AccountId, SessionId, UserId};
use muster_domain::journal::{Fact, RecordFact, RecordVerb};
use muster_domain::{By, Moment};
use uuid::Uuid;

use super::sessions::session_ended;
use super::sessions::store::{self as rows, Rotated};
use super::tokens::{Claims, RefreshToken};
use super::users::Status;
use super::{Identity, email_digest, users};
use crate::http::{App, Code, Problem};
use crate::store::work::to_micros;
use crate::store::{Secrets, Store, Undone};
use wire::{Credentials, Pair};

pub use openapi::Doc;

/// More accounts of one person are not looked at.
const MAX_ACCOUNTS: i64 = 50;

pub fn routes(cfg: &mut ServiceConfig) {
    let at = |path: &str| resource(path.to_owned());
    cfg.service(at("/auth/login").route(post().to(routes::login)))
        .service(at("/auth/refresh").route(post().to(routes::refresh)))
        .service(at("/auth/logout").route(post().to(routes::logout)))
        .service(at("/auth/invitations/accept").route(post().to(routes::accept)));
}

/// One account of a person, and how he stands in it.
#[derive(Clone, Debug)]
pub struct Membership {
    pub account: AccountId,
    pub account_name: String,
    pub user: UserId,
    pub role: Role,
    pub status: Status,
}

/// The accounts of whoever knows this password, or the one refusal for everybody else.
pub(super) async fn identify(
    app: &App,
    identity: &Identity,
    credentials: &Credentials,
) -> Result<Vec<Membership>, Problem> {
    // No connection is held while a core computes.
    let look = async {
        let mut conn = app.store.pool().acquire().await?;
        users::store::find_identity(&mut conn, &credentials.email).await
    };
    let known = app.store.read(look).await?;
    let hash = known.and_then(|known| known.password_hash);
    if !identity.passwords.verify(credentials.password.clone(), hash).await? {
        return Err(invalid_credentials());
    }
    memberships(app, &credentials.email).await
}

async fn memberships(app: &App, email: &str) -> Result<Vec<Membership>, Problem> {
    let look = async {
        let mut conn = app.store.pool().acquire().await?;
        store::listed(&mut conn, &email_digest(&app.secrets, email), MAX_ACCOUNTS).await
    };
    let listed = app.store.read(look).await?;
    let mut found = Vec::new();
    for (account, user) in listed {
        let read = app.store.quiet::<_, Problem, _>(account, move |unit| {
            Box::pin(async move { Ok(store::membership(unit.conn(), account, user).await?) })
        });
        found.extend(read.await?);
    }
    Ok(found)
}

/// Ends every session that was opened with an address, in all its accounts.
pub async fn sign_out_everywhere(
    store: &Store,
    secrets: &Secrets,
    email: &str,
    moment: Moment,
) -> Result<(), Undone<Problem>> {
    let mut conn = store.pool().acquire().await?;
    let listed = store::listed(&mut conn, &email_digest(secrets, email), MAX_ACCOUNTS).await?;
    drop(conn);
    for (account, id) in listed {
        let end = store.change(account, moment, move |unit| {
            Box::pin(async move {
                let Some(mut user) = users::store::find(unit.conn(), account, id).await? else { return Ok(()) };
                user.version += 1;
                user.updated_at = moment.now;
                users::store::update(unit.conn(), account, &user, true).await?;
                let (verb, changed) = (RecordVerb::UserUpdated, vec!["password".to_owned()]);
                unit.note(Fact::Record(RecordFact { verb, id: id.0, version: user.version, changed }));
                Ok(())
            })
        });
        end.await?;
    }
    Ok(())
}

/// Opens a session and signs for it.
pub(super) async fn open_session(
    app: &App,
    identity: &Identity,
    account: AccountId,
    user: UserId,
) -> Result<Pair, Problem> {
    let refresh = RefreshToken::fresh(account);
    let (session, digest) = (SessionId(Uuid::now_v7()), refresh.digest());
    let open = app.store.quiet::<_, Problem, _>(account, move |unit| {
        let digest = digest.clone();
        Box::pin(async move { Ok(rows::open(unit.conn(), account, user, session, &digest).await?) })
    });
    let signed = open.await?.ok_or_else(invalid_credentials)?;
    Ok(pair(identity, account, signed, &refresh))
}

/// From now on he is in the account; nothing happens if he already was.
pub(super) async fn accept(app: &App, invited: &Membership) -> Result<(), Problem> {
    let (account, user) = (invited.account, invited.user);
    let moment = Moment { now: to_micros(Utc::now()), by: By::User { id: user, role: invited.role } };
    let accept = app.store.change::<_, Problem, _>(account, moment, move |unit| {
        Box::pin(async move {
            if let Some(version) = users::store::accept(unit.conn(), account, user, moment.now).await? {
                let changed = vec!["status".to_owned()];
                unit.note(Fact::Record(RecordFact { verb: RecordVerb::UserActivated, id: user.0, version, changed }));
            }
            Ok(())
        })
    });
    app.announce.announce(account, &accept.await?.entries);
    Ok(())
}

/// Exchanges a refresh token.
pub(super) async fn rotate(app: &App, identity: &Identity, token: &RefreshToken) -> Result<Pair, Problem> {
    let (account, digest) = (token.account, token.digest());
    let successor = token.successor(&app.secrets);
    let next = successor.digest();
    let rotate = app.store.quiet::<_, Problem, _>(account, move |unit| {
        let (digest, next) = (digest.clone(), next.clone());
        Box::pin(async move { Ok(rows::rotate(unit.conn(), account, &digest, &next).await?) })
    });
    match rotate.await? {
        Rotated::Went(signed) => Ok(pair(identity, account, signed, &successor)),
        Rotated::Ended => Err(session_ended()),
        Rotated::Reused(session) => {
            identity.sessions.forget(account, session);
            metrics::counter!("muster_refresh_tokens_reused_total").increment(1);
            tracing::warn!(%account, %session, "a refresh token came back after its successor: the session is ended");
            Err(session_ended())
        }
    }
}

fn pair(identity: &Identity, account: AccountId, signed: rows::Signed, refresh: &RefreshToken) -> Pair {
    let claims = Claims::new((account, signed.session), signed.user, signed.email, signed.role, Utc::now());
    Pair { access_token: identity.sessions.sign(&claims), refresh_token: refresh.text() }
}

pub(super) fn invalid_credentials() -> Problem {
    Problem::new(Code::INVALID_CREDENTIALS, "The address or the password is wrong.")
}
