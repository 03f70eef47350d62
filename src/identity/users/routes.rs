//! `/users`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use muster_domain::ids::UserId;

use super::{User, store, wire};
use crate::http::envelope::Answer;
use crate::http::openapi::{Document, Errors};
use crate::http::{App, Caller, Problem};

/// The caller.
#[utoipa::path(get, path = "/api/v1/users/me", tag = "identity",
    responses((status = 200, body = Document<wire::UserAttributes>), (status = 401, body = Errors)))]
pub async fn me(caller: Caller, app: Data<App>) -> Result<HttpResponse, Problem> {
    let id = caller.user().ok_or_else(Problem::not_found)?;
    let user = find(&app, &caller, id).await?;
    Ok(Answer::ok(wire::user_resource(&user)).version(user.version).respond())
}

async fn find(app: &App, caller: &Caller, id: UserId) -> Result<User, Problem> {
    let find = app.store.quiet::<_, Problem, _>(caller.account, move |unit| {
        Box::pin(async move {
            let account = unit.account();
            Ok(store::find(unit.conn(), account, id).await?)
        })
    });
    find.await?.ok_or_else(Problem::not_found)
}
