//! Making an account and its owner in one transaction, once per `Idempotency-Key`.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use chrono::Utc;
use muster_actors::ports::{Kept, Rendered};
use muster_domain::identity::Role;
use muster_domain::ids::{AccountId, UserId};
use muster_domain::journal::{Fact, RecordFact, RecordVerb};
use muster_domain::{By, Moment};
use uuid::Uuid;

use super::wire::{SignUp, account_resource};
use super::{Account, Arrivals, store};
use crate::http::envelope::{self, Answer};
use crate::http::{App, Code, Fault, Input, Problem};
use crate::identity::users::{Status, User, wire::user_resource};
use crate::identity::{email_digest, email_taken, users};
use crate::store::journal::Stream;
use crate::store::work::to_micros;
use crate::store::{StoreError, Undone, Unit};

/// Everything that is to be written.
struct Founding {
    account: Account,
    owner: User,
    password_hash: String,
    email_digest: Vec<u8>,
    key: Option<(String, [u8; 32])>,
    answer: Rendered,
}

pub async fn found(app: &App, input: &Input, sign_up: SignUp, password_hash: String) -> Result<HttpResponse, Problem> {
    let key = input.key().map(|key| (key.to_owned(), app.secrets.keyed_hash(&input.body)));
    if let Some(kept) = kept_answer(app, key.as_ref()).await? {
        return kept;
    }
    let now = to_micros(Utc::now());
    let (account, owner) = newcomers(&sign_up, now);
    let resource = account_resource(&account);
    let mut answer = Answer::created("accounts", resource).version(1).included(vec![user_resource(&owner)]).render();
    answer.location = Some("/api/v1/account".into());
    let email_digest = email_digest(&app.secrets, &owner.email);
    let moment = Moment { now, by: By::User { id: owner.id, role: Role::Owner } };
    let id = account.id;
    let founding = Arc::new(Founding { account, owner, password_hash, email_digest, key: key.clone(), answer });
    let written = Arc::clone(&founding);
    let done = app.store.found::<_, Problem, _>(id, moment, move |unit| {
        let founding = Arc::clone(&written);
        Box::pin(async move { Ok(write(unit, &founding).await?) })
    });
    match done.await {
        Ok(done) => {
            app.announce.announce(id, &done.entries);
            Ok(envelope::send(founding.answer.clone()))
        }
        // Somebody was faster: with the same key it is the same sign-up, else only the same address.
        Err(Undone::Failed(error))
            if error.is_constraint(store::KEY_TAKEN) || error.is_constraint(store::EMAIL_TAKEN) =>
        {
            let kept = kept_answer(app, key.as_ref()).await?;
            kept.unwrap_or_else(|| Err(email_taken("/data/attributes/owner/email")))
        }
        Err(undone) => Err(undone.into()),
    }
}

fn newcomers(sign_up: &SignUp, now: chrono::DateTime<Utc>) -> (Account, User) {
    let account = Account {
        id: AccountId(Uuid::now_v7()),
        name: sign_up.name.clone(),
        time_zone: sign_up.time_zone.clone(),
        currency: sign_up.currency.clone(),
        arrivals: Arrivals::default(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    let owner = User {
        id: UserId(Uuid::now_v7()),
        email: sign_up.owner.email.clone(),
        first_name: sign_up.owner.first_name.clone(),
        last_name: sign_up.owner.last_name.clone(),
        phone: sign_up.owner.phone.clone(),
        role: Role::Owner,
        status: Status::Active,
        is_worker: false,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    (account, owner)
}

async fn write(unit: &mut Unit, founding: &Founding) -> Result<(), StoreError> {
    let (account, owner) = (&founding.account, &founding.owner);
    let conn = unit.conn();
    if let Some((key, body_hash)) = &founding.key {
        store::keep_answer(conn, key, body_hash, &founding.answer).await?;
    }
    let identity = Uuid::now_v7();
    users::store::insert_identity(conn, identity, &owner.email, Some(&founding.password_hash), owner.created_at)
        .await?;
    store::insert(conn, account).await?;
    Stream::begin(conn, account.id, Uuid::now_v7()).await?;
    users::store::insert(conn, account.id, owner, identity, &founding.email_digest).await?;
    unit.note(created(RecordVerb::AccountCreated, account.id.0));
    unit.note(created(RecordVerb::UserCreated, owner.id.0));
    Ok(())
}

fn created(verb: RecordVerb, id: Uuid) -> Fact {
    Fact::Record(RecordFact { verb, id, version: 1, changed: vec![] })
}

/// What an earlier sign-up under the same key was told.
async fn kept_answer(
    app: &App,
    key: Option<&(String, [u8; 32])>,
) -> Result<Option<Result<HttpResponse, Problem>>, Problem> {
    let Some((key, body_hash)) = key else { return Ok(None) };
    let mut conn = app.store.pool().acquire().await.map_err(StoreError::from)?;
    let kept = store::find_answer(&mut conn, key).await?;
    Ok(kept.map(|Kept { body_hash: first, answer }| {
        if first != *body_hash {
            let detail = "This Idempotency-Key was used with another body.";
            return Err(Fault::new(Code::IDEMPOTENCY_KEY_REUSED, detail).header("Idempotency-Key").into());
        }
        let mut response = envelope::send(answer);
        let replayed = HeaderName::from_static("idempotency-replayed");
        response.headers_mut().insert(replayed, HeaderValue::from_static("true"));
        Ok(response)
    }))
}
