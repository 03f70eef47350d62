//! B8: positions made durable, fsync on, acknowledged only then. Phones report over HTTP with their own tokens, one
//! point or a backlog at a time. Beside it, PostgreSQL alone with rows of the same shape.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::Plan;
use crate::business::{self, Business};
use crate::closed::{Clients, Work};
use crate::frames::{self, Clock};
use crate::ground::Ground;
use crate::http::request;
use crate::table::Table;

const BUSINESSES: usize = 10;
const PHONES_EACH: usize = 40;
/// Points in one report.
const SIZES: [usize; 4] = [1, 20, 100, 500];

struct Phones {
    tokens: Vec<String>,
    size: usize,
    /// Each phone's own time, which only goes forward.
    at_ms: Vec<i64>,
    clock: Clock,
    rows: u64,
    refused: u64,
}

impl Work for Phones {
    fn next(&mut self, client: usize) -> Option<Vec<u8>> {
        let points: Vec<String> = (0..self.size)
            .map(|_| {
                self.at_ms[client] += 100;
                let at_ms = self.at_ms[client];
                let (lat, lng) = (frames::north_of(47.0, at_ms), 9.0 + client as f64 * 1e-3);
                frames::point(&self.clock.text(at_ms), lat, lng)
            })
            .collect();
        let body = business::report(&points);
        Some(request("POST", "/api/v1/positions", Some(&self.tokens[client]), "", &body))
    }

    fn answered(&mut self, _: usize, status: u16, _: &[u8]) {
        if status == 200 { self.rows += self.size as u64 } else { self.refused += 1 }
    }
}

pub fn durable(plan: &Plan, table: &mut Table) -> Result<()> {
    let mut ground = Ground::new(&plan.binary, &plan.scratch, &[])?;
    ground.start()?;
    let mut tokens = Vec::new();
    for index in 0..BUSINESSES {
        let business = Business::found(ground.addr, &format!("t{index}"))?;
        business.seed_workers(&ground, PHONES_EACH, index * PHONES_EACH, true)?;
        tokens.extend((0..PHONES_EACH).map(|n| business::device_token(index * PHONES_EACH + n)));
    }
    ground.count_statements()?;
    ground.stop()?;
    ground.start()?;
    let long_ago = frames::now_ms() - 5 * 24 * 3_600_000;
    let at_ms = vec![long_ago; tokens.len()];
    let mut phones = Phones { tokens, size: 1, at_ms, clock: Clock::default(), rows: 0, refused: 0 };
    for size in SIZES {
        if !plan.wants("muster") {
            break;
        }
        (phones.size, phones.refused) = (size, 0);
        let mut clients = Clients::new(ground.addr, phones.tokens.len())?;
        clients.run(&mut phones, Instant::now() + Duration::from_secs(2), true)?;
        clients.forget();
        (phones.rows, phones.refused) = (0, 0);
        let (before, began) = (ground.used(), Instant::now());
        clients.run(&mut phones, began + Duration::from_secs(plan.seconds), true)?;
        let (used, took_s) = (ground.used().since(before), began.elapsed().as_secs_f64());
        let rows = phones.rows.max(1) as f64;
        let figures = [
            ("rows/s", rows / took_s),
            ("CPU-µs/row", used.server_s * 1e6 / rows),
            ("pg µs/row", used.postgres_s * 1e6 / rows),
            ("rows/s/core", rows / (used.server_s + used.postgres_s).max(0.01)),
            ("p50 ms", clients.latencies.percentile_ms(0.5)),
            ("p99 ms", clients.latencies.percentile_ms(0.99)),
            ("refused", phones.refused as f64),
        ];
        table.put("B8", "muster", &format!("{size} points a report, 400 phones"), &figures);
        ground.tell_statements()?;
    }
    if plan.wants("postgres") { postgres_alone(plan, &ground, table) } else { Ok(()) }
}

/// Rows a second and CPU of the same PostgreSQL, when nobody is in front of it.
fn postgres_alone(plan: &Plan, ground: &Ground, table: &mut Table) -> Result<()> {
    ground
        .sql("CREATE TABLE IF NOT EXISTS load_tracks (LIKE tracks INCLUDING DEFAULTS, PRIMARY KEY (account_id, worker_id, at, point))")?;
    for size in [1, 500] {
        let script = format!(
            "INSERT INTO load_tracks (account_id, worker_id, at, point, received_at, lat, lng, accuracy_m, speed_mps,
                 heading_deg, battery_pct, mock)
             SELECT '00000000-0000-7000-8000-000000000001', gen_random_uuid(), now(), gen_random_uuid(), now(), 47.1,
                 9.1, 8, 11.2, 270, 80, false FROM generate_series(1, {size});"
        );
        let before = ground.used();
        let (per_s, _) = pgbench(ground, plan, &script, 8)?;
        let used_s = ground.used().since(before).postgres_s;
        let rows = per_s * size as f64;
        let figures = [("rows/s", rows), ("pg µs/row", used_s * 1e6 / (rows * plan.seconds as f64).max(1.0))];
        table.put("B8", "postgres", &format!("{size} rows an INSERT, 8 clients"), &figures);
    }
    Ok(())
}

/// Transactions a second, and their mean latency.
pub fn pgbench(ground: &Ground, plan: &Plan, script: &str, clients: usize) -> Result<(f64, f64)> {
    let path = plan.scratch.join("script.sql");
    std::fs::write(&path, script)?;
    let mut command = Command::new("pgbench");
    command.args(["-n", "-M", "prepared", "-j", "1", "-U", "muster_admin", "-c", &clients.to_string()]);
    command.args(["-T", &plan.seconds.to_string(), "-f"]).arg(&path).arg("-h").arg(ground.postgres_socket());
    let output = command.arg("muster").stdin(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("{}", said.lines().next().unwrap_or("pgbench failed"));
    }
    let figure = |name: &str| -> Result<f64> {
        let line = text.lines().find(|line| line.starts_with(name)).with_context(|| format!("no {name}"))?;
        let number = line.split('=').nth(1).and_then(|rest| rest.split_whitespace().next()).context("no number")?;
        Ok(number.parse()?)
    };
    Ok((figure("tps")?, figure("latency average")?))
}
