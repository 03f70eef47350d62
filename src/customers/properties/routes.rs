//! `/properties` and `/clients/{id}/properties`: read the request, change or read rows, answer.

use actix_web::web::{Data, Path, ServiceConfig, delete, get, patch, post, resource as at};
use actix_web::{HttpRequest, HttpResponse};
use muster_actors::ports::Rendered;
use muster_domain::Moment;
use muster_domain::customers::{Property, PropertyPatch};
use muster_domain::identity::Permission;
use muster_domain::ids::{ClientId, PropertyId};
use muster_domain::journal::{Fact, RecordFact, RecordVerb};
use serde_json::Value;
use uuid::Uuid;

use super::wire::{self, PropertyAttributes, property_resource};
use super::{PropertyRequest, store};
use crate::customers::{Verbs, clients, note_change};
use crate::http::caller::may;
use crate::http::change::change;
use crate::http::envelope::{Answer, nothing};
use crate::http::openapi::{Collection, Document, Errors, Request};
use crate::http::{Allowed, App, Code, Fault, Input, Listing, Problem};
use crate::store::{Undone, Unit};
use crate::work::jobs;

const FENCE_FIELD: &str = "/data/attributes/geofence/coordinates";

const VERBS: Verbs = Verbs {
    updated: RecordVerb::PropertyUpdated,
    activated: RecordVerb::PropertyActivated,
    deactivated: RecordVerb::PropertyDeactivated,
};

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(at("/clients/{id}/properties").route(get().to(list)).route(post().to(create)))
        .service(at("/properties/{id}").route(get().to(read)).route(patch().to(edit)).route(delete().to(deactivate)));
}

/// Adds a place to a client.
#[utoipa::path(post, path = "/api/v1/clients/{id}/properties", tag = "customers", params(("id" = Uuid, Path)),
    request_body(content = Request<PropertyRequest>, example = json!({"data": {"type": "property", "attributes": {
        "name": "Home", "address": {"street": "Landstrasse 5", "city": "Vaduz", "postalCode": "9490", "country": "LI"},
        "location": {"lat": 47.14, "lng": 9.52}}}})),
    responses((status = 201, body = Document<PropertyAttributes>), (status = 400, body = Errors),
        (status = 409, description = "ALREADY_EXISTS", body = Errors)))]
pub async fn create(
    caller: Allowed<may::ClientsWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let new = wire::new_property(&input.document("property")?, ClientId(*id), &caller.caller.moment())?;
    change(&app, &caller.caller, &input, move |unit| Box::pin(created(unit, new.clone()))).await
}

async fn created(unit: &mut Unit, new: Property) -> Result<Rendered, Undone<Problem>> {
    let account = unit.account();
    clients::find(unit.conn(), account, new.client_id).await?.ok_or_else(Problem::not_found)?;
    if let Some(old) = store::find(unit.conn(), account, new.id).await? {
        // A create repeated from offline.
        let same = (old.client_id, &old.details) == (new.client_id, &new.details);
        let answer = Answer::ok(property_resource(&old)).version(old.version);
        return if same { Ok(answer.render()) } else { Err(Problem::already_exists().into()) };
    }
    store::insert(unit.conn(), account, &new).await?;
    let fact = RecordFact { verb: RecordVerb::PropertyCreated, id: new.id.0, version: new.version, changed: vec![] };
    unit.note(Fact::Record(fact));
    Ok(Answer::created("properties", property_resource(&new)).version(new.version).render())
}

/// The places of a client, page by page.
#[utoipa::path(get, path = "/api/v1/clients/{id}/properties", tag = "customers",
    params(("id" = Uuid, Path), ("page" = Option<i64>, Query), ("limit" = Option<i64>, Query)),
    responses((status = 200, body = Collection<PropertyAttributes>), (status = 404, body = Errors)))]
pub async fn list(
    caller: Allowed<may::ClientsRead>,
    app: Data<App>,
    id: Path<Uuid>,
    list: Listing,
) -> Result<HttpResponse, Problem> {
    list.allow(&["page", "limit"])?;
    let (client, page) = (ClientId(*id), list.page()?);
    let found = app.store.quiet(caller.caller.account, move |unit| Box::pin(of_client(unit, client))).await?;
    // Nobody has so many that the database should cut them into pages.
    let size = |number: i64| usize::try_from(number).unwrap_or_default();
    let shown: Vec<Value> =
        found.iter().skip(size(page.offset())).take(size(page.limit)).map(property_resource).collect();
    Ok(list.answer(page, i64::try_from(found.len()).unwrap_or(i64::MAX), shown).respond())
}

