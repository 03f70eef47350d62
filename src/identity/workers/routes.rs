//! `/workers`: read the request, change or read rows, answer.

use std::collections::BTreeMap;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, Utc};
use muster_actors::ports::Rendered;
use muster_domain::dispatch::{Worker, WorkingHours};
use muster_domain::ids::{AccountId, UserId, VisitId, WorkerId};
use muster_domain::journal::{Fact, RecordFact, RecordVerb, WorkerFact, WorkerVerb};
use uuid::Uuid;

use super::openapi::{NewWorkerAttributes, WorkerPatch};
use super::wire::{self, Edit, NewWorker, Who, WorkerAttributes, worker_resource};
use super::{Profile, activity, store};
use crate::http::caller::{Needs, may};
use crate::http::change::change;
use crate::http::envelope::{Answer, nothing};
use crate::http::openapi::{Collection, Document, Errors, Request};
use crate::http::{Allowed, App, Caller, Input, Listing, Problem};
use crate::identity::users::wire::user_resource;
use crate::identity::users::{self, Hiring, Status, User};
use crate::identity::{Identity, accounts, check_version};
use crate::live::positions::{LiveWire, live_of};
use crate::live::tracks::store::forget_last;
use crate::store::{Undone, Unit};

/// What lists may be ordered by.
const ORDERS: &[(&str, &str)] = &[
    ("lastName", "lower(u.last_name || ' ' || u.first_name)"),
    ("firstName", "lower(u.first_name)"),
    ("createdAt", "w.created_at"),
];

/// Puts somebody on the roster: a new person, or with `userId` a user of the account.
#[utoipa::path(post, path = "/api/v1/workers", tag = "identity",
    request_body(content = Request<NewWorkerAttributes>,
        example = json!({"data": {"type": "worker", "attributes": {"firstName": "Bob", "lastName": "Lee", "email": "bob@example.com",
            "password": "Correct-horse-9", "skills": ["gas"], "home": {"lat": 47.14, "lng": 9.52},
            "workingHours": [{"weekday": "mon", "start": "08:00", "end": "17:00"}]}}})),
    responses((status = 201, body = Document<WorkerAttributes>),
        (status = 200, description = "It exists already, exactly like this", body = Document<WorkerAttributes>),
        (status = 400, body = Errors), (status = 403, body = Errors),
        (status = 404, description = "userId is nobody's", body = Errors),
        (status = 409, description = "EMAIL_TAKEN in this account, or ALREADY_EXISTS", body = Errors)))]
pub async fn create(
    caller: Allowed<may::TeamWrite>,
    app: Data<App>,
    identity: Data<Identity>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let (caller, new) = (caller.caller, wire::read_new(&input)?);
    let now = caller.moment().now;
    let hiring = match &new.who {
        Who::New(hire) => {
            users::may_hire(caller.role, hire.role)?;
            Some(Hiring::prepare(&app.secrets, &identity.passwords, (**hire).clone(), now).await?)
        }
        Who::Known(_) => None,
    };
    change(&app, &caller, &input, move |unit| {
        let (new, hiring) = (new.clone(), hiring.clone());
        Box::pin(async move { created(unit, &new, hiring.as_ref(), now).await })
    })
    .await
}

