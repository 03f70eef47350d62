//! B6: everybody wants the same visits. 64 clients assign, take off, cancel and reopen, each change with its
//! `Idempotency-Key`; in the middle server and PostgreSQL are killed. What was acknowledged is then looked for in the
//! journal, and double bookings in the rows.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::Plan;
use crate::business::Business;
use crate::closed::{Clients, Work};
use crate::ground::Ground;
use crate::http::{envelope, request};
use crate::table::Table;
use crate::tracks;

const WORKERS: usize = 5_000;
const VISITS: usize = 200;
const CLIENTS: usize = 64;
/// More workers on one visit, and the next client takes one off.
const CROWD: usize = 3;

struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }
}

/// A visit as the last answer showed it.
#[derive(Clone, Default)]
struct Seen {
    version: i64,
    cancelled: bool,
    workers: Vec<String>,
}

struct Floor {
    token: String,
    workers: Vec<String>,
    visits: Vec<String>,
    seen: Vec<Seen>,
    /// What each client has asked for, by the index of its visit.
    asked: Vec<usize>,
    dice: Dice,
    keys: u64,
    /// Visit and version of every change that was acknowledged. What changed nothing tells a version that is known.
    done: BTreeSet<(usize, i64)>,
    refused: u64,
    failed: u64,
}

impl Work for Floor {
    fn next(&mut self, client: usize) -> Option<Vec<u8>> {
        let visit = self.dice.below(self.visits.len());
        self.asked[client] = visit;
        let seen = &self.seen[visit];
        let (verb, kind, attributes) = if seen.cancelled {
            ("reopen", "visit", json!({ "reason": "Called again" }))
        } else if seen.workers.len() >= CROWD {
            let worker = &seen.workers[self.dice.below(seen.workers.len())];
            ("unassign", "assignment", json!({ "workerIds": [worker] }))
        } else if self.dice.below(20) == 0 {
            ("cancel", "visit", json!({ "reason": "Not needed" }))
        } else {
            ("assign", "assignment", json!({ "workerIds": [self.workers[self.dice.below(self.workers.len())]] }))
        };
        self.keys += 1;
        let path = format!("/api/v1/visits/{}/{verb}", self.visits[visit]);
        let key = format!("Idempotency-Key: load-{client}-{}\r\n", self.keys);
        Some(request("POST", &path, Some(&self.token), &key, &envelope(kind, attributes)))
    }

    fn answered(&mut self, client: usize, status: u16, body: &[u8]) {
        let visit = self.asked[client];
        match status {
            200..=299 => {}
            409 | 412 | 422 => {
                self.refused += 1;
                // What was believed of it may be out of date: somebody looks anew by asking for something else.
                self.seen[visit].workers.clear();
                if status == 409 && memchr::memmem::find(body, b"WRONG_STATE").is_some() {
                    self.seen[visit].cancelled ^= true;
                }
                return;
            }
            _ => {
                self.failed += 1;
                return;
            }
        }
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return };
        let attributes = &body["data"]["attributes"];
        let version = attributes["version"].as_i64().unwrap_or(0);
        let ids = attributes["workerIds"].as_array().cloned().unwrap_or_default();
        let workers = ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect();
        self.done.insert((visit, version));
        let seen = &mut self.seen[visit];
        if version >= seen.version {
            *seen = Seen { version, cancelled: attributes["status"] == "cancelled", workers };
        }
    }
}

fn floor(ground: &mut Ground) -> Result<Floor> {
    ground.start()?;
    let mut business = Business::found(ground.addr, "floor")?;
    let workers = business.seed_workers(ground, WORKERS, 0, false)?;
    let client = business.client()?;
    let mut visits = Vec::new();
    for index in 0..VISITS {
        let hour = 8 + index % 8;
        let (from, to) = (format!("2027-03-01T{hour:02}:00:00Z"), format!("2027-03-01T{hour:02}:50:00Z"));
        visits.push(business.visit(&client, &from, &to)?);
    }
    let seen = vec![Seen::default(); visits.len()];
    let token = business.owner.token().to_owned();
    let (asked, dice) = (vec![0; CLIENTS], Dice(2_026));
    let (done, keys, refused, failed) = (BTreeSet::new(), 0, 0, 0);
    Ok(Floor { token, workers, visits, seen, asked, dice, keys, done, refused, failed })
}

