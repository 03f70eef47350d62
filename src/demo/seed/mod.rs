//! Fills the server through its public API: account, people, clients and today's work. Asked again, it adds only what
//! is missing, so that a second start finds the demonstration as the first one left it.

mod clients;
mod crew;
mod floor;

use std::future::Future;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt};
use muster_domain::Place;
use serde_json::{Value, json};
use uuid::Uuid;

use super::chance::Chance;
use super::city::{City, Xy};
use super::client::{Refusal, Server, Session};
use super::people::{self, ACCOUNT, CURRENCY, DISPATCHER, OWNER, PASSWORD, ZONE};
pub use crew::Hired;

/// A city has so many clients at most.
const MOST_CLIENTS: usize = 1_200;
/// A dispatcher can look through a queue of so many.
const MOST_WAITING: usize = 60;
/// Urgent calls come from the so many clients nearest to the centre.
const NEAR_CLIENTS: usize = 40;

/// Requests under way at once; the server does other things too.
const AT_ONCE: usize = 8;

pub struct Wanted {
    pub seed: u64,
    pub workers: usize,
    pub clients: usize,
    /// Visits that wait for somebody: with a window, and without one.
    pub queue: (usize, usize),
}

impl Wanted {
    pub fn of(seed: u64, workers: usize) -> Self {
        let scaled = |of_thirty: usize| (of_thirty * workers).div_ceil(30);
        Self {
            seed,
            workers,
            clients: scaled(60).clamp(6, MOST_CLIENTS),
            queue: (scaled(12).clamp(3, MOST_WAITING), scaled(3).min(MOST_WAITING / 4)),
        }
    }
}

/// What was there, and what was added.
pub struct Seeded {
    /// The account was made just now.
    pub fresh: bool,
    pub crew: Vec<Hired>,
    pub jobs: usize,
    /// Everybody has something to do; of a large crew only the first have, and the others get theirs by and by.
    pub is_complete: bool,
    pub account: Uuid,
    owner: Session,
    office: Session,
}

/// Told to whoever waits: what is being made, and how far it is.
pub type Tell<'a> = &'a (dyn Fn(&str, usize, usize) + Send + Sync);

pub async fn seed(server: &Server, city: &City, wanted: &Wanted, tell: Tell<'_>) -> Result<Seeded, Refusal> {
    tell("the account", 0, 0);
    let (fresh, owner) = account(server).await?;
    dispatcher(&owner).await?;
    let now = Utc::now();
    let crew = crew::hire(&owner, city, wanted, now, tell).await?;
    let clients = clients::find(&owner, city, wanted, tell).await?;
    let office = server.sign_in(DISPATCHER.2).await?;
    let first = &crew[..crew.len().min(floor::FULL_DAYS)];
    let jobs = floor::fill(&office, first, &clients, wanted, now, tell).await?;
    let is_complete = first.len() == crew.len();
    let account = account_of(&owner).await?;
    Ok(Seeded { fresh, crew, jobs, is_complete, account, owner, office })
}

impl Seeded {
    pub fn office(&self) -> &Session {
        &self.office
    }
}

async fn account_of(owner: &Session) -> Result<Uuid, Refusal> {
    let answer = owner.get("/account").await?;
    Ok(answer["data"]["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default())
}

/// Urgent calls from around the centre; `nth` of this run.
pub async fn rush(seeded: &Seeded, city: &City, wanted: &Wanted, nth: u64) -> Result<usize, Refusal> {
    let quiet = |_: &str, _: usize, _: usize| {};
    let clients = clients::find(&seeded.owner, city, wanted, &quiet).await?;
    let plan = people::clients(city, wanted.seed, wanted.clients);
    let mut near: Vec<usize> = (0..clients.len().min(plan.len())).collect();
    let from_centre_m = |index: &usize| Xy::of(plan[*index].address.door).distance_m(Xy::new(0.0, 0.0)) as u64;
    near.sort_by_key(from_centre_m);
    near.truncate(NEAR_CLIENTS);
    let mut chance = Chance::of(wanted.seed ^ nth, "rush");
    floor::rush(&seeded.office, &near, &clients, &mut chance, Utc::now()).await
}

/// Keeps the floor busy while the demonstration runs on: new shifts, new work, new calls.
pub async fn keep_up(seeded: &Seeded, city: &City, wanted: &Wanted) -> Result<usize, Refusal> {
    let quiet = |_: &str, _: usize, _: usize| {};
    let now = Utc::now();
    let crew = crew::hire(&seeded.owner, city, wanted, now, &quiet).await?;
    let clients = clients::find(&seeded.owner, city, wanted, &quiet).await?;
    floor::fill(&seeded.office, &crew, &clients, wanted, now, &quiet).await
}

/// Signs the owner in; if nobody knows him, signs the business up first.
async fn account(server: &Server) -> Result<(bool, Session), Refusal> {
    let (first_name, last_name, email) = OWNER;
    match server.sign_in(email).await {
        Ok(owner) => return Ok((false, owner)),
        Err(refusal) if refusal.is("INVALID_CREDENTIALS") => {}
        Err(refusal) => return Err(refusal),
    }
    let owner = json!({"firstName": first_name, "lastName": last_name, "email": email, "password": PASSWORD});
    let account = json!({"name": ACCOUNT, "timeZone": ZONE.name(), "currency": CURRENCY, "owner": owner});
    server.post("/accounts", &json!({"data": {"type": "account", "attributes": account}})).await?;
    Ok((true, server.sign_in(email).await?))
}

async fn dispatcher(owner: &Session) -> Result<(), Refusal> {
    let (first_name, last_name, email) = DISPATCHER;
    let users = owner.get("/users?limit=200").await?;
    if resources(&users).iter().any(|user| user["attributes"]["email"] == email) {
        return Ok(());
    }
    let user = json!({"firstName": first_name, "lastName": last_name, "email": email, "password": PASSWORD, "role": "dispatcher"});
    owner.post("/users", "user", user).await.map(drop)
}

fn resources(answer: &Value) -> &[Value] {
    answer["data"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok()
}

fn place(value: &Value) -> Option<Place> {
    Some(Place { lat: value["lat"].as_f64()?, lng: value["lng"].as_f64()? })
}

/// Does something for each of them, some at once, and tells how far it is. The first refusal ends it.
async fn each<I, T, F>(what: &str, items: Vec<I>, tell: Tell<'_>, run: impl Fn(I) -> F) -> Result<Vec<T>, Refusal>
where
    F: Future<Output = Result<T, Refusal>>,
{
    let total = items.len();
    if total > 0 {
        tell(what, 0, total);
    }
    let done = futures_util::stream::iter(items).map(run).buffer_unordered(AT_ONCE).enumerate();
    let told = done.map(|(index, result)| result.inspect(|_| tell(what, index + 1, total)));
    told.try_collect().await
}

/// Dice for what comes at this moment: another day brings other work.
fn dice(seed: u64, purpose: &str, now: DateTime<Utc>) -> Chance {
    Chance::of(seed ^ (now.timestamp() as u64 / 60), purpose)
}

fn wall_clock(now: DateTime<Utc>) -> chrono::NaiveDateTime {
    now.with_timezone(&people::ZONE).naive_local()
}
