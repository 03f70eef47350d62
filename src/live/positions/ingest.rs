//! Phones that run somebody else's app: each is answered as its own protocol demands. What cannot be used is no error
//! of the phone's, or it would send it for ever and keep everything after it to itself.

use actix_web::http::header::{ACCEPT, ALLOW};
use actix_web::http::{Method, header};
use actix_web::web::{self, Data, Payload, ServiceConfig, resource as at};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, guard};
use bytes::Bytes;
use chrono::Utc;
use muster_domain::live::Trouble;
use serde_json::json;

use super::osmand::{self, Parameters};
use super::protocol::Protocol;
use super::report::{Incoming, Outcome, Parsed, report};
use super::told::Told;
use super::{admission, overland, owntracks, transistor};
use crate::http::{App, Caller, Code, Problem, body};
use crate::live::devices::PREFIX;
use crate::store::work::to_micros;

/// Points in one request; a phone that was offline for a day sends fewer.
pub const MAX_POINTS: usize = 20_000;
/// Points that are taken at once: a longer backlog is taken in pieces of this size.
const PIECE: usize = 1_000;
/// A backlog comes at once, from a phone that is known …
const MAX_BODY_BYTES: usize = 8 * 1024 * 1024;
/// … and only so much is read of one that has not said who it is.
const MAX_STRANGERS_BODY_BYTES: usize = 1024 * 1024;
/// A longer body is understood beside the thread that serves.
const MAX_BYTES_IN_PASSING: usize = 64 * 1024;

/// What a request of a foreign app says.
pub enum Understood {
    Points(Vec<Parsed>),
    /// Well-formed, and not about a position.
    Nothing,
    /// No coordinates can be found in it.
    Unreadable,
    /// More points than are taken.
    TooMany,
}

/// Outside `/api/v1`: these paths are the apps' own, and some apps add a slash.
pub fn routes(cfg: &mut ServiceConfig) {
    let others = || web::method(Method::OPTIONS).to(options);
    cfg.service(at(["/ingest/owntracks", "/ingest/owntracks/"]).post(from_owntracks).route(others()))
        .service(at(["/ingest/osmand", "/ingest/osmand/"]).get(from_osmand).post(from_osmand).route(others()))
        .service(at(["/ingest/overland", "/ingest/overland/"]).get(name).post(from_overland).route(others()))
        .service(at(["/ingest/transistor", "/ingest/transistor/"]).post(from_transistor).route(others()))
        // Traccar Client and its like, told no more than the name of the server.
        .service(at("/").guard(guard::Post()).post(from_osmand))
        .service(at("/").guard(guard::fn_guard(names_a_phone)).get(from_osmand));
}

fn names_a_phone(context: &guard::GuardContext<'_>) -> bool {
    context.head().uri.query().is_some_and(|query| query.contains(PREFIX))
}

async fn from_owntracks(
    app: Data<App>,
    told: Data<Told>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    receive(Protocol::Owntracks, &app, &told, &request, body).await
}

async fn from_osmand(
    app: Data<App>,
    told: Data<Told>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    receive(Protocol::Osmand, &app, &told, &request, body).await
}

async fn from_overland(
    app: Data<App>,
    told: Data<Told>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    receive(Protocol::Overland, &app, &told, &request, body).await
}