async fn created(
    unit: &mut Unit,
    new: &NewWorker,
    hiring: Option<&Hiring>,
    now: DateTime<Utc>,
) -> Result<Rendered, Undone<Problem>> {
    let account = unit.account();
    let zone = match new.zone {
        Some(zone) => zone,
        None => accounts::read(unit.conn(), account).await?.time_zone.parse().unwrap_or(chrono_tz::UTC),
    };
    let hours = WorkingHours { zone, shifts: new.shifts.clone() };
    let (skills, home) = (new.skills.clone(), new.home);
    let card = |id| {
        let (time_off, active, available, tracking_consent) = (Default::default(), true, true, true);
        let followed_since = None;
        Worker { id, active, available, tracking_consent, followed_since, skills, home, hours, time_off }
    };
    let (user, card) = match (&new.who, hiring) {
        (Who::New(hire), Some(hiring)) => {
            let card = card(WorkerId::from(hire.id));
            if let Some(old) = users::store::find(unit.conn(), account, hire.id).await? {
                return repeated(unit, &old, &hiring.hire, &card).await;
            }
            (users::hire(unit, hiring).await?, card)
        }
        (Who::New(hire), None) => return Err(Problem::internal(format!("{} was not prepared", hire.id)).into()),
        (Who::Known(id), _) => {
            let user = promotable(unit, *id).await?;
            let card = card(WorkerId::from(user.id));
            (user, card)
        }
    };
    store::insert(unit.conn(), account, &card, now).await?;
    unit.note(Fact::Worker(WorkerFact { verb: WorkerVerb::Created, worker: card.clone() }));
    let user = User { is_worker: true, ..user };
    let profile = Profile { user, card, version: 1, created_at: now, updated_at: now };
    Ok(Answer::created("workers", worker_resource(&profile, None)).mixed(1).render())
}

/// A create that comes again from offline: the same is welcome, another is not.
async fn repeated(
    unit: &mut Unit,
    old: &User,
    hire: &users::wire::Hire,
    card: &Worker,
) -> Result<Rendered, Undone<Problem>> {
    let account = unit.account();
    let same_person = (&old.email, &old.first_name, &old.last_name, &old.phone, old.role)
        == (&hire.email, &hire.first_name, &hire.last_name, &hire.phone, hire.role);
    let profile = store::find(unit.conn(), account, card.id).await?.filter(|profile| {
        let held = &profile.card;
        same_person && (&held.skills, held.home, &held.hours) == (&card.skills, card.home, &card.hours)
    });
    let profile = profile.ok_or_else(Problem::already_exists)?;
    Ok(Answer::ok(worker_resource(&profile, None)).mixed(profile.version).render())
}

/// A user who has no profile yet.
async fn promotable(unit: &mut Unit, id: UserId) -> Result<User, Undone<Problem>> {
    let account = unit.account();
    let user = users::store::find(unit.conn(), account, id).await?.ok_or_else(wire::no_such_user)?;
    if user.is_worker {
        return Err(Problem::already_exists().into());
    }
    if user.status == Status::Inactive {
        return Err(wire::not_active(&user_resource(&user)).into());
    }
    Ok(user)
}

/// The roster, page by page. A worker sees himself.
#[utoipa::path(get, path = "/api/v1/workers", tag = "identity",
    params(("page" = Option<i64>, Query), ("limit" = Option<i64>, Query),
        ("sort" = Option<String>, Query, example = "lastName"),
        ("filter[status]" = Option<String>, Query, example = "active"),
        ("filter[skills]" = Option<String>, Query, description = "All of these", example = "gas"),
        ("search" = Option<String>, Query, description = "In names and e-mail")),
    responses((status = 200, body = Collection<WorkerAttributes>), (status = 400, body = Errors)))]
pub async fn list(caller: Allowed<may::PositionsRead>, app: Data<App>, list: Listing) -> Result<HttpResponse, Problem> {
    list.allow(&["page", "limit", "sort", "filter[status]", "filter[skills]", "search"])?;
    let wanted = wanted(&list, caller.only())?;
    let (page, account) = (list.page()?, caller.caller.account);
    let read = app.store.quiet::<_, Problem, _>(account, move |unit| {
        let wanted = wanted.clone();
        Box::pin(async move { Ok(store::list(unit.conn(), account, &wanted, page).await?) })
    });
    let (total, profiles) = read.await?;
    let live = live(&app, account, profiles.iter().map(|profile| profile.card.id).collect()).await;
    let items = profiles.iter().map(|profile| worker_resource(profile, live.get(&profile.card.id))).collect();
    Ok(list.answer(page, total, items).respond())
}

fn wanted(list: &Listing, only: Option<WorkerId>) -> Result<store::Wanted, Problem> {
    let status = |name: &str| Status::parse(name).map(Status::name);
    Ok(store::Wanted {
        only,
        statuses: list.choices("filter[status]", status, "active, inactive, invited")?,
        skills: list.choices("filter[skills]", |skill| Some(skill.to_lowercase()), "skills")?,
        search: list.search(),
        order: list.sort(ORDERS)?,
    })
}

