//! The companies under load. Those of the socket benchmarks sign up, hire and sign in through the public API; a hundred
//! thousand workers are seeded by COPY, because hiring them one by one is not what is measured.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, anyhow};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::ground::Ground;
use crate::http::{Http, envelope};

pub const PASSWORD: &str = "correct horse battery 7";
/// Set-up requests under way at once.
const AT_ONCE: usize = 8;

pub struct Business {
    pub owner: Http,
    pub id: String,
    email: String,
    name: String,
}

/// One that was found through the API, with signed-in people.
pub struct Staffed {
    /// Access tokens of workers, each of another one.
    pub workers: Vec<String>,
    /// Access tokens of sign-ins of the office.
    pub office: Vec<String>,
}

impl Business {
    pub fn found(addr: SocketAddr, name: &str) -> Result<Self> {
        let mut http = Http::new(addr);
        let email = format!("owner@{name}.example");
        let owner = json!({ "firstName": "Ann", "lastName": "Lee", "email": email, "password": PASSWORD });
        let attributes = json!({ "name": name, "timeZone": "UTC", "currency": "CHF", "owner": owner });
        http.post("/api/v1/accounts", "account", attributes)?;
        let mut owner = Http::signed_in(addr, &email, PASSWORD)?;
        let account = owner.get("/api/v1/account")?;
        let id = account["data"]["id"].as_str().context("no id of the account")?.to_owned();
        Ok(Self { owner, id, email, name: name.to_owned() })
    }

    pub fn hire(&mut self, index: usize) -> Result<String> {
        let email = self.worker_email(index);
        let worker = json!({ "firstName": "Bob", "lastName": format!("No {index}"), "email": email,
            "password": PASSWORD, "skills": skills_of(index) });
        let answer = self.owner.post("/api/v1/workers", "worker", worker)?;
        Ok(answer["data"]["id"].as_str().context("no id of the worker")?.to_owned())
    }

    pub fn worker_email(&self, index: usize) -> String {
        format!("w{index}@{}.example", self.name)
    }

    /// Hires and signs in so many workers, and the office so many times.
    pub fn staff(addr: SocketAddr, name: &str, workers: usize, office: usize) -> Result<Staffed> {
        let mut business = Self::found(addr, name)?;
        let mut staffed = Staffed { workers: Vec::new(), office: Vec::new() };
        for index in 0..workers {
            business.hire(index)?;
            staffed.workers.push(Http::signed_in(addr, &business.worker_email(index), PASSWORD)?.token().to_owned());
        }
        for _ in 0..office {
            staffed.office.push(Http::signed_in(addr, &business.email, PASSWORD)?.token().to_owned());
        }
        Ok(staffed)
    }

    /// A client with one property, for jobs.
    pub fn client(&mut self) -> Result<String> {
        let client = self.owner.post("/api/v1/clients", "client", json!({ "firstName": "Eve", "lastName": "Moss" }))?;
        Ok(client["data"]["id"].as_str().context("no id of the client")?.to_owned())
    }

    /// A job with one visit; the visit's id.
    pub fn visit(&mut self, client: &str, starts_at: &str, ends_at: &str) -> Result<String> {
        let attributes = json!({ "clientId": client, "title": "Leaking tap",
            "visits": [{ "startsAt": starts_at, "endsAt": ends_at }] });
        let job = self.owner.post("/api/v1/jobs", "job", attributes)?;
        let visit = job["data"]["relationships"]["visits"]["data"][0]["id"].as_str().map(str::to_owned);
        visit.with_context(|| format!("no visit in {job}"))
    }