pub fn hot_visits(plan: &Plan, table: &mut Table) -> Result<()> {
    let mut ground = Ground::new(&plan.binary, &plan.scratch, &[])?;
    if plan.wants("muster") {
        let mut floor = floor(&mut ground)?;
        ground.count_statements()?;
        // The board wakes with the seeded workers: it has to read the rows.
        ground.stop()?;
        ground.start()?;
        let mut clients = Clients::new(ground.addr, CLIENTS)?;
        clients.run(&mut floor, Instant::now() + Duration::from_secs(2), true)?;
        measured(plan, table, &ground, &mut clients, &mut floor)?;
        crashed(plan, table, &mut ground, &mut clients, &mut floor)?;
    } else {
        ground.start()?;
    }
    if plan.wants("postgres") { postgres_alone(plan, &ground, table) } else { Ok(()) }
}

fn measured(plan: &Plan, table: &mut Table, ground: &Ground, clients: &mut Clients, floor: &mut Floor) -> Result<()> {
    clients.forget();
    let known = floor.done.len();
    (floor.refused, floor.failed) = (0, 0);
    let (before, began) = (ground.used(), Instant::now());
    clients.run(floor, began + Duration::from_secs(plan.seconds), true)?;
    let (used, took_s) = (ground.used().since(before), began.elapsed().as_secs_f64());
    let all = clients.answers.max(1) as f64;
    let figures = [
        ("acknowledged/s", (floor.done.len() - known) as f64 / took_s),
        ("refused/s", floor.refused as f64 / took_s),
        ("CPU-µs each", used.server_s * 1e6 / all),
        ("pg µs each", used.postgres_s * 1e6 / all),
        ("p50 ms", clients.latencies.percentile_ms(0.5)),
        ("p99 ms", clients.latencies.percentile_ms(0.99)),
        ("failed", floor.failed as f64),
    ];
    table.put("B6", "muster", "64 clients, 200 visits, 5 k workers", &figures);
    ground.tell_statements()
}

fn crashed(
    plan: &Plan,
    table: &mut Table,
    ground: &mut Ground,
    clients: &mut Clients,
    floor: &mut Floor,
) -> Result<()> {
    let half = Duration::from_secs(plan.seconds / 2 + 1);
    clients.run(floor, Instant::now() + half, false)?;
    ground.crash()?;
    let took = ground.start()?;
    clients.reconnect()?;
    clients.run(floor, Instant::now() + half, true)?;
    let written: BTreeSet<(String, i64)> = ground
        .sql("SELECT subject, payload->'visit'->>'version' FROM journal WHERE kind LIKE 'visit.%'")?
        .lines()
        .filter_map(|line| line.split_once('|').and_then(|(id, version)| Some((id.to_owned(), version.parse().ok()?))))
        .collect();
    let is_lost = |(visit, version): &&(usize, i64)| !written.contains(&(floor.visits[*visit].clone(), *version));
    let lost = floor.done.iter().filter(is_lost).count();
    let double: f64 = ground
        .sql(
            "SELECT count(*) FROM visit_assignments a JOIN visit_assignments b ON a.account_id = b.account_id
                 AND a.worker_id = b.worker_id AND a.visit_id < b.visit_id AND a.during && b.during",
        )?
        .parse()
        .context("a count")?;
    let figures = [
        ("double bookings", double),
        ("acknowledged", floor.done.len() as f64),
        ("acknowledged and lost", lost as f64),
        ("ready again s", took.as_secs_f64()),
        ("failed", floor.failed as f64),
    ];
    table.put("B6", "muster", "kill -9 of both in the middle", &figures);
    Ok(())
}

/// One conditional UPDATE a change, as a plain back office does it: the version is the proof, a taken visit refuses.
fn postgres_alone(plan: &Plan, ground: &Ground, table: &mut Table) -> Result<()> {
    ground.sql(
        "CREATE TABLE load_visits (id int PRIMARY KEY, worker int, version bigint NOT NULL DEFAULT 0) WITH (fillfactor = 20);
         INSERT INTO load_visits SELECT n FROM generate_series(1, 200) n;",
    )?;
    let script = "\\set v random(1, 200)\n\\set w random(1, 5000)\n\\set c random(1, 2)\n\
        UPDATE load_visits SET worker = CASE WHEN :c = 1 THEN NULL ELSE :w::int END, version = version + 1\n\
        WHERE id = :v AND (worker IS NULL) = (:c = 2);\n";
    let before = ground.used();
    let (per_s, latency_ms) = tracks::pgbench(ground, plan, script, CLIENTS)?;
    let used_s = ground.used().since(before).postgres_s;
    let changed: f64 = ground.sql("SELECT sum(version) FROM load_visits")?.parse()?;
    let figures = [
        ("acknowledged/s", changed / plan.seconds as f64),
        ("refused/s", per_s - changed / plan.seconds as f64),
        ("pg µs each", used_s * 1e6 / (per_s * plan.seconds as f64).max(1.0)),
        ("mean ms", latency_ms),
    ];
    table.put("B6", "postgres", "64 clients, conditional UPDATE", &figures);
    Ok(())
}