/// One worker.
#[utoipa::path(get, path = "/api/v1/workers/{id}", tag = "identity", params(("id" = Uuid, Path)),
    responses((status = 200, body = Document<WorkerAttributes>), (status = 404, body = Errors)))]
pub async fn read(
    caller: Allowed<may::PositionsRead>,
    app: Data<App>,
    id: Path<Uuid>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let profile = visible(&app, &caller, *id).await?;
    let live = live(&app, caller.caller.account, vec![profile.card.id]).await.remove(&profile.card.id);
    Ok(Answer::ok(worker_resource(&profile, live.as_ref())).mixed(profile.version).respond_unless_seen(&request))
}

/// The worker, if the caller may see him.
pub async fn visible<P: Needs>(app: &App, caller: &Allowed<P>, id: Uuid) -> Result<Profile, Problem> {
    if caller.only().is_some_and(|only| only.0 != id) {
        return Err(Problem::not_found());
    }
    find(app, caller.caller.account, WorkerId(id)).await
}

async fn find(app: &App, account: AccountId, id: WorkerId) -> Result<Profile, Problem> {
    let find = app.store.quiet::<_, Problem, _>(account, move |unit| {
        Box::pin(async move { Ok(store::find(unit.conn(), account, id).await?) })
    });
    find.await?.ok_or_else(Problem::not_found)
}

/// A roster without live attributes is better than none.
async fn live(app: &App, account: AccountId, workers: Vec<WorkerId>) -> BTreeMap<WorkerId, LiveWire> {
    live_of(app, account, workers).await.unwrap_or_default()
}

/// Changes a profile. `meta.affected` lists visits of his that no longer suit him; they are not moved. A worker changes
/// nothing of his own but `available` and `trackingConsent`, and the latter nobody else does.
#[utoipa::path(patch, path = "/api/v1/workers/{id}", tag = "identity",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, example = "\"1\"")),
    request_body(content = Request<WorkerPatch>,
        example = json!({"data": {"type": "worker", "attributes": {"skills": ["gas", "water"]}}})),
    responses((status = 200, body = Document<WorkerAttributes>), (status = 400, body = Errors),
        (status = 403, body = Errors), (status = 404, body = Errors), (status = 409, body = Errors),
        (status = 412, body = Errors)))]
pub async fn update(
    caller: Allowed<may::AvailabilityWrite>,
    app: Data<App>,
    identity: Data<Identity>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let profile = visible(&app, &caller, *id).await?;
    let (caller, id, edit, expected) =
        (caller.caller, profile.card.id, wire::read_edit(&input)?, input.expected_version()?);
    edit.check_caller(&caller, id)?;
    let wants = edit.person.active.filter(|active| *active != (profile.user.status != Status::Inactive));
    if let Some(active) = wants {
        activity::only_status(edit.has_more_than_status())?;
        check_version(expected, profile.version, || worker_resource(&profile, None))?;
        return set_active(&app, &identity, &caller, &input, profile, active).await;
    }
    revise(&app, &caller, &input, id, edit).await
}

async fn revise(app: &App, caller: &Caller, input: &Input, id: WorkerId, edit: Edit) -> Result<HttpResponse, Problem> {
    let live = live(app, caller.account, vec![id]).await.remove(&id);
    let affected = no_longer_fit(app, caller, id, &edit).await?;
    let (now, expected) = (caller.moment().now, input.expected_version()?);
    let answer = change(app, caller, input, move |unit| {
        let (edit, live, affected) = (edit.clone(), live.clone(), affected.clone());
        Box::pin(async move {
            let profile = updated(unit, id, &edit, expected, now).await?;
            let live = live.filter(|_| profile.card.tracking_consent);
            let answer = Answer::ok(worker_resource(&profile, live.as_ref())).mixed(profile.version);
            Ok(answer.meta("affected", affected).render())
        })
    });
    let answer = answer.await?;
    // Whoever was answered is followed, or is not: the roster that trackers read comes from the board.
    app.boards.look(caller.account, |_| ()).await.ok();
    Ok(answer)
}

