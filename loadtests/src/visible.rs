//! B1 and B2: from a phone's position to what dispatchers see, beside servers that only pass messages on.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::Plan;
use crate::business::{self, Business};
use crate::fanout::{Fanout, Outcome, Shape, Tongue};
use crate::ground::{self, Ground, Peer};
use crate::table::Table;

/// Visible updates a second that are asked for, one after the other.
const RATES: [f64; 4] = [40_000.0, 100_000.0, 200_000.0, 400_000.0];
/// A rate beyond one that was not kept is not tried.
const KEPT: f64 = 0.85;
const P99_MS: f64 = 50.0;

/// 100 businesses, 2,000 phones, 1,000 dispatchers.
pub fn many_accounts(plan: &Plan, table: &mut Table) -> Result<()> {
    let shape = Shape { channels: 100, senders_each: 20, viewers_each: 10 };
    if plan.wants("muster") {
        let mut ground = Ground::new(&plan.binary, &plan.scratch, SETTINGS)?;
        ground.start()?;
        let all = business::staff_all(ground.addr, shape.channels, shape.senders_each, shape.viewers_each)?;
        // In turn, so that the sender's number says which business he belongs to.
        let senders = (0..shape.senders_each).flat_map(|n| all.iter().map(move |one| one.workers[n].clone()));
        let viewers = all.iter().flat_map(|one| one.office.iter().cloned());
        let tongue = Tongue::Muster { senders: senders.collect(), viewers: viewers.collect() };
        muster("B1", &ground, shape, tongue, plan, table)?;
    }
    peers("B1", shape, plan, table)
}

/// One business, 100 phones, 1,000 dispatchers.
pub fn one_account(plan: &Plan, table: &mut Table) -> Result<()> {
    let shape = Shape { channels: 1, senders_each: 100, viewers_each: 1_000 };
    if plan.wants("muster") {
        let mut ground = Ground::new(&plan.binary, &plan.scratch, SETTINGS)?;
        ground.start()?;
        let one = Business::staff(ground.addr, "big", shape.senders_each, 100)?;
        let viewers = (0..shape.viewers_each).map(|n| one.office[n % one.office.len()].clone()).collect();
        muster("B2", &ground, shape, Tongue::Muster { senders: one.workers, viewers }, plan, table)?;
    }
    peers("B2", shape, plan, table)
}

const SETTINGS: &[(&str, &str)] = &[];

fn muster(bench: &str, ground: &Ground, shape: Shape, tongue: Tongue, plan: &Plan, table: &mut Table) -> Result<()> {
    let mut fanout = Fanout::connect(ground.addr, ground.pid(), shape, tongue)?;
    for rate in RATES {
        let before = ground.used();
        let outcome = step(&mut fanout, rate, shape, plan)?;
        let postgres_s = ground.used().since(before).postgres_s;
        let visible = outcome.visible_per_s * (plan.seconds + WARM_S) as f64;
        put(bench, "muster", &outcome, &[("pg µs/visible", postgres_s * 1e6 / visible.max(1.0))], table);
        if outcome.visible_per_s < KEPT * rate {
            break;
        }
    }
    Ok(())
}

const WARM_S: u64 = 2;

fn step(fanout: &mut Fanout, rate: f64, shape: Shape, plan: &Plan) -> Result<Outcome> {
    let sent = rate / shape.viewers_each as f64;
    fanout.run(sent, Duration::from_secs(WARM_S), Duration::from_secs(plan.seconds))
}

fn put(bench: &str, who: &str, outcome: &Outcome, more: &[(&str, f64)], table: &mut Table) {
    let mut figures = vec![
        ("visible/s", outcome.visible_per_s),
        ("CPU-µs/visible", outcome.cpu_us_per_visible),
        ("p50 ms", outcome.p50_ms),
        ("p99 ms", outcome.p99_ms),
        ("conflated", outcome.conflated),
        ("core", outcome.server_core),
        ("generator", outcome.generator_core),
        ("open", outcome.open as f64),
        ("refused", outcome.refused as f64),
        ("kept p99", f64::from(u8::from(outcome.p99_ms < P99_MS))),
    ];
    figures.extend_from_slice(more);
    table.put(bench, who, &format!("{:.0}k/s asked", outcome.asked_per_s / 1e3), &figures);
}

fn peers(bench: &str, shape: Shape, plan: &Plan, table: &mut Table) -> Result<()> {
    for (name, tongue) in [("redis", Tongue::Redis), ("uws", Tongue::WebSocket), ("ws", Tongue::WebSocket)] {
        if !plan.wants(name) {
            continue;
        }
        let addr = ground::free_port()?;
        let peer = Peer::start(command(name, addr, plan), addr)?;
        let mut fanout = Fanout::connect(peer.addr, peer.pid(), shape, tongue)?;
        for rate in RATES {
            let outcome = step(&mut fanout, rate, shape, plan)?;
            put(bench, name, &outcome, &[], table);
            if outcome.visible_per_s < KEPT * rate {
                break;
            }
        }
    }
    Ok(())
}

pub fn command(name: &str, addr: SocketAddr, plan: &Plan) -> Command {
    let port = addr.port().to_string();
    if name == "redis" {
        let mut command = Command::new("redis-server");
        let limits = ["--save", "", "--appendonly", "no", "--maxclients", "15000"];
        command.args(["--port", &port, "--bind", "127.0.0.1", "--io-threads", "1"]).args(limits);
        return command;
    }
    let mut command = Command::new("node");
    command.arg(plan.peers.join(format!("{name}.js"))).arg(port);
    command
}
