//! `/users`: read the request, change or read rows, answer.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use muster_actors::ports::Rendered;
use muster_domain::identity::Role;
use muster_domain::ids::UserId;
use uuid::Uuid;

use super::changing::{self, Hiring};
use super::wire::{self, Edit, user_resource};
use super::{Status, User, openapi, store};
use crate::http::caller::may;
use crate::http::change::change;
use crate::http::envelope::{Answer, nothing};
use crate::http::openapi::{Collection, Document, Errors, Request};
use crate::http::{Allowed, App, Caller, Input, Listing, Problem};
use crate::identity::{Identity, check_version, workers};
use crate::store::{Undone, Unit};

/// What lists may be ordered by.
const ORDERS: &[(&str, &str)] = &[
    ("lastName", "lower(u.last_name || ' ' || u.first_name)"),
    ("firstName", "lower(u.first_name)"),
    ("email", "u.email"),
    ("createdAt", "u.created_at"),
];

/// The caller.
#[utoipa::path(get, path = "/api/v1/users/me", tag = "identity",
    responses((status = 200, body = Document<wire::UserAttributes>), (status = 401, body = Errors)))]
pub async fn me(caller: Caller, app: Data<App>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let id = caller.user().ok_or_else(Problem::not_found)?;
    let user = changing::find(&app, caller.account, id).await?;
    Ok(Answer::ok(user_resource(&user)).version(user.version).respond_unless_seen(&request))
}

/// Adds a person. Whoever is known by this address already is invited, and keeps his own password.
#[utoipa::path(post, path = "/api/v1/users", tag = "identity",
    request_body(content = Request<openapi::NewUserAttributes>,
        example = json!({"data": {"type": "user", "attributes": {"firstName": "Dee", "lastName": "Patch", "email": "dee@example.com",
            "role": "dispatcher", "password": "Correct-horse-9"}}})),
    responses((status = 201, body = Document<wire::UserAttributes>),
        (status = 200, description = "It exists already, exactly like this", body = Document<wire::UserAttributes>),
        (status = 400, body = Errors), (status = 403, body = Errors),
        (status = 409, description = "EMAIL_TAKEN in this account, or ALREADY_EXISTS", body = Errors)))]
pub async fn create(
    caller: Allowed<may::TeamWrite>,
    app: Data<App>,
    identity: Data<Identity>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let (caller, hire) = (caller.caller, wire::read_hire(&input)?);
    changing::may_hire(caller.role, hire.role)?;
    let hiring = Hiring::prepare(&app.secrets, &identity.passwords, hire, caller.moment().now).await?;
    change(&app, &caller, &input, move |unit| {
        let hiring = hiring.clone();
        Box::pin(async move { created(unit, &hiring).await })
    })
    .await
}

async fn created(unit: &mut Unit, hiring: &Hiring) -> Result<Rendered, Undone<Problem>> {
    let (account, hire) = (unit.account(), &hiring.hire);
    if let Some(old) = store::find(unit.conn(), account, hire.id).await? {
        let held = (&old.email, &old.first_name, &old.last_name, &old.phone, old.role);
        if held != (&hire.email, &hire.first_name, &hire.last_name, &hire.phone, hire.role) {
            return Err(Problem::already_exists().into());
        }
        return Ok(Answer::ok(user_resource(&old)).version(old.version).render());
    }
    let user = changing::hire(unit, hiring).await?;
    Ok(Answer::created("users", user_resource(&user)).version(user.version).render())
}

/// Users, page by page. A worker sees himself.
#[utoipa::path(get, path = "/api/v1/users", tag = "identity",
    params(("page" = Option<i64>, Query), ("limit" = Option<i64>, Query),
        ("sort" = Option<String>, Query, example = "lastName"),
        ("filter[role]" = Option<String>, Query, example = "dispatcher"),
        ("filter[status]" = Option<String>, Query, example = "active"),
        ("search" = Option<String>, Query, description = "In names and e-mail")),
    responses((status = 200, body = Collection<wire::UserAttributes>), (status = 400, body = Errors)))]
