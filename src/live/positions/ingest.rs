//! Phones that run somebody else's app: each is answered as its own protocol demands. A refused point is no error of
//! the phone's, or it would send it for ever.

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::{Data, Query, ServiceConfig, resource as at};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;

use super::osmand::{Message, Parameters};
use super::report::{Parsed, report};
use super::{owntracks, wire};
use crate::http::caller::bearer;
use crate::http::{App, Caller, Code, Input, Problem};
use crate::live::devices::{self, PREFIX};
use crate::store::work::to_micros;

/// What a request of a foreign app says.
pub enum Understood {
    Points(Vec<Parsed>),
    /// Well-formed, and not about a position.
    Nothing,
    /// No coordinates can be found in it.
    Unreadable,
}

/// Outside `/api/v1`: these paths are the apps' own.
pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(at("/ingest/owntracks").post(from_owntracks))
        .service(at("/ingest/osmand").get(from_osmand).post(from_osmand));
}

async fn from_owntracks(app: Data<App>, request: HttpRequest, input: Input) -> Result<HttpResponse, Problem> {
    let query = parameters(request.query_string());
    let caller = admit(&app, &request, query.get(&["token"])).await?;
    let understood = owntracks::understand(&input.body, caller.principal(), to_micros(Utc::now()));
    take(&app, &caller, understood).await?;
    Ok(HttpResponse::Ok().content_type("application/json").body("[]"))
}

async fn from_osmand(app: Data<App>, request: HttpRequest, input: Input) -> Result<HttpResponse, Problem> {
    const TOKEN_NAMES: &[&str] = &["token", "id", "deviceid", "device_id"];
    let mut parameters = parameters(request.query_string());
    let message = serde_json::from_slice::<Message>(&input.body).ok();
    if message.is_none() {
        parameters.0.extend(form(&input.body));
    }
    let named = message.as_ref().and_then(|message| message.device_id.as_deref());
    let caller = admit(&app, &request, parameters.get(TOKEN_NAMES).or(named)).await?;
    let (sender, now) = (caller.principal(), to_micros(Utc::now()));
    let understood = match message {
        Some(message) => message.understand(sender, now),
        None => parameters.understand(sender, now),
    };
    take(&app, &caller, understood).await?;
    Ok(HttpResponse::Ok().finish())
}

async fn take(app: &App, caller: &Caller, understood: Understood) -> Result<(), Problem> {
    let points = match understood {
        Understood::Nothing => return Ok(()),
        Understood::Unreadable => {
            return Err(Problem::new(Code::VALIDATION_ERROR, "There are no coordinates in this request."));
        }
        Understood::Points(points) => points,
    };
    let worker = caller.worker().ok_or_else(|| Problem::internal("a device without a worker"))?;
    let outcome = report(&app.live, caller.account, worker, points).await?;
    for wire::Rejected { code, .. } in &outcome.rejected {
        metrics::counter!("muster_ingest_rejected_total", "code" => *code).increment(1);
    }
    Ok(())
}

/// The token as the app could be told to send it: in the URL, as a bearer, or as either part of Basic.
async fn admit(app: &App, request: &HttpRequest, given: Option<&str>) -> Result<Caller, Problem> {
    let token = given.map(str::to_owned).or_else(|| bearer(request)).or_else(|| basic(request));
    let missing = || Problem::new(Code::UNAUTHENTICATED, "Send the device's token: ?token=, id=, Basic or Bearer.");
    devices::admit(&app.store, token.ok_or_else(missing)?.trim()).await
}

fn basic(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let text = String::from_utf8(decoded).ok()?;
    let (user, password) = text.split_once(':')?;
    [password, user].into_iter().find(|part| part.starts_with(PREFIX)).map(str::to_owned)
}

fn parameters(query: &str) -> Parameters {
    Parameters(Query::from_query(query).map(Query::into_inner).unwrap_or_default())
}

fn form(body: &[u8]) -> Vec<(String, String)> {
    std::str::from_utf8(body).map(|text| parameters(text.trim()).0).unwrap_or_default()
}
