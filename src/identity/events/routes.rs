//! `/events`: a piece of the journal after a cursor.

use actix_web::HttpResponse;
use actix_web::web::Data;
use muster_domain::journal::Fact;
use serde_json::{Value, json};

use super::store;
use super::wire::{self, EventPage};
use crate::http::caller::may;
use crate::http::envelope::Answer;
use crate::http::openapi::Errors;
use crate::http::{Allowed, App, Listing, Problem};

const MAX_SIZE: i64 = 200;
const DEFAULT_SIZE: i64 = 50;

/// What happened, in the order in which it was committed, oldest first.
#[utoipa::path(get, path = "/api/v1/events", tag = "identity",
    params(("page[after]" = Option<i64>, Query, description = "The seq of the last event that you have"),
        ("page[size]" = Option<i64>, Query, description = "At most 200"),
        ("filter[type]" = Option<String>, Query, example = "visit.assigned,visit.moved")),
    responses((status = 200, description = "links.next leads on and is null at the end", body = EventPage),
        (status = 400, body = Errors)))]
pub async fn list(caller: Allowed<may::EventsRead>, app: Data<App>, list: Listing) -> Result<HttpResponse, Problem> {
    list.allow(&["page[after]", "page[size]", "filter[type]"])?;
    let after = list.integer("page[after]", 0..=i64::MAX)?.unwrap_or(0);
    let size = list.integer("page[size]", 1..=MAX_SIZE)?.unwrap_or(DEFAULT_SIZE);
    let known = |word: &str| Fact::kinds().find(|kind| *kind == word);
    let kinds = list.choices("filter[type]", known, "the event types of the reference")?;
    // One more than asked for says whether there is more.
    let mut entries = store::after(&app.store, caller.caller.account, after, size + 1, kinds).await?;
    let more = entries.len() > usize::try_from(size).unwrap_or(usize::MAX);
    entries.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    let next = entries.last().filter(|_| more).map(|last| list.link_after(last.seq, size));
    let events: Vec<Value> = entries.iter().map(wire::event_resource).collect();
    Ok(Answer::ok(Value::Array(events)).links(json!({ "next": next })).respond())
}
