//! `POST /stream/tickets`: what a browser puts into the stream's URL instead of its token.

use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig, post};
use chrono::{TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;

use super::store;
use crate::http::envelope::{Answer, instant, resource};
use crate::http::{App, Caller, Code, Input, Problem};

const TICKET_LIVES: TimeDelta = TimeDelta::seconds(30);

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.route("/stream/tickets", post().to(ticket));
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
