//! B4: the nearest ten who are available and have a skill, among a thousand to a hundred thousand workers of one
//! business, while they move and while they do not; over HTTP, and inside the process without a server.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use chrono::Utc;
use muster_actors::radar::{Scene, Wanted};
use muster_actors::roster::{Roster, RosterEntry};
use muster_domain::Place;
use muster_domain::dispatch::Worker;
use muster_domain::ids::WorkerId;
use muster_domain::live::{Point, Standing};
use uuid::Uuid;

use crate::Plan;
use crate::business::{self, Business, PASSWORD};
use crate::closed::{Clients, Work};
use crate::fanout::{Fanout, Shape, Tongue};
use crate::ground::{self, Ground, Peer};
use crate::http::{Http, request};
use crate::machine;
use crate::table::Table;
use crate::visible;

const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
/// About 110 km by 75 km: a hundred thousand are as dense as in a large city's region.
const SPREAD_DEG: f64 = 1.0;
const MOVERS: usize = 500;
const MOVES_PER_S: f64 = 20_000.0;
const CLIENTS: usize = 16;

pub fn nearest(plan: &Plan, table: &mut Table) -> Result<()> {
    for size in SIZES {
        if plan.wants("muster") {
            over_http(plan, table, size)?;
        }
        if plan.wants("inside") {
            inside(plan, table, size);
        }
    }
    if plan.wants("redis") { redis(plan, table) } else { Ok(()) }
}

struct Asking {
    token: String,
    asked: usize,
    refused: u64,
}

impl Work for Asking {
    fn next(&mut self, _: usize) -> Option<Vec<u8>> {
        self.asked += 1;
        let (lat, lng) = business::place_of(self.asked, SPREAD_DEG * 0.8);
        let path = format!("/api/v1/workers/nearby?lat={lat:.6}&lng={lng:.6}&limit=10&skills=gas");
        Some(request("GET", &path, Some(&self.token), "", ""))
    }

    fn answered(&mut self, _: usize, status: u16, _: &[u8]) {
        self.refused += u64::from(status != 200);
    }
}

fn over_http(plan: &Plan, table: &mut Table, size: usize) -> Result<()> {
    let mut ground = Ground::new(&plan.binary, &plan.scratch, &[])?;
    ground.start()?;
    let mut business = Business::found(ground.addr, "city")?;
    let mut senders = Vec::new();
    for index in 0..MOVERS {
        business.hire(index)?;
        let http = Http::signed_in(ground.addr, &business.worker_email(index), PASSWORD)?;
        senders.push(http.token().to_owned());
    }
    ground.stop()?;
    // Seeded behind the back of a board that sleeps: it reads the rows when it wakes.
    ground.start()?;
    let ids = business.seed_workers(&ground, size - MOVERS, 0, false)?;
    ground.sql("DELETE FROM board_snapshots")?;
    business.seed_positions(&ground, &ids, SPREAD_DEG)?;
    let mut asking = Asking { token: business.owner.token().to_owned(), asked: 0, refused: 0 };
    let woke = Instant::now();
    business.owner.get("/api/v1/workers/nearby?lat=47&lng=9")?;
    let load = format!("{} k workers", size / 1_000);
    table.put("B4", "muster", &format!("{load}, first look"), &[("ms", woke.elapsed().as_secs_f64() * 1e3)]);
    ask(plan, table, &ground, &mut asking, &format!("{load}, still"))?;

    let shape = Shape { channels: 1, senders_each: MOVERS, viewers_each: 0 };
    let tongue = Tongue::Muster { senders, viewers: Vec::new() };
    let mut fanout = Fanout::connect(ground.addr, ground.pid(), shape, tongue)?;
    let before = (ground.used(), Instant::now());
    fanout.run(4_000.0, Duration::from_secs(1), Duration::from_secs(plan.seconds))?;
    let (used, moved) = (ground.used().since(before.0), 4_000.0 * before.1.elapsed().as_secs_f64());
    let figures = [("CPU-µs/move", used.server_s * 1e6 / moved), ("pg µs/move", used.postgres_s * 1e6 / moved)];
    table.put("B4", "muster", &format!("{load}, 4 k moves/s alone"), &figures);

    let seconds = Duration::from_secs(plan.seconds + 2);
    let moving = std::thread::spawn(move || fanout.run(MOVES_PER_S, Duration::ZERO, seconds));
    ask(plan, table, &ground, &mut asking, &format!("{load}, 20 k moves/s"))?;
    moving.join().map_err(|_| anyhow!("the moving thread panicked"))??;
    let listed = Instant::now();
    business.owner.get("/api/v1/workers?limit=50")?;
    table.put("B4", "muster", &format!("{load}, a page of 50"), &[("ms", listed.elapsed().as_secs_f64() * 1e3)]);
    Ok(())
}

fn ask(plan: &Plan, table: &mut Table, ground: &Ground, asking: &mut Asking, load: &str) -> Result<()> {
    let mut clients = Clients::new(ground.addr, CLIENTS)?;
    clients.run(asking, Instant::now() + Duration::from_secs(1), true)?;
    clients.forget();
    let (before, began) = (ground.used(), Instant::now());
    clients.run(asking, began + Duration::from_secs(plan.seconds), true)?;
    let (used, took_s) = (ground.used().since(before), began.elapsed().as_secs_f64());
    let answers = clients.answers.max(1) as f64;
    let figures = [
        ("queries/s", answers / took_s),
        ("CPU-µs/query", used.server_s * 1e6 / answers),
        ("queries/s/core", answers / used.server_s.max(0.01)),
        ("p50 ms", clients.latencies.percentile_ms(0.5)),
        ("p99 ms", clients.latencies.percentile_ms(0.99)),
        ("refused", asking.refused as f64),
    ];
    table.put("B4", "muster", load, &figures);
    Ok(())
}

