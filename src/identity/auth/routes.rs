//! `/auth/*`.

use actix_web::HttpResponse;
use actix_web::web::Data;

use super::{openapi, wire};
use crate::http::openapi::Errors;
use crate::http::{App, Caller, Input, Problem};
use crate::identity::Identity;
use crate::identity::sessions::{session_ended, store as sessions};
use crate::identity::users::Status;

/// Signs in with address and password.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "identity", security(()),
    request_body(content = openapi::LoginBody,
        example = json!({"email": "ann@example.com", "password": "Correct-horse-9"})),
    responses((status = 200, body = wire::TokenPair), (status = 400, body = Errors),
        (status = 401, description = "INVALID_CREDENTIALS", body = Errors),
        (status = 409, description = "ACCOUNT_REQUIRED with meta.accounts", body = Errors)))]
pub async fn login(app: Data<App>, identity: Data<Identity>, input: Input) -> Result<HttpResponse, Problem> {
    let credentials = wire::read_credentials(&input)?;
    let mut found = super::identify(&app, &identity, &credentials).await?;
    found.retain(|found| found.status == Status::Active && credentials.account.is_none_or(|id| id == found.account));
    match found.as_slice() {
        [] => Err(super::invalid_credentials()),
        [only] => Ok(super::open_session(&app, &identity, only.account, only.user).await?.respond()),
        several => Err(wire::account_required(several)),
    }
}

/// Exchanges a refresh token for a new pair. The old one works for ten seconds more, in case the answer was lost; used
/// later, it ends the session.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "identity", security(()),
    request_body(content = openapi::RefreshBody,
        example = json!({"refreshToken": "…"})),
    responses((status = 200, body = wire::TokenPair), (status = 400, body = Errors),
        (status = 401, description = "SESSION_ENDED", body = Errors)))]
pub async fn refresh(app: Data<App>, identity: Data<Identity>, input: Input) -> Result<HttpResponse, Problem> {
    let token = wire::read_refresh(&input)?.ok_or_else(session_ended)?;
    Ok(super::rotate(&app, &identity, &token).await?.respond())
}

/// Ends the session of this access token, with its open sockets.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "identity",
    responses((status = 204), (status = 401, body = Errors)))]
pub async fn logout(caller: Caller, app: Data<App>, identity: Data<Identity>) -> Result<HttpResponse, Problem> {
    let account = caller.account;
    if let Some(session) = caller.session {
        let end = app.store.quiet::<_, Problem, _>(account, move |unit| {
            Box::pin(async move { Ok(sessions::end(unit.conn(), account, session, "logout").await?) })
        });
        end.await?;
        identity.sessions.forget(account, session);
    }
    Ok(HttpResponse::NoContent().finish())
}

/// Accepts to be in an account that added one's address, and signs in there.
#[utoipa::path(post, path = "/api/v1/auth/invitations/accept", tag = "identity", security(()),
    request_body(content = openapi::LoginBody,
        example = json!({"email": "dee@example.com", "password": "Correct-horse-9",
            "accountId": "01932c6e-8f00-7000-8000-000000000001"})),
    responses((status = 200, body = wire::TokenPair), (status = 400, body = Errors),
        (status = 401, description = "INVALID_CREDENTIALS", body = Errors)))]
pub async fn accept(app: Data<App>, identity: Data<Identity>, input: Input) -> Result<HttpResponse, Problem> {
    let (credentials, account) = wire::read_acceptance(&input)?;
    let found = super::identify(&app, &identity, &credentials).await?;
    let invited = found.into_iter().find(|found| found.account == account && found.status != Status::Inactive);
    let invited = invited.ok_or_else(super::invalid_credentials)?;
    super::accept(&app, &invited).await?;
    Ok(super::open_session(&app, &identity, account, invited.user).await?.respond())
}
