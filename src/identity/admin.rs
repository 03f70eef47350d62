//! What whoever runs the server may do from its command line, past all roles: add a user, set a password. A running
//! server learns of it from the database.

use anyhow::{Context, bail};
use chrono::Utc;
use muster_domain::identity::Role;
use muster_domain::ids::{AccountId, UserId};
use muster_domain::{By, Moment};
use uuid::Uuid;

use super::passwords::{self, Passwords};
use super::users::wire::Hire;
use super::users::{self, Hiring, Status};
use super::{Settings, auth};
use crate::http::Problem;
use crate::store::work::to_micros;
use crate::store::{Secrets, Store};

#[derive(Clone, Debug)]
pub struct NewUser {
    pub account: Uuid,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    /// As the API names it.
    pub role: String,
    pub password: String,
}

/// Answers with the new user's id, and whether he has to accept first because his address is known elsewhere.
pub async fn create_user(
    store: &Store,
    secrets: &Secrets,
    settings: Settings,
    new: NewUser,
) -> anyhow::Result<(UserId, bool)> {
    passwords::check(&new.password).map_err(anyhow::Error::msg)?;
    let Some(role) = Role::parse(&new.role) else { bail!("{} is not a role", new.role) };
    let hire = Hire {
        id: UserId(Uuid::now_v7()),
        first_name: new.first_name,
        last_name: new.last_name,
        email: address(&new.email)?,
        phone: None,
        password: Some(new.password),
        role,
    };
    let moment = by_hand();
    let hiring = Hiring::prepare(secrets, &Passwords::new(settings.bcrypt_cost), hire, moment.now).await;
    let hiring = hiring.map_err(told)?;
    let done = store.change::<_, Problem, _>(AccountId(new.account), moment, move |unit| {
        let hiring = hiring.clone();
        Box::pin(async move { users::hire(unit, &hiring).await })
    });
    let user = done.await.map_err(|undone| told(undone.into())).context("is there such an account?")?.value;
    Ok((user.id, user.status == Status::Invited))
}

/// Also ends every session of the person, in all accounts.
pub async fn reset_password(
    store: &Store,
    secrets: &Secrets,
    settings: Settings,
    email: &str,
    password: &str,
) -> anyhow::Result<()> {
    passwords::check(password).map_err(anyhow::Error::msg)?;
    let (email, moment) = (address(email)?, by_hand());
    let hash = Passwords::new(settings.bcrypt_cost).hash(password.to_owned()).await.map_err(told)?;
    let mut conn = store.pool().acquire().await?;
    let known = users::store::set_password(&mut conn, &email, &hash, moment.now).await?;
    drop(conn);
    if known.is_none() {
        bail!("nobody has the address {email}");
    }
    auth::sign_out_everywhere(store, secrets, &email, moment).await.map_err(|undone| told(undone.into()))
}

fn by_hand() -> Moment {
    Moment { now: to_micros(Utc::now()), by: By::System }
}

fn address(email: &str) -> anyhow::Result<String> {
    let email = email.trim().to_lowercase();
    if !email.contains('@') {
        bail!("{email} is not an e-mail address");
    }
    Ok(email)
}

fn told(problem: Problem) -> anyhow::Error {
    let details: Vec<&str> = problem.faults.iter().map(|fault| fault.detail.as_str()).collect();
    anyhow::Error::msg(details.join(" "))
}