fn inside(plan: &Plan, table: &mut Table, size: usize) {
    let (mut scene, now) = (Scene::default(), Utc::now());
    let id = |index: usize| WorkerId(Uuid::from_u128(index as u128 + 1));
    // As the journal has it, so that what a worker is told of later has its default here too.
    let worker = |index: usize| -> Worker {
        let card = serde_json::json!({ "id": id(index), "active": true, "skills": business::skills_of(index),
            "home": null, "hours": { "zone": "UTC", "shifts": [] }, "timeOff": {} });
        serde_json::from_value(card).expect("a worker as the journal has him")
    };
    let entry = |index: usize| (id(index), RosterEntry { worker: worker(index), visit_status: None });
    scene.enroll(Arc::new(Roster { workers: (0..size).map(entry).collect() }), now);
    let spot = |index: usize, step: i64| {
        let (lat, lng) = business::place_of(index, SPREAD_DEG);
        let at = now + chrono::TimeDelta::milliseconds(step);
        Point {
            id: Uuid::from_u128(step as u128),
            at,
            sent_at: None,
            received_at: at,
            ahead_ms: 0,
            place: Place { lat: lat + (step % 10) as f64 * 1e-5, lng },
            accuracy_m: Some(8.0),
            speed_mps: None,
            heading_deg: None,
            altitude_m: None,
            battery_pct: None,
            charging: None,
            source: None,
            activity: None,
            mock: false,
        }
    };
    let standing = Standing { heard_at: Some(now), ..Standing::default() };
    let mut step = 0;
    for index in 0..size {
        scene.accept(id(index), Some(spot(index, step)), standing, now);
    }
    let (own, began) = (std::process::id(), Instant::now());
    let mut cpu = machine::cpu_s(own);
    while began.elapsed() < Duration::from_secs(plan.seconds.min(3)) {
        step += 1;
        let index = step as usize * 7 % size;
        scene.accept(id(index), Some(spot(index, step)), standing, now);
    }
    let moves_per_s = step as f64 / (machine::cpu_s(own) - cpu).max(0.01);
    let (began, mut asked, mut found) = (Instant::now(), 0, 0);
    cpu = machine::cpu_s(own);
    while began.elapsed() < Duration::from_secs(plan.seconds.min(3)) {
        asked += 1;
        let (lat, lng) = business::place_of(asked, SPREAD_DEG * 0.8);
        let skills = ["gas".to_owned()].into();
        let wanted = Wanted { from: Place { lat, lng }, limit: 10, skills, at: None };
        found += scene.nearest(&wanted, now).len();
    }
    let figures = [
        ("queries/s/core", asked as f64 / (machine::cpu_s(own) - cpu).max(0.01)),
        ("moves/s/core", moves_per_s),
        ("found each", found as f64 / asked as f64),
    ];
    table.put("B4", "inside", &format!("{} k workers", size / 1_000), &figures);
}

/// The same question as far as Redis knows it: nobody asks for skills or shifts, and nobody moves meanwhile.
fn redis(plan: &Plan, table: &mut Table) -> Result<()> {
    let addr = ground::free_port()?;
    let peer = Peer::start(visible::command("redis", addr, plan), addr)?;
    let mut feed = Vec::new();
    for index in 0..100_000 {
        let (lat, lng) = business::place_of(index, SPREAD_DEG);
        let (lng, lat, name) = (format!("{lng:.6}"), format!("{lat:.6}"), format!("w{index}"));
        crate::frames::redis(&mut feed, &[b"GEOADD", b"g", lng.as_bytes(), lat.as_bytes(), name.as_bytes()]);
    }
    let mut stream = std::net::TcpStream::connect(addr)?;
    let mut reading = stream.try_clone()?;
    let draining = std::thread::spawn(move || {
        let (mut scratch, mut seen) = ([0; 65_536], 0);
        // Each answer is ":1\r\n".
        while seen < 400_000 {
            match std::io::Read::read(&mut reading, &mut scratch) {
                Ok(0) | Err(_) => return,
                Ok(bytes) => seen += bytes,
            }
        }
    });
    std::io::Write::write_all(&mut stream, &feed)?;
    draining.join().ok();
    let search = ["GEOSEARCH", "g", "FROMLONLAT", "9.05", "47.05", "BYRADIUS", "5", "km", "ASC", "COUNT", "10"];
    let add = ["GEOADD", "g", "9.01", "47.02", "w__rand_int__"];
    for (load, words) in [("nearest 10 within 5 km", search.as_slice()), ("position update", add.as_slice())] {
        let cpu = machine::cpu_s(peer.pid());
        let mut command = Command::new("redis-benchmark");
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &addr.port().to_string(),
            "-c",
            "16",
            "-n",
            "50000",
            "-r",
            "100000",
            "--csv",
        ]);
        let output = command.args(words).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().last().context("redis-benchmark said nothing")?;
        let per_s: f64 = line.split(',').nth(1).map(|rate| rate.trim_matches('"')).context("no rate")?.parse()?;
        let used_s = machine::cpu_s(peer.pid()) - cpu;
        let figures = [("queries/s", per_s), ("CPU-µs/query", used_s * 1e6 / 50_000.0)];
        table.put("B4", "redis", &format!("100 k, {load}"), &figures);
    }
    Ok(())
}
