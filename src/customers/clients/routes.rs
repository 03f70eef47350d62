//! `/clients`: read the request, change or read rows, answer.

use actix_web::web::{Data, Path, ServiceConfig, delete, get, patch, post, put, resource as at};
use actix_web::{HttpRequest, HttpResponse};
use muster_actors::ports::Rendered;
use muster_domain::Moment;
use muster_domain::customers::{Client, ClientPatch, Property};
use muster_domain::identity::Permission;
use muster_domain::ids::ClientId;
use muster_domain::journal::{Fact, RecordFact, RecordVerb};
use uuid::Uuid;

use super::openapi::ClientRequest;
use super::store::{self, Wanted};
use super::wire::{self, ClientAttributes, client_resource, with_properties};
use crate::customers::{Verbs, note_change, properties};
use crate::http::caller::may;
use crate::http::change::change;
use crate::http::envelope::{Answer, nothing};
use crate::http::listing::Page;
use crate::http::openapi::{Collection, Document, Errors, Request};
use crate::http::{Allowed, App, Input, Listing, Problem};
use crate::store::{Undone, Unit};

const VERBS: Verbs = Verbs {
    updated: RecordVerb::ClientUpdated,
    activated: RecordVerb::ClientActivated,
    deactivated: RecordVerb::ClientDeactivated,
};

/// What lists may be ordered by.
const ORDERS: &[(&str, &str)] = &[
    ("createdAt", "c.created_at"),
    ("updatedAt", "c.updated_at"),
    ("displayName", "lower(coalesce(c.company_name, concat_ws(' ', c.first_name, c.last_name)))"),
    ("lastName", "lower(c.last_name)"),
    ("companyName", "lower(c.company_name)"),
];

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(at("/clients").route(get().to(list)).route(post().to(create))).service(
        at("/clients/{id}")
            .route(get().to(read))
            .route(patch().to(edit))
            .route(put().to(replace))
            .route(delete().to(deactivate)),
    );
}

/// Adds a client, with places if there are any.
#[utoipa::path(post, path = "/api/v1/clients", tag = "customers",
    request_body(content = Request<ClientRequest>, example = json!({"data": {"type": "client", "attributes": {
        "firstName": "Eva", "lastName": "Kunz", "email": "eva@example.com", "phone": "+41791234567",
        "properties": [{"name": "Home", "address": {"street": "Landstrasse 5", "city": "Vaduz", "postalCode": "9490",
            "country": "LI"}, "location": {"lat": 47.14, "lng": 9.52}}]}}})),
    responses((status = 201, body = Document<ClientAttributes>),
        (status = 200, description = "It exists already, exactly like this", body = Document<ClientAttributes>),
        (status = 400, body = Errors), (status = 409, description = "ALREADY_EXISTS", body = Errors)))]
pub async fn create(caller: Allowed<may::ClientsWrite>, app: Data<App>, input: Input) -> Result<HttpResponse, Problem> {
    let (client, properties) = wire::new_client(&input.document("client")?, &caller.caller.moment())?;
    change(&app, &caller.caller, &input, move |unit| Box::pin(created(unit, client.clone(), properties.clone()))).await
}

async fn created(unit: &mut Unit, client: Client, properties: Vec<Property>) -> Result<Rendered, Undone<Problem>> {
    let account = unit.account();
    if let Some(old) = store::find(unit.conn(), account, client.id).await? {
        return repeated(unit, old, client, properties).await;
    }
    store::insert(unit.conn(), account, &client).await?;
    let made = |verb, id, version| Fact::Record(RecordFact { verb, id, version, changed: vec![] });
    unit.note(made(RecordVerb::ClientCreated, client.id.0, client.version));
    for property in &properties {
        properties::insert(unit.conn(), account, property).await?;
        unit.note(made(RecordVerb::PropertyCreated, property.id.0, property.version));
    }
    let data = with_properties(&client, properties.iter());
    Ok(Answer::created("clients", data).version(client.version).render())
}

/// A create that comes again from offline: the same is welcome, another is not.
async fn repeated(
    unit: &mut Unit,
    old: Client,
    new: Client,
    properties: Vec<Property>,
) -> Result<Rendered, Undone<Problem>> {
    let account = unit.account();
    let there = properties::of_clients(unit.conn(), account, &[old.id.0]).await?;
    let same_places = there.iter().map(|one| &one.details).eq(properties.iter().map(|one| &one.details));
    if old.details != new.details || !same_places {
        return Err(Problem::already_exists().into());
    }
    let data = with_properties(&old, there.iter());
    Ok(Answer::ok(data).version(old.version).render())
}

/// Clients, page by page.
#[utoipa::path(get, path = "/api/v1/clients", tag = "customers",
    params(("page" = Option<i64>, Query), ("limit" = Option<i64>, Query),
        ("sort" = Option<String>, Query, example = "-createdAt"),
        ("filter[status]" = Option<String>, Query, example = "active"),
        ("search" = Option<String>, Query, description = "In names, e-mail, phone and city"),
        ("include" = Option<String>, Query, example = "properties")),
    responses((status = 200, body = Collection<ClientAttributes>), (status = 400, body = Errors)))]
pub async fn list(caller: Allowed<may::ClientsRead>, app: Data<App>, list: Listing) -> Result<HttpResponse, Problem> {
    list.allow(&["page", "limit", "sort", "filter[status]", "search", "include"])?;
    let include = !list.include(&["properties"])?.is_empty();
    let wanted = Wanted { active: list.active()?, search: list.search(), order: list.sort(ORDERS)? };
    let page = list.page()?;
    let (total, clients, places) = app
        .store
        .quiet(caller.caller.account, move |unit| Box::pin(page_of(unit, wanted.clone(), page, include)))
        .await?;
    let of = |client: &Client| match include {
        true => wire::including(client, places.iter().filter(|place| place.client_id == client.id)),
        false => client_resource(client),
    };
    let answer = list.answer(page, total, clients.iter().map(of).collect());
    Ok(if include { answer.included(wire::included(&places)) } else { answer }.respond())
}

