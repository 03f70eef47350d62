//! Adding a person to an account and changing how he stands there: what users and workers have in common. Runs inside
//! the caller's transaction.

use chrono::{DateTime, Utc};
use muster_domain::identity::{Role, StandingRejection};
use muster_domain::ids::{AccountId, UserId};
use muster_domain::journal::{Fact, RecordFact, RecordVerb};
use uuid::Uuid;

use super::wire::{Edit, Hire, user_resource};
use super::{Standing, Status, User, store};
use crate::http::{App, Code, Fault, Problem};
use crate::identity::{check_version, email_digest, email_taken, passwords::Passwords};
use crate::store::{Secrets, Undone, Unit};

pub async fn find(app: &App, account: AccountId, id: UserId) -> Result<User, Problem> {
    let find = app.store.quiet::<_, Problem, _>(account, move |unit| {
        Box::pin(async move { Ok(store::find(unit.conn(), account, id).await?) })
    });
    find.await?.ok_or_else(Problem::not_found)
}

/// A hire with what must not be computed while the account is locked.
#[derive(Clone, Debug)]
pub struct Hiring {
    pub hire: Hire,
    pub now: DateTime<Utc>,
    password_hash: Option<String>,
    email_digest: Vec<u8>,
}

impl Hiring {
    pub async fn prepare(
        secrets: &Secrets,
        passwords: &Passwords,
        mut hire: Hire,
        now: DateTime<Utc>,
    ) -> Result<Self, Problem> {
        let password_hash = match hire.password.take() {
            Some(password) => Some(passwords.hash(password).await?),
            None => None,
        };
        let email_digest = email_digest(secrets, &hire.email);
        Ok(Self { hire, now, password_hash, email_digest })
    }
}

/// Nobody hands out more than he has.
pub fn may_hire(by: Role, role: Role) -> Result<(), Problem> {
    if by.may_grant(role) { Ok(()) } else { Err(not_granted(role)) }
}

fn not_granted(role: Role) -> Problem {
    let detail = format!("Your role may not give or take the role {}.", role.name());
    Fault::new(Code::FORBIDDEN, detail).at("/data/attributes/role").into()
}

/// Adds the person: at once if he is new, else when he accepts, and then his own password stays.
pub async fn hire(unit: &mut Unit, hiring: &Hiring) -> Result<User, Undone<Problem>> {
    let (account, hire) = (unit.account(), &hiring.hire);
    if store::has_email(unit.conn(), account, &hire.email).await? {
        return Err(email_taken("/data/attributes/email").into());
    }
    let (identity, status) = identity_of(unit, hiring).await?;
    let user = User {
        id: hire.id,
        email: hire.email.clone(),
        first_name: hire.first_name.clone(),
        last_name: hire.last_name.clone(),
        phone: hire.phone.clone(),
        role: hire.role,
        status,
        is_worker: false,
        version: 1,
        created_at: hiring.now,
        updated_at: hiring.now,
    };
    store::insert(unit.conn(), account, &user, identity, &hiring.email_digest).await?;
    let verb = RecordVerb::UserCreated;
    unit.note(Fact::Record(RecordFact { verb, id: user.id.0, version: 1, changed: vec![] }));
    Ok(user)
}

async fn identity_of(unit: &mut Unit, hiring: &Hiring) -> Result<(Uuid, Status), Undone<Problem>> {
    let email = &hiring.hire.email;
    if let Some(known) = store::find_identity(unit.conn(), email).await? {
        return Ok((known.id, Status::Invited));
    }
    let Some(hash) = &hiring.password_hash else {
        let fault = Fault::new(Code::VALIDATION_ERROR, "password is required.").at("/data/attributes/password");
        return Err(Problem::from(fault).into());
    };
    let fresh = Uuid::now_v7();
    if store::add_identity(unit.conn(), fresh, email, hash, hiring.now).await? {
        return Ok((fresh, Status::Active));
    }
    let known = store::find_identity(unit.conn(), email).await?;
    let known = known.ok_or_else(|| Problem::internal("an identity is neither new nor known"))?;
    Ok((known.id, Status::Invited))
}

/// May `by` make him stand like this?
pub async fn check_standing(unit: &mut Unit, user: &User, to: Standing, by: Role) -> Result<(), Undone<Problem>> {
    let account = unit.account();
    let others = store::other_owners(unit.conn(), account, user.id).await?;
    user.standing().check_change(to, by, others).map_err(|rejection| match rejection {
        StandingRejection::NotGranted(role) => not_granted(role).into(),
        StandingRejection::LastOwner => last_owner_stays(user).into(),
    })
}

pub fn last_owner_stays(user: &User) -> Problem {
    wrong_state(user, "This is the last active owner: make somebody else one first.")
}

fn wrong_state(user: &User, detail: &str) -> Problem {
    Fault::new(Code::WRONG_STATE, detail).meta(serde_json::json!({ "current": user_resource(user) })).into()
}

/// Changes a user who is not on the roster, or leaves his status alone; the board frees a worker's visits.
pub async fn update(
    unit: &mut Unit,
    id: UserId,
    edit: &Edit,
    by: Role,
    expected: Option<i64>,
    now: DateTime<Utc>,
) -> Result<User, Undone<Problem>> {
    let account = unit.account();
    let mut user = store::find(unit.conn(), account, id).await?.ok_or_else(Problem::not_found)?;
    check_version(expected, user.version, || user_resource(&user))?;
    let before = user.clone();
    let mut changed = edit.apply_details(&mut user);
    user.role = edit.role.unwrap_or(user.role);
    user.status = next_status(unit, &before, edit.active).await?;
    if user.is_worker && user.status != before.status {
        return Err(Problem::new(Code::REFUSED, "He became a worker meanwhile. Try again.").into());
    }
    check_standing(unit, &before, user.standing(), by).await?;
    changed.extend((user.role != before.role).then(|| "role".to_owned()));
    changed.extend((user.status != before.status).then(|| "status".to_owned()));
    if changed.is_empty() {
        return Ok(user);
    }
    user.version += 1;
    user.updated_at = now;
    let signed_out = user.role != before.role || user.status == Status::Inactive;
    store::update(unit.conn(), account, &user, signed_out).await?;
    let verb = match (before.status, user.status) {
        (Status::Inactive, Status::Active | Status::Invited) => RecordVerb::UserActivated,
        (Status::Active | Status::Invited, Status::Inactive) => RecordVerb::UserDeactivated,
        _ => RecordVerb::UserUpdated,
    };
    unit.note(Fact::Record(RecordFact { verb, id: id.0, version: user.version, changed }));
    Ok(user)
}

/// Coming back is no acceptance.
async fn next_status(unit: &mut Unit, user: &User, active: Option<bool>) -> Result<Status, Undone<Problem>> {
    let account = unit.account();
    match (user.status, active) {
        (status, None) | (status @ Status::Active, Some(true)) => Ok(status),
        (_, Some(false)) => Ok(Status::Inactive),
        (Status::Invited, Some(true)) => Err(wrong_state(user, "The person has not accepted yet.").into()),
        (Status::Inactive, Some(true)) => {
            let accepted = store::has_accepted(unit.conn(), account, user.id).await?;
            Ok(if accepted { Status::Active } else { Status::Invited })
        }
    }
}