async fn from_transistor(
    app: Data<App>,
    told: Data<Told>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, Problem> {
    receive(Protocol::Transistor, &app, &told, &request, body).await
}

/// Overland asks with whom it speaks, and shows the answer.
async fn name(app: Data<App>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let token = admission::in_head(&request, &Parameters::read(request.query_string()));
    admission::admit(&app, token).await?;
    Ok(HttpResponse::Ok().json(json!({"result": "ok", "name": "Muster"})))
}

async fn options() -> HttpResponse {
    HttpResponse::NoContent().insert_header((ALLOW, "GET, HEAD, OPTIONS, POST")).finish()
}

async fn receive(
    protocol: Protocol,
    app: &App,
    told: &Told,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let (caller, body) = listen(app, request, payload).await?;
    request.extensions_mut().insert(caller.clone());
    let (understood, trouble) = understand(protocol, &caller, request.query_string(), body).await?;
    let points = match understood {
        Understood::Points(points) => points,
        Understood::Nothing => return Ok(protocol.thanks(None)),
        Understood::Unreadable if is_browser(request) => return Ok(explanation()),
        Understood::Unreadable => {
            protocol.count_refusal("UNREADABLE");
            tracing::warn!(protocol = protocol.name(), device = %caller.principal(), "a phone sent no coordinates");
            return Ok(protocol.thanks(None));
        }
        Understood::TooMany => {
            let detail = format!("More than {MAX_POINTS} points in one request; send them in several.");
            return Err(Problem::new(Code::BODY_TOO_LARGE, detail));
        }
    };
    let outcome = take(protocol, app, &caller, trouble, points).await?;
    let is_repeating = outcome.accepted == 0 && outcome.duplicates > 0;
    Ok(protocol.thanks(told.news(caller.principal(), outcome.profile, is_repeating)))
}

/// Who it is, and what he sends. Whoever names himself in the head is known before his body is read.
async fn listen(app: &App, request: &HttpRequest, payload: Payload) -> Result<(Caller, Bytes), Problem> {
    let packing = body::packing(request.headers());
    match admission::in_head(request, &Parameters::read(request.query_string())) {
        Some(token) => {
            let caller = admission::admit(app, Some(token)).await?;
            Ok((caller, body::read(payload, packing?, MAX_BODY_BYTES).await?))
        }
        None => {
            let body = body::read(payload, packing?, MAX_STRANGERS_BODY_BYTES).await?;
            Ok((admission::admit(app, admission::in_body(&body)).await?, body))
        }
    }
}

async fn understand(
    protocol: Protocol,
    caller: &Caller,
    query: &str,
    body: Bytes,
) -> Result<(Understood, Option<Trouble>), Problem> {
    let (sender, query, size) = (caller.principal(), query.to_owned(), body.len());
    let now = to_micros(Utc::now());
    let work = move || match protocol {
        Protocol::Owntracks => (owntracks::understand(&body, sender, now), None),
        Protocol::Overland => (overland::understand(&body, sender, now), None),
        Protocol::Transistor => (transistor::understand(&body, "transistor", sender, now), transistor::trouble(&body)),
        _ => (osmand::understand(Parameters::read(&query), &body, sender, now), None),
    };
    if size <= MAX_BYTES_IN_PASSING {
        return Ok(work());
    }
    web::block(work).await.map_err(|_| Problem::internal("the reading of a backlog was cancelled"))
}

/// In pieces, each durable before the next: what is repeated after a failure is found to be there.
async fn take(
    protocol: Protocol,
    app: &App,
    caller: &Caller,
    trouble: Option<Trouble>,
    mut points: Vec<Parsed>,
) -> Result<Outcome, Problem> {
    let worker = caller.worker().ok_or_else(|| Problem::internal("a device without a worker"))?;
    let (mut accepted, mut duplicates) = (0, 0);
    loop {
        let rest = points.split_off(points.len().min(PIECE));
        let incoming = Incoming { phone: caller.principal(), trouble, points };
        let outcome = report(&app.live, protocol, caller.account, worker, incoming).await?;
        accepted += outcome.accepted;
        duplicates += outcome.duplicates;
        if rest.is_empty() {
            return Ok(Outcome { accepted, duplicates, ..outcome });
        }
        points = rest;
    }
}

/// Somebody opened the link instead of showing it to the app.
fn is_browser(request: &HttpRequest) -> bool {
    let accepts = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
    request.method() == Method::GET && accepts.is_some_and(|accept| accept.contains("text/html"))
}

fn explanation() -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8")).body(
        "This link sets up Traccar Client. Open the app, go to its settings, choose the QR code in the corner, and \
         scan the code instead of opening it here.\n",
    )
}