    /// Seeds workers without signing them in: the rows that hiring them would leave. Returns their ids. Each has a
    /// device token, `device_token(first + index)`, if asked for.
    pub fn seed_workers(&self, ground: &Ground, count: usize, first: usize, devices: bool) -> Result<Vec<String>> {
        let account = &self.id;
        let ids: Vec<String> = (0..count).map(|_| uuid::Uuid::now_v7().to_string()).collect();
        let mut sql = String::from("BEGIN;\n");
        let mut copy = |table: &str, row: &dyn Fn(usize, &str) -> String| {
            sql.push_str(&format!("COPY {table} FROM STDIN;\n"));
            ids.iter().enumerate().for_each(|(index, id)| sql.push_str(&row(index, id)));
            sql.push_str("\\.\n");
        };
        copy("identities (id, email, created_at, updated_at)", &|index, id| {
            format!("{id}\t{}\tnow\tnow\n", self.seeded_email(index))
        });
        copy(
            "users (account_id, id, identity_id, email, first_name, last_name, role, status, created_at, updated_at)",
            &|index, id| {
                format!(
                    "{account}\t{id}\t{id}\t{}\tBob\tNo {index}\tworker\tactive\tnow\tnow\n",
                    self.seeded_email(index)
                )
            },
        );
        copy("workers (account_id, id, skills, time_zone, created_at, updated_at)", &|index, id| {
            format!("{account}\t{id}\t{{{}}}\tUTC\tnow\tnow\n", skills_of(index).join(","))
        });
        if devices {
            let digest = |index| hex(&Sha256::digest(device_token(first + index).as_bytes()));
            copy("devices (account_id, id, worker_id, label, digest, created_at)", &|index, id| {
                format!("{account}\t{id}\t{id}\tphone\t\\\\x{}\tnow\n", digest(index))
            });
            copy("directory (kind, digest, account_id, subject)", &|index, id| {
                format!("device\t\\\\x{}\t{account}\t{id}\n", digest(index))
            });
        }
        sql.push_str("COMMIT;\nANALYZE;\n");
        ground.sql(&sql)?;
        Ok(ids)
    }

    fn seeded_email(&self, index: usize) -> String {
        format!("s{index}@{}.example", self.name)
    }

    /// Where each of them was last seen, a moment ago, around 47 north, 9 east, within `spread_deg`.
    pub fn seed_positions(&self, ground: &Ground, ids: &[String], spread_deg: f64) -> Result<()> {
        let mut sql = String::from(
            "COPY last_positions (account_id, worker_id, at, point, received_at, lat, lng, mock) FROM STDIN;\n",
        );
        for (index, id) in ids.iter().enumerate() {
            let (lat, lng) = place_of(index, spread_deg);
            sql.push_str(&format!("{}\t{id}\tnow\t{id}\tnow\t{lat:.6}\t{lng:.6}\tf\n", self.id));
        }
        sql.push_str("\\.\n");
        ground.sql(&sql).map(drop)
    }
}

/// Even and without a pattern: multiples of the golden ratio and of its square.
pub fn place_of(index: usize, spread_deg: f64) -> (f64, f64) {
    let share = |step: f64| (index as f64 * step).fract() - 0.5;
    (47.0 + share(0.754_877_666) * spread_deg, 9.0 + share(0.569_840_291) * spread_deg)
}

/// Every third worker has the skill that is asked for.
pub fn skills_of(index: usize) -> Vec<&'static str> {
    match index % 3 {
        0 => vec!["gas", "water"],
        1 => vec!["water"],
        _ => vec!["roof"],
    }
}

pub fn device_token(index: usize) -> String {
    format!("mdt_{}", hex(&Sha256::digest(format!("phone {index}").as_bytes())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes so many businesses, several at once.
pub fn staff_all(addr: SocketAddr, count: usize, workers: usize, office: usize) -> Result<Vec<Staffed>> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        let work = || -> Result<()> {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return Ok(());
                }
                let staffed = Business::staff(addr, &format!("b{index}"), workers, office)?;
                done.lock().map_err(|_| anyhow!("a thread panicked"))?.push(staffed);
            }
        };
        let threads: Vec<_> = (0..AT_ONCE.min(count)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow!("a thread panicked"))?)
    })?;
    done.into_inner().map_err(|_| anyhow!("a thread panicked"))
}

/// The body of a report of a phone.
pub fn report(points: &[String]) -> String {
    let inner = points.join(",");
    let body = envelope("positionBatch", Value::Null);
    body.replace("null", &format!(r#"{{"points":[{inner}]}}"#))
}