async fn page_of(
    unit: &mut Unit,
    wanted: Wanted,
    page: Page,
    include: bool,
) -> Result<(i64, Vec<Client>, Vec<Property>), Undone<Problem>> {
    let account = unit.account();
    let (total, clients) = store::list(unit.conn(), account, &wanted, page).await?;
    let ids: Vec<Uuid> = clients.iter().filter(|_| include).map(|client| client.id.0).collect();
    let places = properties::of_clients(unit.conn(), account, &ids).await?;
    Ok((total, clients, places))
}

/// One client.
#[utoipa::path(get, path = "/api/v1/clients/{id}", tag = "customers",
    params(("id" = Uuid, Path), ("include" = Option<String>, Query, example = "properties")),
    responses((status = 200, body = Document<ClientAttributes>), (status = 304, description = "As in If-None-Match"),
        (status = 404, body = Errors)))]
pub async fn read(
    caller: Allowed<may::ClientsRead>,
    app: Data<App>,
    id: Path<Uuid>,
    list: Listing,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    list.allow(&["include"])?;
    let include = !list.include(&["properties"])?.is_empty();
    let id = ClientId(*id);
    let (found, places) = app.store.quiet(caller.caller.account, move |unit| Box::pin(existing(unit, id))).await?;
    let answer = match include {
        true => {
            Answer::ok(wire::including(&found, places.iter())).included(wire::included(&places)).mixed(found.version)
        }
        false => Answer::ok(client_resource(&found)).version(found.version),
    };
    Ok(answer.respond_unless_seen(&request))
}

async fn existing(unit: &mut Unit, id: ClientId) -> Result<(Client, Vec<Property>), Undone<Problem>> {
    let account = unit.account();
    let client = store::find(unit.conn(), account, id).await?.ok_or_else(Problem::not_found)?;
    let places = properties::of_clients(unit.conn(), account, &[id.0]).await?;
    Ok((client, places))
}

/// Changes what is named; null clears it. `status` brings an inactive client back.
#[utoipa::path(patch, path = "/api/v1/clients/{id}", tag = "customers",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header)),
    request_body(content = Request<ClientRequest>, example = json!({"data": {"type": "client", "attributes": {
        "email": "eva.kunz@example.com"}}})),
    responses((status = 200, body = Document<ClientAttributes>),
        (status = 412, description = "meta.current is the current client", body = Errors)))]
pub async fn edit(
    caller: Allowed<may::ClientsWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let patch = wire::patch(&input.document("client")?)?;
    write(caller, &app, ClientId(*id), input, patch).await
}

/// Replaces all attributes; what is not sent is cleared.
#[utoipa::path(put, path = "/api/v1/clients/{id}", tag = "customers",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header)),
    request_body(content = Request<ClientRequest>, example = json!({"data": {"type": "client", "attributes": {
        "companyName": "Kunz AG", "email": "office@example.com"}}})),
    responses((status = 200, body = Document<ClientAttributes>),
        (status = 412, description = "meta.current is the current client", body = Errors)))]
pub async fn replace(
    caller: Allowed<may::ClientsWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let patch = wire::replacement(&input.document("client")?)?;
    write(caller, &app, ClientId(*id), input, patch).await
}

async fn write(
    caller: Allowed<may::ClientsWrite>,
    app: &App,
    id: ClientId,
    input: Input,
    patch: ClientPatch,
) -> Result<HttpResponse, Problem> {
    if patch.active == Some(false) {
        caller.caller.scope(Permission::ClientsDelete)?;
    }
    let (expect, at) = (input.expected_version()?, caller.caller.moment());
    change(app, &caller.caller, &input, move |unit| Box::pin(edited(unit, id, expect, patch.clone(), at))).await
}

/// Takes a client out of use; its history stays.
#[utoipa::path(delete, path = "/api/v1/clients/{id}", tag = "customers",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 204, description = "status is now inactive"), (status = 404, body = Errors)))]
pub async fn deactivate(
    caller: Allowed<may::ClientsDelete>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let (id, expect, at) = (ClientId(*id), input.expected_version()?, caller.caller.moment());
    change(&app, &caller.caller, &input, move |unit| {
        let patch = ClientPatch { active: Some(false), ..ClientPatch::default() };
        Box::pin(async move { edited(unit, id, expect, patch, at).await.map(|_| nothing()) })
    })
    .await
}

async fn edited(
    unit: &mut Unit,
    id: ClientId,
    expect: Option<i64>,
    patch: ClientPatch,
    at: Moment,
) -> Result<Rendered, Undone<Problem>> {
    let account = unit.account();
    let old = store::find(unit.conn(), account, id).await?.ok_or_else(Problem::not_found)?;
    if expect.is_some_and(|version| version != old.version) {
        return Err(Problem::stale(&client_resource(&old)).into());
    }
    let mut new = old.clone();
    patch.apply(&mut new.details, &mut new.active);
    if !new.details.is_named() {
        return Err(wire::nameless().into());
    }
    if new != old {
        (new.version, new.updated_at) = (old.version + 1, at.now);
        store::update(unit.conn(), account, &new).await?;
        let active = (new.active != old.active).then_some(new.active);
        note_change(unit, &VERBS, id.0, new.version, new.details.changed_since(&old.details), active);
    }
    Ok(Answer::ok(client_resource(&new)).version(new.version).render())
}