pub async fn list(caller: Allowed<may::TeamRead>, app: Data<App>, list: Listing) -> Result<HttpResponse, Problem> {
    list.allow(&["page", "limit", "sort", "filter[role]", "filter[status]", "search"])?;
    let wanted = wanted(&list, caller.only().map(UserId::from))?;
    let (page, account) = (list.page()?, caller.caller.account);
    let read = app.store.quiet::<_, Problem, _>(account, move |unit| {
        let wanted = wanted.clone();
        Box::pin(async move { Ok(store::list(unit.conn(), account, &wanted, page).await?) })
    });
    let (total, users) = read.await?;
    Ok(list.answer(page, total, users.iter().map(user_resource).collect()).respond())
}

fn wanted(list: &Listing, only: Option<UserId>) -> Result<store::Wanted, Problem> {
    let role = |name: &str| Role::parse(name).map(Role::name);
    let status = |name: &str| Status::parse(name).map(Status::name);
    Ok(store::Wanted {
        only,
        roles: list.choices("filter[role]", role, "owner, admin, manager, dispatcher, worker, limitedWorker")?,
        statuses: list.choices("filter[status]", status, "active, inactive, invited")?,
        search: list.search(),
        order: list.sort(ORDERS)?,
    })
}

/// One user.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "identity", params(("id" = Uuid, Path)),
    responses((status = 200, body = Document<wire::UserAttributes>), (status = 404, body = Errors)))]
pub async fn read(
    caller: Allowed<may::TeamRead>,
    app: Data<App>,
    id: Path<Uuid>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    if caller.only().is_some_and(|only| only.0 != *id) {
        return Err(Problem::not_found());
    }
    let user = changing::find(&app, caller.caller.account, UserId(*id)).await?;
    Ok(Answer::ok(user_resource(&user)).version(user.version).respond_unless_seen(&request))
}

/// Changes a user. A new role, or the end of his time here, signs him out everywhere.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "identity",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, example = "\"1\"")),
    request_body(content = Request<openapi::UserPatch>,
        example = json!({"data": {"type": "user", "attributes": {"role": "manager"}}})),
    responses((status = 200, body = Document<wire::UserAttributes>), (status = 400, body = Errors),
        (status = 403, body = Errors), (status = 404, body = Errors),
        (status = 409, description = "WRONG_STATE: the last active owner stays", body = Errors),
        (status = 412, body = Errors)))]
pub async fn update(
    caller: Allowed<may::TeamWrite>,
    app: Data<App>,
    identity: Data<Identity>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let edit = wire::read_edit(&input)?;
    let answer = |user: &User| Answer::ok(user_resource(user)).version(user.version).render();
    apply(&app, &identity, &caller.caller, &input, UserId(*id), edit, answer).await
}

/// Ends a user's time here; what he did stays. `PATCH` with status active brings him back.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "identity", params(("id" = Uuid, Path)),
    responses((status = 204), (status = 403, body = Errors), (status = 404, body = Errors),
        (status = 409, description = "WRONG_STATE: the last active owner stays", body = Errors)))]
pub async fn deactivate(
    caller: Allowed<may::TeamWrite>,
    app: Data<App>,
    identity: Data<Identity>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let edit = Edit { active: Some(false), ..Edit::default() };
    apply(&app, &identity, &caller.caller, &input, UserId(*id), edit, |_| nothing()).await
}

async fn apply(
    app: &App,
    identity: &Identity,
    caller: &Caller,
    input: &Input,
    id: UserId,
    edit: Edit,
    answer: impl Fn(&User) -> Rendered + Send + Sync + Copy + 'static,
) -> Result<HttpResponse, Problem> {
    let (by, expected, now) = (caller.role, input.expected_version()?, caller.moment().now);
    let user = changing::find(app, caller.account, id).await?;
    let wants = edit.active.filter(|active| *active != (user.status != Status::Inactive));
    if let Some(active) = wants.filter(|_| user.is_worker) {
        workers::only_status(edit.has_details() || edit.role.is_some())?;
        check_version(expected, user.version, || user_resource(&user))?;
        return workers::set_active(app, identity, caller, input, user, active, move |user, _, _| answer(user)).await;
    }
    let changed = change(app, caller, input, move |unit| {
        let edit = edit.clone();
        Box::pin(async move { Ok(answer(&changing::update(unit, id, &edit, by, expected, now).await?)) })
    });
    let response = changed.await?;
    identity.sessions.forget_user(caller.account, id);
    Ok(response)
}