async fn no_longer_fit(app: &App, caller: &Caller, id: WorkerId, edit: &Edit) -> Result<Vec<VisitId>, Problem> {
    if !edit.touches_fitness() {
        return Ok(Vec::new());
    }
    let (edit, now) = (edit.clone(), caller.moment().now);
    let look = move |board: &muster_domain::dispatch::board::Board| {
        let next = board.worker(id).map(|card| edit.apply(card, now));
        next.map(|next| board.no_longer_fit(&next, now)).unwrap_or_default()
    };
    Ok(app.boards.look(caller.account, look).await?)
}

async fn updated(
    unit: &mut Unit,
    id: WorkerId,
    edit: &Edit,
    expected: Option<i64>,
    now: DateTime<Utc>,
) -> Result<Profile, Undone<Problem>> {
    let account = unit.account();
    let mut profile = store::find(unit.conn(), account, id).await?.ok_or_else(Problem::not_found)?;
    check_version(expected, profile.version, || worker_resource(&profile, None))?;
    let changed = edit.person.apply_details(&mut profile.user);
    let card = edit.apply(&profile.card, now);
    if changed.is_empty() && card == profile.card {
        return Ok(profile);
    }
    profile.version += 1;
    profile.updated_at = now;
    if !changed.is_empty() {
        profile.user.version += 1;
        profile.user.updated_at = now;
        users::store::update(unit.conn(), account, &profile.user, false).await?;
        let (verb, version) = (RecordVerb::UserUpdated, profile.user.version);
        unit.note(Fact::Record(RecordFact { verb, id: id.0, version, changed }));
    }
    if card != profile.card {
        let steps = profile.card.steps_to(&card);
        profile.card = card;
        store::update(unit.conn(), account, &profile).await?;
        if !profile.card.tracking_consent {
            // After his row is locked: a flush that is under way has ended, and the next one sees that he withdrew.
            forget_last(unit.conn(), account, id).await?;
        }
        steps.into_iter().for_each(|step| unit.note(Fact::Worker(step)));
    }
    Ok(profile)
}

/// Takes a worker off the roster: his tokens end, and visits he has not begun are freed. A `PATCH` of the status does the
/// same and lists them in `meta.affected`.
#[utoipa::path(delete, path = "/api/v1/workers/{id}", tag = "identity", params(("id" = Uuid, Path)),
    responses((status = 204, description = "He is off the roster"), (status = 403, body = Errors),
        (status = 404, body = Errors), (status = 409, body = Errors), (status = 412, body = Errors)))]
pub async fn deactivate(
    caller: Allowed<may::TeamWrite>,
    app: Data<App>,
    identity: Data<Identity>,
    id: Path<Uuid>,
    input: Input,
) -> Result<HttpResponse, Problem> {
    let profile = find(&app, caller.caller.account, WorkerId(*id)).await?;
    check_version(input.expected_version()?, profile.version, || worker_resource(&profile, None))?;
    activity::set_active(&app, &identity, &caller.caller, &input, profile.user, false, |_, _, _| nothing()).await
}

async fn set_active(
    app: &App,
    identity: &Identity,
    caller: &Caller,
    input: &Input,
    profile: Profile,
    active: bool,
) -> Result<HttpResponse, Problem> {
    let live = live(app, caller.account, vec![profile.card.id]).await.remove(&profile.card.id);
    let user = profile.user.clone();
    activity::set_active(app, identity, caller, input, user, active, move |user, board, touched| {
        let mut next = Profile { user: user.clone(), ..profile.clone() };
        next.version += i64::from(user.version != profile.user.version);
        next.card = board.worker(next.card.id).cloned().unwrap_or(next.card);
        let answer = Answer::ok(worker_resource(&next, live.as_ref())).mixed(next.version);
        answer.meta("affected", &touched.affected).render()
    })
    .await
}
