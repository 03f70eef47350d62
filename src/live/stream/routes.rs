//! `POST /stream/tickets`: what a browser puts into the stream's URL instead of its token. `GET /stream/sse`: the stream
//! for whoever has no WebSocket.

use actix_web::http::header::{CONTENT_TYPE, ContentEncoding};
use actix_web::web::{Data, ServiceConfig, get, post};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use chrono::{TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::events::{Followed, Stream};
use super::{Door, store};
use crate::http::envelope::{Answer, instant, resource};
use crate::http::listing::Listing;
use crate::http::openapi::Errors;
use crate::http::shell::HeadOnly;
use crate::http::{App, Caller, Code, Input, Problem};

const TICKET_LIVES: TimeDelta = TimeDelta::seconds(30);

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/stream/tickets", post().to(ticket)).route("/stream/sse", get().to(sse));
}

/// A ticket for one socket: good once, for thirty seconds.
#[utoipa::path(post, path = "/api/v1/stream/tickets", tag = "live",
    responses((status = 201, description = "attributes.ticket goes into the stream's URL as ?ticket=")))]
pub async fn ticket(caller: Caller, app: Data<App>, input: Input) -> Result<HttpResponse, Problem> {
    input.document("streamTicket")?.fields().finish()?;
    let Some(session) = caller.session else {
        return Err(Problem::new(Code::FORBIDDEN, "Tickets are for people who signed in."));
    };
    let secret: [u8; 32] = rand::random();
    let ticket: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let expires_at = Utc::now() + TICKET_LIVES;
    store::keep_ticket(&app.store, caller.account, session, &ticket, expires_at).await?;
    let attributes = json!({ "ticket": ticket, "expiresAt": instant(expires_at) });
    Ok(Answer::created("stream/tickets", resource("streamTicket", Uuid::now_v7(), attributes)).respond())
}

/// The stream over plain HTTP, as server-sent events: the frames of the WebSocket as `data`, cursors as `id`.
#[utoipa::path(get, path = "/api/v1/stream/sse", tag = "live",
    params(("topics" = String, Query, description = "schedule (with from and to), workers, or both with a comma between",
            example = "workers"),
        ("from" = Option<String>, Query, example = "2026-12-01T00:00:00Z"),
        ("to" = Option<String>, Query, example = "2026-12-02T00:00:00Z"),
        ("viewport" = Option<String>, Query, example = "9.4,47.0,9.7,47.3"), ("zoom" = Option<f64>, Query),
        ("focus" = Option<String>, Query), ("tickMs" = Option<i64>, Query), ("ticket" = Option<String>, Query),
        ("lastEventId" = Option<String>, Query, description = "Where the client cannot send the header"),
        ("Last-Event-ID" = Option<String>, Header, description = "Resumes behind this event")),
    responses((status = 200, content_type = "text/event-stream", body = String,
            example = "id: 0192f1c4-0000-7000-8000-000000000001:540\ndata: {\"type\":\"event\",…}\n\n"),
        (status = 400, body = Errors), (status = 401, body = Errors), (status = 403, body = Errors),
        (status = 429, description = "This sign-in has too many open streams", body = Errors)))]
pub async fn sse(request: HttpRequest, door: Data<Door>, list: Listing) -> Result<HttpResponse, Problem> {
    let who = door.admit_request(request.headers(), request.query_string()).await?;
    let followed = Followed::read(&request, &list, who.role)?;
    let mut answer = HttpResponse::Ok();
    // Compressed, events would wait for the compressor.
    answer.insert_header(ContentEncoding::Identity).insert_header((CONTENT_TYPE, "text/event-stream"));
    if request.extensions().contains::<HeadOnly>() {
        return Ok(answer.finish());
    }
    Ok(answer.streaming(Stream::open(&request, &door, who, &followed)?))
}
