//! `POST /accounts` (sign-up) and `/account`, the caller's own.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use muster_actors::ports::Rendered;
use muster_domain::journal::{Fact, RecordFact, RecordVerb};

use super::{founding, openapi, store, wire};
use crate::http::caller::may;
use crate::http::change::change;
use crate::http::envelope::Answer;
use crate::http::openapi::{Document, Errors, Request};
use crate::http::{Allowed, App, Input, Problem};
use crate::identity::{Identity, check_version};
use crate::store::{Undone, Unit};

/// Signs up: makes an account and its owner. The address must be new.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "identity", security(()),
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body(content = Request<openapi::SignUpAttributes>,
        example = json!({"data": {"type": "account", "attributes": {"name": "Rivergate Plumbing", "timeZone": "Europe/Zurich", "currency": "CHF",
            "owner": {"firstName": "Ann", "lastName": "Roe", "email": "ann@example.com", "password": "Correct-horse-9"}}}})),
    responses((status = 201, body = Document<wire::AccountAttributes>),
        (status = 400, description = "VALIDATION_ERROR with every faulty field", body = Errors),
        (status = 409, description = "EMAIL_TAKEN", body = Errors)))]
pub async fn sign_up(app: Data<App>, identity: Data<Identity>, input: Input) -> Result<HttpResponse, Problem> {
    let sign_up = wire::read_sign_up(&input)?;
    let hash = identity.passwords.hash(sign_up.owner.password.clone()).await?;
    founding::found(&app, &input, sign_up, hash).await
}

/// The caller's account.
#[utoipa::path(get, path = "/api/v1/account", tag = "identity",
    responses((status = 200, body = Document<wire::AccountAttributes>), (status = 401, body = Errors)))]
pub async fn read(
    caller: Allowed<may::SettingsRead>,
    app: Data<App>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let read = app.store.quiet::<_, Problem, _>(caller.caller.account, |unit| {
        Box::pin(async move {
            let id = unit.account();
            Ok(store::read(unit.conn(), id).await?)
        })
    });
    let account = read.await?;
    Ok(Answer::ok(wire::account_resource(&account)).version(account.version).respond_unless_seen(&request))
}

/// Changes the account; what is left out stays.
#[utoipa::path(patch, path = "/api/v1/account", tag = "identity",
    params(("If-Match" = Option<String>, Header, example = "\"1\"")),
    request_body(content = Request<openapi::AccountPatch>,
        example = json!({"data": {"type": "account", "attributes": {"name": "Rivergate Plumbing & Heating"}}})),
    responses((status = 200, body = Document<wire::AccountAttributes>), (status = 400, body = Errors),
        (status = 403, body = Errors), (status = 412, description = "PRECONDITION_FAILED with meta.current", body = Errors)))]
pub async fn update(
    caller: Allowed<may::SettingsWrite>,
    app: Data<App>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let (edit, expected) = (wire::read_edit(&input)?, input.expected_version()?);
    let now = caller.caller.moment().now;
    change(&app, &caller.caller, &input, move |unit| Box::pin(updated(unit, edit.clone(), expected, now))).await
}

async fn updated(
    unit: &mut Unit,
    edit: wire::Edit,
    expected: Option<i64>,
    now: DateTime<Utc>,
) -> Result<Rendered, Undone<Problem>> {
    let id = unit.account();
    let mut account = store::read(unit.conn(), id).await?;
    check_version(expected, account.version, || wire::account_resource(&account))?;
    let changed = edit.apply(&mut account);
    if !changed.is_empty() {
        account.version += 1;
        account.updated_at = now;
        store::update(unit.conn(), &account).await?;
        let verb = RecordVerb::AccountUpdated;
        unit.note(Fact::Record(RecordFact { verb, id: id.0, version: account.version, changed }));
    }
    Ok(Answer::ok(wire::account_resource(&account)).version(account.version).render())
}
