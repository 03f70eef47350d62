//! `/devices`: give a phone its credential, list them, take one back.

use actix_web::web::{Data, Path, ServiceConfig, delete, get, post, resource as at};
use actix_web::{HttpRequest, HttpResponse};
use muster_actors::ports::Rendered;
use muster_domain::ids::{DeviceId, WorkerId};
use muster_domain::journal::{Fact, RecordFact, RecordVerb};
use uuid::Uuid;

use super::openapi::DeviceRequest;
use super::store::{self, Device};
use super::wire::{DeviceAttributes, Secret, device_resource};
use super::{links, token};
use crate::http::caller::may;
use crate::http::change::{change, change_with_secret};
use crate::http::envelope::{Answer, nothing};
use crate::http::openapi::{Collection, Document, Errors, Request};
use crate::http::{Allowed, App, Code, Fault, Input, Listing, Problem};
use crate::store::{Undone, Unit};

const MAX_LABEL: usize = 100;

pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(at("/devices").route(get().to(list)).route(post().to(create)))
        .service(at("/devices/{id}").route(get().to(read)).route(delete().to(revoke)));
}

/// Gives a worker's phone a credential. The token is shown in this answer and never again.
#[utoipa::path(post, path = "/api/v1/devices", tag = "live",
    request_body(content = Request<DeviceRequest>,
        example = json!({"data": {"type": "device", "attributes": {"workerId": "01932c6e-8f00-7000-8000-000000000001", "label": "Bob's phone"}}})),
    responses((status = 201, body = Document<DeviceAttributes>), (status = 400, body = Errors),
        (status = 422, description = "WORKER_INACTIVE", body = Errors)))]
pub async fn create(
    caller: Allowed<may::TeamWrite>,
    app: Data<App>,
    request: HttpRequest,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let document = input.document("device")?;
    let mut fields = document.fields();
    let worker = WorkerId(fields.need_id("workerId"));
    let label = fields.text("label", MAX_LABEL).unwrap_or_else(|| "Phone".to_owned());
    fields.finish()?;
    let created_at = caller.caller.moment().now;
    let device = Device { id: DeviceId(document.id_or_new()), worker, label, version: 1, created_at };
    let token = token::fresh();
    let setup = links::setup(&links::origin(&app, &request), &token, &device.label);
    let secret = Secret { qr: links::codes(&setup), token, setup };
    change_with_secret(&app, &caller.caller, &input, move |unit| {
        Box::pin(created(unit, device.clone(), secret.clone()))
    })
    .await
}

async fn created(unit: &mut Unit, device: Device, secret: Secret) -> Result<Rendered, Undone<Problem>> {
    let account = unit.account();
    match store::worker(unit.conn(), account, device.worker).await? {
        Some(true) => {}
        Some(false) => return Err(Problem::new(Code::WORKER_INACTIVE, "The worker has been deactivated.").into()),
        None => {
            let fault = Fault::new(Code::NOT_FOUND, "There is no such worker.");
            return Err(Problem::from(fault.at("/data/attributes/workerId")).into());
        }
    }
    if store::find(unit.conn(), account, device.id).await?.is_some() {
        return Err(Problem::new(Code::ALREADY_EXISTS, "Another resource has this id.").into());
    }
    store::insert(unit.conn(), account, &device, &token::digest(&secret.token)).await?;
    note(unit, RecordVerb::DeviceCreated, &device, device.version);
    let data = device_resource(&device, Some(secret));
    Ok(Answer::created("devices", data).version(device.version).render())
}

fn note(unit: &mut Unit, verb: RecordVerb, device: &Device, version: i64) {
    unit.note(Fact::Record(RecordFact { verb, id: device.id.0, version, changed: Vec::new() }));
}

/// Phones with a valid credential, the newest first.
#[utoipa::path(get, path = "/api/v1/devices", tag = "live",
    params(("page" = Option<i64>, Query), ("limit" = Option<i64>, Query), ("filter[workerId]" = Option<Uuid>, Query)),
    responses((status = 200, body = Collection<DeviceAttributes>)))]
pub async fn list(caller: Allowed<may::TeamWrite>, app: Data<App>, list: Listing) -> Result<HttpResponse, Problem> {
    list.allow(&["page", "limit", "filter[workerId]"])?;
    let (worker, page) = (list.id("filter[workerId]")?.map(WorkerId), list.page()?);
    let (total, devices) = app
        .store
        .quiet(caller.caller.account, move |unit| {
            Box::pin(async move {
                let account = unit.account();
                Ok::<_, Undone<Problem>>(store::list(unit.conn(), account, worker, page).await?)
            })
        })
        .await?;
    Ok(list.answer(page, total, devices.iter().map(|device| device_resource(device, None)).collect()).respond())
}

/// One phone.
#[utoipa::path(get, path = "/api/v1/devices/{id}", tag = "live", params(("id" = Uuid, Path)),
    responses((status = 200, body = Document<DeviceAttributes>), (status = 404, body = Errors)))]
pub async fn read(caller: Allowed<may::TeamWrite>, app: Data<App>, id: Path<Uuid>) -> Result<HttpResponse, Problem> {
    let id = DeviceId(*id);
    let found = app
        .store
        .quiet(caller.caller.account, move |unit| {
            Box::pin(async move {
                let account = unit.account();
                Ok::<_, Undone<Problem>>(store::find(unit.conn(), account, id).await?)
            })
        })
        .await?;
    let (device, _) = found.filter(|(_, revoked)| !revoked).ok_or_else(Problem::not_found)?;
    Ok(Answer::ok(device_resource(&device, None)).version(device.version).respond())
}

/// Takes the credential back; whatever the phone sends from now on is refused.
#[utoipa::path(delete, path = "/api/v1/devices/{id}", tag = "live", params(("id" = Uuid, Path)),
    responses((status = 204), (status = 404, body = Errors)))]
pub async fn revoke(
    caller: Allowed<may::TeamWrite>,
    app: Data<App>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let (id, now) = (DeviceId(*id), caller.caller.moment().now);
    change(&app, &caller.caller, &input, move |unit| {
        Box::pin(async move {
            let account = unit.account();
            let found = store::find(unit.conn(), account, id).await?;
            let (device, revoked) = found.ok_or_else(Problem::not_found)?;
            if !revoked {
                store::revoke(unit.conn(), account, id, now).await?;
                note(unit, RecordVerb::DeviceRevoked, &device, device.version + 1);
            }
            Ok(nothing())
        })
    })
    .await
}