async fn of_client(unit: &mut Unit, client: ClientId) -> Result<Vec<Property>, Undone<Problem>> {
    let account = unit.account();
    clients::find(unit.conn(), account, client).await?.ok_or_else(Problem::not_found)?;
    Ok(store::of_clients(unit.conn(), account, &[client.0]).await?)
}

/// One place.
#[utoipa::path(get, path = "/api/v1/properties/{id}", tag = "customers", params(("id" = Uuid, Path)),
    responses((status = 200, body = Document<PropertyAttributes>), (status = 304, description = "As in If-None-Match"),
        (status = 404, body = Errors)))]
pub async fn read(
    caller: Allowed<may::ClientsRead>,
    app: Data<App>,
    id: Path<Uuid>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id = PropertyId(*id);
    let found = app.store.quiet(caller.caller.account, move |unit| Box::pin(existing(unit, id))).await?;
    Ok(Answer::ok(property_resource(&found)).version(found.version).respond_unless_seen(&request))
}

async fn existing(unit: &mut Unit, id: PropertyId) -> Result<Property, Undone<Problem>> {
    let account = unit.account();
    Ok(store::find(unit.conn(), account, id).await?.ok_or_else(Problem::not_found)?)
}

/// Changes what is named. Another location moves the open jobs and visits there too.
#[utoipa::path(patch, path = "/api/v1/properties/{id}", tag = "customers",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header)),
    request_body(content = Request<PropertyRequest>, example = json!({"data": {"type": "property", "attributes": {
        "location": {"lat": 47.15, "lng": 9.51}}}})),
    responses((status = 200, body = Document<PropertyAttributes>),
        (status = 412, description = "meta.current is the current property", body = Errors)))]
pub async fn edit(
    caller: Allowed<may::ClientsWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let patch = wire::patch(&input.document("property")?)?;
    if patch.active == Some(false) {
        caller.caller.scope(Permission::ClientsDelete)?;
    }
    let (id, expect, at) = (PropertyId(*id), input.expected_version()?, caller.caller.moment());
    change(&app, &caller.caller, &input, move |unit| Box::pin(edited(unit, id, expect, patch.clone(), at))).await
}

/// Takes a place out of use; what was done there stays.
#[utoipa::path(delete, path = "/api/v1/properties/{id}", tag = "customers",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204, description = "status is now inactive"), (status = 404, body = Errors)))]
pub async fn deactivate(
    caller: Allowed<may::ClientsDelete>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let (id, expect, at) = (PropertyId(*id), input.expected_version()?, caller.caller.moment());
    change(&app, &caller.caller, &input, move |unit| {
        let patch = PropertyPatch { active: Some(false), ..PropertyPatch::default() };
        Box::pin(async move { edited(unit, id, expect, patch, at).await.map(|_| nothing()) })
    })
    .await
}

async fn edited(
    unit: &mut Unit,
    id: PropertyId,
    expect: Option<i64>,
    patch: PropertyPatch,
    at: Moment,
) -> Result<Rendered, Undone<Problem>> {
    let account = unit.account();
    let old = store::find(unit.conn(), account, id).await?.ok_or_else(Problem::not_found)?;
    if expect.is_some_and(|version| version != old.version) {
        return Err(Problem::stale(&property_resource(&old)).into());
    }
    let mut new = old.clone();
    patch.apply(&mut new.details, &mut new.active);
    if !wire::is_fence_near(&new.details) {
        return Err(Problem::from(Fault::new(Code::VALIDATION_ERROR, wire::FAR_AWAY).at(FENCE_FIELD)).into());
    }
    if new != old {
        (new.version, new.updated_at) = (old.version + 1, at.now);
        store::update(unit.conn(), account, &new).await?;
        let active = (new.active != old.active).then_some(new.active);
        note_change(unit, &VERBS, id.0, new.version, new.details.changed_since(&old.details), active);
    }
    if new.details.location != old.details.location {
        jobs::follow_property(unit, id, new.details.location, &at).await?;
    }
    Ok(Answer::ok(property_resource(&new)).version(new.version).render())
}
